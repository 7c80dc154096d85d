import { Lanes } from "./lanes";
import { columnSums, Reduce } from "./reduce";

/**
 * mean_j <- (sum_i x_ij) / samples, variance_j <- (sum_i (x_ij - mean_j)^2) / samples: biased, in two passes, each column
 * one chain from 0, ascending over i.
 *
 *   x: samples x units    mean, variance: units, apart from x and each other; NaN where samples is 0
 *
 * First order, with n samples and u = 2^-53: |error of mean_j| <= d = u sum_i |x_ij|,
 * |error of variance_j| <= d^2 + (n + 3) u (variance_j + d^2).
 */
export function columnMoments(samples: usize, units: usize, x: usize, mean: usize, variance: usize): void {
  const n = <f64>samples;
  columnSums(samples, units, x, mean);
  BatchNorm.vector<Divided>(units, n, mean, mean);
  Reduce.columns<SquaredDistance>(samples, units, x, mean, 0, variance);
  BatchNorm.vector<Divided>(units, n, variance, variance);
}

/**
 * y_j <- 1 / sqrt(variance_j + epsilon).
 *
 *   variance, y: units. y may be variance.
 *
 * |error| <= 2.5 u y_j, first order
 */
export function inverseDeviations(units: usize, epsilon: f64, variance: usize, y: usize): void {
  BatchNorm.vector<InverseDeviation>(units, epsilon, variance, y);
}

/**
 * xhat_ij <- (x_ij - mean_j) inverse_j, y_ij <- gamma_j xhat_ij + beta_j. Saves xhat, unless that is 0.
 *
 *   x, xhat, y: samples x units. xhat or y may be x.    mean, inverse, gamma, beta: units
 *
 * |error| <= 2 u |xhat_ij| and 4 u (|gamma_j xhat_ij| + |beta_j|), first order
 */
export function normalize(
  samples: usize,
  units: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  gamma: usize,
  beta: usize,
  xhat: usize,
  y: usize,
): void {
  const bytes = units << 3;
  if (xhat === 0) {
    for (let i: usize = 0; i < samples; i++, x += bytes, y += bytes)
      BatchNorm.forward(false, units, x, mean, inverse, gamma, beta, 0, y);
  } else {
    for (let i: usize = 0; i < samples; i++, x += bytes, xhat += bytes, y += bytes)
      BatchNorm.forward(true, units, x, mean, inverse, gamma, beta, xhat, y);
  }
}

/**
 * z_j <- sum_i x_ij y_ij, each column one chain from 0, ascending over i: with dy and xhat the gradient of gamma.
 *
 *   x, y: samples x units. y may be x.    z: units, apart from both
 *
 * |error| <= n u sum_i |x_ij y_ij|, first order
 */
export function columnDots(samples: usize, units: usize, x: usize, y: usize, z: usize): void {
  Reduce.columns<Product>(samples, units, x, y, units << 3, z);
}

/**
 * dx_ij <- gamma_j inverse_j (dy_ij - (sums_j + xhat_ij dots_j) / samples): through mean and variance too, which are made
 * of x.
 *
 *   xhat, dy, dx: samples x units. dx may be dy or xhat.    inverse, gamma, sums, dots: units
 *
 * sums_j is sum_i dy_ij (columnSums), dots_j is sum_i dy_ij xhat_ij (columnDots): the gradients of beta and gamma.
 * |error| <= 6 u |gamma_j inverse_j| (|dy_ij| + (|sums_j| + |xhat_ij dots_j|) / n), first order
 */
export function normalizeGradient(
  samples: usize,
  units: usize,
  xhat: usize,
  inverse: usize,
  gamma: usize,
  sums: usize,
  dots: usize,
  dy: usize,
  dx: usize,
): void {
  const bytes = units << 3;
  const n = <f64>samples;
  for (let i: usize = 0; i < samples; i++, xhat += bytes, dy += bytes, dx += bytes)
    BatchNorm.backward(units, n, xhat, inverse, gamma, sums, dots, dy, dx);
}

class BatchNorm {
  /** y_j <- Op.value(x_j, c). */
  @inline static vector<Op>(units: usize, c: f64, x: usize, y: usize): void {
    if (Lanes.wide) BatchNorm.vectorOver<v128, Op>(units, c, x, y);
    else BatchNorm.vectorOver<f64, Op>(units, c, x, y);
  }

