import type { Backend } from "./backend/backend";
import { Matrix } from "./backend/matrix";
import { ArgumentError, ShapeError, shown } from "./errors";

/** What can be handed in as a matrix: flat, row after row, or nested, or already in linear memory. */
export type Numbers =
  | Float64Array
  | Float32Array
  | Uint8Array
  | readonly number[]
  | readonly (readonly number[])[]
  | Matrix;

/** A Uint8Array over memory of its own, as compilers from TypeScript 5.7 on tell it from one over shared memory. */
export type Bytes = ReturnType<Uint8Array["slice"]>;

/** Rows of numbers that lie one after the other. */
export type Flat = Float64Array | Float32Array | Uint8Array | Int32Array | readonly number[];

/** Rows to take from: flat, or already in linear memory. */
export type Source = Flat | Matrix;

function isRow(value: unknown): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

/** Whether `numbers` is one of the kinds above, and no array of rows. */
export function isFlat(numbers: unknown): numbers is Flat {
  return (
    numbers instanceof Float64Array ||
    numbers instanceof Float32Array ||
    numbers instanceof Uint8Array ||
    numbers instanceof Int32Array ||
    (Array.isArray(numbers) && !numbers.some(isRow))
  );
}

/**
 * Numbers as rows of `columns`, without a copy unless they are nested.
 * Throws ShapeError where they do not make whole rows, ArgumentError where they are something else.
 */
export function flatten(where: string, numbers: unknown, columns: number, backend?: Backend): Flat {
  if (numbers instanceof Matrix) {
    if (backend !== undefined) checkBackend(where, numbers, backend);
    if (numbers.cols !== columns) {
      throw new ShapeError(
        `${where}: a ${numbers.rows}x${numbers.cols} matrix was given, ${columns} columns were expected`,
      );
    }
    return numbers.values;
  }
  if (isFlat(numbers)) {
    if (columns === 0 ? numbers.length > 0 : numbers.length % columns !== 0) {
      const expected = columns === 0 ? "0 (no columns)" : `a multiple of ${columns} (columns)`;
      throw new ShapeError(`${where}: ${numbers.length} numbers were given, ${expected} was expected`);
    }
    if (Array.isArray(numbers)) checkElements(where, numbers, columns);
    return numbers;
  }
  if (Array.isArray(numbers)) return flattenRows(where, numbers, columns);
  throw new ArgumentError(
    `${where}: ${shown(numbers)} was given, a Float64Array, Float32Array, Uint8Array, number[], number[][] or Matrix was expected`,
  );
}

/** Numbers as rows of `columns`: a Matrix stays one, for its rows can be used where they lie. */
export function readRows(where: string, numbers: unknown, columns: number, backend: Backend): Source {
  const flat = flatten(where, numbers, columns, backend);
  return numbers instanceof Matrix ? numbers : flat;
}

/** How many rows of `columns` there are. */
export function countRows(source: Source, columns: number): number {
  return source instanceof Matrix ? source.rows : source.length / columns;
}

/** Only an array can hold something else than numbers, holes among it. */
function checkElements(where: string, values: readonly unknown[], columns: number): void {
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] !== "number") throwNoNumber(where, values[i], i, columns, "a number");
  }
}

function flattenRows(where: string, rows: readonly unknown[], columns: number): Float64Array {
  const flat = new Float64Array(rows.length * columns);
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r];
    if (!Array.isArray(row)) {
      throw new ShapeError(`${where}: row ${r} is ${shown(row)}, a row of ${columns} numbers was expected`);
    }
    if (row.length !== columns) {
      throw new ShapeError(`${where}: row ${r} has ${row.length} values, ${columns} were expected`);
    }
    for (let c = 0; c < columns; c++) {
      if (Array.isArray(row[c])) {
        throw new ShapeError(`${where}: row ${r}, column ${c} is ${shown(row[c])}, a number was expected`);
      }
      if (typeof row[c] !== "number") throwNoNumber(where, row[c], r * columns + c, columns, "a number");
      flat[r * columns + c] = row[c];
    }
  }
  return flat;
}

