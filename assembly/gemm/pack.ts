import { Lanes } from "../lanes";

/**
 * Packs `scale` times one block into panels, in the order in which the micro-kernel reads it:
 *
 *     length x depth block, panels of `width` (here 4)      in memory
 *     panel 0  x00 x01 x02 ...                              x00 x10 x20 x30  x01 x11 x21 x31  x02 ...
 *              x10 x11 x12 ...
 *              x20 x21 x22 ...
 *              x30 x31 x32 ...
 *     panel 1  x40 x41 x42 ...                              x40 x50  0   0   x41 x51  0   0   ...
 *              x50 x51 x52 ...                              (the last panel is filled up with zeros)
 *
 * x_rp is source[r, p] where rows run along the depth (`alongDepth`), else source[p, r]; ld in elements.
 * op(A) is packed by its rows (width MR), op(B) by its columns (width NR); depth is k for both.
 */
export function pack(
  alongDepth: bool,
  length: usize,
  depth: usize,
  width: usize,
  scale: f64,
  source: usize,
  ld: usize,
  packed: usize,
): void {
  for (let r: usize = 0; r < length; r += width) {
    const count = min<usize>(width, length - r);
    if (alongDepth) packRows(count, depth, width, scale, source + ((r * ld) << 3), ld, packed);
    else packColumns(count, depth, width, scale, source + (r << 3), ld, packed);
    packed += (width * depth) << 3;
  }
}

/** One panel whose `count` rows lie along the depth: transposes, two rows at a time. */
function packRows(count: usize, depth: usize, width: usize, scale: f64, source: usize, ld: usize, packed: usize): void {
  const step = width << 3;
  let r: usize = 0;
  for (; r + 2 <= count; r += 2) {
    const row = source + ((r * ld) << 3);
    Lanes.interleave(depth, scale, row, row + (ld << 3), packed + (r << 3), step);
  }
  for (; r < width; r++) {
    const row = source + ((r * ld) << 3);
    let to = packed + (r << 3);
    for (let p: usize = 0; p < depth; p++, to += step) {
      store<f64>(to, r < count ? scale * load<f64>(row + (p << 3)) : 0);
    }
  }
}

/** One panel whose `count` rows lie side by side in the source: copies. */
function packColumns(
  count: usize,
  depth: usize,
  width: usize,
  scale: f64,
  source: usize,
  ld: usize,
  packed: usize,
): void {
  for (let p: usize = 0; p < depth; p++, source += ld << 3, packed += width << 3) {
    let r: usize = 0;
    for (; r + Lanes.widest <= count; r += Lanes.widest) {
      Lanes.copyScaled(scale, source + (r << 3), packed + (r << 3));
    }
    for (; r < width; r++) {
      store<f64>(packed + (r << 3), r < count ? scale * load<f64>(source + (r << 3)) : 0);
    }
  }
}
