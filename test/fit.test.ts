import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import {
  type ActivationName,
  ArgumentError,
  adam,
  type Backend,
  BusyError,
  type CustomLoss,
  createNetwork,
  type Data,
  dense,
  dropout,
  type EpochInfo,
  type LayerDescription,
  type LossBatch,
  type Network,
  type Numbers,
  type StepInfo,
  sgd,
  type Targets,
  Trainer,
} from "../src/index";
import { readGolden } from "./golden/golden";
import { onEveryVariant } from "./variants";

/** The promise of the library: as near as this to PyTorch, relative, or absolute below 1. */
const TOLERANCE = 1e-12;
/** Sums of a few hundred float64 in another order, relative to numbers of about 1. */
const ROUNDING = 1e-13;

const { fits } = readGolden();

function gap(actual: number, expected: number): number {
  const difference = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  return Number.isNaN(difference) ? Infinity : difference;
}

function largestGap(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++)
    largest = Math.max(largest, gap(actual[i] as number, expected[i] as number));
  return largest;
}

/** Uniform from [-1, 1), always the same (mulberry32). */
function uniform(length: number, seed = 1): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

const FEATURES = 4;
const CLASSES = 3;

/** Rows whose class is that of their largest among the first features. */
function classified(samples: number, seed = 1) {
  const inputs = uniform(samples * FEATURES, seed);
  const targets = Int32Array.from({ length: samples }, (_, i) => {
    const row = inputs.subarray(i * FEATURES, i * FEATURES + CLASSES);
    return row.indexOf(Math.max(...row));
  });
  return { inputs, targets };
}

function oneHot(classes: ArrayLike<number>): Float64Array {
  const rows = new Float64Array(classes.length * CLASSES);
  for (let i = 0; i < classes.length; i++) rows[i * CLASSES + (classes[i] as number)] = 1;
  return rows;
}

const CLASSIFIER: LayerDescription[] = [dense(8, "tanh"), dropout(0.2), dense(CLASSES, "softmax")];

