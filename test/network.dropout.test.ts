/** Dropout: masks by seed and step, alike in every element; off in predictions. */
import { expect, it } from "vitest";
import { ArgumentError, createNetwork, dense, dropout, type Network, Trainer } from "../src/index";
import { constant, layerOf } from "./support";
import { onEveryVariant } from "./variants";

onEveryVariant("dropout", (context) => {
  const [units, samples] = [100, 1000];
  const inputs = new Float64Array(samples);

  it.each([0, 0.1, 0.5, 0.9])("drops a share of %d, and scales the rest by 1 / (1 - rate)", async (rate) => {
    const network = await constant(context.backend, units, [dropout(rate)]);
    const outputs = network.forward(inputs);
    const zeros = outputs.filter((y) => y === 0).length;
    const deviation = Math.sqrt(units * samples * rate * (1 - rate));
    expect(Math.abs(zeros - units * samples * rate)).toBeLessThanOrEqual(5 * deviation);
    expect(new Set(outputs)).toEqual(new Set(rate === 0 ? [1] : [0, 1 / (1 - rate)]));
    // in every column and row alike: 6 sigma, for there are 1100 of them
    for (let j = 0; j < units; j++) {
      const dropped = outputs.filter((y, e) => e % units === j && y === 0).length;
      expect(Math.abs(dropped - samples * rate)).toBeLessThanOrEqual(6 * Math.sqrt(samples * rate * (1 - rate)));
    }
    network.dispose();
  });

  it("has another mask each step, the same for the same seed and step", async () => {
    const [first, second] = [5, 5].map((seed) => constant(context.backend, units, [dropout(0.5)], seed));
    const other = await constant(context.backend, units, [dropout(0.5)], 6);
    const [a, b] = [await first, await second] as [Network, Network];
    const rows = inputs.subarray(0, 20);
    const masks = [1, 2, 3].map(() => a.forward(rows).slice());
    expect(new Set(masks.map(String)).size).toBe(3);
    for (const mask of masks) expect(b.forward(rows)).toEqual(mask);
    expect(other.forward(rows)).not.toEqual(masks[0]);
    for (const network of [a, b, other]) network.dispose();
  });

  it("decides each element alone: more rows leave the first as they were", async () => {
    const [few, many] = [
      await constant(context.backend, 7, [dropout(0.5)]),
      await constant(context.backend, 7, [dropout(0.5)]),
    ];
    const mask = many.forward(inputs.subarray(0, 50)).slice();
    expect(few.forward(inputs.subarray(0, 13))).toEqual(mask.subarray(0, 13 * 7));
    few.dispose();
    many.dispose();
  });

  it("is independent from layer to layer", async () => {
    const network = await constant(context.backend, units, [dropout(0.5), dropout(0.5)]);
    const outputs = network.forward(inputs);
    const zeros = outputs.filter((y) => y === 0).length;
    const count = units * samples;
    expect(Math.abs(zeros - 0.75 * count)).toBeLessThan(5 * Math.sqrt(count * 0.75 * 0.25));
    expect(new Set(outputs)).toEqual(new Set([0, 4]));
    network.dispose();
  });

  it("is off in predict and evaluate", async () => {
    const network = await constant(context.backend, 5, [dropout(0.9)]);
    const rows = inputs.subarray(0, 10);
    expect(network.predict(rows).every((y) => y === 1)).toBe(true);
    const { loss } = new Trainer(network).evaluate({ inputs: rows, targets: new Float64Array(50).fill(1) });
    expect(loss).toBe(0);
    network.dispose();
  });

  it("lets gradients through where it let values through", async () => {
    const network = await createNetwork({
      inputs: 6,
      layers: [dropout(0.4), dense(6, { initializer: "zeros" }), dropout(0.4)],
      backend: context.backend,
    });
    const { weights } = layerOf(network, 1);
    for (let i = 0; i < 6; i++) weights[7 * i] = 1;
    const ones = new Float64Array(60).fill(1);
    const outputs = network.forward(ones).slice();
    network.backwardFrom(ones);
    // the identity between: dC/dX is mask times mask, and so are the outputs
    expect(network.inputGradients).toEqual(outputs);
    expect(outputs.some((y) => y === 0) && outputs.some((y) => y > 1)).toBe(true);
    network.dispose();
  });

  it("refuses other rates", () => {
    for (const rate of [1, -0.1, NaN, Infinity]) expect(() => dropout(rate)).toThrow(ArgumentError);
  });
});
