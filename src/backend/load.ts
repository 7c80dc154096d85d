import {
  ArgumentError,
  checkBoolean,
  checkName,
  checkOptions,
  checkWhole,
  messageOf,
  shown,
  WasmgradError,
} from "../errors";
import type { Backend, Variant } from "./backend";
import { decodeBase64 } from "./base64";
import type { Engine } from "./engine";
import type { HostWorker } from "./hostWorker";
import {
  createJs,
  createWasm,
  type Found,
  instantiate,
  type Limits,
  MINIMUM_BYTES,
  type WasmVariant,
} from "./instantiate";

export interface BackendOptions {
  /** "auto", the default, takes the fastest that this engine has; a variant asked for by name that it lacks throws. */
  variant?: "auto" | Variant | undefined;
  /** A number, or "auto", the default, for as many as help. */
  threads?: "auto" | number | undefined;
  /** Never fuse multiply-add: the same bits on every engine and machine. Default false. */
  reproducible?: boolean | undefined;
  memory?: {
    /** Linear memory to take at once. Default: what the backend itself needs. */
    initialBytes?: number;
    /** Linear memory to stay below, at least 2 MiB. Default: 4 GiB, or what the host allows. */
    maximumBytes?: number;
  };
  /** A compiled module, a Response, bytes or a URL of a binary of `wasmgrad/wasm/`, for hosts that forbid or cache inline wasm. */
  wasm?: object | string | undefined;
}

/** The binaries, each a chunk that is loaded when it is taken. In the order of `binaryVariant`. */
const binaries: Record<WasmVariant, () => Promise<{ default: string }>> = {
  scalar: () => import("../../build/scalar.base64"),
  simd: () => import("../../build/simd.base64"),
  relaxed: () => import("../../build/relaxed.base64"),
};

const WHERE = "loadBackend";

/**
 * Loads a variant of the kernels with linear memory of its own.
 * Throws ArgumentError for options that do not exist, or a variant asked for by name that the engine lacks.
 */
export async function loadBackend(options: BackendOptions = {}): Promise<Backend> {
  checkOptions(WHERE, options, ["variant", "threads", "reproducible", "memory", "wasm"]);
  const { variant = "auto", threads = "auto", reproducible = false, memory = {}, wasm } = options;
  checkName(`${WHERE}: variant`, variant, ["auto", "relaxed", "simd", "scalar", "js"]);
  checkBoolean(`${WHERE}: reproducible`, reproducible);
  if (threads !== "auto") checkWhole(`${WHERE}: threads`, threads, 1, 1024);
  checkOptions(`${WHERE}: memory`, memory, ["initialBytes", "maximumBytes"]);
  const { initialBytes = 0, maximumBytes = 2 ** 32 } = memory;
  checkWhole(`${WHERE}: memory.initialBytes`, initialBytes, 0, 2 ** 32);
  checkWhole(`${WHERE}: memory.maximumBytes`, maximumBytes, Math.max(initialBytes, MINIMUM_BYTES), 2 ** 32);
  if (reproducible && variant === "relaxed") {
    throw new ArgumentError(
      `${WHERE}: variant "relaxed" was given with reproducible: true, but it fuses multiply-add as the engine likes; "simd", "scalar", "js" or "auto" was expected`,
    );
  }

  const plan = { variant, reproducible, limits: { initialBytes, maximumBytes }, warnings: [] };
  if (variant === "js") {
    if (wasm === undefined) return loadJs(plan, threads);
    throw new ArgumentError(
      `${WHERE}: wasm was given with variant "js", which takes no binary; one of them was expected`,
    );
  }
  // workers come up while the kernels compile
  const wanted = countThreads(threads, plan.warnings);
  const hired = wanted > 1 ? import("./pool").then(({ hireWorkers }) => hireWorkers(wanted - 1)) : undefined;
  hired?.catch(() => {});
  try {
    const found = wasm === undefined ? await findBinary(plan) : await instantiateGiven(wasm, plan);
    if (found !== undefined) return await createWasm(found, hired, plan.warnings);
    await dismiss(hired);
    return loadJs(plan, threads);
  } catch (error) {
    await dismiss(hired);
    throw error;
  }
}

