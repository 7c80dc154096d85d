import { ArgumentError, shown } from "../errors";

/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** An object of the user's, saved with the network. */
export type Metadata = { [key: string]: JsonValue };

/** Objects and arrays inside one another, at most: what can be read again. */
const MAX_DEPTH = 32;

/** The text of an object. Throws an ArgumentError that names the place of what JSON does not hold as it is. */
export function metadataText(where: string, metadata: unknown): string {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    throw new ArgumentError(`${where}: ${shown(metadata)} was given, an object was expected`);
  }
  check(where, metadata, 1);
  return JSON.stringify(metadata);
}

function check(where: string, value: unknown, depth: number): void {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (typeof value === "string" && !/\p{Surrogate}/u.test(value)) return;
  if (depth > MAX_DEPTH) {
    throw new ArgumentError(
      `${where}: more than ${MAX_DEPTH} objects inside one another were given, fewer were expected`,
    );
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(`${where}[${i}]`, value[i], depth + 1);
    return;
  }
  const prototype = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (typeof value === "object" && (prototype === Object.prototype || prototype === null)) {
    for (const [key, entry] of Object.entries(value)) {
      if (key === "__proto__") throw new ArgumentError(`${where}: the key "__proto__" was given, another was expected`);
      check(`${where}: ${key}`, key, depth);
      check(`${where}.${key}`, entry, depth + 1);
    }
    return;
  }
  throw new ArgumentError(
    `${where}: ${shown(value)} was given, what JSON can hold (null, true or false, a finite number, text, an array, a plain object) was expected`,
  );
}
