import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Runs a script of children/ in a process of its own, as a user would: plain Node, the built package. Returns what it prints. */
export async function fresh(script: string, setting?: number, flags: string[] = []): Promise<Record<string, number>> {
  const path = fileURLToPath(new URL(`children/${script}`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...flags,
    path,
    ...(setting === undefined ? [] : [String(setting)]),
  ]);
  return JSON.parse(stdout);
}
