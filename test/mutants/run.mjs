/**
 * Whether the tests notice mistakes: applies each one-line change of mutants.json to a copy of the repository, builds
 * what it touches, and demands that the tests fail.
 *
 *     npm run test:mutants                      all of them
 *     npm run test:mutants -- --only gemm       those whose file or why contains the text
 *
 * A mutant is { file, from, to, why, tests? }: `from` occurs once in the file, however its line is broken; the test
 * files that match `tests` run first, and all of them only where these stay green. A mutant that does not compile is
 * a mistake in the list, and no kill. Exit code 0 where every mutant was killed.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COPIES = 2;
/** Not copied: what is built, and node_modules, whose entries are linked one by one, so that caches stay in the copy. */
const LEFT_OUT = new Set([".git", "build", "dist", "node_modules"]);
/** Seconds for a test run; more where the unchanged tests alone need a good part of it. */
const LEAST_LIMIT = 120;
/** What a mutant leaves unused is part of the mistake. */
const MUTANT_TYPES = ["--noUnusedLocals", "false", "--noUnusedParameters", "false"];

const { values: options } = parseArgs({ options: { only: { type: "string", default: "" } } });
const only = options.only.toLowerCase();

const folder = mkdtempSync(join(tmpdir(), "wasmgrad-mutants-"));
const base = join(folder, "base");
const running = new Set();

/** Ends everything that was started, and leaves no file behind. */
function cleanUp() {
  for (const child of running) {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // it has ended by itself
    }
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.on("exit", cleanUp);
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.on(signal, () => process.exit(code));
}

/** Runs a script by node; its output, its exit code, and whether it was ended for taking too long. */
function run(cwd, script, args, limit = 600) {
  return new Promise((resolve) => {
    // a process group of its own, so that all that it starts can be ended with it
    const child = spawn(process.execPath, [script, ...args], {
      cwd,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let output = "";
    let timedOut = false;
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    const timer = setTimeout(() => {
      timedOut = true;
      process.kill(-child.pid, "SIGKILL");
    }, limit * 1000);
    child.on("close", (code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ output, code, timedOut });
    });
  });
}

/** The test files that match `filters`, or all: undefined where they pass, else how they fail. */
async function failureOf(cwd, filters, limit) {
  const report = join(cwd, "report.json");
  rmSync(report, { force: true });
  const args = ["run", ...filters, "--bail=1", "--maxWorkers=1", "--reporter=json", `--outputFile=${report}`];
  const { output, code, timedOut } = await run(cwd, "node_modules/vitest/vitest.mjs", args, limit);
  if (timedOut) return `time-out after ${Math.round(limit)} s`;
  if (code === 0) return undefined;
  let results = [];
  try {
    results = JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    // no report: the end of the output has to do
  }
  for (const { name, status, message, assertionResults } of results) {
    const test = assertionResults.find((result) => result.status === "failed");
    const file = relative(join(cwd, "test"), name);
    if (test !== undefined) return `${file}: ${test.fullName}`;
    if (status === "failed") return `${file}: ${message.split("\n")[0]}`;
  }
  return output.trim().split("\n").slice(-3).join(" / ");
}

/** Matches `from` whatever white space stands between its words and signs. */
function patternOf(from) {
  const tokens = from.match(/\w+|[^\w\s]/g) ?? [];
  const parts = tokens.map((token, i) => {
    const apart = i > 0 && /\w$/.test(tokens[i - 1]) && /^\w/.test(token);
    return `${i === 0 ? "" : apart ? "\\s+" : "\\s*"}${token.replace(/[^\w]/g, "\\$&")}`;
  });
  return new RegExp(parts.join(""), "g");
}

/** What is wrong with an entry of the list, or undefined. */
function problemOf({ file, from, to, why, tests = [] }) {
  if (![file, from, to, why].every((text) => typeof text === "string")) return "file, from, to and why were expected";
  if (!Array.isArray(tests)) return "tests is no array";
  let source;
  try {
    source = readFileSync(join(base, file), "utf8");
  } catch {
    return "there is no such file";
  }
  const found = source.match(patternOf(from))?.length ?? 0;
  if (found !== 1) return `\`${from}\` occurs ${found} times, once was expected`;
  return source.replace(patternOf(from), () => to) === source ? "changes nothing" : undefined;
}

const seconds = (since) => (performance.now() - since) / 1000;

