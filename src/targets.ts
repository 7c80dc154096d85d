import type { Backend } from "./backend/backend";
import { ArgumentError, ShapeError, shown } from "./errors";
import { copyRows, type Flat, flatten, isFlat, type Numbers, type Order, rowAt } from "./numbers";

/** Targets of the outputs' shape (one-hot rows for classes), or one class index a sample. */
export type Targets = Numbers | Int32Array;

/**
 * Targets as flat numbers, for `samples` rows of `units`: that many, or where `indices` allows them and there is more than one
 * unit a class index a sample, in an Int32Array, a Uint8Array or a number[]. Throws ShapeError with both numbers where neither
 * fits.
 */
export function readTargets(
  where: string,
  targets: unknown,
  samples: number,
  units: number,
  backend: Backend,
  indices: boolean,
): Flat {
  const flat = isFlat(targets);
  if (flat && areIndices(targets, samples, units)) {
    const integers = targets instanceof Int32Array || targets instanceof Uint8Array || Array.isArray(targets);
    if (indices && integers) return targets;
  }
  const wrong = flat && targets.length !== samples * units;
  const values = wrong ? targets : flatten(where, targets, units, backend);
  if (values.length !== samples * units) {
    const or = indices && units > 1 ? `, or ${samples} class indices in an Int32Array, Uint8Array or number[],` : "";
    throw new ShapeError(
      `${where}: ${values.length} values were given, ${samples} samples x ${units} units = ${samples * units}${or} were expected`,
    );
  }
  return values;
}

/** Whether what was read are class indices: one number a sample, of more than one unit. */
export function areIndices(values: Flat, samples: number, units: number): boolean {
  return units > 1 && values.length === samples;
}

/**
 * One-hot rows of the `count` class indices that are next from place `start` of the order on -> the beginning of `to`.
 * Throws an ArgumentError where one is no class.
 */
export function writeOneHot(
  where: string,
  classes: Flat,
  order: Order,
  start: number,
  count: number,
  units: number,
  to: Float64Array,
): void {
  to.fill(0, 0, count * units);
  for (let i = 0; i < count; i++) to[i * units + indexAt(where, classes, rowAt(order, start, i), units)] = 1;
}

/** The class index of a row. Throws an ArgumentError where it is no class. */
export function indexAt(where: string, classes: Flat, row: number, units: number): number {
  const index = classes[row] as number;
  // a whole number is what its 32 bits say
  if (index >>> 0 === index && index < units) return index;
  throw new ArgumentError(
    `${where}: the class of row ${row} is ${shown(index)}, a whole number from 0 to ${units - 1} was expected`,
  );
}

/** Writes all targets, samples x units; they may be NaN or infinite. */
export function writeTargets(
  where: string,
  targets: unknown,
  samples: number,
  units: number,
  backend: Backend,
  to: Float64Array,
  { indices }: { indices: boolean },
): void {
  const values = readTargets(where, targets, samples, units, backend, indices);
  if (areIndices(values, samples, units)) writeOneHot(where, values, undefined, 0, samples, units, to);
  else copyRows(values, undefined, 0, samples, units, to);
}
