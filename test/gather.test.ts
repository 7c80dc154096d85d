import { expect, it } from "vitest";
import { bitMismatch, generator, uniform } from "./oracle";
import { guardedMatrix, onEveryVariant } from "./variants";

onEveryVariant("gatherRows", (context) => {
  it.each([1, 2, 3, 4, 7, 8, 9, 64, 129])("copies rows of %i, in any order and as often as they are named", (width) => {
    const { backend } = context;
    const all = 50;
    const values = uniform(generator(width), all * width);
    const x = backend.matrix(all, width, values);
    for (const rows of [[], [0], [49, 0, 7], Array.from({ length: 70 }, (_, i) => (i * 37) % all)]) {
      const places = backend.matrix(1, rows.length, rows);
      const out = guardedMatrix(backend, rows.length, width);
      backend.engine.kernels.gatherRows(
        rows.length,
        width,
        places.pointer("test"),
        x.pointer("test"),
        out.matrix.pointer("test"),
      );
      const expected = rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]);
      expect(bitMismatch(out.matrix.values, expected), `${rows.length} rows`).toBeUndefined();
      expect(out.intact()).toBe(true);
      places.dispose();
      out.dispose();
    }
    expect(bitMismatch(x.values, values)).toBeUndefined();
    x.dispose();
  });
});
