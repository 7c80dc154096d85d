import type { LossBatch } from "../losses";
import { copy } from "../numbers";
import type { MetricRows } from "./metrics";

/** All rows of a set, kept for who can only say something about all of them: samples x units, and one weight a sample. */
export class CollectedRows implements LossBatch {
  samples = 0;
  #outputs = new Float64Array(0);
  #targets = new Float64Array(0);
  #weights = new Float64Array(0);
  #weighted = false;

  /** `samples`: how many will come, if that is known; there is room for more. */
  constructor(
    readonly units: number,
    samples = 0,
  ) {
    this.#makeRoom(samples);
  }

  add({ samples, outputs, targets, weights }: MetricRows): void {
    const { units } = this;
    const before = this.samples;
    if ((before + samples) * units > this.#outputs.length) this.#makeRoom(Math.max(before + samples, 2 * before));
    copy(outputs, 0, samples * units, this.#outputs, before * units);
    copy(targets, 0, samples * units, this.#targets, before * units);
    this.#weighted ||= weights !== undefined;
    if (weights === undefined) this.#weights.fill(1, before, before + samples);
    else copy(weights, 0, samples, this.#weights, before);
    this.samples += samples;
  }

  get outputs(): Float64Array {
    return this.#outputs.subarray(0, this.samples * this.units);
  }

  get targets(): Float64Array {
    return this.#targets.subarray(0, this.samples * this.units);
  }

  get sampleWeights(): Float64Array | undefined {
    return this.#weighted ? this.#weights.subarray(0, this.samples) : undefined;
  }

  #makeRoom(samples: number): void {
    const grown = (values: Float64Array, length: number) => {
      const larger = new Float64Array(length);
      larger.set(values);
      return larger;
    };
    this.#outputs = grown(this.#outputs, samples * this.units);
    this.#targets = grown(this.#targets, samples * this.units);
    this.#weights = grown(this.#weights, samples);
  }
}
