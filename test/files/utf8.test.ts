import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors";
import { decodeUtf8, encodeUtf8 } from "../../src/files/utf8";

/** The host's, as an oracle: the text, or nothing where it is no UTF-8; of what may go on, where it is cut off. */
function decode(bytes: Uint8Array, stream = false): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream });
  } catch {
    return undefined;
  }
}

describe("encodeUtf8", () => {
  const encode = (text: string) => {
    const bytes = new Uint8Array(3 * text.length);
    return bytes.slice(0, encodeUtf8(text, bytes));
  };

  it("writes what the host's encoder writes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 5000 }), (text) => {
        expect(encode(text)).toEqual(new Uint8Array(new TextEncoder().encode(text)));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it.each(["", "\0", "\x7f\x80", "\u07ff\u0800", "\ud7ff\ue000\uffff", "\u{10000}\u{10ffff}"])("writes %j", (text) => {
    expect(encode(text)).toEqual(new Uint8Array(new TextEncoder().encode(text)));
  });
});

describe("decodeUtf8", () => {
  it("reads back what was written, shared memory too", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 5000 }), (text) => {
        const bytes = new TextEncoder().encode(`\ufeff${text}`);
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
        shared.set(bytes);
        expect(decodeUtf8("here", bytes)).toBe(`\ufeff${text}`);
        expect(decodeUtf8("here", shared)).toBe(`\ufeff${text}`);
      }),
      { seed: 3, numRuns: 1000 },
    );
  });

  it("takes what the host's decoder takes, of all that a few bytes may be, and names the same byte", () => {
    const seen = { taken: 0, refused: 0 };
    // the bytes at which the table changes, and their neighbours
    const edges = [
      0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
      0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
    ];
    for (const first of edges) {
      for (const second of edges) {
        for (const third of edges) {
          for (const fourth of [undefined, 0x41, 0x80, 0xbf, 0xc0]) {
            const bytes = Uint8Array.from([first, second, third, ...(fourth === undefined ? [] : [fourth])]);
            const text = decode(bytes);
            if (text !== undefined) {
              seen.taken++;
              expect(decodeUtf8("here", bytes)).toBe(text);
              continue;
            }
            seen.refused++;
            const lengths = bytes.map((_, i) => i);
            const place = lengths.find((at) => decode(bytes.subarray(0, at + 1), true) === undefined) ?? bytes.length;
            expect(() => decodeUtf8("here", bytes)).toThrow(`here: at byte ${place}: `);
          }
        }
      }
    }
    expect(seen.taken).toBeGreaterThan(1000);
    expect(seen.refused).toBeGreaterThan(50_000);
  });

  it.each([
    [[0x61, 0xff], "1: 0xff"],
    [[0x80], "0: 0x80"],
    [[0xc3, 0x28, 0x61], '1: "("'],
    [[0xc0, 0x80], "0: 0xc0"], // 0 in two bytes
    [[0xed, 0xa0, 0x80], "1: 0xa0"], // half a surrogate pair
    [[0xf5, 0x80, 0x80, 0x80], "0: 0xf5"],
    [[0x61, 0xe2, 0x82], "3: the end"], // cut off
    [[...new TextEncoder().encode("é€😀".repeat(1000)), 0xfe, 0x61], "9000: 0xfe"],
  ])("refuses %.40j", (bytes, place) => {
    expect(() => decodeUtf8("here", Uint8Array.from(bytes))).toThrow(
      new FormatError(`here: at byte ${place} was found, UTF-8 was expected`),
    );
  });
});
