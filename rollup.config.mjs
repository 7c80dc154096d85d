import { cp, readdir, rm, writeFile } from "node:fs/promises";
import dts from "rollup-plugin-dts";
import esbuild from "rollup-plugin-esbuild";

const WARNINGS = {
  /** The types that are not exported are parts of those that are. */
  onwarn(warning, warn) {
    if (warning.plugin !== "dts") warn(warning);
  },
};

/**
 * An entry, what it always needs in one file, and what it may need in chunks of their own. The two are built apart: what both
 * share would be a third file, larger than either needs.
 */
const entry = (name, chunks, ...plugins) => ({
  // a module of which nothing is used does not decide where another goes
  treeshake: { moduleSideEffects: false },
  input: { [name]: `src/${name}.ts` },
  plugins: [esbuild({ target: "es2022" }), ...plugins],
  output: {
    dir: "dist",
    format: "es",
    sourcemap: true,
    hoistTransitiveImports: false,
    // the code itself is a chunk, too: others import from it what the entry does not export
    chunkFileNames: ({ name: chunk }) => `${chunks}/${chunk === name ? "main" : chunk}.js`,
  },
});

const types = (name) => ({
  ...WARNINGS,
  input: `src/${name}.ts`,
  plugins: [dts()],
  output: { file: `dist/${name}.d.ts`, format: "es" },
});

/** What a user of TypeScript gets for an import of a binary: what it comes to is the bundler's choice. */
const BINARY_TYPES = `/** A URL, bytes or a module, as your bundler makes it: loadBackend({ wasm }) takes any of them. */
declare const wasm: string | object;
export default wasm;
`;

/** Beside the code the binaries, for hosts that forbid or cache inline wasm. */
const binaries = {
  name: "binaries",
  async writeBundle() {
    const names = (await readdir("build")).filter((name) => /^(relaxed|simd|scalar|predict)\.wasm$/.test(name));
    for (const name of names) {
      await cp(`build/${name}`, `dist/wasm/${name}`);
      await writeFile(`dist/wasm/${name}.d.ts`, BINARY_TYPES);
    }
  },
};

/** Everything in one file, for a page without a bundler. */
const script = {
  input: "src/index.ts",
  plugins: [esbuild({ target: "es2022", minify: true }), binaries],
  output: {
    file: "dist/wasmgrad.min.js",
    format: "iife",
    name: "wasmgrad",
    inlineDynamicImports: true,
    sourcemap: true,
  },
};

/** What an earlier build has left. */
const clean = { name: "clean", buildStart: () => rm("dist", { recursive: true, force: true }) };

export default [entry("index", "chunks", clean), entry("predict", "predict"), script, types("index"), types("predict")];
