import { Lanes } from "../lanes";

/** log 2: HIGH has 42 bits after the point, so that n HIGH is exact for |n| < 2048. */
const LN2_HIGH: f64 = 0.6931471805598903;
export const LN2_LOW: f64 = 5.497923018708371e-14;
const LOG2E: f64 = 1.4426950408889634;
/** sqrt(1/2): HIGH has 26 bits, so that its product with another 26 bits is exact. */
const SQRT_HALF: f64 = 0.7071067811865476;
const SQRT_HALF_HIGH: f64 = 0.7071067839860916;
const SQRT_HALF_LOW: f64 = -2.799544089368687e-9;

/** x + ROUND - ROUND is x to the nearest multiple of 2^-bits. */
export const ROUND20: f64 = 6442450944;
const ROUND21: f64 = 3221225472;
export const ROUND25: f64 = 201326592;
const ROUND26: f64 = 100663296;
/** Where erf's series in x^2 gives way to erfc's. */
export const NEAR: f64 = 0.5;

/**
 * The steps that the functions share. A number of more than 53 bits is carried as high + low, and sums and
 * products that must be exact are written with add, sub and mul, which no target fuses.
 */
export class Steps {
  /** x to the nearest multiple of 2^-bits, given ROUND<bits>: exact in x - rounded. */
  @inline static round<V>(x: V, constant: f64): V {
    return Lanes.sub<V>(Lanes.add<V>(x, Lanes.splat<V>(constant)), Lanes.splat<V>(constant));
  }

  /** What a + b leaves out of sum = fl(a + b), exactly, where |a| >= |b| (Dekker's Fast2Sum). */
  @inline static rest<V>(a: V, b: V, sum: V): V {
    return Lanes.add<V>(Lanes.sub<V>(a, sum), b);
  }

  /** c0 + c1 x + c2 x^2 + c3 x^3, given x^2: two short chains instead of a long one. */
  @inline static cubic<V>(x: V, xx: V, c0: f64, c1: f64, c2: f64, c3: f64): V {
    const low = Lanes.madd<V>(Lanes.splat<V>(c1), x, Lanes.splat<V>(c0));
    return Lanes.madd<V>(Lanes.madd<V>(Lanes.splat<V>(c3), x, Lanes.splat<V>(c2)), xx, low);
  }

  /** The whole n for which x = n log 2 + r, |r| <= log(2)/2 and a little. */
  @inline static multiple<V>(x: V): V {
    return Lanes.nearest<V>(Lanes.mul<V>(x, Lanes.splat<V>(LOG2E)));
  }

  /** x - n HIGH of log 2: exact, for the product is, and the difference is small (Sterbenz). */
  @inline static reduce<V>(x: V, n: V): V {
    return Lanes.sub<V>(x, Lanes.mul<V>(n, Lanes.splat<V>(LN2_HIGH)));
  }

  /** e^x 2^-n for n = multiple(x). */
  @inline static expPart<V>(x: V, n: V): V {
    const one = Lanes.splat<V>(1);
    const r = Lanes.sub<V>(Steps.reduce<V>(x, n), Lanes.mul<V>(n, Lanes.splat<V>(LN2_LOW)));
    const sum = Lanes.add<V>(one, r);
    return Lanes.add<V>(sum, Steps.expSeries<V>(r, Steps.rest<V>(one, r, sum)));
  }

  /** e^(r + low) - 1 - r for |r| <= 0.3467 and |low| below r's last bit. */
  @inline static expRest<V>(r: V, low: V): V {
    return Steps.expSeries<V>(r, Lanes.madd<V>(low, r, low));
  }

  /**
   * e^r - 1 - r + extra for |r| <= 0.3467: r^2/2 + r^3 P(r), a minimax of degree 9. As few operations one after the other as can
   * be: how far ahead the processor sees is what limits an exponential.
   */
  @inline static expSeries<V>(r: V, extra: V): V {
    const rr = Lanes.mul<V>(r, r);
    const r4 = Lanes.mul<V>(rr, rr);
    const a = Steps.cubic<V>(
      r,
      rr,
      0.1666666666666667,
      0.041666666666666685,
      0.008333333333325879,
      0.001388888888887334,
    );
    const b = Steps.cubic<V>(
      r,
      rr,
      0.00019841269876695933,
      2.480158735024832e-5,
      2.7557252767037933e-6,
      2.7557250139235926e-7,
    );
    const c = Lanes.madd<V>(Lanes.splat<V>(2.0922477795199827e-9), r, Lanes.splat<V>(2.5106299909923105e-8));
    const series = Lanes.madd<V>(c, Lanes.mul<V>(r4, r4), Lanes.madd<V>(b, r4, a));
    return Lanes.madd<V>(Lanes.mul<V>(rr, r), series, Lanes.madd<V>(Lanes.splat<V>(0.5), rr, extra));
  }

