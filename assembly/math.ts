import { Lanes } from "./lanes";
import { LN2_LOW, NEAR, ROUND20, ROUND25, Steps } from "./math/steps";

/** 1 / sqrt(2 pi) */
const INVERSE_SQRT_2PI: f64 = 0.3989422804014327;
/** Veltkamp's constant: splits 53 bits into 26 and 26 and a sign. */
const SPLIT: f64 = 134217729;

/**
 * Elementary functions to within one unit in the last place (ulp) of the true value, over f64 or v128 without
 * branches, for every float64: zeros keep their sign, subnormals are arguments and results like any others,
 * infinities have their limits, NaN gives NaN.
 *
 * The same operations in the same order everywhere: scalar and simd give the same bits, and so does
 * src/js/math.ts; relaxed fuses products into sums where that only makes them better, within the same bound.
 *
 * Coefficients: test/math/coefficients.py. The largest errors below: test/math/ulp.py on a million arguments or more, of
 * every exponent and both signs, crowded where a method changes, over all variants.
 */
export class Elementary {
  /** e^x = 2^n e^r; r's own rounding costs at most a quarter ulp and is let go. 0.76 ulp, at 3.8854110. */
  @inline static exp<V>(x: V): V {
    // beyond these the result is infinity or 0, and n must stay small
    const c = Lanes.atLeast<V>(Lanes.atMost<V>(x, 710), -746);
    const n = Steps.multiple<V>(c);
    return Lanes.scale<V>(Steps.expPart<V>(c, n), n);
  }

  /**
   * factor e^x, rounded before it is scaled: e^x may be subnormal where the product is not. 2 ulp, for |factor| from
   * 2^-64 to 2^64.
   */
  @inline static expTimes<V>(x: V, factor: V): V {
    const c = Lanes.atLeast<V>(Lanes.atMost<V>(x, 760), -800);
    const n = Steps.multiple<V>(c);
    return Lanes.scale<V>(Lanes.mul<V>(factor, Steps.expPart<V>(c, n)), n);
  }

  /** e^x - 1 = 2^n ((1 - 2^-n) + (e^r - 1)), the outer sum carried as high + low. 0.88 ulp, at 0.38169391. */
  @inline static expm1<V>(x: V): V {
    const one = Lanes.splat<V>(1);
    // beyond these the result is infinity or rounds to -1
    const c = Lanes.atLeast<V>(Lanes.atMost<V>(x, 710), -40);
    const n = Steps.multiple<V>(c);
    const start = Steps.reduce<V>(c, n);
    const low = Lanes.mul<V>(n, Lanes.splat<V>(LN2_LOW));
    const r = Lanes.sub<V>(start, low);
    const rest = Steps.expRest<V>(r, Lanes.sub<V>(Lanes.sub<V>(start, r), low));

    const power = Lanes.powerOfTwo<V>(Lanes.atLeast<V>(Lanes.neg<V>(n), -1000));
    const base = Lanes.sub<V>(one, power);
    const baseLow = Lanes.sub<V>(Lanes.sub<V>(one, base), power);
    const sum = Lanes.add<V>(base, r);
    const sumLow = Lanes.add<V>(Lanes.add<V>(Steps.rest<V>(base, r, sum), baseLow), rest);
    return Lanes.copySign<V>(Lanes.scale<V>(Lanes.add<V>(sum, sumLow), n), x);
  }

