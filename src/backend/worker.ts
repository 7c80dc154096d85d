import { ACTIVE, FAILED, GENERATION, Job, OPEN, READY, SLEEPING, STOPPED } from "./job";
import { workerPort } from "./workerPort";

/**
 * The thread that helps: built to a string (assembly/build.mjs), since a file beside a bundle gets lost. It is given the
 * compiled module and the memory, says "ready", and then serves jobs until it is stopped.
 */
export interface WorkerStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Addresses of the job and of this thread's workspace. */
  job: number;
  workspace: number;
}

/** Looks at the generation before a worker goes to sleep: a few hundred microseconds, about what lies between two jobs of a step. */
const SPINS = 200_000;

function serve({ module, memory, job: pointer, workspace }: WorkerStart, ready: () => void): void {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const job = new Job(memory, pointer, instance.exports as object, workspace);
  const { words } = job;
  let seen = Atomics.load(words, GENERATION);
  // a caller that never rests hears no message
  Atomics.add(words, READY, 1);
  ready();
  while (Atomics.load(words, STOPPED) === 0) {
    let spins = 0;
    while (Atomics.load(words, GENERATION) === seen) {
      if (++spins < SPINS) continue;
      Atomics.add(words, SLEEPING, 1);
      Atomics.wait(words, GENERATION, seen);
      Atomics.sub(words, SLEEPING, 1);
    }
    seen = Atomics.load(words, GENERATION);
    // first in, then the look whether the job is still open: the caller closes it first, then waits until all are out
    Atomics.add(words, ACTIVE, 1);
    try {
      if (Atomics.load(words, OPEN) === 1) job.work(true);
    } catch {
      Atomics.add(words, FAILED, 1);
      return;
    } finally {
      if (Atomics.sub(words, ACTIVE, 1) === 1) Atomics.notify(words, ACTIVE);
    }
  }
}

const port = workerPort();
port.listen((start) => {
  serve(start as WorkerStart, () => port.post("ready"));
  port.close();
});
