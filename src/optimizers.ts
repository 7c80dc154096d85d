import type { Kernels } from "./backend/kernels";
import { ArgumentError, checkBoolean, checkNumber, checkOptions } from "./errors";
import { power } from "./power";
import { GRADIENTS, Vectors } from "./vectors";

/** What an optimizer minimises: the cost of the batch in hand as a function of the parameters. */
export interface Objective {
  readonly kernels: Kernels;
  /** Where a kernel leaves a few numbers. */
  readonly results: { readonly pointer: number; readonly values: Float64Array };
  readonly learningRate: number;
  /** Runs of trainable parameters that lie together. */
  readonly segments: readonly Segment[];
  /** Cost and gradients at the parameters as they are; DivergedError where they are not finite. */
  costAndGradients(): number;
  /** The same for a line search, which may look too far: whatever they are. */
  look(): number;
}

/** A run of parameters of one history: addresses of them, of their gradients, and of their slots. */
export interface Segment {
  /** Steps that these parameters have made, this one included: 1 at the first. */
  step: number;
  readonly length: number;
  readonly parameters: number;
  readonly gradients: number;
  readonly slots: readonly number[];
}

/** A description that can be used again; its state lives in the trainer. */
export interface Optimizer {
  readonly name: string;
  readonly learningRate: number;
  /** All its settings, as they are written down. */
  readonly config: Readonly<Record<string, number | boolean>>;
  /** Numbers of state for each parameter. */
  readonly slotCount: number;
  /** Whether a step wants all rows. */
  readonly wholeBatch: boolean;
  /** @internal One step; returns the cost before it. */
  advance(objective: Objective): number;
}

/**
 * Shortens the gradient of all segments together to a norm of at most `most`: torch.nn.utils.clip_grad_norm_, which divides by
 * the norm and 1e-6.
 */
export function clipGradients(objective: Objective, most: number): void {
  const vectors = new Vectors(objective);
  const norm = vectors.norm(GRADIENTS);
  if (norm === Infinity) {
    // finite gradients whose squares are not: the same direction, from where they are
    vectors.combine(2 ** -600, GRADIENTS, 0, GRADIENTS, GRADIENTS);
    vectors.combine(most / vectors.norm(GRADIENTS), GRADIENTS, 0, GRADIENTS, GRADIENTS);
    return;
  }
  const factor = most / (norm + 1e-6);
  if (factor < 1) vectors.combine(factor, GRADIENTS, 0, GRADIENTS, GRADIENTS);
}

type Update = (objective: Objective, segment: Segment) => void;

/** An optimizer that evaluates once and then sweeps once over parameters, gradients and slots. */
function firstOrder(
  name: string,
  config: { learningRate: number } & Record<string, number | boolean>,
  slotCount: number,
  update: Update,
): Optimizer {
  return Object.freeze({
    name,
    learningRate: config.learningRate,
    config: Object.freeze(config),
    slotCount,
    wholeBatch: false,
    advance(objective: Objective): number {
      const cost = objective.costAndGradients();
      for (const segment of objective.segments) update(objective, segment);
      return cost;
    },
  });
}

const SHARE = (value: number) => value >= 0 && value < 1;
const POSITIVE = (value: number) => value > 0;
const NOT_NEGATIVE = (value: number) => value >= 0;

/** Checks options against their defaults: the same keys, and each in its range. */
function settings<Defaults extends { learningRate: number } & Record<string, number | boolean>>(
  name: string,
  defaults: Defaults,
  options: Partial<Defaults>,
): Defaults {
  checkOptions(name, options, Object.keys(defaults));
  for (const [key, value] of Object.entries(options)) {
    const where = `${name}: ${key}`;
    if (value === undefined) continue;
    if (typeof defaults[key] === "boolean") {
      checkBoolean(where, value);
    } else if (key === "epsilon") checkNumber(where, value, "a number above 0", POSITIVE);
    else if (key === "learningRate" || key === "weightDecay") {
      checkNumber(where, value, "a number of at least 0", NOT_NEGATIVE);
    } else checkNumber(where, value, "a number from 0 to below 1", SHARE);
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults, ...given };
}

