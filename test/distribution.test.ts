/** What is published: no larger than was promised, and in order for npm and for TypeScript. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPages } from "./pages.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));

/** What a tool of node_modules prints. */
async function printed(tool: string, ...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(root, "node_modules/.bin", tool), options, { cwd: root });
  return stdout;
}

describe("a page downloads", () => {
  it("at most 45 kB to train, and 20 kB to predict, compressed by gzip", async () => {
    await buildPages();
    const sizes: { name: string; passed: boolean; size: number }[] = JSON.parse(await printed("size-limit", "--json"));
    expect(sizes.map(({ passed }) => passed)).toEqual([true, true]);
    // neither of them is empty
    for (const { size } of sizes) expect(size).toBeGreaterThan(10_000);
  });
});

describe("the package", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wasmgrad-package-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("is one that publint has nothing to say about", async () => {
    const { messages } = await publint({ pkgDir: root, strict: true, pack: "npm" });
    expect(messages).toEqual([]);
  });

  it("has types that every way of resolving modules finds", async () => {
    await promisify(execFile)("npm", ["pack", "--pack-destination", folder, "--ignore-scripts"], { cwd: root });
    const report = await printed("attw", join(folder, "wasmgrad-0.1.0.tgz"), "--profile", "esm-only", "--no-emoji");
    expect(report).toContain('"wasmgrad/predict"');
    expect(report).not.toMatch(/(?<!\(ignored\) )(Resolution failed|Masquerading|Internal resolution error|Missing)/i);
  });
});
