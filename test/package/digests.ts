import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Row } from "./fixtures/node";

/** Of the training of test/engines/training.ts. */
export interface Digests {
  readonly start: string;
  readonly step: string;
  readonly epochs: string;
  readonly predictions: string;
}

/** As they are written down. */
export const expected: Digests = JSON.parse(readFileSync(new URL("../engines/digests.json", import.meta.url), "utf8"));

export type { Row };

/** That what fixtures/node.ts printed has those bits, but where "auto" took what may have its engine's own; says what it took. */
export function checkRows(rows: readonly Row[]): string {
  assert.deepEqual(
    rows.map(({ variant }) => variant),
    ["auto", "reproducible", "simd", "js"],
  );
  for (const { variant, taken, digests } of rows) {
    if (taken !== "relaxed") assert.deepEqual(digests, expected, `${variant}, which took ${taken}`);
    if (variant !== "auto") assert.equal(taken, variant === "js" ? "js" : "simd");
  }
  return rows.map(({ taken, threads }) => taking(taken, threads))[0] ?? "";
}

export function taking(variant: string, threads: number): string {
  return `loadBackend() takes ${variant}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
}
