/** A page by every bundler, as it comes: the bits that are written down, in Chromium. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { bundlers, bundleSite, visitBundled, visitServed, writeSite } from "./bundlers";
import { chromium, HEADERS, took } from "./pages";
import { createProject, type Project, tools } from "./project";

const LIMIT = 600_000;

describe("a page trains", () => {
  let project: Project;
  beforeAll(async () => {
    [project] = await Promise.all([createProject(), tools()]);
    await writeSite(project);
  }, LIMIT);
  afterAll(() => project.remove());

  it.each(bundlers.map((bundler) => [bundler.name, bundler] as const))(
    "by %s",
    async (_, bundler) => {
      const answer = await visitBundled(chromium, await bundleSite(project, bundler));
      took(answer, "simd", Math.min(answer.cores, 8));
    },
    LIMIT,
  );

  it(
    "by Vite's server",
    async () => {
      took(await visitServed(chromium, project), "simd", 1, HEADERS);
    },
    LIMIT,
  );
});