function classifier(backend: Backend, seed = 7): Promise<Network> {
  return createNetwork({ inputs: FEATURES, layers: CLASSIFIER, seed, backend });
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A promise that is resolved from outside. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

/** A loss that moves nothing and notes which rows it is shown, where a row's target is its number. */
function recorder() {
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

function numbered(samples: number): Data {
  const rows = Float64Array.from({ length: samples }, (_, i) => i);
  return { inputs: rows, targets: rows };
}

function ascending(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** The forward pass of dense layers, written from mathematics.md. Gives the last layer's z and y of each row. */
function oracle(network: Network, inputs: Float64Array): { z: number[]; y: number[] }[] {
  const f: Partial<Record<ActivationName, (z: number[]) => number[]>> = {
    linear: (z) => z,
    relu: (z) => z.map((v) => Math.max(0, v)),
    tanh: (z) => z.map(Math.tanh),
    sigmoid: (z) => z.map((v) => 1 / (1 + Math.exp(-v))),
    softmax: (z) => {
      const e = z.map((v) => Math.exp(v - Math.max(...z)));
      return e.map((v) => v / e.reduce((a, b) => a + b));
    },
  };
  const rows: { z: number[]; y: number[] }[] = [];
  for (let at = 0; at < inputs.length; at += network.inputs) {
    let y = [...inputs.subarray(at, at + network.inputs)];
    let z = y;
    for (const { kind, units, activation, weights, bias } of network.layers) {
      if (kind !== "dense") continue;
      z = [...bias].map((b, j) => y.reduce((sum, x, i) => sum + x * (weights[i * units + j] as number), b));
      const apply = f[activation ?? "linear"];
      if (apply === undefined) throw new Error(`the oracle has no ${activation}`);
      y = apply(z);
    }
    rows.push({ z, y });
  }
  return rows;
}

function crossEntropy({ z }: { z: number[] }, target: number): number {
  const top = Math.max(...z);
  return top + Math.log(z.reduce((sum, v) => sum + Math.exp(v - top), 0)) - (z[target] as number);
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

onEveryVariant("Trainer.fit", (context) => {
  it("follows PyTorch over whole epochs, validation and a short last batch included", async () => {
    for (const golden of fits) {
      const layers = golden.layers.map(({ units, activation, l1, l2 }) => dense(units, { activation, l1, l2 }));
      const network = await createNetwork({ inputs: golden.features, layers, backend: context.backend });
      network.parameters.set(golden.parameters);
      const trainer = new Trainer(network, { loss: golden.loss, optimizer: adam(golden.options) });
      const history = await trainer.fit(
        { inputs: golden.inputs, targets: golden.targets },
        {
          epochs: golden.epochs,
          batchSize: golden.batchSize,
          shuffle: false,
          validation: { inputs: golden.validationInputs, targets: golden.validationTargets },
        },
      );
      const gaps = {
        loss: largestGap(history.loss, golden.losses),
        validationLoss: largestGap(history.validationLoss, golden.validationLosses),
        parameters: largestGap(network.parameters, golden.finalParameters),
      };
      const figures = Object.entries(gaps).map(([name, found]) => `${name} ${found.toExponential(2)}`);
      console.log(`golden fit "${golden.name}" on ${context.backend.variant}, worst gap: ${figures.join(", ")}`);
      expect(Math.max(...Object.values(gaps))).toBeLessThanOrEqual(TOLERANCE);
      expect(history.accuracy).toEqual([...golden.accuracies]);
      expect(history.validationAccuracy).toEqual([...golden.validationAccuracies]);
      expect(history.learningRate).toEqual(Array(golden.epochs).fill(golden.options.learningRate));
      expect([history.epochs, history.stoppedBy]).toEqual([golden.epochs, "epochs"]);
      network.dispose();
    }
  });

  it("has the defaults of the contract: 1 epoch, batches of 32, shuffled by the network's seed", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], seed: 11, backend: context.backend });
    const { loss, batches } = recorder();
    const trainer = new Trainer(network, { loss });
    const history = await trainer.fit(numbered(70));
    expect(history.epochs).toBe(1);
    expect(batches.map((batch) => batch.length)).toEqual([32, 32, 6]);
    expect(batches.flat()).not.toEqual(ascending(0, 70));
    expect(batches.flat().sort((a, b) => a - b)).toEqual(ascending(0, 70));
    const seeded = recorder();
    await new Trainer(network, { loss: seeded.loss }).fit(numbered(70), { seed: 11 });
    expect(seeded.batches).toEqual(batches);
    network.dispose();
  });

  it("has the loss, the optimizer and the metrics that fit the outputs, where nobody names them", async () => {
    const expected = [
      ["softmax", "categoricalCrossEntropy", ["accuracy"]],
      ["sigmoid", "binaryCrossEntropy", ["accuracy"]],
      ["linear", "sumOfSquares", []],
      ["relu", "sumOfSquares", []],
    ] as const;
    for (const [activation, loss, metrics] of expected) {
      const network = await createNetwork({ inputs: 2, layers: [dense(2, activation)], backend: context.backend });
      const trainer = new Trainer(network);
      expect([trainer.loss, trainer.metrics]).toEqual([loss, metrics]);
      expect(trainer.optimizer.config).toEqual(sgd().config);
      network.dispose();
    }
  });

  it("gives the same bits for the same seed, others for another", async () => {
    const digests: string[] = [];
    for (const [seed, order] of [
      [7, undefined],
      [7, undefined],
      [8, undefined],
      [7, 8],
    ] as const) {
      const network = await classifier(context.backend, seed);
      await new Trainer(network, { optimizer: adam() }).fit(classified(50), { epochs: 2, batchSize: 8, seed: order });
      digests.push(await network.digest());
      network.dispose();
    }
    expect(digests[1]).toBe(digests[0]);
    expect(new Set(digests).size).toBe(3);
  });

  it("shuffles: every sample once an epoch, another order each epoch, the same for every batchSize", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    const orders: number[][][] = [];
    for (const batchSize of [1, 7, 16, 50, 1000]) {
      const { loss, batches } = recorder();
      await new Trainer(network, { loss }).fit(numbered(50), { epochs: 3, batchSize, seed: 5 });
      const each = Math.ceil(50 / batchSize);
      expect(batches).toHaveLength(3 * each);
      orders.push([0, 1, 2].map((epoch) => batches.slice(epoch * each, (epoch + 1) * each).flat()));
    }
    const [first] = orders as [number[][]];
    for (const epoch of first) expect([...epoch].sort((a, b) => a - b)).toEqual(ascending(0, 50));
    expect(new Set(first.map(String)).size).toBe(3);
    expect(first.map(String)).not.toContain(String(ascending(0, 50)));
    for (const order of orders) expect(order).toEqual(first);
    network.dispose();
  });

  it("takes batches in order with shuffle: false, the last one short", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    const { loss, batches } = recorder();
    await new Trainer(network, { loss }).fit(numbered(10), { epochs: 2, batchSize: 4, shuffle: false });
    const epoch = [ascending(0, 4), ascending(4, 8), ascending(8, 10)];
    expect(batches).toEqual([...epoch, ...epoch]);
    network.dispose();
  });

  it("holds the last rows back for validationSplit, before shuffling", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    for (const [share, samples, kept] of [
      [0.2, 50, 40],
      [0.25, 10, 7],
      [0.5, 2, 1],
      [0.1, 99, 89],
    ] as const) {
      const { loss, batches } = recorder();
      const validated: number[][] = [];
      const seen: CustomLoss = {
        ...loss,
        value: ({ targets }) => {
          validated.push([...targets]);
          return 0;
        },
      };
      await new Trainer(network, { loss: seen }).fit(numbered(samples), {
        epochs: 2,
        batchSize: 16,
        validationSplit: share,
      });
      const all = batches.flat();
      expect([...new Set(all)].sort((a, b) => a - b)).toEqual(ascending(0, kept));
      expect(all).toHaveLength(2 * kept);
      const heldBack = validated.filter((rows) => rows.some((row) => row >= kept));
      expect(heldBack).toEqual([ascending(kept, samples), ascending(kept, samples)]);
    }
    network.dispose();
  });

  it("trains with a validationSplit as on the first rows alone, and validates as evaluate on the last", async () => {
    const { inputs, targets } = classified(60);
    const sampleWeights = uniform(60, 5).map((w) => 1 + w);
    const [split, given] = await Promise.all([classifier(context.backend), classifier(context.backend)]);
    const [first, second] = [split, given].map((network) => new Trainer(network)) as [Trainer, Trainer];
    const parts = [0, 45].map((from, part) => {
      const to = part === 0 ? 45 : 60;
      return {
        inputs: inputs.subarray(from * FEATURES, to * FEATURES),
        targets: targets.subarray(from, to),
        sampleWeights: sampleWeights.subarray(from, to),
      };
    }) as [Data, Data];
    const options = { epochs: 3, batchSize: 16 };
    const history = await first.fit({ inputs, targets, sampleWeights }, { ...options, validationSplit: 0.25 });
    expect(history).toEqual(await second.fit(parts[0], { ...options, validation: parts[1] }));
    expect(await split.digest()).toBe(await given.digest());
    const { loss, accuracy } = first.evaluate(parts[1]);
    expect(history.validationLoss[2]).toBe(loss);
    expect(history.validationAccuracy[2]).toBe(accuracy);
    split.dispose();
    given.dispose();
  });

  it("has one number an epoch in each list of its history, and none where nothing was measured", async () => {
    const network = await classifier(context.backend);
    const data = classified(40);
    const lists = ["loss", "validationLoss", "accuracy", "validationAccuracy", "learningRate"] as const;
    const lengths = async (metrics: ["accuracy"] | [] | undefined, validationSplit: number | undefined) => {
      const history = await new Trainer(network, { metrics }).fit(data, { epochs: 4, validationSplit });
      return lists.map((list) => history[list].length);
    };
    expect(await lengths(undefined, 0.2)).toEqual([4, 4, 4, 4, 4]);
    expect(await lengths(undefined, undefined)).toEqual([4, 0, 4, 0, 4]);
    expect(await lengths([], 0.2)).toEqual([4, 4, 0, 0, 4]);
    network.dispose();
  });

  it("reports the mean of its batches' costs weighted by their samples, penalties in it", async () => {
    const layers = [dense(5, { activation: "tanh", l1: 0.01, l2: 0.02 }), dense(CLASSES, "softmax")];
    const network = await createNetwork({ inputs: FEATURES, layers, backend: context.backend });
    const infos: StepInfo[] = [];
    const history = await new Trainer(network).fit(classified(50), {
      epochs: 2,
      batchSize: 16,
      onStep: (info) => infos.push(info),
    });
    for (const epoch of [1, 2]) {
      const costs = infos.filter((info) => info.epoch === epoch).map(({ cost, samples }) => cost * samples);
      expect(gap(history.loss[epoch - 1] as number, costs.reduce((a, b) => a + b) / 50)).toBeLessThanOrEqual(ROUNDING);
    }
    network.dispose();
  });

  it("counts accuracy on each batch before its update", async () => {
    const layers = [dense(6, "tanh"), dense(CLASSES, "softmax")];
    const network = await createNetwork({ inputs: FEATURES, layers, backend: context.backend });
    const { inputs, targets } = classified(48);
    let before = oracle(network, inputs);
    let right = 0;
    let afterwards = 0;
    const isRight = (row: { y: number[] } | undefined, i: number) =>
      row !== undefined && row.y.indexOf(Math.max(...row.y)) === targets[i];
    // a rate so large that the outputs before and after an update have nothing in common
    const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 20 }) });
    const history = await trainer.fit(
      { inputs, targets },
      {
        shuffle: false,
        batchSize: 10,
        onStep: ({ batch, samples }) => {
          const after = oracle(network, inputs);
          for (let i = (batch - 1) * 10; i < (batch - 1) * 10 + samples; i++) {
            if (isRight(before[i], i)) right++;
            if (isRight(after[i], i)) afterwards++;
          }
          before = after;
        },
      },
    );
    expect(history.accuracy).toEqual([right / 48]);
    expect(afterwards).not.toBe(right);
    network.dispose();
  });

  it("counts sigmoid outputs one by one, from 0.5 on as a yes", async () => {
    const network = await createNetwork({ inputs: 3, layers: [dense(2, "sigmoid")], backend: context.backend });
    const inputs = uniform(30 * 3, 9);
    inputs.fill(0, 0, 3); // both outputs exactly 0.5
    const targets = uniform(30 * 2, 10).map((value) => (value > 0 ? 1 : 0));
    targets.set([1, 1], 0);
    const hits = oracle(network, inputs).flatMap(({ y }, i) =>
      y.filter((output, j) => output >= 0.5 === (targets[2 * i + j] === 1)),
    );
    const trainer = new Trainer(network);
    expect(trainer.evaluate({ inputs, targets }).accuracy).toBe(hits.length / 60);
    const { accuracy } = await trainer.fit({ inputs, targets }, { batchSize: 30 });
    expect(accuracy).toEqual([hits.length / 60]);
    network.dispose();
  });

  it("weighs samples: each step is that of backward with their weights", async () => {
    const { inputs, targets } = classified(21);
    const sampleWeights = uniform(21, 3).map((weight) => Math.max(0, weight));
    const layers = [dense(5, "tanh"), dense(CLASSES, "softmax")];
    const network = await createNetwork({ inputs: FEATURES, layers, backend: context.backend });
    const byHand = network.clone();
    const costs: number[] = [];
    const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 0.5 }) });
    const history = await trainer.fit(
      { inputs, targets, sampleWeights },
      { epochs: 2, batchSize: 8, shuffle: false, onStep: ({ cost }) => costs.push(cost) },
    );
    const expected: number[] = [];
    for (const from of [0, 8, 16, 0, 8, 16]) {
      const to = Math.min(from + 8, 21);
      byHand.forward(inputs.subarray(from * FEATURES, to * FEATURES));
      const weights = sampleWeights.subarray(from, to);
      expected.push(byHand.backward(targets.subarray(from, to), "categoricalCrossEntropy", { sampleWeights: weights }));
      byHand.gradients.forEach((gradient, i) => {
        byHand.parameters[i] = (byHand.parameters[i] as number) - 0.5 * gradient;
      });
    }
    expect(largestGap(costs, expected)).toBeLessThanOrEqual(ROUNDING);
    expect(largestGap(network.parameters, byHand.parameters)).toBeLessThanOrEqual(ROUNDING);
    const { loss, accuracy } = trainer.evaluate({ inputs, targets, sampleWeights });
    const rows = oracle(network, inputs);
    const weighted = rows.map((row, i) => (sampleWeights[i] as number) * crossEntropy(row, targets[i] as number));
    expect(gap(loss, mean(weighted))).toBeLessThanOrEqual(ROUNDING);
    expect(accuracy).toBe(trainer.evaluate({ inputs, targets }).accuracy);
    expect(history.epochs).toBe(2);
    network.dispose();
    byHand.dispose();
  });

  it("gives the same bits for weights of 1 as for none, and moves nothing for weights of 0", async () => {
    const [plain, ones, zeros] = await Promise.all([7, 7, 7].map((seed) => classifier(context.backend, seed)));
    if (!plain || !ones || !zeros) throw new Error("three networks were expected");
    const start = await zeros.digest();
    const data = classified(40);
    const options = { epochs: 2, batchSize: 16 };
    const history = await new Trainer(plain).fit(data, options);
    const weighted = (weight: number) => ({ ...data, sampleWeights: Array(40).fill(weight) });
    expect(await new Trainer(ones).fit(weighted(1), options)).toEqual(history);
    expect(await ones.digest()).toBe(await plain.digest());
    expect((await new Trainer(zeros).fit(weighted(0), options)).loss).toEqual([0, 0]);
    expect(await zeros.digest()).toBe(start);
    for (const network of [plain, ones, zeros]) network.dispose();
  });

  it("tells onStep and onEpoch where it stands", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network, { optimizer: adam() });
    trainer.step(uniform(FEATURES), [0]);
    const steps: StepInfo[] = [];
    const epochs: EpochInfo[] = [];
    const history = await trainer.fit(classified(25), {
      epochs: 2,
      batchSize: 10,
      validationSplit: 0.2,
      onStep: (info) => {
        steps.push(info);
      },
      onEpoch: (info) => {
        expect(info.history.epochs).toBe(info.epoch);
        expect(info.history.loss).toHaveLength(info.epoch);
        epochs.push(info);
      },
    });
    const place = steps.map(({ step, epoch, batch, batches, samples }) => [step, epoch, batch, batches, samples]);
    expect(place).toEqual([
      [2, 1, 1, 2, 10],
      [3, 1, 2, 2, 10],
      [4, 2, 1, 2, 10],
      [5, 2, 2, 2, 10],
    ]);
    expect(steps.every(({ cost }) => cost > 0)).toBe(true);
    expect(epochs.map(({ epoch, epochs: total }) => [epoch, total])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    epochs.forEach((info, e) => {
      expect(info.loss).toBe(history.loss[e]);
      expect(info.accuracy).toBe(history.accuracy[e]);
      expect(info.validationLoss).toBe(history.validationLoss[e]);
      expect(info.validationAccuracy).toBe(history.validationAccuracy[e]);
    });
    network.dispose();
  });

  it("waits for the promises of its callbacks, and stands still meanwhile", async () => {
    const network = await classifier(context.backend);
    const events: string[] = [];
    const pausing = (name: string) => async () => {
      events.push(`${name} begins`);
      const before = network.parameters.slice();
      await sleep(2);
      expect(network.parameters).toEqual(before);
      events.push(`${name} ends`);
    };
    await new Trainer(network).fit(classified(20), {
      epochs: 2,
      batchSize: 10,
      onStep: pausing("step"),
      onEpoch: pausing("epoch"),
    });
    const step = ["step begins", "step ends"];
    const epoch = [...step, ...step, "epoch begins", "epoch ends"];
    expect(events).toEqual([...epoch, ...epoch]);
    network.dispose();
  });

  it("lets the network be used inside a callback without going another way", async () => {
    const [quiet, used] = [await classifier(context.backend), await classifier(context.backend)];
    const data = classified(30);
    const options = { epochs: 2, batchSize: 8 };
    await new Trainer(quiet, { optimizer: adam() }).fit(data, options);
    const trainer = new Trainer(used, { optimizer: adam() });
    const look = () => {
      used.predict(uniform(300 * FEATURES));
      trainer.evaluate(classified(300, 4));
      used.summary();
      used.clone().dispose();
      return used.digest();
    };
    await trainer.fit(data, { ...options, onStep: look, onEpoch: look });
    expect(await used.digest()).toBe(await quiet.digest());
    quiet.dispose();
    used.dispose();
  });

  it("does not trip over a forward and backward inside a callback", async () => {
    const layers = [dense(6, "gelu"), dense(CLASSES, "softmax")];
    const [quiet, used] = await Promise.all(
      [0, 1].map(() => createNetwork({ inputs: 4, layers, backend: context.backend })),
    );
    if (!quiet || !used) throw new Error("two networks were expected");
    const options = { epochs: 2, batchSize: 8, shuffle: false };
    await new Trainer(quiet).fit(classified(30), options);
    const matrix = context.backend.matrix(50, FEATURES, uniform(50 * FEATURES, 8));
    await new Trainer(used).fit(classified(30), {
      ...options,
      onStep: () => {
        used.forward(matrix);
        used.backward(classified(50).targets, "categoricalCrossEntropy", { sampleWeights: Array(50).fill(0.5) });
      },
    });
    expect(await used.digest()).toBe(await quiet.digest());
    matrix.dispose();
    quiet.dispose();
    used.dispose();
  });

  it("resolves on the weights of the last whole step when its signal is aborted", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network, { optimizer: adam() });
    const controller = new AbortController();
    let digest: Promise<string> | undefined;
    let steps = 0;
    const history = await trainer.fit(classified(40), {
      epochs: 10,
      batchSize: 10,
      signal: controller.signal,
      onStep: ({ step }) => {
        steps++;
        if (step !== 6) return;
        digest = network.digest();
        controller.abort();
      },
    });
    expect(steps).toBe(6);
    expect([history.stoppedBy, history.epochs, history.loss.length]).toEqual(["signal", 1, 1]);
    expect(await network.digest()).toBe(await digest);
    const none = await trainer.fit(classified(40), { signal: controller.signal });
    expect([none.stoppedBy, none.epochs, none.loss]).toEqual(["signal", 0, []]);
    expect(await network.digest()).toBe(await digest);
    expect((await trainer.fit(classified(40))).stoppedBy).toBe("epochs");
    network.dispose();
  });

  it("is aborted from outside too, while it trains", async () => {
    const network = await classifier(context.backend);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    const until = performance.now() + 5000; // a fit that never lets the timer fire ends here, and fails
    const signal = {
      get aborted() {
        return controller.signal.aborted || performance.now() > until;
      },
    };
    const history = await new Trainer(network).fit(classified(64), { epochs: 1e9, signal });
    expect([history.stoppedBy, controller.signal.aborted]).toEqual(["signal", true]);
    network.dispose();
  });

  it("refuses a second fit on a network in training, through whichever trainer", async () => {
    const [network, other] = [await classifier(context.backend), await classifier(context.backend)];
    const [first, second] = [new Trainer(network), new Trainer(network)];
    const data = classified(20);
    const { open, opened } = gate();
    const fitting = first.fit(data, { onStep: () => opened });
    await expect(first.fit(data)).rejects.toThrow(BusyError);
    await expect(second.fit(data)).rejects.toThrow(BusyError);
    expect((await new Trainer(other).fit(data)).epochs).toBe(1);
    open();
    expect((await fitting).epochs).toBe(1);
    expect((await second.fit(data)).epochs).toBe(1);
    expect((await first.fit(data)).epochs).toBe(1);
    network.dispose();
    other.dispose();
  });

  it("refuses a second fit inside a callback, and goes on", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network);
    const history = await trainer.fit(classified(20), {
      onEpoch: () => expect(trainer.fit(classified(20))).rejects.toThrow(BusyError),
    });
    expect(history.epochs).toBe(1);
    network.dispose();
  });

  it("passes on what a callback throws, and can be called again", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network);
    const data = classified(20);
    const failure = new RangeError("no disk");
    const fails = () => {
      throw failure;
    };
    for (const options of [
      { onStep: fails },
      { onEpoch: fails },
      { onStep: async () => fails() },
      { onEpoch: async () => fails() },
    ]) {
      await expect(trainer.fit(data, options)).rejects.toBe(failure);
      expect((await trainer.fit(data)).epochs).toBe(1);
    }
    await expect(trainer.fit({ inputs: [NaN, 0, 0, 0], targets: [0] })).rejects.toThrow(ArgumentError);
    await expect(trainer.fit(data, { epochs: -1 })).rejects.toThrow(ArgumentError);
    expect((await trainer.fit(data)).epochs).toBe(1);
    network.dispose();
  });

  it("takes a step back that came to nothing: the next has the bits that it would have had", async () => {
    const [smooth, interrupted] = [await classifier(context.backend), await classifier(context.backend)];
    const { inputs, targets } = classified(20);
    const rows = oneHot(targets);
    const squares = imitation(
      "squares",
      CLASSES,
      (y, t) => (y - t) ** 2 / 2,
      (y, t) => y - t,
    );
    let fails = false;
    const failing = (part: "value" | "gradient"): CustomLoss => ({
      ...squares,
      [part]: (batch: LossBatch, out: Float64Array) => {
        if (fails) throw new RangeError(part);
        return squares[part](batch, out);
      },
    });
    for (const part of ["value", "gradient"] as const) {
      const [first, second] = [
        new Trainer(smooth, { loss: squares, optimizer: adam() }),
        new Trainer(interrupted, { loss: failing(part), optimizer: adam() }),
      ];
      for (const at of [0, 1, 2]) {
        fails = true;
        expect(() => second.step(inputs, rows)).toThrow(RangeError);
        await expect(second.fit({ inputs, targets: rows })).rejects.toThrow(RangeError);
        fails = false;
        expect(second.step(inputs, rows), `${part}, step ${at}`).toBe(first.step(inputs, rows));
      }
    }
    expect(await interrupted.digest()).toBe(await smooth.digest());
    smooth.dispose();
    interrupted.dispose();
  });

  it("leaves the weights of the step before, where a batch is not finite", async () => {
    const network = await classifier(context.backend);
    const { inputs, targets } = classified(30);
    inputs[25 * FEATURES + 2] = Infinity;
    const digests: Promise<string>[] = [];
    const fitting = new Trainer(network).fit(
      { inputs, targets },
      {
        batchSize: 10,
        shuffle: false,
        onStep: () => {
          digests.push(network.digest());
        },
      },
    );
    await expect(fitting).rejects.toThrow(/row 25, column 2/);
    expect(digests).toHaveLength(2);
    expect(await network.digest()).toBe(await digests[1]);
    network.dispose();
  });

  it("goes on with the optimizer's state: 2 epochs and 3 are 5, in bits", async () => {
    const [once, twice] = [await classifier(context.backend), await classifier(context.backend)];
    const data = classified(50);
    const options = { batchSize: 16, validationSplit: 0.2 };
    const whole = await new Trainer(once, { optimizer: adam() }).fit(data, { ...options, epochs: 5 });
    const trainer = new Trainer(twice, { optimizer: adam() });
    const parts = [
      await trainer.fit(data, { ...options, epochs: 2 }),
      await trainer.fit(data, { ...options, epochs: 3 }),
    ];
    expect(await twice.digest()).toBe(await once.digest());
    expect(parts.flatMap(({ loss }) => loss)).toEqual(whole.loss);
    expect(parts.flatMap(({ validationLoss }) => validationLoss)).toEqual(whole.validationLoss);
    once.dispose();
    twice.dispose();
  });

  it("is step by step what Trainer.step does", async () => {
    const [fitted, stepped] = [await classifier(context.backend), await classifier(context.backend)];
    const { inputs, targets } = classified(20);
    await new Trainer(fitted, { optimizer: adam() }).fit({ inputs, targets }, { batchSize: 8, shuffle: false });
    const trainer = new Trainer(stepped, { optimizer: adam() });
    for (const [from, to] of [
      [0, 8],
      [8, 16],
      [16, 20],
    ] as const) {
      trainer.step(inputs.subarray(from * FEATURES, to * FEATURES), targets.subarray(from, to));
    }
    expect(await stepped.digest()).toBe(await fitted.digest());
    fitted.dispose();
    stepped.dispose();
  });

  it("lets the event loop breathe", async () => {
    const network = await classifier(context.backend);
    const until = performance.now() + 400;
    const signal = {
      get aborted() {
        return performance.now() > until;
      },
    };
    const counts = { timer: 0, immediate: 0 };
    let fitting = true;
    const timer = setInterval(() => {
      counts.timer++;
    }, 1);
    const turns = async () => {
      for (; fitting; counts.immediate++) await setImmediate();
    };
    const turning = turns();
    await new Trainer(network).fit(classified(64), { epochs: 1e9, signal });
    fitting = false;
    clearInterval(timer);
    await turning;
    expect(counts.timer).toBeGreaterThanOrEqual(2);
    expect(counts.immediate).toBeGreaterThanOrEqual(2);
    network.dispose();
  });

  it("rejects, and does not go on in freed memory, where the network is disposed meanwhile", async () => {
    for (const when of ["onStep", "onEpoch"] as const) {
      const network = await classifier(context.backend);
      const before = context.backend.memory().networks;
      const fitting = new Trainer(network).fit(classified(40), { epochs: 2, [when]: () => network.dispose() });
      await expect(fitting).rejects.toMatchObject({ name: "DisposedError" });
      expect(context.backend.memory().networks).toBe(before - 1);
    }
  });
});

