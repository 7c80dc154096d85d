import { type Backend, loadBackend, type Variant } from "wasmgrad";
import { gflops, SIZES, timeMatmul } from "./gemm";
import { machine, type Timing, table } from "./measure";
import { CASES, timeTraining } from "./training";

/**
 * Every variant that this engine has, side by side in one run: matmul and training, medians with their spread.
 *
 *     npm run bench
 */
const VARIANTS: Variant[] = ["relaxed", "simd", "scalar", "js"];

const backends: Backend[] = [];
for (const variant of VARIANTS) {
  const backend = await loadBackend({ variant }).catch((error: Error) => error.message);
  if (typeof backend === "string") console.log(backend);
  else backends.push(backend);
}
console.log(`${machine()}; 1 thread; ${new Date().toISOString().slice(0, 10)}\n`);

/** The median of a rate, its spread, and how often the same work in plain JavaScript fits in. */
function cells(rate: (seconds: number) => number, timing: Timing, js: Timing | undefined): string[] {
  const digits = rate(timing.median) < 1000 ? 1 : 0;
  const shown = (seconds: number) =>
    rate(seconds).toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  const ratio = js === undefined ? "" : `${(js.median / timing.median).toFixed(1)} x`;
  return [shown(timing.median), `${shown(timing.slowest)} - ${shown(timing.fastest)}`, ratio];
}

/** Measures a case on every backend and prints it as rows of a table, once all of it is there. */
async function compare<Case>(
  title: string,
  cases: readonly Case[],
  name: (work: Case) => string,
  measure: (backend: Backend, work: Case) => Timing | Promise<Timing>,
  rate: (work: Case) => (seconds: number) => number,
): Promise<void> {
  const rows = [[title, "variant", "median", "slowest - fastest", "to js"]];
  for (const work of cases) {
    const timings = new Map<Variant, Timing>();
    for (const backend of backends) timings.set(backend.variant, await measure(backend, work));
    for (const [variant, timing] of timings) {
      rows.push([name(work), variant, ...cells(rate(work), timing, timings.get("js"))]);
    }
  }
  console.log(`${table(rows)}\n`);
}

await compare(
  "matmul float64, GFLOP/s",
  SIZES,
  (n) => `${n} x ${n} x ${n}`,
  (backend, n) => timeMatmul(backend, n, n, n),
  (n) => (seconds) => gflops(n, n, n, seconds),
);
await compare(
  "training, samples/s",
  CASES,
  ({ dims, batchSize }) => `${dims.join("-")}, batch ${batchSize}`,
  timeTraining,
  ({ samples }) =>
    (seconds) =>
      samples / seconds,
);
