import { Lanes } from "./lanes";

/** Which binary this is: 0 scalar, 1 simd, 2 relaxed. */
export function binaryVariant(): i32 {
  return Lanes.fused ? 2 : Lanes.wide ? 1 : 0;
}

/** The first byte that is free: what lies before it is the module's own. */
export function heapBase(): usize {
  return __heap_base;
}
