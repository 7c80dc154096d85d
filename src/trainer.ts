import { type Data, gather, readData } from "./dataset";
import { ArgumentError, BusyError, checkName, checkOptions, shown } from "./errors";
import { type Evaluation, evaluating } from "./evaluation";
import { type FitOptions, planFit } from "./fitOptions";
import { emptyHistory, type History } from "./history";
import { checkLoss, defaultLoss, type LossLike } from "./losses";
import { defaultMetrics, type MetricName, metricNames, metrics } from "./metrics";
import { Network } from "./network";
import type { Numbers } from "./numbers";
import { type Objective, type Optimizer, sgd } from "./optimizers";
import { Pacer } from "./pacer";
import { permute } from "./random";
import { shrink } from "./room";
import type { Targets } from "./targets";
import { TrainingState } from "./trainingState";

export interface TrainerOptions {
  /** Default: the one that fits the output activation. */
  loss?: LossLike;
  /** Default: sgd(). */
  optimizer?: Optimizer;
  /** Default: accuracy where there are classes. */
  metrics?: readonly MetricName[];
}

/** Trains a network: a batch through `step`, or whole data sets through `fit`. Its slots are freed with the network. */
export class Trainer {
  readonly network: Network;
  readonly loss: LossLike;
  readonly optimizer: Optimizer;
  readonly metrics: readonly MetricName[];
  readonly #state: TrainingState;
  readonly #objective: Objective;

