import { type Bench, compare } from "./bench";
import { gflops } from "./matmul";

export async function benchPredict(bench: Bench): Promise<void> {
  const one = { kind: "predict", dims: [4, 16, 3], samples: 1 } as const;
  const many = { kind: "predict", dims: [784, 128, 10], samples: bench.quick ? 1000 : 10_000 } as const;
  const microseconds = { unit: "us", of: (seconds: number) => 1e6 * seconds };
  await compare(bench, "predict into `out`", [{ work: { ...one, dims: [...one.dims] } }], microseconds, bench.own);
  await compare(bench, "predict into `out`, many", [{ work: { ...many, dims: [...many.dims] } }], gflops, bench.own);
}
