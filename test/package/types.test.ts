/** Strict programs against the declarations of the package, which are checked with them: skipLibCheck is off. */
import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createProject, type Project, tools } from "./project";

const LIMIT = 600_000;

const STRICTEST = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  types: [],
  target: "es2022",
  noEmit: true,
};

interface Case {
  readonly compiler: string;
  /** Also the moduleResolution, but for esnext, which bundlers resolve. */
  readonly module: string;
  readonly lib: readonly string[];
  readonly files: readonly string[];
}

const cases: readonly Case[] = [
  ...["5.2", "5.9", "7.0"].flatMap((compiler) =>
    ["node16", "esnext"].flatMap((module) => [
      { compiler, module, lib: ["es2022"], files: ["program.ts"] },
      { compiler, module, lib: ["es2022", "dom"], files: ["program.ts"] },
      { compiler, module, lib: ["es2022", "esnext.disposable"], files: ["program.ts", "using.ts"] },
    ]),
  ),
  // compilers that know that Node can require an ES module
  ...["5.9", "7.0"].map((compiler) => ({ compiler, module: "nodenext", lib: ["es2022"], files: ["commonjs.cts"] })),
];

describe("a strict program compiles", () => {
  let project: Project;
  beforeAll(async () => {
    [project] = await Promise.all([createProject(), tools()]);
    await cp(fileURLToPath(new URL("fixtures/types", import.meta.url)), project.folder, { recursive: true });
  }, LIMIT);
  afterAll(() => project.remove());

  const named = cases.map((one, i) => {
    const { compiler, module, lib, files } = one;
    return [
      `TypeScript ${compiler}, module ${module}, lib ${lib.join(" and ")}: ${files.join(" and ")}`,
      i,
      one,
    ] as const;
  });
  it.each(named)(
    "%s",
    async (_, i, { compiler, module, lib, files }) => {
      const moduleResolution = module === "esnext" ? "bundler" : module;
      const compilerOptions = { ...STRICTEST, module, moduleResolution, lib };
      await project.write(`tsconfig.${i}.json`, JSON.stringify({ compilerOptions, files }));
      await project.runTool(`typescript-${compiler}/bin/tsc`, "-p", `tsconfig.${i}.json`);
    },
    LIMIT,
  );
});
