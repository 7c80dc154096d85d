import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Backend, Variant } from "../src/backend/backend";
import { type BackendOptions, loadBackend } from "../src/backend/load";
import { ArgumentError, DisposedError, OutOfMemoryError } from "../src/errors";
import { dense } from "../src/layers/dense";
import { createNetwork } from "../src/network";
import { bitMismatch, generator, matmul, uniform } from "./oracle";
import { onEveryVariant, variants } from "./variants";

const MIB = 2 ** 20;
/** Numbers in a MiB. */
const PIECE = MIB / 8;

const loaded: Backend[] = [];

/** A backend that is gone after the test. */
async function load(options: BackendOptions): Promise<Backend> {
  const backend = await loadBackend(options);
  loaded.push(backend);
  return backend;
}

afterEach(() => {
  for (const backend of loaded.splice(0)) backend.dispose();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** Whether it computes: a product that is known. */
function expectToWork(backend: Backend): void {
  const a = backend.matrix(2, 2, [1, 2, 3, 4]);
  const c = backend.matmul(a, a);
  expect([...c.values]).toEqual([7, 10, 15, 22]);
  a.dispose();
  c.dispose();
}

function binaryOf(variant: Variant): Buffer<ArrayBuffer> {
  return Buffer.from(readFileSync(new URL(`../build/${variant}.wasm`, import.meta.url)));
}

describe("loadBackend", () => {
  it.each(variants)("gives the variant asked for by name: %s", async (variant) => {
    const backend = await load({ variant });
    expect(backend.variant).toBe(variant);
    expect(backend.warnings).toEqual([]);
    expect(backend.threads).toBeGreaterThanOrEqual(1);
    expectToWork(backend);
  });

  it("gives the fastest by itself, and says why it passed over a faster one", async () => {
    const backend = await load({});
    const passedOver = variants.slice(variants.indexOf(backend.variant) + 1);
    for (const variant of passedOver) {
      expect(backend.warnings.some((warning) => warning.includes(`"${variant}"`))).toBe(true);
    }
    expect(["relaxed", "simd"]).toContain(backend.variant);
    expectToWork(backend);
  });

  it("warns in sentences", async () => {
    const backend = await load({ threads: 64, variant: "js" });
    const forbidden = vi.spyOn(WebAssembly, "compile").mockRejectedValue(new Error("blocked"));
    const other = await load({});
    forbidden.mockRestore();
    for (const warning of [...backend.warnings, ...other.warnings]) expect(warning).toMatch(/^\S.{30,}\.$/);
    expect(other.warnings.length).toBe(3);
  });

  it("takes one thread where one is asked for, and more only with a warning where it cannot", async () => {
    const one = await load({ threads: 1, variant: "simd" });
    expect([one.threads, one.warnings]).toEqual([1, []]);
    const many = await load({ threads: 3, variant: "simd" });
    expect(many.threads === 3 || many.warnings.some((warning) => warning.includes("3 threads"))).toBe(true);
  });

  it("never fuses when it is to be reproducible", async () => {
    const backend = await load({ reproducible: true });
    expect(["simd", "scalar"]).toContain(backend.variant);
    for (const variant of ["simd", "scalar", "js"] as const) {
      expect((await load({ reproducible: true, variant })).variant).toBe(variant);
    }
    await expect(load({ reproducible: true, variant: "relaxed" })).rejects.toThrow(ArgumentError);
    await expect(load({ reproducible: true, variant: "relaxed" })).rejects.toThrow("reproducible");
  });

  it("names the nearest of the variants that there are", async () => {
    const variant = "smid" as Variant;
    await expect(load({ variant })).rejects.toThrow(ArgumentError);
    await expect(load({ variant })).rejects.toThrow('"smid" was given, one of simd');
  });

  describe("where the engine lacks", () => {
    /** auto takes js and says why, a wasm variant by name throws, js by name is as always. */
    async function expectJsAlone(reason: RegExp): Promise<void> {
      const backend = await load({});
      expect(backend.variant).toBe("js");
      expect(backend.warnings.length).toBe(3);
      for (const warning of backend.warnings) expect(warning).toMatch(reason);
      expectToWork(backend);
      for (const variant of ["scalar", "simd", "relaxed"] as const) {
        await expect(load({ variant })).rejects.toThrow(ArgumentError);
        await expect(load({ variant })).rejects.toThrow(reason);
      }
      const js = await load({ variant: "js" });
      expect(js.warnings).toEqual([]);
      expectToWork(js);
    }

    it("WebAssembly: js", async () => {
      vi.stubGlobal("WebAssembly", undefined);
      await expectJsAlone(/no WebAssembly; variant "js"/);
    });

    it("permission to compile: js", async () => {
      vi.spyOn(WebAssembly, "compile").mockRejectedValue(new Error("blocked by policy"));
      await expectJsAlone(/forbidden here \(blocked by policy\)/);
    });

    it("shared memory: js", async () => {
      vi.spyOn(WebAssembly, "Memory").mockImplementation(function refuse() {
        throw new RangeError("no shared memory");
      });
      await expectJsAlone(/no shared WebAssembly\.Memory/);
    });

    it("everything that a binary needs: js", async () => {
      vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
      await expectJsAlone(/this engine has no/);
    });

    it("relaxed SIMD alone: simd", async () => {
      const relaxed = binaryOf("relaxed").length;
      const { validate } = WebAssembly;
      vi.spyOn(WebAssembly, "validate").mockImplementation((bytes) => bytes.byteLength !== relaxed && validate(bytes));
      const backend = await load({});
      expect(backend.variant).toBe("simd");
      expect(backend.warnings.length).toBe(1);
      expect(backend.warnings[0]).toMatch(/^Variant "relaxed" was not taken: .*Node 22/);
      await expect(load({ variant: "relaxed" })).rejects.toThrow('variant "relaxed" was given, but');
    });
  });

  describe("wasm", () => {
    it("may be a file on Node, and is refused with js, which takes none", async () => {
      const wasm = new URL("../build/scalar.wasm", import.meta.url);
      expect((await load({ wasm })).variant).toBe("scalar");
      expect((await load({ wasm: wasm.href })).variant).toBe("scalar");
      await expect(load({ wasm: new URL("none.wasm", wasm) })).rejects.toThrow(/^loadBackend: wasm could not be/);
      await expect(load({ wasm, variant: "js" })).rejects.toThrow(ArgumentError);
    });

    const wasmVariants = variants.filter((variant) => variant !== "js");
    const dataUrl = (variant: Variant) => `data:application/wasm;base64,${binaryOf(variant).toString("base64")}`;

    it.each(wasmVariants)("knows the binary of %s as a module, bytes, a response and a URL", async (variant) => {
      const bytes = binaryOf(variant);
      const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
      const given: (object | string)[] = [
        new WebAssembly.Module(bytes),
        bytes,
        new Uint8Array(buffer),
        buffer,
        (await fetch(dataUrl(variant))) as object,
        dataUrl(variant),
        new URL(dataUrl(variant)),
      ];
      for (const wasm of given) {
        const backend = await load({ wasm });
        expect(backend.variant).toBe(variant);
        expectToWork(backend);
        expect((await load({ wasm: bytes, variant })).variant).toBe(variant);
      }
    });

    it("computes what the inline binary computes", async () => {
      const [inline, given] = [await load({ variant: "simd" }), await load({ wasm: binaryOf("simd") })];
      const values = uniform(generator(1), 99, -5, 5);
      const [a, b] = [inline, given].map((backend) => backend.erf(backend.matrix(9, 11, values)).values);
      expect(bitMismatch(a as Float64Array, b as Float64Array)).toBeUndefined();
    });

    it("may serve two backends from one module", async () => {
      const wasm = new WebAssembly.Module(binaryOf("simd"));
      const [a, b] = await Promise.all([load({ wasm }), load({ wasm })]);
      const held = a.matrix(1, 2, [1, 2]);
      b.matrix(1, 2, [3, 4]);
      expect([...held.values]).toEqual([1, 2]);
    });

    it("of another variant than was asked for is an ArgumentError that names both", async () => {
      await expect(load({ wasm: binaryOf("scalar"), variant: "simd" })).rejects.toThrow(ArgumentError);
      await expect(load({ wasm: binaryOf("scalar"), variant: "simd" })).rejects.toThrow(/"scalar".* simd was expected/);
    });

    it.runIf(variants.includes("relaxed"))("that fuses is not reproducible", async () => {
      await expect(load({ wasm: binaryOf("relaxed"), reproducible: true })).rejects.toThrow(ArgumentError);
      expect((await load({ wasm: binaryOf("simd"), reproducible: true })).variant).toBe("simd");
    });

    it.each<[string, object | string]>([
      ["no wasm at all", Buffer.from("hello, this is text")],
      ["nothing", new Uint8Array(0)],
      ["cut off", binaryOf("simd").subarray(0, 1000)],
      ["an empty module", Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)],
      ["no URL", "simd.wasm, please"],
      ["a URL of nothing", "http://127.0.0.1:1/none.wasm"],
      ["a number", 7 as unknown as object],
      ["null", null as unknown as object],
      ["an object of no kind", { bytes: [0, 1] }],
    ])("that is %s is an ArgumentError", async (_, wasm) => {
      await expect(load({ wasm })).rejects.toThrow(ArgumentError);
      await expect(load({ wasm })).rejects.toThrow(/^loadBackend: wasm/);
    });
  });

  it("keeps many backends apart that load at the same time", async () => {
    const all = await Promise.all(variants.flatMap((variant) => [load({ variant }), load({ variant })]));
    const matrices = all.map((backend, i) => backend.matrix(2, 2, [i, i, i, i]));
    const sums = all.map((backend, i) => backend.matmul(matrices[i] as never, matrices[i] as never));
    sums.forEach((sum, i) => {
      expect([...sum.values]).toEqual(new Array(4).fill(2 * i * i));
    });
    all[0]?.dispose();
    for (const backend of all.slice(1)) expectToWork(backend);
  });
});

describe.each(variants)("memory of %s", (variant) => {
  it("starts as large as asked, and stays below its maximum", async () => {
    const backend = await load({ variant, memory: { initialBytes: 20 * MIB, maximumBytes: 48 * MIB } });
    expect(backend.memory().reservedBytes).toBeGreaterThanOrEqual(20 * MIB);
    expect(() => {
      for (;;) backend.matrix(1, PIECE);
    }).toThrow(OutOfMemoryError);
    expect(backend.memory().reservedBytes).toBeLessThanOrEqual(48 * MIB);
    expect(backend.memory().usedBytes).toBeGreaterThan(0.9 * 48 * MIB);
  });

  it.each([40 * MIB, 3_000_000])("may be taken whole at the start: %i bytes", async (bytes) => {
    expectToWork(await load({ variant, memory: { initialBytes: bytes, maximumBytes: bytes } }));
  });

  it("works in the least that is accepted, and refuses less", async () => {
    const least = 2 * MIB;
    expectToWork(await load({ variant, memory: { maximumBytes: least } }));
    await expect(load({ variant, memory: { maximumBytes: least - 1 } })).rejects.toThrow(ArgumentError);
    await expect(load({ variant, memory: { initialBytes: 8 * MIB, maximumBytes: 4 * MIB } })).rejects.toThrow(
      ArgumentError,
    );
  });

  it("at its end throws OutOfMemoryError, keeps nothing, and serves again after a dispose", async () => {
    const backend = await load({ variant, memory: { maximumBytes: 32 * MIB } });
    const z = backend.matrix(1, PIECE);
    const dy = backend.matrix(1, PIECE);
    const pieces = [];
    try {
      for (;;) pieces.push(backend.matrix(1, PIECE));
    } catch (error) {
      expect(error).toBeInstanceOf(OutOfMemoryError);
      expect(String(error)).toMatch(/^OutOfMemoryError: matrix: 1048576 bytes .* \d+ in use/);
    }
    const full = backend.memory();
    const row = backend.matrix(1, 1);
    const tasks: [string, () => unknown][] = [
      ["matrix", () => backend.matrix(1, PIECE)],
      ["matrix of values", () => backend.matrix(2, PIECE / 2, new Float64Array(PIECE))],
      ["matmul", () => backend.matmul(row, z)],
      ["transpose", () => backend.transpose(z)],
      ["exp", () => backend.exp(z)],
      ["activation", () => backend.activation("softmax", z)],
      ["activationGradient", () => backend.activationGradient("softmax", z, dy)],
      ["loss", () => backend.loss("sumOfSquares", z, dy)],
    ];
    const used = backend.memory();
    for (const [name, task] of tasks) {
      expect(task, name).toThrow(OutOfMemoryError);
      expect(backend.memory(), name).toEqual(used);
    }
    // room for the result, but not for what it is computed with
    pieces.pop()?.dispose();
    const oneFree = backend.memory();
    for (const [name, task] of tasks.slice(6)) {
      expect(task, name).toThrow(OutOfMemoryError);
      expect(backend.memory(), name).toEqual(oneFree);
    }
    for (const [, task] of tasks.slice(0, 6)) {
      (task() as { dispose(): void }).dispose();
      expect(backend.memory()).toEqual(oneFree);
    }
    row.dispose();
    expectToWork(backend);
    expect(full.usedBytes - backend.memory().usedBytes).toBe(MIB);
  });

  it("refuses sizes beyond all memory", async () => {
    const backend = await load({ variant });
    const before = backend.memory();
    for (const [rows, cols] of [
      [1e5, 1e5],
      [2 ** 40, 2 ** 40],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ] as const) {
      expect(() => backend.matrix(rows, cols)).toThrow(OutOfMemoryError);
    }
    expect(backend.memory()).toEqual(before);
    expectToWork(backend);
  });

  it("grows under views that stay alive, right and the same", async () => {
    const backend = await load({ variant });
    const random = generator(2);
    const early = Array.from({ length: 20 }, (_, i) => {
      const values = uniform(random, 7 * i);
      const matrix = backend.matrix(i, 7, values);
      return { matrix, values, view: matrix.values };
    });
    const a = uniform(random, 50 * 60);
    const b = uniform(random, 60 * 40);
    const [left, right] = [backend.matrix(50, 60, a), backend.matrix(60, 40, b)];
    // 200 MB, in pieces that are written from end to end
    const pieces = Array.from({ length: 25 }, (_, i) => {
      const piece = backend.matrix(1000, 1000);
      expect(piece.values[0]).toBe(0);
      piece.values.fill(i + 1);
      return piece;
    });
    expect(backend.memory().reservedBytes).toBeGreaterThan(200e6);
    for (const { matrix, values, view } of early) {
      expect(matrix.values).toBe(view);
      expect(view.length).toBe(values.length);
      expect(bitMismatch(view, values)).toBeUndefined();
    }
    pieces.forEach((piece, i) => {
      expect([piece.values[0], piece.values[999_999]]).toEqual([i + 1, i + 1]);
    });
    // what is written through an early view, kernels read
    const { view, matrix } = early[3] as (typeof early)[number];
    view.fill(0);
    expect([...backend.exp(matrix).values]).toEqual(new Array(21).fill(1));
    const whole = { m: 50, n: 40, k: 60, transposeA: false, transposeB: false, alpha: 1, beta: 0 };
    const c = backend.matmul(left, right).values;
    if (variant !== "relaxed") expect(bitMismatch(c, matmul(whole, a, b, []))).toBeUndefined();
  });

  it("is used again: making and disposing for ever takes no more", async () => {
    const backend = await load({ variant });
    const random = generator(3);
    const before = backend.memory();
    let reserved = 0;
    for (let round = 0; round < 30; round++) {
      const sizes = Array.from({ length: 40 }, () => Math.floor(20000 * random()));
      const matrices = sizes.map((size) => backend.matrix(1, size));
      // in another order than they came
      for (const matrix of matrices.filter((_, i) => i % 2 === 0)) matrix.dispose();
      for (const matrix of matrices.filter((_, i) => i % 2 === 1)) matrix.dispose();
      expect(backend.memory().usedBytes).toBe(before.usedBytes);
      if (round === 9) reserved = backend.memory().reservedBytes;
    }
    // 40 x 20000 numbers are the most that ever live
    expect(backend.memory().reservedBytes).toBeLessThanOrEqual(Math.max(reserved, 2 * 40 * 20000 * 8));
  });

  it("joins what is given back, in whatever order", async () => {
    const backend = await load({ variant });
    const random = generator(4);
    const orders = [
      (i: number) => i,
      (i: number) => -i,
      (i: number) => i % 2,
      (i: number) => (i + 1) % 2,
      () => random(),
      () => random(),
    ];
    for (const order of orders) {
      const pieces = Array.from({ length: 10 }, (_, i) => ({ piece: backend.matrix(1, PIECE), at: order(i) }));
      const { reservedBytes } = backend.memory();
      for (const { piece } of pieces.sort((a, b) => a.at - b.at)) piece.dispose();
      const whole = backend.matrix(10, PIECE);
      expect(backend.memory().reservedBytes).toBe(reservedBytes);
      whole.dispose();
    }
  });

  it("hands out zeros, also where something was", async () => {
    const backend = await load({ variant });
    for (let round = 0; round < 3; round++) {
      const matrix = backend.matrix(100, 100);
      expect(matrix.values.every((value) => Object.is(value, 0))).toBe(true);
      matrix.values.fill(Number.NaN);
      matrix.dispose();
    }
  });

  it("is counted: bytes, matrices, networks", async () => {
    const backend = await load({ variant });
    const before = backend.memory();
    expect([before.matrices, before.networks]).toEqual([0, 0]);
    const a = backend.matrix(10, 10);
    const b = backend.exp(a);
    const { value, gradient } = backend.loss("huber", a, b);
    expect(value).toBe(0.5);
    const three = backend.memory();
    expect([three.matrices, three.networks]).toEqual([3, 0]);
    expect(three.usedBytes - before.usedBytes).toBeGreaterThanOrEqual(3 * 800);
    expect(three.usedBytes).toBeLessThanOrEqual(three.reservedBytes);
    const network = await createNetwork({ inputs: 3, layers: [dense(2)], backend });
    expect([backend.memory().matrices, backend.memory().networks]).toEqual([3, 1]);
    network.dispose();
    for (const matrix of [a, b, gradient]) matrix.dispose();
    expect(backend.memory()).toEqual({ ...before, reservedBytes: backend.memory().reservedBytes });
  });
});

onEveryVariant("dispose", (context) => {
  it("of a matrix twice is fine, use after it a DisposedError", () => {
    const { backend } = context;
    const [a, b] = [backend.matrix(2, 2), backend.matrix(2, 2)];
    a.dispose();
    const once = backend.memory();
    a.dispose();
    expect(backend.memory()).toEqual(once);
    expect([a.rows, a.cols]).toEqual([2, 2]);
    for (const use of [
      () => a.values,
      () => backend.exp(a),
      () => backend.exp(b, { out: a }),
      () => backend.matmul(b, a),
      () => backend.transpose(a),
      () => backend.activation("relu", a),
      () => backend.activationGradient("relu", b, a),
      () => backend.loss("huber", b, a),
      () => backend.matrix(2, 2, a),
    ]) {
      expect(use).toThrow(DisposedError);
    }
    expect(backend.memory()).toEqual(once);
    // its block may be another's by now
    const c = backend.matrix(2, 2, [1, 2, 3, 4]);
    a.dispose();
    expect([...c.values]).toEqual([1, 2, 3, 4]);
    b.dispose();
    c.dispose();
  });

  it("of a backend twice is fine, use of it or its matrices a DisposedError", async () => {
    const backend = await load({ variant: context.variant });
    const a = backend.matrix(2, 2);
    const network = await createNetwork({ inputs: 2, layers: [dense(2)], backend });
    backend.dispose();
    backend.dispose();
    for (const use of [
      () => backend.matrix(1, 1),
      () => backend.exp(a),
      () => backend.matmul(a, a),
      () => backend.memory(),
      () => a.values,
      () => network.predict([1, 2]),
    ]) {
      expect(use).toThrow(DisposedError);
    }
    await expect(createNetwork({ inputs: 2, layers: [dense(2)], backend })).rejects.toThrow(DisposedError);
    // these have gone with it
    a.dispose();
    network.dispose();
  });

  it("of a backend frees all that lives on it", async () => {
    const backend = await load({ variant: context.variant });
    backend.exp(backend.matrix(20, 20));
    const network = await createNetwork({ inputs: 2, layers: [dense(2)], backend });
    network.forward([1, 2]);
    backend.dispose();
    expect(backend.engine.arena.usedBytes).toBe(0);
  });

  it("is what `using` calls, of backends and of matrices", async () => {
    const backend = await load({ variant: context.variant });
    const before = backend.memory();
    const a = backend.matrix(2, 2);
    a[Symbol.dispose]();
    expect(() => a.values).toThrow(DisposedError);
    {
      using b = backend.matrix(2, 2);
      expect(b.values.length).toBe(4);
      expect(backend.memory().matrices).toBe(1);
    }
    expect(backend.memory()).toEqual(before);
    backend[Symbol.dispose]();
    expect(() => backend.memory()).toThrow(DisposedError);
  });

  it("of one backend leaves another alone", async () => {
    const { backend } = context;
    const other = await load({ variant: context.variant });
    const mine = backend.matrix(2, 2, [1, 2, 3, 4]);
    other.matrix(2, 2, [5, 6, 7, 8]);
    other.dispose();
    expect([...mine.values]).toEqual([1, 2, 3, 4]);
    expectToWork(backend);
    mine.dispose();
  });

  it("is not confused by matrices of another backend", async () => {
    const { backend } = context;
    const other = await load({ variant: "js" });
    const [mine, theirs] = [backend.matrix(2, 2), other.matrix(2, 2)];
    const before = backend.memory();
    for (const use of [
      () => backend.matmul(mine, theirs),
      () => backend.matmul(theirs, mine),
      () => backend.matmul(mine, mine, { out: theirs }),
      () => backend.exp(theirs),
      () => backend.exp(mine, { out: theirs }),
      () => backend.transpose(theirs),
      () => backend.activation("tanh", theirs),
      () => backend.activationGradient("tanh", mine, theirs),
      () => backend.loss("huber", theirs, mine),
      () => backend.loss("huber", mine, theirs),
      () => backend.matrix(2, 2, theirs),
    ]) {
      expect(use).toThrow(ArgumentError);
      expect(use).toThrow("another backend (js)");
    }
    expect(backend.memory()).toEqual(before);
    mine.dispose();
  });
});
