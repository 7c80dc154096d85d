import type { ActivationName } from "./activations";
import { Scope } from "./backend/arena";
import { Backend } from "./backend/backend";
import type { Engine } from "./backend/engine";
import { defaultBackend } from "./backend/load";
import { Batch } from "./batch";
import { sha256 } from "./digest";
import { disposeSymbol } from "./disposable";
import {
  ArgumentError,
  BusyError,
  checkNumber,
  checkOptions,
  checkWhole,
  DisposedError,
  ShapeError,
  shown,
} from "./errors";
import { Inference, PREDICTION_ROWS } from "./inference";
import { initialize } from "./initializers";
import { checkDense, densePenalty } from "./layers/dense";
import { checkDropout } from "./layers/dropout";
import type { Layer, LayerDescription, LayerState } from "./layers/layer";
import {
  type CustomLoss,
  checkLoss,
  customCost,
  type LossBatch,
  type LossLike,
  type LossTask,
  lossGradient,
  lossOf,
  sumLosses,
} from "./losses";
import type { MetricRows } from "./metrics";
import { layOut, NetworkLayer } from "./networkLayer";
import { copyRow, type Flat, flatten, type Numbers, throwNotFinite } from "./numbers";
import { Passes } from "./passes";
import { type Room, shrink } from "./room";
import { summarize } from "./summary";
import type { Targets } from "./targets";

export interface NetworkOptions {
  /** Features of a sample. */
  inputs: number;
  /** From the first to the last: `dense(...)`, `dropout(...)`. */
  layers: readonly LayerDescription[];
  /** One seed for weights, dropout and the order of samples: same seed, same bits. */
  seed?: number;
  /** Default: one backend that everybody shares. */
  backend?: Backend;
}

/** Creates a network, its parameters drawn from the seed. Throws ArgumentError, DisposedError, OutOfMemoryError. */
export async function createNetwork(options: NetworkOptions): Promise<Network> {
  const where = "createNetwork";
  checkOptions(where, options, ["inputs", "layers", "seed", "backend"]);
  const { inputs, layers, seed = 42, backend } = options;
  checkWhole(`${where}: inputs`, inputs, 1);
  checkWhole(`${where}: seed`, seed, 0);
  if (!Array.isArray(layers) || layers.length === 0) {
    throw new ArgumentError(
      `${where}: layers: ${shown(layers)} was given, an array of at least one layer was expected`,
    );
  }
  const descriptions = Array.from(layers as readonly LayerDescription[]);
  for (const [l, layer] of descriptions.entries()) {
    if (layer?.kind === "dense") checkDense(`${where}: layers[${l}]`, layer);
    else if (layer?.kind === "dropout") checkDropout(`${where}: layers[${l}]`, layer);
    else {
      throw new ArgumentError(
        `${where}: layers[${l}]: ${shown(layer)} was given, dense(...) or dropout(...) was expected`,
      );
    }
  }
  if (!descriptions.some(({ kind }) => kind === "dense")) {
    throw new ArgumentError(
      `${where}: layers: none of ${layers.length} has parameters, at least one dense(...) was expected`,
    );
  }
  if (backend !== undefined && !(backend instanceof Backend)) {
    throw new ArgumentError(`${where}: backend: ${shown(backend)} was given, the result of loadBackend() was expected`);
  }
  return new Network(backend ?? (await defaultBackend()), inputs, descriptions, seed);
}

/**
 * A feed-forward network: parameters in linear memory, and the passes over them. Made by `createNetwork`.
 * n samples are rows, of `inputs` features on the way in and of `units` outputs on the way out.
 */
