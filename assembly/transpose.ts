/** Rows and columns of a block: 8 x 8 doubles, whole cache lines on both sides. */
const BLOCK: usize = 8;

/**
 * y <- x^T.
 *
 *   x: rows x columns    y: columns x rows. y must not overlap x.
 */
export function transpose(rows: usize, columns: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < rows; i += BLOCK) {
    const lastRow = min<usize>(rows, i + BLOCK);
    for (let j: usize = 0; j < columns; j += BLOCK) {
      const lastColumn = min<usize>(columns, j + BLOCK);
      for (let c = j; c < lastColumn; c++) {
        for (let r = i; r < lastRow; r++) {
          store<f64>(y + ((c * rows + r) << 3), load<f64>(x + ((r * columns + c) << 3)));
        }
      }
    }
  }
}
