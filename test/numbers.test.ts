import { expect, it } from "vitest";
import { copyRows } from "../src/numbers";

it("copyRows takes rows of any width and kind in any order, and writes no more", () => {
  // short and long rows, whole strips and parts, whole groups of rows and the rest of one
  for (const width of [1, 9, 255, 256, 300, 352]) {
    for (const Kind of [Float64Array, Float32Array, Uint8Array]) {
      const source = new Kind(Array.from({ length: 11 * width }, (_, i) => (i * 7) % 251));
      const order = Uint32Array.from([3, 10, 0, 7, 7, 1, 9, 2]);
      for (const count of [1, 6, 7]) {
        const target = new Float64Array(8 * width).fill(-1);
        copyRows(source, order, 1, count, width, target);
        const expected = Array.from(order.subarray(1, 1 + count), (row) => [
          ...source.subarray(row * width, (row + 1) * width),
        ]).flat();
        expect([...target], `${Kind.name}, ${count} rows of ${width}`).toEqual([
          ...expected,
          ...Array((8 - count) * width).fill(-1),
        ]);
      }
    }
  }
});
