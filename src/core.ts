import type { ActivationName } from "./activations";
import { Scope } from "./backend/arena";
import type { Backend } from "./backend/backend";
import type { Engine } from "./backend/engine";
import { Batch } from "./batch";
import { ArgumentError, BusyError, DisposedError } from "./errors";
import type { Metadata } from "./files/metadata";
import { Inference } from "./inference";
import { initialize } from "./initialize";
import { InputRows } from "./inputRows";
import { densePenalty } from "./layers/dense";
import type { LayerDescription, LayerState } from "./layers/layer";
import { layOut } from "./layout";
import { LiveView } from "./liveView";
import {
  type CustomLoss,
  customCost,
  customGradient,
  type LossBatch,
  type LossLike,
  type LossTask,
  lossGradient,
  lossOf,
  sumLosses,
} from "./losses";
import type { MetricRows } from "./metrics/metrics";
import { Passes } from "./passes";
import { type Room, rowsOf, shrink } from "./room";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * What a network and its trainers share behind the border, where everything has been checked: parameters and gradients in
 * linear memory, the passes over them, the batch in hand, and what may happen when.
 */
export class Core {
  /** A worker trains the network and no callback is running: its numbers move elsewhere. */
  away = false;
  /** Training passes so far: dropout's masks depend on it. */
  step = 0;
  /** An object of the user's, saved with the network. */
  metadata: Metadata = {};
  /** A fit is under way. */
  busy = false;
  readonly engine: Engine;
  readonly scope: Scope;
  readonly states: readonly LayerState[];
  /** Units of the last layer. */
  readonly units: number;
  /** The activation of the last layer, where that is a dense one. */
  readonly outputActivation: ActivationName | undefined;
  /** Addresses of all parameters, layer by layer, weights before bias, and of their gradients. */
  readonly parameters: number;
  readonly gradients: number;
  readonly parameterCount: number;
  /** Running statistics, which lie behind the parameters. */
  readonly statisticsCount: number;
  /** The batch in hand: that of the network's own methods and `step`, and during a step of a fit the fit's. */
  batch: Batch;
  readonly passes: Passes;
  readonly inference: Inference;
  readonly #rooms: readonly Room[];
  /** What losses and metrics are shown: one object each for good, so that a step allocates nothing. */
  readonly #task: LossTask;
  readonly #metricRows: Mutable<MetricRows>;
  readonly #lossBatch: Mutable<LossBatch>;
  /** Where a cost is added up: a variable would be a new object with every term. */
  readonly #cost = new Float64Array(1);
  readonly #outputView: LiveView;
  readonly #outputGradientView: LiveView;
  readonly #inputGradientView: LiveView;
  /** One more with every change of the parameters that we know of. */
  #updates = 0;
  /** The updates at the last forward and at the last backward pass. */
  #forwardAt = -1;
  #backwardAt = -1;
  /** The name of the loss of one's own that is being asked. */
  #askedLoss: string | undefined;
  /** The one that was asked last, and what messages call it. */
  #namedLoss: CustomLoss | undefined;
  #lossName = "";
  #disposed = false;

  constructor(
    readonly backend: Backend,
    readonly inputs: number,
    readonly descriptions: readonly LayerDescription[],
    readonly seed: number,
  ) {
    const { engine } = backend;
    engine.checkAlive("createNetwork");
    this.engine = engine;
    this.scope = new Scope(engine.arena);
    const { parameterCount, statisticsCount, workCount, placed } = layOut(inputs, descriptions);
    const lengths = [parameterCount + statisticsCount, parameterCount, workCount];
    const [parameters = 0, gradients = 0, work = 0] = this.scope.allocateAll("createNetwork", lengths);
    this.parameters = parameters;
    this.gradients = gradients;
    this.parameterCount = parameterCount;
    this.statisticsCount = statisticsCount;
    this.states = placed(parameters, gradients, work);
    const last = this.states[this.states.length - 1] as LayerState;
    this.units = last.units;
    this.outputActivation = last.description.kind === "dense" ? last.description.activation : undefined;
    for (const { description, index, fanIn, units, weights, runningVariance } of this.states) {
      if (description.kind === "dense") {
        initialize(engine.view(weights, fanIn * units), description.initializer, fanIn, units, seed, index);
      } else if (description.kind === "batchNorm") {
        engine.view(weights, units).fill(1);
        engine.view(runningVariance, units).fill(1);
      }
    }
    this.batch = this.newBatch();
    this.passes = new Passes(engine, this.scope, this.states, inputs);
    this.inference = new Inference(engine, this.scope, this.states, inputs, this.units);
    const { batch, passes, inference } = this;
    this.#rooms = [batch, batch.copies, passes, passes.inputGradients, ...inference.rooms];
    const { units, outputActivation: activation } = this;
    const nothing = { samples: 0, outputs: 0, logits: 0, targets: 0, weights: 0, losses: 0 };
    this.#task = { ...nothing, units, activation };
    const empty = new Float64Array(0);
    this.#metricRows = { samples: 0, units, outputs: empty, targets: empty, weights: undefined, activation };
    this.#lossBatch = { samples: 0, units, outputs: empty, targets: empty, sampleWeights: undefined };
    const { memory } = engine.arena;
    this.#outputView = new LiveView(memory);
    this.#outputGradientView = new LiveView(memory);
    this.#inputGradientView = new LiveView(memory);
    backend.networks.add(this.scope);
  }

