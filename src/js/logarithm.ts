import { cubic, LN2_HIGH, LN2_LOW, powerOfTwo } from "./steps";

/** A float64 and its two halves, the low one first: every machine that runs JavaScript today is little-endian. */
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** k log 2 + log m + extra for m = x 2^-k in [sqrt 1/2, sqrt 2), x > 0 normal; `shift` is added to k. */
function logSum(x: number, shift: number, extra: number): number {
  float[0] = x;
  let k = ((words[1] as number) >>> 20) - 1023;
  let m = x * powerOfTwo(-k);
  k += shift;
  if (m >= Math.SQRT2) {
    m *= 0.5;
    k += 1;
  }

  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  const zz = z * z;
  const a = cubic(z, zz, 0.6666666666666683, 0.39999999999688385, 0.2857142869052045, 0.22222203280864283);
  const b = 0.1474730686496905 * zz + (0.15319269526430557 * z + 0.18183342734767502);
  const series = b * (zz * zz) + a;

  const halfSquare = 0.5 * (f * f);
  const multiple = k * LN2_HIGH;
  const high = multiple + f;
  const low = multiple - high + f + extra;
  const small = s * (z * series + halfSquare) + (k * LN2_LOW + low);
  return high - (halfSquare - small);
}

export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : Number.NaN;
  if (x === Infinity) return x;
  return x < 2.2250738585072014e-308 ? logSum(x * 18014398509481984, -54, 0) : logSum(x, 0, 0);
}

export function log1p(x: number): number {
  if (!(x > -1)) return x === -1 ? -Infinity : Number.NaN;
  if (x === 0 || x === Infinity) return x;
  const u = 1 + x;
  const part = u - 1;
  const c = 1 - (u - part) + (x - part);
  return logSum(u, 0, c / u);
}