export class Network implements Disposable {
  readonly backend: Backend;
  readonly inputs: number;
  /** Units of the last layer. */
  readonly units: number;
  readonly seed: number;
  /** One entry for each layer given. */
  readonly layers: readonly Layer[];
  /** @internal Training passes so far: dropout's masks depend on it. */
  step = 0;
  /** @internal A fit is under way. */
  busy = false;
  /** @internal */
  readonly scope: Scope;
  /** @internal */
  readonly batch: Batch;
  /** @internal */
  readonly passes: Passes;
  /** @internal */
  readonly inference: Inference;
  /** @internal */
  readonly states: readonly LayerState[];
  /** @internal The activation of the last layer, where that is a dense one. */
  readonly outputActivation: ActivationName | undefined;
  /** @internal */
  readonly parametersPointer: number;
  /** @internal */
  readonly gradientsPointer: number;
  readonly #parameters: Float64Array;
  readonly #gradients: Float64Array;
  readonly #rooms: readonly Room[];
  /** One more with every change of the parameters that the network knows of. */
  #updates = 0;
  /** The updates at the last forward and at the last backward pass. */
  #forwardAt = -1;
  #backwardAt = -1;
  #outputView: Float64Array = new Float64Array(0);
  #inputGradients: Float64Array | undefined;
  /** The name of the loss of one's own that is being asked. */
  #askedLoss: string | undefined;
  #disposed = false;

  /** @internal */
  constructor(backend: Backend, inputs: number, descriptions: readonly LayerDescription[], seed: number) {
    const { engine } = backend;
    engine.checkAlive("createNetwork");
    this.backend = backend;
    this.inputs = inputs;
    this.seed = seed;
    this.scope = new Scope(engine.arena);
    const { states, total } = layOut(inputs, descriptions);
    const [parameters = 0, gradients = 0] = this.scope.allocateAll("createNetwork", [total, total]);
    this.parametersPointer = parameters;
    this.gradientsPointer = gradients;
    this.#parameters = engine.view(parameters, total);
    this.#gradients = engine.view(gradients, total);
    this.states = states.map((state) => {
      const weights = parameters + 8 * state.offset;
      const weightGradients = gradients + 8 * state.offset;
      const bytes = state.parameterCount === 0 ? 0 : 8 * state.fanIn * state.units;
      return {
        ...state,
        weights,
        bias: weights + bytes,
        weightGradients,
        biasGradients: weightGradients + bytes,
      };
    });
    const last = this.states[this.states.length - 1] as LayerState;
    this.units = last.units;
    this.outputActivation = last.description.kind === "dense" ? last.description.activation : undefined;
    this.layers = this.states.map((state) => new NetworkLayer(engine, state, (where) => this.checkAlive(where)));
    for (const { description, index, fanIn, units } of this.states) {
      if (description.kind !== "dense") continue;
      const { weights } = this.layers[index] as Layer;
      initialize(weights, description.initializer, fanIn, units, seed, index);
    }
    this.batch = new Batch(backend, this.scope, inputs, this.units);
    this.passes = new Passes(engine, this.scope, this.states, inputs);
    this.inference = new Inference(engine, this.scope, this.states, inputs, this.units);
    const { batch, passes, inference } = this;
    this.#rooms = [batch, batch.copies, passes, passes.inputGradients, inference];
    backend.networks.add(this.scope);
  }

  /** All parameters, layer by layer, weights before bias: a live view. */
  get parameters(): Float64Array {
    this.checkAlive("parameters");
    return this.#parameters;
  }

  /** dC/dparameters of the last backward, in the order of `parameters`: a live view. */
  get gradients(): Float64Array {
    this.checkAlive("gradients");
    return this.#gradients;
  }

  /**
   * The outputs for `inputs` (n x inputs), n x units: dropout off, and no forward pass is disturbed. A fresh array,
   * or `out`. Rows are taken `batchSize` at a time. Throws ShapeError, ArgumentError, DisposedError.
   */
  predict(inputs: Numbers, options: { out?: Float64Array; batchSize?: number } = {}): Float64Array {
    const where = "predict";
    this.checkAlive(where);
    checkOptions(where, options, ["batchSize", "out"]);
    const { out, batchSize = PREDICTION_ROWS } = options;
    checkWhole(`${where}: batchSize`, batchSize, 1);
    const { inference, units, inputs: features } = this;
    const values = flatten(`${where}: inputs`, inputs, features, this.backend);
    const samples = values.length / features;
    if (out !== undefined && (!(out instanceof Float64Array) || out.length !== samples * units)) {
      const given = out instanceof Float64Array ? `${out.length} numbers` : shown(out);
      throw new ShapeError(
        `${where}: out: ${given} was given, a Float64Array of ${samples} x ${units} = ${samples * units} was expected`,
      );
    }
    const result = out ?? new Float64Array(samples * units);
    const { rows } = inference;
    try {
      this.#predictInto(where, result, values, samples, Math.min(batchSize, samples));
    } catch (error) {
      shrink(inference, rows);
      throw error;
    }
    return result;
  }