  /**
   * (r/2) coth(r/2) - 1 for |r| <= 0.3467: r^2 P(r^2), a minimax of degree 4, half as long as that of e^r, which is
   * (1 + it + r/2) / (1 + it - r/2).
   */
  @inline static cothRest<V>(r: V): V {
    const z = Lanes.mul<V>(r, r);
    const zz = Lanes.mul<V>(z, z);
    const low = Steps.cubic<V>(
      z,
      zz,
      0.08333333333333322,
      -0.0013888888888646288,
      3.30687819147791e-5,
      -8.266979020012382e-7,
    );
    return Lanes.mul<V>(z, Lanes.madd<V>(Lanes.splat<V>(2.0699611881300163e-8), Lanes.mul<V>(zz, zz), low));
  }

  /**
   * k log 2 + log m + extra for m = x 2^-k in [sqrt 1/2, sqrt 2), x > 0 normal, |extra| at most 2^-52:
   * f = m - 1, s = f / (2 + f), log m = f - (f^2/2 - s (f^2/2 + s^2 R(s^2))); R is a minimax of degree 6.
   * `shift` is added to k.
   */
  @inline static logSum<V>(x: V, shift: V, extra: V): V {
    const one = Lanes.splat<V>(1);
    const half = Lanes.splat<V>(0.5);
    const whole = Lanes.significand<V>(x);
    const exponent = Lanes.add<V>(Lanes.exponent<V>(x), shift);
    const sqrt2 = Lanes.splat<V>(1.4142135623730951);
    const m = Lanes.ifLess<V>(whole, sqrt2, whole, Lanes.mul<V>(whole, half));
    const k = Lanes.ifLess<V>(whole, sqrt2, exponent, Lanes.add<V>(exponent, one));

    const f = Lanes.sub<V>(m, one);
    const s = Lanes.div<V>(f, Lanes.add<V>(Lanes.splat<V>(2), f));
    const z = Lanes.mul<V>(s, s);
    const zz = Lanes.mul<V>(z, z);
    const a = Steps.cubic<V>(z, zz, 0.6666666666666683, 0.39999999999688385, 0.2857142869052045, 0.22222203280864283);
    const b = Lanes.madd<V>(
      Lanes.splat<V>(0.1474730686496905),
      zz,
      Lanes.madd<V>(Lanes.splat<V>(0.15319269526430557), z, Lanes.splat<V>(0.18183342734767502)),
    );
    const series = Lanes.madd<V>(b, Lanes.mul<V>(zz, zz), a);

    const halfSquare = Lanes.mul<V>(half, Lanes.mul<V>(f, f));
    const multiple = Lanes.mul<V>(k, Lanes.splat<V>(LN2_HIGH));
    const high = Lanes.add<V>(multiple, f);
    const low = Lanes.add<V>(Steps.rest<V>(multiple, f, high), extra);
    const product = Lanes.mul<V>(s, Lanes.madd<V>(z, series, halfSquare));
    const small = Lanes.add<V>(product, Lanes.madd<V>(k, Lanes.splat<V>(LN2_LOW), low));
    return Lanes.sub<V>(high, Lanes.sub<V>(halfSquare, small));
  }

