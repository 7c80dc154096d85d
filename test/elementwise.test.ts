// biome-ignore-all lint/suspicious/noApproximativeNumericConstant: a table of computed values
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../src/backend/backend";
import { loadBackend } from "../src/backend/load";
import { bitMismatch, generator, mismatch, ulpDistance } from "./oracle";
import { guardedMatrix, onEveryVariant } from "./variants";

/** x, f(x): mpmath at 60 digits and more, rounded once. Small, large and subnormal, and where a method changes. */
const table = {
  exp: [
    [-745.1, 5e-324],
    [-740.25, 3.26e-322],
    [-708.4, 2.217119081664265e-308],
    [-700.5, 5.980196118639791e-305],
    [-100.125, 3.2829555262177533e-44],
    [-36.75, 1.0956650033262367e-16],
    [-1, 0.36787944117144233],
    [-0.34657359, 0.7071067813845181],
    [-1e-9, 0.999999999],
    [5.551115123125783e-17, 1],
    [1e-300, 1],
    [0.1, 1.1051709180756477],
    [0.3465736, 1.4142135761192896],
    [0.5, 1.6487212707001282],
    [1, 2.718281828459045],
    [2, 7.38905609893065],
    [10.5, 36315.502674246636],
    [88.7, 3.325986980250579e38],
    [300.3, 2.6220013776845454e130],
    [708, 3.023383144276055e307],
    [709.5, 1.3549863193146328e308],
    [709.782712893384, 1.7976931348622732e308],
  ],
  log: [
    [5e-324, -744.4400719213812],
    [1e-310, -713.8013788281542],
    [2.2250738585072014e-308, -708.3964185322641],
    [1e-100, -230.25850929940458],
    [0.1, -2.3025850929940455],
    [0.5, -0.6931471805599453],
    [0.7071067811865475, -0.34657359027997275],
    [0.7071067811865476, -0.3465735902799726],
    [0.9, -0.10536051565782628],
    [0.9999999, -1.0000000494736474e-7],
    [0.9999999999999999, -1.1102230246251565e-16],
    [1.0000000000000002, 2.2204460492503128e-16],
    [1.1, 0.09531017980432493],
    [1.4142135623730951, 0.3465735902799727],
    [1.5, 0.4054651081081644],
    [2, 0.6931471805599453],
    [2.718281828459045, 1],
    [10, 2.302585092994046],
    [10000000000, 23.025850929940457],
    [1e100, 230.25850929940458],
    [1.7976931348623157e308, 709.782712893384],
  ],
  log1p: [
    [-0.9999999999999999, -36.7368005696771],
    [-0.999, -6.907755278982136],
    [-0.75, -1.3862943611198906],
    [-0.5, -0.6931471805599453],
    [-0.2928932188134525, -0.34657359027997264],
    [-0.1, -0.10536051565782631],
    [-1e-5, -1.0000050000333337e-5],
    [-1e-16, -1e-16],
    [-5e-324, -5e-324],
    [1e-310, 1e-310],
    [1e-300, 1e-300],
    [1e-17, 1e-17],
    [1.1102230246251565e-16, 1.1102230246251565e-16],
    [1e-8, 9.999999950000001e-9],
    [0.001, 0.0009995003330835331],
    [0.1, 0.09531017980432487],
    [0.41421356237309503, 0.34657359027997264],
    [0.41421356237309515, 0.3465735902799727],
    [1, 0.6931471805599453],
    [10, 2.3978952727983707],
    [1000000000000000, 34.538776394910684],
    [9007199254740992, 36.7368005696771],
    [1e300, 690.7755278982137],
    [1.7976931348623157e308, 709.782712893384],
  ],
  expm1: [
    [-800, -1],
    [-40.5, -1],
    [-37.5, -1],
    [-20, -0.9999999979388464],
    [-5, -0.9932620530009145],
    [-1, -0.6321205588285577],
    [-0.6931471805599453, -0.5],
    [-0.34657359, -0.2928932186154819],
    [-0.1, -0.09516258196404043],
    [-1e-5, -9.999950000166666e-6],
    [-1e-17, -1e-17],
    [-1e-310, -1e-310],
    [5e-324, 5e-324],
    [1e-300, 1e-300],
    [1e-9, 1.0000000005000001e-9],
    [0.05, 0.05127109637602404],
    [0.36075398, 0.43441052378848205],
    [0.5, 0.6487212707001282],
    [1, 1.7182818284590453],
    [10, 22025.465794806718],
    [56.5, 3.4485635021385364e24],
    [300, 1.9424263952412558e130],
    [709, 8.218407461554972e307],
    [709.782712893384, 1.7976931348622732e308],
  ],
  tanh: [
    [-30, -1],
    [-19, -0.9999999999999999],
    [-10, -0.9999999958776927],
    [-2, -0.9640275800758169],
    [-1, -0.7615941559557649],
    [-0.19284597, -0.19049038562333187],
    [-0.01, -0.00999966667999946],
    [-1e-8, -1e-8],
    [-1e-310, -1e-310],
    [5e-324, 5e-324],
    [1e-200, 1e-200],
    [1e-5, 9.999999999666668e-6],
    [0.1, 0.09966799462495582],
    [0.2, 0.197375320224904],
    [0.3465735902799726, 0.33333333333333326],
    [0.5493061443340549, 0.5],
    [0.75, 0.6351489523872873],
    [1.5, 0.9051482536448664],
    [3, 0.9950547536867305],
    [7.5, 0.9999993881955461],
    [18.5, 0.9999999999999998],
    [19.1, 1],
    [22.5, 1],
    [700, 1],
  ],
  erf: [
    [-6.5, -1],
    [-5.8, -0.9999999999999998],
    [-3, -0.9999779095030014],
    [-1, -0.8427007929497149],
    [-0.5, -0.5204998778130465],
    [-0.4999999999999999, -0.5204998778130464],
    [-0.25, -0.27632639016823696],
    [-0.001, -0.0011283787909692365],
    [-1e-9, -1.1283791670955127e-9],
    [-1e-310, -1.1283791670955e-310],
    [5e-324, 5e-324],
    [1e-300, 1.1283791670955126e-300],
    [1e-5, 1.1283791670579e-5],
    [0.1, 0.1124629160182849],
    [0.3, 0.3286267594591274],
    [0.4769362762044699, 0.5],
    [0.5000000000000001, 0.5204998778130466],
    [0.75, 0.7111556336535151],
    [0.84375, 0.7672256612323416],
    [1.25, 0.9229001282564583],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [2.857142857142857, 0.9999466876886117],
    [4, 0.9999999845827421],
    [5.5, 0.9999999999999927],
    [5.9, 0.9999999999999999],
    [27, 1],
  ],
} satisfies Record<string, [number, number][]>;

