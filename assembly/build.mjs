import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build as bundle } from "esbuild";
import { constantsToMemory } from "./constants.mjs";

/**
 * Compiles the kernels for every target of asconfig.json, side by side, and writes for each, beside the binary in
 * build/: its declarations (by asc) and a module whose default export is the binary in base64, which is what the
 * library imports (files beside a bundle get lost under esbuild, strings do not). The workers become strings likewise,
 * alone with --workers.
 */
const asc = fileURLToPath(new URL("./bin/asc.js", import.meta.resolve("assemblyscript/package.json")));
const { targets } = JSON.parse(await readFile("asconfig.json", "utf8"));

async function build([variant, { outFile }]) {
  await promisify(execFile)(process.execPath, [asc, "--target", variant]);
  const binary = constantsToMemory(await readFile(outFile));
  await writeFile(outFile, binary);
  await writeFile(`build/${variant}.base64.ts`, `export default "${binary.toString("base64")}";\n`);
  return `${variant.padEnd(8)} ${binary.length} bytes`;
}

async function buildWorker(name, entryPoint) {
  const { outputFiles } = await bundle({
    entryPoints: [entryPoint],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    write: false,
  });
  const [{ text }] = outputFiles;
  await writeFile(`build/${name}.source.ts`, `export default ${JSON.stringify(text)};\n`);
  return `${name} ${text.length} bytes`;
}

try {
  await mkdir("build", { recursive: true });
  if (!process.argv.includes("--workers")) {
    console.log((await Promise.all(Object.entries(targets).map(build))).join("\n"));
  }
  console.log(await buildWorker("worker", "src/backend/worker.ts"));
  // with the other in it
  console.log(await buildWorker("trainingWorker", "src/worker/entry.ts"));
} catch (error) {
  console.error(error.stderr || error);
  process.exitCode = 1;
}
