/** The examples do what they say, from any folder; and what a person sees of a fit. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { progress } from "../examples/progress.mjs";
import type { EpochInfo, StepInfo } from "../src/index";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wasmgrad-examples-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What an example prints, run from a folder of its own. */
async function printed(name: string, ...options: string[]): Promise<string> {
  const file = fileURLToPath(new URL(`../examples/${name}/index.mjs`, import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, ...options], { cwd: folder });
  expect(stderr).toBe("");
  return stdout;
}

/** The numbers of what a pattern finds first. */
function numbersOf(text: string, pattern: RegExp): number[] {
  const found = pattern
    .exec(text)
    ?.slice(1)
    .map((number) => Number(number.replaceAll(",", "")));
  if (found === undefined) throw new Error(`nothing like ${pattern} was printed:\n${text}`);
  return found;
}

/** The numbers of all that it finds, a row each. */
function tableOf(text: string, pattern: RegExp): number[][] {
  return [...text.matchAll(pattern)].map((row) => row.slice(1).map((number) => Number(number.replaceAll(",", ""))));
}

function column(table: readonly number[][], index: number): number[] {
  return table.map((row) => row[index] as number);
}

describe("an example", () => {
  it("reads digits, the variants alike", async () => {
    const text = await printed("digits", "--epochs", "10");
    const accuracies = column(tableOf(text, /samples\/s {3}.* s {3}held-out accuracy (\S+)/g), 0);
    expect(accuracies).toHaveLength(2);
    for (const accuracy of accuracies) expect(accuracy).toBeGreaterThan(0.95);
    expect(text.match(/^\w+ epoch .* samples\/s/gm)).toHaveLength(11);
  });

  it("solves a regression to the last digits, and float32 does not", async () => {
    const [norms = []] = tableOf(await printed("regression"), /^ +40 +(\S+) +(\S+)$/gm);
    expect(norms[0]).toBeLessThan(1e-9);
    expect(norms[1]).toBeGreaterThan(1e-7);
  });

  it("classifies, stops early and goes back to its best epoch", async () => {
    const text = await printed("classification");
    const [stopped = 0, best = 0] = numbersOf(text, /Stopped by earlyStopping after epoch (\d+).* epoch (\d+)\./);
    expect(stopped).toBe(best + 40);
    const [flowers, accuracy = 0, f1] = numbersOf(text, /(\d+) flowers never seen: accuracy (\S+), F1 (\S+)/);
    expect(accuracy).toBeGreaterThan(0.9);
    expect(f1).toBeGreaterThan(0.9);
    const counts = tableOf(text, /^ +[a-z]+ +(\d+) +(\d+) +(\d+)$/gm);
    const right = counts.reduce((sum, row, i) => sum + (row[i] as number), 0);
    expect(counts.flat().reduce((sum, count) => sum + count)).toBe(flowers);
    expect(right / 45).toBeCloseTo(accuracy, 4);
  });

  it("streams more rows than it holds, in memory that stays as it is", async () => {
    const text = await printed("streaming");
    const table = tableOf(text, /^ *([\d,]+) +(\S+) +(\d+) MB +(\d+) MB$/gm);
    expect(column(table, 0)).toEqual(Array.from({ length: 10 }, (_, i) => 150_000 * (i + 1)));
    const [errors, bytes, peaks] = [column(table, 1), column(table, 2), column(table, 3)];
    expect(errors[9]).toBeGreaterThan(0.0095);
    expect(errors[9]).toBeLessThan(0.013);
    expect((peaks[9] as number) - (peaks[0] as number)).toBeLessThan(
      0.2 * ((bytes[9] as number) - (bytes[0] as number)),
    );
  });

  it("goes on from a checkpoint of a process that was killed, to the same bits", async () => {
    const text = await printed("resume");
    const [told = 0, epochs] = numbersOf(text, /killed \(SIGKILL\) after it told of epoch (\d+) of (\d+)/);
    const [from = 0, to] = numbersOf(text, /went on from its checkpoint, with epochs (\d+) to (\d+)/);
    expect(told).toBeLessThan(30);
    // the process may have got on between the word and the kill, and its last epoch may not have been written
    expect(from).toBeGreaterThanOrEqual(told);
    expect(from).toBeLessThanOrEqual(30);
    expect([to, epochs]).toEqual([30, 30]);
    const digests = [...text.matchAll(/\b[0-9a-f]{64}\b/g)].map(String);
    expect(digests).toHaveLength(2);
    expect(digests[0]).toBe(digests[1]);
  });

  it("learns to balance a pole from reward alone", async () => {
    const text = await printed("policyGradient");
    const lasted = column(tableOf(text, /^ +\d+ +(\S+) █+$/gm), 0);
    expect(lasted).toHaveLength(12);
    expect(lasted[0]).toBeLessThan(100);
    expect(lasted.at(-1)).toBeGreaterThan(400);
    expect(numbersOf(text, /in (\d+) of 100 new trials/)[0]).toBeGreaterThan(90);
  });

  it("has a loss of its own with right gradients, and quantiles that cover what they say", async () => {
    const text = await printed("customLoss");
    expect(numbersOf(text, /differences of the loss to (\S+)\./)[0]).toBeLessThan(1e-6);
    const [below = 0, between = 0, above = 0] = numbersOf(text, /(\S+) lie below, (\S+) between and (\S+) above/);
    expect(Math.abs(below - 0.1)).toBeLessThan(0.02);
    expect(Math.abs(between - 0.8)).toBeLessThan(0.02);
    expect(Math.abs(above - 0.1)).toBeLessThan(0.02);
    const [, lower, , upper] =
      tableOf(text, /^ *(\S+) +(\S+) +(\S+) +(\S+) +(\S+)$/gm)
        .find(([x]) => x === 0)
        ?.slice(1) ?? [];
    expect(lower).toBeCloseTo(-0.384, 1);
    expect(upper).toBeCloseTo(0.384, 1);
  });
});

