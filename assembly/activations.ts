import { Elementwise } from "./elementwise";
import { Lanes } from "./lanes";
import { Elementary } from "./math";

/**
 * An activation is a class of three methods over one lane or many:
 *
 *   shared(x)      what f and f' both need (one exponential), computed once
 *   value(x, s)    f(x), s = shared(x)
 *   slope(x, s)    f'(x)
 *
 * and two or three kernels, each a line: `name` (y = f(z)), `nameGradient` (dC/dz = dC/dy f'(z)) and, where the slope is
 * what a layer saves for its backward pass, `nameAndSlope` (both at once: the exponential is at hand, and no digit is lost
 * to 1 - y). Their operands all have `length` elements, and outputs may be inputs. Softmax has no slope: softmax.ts.
 */
class Activation {
  /** y <- f(z). y may be z. */
  @inline static value<F>(length: usize, z: usize, y: usize): void {
    if (Lanes.wide) Activation.valueOver<v128, F>(length, z, y);
    else Activation.valueOver<f64, F>(length, z, y);
  }

  /** y <- f(z), slope <- f'(z). y or slope may be z. */
  @inline static both<F>(length: usize, z: usize, y: usize, slope: usize): void {
    if (Lanes.wide) Activation.bothOver<v128, F>(length, z, y, slope);
    else Activation.bothOver<f64, F>(length, z, y, slope);
  }

  /** dz <- dy f'(z). dz may be z or dy. */
  @inline static gradient<F>(length: usize, z: usize, dy: usize, dz: usize): void {
    if (Lanes.wide) Activation.gradientOver<v128, F>(length, z, dy, dz);
    else Activation.gradientOver<f64, F>(length, z, dy, dz);
  }

  @inline static valueOver<V, F>(length: usize, z: usize, y: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Activation.valueAt<V, F>(z + at, y + at, 2);
    if (Lanes.odd<V>(length)) Activation.valueAt<V, F>(z + at, y + at, 1);
  }

  @inline static valueAt<V, F>(z: usize, y: usize, left: usize): void {
    const f = changetype<F>(0);
    const x = Lanes.load<V>(z, left);
    Lanes.store<V>(y, f.value<V>(x, f.shared<V>(x)), left);
  }

  @inline static bothOver<V, F>(length: usize, z: usize, y: usize, slope: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Activation.bothAt<V, F>(z + at, y + at, slope + at, 2);
    if (Lanes.odd<V>(length)) Activation.bothAt<V, F>(z + at, y + at, slope + at, 1);
  }

  @inline static bothAt<V, F>(z: usize, y: usize, slope: usize, left: usize): void {
    const f = changetype<F>(0);
    const x = Lanes.load<V>(z, left);
    const shared = f.shared<V>(x);
    Lanes.store<V>(y, f.value<V>(x, shared), left);
    Lanes.store<V>(slope, f.slope<V>(x, shared), left);
  }

  @inline static gradientOver<V, F>(length: usize, z: usize, dy: usize, dz: usize): void {
    let at: usize = 0;
    for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>())
      Activation.gradientAt<V, F>(z + at, dy + at, dz + at, 2);
    if (Lanes.odd<V>(length)) Activation.gradientAt<V, F>(z + at, dy + at, dz + at, 1);
  }

  @inline static gradientAt<V, F>(z: usize, dy: usize, dz: usize, left: usize): void {
    const f = changetype<F>(0);
    const x = Lanes.load<V>(z, left);
    Lanes.store<V>(dz, Lanes.mul<V>(Lanes.load<V>(dy, left), f.slope<V>(x, f.shared<V>(x))), left);
  }

  /** sigmoid(x) from s = sigmoid(-|x|): s on the left, 1 - s on the right. */
  @inline static sigmoid<V>(x: V, s: V): V {
    return Lanes.ifLess<V>(x, Lanes.splat<V>(0), s, Lanes.sub<V>(Lanes.splat<V>(1), s));
  }
}

/** f(x) = x. */
class Linear {
  @inline value<V>(x: V): V {
    return x;
  }
}

/** f'(x) = 1. */
class LinearGradient {
  @inline value<V>(_x: V, dy: V): V {
    return dy;
  }
}

export function linear(length: usize, z: usize, y: usize): void {
  Elementwise.mapLight<Linear>(length, z, y);
}
export function linearGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Elementwise.zipLight<LinearGradient>(length, z, dy, dz);
}

/** f(x) = max(x, 0); a NaN stays. */
class Relu {
  @inline value<V>(x: V): V {
    return Lanes.rectified<V>(x);
  }
}

/** f'(x) = 1 above 0, else 0, whatever dy. The slope at y = f(z) is the slope at z: a layer saves y alone. */
class ReluGradient {
  @inline value<V>(x: V, dy: V): V {
    const zero = Lanes.splat<V>(0);
    return Lanes.ifAtMost<V>(x, zero, zero, dy);
  }
}

export function relu(length: usize, z: usize, y: usize): void {
  Elementwise.mapLight<Relu>(length, z, y);
}
export function reluGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Elementwise.zipLight<ReluGradient>(length, z, dy, dz);
}

