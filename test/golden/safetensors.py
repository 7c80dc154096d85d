#!/usr/bin/env python3
"""Writes safetensors.safetensors beside this file: a network as Python would write it, by the library `safetensors`.

    python test/golden/safetensors.py                 writes the file
    python test/golden/safetensors.py --check         makes it again and compares
    python test/golden/safetensors.py --print FILE    what that library reads in a file: metadata, tensors, values in hex

Needs safetensors (0.8) and numpy. The library puts the tensors in the order of their names and pads the header itself;
metadata come in an order of its own, another with every run: --check compares what is read, not the bytes.

Whether Python reads what wasmgrad writes, bit for bit: one line differs, that of "format", which wasmgrad does not keep.

    npx tsx -e 'import("./src/index").then(async ({ loadNetwork }) => {
      const { readFileSync, writeFileSync } = require("node:fs");
      const network = await loadNetwork(readFileSync("test/golden/safetensors.safetensors"));
      writeFileSync("/tmp/ours.safetensors", network.toBytes());
    })'
    diff <(python test/golden/safetensors.py --print test/golden/safetensors.safetensors) \\
         <(python test/golden/safetensors.py --print /tmp/ours.safetensors)
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# this file has the library's name
sys.path = [folder for folder in sys.path if Path(folder).resolve() != HERE]

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load, save

FILE = HERE / "safetensors.safetensors"

# Eleven layers, so that in the order of their names number 10 comes before number 2.
LAYERS = [
    {"kind": "dense", "units": 4, "activation": "gelu", "initializer": "heNormal", "l1": 0, "l2": 0.25, "trainable": False},
    {"kind": "dropout", "rate": 0.25, "trainable": True},
    {"kind": "batchNorm", "momentum": 0.5, "epsilon": 1e-05, "trainable": True},
    *({"kind": "dropout", "rate": 0, "trainable": True} for _ in range(7)),
    {"kind": "dense", "units": 2, "activation": "softmax", "initializer": "zeros", "l1": 1e-300, "l2": 0, "trainable": True},
]
SHAPES = {
    "layers.0.weights": [3, 4],
    "layers.0.bias": [4],
    "layers.2.gamma": [4],
    "layers.2.beta": [4],
    "layers.2.runningMean": [4],
    "layers.2.runningVariance": [4],
    "layers.10.weights": [4, 2],
    "layers.10.bias": [2],
}
# -0, the smallest number above 0, a NaN with a payload, minus infinity
SPECIAL = [0x8000000000000000, 1, 0x7FF8DEAD0000BEEF, 0xFFF0000000000000]


def tensors():
    """Element e of tensor t is ((37 e + 11 t) mod 64) / 16 - 2; the first bias has the special ones."""
    made = {}
    for t, (name, shape) in enumerate(SHAPES.items()):
        values = ((37 * np.arange(np.prod(shape)) + 11 * t) % 64) / 16 - 2
        if name == "layers.0.bias":
            values = np.array(SPECIAL, dtype=np.uint64).view(np.float64)
        made[name] = values.reshape(shape)
    return made


def metadata():
    """With Python's own ways of JSON: a space after each mark, escapes for all that is not ASCII."""
    return {
        "format": "np",
        "wasmgrad": json.dumps({"layers": LAYERS, "step": 9, "seed": 7, "inputs": 3, "version": 1}),
        "metadata": json.dumps({"written by": "Python", "ключ": ["é", "😀", None, True, 2.5, 1e-07]}, indent=1),
    }


def read(path):
    """Everything in a file, as lines that can be compared."""
    lines = []
    with safe_open(path, framework="np") as file:
        for key, text in sorted(file.metadata().items()):
            value = json.dumps(json.loads(text), sort_keys=True) if key in ("wasmgrad", "metadata") else text
            lines.append(f"{key}: {value}")
    for name, values in sorted(load(Path(path).read_bytes()).items()):
        words = values.reshape(-1).view(np.uint64)
        lines.append(f"{name}: {values.dtype} {list(values.shape)} {' '.join(f'{word:016x}' for word in words)}")
    return lines


def main(arguments):
    if arguments[:1] == ["--print"] and len(arguments) == 2:
        print("\n".join(read(arguments[1])))
        return 0
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    path = FILE if arguments == [] else Path("/tmp/safetensors.check.safetensors")
    path.write_bytes(save(tensors(), metadata()))
    same = read(path) == read(FILE)
    print(f"{FILE.name}: {'as it should be' if same else 'not what would be made now'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
