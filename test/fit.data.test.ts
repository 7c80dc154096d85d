/** The data of Trainer.fit: every form of them, what is copied of them and what is not, a row that is not finite. */
import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  adam,
  type Backend,
  createNetwork,
  type Data,
  dense,
  type FitOptions,
  loadBackend,
  type Numbers,
  type Targets,
  Trainer,
} from "../src/index";
import { CLASSES, classified, classifier, FEATURES, oneHotOf, uniform } from "./support";
import { onEveryVariant } from "./variants";

onEveryVariant("the data of Trainer.fit", (context) => {
  const samples = 40;
  const inputs = uniform(samples * FEATURES, 6).map((value) => Math.floor((value + 1) * 128));
  const classes = classified(samples, 6).targets;

  function nested(values: Float64Array, columns: number): number[][] {
    return Array.from({ length: values.length / columns }, (_, i) => [
      ...values.subarray(i * columns, (i + 1) * columns),
    ]);
  }

  async function digestOf(data: Data): Promise<[string, unknown, unknown]> {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network, { optimizer: adam() });
    const history = await trainer.fit(data, { epochs: 2, batchSize: 16, validationSplit: 0.25 });
    trainer.step(data.inputs, data.targets);
    const result: [string, unknown, unknown] = [await network.digest(), history, trainer.evaluate(data)];
    network.dispose();
    return result;
  }

  it("gives the same bits in every form", async () => {
    const one = oneHotOf(classes);
    const matrix = context.backend.matrix(samples, FEATURES, inputs);
    const targetMatrix = context.backend.matrix(samples, CLASSES, one);
    const expected = await digestOf({ inputs: Float64Array.from(inputs), targets: classes });
    const forms: Numbers[] = [
      Float32Array.from(inputs),
      Uint8Array.from(inputs),
      [...inputs],
      nested(inputs, FEATURES),
      matrix,
    ];
    for (const form of forms) expect(await digestOf({ inputs: form, targets: classes })).toEqual(expected);
    const targets: Targets[] = [
      Uint8Array.from(classes),
      [...classes],
      one,
      Float32Array.from(one),
      Uint8Array.from(one),
      [...one],
      nested(one, CLASSES),
      targetMatrix,
    ];
    for (const form of targets) expect(await digestOf({ inputs, targets: form })).toEqual(expected);
    matrix.dispose();
    targetMatrix.dispose();
  });

  it("is never copied whole where it is a Matrix", async () => {
    const { backend } = context;
    const [rows, features] = [8192, 16];
    const network = await createNetwork({ inputs: features, layers: [dense(1)], backend });
    const matrix = backend.matrix(rows, features, uniform(rows * features));
    const targets = backend.matrix(rows, 1, uniform(rows, 2));
    const trainer = new Trainer(network, { optimizer: adam() });
    const before = backend.memory().usedBytes;
    let most = before;
    const watch = () => {
      most = Math.max(most, backend.memory().usedBytes);
    };
    await trainer.fit({ inputs: matrix, targets }, { validationSplit: 0.5, onStep: watch, onEpoch: watch });
    trainer.evaluate({ inputs: matrix, targets });
    network.predict(matrix);
    watch();
    expect(most - before).toBeLessThan((rows * features * 8) / 4);
    expect(matrix.values).toEqual(uniform(rows * features));
    for (const owner of [network, matrix, targets]) owner.dispose();
  });

  describe("that are a Float64Array", () => {
    const [rows, features] = [4096, 64];
    const bytes = 8 * rows * features;

    /** The most bytes that a fit takes, and what is left of them when it is over, as shares of its inputs. */
    async function taken(backend: Backend, inputs: Float64Array, options: FitOptions): Promise<[number, number]> {
      const network = await createNetwork({ inputs: features, layers: [dense(1)], backend });
      const trainer = new Trainer(network);
      // what a network keeps for its evaluations
      trainer.evaluate({ inputs: inputs.subarray(0, features), targets: [0] });
      const before = backend.memory();
      let most = 0;
      const watch = () => {
        most = Math.max(most, backend.memory().usedBytes - before.usedBytes);
        expect(backend.memory().matrices).toBe(before.matrices);
      };
      const targets = new Float64Array(inputs.length / features);
      const fitting = trainer.fit({ inputs, targets }, { onStep: watch, ...options });
      await fitting.catch((error) => expect(error).toBeInstanceOf(ArgumentError));
      const left = backend.memory().usedBytes - before.usedBytes;
      network.dispose();
      return [most / bytes, left / bytes];
    }

    it("are in linear memory while a fit has several epochs, once, and no longer", async () => {
      const { backend } = context;
      const inputs = uniform(rows * features);
      const whole = backend.variant === "js" ? 0 : 1;
      for (const options of [{ epochs: 2 }, { epochs: 3, shuffle: false }]) {
        const [most, left] = await taken(backend, inputs, options);
        expect(most).toBeGreaterThanOrEqual(whole);
        expect(most).toBeLessThan(whole + 0.1);
        expect(left).toBeLessThan(0.05);
      }
      const broken = inputs.slice();
      broken[3000 * features] = Number.NaN;
      const [most, left] = await taken(backend, broken, { epochs: 2 });
      expect(most).toBeGreaterThanOrEqual(whole);
      expect(left).toBeLessThan(0.05);
    });

    it("are not where they are read once, are many, or leave little to others", async () => {
      const { backend } = context;
      const inputs = uniform(rows * features);
      expect((await taken(backend, inputs, { epochs: 1 }))[0]).toBeLessThan(0.1);
      const many = new Float64Array(9 * inputs.length);
      expect((await taken(backend, many, { epochs: 2, batchSize: 512 }))[0]).toBeLessThan(0.5);
      const limited = await loadBackend({ variant: backend.variant, memory: { maximumBytes: 5 * bytes } });
      const room = limited.matrix(1, features * rows);
      expect((await taken(limited, inputs, { epochs: 2 }))[0]).toBeLessThan(0.1);
      room.dispose();
      limited.dispose();
    });
  });
});

