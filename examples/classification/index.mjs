import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { adam, confusionMatrix, createNetwork, dense, Trainer } from "wasmgrad";
import { progress } from "../progress.mjs";

/**
 * Tells three species of iris apart: trains until the validation loss gets no better, goes back to the best epoch, and shows what
 * was mistaken for what among flowers that had no part in it.
 *
 *     npm run build && node examples/classification/index.mjs
 */
const [, ...rows] = parse(await readFile(new URL("../../data/iris.csv", import.meta.url)));
const species = [...new Set(rows.map((row) => row[4]))];
shuffle(rows);
const [training, validation, test] = [rows.slice(0, 75), rows.slice(75, 105), rows.slice(105)];

/** Fisher and Yates, on Lehmer's generator: the same flowers are held out in every run. */
function shuffle(list) {
  let state = 20261124;
  for (let i = list.length - 1; i > 0; i--) {
    state = (state * 48271) % 2147483647;
    const j = Math.floor((state / 2147483647) * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
}

/** Centimetres at mean 0 and standard deviation 1, as measured on the training rows alone. */
const scales = [0, 1, 2, 3].map((c) => {
  const column = training.map((row) => Number(row[c]));
  const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
  return { mean, deviation: Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length) };
});

function toData(flowers) {
  return {
    inputs: flowers.map((row) => scales.map(({ mean, deviation }, c) => (row[c] - mean) / deviation)),
    targets: flowers.map((row) => species.indexOf(row[4])),
  };
}

const network = await createNetwork({ inputs: 4, layers: [dense(16, "tanh"), dense(3, "softmax")], seed: 1 });
const trainer = new Trainer(network, { optimizer: adam({ learningRate: 0.01 }), metrics: ["accuracy", "f1"] });
const epochs = 500;
const report = progress({ label: "iris", epochs, every: 20 });
const history = await trainer.fit(toData(training), {
  epochs,
  batchSize: 15,
  validation: toData(validation),
  earlyStopping: { monitor: "validationLoss", patience: 40, restoreBest: true },
  onStep: report.onStep,
  onEpoch: report.onEpoch,
});
report.close();

const best = history.validationLoss.indexOf(Math.min(...history.validationLoss));
console.log(
  `\nStopped by ${history.stoppedBy} after epoch ${history.epochs}; the weights are those of epoch ${best + 1}.`,
);
const { accuracy, f1 } = trainer.evaluate(toData(test));
console.log(`${test.length} flowers never seen: accuracy ${accuracy.toFixed(4)}, F1 ${f1.toFixed(4)}\n`);

const counts = confusionMatrix(network, toData(test));
console.log(["actual \\ predicted", ...species].map((name) => name.padStart(19)).join(""));
counts.forEach((row, i) => {
  console.log([species[i], ...row].map((cell) => String(cell).padStart(19)).join(""));
});
