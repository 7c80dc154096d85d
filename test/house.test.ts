import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { adam, createNetwork, dense, dropout, Trainer } from "../src/index";
import { onEveryVariant } from "./variants";

/** Functions of the host that are exact, and so the same on every engine. */
const EXACT = [
  "sign",
  "abs",
  "ceil",
  "clz32",
  "floor",
  "imul",
  "max",
  "min",
  "round",
  "sqrt",
  "LOG2E",
  "SQRT1_2",
  "SQRT2",
];

describe("the house", () => {
  it("takes no bit from the host's Math but exact operations", () => {
    const folder = new URL("../src/", import.meta.url);
    const used = new Set<string>();
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const code = readFileSync(new URL(file, folder), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      for (const [, name = ""] of code.matchAll(/\bMath\.(\w+)/g)) used.add(name);
    }
    expect(used.size).toBeGreaterThan(5);
    expect([...used].filter((name) => !EXACT.includes(name))).toEqual([]);
  });
});

onEveryVariant("a training once warm", (context) => {
  it("takes no linear memory in a step, however short the batch", async () => {
    const layers = [dense(7, "gelu"), dropout(0.3), dense(5, { activation: "tanh", l1: 1e-3 }), dense(3, "softmax")];
    const network = await createNetwork({ inputs: 4, layers, backend: context.backend });
    const trainer = new Trainer(network, { optimizer: adam() });
    const batch = (samples: number) => ({
      inputs: Float64Array.from({ length: 4 * samples }, (_, i) => Math.sin(i)),
      targets: Int32Array.from({ length: samples }, (_, i) => i % 3),
    });
    const [whole, short] = [batch(16), batch(5)];
    trainer.step(whole.inputs, whole.targets);
    const before = context.backend.memory();
    for (let step = 0; step < 500; step++) {
      const { inputs, targets } = step % 3 === 0 ? short : whole;
      trainer.step(inputs, targets);
    }
    expect(context.backend.memory()).toEqual(before);
    network.dispose();
  });
});
