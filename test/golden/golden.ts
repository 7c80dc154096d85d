/**
 * Reads the golden values that generate.py writes: golden.json, the manifest, in which an array is
 * `{ offset, length }`, and golden.f64, the numbers of all arrays. Imports nothing of src/.
 */
import { readFileSync } from "node:fs";

export type GoldenActivation =
  | "linear"
  | "relu"
  | "leakyRelu"
  | "elu"
  | "selu"
  | "gelu"
  | "silu"
  | "softplus"
  | "sigmoid"
  | "tanh"
  | "softmax";

export type GoldenCrossEntropy = "binaryCrossEntropy" | "categoricalCrossEntropy";

export type GoldenLoss = "sumOfSquares" | "meanSquaredError" | "huber" | "meanAbsoluteError" | GoldenCrossEntropy;

export interface GoldenLayer {
  units: number;
  activation: GoldenActivation;
  l1: number;
  l2: number;
}

/** One forward and backward pass. */
export interface GoldenNetwork {
  name: string;
  features: number;
  samples: number;
  layers: GoldenLayer[];
  loss: GoldenLoss;
  /** The loss is fused with the last activation: computed from the logits. */
  fromLogits: boolean;
  /** C, penalties and sample weights included. */
  cost: number;
  /** samples x features */
  inputs: Float64Array;
  /** samples x units of the last layer */
  targets: Float64Array;
  /** samples */
  sampleWeights?: Float64Array;
  /** Layer by layer, weights (fanIn x units) before bias. */
  parameters: Float64Array;
  /** samples x units of the last layer */
  outputs: Float64Array;
  /** dC/dparameters, laid out as the parameters. */
  gradients: Float64Array;
  /** dC/dX: samples x features */
  inputGradients: Float64Array;
}

/** What the user hands to an optimizer; what is absent is to take its default. */
export interface GoldenOptimizerOptions {
  learningRate?: number;
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  rho?: number;
}

/** A thousand steps on recorded gradients. */
export interface GoldenTrail {
  name: string;
  optimizer: GoldenOptimizer["optimizer"];
  options: GoldenOptimizerOptions;
  clipNorm?: number;
  /** After which of them the parameters were kept. */
  steps: number[];
  parameters: Float64Array;
  /** steps x parameters */
  gradients: Float64Array;
  /** kept steps x parameters */
  trajectory: Float64Array;
}

/** One step on each batch. */
export interface GoldenOptimizer {
  name: string;
  optimizer: "sgd" | "adam" | "adamW" | "rmsProp" | "adagrad";
  options: GoldenOptimizerOptions;
  features: number;
  layers: GoldenLayer[];
  loss: GoldenLoss;
  /** Samples of each step's batch; the rows of inputs and targets follow each other in that order. */
  batchSizes: number[];
  inputs: Float64Array;
  targets: Float64Array;
  /** Before the first step. */
  parameters: Float64Array;
  /** steps: C before each update. */
  costs: Float64Array;
  /** steps x parameters: dC/dparameters before each update, without weightDecay. */
  gradients: Float64Array;
  /** steps x parameters: the parameters after each update. */
  trajectory: Float64Array;
}

/** A whole fit: batches in order, not shuffled, the last one short. */
export interface GoldenFit {
  name: string;
  optimizer: "adam";
  options: GoldenOptimizerOptions;
  features: number;
  samples: number;
  validationSamples: number;
  layers: GoldenLayer[];
  loss: GoldenLoss;
  epochs: number;
  batchSize: number;
  inputs: Float64Array;
  targets: Float64Array;
  validationInputs: Float64Array;
  validationTargets: Float64Array;
  /** Before the first step. */
  parameters: Float64Array;
  /** After the last step. */
  finalParameters: Float64Array;
  /** One number an epoch: the mean of its batches' costs before each update, weighted by their samples. */
  losses: Float64Array;
  /** One number an epoch, counted on each batch before its update. */
  accuracies: Float64Array;
  /** One number an epoch, after its last update. */
  validationLosses: Float64Array;
  validationAccuracies: Float64Array;
}

/** All arrays samples x units; softmax works by rows. */
export interface GoldenActivationValues {
  name: string;
  activation: GoldenActivation;
  samples: number;
  units: number;
  /** z */
  preActivations: Float64Array;
  /** dC/dy */
  outputGradients: Float64Array;
  /** y = f(z) */
  outputs: Float64Array;
  /** dC/dz */
  deltas: Float64Array;
}

/** A cross-entropy from logits up to 1e300, exact and rounded once. All arrays samples x units. */
export interface GoldenFarLoss {
  name: string;
  loss: GoldenCrossEntropy;
  samples: number;
  units: number;
  cost: number;
  logits: Float64Array;
  targets: Float64Array;
  /** dC/dlogits */
  gradients: Float64Array;
}

export interface Golden {
  /** How many numbers golden.f64 holds. */
  numbers: number;
  networks: GoldenNetwork[];
  optimizers: GoldenOptimizer[];
  trails: GoldenTrail[];
  fits: GoldenFit[];
  activations: GoldenActivationValues[];
  farLosses: GoldenFarLoss[];
}

interface ArrayReference {
  offset: number;
  length: number;
}

function isArrayReference(value: unknown): value is ArrayReference {
  return typeof value === "object" && value !== null && "offset" in value && "length" in value;
}

/** Every case, with arrays of the caller's own. */
export function readGolden(): Golden {
  const bytes = readFileSync(new URL("golden.f64", import.meta.url));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = Float64Array.from({ length: bytes.byteLength / 8 }, (_, i) => view.getFloat64(8 * i, true));
  const manifest = readFileSync(new URL("golden.json", import.meta.url), "utf8");
  const golden: Golden = JSON.parse(manifest, (_key, value: unknown) =>
    isArrayReference(value) ? numbers.slice(value.offset, value.offset + value.length) : value,
  );
  if (golden.numbers !== numbers.length) {
    throw new Error(`golden.f64: ${numbers.length} numbers, ${golden.numbers} expected by golden.json`);
  }
  return golden;
}
