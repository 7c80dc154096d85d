/** One training has the same bits in every engine that npm alone brings; npm run test:engines has more of them. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { bundle, engines, runIn } from "./engines/engines.mjs";
import type { Answer } from "./engines/program";

const expected = JSON.parse(readFileSync(new URL("engines/digests.json", import.meta.url), "utf8"));
const LIMIT = 600_000;

describe("one training has the bits that are written down", () => {
  let program: string;
  beforeAll(async () => {
    program = await bundle("program.ts");
  });

  const fromNpm = engines.filter(({ debian }) => debian === undefined);
  it.each(fromNpm.map((engine) => [engine.name, engine] as const))(
    "in %s",
    async (_, engine) => {
      const { rows }: Answer = JSON.parse(await runIn(engine, program));
      const found = rows.map(({ asked, error, start, step, epochs, predictions }) => ({
        asked,
        digests: error ?? { start, step, epochs, predictions },
      }));
      expect(found).toEqual(rows.map(({ asked }) => ({ asked, digests: expected })));
      expect(rows.length).toBeGreaterThan(5);
    },
    LIMIT,
  );
});
