import { chunk } from "../chunk";
import { Engine } from "./engine";
import type { WasmKernels } from "./kernels";
import { WasmMemory } from "./wasmMemory";

export type Variant = "relaxed" | "simd" | "scalar" | "js";
export type WasmVariant = Exclude<Variant, "js">;

/** The workspace of one caller, and a page for the module. */
export const MINIMUM_BYTES = 2 * 1024 * 1024;

export interface Limits {
  initialBytes: number;
  maximumBytes: number;
}

/** An engine, and what is to be told of it. */
export interface Loaded {
  readonly engine: Engine;
  readonly variant: Variant;
  readonly warnings: string[];
  /** What another like it is made of: the binary, undefined for js, and how much memory it may take. */
  readonly origin: { readonly module: WebAssembly.Module | undefined; readonly limits: Limits };
}

/** The kernels in plain TypeScript. */
export async function createJs(where: string, limits: Limits, warnings: string[]): Promise<Loaded> {
  const { createJsKernels, JsMemory } = await chunk(where, import("../js/index"));
  const memory = new JsMemory(limits.maximumBytes, limits.initialBytes);
  const engine = new Engine(createJsKernels(memory), memory);
  return { engine, variant: "js", warnings, origin: { module: undefined, limits } };
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

/** Other threads, on their way. */
export interface Threads {
  /** Has them compute along, as far as they come up; `warnings` says where some do not. */
  share(found: Found, warnings: string[]): Promise<void>;
  /** Sends them home. */
  dismiss(): Promise<void>;
}

/** An engine on an instance, with the threads that were hired. */
export async function createWasm(found: Found, threads: Threads | undefined, warnings: string[]): Promise<Loaded> {
  await threads?.share(found, warnings);
  const { engine, variant, module, limits } = found;
  return { engine, variant, warnings, origin: { module, limits } };
}

export const NO_MEMORY = 'this host gives no shared WebAssembly.Memory; variant "js" needs none.';

/**
 * A compiled binary on a memory of its own, which is smaller than was asked for where the host refuses so much: `warnings` says
 * so. A sentence where it gives none.
 */
export function instantiate(
  module: WebAssembly.Module,
  variant: WasmVariant,
  limits: Limits,
  warnings: string[],
): Found | string {
  const memory = WasmMemory.create(limits.initialBytes, limits.maximumBytes, MINIMUM_BYTES);
  if (memory === undefined) return NO_MEMORY;
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
  const kernels = instance.exports as WasmKernels;
  memory.skip(kernels.heapBase());
  const { refused } = memory;
  if (refused !== undefined) warnings.push(refused);
  return { variant, module, kernels, memory: memory.memory, engine: new Engine(kernels, memory), limits };
}
