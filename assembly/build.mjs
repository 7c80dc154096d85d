import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/**
 * Compiles the kernels for every target of asconfig.json, side by side, and writes for each, beside the binary in
 * build/: its declarations (by asc) and a module whose default export is the binary in base64, which is what the
 * library imports (files beside a bundle get lost under esbuild, strings do not).
 */
const asc = fileURLToPath(new URL("./bin/asc.js", import.meta.resolve("assemblyscript/package.json")));
const { targets } = JSON.parse(await readFile("asconfig.json", "utf8"));

async function build([variant, { outFile }]) {
  await promisify(execFile)(process.execPath, [asc, "--target", variant]);
  const binary = await readFile(outFile);
  await writeFile(`build/${variant}.base64.ts`, `export default "${binary.toString("base64")}";\n`);
  return `${variant.padEnd(8)} ${binary.length} bytes`;
}

try {
  console.log((await Promise.all(Object.entries(targets).map(build))).join("\n"));
} catch (error) {
  console.error(error.stderr || error);
  process.exitCode = 1;
}
