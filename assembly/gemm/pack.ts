import { Lanes } from "../lanes";

/**
 * Packs one block into panels, times `scale` where it is to be `scaled`, in the order in which the micro-kernel reads it:
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
export class Pack {
  @inline static panels(
    alongDepth: bool,
    length: usize,
    depth: usize,
    width: usize,
    scaled: bool,
    scale: f64,
    source: usize,
    ld: usize,
    packed: usize,
  ): void {
    const panel = (width * depth) << 3;
    let left = length;
    if (alongDepth) {
      for (; left >= width; left -= width, source += (width * ld) << 3, packed += panel) {
        Pack.rows(depth, width, scaled, scale, source, ld << 3, packed);
      }
    } else {
      // two at a time use up a whole cache line of the source: where ld is a power of two it is gone before the next panel
      for (; left >= 2 * width; left -= 2 * width, source += width << 4, packed += 2 * panel) {
        Pack.twoColumns(depth, width, scaled, scale, source, ld << 3, packed, panel);
      }
      for (; left >= width; left -= width, source += width << 3, packed += panel) {
        Pack.columns(depth, width, scaled, scale, source, ld << 3, packed);
      }
    }
    if (left !== 0) packPart(alongDepth, left, depth, width, scale, source, ld, packed);
  }

  /** A whole panel whose rows lie along the depth: a transpose, two rows by two terms at a time. */
  @inline static rows(
    depth: usize,
    width: usize,
    scaled: bool,
    scale: f64,
    source: usize,
    step: usize,
    packed: usize,
  ): void {
    const along = width << 3;
    for (const end = packed + ((width * (depth & ~1)) << 3); packed < end; packed += 2 * along) {
      const third = source + 2 * step;
      const fifth = third + 2 * step;
      Lanes.transposePair(scaled, scale, source, source + step, packed, along);
      if (width > 2) Lanes.transposePair(scaled, scale, third, third + step, packed + 16, along);
      if (width > 4) Lanes.transposePair(scaled, scale, fifth, fifth + step, packed + 32, along);
      source += 16;
    }
    if (depth & 1) {
      for (let r: usize = 0; r < width; r++, source += step) store<f64>(packed + (r << 3), scale * load<f64>(source));
    }
  }

  /** A whole panel whose rows lie side by side in the source: a copy. */
  @inline static columns(
    depth: usize,
    width: usize,
    scaled: bool,
    scale: f64,
    source: usize,
    step: usize,
    packed: usize,
  ): void {
    for (const end = packed + ((width * depth) << 3); packed < end; packed += width << 3, source += step) {
      Pack.term(width, scaled, scale, source, packed);
    }
  }

  /** The same for two panels side by side, `panel` bytes apart once packed. */
  @inline static twoColumns(
    depth: usize,
    width: usize,
    scaled: bool,
    scale: f64,
    source: usize,
    step: usize,
    packed: usize,
    panel: usize,
  ): void {
    for (const end = packed + ((width * depth) << 3); packed < end; packed += width << 3, source += step) {
      Pack.term(width, scaled, scale, source, packed);
      Pack.term(width, scaled, scale, source + (width << 3), packed + panel);
    }
  }

  /** One term of every row of a panel. */
  @inline static term(width: usize, scaled: bool, scale: f64, source: usize, packed: usize): void {
    Lanes.copyPair(scaled, scale, source, packed);
    if (width > 2) Lanes.copyPair(scaled, scale, source + 16, packed + 16);
    if (width > 4) Lanes.copyPair(scaled, scale, source + 32, packed + 32);
  }
}

/** The last panel, of which only `count` rows are there: zeros fill it up. */
function packPart(
  alongDepth: bool,
  count: usize,
  depth: usize,
  width: usize,
  scale: f64,
  source: usize,
  ld: usize,
  packed: usize,
): void {
  memory.fill(packed, 0, (width * depth) << 3);
  const rowStep: usize = alongDepth ? ld << 3 : 8;
  const depthStep: usize = alongDepth ? 8 : ld << 3;
  for (let r: usize = 0; r < count; r++, source += rowStep, packed += 8) {
    let from = source;
    let to = packed;
    for (let p: usize = 0; p < depth; p++, from += depthStep, to += width << 3) store<f64>(to, scale * load<f64>(from));
  }
}
