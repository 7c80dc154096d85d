import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Matrix } from "../src/backend/matrix";
import * as wasmgrad from "../src/index";
import {
  adam,
  type Backend,
  type CustomLoss,
  checkGradients,
  createNetwork,
  dense,
  dropout,
  type FitOptions,
  type LayerDescription,
  type LossBatch,
  loadBackend,
  type Network,
  sgd,
  Trainer,
} from "../src/index";

/**
 * Bad input to networks and trainers, and what callbacks and losses of one's own may do. Rows as in errors.test.ts: what
 * the error must read, and the action. After each `backend.memory()` and the parameters are what they were, bit for bit.
 */
type Row = [RegExp, () => unknown];

const x = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2]; // 6x2
const classes = [0, 1, 2, 0, 1, 2];
const cross = "categoricalCrossEntropy";

/** A copy with one value replaced. */
function replaced<T>(values: readonly T[], at: number, value: unknown): T[] {
  const copy = values.slice();
  copy[at] = value as T;
  return copy;
}

/** Half the squares, as a loss of one's own. */
const squares = {
  name: "squares",
  value: ({ outputs, targets }: LossBatch) =>
    outputs.reduce((sum, y, i) => sum + (y - (targets[i] as number)) ** 2 / 2, 0),
  gradient({ outputs, targets }: LossBatch, out: Float64Array) {
    for (let i = 0; i < out.length; i++) out[i] = (outputs[i] as number) - (targets[i] as number);
  },
} satisfies CustomLoss;

