import { cubic, LN2_HIGH, LN2_LOW, powerOfTwo } from "./steps";

export { log, log1p } from "./logarithm";

/**
 * The elementary functions of assembly/math.ts in plain TypeScript: the same operations in the same order,
 * so the same bits as the scalar and simd variants. Where those compute two ranges and select, this branches.
 *
 * Methods, coefficients and errors are told there.
 */

const SQRT_HALF_HIGH = 0.7071067839860916;
const SQRT_HALF_LOW = -2.799544089368687e-9;
const INVERSE_SQRT_2PI = 0.3989422804014327;

/** x + ROUND - ROUND is x to the nearest multiple of 2^-bits (ROUND0: to the nearest integer, ties to even). */
const ROUND0 = 6755399441055744;
const ROUND20 = 6442450944;
const ROUND21 = 3221225472;
const ROUND25 = 201326592;
const ROUND26 = 100663296;
const SPLIT = 134217729;
const NEAR = 0.5;

/** x 2^n; two factors where one would leave the normal numbers. */
function scale(x: number, n: number): number {
  if (Math.abs(n) < 1000) return x * powerOfTwo(n);
  const half = n * 0.5 + ROUND0 - ROUND0;
  return x * powerOfTwo(half) * powerOfTwo(n - half);
}

/** The whole n for which x = n log 2 + r, |r| <= log(2)/2 and a little. */
function multiple(x: number): number {
  return x * Math.LOG2E + ROUND0 - ROUND0;
}

/** e^(r + low) - 1 - r for |r| <= 0.3467. */
function expRest(r: number, low: number): number {
  return expSeries(r, low * r + low);
}

/** e^r - 1 - r + extra for |r| <= 0.3467. */
function expSeries(r: number, extra: number): number {
  const rr = r * r;
  const r4 = rr * rr;
  const a = cubic(r, rr, 0.1666666666666667, 0.041666666666666685, 0.008333333333325879, 0.001388888888887334);
  const b = cubic(r, rr, 0.00019841269876695933, 2.480158735024832e-5, 2.7557252767037933e-6, 2.7557250139235926e-7);
  const c = 2.0922477795199827e-9 * r + 2.5106299909923105e-8;
  const series = c * (r4 * r4) + (b * r4 + a);
  return rr * r * series + (0.5 * rr + extra);
}

/** (r/2) coth(r/2) - 1 for |r| <= 0.3467. */
function cothRest(r: number): number {
  const z = r * r;
  const zz = z * z;
  const low = cubic(z, zz, 0.08333333333333322, -0.0013888888888646288, 3.30687819147791e-5, -8.266979020012382e-7);
  return z * (2.0699611881300163e-8 * (zz * zz) + low);
}

/** e^x 2^-n for n = multiple(x). */
function expPart(x: number, n: number): number {
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  const sum = 1 + r;
  return sum + expSeries(r, 1 - sum + r);
}

export function exp(x: number): number {
  const c = Math.max(Math.min(x, 710), -746);
  const n = multiple(c);
  return scale(expPart(c, n), n);
}

/** factor e^x, |factor| from 2^-64 to 2^64: e^x may be subnormal where the product is not. */
export function expTimes(x: number, factor: number): number {
  const c = Math.max(Math.min(x, 760), -800);
  const n = multiple(c);
  return scale(factor * expPart(c, n), n);
}

export function expm1(x: number): number {
  if (x === 0) return x;
  const c = Math.max(Math.min(x, 710), -40);
  const n = multiple(c);
  const start = c - n * LN2_HIGH;
  const low = n * LN2_LOW;
  const r = start - low;
  const rest = expRest(r, start - r - low);

  const power = powerOfTwo(Math.max(-n, -1000));
  const base = 1 - power;
  const baseLow = 1 - base - power;
  const sum = base + r;
  const sumLow = base - sum + r + baseLow + rest;
  return scale(sum + sumLow, n);
}

export function tanh(x: number): number {
  if (x === 0) return x;
  const a = Math.abs(x);
  const c = Math.min(a + a, 44);
  const n = multiple(c);
  const start = c - n * LN2_HIGH;
  const low = n * LN2_LOW;
  const r = start - low;
  const h = 0.5 * r;
  const hLow = 0.5 * (start - r - low);
  const s = cothRest(r);
  const power = powerOfTwo(-n);
  const sum = 1 + h;
  const sumLow = 1 - sum + h + hLow;
  const part = power * h;

  const difference = sum - power;
  const differenceLow = s * (1 - power) + (sum - difference - power + sumLow + part);
  const top = difference + differenceLow;
  const topLow = difference - top + differenceLow;

  const total = sum + power;
  const totalLow = s * (1 + power) + (sum - total + power + sumLow - part);
  const bottom = total + totalLow;
  const d = bottom + ROUND25 - ROUND25;
  const dLow = total - d + totalLow;

  const inverse = 1 / bottom;
  const whole = top * inverse;
  const spread = whole * SPLIT;
  const q = spread - (spread - whole);
  const y = (top - q * d + (topLow - q * dLow)) * inverse + q;
  return x < 0 ? -y : y;
}

/** factor sigmoid(-|x|), the factor a power of two: the sigmoid may be subnormal where the product is not. */
export function lesserSigmoid(x: number, factor: number): number {
  const c = Math.max(-Math.abs(x), -800);
  const n = multiple(c);
  const r = c - n * LN2_HIGH - n * LN2_LOW;
  const h = 0.5 * r;
  const centre = 1 + cothRest(r);
  const top = scale((centre + h) * factor, n);
  return top / (centre - h + top / factor);
}

