/** forward, backward, backwardFrom and inputGradients, after failures too. */
import { expect, it } from "vitest";
import { ArgumentError, DisposedError, dense, dropout, type Network, ShapeError, Trainer } from "../src/index";
import { create, FEATURES, LAYERS, LOSS, largestGap, layerOf, oneHot, STEADY, uniform } from "./support";
import { onEveryVariant } from "./variants";

/** What becomes of a call: "a value", or the name of its error. */
function outcome(call: () => unknown): string {
  try {
    call();
    return "a value";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

onEveryVariant("forward and backward", (context) => {
  const samples = 9;
  const inputs = uniform(samples * FEATURES);
  const targets = oneHot(samples, 3);

  it("backwardFrom dC/dOutputs is backward without a fused loss, bit by bit", async () => {
    const layers = [dense(6, "silu"), dropout(0.3), dense(3, { activation: "tanh", l2: 0.1 })];
    const network = await create(context.backend, layers);
    const goal = uniform(samples * 3, 4);
    const outputs = network.forward(inputs);
    network.backward(goal, "sumOfSquares");
    const [gradients, inputGradients] = [network.gradients.slice(), network.inputGradients.slice()];
    network.gradients.fill(NaN);
    network.backwardFrom(outputs.map((y, e) => (y - (goal[e] as number)) / samples));
    expect(network.gradients).toEqual(gradients);
    expect(network.inputGradients).toEqual(inputGradients);
    network.dispose();
  });

  it("backwardFrom the plain cross-entropy's gradient is the fused backward", async () => {
    const network = await create(context.backend);
    const outputs = network.forward(inputs);
    network.backward(targets, LOSS);
    const gradients = network.gradients.slice();
    network.backwardFrom(outputs.map((y, e) => -(targets[e] as number) / y / samples));
    expect(largestGap(network.gradients, gradients)).toBeLessThan(1e-14);
    network.dispose();
  });

  it("can go backward again and again from one forward: gradients are overwritten, never added", async () => {
    const network = await create(context.backend);
    network.forward(inputs);
    const cost = network.backward(targets, LOSS);
    const gradients = network.gradients.slice();
    network.inputGradients.slice();
    network.backward(uniform(samples * 3, 9).map(Math.abs), LOSS);
    expect(network.gradients).not.toEqual(gradients);
    expect(network.backward(targets, LOSS)).toBe(cost);
    expect(network.gradients).toEqual(gradients);
    network.dispose();
  });

  it("forgets a larger batch, and is not disturbed by its remains", async () => {
    const [fresh, used] = [await create(context.backend, STEADY), await create(context.backend, STEADY)];
    used.forward(uniform(50 * FEATURES, 8).map((x) => 1e3 * x));
    used.backward(oneHot(50, 3), LOSS, { sampleWeights: Array(50).fill(3) });
    for (const rows of [9, 1, 2, 9]) {
      const [some, goal] = [inputs.subarray(0, rows * FEATURES), targets.subarray(0, rows * 3)];
      expect(used.forward(some)).toEqual(fresh.forward(some));
      expect(used.backward(goal, LOSS)).toBe(fresh.backward(goal, LOSS));
      expect(used.gradients).toEqual(fresh.gradients);
      expect(used.inputGradients).toEqual(fresh.inputGradients);
    }
    fresh.dispose();
    used.dispose();
  });

  it("adds penalties to the cost and to the gradients of weights, never of biases", async () => {
    const [l1, l2] = [0.03, 0.2];
    const plain = await create(context.backend, [dense(3, "tanh")]);
    const network = await create(context.backend, [dense(3, { activation: "tanh", l1, l2 })]);
    const [{ weights, bias, weightGradients, biasGradients }, without] = [layerOf(network, 0), layerOf(plain, 0)];
    weights[0] = 0;
    bias.fill(0.5);
    plain.parameters.set(network.parameters);
    const goal = uniform(samples * 3, 4);
    for (const each of [plain, network]) each.forward(inputs);
    const penalty = weights.reduce((sum, w) => sum + l1 * Math.abs(w) + l2 * w * w, 0);
    const costs = [network.backward(goal, "sumOfSquares"), plain.backward(goal, "sumOfSquares")] as const;
    expect(costs[0] - costs[1]).toBeCloseTo(penalty, 13);
    const expected = without.weightGradients.map((g, i) => {
      const w = weights[i] as number;
      return g + l1 * Math.sign(w) + 2 * l2 * w;
    });
    expect(largestGap(weightGradients, expected)).toBeLessThan(1e-15);
    expect(weightGradients[0]).toBe(without.weightGradients[0]);
    expect(biasGradients).toEqual(without.biasGradients);
    network.dispose();
    plain.dispose();
  });

  it("without a forward is an ArgumentError", async () => {
    const network = await create(context.backend);
    expect(() => network.backward(targets, LOSS)).toThrow(ArgumentError);
    expect(() => network.backwardFrom(targets)).toThrow(ArgumentError);
    expect(() => network.inputGradients).toThrow(ArgumentError);
    network.predict(inputs);
    expect(() => network.backward(targets, LOSS)).toThrow(ArgumentError);
    network.dispose();
  });

  it("refuses what does not fit the last forward, and still works after it", async () => {
    const network = await create(context.backend);
    network.forward(inputs);
    network.backward(targets, LOSS);
    const gradients = network.gradients.slice();
    expect(() => network.backward(targets.subarray(3), LOSS)).toThrow(ShapeError);
    expect(() => network.backward([0, 1, 2], LOSS)).toThrow(ShapeError);
    expect(() => network.backward(Array(9).fill(3), LOSS)).toThrow(ArgumentError);
    expect(() => network.backward(Array(9).fill(1), "sumOfSquares")).toThrow(ShapeError);
    expect(() => network.backward(targets, LOSS, { sampleWeights: [1] })).toThrow(ShapeError);
    expect(() => network.backward(targets, LOSS, { sampleWeights: Array(9).fill(-1) })).toThrow(ArgumentError);
    expect(() => Reflect.apply(network.backward, network, [targets, "crossEntropy"])).toThrow(ArgumentError);
    expect(() => network.backwardFrom(targets.subarray(3))).toThrow(ShapeError);
    expect(() => network.backwardFrom(targets.map(() => NaN))).toThrow(ArgumentError);
    network.backward(targets, LOSS);
    expect(network.gradients).toEqual(gradients);
    network.dispose();
  });

  // "After any of them the backend still works": either the old forward is still there, or backward says that it is not
  it.each([
    [
      "forward, an input not finite",
      (network: Network) => network.forward(inputs.map((x, i) => (i === 9 ? NaN : 5 + x))),
    ],
    [
      "forward, an input not finite, in a larger batch",
      (network: Network) => network.forward(uniform(100 * FEATURES, 2).fill(NaN, 399)),
    ],
    [
      "step, an input not finite",
      (network: Network) =>
        new Trainer(network).step(
          inputs.map((x, i) => (i === 9 ? NaN : 5 + x)),
          targets,
        ),
    ],
    [
      "step, targets of another length",
      (network: Network) => new Trainer(network).step(uniform(9 * FEATURES, 6), targets.subarray(3)),
    ],
    [
      "step, fewer samples and targets of another length",
      (network: Network) => new Trainer(network).step(uniform(5 * FEATURES, 6), targets),
    ],
  ] as const)("a failure leaves no half of two batches: %s", async (_, fail) => {
    const network = await create(context.backend, STEADY);
    network.forward(inputs);
    network.backward(targets, LOSS);
    const gradients = network.gradients.slice();
    network.gradients.fill(0);
    expect(() => fail(network)).toThrow(/expected/);
    // takes whatever was freed meanwhile
    const matrices = [1, 3, 7].map((cols) => context.backend.matrix(samples, cols, Array(samples * cols).fill(1e6)));
    const backward = outcome(() => network.backward(targets, LOSS));
    if (backward === "a value") expect(largestGap(network.gradients, gradients)).toBe(0);
    else expect(backward).toBe("ArgumentError");
    for (const owner of [...matrices, network]) owner.dispose();
  });

  it("does not copy a Matrix, which must live until backward", async () => {
    const network = await create(context.backend);
    const matrix = context.backend.matrix(samples, FEATURES, inputs);
    const copied = await create(context.backend);
    expect(network.forward(matrix)).toEqual(copied.forward(inputs));
    network.backward(targets, LOSS);
    copied.backward(targets, LOSS);
    expect(network.gradients).toEqual(copied.gradients);
    expect(network.inputGradients).toEqual(copied.inputGradients);
    expect(matrix.values).toEqual(inputs);
    network.forward(matrix);
    matrix.dispose();
    expect(() => network.backward(targets, LOSS)).toThrow(DisposedError);
    expect(() => network.forward(matrix)).toThrow(DisposedError);
    network.forward(inputs);
    network.backward(targets, LOSS);
    network.dispose();
    copied.dispose();
  });

  it("forward gives a live view of the outputs", async () => {
    const network = await create(context.backend, STEADY);
    const first = network.forward(inputs);
    const kept = first.slice();
    const second = network.forward(inputs.map((x) => -x));
    expect(second).not.toEqual(kept);
    expect(first).toEqual(second);
    network.dispose();
  });
});

onEveryVariant("inputGradients", (context) => {
  const inputs = uniform(5 * FEATURES);
  const targets = oneHot(5, 3);

  it("are computed when first asked for, and are the same when asked again", async () => {
    const network = await create(context.backend);
    network.forward(inputs);
    network.backward(targets, LOSS);
    const first = network.inputGradients;
    expect(first).toHaveLength(inputs.length);
    expect(first.some((g) => g !== 0)).toBe(true);
    expect(network.inputGradients).toBe(first);
    network.backward(targets, LOSS);
    expect(network.inputGradients).toEqual(first);
    network.dispose();
  });

  it("agree with central differences, below dropout and frozen layers too", async () => {
    for (const frozen of [[], [0], [0, 2], [0, 2, 3, 4]]) {
      const network = await create(context.backend);
      for (const l of frozen) layerOf(network, l).trainable = false;
      const given = Float64Array.from(inputs);
      const cost = () => {
        network.core.forward(); // the same step again: the same mask
        return network.backward(targets, LOSS);
      };
      const matrix = context.backend.matrix(5, FEATURES, given);
      network.forward(matrix);
      network.backward(targets, LOSS);
      const exact = network.inputGradients.slice();
      given.forEach((x, i) => {
        const width = 1e-4;
        const [right, left] = [x + width, x - width].map((value) => {
          matrix.values[i] = value;
          return cost();
        }) as [number, number];
        matrix.values[i] = x;
        // truncation w^2 / 6 |C'''| and rounding u |C| / w, both below 1e-8
        expect(Math.abs((right - left) / (2 * width) - (exact[i] as number))).toBeLessThan(2e-8);
      });
      network.dispose();
      matrix.dispose();
    }
  });

  it("come too late after an update", async () => {
    const network = await create(context.backend);
    const other = await create(context.backend, LAYERS, 4);
    const trainer = new Trainer(network);
    const updates: [string, () => unknown][] = [
      ["step", () => trainer.step(inputs, targets)],
      ["fit", () => trainer.fit({ inputs, targets })],
      ["copyFrom", () => network.copyFrom(other)],
      ["copyFrom with tau", () => network.copyFrom(other, { tau: 0.5 })],
    ];
    for (const [name, update] of updates) {
      for (const asked of [false, true]) {
        network.forward(inputs);
        network.backward(targets, LOSS);
        if (asked) network.inputGradients.slice();
        await update();
        expect(() => network.inputGradients, name).toThrow(ArgumentError);
      }
    }
    network.forward(inputs);
    network.backward(targets, LOSS);
    expect(network.inputGradients).toHaveLength(inputs.length);
    network.dispose();
    other.dispose();
  });

  it("have the same fate after another forward, whether they were asked for before it or not", async () => {
    for (const rows of [5, 500]) {
      const fates = [];
      for (const asked of [false, true]) {
        const network = await create(context.backend);
        network.forward(inputs);
        network.backward(targets, LOSS);
        if (asked) network.inputGradients.slice();
        network.forward(uniform(rows * FEATURES, 2));
        fates.push(outcome(() => network.inputGradients));
        network.dispose();
      }
      expect(fates[1]).toBe(fates[0]);
    }
  });
});
