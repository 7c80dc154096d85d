/**
 * The worker of a fit with `worker: true`: built to a string (assembly/build.mjs), since a file beside a bundle gets lost. It
 * has a backend, a network and a training of its own, made from a checkpoint, and runs the same fit.
 */
import { Backend } from "../backend/backend";
import { createJs, createWasm, instantiate, type WasmVariant } from "../backend/instantiate";
import { startThreads } from "../backend/threads";
import { workerPort } from "../backend/workerPort";
import { now } from "../clock";
import { Core } from "../core";
import type { Data } from "../dataset";
import { DivergedError, messageOf, WorkerError } from "../errors";
import { readNetwork } from "../files/readNetwork";
import { Fit } from "../fit/fit";
import { type AbortSignalLike, type FitOptions, planFit, type StepInfo } from "../fit/fitOptions";
import type { EpochInfo } from "../fit/history";
import { writeTraining } from "../fit/trainingFile";
import type { LayerState } from "../layers/layer";
import { lbfgs } from "../lbfgs";
import { adagrad, adam, adamW, type Optimizer, rmsProp, sgd } from "../optimizers";
import { Training } from "../training";
import type { Asks, Changed, FromWorker, Moved, Start, ToWorker, TransportedError } from "./messages";

/** Milliseconds between two looks that the caller's views are given. */
const SHOW_EVERY = 10;

const port = workerPort();
const post = (message: FromWorker) => port.post(message);

/** The caller's signal, as far as it is heard here. */
class Signal implements AbortSignalLike {
  aborted = false;
  readonly #listeners = new Set<() => void>();

  abort(): void {
    this.aborted = true;
    for (const listener of this.#listeners) listener();
  }

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }
}

/** Something on the caller's side has failed: who keeps the error itself. */
class CallerFailed extends Error {}

const signal = new Signal();
const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
let asked = 0;

/** Asks the caller, and waits for the answer. */
function ask<What extends keyof Asks>(what: What, given: Asks[What]["ask"]): Promise<Asks[What]["answer"]> {
  return new Promise((resolve, reject) => {
    const id = ++asked;
    waiting.set(id, { resolve: (answer) => resolve(answer as Asks[What]["answer"]), reject });
    post({ kind: "ask", id, what, ask: given } as FromWorker);
  });
}

port.listen((said) => {
  const message = said as ToWorker;
  if (!("kind" in message)) {
    port.post("ready");
    void run(message);
    return;
  }
  if (message.kind === "abort") return signal.abort();
  const asking = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.kind === "answer") asking?.resolve(message.answer);
  else asking?.reject(new CallerFailed());
});

async function run(start: Start): Promise<void> {
  let fit: Fit | undefined;
  let error: TransportedError | undefined;
  try {
    if (start.aborted) signal.abort();
    fit = await createFit(start);
    await fit.run();
  } catch (thrown) {
    error = transported(thrown);
  }
  post({
    kind: "end",
    checkpoint: fit && writeTraining(fit),
    gradients: fit?.training.core.gradientsView.slice(),
    stoppedBy: fit?.plan.history.stoppedBy ?? "epochs",
    error,
  });
}

async function createFit(start: Start): Promise<Fit> {
  const { checkpoint, metrics } = start;
  const backend = await createBackend(start.backend);
  const { inputs, descriptions, seed } = readNetwork("fit", checkpoint);
  const core = new Core(backend, inputs, descriptions, seed);
  const training = new Training(core, start.loss, createOptimizer(start.optimizer), start.clipNorm);
  const { data, options } = withFunctions(start, core);
  const plan = await planFit(training, metrics, data, { ...options, resume: checkpoint });
  return new Fit(training, metrics, plan);
}

async function createBackend({ module, variant, threads, limits }: Start["backend"]): Promise<Backend> {
  if (module === undefined) return new Backend(await createJs("fit: worker", limits, []));
  const found = instantiate(module, variant as WasmVariant, limits, []);
  if (typeof found === "string") throw new WorkerError(`fit: worker: ${found}`);
  const others = threads > 1 ? startThreads(threads - 1) : undefined;
  return new Backend(await createWasm(found, others, []));
}

/** By the names in their descriptions. */
const optimizers: Record<string, (config: object) => Optimizer> = { sgd, adam, adamW, rmsProp, adagrad, lbfgs };

function createOptimizer({ name, config }: Start["optimizer"]): Optimizer {
  const create = optimizers[name];
  if (create === undefined) throw new WorkerError(`fit: worker: the optimizer ${name} is not known there`);
  return create(config);
}

/** The data and options of a fit whose functions are on the caller's side. */
function withFunctions(start: Start, core: Core) {
  const { functions, window, options } = start;
  const factors: number[] = [...(start.factors ?? [])];
  const more: FitOptions = { signal };
  if (functions.schedule) more.schedule = () => factors.shift() ?? NaN;
  if (functions.save) more.checkpoint = { ...options.checkpoint, save: (bytes) => ask("save", bytes) };
  if (functions.onStep) {
    more.onStep = async (info: StepInfo) => change(await ask("step", { info, moved: moved() }));
  } else if (window !== undefined) {
    let shown = now();
    more.onStep = () => {
      if (now() - shown < SHOW_EVERY) return;
      show();
      shown = now();
    };
  }
  more.onEpoch = async ({ epoch, epochs, history, ...numbers }: EpochInfo) => {
    const answer = await ask("epoch", { numbers, moved: functions.onEpoch ? moved() : undefined });
    if (answer.changed !== undefined) change(answer.changed);
    if (answer.factors !== undefined) factors.splice(0, Infinity, ...answer.factors);
  };

  async function* batches(): AsyncGenerator<Data> {
    try {
      for (let first = true; ; first = false) {
        const next = await ask("next", { first });
        if (next === undefined) return;
        if (next.factor !== undefined) factors.push(next.factor);
        yield next.batch;
      }
    } finally {
      await ask("leave", undefined);
    }
  }

  /** Lets the caller's views show the network as it is. */
  function show(): void {
    window?.state.set(core.stateView);
    window?.gradients.set(core.gradientsView);
  }

  function moved(): Moved {
    const { step } = core;
    if (window === undefined) return { state: core.stateView.slice(), gradients: core.gradientsView.slice(), step };
    show();
    return { step };
  }

  /** Takes in what a callback has done to the network. */
  function change({ state, step, trainable, metadata }: Changed): void {
    core.stateView.set(state ?? (window?.state as Float64Array));
    core.step = step;
    core.metadata = metadata;
    trainable.forEach((moves, l) => {
      const layer = core.states[l] as LayerState;
      if (layer.trainable && !moves) core.engine.view(layer.weightGradients, layer.parameterCount).fill(0);
      layer.trainable = moves;
    });
    core.updated();
  }

  return { data: start.data ?? batches, options: { ...options, ...more } };
}

function transported(thrown: unknown): TransportedError {
  const name = thrown instanceof Error ? thrown.name : "Error";
  const error = { name, message: messageOf(thrown), own: thrown instanceof CallerFailed };
  return thrown instanceof DivergedError ? { ...error, step: thrown.step, layer: thrown.layer } : error;
}
