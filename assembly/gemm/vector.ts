import { Lanes } from "../lanes";

/**
 * y_j <- beta s_j + sum_p (alpha x_p) b_pj: one row times a matrix, which streams by once.
 *
 *   x: k, ldx elements apart    B: k x n, ld in elements    s, y: n. y may be s
 *
 * Each element is one chain, ascending over p, as in gemm. beta = 0 does not read s.
 */
export function rowProduct(
  n: usize,
  k: usize,
  alpha: f64,
  x: usize,
  ldx: usize,
  b: usize,
  ldb: usize,
  beta: f64,
  s: usize,
  y: usize,
): void {
  if (Lanes.wide) RowProduct.run<v128>(n, k, alpha, x, ldx << 3, b, ldb << 3, beta, s, y);
  else RowProduct.run<f64>(n, k, alpha, x, ldx << 3, b, ldb << 3, beta, s, y);
}

/**
 * y_i <- beta s_i + sum_p (alpha a_ip) x_p: a matrix, which streams by once, times one column.
 *
 *   A: m x k, ld in elements    x: k, ldx elements apart    s, y: m, lds and ldy elements apart. y may be s
 *
 * Each element is one chain, ascending over p, as in gemm. beta = 0 does not read s.
 */
export function columnProduct(
  m: usize,
  k: usize,
  alpha: f64,
  a: usize,
  lda: usize,
  x: usize,
  ldx: usize,
  beta: f64,
  s: usize,
  lds: usize,
  y: usize,
  ldy: usize,
): void {
  if (Lanes.wide) ColumnProduct.run<v128>(m, k, alpha, a, lda << 3, x, ldx << 3, beta, s, lds << 3, y, ldy << 3);
  else ColumnProduct.run<f64>(m, k, alpha, a, lda << 3, x, ldx << 3, beta, s, lds << 3, y, ldy << 3);
}

class RowProduct {
  /** Eight vectors of columns at a time, then one, then the odd column: enough chains to hide the latency of a sum. */
  @inline static run<V>(
    n: usize,
    k: usize,
    alpha: f64,
    x: usize,
    xStep: usize,
    b: usize,
    bStep: usize,
    beta: f64,
    s: usize,
    y: usize,
  ): void {
    const width: usize = Lanes.width<V>();
    let j: usize = 0;
    for (; j + 8 * width <= n; j += 8 * width) {
      RowProduct.eight<V>(k, alpha, x, xStep, b + (j << 3), bStep, beta, s + (j << 3), y + (j << 3));
    }
    for (; j + width <= n; j += width) {
      RowProduct.one<V>(k, alpha, x, xStep, b + (j << 3), bStep, beta, s + (j << 3), y + (j << 3), 2);
    }
    if (j < n) RowProduct.one<V>(k, alpha, x, xStep, b + (j << 3), bStep, beta, s + (j << 3), y + (j << 3), 1);
  }

  @inline static one<V>(
    k: usize,
    alpha: f64,
    x: usize,
    xStep: usize,
    b: usize,
    bStep: usize,
    beta: f64,
    s: usize,
    y: usize,
    left: usize,
  ): void {
    let sum = Lanes.splat<V>(0);
    if (beta !== 0) sum = Lanes.mul<V>(Lanes.splat<V>(beta), Lanes.load<V>(s, left));
    for (const end = x + k * xStep; x < end; x += xStep, b += bStep) {
      sum = Lanes.madd<V>(Lanes.splat<V>(alpha * load<f64>(x)), Lanes.load<V>(b, left), sum);
    }
    Lanes.store<V>(y, sum, left);
  }

