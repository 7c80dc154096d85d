import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * What two pages download at the least, as esbuild makes them of dist/: everything that is loaded before the first step, and of
 * the variants the largest. Leaves the files in build/pages/, for `npm run size`.
 */
const PAGES = {
  train: {
    variant: "relaxed.packed",
    program: `
      import { createNetwork, dense, Trainer } from "./dist/index.js";
      const network = await createNetwork({ inputs: 2, layers: [dense(8, "relu"), dense(1, "sigmoid")] });
      await new Trainer(network).fit({ inputs: [[0, 1], [1, 0]], targets: [[1], [0]] });
      document.title = String(network.predict([[0, 1]]));`,
  },
  predict: {
    variant: "predict.packed",
    program: `
      import { loadNetwork } from "./dist/predict.js";
      const network = await loadNetwork(await (await fetch("network.safetensors")).bytes());
      document.title = String(network.predict([[0, 1]]));`,
  },
};

const root = fileURLToPath(new URL("../", import.meta.url));

export async function buildPages() {
  for (const [name, { program, variant }] of Object.entries(PAGES)) {
    const { outputFiles, metafile } = await build({
      stdin: { contents: program, resolveDir: root, sourcefile: "page.js" },
      bundle: true,
      minify: true,
      splitting: true,
      format: "esm",
      outdir: "build/pages",
      absWorkingDir: root,
      metafile: true,
      write: false,
    });
    const outputs = Object.entries(metafile.outputs);
    const wanted = outputs
      .filter(([, { entryPoint }]) => entryPoint === "page.js" || entryPoint?.endsWith(`${variant}.js`))
      .map(([path]) => path);
    for (const path of wanted) {
      for (const { kind, path: imported } of metafile.outputs[path].imports) {
        if (kind === "import-statement" && !wanted.includes(imported)) wanted.push(imported);
      }
    }
    const folder = `${root}build/pages/${name}/`;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const path of wanted) {
      const file = outputFiles.find((output) => output.path.endsWith(`/${basename(path)}`));
      await writeFile(folder + basename(path), file.contents);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPages();
