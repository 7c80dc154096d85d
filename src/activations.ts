import type { Engine } from "./backend/engine";
import type { BinaryKernel, UnaryKernel } from "./backend/kernels";
import type { InitializerName } from "./initializers";

/**
 * An activation: its kernels, and what a layer keeps of its forward pass for the backward pass.
 *
 *   saves "nothing": the slope is 1
 *   saves "output":  the slope at y = f(z) is the slope at z
 *   saves "slope":   f'(z), written by `withSlope` while its exponential is at hand
 *   saves "rows":    the output; every element of a row depends on the others
 */
type Activation =
  | { forward: UnaryKernel; backward: BinaryKernel; saves: "nothing" | "output"; initializer: InitializerName }
  | {
      forward: UnaryKernel;
      withSlope: BinaryKernel;
      backward: BinaryKernel;
      saves: "slope";
      initializer: InitializerName;
    }
  | { forward: "softmax"; backward: "softmaxGradient"; saves: "rows"; initializer: InitializerName };

/**
 *     linear     x
 *     relu       max(x, 0)
 *     leakyRelu  x, or 0.01 x below 0
 *     elu        x, or e^x - 1 below 0
 *     selu       1.0507 x, or 1.7581 (e^x - 1) below 0
 *     gelu       x Phi(x), exact, by erfc
 *     silu       x sigmoid(x)
 *     softplus   log(1 + e^x)
 *     sigmoid    1 / (1 + e^-x)
 *     tanh       tanh x
 *     softmax    e^x_j / sum_k e^x_k, over a row
 */
export type ActivationName =
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

/** The catalogue. The functions and their slopes: assembly/activations.ts and softmax.ts. */
export const activations = {
  linear: { forward: "linear", backward: "linearGradient", saves: "nothing", initializer: "glorotUniform" },
  relu: { forward: "relu", backward: "reluGradient", saves: "output", initializer: "heUniform" },
  leakyRelu: { forward: "leakyRelu", backward: "leakyReluGradient", saves: "output", initializer: "heUniform" },
  elu: {
    forward: "elu",
    withSlope: "eluAndSlope",
    backward: "eluGradient",
    saves: "slope",
    initializer: "heUniform",
  },
  selu: {
    forward: "selu",
    withSlope: "seluAndSlope",
    backward: "seluGradient",
    saves: "slope",
    initializer: "lecunNormal",
  },
  gelu: {
    forward: "gelu",
    withSlope: "geluAndSlope",
    backward: "geluGradient",
    saves: "slope",
    initializer: "heUniform",
  },
  silu: {
    forward: "silu",
    withSlope: "siluAndSlope",
    backward: "siluGradient",
    saves: "slope",
    initializer: "heUniform",
  },
  softplus: {
    forward: "softplus",
    withSlope: "softplusAndSlope",
    backward: "softplusGradient",
    saves: "slope",
    initializer: "heUniform",
  },
  sigmoid: {
    forward: "sigmoid",
    withSlope: "sigmoidAndSlope",
    backward: "sigmoidGradient",
    saves: "slope",
    initializer: "glorotUniform",
  },
  tanh: {
    forward: "tanh",
    withSlope: "tanhAndSlope",
    backward: "tanhGradient",
    saves: "slope",
    initializer: "glorotUniform",
  },
  softmax: { forward: "softmax", backward: "softmaxGradient", saves: "rows", initializer: "glorotUniform" },
} as const satisfies Record<ActivationName, Activation>;

export const activationNames = Object.keys(activations) as ActivationName[];

/** y <- f(z).    z, y: samples x units. y may be z. */
export function activate(
  engine: Engine,
  name: ActivationName,
  samples: number,
  units: number,
  z: number,
  y: number,
): void {
  const activation: Activation = activations[name];
  const kernels = engine.kernelsFor(samples * units);
  if (activation.saves === "rows") kernels[activation.forward](samples, units, z, y);
  else kernels[activation.forward](samples * units, z, y);
}

/** y <- f(z), and what the backward pass will want of it -> `saved`, if anything but y.    y or saved may be z. */
export function activateAndSave(
  engine: Engine,
  name: ActivationName,
  samples: number,
  units: number,
  z: number,
  y: number,
  saved: number,
): void {
  const activation: Activation = activations[name];
  if (activation.saves === "slope")
    engine.kernelsFor(samples * units)[activation.withSlope](samples * units, z, y, saved);
  else activate(engine, name, samples, units, z, y);
}

/** dz <- dC/dz from dy and what was saved.    dz may be dy. */
export function backwardFromSaved(
  engine: Engine,
  name: ActivationName,
  samples: number,
  units: number,
  y: number,
  saved: number,
  dy: number,
  dz: number,
): void {
  const activation: Activation = activations[name];
  const kernels = engine.kernelsFor(samples * units);
  if (activation.saves === "rows") kernels[activation.backward](samples, units, y, dy, dz);
  else if (activation.saves === "slope") kernels.multiply(samples * units, saved, dy, dz);
  else if (activation.saves === "output") kernels[activation.backward](samples * units, y, dy, dz);
  else if (dz !== dy) kernels.linear(samples * units, dy, dz);
}

/** dz <- dC/dz from dy and z alone.    dz may be z or dy. */
export function backwardFromPreActivation(
  engine: Engine,
  name: ActivationName,
  samples: number,
  units: number,
  z: number,
  dy: number,
  dz: number,
): void {
  const { arena } = engine;
  const kernels = engine.kernelsFor(samples * units);
  const activation: Activation = activations[name];
  if (activation.saves !== "rows") {
    kernels[activation.backward](samples * units, z, dy, dz);
    return;
  }
  const y = arena.allocate("activationGradient", samples * units);
  kernels[activation.forward](samples, units, z, y);
  kernels[activation.backward](samples, units, y, dy, dz);
  arena.free(y);
}
