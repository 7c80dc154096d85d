import { parseArgs } from "node:util";
import { type Engine, engines, ISOLATING, install, runProgram } from "../engines/engines.mjs";
import { bundlers, bundleSite, visitBundled, visitServed, writeSite } from "./bundlers";
import { checkRows } from "./digests";
import { checkForms, checkPredictions, entries, visitEntry } from "./entries";
import { bundlePages, HEADERS, measureFrames, NOT_ISOLATED, pages, took, visit } from "./pages";
import { createProject, type Project, tools } from "./project";

/**
 * The packed tarball, everywhere: programs in Node, Deno, Bun and jsc, and the pages of pages.ts and of every bundler in
 * Chromium and Firefox. Installs what it needs, for Firefox and jsc by apt-get, which wants root. Exit code 0 where all
 * that ran was right.
 *
 *     npm run test:everywhere                      all of it
 *     npm run test:everywhere -- --only firefox    in engines whose name contains the text
 */
const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });

interface Trial {
  readonly what: string;
  /** Rejects where something is wrong; otherwise says that it is right, and maybe what it saw. */
  run(): Promise<string>;
}

/** Each engine once: engines.mjs has browsers twice, isolated and not, and here a page says which it is. */
const wanted = new Map<string, Engine>();
for (const engine of engines) {
  const name = engine.name.replace(/,.*/, "");
  if (name.toLowerCase().includes(values.only.toLowerCase()) && !wanted.has(name)) wanted.set(name, engine);
}

const project = await createProject();
const missing: string[] = [];
let wrong = 0;
try {
  const trialsOf = await prepare(project);
  line("what", "where", "result");
  for (const [name, engine] of wanted) {
    try {
      await install(engine);
    } catch (error) {
      missing.push(`${name}: ${messageOf(error)}`);
      continue;
    }
    for (const { what, run } of trialsOf(name, engine)) {
      try {
        line(what, name, await run());
      } catch (error) {
        wrong++;
        line(what, name, `WRONG: ${messageOf(error)}`);
      }
    }
  }
} finally {
  await project.remove();
}
for (const sentence of missing) console.log(`could not be had: ${sentence}`);
if (wrong > 0) console.log(`${wrong} were wrong`);
process.exitCode = wrong > 0 ? 1 : 0;

/** Writes and bundles all programs and pages; returns what is to be tried in an engine. */
async function prepare(project: Project): Promise<(name: string, engine: Engine) => readonly Trial[]> {
  await tools();
  const imported = await project.writeProgram("node.ts", "program.mjs");
  const required = await project.writeProgram("node.ts", "program.cjs", "cjs");
  await project.runTool("esbuild/bin/esbuild", "program.mjs", "--bundle", "--outfile=bundle.js");
  const predicting = await project.writeProgram("predictProgram.ts", "predict.mjs");
  await project.runTool("esbuild/bin/esbuild", "predict.mjs", "--bundle", "--outfile=predict.bundle.js");
  const binaries = await project.writeProgram("binariesProgram.ts", "binaries.mjs");
  await writeSite(project);
  const folder = await bundlePages(project);

  const program =
    (engine: Engine) =>
    <T>(what: string, path: string, check: (printed: T) => string | void): Trial => ({
      what,
      async run() {
        const { stdout } = await runProgram(engine, path, { cwd: project.folder });
        return right(check(JSON.parse(stdout)));
      },
    });
  const inBrowser = (browser: Engine): readonly Trial[] => [
    ...pages.map((page) => ({
      what: page.name,
      run: async () => right(page.check(await visit(browser, folder, page))),
    })),
    ...bundlers.map((bundler) => ({
      what: `a page by ${bundler.name}`,
      async run() {
        const answer = await visitBundled(browser, await bundleSite(project, bundler));
        return right(took(answer, "simd", Math.min(answer.cores, 8)));
      },
    })),
    ...entries.map((entry) => ({
      what: `a page of ${entry.name}`,
      run: async () => right(entry.check(await visitEntry(browser, project, entry))),
    })),
    {
      what: "a page by Vite's server",
      run: async () => right(took(await visitServed(browser, project), "simd", 1, HEADERS)),
    },
    ...[ISOLATING, NOT_ISOLATED].map((headers) => ({
      what: `frames while a worker trains${headers === ISOLATING ? ", isolated" : ""}`,
      async run() {
        const frames = await measureFrames(browser, folder, headers);
        if (frames === undefined) return "not measured: frames are long here without a fit, too";
        const { training, threads, epochs } = frames;
        return right(
          `the longest of ${training.count} took ${training.longest.toFixed(1)} ms, in ${epochs} epochs on ${threads} threads`,
        );
      },
    })),
  ];
  return (name, engine) => {
    if (/Chromium|Firefox/.test(name)) return inBrowser(engine);
    const trial = program(engine);
    // it knows no packages
    if (name === "jsc") {
      return [
        trial("a program, bundled", project.path("bundle.js"), checkRows),
        trial("a program of wasmgrad/predict, bundled", project.path("predict.bundle.js"), checkPredictions),
      ];
    }
    return [
      trial("a program, by import", imported, checkRows),
      trial("a program, by require", required, checkRows),
      trial("a program of wasmgrad/predict", predicting, checkPredictions),
      trial("a program of a file of wasmgrad/wasm/", binaries, checkForms),
    ];
  };
}

function right(seen: string | void): string {
  return seen ? `right: ${seen}` : "right";
}

function line(what: string, where: string, result: string): void {
  console.log(`${what.padEnd(60)} ${where.padEnd(17)} ${result}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
