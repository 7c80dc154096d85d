import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { adam, createNetwork, dense, dropout, Trainer } from "wasmgrad";
import { readDigits } from "../digits/data.mjs";

/**
 * Loses nothing: a process that trains is killed in the middle, another one goes on from its checkpoint, and comes to the same
 * bits as a training that nobody has disturbed.
 *
 *     npm run build && node examples/resume/index.mjs
 */
const EPOCHS = 30;
const KILL_AFTER = 8;

/** Trains on the digits with whatever more `fit` is told. Returns the network and what the fit leaves behind. */
async function train(options) {
  const { training, heldOut } = await readDigits();
  const layers = [dense(128, "relu"), dropout(0.3), dense(10, "softmax")];
  const network = await createNetwork({ inputs: 64, layers, seed: 7 });
  const trainer = new Trainer(network, { optimizer: adam() });
  const history = await trainer.fit(training, { epochs: EPOCHS, validation: heldOut, ...options });
  return { network, history };
}

/** A training in a process of its own, killed without warning some time after so many epochs. Returns the epochs it told of. */
async function trainUntilKilled(path) {
  const child = fork(fileURLToPath(import.meta.url), [path]);
  let told = 0;
  child.on("message", (epoch) => {
    told = epoch;
    if (epoch === KILL_AFTER) child.kill("SIGKILL");
  });
  const [, signal] = await once(child, "exit");
  if (signal !== "SIGKILL") throw new Error(`the training was to be killed, but ended with ${told} epochs`);
  return told;
}

async function show() {
  const folder = await mkdtemp(join(tmpdir(), "wasmgrad-"));
  try {
    const path = join(folder, "training.safetensors");
    const told = await trainUntilKilled(path);
    console.log(`A process was killed (SIGKILL) after it told of epoch ${told} of ${EPOCHS}.`);

    const epochs = [];
    const onEpoch = ({ epoch }) => epochs.push(epoch);
    const resumed = await train({ checkpoint: { path }, resume: path, onEpoch });
    console.log(`Another went on from its checkpoint, with epochs ${epochs[0]} to ${epochs.at(-1)}.`);

    const undisturbed = await train();
    const digest = await resumed.network.digest();
    const expected = await undisturbed.network.digest();
    console.log(`\nresumed       ${digest}\nundisturbed   ${expected}`);
    console.log(
      `${digest === expected ? "The same bits" : "DIFFERENT"} in ${resumed.network.parameters.length} parameters.`,
    );
    const accuracies = [resumed, undisturbed].map(({ history }) => history.validationAccuracy.at(-1).toFixed(4));
    console.log(
      `Held-out accuracy ${accuracies.join(" and ")}, ${resumed.history.loss.length} epochs in the resumed history.`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [path] = process.argv.slice(2);
if (path === undefined) await show();
else await train({ checkpoint: { path }, onEpoch: ({ epoch }) => process.send(epoch) });
