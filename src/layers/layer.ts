import type { ActivationName } from "../activations";
import type { Engine } from "../backend/engine";
import type { BatchNormDescription } from "./batchNorm";
import type { DenseDescription } from "./dense";
import type { DropoutDescription } from "./dropout";

/** What `createNetwork` is given for a layer: a plain description, which can be used again. */
export type LayerDescription = DenseDescription | DropoutDescription | BatchNormDescription;

/** A layer of a network: live views of its parameters and gradients. Layers without parameters have empty ones. */
export interface Layer {
  readonly kind: LayerDescription["kind"];
  readonly units: number;
  readonly activation: ActivationName | undefined;
  /** fanIn x units, row-major; of a batchNorm gamma, units. */
  readonly weights: Float64Array;
  /** units; of a batchNorm beta. */
  readonly bias: Float64Array;
  /** The weights and bias of a batchNorm by their own names, and its running statistics: units; empty elsewhere. */
  readonly gamma: Float64Array;
  readonly beta: Float64Array;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
  /** In the shape of the weights: dC/dW of the last backward. */
  readonly weightGradients: Float64Array;
  /** units: dC/db of the last backward. */
  readonly biasGradients: Float64Array;
  /** false: frozen. Its gradients are not computed and read 0, and no optimizer moves it. */
  trainable: boolean;
}

/** A layer in its network: what the passes need to know of it. */
export interface LayerState {
  readonly description: LayerDescription;
  readonly index: number;
  readonly fanIn: number;
  readonly units: number;
  /** Addresses in linear memory, of nothing where the layer has no parameters. */
  readonly weights: number;
  readonly bias: number;
  readonly weightGradients: number;
  readonly biasGradients: number;
  /** Where its parameters begin in the flat array, and how many there are. */
  readonly offset: number;
  readonly weightCount: number;
  readonly parameterCount: number;
  /** Addresses of the running statistics of a batchNorm, units each, and of what it keeps from pass to pass. */
  readonly runningMean: number;
  readonly runningVariance: number;
  readonly statisticsCount: number;
  readonly work: number;
  trainable: boolean;
}

/** What a layer of a training pass works on: addresses, and how many rows are in use. */
export interface LayerRun {
  readonly engine: Engine;
  readonly state: LayerState;
  samples: number;
  /** Inputs, samples x fanIn. */
  x: number;
  /** They are known to be small: the kernel areSmall. */
  small: boolean;
  /** Outputs, samples x units. */
  y: number;
  /** What the forward pass leaves for the backward pass, samples x units. */
  saved: number;
  /** The z of the output layer, samples x units, which saves that instead; 0 elsewhere. */
  logits: number;
  seed: number;
  step: number;
}

/** Both directions of one kind of layer. */
export interface LayerPasses {
  /** Whether `saved` needs room. */
  saves(state: LayerState): boolean;
  /** y from x, with what backward wants -> saved. */
  forward(run: LayerRun): void;
  /** dC/dz from dC/dy, in place. */
  delta(run: LayerRun, gradient: number): void;
  /** Weight and bias gradients from the delta. */
  gradients(run: LayerRun, delta: number): void;
  /** Whether they are known to be finite without a look at them. */
  knownFinite(run: LayerRun, delta: number): boolean;
  /** dC/dx from the delta. Returns where it stands: `out`, or `delta` itself where nothing is left to do. */
  inputGradient(run: LayerRun, delta: number, out: number): number;
}
