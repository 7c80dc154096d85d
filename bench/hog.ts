import { spawn } from "node:child_process";
import type { Bench } from "./bench";
import type { Work } from "./contestant";
import { figure, table } from "./table";

const SAMPLES = 1280;
const WORK: Work = { kind: "training", dims: [784, 128, 10], batchSize: 128, samples: SAMPLES, optimizer: "sgd" };
const SECONDS = 10;

/** One thread and two, each for ten seconds, while another process keeps a core busy. */
export async function benchHog({ own, quick, report }: Bench): Promise<void> {
  const fastest = own.filter(({ variant }) => variant === own[0]?.variant);
  const hog = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  const lines = [["784-128-10, batch 128, beside a process that never rests", "mean samples/s"]];
  try {
    for (const entrant of fastest) {
      report.progress(`hog: ${entrant.name}`);
      const id = await entrant.prepare(WORK, 0.1);
      if (id === undefined) continue;
      // readings are equally long, so their mean is that of the whole time
      const readings: number[] = [];
      const end = performance.now() + 1000 * (quick ? 1 : SECONDS);
      while (performance.now() < end) readings.push(await entrant.read(id));
      await entrant.release(id);
      const epoch = readings.reduce((sum, seconds) => sum + seconds, 0) / readings.length;
      lines.push([entrant.name, figure(SAMPLES / epoch)]);
    }
  } finally {
    hog.kill();
  }
  report.print(`${table(lines)}\n`);
}
