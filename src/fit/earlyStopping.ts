import type { Core } from "../core";
import { ArgumentError, checkBoolean, checkName, checkNumber, checkOptions, checkWhole, shown } from "../errors";
import type { History } from "./history";
import { type MonitorMode, modeOf } from "./monitor";

export interface EarlyStoppingOptions {
  /** What is watched: the name of a number in the history. Default "validationLoss". */
  monitor?: string | undefined;
  /** Epochs in a row without a better number before the fit ends. Default 3. */
  patience?: number | undefined;
  /** By how much a number must be better to count. Default 0. */
  minDelta?: number | undefined;
  /** Whether the fit ends on the weights of its best epoch, whatever ended it. Default true. */
  restoreBest?: boolean | undefined;
  /** Whether small is good or large; a metric of one's own needs it. */
  mode?: MonitorMode | undefined;
}

export type EarlyStoppingPlan = Required<EarlyStoppingOptions>;

/** The options with their defaults. */
function readEarlyStopping(
  where: string,
  options: EarlyStoppingOptions,
  measured: readonly string[],
): EarlyStoppingPlan {
  checkOptions(where, options, ["monitor", "patience", "minDelta", "restoreBest", "mode"]);
  const { monitor = "validationLoss", patience = 3, minDelta = 0, restoreBest = true } = options;
  if (typeof monitor === "string" && monitor.startsWith("validation") && !measured.includes("validationLoss")) {
    throw new ArgumentError(
      `${where}: monitor: ${shown(monitor)} was given, but nothing is held back; validation or validationSplit was expected`,
    );
  }
  checkName(`${where}: monitor`, monitor, measured);
  checkWhole(`${where}: patience`, patience, 0);
  checkNumber(`${where}: minDelta`, minDelta, "a number of at least 0", (value) => value >= 0);
  checkBoolean(`${where}: restoreBest`, restoreBest);
  return { monitor, patience, minDelta, restoreBest, mode: modeOf(where, monitor, options.mode) };
}

/** Early stopping by these options; `measured` are the names in the history. Throws ArgumentError. */
export function startEarlyStopping(
  where: string,
  core: Core,
  options: EarlyStoppingOptions,
  measured: readonly string[],
): EarlyStopping {
  return new EarlyStopping(core, readEarlyStopping(where, options, measured));
}

/** Watches one number of the history, and keeps the weights of its best epoch. keras.callbacks.EarlyStopping. */
export class EarlyStopping {
  best: number;
  /** Epochs since the best. */
  wait = 0;
  /** Parameters and running statistics of the best epoch; undefined before there was one, or where nobody wants them. */
  kept: Float64Array | undefined;

  constructor(
    readonly core: Core,
    readonly plan: EarlyStoppingPlan,
  ) {
    this.best = plan.mode === "min" ? Infinity : -Infinity;
  }

  /** Takes an epoch's number in. */
  observe(history: History): void {
    const { monitor, mode, minDelta, restoreBest } = this.plan;
    const value = history[monitor]?.at(-1) ?? NaN;
    const better = mode === "min" ? value < this.best - minDelta : value > this.best + minDelta;
    this.wait = better ? 0 : this.wait + 1;
    if (!better) return;
    this.best = value;
    if (!restoreBest) return;
    if (this.kept === undefined) this.kept = this.core.stateView.slice();
    else this.kept.set(this.core.stateView);
  }

  /** Whether the best epoch is long enough ago; never after the first. */
  isOver({ epochs }: History): boolean {
    return epochs > 1 && this.wait > 0 && this.wait >= this.plan.patience;
  }

  /** Puts the network back to where it was in the best epoch. */
  restore(): void {
    if (this.kept === undefined) return;
    this.core.stateView.set(this.kept);
    this.core.updated();
  }
}
