import type { Scope } from "./backend/arena";
import type { Engine } from "./backend/engine";
import { ArgumentError } from "./errors";
import { batchFinite, batchNormPasses, runStatistics } from "./layers/batchNorm";
import { densePasses } from "./layers/dense";
import { dropoutPasses } from "./layers/dropout";
import type { LayerPasses, LayerRun, LayerState } from "./layers/layer";
import { type Room, Rows } from "./room";

/** Both directions of every kind of layer. */
const passesOf: Record<LayerState["description"]["kind"], LayerPasses> = {
  dense: densePasses,
  dropout: dropoutPasses,
  batchNorm: batchNormPasses,
};

/**
 * The training passes of a network, layer by layer, and the buffers between them:
 *
 *     x -> layer 0 -> y0 -> layer 1 -> y1 -> ... -> outputs
 *                saved0          saved1
 *     dC/dX <- ...  <- delta <- gradient of the outputs
 *
 * Outputs and saved values are a buffer each, samples x units; deltas take two in turn, dC/dX has its own.
 */
export class Passes implements Room {
  readonly runs: readonly LayerRun[];
  /** Rows of the last forward pass; 0 before the first. */
  samples = 0;
  rows = 0;
  #blocks: readonly number[] = [];
  #deltas: readonly [number, number] = [0, 0];
  /** The layer down to which the last backward pass came, and its delta; -1 before the first. */
  #reached = -1;
  #delta = 0;
  /** The layers, from the lowest to the highest, among which there are gradients that are not known to be finite; none where -1. */
  #doubtfulFrom = -1;
  #doubtfulTo = -1;
  /** dC/dX of the last backward pass is there. */
  #inputsReached = false;
  /** Room for dC/dX, made when it is first asked for. */
  readonly inputGradients: Rows;

  constructor(
    readonly engine: Engine,
    readonly scope: Scope,
    layers: readonly LayerState[],
    features: number,
  ) {
    this.inputGradients = new Rows(scope, features);
    const blank = { engine, samples: 0, x: 0, small: false, y: 0, saved: 0, logits: 0, seed: 0, step: 0 };
    this.runs = layers.map((state) => ({ ...blank, state }));
  }

  /** Makes room for `rows` samples. */
  reserve(where: string, rows: number): void {
    if (rows > this.rows) this.#grow(where, rows);
  }