/** Where a report goes: keeps what is written and, as a terminal, what stands on it. */
class FakeStream extends Writable {
  written = "";

  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
  ) {
    super({
      write: (chunk, _, done) => {
        this.written += chunk;
        done();
      },
    });
  }

  /** The rows as a person sees them: what cli-progress writes, on a terminal of so many columns. */
  get screen(): string[] {
    const rows: string[] = [""];
    let [x, y] = [0, 0];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's
    for (const [whole, count, code] of this.written.matchAll(/\x1b\[(\d*)([A-Z])|[\s\S]/g)) {
      const row = rows[y] ?? "";
      if (code === "A") y -= Number(count);
      else if (code === "G") x = Number(count) - 1;
      else if (code === "K") rows[y] = count === "2" ? "" : row.slice(0, x);
      else if (code === "J") rows.splice(y, Infinity, row.slice(0, x));
      else if (code !== undefined)
        throw new Error(`${JSON.stringify(whole)} was written, which this terminal does not know`);
      else if (whole === "\n") [x, y] = [0, y + 1];
      else {
        if (x >= this.columns) [x, y] = [0, y + 1];
        rows[y] = `${(rows[y] ?? "").slice(0, x).padEnd(x)}${whole}${(rows[y] ?? "").slice(x + 1)}`;
        x++;
      }
      rows[y] ??= "";
    }
    return rows.map((row) => row.trimEnd()).filter((row) => row !== "");
  }
}

/** Of some steps, each of 100 samples in 100 ms: 1,000 samples/s. */
const [SAMPLES, STEP] = [100, 100];

