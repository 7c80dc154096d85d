/** Threads: shared kernels have the bits of unshared ones, a thread that fails or lags does no harm, and all of them end. */
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Engine } from "../src/backend/engine";
import { Gauge } from "../src/backend/gauge";
import { ACTIVE, FAILED, STOPPED } from "../src/backend/job";
import type { Kernels, WasmKernels } from "../src/backend/kernels";
import { hireWorkers, Pool } from "../src/backend/pool";
import { divisible, shareKernels } from "../src/backend/sharedKernels";
import { WasmMemory } from "../src/backend/wasmMemory";
import { adam, createNetwork, dense, loadBackend, Trainer, type Variant, WorkerError } from "../src/index";
import { bitMismatch, generator, uniform } from "./oracle";
import { disposedAfterEach, expectToWork } from "./support";
import { variants } from "./variants";

/** Everything is shared, in the smallest ranges, whether it pays or not. */
const ALL = { border: 0, range: 1, gauges: () => ({ begin: () => true, drop() {}, end() {} }) };

const load = disposedAfterEach();
const engines: Engine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.dispose();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The kernels of a variant by themselves, and shared by `threads`. */
async function threaded(variant: Variant, threads: number) {
  const module = await WebAssembly.compile(readFileSync(new URL(`../build/${variant}.wasm`, import.meta.url)));
  const memory = WasmMemory.create(4 << 20);
  if (memory === undefined) throw new Error("threaded: no memory");
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
  const alone = instance.exports as WasmKernels;
  memory.skip(alone.heapBase());
  const engine = new Engine(alone, memory);
  engines.push(engine);
  const warnings: string[] = [];
  const pool = await Pool.begin(hireWorkers(threads - 1), module, memory.memory, alone, engine, warnings);
  if (pool === undefined) throw new Error(`threaded: ${warnings.join(" ")}`);
  await vi.waitFor(() => expect(pool.threads).toBe(threads), 10_000);
  const shared = shareKernels(alone, pool, ALL);
  engine.share(shared, pool);
  const block = (values: Float64Array) => {
    const pointer = engine.scope.allocate("threaded", values.length);
    engine.view(pointer, values.length).set(values);
    return pointer;
  };
  return { alone, shared, pool, engine, block };
}

type Threaded = Awaited<ReturnType<typeof threaded>>;
const wasmVariants = variants.filter((variant) => variant !== "js");

/** What a kernel leaves behind in its operands. */
function resultOf(
  kernels: Kernels,
  name: string,
  scalars: number[],
  operands: Float64Array[],
  { engine, block }: Threaded,
) {
  const pointers = operands.map(block);
  const kernel = kernels[name as keyof Kernels] as (...values: number[]) => void;
  kernel(...scalars, ...pointers);
  const results = operands.map((operand, i) => Float64Array.from(engine.view(pointers[i] as number, operand.length)));
  for (const pointer of pointers) engine.scope.free(pointer);
  return results;
}

