import { Lanes } from "./lanes";

/**
 * One update, one pass over all its arrays. PyTorch's definitions. Every array has `length` elements:
 * p parameters, g gradients, the others slots, zero at first.
 */
class Sweep {
  /** p <- p - rate * direction. */
  @inline static descend<V>(p: usize, rate: V, direction: V, left: usize): void {
    Lanes.store<V>(p, Lanes.sub<V>(Lanes.load<V>(p, left), Lanes.mul<V>(rate, direction)), left);
  }

  /** g, or g + weightDecay p. */
  @inline static decayed<V>(p: usize, g: usize, weightDecay: V, left: usize): V {
    return Lanes.madd<V>(weightDecay, Lanes.load<V>(p, left), Lanes.load<V>(g, left));
  }

  /** slot <- keep slot + give x, which is returned. */
  @inline static blend<V>(slot: usize, keep: V, give: V, x: V, left: usize): V {
    const mixed = Lanes.madd<V>(keep, Lanes.load<V>(slot, left), Lanes.mul<V>(give, x));
    Lanes.store<V>(slot, mixed, left);
    return mixed;
  }

  @inline static sgd<V>(length: usize, rate: f64, weightDecay: f64, p: usize, g: usize): void {
    const bytes = Lanes.bytes<V>();
    let at: usize = 0;
    for (const end = Lanes.fours<V>(length); at < end; at += 4 * bytes) {
      Sweep.sgdAt<V>(rate, weightDecay, p + at, g + at, 2);
      Sweep.sgdAt<V>(rate, weightDecay, p + at + bytes, g + at + bytes, 2);
      Sweep.sgdAt<V>(rate, weightDecay, p + at + 2 * bytes, g + at + 2 * bytes, 2);
      Sweep.sgdAt<V>(rate, weightDecay, p + at + 3 * bytes, g + at + 3 * bytes, 2);
    }
    for (const end = Lanes.whole<V>(length); at < end; at += bytes)
      Sweep.sgdAt<V>(rate, weightDecay, p + at, g + at, 2);
    if (Lanes.odd<V>(length)) Sweep.sgdAt<V>(rate, weightDecay, p + at, g + at, 1);
  }

  @inline static sgdAt<V>(rate: f64, weightDecay: f64, p: usize, g: usize, left: usize): void {
    const gradient = Sweep.decayed<V>(p, g, Lanes.splat<V>(weightDecay), left);
    Sweep.descend<V>(p, Lanes.splat<V>(rate), gradient, left);
  }

  @inline static momentum<V>(
    length: usize,
    rate: f64,
    momentum: f64,
    nesterov: bool,
    weightDecay: f64,
    p: usize,
    g: usize,
    velocity: usize,
  ): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Sweep.momentumAt<V>(rate, momentum, nesterov, weightDecay, p + at, g + at, velocity + at, 2);
    if (Lanes.odd<V>(length))
      Sweep.momentumAt<V>(rate, momentum, nesterov, weightDecay, p + at, g + at, velocity + at, 1);
  }

  @inline static momentumAt<V>(
    rate: f64,
    momentum: f64,
    nesterov: bool,
    weightDecay: f64,
    p: usize,
    g: usize,
    velocity: usize,
    left: usize,
  ): void {
    const factor = Lanes.splat<V>(momentum);
    const gradient = Sweep.decayed<V>(p, g, Lanes.splat<V>(weightDecay), left);
    const v = Lanes.madd<V>(factor, Lanes.load<V>(velocity, left), gradient);
    Lanes.store<V>(velocity, v, left);
    const direction = nesterov ? Lanes.madd<V>(factor, v, gradient) : v;
    Sweep.descend<V>(p, Lanes.splat<V>(rate), direction, left);
  }

  @inline static adam<V>(
    length: usize,
    rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weightDecay: f64,
    shrink: f64,
    rootCorrection2: f64,
    p: usize,
    g: usize,
    mean: usize,
    square: usize,
  ): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Sweep.adamAt<V>(
        rate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        shrink,
        rootCorrection2,
        p + at,
        g + at,
        mean + at,
        square + at,
        2,
      );
    if (Lanes.odd<V>(length))
      Sweep.adamAt<V>(
        rate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        shrink,
        rootCorrection2,
        p + at,
        g + at,
        mean + at,
        square + at,
        1,
      );
  }

  @inline static adamAt<V>(
    rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weightDecay: f64,
    shrink: f64,
    rootCorrection2: f64,
    p: usize,
    g: usize,
    mean: usize,
    square: usize,
    left: usize,
  ): void {
    const gradient = Sweep.decayed<V>(p, g, Lanes.splat<V>(weightDecay), left);
    const m = Sweep.blend<V>(mean, Lanes.splat<V>(beta1), Lanes.splat<V>(1 - beta1), gradient, left);
    const gg = Lanes.mul<V>(gradient, gradient);
    const v = Sweep.blend<V>(square, Lanes.splat<V>(beta2), Lanes.splat<V>(1 - beta2), gg, left);
    const root = Lanes.div<V>(Lanes.sqrt<V>(v), Lanes.splat<V>(rootCorrection2));
    const direction = Lanes.div<V>(m, Lanes.add<V>(root, Lanes.splat<V>(epsilon)));
    const kept = Lanes.mul<V>(Lanes.splat<V>(shrink), Lanes.load<V>(p, left));
    Lanes.store<V>(p, Lanes.sub<V>(kept, Lanes.mul<V>(Lanes.splat<V>(rate), direction)), left);
  }

  @inline static rmsProp<V>(length: usize, rate: f64, rho: f64, epsilon: f64, p: usize, g: usize, square: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Sweep.rmsPropAt<V>(rate, rho, epsilon, p + at, g + at, square + at, 2);
    if (Lanes.odd<V>(length)) Sweep.rmsPropAt<V>(rate, rho, epsilon, p + at, g + at, square + at, 1);
  }

  @inline static rmsPropAt<V>(rate: f64, rho: f64, epsilon: f64, p: usize, g: usize, square: usize, left: usize): void {
    const gradient = Lanes.load<V>(g, left);
    const gg = Lanes.mul<V>(gradient, gradient);
    const v = Sweep.blend<V>(square, Lanes.splat<V>(rho), Lanes.splat<V>(1 - rho), gg, left);
    const root = Lanes.add<V>(Lanes.sqrt<V>(v), Lanes.splat<V>(epsilon));
    Sweep.descend<V>(p, Lanes.splat<V>(rate), Lanes.div<V>(gradient, root), left);
  }

  @inline static adagrad<V>(length: usize, rate: f64, epsilon: f64, p: usize, g: usize, square: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Sweep.adagradAt<V>(rate, epsilon, p + at, g + at, square + at, 2);
    if (Lanes.odd<V>(length)) Sweep.adagradAt<V>(rate, epsilon, p + at, g + at, square + at, 1);
  }

  @inline static adagradAt<V>(rate: f64, epsilon: f64, p: usize, g: usize, square: usize, left: usize): void {
    const gradient = Lanes.load<V>(g, left);
    const v = Lanes.madd<V>(gradient, gradient, Lanes.load<V>(square, left));
    Lanes.store<V>(square, v, left);
    const root = Lanes.add<V>(Lanes.sqrt<V>(v), Lanes.splat<V>(epsilon));
    Sweep.descend<V>(p, Lanes.splat<V>(rate), Lanes.div<V>(gradient, root), left);
  }
}

