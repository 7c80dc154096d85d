import { operations, type PeakLoop, type Work } from "./contestant";
import type { Entrant } from "./entrant";
import { peakOperations } from "./limit";
import { summarize, type Timing } from "./statistics";

/**
 * How long a reading takes, and how many there are of each. Many short ones: where other processes want the same core, a
 * long reading always holds some of their time.
 */
export interface Pace {
  seconds: number;
  rounds: number;
}

/** Work that is slower than that is read at least so often, and no longer than this all told. */
const FEWEST = 3;
const PATIENCE = 2;

export interface Standing {
  readonly entrant: Entrant;
  readonly work: Work;
  readonly timing: Timing;
}

/** What the machine allowed while a race was on: the best of the readings between the others. Operations a second, one core. */
export interface Limit {
  readonly mulAdd: number;
  /** undefined where the engine has no relaxed SIMD. */
  readonly fused: number | undefined;
  /** The better of the two. */
  readonly peak: number;
  /** Bytes a second, over as many as the race's work touches; undefined where it did not ask. */
  readonly bandwidth: number | undefined;
}

/** The share of a reading's length that a reading of a limit takes: there are as many of these as of all others. */
const LIMIT_SHARE = 0.5;

/** Reads the limits in the process of one entrant. */
export class Referee {
  readonly #entrant: Entrant;
  readonly #seconds: number;
  readonly #peaks: { loop: PeakLoop; id: number }[] = [];
  /** Of the whole run. */
  readonly best: Record<PeakLoop, number> = { mulAdd: 0, fused: 0 };

  constructor(entrant: Entrant, pace: Pace) {
    this.#entrant = entrant;
    this.#seconds = LIMIT_SHARE * pace.seconds;
  }

  async prepare(): Promise<void> {
    for (const loop of ["mulAdd", "fused"] as const) {
      const id = await this.#entrant.prepare({ kind: "peak", loop }, this.#seconds);
      if (id !== undefined) this.#peaks.push({ loop, id });
    }
  }

  /** Begins to watch a race: `read` between the others' readings, `limit` at the end. `bytes` are what its work touches. */
  async watch(bytes?: number): Promise<{ read(): Promise<void>; limit(): Promise<Limit> }> {
    const entrant = this.#entrant;
    const best = { mulAdd: 0, fused: 0 };
    let bandwidth = 0;
    const stream = bytes === undefined ? undefined : await entrant.prepare({ kind: "stream", bytes }, this.#seconds);
    return {
      read: async () => {
        for (const { loop, id } of this.#peaks) {
          best[loop] = Math.max(best[loop], peakOperations(loop) / (await entrant.read(id)));
          this.best[loop] = Math.max(this.best[loop], best[loop]);
        }
        if (stream !== undefined) bandwidth = Math.max(bandwidth, (bytes as number) / (await entrant.read(stream)));
      },
      limit: async () => {
        if (stream !== undefined) await entrant.release(stream);
        const { mulAdd, fused } = best;
        return {
          mulAdd,
          fused: fused || undefined,
          peak: Math.max(mulAdd, fused),
          bandwidth: bandwidth || undefined,
        };
      },
    };
  }
}

/**
 * Every entrant's work, one reading each in turn and the limits after each of them, so that what the machine does to one
 * it does to all. Those for whom it is no work of theirs are left out; a peer's failure goes to `complain`.
 */
export async function race(
  entries: readonly { entrant: Entrant; work: Work }[],
  referee: Referee,
  pace: Pace,
  bytes?: number,
  complain?: (reason: string) => void,
): Promise<{ standings: Standing[]; limit: Limit }> {
  const ready: { entrant: Entrant; work: Work; id: number; readings: number[]; spent: number }[] = [];
  for (const { entrant, work } of entries) {
    try {
      const id = await entrant.prepare(work, pace.seconds);
      if (id !== undefined) ready.push({ entrant, work, id, readings: [], spent: 0 });
    } catch (error) {
      if (complain === undefined || !(error instanceof Error)) throw error;
      complain(`${error.message} (${describe(work)})`);
    }
  }
  const watching = await referee.watch(bytes);
  for (let round = 0; round < pace.rounds; round++) {
    for (const contender of ready) {
      if (contender.readings.length >= FEWEST && contender.spent > PATIENCE) continue;
      const start = performance.now();
      contender.readings.push(await contender.entrant.read(contender.id));
      contender.spent += (performance.now() - start) / 1000;
      await watching.read();
    }
  }
  for (const { entrant, id } of ready) await entrant.release(id);
  const standings = ready.map(({ entrant, work, readings }) => ({ entrant, work, timing: summarize(readings) }));
  return { standings, limit: await watching.limit() };
}

/** Operations a second that the machine allows this work: as many as it computes, or as its operands arrive. */
export function allowed(work: Work, bytes: number | undefined, limit: Limit): number {
  if (bytes === undefined || limit.bandwidth === undefined) return limit.peak;
  return Math.min(limit.peak, (operations(work) * limit.bandwidth) / bytes);
}

export function describe(work: Work): string {
  switch (work.kind) {
    case "matmul": {
      const { m, k, n, transposeA, transposeB } = work;
      const transposed = [transposeA ? "A" : "", transposeB ? "B" : ""].filter((name) => name !== "").join(", ");
      return `${m} x ${k} x ${n}${transposed === "" ? "" : `, ${transposed} transposed`}`;
    }
    case "training":
      return `${work.dims.join("-")}, batch ${work.batchSize}${work.optimizer === "sgd" ? "" : `, ${work.optimizer}`}`;
    case "predict":
      return `${work.dims.join("-")}, ${work.samples.toLocaleString("en")} ${work.samples === 1 ? "sample" : "samples"}`;
    case "elementwise":
      return `${work.name} of ${work.length.toLocaleString("en")}${work.math ? " by Math" : ""}, ${work.order}`;
    default:
      return work.kind;
  }
}
