import { Lanes } from "../lanes";

/**
 * The register tile: MR rows of two vectors. With a fused multiply-add twelve sums, two vectors of B and a
 * broadcast of A leave one of the 16 registers of x86-64 to the compiler; where product and sum are apart the product
 * takes that one, and six rows spill: four are faster. NR divides NC.
 */
export const MR: usize = Lanes.fused ? 6 : 4;
/** Columns of the register tile: two vectors. */
export const NR: usize = 2 * Lanes.widest;
/** Rows of the low tile, for what is left where MR rows would be partly empty. */
export const LOW: usize = 4;

/** How many of the first rows go into tiles of MR; the others fill low ones. Eight are two low tiles, not a tall one and a half. */
export function tallRows(rows: usize): usize {
  if (MR === LOW) return rows;
  const rest = rows % MR;
  if (rest === 2 && rows >= 2 * LOW) return rows - 2 * LOW;
  return rest > LOW ? rows : rows - rest;
}

/**
 * C <- beta S + A B for one panel of B: loop 1, over the tiles of its columns of C, here those of MR rows.
 *
 *   A: panels of kc x MR (a column of op(A) after the other, aStep bytes apart), aPanel bytes apart
 *   B: kc x NR, bStep bytes apart    S, C: m x columns, columns at most NR, ld in elements
 *
 * Each element is one chain, from beta s_ij, ascending over p. beta = 0 does not read S. S may be C. Panels are read
 * as wide as the tile, C is written m x columns.
 */
export function tallTiles(
  m: usize,
  columns: usize,
  kc: usize,
  a: usize,
  aPanel: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  beta: f64,
  s: usize,
  lds: usize,
  c: usize,
  ldc: usize,
): void {
  if (Lanes.wide) Tile.run<v128>(MR > LOW, m, columns, kc, a, aPanel, aStep, b, bStep, beta, s, lds << 3, c, ldc << 3);
  else Tile.run<f64>(MR > LOW, m, columns, kc, a, aPanel, aStep, b, bStep, beta, s, lds << 3, c, ldc << 3);
}

/** The same with tiles and panels of LOW rows. */
export function lowTiles(
  m: usize,
  columns: usize,
  kc: usize,
  a: usize,
  aPanel: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  beta: f64,
  s: usize,
  lds: usize,
  c: usize,
  ldc: usize,
): void {
  // where MR is LOW all tiles are those above
  if (MR === LOW) return;
  if (Lanes.wide) Tile.run<v128>(false, m, columns, kc, a, aPanel, aStep, b, bStep, beta, s, lds << 3, c, ldc << 3);
  else Tile.run<f64>(false, m, columns, kc, a, aPanel, aStep, b, bStep, beta, s, lds << 3, c, ldc << 3);
}