/** f(x) = x, or 0.01 x where x <= 0. The slope at y is the slope at z: a layer saves y alone. */
class LeakyRelu {
  @inline shared<V>(x: V): V {
    return x;
  }
  @inline value<V>(x: V, s: V): V {
    return Lanes.mul<V>(x, this.slope<V>(x, s));
  }
  @inline slope<V>(x: V, _: V): V {
    return Lanes.ifAtMost<V>(x, Lanes.splat<V>(0), Lanes.splat<V>(0.01), Lanes.splat<V>(1));
  }
}

export function leakyRelu(length: usize, z: usize, y: usize): void {
  Activation.value<LeakyRelu>(length, z, y);
}
export function leakyReluGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<LeakyRelu>(length, z, dy, dz);
}

/** f(x) = x, or e^x - 1 where x < 0; f'(0) = 1. Saves the slope. */
class Elu {
  @inline shared<V>(x: V): V {
    return Lanes.min<V>(x, Lanes.splat<V>(0));
  }
  @inline value<V>(x: V, negative: V): V {
    return Lanes.ifLess<V>(x, Lanes.splat<V>(0), Elementary.expm1<V>(negative), x);
  }
  @inline slope<V>(_: V, negative: V): V {
    return Elementary.exp<V>(negative);
  }
}

export function elu(length: usize, z: usize, y: usize): void {
  Activation.value<Elu>(length, z, y);
}
export function eluAndSlope(length: usize, z: usize, y: usize, slope: usize): void {
  Activation.both<Elu>(length, z, y, slope);
}
export function eluGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<Elu>(length, z, dy, dz);
}

/** selu's constants (Klambauer et al. 2017): the fixed point of mean 0 and variance 1. */
const SELU_SCALE: f64 = 1.0507009873554804934193349852946;
const SELU_SCALE_ALPHA: f64 = 1.7580993408473768599402175208123;

/** f(x) = scale x, or scale alpha (e^x - 1) where x <= 0; f'(0) = scale alpha. Saves the slope. */
class Selu {
  @inline shared<V>(x: V): V {
    return Lanes.min<V>(x, Lanes.splat<V>(0));
  }
  @inline value<V>(x: V, negative: V): V {
    const left = Lanes.mul<V>(Lanes.splat<V>(SELU_SCALE_ALPHA), Elementary.expm1<V>(negative));
    const right = Lanes.mul<V>(Lanes.splat<V>(SELU_SCALE), x);
    return Lanes.ifLess<V>(x, Lanes.splat<V>(0), left, right);
  }
  @inline slope<V>(x: V, negative: V): V {
    const left = Lanes.mul<V>(Lanes.splat<V>(SELU_SCALE_ALPHA), Elementary.exp<V>(negative));
    return Lanes.ifLess<V>(Lanes.splat<V>(0), x, Lanes.splat<V>(SELU_SCALE), left);
  }
}

export function selu(length: usize, z: usize, y: usize): void {
  Activation.value<Selu>(length, z, y);
}
export function seluAndSlope(length: usize, z: usize, y: usize, slope: usize): void {
  Activation.both<Selu>(length, z, y, slope);
}
export function seluGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<Selu>(length, z, dy, dz);
}

/** Below this Phi runs into the subnormals while x Phi does not yet. */
const GELU_TAIL: f64 = -37;

/** f(x) = x Phi(x), f'(x) = Phi(x) + x phi(x), Phi the normal distribution and phi its density. Saves the slope. */
class Gelu {
  @inline shared<V>(x: V): V {
    return Elementary.normalCdf<V>(x);
  }
  @inline value<V>(x: V, cdf: V): V {
    const tail = Lanes.splat<V>(GELU_TAIL);
    const y = Lanes.mul<V>(x, cdf);
    return Lanes.anyLess<V>(x, tail) ? Lanes.ifLess<V>(x, tail, Elementary.gelu<V>(x), y) : y;
  }
  @inline slope<V>(x: V, cdf: V): V {
    return Lanes.add<V>(cdf, Elementary.timesDensity<V>(x));
  }
}

export function gelu(length: usize, z: usize, y: usize): void {
  Activation.value<Gelu>(length, z, y);
}
export function geluAndSlope(length: usize, z: usize, y: usize, slope: usize): void {
  Activation.both<Gelu>(length, z, y, slope);
}
export function geluGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<Gelu>(length, z, dy, dz);
}

/** Below this e^x runs into the subnormals while x e^x does not yet. */
const SILU_TAIL: f64 = -700;

/**
 * f(x) = x sigmoid(x), f'(x) = sigmoid(x) (1 + x sigmoid(-x)); shared is the lesser of the two sigmoids. Saves the slope.
 */
