import { chunk } from "../chunk";
import { ArgumentError, checkOptions, checkWhole, shown } from "../errors";
import type { Bytes } from "../numbers";

/** What reads and writes files: a chunk of its own, for most fits have none. */
const hostFiles = () => chunk("fit", import("../files/hostFiles"));

export interface CheckpointOptions {
  /** Where the checkpoint is written, each over the one before: either there is the old one, whole, or the new one. */
  path?: string | undefined;
  /** Or where there are no files: takes the bytes; a promise is awaited. */
  save?(bytes: Bytes): unknown;
  /** Epochs from one to the next; the last epoch has one in any case. Default 1. */
  every?: number | undefined;
}

/** Where checkpoints go to. */
export interface CheckpointPlan {
  readonly every: number;
  /** Throws where nothing could be saved: before a weight moves. */
  prepare(): Promise<void>;
  save(bytes: Bytes): Promise<void>;
}

export function readCheckpointOptions(where: string, options: CheckpointOptions): CheckpointPlan {
  checkOptions(where, options, ["path", "save", "every"]);
  const { path, save, every = 1 } = options;
  checkWhole(`${where}: every`, every, 1);
  if ((path === undefined) === (save === undefined)) {
    throw new ArgumentError(
      `${where}: path ${shown(path)} and save ${shown(save)} were given, one of them was expected`,
    );
  }
  if (path !== undefined) {
    checkPath(`${where}: path`, path);
    return {
      every,
      prepare: async () => (await hostFiles()).checkWritable(where, path),
      save: async (bytes) => (await hostFiles()).writeWhole(where, path, bytes),
    };
  }
  if (typeof save !== "function") {
    throw new ArgumentError(`${where}: save: ${shown(save)} was given, a function was expected`);
  }
  return {
    every,
    prepare: async () => {},
    save: async (bytes) => {
      await save(bytes);
    },
  };
}

/** The bytes of a checkpoint, as they are or from a file. */
export async function readResume(where: string, resume: string | Uint8Array): Promise<Uint8Array> {
  return typeof resume === "string" ? (await hostFiles()).readWhole(where, resume) : resume;
}

export function checkResume(where: string, resume: unknown): void {
  if (resume instanceof Uint8Array) return;
  checkPath(where, resume);
}

function checkPath(where: string, path: unknown): void {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) return;
  throw new ArgumentError(`${where}: ${shown(path)} was given, the path of a file was expected`);
}
