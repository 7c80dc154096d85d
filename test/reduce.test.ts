import { expect, it } from "vitest";
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
