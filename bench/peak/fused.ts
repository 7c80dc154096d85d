// @ts-nocheck: AssemblyScript, which asc compiles

/**
 * The most that relaxed SIMD can do: c_i += a * b, 12 vectors in registers, enough to hide the latency of two units.
 * Each c has a start of its own: were two of them alike, a compiler might compute them once.
 *
 *   rounds of 12 vectors x 2 lanes x 2 operations = 48    at: 14 vectors to read, then one to write
 */
export function fused(rounds: i32, at: usize): void {
  const a = v128.load(at, 0);
  const b = v128.load(at, 16);
  let c0 = v128.load(at, 32);
  let c1 = v128.load(at, 48);
  let c2 = v128.load(at, 64);
  let c3 = v128.load(at, 80);
  let c4 = v128.load(at, 96);
  let c5 = v128.load(at, 112);
  let c6 = v128.load(at, 128);
  let c7 = v128.load(at, 144);
  let c8 = v128.load(at, 160);
  let c9 = v128.load(at, 176);
  let c10 = v128.load(at, 192);
  let c11 = v128.load(at, 208);
  for (let round = 0; round < rounds; round++) {
    c0 = f64x2.relaxed_madd(a, b, c0);
    c1 = f64x2.relaxed_madd(a, b, c1);
    c2 = f64x2.relaxed_madd(a, b, c2);
    c3 = f64x2.relaxed_madd(a, b, c3);
    c4 = f64x2.relaxed_madd(a, b, c4);
    c5 = f64x2.relaxed_madd(a, b, c5);
    c6 = f64x2.relaxed_madd(a, b, c6);
    c7 = f64x2.relaxed_madd(a, b, c7);
    c8 = f64x2.relaxed_madd(a, b, c8);
    c9 = f64x2.relaxed_madd(a, b, c9);
    c10 = f64x2.relaxed_madd(a, b, c10);
    c11 = f64x2.relaxed_madd(a, b, c11);
  }
  const first = f64x2.add(f64x2.add(c0, c1), f64x2.add(c2, c3));
  const second = f64x2.add(f64x2.add(c4, c5), f64x2.add(c6, c7));
  const third = f64x2.add(f64x2.add(c8, c9), f64x2.add(c10, c11));
  v128.store(at, f64x2.add(f64x2.add(first, second), third), 224);
}
