import { readFile, writeFile } from "node:fs/promises";
import { adam, createNetwork, dense, Trainer } from "wasmgrad";
import { loadNetwork } from "wasmgrad/predict";

/**
 * Tells two spirals apart, one wound into the other: trains, writes the network to a file, reads it again with the small half of
 * the library that only predicts, and draws what it has learnt.
 *
 *     npm install && npm start
 */
const POINTS = 400;
const FILE = "spirals.safetensors";

const inputs = [];
const targets = [];
for (let i = 0; i < POINTS; i++) {
  const arm = i % 2;
  const along = i / POINTS;
  const angle = 2.5 * Math.PI * along + Math.PI * arm;
  const radius = 0.1 + 0.9 * along;
  inputs.push([radius * Math.cos(angle), radius * Math.sin(angle)]);
  targets.push([arm]);
}

const network = await createNetwork({
  inputs: 2,
  layers: [dense(32, "silu"), dense(32, "silu"), dense(1, "sigmoid")],
});
const trainer = new Trainer(network, { optimizer: adam({ learningRate: 0.02 }) });
const history = await trainer.fit({ inputs, targets }, { epochs: 300, batchSize: 40 });
console.log(`loss ${history.loss[0].toFixed(3)} -> ${history.loss.at(-1).toFixed(5)}`);
console.log(`accuracy ${trainer.evaluate({ inputs, targets }).accuracy}`);

await writeFile(FILE, network.toBytes());
network.dispose();

const loaded = await loadNetwork(await readFile(FILE));
console.log(`${FILE}, read again:\n`);
const [rows, columns] = [21, 42];
for (let r = 0; r < rows; r++) {
  const y = 1 - (2 * r) / (rows - 1);
  const line = Array.from({ length: columns }, (_, c) => [(2 * c) / (columns - 1) - 1, y]);
  console.log(Array.from(loaded.predict(line), (share) => (share < 0.5 ? "." : "#")).join(""));
}
