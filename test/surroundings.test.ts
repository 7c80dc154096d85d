/** Where something is missing, training goes on with what is left: the same bits, and a sentence that says why it is slower. */
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Backend, BackendOptions } from "../src/index";
import { createNetwork, dense, loadBackend, loadNetwork, Trainer } from "../src/index";
import { generator, uniform } from "./oracle";

const inputs = uniform(generator(1), 64 * 6, -1, 1);
const targets = uniform(generator(2), 64 * 2, 0, 1);
const rejections: unknown[] = [];
const note = (reason: unknown) => rejections.push(reason);

beforeEach(() => {
  rejections.length = 0;
  process.on("unhandledRejection", note);
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.resetModules();
  for (const path of MOCKED.splice(0)) vi.doUnmock(path);
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off("unhandledRejection", note);
  expect(rejections).toEqual([]);
});

const MOCKED: string[] = [];

/** Has a module fail to load, as a chunk that is not served does, and returns the library as it is then. */
async function without(...paths: string[]): Promise<typeof import("../src/index")> {
  vi.resetModules();
  for (const path of paths) {
    MOCKED.push(path);
    vi.doMock(path, () => {
      throw new Error("404");
    });
  }
  return import("../src/index");
}

const LIBRARY = { createNetwork, dense, loadBackend, Trainer };

/** What a short training comes to. */
async function digestOn(backend: Backend, library = LIBRARY): Promise<string> {
  const layers = [library.dense(9, "tanh"), library.dense(2, "sigmoid")];
  const network = await library.createNetwork({ inputs: 6, layers, backend });
  const trainer = new library.Trainer(network, { loss: "meanSquaredError" });
  await trainer.fit({ inputs, targets }, { epochs: 3, batchSize: 16 });
  const digest = await network.digest();
  network.dispose();
  return digest;
}

/** The same on a backend of its own, and what that says of itself. */
async function trained(options: BackendOptions, library = LIBRARY) {
  const backend = await library.loadBackend({ reproducible: true, ...options });
  const digest = await digestOn(backend, library);
  const { variant, threads, warnings } = backend;
  backend.dispose();
  return { digest, variant, threads, warnings };
}

const plain = await trained({ threads: 1 });

/** Refuses memories of more than so many bytes. */
function allowMemory(most: number): void {
  const { Memory } = WebAssembly;
  vi.spyOn(WebAssembly, "Memory").mockImplementation(function limited(descriptor: {
    initial: number;
    maximum: number;
    shared: boolean;
  }) {
    if (descriptor.maximum * 65536 > most) throw new RangeError("could not allocate memory");
    return new Memory(descriptor);
  } as never);
}

describe("training goes on", () => {
  it("as a matter of course without a word", () => {
    expect(plain).toMatchObject({ variant: "simd", threads: 1, warnings: [] });
  });

  it("in a memory that may grow less far than was asked", async () => {
    allowMemory(64 << 20);
    const { warnings, ...result } = await trained({ threads: 1 });
    expect(warnings).toEqual([expect.stringMatching(/^Linear memory can grow to 67108864 bytes, not to 4294967296/)]);
    expect(result).toMatchObject({ variant: "simd", digest: plain.digest });
  });

  it("where even the first bytes asked for are refused", async () => {
    allowMemory(16 << 20);
    const memory = { initialBytes: 256 << 20, maximumBytes: 512 << 20 };
    const { warnings, ...result } = await trained({ threads: 1, memory });
    expect(warnings).toEqual([expect.stringMatching(/can grow to 16777216 bytes, not to 536870912/)]);
    expect(result).toMatchObject({ variant: "simd", digest: plain.digest });
  });

  it("without SharedArrayBuffer on one thread", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    const { warnings, ...result } = await trained({ threads: 4 });
    expect(warnings).toEqual([expect.stringMatching(/^1 thread runs: .*no SharedArrayBuffer/)]);
    expect(result).toMatchObject({ variant: "simd", threads: 1, digest: plain.digest });
  });

  it("without the chunk of one variant on the next", async () => {
    const { warnings, ...result } = await trained({ threads: 1 }, await without("../build/simd.packed"));
    expect(warnings).toEqual([expect.stringMatching(/^Variant "simd" was not taken: its chunk could not be loaded/)]);
    expect(result).toMatchObject({ variant: "scalar", digest: plain.digest });
  });

  it("without any binary on js", async () => {
    const library = await without("../build/simd.packed", "../build/scalar.packed");
    const { warnings, ...result } = await trained({}, library);
    expect(warnings).toEqual([expect.stringMatching(/^Variants "simd" and "scalar" were not taken: its chunk/)]);
    expect(result).toMatchObject({ variant: "js", digest: plain.digest });
  });

  it.each(["../build/worker.source", "../src/backend/pool"])("without %s on one thread", async (path) => {
    const { warnings, ...result } = await trained({ threads: 3 }, await without(path));
    expect(warnings).toEqual([expect.stringMatching(/^1 thread runs: /)]);
    expect(result).toMatchObject({ variant: "simd", threads: 1, digest: plain.digest });
  });

  it("and is saved and loaded without TextEncoder and TextDecoder", async () => {
    vi.stubGlobal("TextEncoder", undefined);
    vi.stubGlobal("TextDecoder", undefined);
    const network = await createNetwork({ inputs: 6, layers: [dense(2)], seed: 1 });
    network.metadata.name = "Kätzchen 🐈";
    const loaded = await loadNetwork(network.toBytes());
    expect(loaded.metadata).toEqual({ name: "Kätzchen 🐈" });
    expect(loaded.predict(inputs)).toEqual(network.predict(inputs));
  });

  it("where workers never answer", async () => {
    silence();
    const backend = await loadBackend({ variant: "simd", threads: 3 });
    expect(await digestOn(backend)).toBe(plain.digest);
    const sentence = /^1 of 3 threads run: a worker did not start within 5 s/;
    await vi.waitFor(() => expect(backend.warnings).toEqual([expect.stringMatching(sentence)]), 20_000);
    expect(await digestOn(backend)).toBe(plain.digest);
    expect(backend.threads).toBe(1);
    backend.dispose();
  });
});

