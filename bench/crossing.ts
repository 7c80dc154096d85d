import { availableParallelism } from "node:os";
import type { Bench } from "./bench";
import { fresh } from "./fresh";
import { describe } from "./race";
import { summarize } from "./statistics";
import { table } from "./table";
import { NETWORKS } from "./training";

/** Cores are near or far: readings of the same work fall apart into two heaps where one has so many times the crossing of the other. */
const APART = 1.5;
const ROUNDS = 40;
const SECONDS = 0.03;
/** The larger networks, which two threads share. */
const WORKS = NETWORKS.slice(2);

interface Round {
  /** Nanoseconds, before and after. */
  readonly crossing: number;
  /** How many times as fast two threads were. */
  readonly gain: number;
}

/** Nanoseconds that a cache line takes from one core to the other; none where there is one. */
export async function readCrossing(): Promise<number[]> {
  if (availableParallelism() === 1) return [];
  const { nanoseconds = Number.NaN } = await fresh("crossing.mjs");
  return [nanoseconds];
}

export function shownCrossing(nanoseconds: readonly number[]): string {
  if (nanoseconds.length === 0) return "none";
  const [least, most] = [Math.min(...nanoseconds), Math.max(...nanoseconds)].map((time) => time.toFixed(0));
  return least === most ? `${least} ns` : `${least} to ${most} ns`;
}

/**
 * What a second thread brings, by how far away it is: the host of a virtual machine may put its cores side by side, where they share
 * a cache, or apart, and otherwise a moment later. Rounds in which it did are left out.
 */
export async function benchCrossing({ own, quick, report }: Bench): Promise<void> {
  const [one, two] = own;
  if (one === undefined || two === undefined || two.variant !== one.variant) return;
  const lines = [["two threads beside one", "crossing", "rounds", "median", "worst - best"]];
  const records: object[] = [];
  for (const work of WORKS) {
    const alone = await one.prepare(work, SECONDS);
    const shared = await two.prepare(work, SECONDS);
    if (alone === undefined || shared === undefined) continue;
    const rounds: Round[] = [];
    for (let i = 0; i < (quick ? 3 : ROUNDS); i++) {
      report.progress(`crossing ${i + 1}: ${describe(work)}`);
      const [before = Number.NaN] = await readCrossing();
      const gain = (await one.read(alone)) / (await two.read(shared));
      const [after = Number.NaN] = await readCrossing();
      if (Math.max(before, after) < APART * Math.min(before, after)) {
        rounds.push({ crossing: (before + after) / 2, gain });
      }
    }
    await one.release(alone);
    await two.release(shared);
    records.push({ work: describe(work), rounds });
    heaps(rounds).forEach((heap, h) => {
      // of a rate the best is the largest
      const { median, best, worst } = summarize(heap.map(({ gain }) => gain));
      const spread = `${best.toFixed(2)} - ${worst.toFixed(2)}`;
      const crossing = shownCrossing(heap.map((round) => round.crossing));
      lines.push([h === 0 ? describe(work) : "", crossing, String(heap.length), `${median.toFixed(2)} x`, spread]);
    });
  }
  report.record("crossing", records);
  report.print(`${table(lines)}\n`);
}

/** Rounds of about the same crossing, the shortest first. */
function heaps(rounds: readonly Round[]): Round[][] {
  const found: Round[][] = [];
  let last = 0;
  for (const round of [...rounds].sort((a, b) => a.crossing - b.crossing)) {
    if (round.crossing > APART * last) found.push([]);
    found.at(-1)?.push(round);
    last = round.crossing;
  }
  return found;
}
