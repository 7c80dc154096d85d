import type { Scope } from "./backend/arena";
import type { Engine } from "./backend/engine";
import { inferDense } from "./layers/dense";
import type { LayerState } from "./layers/layer";
import type { Room } from "./room";

/** Rows that a prediction takes at once where nobody says otherwise. */
export const PREDICTION_ROWS = 256;

/**
 * The forward pass of a prediction: dropout off, and buffers of its own, so that it disturbs no training pass.
 * Nothing of training is imported here.
 */
export class Inference implements Room {
  /** The outputs of the last run, samples x units. */
  outputs = 0;
  /** The z of the output layer, where it is a dense layer; else 0. */
  logits = 0;
  #inputs = 0;
  #inputView: Float64Array = new Float64Array(0);
  #outputView: Float64Array = new Float64Array(0);
  /** Two buffers that the layers take in turn, and a third for the output layer's z. */
  #buffers: readonly number[] = [];
  rows = 0;

  constructor(
    readonly engine: Engine,
    readonly scope: Scope,
    readonly layers: readonly LayerState[],
    readonly features: number,
    readonly units: number,
  ) {}

  /** Makes room for `rows` samples. */
  reserve(where: string, rows: number): void {
    if (rows <= this.rows) return;
    const widest = Math.max(...this.layers.map(({ units }) => units));
    const lengths = [rows * this.features, rows * widest, rows * widest, rows * this.units];
    const pointers = this.scope.allocateAll(where, lengths);
    this.dispose();
    [this.#inputs = 0, ...this.#buffers] = pointers;
    this.rows = rows;
    this.#inputView = this.engine.view(this.#inputs, rows * this.features);
    this.outputs = 0;
  }

  dispose(): void {
    for (const pointer of [this.#inputs, ...this.#buffers]) this.scope.free(pointer);
    this.#inputs = 0;
    this.#buffers = [];
    this.rows = 0;
  }

  /** Where the inputs of the next run can be written: room for the reserved rows x features. */
  get inputs(): Float64Array {
    return this.#inputView;
  }

  /** The first samples x units numbers of the outputs, valid until the next run. */
  outputView(samples: number): Float64Array {
    const length = samples * this.units;
    if (this.#outputView.byteOffset !== this.outputs || this.#outputView.length !== length) {
      this.#outputView = this.engine.view(this.outputs, length);
    }
    return this.#outputView;
  }

  /** Outputs of `samples` rows, from `x` or else from what was written to `inputs`. */
  run(samples: number, x = this.#inputs): void {
    const [first = 0, second = 0, logits = 0] = this.#buffers;
    const last = this.layers.length - 1;
    let from = x;
    let to = first;
    this.logits = 0;
    for (let l = 0; l <= last; l++) {
      const layer = this.layers[l] as LayerState;
      if (layer.description.kind !== "dense") continue;
      if (l === last) this.logits = logits;
      inferDense(this.engine, layer, samples, from, l === last ? logits : to, to);
      from = to;
      to = to === first ? second : first;
    }
    this.outputs = from;
  }
}
