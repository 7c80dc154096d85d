/** The schedule of Trainer.fit: when it is asked, what it does to the updates, what it may not return, whole fits with it. */
// biome-ignore-all lint/suspicious/noThenProperty: warmup has an option of that name
import { expect, it } from "vitest";
import {
  adamW,
  type CustomMetric,
  cosineDecay,
  createNetwork,
  dense,
  exponentialDecay,
  type FitOptions,
  type History,
  lbfgs,
  type Network,
  type Optimizer,
  reduceOnPlateau,
  type Schedule,
  sgd,
  stepDecay,
  Trainer,
  warmup,
} from "../src/index";
import { CLASSES, classified, expectError, FEATURES, LOSS, largestGap, thrownBy } from "./support";
import { onEveryVariant } from "./variants";

const SAMPLES = 14;
const BATCH = 5;
const STEPS = 3; // of an epoch
const RATE = 0.25;
const DATA = classified(SAMPLES);
/** The same arithmetic in another order, a dozen steps of it. */
const ROUNDING = 1e-13;

onEveryVariant("schedule", (context) => {
  const create = (): Promise<Network> => {
    const layers = [dense(5, "tanh"), dense(CLASSES, "softmax")];
    return createNetwork({ inputs: FEATURES, layers, seed: 4, backend: context.backend });
  };

  const batchOf = (step: number) => {
    const [from, to] = [(step % STEPS) * BATCH, Math.min(SAMPLES, ((step % STEPS) + 1) * BATCH)];
    return { inputs: DATA.inputs.subarray(from * FEATURES, to * FEATURES), targets: DATA.targets.subarray(from, to) };
  };

  /** Steps of sgd without anything, by forward and backward, each at its own rate. */
  function byHand(network: Network, rates: readonly number[]): void {
    rates.forEach((rate, step) => {
      const { inputs, targets } = batchOf(step);
      network.forward(inputs);
      network.backward(targets, LOSS);
      network.gradients.forEach((gradient, i) => {
        network.parameters[i] = (network.parameters[i] as number) - rate * gradient;
      });
    });
  }

  const options = (schedule: unknown, epochs: number): FitOptions => ({
    epochs,
    batchSize: BATCH,
    shuffle: false,
    schedule: schedule as Schedule,
  });

  const trainerOf = (network: Network, optimizer: Optimizer = sgd({ learningRate: RATE })) =>
    new Trainer(network, { optimizer });

  it("is asked once a step, before it: the steps and whole epochs of this fit, and the history so far", async () => {
    const network = await create();
    const trainer = trainerOf(network);
    for (const _ of [1, 2]) {
      const calls: unknown[][] = [];
      const histories = new Set<History>();
      const events: string[] = [];
      const schedule: Schedule = (...given) => {
        const [step, epoch, history] = given;
        calls.push([given.length, step, epoch, history.epochs, history.loss.length, history.learningRate.length]);
        histories.add(history);
        events.push("schedule");
        return 1;
      };
      const onStep = () => events.push("step");
      const history = await trainer.fit(DATA, { ...options(schedule, 2), onStep });
      expect(calls).toEqual([
        [3, 0, 0, 0, 0, 0],
        [3, 1, 0, 0, 0, 0],
        [3, 2, 0, 0, 0, 0],
        [3, 3, 1, 1, 1, 1],
        [3, 4, 1, 1, 1, 1],
        [3, 5, 1, 1, 1, 1],
      ]);
      expect([...histories]).toEqual([history]);
      expect(histories.has(history)).toBe(true);
      expect(events).toEqual(Array(6).fill(["schedule", "step"]).flat());
      // a step in between is none of a fit
      trainer.step(DATA.inputs, DATA.targets);
    }
    network.dispose();
  });

  it("multiplies the learning rate of each step, and the history has that of the last one of an epoch", async () => {
    const [network, other] = [await create(), await create()];
    const factors = [1, 0.5, 2, 0, 0.125, 3, 1e-3, 1, 0.75];
    const history = await trainerOf(network).fit(
      DATA,
      options((step: number) => factors[step], 3),
    );
    byHand(
      other,
      factors.map((factor) => RATE * factor),
    );
    expect(largestGap(network.parameters, other.parameters)).toBeLessThanOrEqual(ROUNDING);
    expect(history.learningRate).toEqual([2, 3, 0.75].map((factor) => RATE * factor));
    for (const each of [network, other]) each.dispose();
  });

  it("moves nothing where it is 0, and with 1 is as if there were none", async () => {
    const [network, plain, still] = [await create(), await create(), await create()];
    const before = still.parameters.slice();
    const history = await trainerOf(network).fit(
      DATA,
      options(() => 1, 2),
    );
    expect(await trainerOf(plain).fit(DATA, options(undefined, 2))).toEqual(history);
    expect(history.learningRate).toEqual([RATE, RATE]);
    expect(network.parameters).toEqual(plain.parameters);
    const none = await trainerOf(still).fit(
      DATA,
      options(() => 0, 2),
    );
    expect(still.parameters).toEqual(before);
    expect(none.learningRate).toEqual([0, 0]);
    for (const each of [network, plain, still]) each.dispose();
  });

  it("scales adamW's step and its decoupled decay, in the way of an optimizer made with that rate", async () => {
    const [network, other] = [await create(), await create()];
    const optimizer = (learningRate: number) => adamW({ learningRate, weightDecay: 0.5 });
    await trainerOf(network, optimizer(0.25)).fit(
      DATA,
      options(() => 0.5, 2),
    );
    await trainerOf(other, optimizer(0.125)).fit(DATA, options(undefined, 2));
    expect(network.parameters).toEqual(other.parameters);
    for (const each of [network, other]) each.dispose();
  });

  it("lets a trainer.step inside a callback have the rate of the optimizer", async () => {
    const [network, other] = [await create(), await create()];
    const trainer = trainerOf(network);
    let inside = 0;
    await trainer.fit(DATA, {
      ...options(() => 0, 1),
      onStep: ({ batch }) => {
        if (batch > 2) return;
        const { inputs, targets } = batchOf(inside++);
        trainer.step(inputs, targets);
      },
    });
    byHand(other, [RATE, RATE]);
    expect(inside).toBe(2);
    expect(largestGap(network.parameters, other.parameters)).toBeLessThanOrEqual(ROUNDING);
    for (const each of [network, other]) each.dispose();
  });

  it("is over with the fit, whatever ended it: step and the next fit have the rate of the optimizer", async () => {
    const mine = new Error("mine");
    const controller = new AbortController();
    const endings: [string, FitOptions][] = [
      ["the end", options(() => 0, 1)],
      ["a callback", { ...options(() => 0, 1), onStep: () => Promise.reject(mine) }],
      ["the schedule", options((step: number) => (step === 2 ? NaN : 0), 1)],
      ["the signal", { ...options(() => 0, 9), onStep: () => controller.abort(), signal: controller.signal }],
    ];
    for (const [ending, given] of endings) {
      const [network, other] = [await create(), await create()];
      const trainer = trainerOf(network);
      await thrownBy(() => trainer.fit(DATA, given));
      expect([ending, network.parameters]).toEqual([ending, other.parameters]);
      const { inputs, targets } = batchOf(0);
      trainer.step(inputs, targets);
      byHand(other, [RATE]);
      expect(largestGap(network.parameters, other.parameters)).toBeLessThanOrEqual(ROUNDING);
      expect((await trainer.fit(DATA, options(undefined, 1))).learningRate).toEqual([RATE]);
      expect(largestGap(network.parameters, other.parameters)).toBeGreaterThan(1e-3);
      expect(trainer.optimizer.learningRate).toBe(RATE);
      for (const each of [network, other]) each.dispose();
    }
  });

  it("that returns no factor, or throws, leaves the network as after the last whole step", async () => {
    const mine = new RangeError("mine");
    const wrong: [unknown, RegExp][] = [
      [NaN, /^ArgumentError: fit: schedule: NaN was returned for step 4, a finite number of at least 0 was expected$/],
      [-1, /^ArgumentError: fit: schedule: -1 was returned for step 4, /],
      [Infinity, /^ArgumentError: fit: schedule: Infinity was returned for step 4, /],
      ["x", /^ArgumentError: fit: schedule: "x" was returned for step 4, /],
      ["0.5", /^ArgumentError: fit: schedule: "0.5" was returned for step 4, /],
      [undefined, /^ArgumentError: fit: schedule: undefined was returned for step 4, /],
      [null, /^ArgumentError: fit: schedule: null was returned for step 4, /],
      [Promise.resolve(1), /^ArgumentError: fit: schedule: a Promise was returned for step 4, /],
      [mine, /^RangeError: mine$/],
    ];
    for (const [value, message] of wrong) {
      const [network, other] = [await create(), await create()];
      const trainer = trainerOf(network);
      const schedule = (step: number) => {
        if (step < 4) return 0.5;
        if (value === mine) throw mine;
        return value;
      };
      let steps = 0;
      const error = await thrownBy(() => trainer.fit(DATA, { ...options(schedule, 3), onStep: () => ++steps }));
      if (value === mine) expect(error).toBe(mine);
      else expectError(error, message);
      expect(steps).toBe(4);
      byHand(other, Array(4).fill(RATE / 2));
      expect(largestGap(network.parameters, other.parameters)).toBeLessThanOrEqual(ROUNDING);
      // it counts the whole steps only, and can be trained on
      let first = 0;
      const onStep = ({ step }: { step: number }) => {
        first ||= step;
      };
      expect((await trainer.fit(DATA, { ...options(undefined, 1), onStep })).epochs).toBe(1);
      expect(first).toBe(5);
      for (const each of [network, other]) each.dispose();
    }
  });

  it("must be a function", async () => {
    const network = await create();
    for (const [given, shown] of [
      [0.5, "0.5"],
      ["cosineDecay", '"cosineDecay"'],
      [null, "null"],
      [[1, 0.5], "an array of 2"],
    ] as const) {
      const message = RegExp(`^ArgumentError: fit: schedule: ${shown} was given, a function was expected$`);
      expectError(await thrownBy(() => trainerOf(network).fit(DATA, options(given, 1))), message);
    }
    network.dispose();
  });

  it("takes lbfgs's first length", async () => {
    const network = await create();
    const trainer = trainerOf(network, lbfgs());
    const before = network.parameters.slice();
    const history = await trainer.fit(DATA, { epochs: 2, schedule: () => 0.5 });
    expect(history.learningRate).toEqual([0.5, 0.5]);
    expect(network.parameters).not.toEqual(before);
    network.dispose();
  });

  /** What each step's rate was, seen from outside: the bias of a single linear unit whose gradient is 1. */
  async function ratesOf(given: FitOptions, metric?: CustomMetric): Promise<{ rates: number[]; history: History }> {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    const loss = {
      name: "slope",
      value: () => 1,
      gradient: (_: unknown, out: Float64Array) => void out.fill(1 / out.length),
    };
    const trainer = new Trainer(network, {
      loss,
      metrics: metric ? [metric] : [],
      optimizer: sgd({ learningRate: 1 }),
    });
    const rates: number[] = [];
    let bias = 0;
    const history = await trainer.fit(
      { inputs: new Float64Array(12), targets: new Float64Array(12) },
      {
        batchSize: 4,
        ...given,
        onStep: () => {
          const [, now = NaN] = network.parameters;
          rates.push(bias - now);
          bias = now;
        },
      },
    );
    network.dispose();
    return { rates, history };
  }

  it("goes through warmup and then cosineDecay, step by step", async () => {
    const schedule = warmup({ steps: 4, then: cosineDecay({ steps: 6, minimum: 0.25 }) });
    const { rates, history } = await ratesOf({ epochs: 4, schedule });
    const cosine = (step: number) => 0.25 + 0.375 * (1 + Math.cos((Math.PI * Math.min(step, 6)) / 6));
    const expected = Array.from({ length: 12 }, (_, step) => (step < 4 ? (step + 1) / 4 : cosine(step - 4)));
    expect(largestGap(rates, expected)).toBeLessThanOrEqual(1e-14);
    expect(
      largestGap(
        history.learningRate,
        [2, 5, 8, 11].map((step) => expected[step] as number),
      ),
    ).toBeLessThanOrEqual(1e-14);
  });

  it("goes down by epochs: stepDecay, exponentialDecay", async () => {
    const stairs = await ratesOf({ epochs: 5, schedule: stepDecay({ every: 2, factor: 0.5 }) });
    expect(stairs.history.learningRate).toEqual([1, 1, 0.5, 0.5, 0.25]);
    expect(
      largestGap(
        stairs.rates,
        [1, 1, 0.5, 0.5, 0.25].flatMap((rate) => [rate, rate, rate]),
      ),
    ).toBeLessThanOrEqual(1e-14);
    const slide = await ratesOf({ epochs: 3, schedule: exponentialDecay({ rate: 0.5 }) });
    expect(slide.history.learningRate).toEqual([1, 0.5, 0.25]);
  });

  it("is lowered by reduceOnPlateau after the epochs that were no better", async () => {
    const series = [5, 4, 4, 4, 4, 3, 3, 3, 3, 3];
    const values = series[Symbol.iterator]();
    const metric = { name: "mine", compute: () => values.next().value ?? NaN };
    const schedule = reduceOnPlateau({ monitor: "mine", mode: "min", factor: 0.5, patience: 1 });
    const { rates, history } = await ratesOf({ epochs: series.length, schedule }, metric);
    // more than one epoch that is no better: of 4 after the 4th, of 3 after the 8th and the 10th, which nobody sees
    const expected = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25];
    expect(history.learningRate).toEqual(expected);
    expect(
      largestGap(
        rates,
        expected.flatMap((rate) => [rate, rate, rate]),
      ),
    ).toBeLessThanOrEqual(1e-14);
  });

  it("tells of a plateau whose monitor is not measured, after the first epoch", async () => {
    const error = await thrownBy(() => ratesOf({ epochs: 2, schedule: reduceOnPlateau() }));
    expectError(
      error,
      /^ArgumentError: reduceOnPlateau: monitor: "validationLoss" was given, of which nothing was measured/,
    );
  });

  it("may use the network: forward, backward and predict go no other way", async () => {
    const [network, quiet] = [await create(), await create()];
    const { inputs, targets } = classified(9, 77);
    const looking: Schedule = () => {
      network.predict(inputs);
      network.forward(inputs);
      network.backward(targets, LOSS);
      return 1;
    };
    await trainerOf(network).fit(DATA, options(looking, 1));
    await trainerOf(quiet).fit(
      DATA,
      options(() => 1, 1),
    );
    expect(network.parameters).toEqual(quiet.parameters);
    for (const each of [network, quiet]) each.dispose();
  });
});
