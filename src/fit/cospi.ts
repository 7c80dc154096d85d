/** pi to 26 bits, and the rest. */
const PI_HIGH = 52707179 / 16777216;
const PI_LOW = -2.7818135228334233e-8;

/** x + ROUND26 - ROUND26 is x to the nearest multiple of 2^-26. */
const ROUND26 = 100663296;

/**
 * Taylor's coefficients, the highest power first: sin z = z + z^3 S(z^2) and cos z = 1 - z^2 / 2 + z^4 C(z^2). For |z| <= pi / 4
 * the first that is missing would add less than 2^-58.
 */
const S = [
  1 / 355687428096000,
  -1 / 1307674368000,
  1 / 6227020800,
  -1 / 39916800,
  1 / 362880,
  -1 / 5040,
  1 / 120,
  -1 / 6,
];
const C = [1 / 20922789888000, -1 / 87178291200, 1 / 479001600, -1 / 3628800, 1 / 40320, -1 / 720, 1 / 24];

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (const coefficient of coefficients) sum = sum * x + coefficient;
  return sum;
}

/**
 * cos(pi x) for 0 <= x <= 1/2, by exact operations alone: the same bits on every engine, unlike Math.cos. 1 at 0 and 0 at 1/2 are
 * exact; |error| < 1 ulp.
 *
 * Beyond 1/4 it is sin(pi (1/2 - x)), whose 1/2 - x is exact. The angle z is kept as a multiple of 2^-26, whose square is
 * exact, and a rest: what the last addition rounds is exact but for a small part.
 */
export function cospi(x: number): number {
  const turned = x > 0.25;
  const r = turned ? 0.5 - x : x;
  const rHigh = r + ROUND26 - ROUND26;
  const top = rHigh * PI_HIGH;
  const low = (r - rHigh) * PI_HIGH + r * PI_LOW;
  const z = top + low;
  const zHigh = z + ROUND26 - ROUND26;
  const zLow = top - zHigh + low;

  const zz = z * z;
  if (turned) return zHigh + (zLow + z * zz * polynomial(S, zz));
  const squareLow = zLow * (zHigh + z);
  return 1 - 0.5 * (zHigh * zHigh) + (zz * zz * polynomial(C, zz) - 0.5 * squareLow);
}
