import { expect, it } from "vitest";
import {
  ArgumentError,
  adagrad,
  adam,
  adamW,
  type Backend,
  createNetwork,
  dense,
  type Network,
  type Optimizer,
  rmsProp,
  sgd,
  Trainer,
} from "../src/index";
import { clipGradients } from "../src/optimizers";
import { type GoldenOptimizer, readGolden } from "./golden/golden";
import { collectGaps, gap, largestGap, TOLERANCE } from "./support";
import { onEveryVariant } from "./variants";

const { optimizers, trails } = readGolden();
const byName = { sgd, adam, adamW, rmsProp, adagrad };

async function create({ features, layers, parameters }: GoldenOptimizer, backend: Backend): Promise<Network> {
  const descriptions = layers.map(({ units, activation, l1, l2 }) => dense(units, { activation, l1, l2 }));
  const network = await createNetwork({ inputs: features, layers: descriptions, backend });
  network.parameters.set(parameters);
  return network;
}

/** The batches of a golden case, one a step. */
function batchesOf({ batchSizes, features, inputs, targets, layers }: GoldenOptimizer) {
  const units = layers[layers.length - 1]?.units ?? 0;
  let row = 0;
  return batchSizes.map((size) => {
    const [from, to] = [row, row + size];
    row = to;
    return {
      inputs: inputs.subarray(from * features, to * features),
      targets: targets.subarray(from * units, to * units),
    };
  });
}

