/** earlyStopping in Trainer.fit, against keras.callbacks.EarlyStopping written out by hand; what ends a fit, and on which weights. */
import { describe, expect, it } from "vitest";
import {
  batchNorm,
  type CustomMetric,
  createNetwork,
  dense,
  type EarlyStoppingOptions,
  type FitOptions,
  type History,
  type MetricLike,
  type Network,
  sgd,
  Trainer,
  type TrainerOptions,
} from "../src/index";
import { CLASSES, classified, classifier, type ErrorRow, expectError, FEATURES, layerOf, thrownBy } from "./support";
import { onEveryVariant } from "./variants";

type Plan = Required<Pick<EarlyStoppingOptions, "patience" | "minDelta" | "mode">>;

/** After how many epochs it ends, and which was the best, from 1; 0 where no number was better than none. */
function keras(series: readonly number[], { patience, minDelta, mode }: Plan): { epochs: number; best: number } {
  let best = 0;
  for (let epoch = 1; epoch <= series.length; epoch++) {
    const [value, least] = [series[epoch - 1] as number, best === 0 ? undefined : (series[best - 1] as number)];
    const gain =
      least === undefined ? (value - value === 0 ? Infinity : NaN) : mode === "min" ? least - value : value - least;
    if (gain > minDelta) best = epoch;
    // patience 0 is patience 1: a better epoch ends nothing
    if (epoch - best >= Math.max(1, patience)) return { epochs: epoch, best };
  }
  return { epochs: series.length, best };
}

/** A metric that tells the given numbers, one an epoch: in training of `samples` rows, else in validation. */
function telling(series: readonly number[], samples: number, validation: readonly number[] = series): CustomMetric {
  const [training, held] = [series[Symbol.iterator](), validation[Symbol.iterator]()];
  return { name: "mine", compute: (_o, _t, rows) => (rows.samples === samples ? training : held).next().value ?? NaN };
}

const SAMPLES = 12;
const DATA = classified(SAMPLES);

