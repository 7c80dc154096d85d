import { createNetwork, dense, loadBackend, Trainer } from "wasmgrad";

/** What this process held after a tenth of a fit on a stream of so many rows, and at its end. */
const FEATURES = 20;
const BATCH = 1000;
const rows = Number(process.argv[2]);
const backend = await loadBackend({ threads: 1 });
const network = await createNetwork({ inputs: FEATURES, layers: [dense(16, "relu"), dense(1)], seed: 1, backend });

async function* batches() {
  for (let at = 0; at < rows; at += BATCH) {
    await null;
    // new arrays each time, as a reader would make them
    const inputs = Float64Array.from({ length: BATCH * FEATURES }, (_, i) => ((at + i) % 101) / 101);
    yield { inputs, targets: inputs.filter((_, i) => i % FEATURES === 0) };
  }
}

const held = () => process.memoryUsage.rss();
let tenth = 0;
let most = 0;
let steps = 0;
await new Trainer(network).fit(batches(), {
  onStep({ step }) {
    steps = step;
    if (step * BATCH === rows / 10) tenth = held();
    if (step * BATCH > rows / 10 && step % 100 === 0) most = Math.max(most, held());
  },
});
console.log(JSON.stringify({ steps, tenth, most, linear: backend.memory().reservedBytes }));
backend.dispose();
