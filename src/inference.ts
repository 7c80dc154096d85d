import type { Scope } from "./backend/arena";
import type { Engine } from "./backend/engine";
import { checkOptions, checkWhole, ShapeError, shown } from "./errors";
import { InputRows } from "./inputRows";
import { inferBatchNorm } from "./layers/batchNorm";
import { inferDense } from "./layers/dense";
import type { LayerState } from "./layers/layer";
import { LiveView } from "./liveView";
import { copy, countRows, type Source } from "./numbers";
import { type Room, rowsOf, shrink } from "./room";

export interface PredictOptions {
  /** Where the outputs go, samples x units. Default: a fresh array. */
  out?: Float64Array | undefined;
  /** Rows that are computed at a time. Default 256. */
  batchSize?: number | undefined;
}

const PREDICT_OPTIONS = ["batchSize", "out"];

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
  rows = 0;
  /** Room for inputs that need a copy. */
  readonly inputs: InputRows;
  /** All room there is. */
  readonly rooms: readonly Room[];
  /** Two buffers that the layers take in turn, and a third for the output layer's z. */
  #buffers: readonly [number, number, number] = [0, 0, 0];
  readonly #outputView: LiveView;
  /** What there was room for before a call. */
  readonly #reserved: number[] = [];

  constructor(
    readonly engine: Engine,
    readonly scope: Scope,
    readonly layers: readonly LayerState[],
    readonly features: number,
    readonly units: number,
  ) {
    this.inputs = new InputRows(engine, scope, features, false);
    this.rooms = [this, this.inputs];
    this.#outputView = new LiveView(engine.arena.memory);
  }

  /** Makes room for `rows` samples, apart from their inputs. */
  reserve(where: string, rows: number): void {
    if (rows <= this.rows) return;
    const widest = this.layers.reduce((most, { units }) => Math.max(most, units), 0);
    const [first = 0, second = 0, z = 0] = this.scope.allocateAll(where, [
      rows * widest,
      rows * widest,
      rows * this.units,
    ]);
    this.dispose();
    this.#buffers = [first, second, z];
    this.rows = rows;
  }

  dispose(): void {
    for (const buffer of this.#buffers) this.scope.free(buffer);
    this.#buffers = [0, 0, 0];
    this.rows = 0;
  }

  /** The outputs of the last run, of `samples` rows: valid until the next. */
  outputView(samples: number): Float64Array {
    return this.#outputView.at(this.outputs, samples * this.units);
  }

  /** The outputs for all rows of `source`, in a fresh array or in `out`. Throws ShapeError, ArgumentError; room is given back. */
  predict(where: string, source: Source, options: PredictOptions): Float64Array {
    checkOptions(where, options, PREDICT_OPTIONS);
    const { out, batchSize = PREDICTION_ROWS } = options;
    checkWhole("predict: batchSize", batchSize, 1);
    const { units } = this;
    const samples = countRows(source, this.features);
    if (out !== undefined && (!(out instanceof Float64Array) || out.length !== samples * units)) {
      const given = out instanceof Float64Array ? `${out.length} numbers were` : `${shown(out)} was`;
      throw new ShapeError(
        `${where}: out: ${given} given, a Float64Array of ${samples} x ${units} = ${samples * units} was expected`,
      );
    }
    const result = out ?? new Float64Array(samples * units);
    const before = rowsOf(this.rooms, this.#reserved);
    try {
      this.#predict(where, source, samples, Math.min(batchSize, samples), result);
    } catch (error) {
      shrink(this.rooms, before);
      throw error;
    }
    return result;
  }

  /** `rows` at a time. */
  #predict(where: string, source: Source, samples: number, rows: number, out: Float64Array): void {
    const { units } = this;
    this.reserve(where, rows);
    for (let start = 0; start < samples; start += rows) {
      const count = Math.min(rows, samples - start);
      this.run(count, this.inputs.take("predict: inputs", source, undefined, start, count, false));
      copy(this.outputView(count), 0, count * units, out, start * units);
    }
  }

  /** The outputs of `samples` rows from `x` on. */
  run(samples: number, x: number): void {
    const last = this.layers.length - 1;
    const buffers = this.#buffers;
    let from = x;
    let to = buffers[0];
    this.logits = 0;
    for (let l = 0; l <= last; l++) {
      const layer = this.layers[l] as LayerState;
      const { kind } = layer.description;
      if (kind === "dropout") continue;
      if (kind === "batchNorm") inferBatchNorm(this.engine, layer, samples, from, to);
      else {
        if (l === last) this.logits = buffers[2];
        inferDense(this.engine, layer, samples, from, l === last ? buffers[2] : to, to);
      }
      from = to;
      to = to === buffers[0] ? buffers[1] : buffers[0];
    }
    this.outputs = from;
  }
}
