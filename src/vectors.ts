import type { Objective, Segment } from "./optimizers";

/** Vectors over all trainable parameters, each in memory as its segments are: what is optimised; slots are 0, 1, ... */
export const PARAMETERS = -2;
export const GRADIENTS = -1;

/** Arithmetic on vectors over all segments, by number. */
export class Vectors {
  constructor(readonly objective: Objective) {}

  #address(segment: Segment, vector: number): number {
    if (vector === PARAMETERS) return segment.parameters;
    return vector === GRADIENTS ? segment.gradients : (segment.slots[vector] as number);
  }

  dot(x: number, y: number): number {
    const { kernels, results, segments } = this.objective;
    let sum = 0;
    for (const segment of segments) {
      kernels.dot(segment.length, this.#address(segment, x), this.#address(segment, y), results.pointer);
      sum += results.values[0] as number;
    }
    return sum;
  }

  norm(x: number): number {
    return Math.sqrt(this.dot(x, x));
  }

  /** z <- a x + b y; with b = 0 y is not read. */
  combine(a: number, x: number, b: number, y: number, z: number): void {
    for (const segment of this.objective.segments) {
      const [X, Y, Z] = [this.#address(segment, x), this.#address(segment, y), this.#address(segment, z)];
      this.objective.kernels.combine(segment.length, a, X, b, Y, Z);
    }
  }

  copy(x: number, z: number): void {
    this.combine(1, x, 0, x, z);
  }
}
