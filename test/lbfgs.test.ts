import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  ArgumentError,
  type Backend,
  type CustomLoss,
  createNetwork,
  dense,
  lbfgs,
  type Network,
  sgd,
  Trainer,
} from "../src/index";
import { generator, leastSquares, uniform } from "./oracle";
import { onEveryVariant } from "./variants";

/** A data set of data/: its features at mean 0 and standard deviation 1, and its last column. */
function readStandardised(name: string) {
  const [, ...lines] = readFileSync(new URL(`../data/${name}.csv`, import.meta.url), "utf8")
    .trim()
    .split("\n");
  const rows = lines.map((line) => line.split(","));
  const columns = (rows[0] as string[]).length - 1;
  const inputs = new Float64Array(rows.length * columns);
  for (let c = 0; c < columns; c++) {
    const values = rows.map((row) => Number(row[c]));
    const mean = values.reduce((sum, value) => sum + value, 0) / rows.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows.length);
    values.forEach((value, r) => {
      inputs[r * columns + c] = (value - mean) / deviation;
    });
  }
  return { samples: rows.length, columns, inputs, last: rows.map((row) => row[columns] as string) };
}

const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

onEveryVariant("lbfgs", (context) => {
  const softmaxOf = (backend: Backend): Promise<Network> =>
    createNetwork({ inputs: 4, layers: [dense(3, { activation: "softmax", l2: 1e-3 })], seed: 1, backend });

  it("solves linear regression as the closed solution does", async () => {
    const { samples, columns, inputs, last } = readStandardised("diabetes");
    const targets = Float64Array.from(last, Number);
    const network = await createNetwork({ inputs: columns, layers: [dense(1)], seed: 1, backend: context.backend });
    const trainer = new Trainer(network, { optimizer: lbfgs() });
    await trainer.fit({ inputs, targets }, { epochs: 60 });
    network.forward(inputs);
    network.backward(targets, "sumOfSquares");
    expect(norm(network.gradients)).toBeLessThan(1e-10);
    // a column of ones for the bias
    const design = Float64Array.from({ length: samples * (columns + 1) }, (_, e) => {
      const [row, column] = [Math.floor(e / (columns + 1)), e % (columns + 1)];
      return column < columns ? (inputs[row * columns + column] as number) : 1;
    });
    const solution = leastSquares(samples, columns + 1, design, targets);
    solution.forEach((value, i) => {
      expect(Math.abs((network.parameters[i] as number) - value)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value)));
    });
    network.dispose();
  });

  it("brings the gradient of a softmax with l2 to 1e-10", async () => {
    const { inputs, last } = readStandardised("iris");
    const species = [...new Set(last)];
    const targets = Int32Array.from(last, (name) => species.indexOf(name));
    const network = await softmaxOf(context.backend);
    const history = await new Trainer(network, { optimizer: lbfgs() }).fit({ inputs, targets }, { epochs: 100 });
    network.forward(inputs);
    network.backward(targets, "categoricalCrossEntropy");
    expect(norm(network.gradients)).toBeLessThan(1e-10);
    const { loss } = history;
    for (let i = 1; i < loss.length; i++) {
      expect(loss[i]).toBeLessThanOrEqual((loss[i - 1] as number) * (1 + 1e-12));
    }
    // converged: further steps leave the parameters alone
    const before = network.parameters.slice();
    await new Trainer(network, { optimizer: lbfgs({ tolerance: 1e-9 }) }).fit({ inputs, targets }, { epochs: 3 });
    expect(network.parameters).toEqual(before);
    network.dispose();
  });

  it("goes down Rosenbrock's valley, with any history", async () => {
    const rosenbrock: CustomLoss = {
      name: "rosenbrock",
      value: ({ outputs: [x = 0, y = 0] }) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
      gradient: ({ outputs: [x = 0, y = 0] }, out) => {
        out[0] = -2 * (1 - x) - 400 * x * (y - x * x);
        out[1] = 200 * (y - x * x);
      },
    };
    for (const history of [1, 2, 5, 20]) {
      const network = await createNetwork({ inputs: 1, layers: [dense(2)], backend: context.backend });
      const trainer = new Trainer(network, { loss: rosenbrock, optimizer: lbfgs({ history }) });
      // inputs of 0: the outputs are the bias
      network.parameters.set([0, 0, -1.2, 1]);
      for (let step = 0; step < 80; step++) trainer.step([0], [0, 0]);
      const [, , x = 0, y = 0] = network.parameters;
      expect(Math.max(Math.abs(x - 1), Math.abs(y - 1)), `history ${history}`).toBeLessThan(1e-9);
      network.dispose();
    }
  });

  it("leaves the parameters of the last whole step where a loss throws on the way", async () => {
    let asked = 0;
    let limit = Infinity;
    const squares: CustomLoss = {
      name: "squares",
      value({ outputs }) {
        if (++asked > limit) throw new Error("enough");
        return outputs.reduce((sum, y) => sum + (y - 3) ** 2 + y ** 4, 0);
      },
      gradient({ outputs }, out) {
        outputs.forEach((y, i) => {
          out[i] = 2 * (y - 3) + 4 * y ** 3;
        });
      },
    };
    const network = await createNetwork({ inputs: 1, layers: [dense(2)], seed: 3, backend: context.backend });
    const trainer = new Trainer(network, { loss: squares, optimizer: lbfgs() });
    trainer.step([1], [0, 0]);
    const kept = network.parameters.slice();
    limit = asked + 1;
    expect(() => trainer.step([1], [0, 0])).toThrow("enough");
    expect(asked).toBe(limit + 1);
    expect(network.parameters).toEqual(kept);
    network.dispose();
  });

  it("leaves frozen layers alone, and goes on when they thaw", async () => {
    const inputs = uniform(generator(1), 40 * 3);
    const targets = uniform(generator(2), 40);
    const network = await createNetwork({
      inputs: 3,
      layers: [dense(4, "tanh"), dense(1)],
      seed: 2,
      backend: context.backend,
    });
    const [first] = network.layers;
    if (first === undefined) throw new Error("a layer was expected");
    const trainer = new Trainer(network, { optimizer: lbfgs() });
    const costs: number[] = [];
    for (const trainable of [true, false, true]) {
      first.trainable = trainable;
      const kept = first.weights.slice();
      for (let step = 0; step < 8; step++) costs.push(trainer.step(inputs, targets));
      if (!trainable) expect(first.weights).toEqual(kept);
      else expect(first.weights).not.toEqual(kept);
    }
    costs.forEach((cost, i) => {
      expect(cost).toBeLessThanOrEqual((costs[i - 1] ?? Infinity) * (1 + 1e-12));
    });
    network.dispose();
  });

  it("refuses a batchSize, clipNorm and settings that have no meaning", async () => {
    const network = await softmaxOf(context.backend);
    const data = { inputs: new Float64Array(8), targets: [0, 1] };
    const trainer = new Trainer(network, { optimizer: lbfgs() });
    await expect(trainer.fit(data, { batchSize: 2 })).rejects.toThrow(ArgumentError);
    expect(() => new Trainer(network, { optimizer: lbfgs(), clipNorm: 1 })).toThrow(ArgumentError);
    for (const options of [{ history: 0 }, { history: 1.5 }, { tolerance: -1 }, { tolerance: NaN }, { rate: 1 }]) {
      expect(() => Reflect.apply(lbfgs, undefined, [options])).toThrow(ArgumentError);
    }
    network.dispose();
  });
});

