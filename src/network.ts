import { Backend } from "./backend/backend";
import { defaultBackend } from "./backend/load";
import { chunk } from "./chunk";
import { Core } from "./core";
import { disposeSymbol } from "./disposable";
import { ArgumentError, checkNumber, checkOptions, checkWhole, ShapeError, shown } from "./errors";
import { type Metadata, metadataText } from "./files/metadata";
import { writeNetwork } from "./files/writeNetwork";
import type { PredictOptions } from "./inference";
import { checkBatchNorm } from "./layers/batchNorm";
import { checkDense } from "./layers/dense";
import { checkDropout } from "./layers/dropout";
import type { Layer, LayerDescription, LayerState } from "./layers/layer";
import { checkLoss, type LossLike, takesIndices } from "./losses";
import { NetworkLayer } from "./networkLayer";
import type { Bytes } from "./numbers";
import { flatten, type Numbers, readRows, throwNotFinite } from "./numbers";
import { summarize } from "./summary";
import type { Targets } from "./targets";

export interface NetworkOptions {
  /** Features of a sample. */
  inputs: number;
  /** From the first to the last: `dense(...)`, `batchNorm(...)`, `dropout(...)`. */
  layers: readonly LayerDescription[];
  /** One seed for weights, dropout and the order of samples: same seed, same bits. Default 42. */
  seed?: number | undefined;
  /** Default: one backend that everybody shares. */
  backend?: Backend | undefined;
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
    else if (layer?.kind === "batchNorm") checkBatchNorm(`${where}: layers[${l}]`, layer);
    else {
      throw new ArgumentError(
        `${where}: layers[${l}]: ${shown(layer)} was given, dense(...), batchNorm(...) or dropout(...) was expected`,
      );
    }
  }
  if (descriptions.every(({ kind }) => kind === "dropout")) {
    throw new ArgumentError(
      `${where}: layers: none of ${layers.length} has parameters, at least one dense(...) or batchNorm(...) was expected`,
    );
  }
  checkBackendOption(where, backend);
  return new Network(new Core(backend ?? (await defaultBackend()), inputs, descriptions, seed));
}

/** Throws an ArgumentError unless `backend` is one, or not given. */
export function checkBackendOption(where: string, backend: unknown): void {
  if (backend === undefined || backend instanceof Backend) return;
  throw new ArgumentError(`${where}: backend: ${shown(backend)} was given, the result of loadBackend() was expected`);
}

/**
 * A feed-forward network: parameters in linear memory, and the passes over them. Made by `createNetwork`.
 * n samples are rows, of `inputs` features on the way in and of `units` outputs on the way out.
 */
export class Network implements Disposable {
  /** @internal */
  readonly core: Core;
  /** One entry for each layer given. */
  readonly layers: readonly Layer[];
  readonly #parameters: Float64Array;
  readonly #gradients: Float64Array;
  /** What there was room for before a call. */
  readonly #reserved: number[] = [];

  /** @internal */
  constructor(core: Core) {
    this.core = core;
    const { engine, states, parameterCount } = core;
    this.#parameters = engine.view(core.parameters, parameterCount);
    this.#gradients = core.gradientsView;
    this.layers = states.map((state) => new NetworkLayer(core, state));
  }

  get backend(): Backend {
    return this.core.backend;
  }

  /** Features of a sample. */
  get inputs(): number {
    return this.core.inputs;
  }

  /** Units of the last layer. */
  get units(): number {
    return this.core.units;
  }

  get seed(): number {
    return this.core.seed;
  }

  /**
   * All parameters, layer by layer, weights before bias: a live view. What is written through it is not noticed:
   * forward, backward and inputGradients belong to the parameters as they were at the forward.
   */
  get parameters(): Float64Array {
    this.core.checkAlive("parameters");
    return this.#parameters;
  }

  /** dC/dparameters of the last backward, in the order of `parameters`: a live view. */
  get gradients(): Float64Array {
    this.core.checkAlive("gradients");
    return this.#gradients;
  }

  /**
   * The outputs for `inputs` (n x inputs), n x units: dropout off, and no forward pass is disturbed. A fresh array,
   * or `out`. Rows are taken `batchSize` at a time. Throws ShapeError, ArgumentError, DisposedError.
   */
  predict(inputs: Numbers, options: PredictOptions = {}): Float64Array {
    const where = "predict";
    this.core.checkFree(where);
    const { inference, inputs: features, backend } = this.core;
    return inference.predict(where, readRows("predict: inputs", inputs, features, backend), options);
  }

