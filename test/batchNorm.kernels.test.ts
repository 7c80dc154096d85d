/**
 * The kernels of batch normalisation, twice: within their documented bounds of exact arithmetic, and bit for bit the
 * formula in the order that they promise, where an engine fuses with the one rounding of a fused multiply-add.
 */
import { describe, expect, it } from "vitest";
import probeRelaxed from "../build/probe-relaxed.base64";
import type { Backend } from "../src/backend/backend";
import { loadBackend } from "../src/backend/load";
import { tryProbe } from "../src/backend/probe";
import { bitMismatch, columnSums, generator, integers, uniform } from "./oracle";
import { type GuardedMatrix, guardedMatrix, onEveryVariant } from "./variants";

type Kernels = Backend["engine"]["kernels"];

const U = 2 ** -53;
/** What first order leaves out. */
const SECOND_ORDER = 1 + 1e-9;

/** Nothing, one, two, one less and one more than four vectors, odd, several blocks of rows, and rows wider than a block. */
const SHAPES = [
  [0, 3],
  [5, 0],
  [1, 1],
  [1, 4],
  [2, 1],
  [2, 7],
  [3, 2],
  [3, 8],
  [4, 9],
  [33, 17],
  [70, 8],
  [300, 19],
  [9, 700],
  [6, 2051],
] as const;

// -- exact arithmetic -------------------------------------------------------------------------------------------------

const double = new Float64Array(1);
const bits = new BigUint64Array(double.buffer);

/** whole 2^exponent: every sum and product of finite numbers, exactly. */
class Dyadic {
  constructor(
    readonly whole: bigint,
    readonly exponent: number,
  ) {}

  static of(x: number): Dyadic {
    if (!Number.isFinite(x)) throw new Error(`${x} is no fraction`);
    if (x === 0) return nought;
    double[0] = x;
    const word = bits[0] as bigint;
    const biased = Number((word >> 52n) & 2047n);
    const fraction = word & 0xfffffffffffffn;
    const magnitude = biased === 0 ? fraction : fraction | 0x10000000000000n;
    return new Dyadic(word >> 63n === 1n ? -magnitude : magnitude, Math.max(biased, 1) - 1075);
  }

  plus(x: Dyadic): Dyadic {
    const exponent = Math.min(this.exponent, x.exponent);
    const [a, b] = [this, x].map((term) => term.whole << BigInt(term.exponent - exponent)) as [bigint, bigint];
    return new Dyadic(a + b, exponent);
  }

  minus(x: Dyadic): Dyadic {
    return this.plus(new Dyadic(-x.whole, x.exponent));
  }

  times(x: Dyadic): Dyadic {
    return new Dyadic(this.whole * x.whole, this.exponent + x.exponent);
  }

  /** The nearest number. */
  get value(): number {
    if (this.whole !== 0n && this.exponent < -1000) throw new Error("too small for these tests");
    return Number(this.whole) * 2 ** this.exponent;
  }
}

const exactly = Dyadic.of;
const nought = new Dyadic(0n, 0);

function total(length: number, term: (i: number) => Dyadic): Dyadic {
  let sum = nought;
  for (let i = 0; i < length; i++) sum = sum.plus(term(i));
  return sum;
}

/** Fails where |error| is above `bound`. */
function expectWithin(error: Dyadic, bound: number, title: string): void {
  const size = Math.abs(error.value);
  if (!(size <= bound * SECOND_ORDER)) expect.fail(`${title}: off by ${size}, ${bound} allowed`);
}

// -- on a backend -----------------------------------------------------------------------------------------------------