class Silu {
  @inline shared<V>(x: V): V {
    return Elementary.lesserSigmoid<V>(x, 1);
  }
  @inline value<V>(x: V, s: V): V {
    const tail = Lanes.splat<V>(SILU_TAIL);
    const y = Lanes.mul<V>(x, Activation.sigmoid<V>(x, s));
    // there sigmoid(x) is e^x
    return Lanes.anyLess<V>(x, tail) ? Lanes.ifLess<V>(x, tail, Silu.far<V>(x, Lanes.splat<V>(0)), y) : y;
  }
  @inline slope<V>(x: V, s: V): V {
    const tail = Lanes.splat<V>(SILU_TAIL);
    const zero = Lanes.splat<V>(0);
    const one = Lanes.splat<V>(1);
    const rest = Lanes.sub<V>(one, s);
    const here = Lanes.ifLess<V>(x, zero, s, rest);
    const there = Lanes.ifLess<V>(x, zero, rest, s);
    // at infinity the product would be infinity times 0; from 800 on it is 0
    const bounded = Lanes.min<V>(x, Lanes.splat<V>(800));
    const y = Lanes.mul<V>(here, Lanes.madd<V>(bounded, there, one));
    return Lanes.anyLess<V>(x, tail) ? Lanes.ifLess<V>(x, tail, Silu.far<V>(x, Lanes.splat<V>(1)), y) : y;
  }
  /** (x + shift) e^x. Below -800 it is 0: x is held there, so that -infinity gives no NaN. */
  @inline static far<V>(x: V, shift: V): V {
    const near = Lanes.max<V>(x, Lanes.splat<V>(-800));
    return Elementary.expTimes<V>(near, Lanes.add<V>(near, shift));
  }
}

export function silu(length: usize, z: usize, y: usize): void {
  Activation.value<Silu>(length, z, y);
}
export function siluAndSlope(length: usize, z: usize, y: usize, slope: usize): void {
  Activation.both<Silu>(length, z, y, slope);
}
export function siluGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<Silu>(length, z, dy, dz);
}

/** f(x) = log(1 + e^x) = max(x, 0) + log1p(e), f'(x) = sigmoid(x); shared is e = e^-|x|, which never overflows. Saves the slope. */
class Softplus {
  @inline shared<V>(x: V): V {
    return Elementary.exp<V>(Lanes.neg<V>(Lanes.abs<V>(x)));
  }
  @inline value<V>(x: V, e: V): V {
    return Lanes.add<V>(Lanes.max<V>(x, Lanes.splat<V>(0)), Elementary.log1p<V>(e));
  }
  @inline slope<V>(x: V, e: V): V {
    const one = Lanes.splat<V>(1);
    return Lanes.div<V>(Lanes.ifLess<V>(x, Lanes.splat<V>(0), e, one), Lanes.add<V>(one, e));
  }
}

export function softplus(length: usize, z: usize, y: usize): void {
  Activation.value<Softplus>(length, z, y);
}
export function softplusAndSlope(length: usize, z: usize, y: usize, slope: usize): void {
  Activation.both<Softplus>(length, z, y, slope);
}
export function softplusGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<Softplus>(length, z, dy, dz);
}

/** f(x) = 1 / (1 + e^-x), f'(x) = f(x) f(-x) = s (1 - s); shared is s = f(-|x|). Saves the slope. */
class Sigmoid {
  @inline shared<V>(x: V): V {
    return Elementary.lesserSigmoid<V>(x, 1);
  }
  @inline value<V>(x: V, s: V): V {
    return Activation.sigmoid<V>(x, s);
  }
  @inline slope<V>(_: V, s: V): V {
    return Lanes.mul<V>(s, Lanes.sub<V>(Lanes.splat<V>(1), s));
  }
}

export function sigmoid(length: usize, z: usize, y: usize): void {
  Activation.value<Sigmoid>(length, z, y);
}
export function sigmoidAndSlope(length: usize, z: usize, y: usize, slope: usize): void {
  Activation.both<Sigmoid>(length, z, y, slope);
}
export function sigmoidGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<Sigmoid>(length, z, dy, dz);
}

/**
 * f(x) = tanh x, f'(x) = 1 / cosh^2 x = 4 s (1 - s), s = sigmoid(-2|x|); shared is 4 s, normal where s is not yet. Saves the slope.
 */
class Tanh {
  @inline shared<V>(x: V): V {
    return Elementary.lesserSigmoid<V>(Lanes.add<V>(x, x), 4);
  }
  @inline value<V>(x: V, _: V): V {
    return Elementary.tanh<V>(x);
  }
  @inline slope<V>(_: V, four: V): V {
    return Lanes.mul<V>(four, Lanes.sub<V>(Lanes.splat<V>(1), Lanes.mul<V>(Lanes.splat<V>(0.25), four)));
  }
}

export function tanh(length: usize, z: usize, y: usize): void {
  Activation.value<Tanh>(length, z, y);
}
export function tanhAndSlope(length: usize, z: usize, y: usize, slope: usize): void {
  Activation.both<Tanh>(length, z, y, slope);
}
export function tanhGradient(length: usize, z: usize, dy: usize, dz: usize): void {
  Activation.gradient<Tanh>(length, z, dy, dz);
}
