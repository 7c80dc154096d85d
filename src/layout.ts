import type { LayerDescription, LayerState } from "./layers/layer";

/**
 * Lays the layers out over one flat array of parameters, weights before bias, and one of gradients. `total` is the length
 * of each; `placed` gives the layers once both have an address.
 */
export function layOut(
  inputs: number,
  descriptions: readonly LayerDescription[],
): { total: number; placed: (parameters: number, gradients: number) => LayerState[] } {
  let fanIn = inputs;
  let total = 0;
  const sizes = descriptions.map((description, index) => {
    const units = description.kind === "dense" ? description.units : fanIn;
    const weightCount = description.kind === "dense" ? fanIn * units : 0;
    const parameterCount = description.kind === "dense" ? weightCount + units : 0;
    const trainable = description.kind === "dense" ? description.trainable : true;
    const size = { description, index, fanIn, units, offset: total, weightCount, parameterCount, trainable };
    fanIn = units;
    total += parameterCount;
    return size;
  });
  const placed = (parameters: number, gradients: number) =>
    sizes.map((size) => ({
      ...size,
      weights: parameters + 8 * size.offset,
      bias: parameters + 8 * (size.offset + size.weightCount),
      weightGradients: gradients + 8 * size.offset,
      biasGradients: gradients + 8 * (size.offset + size.weightCount),
    }));
  return { total, placed };
}
