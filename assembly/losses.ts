import { Lanes } from "./lanes";
import { Elementary } from "./math";
import { Rows } from "./rows";

/**
 * A loss that is a sum over elements is a class of two methods over one lane or many:
 *
 *   term(y, t, c)    its share of J; c, which Rows.sum hands to every term, is not used
 *   slope(y, t)      dJ/dy, up to the constant that `divisor` carries
 *
 * and two kernels, each a line: `nameLoss` writes J of each sample, `nameGradient` dC/dy (or dC/dz where it
 * starts from logits). The cross-entropy of a softmax, whose elements depend on each other: crossEntropy.ts.
 */
class Loss {
  /**
   * losses_i <- factor sum_j term(y_ij, t_ij).    y, t: samples x units; losses: samples
   *
   * The order of the sum: rows.ts.
   */
  @inline static value<F>(samples: usize, units: usize, factor: f64, y: usize, t: usize, losses: usize): void {
    const bytes = units << 3;
    for (let i: usize = 0; i < samples; i++, y += bytes, t += bytes) {
      store<f64>(losses + (i << 3), factor * Rows.sum<F>(units, y, t, 0));
    }
  }

  /** g <- slope(y, t) / divisor.    y, t, g: samples x units. g may be y or t. */
  @inline static gradient<F>(samples: usize, units: usize, divisor: f64, y: usize, t: usize, g: usize): void {
    if (Lanes.wide) Loss.gradientOver<v128, F>(samples * units, divisor, y, t, g);
    else Loss.gradientOver<f64, F>(samples * units, divisor, y, t, g);
  }

  @inline static gradientOver<V, F>(length: usize, divisor: f64, y: usize, t: usize, g: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Loss.gradientAt<V, F>(divisor, y + at, t + at, g + at, 2);
    if (Lanes.odd<V>(length)) Loss.gradientAt<V, F>(divisor, y + at, t + at, g + at, 1);
  }

  @inline static gradientAt<V, F>(divisor: f64, y: usize, t: usize, g: usize, left: usize): void {
    const slope = changetype<F>(0).slope<V>(Lanes.load<V>(y, left), Lanes.load<V>(t, left));
    Lanes.store<V>(g, Lanes.div<V>(slope, Lanes.splat<V>(divisor)), left);
  }
}

/** (y - t)^2; its gradient is that of half of it, y - t: meanSquaredError divides by n m / 2. */
class SquaredDifference {
  @inline term<V>(y: V, t: V, _: V): V {
    const d = Lanes.sub<V>(y, t);
    return Lanes.mul<V>(d, d);
  }
  @inline slope<V>(y: V, t: V): V {
    return Lanes.sub<V>(y, t);
  }
}

/** losses_i <- factor sum_j (y_ij - t_ij)^2: factor 1/2 for sumOfSquares, 1 / units for meanSquaredError. */
export function squaresLoss(samples: usize, units: usize, factor: f64, y: usize, t: usize, losses: usize): void {
  Loss.value<SquaredDifference>(samples, units, factor, y, t, losses);
}
export function squaresGradient(samples: usize, units: usize, divisor: f64, y: usize, t: usize, g: usize): void {
  Loss.gradient<SquaredDifference>(samples, units, divisor, y, t, g);
}

/** |y - t|, its slope the sign, 0 where they are equal. */
class AbsoluteDifference {
  @inline term<V>(y: V, t: V, _: V): V {
    return Lanes.abs<V>(Lanes.sub<V>(y, t));
  }
  @inline slope<V>(y: V, t: V): V {
    const d = Lanes.sub<V>(y, t);
    const zero = Lanes.splat<V>(0);
    // d itself is 0 or NaN where neither comparison holds
    return Lanes.ifLess<V>(zero, d, Lanes.splat<V>(1), Lanes.ifLess<V>(d, zero, Lanes.splat<V>(-1), d));
  }
}

/** losses_i <- factor sum_j |y_ij - t_ij|, factor 1 / units. */
export function absoluteLoss(samples: usize, units: usize, factor: f64, y: usize, t: usize, losses: usize): void {
  Loss.value<AbsoluteDifference>(samples, units, factor, y, t, losses);
}
export function absoluteGradient(samples: usize, units: usize, divisor: f64, y: usize, t: usize, g: usize): void {
  Loss.gradient<AbsoluteDifference>(samples, units, divisor, y, t, g);
}

/** d^2 / 2 where |d| <= 1, |d| - 1/2 beyond, d = y - t; its slope is d held within -1 and 1. */
class Huber {
  @inline term<V>(y: V, t: V, _: V): V {
    const d = Lanes.abs<V>(Lanes.sub<V>(y, t));
    const half = Lanes.splat<V>(0.5);
    const within = Lanes.mul<V>(half, Lanes.mul<V>(d, d));
    return Lanes.ifAtMost<V>(d, Lanes.splat<V>(1), within, Lanes.sub<V>(d, half));
  }
  @inline slope<V>(y: V, t: V): V {
    const d = Lanes.sub<V>(y, t);
    return Lanes.max<V>(Lanes.splat<V>(-1), Lanes.min<V>(Lanes.splat<V>(1), d));
  }
}

