import simd from "../../build/probe-simd.base64";
import { messageOf } from "../errors";
import { decodeBase64 } from "./base64";
import { NO_MEMORY } from "./instantiate";

/** A few bytes, in base64, that need what a variant needs: tried before the variant itself is downloaded. */
export interface Probe {
  readonly binary: string;
  /** What an engine is told that lacks it. */
  readonly lacking: string;
}

/** Why this engine can't run a variant, undefined where it can, and whether its madd has one rounding. */
export function tryProbe({ binary, lacking }: Probe): { lacking: string | undefined; fuses: boolean } {
  const bytes = decodeBase64(binary);
  if (!WebAssembly.validate(bytes)) return { lacking, fuses: false };
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  } catch {
    return { lacking: NO_MEMORY, fuses: false };
  }
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    const { fuses } = exports as { fuses(x: number): number };
    return { lacking: undefined, fuses: fuses(1 + 2 ** -30) !== 0 };
  } catch (error) {
    return { lacking: forbidden(error), fuses: false };
  }
}

export function forbidden(error: unknown): string {
  return `WebAssembly is forbidden here (${messageOf(error)}); 'wasm-unsafe-eval' in the script-src of the Content-Security-Policy allows it.`;
}

export const NO_WEBASSEMBLY = 'this engine has no WebAssembly; variant "js" runs everywhere.';

export const SIMD: Probe = {
  binary: simd,
  lacking: "this engine has no WebAssembly SIMD with shared memory; every browser since 2023 and Node since 16 has it.",
};
