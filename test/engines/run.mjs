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

console.log(`${"engine".padEnd(26)} ${"asked".padEnd(15)} ${"taken".padEnd(12)} digests`);
for (const engine of engines.filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()))) {
  let rows;
  try {
    rows = JSON.parse(await runIn(engine, program));
  } catch (error) {
    missing.push(`${engine.name}: ${error.message}`);
    continue;
  }
  if (values.write && engine === engines[0]) {
    expected = Object.fromEntries(KINDS.map((kind) => [kind, rows[0][kind]]));
    await writeFile(FILE, `${JSON.stringify(expected, undefined, 2)}\n`);
  }
  for (const { asked, variant, threads, error, ...digests } of rows) {
    const other = KINDS.filter((kind) => digests[kind] !== expected[kind]);
    if (error !== undefined || other.length > 0) wrong++;
    const verdict = error ?? (other.length === 0 ? "equal" : `${other.join(", ")} differ`);
    const taken = variant === undefined ? "" : `${variant}, ${threads}`;
    console.log(`${engine.name.padEnd(26)} ${`${asked.variant}, ${asked.threads}`.padEnd(15)} ${taken.padEnd(12)} ${verdict}`);
  }
}
console.log(`\n${KINDS.map((kind) => `${kind.padEnd(12)} ${expected[kind]}`).join("\n")}`);
for (const line of missing) console.log(`could not be had: ${line}`);
if (wrong > 0) console.log(`${wrong} trainings have other bits`);
process.exitCode = wrong > 0 ? 1 : 0;
