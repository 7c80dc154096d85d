import { BATCH_NORM_WORK } from "./layers/batchNorm";
import type { LayerDescription, LayerState } from "./layers/layer";

/** How many numbers a layer has of each kind, for `fanIn` features. */
function sizesOf(description: LayerDescription, fanIn: number) {
  const none = { units: fanIn, weightCount: 0, parameterCount: 0, statisticsCount: 0, workCount: 0, trainable: true };
  switch (description.kind) {
    case "dense": {
      const { units, trainable } = description;
      const weightCount = fanIn * units;
      return { ...none, units, weightCount, parameterCount: weightCount + units, trainable };
    }
    case "batchNorm": {
      const workCount = BATCH_NORM_WORK * fanIn;
      return { ...none, weightCount: fanIn, parameterCount: 2 * fanIn, statisticsCount: 2 * fanIn, workCount };
    }
    case "dropout":
      return none;
  }
}

/** Where a network lies in memory. */
interface Layout {
  /** Parameters, and gradients. */
  readonly parameterCount: number;
  /** Running statistics, which follow the parameters. */
  readonly statisticsCount: number;
  readonly workCount: number;
  /** The layers, once all have an address. */
  placed(parameters: number, gradients: number, work: number): LayerState[];
}

/**
 * Lays the layers out: one flat array of parameters, weights before bias, with the running statistics behind it; one of
 * gradients, and one of what layers keep from pass to pass.
 */
export function layOut(inputs: number, descriptions: readonly LayerDescription[]): Layout {
  let fanIn = inputs;
  let parameterCount = 0;
  let statisticsCount = 0;
  let workCount = 0;
  const places = descriptions.map((description, index) => {
    const sizes = sizesOf(description, fanIn);
    const place = { description, index, fanIn, offset: parameterCount, statisticsCount, workCount, sizes };
    fanIn = sizes.units;
    parameterCount += sizes.parameterCount;
    statisticsCount += sizes.statisticsCount;
    workCount += sizes.workCount;
    return place;
  });
  const placed = (parameters: number, gradients: number, work: number) =>
    places.map(({ description, index, fanIn, offset, statisticsCount, workCount, sizes }) => {
      const statistics = parameters + 8 * (parameterCount + statisticsCount);
      return {
        description,
        index,
        fanIn,
        offset,
        ...sizes,
        weights: parameters + 8 * offset,
        bias: parameters + 8 * (offset + sizes.weightCount),
        weightGradients: gradients + 8 * offset,
        biasGradients: gradients + 8 * (offset + sizes.weightCount),
        runningMean: statistics,
        runningVariance: statistics + 4 * sizes.statisticsCount,
        work: work + 8 * workCount,
      };
    });
  return { parameterCount, statisticsCount, workCount, placed };
}
