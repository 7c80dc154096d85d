/**
 * Kills trainings at random instants, lets each go on from its checkpoint until it is killed again or ends, and compares what
 * it has come to with a training that nobody killed: for every optimizer.
 *
 *     npm run build && node test/kills/run.mjs [kills] [seed]
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const TRAIN = fileURLToPath(new URL("train.mjs", import.meta.url));
export const OPTIMIZERS = ["sgd", "sgd, momentum", "adam", "adamW", "rmsProp", "adagrad", "lbfgs"];
/** Kills of one training before it may end. */
const IN_A_ROW = 4;

/** Runs a training, for so many milliseconds at most from its start on. Returns what it printed at its end; undefined where it was killed. */
function train(optimizer, path, milliseconds = Infinity) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [TRAIN, optimizer, path], { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    let timer;
    child.stdout.on("data", (chunk) => {
      printed += chunk;
      if (timer !== undefined || milliseconds === Infinity) return;
      timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const [, outcome] = printed.trim().split("\n");
      if (signal === "SIGKILL") resolve(undefined);
      else if (code === 0 && outcome !== undefined) resolve(outcome);
      else reject(new Error(`${optimizer}: a training ended with ${code ?? signal} and printed ${printed}`));
    });
  });
}

/** Kills trainings with an optimizer `kills` times. Returns how many trainings came to an end, and whether all came to the same. */
export async function killTrainings(optimizer, kills, random = Math.random) {
  const folder = await mkdtemp(join(tmpdir(), "wasmgrad-kills-"));
  try {
    const path = join(folder, "checkpoint.safetensors");
    const start = performance.now();
    const expected = await train(optimizer, path);
    const whole = performance.now() - start;
    let ended = 0;
    let same = true;
    for (let killed = 0; killed < kills; ended++) {
      await rm(path, { force: true });
      for (let row = 0; row < IN_A_ROW && killed < kills; ) {
        const outcome = await train(optimizer, path, (random() * whole) / 2);
        if (outcome !== undefined) break;
        killed++;
        row++;
      }
      same &&= (await train(optimizer, path)) === expected;
    }
    return { ended, same };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same numbers for the same seed. */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [kills = 210, seed = 1] = process.argv.slice(2).map(Number);
  const random = seeded(seed);
  const each = Math.ceil(kills / OPTIMIZERS.length);
  let right = true;
  for (const optimizer of OPTIMIZERS) {
    const { ended, same } = await killTrainings(optimizer, each, random);
    console.log(
      `${optimizer.padEnd(14)} ${each} kills, ${ended} trainings: ${same ? "all as if never killed" : "DIFFERENT"}`,
    );
    right &&= same;
  }
  if (!right) process.exitCode = 1;
}
