export type { ActivationName } from "./activations";
export { Backend, type MatmulOptions, type MemoryUse, type OutOption } from "./backend/backend";
export type { Variant } from "./backend/instantiate";
export { loadBackend } from "./backend/load";
export type { BackendOptions } from "./backend/loadEngine";
export { Matrix } from "./backend/matrix";
export { checkGradients, type GradientCheck } from "./checkGradients";
export { confusionMatrix } from "./confusionMatrix";
export type { Data } from "./dataset";
export {
  ArgumentError,
  BusyError,
  DisposedError,
  DivergedError,
  FormatError,
  OutOfMemoryError,
  ShapeError,
  WasmgradError,
  WorkerError,
} from "./errors";
export type { Evaluation } from "./evaluation";
export { loadNetwork } from "./files/loadNetwork";
export type { JsonValue, Metadata } from "./files/metadata";
export type { CheckpointOptions } from "./fit/checkpoint";
export type { ClassWeights } from "./fit/classWeights";
export type { EarlyStoppingOptions } from "./fit/earlyStopping";
export type { AbortSignalLike, FitData, FitOptions, StepInfo } from "./fit/fitOptions";
export type { EpochInfo, History } from "./fit/history";
export {
  type CosineDecayOptions,
  cosineDecay,
  type ExponentialDecayOptions,
  exponentialDecay,
  type ReduceOnPlateauOptions,
  reduceOnPlateau,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
  type WarmupOptions,
  warmup,
} from "./fit/schedules";
export type { BatchStream } from "./fit/streamFeed";
export type { PredictOptions } from "./inference";
export type { InitializerName } from "./initializers";
export { type BatchNormDescription, type BatchNormOptions, batchNorm } from "./layers/batchNorm";
export { type DenseDescription, type DenseOptions, dense } from "./layers/dense";
export { type DropoutDescription, dropout } from "./layers/dropout";
export type { Layer, LayerDescription } from "./layers/layer";
export { type LbfgsOptions, lbfgs } from "./lbfgs";
export type { CustomLoss, LossBatch, LossLike, LossName } from "./losses";
export type { CustomMetric, MetricDetails, MetricLike, MetricName } from "./metrics/metrics";
export { createNetwork, Network, type NetworkOptions } from "./network";
export type { Numbers } from "./numbers";
export {
  type AdagradOptions,
  type AdamOptions,
  adagrad,
  adam,
  adamW,
  type Optimizer,
  type RmsPropOptions,
  rmsProp,
  type SgdOptions,
  sgd,
} from "./optimizers";
export type { Targets } from "./targets";
export { Trainer } from "./trainer";
export type { TrainerOptions } from "./trainerOptions";
