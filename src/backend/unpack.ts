import unpacker from "../../build/unpack.base64";
import { decodeBase64 } from "./base64";

/** What assembly/unpack.ts exports. */
interface Unpacker {
  readonly memory: WebAssembly.Memory;
  fileStart(): number;
  unpack(file: number, out: number): void;
}

const PAGE = 65536;

/** The bytes that a .lzma file holds: a binary. They are a view of memory that nobody else has. */
export function unpack(file: Uint8Array): Uint8Array {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(decodeBase64(unpacker)), {});
  const { memory, fileStart, unpack } = exports as Unpacker;
  const size = new DataView(file.buffer, file.byteOffset).getUint32(5, true);
  const start = fileStart();
  const out = start + file.length;
  memory.grow(Math.ceil((out + size) / PAGE));
  new Uint8Array(memory.buffer).set(file, start);
  unpack(start, out);
  return new Uint8Array(memory.buffer, out, size);
}