/** Calls with the addresses of these arrays; what they are afterwards. Nothing beside them may be written. */
function placed<Name extends string>(
  backend: Backend,
  arrays: Record<Name, Float64Array>,
  action: (kernels: Kernels, at: Record<Name, number>) => void,
): Record<Name, Float64Array> {
  const names = Object.keys(arrays) as Name[];
  const blocks = new Map<Name, GuardedMatrix>();
  const at = {} as Record<Name, number>;
  for (const name of names) {
    const block = guardedMatrix(backend, 1, arrays[name].length);
    block.matrix.values.set(arrays[name]);
    blocks.set(name, block);
    at[name] = block.matrix.pointer("placed");
  }
  action(backend.engine.kernels, at);
  const after = {} as Record<Name, Float64Array>;
  for (const [name, block] of blocks) {
    after[name] = block.matrix.values.slice();
    expect(block.intact(), `what is beside ${name}`).toBe(true);
  }
  for (const block of blocks.values()) block.dispose();
  return after;
}

/** a b + c as Lanes.madd has it on this backend. */
function maddOf(backend: Backend): (a: number, b: number, c: number) => number {
  const fuses = backend.variant === "relaxed" && tryProbe({ binary: probeRelaxed, lacking: "" }).fuses;
  return (a, b, c) => {
    if (!fuses || ![a, b, c].every(Number.isFinite)) return a * b + c;
    return exactly(a).times(exactly(b)).plus(exactly(c)).value;
  };
}

const unset = (length: number) => new Float64Array(length).fill(NaN);

/** f(i, j) of every element, row after row. */
function table(samples: number, units: number, f: (at: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: samples * units }, (_, at) => f(at, at % units));
}

/** Column by column from 0: sum <- f(sum, at, j) down the rows. */
function chains(samples: number, units: number, f: (sum: number, at: number, j: number) => number): Float64Array {
  const sums = new Float64Array(units);
  for (let j = 0; j < units; j++) {
    for (let i = 0; i < samples; i++) sums[j] = f(sums[j] as number, i * units + j, j);
  }
  return sums;
}

/** A copy with another value at `at`. */
function changed(x: Float64Array, at: number, value: number): Float64Array {
  const copy = x.slice();
  copy[at] = value;
  return copy;
}

/** Element `at`, which is there. */
const get = (x: Float64Array, at: number) => x[at] as number;

// -- the suites -------------------------------------------------------------------------------------------------------

/** Around 0; around a million, a thousandth wide; and of any size. */
const SPREADS = {
  "around 0": (random: () => number, length: number) => uniform(random, length),
  "around a million": (random: () => number, length: number) => uniform(random, length, 1e6 - 1e-3, 1e6 + 1e-3),
  "of all sizes": (random: () => number, length: number) =>
    uniform(random, length).map((x) => x * 10 ** Math.floor(16 * random() - 8)),
};

