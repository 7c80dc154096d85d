import type { Bench } from "./bench";
import { fresh } from "./fresh";
import { summarize } from "./statistics";
import { table } from "./table";

/** Milliseconds from the call of loadBackend(), in fresh processes: one thread and two in turn. */
export async function benchStart({ own, quick, report }: Bench): Promise<void> {
  const asked = own.some(({ threads }) => threads === 2) ? [1, 2] : [1];
  const taken = asked.map(() => ({ load: [] as number[], step: [] as number[], faults: [] as number[] }));
  const faultTimes: number[] = [];
  for (let i = 0; i < (quick ? 3 : 15); i++) {
    for (const [t, threads] of asked.entries()) {
      report.progress(`start ${i + 1}`);
      const { load = NaN, step = NaN, loadFaults = NaN, fault = NaN } = await fresh("start.mjs", threads);
      taken[t]?.load.push(load);
      taken[t]?.step.push(step);
      taken[t]?.faults.push(loadFaults);
      faultTimes.push(fault);
    }
  }
  const records: object[] = [];
  const lines = [["start, in fresh processes", "median ms", "worst - best"]];
  asked.forEach((threads, t) => {
    const name = threads === 1 ? "1 thread" : `${threads} threads`;
    for (const [what, readings] of [
      [`loadBackend(), ${name}`, taken[t]?.load ?? []],
      [`to the first step of 784-128-10, ${name}`, taken[t]?.step ?? []],
    ] as const) {
      const { median, best, worst } = summarize(readings);
      lines.push([what, median.toFixed(1), `${worst.toFixed(1)} - ${best.toFixed(1)}`]);
      records.push({ what, threads, median, best, worst, readings });
    }
  });
  const faults = taken.map((of) => summarize(of.faults).median.toFixed(0)).join(" and ");
  const fault = summarize(faultTimes).median;
  report.record("start", [...records, { what: "page fault", microseconds: fault }]);
  report.print(table(lines));
  report.print(`loadBackend() has ${faults} page faults, which take ${fault.toFixed(1)} us each here\n`);
}
