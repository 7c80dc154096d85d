import type { Scope } from "./backend/arena";
import type { Backend } from "./backend/backend";
import type { Engine } from "./backend/engine";
import { Matrix } from "./backend/matrix";
import { ArgumentError, ShapeError, shown } from "./errors";
import { copyRow, type Flat, flatten, type Numbers, throwNotFinite } from "./numbers";
import { type Room, Rows } from "./room";
import { readTargets, type TargetRows, writeTargetRow } from "./targets";

/** Room for one batch in linear memory: targets, weights, the loss of each sample, and inputs that are no Matrix. */
export class Batch implements Room {
  samples = 0;
  /** Address of the inputs of this batch: its own, or those of a Matrix. */
  inputs = 0;
  targets = 0;
  /** Address of the weights; 0 where the samples have none. */
  weights = 0;
  losses = 0;
  rows = 0;
  #blocks: readonly number[] = [];
  #targetView: Float64Array = new Float64Array(0);
  #targetsInUse: Float64Array = new Float64Array(0);
  #weightView: Float64Array = new Float64Array(0);
  /** The matrix whose numbers `inputs` points at. */
  #lent: Matrix | undefined;

  /** Room for inputs that are no Matrix. */
  readonly copies: Rows;

  constructor(
    readonly backend: Backend,
    readonly scope: Scope,
    readonly features: number,
    readonly units: number,
  ) {
    this.copies = new Rows(scope, features);
  }

  get engine(): Engine {
    return this.backend.engine;
  }

  /** Makes room for `rows` samples. */
  reserve(where: string, rows: number): void {
    if (rows <= this.rows) return;
    const blocks = this.scope.allocateAll(where, [rows * this.units, rows, rows]);
    for (const block of this.#blocks) this.scope.free(block);
    this.#blocks = blocks;
    const [targets = 0, weights = 0, losses = 0] = blocks;
    this.#targetView = this.engine.view(targets, rows * this.units);
    this.#weightView = this.engine.view(weights, rows);
    this.losses = losses;
    this.targets = targets;
    this.rows = rows;
  }

  /** Takes all rows of `inputs`: a Matrix as it lies, anything else by a copy. Returns how many there are. */
  loadInputs(where: string, inputs: Numbers): number {
    const { features } = this;
    const values = flatten(where, inputs, features, this.backend);
    const samples = values.length / features;
    if (samples === 0) throw new ShapeError(`${where}: 0 samples were given, at least 1 was expected`);
    this.reserve(where, samples);
    if (inputs instanceof Matrix) {
      this.#lent = inputs;
      this.inputs = inputs.pointer(where);
      const bad = this.engine.kernels.firstNotFinite(values.length, this.inputs);
      if (bad < values.length) throwNotFinite(where, values[bad], bad, features);
    } else {
      this.copies.reserve(where, samples);
      for (let i = 0; i < samples; i++) this.copyInputRow(where, values, i, i);
    }
    this.samples = samples;
    return samples;
  }

  /** Copies a row of flat inputs to row `at` of the batch's own. Throws ArgumentError where it isn't finite. */
  copyInputRow(where: string, values: Flat, row: number, at: number): void {
    const { features } = this;
    this.#lent = undefined;
    this.inputs = this.copies.pointer;
    const bad = copyRow(values, row, features, this.copies.view, at * features);
    if (bad >= 0) throwNotFinite(where, values[row * features + bad], row * features + bad, features);
  }

  /** Takes all rows of `targets`, as many as there are samples. */
  loadTargets(where: string, targets: unknown, indices: boolean): void {
    const rows = readTargets(where, targets, this.samples, this.units, this.backend, indices);
    for (let i = 0; i < this.samples; i++) this.copyTargetRow(where, rows, i, i);
  }

  copyTargetRow(where: string, rows: TargetRows, row: number, at: number): void {
    writeTargetRow(where, rows, row, this.units, this.#targetView, at);
  }

  /** Takes one weight a sample, or none. */
  loadWeights(where: string, weights: Numbers | undefined): void {
    this.weights = 0;
    if (weights === undefined) return;
    const values = readWeights(where, weights, this.samples, this.backend);
    for (let i = 0; i < this.samples; i++) this.copyWeight(where, values, i, i);
  }

  copyWeight(where: string, values: Flat, row: number, at: number): void {
    const weight = values[row] as number;
    if (!(Number.isFinite(weight) && weight >= 0)) {
      throw new ArgumentError(
        `${where}: the weight of row ${row} is ${shown(weight)}, a finite number of at least 0 was expected`,
      );
    }
    this.weights = this.#blocks[1] ?? 0;
    this.#weightView[at] = weight;
  }

  /** Throws a DisposedError where the inputs are those of a matrix that was disposed since. */
  checkInputs(where: string): void {
    this.#lent?.checkAlive(where);
  }

  dispose(): void {
    for (const block of this.#blocks) this.scope.free(block);
    this.#blocks = [];
    this.rows = 0;
  }

  /** Live views of the rows in use, for losses of one's own and metrics. */
  targetView(): Float64Array {
    const length = this.samples * this.units;
    if (this.#targetsInUse.length !== length || this.#targetsInUse.byteOffset !== this.targets) {
      this.#targetsInUse = this.#targetView.subarray(0, length);
    }
    return this.#targetsInUse;
  }

  weightView(): Float64Array | undefined {
    return this.weights === 0 ? undefined : this.#weightView.subarray(0, this.samples);
  }
}

/** One weight a sample. Throws ShapeError for another length. */
export function readWeights(where: string, weights: unknown, samples: number, backend: Backend): Flat {
  const values = flatten(where, weights, 1, backend);
  if (values.length !== samples) {
    throw new ShapeError(`${where}: ${values.length} weights were given, ${samples} (one a sample) were expected`);
  }
  return values;
}