onEveryVariant("the data of Trainer.fit", (context) => {
  const samples = 40;
  const inputs = uniform(samples * FEATURES, 6).map((value) => Math.floor((value + 1) * 128));
  const classes = classified(samples, 6).targets;

  function nested(values: Float64Array, columns: number): number[][] {
    return Array.from({ length: values.length / columns }, (_, i) => [
      ...values.subarray(i * columns, (i + 1) * columns),
    ]);
  }

  async function digestOf(data: Data): Promise<[string, unknown, unknown]> {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network, { optimizer: adam() });
    const history = await trainer.fit(data, { epochs: 2, batchSize: 16, validationSplit: 0.25 });
    trainer.step(data.inputs, data.targets);
    const result: [string, unknown, unknown] = [await network.digest(), history, trainer.evaluate(data)];
    network.dispose();
    return result;
  }

  it("gives the same bits in every form", async () => {
    const one = oneHot(classes);
    const matrix = context.backend.matrix(samples, FEATURES, inputs);
    const targetMatrix = context.backend.matrix(samples, CLASSES, one);
    const expected = await digestOf({ inputs: Float64Array.from(inputs), targets: classes });
    const forms: Numbers[] = [
      Float32Array.from(inputs),
      Uint8Array.from(inputs),
      [...inputs],
      nested(inputs, FEATURES),
      matrix,
    ];
    for (const form of forms) expect(await digestOf({ inputs: form, targets: classes })).toEqual(expected);
    const targets: Targets[] = [
      Uint8Array.from(classes),
      [...classes],
      one,
      Float32Array.from(one),
      Uint8Array.from(one),
      [...one],
      nested(one, CLASSES),
      targetMatrix,
    ];
    for (const form of targets) expect(await digestOf({ inputs, targets: form })).toEqual(expected);
    matrix.dispose();
    targetMatrix.dispose();
  });

  it("is never copied whole where it is a Matrix", async () => {
    const { backend } = context;
    const [rows, features] = [8192, 16];
    const network = await createNetwork({ inputs: features, layers: [dense(1)], backend });
    const matrix = backend.matrix(rows, features, uniform(rows * features));
    const targets = backend.matrix(rows, 1, uniform(rows, 2));
    const trainer = new Trainer(network, { optimizer: adam() });
    const before = backend.memory().usedBytes;
    let most = before;
    const watch = () => {
      most = Math.max(most, backend.memory().usedBytes);
    };
    await trainer.fit({ inputs: matrix, targets }, { validationSplit: 0.5, onStep: watch, onEpoch: watch });
    trainer.evaluate({ inputs: matrix, targets });
    network.predict(matrix);
    watch();
    expect(most - before).toBeLessThan((rows * features * 8) / 4);
    expect(matrix.values).toEqual(uniform(rows * features));
    for (const owner of [network, matrix, targets]) owner.dispose();
  });
});

