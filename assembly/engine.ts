import { Lanes } from "./lanes";

/** Which binary this is: 0 scalar, 1 simd, 2 relaxed. */
export function binaryVariant(): i32 {
  return Lanes.fused ? 2 : Lanes.wide ? 1 : 0;
}

/** The first byte that is free: what lies before it is the module's own. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * Whether madd has one rounding on this engine. An engine may accept relaxed_madd and not fuse it: then it is
 * no faster, and its bits are nobody's.
 *
 *   scratch: 8 bytes, through which the operand comes so that no compiler folds the answer
 */
export function fusesMultiplyAdd(scratch: usize): i32 {
  // (1 + 2^-30)^2 = 1 + 2^-29 + 2^-60: the last term is lost when the product is rounded
  store<f64>(scratch, 1 + 9.313225746154785e-10);
  const x = load<f64>(scratch);
  if (Lanes.wide) {
    const v = Lanes.splat<v128>(x);
    return Lanes.first<v128>(Lanes.madd<v128>(v, v, Lanes.neg<v128>(Lanes.mul<v128>(v, v)))) !== 0 ? 1 : 0;
  }
  return Lanes.madd<f64>(x, x, -(x * x)) !== 0 ? 1 : 0;
}
