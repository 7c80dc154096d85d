import type { Bench } from "./bench";
import { fresh } from "./fresh";
import { table } from "./table";

const MIB = 2 ** 20;
const STEPS = 100_000;
/** Megabytes of each half of the young generation: more than the steps allocate. */
const YOUNG = 512;

/** What training leaves behind and throws away, and how much it needs beside its data. */
export async function benchMemory({ quick, report }: Bench): Promise<void> {
  const count = quick ? STEPS / 10 : STEPS;
  report.progress(`memory: ${count} steps`);
  const young = [`--min-semi-space-size=${YOUNG}`, `--max-semi-space-size=${YOUNG}`];
  const steps = await fresh("steps.mjs", count, ["--expose-gc", ...young]);
  report.record("steps", steps);

  report.progress("memory: pixels");
  const bytes = quick ? 256 * MIB : 1024 * MIB;
  const pixels = await fresh("pixels.mjs", bytes);
  report.record("pixels", pixels);

  const rows = quick ? 1_000_000 : 10_000_000;
  report.progress(`memory: a stream of ${rows} rows`);
  const stream = await fresh("stream.mjs", rows);
  report.record("stream", stream);
  const { tenth = 0, most = 0 } = stream;
  const { data = 0, bare = 0, made = 0, before = 0, peak = 0 } = pixels;
  const { linear = 0, retained = 0, allocatedAStep = 0, scavenges = 0 } = steps;

  const beside = (total: number) => `data + ${((total - data) / MIB).toFixed(0)} MiB`;
  const lines = [
    [`memory, ${count.toLocaleString("en")} steps of 4-16-3, batch 16, once warm`, ""],
    ["linear memory gained", `${linear.toLocaleString("en")} bytes`],
    ["JavaScript heap retained", `${retained.toLocaleString("en")} bytes, ${(retained / count).toFixed(1)} a step`],
    [
      "JavaScript heap allocated in passing",
      `${scavenges === 0 ? "" : "at least "}${allocatedAStep.toFixed(0)} bytes a step`,
    ],
    [`resident at most, fit over ${bytes / MIB} MiB of Uint8Array pixels`, beside(peak)],
    ["  of which Node itself, before there were any", `${(bare / MIB).toFixed(0)} MiB`],
    ["  there once they were made", beside(made)],
    ["  there before the fit", beside(before)],
    [`resident after a tenth of a stream of ${rows.toLocaleString("en")} rows`, `${(tenth / MIB).toFixed(0)} MiB`],
    ["  at most from there to its end", `${(most / MIB).toFixed(0)} MiB`],
  ];
  report.print(`${table(lines)}\n`);
}
