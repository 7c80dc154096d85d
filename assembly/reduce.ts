import { Lanes } from "./lanes";
import { Rows } from "./rows";

/** Bytes of the rows that Reduce.columns goes down together: half a first-level cache. */
const BLOCK: usize = 16384;

/**
 * y_j <- sum_i x_ij, each column one chain from 0, ascending over i: the gradient of a bias.
 *
 *   x: samples x units    y: units
 */
export function columnSums(samples: usize, units: usize, x: usize, y: usize): void {
  Reduce.columns<Plain>(samples, units, x, 0, 0, y);
}

/**
 * x_ij <- w_i x_ij: a gradient by its sample's weight.
 *
 *   x: samples x units    w: samples
 */
export function scaleRows(samples: usize, units: usize, w: usize, x: usize): void {
  for (let i: usize = 0; i < samples; i++) {
    const factor = load<f64>(w + (i << 3));
    for (const end = x + (units << 3); x < end; x += 8) store<f64>(x, factor * load<f64>(x));
  }
}

/**
 * Adds x_0, x_1, ... (each times w_i, where w is not 0) to a running sum of two numbers, sum and compensation
 * (Neumaier 1974), in that order. The chain goes on from call to call, so a sum over a data set has the same bits
 * for every size of batch, and an error that does not grow with its length.
 *
 *   x, w: length    state: sum, compensation
 */
export function accumulate(length: usize, x: usize, w: usize, state: usize): void {
  let sum = load<f64>(state);
  let compensation = load<f64>(state, 8);
  for (let i: usize = 0; i < length; i++) {
    let term = load<f64>(x + (i << 3));
    if (w !== 0) term *= load<f64>(w + (i << 3));
    const next = sum + term;
    // what the rounding of `next` lost, from the larger of the two
    compensation += abs(sum) >= abs(term) ? sum - next + term : term - next + sum;
    sum = next;
  }
  store<f64>(state, sum);
  store<f64>(state, compensation, 8);
}

/**
 * sums <- (sum_i |x_i|, sum_i x_i^2): what l1 and l2 penalties are made of. Blocks of 128 (even-indexed terms, odd-indexed
 * terms, even + odd), block after block.
 *
 *   x: length    sums: 2
 */
export function magnitudes(length: usize, x: usize, sums: usize): void {
  let absolutes: f64 = 0;
  let squares: f64 = 0;
  for (let i: usize = 0; i < length; i += 128) {
    const count = min<usize>(128, length - i);
    absolutes += Rows.sum<Absolute>(count, x + (i << 3), x + (i << 3), 0);
    squares += Rows.dot(count, x + (i << 3), x + (i << 3));
  }
  store<f64>(sums, absolutes);
  store<f64>(sums, squares, 8);
}

/**
 * g_i <- g_i + l1 sign(w_i) + 2 l2 w_i, sign(0) = 0: the gradient of the penalties.
 *
 *   w, g: length
 */
export function addPenaltyGradient(length: usize, l1: f64, l2: f64, w: usize, g: usize): void {
  if (Lanes.wide) Reduce.penalty<v128>(length, l1, l2, w, g);
  else Reduce.penalty<f64>(length, l1, l2, w, g);
}

/**
 * The index of the first x_i that is NaN or infinite; length where there is none. A sum of all tells: it is finite where they
 * are, or else, and where finite ones overflow in it, each is looked at.
 */
export function firstNotFinite(length: usize, x: usize): usize {
  let i: usize = 0;
  if (Lanes.wide) {
    const whole = length & ~15;
    const sum = Reduce.total<Itself>(x, x + (whole << 3));
    // x - x is 0 of a finite number, NaN of any other
    if (sum - sum === 0) i = whole;
  }
  for (; i < length; i++) {
    const value = load<f64>(x + (i << 3));
    if (value - value !== 0) return i;
  }
  return length;
}

/**
 * Whether sum_i x_i^2, in no stated order, is no more than 1e300: false where one is NaN. The roots of two such sums have a product
 * below 1e301, and so has any product of their vectors (Cauchy and Schwarz).
 */
export function areSmall(length: usize, x: usize): bool {
  let sum: f64 = 0;
  let i: usize = 0;
  if (Lanes.wide) {
    i = length & ~15;
    sum = Reduce.total<Square>(x, x + (i << 3));
  }
  for (; i < length; i++) {
    const value = load<f64>(x + (i << 3));
    sum += value * value;
  }
  return sum <= 1e300;
}

export class Reduce {
  /** The sum of Op of what lies from `x` to `end`, sixteen at a time: eight chains, for an addition takes longer than a load. */
  static total<Op>(x: usize, end: usize): f64 {
    const op = changetype<Op>(0);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let s4 = s0;
    let s5 = s0;
    let s6 = s0;
    let s7 = s0;
    for (; x < end; x += 128) {
      s0 = f64x2.add(s0, op.of(v128.load(x)));
      s1 = f64x2.add(s1, op.of(v128.load(x, 16)));
      s2 = f64x2.add(s2, op.of(v128.load(x, 32)));
      s3 = f64x2.add(s3, op.of(v128.load(x, 48)));
      s4 = f64x2.add(s4, op.of(v128.load(x, 64)));
      s5 = f64x2.add(s5, op.of(v128.load(x, 80)));
      s6 = f64x2.add(s6, op.of(v128.load(x, 96)));
      s7 = f64x2.add(s7, op.of(v128.load(x, 112)));
    }
    s0 = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
    s4 = f64x2.add(f64x2.add(s4, s5), f64x2.add(s6, s7));
    s0 = f64x2.add(s0, s4);
    return f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  }

