import { addTo, totalOf } from "../runningSum";
import type { MetricRows, Tally } from "./metrics";

/** The mean of |Y - Yhat| over all samples and outputs. */
export class MeanAbsoluteError implements Tally {
  /** Running sums: of the distances, and of the weights. */
  readonly #sums = new Float64Array(4);

  add({ samples, units, outputs, targets, weights }: MetricRows): void {
    for (let i = 0; i < samples; i++) {
      const weight = weights === undefined ? 1 : (weights[i] as number);
      for (let at = i * units; at < (i + 1) * units; at++) {
        addTo(this.#sums, weight * Math.abs((outputs[at] as number) - (targets[at] as number)), 0);
      }
      addTo(this.#sums, weight * units, 1);
    }
  }

  value(): number {
    return totalOf(this.#sums, 0) / totalOf(this.#sums, 1);
  }
}

/** The share of the targets' variance that the outputs explain. */
export class R2 implements Tally {
  readonly #units: number;
  #samples = 0;
  #weight = 0;
  /** The first target of each output that has a weight: what the others are taken from, so that a large mean costs no digits. */
  #shift: Float64Array | undefined;
  /** Of each output: the mean of its shifted targets so far. */
  readonly #mean: Float64Array;
  /** Running sums, two for each output: of the squared residuals, and of the squares around the mean. */
  readonly #sums: Float64Array;

  constructor(units: number) {
    this.#units = units;
    this.#mean = new Float64Array(units);
    this.#sums = new Float64Array(4 * units);
  }

  add({ samples, units, outputs, targets, weights }: MetricRows): void {
    this.#samples += samples;
    for (let i = 0; i < samples; i++) {
      const weight = weights === undefined ? 1 : (weights[i] as number);
      if (weight === 0) continue;
      const at = i * units;
      this.#shift ??= targets.slice(at, at + units);
      this.#weight += weight;
      for (let j = 0; j < units; j++) {
        const target = targets[at + j] as number;
        const residual = (outputs[at + j] as number) - target;
        addTo(this.#sums, weight * residual * residual, 2 * j);
        // the mean moves on, and the squares around it grow (West 1979)
        const shifted = target - (this.#shift[j] as number);
        const before = this.#mean[j] as number;
        const mean = before + (weight / this.#weight) * (shifted - before);
        this.#mean[j] = mean;
        addTo(this.#sums, weight * (shifted - before) * (shifted - mean), 2 * j + 1);
      }
    }
  }

  value(): number {
    if (this.#samples < 2) return NaN;
    let sum = 0;
    for (let j = 0; j < this.#units; j++) {
      const residuals = totalOf(this.#sums, 2 * j);
      const squares = totalOf(this.#sums, 2 * j + 1);
      if (squares !== 0) sum += 1 - residuals / squares;
      else if (residuals === 0) sum += 1;
    }
    return sum / this.#units;
  }
}
