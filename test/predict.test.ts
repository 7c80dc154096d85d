/** wasmgrad/predict: the bits of network.predict, from the file alone. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { activationNames } from "../src/activations";
import {
  adam,
  batchNorm,
  createNetwork,
  dense,
  dropout,
  type LayerDescription,
  loadBackend,
  type Network,
  Trainer,
} from "../src/index";
import { ArgumentError, DisposedError, FormatError, loadNetwork, ShapeError } from "../src/predict";
import { bitMismatch, generator, uniform } from "./oracle";

const inputs = uniform(generator(3), 9 * 7, -3, 3);

/** A network of seven inputs, trained for a few steps. */
async function trained(layers: LayerDescription[], metadata = {}): Promise<Network> {
  const backend = await loadBackend({ variant: "simd", threads: 1 });
  const network = await createNetwork({ inputs: 7, layers, backend });
  network.metadata = metadata;
  const trainer = new Trainer(network, { loss: "meanSquaredError", optimizer: adam() });
  for (let i = 0; i < 3; i++) trainer.step(inputs, uniform(generator(i), 9 * network.units, 0, 1));
  return network;
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const VARIANTS = ["simd", "js", "auto"] as const;

describe("loadNetwork of wasmgrad/predict", () => {
  it.each(activationNames)("predicts the same bits through %s, on every variant", async (activation) => {
    const network = await trained([dense(11, activation), batchNorm(), dropout(0.4), dense(5, activation)]);
    const expected = network.predict(inputs);
    for (const variant of VARIANTS) {
      const loaded = await loadNetwork(network.toBytes(), { variant });
      expect(loaded.variant).toBe(variant === "auto" ? "simd" : variant);
      expect(bitMismatch(loaded.predict(inputs), expected)).toBeUndefined();
      expect(bitMismatch(loaded.predict(inputs.subarray(0, 7)), expected.subarray(0, 5))).toBeUndefined();
      expect(bitMismatch(loaded.predict(inputs, { batchSize: 2 }), expected)).toBeUndefined();
      loaded.dispose();
    }
    network.backend.dispose();
  });

  it("tells what the network is, and takes what predict takes", async () => {
    const network = await trained([dense(3, "softmax")], { classes: ["a", "b", "c"] });
    const loaded = await loadNetwork(network.toBytes());
    expect([loaded.inputs, loaded.units, loaded.metadata]).toEqual([7, 3, { classes: ["a", "b", "c"] }]);
    expect(loaded.warnings).toEqual([]);
    const expected = network.predict(inputs);
    const rows = Array.from({ length: 9 }, (_, i) => [...inputs.subarray(7 * i, 7 * i + 7)]);
    const out = new Float64Array(27);
    expect(loaded.predict(rows, { out })).toBe(out);
    expect(bitMismatch(out, expected)).toBeUndefined();
    expect(loaded.predict([]).length).toBe(0);
    network.backend.dispose();
  });

  it("takes a binary of wasmgrad/wasm/", async () => {
    const network = await trained([dense(4, "gelu")]);
    const wasm = readFileSync(new URL("../build/predict.wasm", import.meta.url));
    const loaded = await loadNetwork(network.toBytes(), { wasm });
    expect(loaded.variant).toBe("simd");
    expect(bitMismatch(loaded.predict(inputs), network.predict(inputs))).toBeUndefined();
    // and that one, not its own
    const none = loadNetwork(network.toBytes(), { wasm: Uint8Array.of(0, 1, 2) });
    await expect(none).rejects.toThrow(/^loadNetwork: wasm could not be compiled/);
    network.backend.dispose();
  });

  it("goes on with js where WebAssembly is forbidden, and says why", async () => {
    const network = await trained([dense(4, "tanh")]);
    vi.spyOn(WebAssembly, "Module").mockImplementation(function refuse() {
      throw new Error("blocked by policy");
    });
    const loaded = await loadNetwork(network.toBytes(), { memory: {} });
    expect(loaded.variant).toBe("js");
    expect(loaded.warnings).toEqual([
      expect.stringMatching(/^Variant "simd" was not taken: .*forbidden.*wasm-unsafe-eval/),
    ]);
    vi.restoreAllMocks();
    expect(bitMismatch(loaded.predict(inputs), network.predict(inputs))).toBeUndefined();
    network.backend.dispose();
  });

  it("throws what says where, and can be used again after it", async () => {
    const network = await trained([dense(3, "softmax")]);
    const bytes = network.toBytes();
    await expect(loadNetwork(bytes.subarray(0, 100))).rejects.toThrow(FormatError);
    await expect(loadNetwork("a file" as never)).rejects.toThrow(ArgumentError);
    await expect(loadNetwork(bytes, { variant: "relaxed" as never })).rejects.toThrow(/"relaxed" was given, one of/);
    await expect(loadNetwork(bytes, { backend: 1 } as never)).rejects.toThrow(/option: "backend" was given/);
    const loaded = await loadNetwork(bytes);
    expect(() => loaded.predict([1, 2, 3])).toThrow(ShapeError);
    expect(() => loaded.predict(Array(7).fill(NaN))).toThrow(/row 0, column 0 is NaN/);
    expect(() => loaded.predict(inputs, { out: new Float64Array(2) })).toThrow(ShapeError);
    expect(loaded.predict(inputs).length).toBe(27);
    loaded.dispose();
    loaded.dispose();
    expect(() => loaded.predict(inputs)).toThrow(DisposedError);
    network.backend.dispose();
  });
});
