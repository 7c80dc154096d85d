import { ArgumentError, checkWhole, messageOf, OutOfMemoryError, ShapeError, shown } from "../errors";
import { cut, decodeUtf8, fail, isArray, isObject, type Json, parseJson, shownByte, shownJson } from "./json";

/**
 * The safetensors format (github.com/huggingface/safetensors), of float64 alone:
 *
 *   byte 0       8           8 + N                           the end
 *        | N u64 | JSON, N   | tensor | tensor |  ...  | tensor |
 *
 * All little-endian. The JSON maps each name to {"dtype", "shape", "data_offsets": [begin, end]}, offsets in bytes from
 * 8 + N on, and "__metadata__" to an object of strings. Spaces may follow it. The tensors leave no gap.
 */

/** Numbers under a name, rows of the last dimension one after the other. */
export interface Tensor {
  readonly name: string;
  /** [] for one number; 8 dimensions at most. */
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** A tensor that still lies in the bytes of a file. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The product of the shape. */
  readonly length: number;
  /** Copies the numbers, bit for bit, out of the bytes that were decoded. Throws ArgumentError, ShapeError. */
  copyTo(target: Float64Array): void;
}

export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  /** By name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const METADATA = "__metadata__";
const KEYS = ["dtype", "shape", "data_offsets"];
/** Bytes of the header; the limit of the format's own reader. */
const MAX_HEADER = 100_000_000;
const MAX_DIMENSIONS = 8;
const WELL_FORMED = "text without half surrogate pairs";
const SPACE = 0x20;
/** Whether this machine keeps the low byte first, as the file does. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * The bytes of a file that holds `tensors` in their order; the same for the same arguments. The numbers begin at a
 * multiple of 8. Throws ArgumentError, ShapeError, and OutOfMemoryError where the host has no room for so many bytes.
 */
export function encodeSafetensors(
  tensors: readonly Tensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(headerOf(tensors, metadata));
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

function checkFloat64Array(where: string, values: unknown): void {
  if (values instanceof Float64Array) return;
  throw new ArgumentError(`${where}: ${shown(values)} was given, a Float64Array was expected`);
}

function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (error) {
    throw new OutOfMemoryError(`encodeSafetensors: the host gave less than ${length} bytes: ${messageOf(error)}`);
  }
}

/**
 * What a file holds, everything about it checked. Nothing is copied: the tensors refer to `bytes`, which are to stay as
 * they are until the last `copyTo`. No memory is taken on the word of a header.
 * Throws a FormatError that names the place, ArgumentError where `bytes` is no Uint8Array.
 */
export function decodeSafetensors(where: string, bytes: Uint8Array): SafetensorsFile {
  const given: unknown = bytes;
  if (!(given instanceof Uint8Array)) {
    const found = typeof given === "string" ? cut(given) : shown(given);
    throw new ArgumentError(`${where}: ${found} was given, a Uint8Array was expected`);
  }
  const length = headerLength(where, bytes);
  const header = parseHeader(`${where}: header`, bytes.subarray(8, 8 + length));
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, Stored>();
  for (const [name, entry] of header) {
    if (name !== METADATA) tensors.set(name, decodeTensor(`${where}: tensor ${cut(name)}`, name, entry, data));
  }
  checkCover(where, [...tensors.values()], data.length);
  return { metadata: decodeMetadata(`${where}: ${METADATA}`, header.get(METADATA)), tensors };
}

function headerLength(where: string, bytes: Uint8Array): number {
  if (bytes.length < 8) fail(where, `a length of ${bytes.length} bytes`, "one of at least 8");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const found = `a length of ${length} bytes`;
  if (length > MAX_HEADER) fail(`${where}: header`, found, `one of at most ${MAX_HEADER}`);
  if (length > bytes.length - 8) fail(`${where}: header`, found, `one of at most the ${bytes.length - 8} that follow`);
  return Number(length);
}

function parseHeader(where: string, bytes: Uint8Array): ReadonlyMap<string, Json> {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === SPACE) end--;
  checkByte(where, bytes, 0, "{");
  checkByte(where, bytes, Math.max(0, end - 1), "}");
  const header = parseJson(where, decodeUtf8(where, bytes.subarray(0, end)));
  return isObject(header) ? header : fail(where, shownJson(header), "an object");
}

function checkByte(where: string, bytes: Uint8Array, at: number, expected: "{" | "}"): void {
  const found = bytes[at];
  if (found === expected.charCodeAt(0)) return;
  fail(`${where}: at byte ${at}`, shownByte(found), `"${expected}"`);
}

