/** The table of contents: every kernel that a variant exports, and the file where it lives. */

export {
  elu,
  eluAndSlope,
  eluGradient,
  gelu,
  geluAndSlope,
  geluGradient,
  leakyRelu,
  leakyReluGradient,
  linear,
  linearGradient,
  relu,
  reluGradient,
  selu,
  seluAndSlope,
  seluGradient,
  sigmoid,
  sigmoidAndSlope,
  sigmoidGradient,
  silu,
  siluAndSlope,
  siluGradient,
  softplus,
  softplusAndSlope,
  softplusGradient,
  tanh,
  tanhAndSlope,
  tanhGradient,
} from "./activations";
export { columnDots, columnMoments, inverseDeviations, normalize, normalizeGradient } from "./batchNorm";
export { categoricalLogitsGradient, categoricalLogitsLoss } from "./crossEntropy";
export { dropout } from "./dropout";
export { erf, exp, expm1, log, log1p, multiply } from "./elementwise";
export { binaryVariant, heapBase } from "./engine";
export { gatherRows } from "./gather";
export {
  gemm,
  gemmRange,
  gemmRangeColumns,
  gemmRangeTerms,
  gemmRangeWorkspaceBytes,
  gemmTileRows,
  gemmWorkspaceBytes,
} from "./gemm";
export {
  absoluteGradient,
  absoluteLoss,
  binaryGradient,
  binaryLogitsGradient,
  binaryLogitsLoss,
  binaryLoss,
  categoricalGradient,
  categoricalLoss,
  huberGradient,
  huberLoss,
  squaresGradient,
  squaresLoss,
} from "./losses";
export { adagrad, adam, rmsProp, sgd, sgdMomentum } from "./optimizers";
export { fractions } from "./random";
export { accumulate, addPenaltyGradient, areSmall, columnSums, firstNotFinite, magnitudes, scaleRows } from "./reduce";
export { softmax, softmaxGradient } from "./softmax";
export { transpose } from "./transpose";
export { combine, dot } from "./vectors";
