/** Once warm, steps take no linear memory, keep nothing on the heap and hardly touch it; pixels are converted batch by batch. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createNetwork, dense, Trainer } from "../../src/index";
import { disposedAfterEach } from "../support";
import { FEW, isFew } from "./bounds";
import type { Taken } from "./measure";

describe("a step, once warm", () => {
  it("takes no memory that stays and less than 64 bytes in passing", () => {
    const taken = measured();
    // what the compiler inlines depends on when it is done: what a step takes by itself it takes in every process
    for (let more = 0; more < 3 && !taken.every(isFew); more++) {
      for (const [i, { passing, kept, linear }] of measured().entries()) {
        const least = taken[i] as Taken;
        taken[i] = {
          ...least,
          passing: Math.min(least.passing, passing),
          kept: Math.min(least.kept, kept),
          linear: Math.max(least.linear, linear),
        };
      }
    }
    expect(taken.length).toBeGreaterThan(10);
    for (const { title, steps, passing, kept, linear } of taken) {
      expect(linear, `${title}: linear memory`).toBe(0);
      expect(passing, `${title}: bytes a step in passing`).toBeLessThan(FEW.passing);
      // the smallest object of every step would be 16 bytes times them
      expect(kept, `${title}: bytes kept`).toBeLessThan(FEW.kept * steps);
    }
  }, 300_000);
});

/** What measure.ts prints, in a process of its own. */
function measured(): Taken[] {
  const script = fileURLToPath(new URL("measure.ts", import.meta.url));
  const flags = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256", "--import", "tsx"];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, script], { encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

describe("data that is smaller than float64", () => {
  const load = disposedAfterEach();

  it("is converted batch by batch", async () => {
    const backend = await load({ variant: "simd", threads: 1 });
    const network = await createNetwork({ inputs: 784, layers: [dense(8, "relu"), dense(10, "softmax")], backend });
    const trainer = new Trainer(network);
    const samples = 20_000;
    const data = { inputs: new Uint8Array(samples * 784).fill(1), targets: new Uint8Array(samples) };
    await trainer.fit(data, { batchSize: 128 });
    trainer.evaluate(data);
    network.predict(data.inputs);
    // as float64 the whole of it would be 120 MiB
    expect(backend.memory().reservedBytes).toBeLessThan(12 * 2 ** 20);
  });

  it("a Matrix is used where it lies", async () => {
    const backend = await load({ variant: "simd", threads: 1 });
    const network = await createNetwork({ inputs: 784, layers: [dense(8, "relu"), dense(10, "softmax")], backend });
    const samples = 4000;
    const inputs = backend.matrix(samples, 784);
    const before = backend.memory().usedBytes;
    network.forward(inputs);
    const trainer = new Trainer(network);
    trainer.step(inputs, new Uint8Array(samples));
    network.predict(inputs);
    // a copy would be another 24 MiB; outputs and what the layers save are 2
    expect(backend.memory().usedBytes - before).toBeLessThan(4 * 2 ** 20);
  });
});
