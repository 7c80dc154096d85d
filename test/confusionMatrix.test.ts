/** confusionMatrix against counting by hand, from predict's outputs. */
import { describe, expect, it } from "vitest";
import {
  confusionMatrix,
  createNetwork,
  type Data,
  dense,
  dropout,
  type LayerDescription,
  loadBackend,
  type Network,
  Trainer,
} from "../src/index";
import { type ErrorRow, expectError, largestGap, layerOf, replaced, thrownBy, uniform } from "./support";
import { onEveryVariant } from "./variants";

const FEATURES = 3;

/** Rows = the class that it is, columns = the one that is told. */
function counted(actual: ArrayLike<number>, told: ArrayLike<number>, classes: number, weights?: ArrayLike<number>) {
  const matrix = Array.from({ length: classes }, () => Array<number>(classes).fill(0));
  for (let i = 0; i < actual.length; i++) {
    const row = matrix[actual[i] as number] as number[];
    const column = told[i] as number;
    row[column] = (row[column] as number) + (weights?.[i] ?? 1);
  }
  return matrix;
}

/** The first of the largest of each row. */
function largestOf(outputs: Float64Array, units: number): number[] {
  return Array.from({ length: outputs.length / units }, (_, i) => {
    const row = [...outputs.subarray(i * units, (i + 1) * units)];
    return row.indexOf(Math.max(...row));
  });
}

function oneHot(classes: readonly number[], units: number): number[][] {
  return classes.map((one) => Array.from({ length: units }, (_, j) => (j === one ? 1 : 0)));
}

