import { type Bench, type Case, compare, type Measure } from "./bench";
import { operations, type Work } from "./contestant";

/** m x k x n. */
const CUBES = [64, 128, 256, 512, 1024];
const TRANSPOSED = 256;
/** What training multiplies, and the shapes that are harder than a cube. */
const SHAPES: { m: number; k: number; n: number; transposeA?: boolean }[] = [
  // a layer of 784 inputs and 128 units, batch 128: forward, and the gradient of its weights
  { m: 128, k: 784, n: 128 },
  { m: 784, k: 128, n: 128, transposeA: true },
  // a small layer; one of the widest net; its last
  { m: 32, k: 64, n: 64 },
  { m: 128, k: 512, n: 512 },
  { m: 128, k: 10, n: 128 },
  // one sample, and a matrix by a vector: as fast as memory delivers
  { m: 1, k: 784, n: 128 },
  { m: 4096, k: 4096, n: 1 },
];

export const gflops: Measure = { unit: "GFLOP/s", of: (seconds, work) => operations(work) / seconds / 1e9 };

const matmul = (m: number, k: number, n: number, transposeA = false, transposeB = false): Case => ({
  work: { kind: "matmul", m, k, n, transposeA, transposeB } satisfies Work,
  bytes: 8 * (m * k + k * n + m * n),
});

export async function benchMatmul(bench: Bench): Promise<void> {
  const sizes = bench.quick ? CUBES.filter((n) => n === 64 || n === 256) : CUBES;
  const cubes = sizes.map((n) => matmul(n, n, n));
  await compare(bench, "matmul m x k x n", cubes, gflops);

  const n = TRANSPOSED;
  const ways = [false, true].flatMap((a) => [false, true].map((b) => matmul(n, n, n, a, b)));
  const ours = bench.own.filter(({ threads }) => threads === 1);
  const rows = await compare(bench, "matmul, transposed", ways, gflops, ours);
  for (const { name } of ours) {
    const speeds = rows.filter(({ who }) => who === name).map(({ best }) => best);
    const apart = Math.max(...speeds) / Math.min(...speeds) - 1;
    bench.report.print(`${name}: the four are ${(100 * apart).toFixed(1)} % apart`);
  }
  bench.report.print("");

  const shapes = SHAPES.map(({ m, k, n, transposeA }) => matmul(m, k, n, transposeA));
  await compare(bench, "matmul as in training, m x k x n", shapes, gflops);
}
