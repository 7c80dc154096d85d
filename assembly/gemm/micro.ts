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

export class Tile {
  /**
   * C <- beta S + A B for one panel of B: loop 1, over the tiles of its columns of C.
   *
   *   A: panels of kc x MR, LOW where `low` (a column of op(A) after the other, aStep bytes apart), or with `byRows` op(A)
   *      itself, whose rows are aStep bytes apart; a tile's part of it is aTile bytes after the one before
   *   B: kc x NR, bStep bytes apart    S, C: m x columns, columns at most NR, ld in elements
   *
   * Each element is one chain, from beta s_ij, ascending over p. beta = 0 does not read S. S may be C. Panels are read
   * as wide as the tile, rows only where they are; C is written m x columns, with `rectify` as max(., 0).
   */
  @inline static panel(
    low: bool,
    byRows: bool,
    m: usize,
    columns: usize,
    kc: usize,
    a: usize,
    aTile: usize,
    aStep: usize,
    b: usize,
    bStep: usize,
    beta: f64,
    s: usize,
    lds: usize,
    c: usize,
    ldc: usize,
    rectify: bool,
  ): void {
    const narrow = columns <= Lanes.widest;
    // where MR is LOW there are no others
    if (MR === LOW || low) {
      if (byRows) {
        if (narrow)
          tilesOf<Low, Rows, Narrow>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
        else tilesOf<Low, Rows, Wide>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
      } else if (narrow)
        tilesOf<Low, Panels, Narrow>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
      else tilesOf<Low, Panels, Wide>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
    } else if (byRows) {
      if (narrow) tilesOf<Tall, Rows, Narrow>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
      else tilesOf<Tall, Rows, Wide>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
    } else if (narrow)
      tilesOf<Tall, Panels, Narrow>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
    else tilesOf<Tall, Panels, Wide>(m, columns, kc, a, aTile, aStep, b, bStep, beta, s, lds, c, ldc, rectify);
  }