async function loadJs({ limits, warnings }: Plan, threads: "auto" | number): Promise<Backend> {
  if (threads !== "auto" && threads > 1) {
    warnings.push(`1 of ${threads} threads runs: variant "js" computes on the calling thread alone.`);
  }
  return createJs(limits, warnings);
}

/** What was asked for, and what there is to say about it. */
interface Plan {
  readonly variant: "auto" | Variant;
  readonly reproducible: boolean;
  readonly limits: Limits;
  readonly warnings: string[];
}

/** The fastest variant that this engine has, or the one that was named; undefined for none of them. */
async function findBinary({ variant, reproducible, limits, warnings }: Plan): Promise<Found | undefined> {
  const automatic = reproducible ? (["simd", "scalar"] as const) : (["relaxed", "simd", "scalar"] as const);
  for (const candidate of variant === "auto" ? automatic : [variant as WasmVariant]) {
    const found = await tryVariant(candidate, limits);
    if (typeof found !== "string") {
      if (candidate === variant || candidate !== "relaxed") return found;
      if (fuses(found.engine)) {
        warnings.push(
          'Variant "relaxed" was taken, which is the fastest, but fuses multiply-add: its bits are those of this engine; reproducible: true takes the fastest variant that has the same bits everywhere.',
        );
        return found;
      }
      warnings.push(
        'Variant "relaxed" was not taken: this engine does not fuse multiply-add, so "simd" is as fast and has the same bits everywhere.',
      );
    } else if (candidate === variant) {
      throw new ArgumentError(`${WHERE}: variant "${variant}" was given, but ${found}`);
    } else warnings.push(`Variant "${candidate}" was not taken: ${found}`);
  }
  return undefined;
}

function fuses({ kernels, results }: Engine): boolean {
  return kernels.fusesMultiplyAdd(results.pointer) !== 0;
}

async function dismiss(hired: Promise<readonly HostWorker[]> | undefined): Promise<void> {
  for (const worker of (await hired?.catch(() => [])) ?? []) worker.end();
}

/** "auto" stops here: what training shares out is too little for more. */
const MOST_THREADS = 8;

/** How many threads to start. Where there can be but one, `warnings` says why. */
function countThreads(asked: "auto" | number, warnings: string[]): number {
  if (asked === 1) return 1;
  if (typeof crossOriginIsolated !== "undefined" && !crossOriginIsolated) {
    warnings.push(
      "1 thread runs: this page is not cross-origin isolated; more need it served with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.",
    );
    return 1;
  }
  if (asked !== "auto") return asked;
  const node: NodeProcess | undefined = Reflect.get(globalThis, "process");
  const cores = typeof navigator === "undefined" ? undefined : navigator.hardwareConcurrency;
  return Math.min(node?.getBuiltinModule?.("node:os").availableParallelism() ?? cores ?? 1, MOST_THREADS);
}

/** A variant's kernels on a memory of their own, or why this engine can't have them. */
async function tryVariant(variant: WasmVariant, limits: Limits): Promise<Found | string> {
  if (typeof WebAssembly === "undefined") {
    return 'this engine has no WebAssembly; variant "js" runs everywhere.';
  }
  const bytes = decodeBase64((await binaries[variant]()).default);
  if (!WebAssembly.validate(bytes)) return LACKING[variant];
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(bytes);
  } catch (error) {
    return `WebAssembly is forbidden here (${messageOf(error)}); allow it with 'wasm-unsafe-eval' in the Content-Security-Policy, or take variant "js".`;
  }
  return instantiate(module, variant, limits);
}

const LACKING: Record<WasmVariant, string> = {
  relaxed:
    "this engine has no relaxed SIMD, which multiplies and adds in one step; Node 22 and later and current browsers have it, Node 20 behind --experimental-wasm-relaxed-simd.",
  simd: "this engine has no WebAssembly SIMD with shared memory; every browser since 2023 and Node since 16 has it.",
  scalar: "this engine has no WebAssembly with shared memory; every browser since 2022 and Node since 16 has it.",
};

