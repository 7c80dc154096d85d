/** The schedules against torch.optim.lr_scheduler (test/golden/schedules.py), their edges, and what they refuse. */
// biome-ignore-all lint/suspicious/noThenProperty: warmup has an option of that name
import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { cospi } from "../src/fit/cospi";
import { emptyHistory, type History } from "../src/fit/history";
import { defaultMode } from "../src/fit/monitor";
import {
  type CosineDecayOptions,
  cosineDecay,
  type ExponentialDecayOptions,
  exponentialDecay,
  type ReduceOnPlateauOptions,
  reduceOnPlateau,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
  type WarmupOptions,
  warmup,
} from "../src/fit/schedules";
import { type ErrorRow, expectError, gap, thrownBy } from "./support";

type GoldenSchedule = {
  /** Epoch by epoch, or step by step; of a plateau after each value. */
  factors: number[];
} & (
  | { schedule: "stepDecay"; options: StepDecayOptions }
  | { schedule: "exponentialDecay"; options: ExponentialDecayOptions }
  | { schedule: "cosineDecay"; options: CosineDecayOptions }
  | { schedule: "warmup"; options: WarmupOptions }
  /** null is NaN */
  | { schedule: "reduceOnPlateau"; options: ReduceOnPlateauOptions; name: string; values: (number | null)[] }
);

const cases: GoldenSchedule[] = JSON.parse(readFileSync(new URL("golden/schedules.json", import.meta.url), "utf8"));

/** A few roundings more than torch: the powers are by squaring. */
const TOLERANCE = 1e-14;

const NONE = emptyHistory([]);

/** The history of a fit in which that was measured, an epoch each. */
function measured(values: number[], name = "validationLoss"): History {
  return Object.assign(emptyHistory([]), { [name]: values, epochs: values.length });
}

const valuesOf = (golden: { values: (number | null)[] }) => golden.values.map((value) => value ?? NaN);
const plateaus = cases.filter((golden) => golden.schedule === "reduceOnPlateau");

function expectNear(actual: number[], expected: number[], tolerance = TOLERANCE): void {
  expect(actual.length).toBe(expected.length);
  const far = actual.filter((factor, i) => !(gap(factor, expected[i] as number) <= tolerance));
  expect(far, `${actual} were given, ${expected} were expected`).toEqual([]);
}

/** The factors of so many steps, an epoch each that many. */
function factorsOf(schedule: Schedule, steps: number, stepsAnEpoch = 1): number[] {
  return Array.from({ length: steps }, (_, step) => schedule(step, Math.floor(step / stepsAnEpoch), NONE));
}

describe("cospi", () => {
  // fixed point
  const BITS = 160n;
  const ONE = 1n << BITS;
  const fixed = (x: number) => BigInt(x * 2 ** 160);

  /** atan(1 / n) */
  function arcTangent(n: bigint): bigint {
    let sum = 0n;
    for (let term = ONE / n, k = 1n; term !== 0n; term = -term / (n * n), k += 2n) sum += term / k;
    return sum;
  }
  const PI = 4n * (4n * arcTangent(5n) - arcTangent(239n));

  function cosine(z: bigint): bigint {
    const square = (z * z) >> BITS;
    let sum = 0n;
    for (let term = ONE, k = 1n; term !== 0n; term = ((-term * square) / (k * (k + 1n))) >> BITS, k += 2n) sum += term;
    return sum;
  }

  /** The distance of the float64 y > 0 from the next one, towards 0 or away from it. */
  function ulp(y: number, away: boolean): number {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, y);
    view.setBigInt64(0, view.getBigInt64(0) + (away ? 1n : -1n));
    return Math.abs(view.getFloat64(0) - y);
  }

  function errorOf(x: number): number {
    const y = cospi(x);
    const exact = cosine((PI * fixed(x)) >> BITS);
    return Math.abs(Number(fixed(y) - exact)) / 2 ** 160 / ulp(y, exact > fixed(y));
  }

  it("is within an ulp of fixed point of 160 bits", () => {
    const xs: number[] = [];
    for (let n = 1; n <= 150; n++) for (let k = 0; k < n; k++) xs.push(k / n / 2);
    for (let i = 1; i <= 20000; i++) xs.push((i * 0.6180339887498949) % 0.5);
    for (const at of [0, 0.125, 0.25, 0.375, 0.5]) {
      for (let e = 3; e < 54; e++) for (const side of [at - 2 ** -e, at + 2 ** -e]) xs.push(Math.abs(side));
    }
    let worst = { error: 0, x: 0 };
    for (const x of xs) {
      if (x >= 0.5) continue;
      const error = errorOf(x);
      if (!(error <= worst.error)) worst = { error, x };
    }
    console.log(`cospi, ${xs.length} arguments: ${worst.error.toFixed(3)} ulp at ${worst.x}`);
    expect(worst.error).toBeLessThan(1);
  });

  it("is exact at the ends", () => {
    expect([0, 1 / 2].map(cospi)).toEqual([1, 0]);
    expect(cospi(Number.MIN_VALUE)).toBe(1);
  });
});

