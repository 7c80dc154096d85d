/**
 * Compiles the kernels for every target of asconfig.json and writes, for each, beside the binary in
 * build/: its declarations (by asc) and a module whose default export is the binary in base64, which
 * is what the library imports (files beside a bundle get lost under esbuild, strings do not).
 */
import { readFile, writeFile } from "node:fs/promises";
import asc from "assemblyscript/asc";

const { targets } = JSON.parse(await readFile("asconfig.json", "utf8"));
for (const [variant, { outFile }] of Object.entries(targets)) {
  const { error, stderr } = await asc.main(["--target", variant]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
  const binary = await readFile(outFile);
  await writeFile(`build/${variant}.base64.ts`, `export default "${binary.toString("base64")}";\n`);
  console.log(`${variant.padEnd(8)} ${binary.length} bytes`);
}
