/** What no other test would notice, as test/mutants found: each of these kills a mutant that had survived. */
import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  type CustomLoss,
  checkGradients,
  createNetwork,
  dense,
  dropout,
  loadBackend,
  OutOfMemoryError,
  sgd,
  Trainer,
} from "../src/index";
import { power } from "../src/power";
import { bitMismatch, generator, mismatch, relativeErrorOf, uniform } from "./oracle";
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

  it("predict is forward, bit by bit, through many layers that grow, on many rows", async () => {
    const { backend } = context;
    // more rows than one block of a product, so that a layer which wrote over its own inputs would read the results
    const samples = 200;
    const layers = [5, 9, 17, 33, 4].map((units) => dense(units, "tanh"));
    const network = await createNetwork({ inputs: 3, layers, backend });
    const inputs = uniform(generator(1), samples * 3);
    const outputs = network.forward(inputs).slice();
    expect(bitMismatch(network.predict(inputs), outputs)).toBeUndefined();
    network.dispose();
  });

  it("checkGradients names the bias whose gradient is wrong", async () => {
    const { backend } = context;
    const [fanIn, units] = [2, 3];
    const network = await createNetwork({ inputs: fanIn, layers: [dense(2), dense(units)], backend });
    for (let wrong = 0; wrong < units; wrong++) {
      const loss: CustomLoss = {
        name: "one slope twice too large",
        value: ({ outputs }) => outputs.reduce((sum, y) => sum + y, 0),
        gradient(_, out) {
          out.fill(1)[wrong] = 2;
        },
      };
      // inputs and bias of 0: the weights of the last layer have no gradient, and weights of 0 none below
      network.layers[1]?.weights.fill(0);
      const found = checkGradients(network, [0, 0], [0, 0, 0], loss);
      expect({ ...found, maxRelativeError: 0.5 }).toEqual({
        maxRelativeError: 0.5,
        layer: 1,
        parameter: "bias",
        index: wrong,
      });
      expect(found.maxRelativeError).toBeCloseTo(0.5, 6);
    }
    network.dispose();
  });

  it("the first of equal outputs is the answer, and the first of equal targets what it should be", async () => {
    const { backend } = context;
    const layers = [dense(3, { activation: "softmax", initializer: "zeros" })];
    const network = await createNetwork({ inputs: 1, layers, backend });
    const trainer = new Trainer(network);
    const inputs = [1, 2, 3, 4, 5];
    // outputs of a third each
    expect(trainer.evaluate({ inputs, targets: [0, 1, 2, 2, 0] }).accuracy).toBe(2 / 5);
    const half = [0.5, 0.5, 0];
    const targets = [...half, ...half, 0, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0, 0.5];
    expect(trainer.evaluate({ inputs, targets }).accuracy).toBe(3 / 5);
    network.dispose();
  });

  it("the gradient of a loss of one's own starts from zeros, whatever stood there", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(3)], backend: context.backend });
    const loss = (at: number): CustomLoss => ({
      name: `output ${at}`,
      value: ({ outputs }) => outputs[at] as number,
      gradient(_, out) {
        out[at] = 1;
      },
    });
    for (const at of [0, 2, 1]) {
      network.forward([2]);
      network.backward([0, 0, 0], loss(at));
      const bias = [0, 1, 2].map((j) => (j === at ? 1 : 0));
      expect([...network.gradients]).toEqual([...bias.map((slope) => 2 * slope), ...bias]);
    }
    network.dispose();
  });

  it("a step of a trainer has a dropout mask of its own, that of a forward pass in its place", async () => {
    const { backend } = context;
    const options = { inputs: 4, layers: [dense(20, "tanh"), dropout(0.5), dense(2)], seed: 9, backend };
    const [trained, passed, fitted] = [
      await createNetwork(options),
      await createNetwork(options),
      await createNetwork(options),
    ];
    const still = { loss: "sumOfSquares", optimizer: sgd({ learningRate: 0 }) } as const;
    const trainer = new Trainer(trained, still);
    const data = { inputs: [1, 2, 3, 4, 5, 6, 7, 8], targets: [1, 0, 0, 1] };
    const steps = Array.from({ length: 6 }, () => trainer.step(data.inputs, data.targets));
    const passes = steps.map(() => {
      passed.forward(data.inputs);
      return passed.backward(data.targets, "sumOfSquares");
    });
    const { loss } = await new Trainer(fitted, still).fit(data, { epochs: 6, shuffle: false });
    expect(new Set(passes).size).toBe(6);
    expect(steps).toEqual(passes);
    expect(mismatch(loss, passes, 2 ** -51)).toBeUndefined(); // an epoch's loss is multiplied and divided by its samples
    for (const network of [trained, passed, fitted]) network.dispose();
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
  it("a power is a product of squares, lowest first, so that no engine's own power has a say in it", () => {
    for (const base of [0.8, 0.9, 0.95, 0.99, 0.999]) {
      const squares = [base];
      for (let bit = 1; bit < 14; bit++) squares.push((squares[bit - 1] as number) * (squares[bit - 1] as number));
      for (let exponent = 0; exponent < 10000; exponent += exponent < 100 ? 1 : 37) {
        const factors = squares.filter((_, bit) => ((exponent >> bit) & 1) === 1);
        expect(power(base, exponent)).toBe(factors.reduce((product, factor) => product * factor, 1));
      }
    }
  });

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
