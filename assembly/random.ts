import { Lanes } from "./lanes";

/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC 2011): four words
 * from a counter of four and a key of two, with no state between calls. Known answers: Random123, test/random.test.ts.
 */
const M0: u32 = 0xd2511f53;
const M1: u32 = 0xcd9e8d57;
const WEYL0: u32 = 0x9e3779b9;
const WEYL1: u32 = 0xbb67ae85;

/**
 * x_i <- a number uniform in [0, 1), 53 bits of it: the first two words of the Philox block (first + i, stream, step) under
 * the key (seed).
 *
 *   x: length    workspace: 128 bytes
 */
export function fractions(
  length: usize,
  first: u32,
  stream: u32,
  stepLow: u32,
  stepHigh: u32,
  seedLow: u32,
  seedHigh: u32,
  x: usize,
  workspace: usize,
): void {
  let i: usize = 0;
  if (Lanes.wide) {
    for (; i + 8 <= length; i += 8) {
      Philox.eightBlocks(first + <u32>i, stream, stepLow, stepHigh, seedLow, seedHigh, workspace);
      for (let b: usize = 0; b < 8; b++) store<f64>(x + ((i + b) << 3), Philox.fraction(workspace + (b << 4)));
    }
  }
  for (; i < length; i++) {
    Philox.block(first + <u32>i, stream, stepLow, stepHigh, seedLow, seedHigh, workspace);
    store<f64>(x + (i << 3), Philox.fraction(workspace));
  }
}

export class Philox {
  /** A number from [0, 1) of the two words there: 27 bits of one, 26 of the other. */
  @inline static fraction(words: usize): f64 {
    const bits = ((<u64>load<u32>(words) >> 5) << 26) | (<u64>load<u32>(words, 4) >> 6);
    return <f64>bits * 1.1102230246251565e-16; // 2^-53
  }

  /** Writes the four words of block (c0, c1, c2, c3) under the key (k0, k1), 16 bytes. */
  static block(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32, to: usize): void {
    for (let round = 0; round < 10; round++) {
      const product0 = <u64>c0 * M0;
      const product1 = <u64>c2 * M1;
      const next0 = <u32>(product1 >> 32) ^ c1 ^ k0;
      const next2 = <u32>(product0 >> 32) ^ c3 ^ k1;
      c1 = <u32>product1;
      c3 = <u32>product0;
      c0 = next0;
      c2 = next2;
      k0 += WEYL0;
      k1 += WEYL1;
    }
    store<u32>(to, c0);
    store<u32>(to, c1, 4);
    store<u32>(to, c2, 8);
    store<u32>(to, c3, 12);
  }

  /**
   * Eight blocks that differ in c0, which counts up, at once: the same 32 words in the same order, 128 bytes. Each vector is a word
   * of four blocks; those of the other four fill the time for which a product is waited for.
   */
  static eightBlocks(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32, to: usize): void {
    let v0 = i32x4.add(i32x4.splat(c0), i32x4(0, 1, 2, 3));
    let v1 = i32x4.splat(c1);
    let v2 = i32x4.splat(c2);
    let v3 = i32x4.splat(c3);
    let w0 = i32x4.add(v0, i32x4.splat(4));
    let w1 = v1;
    let w2 = v2;
    let w3 = v3;
    for (let round = 0; round < 10; round++) {
      const key0 = i32x4.splat(k0);
      const key1 = i32x4.splat(k1);
      let product0 = Philox.low(v0, M0);
      let above0 = Philox.high(v0, M0);
      let product1 = Philox.low(v2, M1);
      let above1 = Philox.high(v2, M1);
      v0 = v128.xor(v128.xor(Philox.upper(product1, above1), v1), key0);
      v2 = v128.xor(v128.xor(Philox.upper(product0, above0), v3), key1);
      v1 = Philox.lower(product1, above1);
      v3 = Philox.lower(product0, above0);
      product0 = Philox.low(w0, M0);
      above0 = Philox.high(w0, M0);
      product1 = Philox.low(w2, M1);
      above1 = Philox.high(w2, M1);
      w0 = v128.xor(v128.xor(Philox.upper(product1, above1), w1), key0);
      w2 = v128.xor(v128.xor(Philox.upper(product0, above0), w3), key1);
      w1 = Philox.lower(product1, above1);
      w3 = Philox.lower(product0, above0);
      k0 += WEYL0;
      k1 += WEYL1;
    }
    Philox.write(v0, v1, v2, v3, to);
    Philox.write(w0, w1, w2, w3, to + 64);
  }

  /** The 64-bit products of the first two words and a factor, and of the last two. */
  @inline static low(words: v128, factor: u32): v128 {
    return i64x2.extmul_low_i32x4_u(words, i32x4.splat(factor));
  }
  @inline static high(words: v128, factor: u32): v128 {
    return i64x2.extmul_high_i32x4_u(words, i32x4.splat(factor));
  }

  /** Of four 64-bit products the upper words, and the lower ones. */
  @inline static upper(low: v128, high: v128): v128 {
    return v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  }
  @inline static lower(low: v128, high: v128): v128 {
    return v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  }

  /** Word w of block b lies at v_w[b]: transposed, block after block. */
  @inline static write(v0: v128, v1: v128, v2: v128, v3: v128, to: usize): void {
    const a = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5);
    const b = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5);
    const c = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
    const d = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(a, b, 0, 2));
    v128.store(to, v128.shuffle<i64>(a, b, 1, 3), 16);
    v128.store(to, v128.shuffle<i64>(c, d, 0, 2), 32);
    v128.store(to, v128.shuffle<i64>(c, d, 1, 3), 48);
  }
}
