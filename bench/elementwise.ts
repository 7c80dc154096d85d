import type { Bench } from "./bench";
import { elementwise, type Work } from "./contestant";
import { race } from "./race";
import { figure, table } from "./table";

/**
 * What the bounds of the elementary functions cost: nanoseconds an element, over a million, of each variant on one thread, beside
 * a loop over the engine's own Math, whose last bits differ from engine to engine, and beside reading and writing alone.
 */
export async function benchElementwise({ own, referee, pace, quick, report }: Bench): Promise<void> {
  const length = quick ? 10_000 : 1_000_000;
  const variants = own.filter(({ threads }) => threads === 1);
  const [first] = variants;
  if (first === undefined) return;
  const names = variants.map(({ name }) => name);
  const lines = [["ns an element", "memory", "Math", ...names, ...names.map((name) => `${name} to Math`)]];
  for (const name of elementwise) {
    report.progress(`elementwise: ${name}`);
    const work: Work = { kind: "elementwise", name, length, math: false };
    const entries = variants.map((entrant) => ({ entrant, work }));
    const byMath = { entrant: first, work: { ...work, math: true } };
    const { standings, limit } = await race([byMath, ...entries], referee, pace, 16 * length);
    const [math, ...ours] = standings.map(({ timing }) => (1e9 * timing.best) / length) as [number, ...number[]];
    const memory = limit.bandwidth === undefined ? "" : figure(16e9 / limit.bandwidth);
    lines.push([name, memory, figure(math), ...ours.map(figure), ...ours.map((time) => `${figure(math / time)} x`)]);
  }
  report.print(`${table(lines)}\n`);
}
