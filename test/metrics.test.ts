/**
 * The metrics of a trainer: under which names they are found, that they are of whole sets however these are cut into batches,
 * and metrics of one's own. Their values on golden data: metrics.golden.test.ts.
 */
import { describe, expect, it } from "vitest";
import {
  type CustomMetric,
  createNetwork,
  type Data,
  dense,
  type EpochInfo,
  type FitOptions,
  type LayerDescription,
  type MetricDetails,
  type MetricLike,
  type Network,
  sgd,
  Trainer,
} from "../src/index";
import {
  CLASSES,
  classified,
  type ErrorRow,
  expectError,
  FEATURES,
  gap,
  largestGap,
  layerOf,
  oneHotOf,
  thrownBy,
  uniform,
} from "./support";
import { onEveryVariant } from "./variants";

/** Sums of a few dozen float64 in another order. */
const ROUNDING = 1e-13;

const NAMES = ["accuracy", "precision", "recall", "f1", "rocAuc", "r2", "meanAbsoluteError"] as const;
type Measured = Record<(typeof NAMES)[number], number>;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** From pairs: how often a yes is above a no, ties by half. NaN where there are no pairs. */
function pairsInOrder(scores: readonly number[], yes: readonly boolean[]): number {
  let [pairs, won] = [0, 0];
  scores.forEach((above, i) => {
    scores.forEach((below, j) => {
      if (!yes[i] || yes[j]) return;
      pairs++;
      won += above > below ? 1 : above === below ? 0.5 : 0;
    });
  });
  return won / pairs;
}

/** Every metric from its definition. `told` and `actual`: the yes or no of each output, or one-hot of the class. */
function brute(outputs: readonly number[][], targets: readonly number[][], classes: boolean): Measured {
  const decide = (rows: readonly number[][]) =>
    rows.map((row) => row.map((value, j) => (classes ? j === row.indexOf(Math.max(...row)) : value >= 0.5)));
  const [told, actual] = [decide(outputs), decide(targets)];
  const units = outputs[0]?.length ?? 0;
  const column = <T>(rows: readonly T[][], j: number) => rows.map((row) => row[j] as T);
  const scores = Array.from({ length: units }, (_, j) => {
    const [says, is] = [column(told, j), column(actual, j)];
    const [hits, positives, relevant] = [
      says.filter((yes, i) => yes && is[i]),
      says.filter(Boolean),
      is.filter(Boolean),
    ];
    const [tp, p, r] = [hits.length, positives.length, relevant.length];
    return {
      seen: !classes || p + r > 0,
      precision: p ? tp / p : 0,
      recall: r ? tp / r : 0,
      f1: p + r ? (2 * tp) / (p + r) : 0,
    };
  }).filter(({ seen }) => seen);
  const right = told.map((row, i) => {
    const each = row.map((yes, j) => yes === actual[i]?.[j]);
    return classes ? Number(each.every(Boolean)) : mean(each.map(Number));
  });
  const aucs = Array.from({ length: units }, (_, j) => pairsInOrder(column(outputs, j), column(actual, j)));
  const r2s = Array.from({ length: units }, (_, j) => {
    const [ys, middle] = [column(targets, j), mean(column(targets, j))];
    const left = ys.reduce((sum, y, i) => sum + (y - (outputs[i]?.[j] as number)) ** 2, 0);
    return 1 - left / ys.reduce((sum, y) => sum + (y - middle) ** 2, 0);
  });
  return {
    accuracy: mean(right),
    precision: mean(scores.map(({ precision }) => precision)),
    recall: mean(scores.map(({ recall }) => recall)),
    f1: mean(scores.map(({ f1 }) => f1)),
    rocAuc: mean(aucs.filter((auc) => !Number.isNaN(auc))),
    r2: mean(r2s),
    meanAbsoluteError: mean(outputs.flatMap((row, i) => row.map((y, j) => Math.abs(y - (targets[i]?.[j] as number))))),
  };
}

