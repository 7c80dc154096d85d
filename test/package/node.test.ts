/** The package in every Node that it is for, by `import` and by `require`. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines, runProgram } from "../engines/engines.mjs";
import { checkRows, type Row } from "./digests";
import { createProject, type Project } from "./project";

const LIMIT = 600_000;

describe("a program that trains prints the bits that are written down, and ends", () => {
  let project: Project;
  beforeAll(async () => {
    project = await createProject();
    await project.writeProgram("node.ts", "program.mjs");
    await project.writeProgram("node.ts", "program.cjs", "cjs");
  }, LIMIT);
  afterAll(() => project.remove());

  const nodes = engines.filter(({ name }) => /^Node \d+$/.test(name));
  it.each(nodes.map((engine) => [engine.name, engine] as const))(
    "%s, by import and by require",
    async (_, engine) => {
      const options = { cwd: project.folder };
      const imported = await runProgram(engine, project.path("program.mjs"), options);
      const required = await runProgram(engine, project.path("program.cjs"), options);
      expect([imported.stderr, required.stderr]).toEqual(["", ""]);
      const rows: readonly Row[] = JSON.parse(imported.stdout);
      checkRows(rows);
      // also of relaxed, which may have bits of this engine's own
      expect(JSON.parse(required.stdout)).toEqual(rows);
    },
    LIMIT,
  );
});