  /**
   * tanh x = (E - 1) / (E + 1) for E = e^(2|x|) = 2^n (1 + s + h) / (1 + s - h), h = r/2, s = Steps.cothRest(r). Both are divided by
   * 2^n / (1 + s - h) and carried as high + low; the quotient's first 26 bits leave an exact remainder, which gives the rest.
   * 0.83 ulp, at 0.19986887.
   */
  @inline static tanh<V>(x: V): V {
    const one = Lanes.splat<V>(1);
    const half = Lanes.splat<V>(0.5);
    const a = Lanes.abs<V>(x);
    // beyond 22 the result rounds to 1
    const c = Lanes.atMost<V>(Lanes.add<V>(a, a), 44);
    const n = Steps.multiple<V>(c);
    const start = Steps.reduce<V>(c, n);
    const low = Lanes.mul<V>(n, Lanes.splat<V>(LN2_LOW));
    const r = Lanes.sub<V>(start, low);
    const h = Lanes.mul<V>(half, r);
    const hLow = Lanes.mul<V>(half, Lanes.sub<V>(Lanes.sub<V>(start, r), low));
    const s = Steps.cothRest<V>(r);
    const power = Lanes.powerOfTwo<V>(Lanes.neg<V>(n));
    const sum = Lanes.add<V>(one, h);
    const sumLow = Lanes.add<V>(Steps.rest<V>(one, h, sum), hLow);
    const part = Lanes.mul<V>(power, h);

    // 1 + s + h - 2^-n (1 + s - h); s, which is known last, is added last
    const difference = Lanes.sub<V>(sum, power);
    const differenceRest = Lanes.add<V>(Lanes.sub<V>(Lanes.sub<V>(sum, difference), power), sumLow);
    const differenceLow = Lanes.madd<V>(s, Lanes.sub<V>(one, power), Lanes.add<V>(differenceRest, part));
    const top = Lanes.add<V>(difference, differenceLow);
    const topLow = Steps.rest<V>(difference, differenceLow, top);

    // 1 + s + h + 2^-n (1 + s - h)
    const total = Lanes.add<V>(sum, power);
    const totalRest = Lanes.add<V>(Steps.rest<V>(sum, power, total), sumLow);
    const totalLow = Lanes.madd<V>(s, Lanes.add<V>(one, power), Lanes.sub<V>(totalRest, part));
    const bottom = Lanes.add<V>(total, totalLow);
    const d = Steps.round<V>(bottom, ROUND25);
    const dLow = Lanes.add<V>(Lanes.sub<V>(total, d), totalLow);

    const inverse = Lanes.div<V>(one, bottom);
    const whole = Lanes.mul<V>(top, inverse);
    const spread = Lanes.mul<V>(whole, Lanes.splat<V>(SPLIT));
    const q = Lanes.sub<V>(spread, Lanes.sub<V>(spread, whole));
    const left = Lanes.sub<V>(top, Lanes.mul<V>(q, d));
    const leftLow = Lanes.sub<V>(topLow, Lanes.mul<V>(q, dLow));
    return Lanes.copySign<V>(Lanes.madd<V>(Lanes.add<V>(left, leftLow), inverse, q), x);
  }

  /**
   * factor sigmoid(-|x|) = factor e / (1 + e) for e = e^-|x| = 2^n (1 + s + h) / (1 + s - h), see tanh; the factor, a power of
   * two, before it is scaled: the sigmoid may be subnormal where the product is not. 3 ulp; 2.35 seen, at
   * -36.750422.
   */
  @inline static lesserSigmoid<V>(x: V, factor: f64): V {
    const c = Lanes.atLeast<V>(Lanes.neg<V>(Lanes.abs<V>(x)), -800);
    const n = Steps.multiple<V>(c);
    const r = Lanes.sub<V>(Steps.reduce<V>(c, n), Lanes.mul<V>(n, Lanes.splat<V>(LN2_LOW)));
    const h = Lanes.mul<V>(Lanes.splat<V>(0.5), r);
    const centre = Lanes.add<V>(Lanes.splat<V>(1), Steps.cothRest<V>(r));
    const plus = Lanes.add<V>(centre, h);
    const top = Lanes.scale<V>(factor === 1 ? plus : Lanes.mul<V>(plus, Lanes.splat<V>(factor)), n);
    const term = factor === 1 ? top : Lanes.mul<V>(top, Lanes.splat<V>(1 / factor));
    return Lanes.div<V>(top, Lanes.add<V>(Lanes.sub<V>(centre, h), term));
  }

  /** log x = k log 2 + log m: see Steps.logSum. -infinity at 0, NaN below. 0.83 ulp, at 1.4142135. */
  @inline static log<V>(x: V): V {
    const zero = Lanes.splat<V>(0);
    const normal = Lanes.splat<V>(2.2250738585072014e-308);
    const scaled = Lanes.ifLess<V>(x, normal, Lanes.mul<V>(x, Lanes.splat<V>(18014398509481984)), x);
    const shift = Lanes.ifLess<V>(x, normal, Lanes.splat<V>(-54), zero);
    return Elementary.logEnds<V>(x, Steps.logSum<V>(scaled, shift, zero));
  }

  /** log(1 + x) = log u + c / u, where 1 + x = u + c exactly (Knuth's TwoSum). 0.86 ulp, at 0.41421356. */
  @inline static log1p<V>(x: V): V {
    const one = Lanes.splat<V>(1);
    const u = Lanes.add<V>(one, x);
    const part = Lanes.sub<V>(u, one);
    const c = Lanes.add<V>(Lanes.sub<V>(one, Lanes.sub<V>(u, part)), Lanes.sub<V>(x, part));
    const y = Steps.logSum<V>(u, Lanes.splat<V>(0), Lanes.div<V>(c, u));
    return Lanes.copySign<V>(Elementary.logEnds<V>(u, y), x);
  }

