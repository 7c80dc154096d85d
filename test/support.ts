/**
 * What several test files share: gaps between numbers, numbers by a seed, networks, data to train on, errors, and
 * backends that go with their test. What the library should compute: oracle.ts; suites on every variant: variants.ts.
 */
import { afterEach, expect } from "vitest";
import * as wasmgrad from "../src/index";
import {
  type Backend,
  type BackendOptions,
  type CustomLoss,
  createNetwork,
  dense,
  dropout,
  type LayerDescription,
  type LossBatch,
  loadBackend,
  type Network,
} from "../src/index";
import { generator, uniform as uniformBetween } from "./oracle";

// -- gaps -------------------------------------------------------------------------------------------------------------

/** The promise of the library: as near as this to PyTorch, relative, or absolute below 1. */
export const TOLERANCE = 1e-12;

/** Relative to the expected value, or absolute where that is below 1; a NaN is infinitely far off. */
export function gap(actual: number, expected: number): number {
  const difference = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  return Number.isNaN(difference) ? Infinity : difference;
}

export function largestGap(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++)
    largest = Math.max(largest, gap(actual[i] as number, expected[i] as number));
  return largest;
}

/** Raises each of `worst` to what was found; what is beyond TOLERANCE goes to `far`, under that title. */
export function collectGaps<Name extends string>(
  found: Record<Name, number>,
  worst: Record<Name, number>,
  far: string[],
  title: string,
): void {
  for (const name of Object.keys(found) as Name[]) {
    worst[name] = Math.max(worst[name], found[name]);
    if (!(found[name] <= TOLERANCE)) far.push(`${title}: ${name} off by ${found[name]}`);
  }
}

/** As they are printed: "cost 1.11e-16, gradients 2.22e-16". */
export function figuresOf(gaps: Record<string, number>): string {
  const figures = Object.entries(gaps).map(([name, found]) => `${name} ${found.toExponential(2)}`);
  return figures.join(", ");
}

// -- numbers ----------------------------------------------------------------------------------------------------------

/** Uniform from [-1, 1), always the same. */
export function uniform(length: number, seed = 1): Float64Array {
  return uniformBetween(generator(seed), length);
}

/** A copy with one value replaced. */
export function replaced<T>(values: readonly T[], at: number, value: unknown): T[] {
  const copy = values.slice();
  copy[at] = value as T;
  return copy;
}

// -- networks ---------------------------------------------------------------------------------------------------------

export const FEATURES = 4;
export const LOSS = "categoricalCrossEntropy";

/** One that has everything: several activations, a hidden softmax, dropout, penalties. */
export const LAYERS: LayerDescription[] = [
  dense(7, { activation: "gelu", l2: 0.01 }),
  dropout(0.3),
  dense(6, { activation: "softmax", l1: 0.001 }),
  dense(5, "relu"),
  dense(3, "softmax"),
];

/** Without dropout: the forward pass is that of a prediction. */
export const STEADY = LAYERS.filter(({ kind }) => kind !== "dropout");

export function create(backend: Backend, layers = LAYERS, seed = 3): Promise<Network> {
  return createNetwork({ inputs: FEATURES, layers, seed, backend });
}

/** Outputs 1 for every input, before whatever layers follow: what comes out is their doing. One input feature. */
export async function constant(
  backend: Backend,
  units: number,
  layers: LayerDescription[],
  seed = 5,
): Promise<Network> {
  const first = dense(units, { initializer: "zeros" });
  const network = await createNetwork({ inputs: 1, layers: [first, ...layers], seed, backend });
  layerOf(network, 0).bias.fill(1);
  return network;
}

/** The layer of that index, which is there. */
export function layerOf(network: Network, index: number) {
  const layer = network.layers[index];
  if (layer === undefined) throw new Error(`layers[${index}] was expected`);
  return layer;
}

export function oneHot(samples: number, units: number): Float64Array {
  return Float64Array.from({ length: samples * units }, (_, e) => (e % units === (e * 7) % units ? 1 : 0));
}

// -- what a trainer is given ------------------------------------------------------------------------------------------

export const CLASSES = 3;

const CLASSIFIER: LayerDescription[] = [dense(8, "tanh"), dropout(0.2), dense(CLASSES, "softmax")];

export function classifier(backend: Backend, seed = 7): Promise<Network> {
  return createNetwork({ inputs: FEATURES, layers: CLASSIFIER, seed, backend });
}

/** Rows whose class is that of their largest among the first features. */
export function classified(samples: number, seed = 1) {
  const inputs = uniform(samples * FEATURES, seed);
  const targets = Int32Array.from({ length: samples }, (_, i) => {
    const row = inputs.subarray(i * FEATURES, i * FEATURES + CLASSES);
    return row.indexOf(Math.max(...row));
  });
  return { inputs, targets };
}

export function oneHotOf(classes: ArrayLike<number>): Float64Array {
  const rows = new Float64Array(classes.length * CLASSES);
  for (let i = 0; i < classes.length; i++) rows[i * CLASSES + (classes[i] as number)] = 1;
  return rows;
}

/** Six samples of two features, and the class of each. */
export const sixSamples = {
  x: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2],
  classes: [0, 1, 2, 0, 1, 2],
};

/** A loss that moves nothing and notes which rows it is shown, where a row's target is its number. */
export function recorder() {
  const batches: number[][] = [];
  const loss: CustomLoss = {
    name: "recorder",
    value: () => 0,
    gradient: ({ targets }) => {
      batches.push([...targets]);
    },
  };
  return { loss, batches };
}

/** Half the squares, as a loss of one's own. */
export const squares = {
  name: "squares",
  value: ({ outputs, targets }: LossBatch) =>
    outputs.reduce((sum, y, i) => sum + (y - (targets[i] as number)) ** 2 / 2, 0),
  gradient({ outputs, targets }: LossBatch, out: Float64Array) {
    for (let i = 0; i < out.length; i++) out[i] = (outputs[i] as number) - (targets[i] as number);
  },
} satisfies CustomLoss;

// -- errors -----------------------------------------------------------------------------------------------------------

/** What the error must read, its class first (where, what was given, what was expected), and the action. */
export type ErrorRow = [RegExp, () => unknown];

export async function thrownBy(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** One of the library's own, of the class that its name says. */
export function expectError(error: unknown, message: RegExp): void {
  expect(error, `no error, ${message} was expected`).toBeDefined();
  expect(String(error)).toMatch(message);
  expect(error).toBeInstanceOf(wasmgrad.WasmgradError);
  expect((error as Error).constructor).toBe(Reflect.get(wasmgrad, (error as Error).name));
}

// -- backends ---------------------------------------------------------------------------------------------------------

/** A loadBackend whose backends are gone after each test; to be called once, outside the suites. */
export function disposedAfterEach(): (options: BackendOptions) => Promise<Backend> {
  const loaded: Backend[] = [];
  afterEach(() => {
    for (const backend of loaded.splice(0)) backend.dispose();
  });
  return async (options) => {
    const backend = await loadBackend(options);
    loaded.push(backend);
    return backend;
  };
}

/** Whether it computes: a product that is known. */
export function expectToWork(backend: Backend): void {
  const a = backend.matrix(2, 2, [1, 2, 3, 4]);
  const c = backend.matmul(a, a);
  expect([...c.values]).toEqual([7, 10, 15, 22]);
  a.dispose();
  c.dispose();
}
