import type { Core } from "../core";
import type { Dataset } from "../dataset";
import { ArgumentError, ShapeError, shown } from "../errors";
import type { LossLike } from "../losses";
import { classAt } from "../metrics/counts";
import { tellClasses } from "../metrics/metrics";
import { copyRows } from "../numbers";
import { indexAt } from "../targets";

/** "balanced", or what a sample of each class weighs: one a unit, of a single unit that of no and that of yes. */
export type ClassWeights = "balanced" | readonly number[];

/**
 * What a sample of each class weighs in the cost. "balanced": n / (classes x count of the class), over the classes that there
 * are (scikit-learn's). `data` is undefined where the samples are not known beforehand. Throws ArgumentError, ShapeError.
 */
export function readClassWeights(
  where: string,
  given: ClassWeights,
  core: Core,
  loss: LossLike,
  data: Dataset | undefined,
): Float64Array {
  const { units, outputActivation: activation } = core;
  const single = units === 1 && (activation === "sigmoid" || loss === "binaryCrossEntropy");
  const classes = single || activation === "softmax" || loss === "categoricalCrossEntropy" || data?.classes === true;
  if (!classes || (units > 1 && !tellClasses(units, activation))) {
    throw new ArgumentError(
      `${where}: ${shown(given)} was given, but a sample of ${units} ${activation ?? "other"} outputs has no one class; a softmax output, or a single sigmoid, was expected`,
    );
  }
  const count = units === 1 ? 2 : units;
  if (given === "balanced") {
    if (data !== undefined) return balanced(countClasses(data, units, count), data.samples);
    throw new ArgumentError(
      `${where}: "balanced" was given with a stream, whose classes nobody has counted; an array of ${count} weights was expected`,
    );
  }
  if (!Array.isArray(given)) {
    throw new ArgumentError(`${where}: ${shown(given)} was given, "balanced" or an array of numbers was expected`);
  }
  if (given.length !== count) {
    throw new ShapeError(`${where}: ${given.length} weights were given, ${count} (one a class) were expected`);
  }
  given.forEach((weight: unknown, c) => {
    if (typeof weight === "number" && Number.isFinite(weight) && weight >= 0) return;
    throw new ArgumentError(
      `${where}: the weight of class ${c} is ${shown(weight)}, a finite number of at least 0 was expected`,
    );
  });
  if (!given.some((weight) => weight > 0)) {
    throw new ArgumentError(`${where}: ${count} weights that are all 0 were given, a sum above 0 was expected`);
  }
  if (data !== undefined && !countClasses(data, units, count).some((some, c) => some > 0 && given[c] > 0)) {
    throw new ArgumentError(
      `${where}: the weights of all classes that there are among ${data.samples} samples are 0, a sum above 0 was expected`,
    );
  }
  return Float64Array.from(given);
}

function balanced(counts: readonly number[], samples: number): Float64Array {
  const present = counts.filter((count) => count > 0).length;
  return Float64Array.from(counts, (count) => (count === 0 ? 0 : samples / (present * count)));
}

/** How many samples of each class there are. */
function countClasses({ targets, classes, first, samples, names }: Dataset, units: number, count: number): number[] {
  const counts: number[] = Array(count).fill(0);
  const row = new Float64Array(units);
  for (let i = first; i < first + samples; i++) {
    if (!classes) copyRows(targets, undefined, i, 1, units, row);
    const one = classes ? indexAt(names.targets, targets, i, units) : classAt(row, units, 0);
    counts[one] = (counts[one] as number) + 1;
  }
  return counts;
}
