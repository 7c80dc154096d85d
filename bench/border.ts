import { readFile } from "node:fs/promises";
import { Engine } from "../src/backend/engine";
import type { Kernels, WasmKernels } from "../src/backend/kernels";
import { hireWorkers, Pool } from "../src/backend/pool";
import { shareKernels } from "../src/backend/sharedKernels";
import { WasmMemory } from "../src/backend/wasmMemory";
import type { Bench } from "./bench";
import { summarize } from "./statistics";
import { figure, table } from "./table";

/** Work in the order of what it takes: gemm of n x n x n, and a few activations and updates of so many numbers. */
const CUBES = [32, 48, 64, 80, 96, 128, 192, 256];
const LENGTHS = [1024, 2048, 4096, 8192, 16384, 65536, 262144];

/** Two threads against one, sharing whether it pays or not: where the border of src/backend/sharedKernels.ts lies. */
export async function benchBorder({ own, quick, report }: Bench): Promise<void> {
  const variant = own[0]?.variant;
  const file = new URL(`../build/${variant}.wasm`, import.meta.url);
  const module = await WebAssembly.compile(await readFile(file));
  const memory = WasmMemory.create(32 << 20);
  if (memory === undefined) throw new Error("border: no shared memory");
  const alone = new WebAssembly.Instance(module, { env: { memory: memory.memory } }).exports as WasmKernels;
  memory.skip(alone.heapBase());
  const engine = new Engine(alone, memory);
  const warnings: string[] = [];
  const pool = await Pool.begin(hireWorkers(1), module, memory.memory, alone, engine, warnings);
  if (pool === undefined) {
    report.note(`without the border: ${warnings.join(" ")}`);
    return;
  }
  const always = { border: 0, range: 10_000, gauges: () => ({ begin: () => true, drop() {}, end() {} }) };
  const shared = shareKernels(alone, pool, always);
  engine.share(shared, pool);
  const [x = 0, y = 0, z = 0, v = 0] = engine.scope.allocateAll("border", Array(4).fill(262144));
  const { workspace } = engine;

  const lines = [["border, one thread and two", "us alone", "us shared", "gain"]];
  const measure = (name: string, work: (kernels: Kernels) => void) => {
    report.progress(`border: ${name}`);
    const seconds = { alone: [] as number[], shared: [] as number[] };
    for (let round = 0; round < (quick ? 20 : 300); round++) {
      for (const [who, kernels] of [
        ["alone", alone],
        ["shared", shared],
      ] as const) {
        const start = performance.now();
        for (let i = 0; i < 4; i++) work(kernels);
        seconds[who].push((performance.now() - start) / 4000);
      }
    }
    const [one, two] = [summarize(seconds.alone).median, summarize(seconds.shared).median];
    lines.push([name, figure(one * 1e6), figure(two * 1e6), `${figure(one / two)} x`]);
  };
  for (const n of CUBES) {
    measure(`gemm ${n} x ${n} x ${n}`, ({ gemm }) => gemm(0, n, n, n, 1, x, n, y, n, 0, z, n, z, n, workspace));
  }
  for (const length of LENGTHS) {
    const count = length.toLocaleString("en");
    measure(`gelu and its slope, ${count}`, ({ geluAndSlope }) => geluAndSlope(length, x, y, z));
    measure(`sgd, ${count}`, ({ sgd }) => sgd(length, 1e-9, 0, x, y));
    measure(`adam, ${count}`, ({ adam }) => adam(length, 1e-9, 0.9, 0.999, 1e-8, 0, 1, 1, x, y, z, v));
  }
  engine.dispose();
  report.print(`${table(lines)}\n`);
}
