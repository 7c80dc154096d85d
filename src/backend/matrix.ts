import { disposeSymbol } from "../disposable";
import { DisposedError } from "../errors";
import type { Backend } from "./backend";

/**
 * A rows x cols matrix of float64 in the backend's linear memory, row-major. Made by `backend.matrix`, or as the
 * result of an operation.
 */
export class Matrix implements Disposable {
  readonly backend: Backend;
  readonly rows: number;
  readonly cols: number;
  readonly #pointer: number;
  readonly #values: Float64Array;
  #release: (() => void) | undefined;
  /** Who reads its memory and cannot be told of its dispose, and what is to be done when they are through. */
  #holders = 0;
  #pending: (() => void) | undefined;

  /** @internal */
  constructor(
    backend: Backend,
    rows: number,
    cols: number,
    pointer: number,
    values: Float64Array,
    release: () => void,
  ) {
    this.backend = backend;
    this.rows = rows;
    this.cols = cols;
    this.#pointer = pointer;
    this.#values = values;
    this.#release = release;
  }

  /** The numbers, row after row: a live view, whose address and length hold until `dispose`. */
  get values(): Float64Array {
    this.checkAlive("matrix.values");
    return this.#values;
  }

  /** @internal The address of the first number. */
  pointer(where: string): number {
    this.checkAlive(where);
    return this.#pointer;
  }

  /** @internal */
  checkAlive(where: string): void {
    if (this.#release === undefined) {
      throw new DisposedError(
        `${where}: a ${this.rows}x${this.cols} matrix was used after its dispose, a live one was expected`,
      );
    }
    this.backend.engine.checkAlive(where);
  }

  /** Gives its memory back; twice is fine. Views of it must not be used any more. */
  dispose(): void {
    const release = this.#release;
    this.#release = undefined;
    if (this.#holders === 0) release?.();
    else this.#pending ??= release;
  }

  /** @internal Keeps its memory, disposed of or not, until what it returns is called. */
  hold(): () => void {
    this.#holders++;
    return () => {
      if (--this.#holders > 0) return;
      this.#pending?.();
      this.#pending = undefined;
    };
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
