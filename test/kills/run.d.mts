export const OPTIMIZERS: readonly string[];
export function killTrainings(
  optimizer: string,
  kills: number,
  random?: () => number,
): Promise<{ ended: number; same: boolean }>;
export function seeded(seed: number): () => number;