/** p <- p - rate (g + weightDecay p). */
export function sgd(length: usize, rate: f64, weightDecay: f64, p: usize, g: usize): void {
  if (Lanes.wide) Sweep.sgd<v128>(length, rate, weightDecay, p, g);
  else Sweep.sgd<f64>(length, rate, weightDecay, p, g);
}

/**
 * h = g + weightDecay p;  velocity <- momentum velocity + h;  p <- p - rate velocity,
 * or, with nesterov, p <- p - rate (h + momentum velocity). Velocity 0 at first: it starts as the first gradient.
 */
export function sgdMomentum(
  length: usize,
  rate: f64,
  momentum: f64,
  nesterov: bool,
  weightDecay: f64,
  p: usize,
  g: usize,
  velocity: usize,
): void {
  if (Lanes.wide) Sweep.momentum<v128>(length, rate, momentum, nesterov, weightDecay, p, g, velocity);
  else Sweep.momentum<f64>(length, rate, momentum, nesterov, weightDecay, p, g, velocity);
}

/**
 * h = g + weightDecay p;  mean <- beta1 mean + (1 - beta1) h;  square <- beta2 square + (1 - beta2) h^2;
 * p <- shrink p - rate mean / (sqrt(square) / rootCorrection2 + epsilon)
 *
 * rate is learningRate / (1 - beta1^t), rootCorrection2 is sqrt(1 - beta2^t). adam: shrink 1; adamW: weightDecay 0
 * and shrink 1 - learningRate weightDecay.
 */
export function adam(
  length: usize,
  rate: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  weightDecay: f64,
  shrink: f64,
  rootCorrection2: f64,
  p: usize,
  g: usize,
  mean: usize,
  square: usize,
): void {
  if (Lanes.wide) {
    Sweep.adam<v128>(length, rate, beta1, beta2, epsilon, weightDecay, shrink, rootCorrection2, p, g, mean, square);
  } else {
    Sweep.adam<f64>(length, rate, beta1, beta2, epsilon, weightDecay, shrink, rootCorrection2, p, g, mean, square);
  }
}

/** square <- rho square + (1 - rho) g^2;  p <- p - rate g / (sqrt(square) + epsilon). */
export function rmsProp(length: usize, rate: f64, rho: f64, epsilon: f64, p: usize, g: usize, square: usize): void {
  if (Lanes.wide) Sweep.rmsProp<v128>(length, rate, rho, epsilon, p, g, square);
  else Sweep.rmsProp<f64>(length, rate, rho, epsilon, p, g, square);
}

/** square <- square + g^2;  p <- p - rate g / (sqrt(square) + epsilon). */
export function adagrad(length: usize, rate: f64, epsilon: f64, p: usize, g: usize, square: usize): void {
  if (Lanes.wide) Sweep.adagrad<v128>(length, rate, epsilon, p, g, square);
  else Sweep.adagrad<f64>(length, rate, epsilon, p, g, square);
}