  /**
   * z_j <- 0, then z_j <- Op.onto(z_j, x_ij, y_ij), i ascending: each column one chain.
   *
   *   x: samples x units    y: likewise where `step`, its bytes from row to row, is that of x; one row where it is 0
   *   z: units, apart from both
   *
   * Op reads x and y itself: what it does not need is not read.
   */
  @inline static columns<Op>(samples: usize, units: usize, x: usize, y: usize, step: usize, z: usize): void {
    if (Lanes.wide) Reduce.columnsOver<v128, Op>(samples, units, x, y, step, z);
    else Reduce.columnsOver<f64, Op>(samples, units, x, y, step, z);
  }

  /** Four vectors of columns at a time, whose sums stay in registers, down the rows of a block, which stay in the cache. */
  @inline static columnsOver<V, Op>(samples: usize, units: usize, x: usize, y: usize, step: usize, z: usize): void {
    const bytes = Lanes.bytes<V>();
    const row = units << 3;
    memory.fill(z, 0, row);
    const together = max<usize>(4, BLOCK / max<usize>(1, row + step));
    for (let i: usize = 0; i < samples; i += together) {
      const rows = min<usize>(together, samples - i) * row;
      let at: usize = 0;
      for (const end = Lanes.fours<V>(units); at < end; at += 4 * bytes)
        Reduce.fourColumns<V, Op>(rows, row, x + at, y + at, step, z + at);
      for (const end = Lanes.whole<V>(units); at < end; at += bytes)
        Reduce.column<V, Op>(rows, row, x + at, y + at, step, z + at, 2);
      if (Lanes.odd<V>(units)) Reduce.column<V, Op>(rows, row, x + at, y + at, step, z + at, 1);
      x += rows;
      if (step !== 0) y += rows;
    }
  }

  @inline static fourColumns<V, Op>(rows: usize, row: usize, x: usize, y: usize, step: usize, z: usize): void {
    const op = changetype<Op>(0);
    const bytes = Lanes.bytes<V>();
    let z0 = Lanes.loadNth<V>(z, 0);
    let z1 = Lanes.loadNth<V>(z, 1);
    let z2 = Lanes.loadNth<V>(z, 2);
    let z3 = Lanes.loadNth<V>(z, 3);
    for (const end = x + rows; x < end; x += row) {
      z0 = op.onto<V>(z0, x, y, 2);
      z1 = op.onto<V>(z1, x + bytes, y + bytes, 2);
      z2 = op.onto<V>(z2, x + 2 * bytes, y + 2 * bytes, 2);
      z3 = op.onto<V>(z3, x + 3 * bytes, y + 3 * bytes, 2);
      y += step;
    }
    Lanes.storeNth<V>(z, 0, z0);
    Lanes.storeNth<V>(z, 1, z1);
    Lanes.storeNth<V>(z, 2, z2);
    Lanes.storeNth<V>(z, 3, z3);
  }

  @inline static column<V, Op>(rows: usize, row: usize, x: usize, y: usize, step: usize, z: usize, left: usize): void {
    const op = changetype<Op>(0);
    let sum = Lanes.load<V>(z, left);
    for (const end = x + rows; x < end; x += row) {
      sum = op.onto<V>(sum, x, y, left);
      y += step;
    }
    Lanes.store<V>(z, sum, left);
  }

  @inline static penalty<V>(length: usize, l1: f64, l2: f64, w: usize, g: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Reduce.penaltyAt<V>(l1, 2 * l2, w + at, g + at, 2);
    if (Lanes.odd<V>(length)) Reduce.penaltyAt<V>(l1, 2 * l2, w + at, g + at, 1);
  }

  @inline static penaltyAt<V>(l1: f64, twiceL2: f64, w: usize, g: usize, left: usize): void {
    const zero = Lanes.splat<V>(0);
    const x = Lanes.load<V>(w, left);
    const negative = Lanes.ifLess<V>(x, zero, Lanes.splat<V>(-l1), zero);
    const sign = Lanes.ifLess<V>(zero, x, Lanes.splat<V>(l1), negative);
    const slope = Lanes.madd<V>(Lanes.splat<V>(twiceL2), x, sign);
    Lanes.store<V>(g, Lanes.add<V>(Lanes.load<V>(g, left), slope), left);
  }
}

class Itself {
  @inline of(x: v128): v128 {
    return x;
  }
}

class Square {
  @inline of(x: v128): v128 {
    return f64x2.mul(x, x);
  }
}

class Absolute {
  @inline term<V>(x: V, _y: V, _c: V): V {
    return Lanes.abs<V>(x);
  }
}

class Plain {
  @inline onto<V>(sum: V, x: usize, _: usize, left: usize): V {
    return Lanes.add<V>(sum, Lanes.load<V>(x, left));
  }
}
