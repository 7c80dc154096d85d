import { type Bench, compare, fasterBy, type Measure } from "./bench";
import type { Work } from "./contestant";

type Training = Extract<Work, { kind: "training" }>;

/** Softmax and categoricalCrossEntropy at the end, relu between, sgd, shuffled. `samples` make an epoch. */
export const NETWORKS: Training[] = [
  { dims: [4, 16, 3], batchSize: 16, samples: 1600 },
  { dims: [64, 64, 10], batchSize: 32, samples: 1600 },
  { dims: [784, 128, 10], batchSize: 128, samples: 1280 },
  { dims: [784, 512, 512, 10], batchSize: 128, samples: 512 },
].map((network) => ({ kind: "training", optimizer: "sgd", ...network }));

const samplesASecond: Measure = {
  unit: "samples/s",
  of: (seconds, work) => ("samples" in work ? work.samples / seconds : Number.NaN),
};

export async function benchTraining(bench: Bench): Promise<void> {
  const networks = bench.quick ? NETWORKS.slice(0, 3) : NETWORKS;
  const cases = networks.map((work) => ({ work }));
  await compare(bench, "training", cases, samplesASecond);

  const widest = networks.at(-1) as Training;
  const optimizers = [widest, { ...widest, optimizer: "adam" as const }].map((work) => ({ work }));
  const rows = await compare(bench, "adam beside sgd", optimizers, samplesASecond, bench.own.slice(0, 1));
  const [plain, adam] = rows;
  if (plain !== undefined && adam !== undefined) {
    bench.report.print(`adam costs ${(100 * (fasterBy(plain, adam) - 1)).toFixed(1)} % of sgd's time on top\n`);
  }
}
