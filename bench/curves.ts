import type { Bench } from "./bench";
import { operations, type Work } from "./contestant";
import { race } from "./race";
import { figure, table } from "./table";

/** Training speed over one size, and the limit over it. Operations a second, from the best readings. */
export interface Curve {
  readonly title: string;
  readonly axis: string;
  readonly sizes: readonly number[];
  /** Of one core, as it was read beside each point. */
  readonly limit: readonly number[];
  readonly series: readonly { name: string; threads: number; speeds: readonly number[] }[];
}

const BATCH = 128;
/** An epoch has at least so many samples, and two batches. */
const SAMPLES = 512;

const training = (dims: number[], batchSize: number): Work => ({
  kind: "training",
  optimizer: "sgd",
  dims,
  batchSize,
  samples: batchSize * Math.max(2, Math.ceil(SAMPLES / batchSize)),
});

const sweeps = [
  {
    title: "training 784-128-10 over the batch size",
    axis: "batch size",
    range: [1, 4096],
    work: (size: number) => training([784, 128, 10], size),
  },
  {
    title: `training w-w-10 over the width w, batch ${BATCH}`,
    axis: "width",
    range: [8, 2048],
    work: (size: number) => training([size, size, 10], BATCH),
  },
  {
    title: `training over the number of hidden layers of 128 units, 128 inputs, 10 outputs, batch ${BATCH}`,
    axis: "hidden layers",
    range: [1, 32],
    work: (size: number) => training([128, ...Array<number>(size).fill(128), 10], BATCH),
  },
] as const;

/** A point this far under both of its neighbours is a cliff. */
const CLIFF = 0.75;

export async function benchCurves(bench: Bench): Promise<void> {
  const { own, quick, report, referee } = bench;
  const pace = { ...bench.pace, rounds: Math.min(bench.pace.rounds, 9) };
  const entrants = own.filter(({ variant }) => variant === own[0]?.variant);
  for (const { title, axis, range, work } of sweeps) {
    const sizes = quick ? powers(range).filter((_, i) => i % 3 === 0) : withNeighbours(powers(range), range);
    const limit = sizes.map(() => 0);
    const series = entrants.map(({ name, threads }) => ({ name, threads, speeds: sizes.map(() => 0) }));
    const measure = async (i: number) => {
      report.progress(`${title}: ${sizes[i]}`);
      const job = work(sizes[i] as number);
      const entries = entrants.map((entrant) => ({ entrant, work: job }));
      const found = await race(entries, referee, pace);
      improve(limit, i, found.limit.peak);
      found.standings.forEach(({ timing }, s) => {
        improve(series[s]?.speeds as number[], i, operations(job) / timing.best);
      });
    };
    for (const i of sizes.keys()) await measure(i);
    // what looks like a cliff may have been the machine: it is read again before it is called one
    const suspects = sizes.map((_, i) => i).filter((i) => series.some(({ speeds }) => isCliff(speeds, i)));
    for (const i of suspects) await measure(i);
    const curve: Curve = { title, axis, sizes, limit, series };
    report.draw(curve);
    report.print(`${shown(curve)}\n`);
  }
}

function improve(values: number[], i: number, value: number): void {
  values[i] = Math.max(values[i] as number, value);
}

function powers([from, to]: readonly [number, number]): number[] {
  const sizes: number[] = [];
  for (let size = from; size <= to; size *= 2) sizes.push(size);
  return sizes;
}

/** And the odd numbers beside each. */
function withNeighbours(sizes: readonly number[], [from, to]: readonly [number, number]): number[] {
  const all = sizes.flatMap((size) => [size - 1, size, size + 1]).filter((size) => size >= from && size <= to);
  return [...new Set(all)].sort((a, b) => a - b);
}

function shown({ title, axis, sizes, limit, series }: Curve): string {
  const lines = sizes.map((size, i) => [
    String(size),
    ...[limit, ...series.map(({ speeds }) => speeds)].map((speeds) => figure((speeds[i] as number) / 1e9)),
  ]);
  const head = [axis, "limit of a core", ...series.map(({ name }) => name)];
  const cliffs = series.flatMap(({ name, speeds }) =>
    sizes.filter((_, i) => isCliff(speeds, i)).map((size) => `cliff: ${name} at ${axis} ${size}`),
  );
  return [`${title}, GFLOP/s`, table([head, ...lines], 0), cliffs.join("\n") || "no cliffs"].join("\n");
}

function isCliff(speeds: readonly number[], i: number): boolean {
  const neighbours = [speeds[i - 1], speeds[i + 1]];
  return neighbours.every((speed) => speed !== undefined && (speeds[i] as number) < CLIFF * speed);
}
