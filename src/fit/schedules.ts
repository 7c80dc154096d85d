import { ArgumentError, checkName, checkNumber, checkOptions, checkWhole, shown } from "../errors";
import { power } from "../power";
import { cospi } from "./cospi";
import { type History, measuresOf } from "./history";
import { defaultMode, type MonitorMode, modeOf } from "./monitor";

/**
 * The factor of the optimizer's learning rate for the step that comes. `step` counts from 0, and `epoch` is the whole epochs
 * completed, both in this fit; `history` is what the fit has left so far. It is to be a pure function of the three: then a
 * training that was resumed goes on as if it had never stopped.
 */
export type Schedule = (step: number, epoch: number, history: History) => number;

const checkPositive = (where: string, value: unknown) =>
  checkNumber(where, value, "a number above 0", (number) => number > 0);

const checkMinimum = (where: string, value: unknown) =>
  checkNumber(where, value, "a number from 0 to 1", (number) => number >= 0 && number <= 1);

export interface StepDecayOptions {
  /** Epochs between two decays. */
  every: number;
  /** Of each decay. */
  factor: number;
}

/**
 * factor^floor(epoch / every): torch.optim.lr_scheduler.StepLR. Throws ArgumentError unless `every` is whole and at least 1 and
 * `factor` above 0.
 *
 *     const schedule = stepDecay({ every: 30, factor: 0.1 }); // a tenth after 30 epochs, a hundredth after 60
 *     await trainer.fit(data, { epochs: 90, schedule });
 */
export function stepDecay(options: StepDecayOptions): Schedule {
  const where = "stepDecay";
  checkOptions(where, options, ["every", "factor"]);
  const { every, factor } = options;
  checkWhole(`${where}: every`, every, 1);
  checkPositive(`${where}: factor`, factor);
  return (_step, epoch) => power(factor, Math.floor(epoch / every));
}

export interface ExponentialDecayOptions {
  /** Of each epoch. */
  rate: number;
}

/**
 * rate^epoch: torch.optim.lr_scheduler.ExponentialLR. Throws ArgumentError unless `rate` is above 0.
 *
 *     const schedule = exponentialDecay({ rate: 0.95 }); // each epoch 5 % less
 *     await trainer.fit(data, { epochs: 90, schedule });
 */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  const where = "exponentialDecay";
  checkOptions(where, options, ["rate"]);
  const { rate } = options;
  checkPositive(`${where}: rate`, rate);
  return (_step, epoch) => power(rate, epoch);
}

export interface CosineDecayOptions {
  /** From the first step to the minimum: epochs times batches an epoch, for a whole fit. */
  steps: number;
  /** The last factor, from 0 to 1. Default 0. */
  minimum?: number | undefined;
}

/**
 * minimum + (1 - minimum) (1 + cos(pi s / steps)) / 2 with s = min(step, steps): torch.optim.lr_scheduler.CosineAnnealingLR, which
 * ends at the minimum and stays there. Exactly 1 at step 0, exactly `minimum` from step `steps` on. Throws ArgumentError unless
 * `steps` is whole and at least 1 and `minimum` from 0 to 1.
 *
 *     const schedule = cosineDecay({ steps: 10 * Math.ceil(samples / 32) });
 *     await trainer.fit(data, { epochs: 10, batchSize: 32, schedule });
 */
export function cosineDecay(options: CosineDecayOptions): Schedule {
  const where = "cosineDecay";
  checkOptions(where, options, ["steps", "minimum"]);
  const { steps, minimum = 0 } = options;
  checkWhole(`${where}: steps`, steps, 1);
  checkMinimum(`${where}: minimum`, minimum);
  return (step) => {
    // (1 + cos a) / 2 = cos^2(a / 2), which loses no digits near the end
    const half = cospi(Math.min(step, steps) / steps / 2);
    return minimum + (1 - minimum) * (half * half);
  };
}

export interface ReduceOnPlateauOptions {
  /** Whose list of the history is watched. Default "validationLoss". */
  monitor?: string | undefined;
  /** Whether small is good or large. Default: "max" for accuracy, precision, recall, f1, rocAuc and r2, "min" for losses and errors. */
  mode?: MonitorMode | undefined;
  /** Of each reduction, above 0 and below 1. Default 0.1. */
  factor?: number | undefined;
  /** Epochs in a row that may pass without a better value. Default 10. */
  patience?: number | undefined;
  /** By how much, relative to the best, a value must be better, from 0 to below 1. Default 1e-4. */
  threshold?: number | undefined;
  /** The factor never falls below it, from 0 to 1. Default 0. */
  minimum?: number | undefined;
  /** Epochs after a reduction that are not counted as bad. Default 0. */
  cooldown?: number | undefined;
}

/**
 * The factor is multiplied by `factor` when more than `patience` epochs in a row were not better than the best one so far, that is
 * value < best (1 - threshold) for "min" or value > best (1 + threshold) for "max"; NaN is not better:
 * torch.optim.lr_scheduler.ReduceLROnPlateau, with threshold_mode "rel" and eps 0.
 *
 * Throws ArgumentError for settings out of range, and for a monitor of one's own without a mode; in a fit, where nothing was
 * measured for the monitor.
 *
 *     const schedule = reduceOnPlateau({ factor: 0.5, patience: 3 });
 *     await trainer.fit(data, { epochs: 100, validationSplit: 0.2, schedule });
 */
