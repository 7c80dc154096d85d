import type { Core } from "../core";
import { ArgumentError, cut } from "../errors";
import { Fields, wholeOf } from "../files/fields";
import { fail } from "../files/json";
import type { JsonValue } from "../files/metadata";
import { fillNetwork, type NetworkFile, readNetwork, takeTensor } from "../files/readNetwork";
import type { StoredTensor, Tensor } from "../files/safetensors";
import { type Extra, writeNetwork } from "../files/writeNetwork";
import type { LayerDescription } from "../layers/layer";
import { type MetricLike, nameOf } from "../metrics/metrics";
import type { Bytes } from "../numbers";
import type { Training } from "../training";
import type { FitPlan } from "./fitOptions";
import { type History, measured } from "./history";

/**
 * A checkpoint: the file of a network, with the state of its training in tensors under `training.` and JSON under `training`.
 * Order and dropout follow from seed, epoch and step, and a schedule from step, epoch and history: with these a fit goes on as
 * if it had never stopped.
 */
const VERSION = 1;

/** A fit, as far as it is written down. */
export interface Progress {
  readonly training: Training;
  readonly metrics: readonly MetricLike[];
  readonly plan: FitPlan;
  /** Steps of this fit. */
  steps: number;
}

export function writeTraining(progress: Progress): Bytes {
  const { training, plan, steps } = progress;
  const { earlyStopping } = plan;
  const { core, state } = training;
  const slots = state.slotViews();
  const tensors: Tensor[] = slots.map((values, s) => tensor(`slots.${s}`, values));
  for (const name of namesOf(progress))
    tensors.push(tensor(`history.${name}`, Float64Array.from(plan.history[name] ?? [])));
  if (earlyStopping !== undefined) {
    tensors.push(tensor("earlyStopping", Float64Array.of(earlyStopping.best, earlyStopping.wait)));
    if (earlyStopping.kept !== undefined) tensors.push(tensor("best", earlyStopping.kept));
  }
  const json = {
    version: VERSION,
    made: madeWith(progress),
    slots: slots.length > 0,
    steps: state.steps,
    epochs: state.epochs,
    layerSteps: [...state.layerSteps],
    fitSteps: steps,
    fitEpochs: plan.history.epochs,
    kept: earlyStopping?.kept !== undefined,
  };
  const extra: Extra = { tensors, metadata: { training: JSON.stringify(json) } };
  return writeNetwork(core, extra);
}

function tensor(name: string, values: Float64Array): Tensor {
  return { name: `training.${name}`, shape: [values.length], values };
}

/** What is in the history, each epoch. */
function namesOf({ metrics, plan }: Progress): string[] {
  return measured(metrics, plan.validation !== undefined);
}

/** What a training depends on, apart from its state: to be the same where it goes on. */
function madeWith({ training, metrics, plan }: Progress): Record<string, JsonValue> {
  const { loss, optimizer, clipNorm } = training;
  const { earlyStopping, validation } = plan;
  const watched = earlyStopping && {
    monitor: earlyStopping.plan.monitor,
    mode: earlyStopping.plan.mode,
    minDelta: earlyStopping.plan.minDelta,
    restoreBest: earlyStopping.plan.restoreBest,
  };
  return {
    loss: typeof loss === "string" ? loss : `${loss.name}, one's own`,
    optimizer: { name: optimizer.name, ...optimizer.config },
    clipNorm: clipNorm ?? null,
    metrics: metrics.map(nameOf),
    data: plan.feed.described,
    validation: validation === undefined ? null : { samples: validation.samples },
    earlyStopping: watched ?? null,
    schedule: plan.schedule === undefined ? null : "a function",
  };
}

/**
 * Goes on from a checkpoint: everything in it is checked, then network, training and fit are as they were. Throws FormatError for
 * a damaged one, ArgumentError with what differs for that of another network or training.
 */
