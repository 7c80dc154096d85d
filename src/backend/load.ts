import relaxed from "../../build/probe-relaxed.base64";
import scalar from "../../build/probe-scalar.base64";
import { checkOptions } from "../errors";
import { Backend } from "./backend";
import { type BackendOptions, type Binaries, loadEngine } from "./loadEngine";
import { type Probe, SIMD } from "./probe";
import { checkThreads, hireThreads } from "./threads";

const RELAXED: Probe = {
  binary: relaxed,
  lacking:
    "this engine has no relaxed SIMD, which multiplies and adds in one step; Node 22 and later and current browsers have it, Node 20 behind --experimental-wasm-relaxed-simd.",
};

const SCALAR: Probe = {
  binary: scalar,
  lacking: "this engine has no WebAssembly with shared memory; every browser since 2022 and Node since 16 has it.",
};

const binaries: Binaries = {
  relaxed: {
    probe: RELAXED,
    load: () => import("../../build/relaxed.packed"),
    fusing: {
      passedOver: 'this engine does not fuse multiply-add, so "simd" is as fast and has the same bits everywhere.',
      taken:
        'Variant "relaxed" was taken, which is the fastest, but fuses multiply-add: its bits are those of this engine; reproducible: true takes the fastest variant that has the same bits everywhere.',
    },
  },
  simd: { probe: SIMD, load: () => import("../../build/simd.packed") },
  scalar: { probe: SCALAR, load: () => import("../../build/scalar.packed") },
};

/**
 * Loads a variant of the kernels with linear memory of its own.
 * Throws ArgumentError for options that do not exist, or a variant asked for by name that the engine lacks.
 */
export async function loadBackend(options: BackendOptions = {}): Promise<Backend> {
  const where = "loadBackend";
  checkOptions(where, options, ["variant", "threads", "reproducible", "memory", "wasm"]);
  const { threads = "auto", ...others } = options;
  checkThreads(where, threads);
  const loaded = await loadEngine(where, others, binaries, () => hireThreads(threads));
  if (loaded.variant === "js" && threads !== "auto" && threads > 1) {
    loaded.warnings.push(`1 of ${threads} threads runs: variant "js" computes on the calling thread alone.`);
  }
  return new Backend(loaded);
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
