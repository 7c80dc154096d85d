import type { Core } from "./core";
import { type Data, type Dataset, gather, readData } from "./dataset";
import { drained, type Evaluation, evaluating } from "./evaluation";
import { type FitOptions, type FitPlan, planFit } from "./fitOptions";
import { emptyHistory, type History, latest } from "./history";
import { addTo, type LossLike, takesIndices, totalOf } from "./losses";
import { type MetricName, metrics } from "./metrics";
import type { Network } from "./network";
import type { Numbers, Order } from "./numbers";
import { clipGradients, type Optimizer } from "./optimizers";
import { isPromise, Pacer } from "./pacer";
import { permute } from "./random";
import { rowsOf, shrink } from "./room";
import type { Targets } from "./targets";
import { readTrainerOptions, type TrainerOptions } from "./trainerOptions";
import { TrainingState } from "./trainingState";

/** Trains a network: a batch through `step`, or whole data sets through `fit`. Its slots are freed with the network. */
export class Trainer {
  readonly network: Network;
  readonly loss: LossLike;
  readonly optimizer: Optimizer;
  readonly metrics: readonly MetricName[];
  readonly clipNorm: number | undefined;
  readonly #core: Core;
  readonly #state: TrainingState;
  /** What there was room for before a step. */
  readonly #reserved: number[] = [];

  /** Throws ArgumentError for unknown names, DisposedError for a network that is no more. */
  constructor(network: Network, options: TrainerOptions = {}) {
    const { loss, optimizer, metrics, clipNorm } = readTrainerOptions(network, options);
    this.network = network;
    this.loss = loss;
    this.optimizer = optimizer;
    this.metrics = metrics;
    this.clipNorm = clipNorm;
    this.#core = network.core;
    this.#state = new TrainingState(network.core, optimizer, () => this.#costAndGradients());
  }

  /**
   * One synchronous step on one batch; returns its cost before the update.
   *
   *   inputs: n x inputs    targets: n x units, or n class indices
   */
  step(inputs: Numbers, targets: Targets): number {
    const core = this.#core;
    const { batch } = core;
    core.checkIdle("step");
    core.forget();
    const rows = core.reserved(this.#reserved);
    try {
      batch.loadInputs("step: inputs", inputs);
      batch.loadTargets("step: targets", targets, takesIndices(this.loss));
      batch.loadWeights("step", undefined);
      return this.#update("step");
    } catch (error) {
      core.giveBack(rows);
      throw error;
    }
  }

  /** Trains over the data, `epochs` times; a later fit goes on with the optimizer's state. */
  async fit(data: Data, options: FitOptions = {}): Promise<History> {
    const core = this.#core;
    core.checkIdle("fit");
    const plan = planFit(core, takesIndices(this.loss), this.optimizer, data, options);
    const history = emptyHistory();
    const pacer = new Pacer();
    return core.training("fit", async () => {
      while (history.epochs < plan.epochs && (await this.#epoch(plan, history, pacer))) {
        await plan.onEpoch?.(latest(history, plan.epochs));
        core.checkAlive("fit");
      }
      return history;
    });
  }

  /** Every sample once, and the epoch's figures into the history; false where the signal ended it. */
  async #epoch(plan: FitPlan, history: History, pacer: Pacer): Promise<boolean> {
    const core = this.#core;
    const { batchSize, batches, training, validation, order, onStep, signal } = plan;
    const epoch = history.epochs + 1;
    if (order !== undefined) permute(core.engine, order, plan.seed, this.#state.epochs);
    // of the costs, with its compensation, and of the hits of each metric; in an array, for a number that changes here is a new
    // object each time
    const sums = new Float64Array(2 + this.metrics.length);
    for (let batch = 1; batch <= batches; batch++) {
      if (signal?.aborted) {
        history.stoppedBy = "signal";
        return false;
      }
      const start = (batch - 1) * batchSize;
      const samples = Math.min(batchSize, training.samples - start);
      const cost = this.#batch(training, order, start, samples, sums);
      if (onStep !== undefined) {
        const answer = onStep({ step: this.#state.steps, epoch, batch, batches, samples, cost });
        if (isPromise(answer)) await answer;
        core.checkAlive("fit");
      }
      if (pacer.due) {
        await pacer.breathe();
        core.checkAlive("fit");
      }
    }
    history.loss.push(totalOf(sums) / training.samples);
    history.learningRate.push(this.optimizer.learningRate);
    const { units, outputActivation } = core;
    this.metrics.forEach((name, m) => {
      const outOf = metrics[name].outOf(training.samples, units, outputActivation);
      history[name].push((sums[2 + m] as number) / outOf);
    });
    if (validation !== undefined) {
      const work = evaluating(core, this.loss, this.metrics, validation);
      const { loss, accuracy } = await pacer.drain(work);
      history.validationLoss.push(loss);
      if (accuracy !== undefined) history.validationAccuracy.push(accuracy);
    }
    history.epochs = epoch;
    this.#state.epochs++;
    return true;
  }

  /** A step on a batch of the data, counted in `sums`; returns its cost. Without an await in it, it makes no objects. */
  #batch(data: Dataset, order: Order, start: number, samples: number, sums: Float64Array): number {
    const core = this.#core;
    core.forget();
    gather(data, order, start, samples, core.batch);
    const cost = this.#update("fit");
    addTo(sums, cost * samples);
    const rows = core.metricRows();
    for (let m = 0; m < this.metrics.length; m++) {
      const { hits } = metrics[this.metrics[m] as MetricName];
      sums[2 + m] = (sums[2 + m] as number) + hits(rows);
    }
    return cost;
  }

  /** The training step: the optimizer asks for cost and gradients, once or more, and moves the parameters. */
  #update(where: string): number {
    const core = this.#core;
    core.passes.reserve(where, core.batch.samples);
    this.#state.begin(where);
    try {
      const cost = this.optimizer.advance(this.#state.objective);
      core.updated();
      return cost;
    } catch (error) {
      this.#state.undo();
      throw error;
    }
  }

  /** Forward and backward over the batch in hand, at the parameters as they are. */
  #costAndGradients(): number {
    this.#core.forward();
    const cost = this.#core.backward(this.loss);
    if (this.clipNorm !== undefined) clipGradients(this.#state.objective, this.clipNorm);
    return cost;
  }

  /** Loss, without penalties, and metrics over the whole set: never a mean of batches. Dropout is off. */
  evaluate(data: Data): Evaluation {
    const core = this.#core;
    const where = "evaluate";
    core.checkAlive(where);
    const set = readData(where, data, core.inputs, core.units, core.backend, takesIndices(this.loss));
    const { rooms } = core.inference;
    const rows = rowsOf(rooms, []);
    try {
      return drained(evaluating(core, this.loss, this.metrics, set));
    } catch (error) {
      shrink(rooms, rows);
      throw error;
    }
  }
}
