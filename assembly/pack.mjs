import lzma from "lzma";

/** A file in the .lzma format, as small as can be: what src/backend/unpack.ts unpacks. */
export function pack(bytes) {
  return Uint8Array.from(lzma.compress(bytes, 9));
}
