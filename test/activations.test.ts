import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../src/backend/backend";
import { loadBackend } from "../src/backend/load";
import { readGolden } from "./golden/golden";
import {
  type Activation,
  activation,
  activationGradient,
  activationNames,
  bitMismatch,
  derivative,
  generator,
  mismatch,
  relativeErrorOf,
  softmax,
  softmaxGradient,
  ulpDistance,
  uniform,
} from "./oracle";
import { guardedMatrix, onEveryVariant } from "./variants";

/** Relative, or absolute below 1: that of the golden values, and of the oracle, which leans on the host's functions. */
const BOUND = 1e-12;
/** Of f: a handful of roundings after functions within 1 ulp. */
const ULPS = 8;

const scalarNames = activationNames.filter((name) => name !== "softmax");

function forward(backend: Backend, name: Activation, columns: number, z: ArrayLike<number>): Float64Array {
  const input = backend.matrix(z.length / columns, columns, Float64Array.from(z));
  const y = backend.activation(name, input);
  const values = y.values.slice();
  input.dispose();
  y.dispose();
  return values;
}

function backward(
  backend: Backend,
  name: Activation,
  columns: number,
  z: ArrayLike<number>,
  dy: ArrayLike<number>,
): Float64Array {
  const input = backend.matrix(z.length / columns, columns, Float64Array.from(z));
  const along = backend.matrix(input.rows, columns, Float64Array.from(dy));
  const dz = backend.activationGradient(name, input, along);
  const values = dz.values.slice();
  for (const matrix of [input, along, dz]) matrix.dispose();
  return values;
}

/** f'(z) of an elementwise activation. */
function slopesOf(backend: Backend, name: Activation, z: ArrayLike<number>): Float64Array {
  return backward(backend, name, 1, z, new Float64Array(z.length).fill(1));
}

/** Far and near, where methods change, and everything in between. */
const grid = [
  ...Array.from({ length: 4001 }, (_, i) => -40 + i / 50 + 1e-3),
  ...[-1e4, -800.5, -745.2, -740, -709, -708, -360, -100, -39.5, -38.6, -37, -1e-5, -1e-17, -1e-310, -5e-324],
  ...[5e-324, 1e-310, 1e-17, 1e-5, 37, 38.6, 39.5, 100, 360, 708, 709, 740, 745.2, 800.5, 1e4],
];

/** name, z, f(z), f'(z) where a plain formula has lost its digits: mpmath at 80 digits, rounded once. */
const saturated: [Activation, number, number, number][] = [
  ["sigmoid", -744, 1e-323, 1e-323],
  ["sigmoid", -700, 9.85967654375977e-305, 9.85967654375977e-305],
  ["sigmoid", -40, 4.248354255291589e-18, 4.248354255291589e-18],
  ["sigmoid", 40, 1, 4.248354255291589e-18],
  ["sigmoid", 700, 1, 9.85967654375977e-305],
  ["tanh", -350, -1, 3.943870617503908e-304],
  ["tanh", -20, -1, 1.6993417021166355e-17],
  ["tanh", 20, 1, 1.6993417021166355e-17],
  ["tanh", 340, 1, 1.913428758812214e-295],
  ["tanh", 1e-200, 1e-200, 1],
  ["gelu", -38, -1.096462777e-314, -4.1665545693e-313],
  ["gelu", -37, -2.1184613523340935e-298, -7.838298669418516e-297],
  ["gelu", -20, -5.507248237212468e-88, -1.1014360483133464e-86],
  ["gelu", -8.3, -4.3206228882589113e-16, -3.584705034023844e-15],
  ["gelu", -1e-10, -4.999999999601058e-11, 0.49999999992021155],
  ["gelu", 8.3, 8.3, 1.0000000000000036],
  ["gelu", 37, 37, 1],
  ["silu", -740, -3.09967e-319, -3.09547e-319],
  ["silu", -708.5, -1.42134473832723e-305, -1.4193386060218987e-305],
  ["silu", -40, -1.6993417021166355e-16, -1.6568581595637197e-16],
  ["silu", -1e-10, -4.9999999997500004e-11, 0.49999999995],
  ["silu", 40, 40, 1.0000000000000002],
  ["silu", 700, 700, 1],
  ["softplus", -800, 0, 0],
  ["softplus", -740, 4.2e-322, 4.2e-322],
  ["softplus", -40, 4.248354255291589e-18, 4.248354255291589e-18],
  ["softplus", 40, 40, 1],
  ["softplus", 800, 800, 1],
  ["elu", -700, -1, 9.85967654375977e-305],
  ["elu", -40, -1, 4.248354255291589e-18],
  ["elu", -1e-17, -1e-17, 1],
  ["selu", -700, -1.7580993408473768, 1.7334290832552396e-304],
  ["selu", -40, -1.7580993408473768, 7.469028815914292e-18],
  ["selu", -1e-17, -1.758099340847377e-17, 1.7580993408473768],
];

