import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build as bundle } from "esbuild";
import { constantsToMemory } from "./constants.mjs";
import { pack } from "./pack.mjs";

/**
 * Compiles the binaries below, side by side, and writes for each, beside the binary in build/: its declarations (by asc) and a
 * module whose default export is the binary in base64, packed by LZMA unless it is a few bytes anyway, which is what the library
 * imports (files beside a bundle get lost under esbuild, strings do not). The workers become strings likewise, alone with
 * --workers.
 */
const BINARIES = [
  // the largest first
  { name: "relaxed", entry: "index", target: "relaxed" },
  { name: "simd", entry: "index", target: "simd" },
  { name: "scalar", entry: "index", target: "scalar" },
  { name: "predict", entry: "predict", target: "simd" },
  { name: "probe-relaxed", entry: "probe", target: "relaxed" },
  { name: "probe-simd", entry: "probe", target: "simd" },
  { name: "probe-scalar", entry: "probe", target: "scalar" },
  { name: "unpack", entry: "unpack", target: "unpack" },
];

const asc = fileURLToPath(new URL("./bin/asc.js", import.meta.resolve("assemblyscript/package.json")));

async function build({ name, entry, target }) {
  const outFile = `build/${name}.wasm`;
  await promisify(execFile)(process.execPath, [asc, `assembly/${entry}.ts`, "--target", target, "--outFile", outFile]);
  const binary = constantsToMemory(await readFile(outFile));
  await writeFile(outFile, binary);
  const isSmall = ["probe", "unpack"].includes(entry);
  const inline = isSmall ? binary : Buffer.from(pack(binary));
  const kind = isSmall ? "base64" : "packed";
  await writeFile(`build/${name}.${kind}.ts`, `export default "${inline.toString("base64")}";\n`);
  return `${name.padEnd(14)} ${binary.length} bytes, ${kind} ${inline.length}`;
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
    console.log((await Promise.all(BINARIES.map(build))).join("\n"));
  }
  console.log(await buildWorker("worker", "src/backend/worker.ts"));
  // with the other in it
  console.log(await buildWorker("trainingWorker", "src/worker/entry.ts"));
} catch (error) {
  console.error(error.stderr || error);
  process.exitCode = 1;
}