  @inline static vectorOver<V, Op>(units: usize, c: f64, x: usize, y: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(units); at < end; at += Lanes.bytes<V>())
      BatchNorm.vectorAt<V, Op>(c, x + at, y + at, 2);
    if (Lanes.odd<V>(units)) BatchNorm.vectorAt<V, Op>(c, x + at, y + at, 1);
  }

  @inline static vectorAt<V, Op>(c: f64, x: usize, y: usize, left: usize): void {
    Lanes.store<V>(y, changetype<Op>(0).value<V>(Lanes.load<V>(x, left), Lanes.splat<V>(c)), left);
  }

  /** A row of `normalize`. `saves`, a constant: there is an xhat. */
  @inline static forward(
    saves: bool,
    units: usize,
    x: usize,
    mean: usize,
    inverse: usize,
    gamma: usize,
    beta: usize,
    xhat: usize,
    y: usize,
  ): void {
    if (Lanes.wide) BatchNorm.forwardOver<v128>(saves, units, x, mean, inverse, gamma, beta, xhat, y);
    else BatchNorm.forwardOver<f64>(saves, units, x, mean, inverse, gamma, beta, xhat, y);
  }

  @inline static forwardOver<V>(
    saves: bool,
    units: usize,
    x: usize,
    mean: usize,
    inverse: usize,
    gamma: usize,
    beta: usize,
    xhat: usize,
    y: usize,
  ): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(units); at < end; at += Lanes.bytes<V>())
      BatchNorm.forwardAt<V>(saves, x + at, mean + at, inverse + at, gamma + at, beta + at, xhat + at, y + at, 2);
    if (Lanes.odd<V>(units))
      BatchNorm.forwardAt<V>(saves, x + at, mean + at, inverse + at, gamma + at, beta + at, xhat + at, y + at, 1);
  }

  @inline static forwardAt<V>(
    saves: bool,
    x: usize,
    mean: usize,
    inverse: usize,
    gamma: usize,
    beta: usize,
    xhat: usize,
    y: usize,
    left: usize,
  ): void {
    const centred = Lanes.sub<V>(Lanes.load<V>(x, left), Lanes.load<V>(mean, left));
    const normal = Lanes.mul<V>(centred, Lanes.load<V>(inverse, left));
    if (saves) Lanes.store<V>(xhat, normal, left);
    Lanes.store<V>(y, Lanes.madd<V>(Lanes.load<V>(gamma, left), normal, Lanes.load<V>(beta, left)), left);
  }

  /** A row of `normalizeGradient`. */
  @inline static backward(
    units: usize,
    n: f64,
    xhat: usize,
    inverse: usize,
    gamma: usize,
    sums: usize,
    dots: usize,
    dy: usize,
    dx: usize,
  ): void {
    if (Lanes.wide) BatchNorm.backwardOver<v128>(units, n, xhat, inverse, gamma, sums, dots, dy, dx);
    else BatchNorm.backwardOver<f64>(units, n, xhat, inverse, gamma, sums, dots, dy, dx);
  }

  @inline static backwardOver<V>(
    units: usize,
    n: f64,
    xhat: usize,
    inverse: usize,
    gamma: usize,
    sums: usize,
    dots: usize,
    dy: usize,
    dx: usize,
  ): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(units); at < end; at += Lanes.bytes<V>())
      BatchNorm.backwardAt<V>(n, xhat + at, inverse + at, gamma + at, sums + at, dots + at, dy + at, dx + at, 2);
    if (Lanes.odd<V>(units))
      BatchNorm.backwardAt<V>(n, xhat + at, inverse + at, gamma + at, sums + at, dots + at, dy + at, dx + at, 1);
  }

  @inline static backwardAt<V>(
    n: f64,
    xhat: usize,
    inverse: usize,
    gamma: usize,
    sums: usize,
    dots: usize,
    dy: usize,
    dx: usize,
    left: usize,
  ): void {
    const slope = Lanes.mul<V>(Lanes.load<V>(gamma, left), Lanes.load<V>(inverse, left));
    const along = Lanes.madd<V>(Lanes.load<V>(xhat, left), Lanes.load<V>(dots, left), Lanes.load<V>(sums, left));
    const shared = Lanes.div<V>(along, Lanes.splat<V>(n));
    Lanes.store<V>(dx, Lanes.mul<V>(slope, Lanes.sub<V>(Lanes.load<V>(dy, left), shared)), left);
  }
}

class Divided {
  @inline value<V>(x: V, n: V): V {
    return Lanes.div<V>(x, n);
  }
}

class InverseDeviation {
  @inline value<V>(variance: V, epsilon: V): V {
    return Lanes.div<V>(Lanes.splat<V>(1), Lanes.sqrt<V>(Lanes.add<V>(variance, epsilon)));
  }
}

class SquaredDistance {
  @inline onto<V>(sum: V, x: usize, mean: usize, left: usize): V {
    const distance = Lanes.sub<V>(Lanes.load<V>(x, left), Lanes.load<V>(mean, left));
    return Lanes.madd<V>(distance, distance, sum);
  }
}

class Product {
  @inline onto<V>(sum: V, x: usize, y: usize, left: usize): V {
    return Lanes.madd<V>(Lanes.load<V>(x, left), Lanes.load<V>(y, left), sum);
  }
}
