import { RECTIFY, TRANSPOSE_A, TRANSPOSE_B } from "./engine";
import { Gauges } from "./gauge";
import type { AnyKernel } from "./job";
import type { Kernels, WasmKernels } from "./kernels";
import type { Pool } from "./pool";

/** When to share: in nanoseconds of work, by `npm run bench -- --only border`. */
interface Sizes {
  /** Below it a second thread costs more than it brings. */
  readonly border: number;
  /** One range: long against the cost of taking it, short against waiting for the last one. */
  readonly range: number;
  /** Who decides above the border. */
  readonly gauges: () => Pick<Gauges, "begin" | "end" | "drop">;
}
const SIZES: Sizes = { border: 15_000, range: 10_000, gauges: () => new Gauges() };
/** Floating point operations in a nanosecond, about: what gemm's time is guessed by. */
const GEMM_RATE = 24;
/** Numbers in a cache line. */
const LINE = 8;
/** Columns from which on ranges of them are enough, and wide enough, for all threads. */
const MANY_COLUMNS = 64;
/** Ranges of columns for each thread, which are wider where there would be more: a line of each row of B comes slowly. */
const ENOUGH_RANGES = 8;
/** What a range costs beside its work, in tiles. */
const RANGE_COST = 0.05;

/**
 * A kernel over elements that do not depend on each other, the number of which is its first argument: nanoseconds an
 * element, and the bytes by which each argument moves with one. `rows`: an element is a row, as long as the second argument.
 */
interface Divisible {
  readonly cost: number;
  readonly steps: readonly number[];
  readonly rows?: boolean;
}

const map = (cost: number): Divisible => ({ cost, steps: [0, 8, 8] });
const zip = (cost: number): Divisible => ({ cost, steps: [0, 8, 8, 8] });

/** What is worth sharing: kernels that compute much for each number that they read. */
export const divisible: { readonly [Name in keyof Kernels]?: Divisible } = {
  exp: map(3),
  log: map(4),
  log1p: map(5),
  expm1: map(4),
  erf: map(8),
  tanh: map(6),
  sigmoid: map(4),
  softplus: map(12),
  silu: map(4),
  gelu: map(15),
  elu: map(5),
  selu: map(5),
  tanhAndSlope: zip(10),
  sigmoidAndSlope: zip(4),
  softplusAndSlope: zip(12),
  siluAndSlope: zip(5),
  geluAndSlope: zip(19),
  eluAndSlope: zip(8),
  seluAndSlope: zip(9),
  tanhGradient: zip(4),
  sigmoidGradient: zip(4),
  softplusGradient: zip(5),
  siluGradient: zip(5),
  geluGradient: zip(18),
  eluGradient: zip(4),
  seluGradient: zip(5),
  softmax: { cost: 5, steps: [0, 0, 8, 8], rows: true },
  sgd: { cost: 0.27, steps: [0, 0, 0, 8, 8] },
  sgdMomentum: { cost: 0.8, steps: [0, 0, 0, 0, 0, 8, 8, 8] },
  adam: { cost: 2.6, steps: [0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8] },
  rmsProp: { cost: 2.4, steps: [0, 0, 0, 0, 8, 8, 8] },
  adagrad: { cost: 2.4, steps: [0, 0, 0, 8, 8, 8] },
};

/** The same kernels, of which the long ones are computed by all threads of a pool: the same bits, for each element stays one thread's. */
export function shareKernels(kernels: WasmKernels, pool: Pool, sizes = SIZES): Kernels {
  const shared: Record<string, AnyKernel> = {};
  for (const [name, how] of Object.entries(divisible)) {
    shared[name] = share(name, kernels[name as keyof Kernels] as AnyKernel, how, pool, sizes);
  }
  return Object.assign({ ...kernels }, shared, { gemm: shareGemm(kernels, pool, sizes) });
}

/** Arguments by name, not as a rest: an array of them would be an allocation in each step. Twelve are the most that there are. */
function share(
  name: string,
  alone: AnyKernel,
  { cost, steps, rows = false }: Divisible,
  pool: Pool,
  { border, range, gauges: makeGauges }: Sizes,
): (length: number, ...others: number[]) => void {
  const { job } = pool;
  const index = job.indexOf(name);
  const gauges = makeGauges();
  const argument = (at: number, value: number, width: number) => {
    if (at < steps.length) job.argument(at, value, (steps[at] as number) * width);
  };
  return (length, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0, k = 0, l = 0) => {
    const width = rows ? b : 1;
    const work = length * width * cost;
    const sharing = work > border && pool.threads > 1 && gauges.begin(work);
    if (sharing) {
      // as many for each thread
      const each = Math.ceil(length / (range / (cost * width)) / pool.threads);
      job.describe(index, length, multiple(8, length / (pool.threads * each)), 0, -1);
      argument(1, b, width);
      argument(2, c, width);
      argument(3, d, width);
      argument(4, e, width);
      argument(5, f, width);
      argument(6, g, width);
      argument(7, h, width);
      argument(8, i, width);
      argument(9, j, width);
      argument(10, k, width);
      argument(11, l, width);
      pool.run();
    } else alone(length, b, c, d, e, f, g, h, i, j, k, l);
    gauges.end();
  };
}

