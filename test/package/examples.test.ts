/** The folders of examples/ that a user can copy, each as it stands, with wasmgrad from the tarball. */
import { spawn } from "node:child_process";
import { cp, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ISOLATING, openPage } from "../engines/engines.mjs";
import { chromium, file } from "./pages";
import { createProject, type Project, tools } from "./project";

const LIMIT = 600_000;

let project: Project;
beforeAll(async () => {
  project = await createProject();
  await cp(fileURLToPath(new URL("../../examples", import.meta.url)), project.path("examples"), { recursive: true });
  for (const name of ["express", "vite"]) {
    await symlink(join(await tools(), "node_modules", name), project.path(`node_modules/${name}`));
  }
}, LIMIT);
afterAll(() => project.remove());

/** What a script of an example prints; nothing on the side. */
async function printed(example: string, script: string): Promise<string> {
  const cwd = project.path(`examples/${example}`);
  const { stdout, stderr } = await project.run(process.execPath, [script], { cwd });
  expect(stderr).toBe("");
  return stdout;
}

/** Changes a page of an example: what `replace` names, and at its end a script that posts what it shows once that matches. */
async function watched(path: string, pattern: RegExp, click = "", replace: Readonly<Record<string, string>> = {}) {
  let html = await readFile(project.path(path), "utf8");
  for (const [from, to] of Object.entries(replace)) {
    expect(html).toContain(from);
    html = html.replaceAll(from, to);
  }
  const script = `<script>
    const wrong = [];
    for (const kind of ["error", "unhandledrejection"]) addEventListener(kind, (event) => wrong.push(String(event.message ?? event.reason)));
    const to = new URLSearchParams(location.search).get("to") ?? "/answer";
    addEventListener("load", () => setTimeout(() => document.querySelector("${click || "body"}").click(), 500));
    setInterval(() => {
      const text = document.body.innerText;
      if (${pattern}.test(text) || wrong.length > 0) fetch(to, { method: "POST", mode: "no-cors", body: text + wrong.join() });
    }, 100);
  </script>`;
  await project.write(path, html.replace("</body>", `${script}</body>`));
}