/** A worker that is never heard of. */
class Silent extends EventEmitter {
  postMessage(): void {}
  unref(): void {}
  terminate(): void {}
}

function silence(): void {
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
    name === "node:worker_threads" ? { Worker: Silent, parentPort: null } : undefined) as never);
}

describe("asked for by name", () => {
  it("a variant whose chunk is not there is an error that says how to have it", async () => {
    const { loadBackend } = await without("../build/simd.packed");
    await expect(loadBackend({ variant: "simd" })).rejects.toThrow(
      /^loadBackend: variant "simd" was given, but its chunk could not be loaded \(.*\); .* option wasm/,
    );
  });

  it("js, and all that is loaded later, likewise", async () => {
    const library = await without(
      "../src/js/index",
      "../src/digest",
      "../src/fit/classWeights",
      "../src/fit/earlyStopping",
      "../src/fit/streamFeed",
      "../src/fit/trainingFile",
      "../src/files/readNetwork",
      "../src/worker/fitInWorker",
    );
    const { ArgumentError, WasmgradError, loadNetwork } = library;
    await expect(library.loadBackend({ variant: "js" })).rejects.toThrow(/^loadBackend: a chunk of wasmgrad/);
    const backend = await library.loadBackend({ threads: 1 });
    const network = await library.createNetwork({ inputs: 6, layers: [library.dense(2, "softmax")], backend });
    const trainer = new library.Trainer(network);
    const data = { inputs, targets: new Uint8Array(64) };
    const { usedBytes } = backend.memory();
    const refused: (() => Promise<unknown>)[] = [
      () => network.digest(),
      () => loadNetwork(network.toBytes(), { backend }),
      () => trainer.fit(data, { classWeights: "balanced" }),
      () => trainer.fit(data, { validation: data, earlyStopping: {} }),
      () => trainer.fit(() => [data]),
      () => trainer.fit(data, { checkpoint: { save() {} } }),
      () => trainer.fit(data, { worker: true }),
    ];
    for (const act of refused) {
      const error = await act().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(WasmgradError);
      expect(error).not.toBeInstanceOf(ArgumentError);
      expect((error as Error).message).toMatch(
        /^(digest|loadNetwork|fit(: worker)?): a chunk of wasmgrad could not be/,
      );
    }
    expect(backend.memory().usedBytes).toBe(usedBytes);
    expect((await trainer.fit(data)).epochs).toBe(1);
    backend.dispose();
  });

  it("a worker that never answers is a WorkerError, and the network can be trained here", async () => {
    const backend = await loadBackend({ threads: 1 });
    const network = await createNetwork({ inputs: 6, layers: [dense(2)], backend });
    silence();
    const fitting = new Trainer(network).fit({ inputs, targets }, { worker: true });
    const message = expect.stringContaining("did not start within 5 s");
    // by its name: the tests before have had modules loaded anew
    await expect(fitting).rejects.toMatchObject({ name: "WorkerError", message });
    expect((await new Trainer(network).fit({ inputs, targets })).epochs).toBe(1);
    backend.dispose();
  });
});
