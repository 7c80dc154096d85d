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
