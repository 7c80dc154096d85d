/** What the functions of math.ts and logarithm.ts share. */

export const LN2_HIGH = 0.6931471805598903;
export const LN2_LOW = 5.497923018708371e-14;

/** 2^n at n - LOWEST, n from -1074 to 1023: looked up, for a float written in halves stalls the processor when read. */
const LOWEST = -1074;
const powers = new Float64Array(2098);
powers[0] = Number.MIN_VALUE;
for (let i = 1; i < powers.length; i++) powers[i] = 2 * (powers[i - 1] as number);

/** 2^n for a whole n from -1074 to 1023. */
export function powerOfTwo(n: number): number {
  return powers[(n - LOWEST) | 0] as number;
}

/** c0 + c1 x + c2 x^2 + c3 x^3, given x^2. */
export function cubic(x: number, xx: number, c0: number, c1: number, c2: number, c3: number): number {
  return (c3 * x + c2) * xx + (c1 * x + c0);
}
