import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type Engine, ISOLATING, openPage } from "../engines/engines.mjs";
import { expected } from "./digests";
import type { Answer } from "./fixtures/answer";
import type { Predictions } from "./fixtures/predict";
import { file, took } from "./pages";
import type { Project } from "./project";

/** A page that comes to the library by another way than `import "wasmgrad"`: how it is made, and what is to come of it. */
export interface Entry {
  readonly name: string;
  /** Fills the folder that is named; what it lacks is an index.html of these scripts. */
  write(project: Project): Promise<{ readonly folder: string; readonly scripts: string }>;
  check(answer: object): void;
}

export const entries: readonly Entry[] = [
  {
    name: "wasmgrad/predict",
    async write(project) {
      await project.writeProgram("predictPage.ts", "predict/source.js");
      await project.runTool("esbuild/bin/esbuild", "predict/source.js", "--bundle", "--outfile=predict/page.js");
      return { folder: "predict", scripts: '<script src="/page.js"></script>' };
    },
    check: (answer) => checkPredictions(answer as Predictions),
  },
  {
    name: "the script, and its global",
    async write(project) {
      await project.writeProgram("script.ts", "script/page.js", "script");
      const script = await readFile(project.path("node_modules/wasmgrad/dist/wasmgrad.min.js"), "utf8");
      await project.write("script/wasmgrad.min.js", script);
      return {
        folder: "script",
        scripts: '<script src="/wasmgrad.min.js"></script><script src="/page.js"></script>',
      };
    },
    check: (answer) => took(answer as Answer, "simd", 3),
  },
  {
    name: "a file of wasmgrad/wasm/, whose address Vite gives",
    async write(project) {
      const scripts = '<script type="module" src="/page.js"></script>';
      await project.writeProgram("binariesPage.ts", "binaries/page.js");
      await project.write("binaries/index.html", html(scripts));
      await project.runTool("vite/bin/vite.js", "build", "binaries");
      return { folder: "binaries/dist", scripts };
    },
    check: checkForms,
  },
];

/** What the page of an entry answers, isolated. */
export async function visitEntry(browser: Engine, project: Project, entry: Entry): Promise<object> {
  const { folder, scripts } = await entry.write(project);
  const respond = async (path: string) =>
    (await file(project.path(folder), path)) ?? { type: "text/html", body: html(scripts) };
  const { cores: _, ...answer } = JSON.parse(await openPage(browser, { headers: ISOLATING, respond }));
  return answer;
}

function html(scripts: string): string {
  return `<!doctype html><title>wasmgrad</title>${scripts}`;
}

/** That all predictions are those of the network where it was trained, which are of 10 x 3 numbers. */
export function checkPredictions({ there, here }: Predictions): void {
  assert.match(there, /^[0-9a-f]{480}$/);
  assert.deepEqual(here, { auto: there, simd: there, js: there });
}

/** That every form in which a binary may be given trained to the bits that are written down. */
export function checkForms({ unhandled = [], ...forms }: { unhandled?: readonly string[] }): void {
  assert.deepEqual(unhandled, []);
  const expectedForms = ["its address", "a URL", "a Response", "bytes", "a module"].map((form) => [form, expected]);
  assert.deepEqual(forms, Object.fromEntries(expectedForms));
}
