import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ActivationName,
  ArgumentError,
  adam,
  type Backend,
  checkGradients,
  createNetwork,
  DisposedError,
  dense,
  dropout,
  type InitializerName,
  type LayerDescription,
  loadBackend,
  type Network,
  ShapeError,
  sgd,
  Trainer,
  type Variant,
} from "../src/index";
import { onEveryVariant } from "./variants";

/** Uniform from [-1, 1), always the same (mulberry32). */
function uniform(length: number, seed = 1): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

function oneHot(samples: number, units: number): Float64Array {
  return Float64Array.from({ length: samples * units }, (_, e) => (e % units === (e * 7) % units ? 1 : 0));
}

function largestGap(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i] as number, expected[i] as number];
    const difference = Math.abs(a - b) / Math.max(1, Math.abs(b));
    largest = Math.max(largest, Number.isNaN(difference) ? Infinity : difference);
  }
  return largest;
}

/** The layer of that index, which is there. */
function layerOf(network: Network, index: number) {
  const layer = network.layers[index];
  if (layer === undefined) throw new Error(`layers[${index}] was expected`);
  return layer;
}

/** What becomes of a call: "a value", or the name of its error. */
function outcome(call: () => unknown): string {
  try {
    call();
    return "a value";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

/** One that has everything: several activations, a hidden softmax, dropout, penalties. */
const LAYERS: LayerDescription[] = [
  dense(7, { activation: "gelu", l2: 0.01 }),
  dropout(0.3),
  dense(6, { activation: "softmax", l1: 0.001 }),
  dense(5, "relu"),
  dense(3, "softmax"),
];
const LOSS = "categoricalCrossEntropy";
const FEATURES = 4;

function create(backend: Backend, layers = LAYERS, seed = 3): Promise<Network> {
  return createNetwork({ inputs: FEATURES, layers, seed, backend });
}

/** Without dropout: the forward pass is that of a prediction. */
const STEADY = LAYERS.filter(({ kind }) => kind !== "dropout");

describe("the same seed", () => {
  const backends = new Map<Variant, Backend>();
  beforeAll(async () => {
    for (const variant of ["js", "scalar", "simd"] as const) backends.set(variant, await loadBackend({ variant }));
  });
  afterAll(() => {
    for (const backend of backends.values()) backend.dispose();
  });

  it("gives the same bits on js, scalar and simd, another seed others", async () => {
    const initializers: InitializerName[] = ["glorotUniform", "glorotNormal", "heUniform", "heNormal", "lecunNormal"];
    const digests = new Map<number, Set<string>>();
    const seeds = [0, 1, 42, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    for (const seed of seeds) {
      const found = new Set<string>();
      for (const backend of backends.values()) {
        const layers = initializers.map((initializer) => dense(9, { initializer }));
        const network = await createNetwork({ inputs: 11, layers, seed, backend });
        found.add(await network.digest());
        network.dispose();
      }
      digests.set(seed, found);
    }
    for (const found of digests.values()) expect(found.size).toBe(1);
    expect(new Set([...digests.values()].flatMap((found) => [...found])).size).toBe(seeds.length);
  });

  it("gives the same masks on js, scalar and simd", async () => {
    const masks: Float64Array[] = [];
    for (const backend of backends.values()) {
      const network = await constant(backend, 21, [dropout(0.4)]);
      network.forward(new Float64Array(19));
      masks.push(network.forward(new Float64Array(19)).slice());
      network.dispose();
    }
    expect(masks[0]).toHaveLength(19 * 21);
    expect(masks[1]).toEqual(masks[0]);
    expect(masks[2]).toEqual(masks[0]);
  });

  it("is 42 where none is given", async () => {
    const [backend] = backends.values() as unknown as [Backend];
    const [given, not] = [
      await createNetwork({ inputs: 3, layers: [dense(4)], seed: 42, backend }),
      await createNetwork({ inputs: 3, layers: [dense(4)], backend }),
    ];
    expect(not.seed).toBe(42);
    expect(await not.digest()).toBe(await given.digest());
    given.dispose();
    not.dispose();
  });
});

/** Outputs 1 for every input, before whatever layers follow: what comes out is their doing. One input feature. */
async function constant(backend: Backend, units: number, layers: LayerDescription[], seed = 5): Promise<Network> {
  const first = dense(units, { initializer: "zeros" });
  const network = await createNetwork({ inputs: 1, layers: [first, ...layers], seed, backend });
  layerOf(network, 0).bias.fill(1);
  return network;
}

onEveryVariant("initial weights", (context) => {
  const [fanIn, units] = [250, 400];
  const count = fanIn * units;

  async function draw(initializer: InitializerName): Promise<Float64Array> {
    const layers = [dense(units, { initializer })];
    const network = await createNetwork({ inputs: fanIn, layers, backend: context.backend });
    const weights = layerOf(network, 0).weights.slice();
    network.dispose();
    return weights;
  }

  const mean = (values: Float64Array, f: (value: number) => number) =>
    values.reduce((sum, value) => sum + f(value), 0) / values.length;

  it.each([
    ["glorotUniform", Math.sqrt(6 / (fanIn + units))],
    ["heUniform", Math.sqrt(6 / fanIn)],
  ] as const)("%s is uniform within its limits", async (initializer, limit) => {
    const weights = await draw(initializer);
    const scaled = weights.map((w) => w / limit);
    expect(Math.max(...scaled.subarray(0, 50_000), ...scaled.subarray(50_000))).toBeGreaterThan(1 - 1e-3);
    expect(scaled.every((w) => Math.abs(w) <= 1)).toBe(true);
    // 5 sigma of the mean, and of the mean square, whose variance is 1/5 - 1/9
    expect(Math.abs(mean(scaled, (w) => w))).toBeLessThan(5 * Math.sqrt(1 / 3 / count));
    expect(Math.abs(mean(scaled, (w) => w * w) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / count));
    expect(new Set(weights).size).toBe(count);
  });

  it.each([
    ["glorotNormal", Math.sqrt(2 / (fanIn + units))],
    ["heNormal", Math.sqrt(2 / fanIn)],
    ["lecunNormal", Math.sqrt(1 / fanIn)],
  ] as const)("%s is normal, not truncated", async (initializer, deviation) => {
    const scaled = (await draw(initializer)).map((w) => w / deviation);
    // 5 sigma of the moments: those of z, z^2, z^3, z^4 have variance 1, 2, 15, 96
    expect(Math.abs(mean(scaled, (z) => z))).toBeLessThan(5 * Math.sqrt(1 / count));
    expect(Math.abs(mean(scaled, (z) => z * z) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(mean(scaled, (z) => z ** 3))).toBeLessThan(5 * Math.sqrt(15 / count));
    expect(Math.abs(mean(scaled, (z) => z ** 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
    // 6.33 of 100,000 lie beyond 4 deviations
    expect(scaled.some((z) => Math.abs(z) > 4)).toBe(true);
    expect(new Set(scaled).size).toBe(count);
  });

  it("zeros are zeros, and the bias starts at zero with every initializer", async () => {
    expect((await draw("zeros")).every((w) => w === 0)).toBe(true);
    const names = ["zeros", "glorotUniform", "glorotNormal", "heUniform", "heNormal", "lecunNormal"] as const;
    const layers = names.map((initializer) => dense(9, { initializer }));
    const network = await createNetwork({ inputs: 5, layers, backend: context.backend });
    for (const { bias } of network.layers) expect(bias.every((b) => Object.is(b, 0))).toBe(true);
    network.dispose();
  });

  const fitting: Record<ActivationName, "heUniform" | "glorotUniform" | "lecunNormal"> = {
    relu: "heUniform",
    leakyRelu: "heUniform",
    elu: "heUniform",
    gelu: "heUniform",
    silu: "heUniform",
    softplus: "heUniform",
    selu: "lecunNormal",
    linear: "glorotUniform",
    sigmoid: "glorotUniform",
    tanh: "glorotUniform",
    softmax: "glorotUniform",
  };

  it.each(Object.entries(fitting) as [ActivationName, string][])("%s starts from %s", async (activation, name) => {
    const network = await createNetwork({ inputs: 60, layers: [dense(200, activation)], backend: context.backend });
    const { weights } = layerOf(network, 0);
    const largest = Math.max(...weights.map(Math.abs));
    const limit = { heUniform: Math.sqrt(6 / 60), glorotUniform: Math.sqrt(6 / 260) }[name];
    if (limit !== undefined) {
      expect(largest).toBeLessThanOrEqual(limit);
      expect(largest).toBeGreaterThan(0.99 * limit);
    } else {
      const square = mean(weights, (w) => w * w) * 60;
      expect(Math.abs(square - 1)).toBeLessThan(5 * Math.sqrt(2 / weights.length));
      expect(largest).toBeGreaterThan(3 * Math.sqrt(1 / 60));
    }
    network.dispose();
  });

  it("differ from layer to layer", async () => {
    const network = await createNetwork({ inputs: 6, layers: [dense(6), dense(6)], backend: context.backend });
    expect(layerOf(network, 0).weights).not.toEqual(layerOf(network, 1).weights);
    network.dispose();
  });
});

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

onEveryVariant("predict", (context) => {
  it("is forward, bit by bit, where there is no dropout", async () => {
    const activations = ["gelu", "silu", "elu", "selu", "tanh", "sigmoid", "softplus", "leakyRelu", "relu"] as const;
    const layers = [...activations.map((activation) => dense(5, activation)), dense(3, "softmax")];
    for (const stack of [STEADY, layers, [dense(4)]]) {
      const network = await create(context.backend, stack);
      const inputs = uniform(31 * FEATURES).map((x) => 3 * x);
      expect(network.predict(inputs)).toEqual(network.forward(inputs));
      network.dispose();
    }
  });

  it("disturbs nothing between forward and backward", async () => {
    for (const [rows, other] of [
      [9, 3],
      [9, 9],
      [9, 700],
    ] as const) {
      const [quiet, used] = [await create(context.backend), await create(context.backend)];
      const [inputs, targets] = [uniform(rows * FEATURES), oneHot(rows, 3)];
      const outputs = used.forward(inputs);
      quiet.forward(inputs);
      const kept = outputs.slice();
      used.predict(uniform(other * FEATURES, 5));
      expect(outputs).toEqual(kept);
      expect(used.backward(targets, LOSS)).toBe(quiet.backward(targets, LOSS));
      used.predict(uniform(other * FEATURES, 6));
      expect(used.gradients).toEqual(quiet.gradients);
      expect(used.inputGradients).toEqual(quiet.inputGradients);
      expect(used.forward(inputs)).toEqual(quiet.forward(inputs)); // nor the next mask
      quiet.dispose();
      used.dispose();
    }
  });

  it("gives the same bits for every batchSize, and for a row alone", async () => {
    const network = await create(context.backend);
    for (const rows of [1, 2, 255, 256, 257, 513]) {
      const inputs = uniform(rows * FEATURES, rows);
      const expected = network.predict(inputs);
      expect(expected).toHaveLength(rows * 3);
      for (const batchSize of [1, 3, 4, 7, 64, 1000]) {
        expect(network.predict(inputs, { batchSize }), `${rows} rows by ${batchSize}`).toEqual(expected);
      }
      const last = network.predict(inputs.subarray((rows - 1) * FEATURES));
      expect(last).toEqual(expected.subarray((rows - 1) * 3));
    }
    network.dispose();
  });

  it("takes inputs in every form, and none", async () => {
    const network = await create(context.backend);
    const inputs = uniform(6 * FEATURES).map((x) => Math.floor(100 * x + 100));
    const expected = network.predict(inputs);
    const rows = Array.from({ length: 6 }, (_, i) => [...inputs.subarray(i * FEATURES, (i + 1) * FEATURES)]);
    const matrix = context.backend.matrix(6, FEATURES, inputs);
    for (const form of [Float32Array.from(inputs), Uint8Array.from(inputs), [...inputs], rows, matrix]) {
      expect(network.predict(form)).toEqual(expected);
    }
    expect(network.predict([])).toEqual(new Float64Array(0));
    expect(network.predict(context.backend.matrix(0, FEATURES))).toEqual(new Float64Array(0));
    matrix.dispose();
    network.dispose();
  });

  it("writes to `out`, or gives a fresh array", async () => {
    const network = await create(context.backend);
    const inputs = uniform(6 * FEATURES);
    const fresh = network.predict(inputs);
    expect(network.predict(inputs)).not.toBe(fresh);
    const out = new Float64Array(20).fill(-1);
    const part = out.subarray(1, 19);
    expect(network.predict(inputs, { out: part })).toBe(part);
    expect(part).toEqual(fresh);
    expect([out[0], out[19]]).toEqual([-1, -1]);
    network.predict(inputs.map((x) => -x));
    expect(part).toEqual(fresh);
    expect(() => network.predict(inputs, { out })).toThrow(ShapeError);
    expect(() => network.predict(inputs, { batchSize: 0 })).toThrow(ArgumentError);
    expect(() => network.predict(inputs.subarray(1))).toThrow(ShapeError);
    expect(() => network.predict(inputs.map((x, i) => (i === 9 ? NaN : x)))).toThrow(/row 2, column 1/);
    expect(network.predict(inputs)).toEqual(fresh);
    network.dispose();
  });

  it("gives memory that is the caller's, whatever happens to the network", async () => {
    const network = await create(context.backend);
    const result = network.predict(uniform(6 * FEATURES));
    const kept = result.slice();
    expect(result.buffer.byteLength).toBe(8 * 18);
    network.parameters.fill(0);
    network.dispose();
    expect(result).toEqual(kept);
  });
});

onEveryVariant("dropout", (context) => {
  const [units, samples] = [100, 1000];
  const inputs = new Float64Array(samples);

  it.each([0, 0.1, 0.5, 0.9])("drops a share of %d, and scales the rest by 1 / (1 - rate)", async (rate) => {
    const network = await constant(context.backend, units, [dropout(rate)]);
    const outputs = network.forward(inputs);
    const zeros = outputs.filter((y) => y === 0).length;
    const deviation = Math.sqrt(units * samples * rate * (1 - rate));
    expect(Math.abs(zeros - units * samples * rate)).toBeLessThanOrEqual(5 * deviation);
    expect(new Set(outputs)).toEqual(new Set(rate === 0 ? [1] : [0, 1 / (1 - rate)]));
    // in every column and row alike: 6 sigma, for there are 1100 of them
    for (let j = 0; j < units; j++) {
      const dropped = outputs.filter((y, e) => e % units === j && y === 0).length;
      expect(Math.abs(dropped - samples * rate)).toBeLessThanOrEqual(6 * Math.sqrt(samples * rate * (1 - rate)));
    }
    network.dispose();
  });

  it("has another mask each step, the same for the same seed and step", async () => {
    const [first, second] = [5, 5].map((seed) => constant(context.backend, units, [dropout(0.5)], seed));
    const other = await constant(context.backend, units, [dropout(0.5)], 6);
    const [a, b] = [await first, await second] as [Network, Network];
    const rows = inputs.subarray(0, 20);
    const masks = [1, 2, 3].map(() => a.forward(rows).slice());
    expect(new Set(masks.map(String)).size).toBe(3);
    for (const mask of masks) expect(b.forward(rows)).toEqual(mask);
    expect(other.forward(rows)).not.toEqual(masks[0]);
    for (const network of [a, b, other]) network.dispose();
  });

  it("decides each element alone: more rows leave the first as they were", async () => {
    const [few, many] = [
      await constant(context.backend, 7, [dropout(0.5)]),
      await constant(context.backend, 7, [dropout(0.5)]),
    ];
    const mask = many.forward(inputs.subarray(0, 50)).slice();
    expect(few.forward(inputs.subarray(0, 13))).toEqual(mask.subarray(0, 13 * 7));
    few.dispose();
    many.dispose();
  });

  it("is independent from layer to layer", async () => {
    const network = await constant(context.backend, units, [dropout(0.5), dropout(0.5)]);
    const outputs = network.forward(inputs);
    const zeros = outputs.filter((y) => y === 0).length;
    const count = units * samples;
    expect(Math.abs(zeros - 0.75 * count)).toBeLessThan(5 * Math.sqrt(count * 0.75 * 0.25));
    expect(new Set(outputs)).toEqual(new Set([0, 4]));
    network.dispose();
  });

  it("is off in predict and evaluate", async () => {
    const network = await constant(context.backend, 5, [dropout(0.9)]);
    const rows = inputs.subarray(0, 10);
    expect(network.predict(rows).every((y) => y === 1)).toBe(true);
    const { loss } = new Trainer(network).evaluate({ inputs: rows, targets: new Float64Array(50).fill(1) });
    expect(loss).toBe(0);
    network.dispose();
  });

  it("lets gradients through where it let values through", async () => {
    const network = await createNetwork({
      inputs: 6,
      layers: [dropout(0.4), dense(6, { initializer: "zeros" }), dropout(0.4)],
      backend: context.backend,
    });
    const { weights } = layerOf(network, 1);
    for (let i = 0; i < 6; i++) weights[7 * i] = 1;
    const ones = new Float64Array(60).fill(1);
    const outputs = network.forward(ones).slice();
    network.backwardFrom(ones);
    // the identity between: dC/dX is mask times mask, and so are the outputs
    expect(network.inputGradients).toEqual(outputs);
    expect(outputs.some((y) => y === 0) && outputs.some((y) => y > 1)).toBe(true);
    network.dispose();
  });

  it("refuses other rates", () => {
    for (const rate of [1, -0.1, NaN, Infinity]) expect(() => dropout(rate)).toThrow(ArgumentError);
  });
});

onEveryVariant("parameters", (context) => {
  it("are live views: writing weights changes predictions", async () => {
    const network = await create(context.backend, [dense(2)]);
    const { weights, bias } = layerOf(network, 0);
    weights.set([1, 2, 3, 4, 5, 6, 7, 8]); // 4 x 2, row after row
    bias.set([100, 200]);
    expect([...network.predict([1, 1, 1, 1, 1, 0, 0, 0])]).toEqual([116, 220, 101, 202]);
    network.parameters.fill(0);
    expect([...network.predict([1, 1, 1, 1])]).toEqual([0, 0]);
    expect(layerOf(network, 0).weights).toBe(weights);
    network.dispose();
  });

  it("are one flat array, layer by layer, weights before bias, and so are the gradients", async () => {
    const network = await create(context.backend);
    network.forward(uniform(5 * FEATURES));
    network.backward(oneHot(5, 3), LOSS);
    const parameters = network.layers.flatMap(({ weights, bias }) => [...weights, ...bias]);
    const gradients = network.layers.flatMap((layer) => [...layer.weightGradients, ...layer.biasGradients]);
    expect([...network.parameters]).toEqual(parameters);
    expect([...network.gradients]).toEqual(gradients);
    network.parameters.set(network.parameters.map((_, i) => i));
    expect([...layerOf(network, 0).weights]).toEqual(Array.from({ length: 28 }, (_, i) => i));
    expect([...layerOf(network, 0).bias]).toEqual(Array.from({ length: 7 }, (_, i) => 28 + i));
    expect(layerOf(network, 2).weights[0]).toBe(35);
    expect(layerOf(network, 4).bias[2]).toBe(network.parameters.length - 1);
    network.dispose();
  });

  it("belong to layers that say what they are", async () => {
    const network = await create(context.backend);
    expect(network.layers.map(({ kind, units, activation }) => [kind, units, activation])).toEqual([
      ["dense", 7, "gelu"],
      ["dropout", 7, undefined],
      ["dense", 6, "softmax"],
      ["dense", 5, "relu"],
      ["dense", 3, "softmax"],
    ]);
    expect(network.layers.map(({ weights }) => weights.length)).toEqual([28, 0, 42, 30, 15]);
    expect([network.inputs, network.units, network.seed]).toEqual([4, 3, 3]);
    expect(network.backend).toBe(context.backend);
    network.dispose();
  });

  it("stay where they are while memory grows", async () => {
    const network = await create(context.backend);
    const { parameters, gradients } = network;
    const { weights } = layerOf(network, 0);
    const others = Array.from({ length: 4 }, () => context.backend.matrix(1000, 500));
    network.forward(uniform(2000 * FEATURES));
    network.backward(oneHot(2000, 3), LOSS);
    expect(network.parameters).toBe(parameters);
    expect(network.gradients).toBe(gradients);
    weights.fill(0.25);
    expect(network.parameters.subarray(0, 28)).toEqual(new Float64Array(28).fill(0.25));
    expect(gradients.some((g) => g !== 0)).toBe(true);
    for (const owner of [...others, network]) owner.dispose();
  });
});

onEveryVariant("summary", (context) => {
  it("has every layer's shape, parameters and bytes, and the totals", async () => {
    const layers = [dense(16, "relu"), dropout(0.2), dense(3, "softmax")];
    const network = await create(context.backend, layers);
    const lines = network
      .summary()
      .split("\n")
      .map((line) => line.trim().split(/\s{2,}/));
    expect(lines).toContainEqual(["dense relu", "n x 16", "80", "640"]);
    expect(lines).toContainEqual(["dropout 0.2", "n x 16", "0", "0"]);
    expect(lines).toContainEqual(["dense softmax", "n x 3", "51", "408"]);
    expect(lines).toContainEqual(["total", "131", "1048"]);
    expect(network.summary()).not.toMatch(/frozen/);
    layerOf(network, 0).trainable = false;
    expect(network.summary()).toMatch(/frozen/);
    expect(network.summary()).toMatch(/51 of 131/);
    network.dispose();
  });
});

onEveryVariant("digest", (context) => {
  function sha256(values: Float64Array): string {
    return createHash("sha256").update(new Uint8Array(values.slice().buffer)).digest("hex");
  }

  it("is the SHA-256 of the parameters' bytes, at every length of the last block", async () => {
    for (let features = 1; features <= 18; features++) {
      const network = await createNetwork({ inputs: features, layers: [dense(1)], backend: context.backend });
      expect(await network.digest()).toBe(sha256(network.parameters));
      network.dispose();
    }
    const network = await createNetwork({ inputs: 100, layers: [dense(300)], backend: context.backend });
    expect(await network.digest()).toBe(sha256(network.parameters));
    network.dispose();
  });

  it("tells 0 from -0, and no NaN from another", async () => {
    const network = await create(context.backend);
    const { parameters } = network;
    const words = new BigUint64Array(parameters.buffer, parameters.byteOffset, parameters.length);
    const digests: string[] = [];
    for (const word of [0x7ff8000000000000n, 0xfff8000000000000n, 0x7ff0000000000001n, 0x7fffffffffffffffn]) {
      words[5] = word;
      digests.push(await network.digest());
    }
    expect(new Set(digests).size).toBe(1);
    words[5] = 0x7ff8000000000000n;
    expect(digests[0]).toBe(createHash("sha256").update(new Uint8Array(words.slice().buffer)).digest("hex"));
    parameters[5] = 0;
    const zero = await network.digest();
    parameters[5] = -0;
    expect(await network.digest()).not.toBe(zero);
    network.dispose();
  });
});

onEveryVariant("clone and copyFrom", (context) => {
  it("a clone has the same layers and bits, and goes its own way", async () => {
    const network = await create(context.backend);
    layerOf(network, 2).trainable = false;
    new Trainer(network).step(uniform(5 * FEATURES), oneHot(5, 3));
    const digest = await network.digest();
    const clone = network.clone();
    expect(await clone.digest()).toBe(digest);
    expect(clone.layers.map(({ trainable }) => trainable)).toEqual([true, true, false, true, true]);
    expect(clone.summary()).toBe(network.summary());
    expect(clone.backend).toBe(network.backend);
    // masks too: they follow from seed and step
    expect(clone.forward(uniform(9 * FEATURES))).toEqual(network.forward(uniform(9 * FEATURES)));
    new Trainer(clone).step(uniform(5 * FEATURES), oneHot(5, 3));
    expect(await clone.digest()).not.toBe(digest);
    expect(await network.digest()).toBe(digest);
    const changed = await clone.digest();
    network.dispose();
    expect(await clone.digest()).toBe(changed);
    clone.predict(uniform(FEATURES));
    clone.dispose();
  });

  it("copyFrom takes tau of the other and leaves 1 - tau of its own", async () => {
    const [network, other] = [await create(context.backend, LAYERS, 1), await create(context.backend, LAYERS, 2)];
    const [own, theirs] = [network.parameters.slice(), other.parameters.slice()];
    for (const tau of [0, 0.005, 0.5, 0.75, 1]) {
      network.parameters.set(own);
      network.copyFrom(other, { tau });
      expect(network.parameters).toEqual(own.map((p, i) => tau * (theirs[i] as number) + (1 - tau) * p));
    }
    network.parameters.set(own);
    network.copyFrom(other);
    expect(network.parameters).toEqual(theirs);
    expect(other.parameters).toEqual(theirs);
    expect(network.predict(uniform(FEATURES))).toEqual(other.predict(uniform(FEATURES)));
    network.copyFrom(network, { tau: 0.5 });
    expect(largestGap(network.parameters, theirs)).toBeLessThan(1e-15);
    network.dispose();
    other.dispose();
  });

  it("copyFrom refuses other layers, other backends and other taus", async () => {
    const network = await create(context.backend);
    const before = network.parameters.slice();
    const shapes = [
      [dense(3)],
      [...LAYERS, dense(3)],
      LAYERS.map((layer) => (layer.kind === "dense" ? dense(layer.units + 1) : layer)),
      STEADY,
    ];
    for (const layers of shapes) {
      const other = await create(context.backend, layers);
      expect(() => network.copyFrom(other)).toThrow(ShapeError);
      other.dispose();
    }
    const wider = await createNetwork({ inputs: 5, layers: LAYERS, backend: context.backend });
    expect(() => network.copyFrom(wider)).toThrow(ShapeError);
    const backend = await loadBackend({ variant: "js" });
    const elsewhere = await create(backend);
    expect(() => network.copyFrom(elsewhere)).toThrow(ArgumentError);
    for (const tau of [-0.1, 1.1, NaN]) expect(() => network.copyFrom(network, { tau })).toThrow(ArgumentError);
    expect(() => Reflect.apply(network.copyFrom, network, [{}])).toThrow(ArgumentError);
    expect(network.parameters).toEqual(before);
    for (const owner of [network, wider, backend]) owner.dispose();
  });
});

onEveryVariant("dispose", (context) => {
  it("gives all memory back, that of trainers too, and counts the network out", async () => {
    const { backend } = context;
    const before = backend.memory();
    const network = await create(backend);
    expect(backend.memory().networks).toBe(before.networks + 1);
    const data = { inputs: uniform(300 * FEATURES), targets: oneHot(300, 3) };
    for (const optimizer of [adam(), sgd({ momentum: 0.9 })]) {
      const trainer = new Trainer(network, { optimizer });
      trainer.step(data.inputs, data.targets);
      await trainer.fit(data, { epochs: 2, validationSplit: 0.1 });
      trainer.evaluate(data);
    }
    network.predict(data.inputs);
    network.forward(data.inputs);
    network.backward(data.targets, LOSS);
    network.inputGradients.slice();
    const clone = network.clone();
    expect(backend.memory().networks).toBe(before.networks + 2);
    clone.dispose();
    expect(backend.memory().usedBytes).toBeGreaterThan(before.usedBytes);
    network.dispose();
    const after = backend.memory();
    expect({ ...after, reservedBytes: 0 }).toEqual({ ...before, reservedBytes: 0 });
    network.dispose();
    expect(backend.memory()).toEqual(after);
  });

  it("takes no more memory, however often networks come and go, and steps are made", async () => {
    const { backend } = context;
    let reserved = 0;
    for (let round = 0; round < 20; round++) {
      const network = await create(backend);
      const trainer = new Trainer(network, { optimizer: adam() });
      for (const rows of [3, 50, 7]) trainer.step(uniform(rows * FEATURES), oneHot(rows, 3));
      const used = backend.memory().usedBytes;
      for (const rows of [3, 50, 7]) {
        trainer.step(uniform(rows * FEATURES), oneHot(rows, 3));
        trainer.evaluate({ inputs: uniform(rows * FEATURES), targets: oneHot(rows, 3) });
        if (rows === 3) network.predict(uniform(50 * FEATURES));
      }
      const grown = backend.memory().usedBytes;
      for (let i = 0; i < 3; i++) {
        trainer.step(uniform(50 * FEATURES), oneHot(50, 3));
        trainer.evaluate({ inputs: uniform(50 * FEATURES), targets: oneHot(50, 3) });
      }
      expect(grown).toBeGreaterThanOrEqual(used);
      expect(backend.memory().usedBytes).toBe(grown);
      network.dispose();
      if (round === 0) reserved = backend.memory().reservedBytes;
    }
    expect(backend.memory().reservedBytes).toBe(reserved);
  });

  it("leaves nothing that works: every method throws a DisposedError", async () => {
    const { backend } = context;
    const [network, other] = [await create(backend), await create(backend)];
    const layer = layerOf(network, 0);
    const trainer = new Trainer(network);
    const inputs = uniform(FEATURES);
    const targets = [1];
    network.forward(inputs);
    network.backward(targets, LOSS);
    network.dispose();
    const uses: [string, () => unknown][] = [
      ["parameters", () => network.parameters],
      ["gradients", () => network.gradients],
      ["inputGradients", () => network.inputGradients],
      ["predict", () => network.predict(inputs)],
      ["forward", () => network.forward(inputs)],
      ["backward", () => network.backward(targets, LOSS)],
      ["backwardFrom", () => network.backwardFrom([1, 0, 0])],
      ["summary", () => network.summary()],
      ["clone", () => network.clone()],
      ["copyFrom", () => network.copyFrom(other)],
      ["copyFrom of another", () => other.copyFrom(network)],
      ["weights", () => layer.weights],
      ["bias", () => layer.bias],
      ["weightGradients", () => layer.weightGradients],
      ["biasGradients", () => layer.biasGradients],
      ["trainable", () => Reflect.set(layer, "trainable", false)],
      ["Trainer", () => new Trainer(network)],
      ["step", () => trainer.step(inputs, targets)],
      ["evaluate", () => trainer.evaluate({ inputs, targets })],
      ["checkGradients", () => checkGradients(network, inputs, targets, LOSS)],
    ];
    for (const [name, use] of uses) expect(use, name).toThrow(DisposedError);
    await expect(network.digest()).rejects.toThrow(DisposedError);
    await expect(trainer.fit({ inputs, targets })).rejects.toThrow(DisposedError);
    // the backend still works
    other.predict(inputs);
    other.dispose();
  });

  it("is what a backend's dispose does to its networks", async () => {
    const backend = await loadBackend({ variant: context.backend.variant });
    const network = await create(backend);
    backend.dispose();
    backend.dispose();
    expect(() => network.predict(uniform(FEATURES))).toThrow(DisposedError);
    expect(() => network.parameters).toThrow(DisposedError);
    await expect(create(backend)).rejects.toThrow(DisposedError);
    network.dispose();
  });

  it("is what `using` calls", async () => {
    const network = await create(context.backend);
    const symbol = Symbol.dispose ?? Symbol.for("Symbol.dispose");
    Reflect.get(network, symbol).call(network);
    expect(() => network.parameters).toThrow(DisposedError);
  });
});

onEveryVariant("networks on one backend", (context) => {
  it("interleaved give the bits that each gives alone", async () => {
    const kinds = [
      { layers: LAYERS, seed: 3, optimizer: () => adam(), rows: 11, loss: LOSS },
      {
        layers: [dense(9, { activation: "tanh", l2: 0.1 }), dropout(0.5), dense(3)],
        seed: 4,
        optimizer: () => sgd({ momentum: 0.5 }),
        rows: 17,
        loss: "meanSquaredError",
      },
    ] as const;
    const begin = async (kind: (typeof kinds)[number]) => {
      const network = await create(context.backend, [...kind.layers], kind.seed);
      const trainer = new Trainer(network, { optimizer: kind.optimizer(), loss: kind.loss });
      const [inputs, targets] = [uniform(kind.rows * FEATURES, kind.seed), oneHot(kind.rows, 3)];
      return { network, trainer, inputs, targets };
    };
    const parts = [
      ({ trainer, inputs, targets }: Awaited<ReturnType<typeof begin>>) => trainer.step(inputs, targets),
      ({ network, inputs }: Awaited<ReturnType<typeof begin>>) => network.predict(inputs),
      ({ network, inputs }: Awaited<ReturnType<typeof begin>>) => network.forward(inputs).slice(),
      ({ network, targets }: Awaited<ReturnType<typeof begin>>) => network.backward(targets, "huber"),
      ({ network }: Awaited<ReturnType<typeof begin>>) => network.inputGradients.slice(),
      ({ trainer, inputs, targets }: Awaited<ReturnType<typeof begin>>) => trainer.evaluate({ inputs, targets }),
    ];
    const alone: unknown[][] = [];
    for (const kind of kinds) {
      const one = await begin(kind);
      const results: unknown[] = [];
      for (let round = 0; round < 3; round++) for (const part of parts) results.push(part(one));
      alone.push([...results, await one.network.digest()]);
      one.network.dispose();
    }
    const both = await Promise.all(kinds.map(begin));
    const results: unknown[][] = [[], []];
    for (let round = 0; round < 3; round++) {
      for (const part of parts) for (const [n, one] of both.entries()) results[n]?.push(part(one));
    }
    for (const [n, { network }] of both.entries()) results[n]?.push(await network.digest());
    expect(results).toEqual(alone);
    for (const { network } of both) network.dispose();
  });

  it("can be fitted at the same time", async () => {
    const fitOne = async (seed: number) => {
      const network = await create(context.backend, LAYERS, seed);
      const trainer = new Trainer(network, { optimizer: adam() });
      const data = { inputs: uniform(100 * FEATURES, seed), targets: oneHot(100, 3) };
      const pause = () => setImmediate();
      const history = await trainer.fit(data, { epochs: 2, batchSize: 16, validationSplit: 0.2, onStep: pause });
      const result = [history, await network.digest()];
      network.dispose();
      return result;
    };
    const alone = [await fitOne(1), await fitOne(2)];
    expect(await Promise.all([fitOne(1), fitOne(2)])).toEqual(alone);
  });
});

describe("the default backend", () => {
  it("is one that everybody shares, until it is disposed", async () => {
    const options = { inputs: 2, layers: [dense(1)] };
    const [first, second] = await Promise.all([createNetwork(options), createNetwork(options)]);
    const third = await createNetwork(options);
    expect(second.backend).toBe(first.backend);
    expect(third.backend).toBe(first.backend);
    expect(first.backend.memory().networks).toBe(3);
    first.backend.dispose();
    const fourth = await createNetwork(options);
    expect(fourth.backend).not.toBe(first.backend);
    expect(await fourth.digest()).toHaveLength(64);
    fourth.backend.dispose();
  });
});

describe("createNetwork", () => {
  it("refuses options that make no network", async () => {
    const layers = [dense(2)];
    const wrong: unknown[] = [
      undefined,
      {},
      { inputs: 0, layers },
      { inputs: 1.5, layers },
      { inputs: 3, layers: [] },
      { inputs: 3, layers: [dropout(0.1)] },
      { inputs: 3, layers: [{}] },
      { inputs: 3, layers: [null] },
      { inputs: 3, layers, seed: -1 },
      { inputs: 3, layers, seed: 0.5 },
      { inputs: 3, layers, seed: 2 ** 53 },
      { inputs: 3, layers, backend: {} },
      { inputs: 3, layers, input: 3 },
    ];
    for (const options of wrong) {
      await expect(Reflect.apply(createNetwork, undefined, [options])).rejects.toThrow(ArgumentError);
    }
    for (const make of [
      () => dense(0),
      () => dense(2.5),
      () => dense(1, { l1: -1 }),
      () => dense(1, { l2: NaN }),
      () => Reflect.apply(dense, undefined, [1, "rely"]),
      () => Reflect.apply(dense, undefined, [1, { initializer: "he" }]),
      () => Reflect.apply(dense, undefined, [1, { units: 3 }]),
    ]) {
      expect(make).toThrow(ArgumentError);
    }
  });

  it("takes descriptions again and again, for networks with nothing in common", async () => {
    const backend = await loadBackend({ variant: "js" });
    const [first, second] = [await create(backend), await create(backend)];
    layerOf(first, 0).trainable = false;
    layerOf(first, 0).weights.fill(9);
    expect(layerOf(second, 0).trainable).toBe(true);
    expect(await (await create(backend)).digest()).toBe(await second.digest());
    backend.dispose();
  });
});
