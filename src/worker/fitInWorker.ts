import { type HostWorker, startWorker } from "../backend/hostWorker";
import { Matrix } from "../backend/matrix";
import { chunk } from "../chunk";
import type { Core } from "../core";
import type { Data } from "../dataset";
import * as errors from "../errors";
import { messageOf, WorkerError } from "../errors";
import type { Fit } from "../fit/fit";
import type { FitData, FitOptions } from "../fit/fitOptions";
import { type History, latest } from "../fit/history";
import { isPromise, Pacer } from "../fit/pacer";
import { iterate, StreamFeed } from "../fit/streamFeed";
import { readTraining, writeTraining } from "../fit/trainingFile";
import type { LayerState } from "../layers/layer";
import type { LossName } from "../losses";
import type { MetricName } from "../metrics/metrics";
import type { Bytes } from "../numbers";
import type { Asks, Changed, FromWorker, Moved, Start, ToWorker, TransportedError, Window } from "./messages";

/** Milliseconds between two looks at a signal that does not call. */
const POLL = 20;

/**
 * Runs a fit in a worker: network, training and fit go over as a checkpoint and come back as one. Callbacks, schedule, stream and
 * `save` stay here and are asked for. While a callback runs the network here is as it is there.
 */
export async function fitInWorker(fit: Fit, data: FitData, options: FitOptions): Promise<History> {
  await fit.start();
  const { default: source } = await chunk("fit: worker", import("../../build/trainingWorker.source"));
  fit.training.core.checkAlive("fit");
  let worker: HostWorker;
  try {
    worker = startWorker(source);
  } catch (error) {
    throw new WorkerError(`fit: worker: true was given, but no worker could be started: ${messageOf(error)}`);
  }
  return new RemoteFit(fit, data, options, worker).run();
}

class RemoteFit {
  readonly #core: Core;
  /** What somebody here threw: the fit fails with that very error. */
  #own: { readonly error: unknown } | undefined;
  /** Where the data are a stream. */
  readonly #stream: StreamFeed | undefined;
  #batches: Iterator<Data> | AsyncIterator<Data> | undefined;
  /** Steps that the schedule has been asked about. */
  #scheduled: number;

  constructor(
    readonly fit: Fit,
    readonly data: FitData,
    readonly options: FitOptions,
    readonly worker: HostWorker,
  ) {
    this.#core = fit.training.core;
    this.#scheduled = fit.steps;
    const { feed } = fit.plan;
    if (feed instanceof StreamFeed) this.#stream = feed;
  }

  async run(): Promise<History> {
    const { worker, fit } = this;
    const { engine } = this.#core;
    const { signal } = fit.plan;
    const held = this.#lent.map((matrix) => matrix.hold());
    let stopListening = () => {};
    let disposed = () => {};
    try {
      const end = new Promise<FromWorker & { kind: "end" }>((resolve, reject) => {
        const lost = (reason: string) => reject(new WorkerError(`fit: worker: it ${reason}`));
        worker.listen((message) => {
          const said = message as FromWorker;
          if (said.kind === "end") resolve(said);
          else void this.#answer(said);
        }, lost);
        disposed = () => lost("had no backend any more: it was disposed");
        engine.endings.add(disposed);
      });
      this.#core.away = true;
      fit.training.away = true;
      // a failure meanwhile is heard of below
      end.catch(() => {});
      stopListening = whenAborted(signal, () => this.#post({ kind: "abort" }));
      // what is sent is copied: a page has a frame before, between and after
      await this.#breathe();
      const start = this.#start();
      await this.#breathe();
      this.#post(start, [start.checkpoint.buffer]);
      this.#comeBack(await end);
    } catch (error) {
      this.#core.checkAlive("fit");
      throw error;
    } finally {
      this.#core.away = false;
      fit.training.away = false;
      engine.endings.delete(disposed);
      stopListening();
      retire(worker, held);
      this.#leave();
    }
    return fit.plan.history;
  }

  async #breathe(): Promise<void> {
    await new Pacer().breathe();
    this.#core.checkAlive("fit");
  }

