/** What losses of one's own and callbacks may do in training: throw, dispose, call what they should not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
  type Matrix,
  type Network,
  Trainer,
} from "../src/index";
import { sixSamples, squares, thrownBy } from "./support";

const { x, classes } = sixSamples;

describe.each(["js", "simd"] as const)("errors in training: %s", (variant) => {
  let backend: Backend;
  let network: Network;
  let trainer: Trainer;

  const create = (on = backend, layers: LayerDescription[] = [dense(3, "tanh"), dense(3, "softmax")]) =>
    createNetwork({ inputs: 2, layers, seed: 7, backend: on });

  beforeAll(async () => {
    backend = await loadBackend({ variant });
    network = await create();
    trainer = new Trainer(network, { optimizer: adam() });
  });
  afterAll(() => backend.dispose());

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
});
