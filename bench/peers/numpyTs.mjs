import * as np from "numpy-ts";
import { fill, versionOf } from "./data.mjs";

/** WebAssembly, float64; multiplies only. A transpose is copied first: its product with a transposed view is far slower. */
export async function open() {
  return { version: await versionOf("numpy-ts"), bits: 64, threads: 1, prepare };
}

function prepare({ kind, m, k, n, transposeA, transposeB }) {
  if (kind !== "matmul") return undefined;
  const a = np.array(fill(m * k)).reshape(...(transposeA ? [k, m] : [m, k]));
  const b = np.array(fill(k * n)).reshape(...(transposeB ? [n, k] : [k, n]));
  const operand = (matrix, transposed) => (transposed ? np.ascontiguousarray(matrix.T) : matrix);
  return {
    once() {
      const left = operand(a, transposeA);
      const right = operand(b, transposeB);
      np.matmul(left, right).dispose();
      if (transposeA) left.dispose();
      if (transposeB) right.dispose();
    },
    release() {
      a.dispose();
      b.dispose();
    },
  };
}
