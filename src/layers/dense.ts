import {
  type ActivationName,
  activate,
  activateAndSave,
  activationNames,
  activations,
  backwardFromPreActivation,
  backwardFromSaved,
} from "../activations";
import { type Engine, RECTIFY, TRANSPOSE_A, TRANSPOSE_B } from "../backend/engine";
import { checkBoolean, checkName, checkNumber, checkOptions, checkWhole } from "../errors";
import { type InitializerName, initializerNames } from "../initializers";
import type { LayerPasses, LayerState } from "./layer";

export interface DenseOptions {
  /** Default "linear". */
  activation?: ActivationName | undefined;
  /**
   * Of the weights; the bias starts at 0. Default: heUniform for the relu family, gelu, silu and softplus, lecunNormal
   * for selu, else glorotUniform.
   */
  initializer?: InitializerName | undefined;
  /** Adds l1 sum |W| to the cost. Default 0. */
  l1?: number | undefined;
  /** Adds l2 sum W^2 to the cost. Default 0. */
  l2?: number | undefined;
  /** false: frozen from the start. Default true. */
  trainable?: boolean | undefined;
}

export interface DenseDescription extends Readonly<Required<DenseOptions>> {
  readonly kind: "dense";
  readonly units: number;
}

/**
 * A layer that computes f(X W + b).    X: samples x fanIn    W: fanIn x units    b: units
 *
 *     dense(10, "softmax")
 *     dense(128, { activation: "relu", l2: 1e-4 })
 *
 * Throws ArgumentError for units that are no whole number of at least 1, unknown names, negative penalties.
 */
export function dense(units: number, options: DenseOptions | ActivationName = {}): DenseDescription {
  const where = "dense";
  const given = typeof options === "string" ? { activation: options } : options;
  checkOptions(where, given, ["activation", "initializer", "l1", "l2", "trainable"]);
  const { activation = "linear", l1 = 0, l2 = 0, trainable = true } = given;
  checkName(`${where}: activation`, activation, activationNames);
  const { initializer = activations[activation].initializer } = given;
  const description = { kind: "dense", units, activation, initializer, l1, l2, trainable } as const;
  checkDense(where, description);
  return Object.freeze(description);
}

/** Throws an ArgumentError unless a description is whole. */
export function checkDense(where: string, description: DenseDescription): void {
  const { units, activation, initializer, l1, l2, trainable } = description;
  checkWhole(`${where}: units`, units, 1);
  checkName(`${where}: activation`, activation, activationNames);
  checkName(`${where}: initializer`, initializer, initializerNames);
  checkNumber(`${where}: l1`, l1, "a number of at least 0", (value) => value >= 0);
  checkNumber(`${where}: l2`, l2, "a number of at least 0", (value) => value >= 0);
  checkBoolean(`${where}: trainable`, trainable);
}

/** z <- x W + b: the chain of every sum starts at its bias. With `RECTIFY` already relu of it. */
function affine(engine: Engine, state: LayerState, samples: number, x: number, z: number, flags = 0): void {
  const { fanIn, units, weights, bias } = state;
  engine.gemm(flags, samples, units, fanIn, 1, x, weights, 1, bias, 0, z);
}

function activationOf(state: LayerState): ActivationName {
  return state.description.kind === "dense" ? state.description.activation : "linear";
}

/** y <- f(x W + b) for a prediction: nothing is kept but z, where `z` is not y. */
export function inferDense(engine: Engine, state: LayerState, samples: number, x: number, z: number, y: number): void {
  const activation = activationOf(state);
  if (activation === "relu" && z === y) {
    affine(engine, state, samples, x, y, RECTIFY);
    return;
  }
  affine(engine, state, samples, x, z);
  if (activation !== "linear" || z !== y) activate(engine, activation, samples, state.units, z, y);
}

/** Forward and backward of a training pass. Between them: the slope, or y alone; in the output layer z. */
export const densePasses: LayerPasses = {
  saves: (state) => activations[activationOf(state)].saves === "slope",

  forward({ engine, state, samples, x, y, saved, logits }) {
    const activation = activationOf(state);
    if (logits !== 0) {
      affine(engine, state, samples, x, logits);
      activate(engine, activation, samples, state.units, logits, y);
      return;
    }
    if (activation === "relu") {
      affine(engine, state, samples, x, y, RECTIFY);
      return;
    }
    // z waits where its slope will stand
    const z = saved === 0 ? y : saved;
    affine(engine, state, samples, x, z);
    if (activation !== "linear") activateAndSave(engine, activation, samples, state.units, z, y, saved);
  },

  // D = dC/dY . f'(Z)
  delta({ engine, state, samples, y, saved, logits }, gradient) {
    const activation = activationOf(state);
    // from z where it was kept; a softmax goes from y, as it always does
    if (logits !== 0 && activation !== "softmax") {
      backwardFromPreActivation(engine, activation, samples, state.units, logits, gradient, gradient);
    } else backwardFromSaved(engine, activation, samples, state.units, y, saved, gradient, gradient);
  },

  // dC/dW = X^T D, dC/db = 1^T D, and the penalties
  gradients({ engine, state, samples, x }, delta) {
    const { kernels } = engine;
    const { fanIn, units, weights, weightGradients, biasGradients, description } = state;
    engine.gemm(TRANSPOSE_A, fanIn, units, samples, 1, x, delta, 0, weightGradients, units, weightGradients);
    kernels.columnSums(samples, units, delta, biasGradients);
    if (description.kind === "dense" && (description.l1 !== 0 || description.l2 !== 0)) {
      kernels.addPenaltyGradient(fanIn * units, description.l1, description.l2, weights, weightGradients);
    }
  },

  // where there is less to read there, by a look at X and D, whose products they are; a penalty's share is finite where the cost is
  knownFinite({ engine, state, samples, x, small }, delta) {
    const { kernels } = engine;
    const { fanIn, units, parameterCount } = state;
    if (samples * (small ? units : units + fanIn) >= parameterCount) return false;
    return !!(kernels.areSmall(samples * units, delta) && (small || kernels.areSmall(samples * fanIn, x)));
  },

  // dC/dX = D W^T
  inputGradient({ engine, state, samples }, delta, out) {
    const { fanIn, units, weights } = state;
    engine.gemm(TRANSPOSE_B, samples, fanIn, units, 1, delta, weights, 0, out, fanIn, out);
    return out;
  },
};

/** l1 sum |W| + l2 sum W^2 of one layer. */
export function densePenalty(engine: Engine, { description, weights, fanIn, units }: LayerState): number {
  if (description.kind !== "dense" || (description.l1 === 0 && description.l2 === 0)) return 0;
  const { kernels, results } = engine;
  kernels.magnitudes(fanIn * units, weights, results.pointer);
  return description.l1 * (results.values[0] as number) + description.l2 * (results.values[1] as number);
}
