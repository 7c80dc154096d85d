import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { type Engine, ISOLATING, openPage } from "../engines/engines.mjs";
import type { Answer } from "./fixtures/answer";
import { file } from "./pages";
import { type Project, tools } from "./project";

/** A bundler as its users call it: nothing is set but the entry, site.js, and where the page goes. */
export interface Bundler {
  readonly name: string;
  /** Its script in tools/, and the arguments. */
  readonly command: readonly [script: string, ...args: string[]];
  /** The folder that it fills, which has the page if the bundler makes none. */
  readonly folder: string;
  readonly page?: string;
}

const classic = '<!doctype html><title>wasmgrad</title><body><script src="site.js"></script></body>';
const module = classic.replace("<script", '<script type="module"');

export const bundlers: readonly Bundler[] = [
  {
    name: "esbuild",
    command: ["esbuild/bin/esbuild", "site.js", "--bundle", "--outfile=esbuild/site.js"],
    folder: "esbuild",
    page: classic,
  },
  {
    name: "esbuild, minified and in chunks",
    command: [
      "esbuild/bin/esbuild",
      "site.js",
      "--bundle",
      "--minify",
      "--splitting",
      "--format=esm",
      "--outdir=chunks",
    ],
    folder: "chunks",
    page: module,
  },
  { name: "Vite", command: ["vite/bin/vite.js", "build"], folder: "dist" },
  {
    name: "webpack",
    command: [
      "webpack-cli/bin/cli.js",
      "--entry",
      "./site.js",
      "--output-path",
      "webpack",
      "--output-filename",
      "site.js",
    ],
    folder: "webpack",
    page: classic,
  },
  {
    name: "Rollup",
    command: ["rollup/dist/bin/rollup", "site.js", "-p", "node-resolve", "-d", "rollup"],
    folder: "rollup",
    page: module,
  },
  {
    name: "Rspack",
    command: ["@rspack/cli/bin/rspack.js", "build", "--entry", "./site.js", "--output-path", "rspack"],
    folder: "rspack",
    page: classic.replace("site.js", "main.js"),
  },
];

/** Writes the site that all of them are given. */
export async function writeSite(project: Project): Promise<void> {
  await project.writeProgram("site.ts", "site.js");
  // where Vite starts
  await project.write("index.html", module.replace("site.js", "/site.js"));
}

/** Has a bundler make its page: the folder that it is in. Rejects where it warns of anything. */
export async function bundleSite(project: Project, { command, folder, page }: Bundler): Promise<string> {
  const { stdout, stderr } = await project.runTool(...command);
  const said = `${stdout}${stderr}`.replace(NO_MODE, "");
  assert.doesNotMatch(said, /warning|\(!\)/i);
  if (page !== undefined) await project.write(`${folder}/index.html`, page);
  return project.path(folder);
}

/** webpack says so of every project that sets no mode. */
const NO_MODE = /WARNING in configuration\s+The 'mode' option has not been set[\s\S]*compiled with 1 warning/;

/** What such a page answers, isolated. */
export async function visitBundled(browser: Engine, folder: string): Promise<Answer> {
  return JSON.parse(await openPage(browser, { headers: ISOLATING, respond: (path) => file(folder, path) }));
}

/** What the page answers that Vite serves while one develops; it is not isolated. */
export async function visitServed(browser: Engine, project: Project): Promise<Answer> {
  const vite = join(await tools(), "node_modules/vite/bin/vite.js");
  const env = { ...process.env, NO_COLOR: "1" };
  const server = spawn(process.execPath, [vite, "--host", "127.0.0.1"], { cwd: project.folder, env });
  try {
    const origin = await new Promise<string>((resolve, reject) => {
      let said = "";
      const hear = (data: unknown) => {
        said += data;
        const [found] = said.match(/http:\/\/127\.0\.0\.1:\d+/) ?? [];
        if (found !== undefined) resolve(found);
      };
      server.stdout.on("data", hear);
      server.stderr.on("data", hear);
      server.on("error", reject);
      server.on("exit", (code) => reject(new Error(`Vite ended with ${code}: ${said}`)));
    });
    const page = (answers: string) => `${origin}/?to=${encodeURIComponent(`${answers}/answer`)}`;
    return JSON.parse(await openPage(browser, { respond: () => undefined, page }));
  } finally {
    server.kill("SIGKILL");
  }
}