/** An instance of a binary that the caller brought. */
async function instantiateGiven(wasm: object | string, { variant, reproducible, limits }: Plan): Promise<Found> {
  const module = await compileGiven(wasm);
  let found: ReturnType<typeof instantiate>;
  try {
    found = instantiate(module, "scalar", limits);
  } catch (error) {
    throw new ArgumentError(
      `${WHERE}: wasm is not a binary of wasmgrad (${messageOf(error)}); one of wasmgrad/wasm/ was expected`,
    );
  }
  if (typeof found === "string") throw new WasmgradError(`${WHERE}: ${found}`);
  const given = (Object.keys(binaries) as WasmVariant[])[found.kernels.binaryVariant()] ?? "scalar";
  if ((variant !== "auto" && variant !== given) || (reproducible && given === "relaxed")) {
    const wanted = variant === "auto" ? "simd or scalar (reproducible: true)" : variant;
    throw new ArgumentError(`${WHERE}: wasm is the binary of variant "${given}", that of ${wanted} was expected`);
  }
  return { ...found, variant: given };
}

async function compileGiven(wasm: object | string): Promise<WebAssembly.Module> {
  const expected = "a WebAssembly.Module, a Response, bytes or a URL was expected";
  if (typeof WebAssembly === "undefined") {
    throw new ArgumentError(
      `${WHERE}: wasm was given, but this engine has no WebAssembly; variant "js" runs everywhere`,
    );
  }
  try {
    if (typeof wasm !== "object" && typeof wasm !== "string") throw new TypeError(`${shown(wasm)} was given`);
    if (wasm instanceof WebAssembly.Module) return wasm;
    if (wasm instanceof Uint8Array || wasm instanceof ArrayBuffer) return await WebAssembly.compile(wasm);
    const response = typeof wasm === "string" || "href" in wasm ? await fetchBinary(String(wasm)) : wasm;
    if (typeof response === "object" && "arrayBuffer" in response && typeof response.arrayBuffer === "function") {
      const bytes: ArrayBuffer | Uint8Array = await response.arrayBuffer();
      return await WebAssembly.compile(bytes);
    }
  } catch (error) {
    throw new ArgumentError(`${WHERE}: wasm could not be compiled (${messageOf(error)}); ${expected}`);
  }
  throw new ArgumentError(`${WHERE}: wasm: ${shown(wasm)} was given, ${expected}`);
}

async function fetchBinary(url: string): Promise<object> {
  if (url.startsWith("file:")) return { arrayBuffer: () => readFile(url) };
  const response = await fetch(url);
  if (typeof response === "object" && response !== null && "ok" in response && response.ok === true) return response;
  throw new Error(`${url} was not delivered`);
}

/** What Node lends at run time, so that no bundler sees an import. */
interface NodeProcess {
  getBuiltinModule?(name: "node:os"): { availableParallelism(): number };
  getBuiltinModule?(name: "node:url"): { fileURLToPath(url: string): string };
  getBuiltinModule?(name: "node:fs/promises"): { readFile(path: string): Promise<Uint8Array> };
}

/** Node's fetch does not know files. */
async function readFile(url: string): Promise<Uint8Array> {
  const node: NodeProcess | undefined = Reflect.get(globalThis, "process");
  if (node?.getBuiltinModule === undefined) throw new Error(`${url} cannot be read here`);
  const path = node.getBuiltinModule("node:url").fileURLToPath(url);
  return node.getBuiltinModule("node:fs/promises").readFile(path);
}

let shared: Promise<Backend> | undefined;

/** The backend of everyone who names none: loaded at the first call, and anew after it was disposed. */
export async function defaultBackend(): Promise<Backend> {
  const loading = shared;
  const backend = await loading?.catch(() => undefined);
  if (backend !== undefined && !backend.engine.disposed) return backend;
  if (shared === loading) shared = loadBackend();
  return shared as Promise<Backend>;
}
