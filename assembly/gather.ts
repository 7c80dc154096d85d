import { linear } from "./activations";

/**
 * y_i <- x_(row i): the rows of a batch out of all that there are.
 *
 *   rows: count whole numbers, as float64    x: as many rows of `width` as they name    y: count x width, not in x
 */
export function gatherRows(count: usize, width: usize, rows: usize, x: usize, y: usize): void {
  const bytes = width << 3;
  for (const end = rows + (count << 3); rows < end; rows += 8, y += bytes) {
    linear(width, x + (load<f64>(rows) as usize) * bytes, y);
  }
}
