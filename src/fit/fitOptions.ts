import { chunk } from "../chunk";
import { checkWeighty, type Data, type Dataset, readData, splitLast } from "../dataset";
import { ArgumentError, checkBoolean, checkName, checkNumber, checkOptions, checkWhole, shown } from "../errors";
import { takesIndices } from "../losses";
import { type CustomMetric, type MetricLike, nameOf } from "../metrics/metrics";
import type { Training } from "../training";
import { type CheckpointOptions, type CheckpointPlan, checkResume, readCheckpointOptions } from "./checkpoint";
import type { ClassWeights } from "./classWeights";
import type { EarlyStopping, EarlyStoppingOptions } from "./earlyStopping";
import { DatasetFeed, type Feed } from "./feed";
import { type EpochInfo, emptyHistory, type History, measured } from "./history";
import type { Schedule } from "./schedules";
import type { BatchStream } from "./streamFeed";

/** An AbortSignal, or anything that tells as much. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** Where there is one, a wait for a batch of a stream ends with the signal. */
  addEventListener?(type: "abort", listener: () => void): void;
  removeEventListener?(type: "abort", listener: () => void): void;
}

/**
 * What a fit trains on: data in memory, or for what does not fit there a function that gives the batches of an epoch each time
 * it is called. A bare async iterable is good for one epoch.
 */
export type FitData = Data | (() => BatchStream) | AsyncIterable<Data>;

export interface StepInfo {
  /** Steps of this trainer so far, this one included. */
  readonly step: number;
  /** 1 in the first epoch of this fit. */
  readonly epoch: number;
  /** Epochs that the fit is to have. */
  readonly epochs: number;
  /** 1 for the first batch of the epoch. */
  readonly batch: number;
  /** Batches in an epoch; undefined for a stream. */
  readonly batches: number | undefined;
  readonly samples: number;
  /** The batch's cost before its update. */
  readonly cost: number;
}

export interface FitOptions {
  /** Times over the data. Default 1. */
  epochs?: number | undefined;
  /**
   * Samples in a step; the last batch of an epoch is short where it must be. Default 32; with lbfgs all, and none is to be given;
   * nor with a stream, which makes its batches itself.
   */
  batchSize?: number | undefined;
  /** A new order each epoch; false, and lbfgs, take the samples as they come. Default true. */
  shuffle?: boolean | undefined;
  /** Of the order. Default: the network's. */
  seed?: number | undefined;
  /** Data to be evaluated after each epoch. */
  validation?: Data | undefined;
  /** The share of the samples, the last rows, held back for validation before shuffling. */
  validationSplit?: number | undefined;
  /**
   * What a sample of each class weighs in the cost, on top of its own weight: one number a class, or "balanced", so that all
   * classes weigh the same. Metrics do not see it.
   */
  classWeights?: ClassWeights | undefined;
  /** Ends the fit where the numbers of the history get no better, and goes back to the best epoch. */
  earlyStopping?: EarlyStoppingOptions | undefined;
  /** The factor of the learning rate, step by step: `cosineDecay(...)` and the like, or a function of one's own. */
  schedule?: Schedule | undefined;
  /** Saves the training, each time an epoch is over, to a file or by a function. */
  checkpoint?: CheckpointOptions | undefined;
  /** Goes on from a checkpoint, the path of its file or its bytes, bit for bit; `epochs` is the total. */
  resume?: string | Uint8Array | undefined;
  /**
   * Trains off the calling thread. Callbacks are called here, and waited for; between them the network's methods are a
   * BusyError, while its views show the weights as they move, or where a page is not isolated as of the last callback. Losses and
   * metrics of one's own cannot go there. Default false.
   */
  worker?: boolean | undefined;
  /** Called after every step; the network stands still until it returns, or its promise settles. */
  onStep?: ((info: StepInfo) => unknown) | undefined;
  /** Called after every epoch, likewise. */
  onEpoch?: ((info: EpochInfo) => unknown) | undefined;
  /** Aborted: the fit resolves on the weights of the last whole step. */
  signal?: AbortSignalLike | undefined;
}

