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

export interface EpochInfo {
  /** 1 after the first epoch of this fit. */
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly accuracy: number | undefined;
  readonly validationLoss: number | undefined;
  readonly validationAccuracy: number | undefined;
  readonly history: History;
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

/** The last epoch, as a callback is told of it. */
export function latest(history: History, epochs: number): EpochInfo {
  const last = (list: readonly number[]) => list[list.length - 1];
  return {
    epoch: history.epochs,
    epochs,
    loss: last(history.loss) as number,
    accuracy: last(history.accuracy),
    validationLoss: last(history.validationLoss),
    validationAccuracy: last(history.validationAccuracy),
    history,
  };
}