onEveryVariant("earlyStopping", (context) => {
  /** A fit, and the parameters that there were after each of its epochs. */
  async function trained(metrics: readonly MetricLike[], options: FitOptions, more: TrainerOptions = {}) {
    const network = await classifier(context.backend);
    const after: Float64Array[] = [network.parameters.slice()];
    const { onEpoch } = options;
    const history = await new Trainer(network, { metrics, ...more }).fit(DATA, {
      batchSize: 5,
      ...options,
      onEpoch: (info) => {
        after.push(network.parameters.slice());
        return onEpoch?.(info);
      },
    });
    const ended = network.parameters.slice();
    network.dispose();
    return { history, after, ended };
  }

  /** The epoch, from 0, after which the parameters were these. */
  function epochOf({ after, ended }: { after: Float64Array[]; ended: Float64Array }): number {
    expect(new Set(after.map(String)).size).toBe(after.length);
    return after.findIndex((parameters) => parameters.every((value, i) => Object.is(value, ended[i])));
  }

  const SERIES = {
    falling: [5, 4, 3, 2, 1, 0],
    rising: [0, 1, 2, 3, 4, 5],
    flat: [1, 1, 1, 1, 1, 1],
    valley: [3, 2, 1, 2, 3, 2, 1, 1],
    hills: [1, 3, 2, 2.5, 3.5, 2, 3.25, 3, 4],
    small: [1, 0.75, 0.5, 0.25, 0.125, 0, 0.0625, -1],
    gaps: [2, NaN, 1, NaN, NaN, 0.5, NaN, NaN, NaN, 0],
    infinite: [3, -3, -Infinity, 1, Infinity, 0, 0],
  };
  for (const [title, series] of Object.entries(SERIES)) {
    it(`stops where Keras does: ${title}`, async () => {
      for (const mode of ["min", "max"] as const) {
        for (const patience of [0, 1, 3]) {
          for (const minDelta of [0, 0.5]) {
            const plan = { patience, minDelta, mode };
            const expected = keras(series, plan);
            const earlyStopping = { monitor: "mine", ...plan };
            const result = await trained([telling(series, SAMPLES)], { epochs: series.length, earlyStopping });
            const { epochs, stoppedBy, mine } = result.history;
            const early = expected.epochs < series.length;
            expect([plan, epochs, stoppedBy]).toEqual([plan, expected.epochs, early ? "earlyStopping" : "epochs"]);
            expect(mine).toEqual(series.slice(0, epochs));
            expect([plan, epochOf(result)]).toEqual([plan, expected.best]);
          }
        }
      }
    });
  }

  it("has patience 3, minDelta 0, and goes back to the best epoch, where nobody says", async () => {
    const series = [4, 3, 2, 2, 2, 2, 1, 0];
    const earlyStopping: EarlyStoppingOptions = { monitor: "mine", mode: "min" };
    const result = await trained([telling(series, SAMPLES)], { epochs: 8, earlyStopping });
    expect([result.history.epochs, epochOf(result)]).toEqual([6, 3]);
    const given = { patience: undefined, minDelta: undefined, restoreBest: undefined };
    const again = await trained([telling(series, SAMPLES)], {
      epochs: 8,
      earlyStopping: { ...earlyStopping, ...given },
    });
    expect([again.history.epochs, epochOf(again)]).toEqual([6, 3]);
  });

  it("watches the number of the validation set, not that of training", async () => {
    const metric = () => telling([1, 2, 3, 4, 5, 6], 9, [1, 2, 0, 0, 9, 9]);
    const stopped = async (monitor: string) => {
      const earlyStopping = { monitor, mode: "max", patience: 2 } as const;
      const result = await trained([metric()], { epochs: 6, validationSplit: 0.25, earlyStopping });
      return [result.history.epochs, epochOf(result)];
    };
    expect(await stopped("mine")).toEqual([6, 6]);
    expect(await stopped("validationMine")).toEqual([4, 2]);
  });

  it("knows of each measure of the library whether small is good, and watches validationLoss where nobody says", async () => {
    const epochs = 14;
    const metrics = ["accuracy", "f1", "rocAuc", "meanAbsoluteError"] as const;
    const more = { optimizer: sgd({ learningRate: 4 }) };
    const options = { epochs, validationSplit: 0.5 };
    const whole = await trained(metrics, options, more);
    const modes = {
      loss: "min",
      validationLoss: "min",
      accuracy: "max",
      validationAccuracy: "max",
      validationF1: "max",
      rocAuc: "max",
      meanAbsoluteError: "min",
    } as const;
    const stops = new Set<number>();
    for (const [monitor, mode] of [...Object.entries(modes), [undefined, "min"] as const]) {
      const series = whole.history[monitor ?? "validationLoss"] ?? [];
      expect(series).toHaveLength(epochs);
      const expected = keras(series, { patience: 2, minDelta: 0, mode });
      const result = await trained(metrics, { ...options, earlyStopping: { monitor, patience: 2 } }, more);
      expect([monitor, result.history.epochs]).toEqual([monitor, expected.epochs]);
      expect(result.ended).toEqual(whole.after[expected.best]);
      stops.add(expected.epochs);
      // the other way round
      const turned = mode === "min" ? "max" : "min";
      const other = keras(series, { patience: 2, minDelta: 0, mode: turned });
      const against = await trained(
        metrics,
        { ...options, earlyStopping: { monitor, patience: 2, mode: turned } },
        more,
      );
      expect([monitor, against.history.epochs]).toEqual([monitor, other.epochs]);
      expect(against.ended).toEqual(whole.after[other.best]);
    }
    expect(stops.size).toBeGreaterThan(2);
  });

  it("watches the loss of training, penalties included, as it was before each update", async () => {
    const network = await createNetwork({
      inputs: 1,
      layers: [dense(1, { l2: 1 })],
      seed: 1,
      backend: context.backend,
    });
    layerOf(network, 0).weights.fill(1);
    // C = 1/2 (w + b)^2 + 1/2 w^2 or the like, and a rate at which it grows
    const options = { epochs: 9, earlyStopping: { monitor: "loss", patience: 2 } };
    const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 3 }) });
    const history = await trainer.fit({ inputs: [1], targets: [0] }, options);
    expect(history.loss[1]).toBeGreaterThan(history.loss[0] as number);
    expect([history.epochs, history.stoppedBy]).toEqual([3, "earlyStopping"]);
    network.dispose();
  });

  it("goes back to the best epoch too where all epochs were done", async () => {
    const series = [5, 3, 4, 4];
    const options = { epochs: 4, earlyStopping: { monitor: "mine", mode: "min", patience: 3 } } as const;
    const result = await trained([telling(series, SAMPLES)], options);
    expect([result.history.epochs, result.history.stoppedBy, epochOf(result)]).toEqual([4, "epochs", 2]);
  });

  it("was stopped by the epochs where the last one used up the patience", async () => {
    const options = { epochs: 3, earlyStopping: { monitor: "mine", mode: "min", patience: 2 } } as const;
    const result = await trained([telling([1, 2, 2], SAMPLES)], options);
    expect([result.history.epochs, result.history.stoppedBy, epochOf(result)]).toEqual([3, "epochs", 1]);
  });

  it("goes back to the best epoch where the signal ends it in the middle of one", async () => {
    for (const [abortAt, best] of [
      [2, 0], // in the first epoch of 3 steps there is no best one yet
      [4, 1],
      [8, 2],
      [11, 2],
    ] as const) {
      const network = await classifier(context.backend);
      const controller = new AbortController();
      const after = [network.parameters.slice()];
      let last = after[0];
      const history = await new Trainer(network, { metrics: [telling([3, 2, 4, 4, 4], SAMPLES)] }).fit(DATA, {
        batchSize: 5,
        epochs: 5,
        signal: controller.signal,
        earlyStopping: { monitor: "mine", mode: "min", patience: 3 },
        onStep: ({ step }) => {
          last = network.parameters.slice();
          if (step === abortAt) controller.abort();
        },
        onEpoch: () => {
          after.push(network.parameters.slice());
        },
      });
      expect([history.stoppedBy, history.epochs]).toEqual(["signal", Math.floor((abortAt - 1) / 3)]);
      expect(network.parameters).toEqual(best === 0 ? last : after[best]);
      if (best > 0) expect(network.parameters).not.toEqual(last);
      network.dispose();
    }
  });

  it("leaves the weights where an error of a callback found them", async () => {
    for (const where of ["onStep", "onEpoch"] as const) {
      const network = await classifier(context.backend);
      const mine = new Error("mine");
      let last: Float64Array | undefined;
      let best: Float64Array | undefined;
      const fitting = new Trainer(network, { metrics: [telling([1, 2, 3, 4], SAMPLES)] }).fit(DATA, {
        epochs: 4,
        batchSize: 5,
        earlyStopping: { monitor: "mine", mode: "min", patience: 9 },
        onEpoch: ({ epoch }) => {
          if (epoch === 1) best = network.parameters.slice();
          last = network.parameters.slice();
          if (where === "onEpoch" && epoch === 3) throw mine;
        },
        onStep: ({ epoch }) => {
          last = network.parameters.slice();
          if (where === "onStep" && epoch === 3) throw mine;
        },
      });
      await expect(fitting).rejects.toBe(mine);
      expect(network.parameters).toEqual(last);
      expect(network.parameters).not.toEqual(best);
      network.dispose();
    }
  });

  it("ends on the last weights with restoreBest false", async () => {
    const earlyStopping = { monitor: "mine", mode: "min", patience: 2, restoreBest: false } as const;
    const result = await trained([telling([1, 2, 3, 0], SAMPLES)], { epochs: 4, earlyStopping });
    expect([result.history.epochs, result.history.stoppedBy, epochOf(result)]).toEqual([3, "earlyStopping", 3]);
  });

  it("asks onEpoch after the epoch that ends it too, on the weights of that epoch", async () => {
    const seen: [number, string][] = [];
    const result = await trained([telling([1, 2, 3], SAMPLES)], {
      epochs: 3,
      earlyStopping: { monitor: "mine", mode: "min", patience: 1 },
      onEpoch: ({ epoch, history }) => {
        seen.push([epoch, history.stoppedBy]);
      },
    });
    expect(seen.map(([epoch]) => epoch)).toEqual([1, 2]);
    expect(result.after).toHaveLength(3);
    expect(epochOf(result)).toBe(1);
  });

  it("begins anew with each fit", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network, { metrics: [telling([0, 1, 9, 8, 7, 7], SAMPLES)] });
    const earlyStopping = { monitor: "mine", mode: "min", patience: 1 } as const;
    const first = await trainer.fit(DATA, { epochs: 2, earlyStopping });
    expect([first.epochs, first.stoppedBy]).toEqual([2, "epochs"]);
    // 9 is worse than the 0 of the other fit, and still the best of this one
    const second = await trainer.fit(DATA, { epochs: 4, earlyStopping });
    expect([second.epochs, second.mine, second.stoppedBy]).toEqual([4, [9, 8, 7, 7], "epochs"]);
    network.dispose();
  });

  it("changes nothing of the way there", async () => {
    const plain = await trained([], { epochs: 4 });
    const watched = await trained([], { epochs: 4, earlyStopping: { monitor: "loss", patience: 9 } });
    expect(watched.after).toEqual(plain.after);
    expect(watched.history).toEqual(plain.history);
  });

  it("goes back to the running statistics of the best epoch too", async () => {
    const layers = [dense(5), batchNorm(), dense(CLASSES, "softmax")];
    const network = await createNetwork({ inputs: FEATURES, layers, backend: context.backend });
    const states: string[] = [];
    const running = () => {
      const { runningMean, runningVariance } = layerOf(network, 1);
      return [runningMean, runningVariance].map(String).join();
    };
    const digests: string[] = [];
    await new Trainer(network, { metrics: [telling([3, 2, 4, 4], SAMPLES)] }).fit(DATA, {
      epochs: 4,
      batchSize: 6,
      earlyStopping: { monitor: "mine", mode: "min", patience: 2 },
      onEpoch: async () => {
        states.push(running());
        digests.push(await network.digest());
      },
    });
    expect(new Set(states).size).toBe(4);
    expect(running()).toBe(states[1]);
    expect(await network.digest()).toBe(digests[1]);
    network.dispose();
  });

  it("goes on after it as from any other weights: predict, forward and backward are those of the best epoch", async () => {
    const network = await classifier(context.backend);
    let best: Network | undefined;
    await new Trainer(network, { metrics: [telling([1, 2], SAMPLES)] }).fit(DATA, {
      epochs: 2,
      earlyStopping: { monitor: "mine", mode: "min", patience: 1 },
      onEpoch: ({ epoch }) => {
        if (epoch === 1) best = network.clone();
      },
    });
    expect(network.predict(DATA.inputs)).toEqual(best?.predict(DATA.inputs));
    // what belongs to the weights of the last step is not to be had any more
    expect(() => network.backward(DATA.targets, "categoricalCrossEntropy")).toThrow(/forward/);
    network.dispose();
    best?.dispose();
  });

  // Keras goes back to the first epoch where no number was ever better, and does not stop at that one; here the weights stay
  it("NaN is never better: not the first number either", async () => {
    const earlyStopping = { monitor: "mine", mode: "min", patience: 3 } as const;
    const never = await trained([telling(Array(6).fill(NaN), SAMPLES)], { epochs: 6, earlyStopping });
    expect([never.history.epochs, never.history.stoppedBy]).toEqual([3, "earlyStopping"]);
    const late = await trained([telling([NaN, NaN, 7, NaN, NaN, NaN, 1], SAMPLES)], { epochs: 7, earlyStopping });
    expect([late.history.epochs, epochOf(late)]).toEqual([6, 3]);
  });
});