async function thrownBy(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  return undefined;
}

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
    const error = await thrownBy(action);
    expect(error, `no error, ${message} was expected`).toBeDefined();
    expect(String(error)).toMatch(message);
    expect(error).toBeInstanceOf(wasmgrad.WasmgradError);
    expect((error as Error).constructor).toBe(Reflect.get(wasmgrad, (error as Error).name));
    expect(backend.memory()).toEqual(memory);
    expect(network.parameters).toEqual(parameters);
    expect(network.core.busy).toBe(false);
  }

  function rows(title: string, list: Row[]): void {
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
      (name): Row => [RegExp(`^DisposedError: ${name}: a network 2-3-3`), () => Reflect.get(gone, name)],
    ),
    ...["weights", "bias", "weightGradients", "biasGradients"].map(
      (name): Row => [
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
      (epochs): Row => [RegExp(`epochs: ${epochs} was given`), () => fitted({ epochs })],
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

  describe("a bad row in a later batch", () => {
    const bad = replaced(x, 9, NaN); // row 4
    const orders: [string, FitOptions, number?][] = [
      ["in order", { shuffle: false, batchSize: 2 }, 2],
      ["shuffled", { shuffle: true, batchSize: 1, seed: 3 }],
      ["with a part held back", { shuffle: false, batchSize: 2, validationSplit: 1 / 6 }, 2],
      ["of a second epoch's", { shuffle: false, batchSize: 6, epochs: 2 }, 0],
    ];
    test.each(orders)(
      "%s: named as it was given, weights as after the last whole step",
      async (_, options, expected) => {
        const [failing, clean] = [await create(), await create()];
        let steps = 0;
        const error = await thrownBy(() =>
          new Trainer(failing).fit({ inputs: bad, targets: classes }, { ...options, onStep: () => steps++ }),
        );
        expect(error).toBeInstanceOf(wasmgrad.ArgumentError);
        expect(String(error)).toMatch(/fit: inputs: row 4, column 1 is NaN/);
        if (expected !== undefined) expect(steps).toBe(expected);
        const signal = { aborted: steps === 0 };
        const stop = ({ step }: { step: number }) => {
          signal.aborted = step === steps;
        };
        await new Trainer(clean).fit({ inputs: x, targets: classes }, { ...options, signal, onStep: stop });
        expect(failing.parameters).toEqual(clean.parameters);
        failing.dispose();
        clean.dispose();
      },
    );

    test("of the part held back, and of validation", async () => {
      const own = await create();
      const data = { inputs: x, targets: classes };
      const split = new Trainer(own).fit({ inputs: bad, targets: classes }, { validationSplit: 0.5 });
      await expect(split).rejects.toThrow(/^fit: inputs: row 4, column 1 is NaN/);
      const validation = { inputs: x, targets: replaced(classes, 2, 7) };
      const apart = new Trainer(own).fit(data, { validation });
      await expect(apart).rejects.toThrow(/^fit: validation: targets: the class of row 2 is 7/);
      own.dispose();
    });
  });

  test("errors leave no trace: training goes on as if they had not been", async () => {
    const layers = [dense(3, "tanh"), dropout(0.5), dense(3, "softmax")];
    const [tried, clean] = [await create(backend, layers), await create(backend, layers)];
    const trainers = [tried, clean].map((each) => new Trainer(each, { optimizer: adam() }));
    for (const each of trainers) each.step(x, classes);
    tried.predict(x);
    const [failing] = trainers as [Trainer];
    const memory = backend.memory();
    await thrownBy(() => failing.step(replaced(x, 3, NaN), classes));
    await thrownBy(() => failing.step(x, replaced(classes, 0, 9)));
    await thrownBy(() => failing.fit({ inputs: x, targets: classes }, { epochs: 0 }));
    await thrownBy(() => failing.fit({ inputs: replaced(x, 3, NaN), targets: classes }));
    await thrownBy(() => tried.forward([1, NaN]));
    await thrownBy(() => tried.predict([1, NaN]));
    expect(backend.memory()).toEqual(memory);
    for (const each of trainers) await each.fit({ inputs: x, targets: classes }, { epochs: 2, batchSize: 4 });
    expect(tried.parameters).toEqual(clean.parameters);
    for (const each of [tried, clean]) each.dispose();
  });

  test.each(["value", "gradient"] as const)("a loss that throws in %s leaves no trace either", async (method) => {
    const layers = [dense(3, "tanh"), dropout(0.5), dense(3)];
    const [tried, clean] = [await create(backend, layers), await create(backend, layers)];
    const mine = new Error("mine");
    let throwing = true;
    const loss: CustomLoss = {
      name: "mine",
      value: squares.value,
      gradient: squares.gradient,
      [method]: (batch: LossBatch, out: Float64Array) => {
        if (throwing) throw mine;
        return squares[method](batch, out);
      },
    };
    const failing = new Trainer(tried, { loss, optimizer: adam() });
    const reference = new Trainer(clean, { loss: squares, optimizer: adam() });
    const before = tried.parameters.slice();
    expect(await thrownBy(() => failing.step(x, Array(18).fill(1)))).toBe(mine);
    expect(await thrownBy(() => failing.fit({ inputs: x, targets: Array(18).fill(1) }))).toBe(mine);
    expect(tried.parameters).toEqual(before);
    throwing = false;
    for (const each of [failing, reference]) each.step(x, Array(18).fill(1));
    expect(tried.parameters).toEqual(clean.parameters);
    for (const each of [tried, clean]) each.dispose();
  });

  test.each([["x"], [undefined], [Promise.resolve(1)], [1n]])("a loss whose value is no number: %s", async (value) => {
    const own = await create(backend, [dense(3)]);
    const loss = { ...squares, name: "odd", value: () => value as never };
    const trainer = new Trainer(own, { loss });
    const before = own.parameters.slice();
    const data = { inputs: x, targets: Array(18).fill(1) };
    for (const action of [
      () => trainer.step(data.inputs, data.targets),
      () => trainer.fit(data),
      () => trainer.evaluate(data),
      () => own.backward(data.targets, loss),
    ]) {
      own.forward(x);
      const error = await thrownBy(action);
      expect(error, String(action)).toBeInstanceOf(wasmgrad.ArgumentError);
      expect(String(error)).toMatch(/loss odd: value returned .*, a number was expected/);
    }
    expect(own.parameters).toEqual(before);
    own.dispose();
  });

  test("a loss of one's own that disposes, or calls forward, harms nobody else's memory", async () => {
    const misdeeds: [string, (own: Network) => void][] = [
      ["dispose", (own) => own.dispose()],
      ["forward", (own) => own.forward(new Float64Array(400).fill(1))],
    ];
    for (const [title, misdeed] of misdeeds) {
      for (const method of ["value", "gradient"] as const) {
        const own = await create(backend, [dense(3, "tanh"), dense(3)]);
        const canaries: Matrix[] = [];
        const act = () => {
          misdeed(own);
          while (canaries.length < 60) canaries.push(backend.matrix(6, 3, new Float64Array(18).fill(7)));
        };
        const loss: CustomLoss = {
          name: "rogue",
          value: squares.value,
          gradient: squares.gradient,
          [method]: (batch: LossBatch, out: Float64Array) => {
            act();
            return squares[method](batch, out);
          },
        };
        const error = await thrownBy(() => new Trainer(own, { loss }).step(x, Array(18).fill(1)));
        if (error !== undefined) expect(error).toBeInstanceOf(wasmgrad.WasmgradError);
        const harmed = canaries.filter(({ values }) => !values.every((value) => value === 7)).length;
        expect(harmed, `${title} in ${method}: matrices overwritten`).toBe(0);
        for (const matrix of canaries) matrix.dispose();
        own.dispose();
      }
    }
  });

  test("a loss of one's own that disposes the inputs: an error, or the gradients that they give", async () => {
    const [own, clean] = [await create(backend, [dense(3)]), await create(backend, [dense(3)])];
    const inputs = backend.matrix(6, 2, x);
    let canary: Matrix | undefined;
    const value = (batch: LossBatch) => {
      inputs.dispose();
      canary = backend.matrix(6, 2, new Float64Array(12).fill(1e6));
      return squares.value(batch);
    };
    const before = own.parameters.slice();
    const error = await thrownBy(() =>
      new Trainer(own, { loss: { ...squares, value } }).step(inputs, Array(18).fill(1)),
    );
    if (error !== undefined) expect(error).toBeInstanceOf(wasmgrad.WasmgradError);
    else new Trainer(clean, { loss: squares }).step(x, Array(18).fill(1));
    expect(own.parameters).toEqual(error === undefined ? clean.parameters : before);
    canary?.dispose();
    for (const each of [own, clean]) each.dispose();
  });

  test("backward after a failed step of another size writes to nobody else's memory", async () => {
    const own = await create();
    own.forward(x);
    const canary = backend.matrix(100, 10, new Float64Array(1000).fill(7));
    const many = new Float64Array(1200).fill(0.5);
    expect(() => new Trainer(own).step(many, [1, 2, 3])).toThrow(wasmgrad.ShapeError);
    await thrownBy(() => own.backward(new Int32Array(600), cross));
    expect(canary.values.every((value) => value === 7)).toBe(true);
    canary.dispose();
    own.dispose();
  });

  const failures: [string, (own: Network) => unknown][] = [
    ["of the same size", (own) => own.forward(replaced(x, 5, NaN))],
    ["of a larger size", (own) => own.forward([...x, 1, 2, 3, NaN])],
    [
      "of a step's targets",
      (own) =>
        new Trainer(own).step(
          x.map((value) => 2 * value),
          replaced(classes, 5, 9),
        ),
    ],
    [
      "of a fit's second batch",
      (own) =>
        new Trainer(own, { optimizer: sgd({ learningRate: 0 }) }).fit(
          { inputs: replaced(x, 11, NaN), targets: classes },
          { batchSize: 2, shuffle: false },
        ),
    ],
  ];
  test.each(failures)(
    "backward after a failure %s: an error, or the gradients of the last whole forward",
    async (title, failure) => {
      const own = await create();
      own.forward(x);
      own.backward(classes, cross);
      const gradients = own.gradients.slice();
      own.forward(x);
      expect(await thrownBy(() => failure(own))).toBeInstanceOf(wasmgrad.WasmgradError);
      const canary = backend.matrix(6, 2, new Float64Array(12).fill(1e3)); // where freed inputs may have been
      const error = await thrownBy(() => own.backward(classes, cross));
      if (error !== undefined) expect(error).toBeInstanceOf(wasmgrad.WasmgradError);
      else expect(own.gradients, title).toEqual(gradients);
      canary.dispose();
      own.dispose();
    },
  );

  test("a matrix disposed between forward and backward, or during a fit, is noticed", async () => {
    const own = await create();
    const [first, second] = [backend.matrix(6, 2, x), backend.matrix(6, 2, x)];
    own.forward(first);
    await thrownBy(() => own.forward([NaN, 1]));
    first.dispose();
    expect(() => own.backward(classes, cross), "backward").toThrow(wasmgrad.WasmgradError);
    const fitting = new Trainer(own).fit(
      { inputs: second, targets: classes },
      { batchSize: 2, onStep: () => second.dispose() },
    );
    await expect(fitting, "fit").rejects.toThrow(wasmgrad.DisposedError);
    own.dispose();
  });

  test("inputGradients are those of no earlier forward, and of no fit that failed", async () => {
    const own = await create();
    const pass = () => {
      own.forward(x);
      own.backward(classes, cross);
      return own.inputGradients.length;
    };
    expect(pass()).toBe(12);
    own.forward([1, 2]);
    expect(() => own.inputGradients, "after forward").toThrow(wasmgrad.ArgumentError);
    const rows = { inputs: new Float64Array(80), targets: new Int32Array(40) };
    const larger = () => {
      own.forward(rows.inputs);
      own.backward(rows.targets, cross);
      throw own.inputGradients;
    };
    const gradients = await thrownBy(() => new Trainer(own).fit(rows, { batchSize: 2, onStep: larger }));
    expect(gradients).toBeInstanceOf(Float64Array);
    const canary = backend.matrix(40, 40, new Float64Array(1600).fill(7)); // where they may have been
    const stale = await thrownBy(() => expect(own.inputGradients.includes(7), "a view of freed memory").toBe(false));
    if (stale !== undefined) expect(stale).toBeInstanceOf(wasmgrad.ArgumentError);
    canary.dispose();
    own.dispose();
  });

  test("checkGradients leaves the parameters as they were where a loss throws", async () => {
    const own = await create(backend, [dense(3)]);
    const before = own.parameters.slice();
    let calls = 0;
    const value: CustomLoss["value"] = (batch) => {
      if (++calls === 3) throw new Error("mine");
      return squares.value(batch);
    };
    expect(() => checkGradients(own, x, Array(18).fill(1), { ...squares, value })).toThrow("mine");
    expect(own.parameters).toEqual(before);
    own.dispose();
  });

  describe("callbacks", () => {
    const data = { inputs: x, targets: classes };
    const mine = new Error("mine");
    const throws = () => {
      throw mine;
    };
    test.each<FitOptions>([
      { onStep: throws },
      { onEpoch: throws },
      { onStep: () => Promise.reject(mine) },
      { onEpoch: async () => throws() },
    ])("that throw: their error, and the network is free again: %o", async (options) => {
      expect(await thrownBy(() => trainer.fit(data, options))).toBe(mine);
      expect(network.core.busy).toBe(false);
      expect((await trainer.fit(data)).epochs).toBe(1);
    });

    test.each(["onStep", "onEpoch"] as const)("that dispose the network or the backend: %s", async (name) => {
      const before = backend.memory();
      const own = await create();
      own.forward([1, 2]); // room that the fit outgrows
      const fitting = new Trainer(own).fit(data, { batchSize: 2, [name]: () => own.dispose() });
      await expect(fitting).rejects.toThrow(wasmgrad.DisposedError);
      expect(backend.memory()).toEqual({ ...before, reservedBytes: backend.memory().reservedBytes });
      const apart = await loadBackend({ variant });
      const there = await create(apart);
      const going = new Trainer(there).fit(data, { batchSize: 2, validationSplit: 0.5, [name]: () => apart.dispose() });
      await expect(going).rejects.toThrow(wasmgrad.DisposedError);
    });

    test("during which the network is disposed from elsewhere", async () => {
      const own = await create();
      const fitting = new Trainer(own).fit(data, { epochs: 1e6, validation: data });
      setTimeout(() => own.dispose(), 5);
      await expect(fitting).rejects.toThrow(wasmgrad.DisposedError);
    });

    test("a fit during a fit is refused, and the first one goes on", async () => {
      const [own, alone] = [await create(), await create()];
      const trainers = [new Trainer(own), new Trainer(own)];
      const errors: unknown[] = [];
      const again = async () => {
        for (const each of trainers) errors.push(await thrownBy(() => each.fit(data)));
      };
      const first = (trainers[0] as Trainer).fit(data, { onStep: again, onEpoch: again });
      errors.push(await thrownBy(() => (trainers[1] as Trainer).fit(data)));
      expect((await first).epochs).toBe(1);
      expect(errors.length).toBe(5);
      for (const error of errors) expect(String(error)).toMatch(/^BusyError: fit: the network is in training/);
      await new Trainer(alone).fit(data);
      expect(own.parameters).toEqual(alone.parameters);
      for (const each of [own, alone]) each.dispose();
    });
  });

  describe("memory", () => {
    test("a failure keeps nothing, on a network without buffers too", async () => {
      const own = await create();
      const trainer = new Trainer(own);
      const actions: (() => unknown)[] = [
        () => trainer.step([1, NaN], [0]),
        () => trainer.step(x, [0]),
        () => trainer.step(x, replaced(classes, 5, 3)),
        () => own.forward([1, NaN]),
        () => own.predict([1, NaN]),
        () => trainer.evaluate({ inputs: [1, NaN], targets: [0] }),
        () => trainer.fit({ inputs: [1, NaN], targets: [0] }),
        () => trainer.fit({ inputs: x, targets: replaced(classes, 5, 3) }),
        () => checkGradients(own, x, [0], cross),
      ];
      for (const action of actions) {
        const { usedBytes } = backend.memory();
        expect(await thrownBy(action), String(action)).toBeInstanceOf(wasmgrad.WasmgradError);
        expect.soft(backend.memory().usedBytes - usedBytes, `bytes kept after ${action}`).toBe(0);
      }
      own.dispose();
    });

    test("a batch for which there is no room leaves room for a smaller one", async () => {
      const limited = await loadBackend({ variant, memory: { maximumBytes: 2 ** 24 } });
      const own = await createNetwork({
        inputs: 100,
        layers: [dense(100, "relu"), dense(2, "softmax")],
        backend: limited,
      });
      const trainer = new Trainer(own);
      const step = (rows: number) => trainer.step(new Float64Array(100 * rows), new Int32Array(rows));
      const before = limited.memory().usedBytes;
      expect(() => step(12_000)).toThrow(wasmgrad.OutOfMemoryError);
      expect.soft(limited.memory().usedBytes).toBe(before);
      expect(step(2_000)).toBeGreaterThan(0);
      limited.dispose();
    });

    test("a network, a clone or slots for which there is no room leave nothing behind", async () => {
      const limited = await loadBackend({ variant, memory: { maximumBytes: 2 ** 24 } });
      const { usedBytes } = limited.memory();
      const size = { inputs: 1000, layers: [dense(500)], backend: limited };
      const own = await createNetwork(size); // 8 of 16 MB
      const before = limited.memory();
      await expect(createNetwork(size)).rejects.toThrow(wasmgrad.OutOfMemoryError);
      expect(() => own.clone()).toThrow(wasmgrad.OutOfMemoryError);
      // what was reserved on the way is kept for later, never given back
      expect(limited.memory()).toEqual({ ...before, reservedBytes: limited.memory().reservedBytes });
      const parameters = own.parameters.slice();
      const trainer = new Trainer(own, { optimizer: adam() });
      expect(() => trainer.step(new Float64Array(1000), new Float64Array(500))).toThrow(wasmgrad.OutOfMemoryError);
      expect(own.parameters).toEqual(parameters);
      own.dispose();
      expect(limited.memory().usedBytes).toBe(usedBytes);
      limited.dispose();
    });
  });
});
