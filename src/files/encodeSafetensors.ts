import { ArgumentError, checkWhole, cut, messageOf, OutOfMemoryError, ShapeError, shown } from "../errors";
import type { Bytes } from "../numbers";
import {
  bytesOf,
  checkFloat64Array,
  copyBits,
  isWellFormed,
  lengthOf,
  MAX_DIMENSIONS,
  MAX_HEADER,
  METADATA,
  SPACE,
  type Tensor,
  WELL_FORMED,
} from "./safetensors";
import { encodeUtf8 } from "./utf8";

/**
 * The bytes of a file that holds `tensors` in their order; the same for the same arguments. The numbers begin at a
 * multiple of 8. Throws ArgumentError, ShapeError, and OutOfMemoryError where the host has no room for so many bytes.
 */
export function encodeSafetensors(tensors: readonly Tensor[], metadata: Readonly<Record<string, string>>): Bytes {
  const text = headerOf(tensors, metadata);
  const room = allocate(3 * text.length);
  const header = room.subarray(0, encodeUtf8(text, room));
  const begin = 8 + 8 * Math.ceil(header.length / 8);
  if (begin - 8 > MAX_HEADER) {
    throw new ArgumentError(
      `encodeSafetensors: names and metadata that take ${begin - 8} bytes were given, at most ${MAX_HEADER} were expected`,
    );
  }
  const bytes = allocate(tensors.reduce((total, { values }) => total + 8 * values.length, begin));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(begin - 8), true);
  bytes.set(header, 8);
  bytes.fill(SPACE, 8 + header.length, begin);
  let at = begin;
  for (const { values } of tensors) {
    copyBits(bytesOf(values), bytes.subarray(at, at + 8 * values.length));
    at += 8 * values.length;
  }
  return bytes;
}

/** Member by member: an object would move names such as "7" to the front. */
function headerOf(tensors: readonly Tensor[], metadata: Readonly<Record<string, string>>): string {
  const where = "encodeSafetensors";
  const members: string[] = [];
  const strings = Object.entries(metadata).map(([key, value]) => {
    checkText(`${where}: a key of the metadata`, key);
    checkText(`${where}: metadata ${cut(key)}`, value);
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  if (strings.length > 0) members.push(`"${METADATA}":{${strings.join(",")}}`);
  const names = new Set([METADATA]);
  let begin = 0;
  tensors.forEach(({ name, shape, values }, i) => {
    checkText(`${where}: name of tensor ${i}`, name);
    if (names.has(name)) {
      throw new ArgumentError(
        `${where}: name of tensor ${i}: ${cut(name)} was given, one that is neither ${METADATA} nor given before was expected`,
      );
    }
    names.add(name);
    checkTensor(`${where}: tensor ${cut(name)}`, shape, values);
    const end = begin + 8 * values.length;
    const place = `"dtype":"F64","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]`;
    members.push(`${JSON.stringify(name)}:{${place}}`);
    begin = end;
  });
  return `{${members.join(",")}}`;
}

/** Text that UTF-8 can hold: half a surrogate pair would be read back as something else, or not at all. */
function checkText(where: string, text: unknown): void {
  if (typeof text !== "string") throw new ArgumentError(`${where}: ${shown(text)} was given, a string was expected`);
  if (!isWellFormed(text)) {
    throw new ArgumentError(`${where}: ${cut(text)} was given, ${WELL_FORMED} was expected`);
  }
}

function checkTensor(where: string, shape: readonly number[], values: Float64Array): void {
  checkFloat64Array(where, values);
  if (!Array.isArray(shape)) throw new ArgumentError(`${where}: shape is ${shown(shape)}, an array was expected`);
  if (shape.length > MAX_DIMENSIONS) {
    throw new ShapeError(`${where}: ${shape.length} dimensions were given, at most ${MAX_DIMENSIONS} were expected`);
  }
  for (let i = 0; i < shape.length; i++) checkWhole(`${where}: shape[${i}]`, shape[i], 0);
  const length = lengthOf(shape);
  if (length !== values.length) {
    const expected = Number.isNaN(length) ? "a shape of at most 2^53 - 1 numbers" : `${length}`;
    throw new ShapeError(
      `${where}: ${values.length} values were given with the shape [${shape.join(", ")}], ${expected} was expected`,
    );
  }
}

function allocate(length: number): Bytes {
  try {
    return new Uint8Array(length);
  } catch (error) {
    throw new OutOfMemoryError(`encodeSafetensors: the host gave less than ${length} bytes: ${messageOf(error)}`);
  }
}
