import type { EpochInfo, StepInfo } from "../src/index";

export function progress(options: { label: string; epochs: number; every?: number; stream?: NodeJS.WriteStream }): {
  onStep(info: StepInfo): void;
  onEpoch(info: EpochInfo): void;
  close(): void;
};