const SELU = 1.0507009873554805;
const SELU_ALPHA = 1.7580993408473768;
const [MINUS, PLUS] = [-Infinity, Infinity];

/** f and f' at -infinity and infinity; those at -1e308 and 1e308 too, but for what is proportional to z. */
const limits: Record<Exclude<Activation, "softmax">, { f: [number, number]; slope: [number, number] }> = {
  linear: { f: [MINUS, PLUS], slope: [1, 1] },
  relu: { f: [0, PLUS], slope: [0, 1] },
  leakyRelu: { f: [MINUS, PLUS], slope: [0.01, 1] },
  elu: { f: [-1, PLUS], slope: [0, 1] },
  selu: { f: [-SELU_ALPHA, PLUS], slope: [0, SELU] },
  gelu: { f: [0, PLUS], slope: [0, 1] },
  silu: { f: [0, PLUS], slope: [0, 1] },
  softplus: { f: [0, PLUS], slope: [0, 1] },
  sigmoid: { f: [0, 1], slope: [0, 0] },
  tanh: { f: [-1, 1], slope: [0, 0] },
};

onEveryVariant("activations", (context) => {
  const golden = readGolden();

  it.each(golden.activations)("$name has PyTorch's values and deltas", (known) => {
    const { backend } = context;
    const y = forward(backend, known.activation, known.units, known.preActivations);
    expect(mismatch(y, known.outputs, BOUND), "outputs").toBeUndefined();
    const dz = backward(backend, known.activation, known.units, known.preActivations, known.outputGradients);
    expect(mismatch(dz, known.deltas, BOUND), "deltas").toBeUndefined();
  });

  it("has golden values for all eleven", () => {
    expect(golden.activations.map((known) => known.activation).sort()).toEqual([...activationNames].sort());
  });

  describe.each(scalarNames)("%s", (name) => {
    it("is what the oracle has, near and far, and so is its gradient", () => {
      const { backend } = context;
      const dy = uniform(generator(1), grid.length, -3, 3);
      expect(mismatch(forward(backend, name, 1, grid), activation(name, 1, grid), BOUND)).toBeUndefined();
      const dz = backward(backend, name, 1, grid, dy);
      expect(mismatch(dz, activationGradient(name, 1, grid, dy), BOUND)).toBeUndefined();
    });

    it("has the slope that differences of its own values have", () => {
      const { backend } = context;
      const at = [-12.3, -5, -2.1, -1.278, -0.75, -0.3, -0.01, 0.01, 0.4, 0.9, 1.7, 3.3, 8, 15.5];
      // f is smooth here, but for the corners at 0, which no point's five touch
      const f = (x: number) => forward(backend, name, 1, [x])[0] as number;
      const expected = at.map((x) => derivative(f, x));
      expect(mismatch(slopesOf(backend, name, at), expected, 1e-10)).toBeUndefined();
    });

    it("has its limits at infinity, and no NaN on the way", () => {
      const { backend } = context;
      const { f, slope } = limits[name];
      expect(mismatch(forward(backend, name, 1, [-Infinity, Infinity]), f, 0)).toBeUndefined();
      expect(mismatch(slopesOf(backend, name, [-Infinity, Infinity]), slope, 0)).toBeUndefined();
      for (const far of [1e3, 1e8, 1e155, 1e308]) {
        const z = [-far, far];
        expect(mismatch(forward(backend, name, 1, z), activation(name, 1, z), 1e-15), `f at ${far}`).toBeUndefined();
        expect(mismatch(slopesOf(backend, name, z), slope, 0), `slope at ${far}`).toBeUndefined();
      }
    });

    it("shows a NaN, in its own place alone", () => {
      const { backend } = context;
      const one = [1, Number.NaN, 2];
      expect(Array.from(forward(backend, name, 1, one), Number.isNaN)).toEqual([false, true, false]);
      expect(Array.from(backward(backend, name, 1, [1, 3, 2], one), Number.isNaN)).toEqual([false, true, false]);
    });

    it.each([0, 1, 2, 3, 4, 5, 8, 13])("gives an element the same bits at any place among %i", (length) => {
      const { backend } = context;
      const random = generator(2);
      const [z, dy] = [uniform(random, 60, -9, 9), uniform(random, 60)];
      const [y, dz] = [forward(backend, name, 1, z), backward(backend, name, 1, z, dy)];
      const out = guardedMatrix(backend, 1, length);
      for (let at = 0; at + length <= z.length; at++) {
        const input = backend.matrix(1, length, z.subarray(at, at + length));
        const along = backend.matrix(1, length, dy.subarray(at, at + length));
        backend.activation(name, input, { out: out.matrix });
        expect(bitMismatch(out.matrix.values, y.subarray(at, at + length))).toBeUndefined();
        expect(out.intact()).toBe(true);
        backend.activationGradient(name, input, along, { out: out.matrix });
        expect(bitMismatch(out.matrix.values, dz.subarray(at, at + length))).toBeUndefined();
        expect(out.intact()).toBe(true);
        input.dispose();
        along.dispose();
      }
      out.dispose();
    });
  });

  it.each(saturated)("%s at %d keeps its digits, and so does its slope", (name, z, f, slope) => {
    const { backend } = context;
    expect(mismatch(forward(backend, name, 1, [z]), [f], ULPS, ulpDistance), "f").toBeUndefined();
    expect(mismatch(slopesOf(backend, name, [z]), [slope], BOUND, relativeErrorOf), "slope").toBeUndefined();
  });

  it("takes the documented side at the corners, from -0 too", () => {
    const { backend } = context;
    for (const zero of [0, -0]) {
      expect(slopesOf(backend, "relu", [zero])[0]).toBe(0);
      expect(slopesOf(backend, "leakyRelu", [zero])[0]).toBe(0.01);
      expect(slopesOf(backend, "selu", [zero])[0]).toBe(SELU_ALPHA);
      expect(slopesOf(backend, "elu", [zero])[0]).toBe(1);
      for (const name of scalarNames) {
        const expected = name === "sigmoid" ? 0.5 : name === "softplus" ? Math.log(2) : 0;
        expect(mismatch(forward(backend, name, 1, [zero]), [expected], 1, ulpDistance), name).toBeUndefined();
      }
    }
  });

  describe.each(activationNames)("the out of %s", (name) => {
    it("may be z, or dy", () => {
      const { backend } = context;
      const [rows, cols] = [5, 7];
      const random = generator(3);
      const [zv, dyv] = [uniform(random, rows * cols, -4, 4), uniform(random, rows * cols)];
      const y = forward(backend, name, cols, zv);
      const dz = backward(backend, name, cols, zv, dyv);
      const z = backend.matrix(rows, cols, zv);
      expect(backend.activation(name, z, { out: z })).toBe(z);
      expect(bitMismatch(z.values, y)).toBeUndefined();

      z.values.set(zv);
      const dy = backend.matrix(rows, cols, dyv);
      expect(backend.activationGradient(name, z, dy, { out: z })).toBe(z);
      expect(bitMismatch(z.values, dz), "out is z").toBeUndefined();
      expect(bitMismatch(dy.values, dyv)).toBeUndefined();

      z.values.set(zv);
      expect(backend.activationGradient(name, z, dy, { out: dy })).toBe(dy);
      expect(bitMismatch(dy.values, dz), "out is dy").toBeUndefined();
      expect(bitMismatch(z.values, zv)).toBeUndefined();

      // one matrix in all three places
      const square = backward(backend, name, cols, zv, zv);
      backend.activationGradient(name, z, z, { out: z });
      expect(bitMismatch(z.values, square), "out, z and dy are one").toBeUndefined();
      z.dispose();
      dy.dispose();
    });

    it("may be empty", () => {
      const { backend } = context;
      for (const [rows, cols] of [
        [0, 0],
        [0, 3],
        [3, 0],
      ] as const) {
        const z = backend.matrix(rows, cols);
        const results = [backend.activation(name, z), backend.activationGradient(name, z, z)];
        for (const { values } of results) expect(values.length).toBe(0);
        for (const matrix of [z, ...results]) matrix.dispose();
      }
    });
  });

  it("leaves no matrix behind", () => {
    expect(context.backend.memory().matrices).toBe(0);
  });
});

