/** Batch normalisation against PyTorch's BatchNorm1d, test/golden/batchNorm.py: one layer, and networks step after step. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { adam, type Backend, batchNorm, createNetwork, dense, type Network, sgd, Trainer } from "../src/index";
import { collectGaps, figuresOf, gap, largestGap, layerOf } from "./support";
import { onEveryVariant } from "./variants";

interface Norm {
  momentum: number;
  epsilon: number;
}

interface GoldenLayer extends Norm {
  name: string;
  units: number;
  /** units, as what is called Mean, Variance or of gamma and beta below. */
  gamma: number[];
  beta: number[];
  /** One training pass after the other; the matrices are samples x units. */
  passes: { inputs: number[]; outputs: number[]; runningMean: number[]; runningVariance: number[] }[];
  /** dC/dy of the last pass, and what its backward gives. */
  outputGradients: number[];
  gammaGradients: number[];
  betaGradients: number[];
  inputGradients: number[];
  /** Inputs of a prediction after them, and what it gives. */
  evaluated: number[];
  predictions: number[];
}

interface GoldenNetwork {
  name: string;
  optimizer: "sgd" | "adam";
  options: { learningRate: number; momentum?: number; nesterov?: boolean; weightDecay?: number };
  /** Of the two normalisations. */
  norms: [Norm, Norm];
  features: number;
  /** Samples of each step's batch; the rows of inputs and targets follow each other in that order. */
  batchSizes: number[];
  inputs: number[];
  targets: number[];
  evaluated: number[];
  /** Before the first step: layer by layer, weights (fanIn x units) before bias, gamma before beta. */
  parameters: number[];
  /** What there is after each step; the cost is that of its batch before it. */
  steps: {
    cost: number;
    parameters: number[];
    runningMeans: [number[], number[]];
    runningVariances: [number[], number[]];
    predictions: number[];
  }[];
}

interface Golden {
  layers: GoldenLayer[];
  networks: GoldenNetwork[];
}

const { layers, networks }: Golden = JSON.parse(
  readFileSync(new URL("golden/batchNorm.json", import.meta.url), "utf8"),
);

/** The layer of that index, which is a batchNorm. */
function normOf(network: Network, index: number) {
  const layer = layerOf(network, index);
  if (layer.kind !== "batchNorm") throw new Error(`layers[${index}] is ${layer.kind}, a batchNorm was expected`);
  return layer;
}

describe("golden batch normalisation", () => {
  it("covers two samples, single units, large means, and settings other than the defaults", () => {
    expect(layers).toHaveLength(16);
    expect(layers.filter(({ units, passes }) => passes[0]?.inputs.length === 2 * units)).toHaveLength(2);
    expect(layers.filter(({ units }) => units === 1)).toHaveLength(2);
    expect(layers.filter(({ passes }) => passes[0]?.inputs.every((x) => Math.abs(x) > 9e5))).toHaveLength(3);
    expect(new Set(layers.map(({ momentum }) => momentum)).size).toBeGreaterThan(3);
    expect(new Set(layers.map(({ epsilon }) => epsilon)).size).toBeGreaterThan(3);
    expect(networks.map(({ optimizer, steps }) => [optimizer, steps.length])).toEqual([
      ["sgd", 5],
      ["sgd", 5],
      ["adam", 5],
      ["adam", 5],
    ]);
  });
});

