import { type Backend, createNetwork, dense, sgd, Trainer } from "wasmgrad";
import { summarize, type Timing } from "./measure";

/** Softmax and categoricalCrossEntropy at the end, relu between, sgd, shuffled. */
export const CASES = [
  { dims: [4, 16, 3], batchSize: 16, samples: 1600 },
  { dims: [64, 64, 10], batchSize: 32, samples: 3200 },
  { dims: [784, 128, 10], batchSize: 128, samples: 2560 },
  { dims: [784, 512, 512, 10], batchSize: 128, samples: 1280 },
];

/** Seconds an epoch. */
export async function timeTraining(
  backend: Backend,
  { dims, batchSize, samples }: (typeof CASES)[number],
  readings = 9,
): Promise<Timing> {
  const [inputs = 1, ...units] = dims;
  const last = units.length - 1;
  const layers = units.map((count, l) => dense(count, l === last ? "softmax" : "relu"));
  const network = await createNetwork({ inputs, layers, seed: 1, backend });
  const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 0.01 }), metrics: [] });
  const data = {
    inputs: Float64Array.from({ length: samples * inputs }, (_, i) => Math.sin(i * i)),
    targets: Int32Array.from({ length: samples }, (_, i) => i % (units[last] as number)),
  };
  const epoch = async (epochs: number) => {
    const start = performance.now();
    await trainer.fit(data, { epochs, batchSize });
    return (performance.now() - start) / 1000 / epochs;
  };
  try {
    // warm up, and as many epochs a reading as take a tenth of a second
    let epochs = 1;
    for (const end = performance.now() + 400; performance.now() < end; ) {
      if ((await epoch(epochs)) * epochs < 0.1) epochs *= 2;
    }
    const seconds: number[] = [];
    for (let i = 0; i < readings; i++) seconds.push(await epoch(epochs));
    return summarize(seconds);
  } finally {
    network.dispose();
  }
}
