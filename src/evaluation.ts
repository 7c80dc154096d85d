import { Batch } from "./batch";
import type { Core } from "./core";
import { type Dataset, gather } from "./dataset";
import { PREDICTION_ROWS } from "./inference";
import { addLosses, customCost, type LossLike, lossOf, totalOf } from "./losses";
import { type MetricName, metrics } from "./metrics";

/** Loss and metrics over a whole set. */
export type Evaluation = { loss: number } & { [Name in MetricName]?: number };

/**
 * Evaluates a data set batch after batch, and can be left and come back to between two of them. The loss is one
 * compensated sum over all samples, without penalties; metrics are counted over all of them.
 */
export function* evaluating(
  core: Core,
  loss: LossLike,
  names: readonly MetricName[],
  data: Dataset,
): Generator<void, Evaluation> {
  const where = "evaluate";
  const { engine, scope, inference, units, outputActivation: activation } = core;
  const rows = Math.min(PREDICTION_ROWS, data.samples);
  const batch = new Batch(core.backend, scope, units, inference.inputs);
  const whole = typeof loss === "string" ? undefined : wholeSet(data.samples, units, data.weights !== undefined);
  let sum = 0;
  const hits = names.map(() => 0);
  try {
    inference.reserve(where, rows);
    const pointer = scope.allocate(where, 2);
    const running = { pointer, values: engine.view(pointer, 2) };
    try {
      for (let start = 0; start < data.samples; start += rows) {
        const count = Math.min(rows, data.samples - start);
        gather(data, undefined, start, count, batch);
        inference.run(count, batch.inputs);
        if (typeof loss === "string") {
          const task = core.lossTask(batch, inference.outputs, inference.logits);
          addLosses(engine, lossOf(loss), task, running);
          sum = totalOf(running.values);
        }
        const seen = {
          samples: count,
          units,
          outputs: inference.outputView(count),
          targets: batch.targetView(),
          activation,
        };
        names.forEach((name, m) => {
          hits[m] = (hits[m] as number) + metrics[name].hits(seen);
        });
        whole?.outputs.set(seen.outputs, start * units);
        whole?.targets.set(seen.targets, start * units);
        whole?.sampleWeights?.set(batch.weightView() ?? [], start);
        yield;
        core.checkAlive(where);
      }
    } finally {
      scope.free(pointer);
    }
  } finally {
    batch.dispose();
  }
  // a loss of one's own is no sum over samples that we could know of: it is asked once, over all of them
  const value = typeof loss === "object" && whole !== undefined ? customCost(loss, whole) : sum / data.samples;
  const evaluation: Evaluation = { loss: value };
  names.forEach((name, m) => {
    evaluation[name] = (hits[m] as number) / metrics[name].outOf(data.samples, units, activation);
  });
  return evaluation;
}

function wholeSet(samples: number, units: number, weighted: boolean) {
  return {
    samples,
    units,
    outputs: new Float64Array(samples * units),
    targets: new Float64Array(samples * units),
    sampleWeights: weighted ? new Float64Array(samples) : undefined,
  };
}

/** Evaluates to the end without a pause. */
export function drained(work: Generator<void, Evaluation>): Evaluation {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
