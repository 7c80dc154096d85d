/** Making networks: seeds, initial weights, the default backend, and what createNetwork refuses. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ActivationName,
  ArgumentError,
  type Backend,
  createNetwork,
  dense,
  dropout,
  type InitializerName,
  loadBackend,
  type Variant,
} from "../src/index";
import { constant, create, layerOf } from "./support";
import { onEveryVariant } from "./variants";

describe("the same seed", () => {
  const backends = new Map<Variant, Backend>();
  beforeAll(async () => {
    for (const variant of ["js", "scalar", "simd"] as const) backends.set(variant, await loadBackend({ variant }));
  });
  afterAll(() => {
    for (const backend of backends.values()) backend.dispose();
  });

  it("gives the same bits on js, scalar and simd, another seed others", async () => {
    const initializers: InitializerName[] = ["glorotUniform", "glorotNormal", "heUniform", "heNormal", "lecunNormal"];
    const digests = new Map<number, Set<string>>();
    const seeds = [0, 1, 42, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    for (const seed of seeds) {
      const found = new Set<string>();
      for (const backend of backends.values()) {
        const layers = initializers.map((initializer) => dense(9, { initializer }));
        const network = await createNetwork({ inputs: 11, layers, seed, backend });
        found.add(await network.digest());
        network.dispose();
      }
      digests.set(seed, found);
    }
    for (const found of digests.values()) expect(found.size).toBe(1);
    expect(new Set([...digests.values()].flatMap((found) => [...found])).size).toBe(seeds.length);
  });

  it("gives the same masks on js, scalar and simd", async () => {
    const masks: Float64Array[] = [];
    for (const backend of backends.values()) {
      const network = await constant(backend, 21, [dropout(0.4)]);
      network.forward(new Float64Array(19));
      masks.push(network.forward(new Float64Array(19)).slice());
      network.dispose();
    }
    expect(masks[0]).toHaveLength(19 * 21);
    expect(masks[1]).toEqual(masks[0]);
    expect(masks[2]).toEqual(masks[0]);
  });

  it("is 42 where none is given", async () => {
    const [backend] = backends.values() as unknown as [Backend];
    const [given, not] = [
      await createNetwork({ inputs: 3, layers: [dense(4)], seed: 42, backend }),
      await createNetwork({ inputs: 3, layers: [dense(4)], backend }),
    ];
    expect(not.seed).toBe(42);
    expect(await not.digest()).toBe(await given.digest());
    given.dispose();
    not.dispose();
  });
});

onEveryVariant("initial weights", (context) => {
  const [fanIn, units] = [250, 400];
  const count = fanIn * units;

  async function draw(initializer: InitializerName): Promise<Float64Array> {
    const layers = [dense(units, { initializer })];
    const network = await createNetwork({ inputs: fanIn, layers, backend: context.backend });
    const weights = layerOf(network, 0).weights.slice();
    network.dispose();
    return weights;
  }

  const mean = (values: Float64Array, f: (value: number) => number) =>
    values.reduce((sum, value) => sum + f(value), 0) / values.length;

  it.each([
    ["glorotUniform", Math.sqrt(6 / (fanIn + units))],
    ["heUniform", Math.sqrt(6 / fanIn)],
  ] as const)("%s is uniform within its limits", async (initializer, limit) => {
    const weights = await draw(initializer);
    const scaled = weights.map((w) => w / limit);
    expect(Math.max(...scaled.subarray(0, 50_000), ...scaled.subarray(50_000))).toBeGreaterThan(1 - 1e-3);
    expect(scaled.every((w) => Math.abs(w) <= 1)).toBe(true);
    // 5 sigma of the mean, and of the mean square, whose variance is 1/5 - 1/9
    expect(Math.abs(mean(scaled, (w) => w))).toBeLessThan(5 * Math.sqrt(1 / 3 / count));
    expect(Math.abs(mean(scaled, (w) => w * w) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / count));
    expect(new Set(weights).size).toBe(count);
  });

  it.each([
    ["glorotNormal", Math.sqrt(2 / (fanIn + units))],
    ["heNormal", Math.sqrt(2 / fanIn)],
    ["lecunNormal", Math.sqrt(1 / fanIn)],
  ] as const)("%s is normal, not truncated", async (initializer, deviation) => {
    const scaled = (await draw(initializer)).map((w) => w / deviation);
    // 5 sigma of the moments: those of z, z^2, z^3, z^4 have variance 1, 2, 15, 96
    expect(Math.abs(mean(scaled, (z) => z))).toBeLessThan(5 * Math.sqrt(1 / count));
    expect(Math.abs(mean(scaled, (z) => z * z) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(mean(scaled, (z) => z ** 3))).toBeLessThan(5 * Math.sqrt(15 / count));
    expect(Math.abs(mean(scaled, (z) => z ** 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
    // 6.33 of 100,000 lie beyond 4 deviations
    expect(scaled.some((z) => Math.abs(z) > 4)).toBe(true);
    expect(new Set(scaled).size).toBe(count);
  });

  it("zeros are zeros, and the bias starts at zero with every initializer", async () => {
    expect((await draw("zeros")).every((w) => w === 0)).toBe(true);
    const names = ["zeros", "glorotUniform", "glorotNormal", "heUniform", "heNormal", "lecunNormal"] as const;
    const layers = names.map((initializer) => dense(9, { initializer }));
    const network = await createNetwork({ inputs: 5, layers, backend: context.backend });
    for (const { bias } of network.layers) expect(bias.every((b) => Object.is(b, 0))).toBe(true);
    network.dispose();
  });

  const fitting: Record<ActivationName, "heUniform" | "glorotUniform" | "lecunNormal"> = {
    relu: "heUniform",
    leakyRelu: "heUniform",
    elu: "heUniform",
    gelu: "heUniform",
    silu: "heUniform",
    softplus: "heUniform",
    selu: "lecunNormal",
    linear: "glorotUniform",
    sigmoid: "glorotUniform",
    tanh: "glorotUniform",
    softmax: "glorotUniform",
  };

  it.each(Object.entries(fitting) as [ActivationName, string][])("%s starts from %s", async (activation, name) => {
    const network = await createNetwork({ inputs: 60, layers: [dense(200, activation)], backend: context.backend });
    const { weights } = layerOf(network, 0);
    const largest = Math.max(...weights.map(Math.abs));
    const limit = { heUniform: Math.sqrt(6 / 60), glorotUniform: Math.sqrt(6 / 260) }[name];
    if (limit !== undefined) {
      expect(largest).toBeLessThanOrEqual(limit);
      expect(largest).toBeGreaterThan(0.99 * limit);
    } else {
      const square = mean(weights, (w) => w * w) * 60;
      expect(Math.abs(square - 1)).toBeLessThan(5 * Math.sqrt(2 / weights.length));
      expect(largest).toBeGreaterThan(3 * Math.sqrt(1 / 60));
    }
    network.dispose();
  });

  it("differ from layer to layer", async () => {
    const network = await createNetwork({ inputs: 6, layers: [dense(6), dense(6)], backend: context.backend });
    expect(layerOf(network, 0).weights).not.toEqual(layerOf(network, 1).weights);
    network.dispose();
  });
});

describe("the default backend", () => {
  it("is one that everybody shares, until it is disposed", async () => {
    const options = { inputs: 2, layers: [dense(1)] };
    const [first, second] = await Promise.all([createNetwork(options), createNetwork(options)]);
    const third = await createNetwork(options);
    expect(second.backend).toBe(first.backend);
    expect(third.backend).toBe(first.backend);
    expect(first.backend.memory().networks).toBe(3);
    first.backend.dispose();
    const fourth = await createNetwork(options);
    expect(fourth.backend).not.toBe(first.backend);
    expect(await fourth.digest()).toHaveLength(64);
    fourth.backend.dispose();
  });
});

describe("createNetwork", () => {
  it("refuses options that make no network", async () => {
    const layers = [dense(2)];
    const wrong: unknown[] = [
      undefined,
      {},
      { inputs: 0, layers },
      { inputs: 1.5, layers },
      { inputs: 3, layers: [] },
      { inputs: 3, layers: [dropout(0.1)] },
      { inputs: 3, layers: [{}] },
      { inputs: 3, layers: [null] },
      { inputs: 3, layers, seed: -1 },
      { inputs: 3, layers, seed: 0.5 },
      { inputs: 3, layers, seed: 2 ** 53 },
      { inputs: 3, layers, backend: {} },
      { inputs: 3, layers, input: 3 },
    ];
    for (const options of wrong) {
      await expect(Reflect.apply(createNetwork, undefined, [options])).rejects.toThrow(ArgumentError);
    }
    for (const make of [
      () => dense(0),
      () => dense(2.5),
      () => dense(1, { l1: -1 }),
      () => dense(1, { l2: NaN }),
      () => Reflect.apply(dense, undefined, [1, "rely"]),
      () => Reflect.apply(dense, undefined, [1, { initializer: "he" }]),
      () => Reflect.apply(dense, undefined, [1, { units: 3 }]),
    ]) {
      expect(make).toThrow(ArgumentError);
    }
  });

  it("takes descriptions again and again, for networks with nothing in common", async () => {
    const backend = await loadBackend({ variant: "js" });
    const [first, second] = [await create(backend), await create(backend)];
    layerOf(first, 0).trainable = false;
    layerOf(first, 0).weights.fill(9);
    expect(layerOf(second, 0).trainable).toBe(true);
    expect(await (await create(backend)).digest()).toBe(await second.digest());
    backend.dispose();
  });
});