/** erf(a) - a for |a| < 0.5. */
function erfRest(a: number): number {
  const z = a * a;
  const zz = z * z;
  const z4 = zz * zz;
  const c0 = cubic(z, zz, 0.12837916709551256, -0.37612638903183465, 0.11283791670924813, -0.026866170632715874);
  const c4 = cubic(z, zz, 0.005223977370327354, -0.0008548297524464454, 0.00012053324316460674, -1.4845583798365806e-5);
  return a * ((1.4723215865895508e-6 * z4 + c4) * z4 + c0);
}

/** (1 + 3/2 a) e^(a^2) erfc(a) - 0.96875 for 0.5 <= a <= 27.5. */
function erfcSeries(a: number): number {
  const t = (a - 3.25) / (a + 3.25);
  const tt = t * t;
  const t4 = tt * tt;
  const c1 = cubic(t, tt, -0.18065752897818024, 0.03935852028680974, 0.04586528485608637, -0.06818913504919137);
  const c5 = cubic(t, tt, 0.051316311363471444, -0.02517410896227242, 0.0073144853663850385, -0.00026739895385068823);
  const c9 = cubic(t, tt, -0.0007429864878131819, 0.00022832993162280225, 4.8947537999840686e-5, -3.955366601463861e-5);
  const c13 = cubic(t, tt, -2.4097198909220775e-6, 6.244094759760045e-6, 1.033093904792141e-7, -1.0314159812540858e-6);
  const c17 = cubic(t, tt, -2.653376456322448e-8, 1.6952364638310802e-7, 7.0082426088781645e-9, -2.0210017269922466e-8);
  const slope = (((c17 * t4 + c13) * t4 + c9) * t4 + c5) * t4 + c1;
  return t * slope + 0.008470172007578528;
}

/** erfc(a + aLow) 2^-n for a from 0.5 to 27.5, given (a + aLow)^2 = square + squareLow and n = multiple(-square). */
function erfcFar(a: number, aLow: number, square: number, squareLow: number, n: number): number {
  const start = -square - n * LN2_HIGH;
  const low = n * LN2_LOW + squareLow;
  const r = start - low;
  const sum = 1 + r;
  const eRest = 1 - sum + r + expRest(r, start - r - low);
  const e = sum + eRest + ROUND25 - ROUND25;
  const eLow = sum - e + eRest;

  const series = erfcSeries(a);
  const whole = 0.96875 + series;
  const w = whole + ROUND25 - ROUND25;
  const wLow = 0.96875 - w + series;

  const halfA = 0.5 * a;
  const divisor = 1 + (a + halfA);
  const d = divisor + ROUND20 - ROUND20;
  const dLow = 1.5 * aLow + (a - (d - 1) + halfA);

  const top = e * w;
  const topLow = e * wLow + eLow * whole;
  const inverse = 1 / divisor;
  const q = top * inverse + ROUND26 - ROUND26;
  const left = top - q * d - q * dLow;
  return (left + topLow) * inverse + q;
}

/** erfc(x) for x >= 0.5 (NaN stays). */
function erfcOf(x: number): number {
  const a = Math.min(x, 27.5);
  const high = a + ROUND21 - ROUND21;
  const square = high * high;
  const n = multiple(-square);
  return scale(erfcFar(a, 0, square, (a + high) * (a - high), n), n);
}

export function erf(x: number): number {
  const a = Math.abs(x);
  if (a < NEAR) return x + erfRest(x);
  const y = 1 - erfcOf(a);
  return x < 0 ? -y : y;
}

export function erfc(x: number): number {
  const a = Math.abs(x);
  if (a < NEAR) {
    const sum = 1 - x;
    return sum + (1 - sum - x - erfRest(x));
  }
  const tail = erfcOf(a);
  return x < 0 ? 2 - tail : tail;
}

/** Phi(z), or with timesZ z Phi(z). */
function normal(z: number, timesZ: boolean): number {
  const y = Math.min(Math.abs(z), 38.85);
  const high = y + ROUND20 - ROUND20;
  const low = y - high;
  const a = y * Math.SQRT1_2;
  const aLow = y * SQRT_HALF_LOW + (low * SQRT_HALF_HIGH + (high * SQRT_HALF_HIGH - a));
  if (a < NEAR) {
    const rest = aLow * (a * a * -1 + 1.12) + erfRest(a);
    const signed = z < 0 ? -a : a;
    const sum = 1 + signed;
    const cdf = 0.5 * (sum + (1 - sum + signed + (z < 0 ? -rest : rest)));
    return timesZ ? z * cdf : cdf;
  }
  const square = 0.5 * (high * high);
  const n = multiple(-square);
  const tail = scale((timesZ ? 0.5 * y : 0.5) * erfcFar(a, aLow, square, 0.5 * ((y + high) * low), n), n);
  if (timesZ) return z < 0 ? -tail : z - tail;
  return z < 0 ? tail : 1 - tail;
}

/** Phi(z) = erfc(-z / sqrt 2) / 2, the normal distribution. */
export function normalCdf(z: number): number {
  return normal(z, false);
}

/** z Phi(z). */
export function gelu(z: number): number {
  return normal(z, true);
}

/** z phi(z), phi the normal density: gelu'(z) = Phi(z) + z phi(z). */
export function timesDensity(z: number): number {
  const y = Math.min(Math.abs(z), 38.85);
  const high = y + ROUND20 - ROUND20;
  const minus = high * high * -0.5;
  const n = multiple(minus);
  const low = n * LN2_LOW + 0.5 * ((y + high) * (y - high));
  const r = minus - n * LN2_HIGH - low;
  const sum = 1 + r;
  const e = sum + expSeries(r, 1 - sum + r);
  const product = scale(y * INVERSE_SQRT_2PI * e, n);
  return z < 0 || Object.is(z, -0) ? -product : product;
}
