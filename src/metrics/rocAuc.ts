import { addTo, totalOf } from "../runningSum";
import { CollectedRows } from "./collectedRows";
import { classOf, isYes } from "./counts";
import type { MetricRows, Tally } from "./metrics";

/** The area under the ROC curve: how often a yes scores above a no, a tie by half. */
export class RocAuc implements Tally {
  readonly #classes: boolean;
  readonly #rows: CollectedRows;

  constructor(units: number, classes: boolean) {
    this.#classes = classes;
    this.#rows = new CollectedRows(units);
  }

  add(rows: MetricRows): void {
    this.#rows.add(rows);
  }

  value(): number {
    const { units } = this.#rows;
    let sum = 0;
    let count = 0;
    for (let j = 0; j < units; j++) {
      const area = this.#areaOf(j);
      if (area === undefined) continue;
      sum += area;
      count++;
    }
    return count === 0 ? NaN : sum / count;
  }

  /** Of output j; undefined where its samples are all of one kind. */
  #areaOf(j: number): number | undefined {
    const yes = this.#ascending(j, true);
    const no = this.#ascending(j, false);
    if (yes.scores.some(Number.isNaN) || no.scores.some(Number.isNaN)) return NaN;
    // running sums: pairs that are in order, the weight of yes and of no, and of no below the score in hand
    const sums = new Float64Array(8);
    for (const weight of no.weights) addTo(sums, weight, 2);
    let below = 0;
    let tied = 0;
    yes.scores.forEach((score, i) => {
      const weight = yes.weights[i] as number;
      if (score !== yes.scores[i - 1]) {
        while ((no.scores[below] as number) < score) addTo(sums, no.weights[below++] as number, 3);
        tied = 0;
        for (let at = below; no.scores[at] === score; at++) tied += no.weights[at] as number;
      }
      addTo(sums, weight * (totalOf(sums, 3) + tied / 2), 0);
      addTo(sums, weight, 1);
    });
    const pairs = totalOf(sums, 1) * totalOf(sums, 2);
    return pairs === 0 ? undefined : totalOf(sums, 0) / pairs;
  }

  /** Scores of output j, of the samples that are a yes there or a no and have a weight, from the lowest on. */
  #ascending(j: number, wanted: boolean): { scores: Float64Array; weights: Float64Array } {
    const { samples, units, outputs, targets, sampleWeights } = this.#rows;
    const kept = new Uint32Array(samples);
    let count = 0;
    for (let i = 0; i < samples; i++) {
      const is = this.#classes ? classOf(targets, units, i) === j : isYes(targets[i * units + j] as number);
      if (is === wanted && sampleWeights?.[i] !== 0) kept[count++] = i;
    }
    const rows = kept.subarray(0, count);
    const scoreOf = (i: number) => outputs[i * units + j] as number;
    // without weights the numbers alone are sorted, which is many times faster
    if (sampleWeights === undefined) {
      return { scores: Float64Array.from(rows, scoreOf).sort(), weights: new Float64Array(count).fill(1) };
    }
    const ranked = Array.from(rows).sort((a, b) => scoreOf(a) - scoreOf(b) || 0);
    return {
      scores: Float64Array.from(ranked, scoreOf),
      weights: Float64Array.from(ranked, (i) => sampleWeights[i] as number),
    };
  }
}
