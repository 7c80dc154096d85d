import { readFile } from "node:fs/promises";

/** Numbers like those that our own variants get, in the peer's kind of array. */
export function fill(length, ArrayType = Float64Array, scale = 1) {
  const values = new ArrayType(length);
  for (let i = 0; i < length; i++) values[i] = scale * Math.sin(i);
  return values;
}

export function labels({ samples, dims }) {
  return Int32Array.from({ length: samples }, (_, i) => i % dims.at(-1));
}

/** Another order of the samples for each epoch (Fisher and Yates). */
export function shuffle(order) {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}

export async function versionOf(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(await readFile(file, "utf8")).version;
}