class Tile {
  @inline static run<V>(
    six: bool,
    m: usize,
    columns: usize,
    kc: usize,
    aPanels: usize,
    aPanel: usize,
    aStep: usize,
    bPanel: usize,
    bStep: usize,
    beta: f64,
    s: usize,
    sStep: usize,
    c: usize,
    cStep: usize,
  ): void {
    const height: usize = six ? 6 : 4;
    for (let i: usize = 0; i < m; i += height) {
      const rows = min<usize>(height, m - i);
      const whole = rows === height && columns === NR;
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
        // rows past the last one start as copies of it: nobody will see them
        const s1 = rows > 1 ? s + sStep : s;
        const s2 = rows > 2 ? s1 + sStep : s1;
        const s3 = rows > 3 ? s2 + sStep : s2;
        const s4 = rows > 4 ? s3 + sStep : s3;
        const s5 = rows > 5 ? s4 + sStep : s4;
        if (columns === NR) {
          c00 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 0));
          c01 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 1));
          c10 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s1, 0));
          c11 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s1, 1));
          c20 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s2, 0));
          c21 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s2, 1));
          c30 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s3, 0));
          c31 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s3, 1));
          if (six) {
            c40 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s4, 0));
            c41 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s4, 1));
            c50 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s5, 0));
            c51 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s5, 1));
          }
        } else {
          c00 = Lanes.mul<V>(factor, firstPart<V>(s, columns));
          c01 = Lanes.mul<V>(factor, secondPart<V>(s, columns));
          c10 = Lanes.mul<V>(factor, firstPart<V>(s1, columns));
          c11 = Lanes.mul<V>(factor, secondPart<V>(s1, columns));
          c20 = Lanes.mul<V>(factor, firstPart<V>(s2, columns));
          c21 = Lanes.mul<V>(factor, secondPart<V>(s2, columns));
          c30 = Lanes.mul<V>(factor, firstPart<V>(s3, columns));
          c31 = Lanes.mul<V>(factor, secondPart<V>(s3, columns));
          if (six) {
            c40 = Lanes.mul<V>(factor, firstPart<V>(s4, columns));
            c41 = Lanes.mul<V>(factor, secondPart<V>(s4, columns));
            c50 = Lanes.mul<V>(factor, firstPart<V>(s5, columns));
            c51 = Lanes.mul<V>(factor, secondPart<V>(s5, columns));
          }
        }
      }
      if (kc !== 0) {
        // one step ahead, so that the loop's addresses are sums: V8 then need not widen them to 64 bits on their own
        let a = aPanels - aStep;
        let b = bPanel - bStep;
        const end = b + kc * bStep;
        do {
          a += aStep;
          b += bStep;
          const b0 = Lanes.loadNth<V>(b, 0);
          const b1 = Lanes.loadNth<V>(b, 1);
          let row = Lanes.splatNth<V>(a, 0);
          c00 = Lanes.madd<V>(row, b0, c00);
          c01 = Lanes.madd<V>(row, b1, c01);
          row = Lanes.splatNth<V>(a, 1);
          c10 = Lanes.madd<V>(row, b0, c10);
          c11 = Lanes.madd<V>(row, b1, c11);
          row = Lanes.splatNth<V>(a, 2);
          c20 = Lanes.madd<V>(row, b0, c20);
          c21 = Lanes.madd<V>(row, b1, c21);
          row = Lanes.splatNth<V>(a, 3);
          c30 = Lanes.madd<V>(row, b0, c30);
          c31 = Lanes.madd<V>(row, b1, c31);
          if (six) {
            row = Lanes.splatNth<V>(a, 4);
            c40 = Lanes.madd<V>(row, b0, c40);
            c41 = Lanes.madd<V>(row, b1, c41);
            row = Lanes.splatNth<V>(a, 5);
            c50 = Lanes.madd<V>(row, b0, c50);
            c51 = Lanes.madd<V>(row, b1, c51);
          }
        } while (b !== end);
      }
      const y1 = c + cStep;
      const y2 = y1 + cStep;
      const y3 = y2 + cStep;
      const y4 = y3 + cStep;
      const y5 = y4 + cStep;
      if (whole) {
        Tile.storeBoth<V>(c, c00, c01);
        Tile.storeBoth<V>(y1, c10, c11);
        Tile.storeBoth<V>(y2, c20, c21);
        Tile.storeBoth<V>(y3, c30, c31);
        if (six) {
          Tile.storeBoth<V>(y4, c40, c41);
          Tile.storeBoth<V>(y5, c50, c51);
        }
      } else {
        storePart<V>(c, c00, c01, columns);
        if (rows > 1) storePart<V>(y1, c10, c11, columns);
        if (rows > 2) storePart<V>(y2, c20, c21, columns);
        if (rows > 3) storePart<V>(y3, c30, c31, columns);
        if (six) {
          if (rows > 4) storePart<V>(y4, c40, c41, columns);
          if (rows > 5) storePart<V>(y5, c50, c51, columns);
        }
      }
      aPanels += aPanel;
      s += height * sStep;
      c += height * cStep;
    }
  }

  @inline static storeBoth<V>(c: usize, x: V, y: V): void {
    Lanes.storeNth<V>(c, 0, x);
    Lanes.storeNth<V>(c, 1, y);
  }
}

/** The first vector of a row of which `columns` are there; the others are 0. */
function firstPart<V>(pointer: usize, columns: usize): V {
  return Lanes.load<V>(pointer, columns);
}

function secondPart<V>(pointer: usize, columns: usize): V {
  if (columns <= Lanes.width<V>()) return Lanes.splat<V>(0);
  return Lanes.load<V>(pointer + Lanes.bytes<V>(), columns - Lanes.width<V>());
}

/** The first `columns` of two vectors, at least one. */
function storePart<V>(pointer: usize, x: V, y: V, columns: usize): void {
  Lanes.store<V>(pointer, x, columns);
  if (columns > Lanes.width<V>()) Lanes.store<V>(pointer + Lanes.bytes<V>(), y, columns - Lanes.width<V>());
}