onEveryVariant("columnMoments", (context) => {
  function moments(samples: number, units: number, x: Float64Array) {
    const after = placed(context.backend, { x, mean: unset(units), variance: unset(units) }, (kernels, at) =>
      kernels.columnMoments(samples, units, at.x, at.mean, at.variance),
    );
    expect(bitMismatch(after.x, x)).toBeUndefined();
    return after;
  }

  it.each(Object.entries(SPREADS))("are those of exact arithmetic within their bounds, %s", (_, spread) => {
    const random = generator(5);
    for (const [samples, units] of SHAPES) {
      if (samples === 0) continue;
      const x = spread(random, samples * units);
      const { mean, variance } = moments(samples, units, x);
      const n = exactly(samples);
      for (let j = 0; j < units; j++) {
        const at = (i: number) => exactly(get(x, i * units + j));
        const sum = total(samples, at);
        const size = total(samples, (i) => exactly(Math.abs(get(x, i * units + j)))).value;
        const title = `${samples}x${units}, column ${j}`;
        // n mean - sum_i x_i
        expectWithin(n.times(exactly(get(mean, j))).minus(sum), samples * U * size, `the mean of ${title}`);
        // n^2 variance - (n sum_i x_i^2 - (sum_i x_i)^2)
        const squares = n.times(total(samples, (i) => at(i).times(at(i)))).minus(sum.times(sum));
        const error = n
          .times(n)
          .times(exactly(get(variance, j)))
          .minus(squares);
        const drift = (U * size) ** 2;
        const bound = drift + (samples + 3) * U * (squares.value / samples ** 2 + drift);
        expectWithin(error, samples ** 2 * bound, `the variance of ${title}`);
      }
    }
  });

  it("are chains from the first row to the last, whatever the blocks, and overwrite", () => {
    const madd = maddOf(context.backend);
    const random = generator(6);
    for (const [samples, units] of SHAPES) {
      const x = uniform(random, samples * units);
      const after = moments(samples, units, x);
      const mean = columnSums(samples, units, x).map((sum) => sum / samples);
      const squares = chains(samples, units, (sum, at, j) => {
        const distance = get(x, at) - get(mean, j);
        return madd(distance, distance, sum);
      });
      const variance = squares.map((sum) => sum / samples);
      expect(bitMismatch(after.mean, mean), `the means of ${samples}x${units}`).toBeUndefined();
      expect(bitMismatch(after.variance, variance), `the variances of ${samples}x${units}`).toBeUndefined();
    }
  });

  it("are the number and 0 of a single row, and of rows that are all the same", () => {
    const row = integers(generator(7), 11, 1e6);
    for (const samples of [1, 2, 64]) {
      const x = table(samples, 11, (_, j) => get(row, j));
      const { mean, variance } = moments(samples, 11, x);
      expect(bitMismatch(mean, row)).toBeUndefined();
      expect(bitMismatch(variance, new Float64Array(11))).toBeUndefined();
    }
  });

  it("are NaN without a row", () => {
    const { mean, variance } = moments(0, 9, new Float64Array(0));
    expect([...mean, ...variance]).toEqual(Array(18).fill(NaN));
  });

  it("let NaN and infinity into their own column alone", () => {
    for (const units of [1, 2, 9, 12]) {
      for (let bad = 0; bad < units; bad++) {
        for (const value of [NaN, Infinity, -Infinity]) {
          const x = table(4, units, (at, j) => (j === bad && at >= units && at < 2 * units ? value : j));
          const { mean, variance } = moments(4, units, x);
          for (let j = 0; j < units; j++) {
            expect(get(mean, j)).toBe(j === bad ? value : j);
            expect(get(variance, j)).toBe(j === bad ? NaN : 0);
          }
        }
      }
    }
  });
});

onEveryVariant("inverseDeviations", (context) => {
  function inverses(epsilon: number, variance: Float64Array) {
    const units = variance.length;
    const after = placed(context.backend, { variance, y: unset(units), inPlace: variance }, (kernels, at) => {
      kernels.inverseDeviations(units, epsilon, at.variance, at.y);
      kernels.inverseDeviations(units, epsilon, at.inPlace, at.inPlace);
    });
    expect(bitMismatch(after.variance, variance)).toBeUndefined();
    expect(bitMismatch(after.inPlace, after.y), "in place").toBeUndefined();
    return after.y;
  }

  it("are within two and a half roundings, and the bits of the formula", () => {
    const random = generator(8);
    for (const units of [0, 1, 2, 3, 7, 8, 9, 301]) {
      for (const epsilon of [1e-5, 1e-3, 0.5, 0]) {
        const variance = uniform(random, units, 0, 1).map((v) => v * 10 ** Math.floor(20 * random() - 10));
        const y = inverses(epsilon, variance);
        for (let j = 0; j < units; j++) {
          const square = exactly(get(y, j)).times(exactly(get(y, j)));
          const one = square.times(exactly(get(variance, j)).plus(exactly(epsilon)));
          expectWithin(one.minus(exactly(1)), 5 * U, `1 / sqrt(${get(variance, j)} + ${epsilon})`);
        }
        expect(
          bitMismatch(
            y,
            variance.map((v) => 1 / Math.sqrt(v + epsilon)),
          ),
        ).toBeUndefined();
      }
    }
  });

  it("are what the formula gives of 0, infinity and NaN", () => {
    const variance = Float64Array.of(0, Infinity, NaN, -1, 1);
    expect([...inverses(0, variance)]).toEqual([Infinity, 0, NaN, NaN, 1]);
    expect([...inverses(4, variance)].slice(0, 3)).toEqual([0.5, 0, NaN]);
  });
});

