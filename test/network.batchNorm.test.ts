/** What a network does with its batchNorm layers, apart from their numbers: those are in batchNorm.golden.test.ts. */
import { expect, it } from "vitest";
import {
  ArgumentError,
  adam,
  batchNorm,
  checkGradients,
  createNetwork,
  DivergedError,
  dense,
  lbfgs,
  sgd,
  Trainer,
} from "../src/index";
import { layerOf, uniform } from "./support";
import { onEveryVariant } from "./variants";

onEveryVariant("a network with batchNorm", (context) => {
  const layers = [dense(6, "tanh"), batchNorm(), dense(3, "softmax")];
  const create = (seed = 3) => createNetwork({ inputs: 4, layers, seed, backend: context.backend });
  const inputs = uniform(4 * 20, 5);
  const targets = Int32Array.from({ length: 20 }, (_, i) => i % 3);
  const statisticsOf = (network: Awaited<ReturnType<typeof create>>) => {
    const { runningMean, runningVariance } = layerOf(network, 1);
    return [...runningMean, ...runningVariance];
  };

  it("has its parameters, and its statistics apart from them", async () => {
    const network = await create();
    expect(network.parameters.length).toBe(4 * 6 + 6 + 12 + 6 * 3 + 3);
    const layer = layerOf(network, 1);
    expect(layer.weights).toEqual(layer.gamma);
    expect(layer.bias).toEqual(layer.beta);
    layer.gamma[2] = 7;
    expect(network.parameters[4 * 6 + 6 + 2]).toBe(7);
    expect(layerOf(network, 0).runningMean.length).toBe(0);
    expect(network.summary()).toMatch(/batchNorm +n x 6 +12 +192/);
    expect(network.summary()).toMatch(/total +63 +600/);
    network.dispose();
  });

  it("has right gradients, and statistics that checking them does not move", async () => {
    const network = await create();
    network.forward(inputs);
    const before = statisticsOf(network);
    expect(checkGradients(network, inputs, targets, "categoricalCrossEntropy").maxRelativeError).toBeLessThan(1e-6);
    const first = await createNetwork({
      inputs: 4,
      layers: [batchNorm({ epsilon: 0.1 }), dense(2, "sigmoid"), batchNorm()],
      backend: context.backend,
    });
    const numbers = uniform(2 * 20, 6);
    expect(checkGradients(first, inputs, numbers, "sumOfSquares").maxRelativeError).toBeLessThan(1e-6);
    expect(statisticsOf(network)).toEqual(before);
    network.dispose();
    first.dispose();
  });

  it("has statistics in its digest, its clones and copyFrom", async () => {
    const [network, other] = [await create(), await create()];
    const same = await network.digest();
    expect(await other.digest()).toBe(same);
    network.forward(inputs);
    expect(await network.digest()).not.toBe(same);
    const copy = network.clone();
    expect(await copy.digest()).toBe(await network.digest());
    expect([...copy.predict(inputs)]).toEqual([...network.predict(inputs)]);
    const [ours, theirs] = [statisticsOf(other), statisticsOf(network)];
    other.copyFrom(network, { tau: 0.25 });
    expect(statisticsOf(other)).toEqual(ours.map((own, i) => 0.25 * (theirs[i] as number) + 0.75 * own));
    other.copyFrom(network);
    expect(await other.digest()).toBe(await network.digest());
    for (const one of [network, other, copy]) one.dispose();
  });

  it("normalises over the batch where it is frozen too, and moves its statistics alone", async () => {
    const network = await create();
    const trainer = new Trainer(network, { optimizer: sgd() });
    const layer = layerOf(network, 1);
    layer.trainable = false;
    const before = statisticsOf(network);
    trainer.step(inputs, targets);
    expect([...layer.gamma, ...layer.beta]).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect([...layer.weightGradients, ...layer.biasGradients]).toEqual(Array(12).fill(0));
    expect(statisticsOf(network)).not.toEqual(before);
    // what is below it learns through it
    expect(checkGradients(network, inputs, targets, "categoricalCrossEntropy").maxRelativeError).toBeLessThan(1e-6);
    network.dispose();
  });

  it("leaves inputs in linear memory as they are", async () => {
    const network = await createNetwork({ inputs: 4, layers: [batchNorm(), dense(2)], backend: context.backend });
    const matrix = context.backend.matrix(20, 4, inputs);
    network.forward(matrix);
    network.backwardFrom(uniform(40, 8));
    expect(network.inputGradients.length).toBe(80);
    network.predict(matrix);
    expect([...matrix.values]).toEqual([...inputs]);
    network.dispose();
    matrix.dispose();
  });

  it("takes no batch of one sample, and says so before a weight moves", async () => {
    const network = await create();
    const trainer = new Trainer(network, { optimizer: adam() });
    const before = await network.digest();
    const row = inputs.subarray(0, 4);
    const sentence = /: a batch of 1 sample was given, but layers\[1\] \(batchNorm\) .* at least 2 were expected$/;
    expect(() => network.forward(row)).toThrow(sentence);
    expect(() => trainer.step(row, [1])).toThrow(sentence);
    const memory = context.backend.memory();
    await expect(trainer.fit({ inputs, targets }, { batchSize: 19 })).rejects.toThrow(ArgumentError);
    await expect(trainer.fit({ inputs, targets }, { batchSize: 19 })).rejects.toThrow(
      "fit: batchSize: 19 of 20 samples makes a batch of 1",
    );
    await expect(trainer.fit({ inputs, targets }, { batchSize: 1 })).rejects.toThrow(ArgumentError);
    await expect(trainer.fit({ inputs: row, targets: [1] })).rejects.toThrow(ArgumentError);
    expect(context.backend.memory()).toEqual(memory);
    expect(await network.digest()).toBe(before);
    expect(network.predict(row).length).toBe(3);
    expect(Number.isFinite(trainer.evaluate({ inputs: row, targets: [1] }).loss)).toBe(true);
    network.dispose();
  });

  it("has the statistics of before a step that came to nothing", async () => {
    const network = await create();
    const nothing = { name: "nothing", value: () => NaN, gradient: () => {} };
    const trainer = new Trainer(network, { loss: nothing });
    const before = await network.digest();
    expect(() => trainer.step(inputs, targets)).toThrow(DivergedError);
    expect(await network.digest()).toBe(before);
    network.dispose();
  });

  it("takes each lbfgs iteration in once", async () => {
    const network = await create();
    const [byHand] = [network.clone()];
    await new Trainer(network, { optimizer: lbfgs() }).fit({ inputs, targets }, { epochs: 1 });
    // the batch as it is at the parameters that the iteration came to
    byHand.parameters.set(network.parameters);
    byHand.forward(inputs);
    expect(statisticsOf(network)).toEqual(statisticsOf(byHand));
    network.dispose();
    byHand.dispose();
  });

  it.each([
    [{ momentum: -0.1 }, /momentum: -0.1 was given, a number from 0 to 1/],
    [{ momentum: 1.5 }, /momentum: 1.5/],
    [{ epsilon: 0 }, /epsilon: 0 was given, a number above 0/],
    [{ epsilon: NaN }, /epsilon: NaN/],
    [{ eps: 1 }, /"eps" was given, one of epsilon, /],
  ])("refuses %o", (options, message) => {
    expect(() => batchNorm(options as never)).toThrow(message);
    expect(() => batchNorm(options as never)).toThrow(ArgumentError);
  });
});
