import type { ActivationName } from "./activations";
import type { LossLike } from "./losses";

/** What a metric looks at: outputs and targets of some rows, samples x units. */
export interface MetricRows {
  readonly samples: number;
  readonly units: number;
  readonly outputs: Float64Array;
  readonly targets: Float64Array;
  readonly activation: ActivationName | undefined;
}

/**
 * A metric as counts that add up over rows, so that it is of a whole set and never a mean of batches:
 * `hits` of some rows, `outOf` how many there could be.
 */
interface Metric {
  hits(rows: MetricRows): number;
  outOf(samples: number, units: number, activation: ActivationName | undefined): number;
}

export type MetricName = "accuracy";

/** The catalogue. */
export const metrics = {
  accuracy: {
    hits(rows) {
      return isByOutput(rows.units, rows.activation) ? outputsRight(rows) : samplesRight(rows);
    },
    outOf: (samples, units, activation) => (isByOutput(units, activation) ? samples * units : samples),
  },
} as const satisfies Record<MetricName, Metric>;

export const metricNames = Object.keys(metrics) as MetricName[];

/** What is reported where nobody says: accuracy where there are classes to be right about. */
export function defaultMetrics(loss: LossLike, output: ActivationName | undefined): readonly MetricName[] {
  const classes = output === "softmax" || output === "sigmoid";
  return classes || loss === "categoricalCrossEntropy" || loss === "binaryCrossEntropy" ? ["accuracy"] : [];
}

/** Each output is a yes or no of its own: sigmoid outputs, or a single one. */
function isByOutput(units: number, activation: ActivationName | undefined): boolean {
  return activation === "sigmoid" || units === 1;
}

/** Samples whose largest output stands where the largest target does; the first of equals counts. */
function samplesRight({ samples, units, outputs, targets }: MetricRows): number {
  let right = 0;
  for (let i = 0; i < samples; i++) {
    const at = i * units;
    let output = 0;
    let target = 0;
    for (let j = 1; j < units; j++) {
      if ((outputs[at + j] as number) > (outputs[at + output] as number)) output = j;
      if ((targets[at + j] as number) > (targets[at + target] as number)) target = j;
    }
    if (output === target) right++;
  }
  return right;
}

/** Outputs on the side of 0.5 where their target is; 0.5 itself is a yes. */
function outputsRight({ samples, units, outputs, targets }: MetricRows): number {
  let right = 0;
  for (let i = 0; i < samples * units; i++) {
    if ((outputs[i] as number) >= 0.5 === (targets[i] as number) >= 0.5) right++;
  }
  return right;
}
