import type { Backend } from "./backend/backend";
import { Matrix } from "./backend/matrix";
import type { Batch } from "./batch";
import { readWeights } from "./batch";
import { ArgumentError, checkOptions, ShapeError } from "./errors";
import { type Flat, flatten, type Numbers } from "./numbers";
import { readTargets, type TargetRows, type Targets } from "./targets";

/** Samples with what they should give. */
export interface Data {
  /** samples x features */
  readonly inputs: Numbers;
  /** samples x units, or a class index a sample */
  readonly targets: Targets;
  /** One a sample; C = sum_i w_i J_i / n. */
  readonly sampleWeights?: Numbers;
}

/** Data whose shapes were looked at once; the numbers are checked batch by batch, when they are gathered. */
export interface Dataset {
  readonly where: string;
  /** The row of the arrays where it begins. */
  readonly first: number;
  readonly samples: number;
  readonly inputs: Flat;
  readonly targets: TargetRows;
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
  const inputs = flatten(`${where}: inputs`, data.inputs, features, backend);
  const samples = inputs.length / features;
  if (samples === 0) throw new ShapeError(`${where}: inputs: 0 samples were given, at least 1 was expected`);
  const targets = readTargets(`${where}: targets`, data.targets, samples, units, backend, indices);
  const weights =
    data.sampleWeights === undefined
      ? undefined
      : readWeights(`${where}: sampleWeights`, data.sampleWeights, samples, backend);
  const lent = [data.inputs, data.targets, data.sampleWeights].filter((part) => part instanceof Matrix);
  return { where, first: 0, samples, inputs, targets, weights, lent };
}

/** The rows from `start` on, `count` of them, in an order if there is one, into the batch. */
export function gather(
  { where, first, inputs, targets, weights, lent }: Dataset,
  order: Uint32Array | undefined,
  start: number,
  count: number,
  batch: Batch,
): void {
  for (const matrix of lent) matrix.checkAlive(where);
  batch.reserve(where, count);
  batch.copies.reserve(where, count);
  batch.samples = count;
  batch.weights = 0;
  for (let i = 0; i < count; i++) {
    const row = first + (order === undefined ? start + i : (order[start + i] as number));
    batch.copyInputRow(`${where}: inputs`, inputs, row, i);
    batch.copyTargetRow(`${where}: targets`, targets, row, i);
    if (weights !== undefined) batch.copyWeight(`${where}: sampleWeights`, weights, row, i);
  }
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
