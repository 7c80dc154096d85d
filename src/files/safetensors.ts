import { ArgumentError, shown } from "../errors";

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

/** The name that no tensor has: that of the metadata. */
export const METADATA = "__metadata__";
/** Bytes of the header; the limit of the format's own reader. */
export const MAX_HEADER = 100_000_000;
export const MAX_DIMENSIONS = 8;
export const WELL_FORMED = "text without half surrogate pairs";
export const SPACE = 0x20;
/** Whether this machine keeps the low byte first, as the file does. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export function checkFloat64Array(where: string, values: unknown): void {
  if (values instanceof Float64Array) return;
  throw new ArgumentError(`${where}: ${shown(values)} was given, a Float64Array was expected`);
}

/** The product of a shape, NaN where it, or that of the sizes other than 0, is more than 2^53 - 1: none wraps around. */
export function lengthOf(shape: readonly number[]): number {
  // rounding cannot hide it: what is more than 2^53 - 1 is rounded to 2^53 at least
  const product = shape.reduce((product, size) => product * (size || 1), 1);
  if (product > Number.MAX_SAFE_INTEGER) return NaN;
  return shape.includes(0) ? 0 : product;
}

export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

export function bytesOf(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Copies float64 numbers between memory and file. As bytes: an engine may change a NaN that it moves as a number. */
export function copyBits(from: Uint8Array, to: Uint8Array): void {
  to.set(from);
  if (LITTLE_ENDIAN) return;
  for (let at = 0; at < to.length; at += 8) to.subarray(at, at + 8).reverse();
}
