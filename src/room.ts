import type { Scope } from "./backend/arena";

/** Buffers for some rows, which grow when more are asked for. */
export interface Room {
  /** Rows that there is room for. */
  readonly rows: number;
  reserve(where: string, rows: number): void;
  dispose(): void;
}

/** Gives back what a room has grown by since it had `rows`: a failure keeps nothing. */
export function shrink(room: Room, rows: number): void {
  if (room.rows <= rows) return;
  room.dispose();
  room.reserve("shrink", rows);
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
