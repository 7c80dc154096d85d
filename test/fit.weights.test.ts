/** classWeights and sampleWeights of Trainer.fit: each step is that of backward with the weights made by hand. */
import { describe, expect, it } from "vitest";
import {
  type CustomLoss,
  type CustomMetric,
  createNetwork,
  type Data,
  dense,
  type FitOptions,
  type LayerDescription,
  type LossLike,
  type Network,
  sgd,
  type Targets,
  Trainer,
} from "../src/index";
import {
  CLASSES,
  classified,
  type ErrorRow,
  expectError,
  FEATURES,
  LOSS,
  largestGap,
  oneHotOf,
  squares,
  thrownBy,
  uniform,
} from "./support";
import { onEveryVariant } from "./variants";

const SAMPLES = 17;
const BATCH = 6;
const RATE = 0.5;
/** The same sums in another order, a few steps of them. */
const ROUNDING = 1e-13;

/** Of three classes 9, 6 and 2 samples. */
const CLASSES_OF = [0, 1, 0, 0, 1, 2, 0, 1, 0, 0, 1, 0, 1, 0, 2, 1, 0];
const INPUTS = uniform(SAMPLES * FEATURES, 5);
const INDICES = Int32Array.from(CLASSES_OF);
const OWN = uniform(SAMPLES, 6).map((weight) => weight + 1);

/** n / (classes there are x samples of that class): scikit-learn's compute_class_weight. */
function balancedOf(classes: readonly number[]): number[] {
  const there = new Set(classes).size;
  return [0, 1, 2].map((c) => {
    const count = classes.filter((one) => one === c).length;
    return count === 0 ? 0 : classes.length / (there * count);
  });
}

