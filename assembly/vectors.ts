import { Lanes } from "./lanes";
import { Rows } from "./rows";

/**
 * result <- sum_i x_i y_i. Blocks of 128 (even-indexed terms, odd-indexed terms, even + odd), block after block.
 *
 *   x, y: length    result: 1
 */
export function dot(length: usize, x: usize, y: usize, result: usize): void {
  let sum: f64 = 0;
  for (let i: usize = 0; i < length; i += 128) {
    sum += Rows.dot(min<usize>(128, length - i), x + (i << 3), y + (i << 3));
  }
  store<f64>(result, sum);
}

/**
 * z_i <- a x_i + b y_i. With b = 0 y is not read.
 *
 *   x, y, z: length. z may be x or y.
 */
export function combine(length: usize, a: f64, x: usize, b: f64, y: usize, z: usize): void {
  if (Lanes.wide) Vectors.combine<v128>(length, a, x, b, y, z);
  else Vectors.combine<f64>(length, a, x, b, y, z);
}

class Vectors {
  @inline static combine<V>(length: usize, a: f64, x: usize, b: f64, y: usize, z: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Vectors.combineAt<V>(a, x + at, b, y + at, z + at, 2);
    if (Lanes.odd<V>(length)) Vectors.combineAt<V>(a, x + at, b, y + at, z + at, 1);
  }

  @inline static combineAt<V>(a: f64, x: usize, b: f64, y: usize, z: usize, left: usize): void {
    const ax = Lanes.mul<V>(Lanes.splat<V>(a), Lanes.load<V>(x, left));
    const sum = b === 0 ? ax : Lanes.madd<V>(Lanes.splat<V>(b), Lanes.load<V>(y, left), ax);
    Lanes.store<V>(z, sum, left);
  }
}