/** What normalize takes, drawn. */
function normalizeInputs(random: () => number, samples: number, units: number) {
  return {
    x: uniform(random, samples * units, 1e3, 1e3 + 2),
    mean: uniform(random, units, 1e3, 1e3 + 2),
    inverse: uniform(random, units, 0.5, 300),
    gamma: uniform(random, units, -3, 3),
    beta: uniform(random, units, -3, 3),
  };
}

onEveryVariant("normalize", (context) => {
  type Inputs = ReturnType<typeof normalizeInputs>;

  function normalize(samples: number, units: number, inputs: Inputs) {
    const length = samples * units;
    const arrays = {
      ...inputs,
      xhat: unset(length),
      y: unset(length),
      unsaved: unset(length),
      inPlace: inputs.x,
      saved: unset(length),
      xhatInPlace: inputs.x,
      ofXhatInPlace: unset(length),
    };
    const after = placed(context.backend, arrays, (kernels, at) => {
      const run = (x: number, xhat: number, y: number) =>
        kernels.normalize(samples, units, x, at.mean, at.inverse, at.gamma, at.beta, xhat, y);
      run(at.x, at.xhat, at.y);
      // 0 is no address: nothing is written there
      const nowhere = context.backend.engine.view(0, 8);
      const before = nowhere.slice();
      run(at.x, 0, at.unsaved);
      expect(bitMismatch(nowhere, before), "at address 0").toBeUndefined();
      run(at.inPlace, at.saved, at.inPlace);
      run(at.xhatInPlace, at.xhatInPlace, at.ofXhatInPlace);
    });
    for (const name of Object.keys(inputs) as (keyof Inputs)[])
      expect(bitMismatch(after[name], inputs[name]), name).toBeUndefined();
    expect(bitMismatch(after.unsaved, after.y), "without xhat").toBeUndefined();
    expect(bitMismatch(after.inPlace, after.y), "y over x").toBeUndefined();
    expect(bitMismatch(after.saved, after.xhat), "xhat, y over x").toBeUndefined();
    expect(bitMismatch(after.xhatInPlace, after.xhat), "xhat over x").toBeUndefined();
    expect(bitMismatch(after.ofXhatInPlace, after.y), "y, xhat over x").toBeUndefined();
    return { xhat: after.xhat, y: after.y };
  }

  /** The formula in float64. */
  function formula(samples: number, units: number, { x, mean, inverse, gamma, beta }: Inputs) {
    const madd = maddOf(context.backend);
    const xhat = table(samples, units, (at, j) => (get(x, at) - get(mean, j)) * get(inverse, j));
    const y = table(samples, units, (at, j) => madd(get(gamma, j), get(xhat, at), get(beta, j)));
    return { xhat, y };
  }

  it("is the formula: exactly within its bounds, in float64 bit for bit, over its inputs too", () => {
    const random = generator(9);
    for (const [samples, units] of SHAPES) {
      const inputs = normalizeInputs(random, samples, units);
      const { x, mean, inverse, gamma, beta } = inputs;
      const { xhat, y } = normalize(samples, units, inputs);
      for (let at = 0; at < samples * units; at++) {
        const j = at % units;
        const title = `${samples}x${units}, element ${at}`;
        const normal = exactly(get(x, at))
          .minus(exactly(get(mean, j)))
          .times(exactly(get(inverse, j)));
        expectWithin(normal.minus(exactly(get(xhat, at))), 2 * U * Math.abs(normal.value), `xhat, ${title}`);
        const scaled = exactly(get(gamma, j)).times(normal);
        const error = scaled.plus(exactly(get(beta, j))).minus(exactly(get(y, at)));
        expectWithin(error, 4 * U * (Math.abs(scaled.value) + Math.abs(get(beta, j))), `y, ${title}`);
      }
      const expected = formula(samples, units, inputs);
      expect(bitMismatch(xhat, expected.xhat), `xhat, ${samples}x${units}`).toBeUndefined();
      expect(bitMismatch(y, expected.y), `y, ${samples}x${units}`).toBeUndefined();
    }
  });

  it("lets NaN and infinity through, wherever they are", () => {
    for (const units of [1, 2, 5]) {
      const inputs = normalizeInputs(generator(10), 3, units);
      for (const name of Object.keys(inputs) as (keyof Inputs)[]) {
        for (const value of [NaN, Infinity, -Infinity]) {
          for (let at = 0; at < inputs[name].length; at++) {
            const bad = { ...inputs, [name]: changed(inputs[name], at, value) };
            const { xhat, y } = normalize(3, units, bad);
            const expected = formula(3, units, bad);
            expect(bitMismatch(xhat, expected.xhat), `xhat, ${name} ${value}`).toBeUndefined();
            expect(bitMismatch(y, expected.y), `y, ${name} ${value}`).toBeUndefined();
            expect(y.some((value) => !Number.isFinite(value))).toBe(true);
          }
        }
      }
    }
  });
});

