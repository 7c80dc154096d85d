/** The library in pages of Chromium, however they are served. npm run test:everywhere opens them in Firefox, too. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { bundlePages, chromium, pages, visit } from "./pages";
import { createProject, type Project } from "./project";

const LIMIT = 600_000;

describe("Chromium", () => {
  let project: Project;
  let folder: string;
  beforeAll(async () => {
    project = await createProject();
    folder = await bundlePages(project);
  }, LIMIT);
  afterAll(() => project.remove());

  it.each(pages.map((page) => [page.name, page] as const))(
    "%s",
    async (_, page) => {
      page.check(await visit(chromium, folder, page));
    },
    LIMIT,
  );

  // dist/wasmgrad.min.js: a page with <script src> and the global `wasmgrad` goes into pages.ts, with a folder of its own
});
