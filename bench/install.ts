import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What the bench fetches when it is asked for: the peers, and other versions of Node. */
const PEERS = fileURLToPath(new URL("peers", import.meta.url));
const NODES = fileURLToPath(new URL(".node", import.meta.url));

export function installPeers(): void {
  if (existsSync(`${PEERS}/node_modules`)) return;
  console.log("installing the peers in bench/peers ...");
  npm(["ci", "--prefix", PEERS, "--ignore-scripts"]);
}

/** Whether this is that Node: 24 is any 24. */
export function runsUnder(version: string): boolean {
  return `${process.versions.node}.`.startsWith(`${version}.`);
}

/** Runs the same script with the same arguments under another Node, from the package `node`; returns its exit code. */
export function runUnder(version: string, script: string, args: string[]): number {
  const folder = `${NODES}/${version}`;
  const binary = `${folder}/node_modules/node/bin/${process.platform === "win32" ? "node.exe" : "node"}`;
  if (!existsSync(binary)) {
    console.log(`installing Node ${version} in bench/.node ...`);
    mkdirSync(folder, { recursive: true });
    npm(["install", "--prefix", folder, `node@${version}`]);
  }
  const { status } = spawnSync(binary, [...process.execArgv, script, ...args], { stdio: "inherit" });
  return status ?? 1;
}

function npm(args: string[]): void {
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  execFileSync(command, [...args, "--no-audit", "--no-fund", "--loglevel", "error"], { stdio: "inherit" });
}