type Name = keyof typeof table;
const names = Object.keys(table) as Name[];

/** Limits, poles, signed zeros: these are exact. */
const special: Record<Name, [number, number][]> = {
  exp: [
    [0, 1],
    [-0, 1],
    [Infinity, Infinity],
    [-Infinity, 0],
    [709.7827128933841, Infinity],
    [1e308, Infinity],
    [-745.2, 0],
    [-1e308, 0],
  ],
  log: [
    [1, 0],
    [0, -Infinity],
    [-0, -Infinity],
    [Infinity, Infinity],
    [-5e-324, Number.NaN],
    [-1, Number.NaN],
    [-Infinity, Number.NaN],
  ],
  log1p: [
    [0, 0],
    [-0, -0],
    [-1, -Infinity],
    [Infinity, Infinity],
    [-1.0000000000000002, Number.NaN],
    [-1e308, Number.NaN],
    [-Infinity, Number.NaN],
    [5e-324, 5e-324],
  ],
  expm1: [
    [0, 0],
    [-0, -0],
    [Infinity, Infinity],
    [-Infinity, -1],
    [-1e308, -1],
    [709.7827128933841, Infinity],
    [1e308, Infinity],
    [-5e-324, -5e-324],
  ],
  tanh: [
    [0, 0],
    [-0, -0],
    [Infinity, 1],
    [-Infinity, -1],
    [1e308, 1],
    [-1e308, -1],
    [-5e-324, -5e-324],
  ],
  erf: [
    [0, 0],
    [-0, -0],
    [Infinity, 1],
    [-Infinity, -1],
    [1e308, 1],
    [-1e308, -1],
  ],
};

/** Where each of them rises by much more than an ulp from one point of a grid to the next. */
const rising: Record<Name, [number, number]> = {
  exp: [-740, 709],
  log: [1e-300, 4],
  log1p: [-0.999, 5],
  expm1: [-30, 700],
  tanh: [-15, 15],
  erf: [-4.5, 4.5],
};

/** What an engine's own functions give: fdlibm's, within 1 ulp or a little more; ours are within 1. */
const HOST_ULPS = 3;
const host = { exp: Math.exp, log: Math.log, log1p: Math.log1p, expm1: Math.expm1, tanh: Math.tanh };