  /**
   * The outputs for `inputs` in training mode, dropout on, n x units: a live view, kept until the next forward or
   * step. Keeps what `backward` needs; a Matrix is not copied and must live until then.
   */
  forward(inputs: Numbers): Float64Array {
    const where = "forward";
    this.checkIdle(where);
    this.forget();
    const rows = this.reserved();
    try {
      this.batch.loadInputs(`${where}: inputs`, inputs);
      this.passes.reserve(where, this.batch.samples);
    } catch (error) {
      this.giveBack(rows);
      throw error;
    }
    this.step++;
    this.runForward();
    return this.outputView();
  }

  /**
   * The cost C of the last forward pass for `targets`, penalties included; overwrites the gradients.
   * Targets: n x units, or n class indices with categoricalCrossEntropy or a loss of one's own.
   */
  backward(targets: Targets, loss: LossLike, options: { sampleWeights?: Numbers } = {}): number {
    const where = "backward";
    checkOptions(where, options, ["sampleWeights"]);
    const { sampleWeights } = options;
    this.#checkForward(where);
    checkLoss(where, loss);
    this.batch.loadTargets(
      `${where}: targets`,
      targets,
      loss === "categoricalCrossEntropy" || typeof loss === "object",
    );
    this.batch.loadWeights(`${where}: sampleWeights`, sampleWeights);
    return this.runBackward(loss);
  }

  /** The gradients from a dC/dOutputs of your own, n x units, for the last forward pass. Penalties are added. */
  backwardFrom(outputGradient: Numbers): void {
    const where = "backwardFrom";
    this.#checkForward(where);
    const { passes, units } = this;
    const values = flatten(`${where}: outputGradient`, outputGradient, units, this.backend);
    const length = passes.samples * units;
    if (values.length !== length) {
      throw new ShapeError(
        `${where}: outputGradient: ${values.length} numbers were given, ${passes.samples} samples x ${units} units = ${length} were expected`,
      );
    }
    for (let i = 0; i < length; i++) {
      if (!Number.isFinite(values[i])) throwNotFinite(`${where}: outputGradient`, values[i], i, units);
    }
    this.engine.view(passes.outputGradient, length).set(values);
    this.#finishBackward(false);
  }

  /**
   * dC/dX of the last backward, n x inputs: a live view until the next forward, computed when first asked for. After an update
   * of the parameters it is too late: ArgumentError.
   */
  get inputGradients(): Float64Array {
    const where = "inputGradients";
    this.checkAlive(where);
    if (this.#backwardAt >= 0 && this.#backwardAt !== this.#updates) {
      throw new ArgumentError(
        `${where}: the parameters were updated since the last backward; ask for inputGradients between backward and the update`,
      );
    }
    if (this.#inputGradients === undefined) {
      const pointer = this.passes.inputGradient(where);
      this.#inputGradients = this.engine.view(pointer, this.passes.samples * this.inputs);
    }
    return this.#inputGradients;
  }

  /** A table of the layers: output shape, parameters, bytes. */
  summary(): string {
    this.checkAlive("summary");
    return summarize(this.inputs, this.states);
  }

