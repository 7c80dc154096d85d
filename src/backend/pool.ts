import { messageOf, WorkerError } from "../errors";
import type { Engine } from "./engine";
import { type HostWorker, startWorker } from "./hostWorker";
import { ACTIVE, FAILED, GENERATION, JOB_LENGTH, Job, NEXT, OPEN, SLEEPING, STOPPED } from "./job";
import type { WasmKernels } from "./kernels";

/** Looks at ACTIVE before the caller goes to sleep: some tens of microseconds, longer than a range takes. */
const SPINS = 20_000;
/** Milliseconds after which a worker that is still inside a job is given up. */
const LOST_AFTER = 30_000;

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

/** Threads over one shared memory, started with the backend and ended with it. `run` has them do the job that was described. */
export class Pool {
  readonly job: Job;
  readonly #workers: readonly HostWorker[];
  readonly #maySleep = maySleep();
  #ended = false;

  private constructor(workers: readonly HostWorker[], job: Job) {
    this.job = job;
    this.#workers = workers;
  }

  /** Gives workers their work. Where some fail there are fewer, and `warnings` says why; undefined where all do. */
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
      const starts = workers.map((worker, w) => worker.begin({ module, memory, job, workspace: others[w] as number }));
      const settled = await Promise.allSettled(starts);
      const started = workers.filter((_, w) => settled[w]?.status === "fulfilled");
      const failure = settled.find((result) => result.status === "rejected");
      if (failure !== undefined) {
        warnings.push(`${started.length + 1} of ${workers.length + 1} threads run: ${messageOf(failure.reason)}`);
      }
      if (started.length > 0) return new Pool(started, new Job(memory, job, kernels, workspace));
    } catch (error) {
      warnings.push(`1 thread runs: ${messageOf(error)}`);
      for (const worker of workers) worker.end();
    }
    for (const block of blocks) scope.free(block);
    return undefined;
  }

  get threads(): number {
    return this.#ended ? 1 : this.#workers.length + 1;
  }

  /** Has all threads do the job that was described. Throws WorkerError where one of them failed. */
  run(): void {
    const { job } = this;
    const { words } = job;
    Atomics.store(words, NEXT, 0);
    Atomics.store(words, OPEN, 1);
    Atomics.add(words, GENERATION, 1);
    if (Atomics.load(words, SLEEPING) > 0) Atomics.notify(words, GENERATION);
    try {
      job.work();
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
