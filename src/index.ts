export type { ActivationName } from "./activations";
export { Backend, type MatmulOptions, type MemoryUse, type OutOption, type Variant } from "./backend/backend";
export { type BackendOptions, loadBackend } from "./backend/load";
export { Matrix } from "./backend/matrix";
export { checkGradients, type GradientCheck } from "./checkGradients";
export type { Data } from "./dataset";
export {
  ArgumentError,
  BusyError,
  DisposedError,
  OutOfMemoryError,
  ShapeError,
  WasmgradError,
  WorkerError,
} from "./errors";
export type { Evaluation } from "./evaluation";
export type { AbortSignalLike, FitOptions, StepInfo } from "./fitOptions";
export type { EpochInfo, History } from "./history";
export type { InitializerName } from "./initializers";
export { type DenseDescription, type DenseOptions, dense } from "./layers/dense";
export { type DropoutDescription, dropout } from "./layers/dropout";
export type { Layer, LayerDescription } from "./layers/layer";
export { type LbfgsOptions, lbfgs } from "./lbfgs";
export type { CustomLoss, LossBatch, LossLike, LossName } from "./losses";
export type { MetricName } from "./metrics";
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