  /** SHA-256 in hex of the bits of the parameters, little-endian, with every NaN made the same. */
  async digest(): Promise<string> {
    this.checkAlive("digest");
    return sha256(this.#parameters);
  }

  /** A network of its own with the same layers, parameters and frozen layers, on the same backend. */
  clone(): Network {
    this.checkAlive("clone");
    const descriptions = this.states.map(({ description }) => description);
    const copy = new Network(this.backend, this.inputs, descriptions, this.seed);
    copy.parameters.set(this.#parameters);
    copy.step = this.step;
    this.states.forEach(({ trainable }, l) => {
      (copy.states[l] as LayerState).trainable = trainable;
    });
    return copy;
  }

  /** parameters <- tau other + (1 - tau) own. Throws where the layers differ, or the other is on another backend. */
  copyFrom(other: Network, options: { tau?: number } = {}): void {
    const where = "copyFrom";
    this.checkAlive(where);
    checkOptions(where, options, ["tau"]);
    const { tau = 1 } = options;
    if (!(other instanceof Network)) {
      throw new ArgumentError(`${where}: ${shown(other)} was given, a network was expected`);
    }
    other.checkAlive(where);
    checkNumber(`${where}: tau`, tau, "a number from 0 to 1", (value) => value >= 0 && value <= 1);
    if (other.backend !== this.backend) {
      throw new ArgumentError(
        `${where}: a network of another backend (${other.backend.variant}) was given, one of this backend (${this.backend.variant}) was expected`,
      );
    }
    const [given, expected] = [shapeOf(other), shapeOf(this)];
    if (given !== expected)
      throw new ShapeError(`${where}: a network ${given} was given, one ${expected} was expected`);
    const from = other.parameters;
    const to = this.#parameters;
    if (tau === 1) to.set(from);
    else for (let i = 0; i < to.length; i++) to[i] = tau * (from[i] as number) + (1 - tau) * (to[i] as number);
    this.updated();
  }

  /** Frees its memory and that of its trainers; twice is fine. Views of it must not be used any more. BusyError inside a loss. */
  dispose(): void {
    if (this.#disposed) return;
    this.#checkNotAsking("dispose");
    this.#disposed = true;
    this.backend.networks.delete(this.scope);
    this.scope.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  /** @internal */
  get engine(): Engine {
    return this.backend.engine;
  }

  /** @internal */
  checkAlive(where: string): void {
    if (this.#disposed) {
      throw new DisposedError(
        `${where}: a network ${shapeOf(this)} was used after its dispose, a live one was expected`,
      );
    }
    this.engine.checkAlive(where);
  }

  /** @internal The batch in hand is about to change: backward needs another forward first. */
  forget(): void {
    this.passes.forget();
    this.#backwardAt = -1;
    this.#inputGradients = undefined;
  }

  /** @internal How many rows there is room for, of each kind: what `giveBack` returns to after a failure. */
  reserved(): readonly number[] {
    return this.#rooms.map(({ rows }) => rows);
  }

  /** @internal */
  giveBack(rows: readonly number[]): void {
    if (this.#disposed || this.engine.disposed) return;
    this.forget();
    this.#rooms.forEach((room, r) => {
      shrink(room, rows[r] as number);
    });
  }

  /** @internal Runs a fit; a second one meanwhile is a BusyError. What it makes room for is given back where it fails. */
  async training<Result>(where: string, work: () => Promise<Result>): Promise<Result> {
    if (this.busy) {
      throw new BusyError(
        `${where}: the network is in training, one fit at a time was expected; await the other first`,
      );
    }
    const rows = this.reserved();
    this.busy = true;
    try {
      return await work();
    } catch (error) {
      this.giveBack(rows);
      throw error;
    } finally {
      this.busy = false;
    }
  }

  /** @internal Outputs and targets of the batch in hand. */
  metricRows(): MetricRows {
    const { batch, units, outputActivation: activation } = this;
    const [outputs, targets] = [this.outputView(), batch.targetView()];
    return { samples: batch.samples, units, outputs, targets, activation };
  }

  /** @internal The forward pass over what the batch holds. */
  runForward(): void {
    const { batch } = this;
    this.forget();
    this.passes.forward(batch.inputs, batch.samples, this.seed, this.step);
    this.#forwardAt = this.#updates;
  }

  /** @internal Cost and gradients of what the batch holds, after `runForward`. */
  runBackward(loss: LossLike): number {
    const { engine, passes, batch } = this;
    const cost = this.runCost(loss);
    if (typeof loss === "string") {
      const task = this.lossTask(batch, passes.outputs, passes.logits);
      this.#finishBackward(lossGradient(engine, lossOf(loss), task, passes.outputGradient));
    } else {
      const out = engine.view(passes.outputGradient, batch.samples * this.units).fill(0);
      this.#asking(loss, () => loss.gradient(this.#lossBatch(), out));
      this.#finishBackward(false);
    }
    return cost;
  }

  /** @internal The cost alone, penalties included. */
  runCost(loss: LossLike): number {
    const { engine, passes, batch } = this;
    let cost: number;
    if (typeof loss === "string") {
      const task = this.lossTask(batch, passes.outputs, passes.logits);
      cost = sumLosses(engine, lossOf(loss), task) / batch.samples;
    } else cost = this.#asking(loss, () => customCost(loss, this.#lossBatch()));
    for (const state of this.states) cost += densePenalty(engine, state);
    return cost;
  }

  /** Runs a function of a loss of one's own, which sees live views: meanwhile no buffer may go away or change. */
  #asking<Result>(loss: CustomLoss, ask: () => Result): Result {
    this.#askedLoss = loss.name;
    let answer: Result;
    try {
      answer = ask();
    } finally {
      this.#askedLoss = undefined;
    }
    this.checkAlive(`loss ${loss.name}`);
    this.batch.checkInputs(`loss ${loss.name}`);
    return answer;
  }

  /** @internal Throws where it is no more, or inside a loss of one's own. */
  checkIdle(where: string): void {
    this.checkAlive(where);
    this.#checkNotAsking(where);
  }

  #checkNotAsking(where: string): void {
    if (this.#askedLoss === undefined) return;
    throw new BusyError(
      `${where}: the network is waiting for the loss ${this.#askedLoss}, a call after it was expected`,
    );
  }

  #lossBatch(): LossBatch {
    const { batch, units } = this;
    const { samples } = batch;
    const [outputs, targets] = [this.outputView(), batch.targetView()];
    return { outputs, targets, samples, units, sampleWeights: batch.weightView() };
  }

  /** @internal The batch as the loss kernels see it. One object for good, so that a step allocates nothing. */
  lossTask(batch: Batch, outputs: number, logits: number): LossTask {
    const task = this.#task;
    task.samples = batch.samples;
    task.outputs = outputs;
    task.logits = logits;
    task.targets = batch.targets;
    task.weights = batch.weights;
    task.losses = batch.losses;
    task.activation = this.outputActivation;
    task.units = this.units;
    return task;
  }

  /** @internal The outputs of the last forward pass: a live view, the same object while nothing moves. */
  outputView(): Float64Array {
    const { outputs, samples } = this.passes;
    const length = samples * this.units;
    if (this.#outputView.byteOffset !== outputs || this.#outputView.length !== length) {
      this.#outputView = this.engine.view(outputs, length);
    }
    return this.#outputView;
  }

  /** @internal The parameters have changed. */
  updated(): void {
    this.#updates++;
  }

  readonly #task: LossTask = {
    samples: 0,
    units: 0,
    outputs: 0,
    logits: 0,
    targets: 0,
    weights: 0,
    losses: 0,
    activation: undefined,
  };