describe("what earlyStopping refuses", () => {
  const mine: CustomMetric = { name: "mine", compute: () => 1 };
  let epochs = 0;

  async function refuse(earlyStopping: unknown, options: FitOptions = {}, metrics: MetricLike[] = ["accuracy", mine]) {
    const network = await createNetwork({ inputs: FEATURES, layers: [dense(CLASSES, "softmax")] });
    const before = network.parameters.slice();
    try {
      const given = { ...options, onEpoch: () => epochs++, earlyStopping: earlyStopping as EarlyStoppingOptions };
      return await new Trainer(network, { metrics }).fit(DATA, given);
    } finally {
      expect(network.parameters).toEqual(before);
      network.dispose();
    }
  }
  const held: FitOptions = { validationSplit: 0.25 };
  const where = "ArgumentError: fit: earlyStopping";

  const rows: ErrorRow[] = [
    [
      RegExp(
        `^${where}: monitor: "validationLoss" was given, but nothing is held back; validation or validationSplit was`,
      ),
      () => refuse({}),
    ],
    [
      RegExp(`^${where}: monitor: "validationMine" was given, but nothing is held back`),
      () => refuse({ monitor: "validationMine" }),
    ],
    [
      RegExp(
        `^${where}: monitor: "validationlos" was given, one of validationLoss, .*validationAccuracy.* was expected$`,
      ),
      () => refuse({ monitor: "validationlos" }, held),
    ],
    [RegExp(`^${where}: monitor: "val_loss" was given, one of `), () => refuse({ monitor: "val_loss" }, held)],
    [RegExp(`^${where}: monitor: "acuracy" was given, one of accuracy, `), () => refuse({ monitor: "acuracy" })],
    [
      RegExp(`^${where}: monitor: "acuracy" was given, one of (?!.*validation).* was expected$`),
      () => refuse({ monitor: "acuracy" }),
    ],
    [
      RegExp(`^${where}: monitor: "accuracy" was given, one of (?!.*accuracy).* was`),
      () => refuse({ monitor: "accuracy" }, {}, []),
    ],
    [RegExp(`^${where}: monitor: "f1" was given, one of `), () => refuse({ monitor: "f1" })],
    [RegExp(`^${where}: monitor: "epochs" was given, one of (?!.*epochs)`), () => refuse({ monitor: "epochs" })],
    [RegExp(`^${where}: monitor: "stoppedBy" was given, one of `), () => refuse({ monitor: "stoppedBy" })],
    [RegExp(`^${where}: monitor: "toString" was given, one of `), () => refuse({ monitor: "toString" })],
    [RegExp(`^${where}: monitor: "" was given, one of `), () => refuse({ monitor: "" })],
    [RegExp(`^${where}: monitor: 3 was given, one of `), () => refuse({ monitor: 3 })],
    [RegExp(`^${where}: monitor: null was given, one of `), () => refuse({ monitor: null })],
    [
      RegExp(`^${where}: mode: none was given for the monitor "mine", "min" or "max" was expected`),
      () => refuse({ monitor: "mine" }),
    ],
    [
      RegExp(`^${where}: mode: none was given for the monitor "validationMine"`),
      () => refuse({ monitor: "validationMine" }, held),
    ],
    [
      RegExp(`^${where}: mode: none was given for the monitor "learningRate"`),
      () => refuse({ monitor: "learningRate" }),
    ],
    [
      RegExp(`^${where}: mode: "auto" was given, one of .* was expected$`),
      () => refuse({ monitor: "loss", mode: "auto" }),
    ],
    [RegExp(`^${where}: mode: null was given, one of .* was`), () => refuse({ monitor: "loss", mode: null })],
    ...[-1, 1.5, NaN, Infinity, "3", null].map((patience): ErrorRow => {
      const given = typeof patience === "string" ? `"${patience}"` : `${patience}`;
      return [
        RegExp(`^${where}: patience: ${given} was given, a whole number of at least 0 was expected$`),
        () => refuse({ monitor: "loss", patience }),
      ];
    }),
    ...[-1e-9, NaN, Infinity, null].map(
      (minDelta): ErrorRow => [
        RegExp(`^${where}: minDelta: ${minDelta} was given, a number of at least 0 was expected$`),
        () => refuse({ monitor: "loss", minDelta }),
      ],
    ),
    [
      RegExp(`^${where}: restoreBest: 1 was given, true or false was expected$`),
      () => refuse({ monitor: "loss", restoreBest: 1 }),
    ],
    [
      RegExp(`^${where}: option: "patient" was given, one of patience, `),
      () => refuse({ monitor: "loss", patient: 1 }),
    ],
    [
      RegExp(`^${where}: null was given, an object with monitor, patience, minDelta, restoreBest, mode was expected$`),
      () => refuse(null),
    ],
    [RegExp(`^${where}: true was given, an object with `), () => refuse(true)],
    [RegExp(`^${where}: "loss" was given, an object with `), () => refuse("loss")],
    [RegExp(`^${where}: an array of 0 was given, an object with `), () => refuse([])],
    [
      /^ArgumentError: fit: option: "earlyStoping" was given, one of earlyStopping, /,
      () => refuse(undefined, JSON.parse('{"earlyStoping":{}}')),
    ],
  ];

  it.each(rows)("%s", async (message, action) => {
    expectError(await thrownBy(action), message);
    expect(epochs).toBe(0);
  });

  it("takes what is its default, and a name of validation where there is one", async () => {
    const network = await createNetwork({ inputs: FEATURES, layers: [dense(CLASSES, "softmax")] });
    const stopping = async (earlyStopping: EarlyStoppingOptions): Promise<History> =>
      new Trainer(network, { metrics: [mine] }).fit(DATA, { ...held, earlyStopping });
    expect((await stopping({})).epochs).toBe(1);
    expect((await stopping({ monitor: "validationMine", mode: "max", patience: 0 })).epochs).toBe(1);
    expect((await stopping({ monitor: "learningRate", mode: "min" })).epochs).toBe(1);
    network.dispose();
  });

  it("a symbol for a monitor is an ArgumentError as well", async () => {
    expectError(await thrownBy(() => refuse({ monitor: Symbol("loss") })), RegExp(`^${where}: monitor: Symbol`));
  });
});