describe("schedules, against PyTorch", () => {
  test.each(cases.filter(({ schedule }) => schedule !== "reduceOnPlateau"))("$schedule $options", (golden) => {
    const { factors } = golden;
    const steps = factors.length;
    if (golden.schedule === "stepDecay") expectNear(factorsOf(stepDecay(golden.options), steps), factors);
    else if (golden.schedule === "exponentialDecay") {
      expectNear(factorsOf(exponentialDecay(golden.options), steps), factors);
    } else if (golden.schedule === "cosineDecay") expectNear(factorsOf(cosineDecay(golden.options), steps), factors);
    else if (golden.schedule === "warmup") expectNear(factorsOf(warmup(golden.options), steps), factors);
  });

  test.each(plateaus)("reduceOnPlateau $name", (golden) => {
    const schedule = reduceOnPlateau(golden.options);
    const history = measured([]);
    expect(schedule(0, 0, history)).toBe(1);
    const factors = valuesOf(golden).map((value, i) => {
      history.validationLoss.push(value);
      return schedule(i + 1, i + 1, history);
    });
    expect(factors).toEqual(golden.factors); // the same products: to the bit
  });

  it("has golden plateaus of every kind", () => {
    const reduced = plateaus.filter(({ factors }) => Math.min(...factors) < 1);
    expect(reduced.length).toBeGreaterThan(15);
    for (const mode of ["min", "max"] as const) {
      const these = reduced.filter(({ options }) => options.mode === mode);
      expect(these.some(({ options }) => options.patience === 0)).toBe(true);
      expect(these.some(({ options }) => (options.cooldown ?? 0) > 0)).toBe(true);
      expect(these.some(({ values }) => values.includes(null))).toBe(true);
      const low = these.filter(({ options, factors }) => options.minimum && factors.includes(options.minimum));
      expect(low.length).toBeGreaterThan(0);
    }
  });
});

describe("stepDecay and exponentialDecay", () => {
  it("go by epochs, not steps", () => {
    const schedule = stepDecay({ every: 2, factor: 0.5 });
    expect(factorsOf(schedule, 12, 2)).toEqual([1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]);
    expect(factorsOf(exponentialDecay({ rate: 0.5 }), 6, 2)).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25]);
  });
});

describe("cosineDecay", () => {
  it("is exactly 1 at first, exactly the minimum at last and after, and never rises", () => {
    for (const steps of [1, 2, 3, 7, 10, 999, 1000]) {
      for (const minimum of [0, 1e-17, 1e-3, 0.1, 1 / 3, 0.7, 1]) {
        const schedule = cosineDecay({ steps, minimum });
        const factors = factorsOf(schedule, steps + 1);
        expect(factors[0]).toBe(1);
        expect(factors[steps]).toBe(minimum);
        for (const after of [1, 2, steps, 1e9, 2 ** 53]) expect(schedule(steps + after, 0, NONE)).toBe(minimum);
        expect(factors.every((factor, step) => step === 0 || factor <= (factors[step - 1] as number))).toBe(true);
      }
    }
  });

  it("is half way at half of the steps", () => {
    expect(cosineDecay({ steps: 10 })(5, 0, NONE)).toBeCloseTo(0.5, 15);
  });

  it("keeps its digits near the end", () => {
    // (pi / 2 / steps)^2, the first term; the second is 1e-12 of it
    const [steps, last] = [2 ** 20, 2 ** 20 - 1];
    const expected = (Math.PI / 2 / steps) ** 2;
    expect(Math.abs(cosineDecay({ steps })(last, 0, NONE) / expected - 1)).toBeLessThan(2e-12);
  });

  it("falls to 0 where no minimum is given, or undefined", () => {
    expect(cosineDecay({ steps: 4 })(4, 0, NONE)).toBe(0);
    expect(cosineDecay({ steps: 4, minimum: undefined })(4, 0, NONE)).toBe(0);
  });
});

