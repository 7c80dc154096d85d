import { type MetricLike, type MetricName, nameOf, validationNameOf } from "../metrics/metrics";

interface KnownHistory {
  /** Mean cost of the epoch's batches, penalties included, weighted by their samples; each before its update. */
  readonly loss: number[];
  /** Loss over the validation set after the epoch, without penalties. */
  readonly validationLoss: number[];
  /** Share of the epoch's samples that were right, each counted before its batch's update. */
  readonly accuracy: number[];
  readonly validationAccuracy: number[];
  /** Of the epoch's last step, the schedule's factor in it. */
  readonly learningRate: number[];
  /** Whole epochs. */
  epochs: number;
  stoppedBy: "epochs" | "earlyStopping" | "signal";
}

type ValidationName<Name extends string> = `validation${Capitalize<Name>}`;

/**
 * What a fit leaves behind: one number an epoch in each list; empty where nothing was measured. Each metric of the trainer has
 * a list under its name, and one of the validation set: `f1`, `validationF1`.
 */
export type History = KnownHistory & {
  readonly [Name in Exclude<MetricName, "accuracy"> | ValidationName<Exclude<MetricName, "accuracy">>]?: number[];
} & { readonly [metric: string]: number[] };

/** Numbers of an epoch by their names in the history. */
type LastNumbers = { readonly [Name in MetricName | ValidationName<MetricName>]?: number } & {
  readonly [metric: string]: number | undefined;
};

/** What `onEpoch` is told: the epoch's numbers under the names that they have in the history. */
export type EpochInfo = LastNumbers & {
  /** 1 after the first epoch of this fit. */
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly validationLoss: number | undefined;
  readonly history: History;
};

export function emptyHistory(metrics: readonly MetricLike[]): History {
  const known: KnownHistory = {
    loss: [],
    validationLoss: [],
    accuracy: [],
    validationAccuracy: [],
    learningRate: [],
    epochs: 0,
    stoppedBy: "epochs",
  };
  const names = measured(metrics, true);
  return Object.assign(known, Object.fromEntries(names.map((name) => [name, [] as number[]]))) as History;
}

/** The names of what a fit measures, each epoch. */
export function measured(metrics: readonly MetricLike[], validation: boolean): string[] {
  const names = ["loss", ...metrics.map(nameOf)];
  return ["learningRate", ...names, ...(validation ? names.map(validationNameOf) : [])];
}

/** The names of the lists of a history. */
export function measuresOf(history: History): string[] {
  return Object.keys(history).filter((name) => Array.isArray(history[name]));
}

/** The last epoch, as a callback is told of it. */
export function latest(history: History, epochs: number): EpochInfo {
  const numbers = measuresOf(history).map((name) => [name, history[name]?.at(-1)]);
  return { ...Object.fromEntries(numbers), epoch: history.epochs, epochs, history } as EpochInfo;
}
