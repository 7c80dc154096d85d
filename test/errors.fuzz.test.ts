/** Random calls of everything, valid and invalid: errors leave memory alone, nothing else is harmed, js is simd. */
import { describe, expect, test } from "vitest";
import * as wasmgrad from "../src/index";
import {
  adam,
  type CustomLoss,
  checkGradients,
  createNetwork,
  dense,
  dropout,
  loadBackend,
  Matrix,
  type Network,
  sgd,
  Trainer,
} from "../src/index";

/** What no argument may be, or not everywhere. */
const junk: readonly (() => unknown)[] = [
  ...[undefined, null, NaN, -1, 1.5, 1e9, Infinity, "x", true, 1n, Symbol("s")].map((value) => () => value),
  ...[() => ({}), () => [], () => isAlive, () => Object.create(null), () => new Map(), () => Float64Array.of(1, NaN)],
  ...[[NaN], [null], [1n], ["1"], [[1, 2], [3]], [[[1]]]].map((value) => () => value.slice()),
];
const activations = ["linear", "relu", "gelu", "sigmoid", "softmax", "tanh"] as const;
const mine = new Error("mine");

function isAlive(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/**
 * Plays random calls, valid and invalid, over matrices, networks and trainers, some of them from inside callbacks and
 * losses. After each: nothing but a WasmgradError was thrown, an error left memory as it was, and what the call had no
 * business with, every other matrix and network, reads as before. Returns what the calls gave, to compare variants.
 */
async function play(variant: "js" | "simd", seed: number, count: number): Promise<string[]> {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 4294967296) * limit);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  /** Now and then something else. */
  const or = <T>(value: T): T => (below(14) === 0 ? (pick(junk)() as T) : value);
  const backend = await loadBackend({ variant });
  const other = await loadBackend({ variant });
  const stray = other.matrix(2, 2);
  const baseline = backend.memory();
  const matrices = new Map<Matrix, Float64Array>(); // with what they should read
  const trainers: Trainer[] = [];
  const networks = new Map<Network, Float64Array>(); // with their parameters
  const rowsOf = new Map<Network, number>(); // of the last forward
  const log: string[] = [];
  /** What the call in hand may change. */
  let touched = new Set<Matrix | Network>();
  let nested = 0;

  const keep = (matrix: Matrix): Matrix => {
    if (matrix.backend === backend && !touched.has(matrix)) matrices.set(matrix, matrix.values.slice());
    return matrix;
  };
  const aMatrix = () => (below(20) === 0 ? stray : pick([...matrices.keys()]));
  const aTrainer = () => pick(trainers);
  const touch = <T extends Matrix | Network>(it: T): T => {
    touched.add(it);
    return it;
  };
  const out = () => (below(2) === 0 ? {} : { out: or(touch(aMatrix())) });
  const someRows = () => (below(8) === 0 ? 40 : 1 + below(6));
  const numbers = (rows: number, cols: number): never => {
    const values = Float64Array.from({ length: rows * cols + (below(12) === 0 ? 1 : 0) }, () => below(64) / 16 - 2);
    if (below(12) === 0) values[below(values.length)] = NaN;
    const fitting = [...matrices.keys()].filter((matrix) => matrix.rows === rows && matrix.cols === cols);
    const nest = () => Array.from({ length: rows }, (_, i) => [...values.subarray(i * cols, (i + 1) * cols)]);
    return or(pick<() => unknown>([() => values, () => [...values], nest, () => pick(fitting) ?? stray])()) as never;
  };
  const targets = (rows: number): never =>
    below(2) === 0
      ? numbers(rows, 3)
      : (Array.from({ length: rows }, () => (below(40) === 0 ? -1 : below(3))) as never);
  const data = (rows = someRows()) => ({ inputs: numbers(rows, 2), targets: targets(rows) });
  /** A loss of one's own: well behaved, throwing, or calling what it should not. */
  const ownLoss = (kind: "good" | "throws" | "rogue"): CustomLoss => ({
    name: kind,
    value({ outputs }) {
      if (kind === "rogue") misbehave();
      return outputs.reduce((sum, y) => sum + y, 0);
    },
    gradient(_, out) {
      if (kind === "throws" && below(2) === 0) throw mine;
      if (kind === "rogue") misbehave();
      out.fill(0.25);
    },
  });
  const losses = [
    "huber",
    "categoricalCrossEntropy",
    "meanSquaredError",
    "hubber",
    ownLoss("good"),
    ownLoss("throws"),
    ownLoss("rogue"),
  ] as never[];
  const misbehave = () => {
    nested++;
    const { network } = aTrainer();
    const acts: (() => unknown)[] = [
      () => touch(network).dispose(),
      () => network.forward(numbers(someRows(), 2)),
      () => network.predict(numbers(someRows(), 2)),
      () => network.backward(targets(3), "huber"),
      () => pick(trainers).step(numbers(3, 2), targets(3)),
      () => keep(backend.matrix(3, 2, new Float64Array(6).fill(7))),
    ];
    for (const trainer of trainers) touch(trainer.network);
    try {
      pick(acts)();
    } catch (error) {
      if (error !== mine && !(error instanceof wasmgrad.WasmgradError)) throw error;
    }
  };
  const adopt = (network: Network): void => {
    const options = { loss: or(pick(losses)), optimizer: or(pick([sgd(), adam(), sgd({ momentum: 0.5 })])) };
    let trainer = new Trainer(network);
    isAlive(() => {
      trainer = new Trainer(network, options);
    });
    trainers.push(trainer);
    // its slots stay, and room for two rows
    for (let tries = 0; tries < 9; tries++) if (isAlive(() => trainer.step([1, 2, 3, 4], new Float64Array(6)))) break;
    networks.set(network, network.parameters.slice());
  };
  const create = async () => {
    const layers = [
      dense(or(1 + below(4)), or(pick(activations))),
      dropout(or(pick([0, 0.5]))),
      dense(3, pick(activations)),
    ];
    adopt(
      await createNetwork({
        inputs: 2,
        layers: or(layers),
        seed: or(below(9)),
        backend: below(30) === 0 ? other : backend,
      }),
    );
  };
  const inCallback = (name: string) => async () => {
    if (below(3) > 0) return;
    if (below(16) === 0) throw mine;
    nested++;
    const outer = touched;
    for (const it of outer) refresh(it);
    if (below(12) === 0) for (const it of outer) if (trainers.length > 2) it.dispose();
    await call(name);
    touched = new Set([...outer, ...touched]);
    if (below(8) === 0) throw mine;
  };

  const calls: Record<string, () => unknown> = {
    matrix: () => {
      const [rows, cols] = [below(5), below(5)];
      return backend.matrix(or(rows), or(cols), pick([undefined, numbers(rows, cols)]));
    },
    matmul: () => {
      const flags = { transposeA: below(2) === 0, transposeB: below(2) === 0, alpha: or(below(3)), beta: below(2) };
      return backend.matmul(or(aMatrix()), or(aMatrix()), or({ ...flags, ...out() }));
    },
    transpose: () => backend.transpose(or(aMatrix()), or(out())),
    map: () => backend[pick(["tanh", "exp", "erf", "expm1"] as const)](or(aMatrix()), or(out())),
    activation: () => backend.activation(or(pick(activations)), or(aMatrix()), or(out())),
    activationGradient: () =>
      backend.activationGradient(or(pick(activations)), or(aMatrix()), or(aMatrix()), or(out())),
    loss: () => backend.loss(pick(losses), or(aMatrix()), or(aMatrix()), or({ fromLogits: below(2) === 0 })).gradient,
    disposeMatrix: () => {
      const matrix = aMatrix();
      if (matrix === stray || matrices.size < 6) return;
      matrix.dispose();
      if (below(4) > 0) matrices.delete(matrix);
    },
    createNetwork: () => (networks.size < 9 ? create() : undefined),
    clone: () => (networks.size < 9 ? adopt(aTrainer().network.clone()) : undefined),
    disposeNetwork: () => {
      const { network } = aTrainer();
      if (trainers.length < 3) return;
      network.dispose();
      if (below(4) === 0) return;
      networks.delete(network);
      trainers.splice(0, trainers.length, ...trainers.filter((trainer) => trainer.network !== network));
    },
    predict: () => aTrainer().network.predict(numbers(someRows(), 2), or({ batchSize: or(1 + below(4)) })),
    forward: () => {
      const { network } = aTrainer();
      const rows = someRows();
      const outputs = network.forward(numbers(rows, 2));
      rowsOf.set(network, rows);
      return outputs;
    },
    backward: () => {
      const { network } = aTrainer();
      return network.backward(targets(rowsOf.get(network) ?? 1), pick(losses), or({}));
    },
    backwardFrom: () => {
      const { network } = aTrainer();
      return network.backwardFrom(numbers(rowsOf.get(network) ?? 1, 3));
    },
    inputGradients: () => aTrainer().network.inputGradients,
    copyFrom: () => touch(aTrainer().network).copyFrom(or(aTrainer().network), or({ tau: or(0.5) })),
    trainable: () => void Object.assign(pick(aTrainer().network.layers) as object, { trainable: or(below(2) === 0) }),
    digest: () => aTrainer().network.digest(),
    checkGradients: () => checkGradients(aTrainer().network, numbers(2, 2), targets(2), pick(losses)).maxRelativeError,
    step: () => {
      const trainer = aTrainer();
      const { inputs, targets } = data();
      touch(trainer.network);
      return trainer.step(inputs, targets);
    },
    evaluate: () => aTrainer().evaluate(or(data())).loss,
    fit: async () => {
      const trainer = aTrainer();
      const options = {
        epochs: or(1 + below(2)),
        batchSize: or(1 + below(4)),
        shuffle: or(below(2) === 0),
        ...pick([{}, { validationSplit: or(0.3) }, { validation: or(data()) }]),
        onStep: or(inCallback("onStep")),
        onEpoch: or(inCallback("onEpoch")),
      };
      touch(trainer.network);
      return (await trainer.fit(or(data()), or(options))).loss[0];
    },
  };

  const numbersOf = (it: Matrix | Network) => (it instanceof Matrix ? it.values : it.parameters);
  const refresh = (it: Matrix | Network): void => {
    if (!isAlive(() => numbersOf(it))) return;
    if (it instanceof Matrix) {
      if (matrices.has(it)) matrices.set(it, it.values.slice());
    } else if (networks.has(it)) networks.set(it, it.parameters.slice());
  };
  async function call(from: string): Promise<void> {
    const name = pick(Object.keys(calls));
    const before = { ...backend.memory(), reservedBytes: 0 };
    const nestedBefore = nested;
    touched = new Set();
    let line = `${log.length} ${from} ${name}: `;
    let failed = false;
    try {
      const result = await (calls[name] as () => unknown)();
      line += result instanceof Matrix ? keep(result).values : result;
    } catch (error) {
      if (error !== mine && !(error instanceof wasmgrad.WasmgradError))
        throw new Error(`${line}${error}`, { cause: error });
      failed = true;
      line += error instanceof wasmgrad.OutOfMemoryError ? error.name : `${error}`.replaceAll(/ \((js|simd)\)/g, "");
    }
    log.push(line);
    const alone = nested === nestedBefore;
    if (failed && alone) expect({ ...backend.memory(), reservedBytes: 0 }, line).toEqual(before);
    for (const [it, expected] of [...matrices, ...networks]) {
      if (!isAlive(() => numbersOf(it))) continue;
      if (touched.has(it) && !(failed && alone && name !== "fit")) refresh(it);
      else if (!numbersOf(it).every((value, i) => Object.is(value, expected[i])))
        throw new Error(`${line}: changed what it must not`);
    }
  }

  while (matrices.size < 8) keep(backend.matrix(1 + below(4), 2 + below(2), undefined));
  for (const matrix of matrices.keys()) {
    for (let i = 0; i < matrix.values.length; i++) matrix.values[i] = below(64) / 16 - 2;
    keep(matrix);
  }
  while (networks.size < 3) await create().catch(() => undefined);
  for (const network of networks.keys()) refresh(network);
  for (let i = 0; i < count; i++) await call("");
  for (const matrix of matrices.keys()) matrix.dispose();
  for (const network of networks.keys()) network.dispose();
  expect({ ...backend.memory(), reservedBytes: 0 }).toEqual({ ...baseline, reservedBytes: 0 });
  for (const each of [backend, other]) each.dispose();
  return log;
}

describe("random calls", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "seed %d: errors leave memory alone, nothing else is harmed, js is simd",
    async (seed) => {
      expect(await play("simd", seed, 250)).toEqual(await play("js", seed, 250));
    },
  );
});
