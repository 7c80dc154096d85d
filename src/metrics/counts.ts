import { addTo, totalOf } from "../runningSum";
import type { MetricRows, Tally } from "./metrics";

/** The side of 0.5 on which a single output is; 0.5 itself is a yes. */
export function isYes(value: number): boolean {
  return value >= 0.5;
}

/** The class of row `i` of samples x units: where its largest number stands, the first of equals. */
export function classOf(values: Float64Array, units: number, i: number): number {
  const at = i * units;
  let largest = 0;
  for (let j = 1; j < units; j++) {
    if ((values[at + j] as number) > (values[at + largest] as number)) largest = j;
  }
  return largest;
}

/** The class that row `i` tells, or is: of a single output 1 for yes and 0 for no. */
export function classAt(values: Float64Array, units: number, i: number): number {
  if (units > 1) return classOf(values, units, i);
  return isYes(values[i] as number) ? 1 : 0;
}

/** The weight of what was right over that of all there was. */
export class Accuracy implements Tally {
  readonly #classes: boolean;
  /** Running sums: what was right, and all. */
  readonly #sums = new Float64Array(4);

  constructor(classes: boolean) {
    this.#classes = classes;
  }

  add(rows: MetricRows): void {
    const { samples, units, weights } = rows;
    const each = this.#classes ? 1 : units;
    // of the batch in variables, for a number that is handed over is a new object
    let right = 0;
    let all = 0;
    for (let i = 0; i < samples; i++) {
      const weight = weights === undefined ? 1 : (weights[i] as number);
      right += weight * this.#rightIn(rows, i);
      all += weight * each;
    }
    addTo(this.#sums, right, 0);
    addTo(this.#sums, all, 1);
  }

  value(): number {
    return totalOf(this.#sums, 0) / totalOf(this.#sums, 1);
  }

  /** Of row i: its class, 0 or 1, or how many of its outputs. */
  #rightIn({ units, outputs, targets }: MetricRows, i: number): number {
    if (this.#classes) return classOf(outputs, units, i) === classOf(targets, units, i) ? 1 : 0;
    let right = 0;
    for (let at = i * units; at < (i + 1) * units; at++) {
      if (isYes(outputs[at] as number) === isYes(targets[at] as number)) right++;
    }
    return right;
  }
}

/** A figure of each class, or each output, from three weights: told rightly, told, and there. */
type Ratio = (hits: number, told: number, actual: number) => number;

const HITS = 0;
const TOLD = 1;
const ACTUAL = 2;

/** The mean of a ratio over the classes, or outputs, of which any was told or there. */
export class ClassMetric implements Tally {
  readonly #classes: boolean;
  readonly #ratio: Ratio;
  /** Running sums, three for each class or output. */
  readonly #sums: Float64Array;
  /** Whether a class was told or there, with whatever weight; an output always counts. */
  readonly #seen: Uint8Array;

  constructor(units: number, classes: boolean, ratio: Ratio) {
    this.#classes = classes;
    this.#ratio = ratio;
    this.#sums = new Float64Array(6 * units);
    this.#seen = new Uint8Array(units).fill(classes ? 0 : 1);
  }

  add({ samples, units, outputs, targets, weights }: MetricRows): void {
    for (let i = 0; i < samples; i++) {
      const weight = weights === undefined ? 1 : (weights[i] as number);
      if (this.#classes) {
        const told = classOf(outputs, units, i);
        const actual = classOf(targets, units, i);
        this.#count(told, TOLD, weight);
        this.#count(actual, ACTUAL, weight);
        if (told === actual) this.#count(told, HITS, weight);
        continue;
      }
      for (let j = 0; j < units; j++) {
        const told = isYes(outputs[i * units + j] as number);
        const actual = isYes(targets[i * units + j] as number);
        if (told) this.#count(j, TOLD, weight);
        if (actual) this.#count(j, ACTUAL, weight);
        if (told && actual) this.#count(j, HITS, weight);
      }
    }
  }

  #count(one: number, what: number, weight: number): void {
    this.#seen[one] = 1;
    addTo(this.#sums, weight, 3 * one + what);
  }

  value(): number {
    let sum = 0;
    let count = 0;
    this.#seen.forEach((seen, one) => {
      if (seen === 0) return;
      const [hits = 0, told = 0, actual = 0] = [HITS, TOLD, ACTUAL].map((what) => totalOf(this.#sums, 3 * one + what));
      // without a hit it is 0, whatever it would be divided by
      if (hits > 0) sum += this.#ratio(hits, told, actual);
      count++;
    });
    return sum / count;
  }
}