onEveryVariant("columnDots", (context) => {
  function dots(samples: number, units: number, x: Float64Array, y: Float64Array) {
    const arrays = { x, y, z: unset(units), squares: unset(units) };
    const after = placed(context.backend, arrays, (kernels, at) => {
      kernels.columnDots(samples, units, at.x, at.y, at.z);
      kernels.columnDots(samples, units, at.x, at.x, at.squares);
    });
    expect(bitMismatch(after.x, x)).toBeUndefined();
    expect(bitMismatch(after.y, y)).toBeUndefined();
    return after;
  }

  it.each(Object.entries(SPREADS))("are those of exact arithmetic within their bound, %s", (_, spread) => {
    const random = generator(11);
    for (const [samples, units] of SHAPES) {
      const x = spread(random, samples * units);
      const y = spread(random, samples * units);
      const { z } = dots(samples, units, x, y);
      for (let j = 0; j < units; j++) {
        const product = (i: number) => exactly(get(x, i * units + j)).times(exactly(get(y, i * units + j)));
        const size = total(samples, (i) => exactly(Math.abs(product(i).value))).value;
        const error = total(samples, product).minus(exactly(get(z, j)));
        expectWithin(error, samples * U * size, `${samples}x${units}, column ${j}`);
      }
    }
  });

  it("are chains from the first row to the last, whatever the blocks, and overwrite", () => {
    const madd = maddOf(context.backend);
    const random = generator(12);
    for (const [samples, units] of SHAPES) {
      const x = uniform(random, samples * units);
      const y = uniform(random, samples * units);
      const after = dots(samples, units, x, y);
      const z = chains(samples, units, (sum, at) => madd(get(x, at), get(y, at), sum));
      const squares = chains(samples, units, (sum, at) => madd(get(x, at), get(x, at), sum));
      expect(bitMismatch(after.z, z), `${samples}x${units}`).toBeUndefined();
      expect(bitMismatch(after.squares, squares), `${samples}x${units} with itself`).toBeUndefined();
    }
  });

  it("let NaN and infinity into their own column alone", () => {
    for (const units of [1, 2, 9, 12]) {
      for (let bad = 0; bad < units; bad++) {
        for (const [value, expected] of [
          [NaN, NaN],
          [Infinity, -Infinity],
        ] as const) {
          const x = table(3, units, (at, j) => (j === bad && at >= 2 * units ? value : j));
          const { z } = dots(3, units, x, new Float64Array(3 * units).fill(-1));
          for (let j = 0; j < units; j++) expect(get(z, j)).toBe(j === bad ? expected : j === 0 ? 0 : -3 * j);
        }
      }
    }
  });
});

