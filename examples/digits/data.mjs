import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";

/** Rows held out by the fixed shuffle, of 1,797. */
const HELD_OUT = 360;

/**
 * The digits of data/digits.csv: 8 x 8 pixels, scaled to 0 ... 1, and the class of each. One fixed shuffle, the same in
 * every run whatever its seed, holds 360 rows out.
 */
export async function readDigits() {
  const file = new URL("../../data/digits.csv", import.meta.url);
  const rows = parse(await readFile(file), { from_line: 2, cast: true });
  shuffle(rows);
  return { heldOut: toData(rows.slice(0, HELD_OUT)), training: toData(rows.slice(HELD_OUT)) };
}

/** Rows of pixels and a label, as what a network takes. */
function toData(rows) {
  return {
    inputs: Float64Array.from(rows.flatMap((row) => row.slice(0, 64).map((pixel) => pixel / 16))),
    targets: Int32Array.from(rows, (row) => row[64]),
  };
}

/** Fisher and Yates, on a generator that is part of this file: the split never changes. */
function shuffle(rows) {
  let state = 20261124;
  for (let i = rows.length - 1; i > 0; i--) {
    // Lehmer's generator, 48271 modulo 2^31 - 1: the products stay below 2^53
    state = (state * 48271) % 2147483647;
    const j = Math.floor((state / 2147483647) * (i + 1));
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
}