  /** erf(a) - a for |a| < 0.5: a P(a^2), a minimax of degree 8. */
  @inline static erfRest<V>(a: V): V {
    const z = Lanes.mul<V>(a, a);
    const zz = Lanes.mul<V>(z, z);
    const z4 = Lanes.mul<V>(zz, zz);
    const c0 = Steps.cubic<V>(
      z,
      zz,
      0.12837916709551256,
      -0.37612638903183465,
      0.11283791670924813,
      -0.026866170632715874,
    );
    const c4 = Steps.cubic<V>(
      z,
      zz,
      0.005223977370327354,
      -0.0008548297524464454,
      0.00012053324316460674,
      -1.4845583798365806e-5,
    );
    const high = Lanes.madd<V>(Lanes.splat<V>(1.4723215865895508e-6), z4, c4);
    return Lanes.mul<V>(a, Lanes.madd<V>(high, z4, c0));
  }

  /** (1 + 3/2 a) e^(a^2) erfc(a) - 0.96875, a from 0.5 to 27.5: a minimax of degree 20 in (a - 3.25) / (a + 3.25). */
  @inline static erfcSeries<V>(a: V): V {
    const pivot = Lanes.splat<V>(3.25);
    const t = Lanes.div<V>(Lanes.sub<V>(a, pivot), Lanes.add<V>(a, pivot));
    const tt = Lanes.mul<V>(t, t);
    const t4 = Lanes.mul<V>(tt, tt);
    const c1 = Steps.cubic<V>(
      t,
      tt,
      -0.18065752897818024,
      0.03935852028680974,
      0.04586528485608637,
      -0.06818913504919137,
    );
    const c5 = Steps.cubic<V>(
      t,
      tt,
      0.051316311363471444,
      -0.02517410896227242,
      0.0073144853663850385,
      -0.00026739895385068823,
    );
    const c9 = Steps.cubic<V>(
      t,
      tt,
      -0.0007429864878131819,
      0.00022832993162280225,
      4.8947537999840686e-5,
      -3.955366601463861e-5,
    );
    const c13 = Steps.cubic<V>(
      t,
      tt,
      -2.4097198909220775e-6,
      6.244094759760045e-6,
      1.033093904792141e-7,
      -1.0314159812540858e-6,
    );
    const c17 = Steps.cubic<V>(
      t,
      tt,
      -2.653376456322448e-8,
      1.6952364638310802e-7,
      7.0082426088781645e-9,
      -2.0210017269922466e-8,
    );
    const high = Lanes.madd<V>(Lanes.madd<V>(c17, t4, c13), t4, c9);
    const slope = Lanes.madd<V>(Lanes.madd<V>(high, t4, c5), t4, c1);
    // t last: the first products of the blocks are its largest, and round at their own size
    return Lanes.madd<V>(t, slope, Lanes.splat<V>(0.008470172007578528));
  }

  /**
   * erfc(a + aLow) 2^-n for a from 0.5 to 27.5, given (a + aLow)^2 = square + squareLow, where square is a
   * multiple of 2^-42, and n = multiple(-square): e^-square W / (1 + 3/2 a), all three carried as 26 bits and
   * a rest, so that products of the high parts are exact and nothing is rounded before the last sum.
   */
  @inline static erfcFar<V>(a: V, aLow: V, square: V, squareLow: V, n: V): V {
    const one = Lanes.splat<V>(1);
    const half = Lanes.splat<V>(0.5);
    // e^-square = 2^n (e + eLow)
    const start = Steps.reduce<V>(Lanes.neg<V>(square), n);
    const low = Lanes.madd<V>(n, Lanes.splat<V>(LN2_LOW), squareLow);
    const r = Lanes.sub<V>(start, low);
    const sum = Lanes.add<V>(one, r);
    const restOfE = Steps.expRest<V>(r, Lanes.sub<V>(Lanes.sub<V>(start, r), low));
    const eRest = Lanes.add<V>(Steps.rest<V>(one, r, sum), restOfE);
    const e = Steps.round<V>(Lanes.add<V>(sum, eRest), ROUND25);
    const eLow = Lanes.add<V>(Lanes.sub<V>(sum, e), eRest);

    const centre = Lanes.splat<V>(0.96875);
    const series = Steps.erfcSeries<V>(a);
    const whole = Lanes.add<V>(centre, series);
    const w = Steps.round<V>(whole, ROUND25);
    const wLow = Lanes.add<V>(Lanes.sub<V>(centre, w), series);

    const halfA = Lanes.mul<V>(half, a);
    const divisor = Lanes.add<V>(one, Lanes.add<V>(a, halfA));
    const d = Steps.round<V>(divisor, ROUND20);
    const dRest = Lanes.add<V>(Lanes.sub<V>(a, Lanes.sub<V>(d, one)), halfA);
    const dLow = Lanes.madd<V>(Lanes.splat<V>(1.5), aLow, dRest);

    const top = Lanes.mul<V>(e, w);
    const topLow = Lanes.madd<V>(e, wLow, Lanes.mul<V>(eLow, whole));
    const inverse = Lanes.div<V>(one, divisor);
    const q = Steps.round<V>(Lanes.mul<V>(top, inverse), ROUND26);
    const left = Lanes.sub<V>(Lanes.sub<V>(top, Lanes.mul<V>(q, d)), Lanes.mul<V>(q, dLow));
    return Lanes.madd<V>(Lanes.add<V>(left, topLow), inverse, q);
  }

