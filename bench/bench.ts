import { operations, type Work } from "./contestant";
import type { Entrant } from "./entrant";
import { allowed, describe, type Limit, type Pace, type Referee, race, type Standing } from "./race";
import type { Report } from "./report";
import { summarize } from "./statistics";
import { figure, percent, table } from "./table";

/** What a section of the bench works with. */
export interface Bench {
  /** Our variants, the fastest first, each on one thread and then on two where it can be. */
  readonly own: readonly Entrant[];
  readonly peers: readonly Entrant[];
  readonly referee: Referee;
  readonly pace: Pace;
  /** To see that all works, not to measure. */
  readonly quick: boolean;
  readonly report: Report;
}

export interface Case {
  readonly work: Work;
  /** Bytes that the work at least touches: they bound it where they take longer to arrive than the sums to compute. */
  readonly bytes?: number;
}

/** What is shown of a time. */
export interface Measure {
  readonly unit: string;
  of(seconds: number, work: Work): number;
}

export interface Row {
  readonly table: string;
  readonly case: string;
  readonly who: string;
  readonly bits: number;
  readonly threads: number;
  readonly unit: string;
  readonly median: number;
  readonly best: number;
  readonly worst: number;
  /** In the same unit, in WebAssembly, float64, on one core. */
  readonly limit: number;
  readonly limitedBy: "arithmetic" | "memory";
  /** How much of it the best reading reached; undefined for float32 and for native code, whose limits are others. */
  readonly share: number | undefined;
  /** The same with a variant's own instructions, multiply and add or fused. */
  readonly shareOfOwn: number | undefined;
  readonly seconds: readonly number[];
}

/** Races all comers over the cases and prints a block for each, the limit on top. */
export async function compare(
  bench: Bench,
  title: string,
  cases: readonly Case[],
  measure: Measure,
  entrants: readonly Entrant[] = [...bench.own, ...bench.peers],
): Promise<Row[]> {
  const { report, referee, pace } = bench;
  const lines = [[title, "", `median ${measure.unit}`, "worst - best", "of limit", "of own", "to js", "we are"]];
  const all: Row[] = [];
  for (const { work, bytes } of cases) {
    report.progress(`${title}: ${describe(work)}`);
    const entries = entrants.map((entrant) => ({ entrant, work }));
    const { standings, limit } = await race(entries, referee, pace, bytes, (reason) => report.note(reason));
    const rows = standings.map((standing) => toRow(title, standing, bytes, limit, measure));
    lines.push(...block(rows, bench));
    all.push(...rows);
  }
  report.add(...all);
  report.print(`${table(lines, 2)}\n`);
  return all;
}

function toRow(
  title: string,
  { entrant, work, timing }: Standing,
  bytes: number | undefined,
  limit: Limit,
  measure: Measure,
): Row {
  const done = operations(work) / timing.best;
  const most = allowed(work, bytes, limit);
  const own = { relaxed: limit.fused, simd: limit.mulAdd }[entrant.variant ?? ""];
  return {
    table: title,
    case: describe(work),
    who: entrant.name,
    bits: entrant.bits,
    threads: entrant.threads,
    unit: measure.unit,
    median: measure.of(timing.median, work),
    best: measure.of(timing.best, work),
    worst: measure.of(timing.worst, work),
    limit: measure.of(operations(work) / most, work),
    limitedBy: most < limit.peak ? "memory" : "arithmetic",
    share: entrant.bits === 64 && !entrant.native ? done / most : undefined,
    shareOfOwn: own && done / Math.min(own, most),
    seconds: timing.readings,
  };
}

function block(rows: readonly Row[], { own }: Bench): string[][] {
  const [first] = rows;
  if (first === undefined) return [];
  const ours = rows.filter(({ who }) => own.some(({ name }) => name === who));
  const js = rows.find(({ who }) => who === "js");
  const us = ours.reduce((best, row) => (fasterBy(row, best) > 1 ? row : best), ours[0] as Row);
  const times = (ratio: number) => `${figure(ratio)} x`;
  return [
    [first.case, `limit${first.limitedBy === "memory" ? " (memory)" : ""}`, figure(first.limit)],
    ...rows.map((row) => [
      "",
      row.who,
      figure(row.median),
      `${figure(row.worst)} - ${figure(row.best)}`,
      percent(row.share),
      percent(row.shareOfOwn),
      js === undefined ? "" : times(fasterBy(row, js)),
      ours.includes(row) ? "" : times(fasterBy(us, row)),
    ]),
  ];
}

/** How many times as fast the one is as the other, by their medians. */
export function fasterBy(one: Row, other: Row): number {
  const median = ({ seconds }: Row) => summarize(seconds).median;
  return median(other) / median(one);
}
