import { ArgumentError, messageOf } from "../errors";
import { hostModule } from "../hostModule";

/** What is used of Node's file system; other hosts have the same module, or none. */
interface FileSystem {
  open(path: string, flags: string): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: boolean }): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
  readdir(path: string): Promise<string[]>;
  access(path: string, mode?: number): Promise<void>;
}

interface NodeProcess {
  readonly pid: number;
  kill(pid: number, signal: 0): void;
}

interface FileHandle {
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Paths {
  dirname(path: string): string;
  basename(path: string): string;
  join(...parts: string[]): string;
}

const WRITABLE = 2;

function moduleFor<Module>(where: string, name: `node:${string}`): Module {
  const found = hostModule<Module>(name);
  if (found !== undefined) return found;
  throw new ArgumentError(`${where}: a path was given, but there are no files here; bytes were expected`);
}

const fileSystem = (where: string) => moduleFor<FileSystem>(where, "node:fs/promises");

const paths = (where: string) => moduleFor<Paths>(where, "node:path");

/** Throws an ArgumentError where no file could be written. Removes what processes that are no more have left beside it. */
export async function checkWritable(where: string, path: string): Promise<void> {
  const fs = fileSystem(where);
  const { dirname, basename, join } = paths(where);
  const folder = dirname(path);
  try {
    await fs.access(`${folder}/.`, WRITABLE);
    const isFolder = await fs.readdir(path).then(
      () => true,
      () => false,
    );
    if (isFolder) throw new Error("it is a folder");
    for (const name of await fs.readdir(folder)) {
      const [, owner] = name.startsWith(`${basename(path)}.`) ? (/\.(\d+)-[0-9a-f]+\.tmp$/.exec(name) ?? []) : [];
      if (owner !== undefined && !isRunning(Number(owner))) await fs.rm(join(folder, name), { force: true });
    }
  } catch (error) {
    throw refused(where, path, error, "a path in a folder that can be written to");
  }
}

function isRunning(pid: number): boolean {
  try {
    (globalThis as unknown as { process: NodeProcess }).process.kill(pid, 0);
    return true;
  } catch (error) {
    // one of somebody else's is running too
    return (error as { code?: string }).code !== "ESRCH";
  }
}

/**
 * Writes a file so that whoever reads it, also after a crash at any instant, finds the old one or the new one whole: beside it,
 * synced, then renamed, and the folder synced.
 */
export async function writeWhole(where: string, path: string, bytes: Uint8Array): Promise<void> {
  const fs = fileSystem(where);
  const { pid } = (globalThis as unknown as { process: NodeProcess }).process;
  const mark = moduleFor<{ randomBytes(size: number): { toString(base: "hex"): string } }>(where, "node:crypto");
  const beside = `${path}.${pid}-${mark.randomBytes(4).toString("hex")}.tmp`;
  try {
    await synced(fs, beside, "w", (file) => file.writeFile(bytes));
    await fs.rename(beside, path);
  } catch (error) {
    await fs.rm(beside, { force: true }).catch(() => {});
    throw refused(where, path, error, "a path that can be written to");
  }
  // not every system lets a folder be opened
  await synced(fs, paths(where).dirname(path), "r").catch(() => {});
}

async function synced(
  fs: FileSystem,
  path: string,
  flags: string,
  write?: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await fs.open(path, flags);
  try {
    await write?.(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Throws an ArgumentError where there is no such file. */
export async function readWhole(where: string, path: string): Promise<Uint8Array> {
  try {
    return await fileSystem(where).readFile(path);
  } catch (error) {
    throw refused(where, path, error, "the path of a file");
  }
}

function refused(where: string, path: string, error: unknown, expected: string): ArgumentError {
  if (error instanceof ArgumentError) return error;
  return new ArgumentError(
    `${where}: ${JSON.stringify(path)} was given (${messageOf(error)}), ${expected} was expected`,
    {
      cause: error,
    },
  );
}