/** losses_i <- factor sum_j huber(y_ij - t_ij), delta 1, factor 1 / units. */
export function huberLoss(samples: usize, units: usize, factor: f64, y: usize, t: usize, losses: usize): void {
  Loss.value<Huber>(samples, units, factor, y, t, losses);
}
export function huberGradient(samples: usize, units: usize, divisor: f64, y: usize, t: usize, g: usize): void {
  Loss.gradient<Huber>(samples, units, divisor, y, t, g);
}

/** -(t log y + (1 - t) log(1 - y)), with 0 log 0 = 0. */
class BinaryCrossEntropy {
  @inline term<V>(y: V, t: V, _: V): V {
    const zero = Lanes.splat<V>(0);
    const rest = Lanes.sub<V>(Lanes.splat<V>(1), t);
    const hit = Lanes.ifEqual<V>(t, zero, zero, Lanes.mul<V>(t, Elementary.log<V>(y)));
    const miss = Lanes.ifEqual<V>(rest, zero, zero, Lanes.mul<V>(rest, Elementary.log1p<V>(Lanes.neg<V>(y))));
    return Lanes.neg<V>(Lanes.add<V>(hit, miss));
  }
  /** (y - t) / (y (1 - y)); at t = 0 and t = 1, where that may be 0 / 0, what is left of it. */
  @inline slope<V>(y: V, t: V): V {
    const one = Lanes.splat<V>(1);
    const rest = Lanes.sub<V>(one, y);
    const between = Lanes.div<V>(Lanes.sub<V>(y, t), Lanes.mul<V>(y, rest));
    const atOne = Lanes.ifEqual<V>(t, one, Lanes.div<V>(Lanes.splat<V>(-1), y), between);
    return Lanes.ifEqual<V>(t, Lanes.splat<V>(0), Lanes.div<V>(one, rest), atOne);
  }
}

/** losses_i <- -factor sum_j (t log y + (1 - t) log(1 - y)), the plain form: infinite where y is infinitely wrong. */
export function binaryLoss(samples: usize, units: usize, factor: f64, y: usize, t: usize, losses: usize): void {
  Loss.value<BinaryCrossEntropy>(samples, units, factor, y, t, losses);
}
export function binaryGradient(samples: usize, units: usize, divisor: f64, y: usize, t: usize, g: usize): void {
  Loss.gradient<BinaryCrossEntropy>(samples, units, divisor, y, t, g);
}

/** The same of y = sigmoid(z), from z: max(z, 0) - z t + log1p(e^-|z|). */
class BinaryFromLogits {
  @inline term<V>(z: V, t: V, _: V): V {
    const zero = Lanes.splat<V>(0);
    const tail = Elementary.log1p<V>(Elementary.exp<V>(Lanes.neg<V>(Lanes.abs<V>(z))));
    // max(z, 0) - z t as one product: z (1 - t) on the right, -z t on the left; 0 where the factor is, for an infinite z too
    const one = Lanes.splat<V>(1);
    const missing = Lanes.ifLess<V>(zero, z, Lanes.sub<V>(one, t), Lanes.neg<V>(t));
    const reach = Lanes.ifEqual<V>(missing, zero, zero, Lanes.mul<V>(z, missing));
    return Lanes.add<V>(reach, tail);
  }
  /** sigmoid(z) - t without cancellation: on the right (1 - t) - sigmoid(-z). */
  @inline slope<V>(z: V, t: V): V {
    const one = Lanes.splat<V>(1);
    const e = Elementary.exp<V>(Lanes.neg<V>(Lanes.abs<V>(z)));
    const small = Lanes.div<V>(e, Lanes.add<V>(one, e));
    const right = Lanes.sub<V>(Lanes.sub<V>(one, t), small);
    return Lanes.ifLess<V>(Lanes.splat<V>(0), z, right, Lanes.sub<V>(small, t));
  }
}

/**
 * losses_i <- factor sum_j (max(z, 0) - z t + log1p(e^-|z|)): finite for logits within half of float64's range. y, which
 * the categorical one wants, is not read.
 */
export function binaryLogitsLoss(
  samples: usize,
  units: usize,
  factor: f64,
  z: usize,
  _y: usize,
  t: usize,
  losses: usize,
): void {
  Loss.value<BinaryFromLogits>(samples, units, factor, z, t, losses);
}
export function binaryLogitsGradient(samples: usize, units: usize, divisor: f64, z: usize, t: usize, g: usize): void {
  Loss.gradient<BinaryFromLogits>(samples, units, divisor, z, t, g);
}

/** -t log y, with 0 log 0 = 0. */
class CategoricalCrossEntropy {
  @inline term<V>(y: V, t: V, _: V): V {
    const zero = Lanes.splat<V>(0);
    return Lanes.ifEqual<V>(t, zero, zero, Lanes.neg<V>(Lanes.mul<V>(t, Elementary.log<V>(y))));
  }
  @inline slope<V>(y: V, t: V): V {
    const zero = Lanes.splat<V>(0);
    return Lanes.ifEqual<V>(t, zero, zero, Lanes.neg<V>(Lanes.div<V>(t, y)));
  }
}

/** losses_i <- -factor sum_j t log y, the plain form. */
export function categoricalLoss(samples: usize, units: usize, factor: f64, y: usize, t: usize, losses: usize): void {
  Loss.value<CategoricalCrossEntropy>(samples, units, factor, y, t, losses);
}
export function categoricalGradient(samples: usize, units: usize, divisor: f64, y: usize, t: usize, g: usize): void {
  Loss.gradient<CategoricalCrossEntropy>(samples, units, divisor, y, t, g);
}
