import { describe, expect, it } from "vitest";
import {
  type ActivationName,
  type Backend,
  type CustomLoss,
  checkGradients,
  createNetwork,
  dense,
  dropout,
  type LayerDescription,
  type LossName,
  Trainer,
} from "../src/index";
import { type GoldenNetwork, readGolden } from "./golden/golden";
import { collectGaps, figuresOf, gap, largestGap, uniform } from "./support";
import { onEveryVariant } from "./variants";

const { networks } = readGolden();

async function create(golden: GoldenNetwork, backend: Backend) {
  const layers = golden.layers.map(({ units, activation, l1, l2 }) => dense(units, { activation, l1, l2 }));
  const network = await createNetwork({ inputs: golden.features, layers, backend });
  network.parameters.set(golden.parameters);
  return network;
}

/** The class of each row, where every row of the targets is one-hot. */
function classes({ targets, samples }: GoldenNetwork): number[] | undefined {
  const units = targets.length / samples;
  const found: number[] = [];
  for (let i = 0; i < samples; i++) {
    const row = targets.subarray(i * units, (i + 1) * units);
    if (row.filter((t) => t === 0).length !== units - 1 || !row.includes(1)) return undefined;
    found.push(row.indexOf(1));
  }
  return found;
}

describe("golden networks", () => {
  it("cover sample weights, penalties, logits and class indices", () => {
    expect(networks).toHaveLength(490);
    expect(networks.filter(({ sampleWeights }) => sampleWeights !== undefined)).toHaveLength(82);
    expect(networks.filter(({ layers }) => layers.some(({ l1, l2 }) => l1 > 0 || l2 > 0))).toHaveLength(49);
    expect(networks.filter(({ fromLogits }) => fromLogits)).toHaveLength(20);
    const categorical = networks.filter(({ loss }) => loss === "categoricalCrossEntropy");
    expect(categorical.filter((golden) => classes(golden) !== undefined)).toHaveLength(16);
  });
});

onEveryVariant("golden networks", (context) => {
  it("match PyTorch: outputs, cost, gradients, dC/dX", async () => {
    const worst = { outputs: 0, predictions: 0, cost: 0, gradients: 0, inputGradients: 0 };
    const far: string[] = [];
    for (const golden of networks) {
      const network = await create(golden, context.backend);
      const { inputs, targets, loss, sampleWeights } = golden;
      const predictions = largestGap(network.predict(inputs), golden.outputs);
      const outputs = largestGap(network.forward(inputs), golden.outputs);
      const cost = gap(network.backward(targets, loss, { sampleWeights }), golden.cost);
      const gradients = largestGap(network.gradients, golden.gradients);
      const inputGradients = largestGap(network.inputGradients, golden.inputGradients);
      collectGaps({ outputs, predictions, cost, gradients, inputGradients }, worst, far, golden.name);
      network.dispose();
    }
    console.log(`${networks.length} golden networks on ${context.backend.variant}, worst gap: ${figuresOf(worst)}`);
    expect(far).toEqual([]);
  });

  it("give the same bits for class indices as for their one-hot rows", async () => {
    for (const golden of networks) {
      const indices = golden.loss === "categoricalCrossEntropy" ? classes(golden) : undefined;
      if (indices === undefined) continue;
      const network = await create(golden, context.backend);
      const { inputs, targets, loss, sampleWeights } = golden;
      network.forward(inputs);
      const cost = network.backward(targets, loss, { sampleWeights });
      const gradients = network.gradients.slice();
      for (const given of [indices, Int32Array.from(indices), Uint8Array.from(indices)]) {
        network.gradients.fill(NaN);
        expect(network.backward(given, loss, { sampleWeights })).toBe(cost);
        expect(network.gradients).toEqual(gradients);
      }
      network.dispose();
    }
  });
});

const REGRESSION: LossName[] = ["sumOfSquares", "meanSquaredError", "huber", "meanAbsoluteError"];

/** Every activation, with the losses that fit it as an output. */
const losses: Record<ActivationName, LossName[]> = {
  linear: REGRESSION,
  relu: REGRESSION,
  leakyRelu: REGRESSION,
  elu: REGRESSION,
  selu: REGRESSION,
  gelu: REGRESSION,
  silu: REGRESSION,
  softplus: [...REGRESSION, "categoricalCrossEntropy"],
  sigmoid: [...REGRESSION, "binaryCrossEntropy", "categoricalCrossEntropy"],
  tanh: REGRESSION,
  softmax: [...REGRESSION, "binaryCrossEntropy", "categoricalCrossEntropy"],
};
const activations = Object.keys(losses) as ActivationName[];

/** Rows of targets that a loss accepts: some exactly at 0 and 1 for cross-entropies, and none that sum to 1 by chance. */
function targetsFor(loss: LossName, samples: number, units: number): Float64Array {
  const values = uniform(samples * units, 77);
  if (loss === "binaryCrossEntropy") return values.map((value) => (value < -0.3 ? 0 : value > 0.3 ? 1 : value + 0.5));
  return loss === "categoricalCrossEntropy" ? values.map((value) => Math.max(0, value)) : values;
}

