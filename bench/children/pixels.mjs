/** The most memory that this process held while it trained on so many bytes of pixels, and what it held on the way there. */
const resident = () => process.memoryUsage.rss();
const bare = resident();

const FEATURES = 784;
const samples = Math.floor(Number(process.argv[2]) / FEATURES);
// memory that was never written would not be there
const inputs = new Uint8Array(samples * FEATURES).fill(100);
const targets = new Uint8Array(samples).fill(3);
const data = inputs.length + targets.length;
const made = resident();

const { createNetwork, dense, loadBackend, Trainer } = await import("wasmgrad");
const backend = await loadBackend({ threads: 1 });
const layers = [dense(16, "relu"), dense(10, "softmax")];
const network = await createNetwork({ inputs: FEATURES, layers, seed: 1, backend });
const before = resident();

await new Trainer(network, { metrics: [] }).fit({ inputs, targets }, { batchSize: 128 });
const peak = 1024 * process.resourceUsage().maxRSS;
console.log(JSON.stringify({ data, bare, made, before, peak }));
backend.dispose();