/** gemm by all threads, which take ranges of the columns of C, or of its rows. */
function shareGemm(kernels: WasmKernels, pool: Pool, { border, range, gauges: makeGauges }: Sizes): Kernels["gemm"] {
  const tile = kernels.gemmTileRows();
  const gauges = makeGauges();
  const byColumns = gemmByColumns(pool, range);
  const byRows = gemmByRows(kernels, pool, range);
  return (flags, m, n, k, alpha, a, lda, b, ldb, beta, s, lds, c, ldc, workspace) => {
    const work = (2 * m * n * k) / GEMM_RATE;
    const sharing = work > border && m > tile && n > 1 && pool.threads > 1 && gauges.begin(work);
    if (!sharing) kernels.gemm(flags, m, n, k, alpha, a, lda, b, ldb, beta, s, lds, c, ldc, workspace);
    else {
      const columns = n >= MANY_COLUMNS && alpha === 1 && (flags & TRANSPOSE_A) === 0;
      const by = columns ? byColumns : byRows;
      if (pool.aside !== undefined) gauges.drop();
      by(flags, m, n, k, alpha, a, lda, b, ldb, beta, s, lds, c, ldc, workspace);
    }
    gauges.end();
  };
}

/**
 * Ranges of columns: one job, in which gemm is the kernel. Each packs its own columns of op(B), and reads all rows of A as they
 * lie. Each thread has a workspace of its own, here and below.
 */
function gemmByColumns(pool: Pool, range: number): Kernels["gemm"] {
  const { job } = pool;
  const gemm = job.indexOf("gemm");
  return (flags, m, n, k, alpha, a, lda, b, ldb, beta, s, lds, c, ldc) => {
    const tiles = Math.ceil(n / LINE);
    const most = Math.max((GEMM_RATE * range) / (2 * m * k * LINE), tiles / (pool.threads * ENOUGH_RANGES));
    job.describe(gemm, n, LINE * evenGrain(tiles, most, pool.threads), 2, 14);
    job.argument(0, flags, 0);
    job.argument(1, m, 0);
    job.argument(3, k, 0);
    job.argument(4, alpha, 0);
    job.argument(5, a, 0);
    job.argument(6, lda, 0);
    job.argument(7, b, 8 * ((flags & TRANSPOSE_B) !== 0 ? ldb : 1));
    job.argument(8, ldb, 0);
    job.argument(9, beta, 0);
    job.argument(10, s, 8);
    job.argument(11, lds, 0);
    job.argument(12, c, 8);
    job.argument(13, ldc, 0);
    runBeside(pool);
  };
}

/** Ranges of rows: a job for each block of op(B) that is not too large, which each thread packs once. */
function gemmByRows(kernels: WasmKernels, pool: Pool, range: number): Kernels["gemm"] {
  const { job } = pool;
  const gemmRange = job.indexOf("gemmRange");
  const tile = kernels.gemmTileRows();
  const terms = kernels.gemmRangeTerms();
  const columns = kernels.gemmRangeColumns();
  let jobs = 0;
  return (flags, m, n, k, alpha, a, lda, b, ldb, beta, s, lds, c, ldc) => {
    const transA = (flags & TRANSPOSE_A) !== 0;
    const transB = (flags & TRANSPOSE_B) !== 0;
    // columns of A come by cache lines
    const unit = transA ? tile * (LINE / 2) : tile;
    const step = Math.ceil(k / Math.ceil(k / terms));
    for (let j = 0; j < n; j += columns) {
      const nc = Math.min(columns, n - j);
      for (let p = 0; p < k; p += step) {
        const kc = Math.min(step, k - p);
        const most = (GEMM_RATE * range) / (2 * nc * kc * unit);
        job.describe(gemmRange, m, unit * evenGrain(Math.ceil(m / unit), most, pool.threads), 2, 15);
        // never 0, which is what a new workspace holds
        jobs = (jobs % 0x3fffffff) + 1;
        job.argument(0, jobs, 0);
        job.argument(1, p + kc === k ? flags : flags & ~RECTIFY, 0);
        job.argument(3, nc, 0);
        job.argument(4, kc, 0);
        job.argument(5, alpha, 0);
        job.argument(6, a + 8 * p * (transA ? lda : 1), 8 * (transA ? 1 : lda));
        job.argument(7, lda, 0);
        job.argument(8, b + 8 * (transB ? j * ldb + p : p * ldb + j), 0);
        job.argument(9, ldb, 0);
        job.argument(10, p === 0 ? beta : 1, 0);
        job.argument(11, (p === 0 ? s : c) + 8 * j, 8 * (p === 0 ? lds : ldc));
        job.argument(12, p === 0 ? lds : ldc, 0);
        job.argument(13, c + 8 * j, 8 * ldc);
        job.argument(14, ldc, 0);
        runBeside(pool);
      }
    }
  };
}

/** A job that is long enough for what the caller has to do beside. */
function runBeside(pool: Pool): void {
  const { aside } = pool;
  pool.aside = undefined;
  pool.run(aside);
}

/** Tiles in a range, at most `most`, with which the last of the threads is done soonest. */
function evenGrain(tiles: number, most: number, threads: number): number {
  let best = 1;
  let soonest = Infinity;
  for (let grain = 1; grain <= Math.max(1, most); grain++) {
    const end = Math.ceil(Math.ceil(tiles / grain) / threads) * (grain + RANGE_COST);
    if (end <= soonest) {
      best = grain;
      soonest = end;
    }
  }
  return best;
}

/** The smallest multiple of `unit` that is at least `value` and at least one unit. */
function multiple(unit: number, value: number): number {
  return Math.max(1, Math.ceil(value / unit)) * unit;
}