onEveryVariant("classWeights", (context) => {
  const softmax: LayerDescription[] = [dense(5, "tanh"), dense(CLASSES, "softmax")];
  const create = (layers = softmax): Promise<Network> =>
    createNetwork({ inputs: FEATURES, layers, seed: 2, backend: context.backend });

  /** Costs of two epochs without shuffling and the parameters afterwards: by fit, and by hand with one weight a sample. */
  async function both(
    data: Data,
    options: FitOptions,
    weights: readonly number[],
    layers = softmax,
    loss: LossLike = LOSS,
    samples = SAMPLES,
  ) {
    const [network, byHand] = [await create(layers), await create(layers)];
    const costs: number[] = [];
    const trainer = new Trainer(network, { loss, optimizer: sgd({ learningRate: RATE }) });
    const onStep = ({ cost }: { cost: number }) => costs.push(cost);
    const history = await trainer.fit(data, { epochs: 2, batchSize: BATCH, shuffle: false, ...options, onStep });
    const expected: number[] = [];
    const means: number[] = [];
    const targets = data.targets as Int32Array;
    const width = targets.length / SAMPLES;
    for (let epoch = 0; epoch < 2; epoch++) {
      let sum = 0;
      for (let from = 0; from < samples; from += BATCH) {
        const to = Math.min(samples, from + BATCH);
        byHand.forward(INPUTS.subarray(from * FEATURES, to * FEATURES));
        const cost = byHand.backward(targets.slice(from * width, to * width), loss, {
          sampleWeights: weights.slice(from, to),
        });
        expected.push(cost);
        sum += cost * (to - from);
        byHand.gradients.forEach((gradient, i) => {
          byHand.parameters[i] = (byHand.parameters[i] as number) - RATE * gradient;
        });
      }
      means.push(sum / samples);
    }
    expect(largestGap(costs, expected)).toBeLessThanOrEqual(ROUNDING);
    expect(largestGap(network.parameters, byHand.parameters)).toBeLessThanOrEqual(ROUNDING);
    expect(largestGap(history.loss, means)).toBeLessThanOrEqual(ROUNDING);
    for (const each of [network, byHand]) each.dispose();
    return history;
  }

  const weightsOf = (classWeights: readonly number[], classes = CLASSES_OF) =>
    classes.map((one) => classWeights[one] as number);

  it("weigh each sample by its class, in an array: class indices and one-hot rows", async () => {
    const classWeights = [0.5, 2, 3.25];
    for (const targets of [INDICES, oneHotOf(INDICES)]) {
      await both({ inputs: INPUTS, targets }, { classWeights }, weightsOf(classWeights));
    }
  });

  it("may be 0 for a class, which is not learnt then", async () => {
    await both({ inputs: INPUTS, targets: INDICES }, { classWeights: [0, 1, 2] }, weightsOf([0, 1, 2]));
  });

  it("balance the classes", async () => {
    const balanced = balancedOf(CLASSES_OF);
    expect(largestGap(balanced, [17 / 27, 17 / 18, 17 / 6])).toBeLessThan(1e-15);
    for (const targets of [INDICES, Uint8Array.from(INDICES), oneHotOf(INDICES)]) {
      await both({ inputs: INPUTS, targets }, { classWeights: "balanced" }, weightsOf(balanced));
    }
  });

  it("are multiplied with the weights of the samples; balance counts samples, not their weights", async () => {
    const data = { inputs: INPUTS, targets: INDICES, sampleWeights: OWN };
    const times = (weights: number[]) => weights.map((weight, i) => weight * (OWN[i] as number));
    await both(data, { classWeights: [0.5, 2, 3.25] }, times(weightsOf([0.5, 2, 3.25])));
    await both(data, { classWeights: "balanced" }, times(weightsOf(balancedOf(CLASSES_OF))));
    await both(data, {}, [...OWN]);
  });

  it("balance the classes that there are: one that is absent weighs nothing", async () => {
    const classes = CLASSES_OF.map((one) => (one === 1 ? 2 : one));
    const [no, absent, yes] = balancedOf(classes);
    expect(largestGap([no ?? NaN, absent ?? NaN, yes ?? NaN], [17 / 18, 0, 17 / 16])).toBeLessThan(1e-15);
    const targets = Int32Array.from(classes);
    await both({ inputs: INPUTS, targets }, { classWeights: "balanced" }, weightsOf(balancedOf(classes), classes));
    const one = new Int32Array(SAMPLES).fill(2);
    await both({ inputs: INPUTS, targets: one }, { classWeights: "balanced" }, Array(SAMPLES).fill(1));
  });

  it("balance the rows that are trained on, not those held back", async () => {
    const kept = 11;
    const weights = weightsOf(balancedOf(CLASSES_OF.slice(0, kept)));
    const options = { classWeights: "balanced", validationSplit: 6 / 17 } as const;
    await both({ inputs: INPUTS, targets: INDICES }, options, weights, softmax, LOSS, kept);
    expect(weights).not.toEqual(weightsOf(balancedOf(CLASSES_OF)));
  });

  it("are of no and of yes for a single sigmoid, whatever the loss, and a target from 0.5 on is a yes", async () => {
    const layers = [dense(4, "tanh"), dense(1, "sigmoid")];
    const targets = Float64Array.from(CLASSES_OF, (one) => [0, 1, 0.5][one] as number);
    const yes = CLASSES_OF.map((one) => (one > 0 ? 1 : 0));
    const data = { inputs: INPUTS, targets };
    const weighing = (no: number, of: number) => yes.map((one) => (one ? of : no));
    for (const loss of ["binaryCrossEntropy", "meanSquaredError"] as const) {
      await both(data, { classWeights: [0.25, 4] }, weighing(0.25, 4), layers, loss);
      await both(data, { classWeights: "balanced" }, weighing(17 / 18, 17 / 16), layers, loss);
    }
    const linear = [dense(1)];
    const bits = Float64Array.from(yes);
    // a plain cross-entropy of outputs that are probabilities by themselves
    const network = await create(linear);
    network.parameters.fill(0);
    network.parameters[FEATURES] = 0.25;
    const trainer = new Trainer(network, { loss: "binaryCrossEntropy", optimizer: sgd({ learningRate: 0 }) });
    const history = await trainer.fit({ inputs: INPUTS, targets: bits }, { classWeights: [1, 3] });
    const expected = (9 * -Math.log(0.75) + 3 * 8 * -Math.log(0.25)) / 17;
    expect(largestGap(history.loss, [expected])).toBeLessThanOrEqual(ROUNDING);
    network.dispose();
  });

  it("go with samples that are shuffled", async () => {
    const [weighted, byHand] = [await create(), await create()];
    const options = { epochs: 3, batchSize: BATCH, seed: 11 };
    const data = { inputs: INPUTS, targets: INDICES };
    const one = await new Trainer(weighted).fit(data, { ...options, classWeights: [1, 2, 4] });
    const two = await new Trainer(byHand).fit({ ...data, sampleWeights: weightsOf([1, 2, 4]) }, options);
    expect(weighted.parameters).toEqual(byHand.parameters);
    expect(one.loss).toEqual(two.loss);
    for (const each of [weighted, byHand]) each.dispose();
  });

  it("are seen by a loss of one's own as weights of samples", async () => {
    for (const own of [undefined, OWN]) {
      const network = await create([dense(CLASSES)]);
      const seen: number[] = [];
      const loss: CustomLoss = {
        name: "looking",
        value: ({ sampleWeights }) => {
          seen.push(...(sampleWeights ?? []));
          return 0;
        },
        gradient: () => {},
      };
      const trainer = new Trainer(network, { loss, metrics: [] });
      const data = { inputs: INPUTS, targets: INDICES, sampleWeights: own };
      await trainer.fit(data, { shuffle: false, batchSize: BATCH, classWeights: [1, 2, 4] });
      expect(seen).toEqual(weightsOf([1, 2, 4]).map((weight, i) => weight * (own?.[i] ?? 1)));
      network.dispose();
    }
  });

  it("are not seen by metrics, nor by validation", async () => {
    const rate0 = sgd({ learningRate: 0 });
    for (const sampleWeights of [undefined, OWN]) {
      const network = await create();
      const seen: (number[] | undefined)[] = [];
      const mine: CustomMetric = {
        name: "mine",
        compute: (_o, _t, rows) => {
          seen.push(rows.sampleWeights && [...rows.sampleWeights]);
          return 0;
        },
      };
      const metrics = ["accuracy", "f1", mine] as const;
      const trainer = new Trainer(network, { metrics, optimizer: rate0 });
      const data = { inputs: INPUTS, targets: INDICES, sampleWeights };
      const options = { shuffle: false, batchSize: BATCH, validation: data };
      const plain = await trainer.fit(data, options);
      const weighted = await trainer.fit(data, { ...options, classWeights: [0, 0, 9] });
      for (const name of ["accuracy", "f1", "validationAccuracy", "validationF1", "validationLoss"]) {
        expect([name, weighted[name]]).toEqual([name, plain[name]]);
      }
      expect(weighted.loss).not.toEqual(plain.loss);
      expect(seen).toEqual(Array(4).fill(sampleWeights && [...OWN]));
      network.dispose();
    }
  });

  it("are forgotten after the fit", async () => {
    const [network, other] = [await create(), await create()];
    const optimizer = sgd({ learningRate: 0 });
    const trainer = new Trainer(network, { optimizer });
    await trainer.fit({ inputs: INPUTS, targets: INDICES }, { classWeights: [0, 0, 9] });
    const cost = new Trainer(other, { optimizer }).step(INPUTS, INDICES);
    expect(trainer.step(INPUTS, INDICES)).toBe(cost);
    await trainer.fit({ inputs: INPUTS, targets: INDICES }, { classWeights: [0, 0, 9] });
    network.forward(INPUTS);
    expect(network.backward(INDICES, LOSS)).toBe(cost);
    const { loss } = await trainer.fit({ inputs: INPUTS, targets: INDICES }, { shuffle: false, batchSize: SAMPLES });
    expect(loss).toEqual([cost]);
    for (const each of [network, other]) each.dispose();
  });
});