function decodeMetadata(where: string, entry: Json | undefined): Map<string, string> {
  const metadata = new Map<string, string>();
  if (entry === undefined) return metadata;
  if (!isObject(entry)) fail(where, shownJson(entry), "an object");
  for (const [key, value] of entry) {
    if (typeof value !== "string") fail(`${where}: ${cut(key)}`, shownJson(value), "a string");
    if (!isWellFormed(key)) fail(`${where}: ${cut(key)}`, "this key", WELL_FORMED);
    if (!isWellFormed(value)) fail(`${where}: ${cut(key)}`, cut(value), WELL_FORMED);
    metadata.set(key, value);
  }
  return metadata;
}

function decodeTensor(where: string, name: string, entry: Json, data: Uint8Array): Stored {
  if (!isWellFormed(name)) fail(where, "this name", WELL_FORMED);
  if (!isObject(entry)) fail(where, shownJson(entry), "an object");
  for (const key of KEYS) if (!entry.has(key)) fail(where, `no ${key}`, "one");
  for (const key of entry.keys()) {
    if (!KEYS.includes(key)) fail(where, `the key ${cut(key)}`, `none but ${KEYS.join(", ")}`);
  }
  const dtype = entry.get("dtype");
  if (dtype !== "F64") fail(`${where}: dtype`, shownJson(dtype), `"F64"`);
  const shape = decodeWholes(`${where}: shape`, entry.get("shape"), 0, MAX_DIMENSIONS);
  const length = lengthOf(shape);
  const sizes = `[${shape.join(", ")}]`;
  if (Number.isNaN(length)) fail(`${where}: shape`, sizes, "a product of at most 2^53 - 1");
  const [begin = 0, end = 0] = decodeWholes(`${where}: data_offsets`, entry.get("data_offsets"), 2, 2);
  const offsets = `[${begin}, ${end}]`;
  if (begin > end) fail(`${where}: data_offsets`, offsets, "begin <= end");
  if (end > data.length) fail(`${where}: data_offsets`, offsets, `an end of at most ${data.length}, that of the data,`);
  if (end - begin !== 8 * length) {
    fail(`${where}: data_offsets`, `${offsets}, ${end - begin} bytes,`, `8 x ${length} bytes for the shape ${sizes}`);
  }
  return new Stored(where, name, shape, length, begin, data);
}

function decodeWholes(where: string, list: Json | undefined, least: number, most: number): number[] {
  if (!isArray(list)) return fail(where, shownJson(list), "an array");
  if (list.length < least || list.length > most) {
    fail(where, `an array of ${list.length}`, `one of ${least === most ? most : `${least} to ${most}`}`);
  }
  return list.map((entry, i) => {
    if (typeof entry === "number" && Number.isSafeInteger(entry) && entry >= 0 && !Object.is(entry, -0)) return entry;
    return fail(`${where}[${i}]`, shownJson(entry), `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`);
  });
}

/** Throws unless the tensors, put in order, lie one after the other from the first byte of the data to the last. */
function checkCover(where: string, tensors: Stored[], length: number): void {
  // an empty tensor comes before the one that begins where it does
  tensors.sort((a, b) => a.begin - b.begin || a.length - b.length);
  let end = 0;
  for (const { name, begin, length } of tensors) {
    const expected = `one at byte ${end}, where the data before it end,`;
    if (begin < end) fail(`${where}: tensor ${cut(name)}`, `an overlap, a beginning at byte ${begin},`, expected);
    if (begin > end) fail(`${where}: tensor ${cut(name)}`, `a gap, a beginning at byte ${begin},`, expected);
    end = begin + 8 * length;
  }
  if (end !== length) fail(where, `data of ${length} bytes`, `an end at byte ${end}, that of the last tensor,`);
}

class Stored implements StoredTensor {
  readonly #data: Uint8Array;

  constructor(
    readonly where: string,
    readonly name: string,
    readonly shape: readonly number[],
    readonly length: number,
    /** The first byte in `data`. */
    readonly begin: number,
    data: Uint8Array,
  ) {
    this.#data = data;
  }

  copyTo(target: Float64Array): void {
    checkFloat64Array(this.where, target);
    if (target.length !== this.length) {
      throw new ShapeError(`${this.where}: room for ${target.length} numbers was given, ${this.length} was expected`);
    }
    copyBits(this.#data.subarray(this.begin, this.begin + 8 * this.length), bytesOf(target));
  }
}

/** The product of a shape, NaN where it, or that of the sizes other than 0, is more than 2^53 - 1: none wraps around. */
function lengthOf(shape: readonly number[]): number {
  // rounding cannot hide it: what is more than 2^53 - 1 is rounded to 2^53 at least
  const product = shape.reduce((product, size) => product * (size || 1), 1);
  if (product > Number.MAX_SAFE_INTEGER) return NaN;
  return shape.includes(0) ? 0 : product;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function bytesOf(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Copies float64 numbers between memory and file. As bytes: an engine may change a NaN that it moves as a number. */
function copyBits(from: Uint8Array, to: Uint8Array): void {
  to.set(from);
  if (LITTLE_ENDIAN) return;
  for (let at = 0; at < to.length; at += 8) to.subarray(at, at + 8).reverse();
}