export function checkBackend(where: string, matrix: Matrix, backend: Backend): void {
  matrix.checkAlive(where);
  if (matrix.backend !== backend) {
    throw new ArgumentError(
      `${where}: a matrix of another backend (${matrix.backend.variant}) was given, one of this backend (${backend.variant}) was expected`,
    );
  }
}

/** Throws an ArgumentError that names the row and column of the value at `index`. */
function throwNoNumber(where: string, value: unknown, index: number, columns: number, expected: string): never {
  const row = Math.floor(index / columns);
  const column = index - row * columns;
  throw new ArgumentError(`${where}: row ${row}, column ${column} is ${shown(value)}, ${expected} was expected`);
}

/** The same for a number that is NaN or infinite, element `index` of the rows that were taken from `start` on. */
export function throwNotFinite(
  where: string,
  value: unknown,
  order: Order,
  start: number,
  index: number,
  columns: number,
): never {
  const i = Math.floor(index / columns);
  const shift = (rowAt(order, start, i) - i) * columns;
  return throwNoNumber(where, value, index + shift, columns, "a finite number");
}

/** The rows in the order in which they are taken; undefined for the one in which they lie. */
export type Order = Uint32Array | undefined;

/** The `i`-th row that is taken, from place `start` of the order on. */
export function rowAt(order: Order, start: number, i: number): number {
  return order === undefined ? start + i : (order[start + i] as number);
}

/** Numbers from which on a row is long: 2 KiB of float64. */
const LONG_ROW = 256;
/** Numbers that are taken of it in one go. */
const STRIP = 32;

/** Copies the `count` rows of `width` that are next from place `start` of the order on to the beginning of `target`. */
export function copyRows(
  source: Flat,
  order: Order,
  start: number,
  count: number,
  width: number,
  target: Float64Array,
): void {
  if (order === undefined) {
    copy(source, start * width, count * width, target, 0);
    return;
  }
  if (width < LONG_ROW) {
    for (let i = 0; i < count; i++) copy(source, rowAt(order, start, i) * width, width, target, i * width);
    return;
  }
  // long rows of a shuffled order come from afar: strips of six in turn let the processor wait for all of them at once
  for (let i = 0; i < count; i += 6) {
    const end = Math.min(i + 6, count);
    for (let c = 0; c < width; c += STRIP) {
      const length = Math.min(STRIP, width - c);
      for (let r = i; r < end; r++) copy(source, rowAt(order, start, r) * width + c, length, target, r * width + c);
    }
  }
}

/** The beginning of `target` <- source[from ...], `length` numbers: the host's own copy, which wants an object. */
export function copyWhole(source: Flat, from: number, length: number, target: Float64Array): void {
  if ("subarray" in source) target.set(source.subarray(from, from + length));
  else copy(source, from, length, target, 0);
}

/** target[to ...] <- source[from ...], `length` numbers; `set` would want a `subarray`, which is an object a row. */
export function copy(source: Flat, from: number, length: number, target: Float64Array, to: number): void {
  // a loop for each kind of array: V8 makes fast code, which allocates nothing, of one that has seen a single kind
  if (source instanceof Float64Array) {
    let i = 0;
    // eight a turn: on Node 20 the loop itself costs as much as what it copies
    for (; i + 8 <= length; i += 8) {
      const f = from + i;
      const t = to + i;
      target[t] = source[f] as number;
      target[t + 1] = source[f + 1] as number;
      target[t + 2] = source[f + 2] as number;
      target[t + 3] = source[f + 3] as number;
      target[t + 4] = source[f + 4] as number;
      target[t + 5] = source[f + 5] as number;
      target[t + 6] = source[f + 6] as number;
      target[t + 7] = source[f + 7] as number;
    }
    for (; i < length; i++) target[to + i] = source[from + i] as number;
  } else if (source instanceof Float32Array) {
    for (let i = 0; i < length; i++) target[to + i] = source[from + i] as number;
  } else if (source instanceof Uint8Array) {
    for (let i = 0; i < length; i++) target[to + i] = source[from + i] as number;
  } else {
    for (let i = 0; i < length; i++) target[to + i] = source[from + i] as number;
  }
}
