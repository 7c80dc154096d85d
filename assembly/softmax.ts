import { exp } from "./elementwise";
import { Lanes } from "./lanes";
import { Rows } from "./rows";

/** Elements, about, that go through the three sweeps of a softmax together: they stay in the first-level cache. */
const BLOCK: usize = 512;

/**
 * y_ij <- e^(z_ij - max_i) / sum_j e^(z_ij - max_i), row by row.
 *
 *   z, y: samples x units. y may be z.
 *
 * Never overflows. The order of the sum: rows.ts. The exponentials of many rows are one sweep, in which they overlap
 * as those of a short row could not.
 */
export function softmax(samples: usize, units: usize, z: usize, y: usize): void {
  const bytes = units << 3;
  const together = max<usize>(1, BLOCK / max<usize>(1, units));
  for (let i: usize = 0; i < samples; i += together) {
    const rows = min<usize>(together, samples - i);
    const block = y;
    for (let r: usize = 0; r < rows; r++, z += bytes, y += bytes) {
      Softmax.row<Shifted>(units, z, z, Rows.max(units, z), y);
    }
    exp(rows * units, block, block);
    for (y = block; y < block + rows * bytes; y += bytes) {
      Softmax.row<Divided>(units, y, y, Rows.sum<Itself>(units, y, y, 0), y);
    }
  }
}

/**
 * dz_ij <- y_ij (dy_ij - sum_k dy_ik y_ik): the product with the row's full Jacobian. Saves y.
 *
 *   y, dy, dz: samples x units. dz may be y or dy.
 */
export function softmaxGradient(samples: usize, units: usize, y: usize, dy: usize, dz: usize): void {
  const bytes = units << 3;
  for (let i: usize = 0; i < samples; i++, y += bytes, dy += bytes, dz += bytes) {
    Softmax.row<Jacobian>(units, y, dy, Rows.dot(units, y, dy), dz);
  }
}

class Softmax {
  /** out_j <- Op.value(x_j, y_j, c) along a row. */
  @inline static row<Op>(units: usize, x: usize, y: usize, c: f64, out: usize): void {
    if (Lanes.wide) Softmax.rowOver<v128, Op>(units, x, y, c, out);
    else Softmax.rowOver<f64, Op>(units, x, y, c, out);
  }

  @inline static rowOver<V, Op>(units: usize, x: usize, y: usize, c: f64, out: usize): void {
    const constant = Lanes.splat<V>(c);
    let at: usize = 0;
    for (const end = Lanes.whole<V>(units); at < end; at += Lanes.bytes<V>())
      Softmax.rowAt<V, Op>(x + at, y + at, constant, out + at, 2);
    if (Lanes.odd<V>(units)) Softmax.rowAt<V, Op>(x + at, y + at, constant, out + at, 1);
  }

  @inline static rowAt<V, Op>(x: usize, y: usize, c: V, out: usize, left: usize): void {
    const value = changetype<Op>(0).value<V>(Lanes.load<V>(x, left), Lanes.load<V>(y, left), c);
    Lanes.store<V>(out, value, left);
  }
}

class Shifted {
  @inline value<V>(x: V, _: V, largest: V): V {
    return Lanes.sub<V>(x, largest);
  }
}

class Divided {
  @inline value<V>(x: V, _: V, total: V): V {
    return Lanes.div<V>(x, total);
  }
}

class Jacobian {
  @inline value<V>(y: V, dy: V, dot: V): V {
    return Lanes.mul<V>(y, Lanes.sub<V>(dy, dot));
  }
}

class Itself {
  @inline term<V>(x: V, _y: V, _c: V): V {
    return x;
  }
}