describe("reduceOnPlateau", () => {
  const settings: ReduceOnPlateauOptions = { mode: "min", patience: 1, cooldown: 1, factor: 0.5 };
  const series = [1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, NaN, 0.5];
  const factors = [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125];
  const factorAfter = (schedule: Schedule, values: number[]) =>
    schedule(values.length, values.length, measured(values));

  it("has PyTorch's defaults, and watches validationLoss", () => {
    const schedule = reduceOnPlateau();
    expect(factorAfter(schedule, Array(11).fill(1))).toBe(1);
    expect(factorAfter(schedule, Array(12).fill(1))).toBe(0.1);
    expect(factorAfter(schedule, [1, ...Array(11).fill(1 - 0.99e-4)])).toBe(0.1);
    expect(factorAfter(schedule, [1, ...Array(11).fill(1 - 1.01e-4)])).toBe(1);
    expect(factorAfter(schedule, Array(12 + 11 * 30).fill(1))).toBeCloseTo(0, 25);
    const given = { monitor: undefined, mode: undefined, factor: undefined, patience: undefined, minimum: undefined };
    expect(factorAfter(reduceOnPlateau(given), Array(12).fill(1))).toBe(0.1);
  });

  it("is a function of the list alone: whole, grown, cut, replaced, or another's in between", () => {
    const schedule = reduceOnPlateau(settings);
    const history = measured([]);
    series.forEach((value, i) => {
      history.validationLoss.push(value);
      const expected = factors[i] as number;
      for (let step = 0; step < 3; step++) expect(schedule(step, i + 1, history)).toBe(expected);
      expect(factorAfter(schedule, series.slice(0, i + 1))).toBe(expected);
      expect(factorAfter(reduceOnPlateau(settings), series.slice(0, i + 1))).toBe(expected);
      expect(factorAfter(schedule, [3, 2, 1])).toBe(1);
    });
    history.validationLoss.length = 3;
    expect(schedule(0, 3, history)).toBe(0.5);
    history.validationLoss.length = 2;
    expect(schedule(0, 2, history)).toBe(1);
    history.validationLoss.push(0.5);
    expect(schedule(0, 3, history)).toBe(1);
    // the same history with another list of the same length
    expect(schedule(0, 3, Object.assign(history, { validationLoss: [1, 1, 1] }))).toBe(0.5);
    expect(schedule(0, 3, Object.assign(history, { validationLoss: [3, 2, 1] }))).toBe(1);
  });

  it("looks at each value once", () => {
    let reads = 0;
    const watched = new Proxy(series.slice(), {
      get(target, key) {
        if (typeof key === "string" && /^\d+$/.test(key)) reads++;
        return Reflect.get(target, key);
      },
    });
    const schedule = reduceOnPlateau(settings);
    const history = measured(watched);
    for (let step = 0; step < 100; step++) expect(schedule(step, series.length, history)).toBe(0.125);
    expect(reads).toBe(series.length);
  });

  it("reads the list of its monitor, whatever the name", () => {
    const lists = { validationLoss: [3, 2, 1], accuracy: [0.1, 0.2, 0.3] };
    const plateau = Object.assign(measured([1, 1, 1], "recallOfCats"), lists);
    expect(reduceOnPlateau(settings)(0, 3, plateau)).toBe(1);
    expect(reduceOnPlateau({ ...settings, monitor: "accuracy", mode: undefined })(0, 3, plateau)).toBe(1);
    expect(reduceOnPlateau({ ...settings, monitor: "accuracy" })(0, 3, plateau)).toBe(0.5);
    expect(reduceOnPlateau({ ...settings, monitor: "recallOfCats" })(0, 3, plateau)).toBe(0.5);
  });

  it("is 1 before the first epoch", () => {
    expect(reduceOnPlateau()(5, 0, NONE)).toBe(1);
    expect(reduceOnPlateau({ monitor: "recallOfCats", mode: "max" })(5, 0, NONE)).toBe(1);
  });

  const known: [string, string][] = [
    ["loss", "min"],
    ["meanAbsoluteError", "min"],
    ["accuracy", "max"],
    ["precision", "max"],
    ["recall", "max"],
    ["f1", "max"],
    ["rocAuc", "max"],
    ["r2", "max"],
  ];
  it.each(known)("knows the mode of %s: %s", (name, mode) => {
    const validation = `validation${name[0]?.toUpperCase()}${name.slice(1)}`;
    for (const monitor of [name, validation]) {
      expect(defaultMode(monitor)).toBe(mode);
      const schedule = reduceOnPlateau({ monitor, patience: 0 });
      expect(schedule(0, 2, measured([1, 2], monitor))).toBe(mode === "max" ? 1 : 0.1);
      expect(schedule(0, 2, measured([2, 1], monitor))).toBe(mode === "max" ? 0.1 : 1);
    }
  });

  it("knows no mode of other names", () => {
    for (const name of [
      "",
      "mine",
      "Loss",
      "validationloss",
      "validation",
      "learningRate",
      "constructor",
      "toString",
    ]) {
      expect(defaultMode(name)).toBe(undefined);
    }
  });
});