describe.each(wasmVariants)("shared kernels (%s)", (variant) => {
  it.each([2, 3])("have the bits of those alone, on %i threads", async (threads) => {
    const context = await threaded(variant, threads);
    const random = generator(threads);
    for (const [name, { steps, rows }] of Object.entries(divisible)) {
      const operands = steps.filter((step) => step === 8).length;
      for (const length of [1, 7, 8, 9, 64, 1003]) {
        const [scalars, size] = rows ? [[length, 5], 5 * length] : [[length], length];
        // settings of optimizers: any numbers between 0 and 1 are fine
        while (scalars.length + operands < steps.length) scalars.push(0.25 + scalars.length / 64);
        // squares and their sums are no less than 0
        const values = Array.from({ length: operands }, () => uniform(random, size, 0.001, 3));
        const expected = resultOf(context.alone, name, scalars, values, context);
        const actual = resultOf(context.shared, name, scalars, values, context);
        for (let i = 0; i < operands; i++) {
          const wrong = bitMismatch(actual[i] as Float64Array, expected[i] as Float64Array);
          if (wrong !== undefined) throw new Error(`${name} of ${length}, operand ${i}: ${wrong}`);
        }
        const last = expected[operands - 1] as Float64Array;
        if (bitMismatch(last, values[operands - 1] as Float64Array) === undefined) {
          if (operands > 2 || bitMismatch(expected[0] as Float64Array, values[0] as Float64Array) === undefined)
            throw new Error(`${name} of ${length} changed nothing: the comparison is empty`);
        }
      }
    }
  });

  it("of more ranges than are counted leave none out", async () => {
    const context = await threaded(variant, 2);
    const operands = [uniform(generator(4), 1_300_001), new Float64Array(1_300_001)];
    const [, expected] = resultOf(context.alone, "tanh", [1_300_001], operands, context);
    const [, actual] = resultOf(context.shared, "tanh", [1_300_001], operands, context);
    expect(bitMismatch(actual as Float64Array, expected as Float64Array)).toBeUndefined();
  });

  it("gemm has the bits of gemm alone", async () => {
    const context = await threaded(variant, 3);
    const { alone, shared, engine, block } = context;
    const random = generator(5);
    for (const [m, n, k] of [
      [24, 8, 1],
      [25, 9, 2],
      [61, 30, 17],
      [100, 530, 40],
      [37, 20, 600],
      [200, 10, 257],
      [1, 40, 40],
      [13, 600, 1100],
      [61, 530, 700],
      [40, 40, 0],
    ] as const) {
      const a = block(uniform(random, m * k));
      const b = block(uniform(random, k * n));
      const s = block(uniform(random, m * n));
      const [one, two] = [block(uniform(random, m * n)), block(uniform(random, m * n))];
      for (const flags of [0, 1, 2, 3, 4, 5, 6, 7]) {
        for (const [alpha, beta, lds] of [
          [1, 0, n],
          [1, 1, 0],
          [-0.3, 0.7, n],
        ] as const) {
          const [lda, ldb] = [flags & 1 ? m : k, flags & 2 ? k : n];
          const run = (kernels: Kernels, c: number) =>
            kernels.gemm(flags, m, n, k, alpha, a, lda, b, ldb, beta, s, lds, c, n, engine.workspace);
          run(alone, one);
          run(shared, two);
          const wrong = bitMismatch(engine.view(two, m * n), engine.view(one, m * n));
          if (wrong !== undefined) throw new Error(`${m}x${k} by ${k}x${n}, flags ${flags}, beta ${beta}: ${wrong}`);
        }
      }
      for (const pointer of [a, b, s, one, two]) engine.scope.free(pointer);
    }
  });
});

describe("a pool", () => {
  const variant = wasmVariants[wasmVariants.length - 1] as Variant;

  /** Multiplies two matrices that are worth sharing; throws where the product is wrong. */
  function multiply({ shared, alone, engine, block }: Threaded, alpha = 1): void {
    const n = 96;
    const values = uniform(generator(1), n * n);
    const [a, one, two] = [block(values), block(values), block(values)];
    for (const [kernels, c] of [
      [alone, one],
      [shared, two],
    ] as const) {
      kernels.gemm(0, n, n, n, alpha, a, n, a, n, 0, c, n, c, n, engine.workspace);
    }
    const wrong = bitMismatch(engine.view(two, n * n), engine.view(one, n * n));
    for (const pointer of [a, one, two]) engine.scope.free(pointer);
    if (wrong !== undefined) throw new Error(wrong);
  }

  it("has its workers work", async () => {
    const context = await threaded(variant, 2);
    const { engine, pool } = context;
    // a worker packs in a workspace of its own, which lies behind the caller's; with another alpha there is always something to pack
    const bytes = context.alone.gemmRangeWorkspaceBytes();
    const packed = engine.view(pool.job.workspace + Math.ceil(bytes / 64) * 64, bytes / 8);
    for (let i = 0; i < 5000 && packed.every((value) => value === 0); i++) multiply(context, 0.5);
    expect(packed.some((value) => value !== 0)).toBe(true);
  });

  it("waits for a worker that is late", async () => {
    const context = await threaded(variant, 2);
    const { words } = context.pool.job;
    // another thread stays inside the job for a while
    Atomics.add(words, ACTIVE, 1);
    const release = `const { parentPort, workerData: { words, at } } = require("node:worker_threads");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      parentPort.postMessage(Atomics.sub(words, at, 1));
      Atomics.notify(words, at);`;
    const other = new Worker(release, { eval: true, workerData: { words, at: ACTIVE } });
    const left = new Promise((resolve) => other.once("message", resolve));
    await new Promise((resolve) => other.once("online", resolve));
    multiply(context);
    expect(Atomics.load(words, ACTIVE)).toBe(0);
    expect(await left).toBeGreaterThan(0);
  });

  it("ends with its engine", async () => {
    const { engine, pool } = await threaded(variant, 2);
    expect(pool.threads).toBe(2);
    engine.dispose();
    expect([pool.threads, Atomics.load(pool.job.words, STOPPED)]).toEqual([1, 1]);
  });

  it("that lost a worker says so, and computes on without it", async () => {
    const context = await threaded(variant, 2);
    Atomics.add(context.pool.job.words, FAILED, 1);
    expect(() => multiply(context)).toThrow(WorkerError);
    expect(context.pool.threads).toBe(1);
    multiply(context);
  });

  it("survives a kernel that traps", async () => {
    const context = await threaded(variant, 2);
    const { shared, engine } = context;
    const beyond = engine.arena.memory.reservedBytes - 64;
    expect(() => shared.exp(100_000, beyond, beyond)).toThrow(/out of bounds/);
    multiply(context);
    multiply(context);
  });
});

