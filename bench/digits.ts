import { adam, createNetwork, type Data, dense, dropout, loadBackend, type Optimizer, sgd, Trainer } from "wasmgrad";
// @ts-expect-error: examples are plain JavaScript
import { readDigits } from "../examples/digits/data.mjs";
// @ts-expect-error: likewise
import { settings } from "../examples/digits/settings.mjs";
import { table } from "./table";

/**
 * How the settings of `npm start` were chosen, and what they reach.
 *
 *     npm run bench:digits
 *
 * First the candidates, by cross-validation on the training rows alone: the held-out rows are not looked at. Then the
 * settings of examples/digits/settings.mjs over seeds 1 to 20, on the held-out rows.
 */
type Digits = { inputs: Float64Array; targets: Int32Array };
type Settings = { layers: Parameters<typeof createNetwork>[0]["layers"]; optimizer: Optimizer; epochs: number };
const { training, heldOut }: { training: Digits; heldOut: Digits } = await readDigits();
const FOLDS = 5;
const SEEDS = [1, 2];

const fast = sgd({ learningRate: 0.1, momentum: 0.9 });
const candidates: Record<string, Settings> = {
  "64 relu, adam 3e-3": {
    layers: [dense(64, "relu"), dense(10, "softmax")],
    optimizer: adam({ learningRate: 3e-3 }),
    epochs: 30,
  },
  "128 relu, dropout 0.3, adam 3e-3": {
    layers: [dense(128, "relu"), dropout(0.3), dense(10, "softmax")],
    optimizer: adam({ learningRate: 3e-3 }),
    epochs: 30,
  },
  "64 relu, sgd 0.1 momentum 0.9": { layers: [dense(64, "relu"), dense(10, "softmax")], optimizer: fast, epochs: 30 },
  "64 relu, dropout 0.2, sgd 0.1 momentum 0.9": {
    layers: [dense(64, "relu"), dropout(0.2), dense(10, "softmax")],
    optimizer: fast,
    epochs: 30,
  },
  "128 relu, dropout 0.3, sgd 0.1 momentum 0.9": {
    layers: [dense(128, "relu"), dropout(0.3), dense(10, "softmax")],
    optimizer: fast,
    epochs: 30,
  },
  "128 relu, dropout 0.5, sgd 0.1 momentum 0.9": {
    layers: [dense(128, "relu"), dropout(0.5), dense(10, "softmax")],
    optimizer: fast,
    epochs: 30,
  },
  "256 relu, dropout 0.5, sgd 0.1 momentum 0.9": {
    layers: [dense(256, "relu"), dropout(0.5), dense(10, "softmax")],
    optimizer: fast,
    epochs: 30,
  },
  "256 relu, dropout 0.5, sgd 0.05 momentum 0.9, 50 epochs": {
    layers: [dense(256, "relu"), dropout(0.5), dense(10, "softmax")],
    optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }),
    epochs: 50,
  },
  "512 relu, dropout 0.5, sgd 0.1 momentum 0.9": {
    layers: [dense(512, "relu"), dropout(0.5), dense(10, "softmax")],
    optimizer: fast,
    epochs: 30,
  },
  "256 gelu, dropout 0.5, sgd 0.1 momentum 0.9": {
    layers: [dense(256, "gelu"), dropout(0.5), dense(10, "softmax")],
    optimizer: fast,
    epochs: 30,
  },
  "128-128 relu, dropout 0.3, sgd 0.1 momentum 0.9": {
    layers: [dense(128, "relu"), dropout(0.3), dense(128, "relu"), dropout(0.3), dense(10, "softmax")],
    optimizer: fast,
    epochs: 30,
  },
};

const backend = await loadBackend();

async function accuracyOf({ layers, optimizer, epochs }: Settings, seed: number, data: Data, test: Data) {
  const network = await createNetwork({ inputs: 64, layers, seed, backend });
  try {
    const trainer = new Trainer(network, { optimizer });
    await trainer.fit(data, { epochs, batchSize: settings.batchSize });
    return trainer.evaluate(test).accuracy ?? 0;
  } finally {
    network.dispose();
  }
}

/** Rows of the training set by whether `keep` takes their index. */
function rows(keep: (index: number) => boolean): Digits {
  const taken = Array.from(training.targets.keys()).filter(keep);
  return {
    inputs: Float64Array.from(taken.flatMap((row) => [...training.inputs.subarray(64 * row, 64 * row + 64)])),
    targets: Int32Array.from(taken, (row) => training.targets[row] as number),
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const folds = Array.from({ length: FOLDS }, (_, fold) => ({
  rest: rows((index) => index % FOLDS !== fold),
  fold: rows((index) => index % FOLDS === fold),
}));

const found = [];
for (const [name, candidate] of Object.entries(candidates)) {
  const started = performance.now();
  const accuracies: number[] = [];
  for (const { rest, fold } of folds) {
    for (const seed of SEEDS) accuracies.push(await accuracyOf(candidate, seed, rest, fold));
  }
  const seconds = (performance.now() - started) / 1000 / accuracies.length;
  found.push([name, mean(accuracies).toFixed(4), Math.min(...accuracies).toFixed(4), `${seconds.toFixed(2)} s`]);
}
console.log(`${FOLDS}-fold cross-validation on the ${training.targets.length} training rows, ${SEEDS.length} seeds\n`);
console.log(table([["settings", "mean", "worst", "a fit"], ...found]));

const accuracies: number[] = [];
for (let seed = 1; seed <= 20; seed++) accuracies.push(await accuracyOf(settings, seed, training, heldOut));
console.log(`\nheld-out accuracy of examples/digits/settings.mjs, seeds 1 to 20, variant ${backend.variant}`);
console.log(accuracies.map((accuracy) => accuracy.toFixed(4)).join(" "));
console.log(`mean ${mean(accuracies).toFixed(4)}, worst ${Math.min(...accuracies).toFixed(4)}`);
