import { createNetwork, dense, loadBackend, Trainer } from "wasmgrad";

/** In a fresh process: how long until the backend is there, and until a network has made its first step. */
const inputs = new Float64Array(128 * 784).fill(0.5);
const targets = new Int32Array(128);

/** Pages of memory that were not there when they were first touched. */
const faults = () => process.resourceUsage().minorPageFault;

const before = faults();
const start = performance.now();
const backend = await loadBackend({ threads: Number(process.argv[2]) });
const loaded = performance.now();
const loadFaults = faults() - before;
const network = await createNetwork({
  inputs: 784,
  layers: [dense(128, "relu"), dense(10, "softmax")],
  seed: 1,
  backend,
});
new Trainer(network).step(inputs, targets);
const stepped = performance.now();

// what one costs: 16 MiB that nobody has touched yet
const room = new Uint8Array(2 ** 24);
const touching = faults();
const touched = performance.now();
for (let at = 0; at < room.length; at += 4096) room[at] = 1;
const fault = (1000 * (performance.now() - touched)) / (faults() - touching);

console.log(
  JSON.stringify({ threads: backend.threads, load: loaded - start, step: stepped - start, loadFaults, fault }),
);
backend.dispose();
