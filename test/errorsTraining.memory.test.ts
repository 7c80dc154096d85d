/**
 * What errors leave behind in training: nothing. Weights are those of the last whole step, gradients those of the last
 * whole forward, memory is given back, and nobody else's is written.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as wasmgrad from "../src/index";
import {
  adam,
  type Backend,
  checkGradients,
  createNetwork,
  dense,
  dropout,
  type FitOptions,
  type LayerDescription,
  loadBackend,
  type Network,
  sgd,
  Trainer,
} from "../src/index";
import { replaced, sixSamples, thrownBy } from "./support";

const { x, classes } = sixSamples;
const cross = "categoricalCrossEntropy";

describe.each(["js", "simd"] as const)("errors in training: %s", (variant) => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await loadBackend({ variant });
  });
  afterAll(() => backend.dispose());

  const create = (on = backend, layers: LayerDescription[] = [dense(3, "tanh"), dense(3, "softmax")]) =>
    createNetwork({ inputs: 2, layers, seed: 7, backend: on });

  describe("a bad row in a later batch", () => {
    const bad = replaced(x, 9, NaN); // row 4
    const orders: [string, FitOptions, number?][] = [
      ["in order", { shuffle: false, batchSize: 2 }, 2],
      ["shuffled", { shuffle: true, batchSize: 1, seed: 3 }],
      ["with a part held back", { shuffle: false, batchSize: 2, validationSplit: 1 / 6 }, 2],
      ["of a second epoch's", { shuffle: false, batchSize: 6, epochs: 2 }, 0],
    ];
    test.each(orders)(
      "%s: named as it was given, weights as after the last whole step",
      async (_, options, expected) => {
        const [failing, clean] = [await create(), await create()];
        let steps = 0;
        const error = await thrownBy(() =>
          new Trainer(failing).fit({ inputs: bad, targets: classes }, { ...options, onStep: () => steps++ }),
        );
        expect(error).toBeInstanceOf(wasmgrad.ArgumentError);
        expect(String(error)).toMatch(/fit: inputs: row 4, column 1 is NaN/);
        if (expected !== undefined) expect(steps).toBe(expected);
        const signal = { aborted: steps === 0 };
        const stop = ({ step }: { step: number }) => {
          signal.aborted = step === steps;
        };
        await new Trainer(clean).fit({ inputs: x, targets: classes }, { ...options, signal, onStep: stop });
        expect(failing.parameters).toEqual(clean.parameters);
        failing.dispose();
        clean.dispose();
      },
    );

    test("of the part held back, and of validation", async () => {
      const own = await create();
      const data = { inputs: x, targets: classes };
      const split = new Trainer(own).fit({ inputs: bad, targets: classes }, { validationSplit: 0.5 });
      await expect(split).rejects.toThrow(/^fit: inputs: row 4, column 1 is NaN/);
      const validation = { inputs: x, targets: replaced(classes, 2, 7) };
      const apart = new Trainer(own).fit(data, { validation });
      await expect(apart).rejects.toThrow(/^fit: validation: targets: the class of row 2 is 7/);
      own.dispose();
    });
  });

  test("errors leave no trace: training goes on as if they had not been", async () => {
    const layers = [dense(3, "tanh"), dropout(0.5), dense(3, "softmax")];
    const [tried, clean] = [await create(backend, layers), await create(backend, layers)];
    const trainers = [tried, clean].map((each) => new Trainer(each, { optimizer: adam() }));
    for (const each of trainers) each.step(x, classes);
    tried.predict(x);
    const [failing] = trainers as [Trainer];
    const memory = backend.memory();
    await thrownBy(() => failing.step(replaced(x, 3, NaN), classes));
    await thrownBy(() => failing.step(x, replaced(classes, 0, 9)));
    await thrownBy(() => failing.fit({ inputs: x, targets: classes }, { epochs: 0 }));
    await thrownBy(() => failing.fit({ inputs: replaced(x, 3, NaN), targets: classes }));
    await thrownBy(() => tried.forward([1, NaN]));
    await thrownBy(() => tried.predict([1, NaN]));
    expect(backend.memory()).toEqual(memory);
    for (const each of trainers) await each.fit({ inputs: x, targets: classes }, { epochs: 2, batchSize: 4 });
    expect(tried.parameters).toEqual(clean.parameters);
    for (const each of [tried, clean]) each.dispose();
  });

  test("backward after a failed step of another size writes to nobody else's memory", async () => {
    const own = await create();
    own.forward(x);
    const canary = backend.matrix(100, 10, new Float64Array(1000).fill(7));
    const many = new Float64Array(1200).fill(0.5);
    expect(() => new Trainer(own).step(many, [1, 2, 3])).toThrow(wasmgrad.ShapeError);
    await thrownBy(() => own.backward(new Int32Array(600), cross));
    expect(canary.values.every((value) => value === 7)).toBe(true);
    canary.dispose();
    own.dispose();
  });

  const failures: [string, (own: Network) => unknown][] = [
    ["of the same size", (own) => own.forward(replaced(x, 5, NaN))],
    ["of a larger size", (own) => own.forward([...x, 1, 2, 3, NaN])],
    [
      "of a step's targets",
      (own) =>
        new Trainer(own).step(
          x.map((value) => 2 * value),
          replaced(classes, 5, 9),
        ),
    ],
    [
      "of a fit's second batch",
      (own) =>
        new Trainer(own, { optimizer: sgd({ learningRate: 0 }) }).fit(
          { inputs: replaced(x, 11, NaN), targets: classes },
          { batchSize: 2, shuffle: false },
        ),
    ],
  ];
  test.each(failures)(
    "backward after a failure %s: an error, or the gradients of the last whole forward",
    async (title, failure) => {
      const own = await create();
      own.forward(x);
      own.backward(classes, cross);
      const gradients = own.gradients.slice();
      own.forward(x);
      expect(await thrownBy(() => failure(own))).toBeInstanceOf(wasmgrad.WasmgradError);
      const canary = backend.matrix(6, 2, new Float64Array(12).fill(1e3)); // where freed inputs may have been
      const error = await thrownBy(() => own.backward(classes, cross));
      if (error !== undefined) expect(error).toBeInstanceOf(wasmgrad.WasmgradError);
      else expect(own.gradients, title).toEqual(gradients);
      canary.dispose();
      own.dispose();
    },
  );

  test("a matrix disposed between forward and backward, or during a fit, is noticed", async () => {
    const own = await create();
    const [first, second] = [backend.matrix(6, 2, x), backend.matrix(6, 2, x)];
    own.forward(first);
    await thrownBy(() => own.forward([NaN, 1]));
    first.dispose();
    expect(() => own.backward(classes, cross), "backward").toThrow(wasmgrad.WasmgradError);
    const fitting = new Trainer(own).fit(
      { inputs: second, targets: classes },
      { batchSize: 2, onStep: () => second.dispose() },
    );
    await expect(fitting, "fit").rejects.toThrow(wasmgrad.DisposedError);
    own.dispose();
  });

  test("inputGradients are those of no earlier forward, and of no fit that failed", async () => {
    const own = await create();
    const pass = () => {
      own.forward(x);
      own.backward(classes, cross);
      return own.inputGradients.length;
    };
    expect(pass()).toBe(12);
    own.forward([1, 2]);
    expect(() => own.inputGradients, "after forward").toThrow(wasmgrad.ArgumentError);
    const rows = { inputs: new Float64Array(80), targets: new Int32Array(40) };
    const larger = () => {
      own.forward(rows.inputs);
      own.backward(rows.targets, cross);
      throw own.inputGradients;
    };
    const gradients = await thrownBy(() => new Trainer(own).fit(rows, { batchSize: 2, onStep: larger }));
    expect(gradients).toBeInstanceOf(Float64Array);
    const canary = backend.matrix(40, 40, new Float64Array(1600).fill(7)); // where they may have been
    const stale = await thrownBy(() => expect(own.inputGradients.includes(7), "a view of freed memory").toBe(false));
    if (stale !== undefined) expect(stale).toBeInstanceOf(wasmgrad.ArgumentError);
    canary.dispose();
    own.dispose();
  });

  describe("memory", () => {
    test("a failure keeps nothing, on a network without buffers too", async () => {
      const own = await create();
      const trainer = new Trainer(own);
      const actions: (() => unknown)[] = [
        () => trainer.step([1, NaN], [0]),
        () => trainer.step(x, [0]),
        () => trainer.step(x, replaced(classes, 5, 3)),
        () => own.forward([1, NaN]),
        () => own.predict([1, NaN]),
        () => trainer.evaluate({ inputs: [1, NaN], targets: [0] }),
        () => trainer.fit({ inputs: [1, NaN], targets: [0] }),
        () => trainer.fit({ inputs: x, targets: replaced(classes, 5, 3) }),
        () => checkGradients(own, x, [0], cross),
      ];
      for (const action of actions) {
        const { usedBytes } = backend.memory();
        expect(await thrownBy(action), String(action)).toBeInstanceOf(wasmgrad.WasmgradError);
        expect.soft(backend.memory().usedBytes - usedBytes, `bytes kept after ${action}`).toBe(0);
      }
      own.dispose();
    });

    test("a batch for which there is no room leaves room for a smaller one", async () => {
      const limited = await loadBackend({ variant, memory: { maximumBytes: 2 ** 24 } });
      const own = await createNetwork({
        inputs: 100,
        layers: [dense(100, "relu"), dense(2, "softmax")],
        backend: limited,
      });
      const trainer = new Trainer(own);
      const step = (rows: number) => trainer.step(new Float64Array(100 * rows), new Int32Array(rows));
      const before = limited.memory().usedBytes;
      expect(() => step(12_000)).toThrow(wasmgrad.OutOfMemoryError);
      expect.soft(limited.memory().usedBytes).toBe(before);
      expect(step(2_000)).toBeGreaterThan(0);
      limited.dispose();
    });

    test("a network, a clone or slots for which there is no room leave nothing behind", async () => {
      const limited = await loadBackend({ variant, memory: { maximumBytes: 2 ** 24 } });
      const { usedBytes } = limited.memory();
      const size = { inputs: 1000, layers: [dense(500)], backend: limited };
      const own = await createNetwork(size); // 8 of 16 MB
      const before = limited.memory();
      await expect(createNetwork(size)).rejects.toThrow(wasmgrad.OutOfMemoryError);
      expect(() => own.clone()).toThrow(wasmgrad.OutOfMemoryError);
      // what was reserved on the way is kept for later, never given back
      expect(limited.memory()).toEqual({ ...before, reservedBytes: limited.memory().reservedBytes });
      const parameters = own.parameters.slice();
      const trainer = new Trainer(own, { optimizer: adam() });
      expect(() => trainer.step(new Float64Array(1000), new Float64Array(500))).toThrow(wasmgrad.OutOfMemoryError);
      expect(own.parameters).toEqual(parameters);
      own.dispose();
      expect(limited.memory().usedBytes).toBe(usedBytes);
      limited.dispose();
    });
  });
});