onEveryVariant("confusionMatrix", (context) => {
  const create = (layers: LayerDescription[]): Promise<Network> =>
    createNetwork({ inputs: FEATURES, layers, seed: 6, backend: context.backend });

  it("counts classes told by softmax outputs: indices and one-hot targets, any number of samples", async () => {
    const units = 4;
    const network = await create([dense(5, "tanh"), dropout(0.5), dense(units, "softmax")]);
    const all = 600;
    const inputs = uniform(all * FEATURES, 2).map((value) => 5 * value);
    const actual = Array.from(uniform(all, 3), (value) => Math.floor((value + 1) * 2));
    for (const samples of [1, 2, 255, 256, 257, 600]) {
      const rows = inputs.subarray(0, samples * FEATURES);
      const classes = actual.slice(0, samples);
      const expected = counted(classes, largestOf(network.predict(rows), units), units);
      for (const targets of [classes, Int32Array.from(classes), Uint8Array.from(classes), oneHot(classes, units)]) {
        expect(confusionMatrix(network, { inputs: rows, targets })).toEqual(expected);
      }
    }
    const matrix = context.backend.matrix(all, FEATURES, inputs);
    const flat = counted(actual, largestOf(network.predict(inputs), units), units);
    // not a matrix that would be the same transposed, or with an empty class
    expect(flat).not.toEqual(flat.map((row, i) => row.map((_, j) => flat[j]?.[i])));
    expect(flat.flat().filter((count) => count > 0).length).toBeGreaterThan(8);
    expect(confusionMatrix(network, { inputs: matrix, targets: actual })).toEqual(flat);
    expect(flat.flat().reduce((sum, count) => sum + count)).toBe(all);
    matrix.dispose();
    network.dispose();
  });

  it("agrees with accuracy", async () => {
    const network = await create([dense(3, "softmax")]);
    const data = { inputs: uniform(90 * FEATURES), targets: Array.from({ length: 90 }, (_, i) => i % 3) };
    const right = confusionMatrix(network, data).reduce((sum, row, i) => sum + (row[i] as number), 0);
    expect(new Trainer(network).evaluate(data).accuracy).toBe(right / 90);
    network.dispose();
  });

  it("tells no and yes of a single output, yes from 0.5 on: sigmoid, linear and tanh", async () => {
    for (const activation of ["sigmoid", "linear", "tanh"] as const) {
      const network = await create([dense(1, activation)]);
      const inputs = uniform(50 * FEATURES, 8).map((value) => 3 * value);
      if (activation !== "tanh") inputs.fill(0, 0, FEATURES);
      // the first output is 0.5 exactly
      if (activation === "linear") layerOf(network, 0).bias.fill(0.5);
      const targets = Float64Array.from(uniform(50, 9), (value) => (value > 0.3 ? 1 : 0));
      targets.set([0.5, 0.49, 0.51, 1], 10);
      const told = Array.from(network.predict(inputs), (output) => (output >= 0.5 ? 1 : 0));
      if (activation !== "tanh") expect(told[0]).toBe(1);
      const actual = Array.from(targets, (target) => (target >= 0.5 ? 1 : 0));
      const expected = counted(actual, told, 2);
      expect(expected.flat().every((count) => count > 0)).toBe(true);
      expect(confusionMatrix(network, { inputs, targets })).toEqual(expected);
      const nested = Array.from(targets, (target) => [target]);
      expect(confusionMatrix(network, { inputs, targets: nested })).toEqual(expected);
      network.dispose();
    }
  });

  it("takes outputs that are no probabilities, the largest of which tells the class: the first of equals", async () => {
    const network = await create([dense(3)]);
    const classes = Array.from({ length: 30 }, (_, i) => (i * i) % 3);
    const inputs = uniform(30 * FEATURES, 4);
    const expected = counted(classes, largestOf(network.predict(inputs), 3), 3);
    expect(confusionMatrix(network, { inputs, targets: classes })).toEqual(expected);
    network.parameters.fill(0);
    expect(confusionMatrix(network, { inputs, targets: [1, 2, 0, ...classes.slice(3)] })).toEqual(
      counted([1, 2, 0, ...classes.slice(3)], new Uint8Array(30), 3),
    );
    network.dispose();
  });

  it("takes a network whose last layer is dropout for the outputs that it has", async () => {
    const network = await create([dense(3, "softmax"), dropout(0.5)]);
    const targets = [0, 1, 2, 1];
    const inputs = uniform(4 * FEATURES, 4);
    const expected = counted(targets, largestOf(network.predict(inputs), 3), 3);
    expect(confusionMatrix(network, { inputs, targets })).toEqual(expected);
    network.dispose();
  });

  it("sums the weights of samples where they have some", async () => {
    const network = await create([dense(3, "softmax")]);
    const samples = 300;
    const inputs = uniform(samples * FEATURES, 5);
    const classes = Array.from({ length: samples }, (_, i) => i % 3);
    const sampleWeights = uniform(samples, 7).map((weight) => Math.max(0, weight));
    const told = largestOf(network.predict(inputs), 3);
    const actual = confusionMatrix(network, { inputs, targets: classes, sampleWeights });
    const expected = counted(classes, told, 3, sampleWeights);
    expect(largestGap(actual.flat(), expected.flat())).toBeLessThan(1e-13);
    const halves = classes.map((_, i) => (i % 2 ? 0.5 : 2));
    expect(confusionMatrix(network, { inputs, targets: classes, sampleWeights: halves })).toEqual(
      counted(classes, told, 3, halves),
    );
    // ten times a tenth is 1, where ten additions are not
    const same = {
      inputs: Array(10).fill([1, 2, 3]).flat(),
      targets: Array(10).fill(1),
      sampleWeights: Array(10).fill(0.1),
    };
    expect(confusionMatrix(network, same)[1]?.reduce((sum, weight) => sum + weight)).toBe(1);
    network.dispose();
  });

  it("disturbs no forward, moves nothing and leaves no memory behind, after an error too", async () => {
    const network = await create([dense(3, "softmax")]);
    const data = { inputs: uniform(300 * FEATURES), targets: Array.from({ length: 300 }, (_, i) => i % 3) };
    const before = network.parameters.slice();
    network.forward(data.inputs.subarray(0, 6));
    network.backward([0, 1], "categoricalCrossEntropy");
    const expected = network.gradients.slice();
    confusionMatrix(network, data);
    const used = context.backend.memory();
    const other = await create([dense(3, "softmax")]);
    const small = { inputs: uniform(2 * FEATURES), targets: [0, 1] };
    for (const each of [network, other]) confusionMatrix(each, small);
    const both = context.backend.memory();
    const wrong = { inputs: uniform(300 * FEATURES), targets: replaced(Array(300).fill(0), 299, 3) };
    for (const each of [network, other]) expect(await thrownBy(() => confusionMatrix(each, wrong))).toBeDefined();
    expect(context.backend.memory()).toEqual(both);
    other.dispose();
    confusionMatrix(network, data);
    expect(context.backend.memory()).toEqual(used);
    network.gradients.fill(0);
    network.backward([0, 1], "categoricalCrossEntropy");
    expect(network.gradients).toEqual(expected);
    expect(network.parameters).toEqual(before);
    network.dispose();
  });

  it("can be asked within a callback of a fit", async () => {
    const [network, quiet] = [await create([dense(3, "softmax")]), await create([dense(3, "softmax")])];
    const data = { inputs: uniform(30 * FEATURES), targets: Array.from({ length: 30 }, (_, i) => i % 3) };
    const sums: number[] = [];
    const onStep = () =>
      sums.push(
        confusionMatrix(network, data)
          .flat()
          .reduce((sum, count) => sum + count),
      );
    await new Trainer(network).fit(data, { batchSize: 10, onStep });
    await new Trainer(quiet).fit(data, { batchSize: 10 });
    expect(sums).toEqual([30, 30, 30]);
    expect(network.parameters).toEqual(quiet.parameters);
    for (const each of [network, quiet]) each.dispose();
  });
});

