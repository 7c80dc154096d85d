import type { Scope } from "./backend/arena";
import type { Engine } from "./backend/engine";
import { Matrix } from "./backend/matrix";
import { copyRows, copyWhole, type Order, rowAt, type Source, throwNotFinite } from "./numbers";
import { Rows } from "./room";

/** Whether rows need no copy: those of a Matrix, in the order in which they lie. */
export function inPlace(source: Source, order: Order): source is Matrix {
  return source instanceof Matrix && order === undefined;
}

/** Room for the numbers of a batch's rows, which a kernel gathers by. */
class RowNumbers extends Rows {
  constructor(scope: Scope) {
    super(scope, 1);
  }

  /** The address of the numbers of the `count` rows that are next from place `start` of the order on. */
  take(where: string, order: Order, start: number, count: number): number {
    this.reserve(where, count);
    const { view } = this;
    for (let i = 0; i < count; i++) view[i] = rowAt(order, start, i);
    return this.pointer;
  }
}

/** Room for inputs that have to be copied into linear memory, and the way in. */
export class InputRows extends Rows {
  /** Whether they were: the kernel areSmall. */
  small = false;
  /** Rows that were copied before they were asked for; from which place of the order on, -1 for none, and how many. */
  readonly #ahead: Rows;
  #aheadStart = -1;
  #aheadCount = 0;
  #aheadSmall = false;
  /** Those that are gathered from a Matrix. */
  readonly #numbers: RowNumbers;

  /** `inPassing`: it is for steps, which make no objects, not even one to copy a batch by. */
  constructor(
    readonly engine: Engine,
    scope: Scope,
    features: number,
    readonly inPassing: boolean,
  ) {
    super(scope, features);
    this.#ahead = new Rows(scope, features);
    this.#numbers = new RowNumbers(scope);
  }

  /** Makes room for rows that are copied ahead; false where there is none. */
  reserveAhead(count: number): boolean {
    if (count <= this.#ahead.rows) return true;
    try {
      this.#numbers.reserve("fit", count);
      this.#ahead.reserve("fit", count);
      return true;
    } catch {
      return false;
    }
  }

  /** Copies what the next `take` will ask for, of the same source and in the same order, where it has room: while there is time. */
  copyAhead(source: Source, order: Order, start: number, count: number, small: boolean): void {
    this.#copy("fit", source, order, start, count, this.#ahead);
    this.#aheadSmall = small || this.#areSmall(count, this.#ahead.pointer);
    this.#aheadStart = start;
    this.#aheadCount = count;
  }

  override dispose(): void {
    super.dispose();
    this.#ahead.dispose();
    this.#numbers.dispose();
    this.#aheadStart = -1;
  }

  /** Takes what was copied ahead, where it is what is asked for, and leaves its own room for the rows after that. */
  #takeAhead(start: number, count: number): boolean {
    if (start !== this.#aheadStart || count !== this.#aheadCount) return false;
    const ahead = this.#ahead;
    const { pointer, view, rows } = this;
    this.pointer = ahead.pointer;
    this.view = ahead.view;
    this.rows = ahead.rows;
    this.small = this.#aheadSmall;
    ahead.pointer = pointer;
    ahead.view = view;
    ahead.rows = rows;
    this.#aheadStart = -1;
    return true;
  }

  /**
   * The address of the `count` rows of `source` that are next from place `start` of the order on: in place or as a copy.
   * Throws an ArgumentError where one is not finite. `small`: all are known to be, as the kernel areSmall has it.
   */
  take(where: string, source: Source, order: Order, start: number, count: number, small: boolean): number {
    const pointer = this.#takeAhead(start, count)
      ? this.pointer
      : this.#fetch(where, source, order, start, count, small);
    if (this.small) return pointer;
    const { width, engine } = this;
    const length = count * width;
    const bad = engine.kernels.firstNotFinite(length, pointer);
    if (bad < length) throwNotFinite(where, engine.view(pointer, length)[bad], order, start, bad, width);
    return pointer;
  }

  #fetch(where: string, source: Source, order: Order, start: number, count: number, small: boolean): number {
    const pointer = inPlace(source, order)
      ? source.pointer(where) + 8 * start * this.width
      : this.#copied(where, source, order, start, count);
    this.small = small || this.#areSmall(count, pointer);
    return pointer;
  }

  #areSmall(count: number, pointer: number): boolean {
    return !!this.engine.kernels.areSmall(count * this.width, pointer);
  }

  #copied(where: string, source: Source, order: Order, start: number, count: number): number {
    this.reserve(where, count);
    this.#copy(where, source, order, start, count, this);
    return this.pointer;
  }

  #copy(where: string, source: Source, order: Order, start: number, count: number, to: Rows): void {
    const { width, engine } = this;
    if (source instanceof Matrix) {
      const numbers = this.#numbers.take(where, order, start, count);
      engine.kernels.gatherRows(count, width, numbers, source.pointer(where), to.pointer);
    } else if (order === undefined && !this.inPassing) copyWhole(source, start * width, count * width, to.view);
    else copyRows(source, order, start, count, width, to.view);
  }
}
