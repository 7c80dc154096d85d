/** The kernels of wasmgrad/predict: what a forward pass without training calls, and nothing else. */

export { elu, gelu, leakyRelu, linear, relu, selu, sigmoid, silu, softplus, tanh } from "./activations";
export { inverseDeviations, normalize } from "./batchNorm";
export { binaryVariant, heapBase } from "./engine";
export { gemm, gemmWorkspaceBytes } from "./gemm";
export { areSmall, firstNotFinite } from "./reduce";
export { softmax } from "./softmax";
