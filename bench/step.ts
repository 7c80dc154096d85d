import { type Engine, TRANSPOSE_A, TRANSPOSE_B } from "../src/backend/engine";
import type { Kernels } from "../src/backend/kernels";
import type { Pool } from "../src/backend/pool";
import { createNetwork, dense, loadBackend, sgd, Trainer, type Variant } from "../src/index";
import type { Bench } from "./bench";
import { operations, type Work } from "./contestant";
import { describe } from "./race";
import { summarize } from "./statistics";
import { figure, percent, table } from "./table";

const CASES = [
  { dims: [4, 16, 3], batchSize: 16, samples: 1600, rounds: 200 },
  { dims: [64, 64, 10], batchSize: 32, samples: 1600, rounds: 200 },
  { dims: [784, 128, 10], batchSize: 128, samples: 1280, rounds: 20 },
];
/** Seconds after which the engine has compiled what a step runs. */
const WARM = 1;

/** Fifteen arguments at most: gemm's. */
type Kernel = (
  a?: number,
  b?: number,
  c?: number,
  d?: number,
  e?: number,
  f?: number,
  g?: number,
  h?: number,
  i?: number,
  j?: number,
  k?: number,
  l?: number,
  m?: number,
  n?: number,
  o?: number,
) => number;

/** A kernel in a step; gemm once for each of its shapes, flags, m, n and k. */
interface Call {
  readonly kernel: string;
  readonly shape: readonly [number, number, number, number] | undefined;
  /** How often a fit calls it. */
  count: number;
}

/** Stands between an engine and its kernels: counts what is called, and calls one of them twice. */
class Tap {
  readonly calls: Call[] = [];
  counting = false;
  #twice = "";
  #flags = 0;
  #m = 0;
  #n = 0;
  #k = 0;

  constructor(engine: Engine) {
    const tapped: Record<string, Kernel> = {};
    for (const [name, kernel] of Object.entries(engine.kernels)) tapped[name] = this.#tap(name, kernel as Kernel);
    const kernels = tapped as unknown as Kernels;
    Object.assign(engine, { kernels });
    // one thread: there is no pool
    engine.share(kernels, undefined as unknown as Pool);
  }

  /** Has a kernel called twice; none by undefined. */
  repeat(call: Call | undefined): void {
    this.#twice = call?.kernel ?? "";
    [this.#flags, this.#m, this.#n, this.#k] = call?.shape ?? [0, 0, 0, 0];
  }

  #tap(name: string, kernel: Kernel): Kernel {
    const isGemm = name === "gemm";
    // by name, for the rest of them would be an array a call
    return (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) => {
      if (this.counting) this.#count(name, isGemm ? ([a, b, c, d] as Call["shape"]) : undefined);
      const again =
        this.#twice === name && (!isGemm || (a === this.#flags && b === this.#m && c === this.#n && d === this.#k));
      if (again) kernel(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
      return kernel(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
    };
  }

  #count(kernel: string, shape: Call["shape"]): void {
    const same = (call: Call) => call.kernel === kernel && String(call.shape) === String(shape);
    const known = this.calls.find(same);
    if (known === undefined) this.calls.push({ kernel, shape, count: 1 });
    else known.count++;
  }
}

/** Where the time of a step goes: what it costs more where a kernel is called twice. */
export async function benchStep(bench: Bench): Promise<void> {
  for (const one of CASES) await measure(bench, one);
}

async function measure(
  { own, quick, referee, report }: Bench,
  { dims, batchSize, samples, rounds }: (typeof CASES)[number],
): Promise<void> {
  const variant = own[0]?.variant as Variant;
  const backend = await loadBackend({ variant, threads: 1 });
  const tap = new Tap(backend.engine);
  const [features = 0, ...units] = dims;
  const layers = units.map((count, l) => dense(count, l === units.length - 1 ? "softmax" : "relu"));
  const network = await createNetwork({ inputs: features, layers, seed: 1, backend });
  const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 1e-3 }), metrics: [] });
  const inputs = backend.matrix(
    samples,
    features,
    Float64Array.from({ length: samples * features }, (_, i) => Math.sin(i)),
  );
  const targets = Int32Array.from({ length: samples }, (_, i) => i % (units.at(-1) as number));
  const steps = samples / batchSize;
  const epoch = () => trainer.fit({ inputs, targets }, { batchSize });
  /** Microseconds of a step. */
  const read = async (call?: Call) => {
    tap.repeat(call);
    const start = performance.now();
    await epoch();
    return ((performance.now() - start) * 1000) / steps;
  };

  tap.counting = true;
  await epoch();
  tap.counting = false;
  for (const end = performance.now() + 1000 * WARM; performance.now() < end; ) await read();
  const watching = await referee.watch();
  const all: number[] = [];
  const costs = new Map<Call, number>();
  for (const call of tap.calls) {
    report.progress(`step: ${dims.join("-")}, ${call.kernel}`);
    // compiled anew for what is called twice now
    for (let i = 0; i < 5; i++) await read(call);
    const more: number[] = [];
    for (let round = 0; round < (quick ? 3 : rounds); round++) {
      // in turn, so that neither is always the first
      const first = await read(round % 2 === 0 ? undefined : call);
      const second = await read(round % 2 === 0 ? call : undefined);
      const [once, twice] = round % 2 === 0 ? [first, second] : [second, first];
      more.push(twice - once);
      all.push(once);
    }
    costs.set(call, Math.max(0, summarize(more).median));
    await watching.read();
  }
  network.dispose();
  backend.dispose();

  const { peak } = await watching.limit();
  const { median, best } = summarize(all);
  const lines = [
    [`a step of ${dims.join("-")}, batch ${batchSize}, ${variant}`, "calls", "us", "of the step", "of limit"],
  ];
  let left = median;
  for (const [call, cost] of [...costs].sort(([, a], [, b]) => b - a)) {
    left -= cost;
    const { shape, count } = call;
    lines.push([
      nameOf(call),
      figure(count / steps),
      figure(cost),
      percent(cost / median),
      shape === undefined ? "" : percent((operations(workOf(shape)) * count) / steps / (cost * 1e-6) / peak),
    ]);
  }
  lines.push([
    "JavaScript, and what finds its numbers in caches when called again",
    "",
    figure(left),
    percent(left / median),
    "",
  ]);
  lines.push([`all, best ${figure(best)}`, "", figure(median), "", ""]);
  report.record(`step ${dims.join("-")}`, lines);
  report.print(`${table(lines)}\n`);
}

function nameOf({ kernel, shape }: Call): string {
  return shape === undefined ? kernel : `matmul ${describe(workOf(shape))}`;
}

/** A gemm as the other sections know it. */
function workOf([flags, m, n, k]: NonNullable<Call["shape"]>): Work {
  const transposed = { transposeA: (flags & TRANSPOSE_A) !== 0, transposeB: (flags & TRANSPOSE_B) !== 0 };
  return { kind: "matmul", m, k, n, ...transposed };
}