onEveryVariant("batch normalisation, against PyTorch", (context) => {
  it("starts from gamma 1, beta 0, running mean 0 and running variance 1", async () => {
    const network = await createNetwork({ inputs: 3, layers: [batchNorm()], backend: context.backend });
    const { weights, bias, runningMean, runningVariance } = normOf(network, 0);
    expect([...weights, ...bias, ...runningMean, ...runningVariance]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    network.dispose();
  });

  it("matches in a layer: outputs, running statistics, gradients, dC/dX, predictions", async () => {
    const worst = { outputs: 0, mean: 0, variance: 0, gamma: 0, beta: 0, inputGradients: 0, predictions: 0 };
    const far: string[] = [];
    for (const golden of layers) {
      const { units, momentum, epsilon } = golden;
      const description = batchNorm({ momentum, epsilon });
      const network = await createNetwork({ inputs: units, layers: [description], backend: context.backend });
      const layer = normOf(network, 0);
      layer.gamma.set(golden.gamma);
      layer.beta.set(golden.beta);
      let [outputs, mean, variance] = [0, 0, 0];
      for (const pass of golden.passes) {
        outputs = Math.max(outputs, largestGap(network.forward(pass.inputs), pass.outputs));
        mean = Math.max(mean, largestGap(layer.runningMean, pass.runningMean));
        variance = Math.max(variance, largestGap(layer.runningVariance, pass.runningVariance));
      }
      network.gradients.fill(NaN); // what is read below was written
      network.backwardFrom(golden.outputGradients);
      const gamma = largestGap(layer.weightGradients, golden.gammaGradients);
      const beta = largestGap(layer.biasGradients, golden.betaGradients);
      const inputGradients = largestGap(network.inputGradients, golden.inputGradients);
      const predictions = largestGap(network.predict(golden.evaluated), golden.predictions);
      const found = { outputs, mean, variance, gamma, beta, inputGradients, predictions };
      collectGaps(found, worst, far, golden.name);
      network.dispose();
    }
    console.log(`${layers.length} golden batchNorms on ${context.variant}, worst gap: ${figuresOf(worst)}`);
    expect(far).toEqual([]);
  });

  it("has no running statistics moved by a prediction or a backward", async () => {
    for (const { units, momentum, epsilon, passes, outputGradients, evaluated } of layers) {
      const description = batchNorm({ momentum, epsilon });
      const network = await createNetwork({ inputs: units, layers: [description], backend: context.backend });
      const layer = normOf(network, 0);
      network.forward(passes[2]?.inputs ?? []);
      const before = [...layer.runningMean, ...layer.runningVariance];
      network.predict(evaluated);
      network.backwardFrom(outputGradients);
      expect([...layer.runningMean, ...layer.runningVariance]).toEqual(before);
      network.dispose();
    }
  });

  /** dense(5, "tanh") -> batchNorm -> dense(3, "relu") -> batchNorm -> dense(2), the norms layers 1 and 3 */
  async function create(golden: GoldenNetwork, backend: Backend): Promise<Network> {
    const [first, second] = golden.norms;
    const descriptions = [dense(5, "tanh"), batchNorm(first), dense(3, "relu"), batchNorm(second), dense(2)];
    const network = await createNetwork({ inputs: golden.features, layers: descriptions, backend });
    network.parameters.set(golden.parameters);
    return network;
  }

  /** The batches of a golden network, one a step. */
  function batchesOf({ batchSizes, features, inputs, targets, steps }: GoldenNetwork) {
    let row = 0;
    return batchSizes.map((size, index) => {
      const [from, to] = [row, row + size];
      row = to;
      const step = steps[index];
      if (step === undefined) throw new Error(`step ${index} was expected`);
      return {
        inputs: inputs.slice(from * features, to * features),
        targets: targets.slice(from * 2, to * 2),
        expected: step,
      };
    });
  }

  it("matches in networks, step after step: cost, parameters, running statistics, predictions", async () => {
    const worst = { cost: 0, parameters: 0, means: 0, variances: 0, predictions: 0 };
    const far: string[] = [];
    for (const golden of networks) {
      const network = await create(golden, context.backend);
      const norms = [normOf(network, 1), normOf(network, 3)];
      const optimizer = golden.optimizer === "sgd" ? sgd(golden.options) : adam(golden.options);
      const trainer = new Trainer(network, { loss: "meanSquaredError", optimizer });
      batchesOf(golden).forEach(({ inputs, targets, expected }, step) => {
        const cost = gap(trainer.step(inputs, targets), expected.cost);
        const parameters = largestGap(network.parameters, expected.parameters);
        const means = largestGap(
          norms.flatMap(({ runningMean }) => [...runningMean]),
          expected.runningMeans.flat(),
        );
        const variances = largestGap(
          norms.flatMap(({ runningVariance }) => [...runningVariance]),
          expected.runningVariances.flat(),
        );
        const predictions = largestGap(network.predict(golden.evaluated), expected.predictions);
        const title = `${golden.name}, step ${step + 1}`;
        collectGaps({ cost, parameters, means, variances, predictions }, worst, far, title);
      });
      network.dispose();
    }
    console.log(`${networks.length} networks with batchNorm on ${context.variant}, worst gap: ${figuresOf(worst)}`);
    expect(far).toEqual([]);
  });
});
