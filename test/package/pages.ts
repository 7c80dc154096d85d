import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { type Engine, engines, ISOLATING, openPage, type Response } from "../engines/engines.mjs";
import { expected, taking } from "./digests";
import type { Answer } from "./fixtures/answer";
import type { Frames } from "./fixtures/frames";
import type { Project } from "./project";

/** A page in which fixtures/page.ts trains: how it is served, where in it, and what is to come of it beside the digests. */
export interface Page {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: string;
  /** May say what came. */
  check(answer: Answer): string | void;
}

export const NOT_ISOLATED = {};
const SELF = "script-src 'self'";
const WASM = "script-src 'self' 'wasm-unsafe-eval'";
const policy = (...directives: readonly string[]) => ({
  ...ISOLATING,
  "Content-Security-Policy": directives.join("; "),
});

/** The one warning of a page that is not isolated. */
export const HEADERS =
  /^1 thread runs: .*Cross-Origin-Opener-Policy: same-origin.*Cross-Origin-Embedder-Policy: require-corp/;
/** Firefox isolates no service worker, whatever its headers. */
const NO_WORKERS = /^1 thread runs: this (host has no workers|page is not cross-origin isolated)/;
const NO_BLOB = /^1 (thread runs|of 3 threads run): .*worker-src blob:/;

export const pages: readonly Page[] = [
  {
    name: "what loadBackend() takes, isolated",
    headers: ISOLATING,
    query: "?in=page&threads=auto&variant=auto",
    check: (answer) => tookAny(answer, Math.min(answer.cores, 8)),
  },
  {
    name: "what loadBackend() takes, not isolated",
    headers: NOT_ISOLATED,
    query: "?in=page&threads=auto&variant=auto",
    check: (answer) => tookAny(answer, 1, HEADERS),
  },
  {
    name: "isolated: a thread for each core",
    headers: ISOLATING,
    query: "?in=page&threads=auto",
    check: (answer) => took(answer, "simd", Math.min(answer.cores, 8)),
  },
  {
    name: "not isolated: one thread, and which headers it takes",
    headers: NOT_ISOLATED,
    query: "?in=page",
    check: (answer) => took(answer, "simd", 1, HEADERS),
  },
  {
    name: "a policy that allows wasm and blob: workers: threads",
    headers: policy(WASM, "worker-src blob:"),
    query: "?in=page",
    check: (answer) => took(answer, "simd", 3),
  },
  {
    name: "a policy without 'wasm-unsafe-eval': variant js, and why",
    headers: policy(SELF, "worker-src blob:"),
    query: "?in=page",
    check: (answer) =>
      took(
        answer,
        "js",
        1,
        /^Variants "simd" and "scalar" were not taken: .*'wasm-unsafe-eval'/,
        /^1 of 3 threads runs: variant "js"/,
      ),
  },
  {
    name: "a policy without blob: workers: one thread, and why",
    headers: policy(WASM, "worker-src 'self'"),
    query: "?in=page",
    check: (answer) => took(answer, "simd", 1, NO_BLOB),
  },
  {
    name: "in a worker of an isolated page",
    headers: ISOLATING,
    query: "?in=worker",
    check: (answer) => took(answer, "simd", 3),
  },
  {
    name: "in a worker of a page that is not isolated",
    headers: NOT_ISOLATED,
    query: "?in=worker",
    check: (answer) => took(answer, "simd", 1, HEADERS),
  },
  {
    name: "in the service worker of an isolated page: one thread, and why",
    headers: ISOLATING,
    query: "?in=serviceWorker",
    check: (answer) => took(answer, "simd", 1, NO_WORKERS),
  },
  {
    name: "in the service worker of a page that is not isolated",
    headers: NOT_ISOLATED,
    query: "?in=serviceWorker",
    check: (answer) => took(answer, "simd", 1, HEADERS),
  },
  {
    name: "a fit in a worker, isolated",
    headers: ISOLATING,
    query: "?in=page&fit=worker",
    check: (answer) => took(answer, "simd", 3),
  },
  {
    name: "a fit in a worker, not isolated",
    headers: NOT_ISOLATED,
    query: "?in=page&fit=worker",
    check: (answer) => took(answer, "simd", 1, HEADERS),
  },
  {
    name: "a fit in a worker, without blob: workers: refused, and why",
    headers: policy(WASM, "worker-src 'self'"),
    query: "?in=page&fit=worker",
    check({ error, unhandled }) {
      assert.deepEqual(unhandled, []);
      assert.equal(error?.name, "WorkerError");
      assert.match(error?.message ?? "", /worker-src blob:/);
    },
  },
];

