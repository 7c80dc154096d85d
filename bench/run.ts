import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench";
import { benchBorder } from "./border";
import { benchCrossing, readCrossing, shownCrossing } from "./crossing";
import { benchCurves } from "./curves";
import { benchElementwise } from "./elementwise";
import { Entrant } from "./entrant";
import { benchFeatures } from "./features";
import { benchHog } from "./hog";
import { installPeers, runsUnder, runUnder } from "./install";
import { describeMachine, machine } from "./machine";
import { benchMatmul } from "./matmul";
import { benchMemory } from "./memory";
import { HELP, type Options, readOptions, SECTIONS, type Section } from "./options";
import { openPeers } from "./peers/index";
import { benchPredict } from "./predict";
import { Referee } from "./race";
import { Report } from "./report";
import { benchStart } from "./start";
import { benchStep } from "./step";
import { figure } from "./table";
import { benchTraining } from "./training";

/**
 * What this machine allows, and how much of it wasmgrad takes: every variant, and beside it the peers, in one run.
 *
 *     npm run bench -- --help
 */
const VARIANTS = ["relaxed", "simd", "scalar", "js"];
const BENCHES: Record<Section, (bench: Bench) => Promise<void>> = {
  matmul: benchMatmul,
  training: benchTraining,
  predict: benchPredict,
  elementwise: benchElementwise,
  start: benchStart,
  memory: benchMemory,
  curves: benchCurves,
  border: benchBorder,
  hog: benchHog,
  features: benchFeatures,
  step: benchStep,
  crossing: benchCrossing,
};

const HEADINGS = `
A share is of what WebAssembly can do here in float64 on one core, best reading against best reading of the same race:
arithmetic in registers, or loads from memory where those take longer. It has no meaning for float32 and native code. "of
own" is of what a variant's own instructions can do. "to js" compares medians with our plain JavaScript, "we are" with the
fastest of ours.
`;

const args = process.argv.slice(2);
let options: ReturnType<typeof readOptions>;
try {
  options = readOptions(args);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  process.exit(2);
}
if (options === "help") console.log(HELP);
else if (options.node !== undefined && !runsUnder(options.node)) {
  process.exitCode = runUnder(options.node, fileURLToPath(import.meta.url), args);
} else {
  await run(options);
}

async function run({ quick, sections, peers }: Options): Promise<void> {
  if (peers) installPeers();
  const on = machine();
  // so that a part of a run does not take the place of a whole one
  const part = [...(quick ? ["quick"] : []), ...(sections.length < SECTIONS.length ? sections : [])];
  const report = new Report({ ...on, quick }, [`node-${on.node}`, ...part].join("-"));
  report.print(describeMachine(on));
  const pace = quick ? { seconds: 0.002, rounds: 5 } : { seconds: 0.005, rounds: 21 };

  const own = await openVariants(report);
  const referee = new Referee(own[0] as Entrant, pace);
  await referee.prepare();
  const memory = [];
  for (const mebibytes of [0.5, 256]) {
    const bandwidth = await readBandwidth(referee, mebibytes * 2 ** 20);
    memory.push(`${figure(bandwidth / 1e9)} GB/s over ${mebibytes} MiB`);
  }
  report.print(`limit      ${shownLimit(referee)}`);
  report.print(`memory     ${memory.join(", ")}`);
  const crossings = await readCrossing();
  report.print(`crossing   ${shownCrossing(crossings)} for a cache line from one core to the other`);
  const bench: Bench = { own, peers: peers ? await openPeers(report) : [], referee, pace, quick, report };
  report.print(HEADINGS);

  for (const section of sections) {
    await BENCHES[section](bench);
    crossings.push(...(await readCrossing()));
  }
  for (const entrant of [...own, ...bench.peers]) entrant.close();
  report.print(`over the whole run: limit ${shownLimit(referee)}; crossing ${shownCrossing(crossings)}`);
  report.record("crossings", crossings);
  report.print(await report.write(referee.best));
}

/** Every variant that this engine has, on one thread and on two where it can be. */
async function openVariants(report: Report): Promise<Entrant[]> {
  const own: Entrant[] = [];
  for (const variant of VARIANTS) {
    for (const threads of availableParallelism() > 1 ? [1, 2] : [1]) {
      const entrant = await Entrant.variant(variant, threads);
      if (typeof entrant === "string") report.note(`without ${variant}: ${entrant}`);
      else if (entrant.threads === threads) own.push(entrant);
      else entrant.close();
    }
  }
  report.print(`variants   ${own.map(({ name }) => name).join("; ")}`);
  return own;
}

async function readBandwidth(referee: Referee, bytes: number): Promise<number> {
  const watching = await referee.watch(bytes);
  for (let i = 0; i < 20; i++) await watching.read();
  return (await watching.limit()).bandwidth ?? Number.NaN;
}

function shownLimit({ best: { mulAdd, fused } }: Referee): string {
  const loops = [`multiply and add ${figure(mulAdd / 1e9)}`, ...(fused > 0 ? [`fused ${figure(fused / 1e9)}`] : [])];
  return `${figure(Math.max(mulAdd, fused) / 1e9)} GFLOP/s a core (${loops.join(", ")})`;
}