/** What normalizeGradient takes, drawn. */
function gradientInputs(random: () => number, samples: number, units: number) {
  return {
    xhat: uniform(random, samples * units, -2, 2),
    inverse: uniform(random, units, 0.5, 300),
    gamma: uniform(random, units, -3, 3),
    sums: uniform(random, units, -samples, samples),
    dots: uniform(random, units, -samples, samples),
    dy: uniform(random, samples * units),
  };
}

onEveryVariant("normalizeGradient", (context) => {
  type Inputs = ReturnType<typeof gradientInputs>;

  function gradient(samples: number, units: number, inputs: Inputs) {
    const arrays = { ...inputs, dx: unset(samples * units), overDy: inputs.dy, overXhat: inputs.xhat };
    const after = placed(context.backend, arrays, (kernels, at) => {
      const run = (xhat: number, dy: number, dx: number) =>
        kernels.normalizeGradient(samples, units, xhat, at.inverse, at.gamma, at.sums, at.dots, dy, dx);
      run(at.xhat, at.dy, at.dx);
      run(at.xhat, at.overDy, at.overDy);
      run(at.overXhat, at.dy, at.overXhat);
    });
    for (const name of Object.keys(inputs) as (keyof Inputs)[])
      expect(bitMismatch(after[name], inputs[name]), name).toBeUndefined();
    expect(bitMismatch(after.overDy, after.dx), "dx over dy").toBeUndefined();
    expect(bitMismatch(after.overXhat, after.dx), "dx over xhat").toBeUndefined();
    return after.dx;
  }

  /** The formula in float64. */
  function formula(samples: number, units: number, { xhat, inverse, gamma, sums, dots, dy }: Inputs) {
    const madd = maddOf(context.backend);
    return table(samples, units, (at, j) => {
      const along = madd(get(xhat, at), get(dots, j), get(sums, j));
      return get(gamma, j) * get(inverse, j) * (get(dy, at) - along / samples);
    });
  }

  it("is the formula: exactly within its bound, in float64 bit for bit, over its inputs too", () => {
    const random = generator(13);
    for (const [samples, units] of SHAPES) {
      const inputs = gradientInputs(random, samples, units);
      const { xhat, inverse, gamma, sums, dots, dy } = inputs;
      const dx = gradient(samples, units, inputs);
      const n = exactly(samples);
      for (let at = 0; at < samples * units; at++) {
        const j = at % units;
        // n dx - gamma inverse (n dy - (sums + xhat dots))
        const slope = exactly(get(gamma, j)).times(exactly(get(inverse, j)));
        const product = exactly(get(xhat, at)).times(exactly(get(dots, j)));
        const rest = n.times(exactly(get(dy, at))).minus(product.plus(exactly(get(sums, j))));
        const error = n.times(exactly(get(dx, at))).minus(slope.times(rest));
        const size = samples * Math.abs(get(dy, at)) + Math.abs(get(sums, j)) + Math.abs(product.value);
        expectWithin(error, 6 * U * Math.abs(slope.value) * size, `${samples}x${units}, element ${at}`);
      }
      expect(bitMismatch(dx, formula(samples, units, inputs)), `${samples}x${units}`).toBeUndefined();
    }
  });

  it("lets NaN and infinity through, wherever they are", () => {
    for (const units of [1, 2, 5]) {
      const inputs = gradientInputs(generator(14), 3, units);
      for (const name of Object.keys(inputs) as (keyof Inputs)[]) {
        for (const value of [NaN, Infinity, -Infinity]) {
          for (let at = 0; at < inputs[name].length; at++) {
            const bad = { ...inputs, [name]: changed(inputs[name], at, value) };
            const dx = gradient(3, units, bad);
            expect(bitMismatch(dx, formula(3, units, bad)), `${name} ${value}`).toBeUndefined();
            expect(dx.some((value) => !Number.isFinite(value))).toBe(true);
          }
        }
      }
    }
  });
});

