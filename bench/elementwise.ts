import type { Bench } from "./bench";
import { elementwise, type Work } from "./contestant";
import { race } from "./race";
import { figure, table } from "./table";

/**
 * What the bounds of the elementary functions cost: nanoseconds an element, over a million from the normal distribution, of each
 * variant on one thread, beside a loop over the engine's own Math, whose last bits differ from engine to engine, and beside reading
 * and writing alone. Math branches on its argument, ours do not: "Math, sorted" has the same numbers in ascending order, where the
 * processor foresees every branch.
 */
export async function benchElementwise({ own, referee, pace, quick, report }: Bench): Promise<void> {
  const length = quick ? 10_000 : 1_000_000;
  const variants = own.filter(({ threads }) => threads === 1);
  const [first, last] = [variants[0], variants.at(-1)];
  if (first === undefined || last === undefined) return;
  const names = variants.map(({ name }) => name);
  const lines = [
    ["ns an element", "memory", "Math, sorted", "Math", ...names, ...names.map((name) => `${name} to Math`)],
  ];
  for (const name of elementwise) {
    report.progress(`elementwise: ${name}`);
    const work: Work = { kind: "elementwise", name, length, math: false, order: "random" };
    const entries = variants.map((entrant) => ({ entrant, work }));
    const byMath = { entrant: first, work: { ...work, math: true } };
    // in another process: a loop that has seen two arrays is compiled for neither
    const foreseen = { entrant: last, work: { ...byMath.work, order: "ascending" as const } };
    const { standings, limit } = await race([foreseen, byMath, ...entries], referee, pace, 16 * length);
    const times = standings.map(({ timing }) => (1e9 * timing.best) / length);
    const [sorted, math, ...ours] = times as [number, number, ...number[]];
    const memory = limit.bandwidth === undefined ? "" : figure(16e9 / limit.bandwidth);
    lines.push([
      name,
      memory,
      figure(sorted),
      figure(math),
      ...ours.map(figure),
      ...ours.map((time) => `${figure(math / time)} x`),
    ]);
  }
  report.print(`${table(lines)}\n`);
}