export function reduceOnPlateau(options: ReduceOnPlateauOptions = {}): Schedule {
  const settings = readPlateauOptions(options);
  const { monitor } = settings;
  // by list, which is taken to grow alone: a step costs nothing, and another list starts anew
  const replays = new WeakMap<readonly number[], Replay>();
  return (_step, epoch, history) => {
    const values = history[monitor];
    if (!Array.isArray(values) || values.length === 0) {
      if (epoch > 0) throw nothingMeasured(history, monitor, epoch);
      return 1;
    }
    let replay = replays.get(values);
    if (replay === undefined || replay.seen > values.length) {
      replay = new Replay(settings);
      replays.set(values, replay);
    }
    return replay.advance(values);
  };
}

type PlateauSettings = Required<ReduceOnPlateauOptions>;

function readPlateauOptions(options: ReduceOnPlateauOptions): PlateauSettings {
  const where = "reduceOnPlateau";
  checkOptions(where, options, ["monitor", "mode", "factor", "patience", "threshold", "minimum", "cooldown"]);
  const {
    monitor = "validationLoss",
    factor = 0.1,
    patience = 10,
    threshold = 1e-4,
    minimum = 0,
    cooldown = 0,
  } = options;
  if (typeof monitor !== "string") {
    throw new ArgumentError(
      `${where}: monitor: ${shown(monitor)} was given, the name of a list of the history was expected, "validationLoss" or the like`,
    );
  }
  const mode = modeOf(where, monitor, options.mode);
  checkNumber(`${where}: factor`, factor, "a number above 0 and below 1", (value) => value > 0 && value < 1);
  checkWhole(`${where}: patience`, patience, 0);
  checkNumber(`${where}: threshold`, threshold, "a number from 0 to below 1", (value) => value >= 0 && value < 1);
  checkMinimum(`${where}: minimum`, minimum);
  checkWhole(`${where}: cooldown`, cooldown, 0);
  return { monitor, mode, factor, patience, threshold, minimum, cooldown };
}

function nothingMeasured(history: History, monitor: string, epoch: number): ArgumentError {
  const where = "reduceOnPlateau: monitor";
  if (defaultMode(monitor) === undefined) checkName(where, monitor, measuresOf(history));
  const remedy = monitor.startsWith("validation")
    ? `fit needs validation or validationSplit${monitor === "validationLoss" ? "" : ", and the trainer that metric"}`
    : "the trainer needs that metric";
  const epochs = epoch === 1 ? "an epoch" : `${epoch} epochs`;
  return new ArgumentError(
    `${where}: ${shown(monitor)} was given, of which nothing was measured in ${epochs}; one number an epoch was expected: ${remedy}`,
  );
}

/** The factor after the values of a list, which are looked at once each as the list grows. */
class Replay {
  /** How many values were looked at. */
  seen = 0;
  readonly #settings: PlateauSettings;
  #factor = 1;
  #best: number;
  #badEpochs = 0;
  #cooldown = 0;

  constructor(settings: PlateauSettings) {
    this.#settings = settings;
    this.#best = settings.mode === "min" ? Infinity : -Infinity;
  }

  advance(values: readonly number[]): number {
    for (; this.seen < values.length; this.seen++) this.#look(values[this.seen] as number);
    return this.#factor;
  }

  #look(value: number): void {
    const { factor, patience, minimum, cooldown } = this.#settings;
    if (this.#isBetter(value)) {
      this.#best = value;
      this.#badEpochs = 0;
    } else this.#badEpochs++;
    if (this.#cooldown > 0) {
      this.#cooldown--;
      this.#badEpochs = 0;
    }
    if (this.#badEpochs > patience) {
      this.#factor = Math.max(this.#factor * factor, minimum);
      this.#cooldown = cooldown;
      this.#badEpochs = 0;
    }
  }

  #isBetter(value: number): boolean {
    const { mode, threshold } = this.#settings;
    return mode === "min" ? value < this.#best * (1 - threshold) : value > this.#best * (1 + threshold);
  }
}

export interface WarmupOptions {
  /** Steps until the factor is 1. */
  steps: number;
  /** What follows, its steps counted from its own beginning, its epochs from that of the fit. Default: 1. */
  then?: Schedule | undefined;
}

/**
 * (step + 1) / steps while step < steps, then `then(step - steps, epoch, history)`, or 1 without one:
 * torch.optim.lr_scheduler.LinearLR from 1 / steps to 1, and SequentialLR. Throws ArgumentError unless `steps` is whole and at least 1
 * and `then` a function.
 *
 *     const schedule = warmup({ steps: 500, then: cosineDecay({ steps: 9500 }) });
 *     await trainer.fit(data, { epochs: 10, schedule }); // of 1000 batches each
 */
export function warmup(options: WarmupOptions): Schedule {
  const where = "warmup";
  checkOptions(where, options, ["steps", "then"]);
  const { steps, then = () => 1 } = options;
  checkWhole(`${where}: steps`, steps, 1);
  if (typeof then !== "function") {
    throw new ArgumentError(
      `${where}: then: ${shown(then)} was given, a schedule was expected: cosineDecay() or the like`,
    );
  }
  return (step, epoch, history) => (step < steps ? (step + 1) / steps : then(step - steps, epoch, history));
}
