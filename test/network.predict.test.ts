/** predict: the bits of forward, without a trace of itself. */
import { expect, it } from "vitest";
import { ArgumentError, dense, ShapeError } from "../src/index";
import { create, FEATURES, LOSS, oneHot, STEADY, uniform } from "./support";
import { onEveryVariant } from "./variants";

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

  it("that fails leaves what comes to lie in its place alone", async () => {
    const network = await create(context.backend);
    const inputs = uniform(9 * FEATURES);
    const broken = inputs.slice();
    broken[8 * FEATURES] = Number.NaN;
    expect(() => network.predict(broken)).toThrow(ArgumentError);
    const outputs = network.forward(inputs);
    const kept = outputs.slice();
    network.predict(inputs);
    // all that is free, of every size that there may be
    const others = Array.from({ length: 200 }, (_, i) => context.backend.matrix(1, i + 1));
    for (const other of others) other.values.fill(9);
    expect(outputs).toEqual(kept);
    network.backward(oneHot(9, 3), LOSS);
    for (const other of others) {
      expect(other.values.every((value) => value === 9)).toBe(true);
      other.dispose();
    }
    network.dispose();
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