function nested(values: ArrayLike<number>, columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, i) =>
    Array.from({ length: columns }, (_, j) => values[i * columns + j] as number),
  );
}

/** Its name, and what it was shown. */
function noting(name = "mine") {
  const calls: ({ outputs: Float64Array; targets: Float64Array } & MetricDetails)[] = [];
  const metric: CustomMetric = {
    name,
    compute(outputs, targets, details) {
      calls.push({ ...details, outputs: outputs.slice(), targets: targets.slice() });
      return calls.length;
    },
  };
  return { metric, calls };
}

onEveryVariant("metrics of a trainer", (context) => {
  const create = (layers: LayerDescription[]): Promise<Network> =>
    createNetwork({ inputs: FEATURES, layers, seed: 12, backend: context.backend });
  const still = sgd({ learningRate: 0 });

  const kinds: [string, LayerDescription[], Data, boolean][] = [
    ["softmax", [dense(4, "tanh"), dense(CLASSES, "softmax")], classified(60), true],
    [
      "one sigmoid",
      [dense(1, "sigmoid")],
      { inputs: uniform(60 * FEATURES), targets: uniform(60, 2).map((value) => (value > 0.2 ? 1 : 0)) },
      false,
    ],
    [
      "three sigmoids",
      [dense(3, "sigmoid")],
      { inputs: uniform(60 * FEATURES), targets: uniform(180, 2).map((value) => (value > -0.2 ? 1 : 0)) },
      false,
    ],
  ];

  for (const [title, layers, data, classes] of kinds) {
    it(`are of the whole set, whatever the batch size, in fit, validation and evaluate: ${title}`, async () => {
      const network = await create(layers);
      const trainer = new Trainer(network, { metrics: NAMES, optimizer: still });
      const { units } = network;
      const targets = classes ? oneHotOf(data.targets as Int32Array) : (data.targets as Float64Array);
      const outputs = network.predict(data.inputs);
      const expected = brute(nested(outputs, units), nested(targets, units), classes);
      expect(NAMES.filter((name) => !Number.isFinite(expected[name]))).toEqual([]);
      // of the last 20 rows and the 40 before
      const tail = brute(nested(outputs, units).slice(40), nested(targets, units).slice(40), classes);
      const head = brute(nested(outputs, units).slice(0, 40), nested(targets, units).slice(0, 40), classes);
      const evaluation = trainer.evaluate(data);
      const runs: [string, Record<string, number[] | undefined>, Measured, Measured][] = [];
      for (const options of [{ batchSize: 1 }, { batchSize: 7 }, { batchSize: 60 }, { batchSize: 7, shuffle: false }]) {
        const given = { ...options, epochs: 2 };
        const whole = (await trainer.fit(data, { ...given, validation: data })) as unknown as Record<string, number[]>;
        runs.push([JSON.stringify(options), whole, expected, expected]);
        const split = (await trainer.fit(data, { ...given, validationSplit: 1 / 3 })) as unknown as Record<
          string,
          number[]
        >;
        runs.push([`${JSON.stringify(options)}, split`, split, head, tail]);
      }
      for (const name of NAMES) {
        const validationName = `validation${name[0]?.toUpperCase()}${name.slice(1)}`;
        expect([name, gap(evaluation[name] as number, expected[name]) <= ROUNDING]).toEqual([name, true]);
        for (const [how, history, training, validation] of runs) {
          const far = [
            largestGap(history[name] ?? [], [training[name], training[name]]),
            largestGap(history[validationName] ?? [], [validation[name], validation[name]]),
          ].filter((one) => !(one <= ROUNDING));
          expect([name, how, far]).toEqual([name, how, []]);
        }
      }
      network.dispose();
    });
  }

  it("are in the history and an evaluation by their names, and nothing else is", async () => {
    const network = await create([dense(CLASSES, "softmax")]);
    const known = ["loss", "validationLoss", "accuracy", "validationAccuracy", "learningRate", "epochs", "stoppedBy"];
    const data = classified(12);
    const cases: [MetricLike[] | undefined, string[]][] = [
      [undefined, []],
      [[], []],
      [["f1"], ["f1", "validationF1"]],
      [
        ["rocAuc", "meanAbsoluteError"],
        ["rocAuc", "validationRocAuc", "meanAbsoluteError", "validationMeanAbsoluteError"],
      ],
      [
        ["accuracy", noting().metric],
        ["mine", "validationMine"],
      ],
      [
        [noting("hits@1").metric, noting("ärger").metric],
        ["hits@1", "validationHits@1", "ärger", "validationÄrger"],
      ],
    ];
    for (const [metrics, more] of cases) {
      const trainer = new Trainer(network, { metrics });
      const history = await trainer.fit(data, { epochs: 2, validationSplit: 0.5 });
      expect(Object.keys(history).sort()).toEqual([...known, ...more].sort());
      for (const name of more) expect([name, (history[name] as number[]).length]).toEqual([name, 2]);
      const own = more.filter((name) => !name.startsWith("validation"));
      const accuracy = metrics === undefined || metrics.includes("accuracy") ? ["accuracy"] : [];
      expect(Object.keys(trainer.evaluate(data)).sort()).toEqual(["loss", ...accuracy, ...own].sort());
      // without validation there are lists, and they are empty
      const plain = await trainer.fit(data);
      for (const name of more) {
        expect([name, plain[name]?.length]).toEqual([name, name.startsWith("validation") ? 0 : 1]);
      }
    }
    network.dispose();
  });

  it("are told to onEpoch under the same names", async () => {
    const network = await create([dense(CLASSES, "softmax")]);
    const infos: EpochInfo[] = [];
    const { metric } = noting();
    const history = await new Trainer(network, { metrics: ["f1", metric] }).fit(classified(12), {
      epochs: 3,
      validationSplit: 0.5,
      onEpoch: (info) => infos.push(info),
    });
    expect(infos.map(({ mine, validationMine }) => [mine, validationMine])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(infos.map(({ f1 }) => f1)).toEqual(history.f1);
    expect(infos.map(({ validationF1 }) => validationF1)).toEqual(history.validationF1);
    network.dispose();
  });

  it("are accuracy where there are classes and nobody says, else none", async () => {
    const metricsOf = async (layers: LayerDescription[], loss?: "categoricalCrossEntropy" | "binaryCrossEntropy") => {
      const network = await create(layers);
      const { metrics } = new Trainer(network, { loss });
      network.dispose();
      return metrics;
    };
    expect(await metricsOf([dense(3, "softmax")])).toEqual(["accuracy"]);
    expect(await metricsOf([dense(3, "sigmoid")])).toEqual(["accuracy"]);
    expect(await metricsOf([dense(3)])).toEqual([]);
    expect(await metricsOf([dense(3)], "categoricalCrossEntropy")).toEqual(["accuracy"]);
    expect(await metricsOf([dense(3)], "binaryCrossEntropy")).toEqual(["accuracy"]);
  });

  it("of one's own see outputs and targets of the whole epoch, each batch as it was before its update", async () => {
    const network = await create([dense(5, "tanh"), dense(CLASSES, "softmax")]);
    const [samples, batchSize] = [23, 5];
    const { inputs, targets } = classified(samples);
    const held = classified(9, 3);
    const weights = uniform(samples, 4).map((weight) => weight + 2);
    for (const sampleWeights of [undefined, weights]) {
      const { metric, calls } = noting();
      const expected: number[] = [];
      const validation: Float64Array[] = [];
      let outputs = network.predict(inputs);
      const history = await new Trainer(network, { metrics: [metric], optimizer: sgd({ learningRate: 2 }) }).fit(
        { inputs, targets, sampleWeights },
        {
          epochs: 2,
          batchSize,
          shuffle: false,
          validation: held,
          onStep: ({ batch }) => {
            expected.push(...outputs.subarray((batch - 1) * batchSize * CLASSES, batch * batchSize * CLASSES));
            outputs = network.predict(inputs);
          },
          onEpoch: () => {
            validation.push(network.predict(held.inputs));
          },
        },
      );
      expect(history.mine).toEqual([1, 3]);
      expect(history.validationMine).toEqual([2, 4]);
      expect(calls).toHaveLength(4);
      for (const epoch of [0, 1]) {
        const [training, validated] = calls.slice(2 * epoch);
        const part = expected.slice(epoch * samples * CLASSES, (epoch + 1) * samples * CLASSES);
        expect(largestGap(training?.outputs ?? [], part)).toBeLessThanOrEqual(1e-15);
        expect(training).toMatchObject({ samples, units: CLASSES, sampleWeights, targets: oneHotOf(targets) });
        const rows = { samples: 9, units: CLASSES, sampleWeights: undefined };
        expect(validated).toEqual({ ...rows, outputs: validation[epoch], targets: oneHotOf(held.targets) });
      }
      // after the updates they would have been others
      expect(largestGap(calls[0]?.outputs ?? [], network.predict(inputs))).toBeGreaterThan(0.01);
    }
    network.dispose();
  });

  it("of one's own see samples in the order in which they were trained on, targets beside their outputs", async () => {
    const network = await create([dense(FEATURES)]);
    // outputs = inputs = targets
    layerOf(network, 0).weights.set(
      Array.from({ length: FEATURES ** 2 }, (_, i) => (i % (FEATURES + 1) === 0 ? 1 : 0)),
    );
    const inputs = uniform(11 * FEATURES);
    const { metric, calls } = noting();
    const trainer = new Trainer(network, { metrics: [metric], optimizer: still });
    await trainer.fit({ inputs, targets: inputs }, { batchSize: 4, epochs: 2 });
    trainer.evaluate({ inputs, targets: inputs });
    for (const { outputs, targets } of calls) expect(outputs).toEqual(targets);
    expect(calls[0]?.targets).not.toEqual(inputs);
    expect(calls[1]?.targets).not.toEqual(calls[0]?.targets);
    expect(calls[0]?.targets.slice().sort()).toEqual(inputs.slice().sort());
    expect(calls[2]?.targets).toEqual(inputs);
    network.dispose();
  });

  it("of one's own see a weight of 1 for rows that have none, beside rows that have some", async () => {
    const network = await create([dense(CLASSES, "softmax")]);
    const batches = (given: boolean[]) => () =>
      given.map((weighted, b) => ({ ...classified(2, b + 1), sampleWeights: weighted ? [2, 3] : undefined }));
    for (const [given, expected] of [
      [
        [true, false, true],
        [2, 3, 1, 1, 2, 3],
      ],
      [
        [false, true],
        [1, 1, 2, 3],
      ],
      [[false, false], undefined],
    ] as const) {
      const { metric, calls } = noting();
      await new Trainer(network, { metrics: [metric] }).fit(batches([...given]));
      expect(calls[0]?.sampleWeights && [...calls[0].sampleWeights]).toEqual(expected);
    }
    network.dispose();
  });

  it("of one's own are methods of their object", async () => {
    const network = await create([dense(1)]);
    class Counting {
      readonly name = "counting";
      calls = 0;
      compute() {
        return ++this.calls;
      }
    }
    const history = await new Trainer(network, { metrics: [new Counting()] }).fit(
      { inputs: uniform(2 * FEATURES), targets: [1, 2] },
      { epochs: 3 },
    );
    expect(history.counting).toEqual([1, 2, 3]);
    network.dispose();
  });

  it("of one's own may be any number, and nothing else", async () => {
    const network = await create([dense(1)]);
    const data = { inputs: uniform(2 * FEATURES), targets: [1, 2] };
    const trainerOf = (value: unknown) =>
      new Trainer(network, { metrics: [{ name: "odd", compute: () => value as number }] });
    for (const value of [0, -1, NaN, Infinity]) {
      expect(trainerOf(value).evaluate(data).odd).toBe(value);
      expect((await trainerOf(value).fit(data)).odd).toEqual([value]);
    }
    for (const [value, shown] of [
      ["0.5", '"0.5"'],
      [undefined, "undefined"],
      [null, "null"],
      [1n, "1n"],
      [true, "true"],
      [Promise.resolve(1), "a Promise"],
      [[1], "an array of 1"],
    ] as const) {
      const message = RegExp(`^ArgumentError: metric odd: compute returned ${shown}, a number was expected$`);
      expectError(await thrownBy(() => trainerOf(value).evaluate(data)), message);
      expectError(await thrownBy(() => trainerOf(value).fit(data)), message);
    }
    network.dispose();
  });

  it("of one's own pass on what they throw; the network is free again", async () => {
    const network = await create([dense(1)]);
    const mine = new Error("mine");
    const compute = () => {
      throw mine;
    };
    const trainer = new Trainer(network, { metrics: [{ name: "throwing", compute }] });
    const data = { inputs: uniform(2 * FEATURES), targets: [1, 2] };
    expect(await thrownBy(() => trainer.evaluate(data))).toBe(mine);
    expect(await thrownBy(() => trainer.fit(data))).toBe(mine);
    expect(await thrownBy(() => trainer.fit(data, { validation: data }))).toBe(mine);
    expect((await new Trainer(network).fit(data)).epochs).toBe(1);
    network.dispose();
  });

  it("change nothing of the training", async () => {
    const [plain, measured] = [await create([dense(CLASSES, "softmax")]), await create([dense(CLASSES, "softmax")])];
    const options: FitOptions = { epochs: 3, batchSize: 5, validationSplit: 0.2 };
    const one = await new Trainer(plain, { metrics: [] }).fit(classified(20), options);
    const two = await new Trainer(measured, { metrics: [...NAMES, noting().metric] }).fit(classified(20), options);
    expect(measured.parameters).toEqual(plain.parameters);
    expect([two.loss, two.validationLoss]).toEqual([one.loss, one.validationLoss]);
    for (const each of [plain, measured]) each.dispose();
  });

  it("count once where they were named twice", async () => {
    const network = await create([dense(CLASSES, "softmax")]);
    const { metric, calls } = noting();
    const trainer = new Trainer(network, { metrics: ["f1", "accuracy", "f1", metric, metric] });
    expect(trainer.metrics).toEqual(["f1", "accuracy", metric]);
    const history = await trainer.fit(classified(12), { epochs: 2 });
    expect([history.f1?.length, history.accuracy.length, history.mine]).toEqual([2, 2, [1, 2]]);
    expect(calls).toHaveLength(2);
    network.dispose();
  });

  it("are those that were given: an array that changes afterwards is not looked at", async () => {
    const network = await create([dense(CLASSES, "softmax")]);
    const metrics: MetricLike[] = ["f1"];
    const trainer = new Trainer(network, { metrics });
    metrics.push("recall");
    expect(Object.keys(trainer.evaluate(classified(5)))).toEqual(["loss", "f1"]);
    network.dispose();
  });

  for (const [title, names, list] of [
    ["two of one's own", ["mine", "Mine"], "validationMine"],
    ["one of the library's", ["Accuracy"], "validationAccuracy"],
    ["the loss", ["Loss"], "validationLoss"],
  ] as const) {
    it(`of one's own whose validation name is another's are refused, or kept apart: ${title}`, async () => {
      const network = await create([dense(CLASSES, "softmax")]);
      const metrics: MetricLike[] = ["accuracy", ...names.map((name) => ({ name, compute: () => 7 }))];
      try {
        const fitting = async () => new Trainer(network, { metrics }).fit(classified(12), { validationSplit: 0.5 });
        const result: unknown = await fitting().catch((error) => error);
        if (result instanceof Error) expectError(result, /^ArgumentError: Trainer: metrics\[\d\]: name /);
        else expect((result as Record<string, unknown>)[list]).toHaveLength(1);
      } finally {
        network.dispose();
      }
    });
  }
});

describe("what metrics refuse", () => {
  async function refuse(metrics: unknown) {
    const network = await createNetwork({ inputs: FEATURES, layers: [dense(CLASSES, "softmax")] });
    try {
      return new Trainer(network, { metrics: metrics as MetricLike[] });
    } finally {
      network.dispose();
    }
  }
  const where = "ArgumentError: Trainer: metrics";
  const compute = () => 1;
  const taken = [
    ...["loss", "learningRate", "epoch", "epochs", "stoppedBy", "history"],
    ...["toString", "constructor", "__proto__", "hasOwnProperty", ""],
    ...["accuracy", "rocAuc", "meanAbsoluteError"],
    ...["validation", "validationX", "validationLoss", "validationAccuracy", "validationMine"],
  ];

  const rows: ErrorRow[] = [
    ...taken.map(
      (name): ErrorRow => [
        RegExp(
          `^${where}\\[1\\]: name "${name}" was given, one that stands for nothing else in the history was expected$`,
        ),
        () => refuse(["f1", { name, compute }]),
      ],
    ),
    [
      RegExp(`^${where}\\[2\\]: name "mine" was given once more, another one was expected$`),
      () => refuse([{ name: "mine", compute }, "f1", { name: "mine", compute }]),
    ],
    [
      RegExp(`^${where}\\[0\\]: "acuracy" was given, one of accuracy, .*meanAbsoluteError.* was expected$`),
      () => refuse(["acuracy"]),
    ],
    [RegExp(`^${where}\\[1\\]: "F1" was given, one of f1, `), () => refuse(["accuracy", "F1"])],
    [RegExp(`^${where}\\[0\\]: "toString" was given, one of `), () => refuse(["toString"])],
    [RegExp(`^${where}\\[0\\]: "loss" was given, one of `), () => refuse(["loss"])],
    [RegExp(`^${where}\\[0\\]: 3 was given, one of `), () => refuse([3])],
    [RegExp(`^${where}\\[0\\]: null was given, one of `), () => refuse([null])],
    [RegExp(`^${where}\\[0\\]: undefined was given, one of `), () => refuse([undefined])],
    [RegExp(`^${where}\\[0\\]: a function was given, one of `), () => refuse([compute])],
    [
      RegExp(`^${where}: "accuracy" was given, an array of names or \\{ name, compute \\} was expected$`),
      () => refuse("accuracy"),
    ],
    [RegExp(`^${where}: null was given, an array `), () => refuse(null)],
    [RegExp(`^${where}: an Object was given, an array `), () => refuse({ name: "mine", compute })],
    [
      RegExp(`^${where}\\[0\\]: it has name 3 and compute a function, a string and a function were expected$`),
      () => refuse([{ name: 3, compute }]),
    ],
    [RegExp(`^${where}\\[0\\]: it has name undefined and compute a function, `), () => refuse([{ compute }])],
    [RegExp(`^${where}\\[0\\]: it has name "mine" and compute undefined, `), () => refuse([{ name: "mine" }])],
    [
      RegExp(`^${where}\\[0\\]: it has name "mine" and compute "f1", `),
      () => refuse([{ name: "mine", compute: "f1" }]),
    ],
    [RegExp(`^${where}\\[0\\]: it has name undefined and compute undefined, `), () => refuse([["accuracy"]])],
  ];

  it.each(rows)("%s", async (message, action) => expectError(await thrownBy(action), message));

  it("are not names that are nobody's: step, samples, cost", async () => {
    const network = await createNetwork({ inputs: FEATURES, layers: [dense(CLASSES, "softmax")] });
    const metrics = ["step", "samples", "cost", "then", "invalid"].map((name, value) => ({
      name,
      compute: () => value,
    }));
    const history = await new Trainer(network, { metrics }).fit(classified(6));
    expect(metrics.map(({ name }) => history[name])).toEqual([[0], [1], [2], [3], [4]]);
    network.dispose();
  });
});
