import { expect, it } from "vitest";
import { createNetwork, dense } from "../src/index";
import { columnSums, generator, integers, matmul, mismatch } from "./oracle";
import { onEveryVariant } from "./variants";

const plain = { transposeA: false, transposeB: false, alpha: 1, beta: 0 };

/** Around a block over the inner size of a product (256 terms), one and two of them. */
const wide = [255, 256, 257, 512, 513];

onEveryVariant("a dense layer", (context) => {
  it.each(wide)("of %i features adds its bias once to each sum, in forward and predict", async (fanIn) => {
    for (const [samples, units] of [
      [1, 1],
      [5, 3],
      [13, 9],
    ] as const) {
      const network = await createNetwork({ inputs: fanIn, layers: [dense(units)], backend: context.backend });
      const random = generator(fanIn + units);
      const [x, w, b] = [samples * fanIn, fanIn * units, units].map((length) => integers(random, length, 50));
      if (!x || !w || !b) throw new Error("three arrays were expected");
      network.parameters.set([...w, ...b]);
      const bias = Float64Array.from({ length: samples * units }, (_, at) => b[at % units] as number);
      const expected = matmul({ ...plain, m: samples, n: units, k: fanIn, beta: 1 }, x, w, bias);
      expect(mismatch(network.forward(x), expected, 0)).toBeUndefined();
      expect(mismatch(network.predict(x), expected, 0)).toBeUndefined();
      network.dispose();
    }
  });

  it.each(wide)("has the gradients of %i samples, overwritten by the next", async (samples) => {
    const [fanIn, units] = [7, 5];
    const network = await createNetwork({ inputs: fanIn, layers: [dense(units)], backend: context.backend });
    const random = generator(samples);
    for (let again = 0; again < 2; again++) {
      const [x, d] = [fanIn, units].map((columns) => integers(random, samples * columns, 50));
      if (!x || !d) throw new Error("two arrays were expected");
      network.forward(x);
      network.backwardFrom(d);
      const product = { ...plain, transposeA: true, m: fanIn, n: units, k: samples };
      const expected = [...matmul(product, x, d, []), ...columnSums(samples, units, d)];
      expect(mismatch(network.gradients, expected, 0)).toBeUndefined();
    }
    network.dispose();
  });

  it.each([1, 127, 128, 129, 256, 257, 700])("has the penalties of all of its %i weights", async (fanIn) => {
    const layers = [dense(1, { l1: 0.5, l2: 0.25 })];
    const network = await createNetwork({ inputs: fanIn, layers, backend: context.backend });
    const weights = integers(generator(fanIn), fanIn, 50);
    network.parameters.set([...weights, 3]);
    network.forward(new Float64Array(fanIn));
    // all of them whole numbers over a power of two: every sum is exact
    const expected = weights.reduce((sum, w) => sum + 0.5 * Math.abs(w) + 0.25 * w * w, 0);
    expect(network.backward([3], "sumOfSquares")).toBe(expected);
    expect([...network.gradients]).toEqual([...weights.map((w) => 0.5 * Math.sign(w) + 0.5 * w), 0]);
    network.dispose();
  });

  // more rows than one block of a product (96), and layers that grow on the way down: a delta must not lie over the next
  it.each([3, 97, 200])("hands %i deltas down through layers that grow, anew in every backward", async (samples) => {
    const sizes = [21, 17, 9, 4]; // of the inputs, and of each layer
    const layers = sizes.slice(1).map((units) => dense(units));
    const network = await createNetwork({ inputs: 21, layers, backend: context.backend });
    const random = generator(samples);
    network.parameters.set(integers(random, network.parameters.length, 3));
    const outputs = [integers(random, samples * 21, 3)];
    network.layers.forEach(({ weights, bias }, l) => {
      const [k, n] = [sizes[l] as number, sizes[l + 1] as number];
      const start = Float64Array.from({ length: samples * n }, (_, at) => bias[at % n] as number);
      outputs.push(matmul({ ...plain, m: samples, n, k, beta: 1 }, outputs[l] ?? [], weights, start));
    });
    expect(mismatch(network.forward(outputs[0] as Float64Array), outputs[3] ?? [], 0)).toBeUndefined();
    for (let again = 0; again < 2; again++) {
      let delta = integers(random, samples * 4, 3);
      network.backwardFrom(delta);
      for (let l = 2; l >= 0; l--) {
        const [fanIn, units] = [sizes[l] as number, sizes[l + 1] as number];
        const { weights = [], weightGradients = [], biasGradients = [] } = network.layers[l] ?? {};
        const product = { ...plain, transposeA: true, m: fanIn, n: units, k: samples };
        expect(
          mismatch(weightGradients, matmul(product, outputs[l] ?? [], delta, []), 0),
          `layer ${l}`,
        ).toBeUndefined();
        expect(mismatch(biasGradients, columnSums(samples, units, delta), 0), `layer ${l}`).toBeUndefined();
        delta = matmul({ ...plain, transposeB: true, m: samples, n: fanIn, k: units }, delta, weights, []);
      }
      expect(mismatch(network.inputGradients, delta, 0)).toBeUndefined();
    }
    network.dispose();
  });
});
