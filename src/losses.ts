import type { ActivationName } from "./activations";
import type { Engine } from "./backend/engine";
import type { FusedLossKernel, LossKernel } from "./backend/kernels";
import { ArgumentError, checkName, shown } from "./errors";
import { type RunningSum, totalOf } from "./runningSum";

/** Which numbers a kernel starts from: Yhat, or the z of the output layer. */
type Source = "outputs" | "logits";

/**
 * A loss: J of a sample is `factor` times the kernel's sum, dC/dYhat the kernel's slope over `divisor`.
 * `fused` is the same together with the output activation it belongs to: the cost, and dC/dz, from the logits.
 */
interface Loss {
  value: LossKernel;
  gradient: LossKernel;
  factor: (units: number) => number;
  divisor: (samples: number, units: number) => number;
  fused?: { activation: ActivationName; value: FusedLossKernel; gradient: LossKernel; gradientFrom: Source };
}

/**
 * The cost of n samples of m outputs, d = Yhat - Y:
 *
 *     sumOfSquares             1/(2n) sum d^2
 *     meanSquaredError         1/(nm) sum d^2
 *     huber                    1/(nm) sum (d^2 / 2, or |d| - 1/2 where |d| > 1)
 *     meanAbsoluteError        1/(nm) sum |d|
 *     binaryCrossEntropy       -1/n sum (Y log Yhat + (1 - Y) log(1 - Yhat)): m times PyTorch's mean
 *     categoricalCrossEntropy  -1/n sum Y log Yhat
 *
 * The cross-entropies are computed from the logits where the output layer is the sigmoid, or softmax, that they belong to;
 * on another output they take the form above as it stands, which is infinite where Yhat is infinitely wrong.
 */
export type LossName =
  | "sumOfSquares"
  | "meanSquaredError"
  | "binaryCrossEntropy"
  | "categoricalCrossEntropy"
  | "huber"
  | "meanAbsoluteError";

/** The catalogue; n samples, m outputs. The sums and slopes: assembly/losses.ts, assembly/crossEntropy.ts. */
export const losses = {
  sumOfSquares: { value: "squaresLoss", gradient: "squaresGradient", factor: () => 0.5, divisor: (n) => n },
  meanSquaredError: {
    value: "squaresLoss",
    gradient: "squaresGradient",
    factor: (m) => 1 / m,
    divisor: (n, m) => (n * m) / 2,
  },
  binaryCrossEntropy: {
    value: "binaryLoss",
    gradient: "binaryGradient",
    factor: () => 1,
    divisor: (n) => n,
    fused: {
      activation: "sigmoid",
      value: "binaryLogitsLoss",
      gradient: "binaryLogitsGradient",
      gradientFrom: "logits",
    },
  },
  categoricalCrossEntropy: {
    value: "categoricalLoss",
    gradient: "categoricalGradient",
    factor: () => 1,
    divisor: (n) => n,
    fused: {
      activation: "softmax",
      value: "categoricalLogitsLoss",
      gradient: "categoricalLogitsGradient",
      gradientFrom: "outputs",
    },
  },
  huber: { value: "huberLoss", gradient: "huberGradient", factor: (m) => 1 / m, divisor: (n, m) => n * m },
  meanAbsoluteError: {
    value: "absoluteLoss",
    gradient: "absoluteGradient",
    factor: (m) => 1 / m,
    divisor: (n, m) => n * m,
  },
} as const satisfies Record<LossName, Loss>;

export const lossNames = Object.keys(losses) as LossName[];

/** The catalogue's entry of a name. */
export function lossOf(name: LossName): Loss {
  return losses[name];
}

/** What a loss of one's own is given. The arrays are live views: to be read during the call. */
export interface LossBatch {
  /** samples x units, after the output activation. */
  readonly outputs: Float64Array;
  /** samples x units; class indices arrive as one-hot rows. */
  readonly targets: Float64Array;
  readonly samples: number;
  readonly units: number;
  /** One weight a sample, where they were given. */
  readonly sampleWeights: Float64Array | undefined;
}

