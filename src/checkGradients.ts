import { ArgumentError, checkNumber, checkOptions, shown } from "./errors";
import type { LossLike } from "./losses";
import { Network } from "./network";
import type { Numbers } from "./numbers";
import type { Targets } from "./targets";

export interface GradientCheck {
  /** The largest |analytic - numeric| over the larger of both, where that counts for something; infinity where either is NaN. */
  maxRelativeError: number;
  /** Where it was found: the index of the layer, */
  layer: number;
  parameter: "weights" | "bias";
  /** and the index in `network.layers[layer][parameter]`. */
  index: number;
}

/**
 * Compares the gradients of `backward` with central differences of the cost, one parameter after the other. The
 * error of an entry is relative to the larger of both values, or, where both are smaller than that, to 1e-4 of the
 * layer's largest gradient: below it differences of float64 costs have no digits. Dropout keeps one mask throughout.
 *
 * `epsilon` is the half width of the difference for a parameter of size 1; without it two widths are extrapolated
 * (Richardson), the best of several, which also steps aside from kinks nearby. Leaves the parameters as they were, and the gradients of this batch.
 *
 * A smooth network reads below 1e-6, a real mistake 1e-3 and more. A sample exactly on a kink (relu at 0) reads up to 1, for
 * there differences see both sides: shift the inputs a little.
 */
export function checkGradients(
  network: Network,
  inputs: Numbers,
  targets: Targets,
  loss: LossLike,
  options: { epsilon?: number | undefined } = {},
): GradientCheck {
  const where = "checkGradients";
  if (!(network instanceof Network)) {
    throw new ArgumentError(`${where}: ${shown(network)} was given, a network of createNetwork() was expected`);
  }
  checkOptions(where, options, ["epsilon"]);
  const { epsilon } = options;
  if (epsilon !== undefined) checkNumber(`${where}: epsilon`, epsilon, "a number above 0", (value) => value > 0);
  const { core } = network;
  core.checkIdle(where);
  if (!core.states.some(({ trainable, parameterCount }) => trainable && parameterCount > 0)) {
    throw new ArgumentError(`${where}: no layer is trainable, at least one was expected`);
  }
  const { step } = core;
  const statistics = core.statisticsView.slice();
  const rows = core.reserved();
  try {
    network.forward(inputs);
    network.backward(targets, loss);
    return compare(network, loss, epsilon);
  } catch (error) {
    core.giveBack(rows);
    throw error;
  } finally {
    core.step = step;
    core.statisticsView.set(statistics);
  }
}

/** Every trainable parameter, one after the other. */
function compare(network: Network, loss: LossLike, epsilon: number | undefined): GradientCheck {
  const analytic = network.gradients.slice();
  const { core, parameters } = network;
  const cost = core.cost(loss);
  const worst: GradientCheck = { maxRelativeError: 0, layer: -1, parameter: "weights", index: -1 };
  const costAt = (index: number, value: number): number => {
    const kept = parameters[index] as number;
    parameters[index] = value;
    try {
      core.forward();
      return core.cost(loss);
    } finally {
      parameters[index] = kept;
    }
  };
  const central = (index: number, width: number): number => {
    const at = parameters[index] as number;
    const [right, left] = [at + width, at - width];
    return (costAt(index, right) - costAt(index, left)) / (right - left);
  };
  const numeric = (index: number): number => {
    const size = Math.max(1, Math.abs(parameters[index] as number));
    return epsilon === undefined
      ? extrapolated((width) => central(index, width), size, Math.abs(cost))
      : central(index, epsilon * size);
  };

  for (const { index: layer, offset, parameterCount, weightCount, trainable } of core.states) {
    if (!trainable || parameterCount === 0) continue;
    const largest = analytic.subarray(offset, offset + parameterCount).reduce((m, g) => Math.max(m, Math.abs(g)), 0);
    for (let i = 0; i < parameterCount; i++) {
      const exact = analytic[offset + i] as number;
      const found = numeric(offset + i);
      const scale = Math.max(Math.abs(exact), Math.abs(found), 1e-4 * largest);
      const distance = scale === 0 ? 0 : Math.abs(exact - found) / scale;
      // infinity, not NaN, which is above no tolerance
      const error = Number.isNaN(distance) ? Infinity : distance;
      if (error > worst.maxRelativeError || worst.layer < 0) {
        worst.maxRelativeError = error;
        worst.layer = layer;
        worst.parameter = i < weightCount ? "weights" : "bias";
        worst.index = i < weightCount ? i : i - weightCount;
      }
    }
  }
  return worst;
}

/**
 * Richardson's extrapolation at falling widths: the one with the least error, which is what rounding makes of a cost of that size
 * over the width, and what is left of the difference between the two halves, whose square of the width falls away.
 */
function extrapolated(central: (width: number) => number, size: number, cost: number): number {
  let best = 0;
  let least = Infinity;
  for (const width of [4e-3, 1e-3, 2e-4, 4e-5]) {
    const wide = central(width * size);
    const narrow = central((width * size) / 2);
    const error = (Number.EPSILON * cost) / (width * size) + Math.abs(narrow - wide) * width ** 2;
    if (error < least || Number.isNaN(error)) {
      best = narrow + (narrow - wide) / 3;
      least = error;
    }
  }
  return best;
}
