/** The binaries come out of their packing as they went in: what another implementation of LZMA has packed. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pack } from "../assembly/pack.mjs";
import { unpack } from "../src/backend/unpack";

describe("unpack", () => {
  it("gives the bytes that were packed, whatever they are", () => {
    // of few symbols and of many: long matches, repeated distances, literals alone
    const bytes = fc.integer({ min: 0, max: 8 }).chain((bits) =>
      fc.array(
        fc.oneof(
          fc.integer({ min: 0, max: 2 ** bits - 1 }).map((byte) => [byte]),
          fc
            .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 600 }))
            .map(([byte, n]) => Array(n).fill(byte)),
        ),
        { maxLength: 300 },
      ),
    );
    fc.assert(
      fc.property(bytes, (parts) => {
        const whole = Uint8Array.from(parts.flat());
        expect(Buffer.compare(unpack(pack(whole)), whole)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("reaches back over a hundred thousand bytes", () => {
    const noise = Uint8Array.from({ length: 120_000 }, (_, i) => Math.imul(i, 2654435761) >>> (24 - (i % 5)));
    const twice = Uint8Array.from([...noise, ...noise.subarray(0, 5_000)]);
    expect(Buffer.compare(unpack(pack(twice)), twice)).toBe(0);
  });

  it.each(["relaxed", "simd", "scalar", "predict"])("gives the binary %s", async (name) => {
    const { default: text } = await import(`../build/${name}.packed.ts`);
    const binary = readFileSync(new URL(`../build/${name}.wasm`, import.meta.url));
    expect(Buffer.compare(unpack(Buffer.from(text, "base64")), binary)).toBe(0);
  });
});