  /**
   * The outputs for `inputs` in training mode, dropout on, n x units: a live view, kept until the next forward or
   * step. Keeps what `backward` needs; a Matrix is not copied and must live until then.
   */
  forward(inputs: Numbers): Float64Array {
    const where = "forward";
    const { core } = this;
    core.checkIdle(where);
    core.forget();
    const rows = core.reserved(this.#reserved);
    try {
      core.batch.loadInputs("forward: inputs", inputs);
      core.prepare(where);
    } catch (error) {
      core.giveBack(rows);
      throw error;
    }
    core.step++;
    core.forward();
    core.passes.runStatistics();
    return core.outputView();
  }

  /**
   * The cost C of the last forward pass for `targets`, penalties included; overwrites the gradients.
   * Targets: n x units, or n class indices with categoricalCrossEntropy or a loss of one's own.
   */
  backward(targets: Targets, loss: LossLike, options: { sampleWeights?: Numbers | undefined } = {}): number {
    const where = "backward";
    checkOptions(where, options, ["sampleWeights"]);
    const { sampleWeights } = options;
    this.#checkForward(where);
    checkLoss(where, loss);
    const { batch } = this.core;
    batch.loadTargets("backward: targets", targets, takesIndices(loss));
    batch.loadWeights("backward: sampleWeights", sampleWeights);
    return this.core.backward(loss);
  }

  /** The gradients from a dC/dOutputs of your own, n x units, for the last forward pass. Penalties are added. */
  backwardFrom(outputGradient: Numbers): void {
    const where = "backwardFrom";
    this.#checkForward(where);
    const { passes, units, backend, engine } = this.core;
    const values = flatten(`${where}: outputGradient`, outputGradient, units, backend);
    const length = passes.samples * units;
    if (values.length !== length) {
      throw new ShapeError(
        `${where}: outputGradient: ${values.length} numbers were given, ${passes.samples} samples x ${units} units = ${length} were expected`,
      );
    }
    for (let i = 0; i < length; i++) {
      if (!Number.isFinite(values[i])) throwNotFinite(`${where}: outputGradient`, values[i], undefined, 0, i, units);
    }
    engine.view(passes.outputGradient, length).set(values);
    this.core.descend(false);
  }

  /**
   * dC/dX of the last backward, n x inputs: a live view until the next forward, computed when first asked for. After a
   * step or copyFrom it is too late: ArgumentError; an update of one's own through `parameters` is not noticed, so ask first.
   */
  get inputGradients(): Float64Array {
    const where = "inputGradients";
    const { core } = this;
    core.checkFree(where);
    if (!core.backwardHolds) {
      throw new ArgumentError(
        `${where}: the parameters were updated since the last backward; ask for inputGradients between backward and the update`,
      );
    }
    return core.inputGradientView(where);
  }

  /** An object of the user's, to change or assign, saved with the network: what JSON can hold. */
  get metadata(): Metadata {
    return this.core.metadata;
  }

  set metadata(metadata: Metadata) {
    metadataText("metadata", metadata);
    this.core.metadata = metadata;
  }

  /** A table of the layers: output shape, parameters, bytes. */
  summary(): string {
    this.core.checkFree("summary");
    return summarize(this.inputs, this.core.states);
  }

  /** SHA-256 in hex of the bits of parameters and running statistics, little-endian, with every NaN made the same. */
  async digest(): Promise<string> {
    this.core.checkFree("digest");
    const state = this.core.stateView.slice();
    const { sha256 } = await chunk("digest", import("./digest"));
    return sha256(state);
  }

  /**
   * A file of the network, in the safetensors format: parameters and running statistics as float64 tensors, `layers.0.weights`,
   * `layers.1.gamma`; layers, seed and `metadata` as JSON in its metadata. `loadNetwork` makes the network again. Throws
   * ArgumentError where `metadata` hold what JSON does not.
   */
  toBytes(): Bytes {
    this.core.checkFree("toBytes");
    return writeNetwork(this.core);
  }

  /** A network of its own with the same layers, parameters, frozen layers and metadata, on the same backend. */
  clone(): Network {
    const { core } = this;
    core.checkFree("clone");
    const metadata = JSON.parse(metadataText("clone: metadata", core.metadata));
    const copy = new Network(new Core(core.backend, core.inputs, core.descriptions, core.seed));
    copy.core.stateView.set(core.stateView);
    copy.core.step = core.step;
    copy.core.metadata = metadata;
    for (const { trainable, index } of core.states) (copy.core.states[index] as LayerState).trainable = trainable;
    return copy;
  }

  /** parameters <- tau other + (1 - tau) own, and the running statistics likewise. Throws where the layers differ, or the other is on another backend. */
  copyFrom(other: Network, options: { tau?: number | undefined } = {}): void {
    const where = "copyFrom";
    this.core.checkFree(where);
    checkOptions(where, options, ["tau"]);
    const { tau = 1 } = options;
    if (!(other instanceof Network)) {
      throw new ArgumentError(`${where}: ${shown(other)} was given, a network was expected`);
    }
    other.core.checkFree(where);
    checkNumber(`${where}: tau`, tau, "a number from 0 to 1", (value) => value >= 0 && value <= 1);
    if (other.backend !== this.backend) {
      throw new ArgumentError(
        `${where}: a network of another backend (${other.backend.variant}) was given, one of this backend (${this.backend.variant}) was expected`,
      );
    }
    const [given, expected] = [other.core.shape, this.core.shape];
    if (given !== expected)
      throw new ShapeError(`${where}: a network ${given} was given, one ${expected} was expected`);
    const from = other.core.stateView;
    const to = this.core.stateView;
    if (tau === 1) to.set(from);
    else for (let i = 0; i < to.length; i++) to[i] = tau * (from[i] as number) + (1 - tau) * (to[i] as number);
    this.core.updated();
  }

  /** Frees its memory and that of its trainers; twice is fine. Views of it must not be used any more. BusyError inside a loss. */
  dispose(): void {
    this.core.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  #checkForward(where: string): void {
    const { core } = this;
    core.checkIdle(where);
    if (core.passes.samples === 0) {
      throw new ArgumentError(`${where}: no forward pass has run, forward(inputs) was expected first`);
    }
    if (!core.forwardHolds) {
      throw new ArgumentError(
        `${where}: the parameters were updated since the last forward, another forward(inputs) was expected first`,
      );
    }
    core.batch.checkInputs(where);
  }
}
