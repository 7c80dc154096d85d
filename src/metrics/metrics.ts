import type { ActivationName } from "../activations";
import { ArgumentError, checkName, shown } from "../errors";
import type { LossLike } from "../losses";
import { CollectedRows } from "./collectedRows";
import { Accuracy, ClassMetric } from "./counts";
import { MeanAbsoluteError, R2 } from "./distances";
import { RocAuc } from "./rocAuc";

/**
 * What can be measured, with scikit-learn's definitions; each over a whole set, never a mean of batches, and with the samples'
 * weights where they were given. Softmax outputs, and two or more that are not sigmoids, tell one class a sample, that of the
 * largest; a sigmoid, or a single output, tells yes from 0.5 on.
 *
 *     accuracy           the share of samples, or with sigmoids of outputs, that are right
 *     precision, recall  of the yes of one output; a mean over several sigmoids; over the classes that were seen or told (macro)
 *     f1                 their harmonic mean, 0 where there is nothing to be right about
 *     rocAuc             area under the ROC curve, ties by half; a mean over classes, one against the rest, or sigmoids; of those
 *                        that have both kinds of samples, NaN where none has
 *     r2                 1 - sum (Y - Yhat)^2 / sum (Y - mean)^2, a mean over the outputs; NaN for a single sample
 *     meanAbsoluteError  sum |Y - Yhat| / m
 */
export type MetricName = "accuracy" | "precision" | "recall" | "f1" | "rocAuc" | "r2" | "meanAbsoluteError";

/** A metric of one's own: a number from all outputs of a set, in training all of an epoch. */
export interface CustomMetric {
  /** What it is called in the history. */
  readonly name: string;
  /** outputs, targets: samples x units, class indices as one-hot rows. */
  compute(outputs: Float64Array, targets: Float64Array, rows: MetricDetails): number;
}

export interface MetricDetails {
  readonly samples: number;
  readonly units: number;
  /** One a sample, where they were given. */
  readonly sampleWeights: Float64Array | undefined;
}

export type MetricLike = MetricName | CustomMetric;

/** What a metric looks at: some rows. The arrays may be live views: to be read during the call. */
export interface MetricRows {
  readonly samples: number;
  readonly units: number;
  /** samples x units */
  readonly outputs: Float64Array;
  readonly targets: Float64Array;
  /** One a sample. */
  readonly weights: Float64Array | undefined;
  /** Of the output layer, where there is one to know. */
  readonly activation: ActivationName | undefined;
}

/** A metric under way: rows are added, batch after batch, and what they come to is asked once. */
export interface Tally {
  add(rows: MetricRows): void;
  value(): number;
}

/** The catalogue. `classes`: the outputs tell one class a sample, else yes or no each. */
const catalogue: Record<MetricName, (units: number, classes: boolean) => Tally> = {
  accuracy: (_, classes) => new Accuracy(classes),
  precision: (units, classes) => new ClassMetric(units, classes, (hits, told) => hits / told),
  recall: (units, classes) => new ClassMetric(units, classes, (hits, _, actual) => hits / actual),
  f1: (units, classes) => new ClassMetric(units, classes, (hits, told, actual) => (2 * hits) / (told + actual)),
  rocAuc: (units, classes) => new RocAuc(units, classes),
  r2: (units) => new R2(units),
  meanAbsoluteError: () => new MeanAbsoluteError(),
};

export const metricNames = Object.keys(catalogue) as MetricName[];

/** Whether the largest output is the class of its sample: else each output is a yes or no of its own. */
export function tellClasses(units: number, activation: ActivationName | undefined): boolean {
  return activation === "softmax" || (units > 1 && activation !== "sigmoid");
}

export function startTally(metric: MetricLike, units: number, activation: ActivationName | undefined): Tally {
  if (typeof metric === "string") return catalogue[metric](units, tellClasses(units, activation));
  return new CustomTally(metric, units);
}

export function nameOf(metric: MetricLike): string {
  return typeof metric === "string" ? metric : metric.name;
}

/** What it is called where it is of the validation set. */
export function validationNameOf(name: string): string {
  return `validation${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** What is reported where nobody says: accuracy where there are classes to be right about. */
export function defaultMetrics(loss: LossLike, output: ActivationName | undefined): readonly MetricName[] {
  const classes = output === "softmax" || output === "sigmoid";
  return classes || loss === "categoricalCrossEntropy" || loss === "binaryCrossEntropy" ? ["accuracy"] : [];
}

/** Names that a history, an evaluation or what a callback is told has for something else. */
const TAKEN = ["loss", "learningRate", "epoch", "epochs", "stoppedBy", "history"];

/** The metrics, each once. Throws ArgumentError for unknown names, and names that stand for something else. */
export function readMetrics(where: string, metrics: unknown): readonly MetricLike[] {
  if (!Array.isArray(metrics)) {
    throw new ArgumentError(
      `${where}: ${shown(metrics)} was given, an array of names or { name, compute } was expected`,
    );
  }
  const known = new Map<string, MetricLike>();
  metrics.forEach((metric: unknown, m) => {
    const own = typeof metric === "object" && metric !== null;
    if (own) checkCustom(`${where}[${m}]`, metric);
    else checkName(`${where}[${m}]`, metric, metricNames);
    const name = nameOf(metric as MetricLike);
    // two that differ in their first capital alone would share the list of the validation set
    const list = validationNameOf(name);
    const other = known.get(list);
    if (other !== undefined && other !== metric) {
      throw new ArgumentError(`${where}[${m}]: name ${shown(name)} was given once more, another one was expected`);
    }
    known.set(list, metric as MetricLike);
  });
  return [...known.values()];
}

function checkCustom(where: string, metric: Partial<CustomMetric>): void {
  const { name, compute } = metric;
  if (typeof name !== "string" || typeof compute !== "function") {
    throw new ArgumentError(
      `${where}: it has name ${shown(name)} and compute ${shown(compute)}, a string and a function were expected`,
    );
  }
  const lists = [...TAKEN, ...metricNames].map(validationNameOf);
  const taken =
    TAKEN.includes(name) || name in {} || name.startsWith("validation") || lists.includes(validationNameOf(name));
  if (name === "" || taken) {
    throw new ArgumentError(
      `${where}: name ${shown(name)} was given, one that stands for nothing else in the history was expected`,
    );
  }
}

/** Asks a metric of one's own once, over all rows. */
class CustomTally implements Tally {
  readonly #metric: CustomMetric;
  readonly #rows: CollectedRows;

  constructor(metric: CustomMetric, units: number) {
    this.#metric = metric;
    this.#rows = new CollectedRows(units);
  }

  add(rows: MetricRows): void {
    this.#rows.add(rows);
  }

  value(): number {
    const { outputs, targets, samples, units, sampleWeights } = this.#rows;
    const value: unknown = this.#metric.compute(outputs, targets, { samples, units, sampleWeights });
    if (typeof value === "number") return value;
    throw new ArgumentError(`metric ${this.#metric.name}: compute returned ${shown(value)}, a number was expected`);
  }
}
