import { chunk } from "../chunk";
import { ArgumentError, shown } from "../errors";
import { evaluating } from "../evaluation";
import { type MetricLike, nameOf, startTally, type Tally, validationNameOf } from "../metrics/metrics";
import type { Bytes } from "../numbers";
import { addTo, totalOf } from "../runningSum";
import type { Training } from "../training";
import { readResume } from "./checkpoint";
import { ABORTED } from "./feed";
import type { FitPlan } from "./fitOptions";
import { type History, latest } from "./history";
import { isPromise, Pacer } from "./pacer";
import type { Schedule } from "./schedules";
import type { Progress } from "./trainingFile";

/** A fit under way: epochs of steps, what is measured of them, and what may end it. */
export class Fit implements Progress {
  readonly #pacer = new Pacer();
  /** Steps of this fit. */
  steps = 0;
  /** The learning rate of the last step. */
  #rate: number;
  /** Writes a checkpoint, where one is wanted. */
  #write: ((progress: Progress) => Bytes) | undefined;

  constructor(
    readonly training: Training,
    readonly metrics: readonly MetricLike[],
    readonly plan: FitPlan,
  ) {
    this.#rate = training.optimizer.learningRate;
  }

  async run(): Promise<History> {
    const { plan } = this;
    const { history, epochs, onEpoch, earlyStopping } = plan;
    await this.start();
    while (history.epochs < epochs) {
      if (earlyStopping?.isOver(history)) {
        history.stoppedBy = "earlyStopping";
        break;
      }
      if (!(await this.#epoch())) {
        history.stoppedBy = "signal";
        break;
      }
      earlyStopping?.observe(history);
      await onEpoch?.(latest(history, epochs));
      this.training.core.checkAlive("fit");
      await this.#save();
    }
    earlyStopping?.restore();
    return history;
  }

  /** Where it goes on from, and whether it can be saved: before a weight moves. */
  async start(): Promise<void> {
    const { resume, checkpoint } = this.plan;
    if (checkpoint === undefined && resume === undefined) return;
    // a chunk of its own, loaded before a weight moves
    const trainingFile = await chunk("fit", import("./trainingFile"));
    this.#write = trainingFile.writeTraining;
    await checkpoint?.prepare();
    if (resume !== undefined) {
      const where = "fit: resume";
      const bytes = await readResume(where, resume);
      this.training.core.checkAlive("fit");
      trainingFile.readTraining(where, bytes, this);
    }
  }

  /** Saves the epoch, if its turn has come or it is the last. */
  async #save(): Promise<void> {
    const { checkpoint, history, epochs, earlyStopping } = this.plan;
    if (checkpoint === undefined || this.#write === undefined) return;
    const last = history.epochs >= epochs || earlyStopping?.isOver(history) === true;
    if (history.epochs % checkpoint.every !== 0 && !last) return;
    await checkpoint.save(this.#write(this));
    this.training.core.checkAlive("fit");
  }

  /** Every sample once, and the epoch's figures into the history; false where the signal ended it. */
  async #epoch(): Promise<boolean> {
    const { training, metrics, plan } = this;
    const { feed, history, epochs, onStep, signal, validation } = plan;
    const { core, state } = training;
    const tallies = metrics.map((metric) => startTally(metric, core.units, core.outputActivation));
    // of the costs; in an array, for a number that changes here is a new object each time
    const costs = new Float64Array(2);
    let total = 0;
    const epoch = history.epochs + 1;
    if (signal?.aborted) return false;
    feed.begin(state.epochs, epoch);
    try {
      for (let batch = 1; ; batch++) {
        // an epoch whose last step is done is whole
        if (signal?.aborted && batch - 1 !== feed.batches) return false;
        const loaded = feed.load();
        const samples = isPromise(loaded) ? await loaded : loaded;
        if (samples === ABORTED) return false;
        if (samples === 0) break;
        total += samples;
        const cost = this.#step(tallies);
        addTo(costs, cost * samples);
        if (onStep !== undefined) {
          const answer = onStep({ step: state.steps, epoch, epochs, batch, batches: feed.batches, samples, cost });
          if (isPromise(answer)) await answer;
          core.checkAlive("fit");
        }
        if (this.#pacer.due) {
          await this.#pacer.breathe();
          core.checkAlive("fit");
        }
      }
    } finally {
      feed.end();
    }
    const numbers = new Map([
      ["loss", totalOf(costs) / total],
      ["learningRate", this.#rate],
    ]);
    tallies.forEach((tally, m) => {
      numbers.set(nameOf(metrics[m] as MetricLike), tally.value());
    });
    if (validation !== undefined) {
      const measured = await this.#pacer.drain(evaluating(core, training.loss, metrics, validation));
      for (const [name, value] of Object.entries(measured)) numbers.set(validationNameOf(name), value);
    }
    // all of an epoch or nothing
    for (const [name, value] of numbers) history[name]?.push(value);
    history.epochs = epoch;
    state.epochs++;
    return true;
  }

  /** A step on the batch in hand; returns its cost. Without a schedule it makes no objects. */
  #step(tallies: readonly Tally[]): number {
    const { training } = this;
    const { schedule, feed } = this.plan;
    let cost: number;
    if (schedule === undefined) cost = training.step("fit", feed.batch, tallies);
    else {
      this.#rate = this.#scheduled(schedule);
      cost = training.stepAt(this.#rate, "fit", feed.batch, tallies);
    }
    this.steps++;
    return cost;
  }

  /** The learning rate of the step that comes. */
  #scheduled(schedule: Schedule): number {
    const { history } = this.plan;
    const { learningRate } = this.training.optimizer;
    const factor: unknown = schedule(this.steps, history.epochs, history);
    if (typeof factor === "number" && Number.isFinite(factor * learningRate) && factor >= 0)
      return factor * learningRate;
    throw new ArgumentError(
      `fit: schedule: ${shown(factor)} was returned for step ${this.steps}, a finite number of at least 0 was expected`,
    );
  }
}
