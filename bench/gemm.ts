import type { Backend } from "wasmgrad";
import { type Timing, time } from "./measure";

/** n x n x n. */
export const SIZES = [64, 128, 256, 512, 1024];

/** GFLOP/s of a timed matmul of 2 m n k operations. */
export function gflops(m: number, n: number, k: number, seconds: number): number {
  return (2 * m * n * k) / seconds / 1e9;
}

export function timeMatmul(backend: Backend, m: number, n: number, k: number): Timing {
  const fill = (length: number) => Float64Array.from({ length }, (_, i) => Math.sin(i));
  const a = backend.matrix(m, k, fill(m * k));
  const b = backend.matrix(k, n, fill(k * n));
  const out = backend.matrix(m, n);
  try {
    return time(() => backend.matmul(a, b, { out }));
  } finally {
    for (const matrix of [a, b, out]) matrix.dispose();
  }
}
