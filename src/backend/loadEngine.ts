import { chunk } from "../chunk";
import { ArgumentError, checkBoolean, checkName, checkOptions, checkWhole, messageOf } from "../errors";
import { decodeBase64 } from "./base64";
import {
  createJs,
  createWasm,
  type Found,
  instantiate,
  type Limits,
  type Loaded,
  MINIMUM_BYTES,
  type Threads,
  type Variant,
  type WasmVariant,
} from "./instantiate";
import { forbidden, NO_WEBASSEMBLY, type Probe, tryProbe } from "./probe";
import { unpack } from "./unpack";

export interface BackendOptions {
  /** "auto", the default, takes the fastest that this engine has; a variant asked for by name that it lacks throws. */
  variant?: "auto" | Variant | undefined;
  /** A number, or "auto", the default, for as many as help. */
  threads?: "auto" | number | undefined;
  /** Never fuse multiply-add: the same bits on every engine and machine. Default false. */
  reproducible?: boolean | undefined;
  memory?:
    | {
        /** Linear memory to take at once. Default: what the backend itself needs. */
        initialBytes?: number | undefined;
        /** Linear memory to stay below, at least 2 MiB. Default: 4 GiB, or what the host allows. */
        maximumBytes?: number | undefined;
      }
    | undefined;
  /** A compiled module, a Response, bytes or a URL of a binary of `wasmgrad/wasm/`, for hosts that forbid or cache inline wasm. */
  wasm?: object | string | undefined;
}

/** Where the binaries come from, packed, the fastest first: chunks, of which one is loaded when it is taken. */
export type Binaries = { readonly [Name in WasmVariant]?: Binary };

interface Binary {
  readonly probe: Probe;
  load(): Promise<{ default: string }>;
  /** Where it is worth its while only on an engine that fuses multiply-add: what to say where it was passed over, and where not. */
  readonly fusing?: { readonly passedOver: string; readonly taken: string };
}

/** Other threads, and why there are none where there could be. */
export interface Hired {
  readonly threads?: Threads;
  readonly warning?: string;
}

/** What was asked for, and what there is to say about it. */
export interface Plan {
  /** Who asks: messages begin with it. */
  readonly where: string;
  readonly variant: "auto" | Variant;
  readonly reproducible: boolean;
  readonly limits: Limits;
  readonly warnings: string[];
}

/** Loads a variant of the kernels with linear memory of its own. Throws ArgumentError where it can't be had as it was asked for. */
export async function loadEngine(
  where: string,
  options: Omit<BackendOptions, "threads">,
  binaries: Binaries,
  hire: () => Hired = () => ({}),
): Promise<Loaded> {
  const { variant = "auto", reproducible = false, memory = {}, wasm } = options;
  checkName(`${where}: variant`, variant, ["auto", "relaxed", "simd", "scalar", "js"]);
  checkBoolean(`${where}: reproducible`, reproducible);
  checkOptions(`${where}: memory`, memory, ["initialBytes", "maximumBytes"]);
  const { initialBytes = 0, maximumBytes = 2 ** 32 } = memory;
  checkWhole(`${where}: memory.initialBytes`, initialBytes, 0, 2 ** 32);
  checkWhole(`${where}: memory.maximumBytes`, maximumBytes, Math.max(initialBytes, MINIMUM_BYTES), 2 ** 32);
  if (reproducible && variant === "relaxed") {
    throw new ArgumentError(
      `${where}: variant "relaxed" was given with reproducible: true, but it fuses multiply-add as the engine likes; "simd", "scalar", "js" or "auto" was expected`,
    );
  }

  const plan: Plan = { where, variant, reproducible, limits: { initialBytes, maximumBytes }, warnings: [] };
  if (variant === "js") {
    if (wasm === undefined) return createJs(where, plan.limits, plan.warnings);
    throw new ArgumentError(
      `${where}: wasm was given with variant "js", which takes no binary; one of them was expected`,
    );
  }
  const { threads, warning } = hire();
  try {
    const found = wasm === undefined ? await findBinary(plan, binaries) : await instantiateGiven(wasm, plan);
    if (found !== undefined) {
      if (warning !== undefined) plan.warnings.push(warning);
      return await createWasm(found, threads, plan.warnings);
    }
    await threads?.dismiss();
    return await createJs(where, plan.limits, plan.warnings);
  } catch (error) {
    await threads?.dismiss();
    throw error;
  }
}

async function instantiateGiven(wasm: object | string, plan: Plan): Promise<Found> {
  const { givenBinary } = await chunk(plan.where, import("./givenBinary"));
  return givenBinary(wasm, plan);
}

/** The fastest variant that this engine has, or the one that was named; undefined for none of them. */
async function findBinary(plan: Plan, binaries: Binaries): Promise<Found | undefined> {
  const { where, variant, reproducible, warnings } = plan;
  const automatic = (Object.keys(binaries) as WasmVariant[]).filter((name) => !reproducible || name !== "relaxed");
  /** What was passed over, by the reason. */
  const passedOver = new Map<string, string[]>();
  let found: Found | undefined;
  for (const candidate of variant === "auto" ? automatic : [variant as WasmVariant]) {
    const result = await tryVariant(candidate, plan, binaries);
    if (typeof result !== "string") {
      found = result;
      break;
    }
    if (candidate === variant) throw new ArgumentError(`${where}: variant "${variant}" was given, but ${result}`);
    passedOver.set(result, [...(passedOver.get(result) ?? []), `"${candidate}"`]);
  }
  for (const [reason, names] of passedOver) {
    warnings.push(
      names.length === 1
        ? `Variant ${names[0]} was not taken: ${reason}`
        : `Variants ${names.slice(0, -1).join(", ")} and ${names.at(-1)} were not taken: ${reason}`,
    );
  }
  const taken = found && variant === "auto" ? binaries[found.variant]?.fusing?.taken : undefined;
  if (taken !== undefined) warnings.push(taken);
  return found;
}

/** A variant's kernels on a memory of their own, or why this engine can't have them. */
async function tryVariant(variant: WasmVariant, plan: Plan, binaries: Binaries): Promise<Found | string> {
  if (typeof WebAssembly === "undefined") return NO_WEBASSEMBLY;
  const binary = binaries[variant];
  if (binary === undefined) return "it is not among the binaries here.";
  const { lacking, fuses } = tryProbe(binary.probe);
  if (lacking !== undefined) return lacking;
  if (binary.fusing !== undefined && plan.variant === "auto" && !fuses) return binary.fusing.passedOver;
  let packed: string;
  try {
    packed = (await binary.load()).default;
  } catch (error) {
    return `its chunk could not be loaded (${messageOf(error)}); all files that the bundler made belong beside the first, or else the binary is given as option wasm.`;
  }
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(unpack(decodeBase64(packed)));
  } catch (error) {
    return forbidden(error);
  }
  return instantiate(module, variant, plan.limits, plan.warnings);
}
