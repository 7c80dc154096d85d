import { readFile } from "node:fs/promises";
import type { PeakLoop, Prepared } from "./contestant";

/**
 * What the machine allows: multiply-adds in registers, and loads. In WebAssembly as this engine compiles it, in the
 * process that computes: the loops are in peak/.
 */
const FILES = { mulAdd: "../build/peak.wasm", fused: "../build/peakFused.wasm" };
const OPERATIONS_A_ROUND = { mulAdd: 32, fused: 48 };
/** One long call would stay in the baseline compiler, which replaces a function only when it is called anew. */
const ROUNDS = 4000;
const VECTORS = 1024;
const PAGE = 65536;

/** Floating-point operations of a peak loop done once. */
export function peakOperations(loop: PeakLoop): number {
  return ROUNDS * OPERATIONS_A_ROUND[loop];
}

interface Loops {
  mulAdd?(rounds: number, at: number): void;
  fused?(rounds: number, at: number): void;
  stream?(from: number, bytes: number, to: number): void;
}

/** The loop, or undefined where the engine lacks its instructions. */
export async function preparePeak(loop: PeakLoop): Promise<Prepared | undefined> {
  const loaded = await load(loop, PAGE);
  if (loaded === undefined) return undefined;
  const { loops, memory } = loaded;
  // small enough that no sum leaves the range of normal numbers
  new Float64Array(memory.buffer, VECTORS, 28).forEach((_, i, vectors) => {
    vectors[i] = 1e-9 * (i + 1);
  });
  return { once: () => loops[loop]?.(ROUNDS, VECTORS) };
}

/** Reads this many bytes from end to end; a buffer that fits in a cache stays there. */
export async function prepareStream(bytes: number): Promise<Prepared | undefined> {
  const whole = Math.ceil(bytes / 128) * 128;
  const loaded = await load("mulAdd", PAGE + whole);
  if (loaded === undefined) return undefined;
  const { loops, memory } = loaded;
  new Float64Array(memory.buffer, PAGE).fill(1);
  return { once: () => loops.stream?.(PAGE, whole, 0) };
}

async function load(loop: PeakLoop, bytes: number): Promise<{ loops: Loops; memory: WebAssembly.Memory } | undefined> {
  if (typeof WebAssembly === "undefined") return undefined;
  const binary = await readFile(new URL(FILES[loop], import.meta.url));
  if (!WebAssembly.validate(binary)) return undefined;
  const pages = Math.ceil(bytes / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const { exports } = new WebAssembly.Instance(await WebAssembly.compile(binary), { env: { memory } });
  return { loops: exports as Loops, memory };
}