  #post(message: ToWorker, moved: readonly ArrayBufferLike[] = []): void {
    try {
      this.worker.post(message, moved);
    } catch (error) {
      throw new WorkerError(`fit: worker: what it needs could not be sent there: ${messageOf(error)}`);
    }
  }

  #start(): Start {
    const { fit, options } = this;
    const { loss, optimizer, clipNorm } = fit.training;
    const { backend } = this.#core;
    const { onStep, onEpoch, schedule, validation, checkpoint, signal, resume, worker, ...plain } = options;
    const { save, ...target } = checkpoint ?? {};
    return {
      backend: { ...backend.origin, variant: backend.variant, threads: backend.threads },
      checkpoint: writeTraining(fit),
      loss: loss as LossName,
      optimizer: { name: optimizer.name, config: optimizer.config },
      metrics: fit.metrics as readonly MetricName[],
      clipNorm,
      data: this.#stream === undefined ? portable(this.data as Data) : undefined,
      options: {
        ...plain,
        ...(validation === undefined ? {} : { validation: portable(validation) }),
        ...(checkpoint === undefined ? {} : { checkpoint: target }),
      },
      functions: {
        onStep: onStep !== undefined,
        onEpoch: onEpoch !== undefined,
        save: save !== undefined,
        schedule: schedule !== undefined,
      },
      window: this.#window,
      factors: this.#factors(),
      aborted: signal?.aborted === true,
    };
  }

  /** Matrices whose numbers are read there. */
  get #lent(): readonly Matrix[] {
    const { feed, validation } = this.fit.plan;
    return [...feed.lent, ...(validation?.lent ?? [])];
  }

  /** The network's own memory, where a worker can be given it. */
  get #window(): Window | undefined {
    const { stateView: state, gradientsView: gradients } = this.#core;
    return isShared(state) && canShare() ? { state, gradients } : undefined;
  }

  /** What the schedule says of the steps of the epoch that comes; of a stream it is asked with each batch. */
  #factors(): Float64Array | undefined {
    const { schedule, feed } = this.fit.plan;
    if (schedule === undefined || feed.batches === undefined) return undefined;
    return Float64Array.from({ length: feed.batches }, () => this.#factor());
  }

  #factor(): number {
    const { schedule, history } = this.fit.plan;
    // what is no number is refused there, as it would be here
    return Number(schedule?.(this.#scheduled++, history.epochs, history));
  }

  async #answer({ id, what, ask }: FromWorker & { kind: "ask" }): Promise<void> {
    const { worker } = this;
    try {
      const answers: { [What in keyof Asks]: (ask: never) => Promise<Asks[What]["answer"]> } = {
        step: (asked: Asks["step"]["ask"]) => this.#step(asked),
        epoch: (asked: Asks["epoch"]["ask"]) => this.#epoch(asked),
        save: async (bytes: Bytes) => {
          await this.options.checkpoint?.save?.(bytes);
          return undefined;
        },
        next: (asked: Asks["next"]["ask"]) => this.#next(asked),
        leave: async () => {
          this.#leave();
          return undefined;
        },
      };
      const answer = await answers[what](ask as never);
      worker.post({ kind: "answer", id, answer } satisfies ToWorker);
    } catch (error) {
      this.#own ??= { error };
      worker.post({ kind: "failed", id } satisfies ToWorker);
    }
  }

  async #step({ info, moved }: Asks["step"]["ask"]): Promise<Changed> {
    return this.#callback(moved, () => this.options.onStep?.(info));
  }

  async #epoch({ numbers, moved }: Asks["epoch"]["ask"]): Promise<Asks["epoch"]["answer"]> {
    const { history, epochs } = this.fit.plan;
    for (const [name, number] of Object.entries(numbers)) if (number !== undefined) history[name]?.push(number);
    history.epochs++;
    const changed =
      moved === undefined
        ? undefined
        : await this.#callback(moved, () => this.options.onEpoch?.(latest(history, epochs)));
    return { changed, factors: history.epochs < epochs ? this.#factors() : undefined };
  }

  /** Has the network here be as it is there, while a callback runs. Returns what that has changed. */
  async #callback({ state, gradients, step }: Moved, call: () => unknown): Promise<Changed> {
    const core = this.#core;
    core.checkAlive("fit");
    if (state !== undefined) core.stateView.set(state);
    if (gradients !== undefined) core.gradientsView.set(gradients);
    core.step = step;
    core.forget();
    core.updated();
    core.away = false;
    try {
      const answer = call();
      if (isPromise(answer)) await answer;
    } finally {
      core.away = true;
    }
    core.checkAlive("fit");
    for (const matrix of this.#lent) matrix.checkAlive("fit");
    const trainable = core.states.map((layer: LayerState) => layer.trainable);
    const { metadata } = core;
    const changed = { step: core.step, trainable, metadata };
    return state === undefined ? changed : { ...changed, state: core.stateView.slice() };
  }

  async #next({ first }: Asks["next"]["ask"]): Promise<Asks["next"]["answer"]> {
    if (first && this.#stream !== undefined) this.#batches = iterate(this.#stream.open);
    const result = await this.#batches?.next();
    if (result === undefined || result.done) {
      this.#batches = undefined;
      return undefined;
    }
    const factor = this.fit.plan.schedule === undefined ? undefined : this.#factor();
    return { batch: portable(result.value), factor };
  }

  /** Leaves the stream where it stands. */
  #leave(): void {
    const batches = this.#batches;
    this.#batches = undefined;
    const left = batches?.return?.();
    if (isPromise(left)) left.then(undefined, () => {});
  }

  /** Takes the network and the training over as they have become there; throws what has ended them. */
  #comeBack({ checkpoint, gradients, stoppedBy, error }: FromWorker & { kind: "end" }): void {
    const core = this.#core;
    core.checkAlive("fit");
    core.away = false;
    if (checkpoint !== undefined) {
      const { metadata } = core;
      readTraining("fit", checkpoint, this.fit);
      core.metadata = metadata;
      core.forget();
      if (gradients !== undefined) core.gradientsView.set(gradients);
    }
    this.fit.plan.history.stoppedBy = stoppedBy;
    if (error?.own && this.#own !== undefined) throw this.#own.error;
    if (error !== undefined) throw restored(error);
  }
}