onEveryVariant("softmax", (context) => {
  it.each([1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 100, 1001])(
    "of rows of %i is what the oracle has, and sums to one",
    (columns) => {
      const { backend } = context;
      const random = generator(columns);
      const rows = 3;
      const [zv, dyv] = [uniform(random, rows * columns, -6, 6), uniform(random, rows * columns)];
      const z = backend.matrix(rows, columns, zv);
      const dy = backend.matrix(rows, columns, dyv);
      const out = guardedMatrix(backend, rows, columns);
      backend.activation("softmax", z, { out: out.matrix });
      const y = softmax(columns, zv);
      expect(mismatch(out.matrix.values, y, BOUND, relativeErrorOf)).toBeUndefined();
      for (let i = 0; i < rows; i++) {
        const row = out.matrix.values.subarray(i * columns, (i + 1) * columns);
        // each quotient rounds by u of itself, the sum of n by (n - 1) u, and this sum again
        expect(Math.abs(row.reduce((a, b) => a + b) - 1)).toBeLessThanOrEqual(2 * columns * 2 ** -53);
        const single = backend.matrix(1, columns, zv.subarray(i * columns, (i + 1) * columns));
        const alone = backend.activation("softmax", single);
        expect(bitMismatch(alone.values, row), "a row does not depend on the others").toBeUndefined();
        single.dispose();
        alone.dispose();
      }
      expect(out.intact()).toBe(true);
      backend.activationGradient("softmax", z, dy, { out: out.matrix });
      if (columns < 200) {
        expect(mismatch(out.matrix.values, softmaxGradient(columns, y, dyv), BOUND)).toBeUndefined();
      }
      expect(out.intact()).toBe(true);
      z.dispose();
      dy.dispose();
      out.dispose();
    },
  );

  it("has the gradient that differences of its own values have", () => {
    const { backend } = context;
    const random = generator(4);
    const [rows, columns] = [3, 5];
    const [z, dy] = [uniform(random, rows * columns, -3, 3), uniform(random, rows * columns)];
    const expected = z.map((zi, i) => {
      const along = (x: number) => {
        const y = forward(
          backend,
          "softmax",
          columns,
          z.map((zj, j) => (j === i ? x : zj)),
        );
        return y.reduce((sum, value, j) => sum + value * (dy[j] as number), 0);
      };
      return derivative(along, zi);
    });
    expect(mismatch(backward(backend, "softmax", columns, z, dy), expected, 1e-10)).toBeUndefined();
  });

  it("does not change when a row is shifted", () => {
    const { backend } = context;
    // eighths: shifting them loses nothing
    const z = [0.125, -3.5, 2.75, 1, 0, -0.625];
    const y = forward(backend, "softmax", 3, z);
    for (const shift of [1, -1000, 2 ** 40]) {
      const shifted = z.map((value) => value + shift);
      expect(bitMismatch(forward(backend, "softmax", 3, shifted), y)).toBeUndefined();
    }
  });

  it("of far values is finite, and of one column 1", () => {
    const { backend } = context;
    const rows: [number[], number[]][] = [
      [
        [1e308, -1e308, 0],
        [1, 0, 0],
      ],
      [
        [-1e308, -1e308, -1e308],
        [1 / 3, 1 / 3, 1 / 3],
      ],
      [
        [1e300, 1e300, -1e300],
        [0.5, 0.5, 0],
      ],
      [
        [-Infinity, 0, 0],
        [0, 0.5, 0.5],
      ],
      [
        [1000, 1000, -Infinity],
        [0.5, 0.5, 0],
      ],
      [
        [-800, 0, -1e3],
        [0, 1, 0],
      ],
    ];
    for (const [z, expected] of rows) {
      expect(bitMismatch(forward(backend, "softmax", 3, z), expected), `${z}`).toBeUndefined();
      const dz = backward(backend, "softmax", 3, z, [1, 2, 4]);
      expect(dz.every(Number.isFinite), `gradient at ${z}`).toBe(true);
    }
    const column = [5, -1e308, 1e308, 0, -7];
    expect([...forward(backend, "softmax", 1, column)]).toEqual([1, 1, 1, 1, 1]);
    expect(backward(backend, "softmax", 1, column, [1, 2, 3, 4, 5]).every((value) => value === 0)).toBe(true);
  });

  it("keeps the digits of what is very unlikely", () => {
    const { backend } = context;
    // e^-700 / (1 + e^-700)
    expect(
      mismatch(forward(backend, "softmax", 2, [0, -700]), [1, 9.85967654375977e-305], 2, ulpDistance),
    ).toBeUndefined();
  });

  it("shows a NaN in its whole row, and in no other", () => {
    const { backend } = context;
    for (let at = 0; at < 5; at++) {
      const z = new Float64Array(15);
      z[5 + at] = Number.NaN;
      const expected = z.map((_, i) => (i >= 5 && i < 10 ? Number.NaN : 0.2));
      expect(mismatch(forward(backend, "softmax", 5, z), expected, 0)).toBeUndefined();
    }
  });
});

describe("activations, all variants that never fuse", () => {
  const backends: Partial<Record<"js" | "scalar" | "simd", Backend>> = {};
  beforeAll(async () => {
    for (const variant of ["js", "scalar", "simd"] as const) backends[variant] = await loadBackend({ variant });
  });
  afterAll(() => {
    for (const backend of Object.values(backends)) backend.dispose();
  });

  it.each(activationNames)("%s has the same bits on js, scalar and simd", (name) => {
    const columns = 7;
    const z = grid.slice(-575 * columns);
    const dy = uniform(generator(5), z.length);
    const { simd, scalar, js } = backends as Record<"js" | "scalar" | "simd", Backend>;
    const [y, dz] = [forward(simd, name, columns, z), backward(simd, name, columns, z, dy)];
    for (const backend of [scalar, js]) {
      expect(bitMismatch(forward(backend, name, columns, z), y), backend.variant).toBeUndefined();
      expect(bitMismatch(backward(backend, name, columns, z, dy), dz), backend.variant).toBeUndefined();
    }
  });
});
