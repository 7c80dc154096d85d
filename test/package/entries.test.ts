/** The other ways in: wasmgrad/predict, the binaries as files, and the script of a page without a bundler. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkForms, checkPredictions, entries, visitEntry } from "./entries";
import { chromium } from "./pages";
import { createProject, type Project } from "./project";

const LIMIT = 600_000;

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, LIMIT);
afterAll(() => project.remove());

describe("in a page", () => {
  it.each(entries.map((entry) => [entry.name, entry] as const))(
    "%s",
    async (_, entry) => {
      entry.check(await visitEntry(chromium, project, entry));
    },
    LIMIT,
  );
});

describe("in Node", () => {
  it.each([
    ["import", "program.mjs", "esm"],
    ["require", "program.cjs", "cjs"],
  ] as const)(
    "wasmgrad/predict, by %s",
    async (_, name, format) => {
      const program = await project.writeProgram("predictProgram.ts", name, format);
      const { stdout, stderr } = await project.run(process.execPath, [program]);
      expect(stderr.replace(/^.*ExperimentalWarning.*\n.*--trace-warnings.*\n/m, "")).toBe("");
      checkPredictions(JSON.parse(stdout));
    },
    LIMIT,
  );

  it(
    "a file of wasmgrad/wasm/, in every form",
    async () => {
      const program = await project.writeProgram("binariesProgram.ts", "binaries.mjs");
      const { stdout, stderr } = await project.run(process.execPath, [program]);
      expect(stderr).toBe("");
      checkForms(JSON.parse(stdout));
    },
    LIMIT,
  );
});

it("the script is the one that npm's mirrors give", async () => {
  const { unpkg, jsdelivr } = JSON.parse(await readFile(project.path("node_modules/wasmgrad/package.json"), "utf8"));
  expect([unpkg, jsdelivr]).toEqual(["./dist/wasmgrad.min.js", "./dist/wasmgrad.min.js"]);
});
