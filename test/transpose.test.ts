import { expect, it } from "vitest";
import { ArgumentError, ShapeError } from "../src/errors";
import { bitMismatch, generator, transpose, uniform } from "./oracle";
import { guardedMatrix, onEveryVariant } from "./variants";

/** Around lanes and the 8 x 8 blocks. */
const sizes = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 65, 130];

onEveryVariant("transpose", (context) => {
  it.each(sizes)("of %i rows and any number of columns writes out, all of it and nothing else", (rows) => {
    const { backend } = context;
    for (const cols of sizes) {
      const values = uniform(generator(rows * 1000 + cols), rows * cols);
      const x = backend.matrix(rows, cols, values);
      const out = guardedMatrix(backend, cols, rows);
      out.matrix.values.fill(Number.NaN);
      expect(backend.transpose(x, { out: out.matrix })).toBe(out.matrix);
      expect(bitMismatch(out.matrix.values, transpose(rows, cols, values)), `${rows}x${cols}`).toBeUndefined();
      expect(out.intact(), `beside out, ${rows}x${cols}`).toBe(true);
      expect(bitMismatch(x.values, values)).toBeUndefined();
      const back = backend.transpose(out.matrix);
      expect([back.rows, back.cols, bitMismatch(back.values, values)]).toEqual([rows, cols, undefined]);
      x.dispose();
      back.dispose();
      out.dispose();
    }
  });

  it("copies bits: zeros keep their sign, NaN stays NaN, infinities and subnormals stay", () => {
    const { backend } = context;
    const special = [0, -0, Number.NaN, Infinity, -Infinity, 5e-324, -5e-324, 1.7976931348623157e308, 1];
    const x = backend.matrix(1, special.length, special);
    const y = backend.transpose(x);
    expect([y.rows, y.cols]).toEqual([special.length, 1]);
    expect(bitMismatch(y.values, special)).toBeUndefined();
    x.dispose();
    y.dispose();
  });

  it("refuses its input, even a square one, and an out of another shape", () => {
    const { backend } = context;
    const x = backend.matrix(3, 3);
    const long = backend.matrix(3, 4);
    expect(() => backend.transpose(x, { out: x })).toThrow(ArgumentError);
    expect(() => backend.transpose(long, { out: long })).toThrow(ArgumentError);
    expect(() => backend.transpose(long, { out: x })).toThrow(ShapeError);
    x.dispose();
    long.dispose();
    expect(backend.memory().matrices).toBe(0);
  });
});
