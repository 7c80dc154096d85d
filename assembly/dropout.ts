import { Philox } from "./random";

/**
 * mask_e <- 0 with probability rate, else scale; y_e <- x_e mask_e. Saves the mask, which is the slope.
 *
 *   x, mask, y: length. y may be x.
 *
 * Element e takes word e mod 4 of the Philox block (e / 4, stream, step) under the key (seed): its fate depends on
 * nothing else. It is dropped where that word is below `threshold` = rate 2^32.
 */
export function dropout(
  length: usize,
  seedLow: u32,
  seedHigh: u32,
  stream: u32,
  stepLow: u32,
  stepHigh: u32,
  threshold: f64,
  scale: f64,
  x: usize,
  mask: usize,
  y: usize,
): void {
  // the words of a block wait in the mask until they are turned into factors
  for (let e: usize = 0; e < length; e += 4) {
    const count = min<usize>(4, length - e);
    const block = mask + (e << 3);
    Philox.words(<u32>(e >> 2), stream, stepLow, stepHigh, seedLow, seedHigh, count, block);
    for (let i: usize = 0; i < count; i++) {
      const at = i << 3;
      const factor = select<f64>(0, scale, load<f64>(block + at) < threshold);
      store<f64>(block + at, factor);
      store<f64>(y + (e << 3) + at, factor * load<f64>(x + (e << 3) + at));
    }
  }
}