/** The browser that npm brings. Of those of engines.mjs it does not matter which: here a page says how it is served. */
export const chromium = engines.find(({ name }) => name.startsWith("Chromium")) as Engine;

/** That a page trained as it should: the bits that are written down, and a warning for each pattern. */
export function took(answer: Answer, variant: string, threads: number, ...warnings: readonly RegExp[]): void {
  ended(answer, threads, warnings);
  assert.deepEqual({ variant: answer.variant, digests: answer.digests }, { variant, digests: expected });
}

/** The same of a page that took what it liked, which may have bits of its engine's own; says what it took. */
function tookAny(answer: Answer, threads: number, ...warnings: readonly RegExp[]): string {
  const { variant = "", digests } = answer;
  if (variant === "relaxed") ended(answer, threads, [/^Variant "relaxed" was taken/, ...warnings]);
  else took(answer, "simd", threads, /^Variant "relaxed" was not taken/, ...warnings);
  assert.equal(digests?.start, expected.start);
  return taking(variant, threads);
}

function ended(
  { error, unhandled, threads, warnings = [] }: Answer,
  wanted: number,
  patterns: readonly RegExp[],
): void {
  assert.deepEqual({ error, unhandled, threads }, { error: undefined, unhandled: [], threads: wanted });
  assert.equal(warnings.length, patterns.length, warnings.join("\n"));
  for (const [i, pattern] of patterns.entries()) assert.match(warnings[i] ?? "", pattern);
}

/** Bundles page.js of all pages, as esbuild does it: the folder that it is in. */
export async function bundlePages(project: Project): Promise<string> {
  for (const name of ["page", "frames"]) {
    await project.writeProgram(`${name}.ts`, `pages/source/${name}.js`);
    await project.runTool("esbuild/bin/esbuild", `pages/source/${name}.js`, "--bundle", `--outfile=pages/${name}.js`);
  }
  return project.path("pages");
}

/** What a page of that folder answers. */
export async function visit(browser: Engine, folder: string, { headers, query }: Page): Promise<Answer> {
  return JSON.parse(await open(browser, folder, "page.js", headers, query));
}

/**
 * That a page stays smooth for ten seconds of a fit in a worker: no frame of 50 ms or more. Undefined where it is not even
 * before, which tells nothing of the fit.
 */
export async function measureFrames(
  browser: Engine,
  folder: string,
  headers: Page["headers"],
): Promise<Frames | undefined> {
  const frames: Frames = JSON.parse(await open(browser, folder, "frames.js", headers));
  const { idle, training, stoppedBy, unhandled } = frames;
  assert.deepEqual({ stoppedBy, unhandled }, { stoppedBy: "signal", unhandled: [] });
  if (idle.longest >= SMOOTH) return undefined;
  assert.ok(training.count > 100, `${training.count} frames were seen`);
  assert.ok(
    training.longest < SMOOTH,
    `the longest frame took ${training.longest.toFixed(1)} ms, ${training.at.toFixed()} ms after the fit began; less than ${SMOOTH} were expected`,
  );
  return frames;
}

const SMOOTH = 50;

function open(browser: Engine, folder: string, script: string, headers: Page["headers"], query = ""): Promise<string> {
  const html = `<!doctype html><title>wasmgrad</title><script src="/${script}"></script>`;
  const respond = (path: string) => (path === "/" ? { type: "text/html", body: html } : file(folder, path));
  return openPage(browser, { headers, respond, page: (origin) => `${origin}/${query}` });
}

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/** A file as a server of files gives it. */
export async function file(folder: string, path: string): Promise<Response | undefined> {
  const name = path.endsWith("/") ? `${path}index.html` : path;
  const body = await readFile(join(folder, name)).catch(() => undefined);
  return body && { type: TYPES[extname(name)] ?? "application/octet-stream", body };
}
