import type { LayerState } from "../layers/layer";

/**
 * A network as a safetensors file: its parameters and running statistics are tensors, `layers.0.weights`, `layers.1.gamma`;
 * its configuration is JSON under `wasmgrad` in the metadata, and the user's object under `metadata`.
 */
export const VERSION = 1;

/** A tensor of a network, and its address. */
export interface Place {
  readonly name: string;
  readonly shape: readonly number[];
  readonly address: number;
}

/** The tensors of a network. */
export function placesOf(states: readonly LayerState[]): Place[] {
  const places: Place[] = [];
  for (const { description, index, fanIn, units, weights, bias, runningMean, runningVariance } of states) {
    const add = (name: string, address: number, ...shape: number[]) => {
      places.push({ name: `layers.${index}.${name}`, shape, address });
    };
    if (description.kind === "dense") {
      add("weights", weights, fanIn, units);
      add("bias", bias, units);
    } else if (description.kind === "batchNorm") {
      add("gamma", weights, units);
      add("beta", bias, units);
      add("runningMean", runningMean, units);
      add("runningVariance", runningVariance, units);
    }
  }
  return places;
}