describe("warmup", () => {
  it("rises by equal steps, then stays at 1", () => {
    expect(factorsOf(warmup({ steps: 4 }), 7)).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1]);
    expect(factorsOf(warmup({ steps: 1 }), 2)).toEqual([1, 1]);
    expect(factorsOf(warmup({ steps: 2, then: undefined }), 3)).toEqual([0.5, 1, 1]);
  });

  it("hands on the steps that are left, the epoch and the history as they are", () => {
    const calls: unknown[][] = [];
    const schedule = warmup({ steps: 3, then: (...given) => calls.push(given) });
    for (let step = 0; step < 5; step++) schedule(step, 7 + step, NONE);
    expect(calls).toEqual([
      [0, 10, NONE],
      [1, 11, NONE],
    ]);
    expect(calls[0]?.[2]).toBe(NONE);
  });

  it.each(cases.filter(({ schedule }) => schedule === "cosineDecay"))("before cosineDecay $options", (golden) => {
    if (golden.schedule !== "cosineDecay") return;
    const schedule = warmup({ steps: 5, then: cosineDecay(golden.options) });
    expectNear(factorsOf(schedule, 5 + golden.factors.length), [0.2, 0.4, 0.6, 0.8, 1, ...golden.factors]);
  });

  it.each(cases.filter(({ schedule }) => /^(step|exponential)Decay/.test(schedule)))(
    "before $schedule $options",
    (g) => {
      const then = g.schedule === "stepDecay" ? stepDecay(g.options) : undefined;
      const after = g.schedule === "exponentialDecay" ? exponentialDecay(g.options) : then;
      // two steps an epoch: the warm-up ends within the third, whose factor follows
      const expected = [0.2, 0.4, 0.6, 0.8, 1, ...g.factors.flatMap((factor) => [factor, factor]).slice(5)];
      expectNear(factorsOf(warmup({ steps: 5, then: after }), expected.length, 2), expected);
    },
  );

  it.each(plateaus)("before reduceOnPlateau $name", (golden) => {
    const schedule = warmup({ steps: 3, then: reduceOnPlateau(golden.options) });
    const history = measured([]);
    const factors = valuesOf(golden).map((value, step) => {
      const factor = schedule(step, step, history);
      history.validationLoss.push(value);
      return factor;
    });
    expect(factors).toEqual([1 / 3, 2 / 3, 1, ...golden.factors.slice(2, -1)]);
  });

  it("within a warm-up", () => {
    const schedule = warmup({ steps: 2, then: warmup({ steps: 4, then: cosineDecay({ steps: 2 }) }) });
    expectNear(factorsOf(schedule, 10), [0.5, 1, 0.25, 0.5, 0.75, 1, 1, 0.5, 0, 0]);
  });
});

