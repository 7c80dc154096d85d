import type { Engine } from "../backend/engine";
import type { Core } from "../core";
import { ArgumentError, cut, FormatError } from "../errors";
import { type BatchNormOptions, batchNorm } from "../layers/batchNorm";
import { type DenseOptions, dense } from "../layers/dense";
import { dropout } from "../layers/dropout";
import type { LayerDescription, LayerState } from "../layers/layer";
import { layOut } from "../layout";
import { decodeSafetensors } from "./decodeSafetensors";
import { Fields, plain, wholeOf } from "./fields";
import { fail, type Json, parseJson } from "./json";
import { type Metadata, metadataText } from "./metadata";
import { placesOf, VERSION } from "./networkFile";
import type { StoredTensor } from "./safetensors";

/** A file whose every part was checked, before any of it has taken memory. */
export interface NetworkFile {
  readonly inputs: number;
  readonly descriptions: readonly LayerDescription[];
  readonly seed: number;
  /** Training passes behind it. */
  readonly step: number;
  /** Layer by layer. */
  readonly trainable: readonly boolean[];
  readonly metadata: Metadata;
  /** The parameters and running statistics, in the order in which they lie in memory. */
  readonly tensors: readonly StoredTensor[];
  /** A training's state, if there is one. */
  readonly training: { readonly json: Json; readonly tensors: ReadonlyMap<string, StoredTensor> } | undefined;
}

/** Everything about a file, checked. Throws a FormatError that says where, ArgumentError where `bytes` is no Uint8Array. */
export function readNetwork(where: string, bytes: Uint8Array): NetworkFile {
  const { metadata, tensors } = decodeSafetensors(where, bytes);
  const json = (key: string) => {
    const text = metadata.get(key);
    return text === undefined ? undefined : parseJson(`${where}: ${key}`, text);
  };
  const fields = new Fields(`${where}: wasmgrad`, json("wasmgrad"));
  fields.version(VERSION);
  const inputs = fields.whole("inputs", 1);
  const seed = fields.whole("seed", 0);
  const step = fields.whole("step", 0);
  const layers = fields.list("layers").map((entry, l) => readLayer(`${where}: wasmgrad: layers[${l}]`, entry));
  fields.close();
  const descriptions = layers.map(({ description }) => description);
  const { parameterCount, placed } = layOut(inputs, descriptions);
  if (parameterCount === 0) fail(`${where}: wasmgrad: layers`, "no layer with parameters", "at least one");
  const expected = placesOf(placed(0, 0, 0));
  const own = expected.map(({ name, shape }) => takeTensor(where, tensors, name, shape));
  const training = json("training");
  const names = new Set(expected.map(({ name }) => name));
  const others = new Map([...tensors].filter(([name]) => !names.has(name)));
  for (const name of others.keys()) {
    if (training === undefined || !name.startsWith("training.")) {
      fail(`${where}: tensor ${cut(name)}`, "it", "none but those of the layers");
    }
  }
  return {
    inputs,
    descriptions,
    seed,
    step,
    trainable: layers.map(({ trainable }) => trainable),
    metadata: readMetadata(where, json("metadata")),
    tensors: own,
    training: training === undefined ? undefined : { json: training, tensors: others },
  };
}

/** Writes a file's numbers into layers like its own. */
export function fillParameters(engine: Engine, states: readonly LayerState[], { tensors }: NetworkFile): void {
  placesOf(states).forEach(({ address }, t) => {
    const tensor = tensors[t] as StoredTensor;
    tensor.copyTo(engine.view(address, tensor.length));
  });
}

/** The same into a network, which becomes what the file holds. */
export function fillNetwork(core: Core, file: NetworkFile): void {
  fillParameters(core.engine, core.states, file);
  file.trainable.forEach((trainable, l) => {
    (core.states[l] as LayerState).trainable = trainable;
  });
  core.step = file.step;
  core.metadata = file.metadata;
  core.updated();
}

/** The tensor of that name and shape. Throws a FormatError where there is none. */
export function takeTensor(
  where: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  shape: readonly number[],
): StoredTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined)
    return fail(`${where}: tensor ${cut(name)}`, "nothing", `one of shape [${shape.join(", ")}]`);
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
    fail(`${where}: tensor ${cut(name)}: shape`, `[${tensor.shape.join(", ")}]`, `[${shape.join(", ")}]`);
  }
  return tensor;
}

/** What is not allowed in a call is not in a file. */
function asFormatError<Result>(where: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw error instanceof ArgumentError ? new FormatError(`${where}: ${error.message}`) : error;
  }
}

function readLayer(where: string, entry: Json): { description: LayerDescription; trainable: boolean } {
  const fields = new Fields(where, entry);
  const kind = fields.text("kind");
  const trainable = fields.flag("trainable");
  return { description: asFormatError(where, () => describe(where, kind, fields, trainable)), trainable };
}

function describe(where: string, kind: string, fields: Fields, trainable: boolean): LayerDescription {
  switch (kind) {
    case "dense": {
      const units = wholeOf(`${where}: units`, fields.take("units"), 1);
      const options = takeAll(fields, ["activation", "initializer", "l1", "l2"]);
      return dense(units, { ...options, trainable } as DenseOptions);
    }
    case "batchNorm":
      return batchNorm(takeAll(fields, ["momentum", "epsilon"]) as BatchNormOptions);
    case "dropout":
      return dropout(takeAll(fields, ["rate"]).rate as number);
    default:
      return fail(`${where}: kind`, cut(kind), '"dense", "batchNorm" or "dropout"');
  }
}

/** These fields, each of which is to be there, and no other. */
function takeAll(fields: Fields, names: readonly string[]): Record<string, unknown> {
  const taken = Object.fromEntries(names.map((name) => [name, plain(`${fields.where}: ${name}`, fields.take(name))]));
  fields.close();
  return taken;
}

function readMetadata(where: string, json: Json | undefined): Metadata {
  if (json === undefined) return {};
  const metadata = new Fields(`${where}: metadata`, json).rest() as Metadata;
  // what could not be written again is not taken
  asFormatError(where, () => metadataText("metadata", metadata));
  return metadata;
}
