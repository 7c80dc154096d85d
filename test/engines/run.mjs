import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { bundle, engines, runIn } from "./engines.mjs";

/**
 * Whether one training has the same bits in every engine, on every variant and number of threads: program.ts in each of
 * engines.mjs, beside the digests that are written down in digests.json. Exit code 0 where all that ran agreed.
 *
 *     npm run test:engines                      all of them; installs what it needs
 *     npm run test:engines -- --only firefox    those whose name contains the text
 *     npm run test:engines -- --write           writes down the digests of the first: bits have moved, and are meant to
 */
const { values } = parseArgs({ options: { only: { type: "string", default: "" }, write: { type: "boolean" } } });
const FILE = new URL("digests.json", import.meta.url);
const KINDS = ["start", "step", "epochs", "predictions"];

const program = await bundle("program.ts");
let expected = JSON.parse(await readFile(FILE, "utf8").catch(() => "{}"));
const missing = [];
let wrong = 0;

const line = (...cells) =>
  console.log(
    cells
      .map((cell, i) => cell.padEnd([26, 15, 16, 40][i]))
      .join(" ")
      .trimEnd(),
  );
line("engine", "family", "version", "variants and threads", "digests");
for (const engine of engines.filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()))) {
  let answer;
  try {
    answer = JSON.parse(await runIn(engine, program));
  } catch (error) {
    missing.push(`${engine.name}: ${error.message}`);
    continue;
  }
  const { version, rows } = answer;
  if (values.write && engine === engines[0]) {
    expected = Object.fromEntries(KINDS.map((kind) => [kind, rows[0][kind]]));
    await writeFile(FILE, `${JSON.stringify(expected, undefined, 2)}\n`);
  }
  // on what it ran, each once, with the numbers of threads that it had
  const taken = new Map();
  const others = [];
  for (const { asked, variant, threads, error, ...digests } of rows) {
    const different = KINDS.filter((kind) => digests[kind] !== expected[kind]);
    if (error !== undefined) others.push(`${asked.variant}, ${asked.threads}: ${error}`);
    else if (different.length > 0) others.push(`${variant}, ${threads}: ${different.join(", ")} differ`);
    else taken.set(variant, (taken.get(variant) ?? new Set()).add(asked.worker ? "in a worker" : threads));
  }
  wrong += others.length;
  const had = [...taken].map(([variant, threads]) => `${variant} ${[...threads].sort().join(" ")}`).join("; ");
  line(engine.name, engine.family, version, had, others.length === 0 ? "equal" : others.join("; "));
}
console.log(`\n${KINDS.map((kind) => `${kind.padEnd(12)} ${expected[kind]}`).join("\n")}`);
for (const line of missing) console.log(`could not be had: ${line}`);
if (wrong > 0) console.log(`${wrong} trainings have other bits`);
process.exitCode = wrong > 0 ? 1 : 0;
