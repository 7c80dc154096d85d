import type { Scope } from "./backend/arena";
import type { Backend } from "./backend/backend";
import type { Matrix } from "./backend/matrix";
import { ArgumentError, ShapeError, shown } from "./errors";
import { type InputRows, inPlace } from "./inputRows";
import { LiveView } from "./liveView";
import { classAt } from "./metrics/counts";
import {
  copyRows,
  countRows,
  type Flat,
  flatten,
  type Numbers,
  type Order,
  readRows,
  rowAt,
  type Source,
  throwNotFinite,
} from "./numbers";
import type { Room } from "./room";
import { areIndices, readTargets, writeOneHot } from "./targets";

/** Room for one batch in linear memory: targets, weights, the loss of each sample, and inputs that need a copy. */
export class Batch implements Room {
  samples = 0;
  /** Address of the inputs of this batch: copies, or rows of a Matrix. */
  inputs = 0;
  /** The inputs are known to be small: the kernel areSmall. */
  small = false;
  targets = 0;
  /** Address of what each sample weighs in the cost; 0 where they have no weights. */
  weights = 0;
  losses = 0;
  rows = 0;
  #blocks: readonly number[] = [];
  #targetRoom: Float64Array = new Float64Array(0);
  #sampleWeightRoom: Float64Array = new Float64Array(0);
  #weightRoom: Float64Array = new Float64Array(0);
  /** Address of the weights that were given; 0 for none. */
  #sampleWeights = 0;
  readonly #targetView: LiveView;
  readonly #sampleWeightView: LiveView;
  readonly #weightView: LiveView;
  /** The matrix whose numbers `inputs` points at. */
  #lent: Matrix | undefined;

  constructor(
    readonly backend: Backend,
    readonly scope: Scope,
    readonly units: number,
    readonly copies: InputRows,
  ) {
    const { memory } = backend.engine.arena;
    this.#targetView = new LiveView(memory);
    this.#sampleWeightView = new LiveView(memory);
    this.#weightView = new LiveView(memory);
  }

  /** Makes room for `rows` samples, apart from their inputs. */
  reserve(where: string, rows: number): void {
    if (rows <= this.rows) return;
    const blocks = this.scope.allocateAll(where, [rows * this.units, rows, rows, rows]);
    for (const block of this.#blocks) this.scope.free(block);
    this.#blocks = blocks;
    const [targets = 0, losses = 0, sampleWeights = 0, weights = 0] = blocks;
    const { engine } = this.backend;
    this.#targetRoom = engine.view(targets, rows * this.units);
    this.#sampleWeightRoom = engine.view(sampleWeights, rows);
    this.#weightRoom = engine.view(weights, rows);
    this.losses = losses;
    this.targets = targets;
    this.rows = rows;
  }

  /** Takes all rows of `inputs`: a Matrix as it lies, anything else by a copy. */
  loadInputs(where: string, inputs: Numbers): void {
    const { width: features } = this.copies;
    const source = readRows(where, inputs, features, this.backend);
    const samples = countRows(source, features);
    if (samples === 0) throw new ShapeError(`${where}: 0 samples were given, at least 1 was expected`);
    this.reserve(where, samples);
    this.takeInputs(where, source, undefined, 0, samples, false);
  }

  /**
   * Takes the `count` rows that are next from place `start` of the order on, `small` where they are known to be. Throws an
   * ArgumentError where one is not finite.
   */
  takeInputs(where: string, source: Source, order: Order, start: number, count: number, small: boolean): void {
    this.#lent = inPlace(source, order) ? source : undefined;
    this.inputs = this.copies.take(where, source, order, start, count, small);
    this.small = this.copies.small;
    this.samples = count;
  }

  /** Takes all rows of `targets`, as many as there are samples. */
  loadTargets(where: string, targets: unknown, indices: boolean): void {
    const { samples, units } = this;
    const values = readTargets(where, targets, samples, units, this.backend, indices);
    if (areIndices(values, samples, units)) this.takeClasses(where, values, undefined, 0);
    else this.takeTargets(where, values, undefined, 0);
  }

  /** Takes `units` targets for each of the samples. */
  takeTargets(where: string, values: Flat, order: Order, start: number): void {
    const { samples, units } = this;
    copyRows(values, order, start, samples, units, this.#targetRoom);
    const bad = this.backend.engine.kernels.firstNotFinite(samples * units, this.targets);
    if (bad < samples * units) throwNotFinite(where, this.#targetRoom[bad], order, start, bad, units);
  }

  /** Takes a class index for each of the samples. */
  takeClasses(where: string, classes: Flat, order: Order, start: number): void {
    writeOneHot(where, classes, order, start, this.samples, this.units, this.#targetRoom);
  }

  /** Takes one weight a sample, or none. */
  loadWeights(where: string, weights: Numbers | undefined): void {
    const values = weights === undefined ? undefined : readWeights(where, weights, this.samples, this.backend);
    this.takeWeights(where, values, undefined, 0);
  }

  takeWeights(where: string, weights: Flat | undefined, order: Order, start: number): void {
    const room = this.#sampleWeightRoom;
    this.#sampleWeights = 0;
    this.weights = 0;
    if (weights === undefined) return;
    copyRows(weights, order, start, this.samples, 1, room);
    for (let i = 0; i < this.samples; i++) {
      const weight = room[i] as number;
      if (Number.isFinite(weight) && weight >= 0) continue;
      throw new ArgumentError(
        `${where}: the weight of row ${rowAt(order, start, i)} is ${shown(weight)}, a finite number of at least 0 was expected`,
      );
    }
    this.#sampleWeights = this.#blocks[2] ?? 0;
    this.weights = this.#sampleWeights;
  }

  /** Lets each sample weigh, in the cost, what its class does too; targets and weights are those that were taken. */
  takeClassWeights(classWeights: Float64Array): void {
    const { samples, units } = this;
    for (let i = 0; i < samples; i++) {
      const own = this.#sampleWeights === 0 ? 1 : (this.#sampleWeightRoom[i] as number);
      this.#weightRoom[i] = own * (classWeights[classAt(this.#targetRoom, units, i)] as number);
    }
    this.weights = this.#blocks[3] ?? 0;
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

  /** Frees its room, and that of its copies of inputs. */
  free(): void {
    this.dispose();
    this.copies.dispose();
  }

  /** Live views of the rows in use, for losses of one's own and metrics. */
  targetView(): Float64Array {
    return this.#targetView.at(this.targets, this.samples * this.units);
  }

  weightView(): Float64Array | undefined {
    return this.weights === 0 ? undefined : this.#weightView.at(this.weights, this.samples);
  }

  sampleWeightView(): Float64Array | undefined {
    return this.#sampleWeights === 0 ? undefined : this.#sampleWeightView.at(this.#sampleWeights, this.samples);
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
