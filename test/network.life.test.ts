/** The life of networks: what dispose gives back and ends, and many of them on one backend. */
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { adam, checkGradients, DisposedError, dense, dropout, loadBackend, sgd, Trainer } from "../src/index";
import { create, FEATURES, LAYERS, LOSS, layerOf, oneHot, uniform } from "./support";
import { onEveryVariant } from "./variants";

onEveryVariant("dispose", (context) => {
  it("gives all memory back, that of trainers too, and counts the network out", async () => {
    const { backend } = context;
    const before = backend.memory();
    const network = await create(backend);
    expect(backend.memory().networks).toBe(before.networks + 1);
    const data = { inputs: uniform(300 * FEATURES), targets: oneHot(300, 3) };
    for (const optimizer of [adam(), sgd({ momentum: 0.9 })]) {
      const trainer = new Trainer(network, { optimizer });
      trainer.step(data.inputs, data.targets);
      await trainer.fit(data, { epochs: 2, validationSplit: 0.1 });
      trainer.evaluate(data);
    }
    network.predict(data.inputs);
    network.forward(data.inputs);
    network.backward(data.targets, LOSS);
    network.inputGradients.slice();
    const clone = network.clone();
    expect(backend.memory().networks).toBe(before.networks + 2);
    clone.dispose();
    expect(backend.memory().usedBytes).toBeGreaterThan(before.usedBytes);
    network.dispose();
    const after = backend.memory();
    expect({ ...after, reservedBytes: 0 }).toEqual({ ...before, reservedBytes: 0 });
    network.dispose();
    expect(backend.memory()).toEqual(after);
  });

  it("takes no more memory, however often networks come and go, and steps are made", async () => {
    const { backend } = context;
    let reserved = 0;
    for (let round = 0; round < 20; round++) {
      const network = await create(backend);
      const trainer = new Trainer(network, { optimizer: adam() });
      for (const rows of [3, 50, 7]) trainer.step(uniform(rows * FEATURES), oneHot(rows, 3));
      const used = backend.memory().usedBytes;
      for (const rows of [3, 50, 7]) {
        trainer.step(uniform(rows * FEATURES), oneHot(rows, 3));
        trainer.evaluate({ inputs: uniform(rows * FEATURES), targets: oneHot(rows, 3) });
        if (rows === 3) network.predict(uniform(50 * FEATURES));
      }
      const grown = backend.memory().usedBytes;
      for (let i = 0; i < 3; i++) {
        trainer.step(uniform(50 * FEATURES), oneHot(50, 3));
        trainer.evaluate({ inputs: uniform(50 * FEATURES), targets: oneHot(50, 3) });
      }
      expect(grown).toBeGreaterThanOrEqual(used);
      expect(backend.memory().usedBytes).toBe(grown);
      network.dispose();
      if (round === 0) reserved = backend.memory().reservedBytes;
    }
    expect(backend.memory().reservedBytes).toBe(reserved);
  });

  it("leaves nothing that works: every method throws a DisposedError", async () => {
    const { backend } = context;
    const [network, other] = [await create(backend), await create(backend)];
    const layer = layerOf(network, 0);
    const trainer = new Trainer(network);
    const inputs = uniform(FEATURES);
    const targets = [1];
    network.forward(inputs);
    network.backward(targets, LOSS);
    network.dispose();
    const uses: [string, () => unknown][] = [
      ["parameters", () => network.parameters],
      ["gradients", () => network.gradients],
      ["inputGradients", () => network.inputGradients],
      ["predict", () => network.predict(inputs)],
      ["forward", () => network.forward(inputs)],
      ["backward", () => network.backward(targets, LOSS)],
      ["backwardFrom", () => network.backwardFrom([1, 0, 0])],
      ["summary", () => network.summary()],
      ["clone", () => network.clone()],
      ["copyFrom", () => network.copyFrom(other)],
      ["copyFrom of another", () => other.copyFrom(network)],
      ["weights", () => layer.weights],
      ["bias", () => layer.bias],
      ["weightGradients", () => layer.weightGradients],
      ["biasGradients", () => layer.biasGradients],
      ["trainable", () => Reflect.set(layer, "trainable", false)],
      ["Trainer", () => new Trainer(network)],
      ["step", () => trainer.step(inputs, targets)],
      ["evaluate", () => trainer.evaluate({ inputs, targets })],
      ["checkGradients", () => checkGradients(network, inputs, targets, LOSS)],
    ];
    for (const [name, use] of uses) expect(use, name).toThrow(DisposedError);
    await expect(network.digest()).rejects.toThrow(DisposedError);
    await expect(trainer.fit({ inputs, targets })).rejects.toThrow(DisposedError);
    // the backend still works
    other.predict(inputs);
    other.dispose();
  });

  it("is what a backend's dispose does to its networks", async () => {
    const backend = await loadBackend({ variant: context.backend.variant });
    const network = await create(backend);
    backend.dispose();
    backend.dispose();
    expect(() => network.predict(uniform(FEATURES))).toThrow(DisposedError);
    expect(() => network.parameters).toThrow(DisposedError);
    await expect(create(backend)).rejects.toThrow(DisposedError);
    network.dispose();
  });

  it("is what `using` calls", async () => {
    const network = await create(context.backend);
    const symbol = Symbol.dispose ?? Symbol.for("Symbol.dispose");
    Reflect.get(network, symbol).call(network);
    expect(() => network.parameters).toThrow(DisposedError);
  });
});

