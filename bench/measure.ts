import { cpus } from "node:os";

/** What the figures were taken on. */
export function machine(): string {
  const processors = cpus();
  return `${processors[0]?.model.trim()}, ${processors.length} cores; Node ${process.versions.node}, V8 ${process.versions.v8}`;
}

/** Seconds of several runs of the same work, from the fastest to the slowest. */
export interface Timing {
  readonly fastest: number;
  readonly median: number;
  readonly slowest: number;
}

export function summarize(seconds: readonly number[]): Timing {
  const sorted = [...seconds].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  return { fastest: at(0), median: at(0.5), slowest: at(1) };
}

/** Times `work`, repeated until a reading takes a few milliseconds, `readings` times after a warm-up. Seconds a call. */
export function time(work: () => void, readings = 15): Timing {
  const clock = (repeats: number) => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) work();
    return (performance.now() - start) / 1000;
  };
  // warm up until the optimising compiler has had its turn
  let repeats = 1;
  for (const end = performance.now() + 150; performance.now() < end; ) {
    if (clock(repeats) < 0.005) repeats *= 2;
  }
  return summarize(Array.from({ length: readings }, () => clock(repeats) / repeats));
}

/** A table for the terminal: the first column to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, c) => Math.max(...rows.map((row) => (row[c] ?? "").length)));
  const line = (row: readonly string[]) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c] as number) : cell.padStart(widths[c] as number))).join("   ");
  return rows.map(line).join("\n");
}