/** A fit whose options are known to be right. */
export interface FitPlan extends Pick<FitOptions, "onStep" | "onEpoch" | "signal" | "schedule" | "resume"> {
  readonly epochs: number;
  readonly feed: Feed;
  readonly validation: Dataset | undefined;
  readonly earlyStopping: EarlyStopping | undefined;
  readonly checkpoint: CheckpointPlan | undefined;
  readonly history: History;
}

/**
 * Checks everything that can be checked before a weight moves. What most fits do without is a chunk of its own, loaded here.
 * Throws ArgumentError or ShapeError.
 */
export async function planFit(
  training: Training,
  metrics: readonly MetricLike[],
  data: FitData,
  options: FitOptions,
): Promise<FitPlan> {
  const where = "fit";
  checkOptions(where, options, [
    "epochs",
    "batchSize",
    "shuffle",
    "seed",
    "validation",
    "validationSplit",
    "classWeights",
    "earlyStopping",
    "schedule",
    "checkpoint",
    "resume",
    "worker",
    "onStep",
    "onEpoch",
    "signal",
  ]);
  const { epochs = 1, onStep, onEpoch, signal, schedule, checkpoint, resume, worker = false } = options;
  checkBoolean(`${where}: worker`, worker);
  checkWhole(`${where}: epochs`, epochs, 1);
  for (const [name, callback] of Object.entries({ onStep, onEpoch, schedule })) {
    if (callback !== undefined && typeof callback !== "function") {
      throw new ArgumentError(`${where}: ${name}: ${shown(callback)} was given, a function was expected`);
    }
  }
  if (signal !== undefined && typeof signal?.aborted !== "boolean") {
    throw new ArgumentError(`${where}: signal: ${shown(signal)} was given, an AbortSignal was expected`);
  }
  if (worker) checkPortable(`${where}: worker`, training, metrics);
  if (resume !== undefined) checkResume(`${where}: resume`, resume);
  if (typeof data === "object" && data !== null && Symbol.iterator in data) {
    throw new ArgumentError(
      `${where}: data: an iterable was given, { inputs, targets } or a function that makes an iterable each epoch was expected`,
    );
  }
  const { feed, validation } = await (isStream(data)
    ? planStream(where, training, data, options)
    : planDataset(where, training, data, options));
  const history = emptyHistory(metrics);
  const { earlyStopping } = options;
  return {
    epochs,
    feed,
    validation,
    schedule,
    resume,
    onStep,
    onEpoch,
    signal,
    history,
    checkpoint: checkpoint && readCheckpointOptions(`${where}: checkpoint`, checkpoint),
    earlyStopping:
      earlyStopping === undefined
        ? undefined
        : (await chunk(where, import("./earlyStopping"))).startEarlyStopping(
            `${where}: earlyStopping`,
            training.core,
            earlyStopping,
            measured(metrics, validation !== undefined),
          ),
  };
}

/** Throws an ArgumentError where a training holds functions, which no worker can be sent. */
function checkPortable(where: string, { loss, optimizer }: Training, metrics: readonly MetricLike[]): void {
  const own = [loss, ...metrics].find((one) => typeof one !== "string");
  if (own !== undefined) {
    throw new ArgumentError(
      `${where}: true was given with ${nameOf(own as CustomMetric)}, a function of one's own, which cannot be sent to a worker; losses and metrics by name were expected`,
    );
  }
  checkName(`${where}: optimizer`, optimizer.name, ["sgd", "adam", "adamW", "rmsProp", "adagrad", "lbfgs"]);
}

type Planned = Pick<FitPlan, "feed" | "validation">;