describe("what classWeights and sampleWeights refuse", () => {
  const softmax = [dense(CLASSES, "softmax")];
  async function refuse(
    options: { classWeights?: unknown },
    data: Partial<Data> = {},
    layers: LayerDescription[] = softmax,
    loss?: LossLike,
  ) {
    const network = await createNetwork({ inputs: FEATURES, layers });
    const before = network.parameters.slice();
    try {
      const trainer = new Trainer(network, { loss });
      return await trainer.fit({ inputs: INPUTS, targets: INDICES, ...data }, {
        batchSize: BATCH,
        shuffle: false,
        ...options,
      } as FitOptions);
    } finally {
      if (data.sampleWeights === undefined) expect(network.parameters).toEqual(before);
      network.dispose();
    }
  }
  const where = "fit: classWeights";
  const ones = (length: number): Targets => new Float64Array(length).fill(1);

  const rows: ErrorRow[] = [
    [
      RegExp(`^ShapeError: ${where}: 2 weights were given, 3 \\(one a class\\) were expected$`),
      () => refuse({ classWeights: [1, 2] }),
    ],
    [RegExp(`^ShapeError: ${where}: 4 weights were given, 3 `), () => refuse({ classWeights: [1, 2, 3, 4] })],
    [RegExp(`^ShapeError: ${where}: 0 weights were given, 3 `), () => refuse({ classWeights: [] })],
    [
      RegExp(`^ShapeError: ${where}: 1 weights were given, 2 `),
      () => refuse({ classWeights: [1] }, { targets: ones(SAMPLES) }, [dense(1, "sigmoid")]),
    ],
    [
      RegExp(`^ArgumentError: ${where}: the weight of class 1 is -1, a finite number of at least 0 was expected$`),
      () => refuse({ classWeights: [1, -1, 1] }),
    ],
    [
      RegExp(`^ArgumentError: ${where}: the weight of class 2 is NaN, a finite `),
      () => refuse({ classWeights: [1, 1, NaN] }),
    ],
    [
      RegExp(`^ArgumentError: ${where}: the weight of class 0 is Infinity, a finite `),
      () => refuse({ classWeights: [Infinity, 1, 1] }),
    ],
    [
      RegExp(`^ArgumentError: ${where}: the weight of class 0 is "1", a finite `),
      () => refuse({ classWeights: ["1", 1, 1] }),
    ],
    [
      RegExp(`^ArgumentError: ${where}: the weight of class 1 is null, a finite `),
      () => refuse({ classWeights: [1, null, 1] }),
    ],
    [
      RegExp(`^ArgumentError: ${where}: 3 weights that are all 0 were given, a sum above 0 was expected$`),
      () => refuse({ classWeights: [0, 0, 0] }),
    ],
    [
      RegExp(`^ArgumentError: ${where}: "balance" was given, "balanced" or an array of numbers was expected$`),
      () => refuse({ classWeights: "balance" }),
    ],
    [RegExp(`^ArgumentError: ${where}: null was given, "balanced" or `), () => refuse({ classWeights: null })],
    [RegExp(`^ArgumentError: ${where}: 1 was given, "balanced" or `), () => refuse({ classWeights: 1 })],
    [
      RegExp(`^ArgumentError: ${where}: an Object was given, "balanced" or `),
      () => refuse({ classWeights: { 0: 1, 1: 2, 2: 3 } }),
    ],
    [
      RegExp(
        `^ArgumentError: ${where}: .* was given, but a sample of 3 linear outputs has no one class; a softmax output, or a single sigmoid, was expected$`,
      ),
      () => refuse({ classWeights: [1, 1, 1] }, { targets: ones(3 * SAMPLES) }, [dense(3)]),
    ],
    [
      RegExp(`^ArgumentError: ${where}: "balanced" was given, but a sample of 3 sigmoid outputs has no one class`),
      () => refuse({ classWeights: "balanced" }, { targets: ones(3 * SAMPLES) }, [dense(3, "sigmoid")]),
    ],
    [
      RegExp(`^ArgumentError: ${where}: "balanced" was given, but a sample of 1 linear outputs has no one class`),
      () => refuse({ classWeights: "balanced" }, { targets: ones(SAMPLES) }, [dense(1)]),
    ],
    [
      RegExp(`^ArgumentError: ${where}: "balanced" was given, but a sample of 2 linear outputs has no one class`),
      () => refuse({ classWeights: "balanced" }, { targets: ones(2 * SAMPLES) }, [dense(2)], squares),
    ],
    [
      /^ArgumentError: fit: targets: the class of row 4 is 3, a whole number from 0 to 2 was expected$/,
      () => refuse({ classWeights: "balanced" }, { targets: CLASSES_OF.map((one, i) => (i === 4 ? 3 : one)) }),
    ],
    [
      /^ArgumentError: fit: targets: the class of row 4 is 0.5, a whole number /,
      () => refuse({ classWeights: "balanced" }, { targets: CLASSES_OF.map((one, i) => (i === 4 ? 0.5 : one)) }),
    ],
    [
      /^ArgumentError: fit: sampleWeights: the weights of all 17 samples are 0, a sum above 0 was expected$/,
      () => refuse({}, { sampleWeights: new Float64Array(SAMPLES) }),
    ],
    [
      /^ArgumentError: fit: sampleWeights: the weights of all 17 samples are 0, /,
      () => refuse({ classWeights: "balanced" }, { sampleWeights: new Float64Array(SAMPLES) }),
    ],
    [
      /^ArgumentError: fit: sampleWeights: the weight of row 3 is -1, a finite number of at least 0 was expected$/,
      () => refuse({}, { sampleWeights: OWN.map((weight, i) => (i === 3 ? -1 : weight)) }),
    ],
    [
      /^ArgumentError: fit: sampleWeights: the weight of row 13 is NaN, a finite number of at least 0 was expected$/,
      () => refuse({}, { sampleWeights: OWN.map((weight, i) => (i === 13 ? NaN : weight)) }),
    ],
    [
      /^ShapeError: fit: sampleWeights: 16 weights were given, 17 \(one a sample\) were expected$/,
      () => refuse({}, { sampleWeights: OWN.subarray(1) }),
    ],
    [/^ArgumentError: fit: sampleWeights: null was given, /, () => refuse({}, { sampleWeights: null as never })],
  ];

  it.each(rows)("%s", async (message, action) => expectError(await thrownBy(action), message));

  it("validation data of no weight at all, and what validationSplit leaves of weights", async () => {
    const network = await createNetwork({ inputs: FEATURES, layers: softmax });
    const before = network.parameters.slice();
    const trainer = new Trainer(network);
    const data = { inputs: INPUTS, targets: INDICES };
    const weightless = { ...data, sampleWeights: new Float64Array(SAMPLES) };
    expectError(
      await thrownBy(() => trainer.fit(data, { validation: weightless })),
      /^ArgumentError: fit: validation: sampleWeights: the weights of all 17 samples are 0, /,
    );
    expectError(
      await thrownBy(() => trainer.evaluate(weightless)),
      /^ArgumentError: evaluate: sampleWeights: the weights of all 17/,
    );
    for (const [half, samples] of [
      [OWN.map((weight, i) => (i < 13 ? weight : 0)), 4],
      [OWN.map((weight, i) => (i < 13 ? 0 : weight)), 13],
    ] as const) {
      const fitting = () => trainer.fit({ ...data, sampleWeights: half }, { validationSplit: 0.25 });
      expectError(
        await thrownBy(fitting),
        RegExp(`^ArgumentError: fit: sampleWeights: the weights of all ${samples} samples`),
      );
    }
    expect(network.parameters).toEqual(before);
    network.dispose();
  });

  it("weights of 0 for all classes that there are", async () => {
    const { inputs } = classified(6);
    const network = await createNetwork({ inputs: FEATURES, layers: softmax });
    const before = network.parameters.slice();
    const fitting = () => new Trainer(network).fit({ inputs, targets: Array(6).fill(1) }, { classWeights: [1, 0, 1] });
    expectError(
      await thrownBy(fitting),
      /^ArgumentError: fit: classWeights: the weights of all classes that there are among 6 samples are 0/,
    );
    expect(network.parameters).toEqual(before);
    network.dispose();
  });
});
