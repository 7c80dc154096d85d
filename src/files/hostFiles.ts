import { ArgumentError, messageOf } from "../errors";

/** What is used of Node's file system; other hosts have the same module, or none. */
interface FileSystem {
  open(path: string, flags: string): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: boolean }): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
  access(path: string, mode?: number): Promise<void>;
}

interface FileHandle {
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Paths {
  dirname(path: string): string;
}

const WRITABLE = 2;

/** A module of the host by name: without an import, which a bundler for the browser would have to resolve. */
function hostModule<Module>(where: string, name: string): Module {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const found = process?.getBuiltinModule?.(name);
  if (found !== undefined) return found as Module;
  throw new ArgumentError(`${where}: a path was given, but there are no files here; bytes were expected`);
}

const fileSystem = (where: string) => hostModule<FileSystem>(where, "node:fs/promises");

const folderOf = (where: string, path: string) => hostModule<Paths>(where, "node:path").dirname(path);

/** Throws an ArgumentError where no file could be written. */
export async function checkWritable(where: string, path: string): Promise<void> {
  try {
    await fileSystem(where).access(`${folderOf(where, path)}/.`, WRITABLE);
  } catch (error) {
    throw refused(where, path, error, "a path in a folder that can be written to");
  }
}

/**
 * Writes a file so that whoever reads it, also after a crash at any instant, finds the old one or the new one whole: beside it,
 * synced, then renamed, and the folder synced.
 */
export async function writeWhole(where: string, path: string, bytes: Uint8Array): Promise<void> {
  const fs = fileSystem(where);
  const beside = `${path}.tmp`;
  try {
    await synced(fs, beside, "w", (file) => file.writeFile(bytes));
    await fs.rename(beside, path);
  } catch (error) {
    await fs.rm(beside, { force: true }).catch(() => {});
    throw refused(where, path, error, "a path that can be written to");
  }
  // not every system lets a folder be opened
  await synced(fs, folderOf(where, path), "r").catch(() => {});
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
