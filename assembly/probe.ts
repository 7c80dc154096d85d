import { Lanes } from "./lanes";

/**
 * A binary of a hundred bytes that needs what a variant needs, to be tried before the variant itself is downloaded.
 *
 * Whether madd has one rounding on this engine. An engine may accept relaxed_madd and not fuse it: then it is no faster, and
 * its bits are nobody's. x is 1 + 2^-30, an argument so that no compiler folds the answer.
 */
export function fuses(x: f64): i32 {
  // x^2 = 1 + 2^-29 + 2^-60: the last term is lost when the product is rounded
  if (Lanes.wide) {
    const v = Lanes.splat<v128>(x);
    return Lanes.first<v128>(Lanes.madd<v128>(v, v, Lanes.neg<v128>(Lanes.mul<v128>(v, v)))) !== 0 ? 1 : 0;
  }
  return Lanes.madd<f64>(x, x, -(x * x)) !== 0 ? 1 : 0;
}