function reported(stream: FakeStream, epochs: number, options: { label?: string; every?: number } = {}) {
  const report = progress({ label: "fit", epochs, ...options, stream: stream as unknown as NodeJS.WriteStream });
  let ahead = 0;
  const step = (epoch: number, batch: number, batches?: number, cost = 0.5) => {
    vi.advanceTimersByTime(STEP - ahead);
    ahead = 0;
    const info: StepInfo = { step: 1, epoch, epochs, batch, batches, samples: SAMPLES, cost };
    report.onStep(info);
  };
  /** Lets it be drawn, of the time of the next step. */
  const draw = () => {
    ahead = 50;
    vi.advanceTimersByTime(ahead);
  };
  const over = (epoch: number, numbers: Record<string, number> = {}) => {
    const info = { loss: 0.25, validationLoss: undefined, learningRate: 0.01, epoch, epochs, history: {}, ...numbers };
    report.onEpoch(info as unknown as EpochInfo);
  };
  return { ...report, step, draw, over };
}

/** On a clock that stands still until it is moved on. */
function onFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "Date", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

describe("progress where there is no terminal", () => {
  onFakeTime();

  it("is a line an epoch: cost, speed, and time left until there is nothing left", () => {
    const stream = new FakeStream(false);
    const { step, over, close } = reported(stream, 3);
    for (let epoch = 1; epoch <= 3; epoch++) {
      for (let batch = 1; batch <= 10; batch++) step(epoch, batch, 10);
      over(epoch);
    }
    close();
    expect(stream.written.split("\n")).toEqual([
      "fit epoch 1/3  cost 0.2500  1,000 samples/s  2 s left",
      "fit epoch 2/3  cost 0.2500  1,000 samples/s  1 s left",
      "fit epoch 3/3  cost 0.2500  1,000 samples/s",
      "",
    ]);
  });

  it("has every metric that is measured, in words, training beside validation", () => {
    const stream = new FakeStream(false);
    const { over } = reported(stream, 1);
    const told = { validationLoss: 0.3, accuracy: 0.9, validationAccuracy: 0.8, meanAbsoluteError: 2, rocAuc: 1 };
    over(1, { ...told, validationF1: 0.75, f1: 0.7, MAE: 1e-5, r2: -1 });
    expect(stream.written).toBe(
      "fit epoch 1/1  cost 0.2500 (validation 0.3000)  accuracy 0.9000 (validation 0.8000)  mean absolute error 2.0000  ROC AUC 1.0000  F1 0.7000 (validation 0.7500)  MAE 1.000e-5  R² -1.0000\n",
    );
  });

  it("shows what is not finite as what it is", () => {
    const stream = new FakeStream(false);
    reported(stream, 1).over(1, { loss: NaN, validationLoss: Infinity, r2: NaN, validationR2: -Infinity });
    expect(stream.written).toBe("fit epoch 1/1  cost NaN (validation Infinity)  R² NaN (validation -Infinity)\n");
  });

  it("tells of the last epoch where a fit stops early between two lines", () => {
    const stream = new FakeStream(false);
    const { over, close } = reported(stream, 100, { every: 5 });
    for (let epoch = 1; epoch <= 7; epoch++) over(epoch);
    close();
    close();
    expect(stream.written.match(/epoch +\d+/g)).toEqual(["epoch   5", "epoch   7"]);
  });

  it("counts from the checkpoint that a fit goes on from", () => {
    const stream = new FakeStream(false);
    const { step, over } = reported(stream, 10);
    for (let batch = 1; batch <= 10; batch++) step(9, batch, 10);
    over(9);
    expect(stream.written).toBe("fit epoch  9/10  cost 0.2500  1,000 samples/s  1 s left\n");
  });

  it("gives long times in minutes and hours", () => {
    const stream = new FakeStream(false);
    const { step, over } = reported(stream, 100_000);
    step(1, 1, 1);
    over(1);
    vi.advanceTimersByTime(5_000);
    over(1000);
    expect(stream.written.match(/[^ ]+ \w+ [^ ]+ \w+ left/g)).toEqual(["2 h 46 min left", "8 min 25 s left"]);
  });

  it("goes on where nobody reads any more, and leaves the stream as it was", async () => {
    const stream = new FakeStream(false);
    const { over, close } = reported(stream, 2);
    stream.destroy(new Error("EPIPE"));
    over(1);
    over(2);
    close();
    await new Promise((resolve) => process.nextTick(resolve));
    expect(stream.closed).toBe(true);
    vi.runAllTimers();
    expect(stream.listenerCount("error")).toBe(0);
  });
});

