import { Lanes } from "./lanes";
import { Philox } from "./random";

/**
 * mask_e <- 0 with probability threshold / 2^32, else scale; y_e <- x_e mask_e. Saves the mask, which is the slope.
 *
 *   x, mask, y: length. y may be x.    workspace: 128 bytes
 *
 * Element e takes word e mod 4 of the Philox block (e / 4, stream, step) under the key (seed): its fate depends on
 * nothing else. It is dropped where that word is below `threshold`.
 */
export function dropout(
  length: usize,
  seedLow: u32,
  seedHigh: u32,
  stream: u32,
  stepLow: u32,
  stepHigh: u32,
  threshold: u32,
  scale: f64,
  x: usize,
  mask: usize,
  y: usize,
  workspace: usize,
): void {
  let e: usize = 0;
  if (Lanes.wide) {
    for (; e + 32 <= length; e += 32) {
      Philox.eightBlocks(<u32>(e >> 2), stream, stepLow, stepHigh, seedLow, seedHigh, workspace);
      const factor = f64x2.splat(scale);
      const limit = i32x4.splat(threshold);
      for (let w: usize = 0; w < 128; w += 16) {
        // all bits of a word where it stays, then widened to all bits of a double
        const kept = i32x4.ge_u(v128.load(workspace + w), limit);
        const at = (e << 3) + (w << 1);
        const first = v128.and(factor, i64x2.extend_low_i32x4_s(kept));
        const second = v128.and(factor, i64x2.extend_high_i32x4_s(kept));
        v128.store(mask + at, first);
        v128.store(mask + at, second, 16);
        v128.store(y + at, f64x2.mul(first, v128.load(x + at)));
        v128.store(y + at, f64x2.mul(second, v128.load(x + at, 16)), 16);
      }
    }
  }
  for (; e < length; e += 4) {
    const count = min<usize>(4, length - e);
    Philox.block(<u32>(e >> 2), stream, stepLow, stepHigh, seedLow, seedHigh, workspace);
    for (let i: usize = 0; i < count; i++) {
      const factor = select<f64>(0, scale, load<u32>(workspace + (i << 2)) < threshold);
      const at = (e + i) << 3;
      store<f64>(mask + at, factor);
      store<f64>(y + at, factor * load<f64>(x + at));
    }
  }
}
