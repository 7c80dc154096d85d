import type { Backend } from "./backend/backend";
import { ArgumentError, ShapeError, shown } from "./errors";
import { copyRow, type Flat, flatten, isFlat, type Numbers, throwNotFinite } from "./numbers";

/** Targets of the outputs' shape (one-hot rows for classes), or one class index a sample. */
export type Targets = Numbers | Int32Array;

/** Targets, looked at once: rows of numbers, or class indices. */
export interface TargetRows {
  readonly values: Flat;
  readonly indices: boolean;
}

/**
 * Which of the two kinds `targets` are, for `samples` rows of `units`. Class indices are an Int32Array, a Uint8Array or a
 * number[] of length samples, where `indices` allows them and there is more than one unit.
 * Throws ShapeError with both numbers where neither fits.
 */
export function readTargets(
  where: string,
  targets: unknown,
  samples: number,
  units: number,
  backend: Backend,
  indices: boolean,
): TargetRows {
  const flat = isFlat(targets);
  if (flat && targets.length === samples && units > 1) {
    const integers = targets instanceof Int32Array || targets instanceof Uint8Array || Array.isArray(targets);
    if (indices && integers) return { values: targets, indices: true };
  }
  const wrong = flat && targets.length !== samples * units;
  const values = wrong ? targets : flatten(where, targets, units, backend);
  if (values.length !== samples * units) {
    const or = indices && units > 1 ? `, or ${samples} class indices in an Int32Array, Uint8Array or number[],` : "";
    throw new ShapeError(
      `${where}: ${values.length} values were given, ${samples} samples x ${units} units = ${samples * units}${or} were expected`,
    );
  }
  return { values, indices: false };
}

/** Writes row `row` of the targets as `units` numbers at row `at` of `to`. Throws an ArgumentError on a bad index or number. */
export function writeTargetRow(
  where: string,
  { values, indices }: TargetRows,
  row: number,
  units: number,
  to: Float64Array,
  at: number,
  finite = true,
): void {
  if (!indices) {
    const bad = copyRow(values, row, units, to, at * units);
    if (finite && bad >= 0) throwNotFinite(where, values[row * units + bad], row * units + bad, units);
    return;
  }
  const index = values[row] as number;
  if (!(Number.isInteger(index) && index >= 0 && index < units)) {
    throw new ArgumentError(
      `${where}: the class of row ${row} is ${shown(index)}, a whole number from 0 to ${units - 1} was expected`,
    );
  }
  to.fill(0, at * units, (at + 1) * units);
  to[at * units + index] = 1;
}

/** Writes all targets, samples x units. */
export function writeTargets(
  where: string,
  targets: unknown,
  samples: number,
  units: number,
  backend: Backend,
  to: Float64Array,
  { indices, finite }: { indices: boolean; finite: boolean },
): void {
  const rows = readTargets(where, targets, samples, units, backend, indices);
  for (let i = 0; i < samples; i++) writeTargetRow(where, rows, i, units, to, i, finite);
}
