import type * as simd from "../../build/simd";

/**
 * The kernels of a binary, as asc declares them: "go to definition" on one of them lands in build/simd.d.ts, whose
 * comment names the file in assembly/. All three binaries export the same.
 */
export type WasmKernels = Omit<Awaited<ReturnType<typeof simd.instantiate>>, "memory">;

/** gemm as threads share it: sharedKernels.ts alone calls them. */
type SharedGemm = "gemmRange" | "gemmRangeColumns" | "gemmRangeTerms" | "gemmRangeWorkspaceBytes" | "gemmTileRows";

/** The kernels of a variant; js/ is checked against it. */
export type Kernels = Omit<WasmKernels, SharedGemm>;

/** Names of the kernels that take exactly these arguments: what a catalogue may name. */
type Taking<Arguments extends number[]> = {
  [Name in keyof Kernels]: Parameters<Kernels[Name]> extends Arguments
    ? Arguments extends Parameters<Kernels[Name]>
      ? Name
      : never
    : never;
}[keyof Kernels];

/** (length, x, y) */
export type UnaryKernel = Taking<[number, number, number]>;
/** (length, x, y, z), or (samples, units, x, y) */
export type BinaryKernel = Taking<[number, number, number, number]>;
/** (samples, units, factor or divisor, outputs or logits, targets, result) */
export type LossKernel = Taking<[number, number, number, number, number, number]>;
/** (samples, units, factor, logits, outputs, targets, result) */
export type FusedLossKernel = Taking<[number, number, number, number, number, number, number]>;
