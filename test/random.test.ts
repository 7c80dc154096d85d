import { describe, expect, it } from "vitest";
import { createNetwork, dense, dropout } from "../src/index";
import { fillNormal, fillUniform, permute, philox, STREAMS, streamOf } from "../src/random";
import { onEveryVariant } from "./variants";

/** Known answers of Random123 (kat_vectors, philox4x32 10): counter, key, result. */
const KNOWN: [counter: number[], key: number[], words: number[]][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

const WORD = 2n ** 32n;

/** Philox4x32-10 as the paper writes it, in whole numbers of any size: what the two of the library are held against. */
function paperPhilox(counter: readonly number[], key: readonly number[]): number[] {
  let [c0 = 0n, c1 = 0n, c2 = 0n, c3 = 0n] = counter.map(BigInt);
  let [k0 = 0n, k1 = 0n] = key.map(BigInt);
  for (let round = 0; round < 10; round++) {
    const [p0, p1] = [c0 * 0xd2511f53n, c2 * 0xcd9e8d57n];
    [c0, c1, c2, c3] = [(p1 / WORD) ^ c1 ^ k0, p1 % WORD, (p0 / WORD) ^ c3 ^ k1, p0 % WORD];
    [k0, k1] = [(k0 + 0x9e3779b9n) % WORD, (k1 + 0xbb67ae85n) % WORD];
  }
  return [c0, c1, c2, c3].map(Number);
}

function words(counter: readonly number[], key: readonly number[]): number[] {
  const [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = counter;
  const [k0 = 0, k1 = 0] = key;
  philox(c0, c1, c2, c3, k0, k1);
  return [...philox.words];
}

/** Counters and keys with all kinds of words, from the paper's own generator. */
const SOME = Array.from({ length: 200 }, (_, i) => {
  const [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = paperPhilox([i, 0, 0, 0], [1, 2]);
  const [k0 = 0, k1 = 0] = paperPhilox([i, 1, 0, 0], [1, 2]);
  return { counter: [c0, c1, c2, c3], key: [k0, k1] };
});

describe("Philox4x32-10", () => {
  it("gives the known answers of Random123", () => {
    for (const [counter, key, expected] of KNOWN) {
      expect(paperPhilox(counter, key)).toEqual(expected);
      expect(words(counter, key)).toEqual(expected);
    }
  });

  it("gives what the paper's formula gives", () => {
    for (const { counter, key } of SOME) expect(words(counter, key)).toEqual(paperPhilox(counter, key));
  });
});

describe("streams", () => {
  it("differ for each purpose and layer", () => {
    const purposes = Object.keys(STREAMS) as (keyof typeof STREAMS)[];
    const all = purposes.flatMap((purpose) => [0, 1, 2, 100].map((layer) => streamOf(purpose, layer)));
    expect(new Set(all).size).toBe(all.length);
  });

  it("give other numbers for every bit of the seed, up to 2^53", () => {
    const draw = (seed: number, stream = 0) => {
      const out = new Float64Array(4);
      fillUniform(out, 1, seed, stream);
      return String(out);
    };
    const seeds = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52, Number.MAX_SAFE_INTEGER];
    expect(new Set(seeds.map((seed) => draw(seed))).size).toBe(seeds.length);
    expect(draw(1, 4)).not.toBe(draw(1, 0));
    expect(draw(1)).toBe(draw(1));
  });

  it("give an element the same number, however many are drawn", () => {
    for (const fill of [fillUniform, fillNormal]) {
      const [few, many] = [new Float64Array(5), new Float64Array(50)];
      fill(few, 2, 9, 3);
      fill(many, 2, 9, 3);
      expect(many.subarray(0, 5)).toEqual(few);
    }
  });
});

/** 53 bits of a block's first two words, as a number from [0, 1). */
function paperFraction(counter: readonly number[], key: readonly number[]): number {
  const [upper = 0, lower = 0] = paperPhilox(counter, key);
  return (Math.floor(upper / 32) * 2 ** 26 + Math.floor(lower / 64)) / 2 ** 53;
}

onEveryVariant("the fractions kernel", (context) => {
  it("has every bit of the paper's, from any block on, and writes no more than it should", () => {
    const { kernels, workspace } = context.backend.engine;
    for (const [s, { counter, key }] of SOME.slice(0, 12).entries()) {
      const [first = 0, c1 = 0, c2 = 0, c3 = 0] = counter;
      const [k0 = 0, k1 = 0] = key;
      const x = context.backend.matrix(1, 14, Array(14).fill(-1));
      kernels.fractions(s, first, c1, c2, c3, k0, k1, x.pointer("test"), workspace);
      const expected = Array.from({ length: 14 }, (_, i) =>
        i < s ? paperFraction([(first + i) % 2 ** 32, c1, c2, c3], key) : -1,
      );
      expect([...x.values]).toEqual(expected);
      x.dispose();
    }
  });
});

onEveryVariant("permute", (context) => {
  function permutation(length: number, seed: number, epoch: number): number[] {
    const order = new Uint32Array(length);
    permute(context.backend.engine, order, seed, epoch);
    return [...order];
  }

  it("is that of Fisher and Yates, from the last place down, by the paper's numbers", () => {
    const [seed, epoch] = [2 ** 40 + 7, 2 ** 33 + 3];
    const halves = (whole: number) => [whole % 2 ** 32, Math.floor(whole / 2 ** 32)] as const;
    for (const length of [0, 1, 2, 3, 6, 256, 257, 258, 259, 520]) {
      const expected = Array.from({ length }, (_, i) => i);
      for (let i = length - 1; i > 0; i--) {
        const j = Math.floor(paperFraction([i, streamOf("order"), ...halves(epoch)], halves(seed)) * (i + 1));
        [expected[i], expected[j]] = [expected[j] as number, expected[i] as number];
      }
      expect(permutation(length, seed, epoch), `${length} places`).toEqual(expected);
    }
  });

  it("gives permutations", () => {
    for (const length of [0, 1, 2, 3, 10, 1000]) {
      const sorted = permutation(length, 3, 1).sort((a, b) => a - b);
      expect(sorted).toEqual(Array.from({ length }, (_, i) => i));
    }
  });

  it("depends on seed and epoch, whatever stood in the array", () => {
    const all = [permutation(50, 1, 0), permutation(50, 1, 1), permutation(50, 2, 0), permutation(50, 2 ** 32 + 1, 0)];
    expect(new Set(all.map(String)).size).toBe(4);
    const order = new Uint32Array(50).fill(7);
    permute(context.backend.engine, order, 1, 0);
    expect([...order]).toEqual(all[0]);
  });

  it("is roughly uniform: all 24 orders of 4, chi squared", () => {
    const draws = 24_000;
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < draws; epoch++) {
      const order = String(permutation(4, 5, epoch));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const expected = draws / 24;
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 23 degrees of freedom: above 70 once in a million
    expect(chiSquared).toBeLessThan(70);
    // and below 4 once in a million: too even is not random
    expect(chiSquared).toBeGreaterThan(4);
  });

  it("puts every element everywhere equally often", () => {
    const [length, draws] = [20, 4000];
    const counts = new Float64Array(length * length);
    for (let epoch = 0; epoch < draws; epoch++) {
      permutation(length, 6, epoch).forEach((element, place) => {
        counts[place * length + element] = (counts[place * length + element] as number) + 1;
      });
    }
    const expected = draws / length;
    const deviation = Math.sqrt((draws / length) * (1 - 1 / length));
    for (const count of counts) expect(Math.abs(count - expected)).toBeLessThan(5 * deviation);
  });
});

onEveryVariant("the dropout kernel", (context) => {
  /**
   * Whether the kernel of this variant has that word for an element: it is dropped below the word's successor, not below
   * the word. Asked with the element at the end, on the way of the tail, and in the middle, on that of the lanes.
   */
  function isWord(word: number, element: number, [c1, c2, c3]: number[], [k0, k1]: number[]): boolean {
    const { kernels, workspace } = context.backend.engine;
    return [element + 1, element + 40].every((length) => {
      const [x, mask, y] = [0, 1, 2].map(() => context.backend.matrix(1, length, Array(length).fill(3)));
      if (!x || !mask || !y) throw new Error("three matrices were expected");
      const [from, kept, to] = [x, mask, y].map((matrix) => matrix.pointer("test")) as [number, number, number];
      const factors = [word, word + 1].map((threshold) => {
        const counter = [c1 ?? 0, c2 ?? 0, c3 ?? 0] as const;
        kernels.dropout(length, k0 ?? 0, k1 ?? 0, ...counter, threshold, 5, from, kept, to, workspace);
        expect([...y.values]).toEqual([...mask.values].map((factor) => 3 * factor));
        return mask.values[element];
      });
      for (const matrix of [x, mask, y]) matrix.dispose();
      return factors[0] === 5 && factors[1] === 0;
    });
  }

  it("has the known answers of Random123", () => {
    const [[counter, key, expected]] = KNOWN as [(typeof KNOWN)[0]];
    expected.forEach((word, e) => {
      expect(isWord(word, e, counter.slice(1), key), `word ${e}`).toBe(true);
      expect(isWord(word ^ 1, e, counter.slice(1), key)).toBe(false);
    });
  });

  it("takes word e mod 4 of block e / 4, for any stream, step and seed", () => {
    for (const { counter, key } of SOME.slice(0, 20)) {
      for (const e of [0, 1, 2, 3, 4, 7, 9, 33]) {
        const [word] = paperPhilox([e >> 2, ...counter.slice(1)], key).slice(e & 3) as [number];
        expect(isWord(word, e, counter.slice(1), key), `element ${e}`).toBe(true);
      }
    }
  });

  it("gives the mask of the paper's formula to a network", async () => {
    const [units, rate] = [50, 0.3];
    const seed = 2 ** 40 + 12345;
    const layers = [dense(units, { initializer: "zeros" }), dropout(rate)];
    const network = await createNetwork({ inputs: 1, layers, seed, backend: context.backend });
    network.layers[0]?.bias.fill(1);
    for (const step of [1, 2, 3]) {
      const mask = [...network.forward(new Float64Array(20))];
      const expected = mask.map((_, e) => {
        const block = [e >> 2, streamOf("dropout", 1), step, 0];
        const word = paperPhilox(block, [seed % 2 ** 32, Math.floor(seed / 2 ** 32)])[e & 3] as number;
        return word < rate * 2 ** 32 ? 0 : 1 / (1 - rate);
      });
      expect(mask).toEqual(expected);
    }
    network.dispose();
  });
});
