import type { Backend } from "./backend/backend";
import { Matrix } from "./backend/matrix";
import type { Batch } from "./batch";
import { readWeights } from "./batch";
import { ArgumentError, checkOptions, ShapeError } from "./errors";
import { countRows, type Flat, type Numbers, type Order, readRows, type Source } from "./numbers";
import { areIndices, readTargets, type Targets } from "./targets";

/** Samples with what they should give. */
export interface Data {
  /** samples x features */
  readonly inputs: Numbers;
  /** samples x units, or a class index a sample */
  readonly targets: Targets;
  /** One a sample; C = sum_i w_i J_i / n. */
  readonly sampleWeights?: Numbers | undefined;
}

/** Data whose shapes were looked at once; the numbers are checked batch by batch, when they are gathered. */
export interface Dataset {
  readonly where: string;
  /** What its parts are called in messages: made once, since a step makes nothing. */
  readonly names: { readonly inputs: string; readonly targets: string; readonly weights: string };
  /** The row of the arrays where it begins: 0 where it is taken in an order. */
  readonly first: number;
  readonly samples: number;
  readonly inputs: Source;
  /** All inputs are known to be small: the kernel areSmall. */
  readonly small: boolean;
  readonly targets: Flat;
  /** Whether these are class indices. */
  readonly classes: boolean;
  readonly weights: Flat | undefined;
  /** Matrices among them, which must live as long as the data are used. */
  readonly lent: readonly Matrix[];
}

/** Throws ShapeError or ArgumentError, with both numbers, where data do not fit a network of these sizes. */
export function readData(
  where: string,
  data: Data,
  features: number,
  units: number,
  backend: Backend,
  indices: boolean,
): Dataset {
  checkOptions(where, data, ["inputs", "targets", "sampleWeights"]);
  const names = { inputs: `${where}: inputs`, targets: `${where}: targets`, weights: `${where}: sampleWeights` };
  const inputs = readRows(names.inputs, data.inputs, features, backend);
  const samples = countRows(inputs, features);
  if (samples === 0) throw new ShapeError(`${names.inputs}: 0 samples were given, at least 1 was expected`);
  const targets = readTargets(names.targets, data.targets, samples, units, backend, indices);
  const weights =
    data.sampleWeights === undefined ? undefined : readWeights(names.weights, data.sampleWeights, samples, backend);
  const lent = [data.inputs, data.targets, data.sampleWeights].filter((part) => part instanceof Matrix);
  const classes = areIndices(targets, samples, units);
  return { where, names, first: 0, samples, inputs, small: false, targets, classes, weights, lent };
}

/** Throws an ArgumentError where no sample weighs anything: nothing could be learnt, or said, of such data. */
export function checkWeighty({ names, weights, first, samples }: Dataset): void {
  if (weights === undefined) return;
  for (let row = first; row < first + samples; row++) if (weights[row] !== 0) return;
  throw new ArgumentError(`${names.weights}: the weights of all ${samples} samples are 0, a sum above 0 was expected`);
}

/** The `count` rows that are next from place `start` of the order on, into the batch. */
export function gather(data: Dataset, order: Order, start: number, count: number, batch: Batch): void {
  const { where, names, first, inputs, small, targets, classes, weights, lent } = data;
  for (const matrix of lent) matrix.checkAlive(where);
  batch.reserve(where, count);
  const from = first + start;
  batch.takeInputs(names.inputs, inputs, order, from, count, small);
  if (classes) batch.takeClasses(names.targets, targets, order, from);
  else batch.takeTargets(names.targets, targets, order, from);
  batch.takeWeights(names.weights, weights, order, from);
}

/** The first rows and the last ones: a share of the samples, rounded to whole rows, is held back. */
export function splitLast(data: Dataset, share: number): [Dataset, Dataset] {
  const held = Math.round(data.samples * share);
  const kept = data.samples - held;
  if (held === 0 || kept === 0) {
    throw new ArgumentError(
      `${data.where}: validationSplit: ${share} of ${data.samples} samples leaves ${kept} for training and ${held} for validation, at least 1 of each was expected`,
    );
  }
  return [
    { ...data, samples: kept },
    { ...data, first: data.first + kept, samples: held },
  ];
}