describe("a gauge", () => {
  let time = 0;

  /** Plays jobs of one unit of work: milliseconds alone, and shared. Returns the share of jobs that were shared. */
  function play(gauge: Gauge, jobs: number, alone: number, shared: number): number {
    let count = 0;
    for (let i = 0; i < jobs; i++) {
      const { share } = gauge;
      time += share ? shared : alone;
      gauge.note(share, 1, share ? shared : alone, time);
      if (share) count++;
    }
    return count / jobs;
  }

  it("shares what pays, and looks again now and then whether it does", () => {
    const share = play(new Gauge(), 10_000, 2, 1);
    expect(share).toBeGreaterThan(0.99);
    expect(share).toBeLessThan(1);
  });

  it("leaves what does not, but for a try every two seconds", () => {
    const gauge = new Gauge();
    play(gauge, 20_000, 2, 2.5);
    expect(play(gauge, 100_000, 2, 2.5)).toBeLessThan(0.01);
  });

  it("comes back when the other core is free again", () => {
    const gauge = new Gauge();
    play(gauge, 10_000, 2, 1);
    play(gauge, 50_000, 2, 40);
    play(gauge, 2000, 2, 1);
    expect(play(gauge, 10_000, 2, 1)).toBeGreaterThan(0.99);
  });

  it("does not judge either way by jobs that find everything cold", () => {
    const gauge = new Gauge();
    const seen: boolean[] = [];
    for (let i = 0; i < 100; i++) {
      const { share } = gauge;
      seen.push(share);
      // the first of each kind takes ten times as long
      const cold = seen.filter((shared) => shared === share).length === 1;
      gauge.note(share, 1, (share ? 1 : 2) * (cold ? 10 : 1), i);
    }
    expect(seen.slice(20)).toEqual(Array(80).fill(true));
  });

  it("bears a job now and then that takes long", () => {
    const gauge = new Gauge();
    let shared = 0;
    for (let i = 0; i < 20_000; i++) {
      const { share } = gauge;
      if (share) shared++;
      // on the average 1.3 ms, where alone it takes 2
      gauge.note(share, 1, share ? (i % 100 === 50 ? 30 : 1) : 2, 2 * i);
    }
    expect(shared).toBeGreaterThan(18_000);
  });

  it("gives up at once what takes many times as long", () => {
    const gauge = new Gauge();
    play(gauge, 8, 1, 1);
    expect(gauge.share).toBe(true);
    gauge.note(true, 1, 1, time);
    gauge.note(true, 1, 100, time);
    expect(gauge.share).toBe(false);
  });
});

