import { Lanes } from "../lanes";

/**
 * The register tile: MR rows of two vectors. With a fused multiply-add twelve sums, two vectors of B and a
 * broadcast of A leave one of the 16 registers of x86-64 to the compiler; where product and sum are apart the product
 * takes that one, and six rows spill: four are faster. Divides MC; NR divides NC.
 */
export const MR: usize = Lanes.fused ? 6 : 4;
/** Columns of the register tile: two vectors. */
export const NR: usize = 2 * Lanes.widest;

/**
 * C <- beta S + A B for one tile, from packed panels.
 *
 *   A: kc x MR (a column of op(A) after the other)    B: kc x NR    S, C: MR x NR, ld in elements
 *
 * Each element is one chain, from beta s_ij, ascending over p. beta = 0 does not read S. S may be C.
 */
export function microKernel(
  kc: usize,
  a: usize,
  b: usize,
  beta: f64,
  s: usize,
  lds: usize,
  c: usize,
  ldc: usize,
): void {
  if (Lanes.wide) Tile.run<v128>(kc, a, b, beta, s, lds, c, ldc);
  else Tile.run<f64>(kc, a, b, beta, s, lds, c, ldc);
}

class Tile {
  @inline static run<V>(kc: usize, a: usize, b: usize, beta: f64, s: usize, lds: usize, c: usize, ldc: usize): void {
    const bytes = Lanes.width<V>() << 3;
    let c00 = Lanes.splat<V>(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    let c40 = c00;
    let c41 = c00;
    let c50 = c00;
    let c51 = c00;
    if (beta !== 0) {
      const factor = Lanes.splat<V>(beta);
      const step = lds << 3;
      c00 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s));
      c01 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s + bytes));
      s += step;
      c10 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s));
      c11 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s + bytes));
      s += step;
      c20 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s));
      c21 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s + bytes));
      s += step;
      c30 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s));
      c31 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s + bytes));
      if (MR > 4) {
        s += step;
        c40 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s));
        c41 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s + bytes));
        s += step;
        c50 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s));
        c51 = Lanes.mul<V>(factor, Lanes.loadAll<V>(s + bytes));
      }
    }
    for (const end = b + ((kc * NR) << 3); b < end; b += NR << 3) {
      const b0 = Lanes.loadAll<V>(b);
      const b1 = Lanes.loadAll<V>(b + bytes);
      let row = Lanes.loadSplat<V>(a);
      c00 = Lanes.madd<V>(row, b0, c00);
      c01 = Lanes.madd<V>(row, b1, c01);
      row = Lanes.loadSplat<V>(a + 8);
      c10 = Lanes.madd<V>(row, b0, c10);
      c11 = Lanes.madd<V>(row, b1, c11);
      row = Lanes.loadSplat<V>(a + 16);
      c20 = Lanes.madd<V>(row, b0, c20);
      c21 = Lanes.madd<V>(row, b1, c21);
      row = Lanes.loadSplat<V>(a + 24);
      c30 = Lanes.madd<V>(row, b0, c30);
      c31 = Lanes.madd<V>(row, b1, c31);
      if (MR > 4) {
        row = Lanes.loadSplat<V>(a + 32);
        c40 = Lanes.madd<V>(row, b0, c40);
        c41 = Lanes.madd<V>(row, b1, c41);
        row = Lanes.loadSplat<V>(a + 40);
        c50 = Lanes.madd<V>(row, b0, c50);
        c51 = Lanes.madd<V>(row, b1, c51);
      }
      a += MR << 3;
    }
    const step = ldc << 3;
    Lanes.storeAll<V>(c, c00);
    Lanes.storeAll<V>(c + bytes, c01);
    c += step;
    Lanes.storeAll<V>(c, c10);
    Lanes.storeAll<V>(c + bytes, c11);
    c += step;
    Lanes.storeAll<V>(c, c20);
    Lanes.storeAll<V>(c + bytes, c21);
    c += step;
    Lanes.storeAll<V>(c, c30);
    Lanes.storeAll<V>(c + bytes, c31);
    if (MR > 4) {
      c += step;
      Lanes.storeAll<V>(c, c40);
      Lanes.storeAll<V>(c + bytes, c41);
      c += step;
      Lanes.storeAll<V>(c, c50);
      Lanes.storeAll<V>(c + bytes, c51);
    }
  }
}