describe("an example", () => {
  it("node-script tells the spirals apart, and what it has saved draws them", async () => {
    const text = await printed("node-script", "index.mjs");
    expect(Number(/accuracy (\S+)/.exec(text)?.[1])).toBe(1);
    const map = text.match(/^[.#]{42}$/gm) ?? [];
    expect(map).toHaveLength(21);
    // turned by half a circle, one spiral is the other
    const turned = [...map].reverse().map((line) => [...line].reverse().join(""));
    const other = turned.map((line) => line.replace(/[.#]/g, (cell) => (cell === "." ? "#" : ".")));
    const same = [...map.join("")].filter((cell, i) => cell === other.join("")[i]).length;
    expect(same).toBeGreaterThan(0.85 * 21 * 42);
  });

  it("express-server predicts what was trained, refuses what is wrong with a sentence, and ends when it is told to", async () => {
    await printed("express-server", "train.mjs");
    const cwd = project.path("examples/express-server");
    const server = spawn(process.execPath, ["server.mjs"], { cwd, env: { ...process.env, PORT: "0" } });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        server.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
        server.stderr.on("data", (data) => reject(new Error(String(data))));
        server.stdout.on("data", (data) => resolve(/http:\S+/.exec(String(data))?.[0] ?? ""));
      });
      const ask = async (body: string) => {
        const headers = { "Content-Type": "application/json" };
        const response = await fetch(`${url}/predict`, { method: "POST", headers, body });
        return { status: response.status, answer: (await response.json()) as { outputs?: number[][]; error?: string } };
      };
      const { status, answer } = await ask(JSON.stringify({ inputs: [[-1], [0.5], [1]] }));
      expect(status).toBe(200);
      const outputs: number[] = answer.outputs?.flat() ?? [];
      [-4, 1.625, 4].forEach((force, i) => {
        expect(outputs[i]).toBeCloseTo(force, 1);
      });
      const bytes = JSON.stringify(join(cwd, "network.safetensors"));
      const program = `
        import { readFile } from "node:fs/promises";
        import { loadBackend, loadNetwork } from "wasmgrad";
        const backend = await loadBackend({ reproducible: true });
        const network = await loadNetwork(await readFile(${bytes}), { backend });
        console.log(JSON.stringify([...network.predict([[-1], [0.5], [1]])]));`;
      await project.write("examples/express-server/here.mjs", program);
      expect(outputs).toEqual(JSON.parse(await printed("express-server", "here.mjs")));

      expect(await ask(JSON.stringify({ inputs: [[1, 2]] }))).toEqual({
        status: 400,
        answer: { error: "predict: inputs: row 0 has 2 values, 1 were expected" },
      });
      expect(await ask("{}")).toEqual({
        status: 400,
        answer: { error: expect.stringMatching(/^predict: inputs: undefined was given/) },
      });
      expect((await ask("{")).status).toBe(400);
      const ended = new Promise((resolve) => server.removeAllListeners("exit").on("exit", resolve));
      server.kill("SIGTERM");
      expect(await ended).toBe(0);
    } finally {
      server.kill("SIGKILL");
    }
  });

  it(
    "vite-worker trains in a worker, on threads where it may",
    async () => {
      await watched("examples/vite-worker/index.html", /Trained after|Error/, "#train");
      const cwd = project.path("examples/vite-worker");
      await project.run(process.execPath, [join(await tools(), "node_modules/vite/bin/vite.js"), "build"], { cwd });
      for (const [headers, threads] of [[ISOLATING, /[2-8] thread/] as const, [{}, /1 thread\(s\)/] as const]) {
        const respond = (path: string) => file(join(cwd, "dist"), path);
        const text = await openPage(chromium, { headers, respond });
        expect(text).toMatch(/Trained after 300 epochs: accuracy (100\.0|99\.\d) %\./);
        expect(text).toMatch(threads);
      }
    },
    LIMIT,
  );

  it(
    "single-file works from the disk, without a server",
    async () => {
      const script = pathToFileURL(project.path("node_modules/wasmgrad/dist/wasmgrad.min.js")).href;
      const path = "examples/single-file/index.html";
      await watched(path, /60 points: loss \S+, 100 % right/, "#rings", {
        "https://cdn.jsdelivr.net/npm/wasmgrad@0.1": script,
      });
      const page = (origin: string) =>
        `${pathToFileURL(project.path(path)).href}?to=${encodeURIComponent(`${origin}/answer`)}`;
      expect(await openPage(chromium, { respond: () => undefined, page })).toMatch(
        /60 points: loss 0\.\d+, 100 % right/,
      );
    },
    LIMIT,
  );

  it(
    "github-pages works under a path, without headers, and says what it runs on",
    async () => {
      await watched("examples/github-pages/index.html", /Learnt in|Error/, "", {
        "https://cdn.jsdelivr.net/npm/wasmgrad@0.1/dist/": "/my-repo/wasmgrad/dist/",
      });
      const respond = (path: string) => {
        if (path.startsWith("/my-repo/wasmgrad/")) {
          return file(project.path("node_modules/wasmgrad"), path.slice("/my-repo/wasmgrad".length));
        }
        return path === "/my-repo/" ? file(project.path("examples/github-pages"), "/") : Promise.resolve(undefined);
      };
      const text = await openPage(chromium, { respond, page: (origin) => `${origin}/my-repo/` });
      expect(Number(/Learnt in \d+ steps: loss (\S+)\./.exec(text)?.[1])).toBeLessThan(1e-4);
      expect(text).toMatch(/Variant \w+, 1 thread\(s\)\./);
      expect(text).toContain("Cross-Origin-Opener-Policy: same-origin");
    },
    LIMIT,
  );
});
