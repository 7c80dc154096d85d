import { linear } from "./activations";
import { Lanes } from "./lanes";

/** Numbers from which on rows are copied four at a time. */
const LONG: usize = 32;

/**
 * y_i <- x_(row i): the rows of a batch out of all that there are.
 *
 *   rows: count whole numbers, as float64    x: as many rows of `width` as they name    y: count x width, not in x
 */
export function gatherRows(count: usize, width: usize, rows: usize, x: usize, y: usize): void {
  const bytes = width << 3;
  const end = rows + (count << 3);
  if (width >= LONG) {
    for (const fours = rows + ((count >> 2) << 5); rows < fours; rows += 32, y += bytes << 2) {
      const a = Gather.row(rows, x, bytes);
      const b = Gather.row(rows + 8, x, bytes);
      const c = Gather.row(rows + 16, x, bytes);
      const d = Gather.row(rows + 24, x, bytes);
      if (Lanes.wide) Gather.four<v128>(width, a, b, c, d, y);
      else Gather.four<f64>(width, a, b, c, d, y);
    }
  }
  for (; rows < end; rows += 8, y += bytes) linear(width, Gather.row(rows, x, bytes), y);
}

class Gather {
  /** Where the row stands whose number is at `number`. */
  @inline static row(number: usize, x: usize, bytes: usize): usize {
    return x + (load<f64>(number) as usize) * bytes;
  }

  /**
   * Four rows from anywhere to rows that follow each other, side by side: memory has a line of each on its way, where of one row
   * after the other the processor sees the next too late.
   */
  static four<V>(width: usize, a: usize, b: usize, c: usize, d: usize, y: usize): void {
    const bytes = width << 3;
    const end = Lanes.fours<V>(width);
    for (let at: usize = 0; at < end; at += 4 * Lanes.bytes<V>()) {
      const to = y + at;
      Gather.copyFour<V>(a + at, to);
      Gather.copyFour<V>(b + at, to + bytes);
      Gather.copyFour<V>(c + at, to + 2 * bytes);
      Gather.copyFour<V>(d + at, to + 3 * bytes);
    }
    if (end === bytes) return;
    const left = (bytes - end) >> 3;
    const to = y + end;
    linear(left, a + end, to);
    linear(left, b + end, to + bytes);
    linear(left, c + end, to + 2 * bytes);
    linear(left, d + end, to + 3 * bytes);
  }

  /** y <- x, four Vs. */
  @inline static copyFour<V>(x: usize, y: usize): void {
    Lanes.storeNth<V>(y, 0, Lanes.loadNth<V>(x, 0));
    Lanes.storeNth<V>(y, 1, Lanes.loadNth<V>(x, 1));
    Lanes.storeNth<V>(y, 2, Lanes.loadNth<V>(x, 2));
    Lanes.storeNth<V>(y, 3, Lanes.loadNth<V>(x, 3));
  }
}
