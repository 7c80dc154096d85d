import { describe, expect, it } from "vitest";
import type { Backend } from "../src/backend/backend";
import type { Targets } from "../src/targets";
import { readGolden } from "./golden/golden";
import {
  bitMismatch,
  type Cost,
  type CrossEntropy,
  derivative,
  generator,
  type Loss,
  loss,
  lossFromLogits,
  mismatch,
  relativeErrorOf,
  softmax,
  ulpDistance,
  uniform,
} from "./oracle";
import { onEveryVariant } from "./variants";

/** Relative, or absolute below 1: that of the golden values, and of the oracle, which leans on the host's functions. */
const BOUND = 1e-12;

const crossEntropies: CrossEntropy[] = ["binaryCrossEntropy", "categoricalCrossEntropy"];
const names: Loss[] = ["sumOfSquares", "meanSquaredError", "huber", "meanAbsoluteError", ...crossEntropies];

/** A loss of an array of rows, as plain numbers. */
function costOf(
  backend: Backend,
  name: Loss,
  columns: number,
  outputs: ArrayLike<number>,
  targets: Targets,
  fromLogits = false,
): Cost {
  const y = backend.matrix(outputs.length / columns, columns, Float64Array.from(outputs));
  const { value, gradient } = backend.loss(name, y, targets, { fromLogits });
  expect([gradient.rows, gradient.cols]).toEqual([y.rows, columns]);
  const result = { value, gradient: gradient.values.slice() };
  y.dispose();
  gradient.dispose();
  return result;
}

function costMismatch(actual: Cost, expected: Cost, bound = BOUND): string | undefined {
  const value = mismatch([actual.value], [expected.value], bound);
  if (value !== undefined) return `C ${value}`;
  const gradient = mismatch(actual.gradient, expected.gradient, bound);
  return gradient && `dC ${gradient}`;
}

/** Outputs that the loss is defined for: between 0 and 1 for the cross-entropies. */
function outputsFor(name: Loss, random: () => number, length: number): Float64Array {
  return crossEntropies.some((known) => known === name)
    ? uniform(random, length, 0.02, 0.98)
    : uniform(random, length, -3, 3);
}

function oneHot(classes: ArrayLike<number>, columns: number): Float64Array {
  const rows = new Float64Array(classes.length * columns);
  Array.from(classes, (which, i) => rows.fill(1, i * columns + which, i * columns + which + 1));
  return rows;
}

/** Every kind of row: less than a lane, a whole one, several and a rest. */
const shapes = [
  [1, 1],
  [1, 2],
  [2, 1],
  [3, 3],
  [5, 4],
  [4, 5],
  [7, 8],
  [2, 9],
  [33, 17],
] as const;

