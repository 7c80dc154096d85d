import { OutOfMemoryError } from "../errors";

/** Where kernels and views meet: addresses are byte offsets, all numbers are float64. */
export interface LinearMemory {
  readonly reservedBytes: number;
  /** How far it may grow; the host may refuse before. */
  readonly maximumBytes: number;
  /**
   * Adds at least `bytes`. An allocation never spans two regions unless their addresses touch.
   * undefined where the memory can't grow so far.
   */
  grow(bytes: number): { start: number; end: number } | undefined;
  /** A view that stays alive however the memory grows. */
  view(pointer: number, length: number): Float64Array;
}

/** Cache lines: no two blocks share one. */
const ALIGNMENT = 64;

interface Block {
  start: number;
  end: number;
}

/** Owner of linear memory: hands out zeroed blocks, first fit, and takes them back. */
export class Arena {
  usedBytes = 0;
  /** Free blocks, by address; two of them never touch. */
  readonly #free: Block[] = [];
  readonly #sizes = new Map<number, number>();

  constructor(readonly memory: LinearMemory) {}

  /** A zeroed block for `length` float64, by its byte address. */
  allocate(where: string, length: number): number {
    const bytes = Math.max(1, Math.ceil((length * 8) / ALIGNMENT)) * ALIGNMENT;
    let index = this.#free.findIndex((block) => block.end - block.start >= bytes);
    if (index < 0) {
      const added = this.memory.grow(bytes);
      if (added === undefined) {
        throw new OutOfMemoryError(
          `${where}: ${bytes} bytes were asked for beside the ${this.usedBytes} in use, and linear memory ` +
            `(${this.memory.reservedBytes} bytes) cannot grow so far; dispose what is no longer needed, or raise memory.maximumBytes`,
        );
      }
      this.#release(added);
      index = this.#free.findIndex((block) => block.end - block.start >= bytes);
    }
    const block = this.#free[index];
    if (block === undefined) throw new OutOfMemoryError(`${where}: linear memory gave less than ${bytes} bytes`);
    const pointer = block.start;
    block.start += bytes;
    if (block.start === block.end) this.#free.splice(index, 1);
    this.#sizes.set(pointer, bytes);
    this.usedBytes += bytes;
    this.memory.view(pointer, bytes / 8).fill(0);
    return pointer;
  }

  /** Gives a block back. An address that was never handed out, or twice, is left alone. */
  free(pointer: number): void {
    const bytes = this.#sizes.get(pointer);
    if (bytes === undefined) return;
    this.#sizes.delete(pointer);
    this.usedBytes -= bytes;
    this.#release({ start: pointer, end: pointer + bytes });
  }

  /** Puts a block among the free ones, joined with the neighbours that it touches. */
  #release(block: Block): void {
    const after = this.#free.findIndex((other) => other.start > block.start);
    const at = after < 0 ? this.#free.length : after;
    const left = this.#free[at - 1];
    const right = this.#free[at];
    if (right !== undefined && block.end === right.start) {
      right.start = block.start;
      if (left !== undefined && left.end === right.start) {
        left.end = right.end;
        this.#free.splice(at, 1);
      }
    } else if (left !== undefined && left.end === block.start) left.end = block.end;
    else this.#free.splice(at, 0, { ...block });
  }
}

/** Blocks that live and die together. */
export class Scope {
  readonly #blocks = new Set<number>();

  constructor(readonly arena: Arena) {}

  allocate(where: string, length: number): number {
    const pointer = this.arena.allocate(where, length);
    this.#blocks.add(pointer);
    return pointer;
  }

  /** Several blocks, all or none. */
  allocateAll(where: string, lengths: readonly number[]): number[] {
    const pointers: number[] = [];
    try {
      for (const length of lengths) pointers.push(this.allocate(where, length));
    } catch (error) {
      for (const pointer of pointers) this.free(pointer);
      throw error;
    }
    return pointers;
  }

  free(pointer: number): void {
    if (this.#blocks.delete(pointer)) this.arena.free(pointer);
  }

  dispose(): void {
    for (const pointer of this.#blocks) this.arena.free(pointer);
    this.#blocks.clear();
  }
}
