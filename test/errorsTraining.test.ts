/**
 * Bad input to networks and trainers. Rows as in errors.test.ts: what the error must read, and the action. After each
 * `backend.memory()` and the parameters are what they were, bit for bit.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  adam,
  type Backend,
  checkGradients,
  createNetwork,
  dense,
  type FitOptions,
  type LayerDescription,
  loadBackend,
  type Matrix,
  type Network,
  Trainer,
} from "../src/index";
import { type ErrorRow, expectError, replaced, sixSamples, thrownBy } from "./support";

const { x, classes } = sixSamples;
const cross = "categoricalCrossEntropy";

describe.each(["js", "simd"] as const)("errors in training: %s", (variant) => {
  let backend: Backend;
  let other: Backend;
  let network: Network;
  let trainer: Trainer;
  let gone: Network; // disposed
  let goneTrainer: Trainer; // of that
  let abroad: Network; // on another backend
  let dead: Matrix; // 6x2, disposed
  let foreign: Matrix; // 6x2, of another backend

  const create = (on = backend, layers: LayerDescription[] = [dense(3, "tanh"), dense(3, "softmax")]) =>
    createNetwork({ inputs: 2, layers, seed: 7, backend: on });

  beforeAll(async () => {
    backend = await loadBackend({ variant });
    other = await loadBackend({ variant });
    network = await create();
    trainer = new Trainer(network, { optimizer: adam() });
    gone = await create();
    goneTrainer = new Trainer(gone);
    gone.dispose();
    abroad = await create(other);
    dead = backend.matrix(6, 2);
    dead.dispose();
    foreign = other.matrix(6, 2);
    // so that all buffers are there already
    network.predict(x);
    await trainer.fit({ inputs: x, targets: classes, sampleWeights: Array(6).fill(1) }, { validationSplit: 0.5 });
    network.forward(x);
  });
  afterAll(() => [backend, other].forEach((each) => void each.dispose()));

  async function fails(message: RegExp, action: () => unknown): Promise<void> {
    const memory = backend.memory();
    const parameters = network.parameters.slice();
    expectError(await thrownBy(action), message);
    expect(backend.memory()).toEqual(memory);
    expect(network.parameters).toEqual(parameters);
    expect(network.core.busy).toBe(false);
  }

  function rows(title: string, list: ErrorRow[]): void {
    describe(title, () => {
      test.each(list)("%s", (message, action) => fails(message, action));
    });
  }

  rows("predict and forward", [
    [/^ShapeError: predict: inputs: 3 numbers .* multiple of 2/, () => network.predict([1, 2, 3])],
    [/^ShapeError: predict: inputs: row 1 has 1 values, 2 were/, () => network.predict([[1, 2], [3]])],
    [/^ShapeError: predict: .*Float64Array/, () => network.predict([Float64Array.of(1, 2)] as never)],
    [/^ArgumentError: predict: inputs: row 5, column 1 is NaN, a fin/, () => network.predict(replaced(x, 11, NaN))],
    [/row 0, column 1 is -Infinity/, () => network.predict(Float32Array.of(1, -Infinity))],
    [/^ArgumentError: .* row 0, column 0 is null/, () => network.predict([null, 1] as never)],
    [/^ArgumentError: .* row 0, column 0 is "1"/, () => network.predict(["1", 1] as never)],
    [/^ArgumentError: .* row 0, column 0 is 1n?/, () => network.predict([1n, 1] as never)],
    [/^ArgumentError: .* row 0, column 1 is Symbol/, () => network.predict([1, Symbol("s")] as never)],
    [/^ArgumentError: .* row 0, column 1 is an Object/, () => network.predict([1, Object.create(null)] as never)],
    [/^ArgumentError: predict: inputs: undefined was/, () => network.predict(undefined as never)],
    [/^ShapeError: predict: out: 5 numbers .* 6 x 3 = 18/, () => network.predict(x, { out: new Float64Array(5) })],
    [/^(Shape|Argument)Error: predict: out: an array/, () => network.predict([1, 2], { out: [0, 0, 0] as never })],
    [/^ArgumentError: predict: batchSize: 0 was/, () => network.predict(x, { batchSize: 0 })],
    [
      /^ArgumentError: .*"batchsize" was given, one of batchSize, /,
      () => network.predict(x, { batchsize: 1 } as never),
    ],
    [/^ArgumentError: predict: null was/, () => network.predict(x, null as never)],
    [/^DisposedError: predict: inputs: a 6x2 matrix/, () => network.predict(dead)],
    [/^ArgumentError: predict: inputs: .* another backend/, () => network.predict(foreign)],
    [/^ShapeError: forward: inputs: 0 samples were given, at least 1/, () => network.forward([])],
    [/^ShapeError: forward: inputs: row 0 has 3 values, 2 were/, () => network.forward([[1, 2, 3]])],
    [/^DisposedError: forward: inputs: a 6x2 matrix/, () => network.forward(dead)],
    [/^ArgumentError: forward: inputs: row 0, column 0 is NaN/, () => network.forward([NaN, 1])],
  ]);

  const forwarded = (action: () => unknown) => () => {
    network.forward(x);
    return action();
  };
  rows("backward", [
    [/^ShapeError: backward: targets: 5 .*(3|18)/, forwarded(() => network.backward([0, 1, 2, 0, 1], cross))],
    [
      /class of row 5 is 3, a whole number from 0 to 2/,
      forwarded(() => network.backward(replaced(classes, 5, 3), cross)),
    ],
    [/class of row 0 is -1/, forwarded(() => network.backward(Int32Array.of(-1, 0, 0, 0, 0, 0), cross))],
    [/class of row 2 is 1.5/, forwarded(() => network.backward(replaced(classes, 2, 1.5), cross))],
    [/class of row 2 is NaN/, forwarded(() => network.backward(replaced(classes, 2, NaN), cross))],
    [/class of row 2 is "1"/, forwarded(() => network.backward(replaced(classes, 2, "1"), cross))],
    [/^ShapeError: backward: targets: 6 /, forwarded(() => network.backward(classes, "huber"))],
    [/row 1, column 2 is Infinity/, forwarded(() => network.backward(replaced(Array(18).fill(0), 5, Infinity), cross))],
    [/loss: "huberr" was given, one of huber, /, forwarded(() => network.backward(classes, "huberr" as never))],
    [/loss has name "a", value undefined/, forwarded(() => network.backward(classes, { name: "a" } as never))],
    [/2 weights were given, 6 /, forwarded(() => network.backward(classes, cross, { sampleWeights: [1, 2] }))],
    [/row 3 is -1, /, forwarded(() => network.backward(classes, cross, { sampleWeights: [1, 1, 1, -1, 1, 1] }))],
    [/"sampleweights" was given/, forwarded(() => network.backward(classes, cross, { sampleweights: x } as never))],
    [/^ArgumentError: backward: null was/, forwarded(() => network.backward(classes, cross, null as never))],
    [/^ShapeError: backwardFrom: .* 3 numbers .* 6 samples x 3/, forwarded(() => network.backwardFrom([1, 2, 3]))],
    [/row 0, column 0 is NaN/, forwarded(() => network.backwardFrom(replaced(Array(18).fill(0), 0, NaN)))],
    [/^ArgumentError: backwardFrom: .* undefined was/, forwarded(() => network.backwardFrom(undefined as never))],
    [/^ArgumentError: inputGradients: no backward/, forwarded(() => network.inputGradients)],
    [/^ArgumentError: checkGradients: .*null/, () => checkGradients(null as never, x, classes, cross)],
    [/epsilon: 0 was given/, () => checkGradients(network, x, classes, cross, { epsilon: 0 })],
    [/"eps" was given, one of epsilon/, () => checkGradients(network, x, classes, cross, { eps: 1 } as never)],
  ]);

  rows("other methods of a network", [
    [/^ArgumentError: copyFrom: undefined was/, () => network.copyFrom(undefined as never)],
    [/^ArgumentError: copyFrom: tau: 2 was given, .* 0 to 1/, () => network.copyFrom(network, { tau: 2 })],
    [/^ArgumentError: .*"Tau" was given, one of tau/, () => network.copyFrom(network, { Tau: 1 } as never)],
    [/^ArgumentError: copyFrom: null was/, () => network.copyFrom(network, null as never)],
    [/^ArgumentError: copyFrom: .* another backend/, () => network.copyFrom(abroad)],
    [/^DisposedError: copyFrom: a network 2-3-3/, () => network.copyFrom(gone)],
    [
      /layers\[0\].trainable: 1 was given, true or false/,
      () => Object.assign(network.layers[0] as object, { trainable: 1 }),
    ],
    ...["parameters", "gradients", "inputGradients"].map(
      (name): ErrorRow => [RegExp(`^DisposedError: ${name}: a network 2-3-3`), () => Reflect.get(gone, name)],
    ),
    ...["weights", "bias", "weightGradients", "biasGradients"].map(
      (name): ErrorRow => [
        RegExp(`^DisposedError: layers\\[1\\].${name}: a network`),
        () => Reflect.get(gone.layers[1] as object, name),
      ],
    ),
    [/^DisposedError: predict: a network/, () => gone.predict(x)],
    [/^DisposedError: forward: a network/, () => gone.forward(x)],
    [/^DisposedError: backward: a network/, () => gone.backward(classes, cross)],
    [/^DisposedError: backwardFrom: a network/, () => gone.backwardFrom(x)],
    [/^DisposedError: clone: a network/, () => gone.clone()],
    [/^DisposedError: summary: a network/, () => gone.summary()],
    [/^DisposedError: digest: a network/, () => gone.digest()],
    [/^DisposedError: copyFrom: a network/, () => gone.copyFrom(network)],
    [/^DisposedError: Trainer: a network/, () => new Trainer(gone)],
    [/^DisposedError: step: a network/, () => goneTrainer.step(x, classes)],
    [/^DisposedError: fit: a network/, () => goneTrainer.fit({ inputs: x, targets: classes })],
    [/^DisposedError: evaluate: a network/, () => goneTrainer.evaluate({ inputs: x, targets: classes })],
  ]);

  const fitted = (options: FitOptions | null, inputs: unknown = x, targets: unknown = classes) =>
    trainer.fit({ inputs: inputs as never, targets: targets as never }, options as never);
  rows("step, fit and evaluate", [
    [/^ShapeError: step: inputs: 0 samples/, () => trainer.step([], [])],
    [/^ShapeError: step: targets: 2 .* 6 /, () => trainer.step(x, [0, 1])],
    [/^ArgumentError: step: inputs: row 2, column 1 is NaN/, () => trainer.step(replaced(x, 5, NaN), classes)],
    [/^ArgumentError: step: targets: the class of row 4 is 3/, () => trainer.step(x, replaced(classes, 4, 3))],
    [/^ArgumentError: evaluate: inputs: row 2, column 1 is NaN/, () => evaluate(replaced(x, 5, NaN))],
    [/^ShapeError: evaluate: targets: 2 .* 6 /, () => evaluate(x, [0, 1])],
    [/^ArgumentError: evaluate: .*"input" was given, one of inputs, /, () => trainer.evaluate({ input: x } as never)],
    [/^ArgumentError: fit: targets: undefined was/, () => trainer.fit({ inputs: x } as never)],
    [/^ArgumentError: fit: null was/, () => trainer.fit(null as never)],
    [/^ArgumentError: fit: null was/, () => fitted(null)],
    [/^ShapeError: fit: inputs: 0 samples/, () => fitted({}, [], [])],
    [/^ShapeError: fit: targets: 5 .*/, () => fitted({}, x, [0, 1, 2, 0, 1])],
    [/^ShapeError: fit: inputs: a 2x6 matrix .* 2 columns/, () => withMatrix(2, 6, (m) => fitted({}, m))],
    [/^ArgumentError: fit: inputs: .* another backend/, () => fitted({}, foreign)],
    [/^DisposedError: fit: inputs: a 6x2/, () => fitted({}, dead)],
    [/^ShapeError: fit: sampleWeights: 1 weights .* 6 /, () => weighted([1])],
    [/^ArgumentError: fit: sampleWeights: the weight of row 4 is NaN/, () => weighted(replaced(classes, 4, NaN))],
    [/^ArgumentError: .* row 4 is -1, /, () => weighted(replaced(classes, 4, -1))],
    [/"epoch" was given, one of epochs, /, () => fitted({ epoch: 3 } as never)],
    ...[0, 1.5, -1, NaN, Infinity].map(
      (epochs): ErrorRow => [RegExp(`epochs: ${epochs} was given`), () => fitted({ epochs })],
    ),
    [/^ArgumentError: fit: batchSize: 0 was given, a whole number of at least 1/, () => fitted({ batchSize: 0 })],
    [/fit: seed: -1 was/, () => fitted({ seed: -1 })],
    [/fit: seed: 1.5 was/, () => fitted({ seed: 1.5 })],
    [/fit: shuffle: "yes" was given, true or false/, () => fitted({ shuffle: "yes" as never })],
    [/fit: validationSplit: 0 was given, a number between 0 and 1/, () => fitted({ validationSplit: 0 })],
    [/fit: validationSplit: 1 was/, () => fitted({ validationSplit: 1 })],
    [/0.0001 of 6 samples leaves 6 .* 0 for validation/, () => fitted({ validationSplit: 0.0001 })],
    [/0.9999 of 6 samples leaves 0 for/, () => fitted({ validationSplit: 0.9999 })],
    [/both given/, () => fitted({ validationSplit: 0.5, validation: { inputs: x, targets: classes } })],
    [/^ShapeError: fit: validation: targets: 2/, () => fitted({ validation: { inputs: x, targets: [0, 1] } })],
    [/^ArgumentError: fit: validation: null was/, () => fitted({ validation: null as never })],
    [/fit: onStep: "x" was given, a function/, () => fitted({ onStep: "x" as never })],
    [/fit: onEpoch: an Object was given, a function/, () => fitted({ onEpoch: {} as never })],
    [/fit: signal: an Object was given, an AbortSignal/, () => fitted({ signal: {} as never })],
    // the row of the data as they were given, whatever the order; all rows are in the first batch
    [/fit: inputs: row 4, column 1 is NaN/, () => fitted({ shuffle: true }, replaced(x, 9, NaN))],
    [/fit: inputs: row 1, column 0 is Infinity/, () => fitted({ validationSplit: 0.5 }, replaced(x, 2, Infinity))],
    [/fit: targets: row 3, column 2 is NaN/, () => fitted({}, x, replaced(Array(18).fill(0), 11, NaN))],
    [/fit: targets: the class of row 3 is -1, .* 0 to 2/, () => fitted({}, x, replaced(classes, 3, -1))],
    [/fit: inputs: row 1, column 1 is null/, () => fitted({}, replaced(x, 3, null))],
  ]);
  const evaluate = (inputs: number[], targets = classes) => trainer.evaluate({ inputs, targets });
  const weighted = (sampleWeights: number[]) => trainer.fit({ inputs: x, targets: classes, sampleWeights });
  async function withMatrix<T>(rows: number, cols: number, use: (matrix: Matrix) => Promise<T>): Promise<T> {
    const matrix = backend.matrix(rows, cols);
    try {
      return await use(matrix);
    } finally {
      matrix.dispose();
    }
  }
});
