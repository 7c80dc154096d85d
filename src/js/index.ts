import type { Kernels } from "../backend/kernels";
import { activationKernels } from "./activations";
import { batchNormKernels } from "./batchNorm";
import { gemmKernels } from "./gemm";
import { lossKernels } from "./losses";
import { JsMemory } from "./memory";
import { trainingKernels } from "./training";

export { JsMemory };

/**
 * Variant js: every kernel of assembly/ in plain TypeScript over typed arrays, to be read, to be raced against,
 * and for places that forbid WebAssembly. Same arguments, same order of operations, same bits as scalar and simd.
 */
export function createJsKernels(memory: JsMemory): Kernels {
  return {
    binaryVariant: () => -1,
    heapBase: () => 64,
    ...gemmKernels(memory),
    ...activationKernels(memory),
    ...lossKernels(memory),
    ...batchNormKernels(memory),
    ...trainingKernels(memory),
  };
}
