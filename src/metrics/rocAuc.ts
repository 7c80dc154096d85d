import type { MetricRows, Tally } from "../metrics";
import { addTo, totalOf } from "../runningSum";
import { CollectedRows } from "./collectedRows";
import { classOf, isYes } from "./counts";

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
    const { samples, units, outputs, targets, sampleWeights } = this.#rows;
    const weightOf = (i: number) => (sampleWeights === undefined ? 1 : (sampleWeights[i] as number));
    const scoreOf = (i: number) => outputs[i * units + j] as number;
    const yesOf = (i: number) =>
      this.#classes ? classOf(targets, units, i) === j : isYes(targets[i * units + j] as number);

    const ascending = Uint32Array.from({ length: samples }, (_, i) => i).filter((i) => weightOf(i) > 0);
    if (ascending.some((i) => Number.isNaN(scoreOf(i)))) return NaN;
    ascending.sort((a, b) => (scoreOf(a) < scoreOf(b) ? -1 : scoreOf(a) > scoreOf(b) ? 1 : 0));
    // running sums: pairs that are in order, the weight of no and of yes
    const sums = new Float64Array(6);
    for (let from = 0, to = 0; from < ascending.length; from = to) {
      const tied = new Float64Array(4);
      const score = scoreOf(ascending[from] as number);
      while (to < ascending.length && scoreOf(ascending[to] as number) === score) {
        const i = ascending[to++] as number;
        addTo(tied, weightOf(i), yesOf(i) ? 1 : 0);
      }
      const [no, yes] = [totalOf(tied, 0), totalOf(tied, 1)];
      addTo(sums, yes * (totalOf(sums, 1) + no / 2), 0);
      addTo(sums, no, 1);
      addTo(sums, yes, 2);
    }
    const pairs = totalOf(sums, 1) * totalOf(sums, 2);
    return pairs === 0 ? undefined : totalOf(sums, 0) / pairs;
  }
}
