import { checkWhole, messageOf } from "../errors";
import { hostModule } from "../hostModule";
import type { Threads } from "./instantiate";

/** "auto" stops here: what training shares out is too little for more. */
const MOST_THREADS = 8;

export function checkThreads(where: string, threads: unknown): void {
  if (threads !== "auto") checkWhole(`${where}: threads`, threads, 1, 1024);
}

/** The other threads of so many, as far as this host can have them. */
export function hireThreads(threads: "auto" | number): { threads?: Threads; warning?: string } {
  if (threads === 1) return {};
  if (typeof crossOriginIsolated !== "undefined" && !crossOriginIsolated) {
    return {
      warning:
        "1 thread runs: this page is not cross-origin isolated; more need it served with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.",
    };
  }
  if (typeof SharedArrayBuffer === "undefined") {
    return { warning: "1 thread runs: this engine has no SharedArrayBuffer, over which threads share their memory." };
  }
  const wanted = threads === "auto" ? Math.min(cores(), MOST_THREADS) : threads;
  return wanted > 1 ? { threads: startThreads(wanted - 1) } : {};
}

/** Starts so many, which come up while the kernels compile. */
export function startThreads(count: number): Threads {
  const pool = import("./pool");
  const workers = pool.then(({ hireWorkers }) => hireWorkers(count));
  // whoever shares hears of a failure; who never does need not
  workers.catch(() => {});
  return {
    async share(found, warnings) {
      try {
        const { shareWork } = await pool;
        await shareWork(found, workers, warnings);
      } catch (error) {
        warnings.push(`1 thread runs: the code of the others could not be loaded (${messageOf(error)}).`);
      }
    },
    async dismiss() {
      for (const worker of await workers.catch(() => [])) worker.end();
    },
  };
}

function cores(): number {
  const os = hostModule<{ availableParallelism(): number }>("node:os");
  return os?.availableParallelism() ?? (typeof navigator === "undefined" ? 1 : (navigator.hardwareConcurrency ?? 1));
}
