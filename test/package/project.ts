import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { execute, makeFolder, type Options, type Printed } from "../engines/engines.mjs";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The folder of a project that has installed wasmgrad as its users do: from the tarball that `npm pack` makes of dist as last
 * built. It is the caller's to remove.
 */
export async function createProject(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "wasmgrad-project-"));
  const { stdout } = await execute("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], {
    cwd: ROOT,
  });
  const tarball = join(folder, stdout.trim());
  const project = new Project(folder, tarball);
  await project.write("package.json", '{ "private": true, "type": "module" }');
  await execute("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", tarball], { cwd: folder });
  return project;
}

export class Project {
  readonly folder: string;
  readonly tarball: string;

  constructor(folder: string, tarball: string) {
    this.folder = folder;
    this.tarball = tarball;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async write(name: string, text: string): Promise<string> {
    await mkdir(dirname(this.path(name)), { recursive: true });
    await writeFile(this.path(name), text);
    return this.path(name);
  }

  /**
   * Writes a program of fixtures/ in JavaScript, as its author would have written it: what a test imports from ../../src/index
   * it takes from "wasmgrad", which is left to whoever runs or bundles it, or with "script" from the global of that name.
   */
  async writeProgram(entry: string, name: string, format: "esm" | "cjs" | "script" = "esm"): Promise<string> {
    await build({
      entryPoints: [fileURLToPath(new URL(`fixtures/${entry}`, import.meta.url))],
      outfile: this.path(name),
      bundle: true,
      format: format === "script" ? "iife" : format,
      target: "es2022",
      logLevel: "error",
      plugins: [
        {
          name: "from the package",
          setup({ onLoad, onResolve }) {
            onResolve({ filter: /^(wasmgrad\/|node:)/ }, ({ path }) => ({ path, external: true }));
            onResolve({ filter: /\/src\/predict$/ }, () => ({ path: "wasmgrad/predict", external: true }));
            onResolve({ filter: /\/src\/index$/ }, () =>
              format === "script" ? { path: "wasmgrad", namespace: "global" } : { path: "wasmgrad", external: true },
            );
            onLoad({ filter: /./, namespace: "global" }, () => ({ contents: "module.exports = wasmgrad" }));
          },
        },
      ],
    });
    return this.path(name);
  }

  /** Runs a command here. Rejects with what it said where it fails. */
  run(command: string, args: readonly string[], options: Options = {}): Promise<Printed> {
    return execute(command, args, { cwd: this.folder, ...options });
  }

  /** Runs a script of a package of tools/, by the Node that runs the tests. */
  async runTool(script: string, ...args: readonly string[]): Promise<Printed> {
    return this.run(process.execPath, [join(await tools(), "node_modules", script), ...args]);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The folder with bundlers and compilers, those of tools/package-lock.json. */
export async function tools(): Promise<string> {
  const read = (name: string) => readFile(new URL(`tools/${name}`, import.meta.url), "utf8");
  const [list, lock] = await Promise.all([read("package.json"), read("package-lock.json")]);
  const version = createHash("sha256").update(lock).digest("hex").slice(0, 8);
  const folder = join(ROOT, `node_modules/.cache/package/${version}`);
  await makeFolder(folder, async (made) => {
    await Promise.all([writeFile(join(made, "package.json"), list), writeFile(join(made, "package-lock.json"), lock)]);
    await execute("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: made });
  });
  return folder;
}