/**
 * Milliseconds that a worker is left idle before it is ended. Node falls over where a thread ends while its code is being
 * optimised in the background (an assertion in node_platform.cc, in about one of 250 fits of a few milliseconds).
 */
const REST = 500;

/** Ends a worker, and then lets go of what it may still read, without keeping the process alive for it. */
function retire(worker: HostWorker, held: readonly (() => void)[]): void {
  // where the fit failed here, it is still at work
  worker.post({ kind: "abort" } satisfies ToWorker);
  worker.release();
  const timer = setTimeout(() => {
    worker.end();
    for (const release of held) release();
  }, REST);
  if (typeof timer === "object") timer.unref?.();
}

/** Whether these lie in shared memory; where a page is not isolated that has no name, but there it is. */
function isShared({ buffer }: Float64Array): boolean {
  return Object.prototype.toString.call(buffer) === "[object SharedArrayBuffer]";
}

/** Whether such memory can be sent to a worker. */
function canShare(): boolean {
  return typeof crossOriginIsolated === "undefined" || crossOriginIsolated;
}

/** Data that can be sent: what lies in linear memory as the array that it is, shared where it can be. */
function portable(data: Data): Data {
  // what is no data is refused there, as it would be here
  if (typeof data !== "object" || data === null) return data;
  const sent = <Value>(values: Value): Value => {
    const array = values instanceof Matrix ? values.values : values;
    const copied = array instanceof Float64Array && isShared(array) && !canShare();
    return (copied ? array.slice() : array) as Value;
  };
  const { inputs, targets, sampleWeights } = data;
  const both = { inputs: sent(inputs), targets: sent(targets) };
  return sampleWeights === undefined ? both : { ...both, sampleWeights: sent(sampleWeights) };
}

/** Calls once the signal is aborted. Returns how to stop listening. */
function whenAborted(signal: FitOptions["signal"], abort: () => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.addEventListener !== undefined) {
    signal.addEventListener("abort", abort);
    return () => signal.removeEventListener?.("abort", abort);
  }
  let timer: unknown;
  const look = () => {
    if (signal.aborted) abort();
    else timer = setTimeout(look, POLL);
  };
  look();
  return () => clearTimeout(timer);
}

/** The error that it was there. */
function restored({ name, message, step = 0, layer = -1 }: TransportedError): Error {
  if (name === "DivergedError") return new errors.DivergedError(message, step, layer);
  const known: Record<string, new (message: string) => Error> = {
    ShapeError: errors.ShapeError,
    ArgumentError: errors.ArgumentError,
    FormatError: errors.FormatError,
    OutOfMemoryError: errors.OutOfMemoryError,
    BusyError: errors.BusyError,
  };
  const Kind = known[name];
  return Kind === undefined ? new WorkerError(`fit: worker: ${name}: ${message}`) : new Kind(message);
}