onEveryVariant("losses", (context) => {
  describe.each(names)("%s", (name) => {
    it("is what the oracle has, value and gradient, for soft targets of any sum", () => {
      for (const [samples, columns] of shapes) {
        const random = generator(100 * samples + columns);
        const y = outputsFor(name, random, samples * columns);
        const t = outputsFor(name, random, samples * columns);
        const wrong = costMismatch(costOf(context.backend, name, columns, y, t), loss(name, columns, y, t));
        expect(wrong, `${samples}x${columns}`).toBeUndefined();
      }
    });

    it("is what the oracle has for targets of 0 and 1", () => {
      const random = generator(1);
      const y = outputsFor(name, random, 40);
      const t = oneHot(
        Int32Array.from({ length: 10 }, (_, i) => (3 * i) % 4),
        4,
      );
      expect(costMismatch(costOf(context.backend, name, 4, y, t), loss(name, 4, y, t))).toBeUndefined();
    });

    it("has the gradient that differences of its own value have", () => {
      const { backend } = context;
      const random = generator(2);
      const [samples, columns] = [4, 3];
      const y = outputsFor(name, random, samples * columns);
      // no difference of 0 or 1, where two of them have a corner
      const t = y.map((yi, i) => (i % 3 === 0 ? yi + 1.5 : yi * 0.7 + 0.013));
      const { gradient } = costOf(backend, name, columns, y, t);
      const expected = y.map((yi, i) => {
        const along = (x: number) =>
          costOf(
            backend,
            name,
            columns,
            y.map((yj, j) => (j === i ? x : yj)),
            t,
          ).value;
        return derivative(along, yi, 2 ** -12);
      });
      expect(mismatch(gradient, expected, 1e-9)).toBeUndefined();
    });

    it("is a mean over samples: twice the same batch costs the same, with half the gradient each", () => {
      const random = generator(3);
      const [y, t] = [outputsFor(name, random, 15), outputsFor(name, random, 15)];
      const once = costOf(context.backend, name, 5, y, t);
      const twice = costOf(context.backend, name, 5, [...y, ...y], Float64Array.from([...t, ...t]));
      const halves = once.gradient.map((value) => value / 2);
      const expected = { value: once.value, gradient: Float64Array.from([...halves, ...halves]) };
      expect(costMismatch(twice, expected, 1e-15)).toBeUndefined();
    });

    it("shows a NaN in its value, and in its own place of the gradient", () => {
      const { backend } = context;
      const y = new Float64Array(6).fill(0.25);
      const t = new Float64Array(6).fill(0.5);
      for (let at = 0; at < 6; at++) {
        const bad = y.map((yi, i) => (i === at ? Number.NaN : yi));
        const { value, gradient } = costOf(backend, name, 3, bad, t);
        expect(value).toBeNaN();
        expect(gradient.findIndex(Number.isNaN)).toBe(at);
        expect(gradient.filter(Number.isNaN).length).toBe(1);
        const badTarget = t.map((ti, i) => (i === at ? Number.NaN : ti));
        expect(costOf(backend, name, 3, y, badTarget).value).toBeNaN();
      }
    });
  });

  describe.each(crossEntropies)("%s from logits", (name) => {
    it("is what the oracle has, near and far, whatever the targets sum to", () => {
      for (const [samples, columns] of shapes) {
        for (const size of [1, 5, 30, 300, 2000]) {
          const random = generator(10000 * samples + 100 * columns + size);
          const z = uniform(random, samples * columns, -size, size);
          const t = uniform(random, samples * columns, 0, 1);
          const actual = costOf(context.backend, name, columns, z, t, true);
          const wrong = costMismatch(actual, lossFromLogits(name, columns, z, t));
          expect(wrong, `${samples}x${columns} at ${size}`).toBeUndefined();
        }
      }
    });

    it("keeps the relative digits of every element for one-hot targets", () => {
      for (const size of [1, 30, 300]) {
        const random = generator(size);
        const z = uniform(random, 60, -size, size);
        const t = oneHot(
          Int32Array.from({ length: 12 }, (_, i) => (2 * i) % 5),
          5,
        );
        const { value, gradient } = costOf(context.backend, name, 5, z, t, true);
        const expected = lossFromLogits(name, 5, z, t);
        expect(mismatch(gradient, expected.gradient, BOUND, relativeErrorOf), `dC at ${size}`).toBeUndefined();
        expect(mismatch([value], [expected.value], BOUND, relativeErrorOf), `C at ${size}`).toBeUndefined();
      }
    });

    it("is the plain form after the activation, where that is well behaved", () => {
      const { backend } = context;
      const random = generator(4);
      const z = uniform(random, 20, -2, 2);
      const t = uniform(random, 20, 0, 1);
      const y = name === "binaryCrossEntropy" ? z.map((zi) => 1 / (1 + Math.exp(-zi))) : softmax(4, z);
      const plain = costOf(backend, name, 4, y, t);
      expect(mismatch([costOf(backend, name, 4, z, t, true).value], [plain.value], BOUND)).toBeUndefined();
    });

    it("has the gradient that differences of its own value have", () => {
      const { backend } = context;
      const random = generator(5);
      const z = uniform(random, 12, -4, 4);
      const t = uniform(random, 12, 0, 1);
      const { gradient } = costOf(backend, name, 3, z, t, true);
      const expected = z.map((zi, i) => {
        const along = (x: number) =>
          costOf(
            backend,
            name,
            3,
            z.map((zj, j) => (j === i ? x : zj)),
            t,
            true,
          ).value;
        return derivative(along, zi);
      });
      expect(mismatch(gradient, expected, 1e-10)).toBeUndefined();
    });
  });

  const golden = readGolden().farLosses;

  it("has golden values at 1e3, 1e8 and 1e300, for one-hot, soft and other targets of both cross-entropies", () => {
    for (const name of crossEntropies) {
      for (const size of ["1e3", "1e8", "1e300"]) {
        for (const kind of ["one-hot", "soft", "not summing to one"]) {
          expect(golden.some((known) => known.name.startsWith(`${name} at ${size}, ${kind}`))).toBe(true);
        }
      }
    }
  });

  it.each(golden)("$name has the exact cost and gradient", (known) => {
    const { backend } = context;
    const actual = costOf(backend, known.loss, known.units, known.logits, known.targets, true);
    expect(costMismatch(actual, { value: known.cost, gradient: known.gradients })).toBeUndefined();
  });

  it.each([
    ["Int32Array", Int32Array.of(2, 0, 1, 2, 3)],
    ["Uint8Array", Uint8Array.of(2, 0, 1, 2, 3)],
    ["number[]", [2, 0, 1, 2, 3]],
  ])("takes class indices in a %s as one-hot rows", (_, classes) => {
    const { backend } = context;
    const rows = oneHot(classes, 4);
    const random = generator(6);
    for (const [y, fromLogits] of [
      [uniform(random, 20, 0.1, 0.9), false],
      [uniform(random, 20, -9, 9), true],
    ] as const) {
      const indexed = costOf(backend, "categoricalCrossEntropy", 4, y, classes, fromLogits);
      const hot = costOf(backend, "categoricalCrossEntropy", 4, y, rows, fromLogits);
      expect(Object.is(indexed.value, hot.value)).toBe(true);
      expect(bitMismatch(indexed.gradient, hot.gradient)).toBeUndefined();
    }
  });

  it("takes targets in every kind of array", () => {
    const { backend } = context;
    const y = [0.5, 0.25, 0.75, 0.125];
    const t = [1, 0, 0, 1];
    const expected = costOf(backend, "binaryCrossEntropy", 2, y, Float64Array.from(t));
    const matrix = backend.matrix(2, 2, t);
    const kinds: Targets[] = [
      t,
      [
        [1, 0],
        [0, 1],
      ],
      Float32Array.from(t),
      Uint8Array.from(t),
      Int32Array.from(t),
      matrix,
    ];
    for (const kind of kinds) expect(costOf(backend, "binaryCrossEntropy", 2, y, kind)).toEqual(expected);
    matrix.dispose();
  });

  it("of plain binaryCrossEntropy is 0 where outputs equal targets at 0 and 1, its gradient the one-sided limit", () => {
    const { value, gradient } = costOf(context.backend, "binaryCrossEntropy", 2, [0, 1, 1, 0], [0, 1, 1, 0]);
    expect(value).toBe(0);
    expect([...gradient]).toEqual([0.5, -0.5, -0.5, 0.5]);
  });

  it("of plain cross-entropies is infinite where outputs are infinitely wrong", () => {
    const { backend } = context;
    const binary = costOf(backend, "binaryCrossEntropy", 1, [0, 1], [1, 0]);
    expect([binary.value, ...binary.gradient]).toEqual([Infinity, -Infinity, Infinity]);
    const categorical = costOf(backend, "categoricalCrossEntropy", 2, [0, 1], [1, 0]);
    expect([categorical.value, ...categorical.gradient]).toEqual([Infinity, -Infinity, 0]);
  });

  it("of soft targets at outputs of 0 and 1 is infinite too", () => {
    const { value, gradient } = costOf(context.backend, "binaryCrossEntropy", 2, [0, 1], [0.5, 0.25]);
    expect([value, ...gradient]).toEqual([Infinity, -Infinity, Infinity]);
  });

  it("takes 0 log 0 as 0", () => {
    const { backend } = context;
    const categorical = costOf(backend, "categoricalCrossEntropy", 3, [0, 1, 0], [0, 1, 0]);
    expect(categorical.value).toBe(0);
    expect(mismatch(categorical.gradient, [0, -1, 0], 0)).toBeUndefined();
    // a class that is masked out, by a logit of -infinity
    const masked = costOf(backend, "categoricalCrossEntropy", 3, [-Infinity, 0, 0], [0, 1, 0], true);
    expect(mismatch([masked.value], [Math.log(2)], 1, ulpDistance)).toBeUndefined();
    expect(mismatch(masked.gradient, [0, -0.5, 0.5], 0)).toBeUndefined();
    expect(costOf(backend, "categoricalCrossEntropy", 3, [-Infinity, 0, 0], [1, 0, 0], true).value).toBe(Infinity);
  });

  it("of infinite logits is the limit: 0 for the right answer, infinity for the wrong one", () => {
    const { backend } = context;
    for (const [z, t, value, slope] of [
      [Infinity, 1, 0, 0],
      [-Infinity, 0, 0, 0],
      [Infinity, 0, Infinity, 1],
      [-Infinity, 1, Infinity, -1],
    ] as const) {
      const { value: found, gradient } = costOf(backend, "binaryCrossEntropy", 1, [z], [t], true);
      expect([found, (gradient[0] as number) + 0], `logit ${z}, target ${t}`).toEqual([value, slope]);
    }
  });

  it("of very sure logits keeps all digits of what is left", () => {
    const { backend } = context;
    // mpmath: e^-40 / (1 + e^-40), log1p(e^-40), the same of 700, and softmax of [40, 0, -2]
    const [e40, e700] = [4.248354255291589e-18, 9.85967654375977e-305];
    const cases: [CrossEntropy, number, number[], number[], number, number[]][] = [
      ["categoricalCrossEntropy", 2, [40, 0], [1, 0], e40, [-e40, e40]],
      ["categoricalCrossEntropy", 2, [-350, 350], [0, 1], e700, [e700, -e700]],
      [
        "categoricalCrossEntropy",
        3,
        [40, 0, -2],
        [1, 0, 0],
        4.823306481720945e-18,
        [-4.823306481720945e-18, e40, 5.74952226429356e-19],
      ],
      ["binaryCrossEntropy", 1, [40], [1], e40, [-e40]],
      ["binaryCrossEntropy", 1, [-40], [0], e40, [e40]],
      ["binaryCrossEntropy", 1, [700], [1], e700, [-e700]],
    ];
    for (const [name, columns, z, t, value, gradient] of cases) {
      const actual = costOf(backend, name, columns, z, t, true);
      expect(mismatch([actual.value], [value], 4, ulpDistance), `C of ${name} at ${z}`).toBeUndefined();
      expect(mismatch(actual.gradient, gradient, 4, ulpDistance), `dC of ${name} at ${z}`).toBeUndefined();
    }
  });

  it("has its corners where mathematics says", () => {
    const { backend } = context;
    // differences 0, 1, -1, 3, -3
    const [y, t] = [
      [1, 3, 1, 4, 0],
      [1, 2, 2, 1, 3],
    ];
    const absolute = costOf(backend, "meanAbsoluteError", 1, y, t);
    expect(absolute.value).toBe(8 / 5);
    expect(mismatch(absolute.gradient, [0, 0.2, -0.2, 0.2, -0.2], 0)).toBeUndefined();
    const huber = costOf(backend, "huber", 1, y, t);
    expect(huber.value).toBe((0.5 + 0.5 + 2.5 + 2.5) / 5);
    expect(mismatch(huber.gradient, [0, 0.2, -0.2, 0.2, -0.2], 0)).toBeUndefined();
  });

  it("divides by what the table says: samples, and columns for the three means", () => {
    const { backend } = context;
    const [y, t] = [new Array(12).fill(2), new Array(12).fill(0)];
    const expected: [Loss, number, number][] = [
      ["sumOfSquares", (4 * 4) / 2, 2 / 3],
      ["meanSquaredError", 4, 4 / 12],
      ["huber", 1.5, 1 / 12],
      ["meanAbsoluteError", 2, 1 / 12],
    ];
    for (const [name, value, slope] of expected) {
      const actual = costOf(backend, name, 4, y, t);
      expect(
        costMismatch(actual, { value, gradient: new Float64Array(12).fill(slope) }, 2 ** -52),
        name,
      ).toBeUndefined();
    }
  });

  it("of far differences does not lose the small ones in the sum", () => {
    // a compensated sum over samples: a plain one gives 0 for the many
    const samples = 1001;
    const y = Float64Array.from({ length: samples }, (_, i) => (i === 0 ? 2 ** 53 : 1));
    const { value } = costOf(context.backend, "meanAbsoluteError", 1, y, new Float64Array(samples));
    expect(value * samples).toBe(2 ** 53 + 1000);
  });

  it("leaves no matrix and no byte behind, after an error neither", () => {
    const { backend } = context;
    const before = backend.memory();
    expect(before.matrices).toBe(0);
    const y = backend.matrix(2, 3);
    backend
      .loss("huber", y, [
        [1, 2, 3],
        [4, 5, 6],
      ])
      .gradient.dispose();
    expect(() => backend.loss("categoricalCrossEntropy", y, [1, 7])).toThrow("the class of row 1 is 7");
    expect(() => backend.loss("huber", y, [1, 2, 3, 4, 5, 6], { fromLogits: true })).toThrow("fromLogits");
    expect(() => backend.loss("huber", y, [1, 2])).toThrow("2 samples x 3 units");
    y.dispose();
    expect(backend.memory()).toEqual(before);
  });
});