onEveryVariant("Trainer.fit", (context) => {
  it("notices where a loss of one's own disposes the Matrix that is being trained on in place", async () => {
    const network = await createNetwork({ inputs: FEATURES, layers: [dense(1)], backend: context.backend });
    const inputs = context.backend.matrix(6, FEATURES, uniform(6 * FEATURES));
    const loss = { name: "careless", value: () => 0, gradient: () => inputs.dispose() };
    const parameters = network.parameters.slice();
    const fitting = new Trainer(network, { loss }).fit({ inputs, targets: uniform(6) }, { shuffle: false });
    await expect(fitting).rejects.toThrow(/^loss careless: a 6x4 matrix was used after its dispose/);
    expect(network.parameters).toEqual(parameters);
    network.dispose();
  });

  it("names a row that is not finite as it was given, in every form of inputs and order", async () => {
    const { inputs, targets } = classified(30);
    inputs[25 * FEATURES + 2] = Infinity;
    const matrix = context.backend.matrix(30, FEATURES, inputs);
    for (const form of [inputs, Float32Array.from(inputs), [...inputs], matrix]) {
      for (const options of [{ shuffle: true }, { shuffle: false }, { shuffle: true, validationSplit: 0.5 }]) {
        const network = await classifier(context.backend);
        const fitting = new Trainer(network).fit({ inputs: form, targets }, { batchSize: 4, ...options });
        await expect(fitting).rejects.toThrow(/^fit: inputs: row 25, column 2 is Infinity, a finite number was/);
        expect(() => network.predict(form, { batchSize: 7 })).toThrow(/^predict: inputs: row 25, column 2 is Infinity/);
        network.dispose();
      }
    }
    matrix.dispose();
  });

  it("leaves the weights of the step before, where a batch is not finite", async () => {
    const network = await classifier(context.backend);
    const { inputs, targets } = classified(30);
    inputs[25 * FEATURES + 2] = Infinity;
    const digests: Promise<string>[] = [];
    const fitting = new Trainer(network).fit(
      { inputs, targets },
      {
        batchSize: 10,
        shuffle: false,
        onStep: () => {
          digests.push(network.digest());
        },
      },
    );
    await expect(fitting).rejects.toThrow(/row 25, column 2/);
    expect(digests).toHaveLength(2);
    expect(await network.digest()).toBe(await digests[1]);
    network.dispose();
  });
});