  #predictInto(where: string, result: Float64Array, values: Flat, samples: number, rows: number): void {
    const { inference, units, inputs: features } = this;
    inference.reserve(where, rows);
    for (let start = 0; start < samples; start += rows) {
      const count = Math.min(rows, samples - start);
      for (let i = 0; i < count; i++) {
        const bad = copyRow(values, start + i, features, inference.inputs, i * features);
        const at = (start + i) * features + bad;
        if (bad >= 0) throwNotFinite(`${where}: inputs`, values[at], at, features);
      }
      inference.run(count);
      result.set(inference.outputView(count), start * units);
    }
  }

  #finishBackward(fused: boolean): void {
    this.passes.backward(fused);
    this.#backwardAt = this.#updates;
    this.#inputGradients = undefined;
  }

  #checkForward(where: string): void {
    this.checkIdle(where);
    if (this.passes.samples === 0) {
      throw new ArgumentError(`${where}: no forward pass has run, forward(inputs) was expected first`);
    }
    if (this.#forwardAt !== this.#updates) {
      throw new ArgumentError(
        `${where}: the parameters were updated since the last forward, another forward(inputs) was expected first`,
      );
    }
    this.batch.checkInputs(where);
  }
}

/** As in "4-16-3". */
function shapeOf(network: Network): string {
  return [network.inputs, ...network.layers.map(({ kind, units }) => (kind === "dense" ? units : kind))].join("-");
}