  /** y = log x, or its values where x is 0, negative, infinity or NaN. */
  @inline private static logEnds<V>(x: V, y: V): V {
    const zero = Lanes.splat<V>(0);
    const infinity = Lanes.splat<V>(Infinity);
    const positive = Lanes.ifLess<V>(x, infinity, y, x);
    const defined = Lanes.ifLess<V>(x, zero, Lanes.splat<V>(NaN), positive);
    return Lanes.ifEqual<V>(x, zero, Lanes.splat<V>(-Infinity), defined);
  }

  /** erf x = x + x P(x^2) for |x| below 0.5, 1 - erfc x beyond. 0.91 ulp, at 0.54714545. */
  @inline static erf<V>(x: V): V {
    const a = Lanes.abs<V>(x);
    const near = Lanes.add<V>(a, Steps.erfRest<V>(a));
    const far = Lanes.sub<V>(Lanes.splat<V>(1), Steps.erfcOf<V>(a));
    return Lanes.copySign<V>(Lanes.ifLess<V>(a, Lanes.splat<V>(NEAR), near, far), x);
  }

  /**
   * erfc x = 1 - x - x P(x^2) for |x| below 0.5, e^(-x^2) W(x) / (1 + 3/2 x) above, 2 - erfc(-x) below: see
   * Steps.erfcFar. 0.95 ulp, at 21.96304.
   */
  @inline static erfc<V>(x: V): V {
    const one = Lanes.splat<V>(1);
    const a = Lanes.abs<V>(x);
    const sum = Lanes.sub<V>(one, x);
    const sumLow = Lanes.sub<V>(Lanes.sub<V>(one, sum), x);
    const near = Lanes.add<V>(sum, Lanes.sub<V>(sumLow, Steps.erfRest<V>(x)));
    const tail = Steps.erfcOf<V>(a);
    const far = Lanes.ifLess<V>(x, Lanes.splat<V>(0), Lanes.sub<V>(Lanes.splat<V>(2), tail), tail);
    return Lanes.ifLess<V>(a, Lanes.splat<V>(NEAR), near, far);
  }

  /**
   * Phi(z) = erfc(-z / sqrt 2) / 2, the normal distribution: z / sqrt 2 is carried as high + low, and z^2 / 2 is formed
   * from z itself. 0.93 ulp, at -30.676695.
   */
  @inline static normalCdf<V>(z: V): V {
    return Steps.normal<V>(z, false);
  }

  /** z Phi(z), -0 at -infinity. 2 ulp; 1.69 seen, at -29.941979. */
  @inline static gelu<V>(z: V): V {
    return Steps.normal<V>(z, true);
  }

  /** z phi(z) = z e^(-z^2 / 2) / sqrt(2 pi): gelu'(z) = Phi(z) + z phi(z). 3 ulp; 2.56 seen, at -0.89808709. */
  @inline static timesDensity<V>(z: V): V {
    const half = Lanes.splat<V>(0.5);
    // beyond 38.7 the result is 0
    const y = Lanes.atMost<V>(Lanes.abs<V>(z), 38.85);
    const high = Steps.round<V>(y, ROUND20);
    const minus = Lanes.mul<V>(Lanes.mul<V>(high, high), Lanes.splat<V>(-0.5));
    const squareLow = Lanes.mul<V>(half, Lanes.mul<V>(Lanes.add<V>(y, high), Lanes.sub<V>(y, high)));
    const n = Steps.multiple<V>(minus);
    const low = Lanes.madd<V>(n, Lanes.splat<V>(LN2_LOW), squareLow);
    const r = Lanes.sub<V>(Steps.reduce<V>(minus, n), low);
    const one = Lanes.splat<V>(1);
    const sum = Lanes.add<V>(one, r);
    const e = Lanes.add<V>(sum, Steps.expSeries<V>(r, Steps.rest<V>(one, r, sum)));
    const factor = Lanes.mul<V>(y, Lanes.splat<V>(INVERSE_SQRT_2PI));
    return Lanes.copySign<V>(Lanes.scale<V>(Lanes.mul<V>(factor, e), n), z);
  }
}