onEveryVariant("networks on one backend", (context) => {
  it("interleaved give the bits that each gives alone", async () => {
    const kinds = [
      { layers: LAYERS, seed: 3, optimizer: () => adam(), rows: 11, loss: LOSS },
      {
        layers: [dense(9, { activation: "tanh", l2: 0.1 }), dropout(0.5), dense(3)],
        seed: 4,
        optimizer: () => sgd({ momentum: 0.5 }),
        rows: 17,
        loss: "meanSquaredError",
      },
    ] as const;
    const begin = async (kind: (typeof kinds)[number]) => {
      const network = await create(context.backend, [...kind.layers], kind.seed);
      const trainer = new Trainer(network, { optimizer: kind.optimizer(), loss: kind.loss });
      const [inputs, targets] = [uniform(kind.rows * FEATURES, kind.seed), oneHot(kind.rows, 3)];
      return { network, trainer, inputs, targets };
    };
    const parts = [
      ({ trainer, inputs, targets }: Awaited<ReturnType<typeof begin>>) => trainer.step(inputs, targets),
      ({ network, inputs }: Awaited<ReturnType<typeof begin>>) => network.predict(inputs),
      ({ network, inputs }: Awaited<ReturnType<typeof begin>>) => network.forward(inputs).slice(),
      ({ network, targets }: Awaited<ReturnType<typeof begin>>) => network.backward(targets, "huber"),
      ({ network }: Awaited<ReturnType<typeof begin>>) => network.inputGradients.slice(),
      ({ trainer, inputs, targets }: Awaited<ReturnType<typeof begin>>) => trainer.evaluate({ inputs, targets }),
    ];
    const alone: unknown[][] = [];
    for (const kind of kinds) {
      const one = await begin(kind);
      const results: unknown[] = [];
      for (let round = 0; round < 3; round++) for (const part of parts) results.push(part(one));
      alone.push([...results, await one.network.digest()]);
      one.network.dispose();
    }
    const both = await Promise.all(kinds.map(begin));
    const results: unknown[][] = [[], []];
    for (let round = 0; round < 3; round++) {
      for (const part of parts) for (const [n, one] of both.entries()) results[n]?.push(part(one));
    }
    for (const [n, { network }] of both.entries()) results[n]?.push(await network.digest());
    expect(results).toEqual(alone);
    for (const { network } of both) network.dispose();
  });

  it("can be fitted at the same time", async () => {
    const fitOne = async (seed: number) => {
      const network = await create(context.backend, LAYERS, seed);
      const trainer = new Trainer(network, { optimizer: adam() });
      const data = { inputs: uniform(100 * FEATURES, seed), targets: oneHot(100, 3) };
      const pause = () => setImmediate();
      const history = await trainer.fit(data, { epochs: 2, batchSize: 16, validationSplit: 0.2, onStep: pause });
      const result = [history, await network.digest()];
      network.dispose();
      return result;
    };
    const alone = [await fitOne(1), await fitOne(2)];
    expect(await Promise.all([fitOne(1), fitOne(2)])).toEqual(alone);
  });
});
