import type { LinearMemory } from "../backend/arena";

/** Segments start at multiples of this: an address's upper bits name its segment. */
const SHIFT = 20;
const SEGMENT = 1 << SHIFT;
/** A cache line. */
const LINE = 64;
/** What is taken at once where less is asked for. */
const CHUNK = 16 * SEGMENT;
const MAXIMUM_BYTES = 2 ** 32;

/**
 * Linear memory without WebAssembly: one address space made of ordinary arrays, since an ArrayBuffer cannot grow
 * without killing its views. A block lies in one array, so a kernel finds it in two look-ups.
 */
export class JsMemory implements LinearMemory {
  readonly #arrays: Float64Array[] = [];
  readonly #bases: number[] = [];
  reservedBytes = 0;

  /** `initialBytes` are taken with the first block. */
  constructor(
    readonly maximumBytes = MAXIMUM_BYTES,
    readonly initialBytes = 0,
  ) {}

  /** The array that holds an address. */
  array(pointer: number): Float64Array {
    return this.#arrays[pointer >>> SHIFT] as Float64Array;
  }

  /** The index in that array. */
  index(pointer: number): number {
    return (pointer - (this.#bases[pointer >>> SHIFT] as number)) >>> 3;
  }

  grow(bytes: number): { start: number; end: number } | undefined {
    const start = this.#arrays.length * SEGMENT;
    const wanted = Math.max(bytes + 2 * LINE, start === 0 ? this.initialBytes : 0, CHUNK);
    const size = Math.floor(Math.min(wanted, this.maximumBytes - this.reservedBytes) / LINE) * LINE;
    if (size < bytes + 2 * LINE || start + size > MAXIMUM_BYTES) return undefined;
    try {
      const array = new Float64Array(size / 8);
      for (let base = start; base < start + size; base += SEGMENT) {
        this.#arrays.push(array);
        this.#bases.push(start);
      }
    } catch {
      return undefined;
    }
    this.reservedBytes += size;
    // a line left out at the end, so that no block is joined with one of the next array, and at 0, which means none
    return { start: Math.max(start, LINE), end: start + size - LINE };
  }

  view(pointer: number, length: number): Float64Array {
    const at = this.index(pointer) * 8;
    return new Float64Array(this.array(pointer).buffer, at, length);
  }
}