onEveryVariant("Trainer.evaluate", (context) => {
  it("is of the whole set, as an oracle finds it: uneven sizes, no penalties", async () => {
    const layers = [dense(7, { activation: "tanh", l1: 0.1, l2: 0.1 }), dropout(0.5), dense(CLASSES, "softmax")];
    const network = await createNetwork({ inputs: FEATURES, layers, backend: context.backend });
    const trainer = new Trainer(network);
    const { inputs, targets } = classified(1000);
    await trainer.fit({ inputs, targets }, { epochs: 1 });
    const rows = oracle(network, inputs);
    const losses = rows.map((row, i) => crossEntropy(row, targets[i] as number));
    const right = rows.map(({ y }, i) => y.indexOf(Math.max(...y)) === targets[i]);
    for (const samples of [1, 2, 255, 256, 257, 511, 512, 513, 1000]) {
      const part = { inputs: inputs.subarray(0, samples * FEATURES), targets: targets.subarray(0, samples) };
      const { loss, accuracy } = trainer.evaluate(part);
      expect(gap(loss, mean(losses.slice(0, samples)))).toBeLessThanOrEqual(ROUNDING);
      expect(accuracy).toBe(right.slice(0, samples).filter(Boolean).length / samples);
    }
    network.dispose();
  });

  it("gives each row the same loss, whatever rows stand around it", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network);
    const { inputs, targets } = classified(300);
    let sum = 0;
    let compensation = 0;
    for (let i = 0; i < 300; i++) {
      const { loss } = trainer.evaluate({
        inputs: inputs.subarray(i * FEATURES, (i + 1) * FEATURES),
        targets: targets.subarray(i, i + 1),
      });
      const next = sum + loss;
      compensation += Math.abs(sum) >= Math.abs(loss) ? sum - next + loss : loss - next + sum;
      sum = next;
    }
    // one compensated chain over the samples: the same numbers in the same order are the same bits
    expect(trainer.evaluate({ inputs, targets }).loss).toBe((sum + compensation) / 300);
    network.dispose();
  });

  it("moves nothing, needs no forward, and leaves no memory behind", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network);
    const data = classified(300);
    const digest = await network.digest();
    const first = trainer.evaluate(data);
    const before = context.backend.memory();
    expect(trainer.evaluate(data)).toEqual(first);
    expect(context.backend.memory()).toEqual(before);
    expect(await network.digest()).toBe(digest);
    network.dispose();
  });

  it("keeps a forward pass as it was", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network);
    const { inputs, targets } = classified(9);
    network.forward(inputs);
    network.backward(targets, "categoricalCrossEntropy");
    const expected = network.gradients.slice();
    network.gradients.fill(0);
    trainer.evaluate(classified(500, 2));
    network.backward(targets, "categoricalCrossEntropy");
    expect(network.gradients).toEqual(expected);
    network.dispose();
  });
});

