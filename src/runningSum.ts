/** A running sum and its compensation in linear memory. */
export interface RunningSum {
  readonly pointer: number;
  readonly values: Float64Array;
}

/**
 * Adds a term to running sum `place` of a list of them, two numbers each, as the kernel `accumulate` does (Neumaier 1974): its
 * error does not grow with the number of terms. They live in an array, for a number that changes anywhere else is a new object.
 */
export function addTo(values: Float64Array, term: number, place = 0): void {
  const at = 2 * place;
  const sum = values[at] as number;
  const next = sum + term;
  const lost = Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
  values[at] = next;
  values[at + 1] = (values[at + 1] as number) + lost;
}

/** What a running sum has come to. */
export function totalOf(values: Float64Array, place = 0): number {
  const total = values[2 * place] as number;
  // past an infinite sum the compensation is NaN: there is nothing to make up for
  return Number.isFinite(total) ? total + (values[2 * place + 1] as number) : total;
}
