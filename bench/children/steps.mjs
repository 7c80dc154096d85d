import { PerformanceObserver } from "node:perf_hooks";
import v8 from "node:v8";
import { createNetwork, dense, loadBackend, Trainer } from "wasmgrad";

/**
 * What so many training steps cost in memory, once warm. Started with --expose-gc, and with a young generation so large
 * that all they allocate stays in it: what the heap has grown by is then what they allocated in passing.
 */
const steps = Number(process.argv[2]);
const backend = await loadBackend({ threads: 1 });
const layers = [dense(16, "relu"), dense(3, "softmax")];
const network = await createNetwork({ inputs: 4, layers, seed: 1, backend });
const trainer = new Trainer(network);
const inputs = Float64Array.from({ length: 16 * 4 }, (_, i) => Math.sin(i));
const targets = Int32Array.from({ length: 16 }, (_, i) => i % 3);

const heap = () => v8.getHeapStatistics().used_heap_size;
const settled = () => {
  for (let i = 0; i < 3; i++) globalThis.gc();
  return heap();
};
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ["gc"] });
/** The observer hears of collections in a later turn. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

async function measure(work) {
  const linear = backend.memory().usedBytes;
  const before = settled();
  await turn();
  collections = 0;
  const start = heap();
  work();
  const allocated = heap() - start;
  await turn();
  const scavenges = collections;
  return { linear: backend.memory().usedBytes - linear, retained: settled() - before, allocated, scavenges };
}

function train() {
  for (let i = 0; i < steps; i++) trainer.step(inputs, targets);
}

// the first pass compiles; measuring leaves something behind, too: as much as when nothing is done
const PASSES = 6;
const trained = [];
const idle = [];
for (let pass = 0; pass < PASSES; pass++) {
  trained.push(await measure(train));
  idle.push(await measure(() => {}));
}
const median = (passes, name) => {
  const values = passes.slice(1).map((pass) => pass[name]);
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
};
const beyondIdle = (name) => median(trained, name) - median(idle, name);
console.log(
  JSON.stringify({
    steps,
    linear: median(trained, "linear"),
    retained: beyondIdle("retained"),
    allocatedAStep: beyondIdle("allocated") / steps,
    scavenges: median(trained, "scavenges"),
  }),
);
backend.dispose();
