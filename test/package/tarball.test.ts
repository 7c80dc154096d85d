/** What is in the tarball, and what is not. */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProject, type Project, ROOT } from "./project";

describe("the tarball", () => {
  let project: Project;
  let folder: string;
  let files: readonly string[];
  beforeAll(async () => {
    project = await createProject();
    folder = project.path("node_modules/wasmgrad");
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  }, 120_000);
  afterAll(() => project.remove());

  const read = (name: string) => readFile(join(folder, name), "utf8");

  it("holds dist, data, README, LICENSE and package.json, and nothing else", async () => {
    expect(files.filter((name) => !/^(dist|data)\//.test(name)).sort()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
    ]);
    expect(files).toContain("dist/index.js");
    expect(files).toContain("dist/index.d.ts");
    for (const variant of ["scalar", "simd", "relaxed"]) expect(files).toContain(`dist/wasm/${variant}.wasm`);
    // dist/wasmgrad.min.js, and the two files of wasmgrad/predict, are to be found here too
    const { stdout } = await project.run("tar", ["-tzf", project.tarball]);
    expect(stdout.trim().split("\n").sort()).toEqual(files.map((name) => `package/${name}`).sort());
  });

  it("depends on nothing, and runs nothing when it is installed", async () => {
    const description = JSON.parse(await read("package.json"));
    for (const kind of ["dependencies", "optionalDependencies", "peerDependencies", "bundledDependencies"]) {
      expect(Object.keys(description[kind] ?? {}), kind).toEqual([]);
    }
    const hooks = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
    expect(hooks.filter((hook) => hook in description.scripts)).toEqual([]);
    expect(files).not.toContain("binding.gyp");
    expect(await readdir(project.path("node_modules"))).toEqual([".package-lock.json", "wasmgrad"]);
  });

  it("has every file that its exports name", async () => {
    const { exports } = JSON.parse(await read("package.json"));
    const targets = JSON.stringify(exports).match(/\.\/[^"]+/g) ?? [];
    const named = targets.filter((target) => posix.extname(target) !== "" && !target.includes("*"));
    expect(named.length).toBeGreaterThan(2);
    expect(named.map((target) => posix.normalize(target)).filter((name) => !files.includes(name))).toEqual([]);
  });

  it("says nothing of the machine that built it", async () => {
    const texts = files.filter((name) => /\.(js|cjs|mjs|ts|cts|mts|map|json|md)$/.test(name));
    expect(texts.length).toBeGreaterThan(5);
    for (const name of texts) {
      const text = await read(name);
      for (const trace of [ROOT, homedir() + posix.sep, "file:///"]) {
        expect(text.includes(trace), `${trace} in ${name}`).toBe(false);
      }
      if (!name.endsWith(".map")) continue;
      const { sources }: { sources: readonly string[] } = JSON.parse(text);
      const resolved = sources.map((source) => posix.normalize(posix.join(dirname(name), source)));
      expect(
        resolved.filter((source) => !/^(src|build)\//.test(source)),
        name,
      ).toEqual([]);
    }
  });
});