  /** erfc(x) for x >= 0.5 (NaN stays). */
  @inline static erfcOf<V>(x: V): V {
    // beyond 27.3 the result is 0
    const a = Lanes.atMost<V>(x, 27.5);
    const high = Steps.round<V>(a, ROUND21);
    const square = Lanes.mul<V>(high, high);
    const squareLow = Lanes.mul<V>(Lanes.add<V>(a, high), Lanes.sub<V>(a, high));
    const n = Steps.multiple<V>(Lanes.neg<V>(square));
    return Lanes.scale<V>(Steps.erfcFar<V>(a, Lanes.splat<V>(0), square, squareLow, n), n);
  }

  /** Phi(z) = erfc(-z / sqrt 2) / 2, or z Phi(z), which is rounded before it is scaled into the subnormals. */
  @inline static normal<V>(z: V, timesZ: bool): V {
    const zero = Lanes.splat<V>(0);
    const one = Lanes.splat<V>(1);
    const half = Lanes.splat<V>(0.5);
    // below -38.6 the result is 0
    const y = Lanes.atMost<V>(Lanes.abs<V>(z), 38.85);
    const high = Steps.round<V>(y, ROUND20);
    const low = Lanes.sub<V>(y, high);
    // y sqrt(1/2) = a + aLow; the product of the high parts is exact
    const a = Lanes.mul<V>(y, Lanes.splat<V>(SQRT_HALF));
    const left = Lanes.sub<V>(Lanes.mul<V>(high, Lanes.splat<V>(SQRT_HALF_HIGH)), a);
    const cross = Lanes.madd<V>(low, Lanes.splat<V>(SQRT_HALF_HIGH), left);
    const aLow = Lanes.madd<V>(y, Lanes.splat<V>(SQRT_HALF_LOW), cross);

    // erf(a + aLow) = a + rest, to first order in aLow, where erf' = 1.128 e^(-a^2) to two digits is enough
    const slope = Lanes.madd<V>(Lanes.mul<V>(a, a), Lanes.splat<V>(-1), Lanes.splat<V>(1.12));
    const rest = Lanes.madd<V>(aLow, slope, Steps.erfRest<V>(a));
    const signedA = Lanes.copySign<V>(a, z);
    const signedRest = Lanes.ifLess<V>(z, zero, Lanes.neg<V>(rest), rest);
    const sum = Lanes.add<V>(one, signedA);
    const nearCdf = Lanes.mul<V>(half, Lanes.add<V>(sum, Lanes.add<V>(Steps.rest<V>(one, signedA, sum), signedRest)));
    const near = timesZ ? Lanes.mul<V>(z, nearCdf) : nearCdf;

    const square = Lanes.mul<V>(half, Lanes.mul<V>(high, high));
    const squareLow = Lanes.mul<V>(half, Lanes.mul<V>(Lanes.add<V>(y, high), low));
    const n = Steps.multiple<V>(Lanes.neg<V>(square));
    const factor = timesZ ? Lanes.mul<V>(half, y) : half;
    const tail = Lanes.scale<V>(Lanes.mul<V>(factor, Steps.erfcFar<V>(a, aLow, square, squareLow, n)), n);
    const below = timesZ ? Lanes.neg<V>(tail) : tail;
    const far = Lanes.ifLess<V>(z, zero, below, Lanes.sub<V>(timesZ ? z : one, tail));
    return Lanes.ifLess<V>(a, Lanes.splat<V>(NEAR), near, far);
  }
}