onEveryVariant("a cost that is infinite", (context) => {
  // mathematics.md: where a plain cross-entropy is infinitely wrong, infinity
  it.each([
    ["categoricalCrossEntropy", "relu", [1, 0]],
    ["binaryCrossEntropy", "relu", [1, 0]],
    ["sumOfSquares", "linear", [1e200, 0]],
    ["meanSquaredError", "linear", [1e200, 0]],
  ] as const)("is Infinity, never NaN: %s of %s", async (loss, activation, targets) => {
    const layers = [dense(2, { activation, initializer: "zeros" })];
    const network = await createNetwork({ inputs: 1, layers, backend: context.backend });
    network.forward([1, 2, 3]);
    const rows = [0, 0, ...targets, 0, 0];
    expect(network.backward(rows, loss)).toBe(Infinity);
    expect(new Trainer(network, { loss }).evaluate({ inputs: [1, 2, 3], targets: rows }).loss).toBe(Infinity);
    network.dispose();
  });
});

onEveryVariant("finite differences", (context) => {
  const samples = 5;
  const features = 3;
  const inputs = uniform(samples * features, 3);

  /** The largest relative error over all parameters of a network whose biases are off zero. */
  async function check(layers: LayerDescription[], loss: LossName): Promise<number> {
    const network = await createNetwork({ inputs: features, layers, seed: 5, backend: context.backend });
    network.layers.forEach(({ bias }, l) => {
      bias.set(uniform(bias.length, 100 + l));
    });
    const { maxRelativeError } = checkGradients(network, inputs, targetsFor(loss, samples, network.units), loss);
    network.dispose();
    return maxRelativeError;
  }

  it.each(activations)("agree with backward: %s on the outputs, with every loss that fits", async (activation) => {
    for (const loss of losses[activation]) {
      expect(await check([dense(4, "tanh"), dense(3, activation)], loss), loss).toBeLessThan(1e-7);
    }
  });

  it.each(activations)("agree with backward: %s on a hidden layer, under every loss", async (activation) => {
    for (const loss of losses.sigmoid) {
      expect(await check([dense(4, activation), dense(3, "sigmoid")], loss), loss).toBeLessThan(1e-7);
    }
    expect(await check([dense(4, activation), dense(4, activation), dense(2)], "sumOfSquares")).toBeLessThan(1e-7);
  });

  it("agree with backward: penalties and dropout", async () => {
    const penalised = [
      dense(6, { activation: "gelu", l1: 0.02, l2: 0.3 }),
      dense(3, { activation: "softmax", l2: 0.1 }),
    ];
    expect(await check(penalised, "categoricalCrossEntropy")).toBeLessThan(1e-7);
    const dropped = [dropout(0.2), dense(8, "silu"), dropout(0.5), dense(8, "softmax"), dropout(0.3), dense(2)];
    expect(await check(dropped, "meanSquaredError")).toBeLessThan(1e-7);
    expect(await check([dense(4, "tanh"), dropout(0.4)], "huber")).toBeLessThan(1e-7);
    const both = [
      dense(8, { activation: "elu", l1: 0.01 }),
      dropout(0.5),
      dense(3, { activation: "sigmoid", l2: 0.05 }),
    ];
    expect(await check(both, "binaryCrossEntropy")).toBeLessThan(1e-7);
  });

  it("name the one entry of a gradient that is wrong by a thousandth", async () => {
    // each sample reaches the weights of one input alone: an entry of dC/dOutputs is an entry of dC/dW
    const identity = Float64Array.from({ length: 16 }, (_, e) => (e % 5 === 0 ? 1 : 0));
    const targets = uniform(16, 9).map((value) => value + 3);
    for (const at of [0, 6, 9, 15]) {
      const network = await createNetwork({ inputs: 4, layers: [dense(4)], seed: 1, backend: context.backend });
      const wrong: CustomLoss = {
        name: "a thousandth off",
        value: ({ outputs, targets }) =>
          outputs.reduce((sum, y, i) => sum + (y - (targets[i] as number)) ** 2 / 2, 0) / 4,
        gradient: ({ outputs, targets }, out) => {
          for (let i = 0; i < out.length; i++) out[i] = ((outputs[i] as number) - (targets[i] as number)) / 4;
          out[at] = (out[at] as number) * 1.001;
        },
      };
      const found = checkGradients(network, identity, targets, wrong);
      expect(found).toMatchObject({ layer: 0, parameter: "weights", index: at });
      expect(found.maxRelativeError).toBeGreaterThan(0.9e-3);
      expect(found.maxRelativeError).toBeLessThan(1.1e-3);
      network.dispose();
    }
  });

  it("find a gradient that is wrong, and say where", async () => {
    const network = await createNetwork({ inputs: features, layers: [dense(2), dense(2)], backend: context.backend });
    const wrong = {
      name: "a gradient without the second output",
      value: ({ outputs, targets }: { outputs: Float64Array; targets: Float64Array }) =>
        outputs.reduce((sum, y, i) => sum + (y - (targets[i] as number)) ** 2 / 2, 0) / samples,
      gradient: ({ outputs, targets }: { outputs: Float64Array; targets: Float64Array }, out: Float64Array) => {
        for (let i = 0; i < out.length; i += 2) out[i] = ((outputs[i] as number) - (targets[i] as number)) / samples;
      },
    };
    const found = checkGradients(network, inputs, uniform(samples * 2), wrong);
    expect(found.maxRelativeError).toBeGreaterThan(0.1);
    expect(found.layer).toBeGreaterThanOrEqual(0);
    expect(found.index).toBeGreaterThanOrEqual(0);
    network.dispose();
  });
});
