import type { LinearMemory } from "./backend/arena";

/**
 * A view of numbers in linear memory that may move: the same object while they don't. Two are kept, since the short batch at
 * the end of an epoch and the whole ones take turns.
 */
export class LiveView {
  #view: Float64Array = new Float64Array(0);
  #pointer = 0;
  #before = this.#view;
  #pointerBefore = 0;

  constructor(readonly memory: LinearMemory) {}

  at(pointer: number, length: number): Float64Array {
    if (this.#pointer === pointer && this.#view.length === length) return this.#view;
    const again = this.#pointerBefore === pointer && this.#before.length === length;
    const view = again ? this.#before : this.memory.view(pointer, length);
    this.#before = this.#view;
    this.#pointerBefore = this.#pointer;
    this.#view = view;
    this.#pointer = pointer;
    return view;
  }
}