  @inline static run<V>(
    six: bool,
    byRows: bool,
    narrow: bool,
    m: usize,
    columns: usize,
    kc: usize,
    aTiles: usize,
    aTile: usize,
    aStep: usize,
    bPanel: usize,
    bStep: usize,
    beta: f64,
    s: usize,
    sStep: usize,
    c: usize,
    cStep: usize,
    rectify: bool,
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
        if (!narrow && columns === NR) {
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
          c00 = Lanes.mul<V>(factor, Lanes.load<V>(s, columns));
          if (!narrow) c01 = Lanes.mul<V>(factor, Lanes.load<V>(s + Lanes.bytes<V>(), columns - Lanes.width<V>()));
          c10 = Lanes.mul<V>(factor, Lanes.load<V>(s1, columns));
          if (!narrow) c11 = Lanes.mul<V>(factor, Lanes.load<V>(s1 + Lanes.bytes<V>(), columns - Lanes.width<V>()));
          c20 = Lanes.mul<V>(factor, Lanes.load<V>(s2, columns));
          if (!narrow) c21 = Lanes.mul<V>(factor, Lanes.load<V>(s2 + Lanes.bytes<V>(), columns - Lanes.width<V>()));
          c30 = Lanes.mul<V>(factor, Lanes.load<V>(s3, columns));
          if (!narrow) c31 = Lanes.mul<V>(factor, Lanes.load<V>(s3 + Lanes.bytes<V>(), columns - Lanes.width<V>()));
          if (six) {
            c40 = Lanes.mul<V>(factor, Lanes.load<V>(s4, columns));
            if (!narrow) c41 = Lanes.mul<V>(factor, Lanes.load<V>(s4 + Lanes.bytes<V>(), columns - Lanes.width<V>()));
            c50 = Lanes.mul<V>(factor, Lanes.load<V>(s5, columns));
            if (!narrow) c51 = Lanes.mul<V>(factor, Lanes.load<V>(s5 + Lanes.bytes<V>(), columns - Lanes.width<V>()));
          }
        }
      }
      if (kc !== 0) {
        // one step ahead, so that the loop's addresses are sums: V8 then need not widen them to 64 bits on their own
        const aNext: usize = byRows ? 8 : aStep;
        let a = aTiles - aNext;
        // one pointer to each row
        let a1 = a + aStep;
        let a2 = a1 + aStep;
        let a3 = a2 + aStep;
        let a4 = a3 + aStep;
        let a5 = a4 + aStep;
        if (byRows && rows < height) {
          // past the last row to the first again
          if (rows < 2) a1 = a;
          if (rows < 3) a2 = a;
          if (rows < 4) a3 = a;
          if (rows < 5) a4 = a;
          if (rows < 6) a5 = a;
        }
        let b = bPanel - bStep;
        const end = b + kc * bStep;
        do {
          a += aNext;
          b += bStep;
          if (byRows) {
            a1 += 8;
            a2 += 8;
            a3 += 8;
            if (six) {
              a4 += 8;
              a5 += 8;
            }
          }
          const b0 = Lanes.loadNth<V>(b, 0);
          const b1 = narrow ? b0 : Lanes.loadNth<V>(b, 1);
          let row = Lanes.loadSplat<V>(a);
          c00 = Lanes.madd<V>(row, b0, c00);
          if (!narrow) c01 = Lanes.madd<V>(row, b1, c01);
          row = byRows ? Lanes.loadSplat<V>(a1) : Lanes.splatNth<V>(a, 1);
          c10 = Lanes.madd<V>(row, b0, c10);
          if (!narrow) c11 = Lanes.madd<V>(row, b1, c11);
          row = byRows ? Lanes.loadSplat<V>(a2) : Lanes.splatNth<V>(a, 2);
          c20 = Lanes.madd<V>(row, b0, c20);
          if (!narrow) c21 = Lanes.madd<V>(row, b1, c21);
          row = byRows ? Lanes.loadSplat<V>(a3) : Lanes.splatNth<V>(a, 3);
          c30 = Lanes.madd<V>(row, b0, c30);
          if (!narrow) c31 = Lanes.madd<V>(row, b1, c31);
          if (six) {
            row = byRows ? Lanes.loadSplat<V>(a4) : Lanes.splatNth<V>(a, 4);
            c40 = Lanes.madd<V>(row, b0, c40);
            if (!narrow) c41 = Lanes.madd<V>(row, b1, c41);
            row = byRows ? Lanes.loadSplat<V>(a5) : Lanes.splatNth<V>(a, 5);
            c50 = Lanes.madd<V>(row, b0, c50);
            if (!narrow) c51 = Lanes.madd<V>(row, b1, c51);
          }
        } while (b !== end);
      }
      if (rectify) {
        c00 = Lanes.rectified<V>(c00);
        if (!narrow) c01 = Lanes.rectified<V>(c01);
        c10 = Lanes.rectified<V>(c10);
        if (!narrow) c11 = Lanes.rectified<V>(c11);
        c20 = Lanes.rectified<V>(c20);
        if (!narrow) c21 = Lanes.rectified<V>(c21);
        c30 = Lanes.rectified<V>(c30);
        if (!narrow) c31 = Lanes.rectified<V>(c31);
        if (six) {
          c40 = Lanes.rectified<V>(c40);
          if (!narrow) c41 = Lanes.rectified<V>(c41);
          c50 = Lanes.rectified<V>(c50);
          if (!narrow) c51 = Lanes.rectified<V>(c51);
        }
      }
      const y1 = c + cStep;
      const y2 = y1 + cStep;
      const y3 = y2 + cStep;
      const y4 = y3 + cStep;
      const y5 = y4 + cStep;
      if (!narrow && whole) {
        Tile.storeBoth<V>(c, c00, c01);
        Tile.storeBoth<V>(y1, c10, c11);
        Tile.storeBoth<V>(y2, c20, c21);
        Tile.storeBoth<V>(y3, c30, c31);
        if (six) {
          Tile.storeBoth<V>(y4, c40, c41);
          Tile.storeBoth<V>(y5, c50, c51);
        }
      } else {
        Tile.storePart<V>(narrow, c, c00, c01, columns);
        if (rows > 1) Tile.storePart<V>(narrow, y1, c10, c11, columns);
        if (rows > 2) Tile.storePart<V>(narrow, y2, c20, c21, columns);
        if (rows > 3) Tile.storePart<V>(narrow, y3, c30, c31, columns);
        if (six) {
          if (rows > 4) Tile.storePart<V>(narrow, y4, c40, c41, columns);
          if (rows > 5) Tile.storePart<V>(narrow, y5, c50, c51, columns);
        }
      }
      aTiles += aTile;
      s += height * sStep;
      c += height * cStep;
    }
  }

  @inline static storePart<V>(narrow: bool, pointer: usize, x: V, y: V, columns: usize): void {
    Lanes.store<V>(pointer, x, columns);
    if (!narrow) Lanes.store<V>(pointer + Lanes.bytes<V>(), y, columns - Lanes.width<V>());
  }

  @inline static storeBoth<V>(c: usize, x: V, y: V): void {
    Lanes.storeNth<V>(c, 0, x);
    Lanes.storeNth<V>(c, 1, y);
  }
}

/** What a tile is like comes as types, since AssemblyScript has no constants for parameters. */
class Yes {
  @inline is(): bool {
    return true;
  }
}
class No {
  @inline is(): bool {
    return false;
  }
}
/** Six rows high, or four. */
class Tall extends Yes {}
class Low extends No {}
/** op(A) by its rows, or by panels. */
class Rows extends Yes {}
class Panels extends No {}
/** One vector of columns, or two. */
class Narrow extends Yes {}
class Wide extends No {}

/** A function for each kind of tile: loops that shared one would share its registers. */
function tilesOf<Height, Source, Width>(
  m: usize,
  columns: usize,
  kc: usize,
  a: usize,
  aTile: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  beta: f64,
  s: usize,
  lds: usize,
  c: usize,
  ldc: usize,
  rectify: bool,
): void {
  const six = changetype<Height>(0).is();
  const byRows = changetype<Source>(0).is();
  const narrow = changetype<Width>(0).is();
  if (Lanes.wide) {
    Tile.run<v128>(
      six,
      byRows,
      narrow,
      m,
      columns,
      kc,
      a,
      aTile,
      aStep,
      b,
      bStep,
      beta,
      s,
      lds << 3,
      c,
      ldc << 3,
      rectify,
    );
  } else
    Tile.run<f64>(
      six,
      byRows,
      narrow,
      m,
      columns,
      kc,
      a,
      aTile,
      aStep,
      b,
      bStep,
      beta,
      s,
      lds << 3,
      c,
      ldc << 3,
      rectify,
    );
}