  /** As in "4-16-3". */
  get shape(): string {
    const units = this.states.map(({ description, units }) =>
      description.kind === "dense" ? units : description.kind,
    );
    return [this.inputs, ...units].join("-");
  }

  checkAlive(where: string): void {
    if (this.#disposed) {
      throw new DisposedError(`${where}: a network ${this.shape} was used after its dispose, a live one was expected`);
    }
    this.engine.checkAlive(where);
  }

  /** A batch of its own, for who must not be disturbed by another's. */
  newBatch(): Batch {
    const { engine, scope } = this;
    return new Batch(this.backend, scope, this.units, new InputRows(engine, scope, this.inputs, true));
  }

  /** Throws where it is no more, or in training elsewhere: what more than a look at its numbers wants. */
  checkFree(where: string): void {
    this.checkAlive(where);
    this.#checkHere(where);
  }

  /** The same, and throws inside a loss of one's own: what changes the batch in hand wants. */
  checkIdle(where: string): void {
    this.checkFree(where);
    this.#checkNotAsking(where);
  }

  #checkHere(where: string): void {
    if (!this.away) return;
    throw new BusyError(
      `${where}: the network is in training in a worker, a call from inside onStep or onEpoch, or after the fit, was expected`,
    );
  }

  #checkNotAsking(where: string): void {
    if (this.#askedLoss === undefined) return;
    throw new BusyError(
      `${where}: the network is waiting for the loss ${this.#askedLoss}, a call after it was expected`,
    );
  }

  /** The parameters have changed. */
  updated(): void {
    this.#updates++;
  }

  /** Whether the parameters are those of the last forward, or backward, pass. */
  get forwardHolds(): boolean {
    return this.#forwardAt === this.#updates;
  }

  get backwardHolds(): boolean {
    return this.#backwardAt < 0 || this.#backwardAt === this.#updates;
  }

  /** The batch in hand is about to change: backward needs another forward first. */
  forget(): void {
    this.passes.forget();
    this.#backwardAt = -1;
  }

  /** Makes room for a training pass over the batch in hand. Throws an ArgumentError where a batchNorm cannot do with it. */
  prepare(where: string): void {
    const { samples } = this.batch;
    if (samples === 1 && this.statisticsCount > 0) {
      const index = this.states.findIndex(({ description }) => description.kind === "batchNorm");
      throw new ArgumentError(
        `${where}: a batch of 1 sample was given, but layers[${index}] (batchNorm) takes a variance over it; at least 2 were expected`,
      );
    }
    this.passes.reserve(where, samples);
  }

  /** The forward pass over what the batch holds. */
  forward(): void {
    const { batch } = this;
    this.forget();
    this.passes.forward(batch.inputs, batch.small, batch.samples, this.seed, this.step);
    this.#forwardAt = this.#updates;
  }

  /** All gradients from that of the outputs, or with `fused` from the delta of the output layer. */
  descend(fused: boolean): void {
    this.passes.backward(fused);
    this.#backwardAt = this.#updates;
  }

  /** Cost and gradients of what the batch holds, after `forward`. */
  backward(loss: LossLike): number {
    const cost = this.cost(loss);
    const { passes } = this;
    if (typeof loss === "string") {
      this.descend(lossGradient(this.engine, lossOf(loss), this.#lossTask(), passes.outputGradient));
    } else {
      const length = this.batch.samples * this.units;
      const out = this.#outputGradientView.at(passes.outputGradient, length).fill(0);
      this.#ask(loss, customGradient, out);
      this.descend(false);
    }
    return cost;
  }

  /** Whether cost, gradients and batch statistics of the last backward pass are finite. */
  get finite(): boolean {
    const { gradientsFinite, statisticsFinite } = this.passes;
    return Number.isFinite(this.#cost[0]) && gradientsFinite && statisticsFinite;
  }

  /** The cost alone, penalties included. */
  cost(loss: LossLike): number {
    const { engine, batch } = this;
    const cost = this.#cost;
    if (typeof loss === "string") cost[0] = sumLosses(engine, lossOf(loss), this.#lossTask()) / batch.samples;
    else cost[0] = this.#ask(loss, customCost, undefined);
    for (const state of this.states) cost[0] += densePenalty(engine, state);
    return cost[0];
  }

  #lossTask(): LossTask {
    return this.lossTask(this.batch, this.passes.outputs, this.passes.logits);
  }

  /** A batch as the loss kernels see it. */
  lossTask(batch: Batch, outputs: number, logits: number): LossTask {
    const task = this.#task;
    task.samples = batch.samples;
    task.outputs = outputs;
    task.logits = logits;
    task.targets = batch.targets;
    task.weights = batch.weights;
    task.losses = batch.losses;
    return task;
  }

  /** Asks a loss of one's own, which sees live views: meanwhile no buffer may go away or change. */
  #ask<Out, Answer>(loss: CustomLoss, ask: (loss: CustomLoss, batch: LossBatch, out: Out) => Answer, out: Out): Answer {
    const { batch } = this;
    const seen = this.#lossBatch;
    seen.samples = batch.samples;
    seen.outputs = this.outputView();
    seen.targets = batch.targetView();
    seen.sampleWeights = batch.weightView();
    this.#askedLoss = loss.name;
    let answer: Answer;
    try {
      answer = ask(loss, seen, out);
    } finally {
      this.#askedLoss = undefined;
    }
    if (loss !== this.#namedLoss) {
      this.#namedLoss = loss;
      this.#lossName = `loss ${loss.name}`;
    }
    this.checkAlive(this.#lossName);
    batch.checkInputs(this.#lossName);
    return answer;
  }

  /** Outputs, targets and weights of the batch in hand. */
  metricRows(): MetricRows {
    const rows = this.#metricRows;
    rows.samples = this.batch.samples;
    rows.outputs = this.outputView();
    rows.targets = this.batch.targetView();
    rows.weights = this.batch.sampleWeightView();
    return rows;
  }

  /** The outputs of the last forward pass: a live view, the same object while nothing moves. */
  outputView(): Float64Array {
    return this.#outputView.at(this.passes.outputs, this.passes.samples * this.units);
  }

  /** dC/dX of the last backward pass: likewise. */
  inputGradientView(where: string): Float64Array {
    return this.#inputGradientView.at(this.passes.inputGradient(where), this.passes.samples * this.inputs);
  }

  /** How many rows there is room for, of each kind: what `giveBack` returns to after a failure. */
  reserved(into: number[] = []): readonly number[] {
    return rowsOf(this.#rooms, into);
  }

  giveBack(rows: readonly number[]): void {
    if (this.#disposed || this.engine.disposed) return;
    this.forget();
    shrink(this.#rooms, rows);
  }

  /** All that training moves: the parameters, then the running statistics. */
  get stateView(): Float64Array {
    return this.engine.view(this.parameters, this.parameterCount + this.statisticsCount);
  }

  /** All gradients, in the order of the parameters. */
  get gradientsView(): Float64Array {
    return this.engine.view(this.gradients, this.parameterCount);
  }

  /** The running statistics alone. */
  get statisticsView(): Float64Array {
    return this.engine.view(this.parameters + 8 * this.parameterCount, this.statisticsCount);
  }

  /** Runs a fit; a second one meanwhile is a BusyError. What it makes room for is given back where it fails. */
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

  dispose(): void {
    if (this.#disposed) return;
    this.#checkHere("dispose");
    this.#checkNotAsking("dispose");
    this.#disposed = true;
    this.backend.networks.delete(this.scope);
    this.scope.dispose();
  }
}
