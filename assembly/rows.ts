import { Lanes } from "./lanes";

/**
 * Reductions along one row, in the order that every variant keeps: the terms of even index one after the
 * other, those of odd index one after the other, then even + odd. v128 keeps both sums in one register, f64 in two variables.
 */
export class Rows {
  /** The second sum of the last `sums`. */
  static second: f64 = 0;

  /** Both sum_j Op.term(x_j, y_j, c), which is returned, and sum_j Other.term(x_j, y_j, c), into `second`, in one pass. */
  @inline static sums<Op, Other>(units: usize, x: usize, y: usize, c: f64): f64 {
    const op = changetype<Op>(0);
    const other = changetype<Other>(0);
    if (Lanes.wide) {
      let sums = Lanes.splat<v128>(0);
      let others = sums;
      const constant = Lanes.splat<v128>(c);
      let at: usize = 0;
      for (const end = Lanes.whole<v128>(units); at < end; at += Lanes.bytes<v128>()) {
        const xj = Lanes.loadAll<v128>(x + at);
        const yj = Lanes.loadAll<v128>(y + at);
        sums = Lanes.add<v128>(sums, op.term<v128>(xj, yj, constant));
        others = Lanes.add<v128>(others, other.term<v128>(xj, yj, constant));
      }
      if (Lanes.odd<v128>(units)) {
        const xj = Lanes.load<v128>(x + at, 1);
        const yj = Lanes.load<v128>(y + at, 1);
        sums = Lanes.add<v128>(sums, Lanes.keep<v128>(op.term<v128>(xj, yj, constant), 1));
        others = Lanes.add<v128>(others, Lanes.keep<v128>(other.term<v128>(xj, yj, constant), 1));
      }
      Rows.second = Lanes.first<v128>(others) + Lanes.second<v128>(others);
      return Lanes.first<v128>(sums) + Lanes.second<v128>(sums);
    }
    Rows.second = Rows.sum<Other>(units, x, y, c);
    return Rows.sum<Op>(units, x, y, c);
  }

  /** sum_j x_j y_j. */
  @inline static dot(units: usize, x: usize, y: usize): f64 {
    return Rows.sum<Product>(units, x, y, 0);
  }

  /** sum_j Op.term(x_j, y_j, c) for j < units. */
  static sum<Op>(units: usize, x: usize, y: usize, c: f64): f64 {
    const op = changetype<Op>(0);
    if (Lanes.wide) {
      let sums = Lanes.splat<v128>(0);
      const constant = Lanes.splat<v128>(c);
      let at: usize = 0;
      for (const end = Lanes.whole<v128>(units); at < end; at += Lanes.bytes<v128>()) {
        const term = op.term<v128>(Lanes.loadAll<v128>(x + at), Lanes.loadAll<v128>(y + at), constant);
        sums = Lanes.add<v128>(sums, term);
      }
      if (Lanes.odd<v128>(units)) {
        const term = op.term<v128>(Lanes.load<v128>(x + at, 1), Lanes.load<v128>(y + at, 1), constant);
        sums = Lanes.add<v128>(sums, Lanes.keep<v128>(term, 1));
      }
      return Lanes.first<v128>(sums) + Lanes.second<v128>(sums);
    }
    let even: f64 = 0;
    let odd: f64 = 0;
    for (let j: usize = 0; j < units; j += 2) {
      const at = j << 3;
      even += op.term<f64>(load<f64>(x + at), load<f64>(y + at), c);
      if (j + 1 < units) odd += op.term<f64>(load<f64>(x + at, 8), load<f64>(y + at, 8), c);
    }
    return even + odd;
  }

  /**
   * The largest x_j; -infinity for an empty row, NaN where any is NaN. Exact, so in any order: compared, with NaN looked for
   * apart, since max itself is a dozen instructions on x86-64.
   */
  @inline static max(units: usize, x: usize): f64 {
    if (Lanes.wide) {
      let pair = f64x2.splat(-Infinity);
      let strange = i64x2.splat(0);
      let at: usize = 0;
      for (const end = Lanes.whole<v128>(units); at < end; at += 16) {
        const value = v128.load(x + at);
        pair = f64x2.pmax(pair, value);
        strange = v128.or(strange, f64x2.ne(value, value));
      }
      if (Lanes.odd<v128>(units)) {
        const value = v128.load64_splat(x + at);
        pair = f64x2.pmax(pair, value);
        strange = v128.or(strange, f64x2.ne(value, value));
      }
      if (v128.any_true(strange)) return NaN;
      // which of the two is larger cannot be foreseen: no branch
      return f64x2.extract_lane(f64x2.pmax(pair, v128.shuffle<i64>(pair, pair, 1, 0)), 0);
    }
    let largest = -Infinity;
    for (const end = x + (units << 3); x < end; x += 8) {
      const value = load<f64>(x);
      if (!(value <= Infinity)) return NaN;
      if (largest < value) largest = value;
    }
    return largest;
  }
}

class Product {
  @inline term<V>(x: V, y: V, _: V): V {
    return Lanes.mul<V>(x, y);
  }
}
