/** Runs a suite on every variant that this engine has, and matrices with guards around them. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe } from "vitest";
import type { Backend } from "../src/backend/backend";
import type { Variant } from "../src/backend/instantiate";
import { loadBackend } from "../src/backend/load";
import type { Matrix } from "../src/backend/matrix";

function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(readFileSync(new URL("../build/relaxed.wasm", import.meta.url)));
}

/** The variants of this engine: three everywhere, the fourth where relaxed SIMD is. test/setup.ts has it on Node 20 too. */
export const variants: readonly Variant[] = hasRelaxedSimd()
  ? ["js", "scalar", "simd", "relaxed"]
  : ["js", "scalar", "simd"];

export interface VariantContext {
  readonly variant: Variant;
  /** The suite's own backend; for tests and hooks, not while they are collected. */
  readonly backend: Backend;
}

/** `suite` once a variant, each with a backend of its own that lives from beforeAll to afterAll. */
export function onEveryVariant(title: string, suite: (context: VariantContext) => void): void {
  describe.each(variants)(`${title} (%s)`, (variant) => {
    let backend: Backend | undefined;
    beforeAll(async () => {
      backend = await loadBackend({ variant });
    });
    afterAll(() => backend?.dispose());
    suite({
      variant,
      get backend() {
        if (backend === undefined) throw new Error(`${title}: the backend is there inside tests only`);
        return backend;
      },
    });
  });
}

const CANARY = -7.25e77;

export interface GuardedMatrix {
  readonly matrix: Matrix;
  /** Whether everything beside its numbers is as it was: two neighbours, and what alignment leaves of its own block. */
  intact(): boolean;
  dispose(): void;
}

/** A matrix of zeros with a neighbour on either side that nobody may write. */
export function guardedMatrix(backend: Backend, rows: number, cols: number): GuardedMatrix {
  const blocks = [backend.matrix(1, 8), backend.matrix(rows, cols), backend.matrix(1, 8)] as const;
  const [before, matrix, after] = blocks;
  const start = before.pointer("guardedMatrix");
  const first = (matrix.pointer("guardedMatrix") - start) / 8;
  const length = (after.pointer("guardedMatrix") - start) / 8 + 8;
  const last = first + rows * cols;
  if (first !== 8 || length < last + 8 || length >= last + 24) throw new Error("guardedMatrix: no neighbours");
  const all = backend.engine.view(start, length);
  all.fill(CANARY);
  matrix.values.fill(0);
  const guards = [all.subarray(0, first), all.subarray(last)];
  return {
    matrix,
    intact: () => guards.every((guard) => guard.every((value) => value === CANARY)),
    dispose: () => {
      for (const block of blocks) block.dispose();
    },
  };
}
