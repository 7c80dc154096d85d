import { ArgumentError, cut, ShapeError, shown } from "../errors";
import { fail, isArray, isObject, type Json, parseJson, shownJson } from "./json";
import {
  bytesOf,
  checkFloat64Array,
  copyBits,
  isWellFormed,
  lengthOf,
  MAX_DIMENSIONS,
  MAX_HEADER,
  METADATA,
  type SafetensorsFile,
  SPACE,
  type StoredTensor,
  WELL_FORMED,
} from "./safetensors";
import { decodeUtf8, shownByte } from "./utf8";

const KEYS = ["dtype", "shape", "data_offsets"];

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