/** Numbers of every size: a quarter of any bits at all, the rest where the functions have their bends. */
function spread(seed: number, length: number): Float64Array {
  const random = generator(seed);
  const x = new Float64Array(length);
  const words = new Uint32Array(x.buffer);
  for (let i = 0; i < length; i++) {
    if (i % 4 === 0) {
      words[2 * i] = 2 ** 32 * random();
      words[2 * i + 1] = 2 ** 32 * random();
    } else {
      x[i] = (random() - 0.5) * ([1, 12, 1500][(i % 4) - 1] as number);
    }
  }
  return x;
}

function apply(backend: Backend, name: Name, x: ArrayLike<number>): Float64Array {
  const input = backend.matrix(1, x.length, Float64Array.from(x));
  const output = backend[name](input);
  const values = output.values.slice();
  input.dispose();
  output.dispose();
  return values;
}

onEveryVariant("elementwise", (context) => {
  describe.each(names)("%s", (name) => {
    it("is within 1 ulp of high-precision values", () => {
      const y = apply(
        context.backend,
        name,
        table[name].map(([x]) => x),
      );
      expect(
        mismatch(
          y,
          table[name].map(([, wanted]) => wanted),
          1,
          ulpDistance,
        ),
      ).toBeUndefined();
    });

    it("has its limits, poles and signed zeros exactly, and keeps NaN", () => {
      const cases: [number, number][] = [...special[name], [Number.NaN, Number.NaN]];
      const y = apply(
        context.backend,
        name,
        cases.map(([x]) => x),
      );
      expect(
        bitMismatch(
          y,
          cases.map(([, wanted]) => wanted),
        ),
      ).toBeUndefined();
    });

    it("rises", () => {
      const [low, high] = rising[name];
      const y = apply(
        context.backend,
        name,
        Array.from({ length: 4001 }, (_, i) => low + ((high - low) * i) / 4000),
      );
      expect(y.findIndex((value, i) => i > 0 && !(value > (y[i - 1] as number)))).toBe(-1);
    });

    const f = name === "erf" ? undefined : host[name];
    if (f !== undefined) {
      it("is as the host has it", () => {
        const x = spread(1, 20000);
        const y = apply(context.backend, name, x);
        expect(mismatch(y, Array.from(x, f), HOST_ULPS, ulpDistance)).toBeUndefined();
      });
    }

    if (name === "erf" || name === "tanh") {
      it("is odd, bit for bit", () => {
        const x = spread(2, 3000);
        const negative = x.map((value) => -value);
        const y = apply(context.backend, name, x);
        const mirrored = apply(context.backend, name, negative).map((value) => -value);
        expect(bitMismatch(mirrored, y)).toBeUndefined();
      });
    }

    it.each([0, 1, 2, 3, 5, 8, 13])("gives an element the same bits at any place among %i", (length) => {
      const { backend } = context;
      const x = spread(3, 120);
      const whole = apply(backend, name, x);
      const out = guardedMatrix(backend, 1, length);
      for (let at = 0; at + length <= x.length; at++) {
        const input = backend.matrix(1, length, x.subarray(at, at + length));
        backend[name](input, { out: out.matrix });
        expect(bitMismatch(out.matrix.values, whole.subarray(at, at + length))).toBeUndefined();
        expect(out.intact()).toBe(true);
        backend[name](input, { out: input });
        expect(bitMismatch(input.values, whole.subarray(at, at + length)), "out is the input").toBeUndefined();
        input.dispose();
      }
      out.dispose();
    });
  });

  it("keeps the shape, and returns out", () => {
    const { backend } = context;
    const x = backend.matrix(3, 5);
    const out = backend.matrix(3, 5);
    const made = backend.exp(x);
    expect([made.rows, made.cols, ...made.values]).toEqual([3, 5, ...new Array(15).fill(1)]);
    expect(backend.exp(x, { out })).toBe(out);
    for (const matrix of [x, out, made]) matrix.dispose();
    expect(backend.memory().matrices).toBe(0);
  });
});

describe("elementwise, all variants that never fuse", () => {
  const backends: Partial<Record<"js" | "scalar" | "simd", Backend>> = {};
  beforeAll(async () => {
    for (const variant of ["js", "scalar", "simd"] as const) backends[variant] = await loadBackend({ variant });
  });
  afterAll(() => {
    for (const backend of Object.values(backends)) backend.dispose();
  });

  it.each(names)("%s has the same bits on js, scalar and simd", (name) => {
    const x = spread(4, 50001);
    const simd = apply(backends.simd as Backend, name, x);
    expect(bitMismatch(apply(backends.scalar as Backend, name, x), simd), "scalar").toBeUndefined();
    expect(bitMismatch(apply(backends.js as Backend, name, x), simd), "js").toBeUndefined();
  });
});
