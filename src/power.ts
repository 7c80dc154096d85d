/** base^exponent for a whole exponent of at least 0, by repeated squaring: the same bits on every engine, unlike Math.pow. */
export function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base, rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
