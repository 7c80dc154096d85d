/** The subpath wasmgrad/predict: to predict with a network that was trained elsewhere, and nothing else. */

export type { Variant } from "./backend/instantiate";
export {
  ArgumentError,
  DisposedError,
  FormatError,
  OutOfMemoryError,
  ShapeError,
  WasmgradError,
} from "./errors";
export type { JsonValue, Metadata } from "./files/metadata";
export type { PredictOptions } from "./inference";
export type { Numbers } from "./numbers";
export { type LoadOptions, loadNetwork, type Predictor } from "./predictor";
