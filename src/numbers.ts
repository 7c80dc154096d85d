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

/** Rows of numbers that lie one after the other. */
export type Flat = Float64Array | Float32Array | Uint8Array | Int32Array | readonly number[];

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

/** The same for a number that is NaN or infinite. */
export function throwNotFinite(where: string, value: unknown, index: number, columns: number): never {
  return throwNoNumber(where, value, index, columns, "a finite number");
}

/**
 * Copies row `row` of `source` (rows of `width`) to `target` from `at` on. Returns -1, or the column of the first
 * value that is not finite.
 */
export function copyRow(source: Flat, row: number, width: number, target: Float64Array, at: number): number {
  const from = row * width;
  let bad = -1;
  for (let c = 0; c < width; c++) {
    const value = source[from + c] as number;
    if (!(value - value === 0) && bad < 0) bad = c;
    target[at + c] = value;
  }
  return bad;
}
