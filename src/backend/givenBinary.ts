import { ArgumentError, messageOf, shown, WasmgradError } from "../errors";
import { hostModule } from "../hostModule";
import { type Found, instantiate, type WasmVariant } from "./instantiate";
import type { Plan } from "./loadEngine";
import { NO_WEBASSEMBLY } from "./probe";

/** In the order of the kernel `binaryVariant`. */
const VARIANTS: readonly WasmVariant[] = ["scalar", "simd", "relaxed"];

/** An instance of a binary that the caller brought. Throws ArgumentError where it is none of ours, or not the one asked for. */
export async function givenBinary(wasm: object | string, plan: Plan): Promise<Found> {
  const { where, variant, reproducible, limits, warnings } = plan;
  const module = await compileGiven(where, wasm);
  let found: ReturnType<typeof instantiate>;
  try {
    found = instantiate(module, "scalar", limits, warnings);
  } catch (error) {
    throw new ArgumentError(
      `${where}: wasm is not a binary of wasmgrad (${messageOf(error)}); one of wasmgrad/wasm/ was expected`,
    );
  }
  if (typeof found === "string") throw new WasmgradError(`${where}: ${found}`);
  const given = VARIANTS[found.kernels.binaryVariant()] ?? "scalar";
  if ((variant !== "auto" && variant !== given) || (reproducible && given === "relaxed")) {
    const wanted = variant === "auto" ? "simd or scalar (reproducible: true)" : variant;
    throw new ArgumentError(`${where}: wasm is the binary of variant "${given}", that of ${wanted} was expected`);
  }
  return { ...found, variant: given };
}

async function compileGiven(where: string, wasm: object | string): Promise<WebAssembly.Module> {
  const expected = "a WebAssembly.Module, a Response, bytes or a URL was expected";
  if (typeof WebAssembly === "undefined") throw new ArgumentError(`${where}: wasm was given, but ${NO_WEBASSEMBLY}`);
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
    throw new ArgumentError(`${where}: wasm could not be compiled (${messageOf(error)}); ${expected}`);
  }
  throw new ArgumentError(`${where}: wasm: ${shown(wasm)} was given, ${expected}`);
}

async function fetchBinary(url: string): Promise<object> {
  if (url.startsWith("file:")) return { arrayBuffer: () => readFile(url) };
  const response = await fetch(url);
  if (typeof response === "object" && response !== null && "ok" in response && response.ok === true) return response;
  throw new Error(`${url} was not delivered`);
}

/** Node's fetch does not know files. */
async function readFile(url: string): Promise<Uint8Array> {
  const urls = hostModule<{ fileURLToPath(url: string): string }>("node:url");
  const files = hostModule<{ readFile(path: string): Promise<Uint8Array> }>("node:fs/promises");
  if (urls === undefined || files === undefined) throw new Error(`${url} cannot be read here`);
  return files.readFile(urls.fileURLToPath(url));
}