export interface SgdOptions {
  /** Default 0.01. */
  learningRate?: number | undefined;
  /** Default 0. */
  momentum?: number | undefined;
  /** Default false; true needs momentum. */
  nesterov?: boolean | undefined;
  /** Added to the gradient. Default 0. */
  weightDecay?: number | undefined;
}

/** torch.optim.SGD. Throws ArgumentError for settings out of range, as the others. */
export function sgd(options: SgdOptions = {}): Optimizer {
  const defaults = { learningRate: 0.01, momentum: 0, nesterov: false, weightDecay: 0 };
  const config = settings("sgd", defaults, options);
  const { momentum, nesterov, weightDecay } = config;
  if (nesterov && momentum === 0) {
    throw new ArgumentError("sgd: nesterov: true was given with momentum 0, a momentum above 0 was expected");
  }
  if (momentum === 0) {
    return firstOrder("sgd", config, 0, ({ kernels, learningRate }, { length, parameters, gradients }) => {
      kernels.sgd(length, learningRate, weightDecay, parameters, gradients);
    });
  }
  return firstOrder("sgd", config, 1, ({ kernels, learningRate }, { length, parameters, gradients, slots }) => {
    const [velocity = 0] = slots;
    kernels.sgdMomentum(length, learningRate, momentum, nesterov, weightDecay, parameters, gradients, velocity);
  });
}

export interface AdamOptions {
  /** Default 1e-3. */
  learningRate?: number | undefined;
  /** Default 0.9. */
  beta1?: number | undefined;
  /** Default 0.999. */
  beta2?: number | undefined;
  /** Outside the square root. Default 1e-8. */
  epsilon?: number | undefined;
  /** Default 0 for adam, 0.01 for adamW. */
  weightDecay?: number | undefined;
}

function adamWith(name: string, options: AdamOptions, weightDecay: number, decoupled: boolean): Optimizer {
  const defaults = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay };
  const config = settings(name, defaults, options);
  const { beta1, beta2, epsilon } = config;
  return firstOrder(name, config, 2, ({ kernels, learningRate }, segment) => {
    const [mean = 0, square = 0] = segment.slots;
    kernels.adam(
      segment.length,
      learningRate / (1 - power(beta1, segment.step)),
      beta1,
      beta2,
      epsilon,
      decoupled ? 0 : config.weightDecay,
      decoupled ? 1 - learningRate * config.weightDecay : 1,
      Math.sqrt(1 - power(beta2, segment.step)),
      segment.parameters,
      segment.gradients,
      mean,
      square,
    );
  });
}

/** torch.optim.Adam: weightDecay is added to the gradient. */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamWith("adam", options, 0, false);
}

/** torch.optim.AdamW: weightDecay shrinks the parameters, apart from the gradient. */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adamWith("adamW", options, 0.01, true);
}

export interface RmsPropOptions {
  /** Default 0.01. */
  learningRate?: number | undefined;
  /** PyTorch's alpha. Default 0.99. */
  rho?: number | undefined;
  /** Outside the square root. Default 1e-8. */
  epsilon?: number | undefined;
}

/** torch.optim.RMSprop. */
export function rmsProp(options: RmsPropOptions = {}): Optimizer {
  const config = settings("rmsProp", { learningRate: 0.01, rho: 0.99, epsilon: 1e-8 }, options);
  const { rho, epsilon } = config;
  return firstOrder("rmsProp", config, 1, ({ kernels, learningRate }, { length, parameters, gradients, slots }) => {
    kernels.rmsProp(length, learningRate, rho, epsilon, parameters, gradients, slots[0] ?? 0);
  });
}

export interface AdagradOptions {
  /** Default 0.01. */
  learningRate?: number | undefined;
  /** Default 1e-10. */
  epsilon?: number | undefined;
}

/** torch.optim.Adagrad. */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const config = settings("adagrad", { learningRate: 0.01, epsilon: 1e-10 }, options);
  const { epsilon } = config;
  return firstOrder("adagrad", config, 1, ({ kernels, learningRate }, { length, parameters, gradients, slots }) => {
    kernels.adagrad(length, learningRate, epsilon, parameters, gradients, slots[0] ?? 0);
  });
}