/** J of the built-in losses, from their formulas; sums w_i J_i / n. */
function imitation(
  name: string,
  units: number,
  J: (y: number, t: number) => number,
  slope: (y: number, t: number) => number,
): CustomLoss {
  return {
    name,
    value({ outputs, targets, samples, sampleWeights }: LossBatch) {
      const terms = [...outputs].map(
        (y, e) => (sampleWeights?.[Math.floor(e / units)] ?? 1) * J(y, targets[e] as number),
      );
      return terms.reduce((a, b) => a + b, 0) / samples;
    },
    gradient({ outputs, targets, samples, sampleWeights }: LossBatch, out: Float64Array) {
      out.forEach((_, e) => {
        const weight = sampleWeights?.[Math.floor(e / units)] ?? 1;
        out[e] = (weight * slope(outputs[e] as number, targets[e] as number)) / samples;
      });
    },
  };
}

onEveryVariant("a loss of one's own", (context) => {
  const cases = [
    [
      "sumOfSquares",
      "tanh",
      imitation(
        "squares",
        3,
        (y, t) => (y - t) ** 2 / 2,
        (y, t) => y - t,
      ),
    ],
    [
      "categoricalCrossEntropy",
      "softmax",
      imitation(
        "cross",
        3,
        (y, t) => -t * Math.log(y),
        (y, t) => -t / y,
      ),
    ],
    [
      "binaryCrossEntropy",
      "sigmoid",
      imitation(
        "binary",
        3,
        (y, t) => -t * Math.log(y) - (1 - t) * Math.log1p(-y),
        (y, t) => (y - t) / (y * (1 - y)),
      ),
    ],
  ] as const;

  it.each(cases)("equals %s, which it imitates, in fit, step and evaluate", async (loss, activation, own) => {
    const layers = [dense(6, { activation: "gelu", l2: 0.01 }), dropout(0.2), dense(CLASSES, activation)];
    const builtIn = await createNetwork({ inputs: FEATURES, layers, backend: context.backend });
    const custom = builtIn.clone();
    const { inputs, targets } = classified(300);
    const data = { inputs, targets: oneHot(targets), sampleWeights: uniform(300, 8).map((w) => w + 1) };
    const trainers = [new Trainer(builtIn, { loss }), new Trainer(custom, { loss: own })] as const;
    const [a, b] = [trainers[0].step(inputs, data.targets), trainers[1].step(inputs, data.targets)];
    expect(gap(b, a)).toBeLessThanOrEqual(TOLERANCE);
    const options = { epochs: 2, batchSize: 32, validationSplit: 0.1 };
    const histories = [await trainers[0].fit(data, options), await trainers[1].fit(data, options)] as const;
    expect(largestGap(histories[1].loss, histories[0].loss)).toBeLessThanOrEqual(TOLERANCE);
    expect(largestGap(histories[1].validationLoss, histories[0].validationLoss)).toBeLessThanOrEqual(TOLERANCE);
    expect(largestGap(custom.parameters, builtIn.parameters)).toBeLessThanOrEqual(TOLERANCE);
    const [known, found] = [trainers[0].evaluate(data), trainers[1].evaluate(data)];
    expect(gap(found.loss, known.loss)).toBeLessThanOrEqual(TOLERANCE);
    builtIn.dispose();
    custom.dispose();
  });

  it("is shown class indices as one-hot rows", async () => {
    const network = await classifier(context.backend);
    const seen: number[][] = [];
    const { loss } = recorder();
    const trainer = new Trainer(network, {
      loss: {
        ...loss,
        gradient: ({ targets }) => {
          seen.push([...targets]);
        },
      },
    });
    trainer.step(uniform(2 * FEATURES), [2, 0]);
    expect(seen).toEqual([[0, 0, 1, 1, 0, 0]]);
    network.dispose();
  });
});
