import type { LinearMemory } from "./arena";

const PAGE = 65536;
/** Bytes at the end of memory that nobody is given: gemm reads its last panel as wide as a tile (assembly/gemm.ts). */
const SPARE = 64;

/** One shared WebAssembly.Memory that grows in place: a view of it never goes dead. */
export class WasmMemory implements LinearMemory {
  /** The first byte that nothing has handed out yet. */
  #end = 0;

  private constructor(
    readonly memory: WebAssembly.Memory,
    readonly maximumBytes: number,
    /** A sentence where it is smaller than was asked for. */
    readonly refused: string | undefined,
  ) {}

  /**
   * A memory that can grow to `maximumBytes`, or, where the host refuses to set so much address space aside, to
   * a half, a quarter and so on of it, down to `least`. undefined where shared memory is not to be had.
   */
  static create(initialBytes: number, maximumBytes = 2 ** 32, least = PAGE): WasmMemory | undefined {
    const most = Math.floor(maximumBytes / PAGE);
    const smallest = Math.ceil(least / PAGE);
    const wanted = Math.min(most, Math.max(1, Math.ceil(initialBytes / PAGE)));
    for (let maximum = most; maximum >= smallest; maximum = Math.floor(maximum / 2)) {
      const initial = Math.min(wanted, maximum);
      try {
        const memory = new WebAssembly.Memory({ initial, maximum, shared: true });
        const refused =
          maximum < most
            ? `Linear memory can grow to ${maximum * PAGE} bytes, not to ${most * PAGE}: this host sets no more address space aside.`
            : undefined;
        return new WasmMemory(memory, maximum * PAGE, refused);
      } catch {
        // refused at this size: try half of it
      }
    }
    return undefined;
  }

  get reservedBytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Leaves the first bytes to the module. */
  skip(bytes: number): void {
    this.#end = Math.ceil(bytes / 64) * 64;
  }

  grow(bytes: number): { start: number; end: number } | undefined {
    const start = this.#end;
    const missing = start + bytes + SPARE - this.reservedBytes;
    if (missing > 0) {
      // a quarter more than is needed now, so that many small blocks do not each pay for a call
      const reserve = Math.min(this.reservedBytes / 4, this.maximumBytes - this.reservedBytes - missing);
      if (!this.#growBy(missing + Math.max(0, reserve)) && !this.#growBy(missing)) return undefined;
    }
    this.#end = this.reservedBytes - SPARE;
    return { start, end: this.#end };
  }

  #growBy(bytes: number): boolean {
    const pages = Math.ceil(bytes / PAGE);
    if (this.reservedBytes + pages * PAGE > this.maximumBytes) return false;
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }

  view(pointer: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, pointer, length);
  }
}
