/** The other two ways in: wasmgrad/predict, and the script of a page without a bundler. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ISOLATING, openPage } from "../engines/engines.mjs";
import type { Answer } from "./fixtures/answer";
import type { Predictions } from "./fixtures/predict";
import { chromium, file, took } from "./pages";
import { createProject, type Project } from "./project";

const LIMIT = 600_000;

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, LIMIT);
afterAll(() => project.remove());

/** Fails unless all predictions are those of the network where it was trained, which are of 10 x 3 numbers. */
function expectSame({ there, here }: Predictions): void {
  expect(there).toMatch(/^[0-9a-f]{480}$/);
  expect(here).toEqual({ auto: there, simd: there, js: there });
}

describe("wasmgrad/predict", () => {
  it.each([
    ["import", "program.mjs", "esm"],
    ["require", "program.cjs", "cjs"],
  ] as const)(
    "predicts in Node, by %s",
    async (_, name, format) => {
      const { stdout, stderr } = await project.run(process.execPath, [
        await project.writeProgram("predictProgram.ts", name, format),
      ]);
      expect(stderr.replace(/^.*ExperimentalWarning.*\n.*--trace-warnings.*\n/m, "")).toBe("");
      expectSame(JSON.parse(stdout));
    },
    LIMIT,
  );

  it(
    "predicts in a page",
    async () => {
      await project.writeProgram("predictPage.ts", "predict/source.js");
      await project.runTool("esbuild/bin/esbuild", "predict/source.js", "--bundle", "--outfile=predict/page.js");
      expectSame(JSON.parse(await open("predict", '<script src="/page.js"></script>')));
    },
    LIMIT,
  );
});

describe("the script", () => {
  it(
    "is all that a page needs, and trains on threads too",
    async () => {
      await project.writeProgram("script.ts", "script/page.js", "script");
      const script = await readFile(project.path("node_modules/wasmgrad/dist/wasmgrad.min.js"), "utf8");
      await project.write("script/wasmgrad.min.js", script);
      const scripts = '<script src="/wasmgrad.min.js"></script><script src="/page.js"></script>';
      const answer: Answer = JSON.parse(await open("script", scripts));
      took(answer, "simd", 3);
    },
    LIMIT,
  );

  it("says to npm's mirrors that it is theirs", async () => {
    const { unpkg, jsdelivr } = JSON.parse(await readFile(project.path("node_modules/wasmgrad/package.json"), "utf8"));
    expect([unpkg, jsdelivr]).toEqual(["./dist/wasmgrad.min.js", "./dist/wasmgrad.min.js"]);
  });
});

/** What a page of these scripts answers, isolated. */
function open(folder: string, scripts: string): Promise<string> {
  const html = `<!doctype html><title>wasmgrad</title>${scripts}`;
  const respond = (path: string) =>
    path === "/" ? { type: "text/html", body: html } : file(project.path(folder), path);
  return openPage(chromium, { headers: ISOLATING, respond });
}
