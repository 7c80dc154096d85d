/** loadBackend: variants, what the engine lacks, binaries of one's own. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Binaries, loadEngine } from "../src/backend/loadEngine";
import { SIMD } from "../src/backend/probe";
import { ArgumentError, type Variant } from "../src/index";
import { bitMismatch, generator, uniform } from "./oracle";
import { disposedAfterEach, expectToWork } from "./support";
import { variants } from "./variants";

const load = disposedAfterEach();

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

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
    const own = backend.warnings.filter((warning) => /bits are those of this engine; reproducible: true/.test(warning));
    expect(own.length).toBe(backend.variant === "relaxed" ? 1 : 0);
    expectToWork(backend);
  });

  it("warns in sentences", async () => {
    const backend = await load({ threads: 64, variant: "js" });
    const forbidden = vi.spyOn(WebAssembly, "compile").mockRejectedValue(new Error("blocked"));
    const other = await load({});
    forbidden.mockRestore();
    for (const warning of [...backend.warnings, ...other.warnings]) expect(warning).toMatch(/^\S.{30,}\.$/);
    expect(other.warnings.length).toBe(1);
  });

  it("takes one thread where one is asked for, and more only with a warning where it cannot", async () => {
    const one = await load({ threads: 1, variant: "simd" });
    expect([one.threads, one.warnings]).toEqual([1, []]);
    const many = await load({ threads: 3, variant: "simd" });
    expect(many.threads === 3 || many.warnings.some((warning) => warning.includes("3 threads"))).toBe(true);
  });

  it("passes over what is worth its while only where multiply and add are fused, but for who names it", async () => {
    // a probe that finds no fusing, as that of relaxed does where the processor has no such instruction
    const simd = { probe: SIMD, load: () => import("../build/simd.packed") };
    const fusing = { passedOver: "nothing is fused.", taken: "It is fused." };
    const binaries: Binaries = { relaxed: { ...simd, fusing }, simd };
    const loaded = await loadEngine("here", {}, binaries);
    expect([loaded.variant, loaded.warnings]).toEqual(["simd", ['Variant "relaxed" was not taken: nothing is fused.']]);
    const named = await loadEngine("here", { variant: "relaxed" }, binaries);
    expect([named.variant, named.warnings]).toEqual(["relaxed", []]);
    for (const { engine } of [loaded, named]) engine.dispose();
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
      expect(backend.warnings).toEqual([expect.stringMatching(reason)]);
      expect(backend.warnings[0]).toMatch(/^Variants "relaxed", "simd" and "scalar" were not taken: /);
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
      const backend = await load({});
      expect(backend.variant).toBe("js");
      expect(
        backend.warnings.map((warning) => /^Variant "(\w+)" was not taken: this engine has no /.exec(warning)?.[1]),
      ).toEqual(["relaxed", "simd", "scalar"]);
      expectToWork(backend);
    });

    it("relaxed SIMD alone: simd", async () => {
      const probe = readFileSync(new URL("../build/probe-relaxed.wasm", import.meta.url));
      const { validate } = WebAssembly;
      vi.spyOn(WebAssembly, "validate").mockImplementation(
        (bytes) => Buffer.compare(Buffer.from(bytes as Uint8Array), probe) !== 0 && validate(bytes),
      );
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
