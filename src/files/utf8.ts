import { FormatError } from "../errors";

/** Characters that are put together at a time: a call takes no more arguments than the stack has room for. */
const PIECE = 4096;

/**
 * Writes the UTF-8 of text without half surrogate pairs to `bytes`, which has room for 3 bytes a character; returns how many they
 * are. Our own, for not every engine has TextEncoder.
 */
export function encodeUtf8(text: string, bytes: Uint8Array): number {
  let at = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    const following = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    const lead = following === 0 ? 0 : 0xff00 >> (following + 1);
    bytes[at++] = lead | (code >> (6 * following));
    for (let i = following - 1; i >= 0; i--) bytes[at++] = 0x80 | ((code >> (6 * i)) & 0x3f);
  }
  return at;
}

/**
 * The text of UTF-8 (Unicode, table 3-7), a byte order mark taken as a character (RFC 8259, 8.1, has none).
 * Throws a FormatError that names the byte from which on it is none.
 */
export function decodeUtf8(where: string, bytes: Uint8Array): string {
  let text = "";
  const codes: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    let code = bytes[at] as number;
    if (code >= 0x80) {
      if (code < 0xc2 || code > 0xf4) fail(where, bytes, at);
      const following = code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;
      // no character in more bytes than it takes, no half surrogate pair, none beyond the last
      let least = code === 0xe0 ? 0xa0 : code === 0xf0 ? 0x90 : 0x80;
      let most = code === 0xed ? 0x9f : code === 0xf4 ? 0x8f : 0xbf;
      code &= 0x3f >> following;
      for (let i = 0; i < following; i++) {
        const byte = bytes[++at];
        if (byte === undefined || byte < least || byte > most) fail(where, bytes, at);
        code = (code << 6) | (byte & 0x3f);
        [least, most] = [0x80, 0xbf];
      }
    }
    if (codes.push(code) === PIECE) text += String.fromCodePoint(...codes.splice(0));
  }
  return text + String.fromCodePoint(...codes);
}

function fail(where: string, bytes: Uint8Array, at: number): never {
  throw new FormatError(`${where}: at byte ${at}: ${shownByte(bytes[at])} was found, UTF-8 was expected`);
}

export function shownByte(byte: number | undefined): string {
  if (byte === undefined) return "the end";
  const printable = byte > 0x20 && byte < 0x7f;
  return printable ? JSON.stringify(String.fromCharCode(byte)) : `0x${byte.toString(16).padStart(2, "0")}`;
}
