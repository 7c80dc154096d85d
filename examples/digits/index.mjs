import { parseArgs } from "node:util";
import { createNetwork, loadBackend, Trainer } from "wasmgrad";
import { progress } from "../progress.mjs";
import { readDigits } from "./data.mjs";
import { settings } from "./settings.mjs";

/**
 * Learns to read handwritten digits, 8 x 8 pixels each, and then does the same work on plain JavaScript.
 *
 *     npm start [-- --seed 7 --epochs 20]
 */
const { values } = parseArgs({ options: { seed: { type: "string", default: "1" }, epochs: { type: "string" } } });
const seed = Number(values.seed);
const epochs = Number(values.epochs ?? settings.epochs);
const { training, heldOut } = await readDigits();
const { layers, optimizer, batchSize } = settings;
const samples = epochs * training.targets.length;

/** One fit on a variant: the same network, seed and order. Returns how it went. */
async function learn(variant, every) {
  const backend = await loadBackend({ variant });
  const network = await createNetwork({ inputs: 64, layers, seed, backend });
  const trainer = new Trainer(network, { optimizer });
  const report = progress({ label: backend.variant, epochs, every });
  const started = performance.now();
  try {
    await trainer.fit(training, {
      epochs,
      batchSize,
      validation: heldOut,
      onStep: report.onStep,
      onEpoch: report.onEpoch,
    });
  } finally {
    report.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const { accuracy } = trainer.evaluate(heldOut);
  return { backend, network, seconds, accuracy, speed: samples / seconds };
}

console.log(
  `${training.targets.length} digits to learn from, ${heldOut.targets.length} held out, seed ${seed}, ${epochs} epochs of ${batchSize}\n`,
);
const fast = await learn("auto", 1);
console.log(`\n${fast.network.summary()}\n`);
console.log("The same fit in plain JavaScript, for comparison:\n");
const plain = await learn("js", 10);

const line = ({ speed, seconds, accuracy }, name) =>
  `${name.padEnd(8)} ${Math.round(speed).toLocaleString("en").padStart(9)} samples/s   ${seconds.toFixed(2)} s   held-out accuracy ${accuracy.toFixed(4)}`;
console.log(`\n${line(fast, fast.backend.variant)}`);
console.log(line(plain, "js"));
console.log(
  `${fast.backend.variant} is ${(fast.speed / plain.speed).toFixed(1)} times as fast as the same fit in plain JavaScript.\n`,
);

const { variant, threads, warnings } = fast.backend;
console.log(`Taken: variant "${variant}", the fastest that this engine has; threads: ${threads}.`);
for (const warning of warnings) console.log(`  ${warning}`);
console.log(`\nNext: npm start -- --seed ${seed + 1}, or npm run bench`);