export function readTraining(where: string, bytes: Uint8Array, progress: Progress): void {
  const { training, plan } = progress;
  const { earlyStopping } = plan;
  const { core, state, optimizer } = training;
  const file = readNetwork(where, bytes);
  checkNetwork(where, file, core);
  if (file.training === undefined) {
    throw new ArgumentError(`${where}: a network without a training was given, a checkpoint was expected`);
  }
  const { tensors } = file.training;
  const fields = new Fields(`${where}: training`, file.training.json);
  fields.version(VERSION);
  checkMade(where, new Fields(`${where}: training: made`, fields.take("made")).rest(), madeWith(progress));
  const hasSlots = fields.flag("slots");
  const steps = fields.whole("steps", 0);
  const epochs = fields.whole("epochs", 0);
  const layerSteps = fields
    .list("layerSteps")
    .map((entry, l) => wholeOf(`${where}: training: layerSteps[${l}]`, entry, 0));
  const fitSteps = fields.whole("fitSteps", 0);
  const fitEpochs = fields.whole("fitEpochs", 0);
  const kept = fields.flag("kept");
  fields.close();
  if (layerSteps.length !== core.states.length) {
    fail(`${where}: training: layerSteps`, `an array of ${layerSteps.length}`, `one of ${core.states.length}`);
  }

  const taken = new Set<string>();
  const take = (name: string, length: number): StoredTensor => {
    taken.add(`training.${name}`);
    return takeTensor(where, tensors, `training.${name}`, [length]);
  };
  const slots = Array.from({ length: hasSlots ? optimizer.slotCount : 0 }, (_, s) =>
    take(`slots.${s}`, core.parameterCount),
  );
  const lists = namesOf(progress).map((name) => ({ name, stored: take(`history.${name}`, fitEpochs) }));
  const watched = earlyStopping && take("earlyStopping", 2);
  const best = kept ? take("best", core.stateView.length) : undefined;
  for (const name of tensors.keys())
    if (!taken.has(name)) fail(`${where}: tensor ${cut(name)}`, "it", "none but those of the training");

  state.restore(where, steps, epochs, layerSteps, slots);
  fillNetwork(core, file);
  fillHistory(plan.history, lists, fitEpochs);
  progress.steps = fitSteps;
  if (earlyStopping !== undefined && watched !== undefined) {
    const [value = 0, wait = 0] = numbersOf(watched);
    earlyStopping.best = value;
    earlyStopping.wait = wait;
    earlyStopping.kept = best && numbersOf(best);
  }
}

function fillHistory(history: History, lists: readonly { name: string; stored: StoredTensor }[], epochs: number): void {
  for (const { name, stored } of lists) {
    const list = history[name] ?? [];
    list.length = 0;
    for (const value of numbersOf(stored)) list.push(value);
  }
  history.epochs = epochs;
}

function numbersOf(stored: StoredTensor): Float64Array {
  const numbers = new Float64Array(stored.length);
  stored.copyTo(numbers);
  return numbers;
}

/** Whether it is of a network of the same layers and seed; frozen layers may differ, they are part of the state. */
function checkNetwork(where: string, file: NetworkFile, core: Core): void {
  const config = ({ trainable: _, ...rest }: LayerDescription & { trainable?: boolean }) => rest;
  const parts = (of: { inputs: number; seed: number; descriptions: readonly LayerDescription[] }) => ({
    inputs: of.inputs,
    layers: of.descriptions.map(config),
    seed: of.seed,
  });
  checkMade(`${where}: network`, parts(file), parts(core));
}

/** Throws an ArgumentError that names the first place in which the two differ. */
function checkMade(where: string, found: Record<string, unknown>, expected: Record<string, unknown>): void {
  const place = difference(found, expected, "");
  if (place === undefined) return;
  const { name, was, is } = place;
  throw new ArgumentError(`${where}: a checkpoint with ${name} ${was} was given, one with ${is} was expected`);
}

/** Where two JSON values differ first, as deep inside them as both are of the same keys. */
function difference(
  found: unknown,
  expected: unknown,
  name: string,
): { name: string; was: string; is: string } | undefined {
  const [was = "nothing", is = "nothing"] = [found, expected].map((value) => JSON.stringify(value));
  if (was === is) return undefined;
  const [before, now] = [found, expected].map(membersOf);
  if (before === undefined || now === undefined || `${[...before.keys()]}` !== `${[...now.keys()]}`)
    return { name, was, is };
  for (const [key, value] of before) {
    const dot = name === "" ? "" : ".";
    const place = difference(value, now.get(key), Array.isArray(found) ? `${name}[${key}]` : `${name}${dot}${key}`);
    if (place !== undefined) return place;
  }
  return { name, was, is };
}

function membersOf(value: unknown): Map<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
}
