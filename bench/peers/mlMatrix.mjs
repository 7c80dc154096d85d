import { Matrix } from "ml-matrix";
import { fill, versionOf } from "./data.mjs";

/** Plain JavaScript, float64; multiplies only, and transposes A on the way. */
export async function open() {
  return { version: await versionOf("ml-matrix"), bits: 64, threads: 1, prepare };
}

function prepare({ kind, m, k, n, transposeA, transposeB }) {
  if (kind !== "matmul" || transposeB) return undefined;
  const a = Matrix.from1DArray(transposeA ? k : m, transposeA ? m : k, fill(m * k));
  const b = Matrix.from1DArray(k, n, fill(k * n));
  return { once: () => void (transposeA ? a.transposeMultiply(b) : a.mmul(b)) };
}
