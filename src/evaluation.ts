import { Batch } from "./batch";
import type { Core } from "./core";
import { type Dataset, gather } from "./dataset";
import { PREDICTION_ROWS } from "./inference";
import { addLosses, customCost, type LossLike, lossOf } from "./losses";
import { CollectedRows } from "./metrics/collectedRows";
import { type MetricLike, type MetricName, type MetricRows, nameOf, startTally } from "./metrics/metrics";
import { totalOf } from "./runningSum";

/** Loss and metrics over the whole set, by their names. */
export type Evaluation = { readonly loss: number } & { readonly [Name in MetricName]?: number } & {
  readonly [metric: string]: number;
};

/** What a data set and the outputs for it look like, batch after batch. */
export function* predicting(where: string, core: Core, data: Dataset): Generator<{ rows: MetricRows; batch: Batch }> {
  const { scope, inference, units, outputActivation: activation } = core;
  const most = Math.min(PREDICTION_ROWS, data.samples);
  const batch = new Batch(core.backend, scope, units, inference.inputs);
  try {
    inference.reserve(where, most);
    for (let start = 0; start < data.samples; start += most) {
      const samples = Math.min(most, data.samples - start);
      gather(data, undefined, start, samples, batch);
      inference.run(samples, batch.inputs);
      const outputs = inference.outputView(samples);
      const weights = batch.sampleWeightView();
      yield { rows: { samples, units, outputs, targets: batch.targetView(), weights, activation }, batch };
    }
  } finally {
    batch.dispose();
  }
}

/**
 * Evaluates a data set batch after batch, and can be left and come back to between two of them. The loss is one
 * compensated sum over all samples, without penalties; metrics are counted over all of them.
 */
export function* evaluating(
  core: Core,
  loss: LossLike,
  metrics: readonly MetricLike[],
  data: Dataset,
): Generator<void, Evaluation> {
  const where = "evaluate";
  const { engine, scope, inference, units, outputActivation: activation } = core;
  // a loss of one's own is no sum over samples that we could know of: it is asked once, over all of them
  const whole = typeof loss === "string" ? undefined : new CollectedRows(units, data.samples);
  const tallies = metrics.map((metric) => startTally(metric, units, activation));
  let sum = 0;
  const pointer = scope.allocate(where, 2);
  try {
    const running = { pointer, values: engine.view(pointer, 2) };
    for (const { rows, batch } of predicting(where, core, data)) {
      if (typeof loss === "string") {
        const task = core.lossTask(batch, inference.outputs, inference.logits);
        addLosses(engine, lossOf(loss), task, running);
        sum = totalOf(running.values);
      }
      for (const tally of tallies) tally.add(rows);
      whole?.add(rows);
      yield;
      core.checkAlive(where);
    }
  } finally {
    scope.free(pointer);
  }
  const value = typeof loss === "object" && whole !== undefined ? customCost(loss, whole) : sum / data.samples;
  const measured = metrics.map((metric, m) => [nameOf(metric), tallies[m]?.value()]);
  return { loss: value, ...Object.fromEntries(measured) };
}

/** Evaluates to the end without a pause. */
export function drained(work: Generator<void, Evaluation>): Evaluation {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
