import { checkNumber } from "../errors";
import { high, low, streamOf } from "../random";
import type { LayerPasses } from "./layer";

export interface DropoutDescription {
  readonly kind: "dropout";
  readonly rate: number;
}

/**
 * A layer that, in training, sets a share `rate` of its inputs to 0 and scales the others by 1 / (1 - rate); in
 * predictions it does nothing. Throws ArgumentError for a rate outside [0, 1).
 */
export function dropout(rate: number): DropoutDescription {
  const description = { kind: "dropout", rate } as const;
  checkDropout("dropout", description);
  return Object.freeze(description);
}

/** Throws an ArgumentError unless a description is whole. */
export function checkDropout(where: string, { rate }: DropoutDescription): void {
  checkNumber(`${where}: rate`, rate, "a number from 0 to below 1", (value) => value >= 0 && value < 1);
}

/** Forward and backward of a training pass. Between them: the mask, 0 or the scale, which is the slope. */
export const dropoutPasses: LayerPasses = {
  saves: () => true,

  forward({ engine, state, samples, x, y, saved, seed, step }) {
    const rate = state.description.kind === "dropout" ? state.description.rate : 0;
    engine.kernels.dropout(
      samples * state.units,
      low(seed),
      high(seed),
      streamOf("dropout", state.index),
      low(step),
      high(step),
      Math.min(Math.ceil(rate * 4294967296), 4294967295),
      1 / (1 - rate),
      x,
      saved,
      y,
      engine.workspace,
    );
  },

  delta({ engine, state, samples, saved }, gradient) {
    engine.kernels.multiply(samples * state.units, saved, gradient, gradient);
  },

  gradients() {},

  knownFinite: () => true,

  inputGradient: (_, delta) => delta,
};
