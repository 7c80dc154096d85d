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

/** Whether `numbers` is one of the kinds above, nested rows aside. */
export function isFlat(numbers: unknown): numbers is Flat {
  return (
    numbers instanceof Float64Array ||
    numbers instanceof Float32Array ||
    numbers instanceof Uint8Array ||
    numbers instanceof Int32Array ||
    (Array.isArray(numbers) && !numbers.some(Array.isArray))
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
    if (numbers.length % columns !== 0) {
      throw new ShapeError(
        `${where}: ${numbers.length} numbers were given, a multiple of ${columns} (columns) was expected`,
      );
    }
    return numbers;
  }
  if (Array.isArray(numbers)) return flattenRows(where, numbers, columns);
  throw new ArgumentError(
    `${where}: ${shown(numbers)} was given, a Float64Array, Float32Array, Uint8Array, number[], number[][] or Matrix was expected`,
  );
}

function flattenRows(where: string, rows: readonly unknown[], columns: number): Float64Array {
  const flat = new Float64Array(rows.length * columns);
  rows.forEach((row, r) => {
    if (!Array.isArray(row)) {
      throw new ShapeError(
        `${where}: row ${r} is ${shown(row)}, a row of ${columns} numbers was expected as in the others`,
      );
    }
    if (row.length !== columns) {
      throw new ShapeError(`${where}: row ${r} has ${row.length} values, ${columns} were expected`);
    }
    row.forEach((value, c) => {
      if (typeof value !== "number") {
        throw new ShapeError(`${where}: row ${r}, column ${c} is ${shown(value)}, a number was expected`);
      }
      flat[r * columns + c] = value;
    });
  });
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

/** Throws an ArgumentError that names the row and column of the number at `index`. */
export function throwNotFinite(where: string, value: unknown, index: number, columns: number): never {
  const row = Math.floor(index / columns);
  throw new ArgumentError(
    `${where}: row ${row}, column ${index - row * columns} is ${shown(value)}, a finite number was expected`,
  );
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
