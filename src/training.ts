import type { Batch } from "./batch";
import type { Core } from "./core";
import { diverged } from "./divergence";
import { BusyError } from "./errors";
import type { LossLike } from "./losses";
import type { Tally } from "./metrics/metrics";
import { clipGradients, type Optimizer } from "./optimizers";
import { TrainingState } from "./trainingState";

const NONE: readonly Tally[] = [];

/** The training of one network with one loss by one optimizer: what a trainer is behind the border. */
export class Training {
  /** A worker goes on with it: its steps are made there. */
  away = false;
  readonly state: TrainingState;
  /** Of the step in hand: what its messages begin with, and what is measured of its outputs. */
  #where = "";
  #tallies: readonly Tally[] = [];

  constructor(
    readonly core: Core,
    readonly loss: LossLike,
    readonly optimizer: Optimizer,
    readonly clipNorm: number | undefined,
  ) {
    this.state = new TrainingState(core, optimizer, {
      costAndGradients: () => this.#costAndGradients(),
      look: () => this.#look(),
    });
  }

  /**
   * The training step on a batch: the optimizer asks for cost and gradients, once or more, and moves the
   * parameters. Returns the cost before, and measures the outputs before. What fails leaves everything as it was.
   */
  step(where: string, batch = this.core.batch, tallies: readonly Tally[] = NONE): number {
    const { core } = this;
    const { batch: own } = core;
    if (this.away) {
      throw new BusyError(
        `${where}: the training goes on in a worker, a step of another trainer, or after the fit, was expected`,
      );
    }
    this.#where = where;
    this.#tallies = tallies;
    core.batch = batch;
    try {
      core.prepare(where);
      return this.#advance(where);
    } finally {
      core.batch = own;
    }
  }

  #advance(where: string): number {
    const { core, state } = this;
    state.begin(where);
    try {
      const cost = this.optimizer.advance(state.objective);
      core.updated();
      core.passes.runStatistics();
      return cost;
    } catch (error) {
      state.undo();
      throw error;
    }
  }

  /** A step at another learning rate than the optimizer's. */
  stepAt(learningRate: number, where: string, batch: Batch, tallies: readonly Tally[]): number {
    const { objective } = this.state;
    objective.learningRate = learningRate;
    try {
      return this.step(where, batch, tallies);
    } finally {
      objective.learningRate = this.optimizer.learningRate;
    }
  }

  /** Cost and gradients that an update can be made of, at the parameters as they are. */
  #costAndGradients(): number {
    const { core } = this;
    const cost = this.#look();
    if (!core.finite) throw diverged(this.#where, core, this.state.steps, cost);
    const tallies = this.#tallies;
    if (tallies.length > 0) {
      const rows = core.metricRows();
      for (let m = 0; m < tallies.length; m++) (tallies[m] as Tally).add(rows);
    }
    if (this.clipNorm !== undefined) clipGradients(this.state.objective, this.clipNorm);
    return cost;
  }

  /** Forward and backward over the batch in hand, whatever comes of it. */
  #look(): number {
    this.core.forward();
    return this.core.backward(this.loss);
  }
}
