/** What no other test would notice, as test/mutants found: each of these kills a mutant that had survived. */
import { describe, expect, it } from "vitest";
import { ArgumentError, createNetwork, dense, loadBackend, OutOfMemoryError } from "../src/index";
import { relativeErrorOf } from "./oracle";
import { onEveryVariant, variants } from "./variants";

const MIB = 2 ** 20;

/** All orders of a list. */
function orders<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first, i) => orders(list.filter((_, j) => j !== i)).map((rest) => [first, ...rest]));
}

onEveryVariant("survivors", (context) => {
  it("a cost is a compensated sum, whichever term is the largest", () => {
    const { backend } = context;
    const terms = [1000n, 2n ** 60n, 65n, 65n];
    const expected = Number(terms.reduce((sum, term) => sum + term)) / 4;
    const outputs = backend.matrix(4, 1);
    for (const order of orders(terms)) {
      const { value, gradient } = backend.loss("meanAbsoluteError", outputs, order.map(Number));
      expect(value, order.join(" + ")).toBe(expected);
      gradient.dispose();
    }
    outputs.dispose();
  });

  it("binaryCrossEntropy keeps the digits of small outputs, and of outputs near 1", () => {
    const { backend } = context;
    for (const [output, target, expected] of [
      [1e-20, 0, 1e-20],
      [2 ** -60, 0, 2 ** -60],
      [3e-9, 0, -Math.log1p(-3e-9)],
      [0.125, 0, -Math.log1p(-0.125)],
      [1 - 2 ** -53, 1, -Math.log1p(-(2 ** -53))],
    ] as const) {
      const y = backend.matrix(1, 1, [output]);
      const { value, gradient } = backend.loss("binaryCrossEntropy", y, [target]);
      // one ulp each of our logarithm and of Math's
      expect(relativeErrorOf(value, expected), `output ${output}`).toBeLessThanOrEqual(2 ** -51);
      for (const matrix of [y, gradient]) matrix.dispose();
    }
  });

  it("refuses infinite inputs in a Matrix, wherever they stand", async () => {
    const { backend } = context;
    const network = await createNetwork({ inputs: 3, layers: [dense(2)], backend });
    for (const value of [Infinity, -Infinity, Number.NaN]) {
      for (let at = 0; at < 9; at++) {
        const x = backend.matrix(3, 3);
        x.values[at] = value;
        const where = `row ${Math.floor(at / 3)}, column ${at % 3} is ${value}`;
        for (const use of [() => network.forward(x), () => network.predict(x)]) {
          expect(use).toThrow(ArgumentError);
          expect(use).toThrow(where);
        }
        x.dispose();
      }
    }
    network.dispose();
  });

  it("the arena leaves an address alone that was freed before, or never handed out", () => {
    const { arena } = context.backend.engine;
    const before = arena.usedBytes;
    const first = arena.allocate("test", 100);
    arena.free(first);
    arena.free(first);
    arena.free(first + 8);
    expect(arena.usedBytes).toBe(before);
    const [one, two] = [arena.allocate("test", 100), arena.allocate("test", 100)];
    expect(Math.abs(one - two)).toBeGreaterThanOrEqual(800);
    for (const pointer of [one, two]) arena.free(pointer);
    expect(arena.usedBytes).toBe(before);
  });
});

describe("survivors", () => {
  it("relaxed is taken by itself where it fuses, and only there", async () => {
    const backend = await loadBackend();
    let fuses = false;
    if (variants.includes("relaxed")) {
      const relaxed = await loadBackend({ variant: "relaxed" });
      // x^2 - fl(x^2): what the rounding of a product loses, and a fused one does not
      const x = relaxed.matrix(1, 1, [1 + 2 ** -30]);
      const out = relaxed.matrix(1, 1, [-((1 + 2 ** -30) ** 2)]);
      fuses = relaxed.matmul(x, x, { beta: 1, out }).values[0] !== 0;
      relaxed.dispose();
    }
    expect(backend.variant === "relaxed").toBe(fuses);
    backend.dispose();
  });

  it.each(variants.filter((variant) => variant !== "js"))("memory of %s is taken to its last page", async (variant) => {
    const maximumBytes = 4 * MIB;
    const backend = await loadBackend({ variant, memory: { maximumBytes } });
    const fill = () => {
      for (;;) backend.matrix(1, 1000);
    };
    expect(fill).toThrow(OutOfMemoryError);
    expect(backend.memory().reservedBytes).toBe(maximumBytes);
    backend.dispose();
  });
});
