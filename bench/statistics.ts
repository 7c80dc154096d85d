/** Several readings of the same work, in seconds. */
export interface Timing {
  readonly best: number;
  readonly median: number;
  readonly worst: number;
  readonly readings: readonly number[];
}

export function summarize(readings: readonly number[]): Timing {
  const sorted = [...readings].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  return { best: at(0), median: at(0.5), worst: at(1), readings };
}
