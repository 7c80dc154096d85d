import { Matrix } from "../backend/matrix";
import type { Batch } from "../batch";
import type { Core } from "../core";
import { type Data, gather, readData } from "../dataset";
import { ArgumentError, shown } from "../errors";
import type { JsonValue } from "../files/metadata";
import { ABORTED, type Feed } from "./feed";
import type { AbortSignalLike } from "./fitOptions";
import { isPromise } from "./pacer";

/** Batches, one after the other, for data that do not fit in memory. */
export type BatchStream = Iterable<Data> | AsyncIterable<Data>;

type Step = IteratorResult<Data> | Promise<IteratorResult<Data>>;

/** Batches that somebody else makes, read ahead by one: the next is on its way while the step runs. */
export class StreamFeed implements Feed {
  readonly batch: Batch;
  readonly batches = undefined;
  readonly described: JsonValue = "a stream";
  readonly lent = [];
  #iterator: Iterator<Data> | AsyncIterator<Data> | undefined;
  /** The batch that is on its way. */
  #next: Step | undefined;
  #epoch = 0;
  #count = 0;
  /** Its batches are promised, not made at once. */
  #waits = false;

  constructor(
    readonly core: Core,
    readonly open: () => BatchStream,
    readonly indices: boolean,
    readonly classWeights: Float64Array | undefined,
    readonly signal: AbortSignalLike | undefined,
  ) {
    this.batch = core.newBatch();
  }

  begin(_: number, epoch: number): void {
    this.#iterator = iterate(this.open);
    this.#epoch = epoch;
    this.#count = 0;
    this.#next = this.#ask();
  }

  load(): number | Promise<number> {
    // a batch that is made here and now has nothing to be ahead of
    this.#next ??= this.#ask();
    const next = this.#next;
    if (isPromise(next)) return this.#whenThere(next as Promise<IteratorResult<Data>>);
    return this.#take(next);
  }

  async #whenThere(next: Promise<IteratorResult<Data>>): Promise<number> {
    const result = await unlessAborted(next, this.signal);
    return result === undefined ? ABORTED : this.#take(result);
  }

  #take({ done, value }: IteratorResult<Data>): number {
    this.#next = undefined;
    if (done) {
      this.#iterator = undefined;
      if (this.#count > 0) return 0;
      const again = this.#epoch > 1 ? ", from a function that opens the stream anew each time" : "";
      throw new ArgumentError(`fit: data: epoch ${this.#epoch} had no batch, at least 1 was expected${again}`);
    }
    const { core } = this;
    core.checkAlive("fit");
    const where = `fit: batch ${++this.#count} of epoch ${this.#epoch}`;
    const data = readData(where, value, core.inputs, core.units, core.backend, this.indices);
    const { inputs } = data;
    // copied, a Matrix too: whoever makes the batches may use the memory of this one for the next
    const copied = { ...data, inputs: inputs instanceof Matrix ? inputs.values : inputs };
    gather(copied, undefined, 0, data.samples, this.batch);
    if (this.classWeights !== undefined) this.batch.takeClassWeights(this.classWeights);
    if (this.#waits) this.#next = this.#ask();
    return data.samples;
  }

  #ask(): Step {
    const next = this.#iterator?.next() as Step;
    // it is asked for when its turn comes; until then an error has nobody to go to
    this.#waits = isPromise(next);
    if (isPromise(next)) next.then(undefined, () => {});
    return next;
  }

  free(): void {
    this.batch.free();
  }

  end(): void {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    this.#next = undefined;
    try {
      // not awaited: a source that hangs would hang the fit; nor is its failure the fit's
      const left = iterator?.return?.();
      if (isPromise(left)) left.then(undefined, () => {});
    } catch {}
  }
}

/** Begins an epoch of a stream. Throws an ArgumentError where the function returns no stream. */
export function iterate(open: () => BatchStream): Iterator<Data> | AsyncIterator<Data> {
  const stream: Partial<Iterable<Data> & AsyncIterable<Data>> = open();
  const iterator = stream?.[Symbol.asyncIterator]?.() ?? stream?.[Symbol.iterator]?.();
  if (typeof iterator?.next === "function") return iterator;
  throw new ArgumentError(
    `fit: data: a function that returned ${shown(stream)} was given, one that returns an iterable of { inputs, targets } was expected`,
  );
}

/** What a promise comes to; undefined where the signal is faster. */
async function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignalLike | undefined,
): Promise<Value | undefined> {
  if (signal?.addEventListener === undefined) return promise;
  let tell = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    tell = () => resolve(undefined);
  });
  signal.addEventListener("abort", tell);
  try {
    return signal.aborted ? undefined : await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener?.("abort", tell);
  }
}
