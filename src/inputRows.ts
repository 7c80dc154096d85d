import type { Scope } from "./backend/arena";
import type { Engine } from "./backend/engine";
import { Matrix } from "./backend/matrix";
import { copyRows, type Order, rowAt, type Source, throwNotFinite } from "./numbers";
import { Rows } from "./room";

/** Whether rows need no copy: those of a Matrix, in the order in which they lie. */
export function inPlace(source: Source, order: Order): source is Matrix {
  return source instanceof Matrix && order === undefined;
}

/** Room for inputs that have to be copied into linear memory, and the way in. */
export class InputRows extends Rows {
  /** Whether they were: the kernel areSmall. */
  small = false;

  constructor(
    readonly engine: Engine,
    scope: Scope,
    features: number,
  ) {
    super(scope, features);
  }

  /**
   * The address of the `count` rows of `source` that are next from place `start` of the order on: in place or as a copy.
   * Throws an ArgumentError where one is not finite.
   */
  take(where: string, source: Source, order: Order, start: number, count: number): number {
    const { width, engine } = this;
    const pointer = inPlace(source, order)
      ? source.pointer(where) + 8 * start * width
      : this.#copied(where, source, order, start, count);
    const length = count * width;
    this.small = !!engine.kernels.areSmall(length, pointer);
    if (this.small) return pointer;
    const bad = engine.kernels.firstNotFinite(length, pointer);
    if (bad < length) throwNotFinite(where, engine.view(pointer, length)[bad], order, start, bad, width);
    return pointer;
  }

  #copied(where: string, source: Source, order: Order, start: number, count: number): number {
    this.reserve(where, count);
    const { pointer, width, engine } = this;
    if (source instanceof Matrix) {
      const from = source.pointer(where);
      for (let i = 0; i < count; i++) {
        engine.kernels.linear(width, from + 8 * width * rowAt(order, start, i), pointer + 8 * width * i);
      }
    } else copyRows(source, order, start, count, width, this.view);
    return pointer;
  }
}
