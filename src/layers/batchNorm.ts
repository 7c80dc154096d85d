import type { Engine } from "../backend/engine";
import { checkNumber, checkOptions } from "../errors";
import type { LayerPasses, LayerRun, LayerState } from "./layer";

export interface BatchNormOptions {
  /** The share of a batch in the running mean and variance: running <- (1 - momentum) running + momentum batch. Default 0.1. */
  momentum?: number | undefined;
  /** Added to the variance. Default 1e-5. */
  epsilon?: number | undefined;
}

export interface BatchNormDescription extends Readonly<Required<BatchNormOptions>> {
  readonly kind: "batchNorm";
}

/**
 * A layer that normalises each feature over the batch: gamma (x - mean) / sqrt(variance + epsilon) + beta, the biased variance;
 * in predictions with the running mean and variance, the unbiased one, of the batches it was trained on. A frozen one does so
 * too: frozen are gamma and beta alone. torch.nn.BatchNorm1d.
 *
 * gamma and beta are its weights and bias. A batch of one sample is an ArgumentError. Throws ArgumentError for a momentum
 * outside [0, 1], an epsilon that is not above 0.
 */
export function batchNorm(options: BatchNormOptions = {}): BatchNormDescription {
  const where = "batchNorm";
  checkOptions(where, options, ["momentum", "epsilon"]);
  const { momentum = 0.1, epsilon = 1e-5 } = options;
  const description = { kind: "batchNorm", momentum, epsilon } as const;
  checkBatchNorm(where, description);
  return Object.freeze(description);
}

/** Throws an ArgumentError unless a description is whole. */
export function checkBatchNorm(where: string, { momentum, epsilon }: BatchNormDescription): void {
  checkNumber(`${where}: momentum`, momentum, "a number from 0 to 1", (value) => value >= 0 && value <= 1);
  checkNumber(`${where}: epsilon`, epsilon, "a number above 0", (value) => value > 0);
}

/** Vectors of `units` that its work holds: of the batch, of the backward pass, of a prediction. */
const WORK = ["mean", "variance", "inverse", "sums", "dots", "predictionInverse"] as const;
export const BATCH_NORM_WORK = WORK.length;

function workOf({ work, units }: LayerState, name: (typeof WORK)[number]): number {
  return work + 8 * units * WORK.indexOf(name);
}

function epsilonOf({ description }: LayerState): number {
  return description.kind === "batchNorm" ? description.epsilon : 0;
}

/** y from x, by the running mean and variance. */
export function inferBatchNorm(engine: Engine, state: LayerState, samples: number, x: number, y: number): void {
  const { units, weights, bias, runningMean, runningVariance } = state;
  const inverse = workOf(state, "predictionInverse");
  engine.kernels.inverseDeviations(units, epsilonOf(state), runningVariance, inverse);
  engine.kernels.normalize(samples, units, x, runningMean, inverse, weights, bias, 0, y);
}

/** Forward and backward of a training pass. Between them: x hat, and of each column the inverse deviation. */
export const batchNormPasses: LayerPasses = {
  saves: () => true,

  forward({ engine, state, samples, x, y, saved }) {
    const { units, weights, bias } = state;
    const [mean, variance, inverse] = [workOf(state, "mean"), workOf(state, "variance"), workOf(state, "inverse")];
    engine.kernels.columnMoments(samples, units, x, mean, variance);
    engine.kernels.inverseDeviations(units, epsilonOf(state), variance, inverse);
    engine.kernels.normalize(samples, units, x, mean, inverse, weights, bias, saved, y);
  },

  // the gradient stays that of y; what it sums up to is what gamma, beta and dC/dX are made of
  delta({ engine, state, samples, saved }, gradient) {
    engine.kernels.columnSums(samples, state.units, gradient, workOf(state, "sums"));
    engine.kernels.columnDots(samples, state.units, gradient, saved, workOf(state, "dots"));
  },

  gradients({ engine, state }) {
    engine.kernels.linear(state.units, workOf(state, "dots"), state.weightGradients);
    engine.kernels.linear(state.units, workOf(state, "sums"), state.biasGradients);
  },

  knownFinite: () => false,

  inputGradient({ engine, state, samples, saved }, delta) {
    const { units, weights } = state;
    const [inverse, sums, dots] = [workOf(state, "inverse"), workOf(state, "sums"), workOf(state, "dots")];
    engine.kernels.normalizeGradient(samples, units, saved, inverse, weights, sums, dots, delta, delta);
    return delta;
  },
};

/** Whether mean and variance of the last batch are finite, which lie one after the other. */
export function batchFinite({ engine, state }: LayerRun): boolean {
  const { units, description } = state;
  if (description.kind !== "batchNorm") return true;
  return engine.allFinite(2 * units, workOf(state, "mean"));
}

/** Takes the batch of the last forward pass into the running mean and variance. */
export function runStatistics({ engine, state, samples }: LayerRun): void {
  const { description, units, runningMean, runningVariance } = state;
  if (description.kind !== "batchNorm") return;
  const { momentum } = description;
  const { kernels } = engine;
  const [mean, variance] = [workOf(state, "mean"), workOf(state, "variance")];
  // the running variance is unbiased
  const unbiased = momentum * (samples / (samples - 1));
  kernels.combine(units, momentum, mean, 1 - momentum, runningMean, runningMean);
  kernels.combine(units, unbiased, variance, 1 - momentum, runningVariance, runningVariance);
}
