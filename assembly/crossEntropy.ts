import { Lanes } from "./lanes";
import { Elementary } from "./math";
import { Rows } from "./rows";

/**
 * losses_i <- factor sum_j t_ij (logsumexp(z_i) - z_ij): categorical cross-entropy of y = softmax(z), from z and y.
 *
 *   z, y, t: samples x units; losses: samples
 *
 * Finite for all logits within half of float64's range. With the largest logit taken out, logsumexp is
 * log1p of the other exponentials, which are those y over the y of the largest: a sure and right answer keeps a cost with
 * all its digits.
 */
export function categoricalLogitsLoss(
  samples: usize,
  units: usize,
  factor: f64,
  z: usize,
  y: usize,
  t: usize,
  losses: usize,
): void {
  if (Lanes.wide) CrossEntropy.losses<v128>(samples, units, factor, z, y, t, losses);
  else CrossEntropy.losses<f64>(samples, units, factor, z, y, t, losses);
}

/**
 * g_ij <- (y_ij sum_k t_ik - t_ij) / divisor: dC/dz of the same, from y = softmax(z), also where targets do not
 * sum to one.
 *
 *   y, t, g: samples x units. g may be y or t.
 *
 * As y_ij sum_{k !== j} t_ik - t_ij (1 - y_ij), with 1 - y_ij for a y above 1/2 as the sum of the other y:
 * for one-hot targets nothing cancels.
 */
export function categoricalLogitsGradient(
  samples: usize,
  units: usize,
  divisor: f64,
  y: usize,
  t: usize,
  g: usize,
): void {
  if (Lanes.wide) CrossEntropy.gradient<v128>(samples, units, divisor, y, t, g);
  else CrossEntropy.gradient<f64>(samples, units, divisor, y, t, g);
}

class CrossEntropy {
  /** A row in each lane, for the sake of log1p. */
  @inline static losses<V>(
    samples: usize,
    units: usize,
    factor: f64,
    z: usize,
    y: usize,
    t: usize,
    losses: usize,
  ): void {
    const row = units << 3;
    const step = row * Lanes.width<V>();
    for (let i: usize = 0; i < samples; i += Lanes.width<V>()) {
      const left = samples - i;
      const largest = Rows.max(units, z);
      const others = CrossEntropy.others(units, z, y, largest);
      const spread = Rows.sums<Distance, Second>(units, z, t, largest);
      const targets = Rows.second;
      let nextOthers = others;
      let nextSpread = spread;
      let nextTargets = targets;
      if (isVector<V>() && left > 1) {
        const nextLargest = Rows.max(units, z + row);
        nextOthers = CrossEntropy.others(units, z + row, y + row, nextLargest);
        nextSpread = Rows.sums<Distance, Second>(units, z + row, t + row, nextLargest);
        nextTargets = Rows.second;
      }
      const logs = Elementary.log1p<V>(Lanes.pair<V>(others, nextOthers));
      const sums = Lanes.add<V>(
        Lanes.pair<V>(spread, nextSpread),
        Lanes.mul<V>(logs, Lanes.pair<V>(targets, nextTargets)),
      );
      Lanes.store<V>(losses, Lanes.mul<V>(Lanes.splat<V>(factor), sums), left);
      z += step;
      y += step;
      t += step;
      losses += Lanes.bytes<V>();
    }
  }

  /** sum_j e^(z_j - largest) over all but the largest z. */
  @inline static others(units: usize, z: usize, y: usize, largest: f64): f64 {
    const below = Rows.sums<Below, IsLargest>(units, z, y, largest);
    return below / Rows.max(units, y) + (Rows.second - 1);
  }

  @inline static gradient<V>(samples: usize, units: usize, divisor: f64, y: usize, t: usize, g: usize): void {
    const bytes = units << 3;
    for (let i: usize = 0; i < samples; i++, y += bytes, t += bytes, g += bytes) {
      const small = Lanes.splat<V>(Rows.sums<AtMostHalf, Second>(units, y, t, 0));
      const targets = Lanes.splat<V>(Rows.second);
      let at: usize = 0;
      for (const end = Lanes.whole<V>(units); at < end; at += Lanes.bytes<V>())
        CrossEntropy.gradientAt<V>(targets, small, divisor, y + at, t + at, g + at, 2);
      if (Lanes.odd<V>(units)) CrossEntropy.gradientAt<V>(targets, small, divisor, y + at, t + at, g + at, 1);
    }
  }

  @inline static gradientAt<V>(targets: V, small: V, divisor: f64, y: usize, t: usize, g: usize, left: usize): void {
    const yj = Lanes.load<V>(y, left);
    const tj = Lanes.load<V>(t, left);
    const rest = Lanes.ifLess<V>(Lanes.splat<V>(0.5), yj, small, Lanes.sub<V>(Lanes.splat<V>(1), yj));
    const toward = Lanes.mul<V>(yj, Lanes.sub<V>(targets, tj));
    const delta = Lanes.sub<V>(toward, Lanes.mul<V>(tj, rest));
    Lanes.store<V>(g, Lanes.div<V>(delta, Lanes.splat<V>(divisor)), left);
  }
}

class Second {
  @inline term<V>(_x: V, y: V, _c: V): V {
    return y;
  }
}

/** y of all but the largest z. */
class Below {
  @inline term<V>(z: V, y: V, largest: V): V {
    return Lanes.ifLess<V>(z, largest, y, Lanes.splat<V>(0));
  }
}

class IsLargest {
  @inline term<V>(z: V, _: V, largest: V): V {
    return Lanes.ifEqual<V>(z, largest, Lanes.splat<V>(1), Lanes.splat<V>(0));
  }
}

/** t (largest - z), 0 where t is 0. */
class Distance {
  @inline term<V>(z: V, t: V, largest: V): V {
    const zero = Lanes.splat<V>(0);
    return Lanes.ifEqual<V>(t, zero, zero, Lanes.mul<V>(t, Lanes.sub<V>(largest, z)));
  }
}

class AtMostHalf {
  @inline term<V>(y: V, _: V, _c: V): V {
    return Lanes.ifAtMost<V>(y, Lanes.splat<V>(0.5), y, Lanes.splat<V>(0));
  }
}