  /** Throws ArgumentError for unknown names, DisposedError for a network that is no more. */
  constructor(network: Network, options: TrainerOptions = {}) {
    const where = "Trainer";
    if (!(network instanceof Network)) {
      throw new ArgumentError(`${where}: ${shown(network)} was given, a network of createNetwork() was expected`);
    }
    network.checkAlive(where);
    checkOptions(where, options, ["loss", "optimizer", "metrics"]);
    const output = network.outputActivation;
    const { loss = defaultLoss(output ?? "linear"), optimizer = sgd() } = options;
    checkLoss(where, loss);
    if (typeof optimizer?.advance !== "function") {
      throw new ArgumentError(
        `${where}: optimizer: ${shown(optimizer)} was given, the result of adam(), sgd() or the like was expected`,
      );
    }
    const { metrics: names = defaultMetrics(loss, output) } = options;
    if (!Array.isArray(names)) {
      throw new ArgumentError(`${where}: metrics: ${shown(names)} was given, an array of names was expected`);
    }
    for (const name of names) checkName(`${where}: metrics`, name, metricNames);
    this.network = network;
    this.loss = loss;
    this.optimizer = optimizer;
    this.metrics = [...names];
    this.#state = new TrainingState(network, optimizer);
    this.#objective = this.#state.objective(() => {
      network.runForward();
      return network.runBackward(loss);
    });
  }

  /** One synchronous step on one batch; returns its cost before the update. */
  step(inputs: Numbers, targets: Targets): number {
    const { network } = this;
    const { batch, passes } = network;
    network.checkAlive("step");
    network.checkIdle("step");
    network.forget();
    const [batchRows, passRows] = [batch.rows, passes.rows];
    try {
      batch.loadInputs("step: inputs", inputs);
      batch.loadTargets("step: targets", targets, this.#takesIndices);
      batch.loadWeights("step", undefined);
      return this.#update("step");
    } catch (error) {
      shrink(batch, batchRows);
      shrink(passes, passRows);
      throw error;
    }
  }

  /** Trains over the data, `epochs` times; a later fit goes on with the optimizer's state. */
  async fit(data: Data, options: FitOptions = {}): Promise<History> {
    const { network, optimizer } = this;
    network.checkAlive("fit");
    network.checkIdle("fit");
    if (network.busy) {
      throw new BusyError("fit: the network is in training, one fit at a time was expected; await the other first");
    }
    const { training, validation, signal, ...plan } = planFit(network, this.#takesIndices, data, options);
    const { samples } = training;
    const batches = Math.ceil(samples / plan.batchSize);
    const order = plan.shuffle ? new Uint32Array(samples) : undefined;
    const history = emptyHistory();
    const pacer = new Pacer();
    const rooms = [network.batch, network.passes, network.inference].map((room) => ({ room, rows: room.rows }));
    network.busy = true;
    try {
      while (history.epochs < plan.epochs) {
        const epoch = history.epochs + 1;
        if (order !== undefined) permute(order, plan.seed, this.#state.epochs);
        let costs = 0;
        let hits = 0;
        for (let batch = 1; batch <= batches; batch++) {
          if (signal?.aborted) return stopped(history, "signal");
          const start = (batch - 1) * plan.batchSize;
          const count = Math.min(plan.batchSize, samples - start);
          network.batch.reserve("fit", Math.min(plan.batchSize, samples));
          network.forget();
          gather(training, order, start, count, network.batch);
          const cost = this.#update("fit");
          costs += cost * count;
          hits += this.#hits();
          if (plan.onStep !== undefined) {
            const step = this.#state.steps;
            const waiting = plan.onStep({ step, epoch, batch, batches, samples: count, cost });
            if (isPromise(waiting)) await waiting;
            network.checkAlive("fit");
          }
          if (pacer.due) {
            await pacer.breathe();
            network.checkAlive("fit");
          }
        }
        history.loss.push(costs / samples);
        history.learningRate.push(optimizer.learningRate);
        if (this.metrics.includes("accuracy")) history.accuracy.push(hits / this.#outOf(samples));
        if (validation !== undefined) {
          const found = await this.#evaluateWith(pacer, validation);
          history.validationLoss.push(found.loss);
          if (found.accuracy !== undefined) history.validationAccuracy.push(found.accuracy);
        }
        history.epochs = epoch;
        this.#state.epochs++;
        if (plan.onEpoch !== undefined) {
          await plan.onEpoch({ epoch, epochs: plan.epochs, ...lastOf(history), history });
          network.checkAlive("fit");
        }
      }
      return stopped(history, "epochs");
    } catch (error) {
      for (const { room, rows } of rooms) shrink(room, rows);
      throw error;
    } finally {
      network.busy = false;
    }
  }

  /** Loss, without penalties, and metrics over the whole set: never a mean of batches. Dropout is off. */
  evaluate(data: Data): Evaluation {
    const { network, loss, metrics: names } = this;
    const where = "evaluate";
    network.checkAlive(where);
    const { inputs, units, backend } = network;
    const work = evaluating(network, loss, names, readData(where, data, inputs, units, backend, this.#takesIndices));
    const { rows } = network.inference;
    try {
      for (;;) {
        const { done, value } = work.next();
        if (done) return value;
      }
    } catch (error) {
      shrink(network.inference, rows);
      throw error;
    }
  }

  /** Forward, backward, update: the optimizer asks the objective for cost and gradients of the batch in hand. */
  #update(where: string): number {
    const { network, optimizer } = this;
    network.passes.reserve(where, network.batch.samples);
    this.#state.begin(where);
    try {
      const cost = optimizer.advance(this.#objective);
      network.updated();
      return cost;
    } catch (error) {
      this.#state.undo();
      throw error;
    }
  }

  async #evaluateWith(pacer: Pacer, data: Parameters<typeof evaluating>[3]): Promise<Evaluation> {
    const work = evaluating(this.network, this.loss, this.metrics, data);
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (pacer.due) await pacer.breathe();
    }
  }

  /** Rows, or outputs, of the batch in hand that were right before its update. */
  #hits(): number {
    if (!this.metrics.includes("accuracy")) return 0;
    const { batch, units, outputActivation: activation } = this.network;
    const outputs = this.network.outputView();
    return metrics.accuracy.hits({ samples: batch.samples, units, outputs, targets: batch.targetView(), activation });
  }

  #outOf(samples: number): number {
    return metrics.accuracy.outOf(samples, this.network.units, this.network.outputActivation);
  }

  get #takesIndices(): boolean {
    return this.loss === "categoricalCrossEntropy" || typeof this.loss === "object";
  }
}

/** Only a promise is awaited: between steps even a turn of the microtask queue costs something. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}

function stopped(history: History, by: History["stoppedBy"]): History {
  history.stoppedBy = by;
  return history;
}

function lastOf({ loss, accuracy, validationLoss, validationAccuracy }: History) {
  return {
    loss: loss[loss.length - 1] as number,
    accuracy: accuracy[accuracy.length - 1],
    validationLoss: validationLoss[validationLoss.length - 1],
    validationAccuracy: validationAccuracy[validationAccuracy.length - 1],
  };
}
