import type { Core } from "../core";
import type { Bytes } from "../numbers";
import { encodeSafetensors } from "./encodeSafetensors";
import { metadataText } from "./metadata";
import { placesOf, VERSION } from "./networkFile";
import type { Tensor } from "./safetensors";

/** What else a file may hold: a training's state, in tensors under `training.`, and JSON under `training`. */
export interface Extra {
  readonly tensors: readonly Tensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of a file. Throws ArgumentError where metadata hold what JSON does not. */
export function writeNetwork(core: Core, extra: Extra = { tensors: [], metadata: {} }): Bytes {
  const { inputs, seed, step, states, engine } = core;
  const layers = states.map(({ description, trainable }) => ({ ...description, trainable }));
  const tensors = placesOf(states).map(({ name, shape, address }) => ({
    name,
    shape,
    values: engine.view(
      address,
      shape.reduce((length, size) => length * size, 1),
    ),
  }));
  return encodeSafetensors([...tensors, ...extra.tensors], {
    wasmgrad: JSON.stringify({ version: VERSION, inputs, seed, step, layers }),
    metadata: metadataText("toBytes: metadata", core.metadata),
    ...extra.metadata,
  });
}
