import { createNetwork, dense, loadBackend, Trainer } from "wasmgrad";

/** In a fresh process: how long until the backend is there, and until a network has made its first step. */
const inputs = new Float64Array(128 * 784).fill(0.5);
const targets = new Int32Array(128);

const start = performance.now();
const backend = await loadBackend({ threads: Number(process.argv[2]) });
const loaded = performance.now();
const network = await createNetwork({
  inputs: 784,
  layers: [dense(128, "relu"), dense(10, "softmax")],
  seed: 1,
  backend,
});
new Trainer(network).step(inputs, targets);
const stepped = performance.now();

console.log(JSON.stringify({ threads: backend.threads, load: loaded - start, step: stepped - start }));
backend.dispose();