describe("what schedules refuse", () => {
  /** With what the types do not allow. */
  const call = (make: (...given: never[]) => Schedule, ...given: unknown[]) => Reflect.apply(make, undefined, given);
  const plateau = (options: unknown) => call(reduceOnPlateau, options);
  const unmeasured = (monitor: string, epochs: number, mode?: "min") =>
    reduceOnPlateau({ monitor, mode })(9, epochs, Object.assign(emptyHistory([]), { loss: [1], epochs }));
  const minimum = "a number from 0 to 1 was expected";

  const rows: ErrorRow[] = [
    [
      /^ArgumentError: stepDecay: undefined was given, an object with every, factor was expected$/,
      () => call(stepDecay),
    ],
    [/^ArgumentError: stepDecay: 30 was given, an object with every, factor was expected$/, () => call(stepDecay, 30)],
    [
      /^ArgumentError: stepDecay: option: "facto" was given, one of factor, every was expected$/,
      () => call(stepDecay, { every: 3, facto: 1 }),
    ],
    [
      /^ArgumentError: stepDecay: every: 0 was given, a whole number of at least 1 was expected$/,
      () => stepDecay({ every: 0, factor: 0.1 }),
    ],
    [
      /^ArgumentError: stepDecay: every: 1.5 was given, a whole number of at least 1 was expected$/,
      () => stepDecay({ every: 1.5, factor: 0.1 }),
    ],
    [
      /^ArgumentError: stepDecay: every: undefined was given, a whole number of at least 1 was expected$/,
      () => call(stepDecay, { factor: 0.1 }),
    ],
    [
      /^ArgumentError: stepDecay: factor: 0 was given, a number above 0 was expected$/,
      () => stepDecay({ every: 1, factor: 0 }),
    ],
    [
      /^ArgumentError: stepDecay: factor: undefined was given, a number above 0 was expected$/,
      () => call(stepDecay, { every: 1 }),
    ],
    [
      /^ArgumentError: stepDecay: factor: Infinity was given, a number above 0 was expected$/,
      () => stepDecay({ every: 1, factor: Infinity }),
    ],
    [
      /^ArgumentError: exponentialDecay: null was given, an object with rate was expected$/,
      () => call(exponentialDecay, null),
    ],
    [
      /^ArgumentError: exponentialDecay: option: "gamma" was given, one of rate was expected$/,
      () => call(exponentialDecay, { gamma: 0.9 }),
    ],
    [
      /^ArgumentError: exponentialDecay: rate: -0.5 was given, a number above 0 was expected$/,
      () => exponentialDecay({ rate: -0.5 }),
    ],
    [
      /^ArgumentError: exponentialDecay: rate: "0.9" was given, a number above 0 was expected$/,
      () => call(exponentialDecay, { rate: "0.9" }),
    ],
    [
      /^ArgumentError: cosineDecay: an array of 1 was given, an object with steps, minimum was expected$/,
      () => call(cosineDecay, [5]),
    ],
    [
      /^ArgumentError: cosineDecay: option: "step" was given, one of steps, minimum was expected$/,
      () => call(cosineDecay, { step: 5 }),
    ],
    [
      /^ArgumentError: cosineDecay: steps: 0 was given, a whole number of at least 1 was expected$/,
      () => cosineDecay({ steps: 0 }),
    ],
    [
      /^ArgumentError: cosineDecay: steps: undefined was given, a whole number of at least 1 was expected$/,
      () => call(cosineDecay, {}),
    ],
    [
      RegExp(`^ArgumentError: cosineDecay: minimum: 1.1 was given, ${minimum}$`),
      () => cosineDecay({ steps: 5, minimum: 1.1 }),
    ],
    [
      RegExp(`^ArgumentError: cosineDecay: minimum: -1 was given, ${minimum}$`),
      () => cosineDecay({ steps: 5, minimum: -1 }),
    ],
    [/^ArgumentError: reduceOnPlateau: null was given, an object with monitor, mode, factor, /, () => plateau(null)],
    [/^ArgumentError: reduceOnPlateau: option: "patient" was given, one of patience, /, () => plateau({ patient: 3 })],
    [
      /^ArgumentError: reduceOnPlateau: monitor: 3 was given, the name of a list of the history was expected, "validationLoss" or the like$/,
      () => plateau({ monitor: 3 }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: mode: none was given for the monitor "mine", "min" or "max" was expected: whether small is good or large$/,
      () => plateau({ monitor: "mine" }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: mode: "minimum" was given, one of min, max was expected$/,
      () => plateau({ mode: "minimum" }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: mode: null was given, one of min, max was expected$/,
      () => plateau({ mode: null }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: factor: 1 was given, a number above 0 and below 1 was expected$/,
      () => plateau({ factor: 1 }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: factor: 0 was given, a number above 0 and below 1 was expected$/,
      () => plateau({ factor: 0 }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: patience: -1 was given, a whole number of at least 0 was expected$/,
      () => plateau({ patience: -1 }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: patience: Infinity was given, a whole number of at least 0 was expected$/,
      () => plateau({ patience: Infinity }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: threshold: 1 was given, a number from 0 to below 1 was expected$/,
      () => plateau({ threshold: 1 }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: threshold: -0.1 was given, a number from 0 to below 1 was expected$/,
      () => plateau({ threshold: -0.1 }),
    ],
    [RegExp(`^ArgumentError: reduceOnPlateau: minimum: NaN was given, ${minimum}$`), () => plateau({ minimum: NaN })],
    [RegExp(`^ArgumentError: reduceOnPlateau: minimum: 2 was given, ${minimum}$`), () => plateau({ minimum: 2 })],
    [
      /^ArgumentError: reduceOnPlateau: cooldown: 0.5 was given, a whole number of at least 0 was expected$/,
      () => plateau({ cooldown: 0.5 }),
    ],
    [
      /^ArgumentError: reduceOnPlateau: monitor: "validationLoss" was given, of which nothing was measured in 2 epochs; one number an epoch was expected: fit needs validation or validationSplit$/,
      () => unmeasured("validationLoss", 2),
    ],
    [
      /^ArgumentError: reduceOnPlateau: monitor: "validationF1" was given, of which nothing was measured in an epoch; one number an epoch was expected: fit needs validation or validationSplit, and the trainer that metric$/,
      () => unmeasured("validationF1", 1),
    ],
    [
      /^ArgumentError: reduceOnPlateau: monitor: "accuracy" was given, of which nothing was measured in 3 epochs; one number an epoch was expected: the trainer needs that metric$/,
      () => unmeasured("accuracy", 3),
    ],
    [
      /^ArgumentError: reduceOnPlateau: monitor: "validationLos" was given, one of validationLoss, .*loss.* was expected$/,
      () => unmeasured("validationLos", 3, "min"),
    ],
    [
      /^ArgumentError: reduceOnPlateau: monitor: "epochs" was given, one of (?!.*epochs).* was expected$/,
      () => unmeasured("epochs", 3, "min"),
    ],
    [/^ArgumentError: warmup: undefined was given, an object with steps, then was expected$/, () => call(warmup)],
    [
      /^ArgumentError: warmup: option: "them" was given, one of then, steps was expected$/,
      () => call(warmup, { steps: 3, them: 1 }),
    ],
    [
      /^ArgumentError: warmup: steps: 0 was given, a whole number of at least 1 was expected$/,
      () => warmup({ steps: 0 }),
    ],
    [
      /^ArgumentError: warmup: steps: 2.5 was given, a whole number of at least 1 was expected$/,
      () => warmup({ steps: 2.5 }),
    ],
    [
      /^ArgumentError: warmup: then: 0.5 was given, a schedule was expected: cosineDecay\(\) or the like$/,
      () => call(warmup, { steps: 3, then: 0.5 }),
    ],
    [
      /^ArgumentError: warmup: then: null was given, a schedule was expected/,
      () => call(warmup, { steps: 3, then: null }),
    ],
  ];

  it.each(rows)("%s", async (message, action) => expectError(await thrownBy(action), message));
});
