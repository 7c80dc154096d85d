"""What the generators of golden values share: a file that is written, or with --check compared."""

import sys


def main(file, generated, arguments):
    """generated: what is told of it, and the file's text."""
    told, text = generated
    if arguments[:1] == ["--check"]:
        if file.read_text() != text:
            sys.exit(f"{file}: differs from what is generated now")
        print(f"{file.name}: the same again")
        return
    file.write_text(text)
    print(f"{told}; {file.name} {len(text)} bytes")