  #grow(where: string, rows: number): void {
    const widest = this.runs.reduce((most, { state }) => Math.max(most, state.units), 0);
    // two deltas, then for each layer its outputs and what it keeps: the output layer z, the others what they save
    const last = this.runs.length - 1;
    const keeps = this.runs.map(({ state }) => {
      if (state.index === last && state.description.kind === "dense") return "logits";
      return passesOf[state.description.kind].saves(state) ? "saved" : undefined;
    });
    const lengths = [rows * widest, rows * widest];
    for (const { state } of this.runs) {
      lengths.push(rows * state.units, keeps[state.index] === undefined ? 0 : rows * state.units);
    }
    const blocks = this.scope.allocateAll(where, lengths);
    this.dispose();
    this.#blocks = blocks;
    const [first = 0, second = 0, ...ofLayers] = blocks;
    this.#deltas = [first, second];
    for (const run of this.runs) {
      const y = ofLayers[2 * run.state.index] as number;
      const kept = ofLayers[2 * run.state.index + 1] as number;
      run.y = y;
      run.logits = keeps[run.state.index] === "logits" ? kept : 0;
      run.saved = keeps[run.state.index] === "saved" ? kept : 0;
    }
    this.rows = rows;
  }

  dispose(): void {
    for (const block of this.#blocks) this.scope.free(block);
    this.#blocks = [];
    this.rows = 0;
    this.forget();
  }

  get #last(): LayerRun {
    return this.runs[this.runs.length - 1] as LayerRun;
  }

  /** Address of the outputs, samples x units. */
  get outputs(): number {
    return this.#last.y;
  }

  /** Address of the output layer's z; 0 where the last layer is not dense. */
  get logits(): number {
    return this.#last.logits;
  }

  /** Where the gradient of the outputs is to be written before `backward`. */
  get outputGradient(): number {
    return this.#deltas[0];
  }

  /** The batch in hand is about to change: a backward pass needs another forward pass first. */
  forget(): void {
    this.samples = 0;
    this.#reached = -1;
    this.#inputsReached = false;
  }

  /** `small`: the inputs are known to be, as the kernel areSmall has it. */
  forward(x: number, small: boolean, samples: number, seed: number, step: number): void {
    let from = x;
    for (const run of this.runs) {
      run.samples = samples;
      run.x = from;
      run.small = small && run.state.index === 0;
      run.seed = seed;
      run.step = step;
      passesOf[run.state.description.kind].forward(run);
      from = run.y;
    }
    this.samples = samples;
  }

  /** Whether mean and variance of the last batch are finite in every batchNorm. */
  get statisticsFinite(): boolean {
    for (const run of this.runs) if (!batchFinite(run)) return false;
    return true;
  }

  /** Whether all gradients of the last backward pass are finite: one look at all of which that is not known. */
  get gradientsFinite(): boolean {
    if (this.#doubtfulTo < 0) return true;
    const { offset, weightGradients } = (this.runs[this.#doubtfulFrom] as LayerRun).state;
    const top = (this.runs[this.#doubtfulTo] as LayerRun).state;
    return this.engine.allFinite(top.offset + top.parameterCount - offset, weightGradients);
  }

  /** Takes the batch of the last forward pass into the running statistics. */
  runStatistics(): void {
    for (const run of this.runs) runStatistics(run);
  }

  /**
   * All gradients of trainable layers, from `outputGradient`: dC/dYhat, or with `fused` already the delta of the
   * output layer. Stops below the lowest trainable layer.
   */
  backward(fused: boolean): void {
    const lowest = this.runs.findIndex(({ state }) => state.trainable && state.parameterCount > 0);
    this.#reached = this.runs.length;
    this.#inputsReached = false;
    this.#doubtfulTo = -1;
    this.#delta = this.outputGradient;
    this.#descend(Math.max(0, lowest), fused, true);
  }

  /** dC/dX of the last backward pass, samples x features, by address: goes on from where that stopped. */
  inputGradient(where: string): number {
    if (this.#reached < 0) {
      throw new ArgumentError(
        `${where}: no backward pass has run since the last forward, backward(targets, loss) was expected first`,
      );
    }
    if (this.#inputsReached) return this.inputGradients.pointer;
    this.inputGradients.reserve(where, this.samples);
    this.#descend(0, false, false);
    const run = this.runs[0] as LayerRun;
    const { pointer } = this.inputGradients;
    const found = passesOf[run.state.description.kind].inputGradient(run, this.#delta, pointer);
    if (found !== pointer) this.engine.kernels.linear(this.samples * run.state.fanIn, found, pointer);
    this.#inputsReached = true;
    return pointer;
  }

  /** Deltas from the layer last reached down to `bottom`. */
  #descend(bottom: number, fused: boolean, gradients: boolean): void {
    while (this.#reached > bottom) {
      const above = this.runs[this.#reached];
      const run = this.runs[this.#reached - 1] as LayerRun;
      const layer = passesOf[run.state.description.kind];
      if (above !== undefined) {
        const layerAbove = passesOf[above.state.description.kind];
        this.#delta = layerAbove.inputGradient(above, this.#delta, this.#other(this.#delta));
      }
      if (above !== undefined || !fused) layer.delta(run, this.#delta);
      if (gradients && run.state.trainable) {
        layer.gradients(run, this.#delta);
        if (!layer.knownFinite(run, this.#delta)) {
          this.#doubtfulFrom = run.state.index;
          if (this.#doubtfulTo < 0) this.#doubtfulTo = run.state.index;
        }
      }
      this.#reached--;
    }
  }

  #other(delta: number): number {
    return delta === this.#deltas[0] ? this.#deltas[1] : this.#deltas[0];
  }
}