onEveryVariant("a batch's gradient", (context) => {
  /** dC/dx of C = sum_ij dy_ij y_ij, by finite differences of a forward pass written out. */
  it("is that of the forward pass, through mean and variance too", () => {
    const [samples, units, epsilon, h] = [7, 3, 1e-3, 1e-5];
    const random = generator(15);
    const x = uniform(random, samples * units);
    const dy = uniform(random, samples * units);
    const [gamma, beta] = [uniform(random, units, 0.5, 2), uniform(random, units)];
    const arrays = { x, dy, gamma, beta, xhat: x, y: x, dx: x, mean: beta, inverse: beta, sums: beta, dots: beta };
    const { dx } = placed(context.backend, arrays, (kernels, at) => {
      kernels.columnMoments(samples, units, at.x, at.mean, at.inverse);
      kernels.inverseDeviations(units, epsilon, at.inverse, at.inverse);
      kernels.normalize(samples, units, at.x, at.mean, at.inverse, at.gamma, at.beta, at.xhat, at.y);
      kernels.columnSums(samples, units, at.dy, at.sums);
      kernels.columnDots(samples, units, at.dy, at.xhat, at.dots);
      kernels.normalizeGradient(samples, units, at.xhat, at.inverse, at.gamma, at.sums, at.dots, at.dy, at.dx);
    });
    function cost(x: Float64Array): number {
      let sum = 0;
      for (let j = 0; j < units; j++) {
        const column = x.filter((_, at) => at % units === j);
        const mean = column.reduce((a, b) => a + b) / samples;
        const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / samples;
        column.forEach((value, i) => {
          const normal = (value - mean) / Math.sqrt(variance + epsilon);
          sum += get(dy, i * units + j) * (get(gamma, j) * normal + get(beta, j));
        });
      }
      return sum;
    }
    dx.forEach((slope, at) => {
      const moved = (step: number) => cost(changed(x, at, get(x, at) + step));
      expect(Math.abs((moved(h) - moved(-h)) / (2 * h) - slope)).toBeLessThan(1e-8);
    });
  });
});

describe("batch normalisation on scalar, simd and js", () => {
  it("has the same bits in every kernel", async () => {
    const backends = await Promise.all((["js", "scalar", "simd"] as const).map((variant) => loadBackend({ variant })));
    for (const [samples, units] of SHAPES) {
      const random = generator(16);
      const forward = normalizeInputs(random, samples, units);
      const { xhat, sums, dots, dy } = gradientInputs(random, samples, units);
      const length = samples * units;
      const arrays = {
        ...forward,
        ...{ xhat, sums, dots, dy, y: unset(length), dx: unset(length), normal: unset(length) },
        ...{ center: unset(units), variance: unset(units), deviation: unset(units), products: unset(units) },
      };
      const [js, ...others] = backends.map((backend) =>
        placed(backend, arrays, (kernels, at) => {
          kernels.columnMoments(samples, units, at.x, at.center, at.variance);
          kernels.inverseDeviations(units, 1e-5, at.variance, at.deviation);
          kernels.normalize(samples, units, at.x, at.mean, at.inverse, at.gamma, at.beta, at.normal, at.y);
          kernels.columnDots(samples, units, at.xhat, at.dy, at.products);
          kernels.normalizeGradient(samples, units, at.xhat, at.inverse, at.gamma, at.sums, at.dots, at.dy, at.dx);
        }),
      );
      for (const other of others) {
        for (const name of Object.keys(arrays) as (keyof typeof arrays)[])
          expect(bitMismatch(other[name], js?.[name] ?? []), `${name}, ${samples}x${units}`).toBeUndefined();
      }
    }
    for (const backend of backends) backend.dispose();
  });
});
