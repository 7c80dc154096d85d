import { expect, it } from "vitest";
import { bitMismatch, columnSums, generator, uniform } from "./oracle";
import { onEveryVariant } from "./variants";

onEveryVariant("firstNotFinite", (context) => {
  const values = (length: number) =>
    Float64Array.from({ length }, (_, i) => (i % 3 === 0 ? Number.MAX_VALUE : -5e-324) * (i % 2 === 0 ? 1 : -1));

  function first(x: Float64Array, length = x.length): number {
    const matrix = context.backend.matrix(1, x.length, x);
    const index = context.backend.engine.kernels.firstNotFinite(length, matrix.pointer("test"));
    matrix.dispose();
    return index;
  }

  it("is the length where all are finite, however large, and nothing behind them is read", () => {
    for (const length of [0, 1, 2, 7, 8, 9, 15, 16, 17, 40]) {
      const x = new Float64Array(length + 9).fill(NaN);
      x.set(values(length));
      expect(first(x, length), `${length} numbers`).toBe(length);
    }
  });

  it("is the first of them at every place, whatever follows", () => {
    for (const length of [1, 2, 7, 8, 9, 16, 17, 27]) {
      for (let at = 0; at < length; at++) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          // among small numbers the sum alone tells, among large ones it overflows
          const small = new Float64Array(length).fill(1);
          small[at] = bad;
          expect(first(small), `${bad} at ${at} of ${length} small ones`).toBe(at);
          const x = values(length);
          x[at] = bad;
          expect(first(x), `${bad} at ${at} of ${length}`).toBe(at);
          x.fill(-bad, at + 1);
          expect(first(x), `${bad} from ${at} of ${length} on`).toBe(at);
        }
      }
    }
  });
});

onEveryVariant("columnSums", (context) => {
  it("are the chains from the first row to the last, whatever the blocks, and overwrite", () => {
    const random = generator(3);
    // down to blocks of four rows, and odd columns beside whole groups of them
    for (const [rows, columns] of [
      [0, 3],
      [1, 1],
      [5, 2],
      [33, 9],
      [70, 8],
      [300, 19],
      [9, 700],
      [6, 601],
    ] as const) {
      const values = uniform(random, rows * columns);
      const { backend } = context;
      const x = backend.matrix(rows, columns, values);
      const y = backend.matrix(1, columns, new Float64Array(columns).fill(NaN));
      backend.engine.kernels.columnSums(rows, columns, x.pointer("test"), y.pointer("test"));
      expect(bitMismatch(y.values, columnSums(rows, columns, values)), `${rows}x${columns}`).toBeUndefined();
      x.dispose();
      y.dispose();
    }
  });
});
