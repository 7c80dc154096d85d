/** Parameters as live views, and what is made of them: summary, digest, clone, copyFrom. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { ArgumentError, createNetwork, dense, dropout, loadBackend, ShapeError, Trainer } from "../src/index";
import { create, FEATURES, LAYERS, LOSS, largestGap, layerOf, oneHot, STEADY, uniform } from "./support";
import { onEveryVariant } from "./variants";

onEveryVariant("parameters", (context) => {
  it("are live views: writing weights changes predictions", async () => {
    const network = await create(context.backend, [dense(2)]);
    const { weights, bias } = layerOf(network, 0);
    weights.set([1, 2, 3, 4, 5, 6, 7, 8]); // 4 x 2, row after row
    bias.set([100, 200]);
    expect([...network.predict([1, 1, 1, 1, 1, 0, 0, 0])]).toEqual([116, 220, 101, 202]);
    network.parameters.fill(0);
    expect([...network.predict([1, 1, 1, 1])]).toEqual([0, 0]);
    expect(layerOf(network, 0).weights).toBe(weights);
    network.dispose();
  });

  it("are one flat array, layer by layer, weights before bias, and so are the gradients", async () => {
    const network = await create(context.backend);
    network.forward(uniform(5 * FEATURES));
    network.backward(oneHot(5, 3), LOSS);
    const parameters = network.layers.flatMap(({ weights, bias }) => [...weights, ...bias]);
    const gradients = network.layers.flatMap((layer) => [...layer.weightGradients, ...layer.biasGradients]);
    expect([...network.parameters]).toEqual(parameters);
    expect([...network.gradients]).toEqual(gradients);
    network.parameters.set(network.parameters.map((_, i) => i));
    expect([...layerOf(network, 0).weights]).toEqual(Array.from({ length: 28 }, (_, i) => i));
    expect([...layerOf(network, 0).bias]).toEqual(Array.from({ length: 7 }, (_, i) => 28 + i));
    expect(layerOf(network, 2).weights[0]).toBe(35);
    expect(layerOf(network, 4).bias[2]).toBe(network.parameters.length - 1);
    network.dispose();
  });

  it("belong to layers that say what they are", async () => {
    const network = await create(context.backend);
    expect(network.layers.map(({ kind, units, activation }) => [kind, units, activation])).toEqual([
      ["dense", 7, "gelu"],
      ["dropout", 7, undefined],
      ["dense", 6, "softmax"],
      ["dense", 5, "relu"],
      ["dense", 3, "softmax"],
    ]);
    expect(network.layers.map(({ weights }) => weights.length)).toEqual([28, 0, 42, 30, 15]);
    expect([network.inputs, network.units, network.seed]).toEqual([4, 3, 3]);
    expect(network.backend).toBe(context.backend);
    network.dispose();
  });

  it("stay where they are while memory grows", async () => {
    const network = await create(context.backend);
    const { parameters, gradients } = network;
    const { weights } = layerOf(network, 0);
    const others = Array.from({ length: 4 }, () => context.backend.matrix(1000, 500));
    network.forward(uniform(2000 * FEATURES));
    network.backward(oneHot(2000, 3), LOSS);
    expect(network.parameters).toBe(parameters);
    expect(network.gradients).toBe(gradients);
    weights.fill(0.25);
    expect(network.parameters.subarray(0, 28)).toEqual(new Float64Array(28).fill(0.25));
    expect(gradients.some((g) => g !== 0)).toBe(true);
    for (const owner of [...others, network]) owner.dispose();
  });
});

onEveryVariant("summary", (context) => {
  it("has every layer's shape, parameters and bytes, and the totals", async () => {
    const layers = [dense(16, "relu"), dropout(0.2), dense(3, "softmax")];
    const network = await create(context.backend, layers);
    const lines = network
      .summary()
      .split("\n")
      .map((line) => line.trim().split(/\s{2,}/));
    expect(lines).toContainEqual(["dense relu", "n x 16", "80", "640"]);
    expect(lines).toContainEqual(["dropout 0.2", "n x 16", "0", "0"]);
    expect(lines).toContainEqual(["dense softmax", "n x 3", "51", "408"]);
    expect(lines).toContainEqual(["total", "131", "1048"]);
    expect(network.summary()).not.toMatch(/frozen/);
    layerOf(network, 0).trainable = false;
    expect(network.summary()).toMatch(/frozen/);
    expect(network.summary()).toMatch(/51 of 131/);
    network.dispose();
  });
});

onEveryVariant("digest", (context) => {
  function sha256(values: Float64Array): string {
    return createHash("sha256").update(new Uint8Array(values.slice().buffer)).digest("hex");
  }

  it("is the SHA-256 of the parameters' bytes, at every length of the last block", async () => {
    for (let features = 1; features <= 18; features++) {
      const network = await createNetwork({ inputs: features, layers: [dense(1)], backend: context.backend });
      expect(await network.digest()).toBe(sha256(network.parameters));
      network.dispose();
    }
    const network = await createNetwork({ inputs: 100, layers: [dense(300)], backend: context.backend });
    expect(await network.digest()).toBe(sha256(network.parameters));
    network.dispose();
  });

  it("tells 0 from -0, and no NaN from another", async () => {
    const network = await create(context.backend);
    const { parameters } = network;
    const words = new BigUint64Array(parameters.buffer, parameters.byteOffset, parameters.length);
    const digests: string[] = [];
    for (const word of [0x7ff8000000000000n, 0xfff8000000000000n, 0x7ff0000000000001n, 0x7fffffffffffffffn]) {
      words[5] = word;
      digests.push(await network.digest());
    }
    expect(new Set(digests).size).toBe(1);
    words[5] = 0x7ff8000000000000n;
    expect(digests[0]).toBe(createHash("sha256").update(new Uint8Array(words.slice().buffer)).digest("hex"));
    parameters[5] = 0;
    const zero = await network.digest();
    parameters[5] = -0;
    expect(await network.digest()).not.toBe(zero);
    network.dispose();
  });
});

onEveryVariant("clone and copyFrom", (context) => {
  it("a clone has the same layers and bits, and goes its own way", async () => {
    const network = await create(context.backend);
    layerOf(network, 2).trainable = false;
    new Trainer(network).step(uniform(5 * FEATURES), oneHot(5, 3));
    const digest = await network.digest();
    const clone = network.clone();
    expect(await clone.digest()).toBe(digest);
    expect(clone.layers.map(({ trainable }) => trainable)).toEqual([true, true, false, true, true]);
    expect(clone.summary()).toBe(network.summary());
    expect(clone.backend).toBe(network.backend);
    // masks too: they follow from seed and step
    expect(clone.forward(uniform(9 * FEATURES))).toEqual(network.forward(uniform(9 * FEATURES)));
    new Trainer(clone).step(uniform(5 * FEATURES), oneHot(5, 3));
    expect(await clone.digest()).not.toBe(digest);
    expect(await network.digest()).toBe(digest);
    const changed = await clone.digest();
    network.dispose();
    expect(await clone.digest()).toBe(changed);
    clone.predict(uniform(FEATURES));
    clone.dispose();
  });

  it("copyFrom takes tau of the other and leaves 1 - tau of its own", async () => {
    const [network, other] = [await create(context.backend, LAYERS, 1), await create(context.backend, LAYERS, 2)];
    const [own, theirs] = [network.parameters.slice(), other.parameters.slice()];
    for (const tau of [0, 0.005, 0.5, 0.75, 1]) {
      network.parameters.set(own);
      network.copyFrom(other, { tau });
      expect(network.parameters).toEqual(own.map((p, i) => tau * (theirs[i] as number) + (1 - tau) * p));
    }
    network.parameters.set(own);
    network.copyFrom(other);
    expect(network.parameters).toEqual(theirs);
    expect(other.parameters).toEqual(theirs);
    expect(network.predict(uniform(FEATURES))).toEqual(other.predict(uniform(FEATURES)));
    network.copyFrom(network, { tau: 0.5 });
    expect(largestGap(network.parameters, theirs)).toBeLessThan(1e-15);
    network.dispose();
    other.dispose();
  });

  it("copyFrom refuses other layers, other backends and other taus", async () => {
    const network = await create(context.backend);
    const before = network.parameters.slice();
    const shapes = [
      [dense(3)],
      [...LAYERS, dense(3)],
      LAYERS.map((layer) => (layer.kind === "dense" ? dense(layer.units + 1) : layer)),
      STEADY,
    ];
    for (const layers of shapes) {
      const other = await create(context.backend, layers);
      expect(() => network.copyFrom(other)).toThrow(ShapeError);
      other.dispose();
    }
    const wider = await createNetwork({ inputs: 5, layers: LAYERS, backend: context.backend });
    expect(() => network.copyFrom(wider)).toThrow(ShapeError);
    const backend = await loadBackend({ variant: "js" });
    const elsewhere = await create(backend);
    expect(() => network.copyFrom(elsewhere)).toThrow(ArgumentError);
    for (const tau of [-0.1, 1.1, NaN]) expect(() => network.copyFrom(network, { tau })).toThrow(ArgumentError);
    expect(() => Reflect.apply(network.copyFrom, network, [{}])).toThrow(ArgumentError);
    expect(network.parameters).toEqual(before);
    for (const owner of [network, wider, backend]) owner.dispose();
  });
});
