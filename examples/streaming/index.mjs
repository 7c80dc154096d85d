import { adam, createNetwork, dense, Trainer } from "wasmgrad";
import { progress } from "../progress.mjs";

/**
 * Trains on more rows than it ever holds: 1.5 million readings of 20 sensors, 240 MB, come one batch at a time from a
 * generator. A file read in chunks or the cursor of a database is the same generator with another body.
 *
 *     npm run build && node examples/streaming/index.mjs
 */
const [ROWS, SENSORS, BATCH] = [1_500_000, 20, 500];
const NOISE = 0.1;

/** What the sensors measure depends on three of them, and on noise with a standard deviation of NOISE. */
const truth = (x) => Math.sin(2 * x[0]) + x[1] * x[2];

/** An epoch: batch after batch, each in arrays of its own, which nobody keeps. */
async function* readings() {
  const random = uniform(1);
  for (let start = 0; start < ROWS; start += BATCH) {
    const inputs = new Float64Array(BATCH * SENSORS).map(random);
    const targets = new Float64Array(BATCH).map((_, row) => {
      // the sum of three uniform numbers from -1 to 1 has variance 1
      const noise = NOISE * (random() + random() + random());
      return truth(inputs.subarray(row * SENSORS)) + noise;
    });
    yield { inputs, targets };
  }
}

/** Numbers from -1 to 1: a linear congruential generator modulo 2^32. */
function uniform(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

const megabytes = (bytes) => Math.round(bytes / 2 ** 20);
const network = await createNetwork({ inputs: SENSORS, layers: [dense(32, "tanh"), dense(1)], seed: 1 });
const trainer = new Trainer(network, { loss: "meanSquaredError", optimizer: adam({ learningRate: 0.01 }) });
const report = progress({ label: "sensors", epochs: 1 });

const snapshots = [];
let rows = 0;
let squares = 0;
await trainer.fit(readings, {
  epochs: 1,
  onStep(info) {
    report.onStep(info);
    rows += info.samples;
    squares += info.cost * info.samples;
    if (rows % (ROWS / 10) !== 0) return;
    snapshots.push({ rows, error: squares / (ROWS / 10), peak: process.resourceUsage().maxRSS * 1024 });
    squares = 0;
  },
  onEpoch: report.onEpoch,
});
report.close();

console.log("\n rows seen   mean squared error   as float64   most memory in use");
for (const { rows, error, peak } of snapshots) {
  const cells = [rows.toLocaleString("en").padStart(10), error.toFixed(5).padStart(18)];
  cells.push(`${megabytes(rows * (SENSORS + 1) * 8)} MB`.padStart(10), `${megabytes(peak)} MB`.padStart(18));
  console.log(cells.join("   "));
}
console.log(`\nThe noise alone has a mean square of ${(NOISE ** 2).toFixed(5)}: nothing can do better.`);
