import { chunk } from "./chunk";
import { checkWeighty, type Data, readData } from "./dataset";
import { drained, type Evaluation, evaluating } from "./evaluation";
import { Fit } from "./fit/fit";
import { type FitData, type FitOptions, planFit } from "./fit/fitOptions";
import type { History } from "./fit/history";
import { type LossLike, takesIndices } from "./losses";
import type { MetricLike } from "./metrics/metrics";
import type { Network } from "./network";
import type { Numbers } from "./numbers";
import type { Optimizer } from "./optimizers";
import { givingBack } from "./room";
import type { Targets } from "./targets";
import { readTrainerOptions, type TrainerOptions } from "./trainerOptions";
import { Training } from "./training";

/** Trains a network: a batch through `step`, or whole data sets through `fit`. Its slots are freed with the network. */
export class Trainer {
  readonly network: Network;
  readonly loss: LossLike;
  readonly optimizer: Optimizer;
  readonly metrics: readonly MetricLike[];
  readonly clipNorm: number | undefined;
  readonly #training: Training;
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
    this.#training = new Training(network.core, loss, optimizer, clipNorm);
  }

  /**
   * One synchronous step on one batch; returns its cost before the update.
   *
   *   inputs: n x inputs    targets: n x units, or n class indices
   */
  step(inputs: Numbers, targets: Targets): number {
    const { core } = this.network;
    const { batch } = core;
    core.checkIdle("step");
    core.forget();
    const rows = core.reserved(this.#reserved);
    try {
      batch.loadInputs("step: inputs", inputs);
      batch.loadTargets("step: targets", targets, takesIndices(this.loss));
      batch.loadWeights("step", undefined);
      return this.#training.step("step");
    } catch (error) {
      core.giveBack(rows);
      throw error;
    }
  }

  /** Trains over the data, `epochs` times; a later fit goes on with the optimizer's state. */
  async fit(data: FitData, options: FitOptions = {}): Promise<History> {
    const { core } = this.network;
    core.checkIdle("fit");
    return core.training("fit", async () => {
      const plan = await planFit(this.#training, this.metrics, data, options);
      const fit = new Fit(this.#training, this.metrics, plan);
      try {
        if (options.worker !== true) return await fit.run();
        const { fitInWorker } = await chunk("fit: worker", import("./worker/fitInWorker"));
        return await fitInWorker(fit, data, options);
      } finally {
        plan.feed.free();
      }
    });
  }

  /** Loss, without penalties, and metrics over the whole set: never a mean of batches. Dropout is off. */
  evaluate(data: Data): Evaluation {
    const { core } = this.network;
    const where = "evaluate";
    core.checkFree(where);
    const set = readData(where, data, core.inputs, core.units, core.backend, takesIndices(this.loss));
    checkWeighty(set);
    return givingBack(core.inference.rooms, () => drained(evaluating(core, this.loss, this.metrics, set)));
  }
}
