import { createNetwork, dense, loadBackend, Trainer } from "wasmgrad";

/** The most memory that this process held while it trained on so many bytes of pixels. */
const FEATURES = 784;
const samples = Math.floor(Number(process.argv[2]) / FEATURES);
const inputs = new Uint8Array(samples * FEATURES);
// memory that was never written would not be there
for (let i = 0; i < inputs.length; i++) inputs[i] = i;
const targets = Uint8Array.from({ length: samples }, (_, i) => i % 10);

const backend = await loadBackend({ threads: 1 });
const layers = [dense(16, "relu"), dense(10, "softmax")];
const network = await createNetwork({ inputs: FEATURES, layers, seed: 1, backend });
const before = process.memoryUsage.rss();
await new Trainer(network, { metrics: [] }).fit({ inputs, targets }, { batchSize: 128 });
const peak = 1024 * process.resourceUsage().maxRSS;
console.log(JSON.stringify({ data: inputs.length + targets.length, before, peak }));
backend.dispose();
