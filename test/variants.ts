import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe } from "vitest";
import { type Backend, loadBackend, type Variant } from "../src/index";

/** Whether this engine runs a binary: asked of the binary itself. */
function runs(variant: string): boolean {
  return WebAssembly.validate(readFileSync(new URL(`../build/${variant}.wasm`, import.meta.url)));
}

/** The variants that this engine has. */
export const variants: readonly Variant[] = [
  "js",
  ...(["scalar", "simd", "relaxed"] as const).filter((variant) => runs(variant)),
];

/** Runs a suite on every variant, each on a backend of its own. */
export function onEveryVariant(
  title: string,
  suite: (context: { readonly backend: Backend; readonly variant: Variant }) => void,
): void {
  describe.each(variants)(`${title}: %s`, (variant) => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await loadBackend({ variant });
    });
    afterAll(() => backend.dispose());
    suite({
      variant,
      get backend() {
        return backend;
      },
    });
  });
}
