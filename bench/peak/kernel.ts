// @ts-nocheck: AssemblyScript, which asc compiles

/**
 * The most that SIMD128 can do without fused multiply-add: c_ij += a_i * b_j, 4 x 2 vectors in registers.
 * b0 and b1 change places each round: were a product the same every round, the compiler would take it out of the loop.
 *
 *   rounds of 8 vectors x 2 lanes x 2 operations = 32    at: 6 vectors to read, then one to write
 */
export function mulAdd(rounds: i32, at: usize): void {
  const a0 = v128.load(at, 0);
  const a1 = v128.load(at, 16);
  const a2 = v128.load(at, 32);
  const a3 = v128.load(at, 48);
  let b0 = v128.load(at, 64);
  let b1 = v128.load(at, 80);
  let c00 = f64x2.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  for (let round = 0; round < rounds; round++) {
    c00 = f64x2.add(c00, f64x2.mul(a0, b0));
    c01 = f64x2.add(c01, f64x2.mul(a0, b1));
    c10 = f64x2.add(c10, f64x2.mul(a1, b0));
    c11 = f64x2.add(c11, f64x2.mul(a1, b1));
    c20 = f64x2.add(c20, f64x2.mul(a2, b0));
    c21 = f64x2.add(c21, f64x2.mul(a2, b1));
    c30 = f64x2.add(c30, f64x2.mul(a3, b0));
    c31 = f64x2.add(c31, f64x2.mul(a3, b1));
    const b = b0;
    b0 = b1;
    b1 = b;
  }
  const upper = f64x2.add(f64x2.add(c00, c01), f64x2.add(c10, c11));
  const lower = f64x2.add(f64x2.add(c20, c21), f64x2.add(c30, c31));
  v128.store(at, f64x2.add(upper, lower), 96);
}

/** The most that memory delivers: the sum of `bytes` (a multiple of 128) from `from`, in loads of 128 bits, to `to`. */
export function stream(from: usize, bytes: usize, to: usize): void {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let s6 = s0;
  let s7 = s0;
  for (const end = from + bytes; from < end; from += 128) {
    s0 = f64x2.add(s0, v128.load(from, 0));
    s1 = f64x2.add(s1, v128.load(from, 16));
    s2 = f64x2.add(s2, v128.load(from, 32));
    s3 = f64x2.add(s3, v128.load(from, 48));
    s4 = f64x2.add(s4, v128.load(from, 64));
    s5 = f64x2.add(s5, v128.load(from, 80));
    s6 = f64x2.add(s6, v128.load(from, 96));
    s7 = f64x2.add(s7, v128.load(from, 112));
  }
  const upper = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  const lower = f64x2.add(f64x2.add(s4, s5), f64x2.add(s6, s7));
  v128.store(to, f64x2.add(upper, lower));
}
