/** What Trainer.fit and Trainer.evaluate measure: loss, accuracy, sample weights, and the lists of a history. */
import { expect, it } from "vitest";
import {
  type ActivationName,
  createNetwork,
  dense,
  dropout,
  type Network,
  type StepInfo,
  sgd,
  Trainer,
} from "../src/index";
import { CLASSES, classified, classifier, FEATURES, gap, largestGap, uniform } from "./support";
import { onEveryVariant } from "./variants";

/** Sums of a few hundred float64 in another order, relative to numbers of about 1. */
const ROUNDING = 1e-13;

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
    const right = rows.map(({ y }, i) => (y.indexOf(Math.max(...y)) === targets[i] ? (sampleWeights[i] as number) : 0));
    expect(gap(accuracy as number, mean(right) / mean([...sampleWeights]))).toBeLessThanOrEqual(ROUNDING);
    expect(history.epochs).toBe(2);
    network.dispose();
    byHand.dispose();
  });

  it("gives the same bits for weights of 1 as for none, and learns nothing from samples of weight 0", async () => {
    const [plain, ones, zeros] = await Promise.all([7, 7, 7].map((seed) => classifier(context.backend, seed)));
    if (!plain || !ones || !zeros) throw new Error("three networks were expected");
    const data = classified(40);
    const options = { epochs: 2, batchSize: 16 };
    const history = await new Trainer(plain).fit(data, options);
    const weighted = (weight: number) => ({ ...data, sampleWeights: Array(40).fill(weight) });
    expect(await new Trainer(ones).fit(weighted(1), options)).toEqual(history);
    expect(await ones.digest()).toBe(await plain.digest());
    // the first batch of 16 has weights, whatever the others say
    const wrong = { ...data, sampleWeights: Array.from(data.targets, (_, i) => (i < 16 ? 1 : 0)) };
    const noise = { ...wrong, targets: data.targets.map((target, i) => (i < 16 ? target : (target + 1) % CLASSES)) };
    const [right, other] = [zeros, zeros.clone()];
    await new Trainer(right).fit(wrong, options);
    await new Trainer(other).fit(noise, options);
    expect(await right.digest()).toBe(await other.digest());
    other.dispose();
    await expect(new Trainer(zeros).fit(weighted(0), options)).rejects.toThrow(
      "fit: sampleWeights: the weights of all 40 samples are 0, a sum above 0 was expected",
    );
    for (const network of [plain, ones, zeros]) network.dispose();
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

  it("sums a million losses with the error of one, in evaluate and in fit", async () => {
    const samples = 1_000_000;
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    // y = x; losses n^2 2^-41 of every size, whose sum whole numbers know exactly
    network.parameters.set([1, 0]);
    const inputs = new Float64Array(samples);
    let exact = 0n;
    for (let i = 0; i < samples; i++) {
      const n = (Math.imul(i, 2654435761) >>> 6) >>> (i % 27);
      inputs[i] = n * 2 ** -20;
      exact += BigInt(n) ** 2n;
    }
    const mean = (Number(exact) * 2 ** -41) / samples;
    const data = { inputs, targets: new Float64Array(samples) };
    const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 0 }) });
    const { loss } = trainer.evaluate(data);
    expect(Math.abs(loss - mean) / mean).toBeLessThan(2 ** -51);
    // a batch's cost is rounded once more
    const history = await trainer.fit(data, { batchSize: 100 });
    expect(Math.abs((history.loss[0] as number) - mean) / mean).toBeLessThan(2 ** -50);
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