describe("progress on a terminal", () => {
  onFakeTime();

  it("is a bar of the fit with the work under way, and below it the last epoch; at the end one line", () => {
    const stream = new FakeStream(true);
    const { step, draw, over, close } = reported(stream, 2);
    for (let batch = 1; batch <= 10; batch++) step(1, batch, 10);
    over(1, { accuracy: 0.5, validationAccuracy: 0.4 });
    for (let batch = 1; batch <= 5; batch++) step(2, batch, 10, 0.125);
    draw();
    expect(stream.screen).toEqual([
      "fit ████████████░░░░ epoch 2/2  cost 0.1250  1,000 samples/s  1 s left",
      "cost 0.2500  accuracy 0.5000 (validation 0.4000)",
    ]);
    for (let batch = 6; batch <= 10; batch++) step(2, batch, 10);
    over(2, { accuracy: 0.6, validationAccuracy: 0.5 });
    close();
    expect(stream.screen).toEqual(["fit epoch 2/2  cost 0.2500  accuracy 0.6000 (validation 0.5000)  1,000 samples/s"]);
    expect(vi.getTimerCount()).toBe(1); // gives the stream back
  });

  it("counts the batches of a stream until an epoch has told how many there are", () => {
    const stream = new FakeStream(true, 120);
    const { step, draw, over, close } = reported(stream, 2);
    for (let batch = 1; batch <= 10; batch++) step(1, batch);
    draw();
    expect(stream.screen[0]).toBe("fit ░░░░░░░░░░░░░░░░ epoch 1/2, batch 10  cost 0.5000  1,000 samples/s");
    over(1);
    for (let batch = 1; batch <= 5; batch++) step(2, batch);
    draw();
    expect(stream.screen[0]).toBe("fit ████████████░░░░ epoch 2/2  cost 0.5000  1,000 samples/s  1 s left");
    // an epoch that is longer than the one before has nothing left, and not less
    for (let batch = 6; batch <= 20; batch++) step(2, batch);
    draw();
    expect(stream.screen[0]).toBe("fit ████████████████ epoch 2/2  cost 0.5000  1,000 samples/s");
    close();
  });

  it("cuts its rows where a terminal is narrow, and comes to the same end", () => {
    const stream = new FakeStream(true, 30);
    const { step, draw, over, close } = reported(stream, 2);
    for (let epoch = 1; epoch <= 2; epoch++) {
      step(epoch, 1, 1);
      over(epoch, { accuracy: 0.5, f1: 0.5 });
      draw();
      expect(stream.screen).toEqual([
        `fit ${epoch === 1 ? "████████░░░░░░░░" : "████████████████"} epoch ${epoch}/2`,
        "cost 0.2500  accuracy 0.5000",
      ]);
    }
    close();
    expect(stream.screen.join("")).toMatch(/^fit epoch 2\/2.*F1 0\.5000.*samples\/s$/);
  });

  it("never leaves the cursor hidden or lines unwrapped, which Ctrl-C would not bring back", () => {
    const stream = new FakeStream(true);
    const { step, draw, close } = reported(stream, 2);
    step(1, 1, 1);
    draw();
    close();
    expect(stream.written).toContain("epoch 1/2");
    expect(stream.written).not.toContain("\x1b[?");
  });

  it("has sane times from the first step on, where the clock stands still too", () => {
    const stream = new FakeStream(true);
    const { onStep, draw, over, close } = reported(stream, 3);
    onStep({ step: 1, epoch: 1, epochs: 3, batch: 1, batches: 1, samples: 32, cost: NaN });
    draw();
    expect(stream.screen[0]).toMatch(/epoch 1\/3 {2}cost NaN {2}[\d,]+ samples\/s {2}1 s left$/);
    over(1, { loss: NaN });
    close();
    expect(stream.written).not.toMatch(/Infinity|NaN s|-\d/);
  });
});
