/** What a fit leaves behind: one number an epoch in each list; empty where nothing was measured. */
export interface History {
  /** Mean cost of the epoch's batches, penalties included, weighted by their samples; each before its update. */
  readonly loss: number[];
  /** Loss over the validation set after the epoch, without penalties. */
  readonly validationLoss: number[];
  /** Share of the epoch's samples that were right, each counted before its batch's update. */
  readonly accuracy: number[];
  readonly validationAccuracy: number[];
  readonly learningRate: number[];
  /** Whole epochs. */
  epochs: number;
  stoppedBy: "epochs" | "signal";
}

export function emptyHistory(): History {
  return {
    loss: [],
    validationLoss: [],
    accuracy: [],
    validationAccuracy: [],
    learningRate: [],
    epochs: 0,
    stoppedBy: "epochs",
  };
}