describe("what confusionMatrix refuses", () => {
  const softmax: LayerDescription[] = [dense(3, "softmax")];
  const good: Data = { inputs: uniform(2 * FEATURES), targets: [0, 2] };

  async function refuse(data: unknown, layers = softmax) {
    const network = await createNetwork({ inputs: FEATURES, layers });
    try {
      return confusionMatrix(network, data as Data);
    } finally {
      network.dispose();
    }
  }
  const untyped = confusionMatrix as (...given: unknown[]) => unknown;

  const rows: ErrorRow[] = [
    [
      /^ArgumentError: confusionMatrix: a network of 2 sigmoid outputs was given, which tell no one class; softmax outputs, or a single one, were expected$/,
      () => refuse({ ...good, targets: [1, 0, 0, 1] }, [dense(2, "sigmoid")]),
    ],
    [
      /^ArgumentError: confusionMatrix: undefined was given, a network of createNetwork\(\) was expected$/,
      () => untyped(),
    ],
    [/^ArgumentError: confusionMatrix: null was given, a network /, () => untyped(null, good)],
    [/^ArgumentError: confusionMatrix: an array of 2 was given, a network /, () => untyped([0, 1], [1, 0])],
    [
      /^ArgumentError: confusionMatrix: an Object was given, a network /,
      async () => {
        const network = await createNetwork({ inputs: FEATURES, layers: softmax });
        const trainer = new Trainer(network);
        network.dispose();
        return untyped(trainer, good);
      },
    ],
    [
      /^DisposedError: confusionMatrix: a network 3-3 was used after its dispose/,
      async () => {
        const network = await createNetwork({ inputs: FEATURES, layers: softmax });
        network.dispose();
        return confusionMatrix(network, good);
      },
    ],
    [
      /^DisposedError: confusionMatrix: /,
      async () => {
        const backend = await loadBackend({ variant: "js" });
        const network = await createNetwork({ inputs: FEATURES, layers: softmax, backend });
        backend.dispose();
        return confusionMatrix(network, good);
      },
    ],
    [
      /^ArgumentError: confusionMatrix: undefined was given, an object with inputs, targets, sampleWeights was expected$/,
      () => refuse(undefined),
    ],
    [
      /^ArgumentError: confusionMatrix: option: "target" was given, one of targets, /,
      () => refuse({ inputs: good.inputs, target: [0, 2] }),
    ],
    [
      /^ShapeError: confusionMatrix: inputs: 0 samples were given, at least 1 was expected$/,
      () => refuse({ inputs: [], targets: [] }),
    ],
    [
      /^ShapeError: confusionMatrix: inputs: 5 numbers were given, a multiple of 3 /,
      () => refuse({ ...good, inputs: uniform(5) }),
    ],
    [
      /^ShapeError: confusionMatrix: targets: 3 values were given, 2 samples x 3 units = 6, or 2 class indices /,
      () => refuse({ ...good, targets: [0, 1, 2] }),
    ],
    [
      /^ArgumentError: confusionMatrix: targets: the class of row 1 is 3, a whole number from 0 to 2 was expected$/,
      () => refuse({ ...good, targets: [0, 3] }),
    ],
    [
      /^ArgumentError: confusionMatrix: targets: the class of row 0 is -1, /,
      () => refuse({ ...good, targets: Int32Array.of(-1, 0) }),
    ],
    [
      /^ArgumentError: confusionMatrix: inputs: row 1, column 0 is NaN, /,
      () => refuse({ ...good, inputs: [1, 2, 3, NaN, 5, 6] }),
    ],
    [
      /^ArgumentError: confusionMatrix: targets: row 0, column 0 is NaN, /,
      () => refuse({ ...good, targets: [NaN, 1] }, [dense(1)]),
    ],
    [
      /^ShapeError: confusionMatrix: sampleWeights: 1 weights were given, 2 \(one a sample\) were expected$/,
      () => refuse({ ...good, sampleWeights: [1] }),
    ],
    [
      /^ArgumentError: confusionMatrix: sampleWeights: the weight of row 1 is -1, a finite number of at least 0 was expected$/,
      () => refuse({ ...good, sampleWeights: [1, -1] }),
    ],
  ];

  it.each(rows)("%s", async (message, action) => expectError(await thrownBy(action), message));
});