async function planDataset(where: string, training: Training, data: Data, options: FitOptions): Promise<Planned> {
  const { core, optimizer } = training;
  const { epochs = 1, batchSize = 32, shuffle = true, seed = core.seed } = options;
  checkWhole(`${where}: batchSize`, batchSize, 1);
  if (optimizer.wholeBatch && options.batchSize !== undefined) {
    throw new ArgumentError(
      `${where}: batchSize: ${batchSize} was given, but ${optimizer.name} takes all rows in each step; no batchSize was expected`,
    );
  }
  checkWhole(`${where}: seed`, seed, 0);
  checkBoolean(`${where}: shuffle`, shuffle);
  const all = readSet(where, training, data);
  const { validation, validationSplit } = options;
  let kept = all;
  let held: Dataset | undefined;
  if (validationSplit !== undefined) {
    if (validation !== undefined) {
      throw new ArgumentError(`${where}: validation and validationSplit were both given, one of them was expected`);
    }
    checkNumber(`${where}: validationSplit`, validationSplit, "a number between 0 and 1", (v) => v > 0 && v < 1);
    [kept, held] = splitLast(all, validationSplit);
  } else if (validation !== undefined) held = readSet(`${where}: validation`, training, validation);
  for (const set of [kept, held]) if (set !== undefined) checkWeighty(set);
  const { samples } = kept;
  const rows = optimizer.wholeBatch ? samples : Math.min(batchSize, samples);
  if (core.statisticsCount > 0 && (rows === 1 || samples % rows === 1)) {
    throw new ArgumentError(
      `${where}: batchSize: ${rows} of ${samples} samples makes a batch of 1, over which a batchNorm takes no variance; another batchSize, or another number of samples, was expected`,
    );
  }
  const order = shuffle && !optimizer.wholeBatch ? new Uint32Array(samples) : undefined;
  const weights = await readWeightsOfClasses(where, training, kept, options);
  return { feed: new DatasetFeed(core, kept, rows, order, seed, weights, epochs > 1), validation: held };
}

async function planStream(
  where: string,
  training: Training,
  data: Exclude<FitData, Data>,
  options: FitOptions,
): Promise<Planned> {
  const { core, loss, optimizer } = training;
  for (const name of ["batchSize", "seed", "validationSplit"] as const) {
    if (options[name] === undefined) continue;
    throw new ArgumentError(
      `${where}: ${name}: ${shown(options[name])} was given with a stream, which makes its batches itself; no ${name} was expected`,
    );
  }
  if (options.shuffle !== undefined) checkBoolean(`${where}: shuffle`, options.shuffle);
  if (options.shuffle === true) {
    throw new ArgumentError(
      `${where}: shuffle: true was given with a stream, whose batches come in its own order; false was expected`,
    );
  }
  if (optimizer.wholeBatch) {
    throw new ArgumentError(
      `${where}: data: a stream was given, but ${optimizer.name} takes all rows in each step; data in memory were expected`,
    );
  }
  const once = typeof data !== "function";
  if (once && (options.epochs ?? 1) > 1) {
    throw new ArgumentError(
      `${where}: epochs: ${options.epochs} was given with an async iterable, which is good for one; a function that makes one was expected`,
    );
  }
  const open = once ? () => data : data;
  const { validation } = options;
  const held = validation === undefined ? undefined : readSet(`${where}: validation`, training, validation);
  if (held !== undefined) checkWeighty(held);
  const { StreamFeed } = await chunk(where, import("./streamFeed"));
  return {
    feed: new StreamFeed(
      core,
      open,
      takesIndices(loss),
      await readWeightsOfClasses(where, training, undefined, options),
      options.signal,
    ),
    validation: held,
  };
}

function isStream(data: FitData): data is Exclude<FitData, Data> {
  return typeof data === "function" || (typeof data === "object" && data !== null && Symbol.asyncIterator in data);
}

function readSet(where: string, { core, loss }: Training, data: Data): Dataset {
  return readData(where, data, core.inputs, core.units, core.backend, takesIndices(loss));
}

async function readWeightsOfClasses(
  where: string,
  { core, loss }: Training,
  data: Dataset | undefined,
  { classWeights }: FitOptions,
): Promise<Float64Array | undefined> {
  if (classWeights === undefined) return undefined;
  const { readClassWeights } = await chunk(where, import("./classWeights"));
  return readClassWeights(`${where}: classWeights`, classWeights, core, loss, data);
}
