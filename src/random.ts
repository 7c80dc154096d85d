import type { Engine } from "./backend/engine";
import { log } from "./js/logarithm";

/**
 * Random numbers without state: a block of four words is a function of a counter (block, stream, step) and a key
 * (the seed). Whoever asks for the same element of the same stream at the same step gets the same number, in any
 * order, on any thread, and after a resume.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, Parallel Random Numbers: As Easy as 1, 2, 3; SC 2011.
 * Leaves its four words in `philox.words`, whole numbers below 2^32, so that nothing is allocated.
 */
export function philox(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let round = 0; round < 10; round++) {
    const low0 = Math.imul(c0, 0xd2511f53);
    const low1 = Math.imul(c2, 0xcd9e8d57);
    const high0 = multiplyHigh(c0, 0xd2511f53);
    const high1 = multiplyHigh(c2, 0xcd9e8d57);
    c0 = high1 ^ c1 ^ k0;
    c2 = high0 ^ c3 ^ k1;
    c1 = low1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  const { words } = philox;
  words[0] = c0 >>> 0;
  words[1] = c1 >>> 0;
  words[2] = c2 >>> 0;
  words[3] = c3 >>> 0;
}
philox.words = new Uint32Array(4);

/** The upper 32 bits of a product of two unsigned words, from products of their halves: no sum of these overflows. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const cross = (Math.imul(a0, b1) + (middle & 0xffff)) | 0;
  return (Math.imul(a1, b1) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** A whole number below 2^53 as two words. */
export function low(value: number): number {
  return value >>> 0;
}

export function high(value: number): number {
  return Math.floor(value / 4294967296) >>> 0;
}

/** What a stream of random numbers is for; with the index of its layer it makes the counter's second word. */
export const STREAMS = { weights: 0, dropout: 1, order: 2 } as const;

export function streamOf(purpose: keyof typeof STREAMS, layer = 0): number {
  return layer * 4 + STREAMS[purpose];
}

/** A number from [0, 1), 53 bits of it, from two words of the last block. */
export function fraction(word: number): number {
  const upper = (philox.words[word] as number) >>> 5;
  const lower = (philox.words[word + 1] as number) >>> 6;
  return (upper * 67108864 + lower) * 2 ** -53;
}

/** Fills with numbers uniform in [-limit, limit): element e from block e of the stream. */
export function fillUniform(out: Float64Array, limit: number, seed: number, stream: number): void {
  for (let e = 0; e < out.length; e++) {
    philox(e, stream, 0, 0, low(seed), high(seed));
    out[e] = limit * (2 * fraction(0) - 1);
  }
}

/** Fills with normal numbers of the given deviation (Marsaglia's polar method); a rejected pair moves the step on. */
export function fillNormal(out: Float64Array, deviation: number, seed: number, stream: number): void {
  for (let e = 0; e < out.length; e++) {
    for (let attempt = 0; ; attempt++) {
      philox(e, stream, attempt, 0, low(seed), high(seed));
      const u = 2 * fraction(0) - 1;
      const v = 2 * fraction(2) - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      out[e] = deviation * (u * Math.sqrt((-2 * log(s)) / s));
      break;
    }
  }
}

/** Numbers drawn at once for a permutation. */
const DRAWS = 256;

/** A permutation of 0 ... length - 1 (Fisher and Yates), the one of this seed and epoch, into `order`. */
export function permute(engine: Engine, order: Uint32Array, seed: number, epoch: number): void {
  for (let i = 0; i < order.length; i++) order[i] = i;
  const { kernels, workspace } = engine;
  const drawn = workspace + 128;
  const fractions = engine.view(drawn, DRAWS);
  const stream = streamOf("order");
  for (let end = order.length; end > 1; ) {
    const first = Math.max(1, end - DRAWS);
    kernels.fractions(end - first, first, stream, low(epoch), high(epoch), low(seed), high(seed), drawn, workspace);
    while (end > first) {
      const i = --end;
      const j = Math.floor((fractions[i - first] as number) * (i + 1));
      const kept = order[i] as number;
      order[i] = order[j] as number;
      order[j] = kept;
    }
  }
}
