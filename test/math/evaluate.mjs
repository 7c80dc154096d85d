/**
 * Evaluates elementary functions on a file of float64 arguments, for ulp.py:
 *
 *   node evaluate.mjs <kernels> <arguments> <results> <function>...
 *
 * <kernels> is a .wasm that exports each function as (length, x, y), or a .ts that exports it on numbers;
 * expTimes takes x for both of its arguments. Or it is a variant of the built library, and the functions are activations,
 * or their slopes: tanhSlope.
 * The results of each function follow one another.
 */
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const START = 65536; // past anything a kernel might keep in low memory

const [kernels, input, output, ...names] = process.argv.slice(2);
const bytes = await readFile(input);
const x = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
const length = x.length;

async function fromTypeScript(path) {
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, format: "esm", write: false });
  const module = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  return (name) => x.map((value) => module[name](value, value));
}

async function fromWasm(path) {
  const pages = Math.ceil((START + 16 * length) / 65536) + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
  const { instance } = await WebAssembly.instantiate(await readFile(path), { env: { memory } });
  const view = new Float64Array(memory.buffer);
  view.set(x, START / 8);
  const y = START + 8 * length;
  return (name) => {
    instance.exports[name](length, START, y);
    return view.slice(y / 8, y / 8 + length);
  };
}

async function fromLibrary(variant) {
  const { loadBackend } = await import("../../dist/index.js");
  const backend = await loadBackend({ variant, threads: 1 });
  const z = backend.matrix(1, length, x);
  const ones = backend.matrix(1, length, new Float64Array(length).fill(1));
  return (name) => {
    const slope = name.endsWith("Slope");
    const y = slope ? backend.activationGradient(name.slice(0, -5), z, ones) : backend.activation(name, z);
    return y.values;
  };
}

const from = kernels.endsWith(".wasm") ? fromWasm : kernels.endsWith(".ts") ? fromTypeScript : fromLibrary;
const evaluate = await from(kernels);
const results = new Float64Array(names.length * length);
names.forEach((name, i) => {
  results.set(evaluate(name), i * length);
});
await writeFile(output, new Uint8Array(results.buffer));