onEveryVariant("clipNorm", (context) => {
  it("shortens the gradient of all layers together, and only a longer one", async () => {
    const inputs = uniform(generator(3), 20 * 3);
    const targets = uniform(generator(4), 20 * 2, -9, 9);
    for (const clipNorm of [0.25, 1e6]) {
      const make = () =>
        createNetwork({ inputs: 3, layers: [dense(4, "tanh"), dense(2)], seed: 3, backend: context.backend });
      const [plain, clipped] = [await make(), await make()];
      new Trainer(plain, { optimizer: sgd({ learningRate: 0.1 }) }).step(inputs, targets);
      const before = clipped.parameters.slice();
      new Trainer(clipped, { optimizer: sgd({ learningRate: 0.1 }), clipNorm }).step(inputs, targets);
      const factor = Math.min(1, clipNorm / (norm(plain.gradients) + 1e-6));
      clipped.gradients.forEach((value, i) => {
        expect(Math.abs(value - factor * (plain.gradients[i] as number))).toBeLessThan(1e-15);
        expect(Math.abs((clipped.parameters[i] as number) - ((before[i] as number) - 0.1 * value))).toBeLessThan(1e-15);
      });
      for (const network of [plain, clipped]) network.dispose();
    }
  });

  it("refuses what is no norm", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    for (const clipNorm of [0, -1, NaN, "1"]) {
      expect(() => Reflect.construct(Trainer, [network, { clipNorm }])).toThrow(ArgumentError);
    }
    network.dispose();
  });
});
