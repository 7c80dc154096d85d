import { messageOf, WorkerError } from "../errors";
import type { Engine } from "./engine";
import { type HostWorker, startWorker } from "./hostWorker";
import type { Found } from "./instantiate";
import { ACTIVE, FAILED, GENERATION, JOB_LENGTH, Job, OPEN, READY, SLEEPING, STOPPED, TAKEN } from "./job";
import type { WasmKernels } from "./kernels";
import { shareKernels } from "./sharedKernels";
import type { WorkerStart } from "./worker";

/** Looks at ACTIVE before the caller goes to sleep: some tens of microseconds, longer than a range takes. */
const SPINS = 20_000;
/** Milliseconds after which a worker that is still inside a job is given up. */
const LOST_AFTER = 30_000;
/** Milliseconds for which a pool waits for its workers; who is later joins later. */
const PATIENCE = 20;

/** Starts workers, which take a while to come up: they do it while the kernels compile. Rejects where the host has none. */
export async function hireWorkers(count: number): Promise<readonly HostWorker[]> {
  const { default: source } = await import("../../build/worker.source");
  const workers: HostWorker[] = [];
  try {
    while (workers.length < count) workers.push(startWorker(source));
  } catch (error) {
    for (const worker of workers) worker.end();
    throw error;
  }
  return workers;
}

/** Has all these workers compute along, as far as they come up. */
export async function shareWork(
  { module, memory, kernels, engine }: Found,
  hired: Promise<readonly HostWorker[]>,
  warnings: string[],
): Promise<void> {
  const pool = await Pool.begin(hired, module, memory, kernels, engine, warnings);
  if (pool !== undefined) engine.share(shareKernels(kernels, pool), pool);
}

/** Threads over one shared memory, started with the backend and ended with it. `run` has them do the job that was described. */
export class Pool {
  readonly job: Job;
  readonly #workers: Set<HostWorker>;
  readonly #hired: number;
  readonly #warnings: string[];
  readonly #maySleep = maySleep();
  #ended = false;
  /** What the caller has to do beside, once, while the others are at a long job: see `run`. */
  aside: (() => void) | undefined;

  private constructor(workers: readonly HostWorker[], job: Job, warnings: string[]) {
    this.job = job;
    this.#workers = new Set(workers);
    this.#hired = workers.length;
    this.#warnings = warnings;
  }

  /**
   * Gives workers their work, and waits a little for them. Where some fail there are fewer, and `warnings` says why,
   * then or later; undefined where all have failed.
   */
  static async begin(
    hired: Promise<readonly HostWorker[]>,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    kernels: WasmKernels,
    engine: Engine,
    warnings: string[],
  ): Promise<Pool | undefined> {
    const { scope } = engine;
    let blocks: readonly number[] = [];
    let workers: readonly HostWorker[] = [];
    try {
      workers = await hired;
      // the job, and each thread's workspace, the caller's first
      const own = kernels.gemmRangeWorkspaceBytes() / 8;
      blocks = scope.allocateAll("loadBackend", [JOB_LENGTH, own, ...workers.map(() => own)]);
      const [job = 0, workspace = 0, ...others] = blocks;
      const pool = new Pool(workers, new Job(memory, job, kernels, workspace), warnings);
      const starts = workers.map((worker, w) => {
        const start: WorkerStart = { module, memory, job, workspace: others[w] as number };
        worker.post(start);
        return pool.#await(worker);
      });
      await Promise.race([Promise.all(starts), new Promise<void>((resolve) => setTimeout(resolve, PATIENCE))]);
      for (const worker of workers) worker.release();
      if (pool.size > 1) return pool;
    } catch (error) {
      warnings.push(`1 thread runs: ${messageOf(error)}`);
      for (const worker of workers) worker.end();
    }
    for (const block of blocks) scope.free(block);
    return undefined;
  }

  /** Until a worker is up, or is left out for good. */
  async #await(worker: HostWorker): Promise<void> {
    try {
      await worker.started;
    } catch (error) {
      this.#workers.delete(worker);
      if (this.#ended) return;
      // one sentence, of the last that failed
      const all = `of ${this.#hired + 1} threads run: `;
      const before = this.#warnings.findIndex((warning) => warning.includes(all));
      if (before >= 0) this.#warnings.splice(before, 1);
      this.#warnings.push(`${this.size} ${all}${messageOf(error)}`);
    }
  }

  /** Threads that compute. */
  get threads(): number {
    return this.#ended ? 1 : Atomics.load(this.job.words, READY) + 1;
  }

  /** With those that are still coming up. */
  get size(): number {
    return this.#ended ? 1 : this.#workers.size + 1;
  }

  /**
   * Has all threads do the job that was described, the caller after what it does `beside`. Throws WorkerError where one of them
   * failed.
   */
  run(beside?: () => void): void {
    const { job } = this;
    const { words } = job;
    Atomics.store(words, TAKEN, 0);
    Atomics.store(words, OPEN, 1);
    Atomics.add(words, GENERATION, 1);
    if (Atomics.load(words, SLEEPING) > 0) Atomics.notify(words, GENERATION);
    try {
      beside?.();
      job.work(false);
    } finally {
      Atomics.store(words, OPEN, 0);
      this.#awaitWorkers();
      if (Atomics.load(words, FAILED) > 0) this.stop();
    }
    if (this.#ended) {
      throw new WorkerError(
        "A thread failed inside a kernel, and the result is not whole; from now on this backend computes on the calling thread alone.",
      );
    }
  }

  /** Until no worker is inside the job. */
  #awaitWorkers(): void {
    const { words } = this.job;
    let spins = 0;
    for (;;) {
      const inside = Atomics.load(words, ACTIVE);
      if (inside === 0) return;
      if (++spins < SPINS) continue;
      if (this.#maySleep && Atomics.wait(words, ACTIVE, inside, LOST_AFTER) === "timed-out") {
        this.stop();
        throw new WorkerError(
          `A thread did not come back from a kernel within ${LOST_AFTER / 1000} s; from now on this backend computes on the calling thread alone.`,
        );
      }
    }
  }

  /** Ends the workers. Their blocks are freed with the engine: one that is lost may still write there. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { words } = this.job;
    Atomics.store(words, STOPPED, 1);
    Atomics.add(words, GENERATION, 1);
    Atomics.notify(words, GENERATION);
    for (const worker of this.#workers) worker.end();
  }
}

/** Atomics.wait throws on a browser's main thread. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