  @inline static eight<V>(
    k: usize,
    alpha: f64,
    x: usize,
    xStep: usize,
    b: usize,
    bStep: usize,
    beta: f64,
    s: usize,
    y: usize,
  ): void {
    let y0 = Lanes.splat<V>(0);
    let y1 = y0;
    let y2 = y0;
    let y3 = y0;
    let y4 = y0;
    let y5 = y0;
    let y6 = y0;
    let y7 = y0;
    if (beta !== 0) {
      const factor = Lanes.splat<V>(beta);
      y0 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 0));
      y1 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 1));
      y2 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 2));
      y3 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 3));
      y4 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 4));
      y5 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 5));
      y6 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 6));
      y7 = Lanes.mul<V>(factor, Lanes.loadNth<V>(s, 7));
    }
    for (const end = x + k * xStep; x < end; x += xStep, b += bStep) {
      const factor = Lanes.splat<V>(alpha * load<f64>(x));
      y0 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 0), y0);
      y1 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 1), y1);
      y2 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 2), y2);
      y3 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 3), y3);
      y4 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 4), y4);
      y5 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 5), y5);
      y6 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 6), y6);
      y7 = Lanes.madd<V>(factor, Lanes.loadNth<V>(b, 7), y7);
    }
    Lanes.storeNth<V>(y, 0, y0);
    Lanes.storeNth<V>(y, 1, y1);
    Lanes.storeNth<V>(y, 2, y2);
    Lanes.storeNth<V>(y, 3, y3);
    Lanes.storeNth<V>(y, 4, y4);
    Lanes.storeNth<V>(y, 5, y5);
    Lanes.storeNth<V>(y, 6, y6);
    Lanes.storeNth<V>(y, 7, y7);
  }
}

class ColumnProduct {
  /** Four vectors of rows at a time, then one row after the other. */
  @inline static run<V>(
    m: usize,
    k: usize,
    alpha: f64,
    a: usize,
    aStep: usize,
    x: usize,
    xStep: usize,
    beta: f64,
    s: usize,
    sStep: usize,
    y: usize,
    yStep: usize,
  ): void {
    const rows: usize = 4 * Lanes.width<V>();
    for (; m >= rows; m -= rows) {
      ColumnProduct.four<V>(k, alpha, a, aStep, x, xStep, beta, s, sStep, y, yStep);
      a += rows * aStep;
      s += rows * sStep;
      y += rows * yStep;
    }
    for (; m > 0; m--) {
      // a row times a matrix of one column
      RowProduct.one<V>(k, alpha, a, 8, x, xStep, beta, s, y, 1);
      a += aStep;
      s += sStep;
      y += yStep;
    }
  }

  @inline static four<V>(
    k: usize,
    alpha: f64,
    a: usize,
    aStep: usize,
    x: usize,
    xStep: usize,
    beta: f64,
    s: usize,
    sStep: usize,
    y: usize,
    yStep: usize,
  ): void {
    const width: usize = Lanes.width<V>();
    let y0 = Lanes.splat<V>(0);
    let y1 = y0;
    let y2 = y0;
    let y3 = y0;
    if (beta !== 0) {
      const factor = Lanes.splat<V>(beta);
      y0 = Lanes.mul<V>(factor, Lanes.gather<V>(s, sStep));
      y1 = Lanes.mul<V>(factor, Lanes.gather<V>(s + width * sStep, sStep));
      y2 = Lanes.mul<V>(factor, Lanes.gather<V>(s + 2 * width * sStep, sStep));
      y3 = Lanes.mul<V>(factor, Lanes.gather<V>(s + 3 * width * sStep, sStep));
    }
    const factor = Lanes.splat<V>(alpha);
    const group = width * aStep;
    for (const end = a + (k << 3); a < end; a += 8, x += xStep) {
      const term = Lanes.loadSplat<V>(x);
      y0 = Lanes.madd<V>(Lanes.mul<V>(factor, Lanes.gather<V>(a, aStep)), term, y0);
      y1 = Lanes.madd<V>(Lanes.mul<V>(factor, Lanes.gather<V>(a + group, aStep)), term, y1);
      y2 = Lanes.madd<V>(Lanes.mul<V>(factor, Lanes.gather<V>(a + 2 * group, aStep)), term, y2);
      y3 = Lanes.madd<V>(Lanes.mul<V>(factor, Lanes.gather<V>(a + 3 * group, aStep)), term, y3);
    }
    Lanes.scatter<V>(y, yStep, y0);
    Lanes.scatter<V>(y + width * yStep, yStep, y1);
    Lanes.scatter<V>(y + 2 * width * yStep, yStep, y2);
    Lanes.scatter<V>(y + 3 * width * yStep, yStep, y3);
  }
}