describe("loadBackend with threads", () => {
  it("takes as many as are asked for", async () => {
    for (const threads of [1, 2, 4]) {
      const backend = await load({ threads, variant: "simd" });
      expect([backend.threads, backend.warnings]).toEqual([threads, []]);
      expectToWork(backend);
    }
  });

  it("says in a page without isolation which headers it lacks", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const backend = await load({ threads: 2, variant: "simd" });
    expect(backend.threads).toBe(1);
    expect(backend.warnings).toEqual([
      expect.stringMatching(/Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/),
    ]);
    expectToWork(backend);
  });

  /** Has Node lend another class of workers. */
  function lend(Worker: new () => object): void {
    const builtin = process.getBuiltinModule.bind(process);
    vi.spyOn(process, "getBuiltinModule").mockImplementation((id: string) =>
      id === "node:worker_threads" ? { Worker } : builtin(id),
    );
  }

  it("goes on with one where workers cannot start", async () => {
    lend(
      class {
        constructor() {
          throw new Error("no threads today");
        }
      },
    );
    const backend = await load({ threads: 3, variant: "simd" });
    expect(backend.threads).toBe(1);
    expect(backend.warnings).toEqual([expect.stringMatching(/1 thread runs: no threads today/)]);
    expectToWork(backend);
  });

  it("does not wait for workers that are late, and says so of those that fail later", async () => {
    const late: EventEmitter[] = [];
    const released: object[] = [];
    const ended: object[] = [];
    lend(
      class extends EventEmitter {
        constructor() {
          super();
          late.push(this);
        }
        postMessage(): void {}
        unref(): void {
          released.push(this);
        }
        terminate(): void {
          ended.push(this);
        }
      },
    );
    const backend = await load({ threads: 4, variant: "simd" });
    expect([backend.threads, backend.warnings, released]).toEqual([4, [], late]);
    expectToWork(backend);
    const [first, second, third] = late as [EventEmitter, EventEmitter, EventEmitter];
    first.emit("message", "ready");
    second.emit("error", new Error("no stack"));
    await vi.waitFor(() => expect(backend.threads).toBe(3));
    expect(backend.warnings).toEqual([expect.stringMatching(/^3 of 4 threads run: .*no stack/)]);
    third.emit("exit", 7);
    await vi.waitFor(() => expect(backend.threads).toBe(2));
    expect(backend.warnings).toEqual([expect.stringMatching(/^2 of 4 threads run: .*exit code 7/)]);
    expect(ended).toEqual([second, third]);
    expectToWork(backend);
    backend.dispose();
    expect([backend.threads, ended]).toEqual([1, [second, third, first]]);
  });

  it("ends with its process, disposed or not", () => {
    const source = fileURLToPath(new URL("../src/index.ts", import.meta.url));
    for (const end of ["", "backend.dispose();"]) {
      const program = `import { loadBackend } from ${JSON.stringify(source)};
        const backend = await loadBackend({ threads: 3 });
        const a = backend.matrix(300, 300, new Float64Array(90000).fill(1));
        console.log(backend.threads, backend.matmul(a, a).values[0]);
        ${end}`;
      const { stdout, status } = spawnSync(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "-e", program],
        {
          encoding: "utf8",
          timeout: 30_000,
        },
      );
      expect([stdout.trim(), status]).toEqual(["3 300", 0]);
    }
  });
});

describe.each(wasmVariants)("a training (%s)", (variant) => {
  it("has the same bits on 1, 2 and 3 threads", async () => {
    const [samples, features] = [256, 300];
    const inputs = uniform(generator(9), samples * features);
    const targets = Int32Array.from({ length: samples }, (_, i) => i % 10);
    const digests = new Set<string>();
    for (const threads of [1, 2, 3]) {
      const backend = await loadBackend({ variant, threads });
      const layers = [dense(200, "tanh"), dense(130, "gelu"), dense(10, "softmax")];
      const network = await createNetwork({ inputs: features, layers, seed: 4, backend });
      const trainer = new Trainer(network, { optimizer: adam() });
      await trainer.fit({ inputs, targets }, { epochs: 3, batchSize: 128 });
      digests.add(`${await network.digest()} ${network.predict(inputs).join()}`);
      backend.dispose();
    }
    expect(digests.size).toBe(1);
  });
});