/** Tries one mutant in a copy, and leaves the copy as it was. */
async function attempt(copy, { file, from, to, tests = [] }, limit) {
  const kernels = file.startsWith("assembly/");
  const path = join(copy, file);
  writeFileSync(
    path,
    readFileSync(join(base, file), "utf8").replace(patternOf(from), () => to),
  );
  try {
    let built = kernels
      ? await run(copy, "assembly/build.mjs", [])
      : await run(copy, "node_modules/typescript/bin/tsc", MUTANT_TYPES);
    // a worker without the mistake would turn test/fit.worker.test.ts red for most of them
    if (!kernels && built.code === 0) built = await run(copy, "assembly/build.mjs", ["--workers"]);
    if (built.code !== 0) {
      const message = built.output.trim().split("\n").slice(0, 3).join(" / ");
      return { outcome: "error", detail: `does not compile: ${message}` };
    }
    const failure =
      (tests.length > 0 ? await failureOf(copy, tests, limit) : undefined) ?? (await failureOf(copy, [], limit));
    return failure === undefined ? { outcome: "survived", detail: "" } : { outcome: "killed", detail: failure };
  } finally {
    cpSync(join(base, file), path);
    cpSync(join(base, "build"), join(copy, "build"), { recursive: true });
  }
}

function fail(lines) {
  console.error(lines.join("\n"));
  process.exit(1);
}

const started = performance.now();
cpSync(ROOT, base, {
  recursive: true,
  filter: (path) => !LEFT_OUT.has(relative(ROOT, path).split(sep)[0]),
});
mkdirSync(join(base, "node_modules"));
for (const entry of readdirSync(join(ROOT, "node_modules"))) {
  if (entry === ".vite") continue;
  symlinkSync(join(ROOT, "node_modules", entry), join(base, "node_modules", entry));
}

const all = JSON.parse(readFileSync(join(base, "test/mutants/mutants.json"), "utf8"));
const problems = all.flatMap((mutant, i) => {
  const problem = problemOf(mutant);
  return problem === undefined ? [] : [`mutants.json[${i}], ${mutant.file} (${mutant.why}): ${problem}`];
});
if (problems.length > 0) fail(problems);
const mutants = all.filter(({ file, why }) => `${file}\n${why}`.toLowerCase().includes(only));
if (mutants.length === 0) fail([`--only ${options.only}: none of ${all.length} mutants matches`]);

const built = await run(base, "assembly/build.mjs", []);
if (built.code !== 0) fail([built.output, "the kernels do not compile unchanged"]);
const typed = await run(base, "node_modules/typescript/bin/tsc", []);
if (typed.code !== 0) fail([typed.output, "src does not compile unchanged"]);
// for the examples, which stay with the unchanged library
const bundled = await run(base, "node_modules/rollup/dist/bin/rollup", ["-c", "--silent"]);
if (bundled.code !== 0) fail([bundled.output, "src cannot be bundled unchanged"]);
const start = performance.now();
const red = await failureOf(base, [], 1200);
if (red !== undefined) fail([`The tests fail on the unchanged repository: ${red}`]);
const limit = Math.max(LEAST_LIMIT, 4 * seconds(start));
console.log(`unchanged: green in ${seconds(start).toFixed(1)} s; ${mutants.length} mutants follow`);

const results = [];
const queue = [...mutants];
async function work(copy) {
  cpSync(base, copy, { recursive: true, verbatimSymlinks: true });
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const begun = performance.now();
    const { outcome, detail } = await attempt(copy, mutant, limit);
    results.push({ mutant, outcome, detail });
    const time = `${seconds(begun).toFixed(1)} s`.padStart(8);
    console.log(`${outcome.padEnd(8)} ${time}  ${mutant.file}: ${mutant.why}${detail === "" ? "" : ` <- ${detail}`}`);
  }
}
await Promise.all(Array.from({ length: COPIES }, (_, i) => work(join(folder, `copy${i}`))));

const withOutcome = (outcome) => results.filter((result) => result.outcome === outcome);
const [killed, survived, errors] = ["killed", "survived", "error"].map(withOutcome);
const inError = errors.length === 0 ? "" : `, ${errors.length} in error`;
console.log(
  `\n${results.length} mutants, ${killed.length} killed, ${survived.length} survived${inError}; ${seconds(started).toFixed(0)} s`,
);
for (const { mutant, detail } of [...survived, ...errors]) {
  const { file, why, from, to } = mutant;
  console.log(`\n${file}: ${why}\n  - ${from}\n  + ${to}${detail === "" ? "" : `\n  ${detail}`}`);
}
process.exitCode = survived.length + errors.length > 0 ? 1 : 0;
