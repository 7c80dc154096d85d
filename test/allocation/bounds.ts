/** What a step, once warm, may take: bytes in passing, and bytes that stay, which are some tens of KB of the engine's own in all. */
export const FEW = { passing: 64, kept: 1 };

/** Whether a training has taken less than that. */
export function isFew({ passing, kept, steps }: { passing: number; kept: number; steps: number }): boolean {
  return passing < FEW.passing && kept < FEW.kept * steps;
}
