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
 *   x: length    workspace: 64 bytes
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
    for (; i + 4 <= length; i += 4) {
      Philox.fourBlocks(first + <u32>i, stream, stepLow, stepHigh, seedLow, seedHigh, workspace);
      for (let b: usize = 0; b < 4; b++) store<f64>(x + ((i + b) << 3), Philox.fraction(workspace + (b << 4)));
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

  /** Four blocks that differ in c0, which counts up, at once: the same 16 words in the same order, 64 bytes. */
  static fourBlocks(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32, to: usize): void {
    let v0 = i32x4.add(i32x4.splat(c0), i32x4(0, 1, 2, 3));
    let v1 = i32x4.splat(c1);
    let v2 = i32x4.splat(c2);
    let v3 = i32x4.splat(c3);
    const m0 = i32x4.splat(M0);
    const m1 = i32x4.splat(M1);
    for (let round = 0; round < 10; round++) {
      const low0 = i64x2.extmul_low_i32x4_u(v0, m0);
      const high0 = i64x2.extmul_high_i32x4_u(v0, m0);
      const low1 = i64x2.extmul_low_i32x4_u(v2, m1);
      const high1 = i64x2.extmul_high_i32x4_u(v2, m1);
      // of each 64-bit product the upper words, and the lower ones
      const upper0 = v128.shuffle<i32>(low0, high0, 1, 3, 5, 7);
      const upper1 = v128.shuffle<i32>(low1, high1, 1, 3, 5, 7);
      v0 = v128.xor(v128.xor(upper1, v1), i32x4.splat(k0));
      v2 = v128.xor(v128.xor(upper0, v3), i32x4.splat(k1));
      v1 = v128.shuffle<i32>(low1, high1, 0, 2, 4, 6);
      v3 = v128.shuffle<i32>(low0, high0, 0, 2, 4, 6);
      k0 += WEYL0;
      k1 += WEYL1;
    }
    // word w of block b lies at v_w[b]: transposed, block after block
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
