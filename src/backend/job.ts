/**
 * One job that threads work on together: a kernel over `total` elements, cut into ranges of `grain` that an atomic
 * counter hands out, so that a core that is busy with something else only takes fewer. The caller takes them from the first
 * on, workers from the last on: of one job after the other a core meets about the same rows, which its cache still holds.
 * It stands in shared memory:
 *
 *     words, each group on a cache line of its own
 *        0  GENERATION   one more with each job: sleeping workers wait here
 *       16  TAKEN        ranges taken from the first on, in the lower half, and from the last on, in the upper
 *       32  ACTIVE       workers inside the job: the caller waits here
 *       48  OPEN         1 while workers may join
 *       49  SLEEPING     workers that must be woken
 *       50  STOPPED      1 when workers are to end
 *       51  FAILED       workers that failed inside a job
 *       52  READY        workers that are up
 *     numbers, from byte 256
 *        0  kernel, by its place among the module's exports     1  total     2  grain
 *        3  which argument is the number of elements            4  which one is the thread's workspace, or -1
 *        5  16 arguments of the first range                    21  how much each moves with an element
 */
export const GENERATION = 0;
export const TAKEN = 16;
export const ACTIVE = 32;
export const OPEN = 48;
export const SLEEPING = 49;
export const STOPPED = 50;
export const FAILED = 51;
export const READY = 52;

const KERNEL = 0;
const TOTAL = 1;
const GRAIN = 2;
const COUNT_AT = 3;
const WORKSPACE_AT = 4;
const ARGUMENTS = 5;
const STEPS = 21;

/** One more range, from either end. */
const FROM_FIRST = 1;
const FROM_LAST = 0x10000;
/** Ranges of a job: half of what is counted, for every thread counts one that is not there. */
const MOST_RANGES = 0x8000;

/** Float64 that a job takes in memory. */
export const JOB_LENGTH = 32 + 37;

/** Any kernel: the arguments that it does not take are ignored. */
export type AnyKernel = (...values: number[]) => unknown;

/** A job in shared memory, as each of its threads sees it. */
export class Job {
  readonly words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #names: readonly string[];
  readonly #kernels: readonly AnyKernel[];

  constructor(
    memory: { readonly buffer: SharedArrayBuffer },
    pointer: number,
    kernels: object,
    readonly workspace: number,
  ) {
    this.words = new Int32Array(memory.buffer, pointer, 64);
    this.#numbers = new Float64Array(memory.buffer, pointer + 256, 37);
    this.#names = Object.keys(kernels);
    this.#kernels = Object.values(kernels);
  }

  /** The place of a kernel among the module's exports, which is the same in every thread. */
  indexOf(name: string): number {
    return this.#names.indexOf(name);
  }

  /** Writes all but the arguments; the grain is larger where there would be too many ranges. No worker may be inside the job. */
  describe(kernel: number, total: number, grain: number, countAt: number, workspaceAt: number): void {
    const numbers = this.#numbers;
    numbers[KERNEL] = kernel;
    numbers[TOTAL] = total;
    numbers[GRAIN] = grain * Math.ceil(total / grain / MOST_RANGES);
    numbers[COUNT_AT] = countAt;
    numbers[WORKSPACE_AT] = workspaceAt;
  }

  argument(index: number, value: number, step: number): void {
    this.#numbers[ARGUMENTS + index] = value;
    this.#numbers[STEPS + index] = step;
  }

  /** Takes ranges until none is left, from the first one on or from the last. */
  work(fromLast: boolean): void {
    const numbers = this.#numbers;
    const { words, workspace } = this;
    const kernel = this.#kernels[numbers[KERNEL] as number] as AnyKernel;
    const total = numbers[TOTAL] as number;
    const grain = numbers[GRAIN] as number;
    const countAt = numbers[COUNT_AT] as number;
    const workspaceAt = numbers[WORKSPACE_AT] as number;
    const ranges = Math.ceil(total / grain);
    for (;;) {
      const taken = Atomics.add(words, TAKEN, fromLast ? FROM_LAST : FROM_FIRST);
      const first = taken & 0xffff;
      const last = ranges - 1 - (taken >>> 16);
      if (first > last) return;
      const start = (fromLast ? last : first) * grain;
      const count = Math.min(grain, total - start);
      const at = (index: number) => {
        if (index === countAt) return count;
        if (index === workspaceAt) return workspace;
        return (numbers[ARGUMENTS + index] as number) + (numbers[STEPS + index] as number) * start;
      };
      kernel(
        at(0),
        at(1),
        at(2),
        at(3),
        at(4),
        at(5),
        at(6),
        at(7),
        at(8),
        at(9),
        at(10),
        at(11),
        at(12),
        at(13),
        at(14),
        at(15),
      );
    }
  }
}
