import type { Matrix } from "../backend/matrix";
import type { Batch } from "../batch";
import type { Core } from "../core";
import { type Dataset, gather } from "../dataset";
import type { JsonValue } from "../files/metadata";
import { inPlace } from "../inputRows";
import { permute } from "../random";
import { type Resident, residentInputs } from "./resident";

/** What `load` returns where the signal has ended the wait. */
export const ABORTED = -1;

/** Where the batches of a fit come from. */
export interface Feed {
  /** Where `load` puts a batch: its own, whatever is done with the network meanwhile. */
  readonly batch: Batch;
  /** Batches in an epoch, where that is known. */
  readonly batches: number | undefined;
  /** What makes its batches what they are, as it is written down. */
  readonly described: JsonValue;
  /** Matrices among its data. */
  readonly lent: readonly Matrix[];
  /** Starts an epoch, the `epoch`-th of this fit; the trainer has `past` of them behind it. */
  begin(past: number, epoch: number): void;
  /**
   * Loads the next batch of the epoch. Returns its samples, 0 where the epoch is over, or ABORTED; a promise only where it has
   * to wait.
   */
  load(): number | Promise<number>;
  /** Leaves the epoch, wherever it stands. */
  end(): void;
  /** Gives back what it took of memory. */
  free(): void;
}

/** Batches of a data set in memory, in an order of their own each epoch. */
export class DatasetFeed implements Feed {
  readonly batch: Batch;
  readonly batches: number;
  #start = 0;
  /** From the first epoch on, where inputs move into linear memory. */
  #resident: Resident | undefined;
  /** Copies the inputs of the next batch while other threads compute with those of this one. */
  readonly #copyAhead: () => void;

  constructor(
    readonly core: Core,
    readonly data: Dataset,
    readonly batchSize: number,
    /** Room for the order of an epoch; undefined where samples keep theirs. */
    readonly order: Uint32Array | undefined,
    readonly seed: number,
    readonly classWeights: Float64Array | undefined,
    /** There will be several epochs. */
    readonly again: boolean,
  ) {
    this.batch = core.newBatch();
    this.batches = Math.ceil(data.samples / batchSize);
    const { copies } = this.batch;
    this.#copyAhead = () => {
      const { inputs, first, small } = this.#held;
      copies.copyAhead(inputs, order, first + this.#start, this.#next, small);
    };
  }

  /** Samples of the batch that is next. */
  get #next(): number {
    return Math.min(this.batchSize, this.data.samples - this.#start);
  }

  /** The data, where they are now. */
  get #held(): Dataset {
    return this.#resident?.data ?? this.data;
  }

  begin(past: number): void {
    if (this.again) this.#resident ??= residentInputs(this.data, this.core);
    if (this.order !== undefined) permute(this.core.engine, this.order, this.seed, past);
    this.#start = 0;
  }

  /** Makes no objects. */
  load(): number {
    const { batch, order } = this;
    const data = this.#held;
    const { engine } = this.core;
    const start = this.#start;
    const samples = this.#next;
    if (samples === 0) return 0;
    gather(data, order, start, samples, batch);
    if (this.classWeights !== undefined) batch.takeClassWeights(this.classWeights);
    this.#start = start + samples;
    const ahead = engine.threads > 1 && this.#next > 0 && !inPlace(data.inputs, order);
    engine.aside = ahead && batch.copies.reserveAhead(this.#next) ? this.#copyAhead : undefined;
    return samples;
  }

  end(): void {
    this.core.engine.aside = undefined;
  }

  free(): void {
    this.batch.free();
    this.#resident?.free();
    this.#resident = undefined;
  }

  get lent(): readonly Matrix[] {
    return this.data.lent;
  }

  get described(): JsonValue {
    const { batchSize, order, seed, data, classWeights } = this;
    return {
      samples: data.samples,
      batchSize,
      shuffle: order !== undefined,
      seed,
      weights: data.weights !== undefined,
      classWeights: classWeights === undefined ? null : [...classWeights],
    };
  }
}
