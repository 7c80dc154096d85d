import type { Core } from "./core";
import { type Data, type Dataset, readData, splitLast } from "./dataset";
import { ArgumentError, checkBoolean, checkNumber, checkOptions, checkWhole, shown } from "./errors";
import type { EpochInfo } from "./history";
import type { Optimizer } from "./optimizers";

/** An AbortSignal, or anything that tells as much. */
export interface AbortSignalLike {
  readonly aborted: boolean;
}

export interface StepInfo {
  /** Steps of this trainer so far, this one included. */
  readonly step: number;
  /** 1 in the first epoch of this fit. */
  readonly epoch: number;
  /** 1 for the first batch of the epoch. */
  readonly batch: number;
  /** Batches in an epoch. */
  readonly batches: number;
  readonly samples: number;
  /** The batch's cost before its update. */
  readonly cost: number;
}

export interface FitOptions {
  /** Times over the data. Default 1. */
  epochs?: number;
  /** Samples in a step; the last batch of an epoch is short where it must be. Default 32; with lbfgs all, and none is to be given. */
  batchSize?: number;
  /** A new order each epoch; false, and lbfgs, take the samples as they come. Default true. */
  shuffle?: boolean;
  /** Of the order. Default: the network's. */
  seed?: number;
  /** Data to be evaluated after each epoch. */
  validation?: Data;
  /** The share of the samples, the last rows, held back for validation before shuffling. */
  validationSplit?: number;
  /** Called after every step; the network stands still until it returns, or its promise settles. */
  onStep?: (info: StepInfo) => unknown;
  /** Called after every epoch, likewise. */
  onEpoch?: (info: EpochInfo) => unknown;
  /** Aborted: the fit resolves on the weights of the last whole step. */
  signal?: AbortSignalLike;
}

/** A fit whose options are known to be right. */
export interface FitPlan extends Pick<FitOptions, "onStep" | "onEpoch" | "signal"> {
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Batches in an epoch. */
  readonly batches: number;
  /** Room for the order of an epoch; undefined where samples keep theirs. */
  readonly order: Uint32Array | undefined;
  readonly training: Dataset;
  readonly validation: Dataset | undefined;
}

/** Checks everything that can be checked before a weight moves. Throws ArgumentError or ShapeError. */
export function planFit(
  core: Core,
  indices: boolean,
  { name: optimizer, wholeBatch }: Optimizer,
  data: Data,
  options: FitOptions,
): FitPlan {
  const where = "fit";
  checkOptions(where, options, [
    "epochs",
    "batchSize",
    "shuffle",
    "seed",
    "validation",
    "validationSplit",
    "onStep",
    "onEpoch",
    "signal",
  ]);
  const { epochs = 1, batchSize = 32, shuffle = true, seed = core.seed, onStep, onEpoch, signal } = options;
  checkWhole(`${where}: epochs`, epochs, 1);
  checkWhole(`${where}: batchSize`, batchSize, 1);
  if (wholeBatch && options.batchSize !== undefined) {
    throw new ArgumentError(
      `${where}: batchSize: ${batchSize} was given, but ${optimizer} takes all rows in each step; no batchSize was expected`,
    );
  }
  checkWhole(`${where}: seed`, seed, 0);
  checkBoolean(`${where}: shuffle`, shuffle);
  for (const [name, callback] of Object.entries({ onStep, onEpoch })) {
    if (callback !== undefined && typeof callback !== "function") {
      throw new ArgumentError(`${where}: ${name}: ${shown(callback)} was given, a function was expected`);
    }
  }
  if (signal !== undefined && typeof signal?.aborted !== "boolean") {
    throw new ArgumentError(`${where}: signal: ${shown(signal)} was given, an AbortSignal was expected`);
  }
  const { inputs: features, units, backend } = core;
  const all = readData(where, data, features, units, backend, indices);
  const { validation, validationSplit } = options;
  let training = all;
  let held: Dataset | undefined;
  if (validationSplit !== undefined) {
    if (validation !== undefined) {
      throw new ArgumentError(`${where}: validation and validationSplit were both given, one of them was expected`);
    }
    checkNumber(`${where}: validationSplit`, validationSplit, "a number between 0 and 1", (v) => v > 0 && v < 1);
    [training, held] = splitLast(all, validationSplit);
  } else if (validation !== undefined) {
    held = readData(`${where}: validation`, validation, features, units, backend, indices);
  }
  const { samples } = training;
  const rows = wholeBatch ? samples : Math.min(batchSize, samples);
  const order = shuffle && !wholeBatch ? new Uint32Array(samples) : undefined;
  const batches = Math.ceil(samples / rows);
  return { epochs, batchSize: rows, batches, order, seed, onStep, onEpoch, signal, training, validation: held };
}