it("have PyTorch's defaults", () => {
  // torch.optim; its SGD asks for a rate, mathematics.md says 0.01
  expect(sgd().config).toEqual({ learningRate: 0.01, momentum: 0, nesterov: false, weightDecay: 0 });
  expect(adam().config).toEqual({ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  expect(adamW().config).toEqual({ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 });
  expect(rmsProp().config).toEqual({ learningRate: 0.01, rho: 0.99, epsilon: 1e-8 });
  expect(adagrad().config).toEqual({ learningRate: 0.01, epsilon: 1e-10 });
  for (const [name, optimizer] of Object.entries(byName)) {
    expect(optimizer().name).toBe(name);
    expect(optimizer({ learningRate: 0.5 }).learningRate).toBe(0.5);
    expect(optimizer({ learningRate: undefined }).config).toEqual(optimizer().config);
  }
});

it("refuse settings that have no meaning", () => {
  const wrong: (() => Optimizer)[] = [
    () => sgd({ nesterov: true }),
    () => sgd({ momentum: 1 }),
    () => sgd({ momentum: -0.1 }),
    () => sgd({ learningRate: -1 }),
    () => sgd({ learningRate: NaN }),
    () => adam({ beta1: 1 }),
    () => adam({ beta2: Infinity }),
    () => adam({ epsilon: 0 }),
    () => adamW({ weightDecay: -1 }),
    () => rmsProp({ rho: 1 }),
    () => adagrad({ epsilon: -1e-10 }),
    () => Reflect.apply(adam, undefined, [{ lr: 0.1 }]),
    () => Reflect.apply(sgd, undefined, [{ nesterov: 1 }]),
    () => Reflect.apply(sgd, undefined, [0.1]),
  ];
  for (const make of wrong) expect(make).toThrow(ArgumentError);
});

onEveryVariant("optimizers", (context) => {
  it("follow PyTorch's for 20 steps", async () => {
    const far: string[] = [];
    const figures: string[] = [];
    for (const golden of optimizers) {
      const network = await create(golden, context.backend);
      const trainer = new Trainer(network, { loss: golden.loss, optimizer: byName[golden.optimizer](golden.options) });
      const count = network.parameters.length;
      const worst = { cost: 0, gradients: 0, parameters: 0 };
      batchesOf(golden).forEach(({ inputs, targets }, step) => {
        const cost = gap(trainer.step(inputs, targets), golden.costs[step] as number);
        const [from, to] = [step * count, (step + 1) * count];
        const gradients = largestGap(network.gradients, golden.gradients.subarray(from, to));
        const parameters = largestGap(network.parameters, golden.trajectory.subarray(from, to));
        collectGaps({ cost, gradients, parameters }, worst, far, `${golden.name}, step ${step + 1}`);
      });
      figures.push(`  ${golden.name}: ${Object.values(worst).map((w) => w.toExponential(1))}`);
      network.dispose();
    }
    console.log(
      `${optimizers.length} golden optimizers on ${context.backend.variant}, worst gap of cost, gradients, parameters:\n${figures.join("\n")}`,
    );
    expect(far).toEqual([]);
  });

  it("follow PyTorch's for 1,000 steps on recorded gradients, clipped ones too", () => {
    const { engine } = context.backend;
    const far: string[] = [];
    const figures: string[] = [];
    for (const { name, optimizer: kind, options, clipNorm, steps, parameters, gradients, trajectory } of trails) {
      const optimizer = byName[kind](options);
      const length = parameters.length;
      const lengths = Array(2 + optimizer.slotCount).fill(length);
      const [p = 0, g = 0, ...slots] = engine.scope.allocateAll("test", lengths);
      const [P, G] = [engine.view(p, length), engine.view(g, length)];
      P.set(parameters);
      // two runs of parameters, as where a layer between them is frozen
      const segments = [0, 6].map((at) => ({
        step: 0,
        length: at === 0 ? 6 : length - 6,
        parameters: p + 8 * at,
        gradients: g + 8 * at,
        slots: slots.map((slot) => slot + 8 * at),
      }));
      let step = 0;
      const { kernels, results } = engine;
      const objective = {
        kernels,
        results,
        segments,
        learningRate: optimizer.learningRate,
        costAndGradients() {
          G.set(gradients.subarray(step * length, (step + 1) * length));
          if (clipNorm !== undefined) clipGradients(objective, clipNorm);
          return 0;
        },
        look: () => 0,
      };
      let worst = 0;
      for (; step < 1000; step++) {
        for (const segment of segments) segment.step++;
        optimizer.advance(objective);
        const kept = steps.indexOf(step + 1);
        if (kept < 0) continue;
        const distance = largestGap(P, trajectory.subarray(kept * length, (kept + 1) * length));
        worst = Math.max(worst, distance);
        if (!(distance <= TOLERANCE)) far.push(`${name}, step ${step + 1}: ${distance}`);
      }
      figures.push(`  ${name}: ${worst.toExponential(1)}`);
      for (const block of [p, g, ...slots]) engine.scope.free(block);
    }
    console.log(`1,000 steps on ${context.backend.variant}, worst gap of the parameters:\n${figures.join("\n")}`);
    expect(far).toEqual([]);
  });

  it("are descriptions: two trainers that share one disturb nobody", async () => {
    const golden = optimizers.find(({ name }) => name === "adam") as GoldenOptimizer;
    const shared = adam();
    const [alone, first, second] = await Promise.all([0, 1, 2].map(() => create(golden, context.backend)));
    if (!alone || !first || !second) throw new Error("three networks were expected");
    const trainers = [new Trainer(first, { optimizer: shared }), new Trainer(second, { optimizer: shared })];
    const reference = new Trainer(alone, { optimizer: adam() });
    for (const { inputs, targets } of batchesOf(golden)) {
      reference.step(inputs, targets);
      for (const trainer of trainers) trainer.step(inputs, targets);
    }
    expect(first.parameters).toEqual(alone.parameters);
    expect(second.parameters).toEqual(alone.parameters);
    for (const network of [alone, first, second]) network.dispose();
  });

  const kinds: [string, () => Optimizer][] = [
    ["sgd", () => sgd({ learningRate: 0.1, weightDecay: 0.1 })],
    ["sgd with momentum", () => sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.1 })],
    ["adam", () => adam({ learningRate: 0.1, weightDecay: 0.1 })],
    ["adamW", () => adamW({ learningRate: 0.1 })],
    ["rmsProp", () => rmsProp()],
    ["adagrad", () => adagrad()],
  ];
  const [golden] = optimizers as [GoldenOptimizer];
  const batches = batchesOf(golden);

  it.each(kinds)("%s leaves frozen layers alone, and moves the others as before", async (_, optimizer) => {
    for (const frozen of [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]) {
      const free = await create(golden, context.backend);
      const network = await create(golden, context.backend);
      for (const l of frozen) (network.layers[l] as { trainable: boolean }).trainable = false;
      const [before] = [network.layers.map(({ weights, bias }) => [weights.slice(), bias.slice()])];
      const freely = new Trainer(free, { optimizer: optimizer() });
      const trainer = new Trainer(network, { optimizer: optimizer() });
      const [batch] = batches as [(typeof batches)[0]];
      // one step from the same place: the gradients of all that is not frozen are what they were
      expect(trainer.step(batch.inputs, batch.targets)).toBe(freely.step(batch.inputs, batch.targets));
      network.layers.forEach((layer, l) => {
        if (frozen.includes(l)) {
          expect([layer.weights, layer.bias]).toEqual(before[l]);
          expect([...layer.weightGradients, ...layer.biasGradients].every((g) => g === 0)).toBe(true);
        } else {
          expect(layer.weights).toEqual(free.layers[l]?.weights);
          expect(layer.bias).toEqual(free.layers[l]?.bias);
          expect(layer.weightGradients).toEqual(free.layers[l]?.weightGradients);
          expect(layer.weights).not.toEqual(before[l]?.[0]);
        }
      });
      for (const { inputs, targets } of batches) trainer.step(inputs, targets);
      for (const l of frozen) {
        const layer = network.layers[l];
        expect([layer?.weights, layer?.bias]).toEqual(before[l]);
        expect(layer?.weightGradients.every((g) => g === 0)).toBe(true);
      }
      free.dispose();
      network.dispose();
    }
  });

  it("a layer can be given frozen, and freezing empties the gradients that were there", async () => {
    const layers = [dense(4, { activation: "tanh", trainable: false }), dense(3, "softmax")];
    const network = await createNetwork({ inputs: 3, layers, backend: context.backend });
    const [first, last] = network.layers;
    if (!first || !last) throw new Error("two layers were expected");
    const kept = first.weights.slice();
    const trainer = new Trainer(network);
    for (const { inputs, targets } of batches) trainer.step(inputs, targets);
    expect(first.weights).toEqual(kept);
    expect(last.weightGradients.some((g) => g !== 0)).toBe(true);
    last.trainable = false;
    expect([...last.weightGradients, ...last.biasGradients].every((g) => g === 0)).toBe(true);
    expect(() => Reflect.set(last, "trainable", 1)).toThrow(ArgumentError);
    network.dispose();
  });

  it("keep a frozen layer's slots: momentum goes on from where it was", async () => {
    const [rate, momentum] = [0.1, 0.9];
    const network = await create(golden, context.backend);
    const trainer = new Trainer(network, { optimizer: sgd({ learningRate: rate, momentum }) });
    const [layer] = network.layers;
    if (!layer) throw new Error("a layer was expected");
    const velocity = new Float64Array(layer.weights.length);
    batches.forEach(({ inputs, targets }, step) => {
      layer.trainable = step < 4 || step >= 9;
      const before = layer.weights.slice();
      trainer.step(inputs, targets);
      if (layer.trainable) {
        velocity.forEach((v, i) => {
          velocity[i] = momentum * v + (layer.weightGradients[i] as number);
        });
      }
      const expected = before.map((w, i) => (layer.trainable ? w - rate * (velocity[i] as number) : w));
      expect(largestGap(layer.weights, expected)).toBeLessThanOrEqual(1e-15);
    });
    network.dispose();
  });

  it("momentum of a layer that was frozen from the start begins as its first gradient", async () => {
    const network = await create(golden, context.backend);
    const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) });
    const [layer] = network.layers;
    if (!layer) throw new Error("a layer was expected");
    batches.slice(0, 11).forEach(({ inputs, targets }, step) => {
      layer.trainable = step === 10;
      const before = layer.weights.slice();
      trainer.step(inputs, targets);
      const expected = before.map((w, i) => w - 0.1 * (layer.weightGradients[i] as number));
      expect(largestGap(layer.weights, expected)).toBeLessThanOrEqual(1e-15);
    });
    network.dispose();
  });

  // torch.optim counts the steps of each parameter, and skips those that have no gradient
  it.each([
    ["adam", () => adam({ learningRate: 0.01 }), 1],
    ["adamW", () => adamW({ learningRate: 0.01, weightDecay: 0.5 }), 1 - 0.01 * 0.5],
  ] as const)(
    "%s corrects the bias of a layer by the steps it has made, as PyTorch does",
    async (_, optimizer, shrink) => {
      const network = await create(golden, context.backend);
      const frozen = await create(golden, context.backend);
      const trainers = [network, frozen].map((each) => new Trainer(each, { optimizer: optimizer() }));
      const layer = network.layers[0];
      const same = frozen.layers[0];
      if (!layer || !same) throw new Error("a layer was expected");
      same.trainable = false;
      batches.slice(0, 11).forEach(({ inputs, targets }, step) => {
        layer.trainable = step === 10;
        const before = layer.weights.slice();
        for (const trainer of trainers) trainer.step(inputs, targets);
        // its first step: mean / (1 - beta1) is g, square / (1 - beta2) is g^2
        const expected = before.map((w, i) => {
          const g = layer.weightGradients[i] as number;
          return layer.trainable ? shrink * w - 0.01 * (g / (Math.abs(g) + 1e-8)) : w;
        });
        expect(largestGap(layer.weights, expected)).toBeLessThanOrEqual(TOLERANCE);
        // the others count on as they did
        for (const l of [1, 2]) expect(network.layers[l]?.weights).toEqual(frozen.layers[l]?.weights);
      });
      network.dispose();
      frozen.dispose();
    },
  );
});