/** A loss of one's own. */
export interface CustomLoss {
  readonly name: string;
  /** The cost C of the batch, a mean over its samples. */
  value(batch: LossBatch): number;
  /** Writes dC/dOutputs, samples x units, into `out`, which is zeros when it is handed over. */
  gradient(batch: LossBatch, out: Float64Array): void;
}

export type LossLike = LossName | CustomLoss;

/** Throws an ArgumentError unless `loss` is a known name or has what a loss of one's own needs. */
export function checkLoss(where: string, loss: unknown): asserts loss is LossLike {
  if (typeof loss === "object" && loss !== null) {
    const { name, value, gradient } = loss as Partial<CustomLoss>;
    if (typeof name === "string" && typeof value === "function" && typeof gradient === "function") return;
    throw new ArgumentError(
      `${where}: loss has name ${shown(name)}, value ${shown(value)} and gradient ${shown(gradient)}; a string and two functions were expected`,
    );
  }
  checkName(`${where}: loss`, loss, lossNames);
}

/** Whether targets may be class indices: of the categorical loss, and of a loss of one's own, which sees one-hot rows. */
export function takesIndices(loss: LossLike): boolean {
  return loss === "categoricalCrossEntropy" || typeof loss === "object";
}

/** The cost that a loss of one's own gives. Throws an ArgumentError where that is no number. */
export function customCost(loss: CustomLoss, batch: LossBatch): number {
  const cost: unknown = loss.value(batch);
  if (typeof cost === "number") return cost;
  throw new ArgumentError(`loss ${loss.name}: value returned ${shown(cost)}, a number was expected`);
}

/** Its gradient -> `out`. */
export function customGradient(loss: CustomLoss, batch: LossBatch, out: Float64Array): void {
  loss.gradient(batch, out);
}

/** The loss that belongs to an output activation. */
export function defaultLoss(output: ActivationName): LossName {
  if (output === "softmax") return "categoricalCrossEntropy";
  return output === "sigmoid" ? "binaryCrossEntropy" : "sumOfSquares";
}

/** One batch as the loss kernels see it: addresses in linear memory. */
export interface LossTask {
  samples: number;
  units: number;
  /** Yhat, samples x units. */
  outputs: number;
  /** The z of the output layer, samples x units; 0 where there is none. */
  logits: number;
  /** samples x units. */
  targets: number;
  /** One number a sample; 0 for none. */
  weights: number;
  /** Room for one number a sample. */
  losses: number;
  /** The output activation; undefined where the last layer has none. */
  activation: ActivationName | undefined;
}

function fusedWith(loss: Loss, task: LossTask): Loss["fused"] {
  return task.logits !== 0 && loss.fused?.activation === task.activation ? loss.fused : undefined;
}

/**
 * Adds w_i J_i of every sample to a running sum. One compensated chain over the samples in their order: how a data set is
 * cut into batches does not change a bit.
 */
export function addLosses(engine: Engine, loss: Loss, task: LossTask, sum: RunningSum): void {
  const { kernels } = engine;
  const { samples, units } = task;
  const fused = fusedWith(loss, task);
  const factor = loss.factor(units);
  if (fused === undefined) kernels[loss.value](samples, units, factor, task.outputs, task.targets, task.losses);
  else kernels[fused.value](samples, units, factor, task.logits, task.outputs, task.targets, task.losses);
  kernels.accumulate(samples, task.losses, task.weights, sum.pointer);
}

/** The sum of the losses of one batch. */
export function sumLosses(engine: Engine, loss: Loss, task: LossTask): number {
  const { results } = engine;
  results.values[0] = 0;
  results.values[1] = 0;
  addLosses(engine, loss, task, results);
  return totalOf(results.values);
}

/** Writes dC/dYhat into `out`, samples x units, or dC/dz where the loss is fused: then returns true. */
export function lossGradient(engine: Engine, loss: Loss, task: LossTask, out: number): boolean {
  const { kernels } = engine;
  const { samples, units } = task;
  const fused = fusedWith(loss, task);
  const kernel = kernels[(fused ?? loss).gradient];
  const source = fused?.gradientFrom === "logits" ? task.logits : task.outputs;
  kernel(samples, units, loss.divisor(samples, units), source, task.targets, out);
  if (task.weights !== 0) kernels.scaleRows(samples, units, task.weights, out);
  return fused !== undefined;
}
