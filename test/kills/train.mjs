/**
 * One training that goes on from its checkpoint, if there is one, and prints what it has come to: everything that a resume
 * has to keep is in it.
 *
 *     node test/kills/train.mjs <optimizer> <checkpoint>
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  adagrad,
  adam,
  adamW,
  batchNorm,
  cosineDecay,
  createNetwork,
  dense,
  dropout,
  lbfgs,
  loadBackend,
  rmsProp,
  sgd,
  Trainer,
  warmup,
} from "wasmgrad";

const [name, path] = process.argv.slice(2);
const optimizers = {
  sgd: sgd({ learningRate: 0.05 }),
  "sgd, momentum": sgd({ learningRate: 0.02, momentum: 0.9, nesterov: true }),
  adam: adam(),
  adamW: adamW(),
  rmsProp: rmsProp(),
  adagrad: adagrad(),
  lbfgs: lbfgs({ history: 4 }),
};

const [SAMPLES, FEATURES, CLASSES, EPOCHS] = [150, 6, 3, 40];
let state = 7;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return state / 2 ** 31;
};
const inputs = Float64Array.from({ length: SAMPLES * FEATURES }, random);
const targets = Int32Array.from({ length: SAMPLES }, (_, i) =>
  inputs[i * FEATURES] > 0.1 ? 2 : inputs[i * FEATURES + 1] > 0 ? 1 : 0,
);

const backend = await loadBackend({ variant: "simd", threads: 1 });
const layers = [dense(12, { activation: "tanh", l2: 1e-4 }), batchNorm(), dropout(0.2), dense(CLASSES, "softmax")];
const network = await createNetwork({ inputs: FEATURES, layers, seed: 11, backend });
network.metadata = { kept: true };
const optimizer = optimizers[name];
const trainer = new Trainer(network, {
  optimizer,
  metrics: ["accuracy", "f1"],
  clipNorm: optimizer.wholeBatch ? undefined : 1,
});
process.stdout.write("started\n");
const history = await trainer.fit(
  { inputs, targets },
  {
    epochs: EPOCHS,
    batchSize: optimizer.wholeBatch ? undefined : 16,
    validationSplit: 0.2,
    classWeights: "balanced",
    // the best epoch is kept all the way, and restored at the end
    earlyStopping: { monitor: "validationLoss", patience: EPOCHS },
    // a schedule of the steps
    // biome-ignore lint/suspicious/noThenProperty: the option's name
    schedule: warmup({ steps: 20, then: cosineDecay({ steps: 250, minimum: 0.1 }) }),
    checkpoint: { path },
    resume: existsSync(path) ? path : undefined,
  },
);
const predictions = createHash("sha256").update(network.predict(inputs)).digest("hex");
const outcome = { digest: await network.digest(), history, predictions, metadata: network.metadata };
process.stdout.write(`${createHash("sha256").update(JSON.stringify(outcome)).digest("hex")}\n`);
backend.dispose();
