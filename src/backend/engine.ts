import { DisposedError } from "../errors";
import { Arena, type LinearMemory, Scope } from "./arena";
import type { Kernels } from "./kernels";
import type { Pool } from "./pool";

/** Flags of the gemm kernel. */
export const TRANSPOSE_A = 1;
export const TRANSPOSE_B = 2;
/** What is written is max(., 0), as the kernel relu has it. */
export const RECTIFY = 4;

/** Numbers below which no kernel is long enough for threads: asking each of them would cost a small network too much. */
const WORTH_SHARING = 1024;

/**
 * What one thread computes with: the kernels of a variant, the memory they share with everybody, and scratch that
 * is this caller's alone, so that two callers may be inside the same kernels at once.
 */
export class Engine {
  readonly arena: Arena;
  /** gemm's packed blocks. */
  readonly workspace: number;
  /** A few numbers that kernels return through memory: a returned double would cost an allocation. */
  readonly results: { readonly pointer: number; readonly values: Float64Array };
  readonly kernels: Kernels;
  /** What lives as long as it does. */
  readonly scope: Scope;
  #pool: Pool | undefined;
  /** The kernels, of which the long ones are computed by all threads. */
  #shared: Kernels;
  #disposed = false;
  /** What is to end with it. */
  readonly endings = new Set<() => void>();

  constructor(kernels: Kernels, memory: LinearMemory) {
    this.kernels = kernels;
    this.#shared = kernels;
    this.arena = new Arena(memory);
    this.scope = new Scope(this.arena);
    this.workspace = this.scope.allocate("loadBackend", kernels.gemmWorkspaceBytes() / 8);
    const pointer = this.scope.allocate("loadBackend", 2);
    this.results = { pointer, values: memory.view(pointer, 2) };
  }

  /** Has a pool's kernels, which all its threads compute, be used from now on, and ends the pool with itself. */
  share(kernels: Kernels, pool: Pool): void {
    this.#shared = kernels;
    this.#pool = pool;
  }

  /** What the calling thread has to do, once, while the others are at the next long job; it may never come to it. */
  set aside(task: (() => void) | undefined) {
    if (this.#pool !== undefined) this.#pool.aside = task;
  }

  /** Threads that compute, or are about to. */
  get threads(): number {
    return this.#pool?.size ?? 1;
  }

  /** The kernels for work on so many numbers: those that threads share, where there are enough to share. */
  kernelsFor(numbers: number): Kernels {
    return numbers < WORTH_SHARING ? this.kernels : this.#shared;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * C <- alpha op(A) op(B) + beta S of matrices whose rows lie one after the other: the one place that spells out gemm's
   * arguments. `startStep` is the distance of S's rows: n, or 0 for one row that is repeated.
   */
  gemm(
    flags: number,
    m: number,
    n: number,
    k: number,
    alpha: number,
    a: number,
    b: number,
    beta: number,
    start: number,
    startStep: number,
    c: number,
  ): void {
    const lda = (flags & TRANSPOSE_A) === 0 ? k : m;
    const ldb = (flags & TRANSPOSE_B) === 0 ? n : k;
    const { gemm } = this.kernelsFor(Math.max(m * k, k * n));
    gemm(flags, m, n, k, alpha, a, lda, b, ldb, beta, start, startStep, c, n, this.workspace);
  }

  view(pointer: number, length: number): Float64Array {
    return this.arena.memory.view(pointer, length);
  }

  /** Whether all numbers from an address on are finite. */
  allFinite(length: number, pointer: number): boolean {
    return this.kernels.firstNotFinite(length, pointer) === length;
  }

  checkAlive(where: string): void {
    if (this.#disposed) {
      throw new DisposedError(
        `${where}: the backend was disposed, a live one was expected; load another with loadBackend()`,
      );
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#pool?.stop();
    this.scope.dispose();
    this.#disposed = true;
    for (const end of this.endings) end();
  }
}
