/** The order of samples in Trainer.fit: seeds, shuffling, batches, and what is held back for validation. */
import { expect, it } from "vitest";
import { adam, type CustomLoss, createNetwork, type Data, dense, Trainer } from "../src/index";
import { classified, classifier, FEATURES, recorder, uniform } from "./support";
import { onEveryVariant } from "./variants";

function numbered(samples: number): Data {
  const rows = Float64Array.from({ length: samples }, (_, i) => i);
  return { inputs: rows, targets: rows };
}

function ascending(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

onEveryVariant("Trainer.fit", (context) => {
  it("has the defaults of the contract: 1 epoch, batches of 32, shuffled by the network's seed", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], seed: 11, backend: context.backend });
    const { loss, batches } = recorder();
    const trainer = new Trainer(network, { loss });
    const history = await trainer.fit(numbered(70));
    expect(history.epochs).toBe(1);
    expect(batches.map((batch) => batch.length)).toEqual([32, 32, 6]);
    expect(batches.flat()).not.toEqual(ascending(0, 70));
    expect(batches.flat().sort((a, b) => a - b)).toEqual(ascending(0, 70));
    const seeded = recorder();
    await new Trainer(network, { loss: seeded.loss }).fit(numbered(70), { seed: 11 });
    expect(seeded.batches).toEqual(batches);
    network.dispose();
  });

  it("gives the same bits for the same seed, others for another", async () => {
    const digests: string[] = [];
    for (const [seed, order] of [
      [7, undefined],
      [7, undefined],
      [8, undefined],
      [7, 8],
    ] as const) {
      const network = await classifier(context.backend, seed);
      await new Trainer(network, { optimizer: adam() }).fit(classified(50), { epochs: 2, batchSize: 8, seed: order });
      digests.push(await network.digest());
      network.dispose();
    }
    expect(digests[1]).toBe(digests[0]);
    expect(new Set(digests).size).toBe(3);
  });

  it("shuffles: every sample once an epoch, another order each epoch, the same for every batchSize", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    const orders: number[][][] = [];
    for (const batchSize of [1, 7, 16, 50, 1000]) {
      const { loss, batches } = recorder();
      await new Trainer(network, { loss }).fit(numbered(50), { epochs: 3, batchSize, seed: 5 });
      const each = Math.ceil(50 / batchSize);
      expect(batches).toHaveLength(3 * each);
      orders.push([0, 1, 2].map((epoch) => batches.slice(epoch * each, (epoch + 1) * each).flat()));
    }
    const [first] = orders as [number[][]];
    for (const epoch of first) expect([...epoch].sort((a, b) => a - b)).toEqual(ascending(0, 50));
    expect(new Set(first.map(String)).size).toBe(3);
    expect(first.map(String)).not.toContain(String(ascending(0, 50)));
    for (const order of orders) expect(order).toEqual(first);
    network.dispose();
  });

  it("takes batches in order with shuffle: false, the last one short", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    const { loss, batches } = recorder();
    await new Trainer(network, { loss }).fit(numbered(10), { epochs: 2, batchSize: 4, shuffle: false });
    const epoch = [ascending(0, 4), ascending(4, 8), ascending(8, 10)];
    expect(batches).toEqual([...epoch, ...epoch]);
    network.dispose();
  });

  it("holds the last rows back for validationSplit, before shuffling", async () => {
    const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
    for (const [share, samples, kept] of [
      [0.2, 50, 40],
      [0.25, 10, 7],
      [0.5, 2, 1],
      [0.1, 99, 89],
    ] as const) {
      const { loss, batches } = recorder();
      const validated: number[][] = [];
      const seen: CustomLoss = {
        ...loss,
        value: ({ targets }) => {
          validated.push([...targets]);
          return 0;
        },
      };
      await new Trainer(network, { loss: seen }).fit(numbered(samples), {
        epochs: 2,
        batchSize: 16,
        validationSplit: share,
      });
      const all = batches.flat();
      expect([...new Set(all)].sort((a, b) => a - b)).toEqual(ascending(0, kept));
      expect(all).toHaveLength(2 * kept);
      const heldBack = validated.filter((rows) => rows.some((row) => row >= kept));
      expect(heldBack).toEqual([ascending(kept, samples), ascending(kept, samples)]);
    }
    network.dispose();
  });

  it("trains with a validationSplit as on the first rows alone, and validates as evaluate on the last", async () => {
    const { inputs, targets } = classified(60);
    const sampleWeights = uniform(60, 5).map((w) => 1 + w);
    const [split, given] = await Promise.all([classifier(context.backend), classifier(context.backend)]);
    const [first, second] = [split, given].map((network) => new Trainer(network)) as [Trainer, Trainer];
    const parts = [0, 45].map((from, part) => {
      const to = part === 0 ? 45 : 60;
      return {
        inputs: inputs.subarray(from * FEATURES, to * FEATURES),
        targets: targets.subarray(from, to),
        sampleWeights: sampleWeights.subarray(from, to),
      };
    }) as [Data, Data];
    const options = { epochs: 3, batchSize: 16 };
    const history = await first.fit({ inputs, targets, sampleWeights }, { ...options, validationSplit: 0.25 });
    expect(history).toEqual(await second.fit(parts[0], { ...options, validation: parts[1] }));
    expect(await split.digest()).toBe(await given.digest());
    const { loss, accuracy } = first.evaluate(parts[1]);
    expect(history.validationLoss[2]).toBe(loss);
    expect(history.validationAccuracy[2]).toBe(accuracy);
    split.dispose();
    given.dispose();
  });
});
