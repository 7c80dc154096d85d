import type { Scope } from "./backend/arena";

/** Buffers for some rows, which grow when more are asked for. */
export interface Room {
  /** Rows that there is room for. */
  readonly rows: number;
  reserve(where: string, rows: number): void;
  dispose(): void;
}

/** How many rows each of them has room for, into an array that a step has had before: it makes none. */
export function rowsOf(rooms: readonly Room[], into: number[]): readonly number[] {
  for (let r = 0; r < rooms.length; r++) into[r] = (rooms[r] as Room).rows;
  return into;
}

/** Gives back what rooms have grown by since they had `rows`: a failure keeps nothing. */
export function shrink(rooms: readonly Room[], rows: readonly number[]): void {
  rooms.forEach((room, r) => {
    const before = rows[r] as number;
    if (room.rows <= before) return;
    room.dispose();
    room.reserve("shrink", before);
  });
}

/** Does what may make room; where it fails nothing of that is kept. */
export function givingBack<Result>(rooms: readonly Room[], action: () => Result): Result {
  const rows = rowsOf(rooms, []);
  try {
    return action();
  } catch (error) {
    shrink(rooms, rows);
    throw error;
  }
}

/** Room for rows of one width. */
export class Rows implements Room {
  rows = 0;
  pointer = 0;
  view: Float64Array = new Float64Array(0);

  constructor(
    readonly scope: Scope,
    readonly width: number,
  ) {}

  reserve(where: string, rows: number): void {
    if (rows <= this.rows) return;
    const pointer = this.scope.allocate(where, rows * this.width);
    this.dispose();
    this.pointer = pointer;
    this.view = this.scope.arena.memory.view(pointer, rows * this.width);
    this.rows = rows;
  }

  dispose(): void {
    this.scope.free(this.pointer);
    this.pointer = 0;
    this.rows = 0;
  }
}
