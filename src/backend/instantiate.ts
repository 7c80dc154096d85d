import { JsMemory } from "../js/memory";
import { Backend, type Variant } from "./backend";
import { Engine } from "./engine";
import type { HostWorker } from "./hostWorker";
import type { WasmKernels } from "./kernels";
import { WasmMemory } from "./wasmMemory";

export type WasmVariant = Exclude<Variant, "js">;

/** The workspace of one caller, and a page for the module. */
export const MINIMUM_BYTES = 2 * 1024 * 1024;

export interface Limits {
  initialBytes: number;
  maximumBytes: number;
}

/** The kernels in plain TypeScript. */
export async function createJs(limits: Limits, warnings: string[]): Promise<Backend> {
  const { createJsKernels } = await import("../js/index");
  const memory = new JsMemory(limits.maximumBytes, limits.initialBytes);
  return new Backend(new Engine(createJsKernels(memory), memory), "js", warnings, { module: undefined, limits });
}

/** An instance of a variant's binary, and an engine on a memory of its own. */
export interface Found {
  readonly variant: WasmVariant;
  readonly module: WebAssembly.Module;
  readonly kernels: WasmKernels;
  readonly memory: WebAssembly.Memory;
  readonly engine: Engine;
  readonly limits: Limits;
}

/** A backend on an instance, with the threads that were hired. */
export async function createWasm(
  { variant, module, kernels, memory, engine, limits }: Found,
  hired: Promise<readonly HostWorker[]> | undefined,
  warnings: string[],
): Promise<Backend> {
  if (hired === undefined) return new Backend(engine, variant, warnings, { module, limits });
  const { Pool } = await import("./pool");
  const pool = await Pool.begin(hired, module, memory, kernels, engine, warnings);
  if (pool !== undefined) engine.share(kernels, pool);
  return new Backend(engine, variant, warnings, { module, limits });
}

/** A compiled binary on a memory of its own; a sentence where this host gives none. */
export function instantiate(module: WebAssembly.Module, variant: WasmVariant, limits: Limits): Found | string {
  const memory = WasmMemory.create(limits.initialBytes, limits.maximumBytes);
  if (memory === undefined) {
    return 'this host gives no shared WebAssembly.Memory of that size; ask for less with memory.maximumBytes, or take variant "js".';
  }
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
  const kernels = instance.exports as WasmKernels;
  memory.skip(kernels.heapBase());
  return { variant, module, kernels, memory: memory.memory, engine: new Engine(kernels, memory), limits };
}
