import { cut } from "../errors";
import { fail, isArray, isObject, type Json, shownJson } from "./json";

/** A JSON object of which every key is known: fields are taken one after the other, and none may be left. */
export class Fields {
  readonly #left: Map<string, Json>;

  /** Throws a FormatError where `value` is no object. */
  constructor(
    readonly where: string,
    value: Json | undefined,
  ) {
    this.#left = new Map(isObject(value) ? value : fail(where, shownJson(value), "an object"));
  }

  /** Any value, which is to be there. */
  take(name: string): Json {
    const value = this.#left.get(name);
    if (value === undefined) return fail(this.where, `no ${name}`, "one");
    this.#left.delete(name);
    return value;
  }

  text(name: string): string {
    const value = this.take(name);
    return typeof value === "string" ? value : fail(`${this.where}: ${name}`, shownJson(value), "a string");
  }

  flag(name: string): boolean {
    const value = this.take(name);
    return typeof value === "boolean" ? value : fail(`${this.where}: ${name}`, shownJson(value), "true or false");
  }

  /** A whole number from `least` on. */
  whole(name: string, least: number): number {
    return wholeOf(`${this.where}: ${name}`, this.take(name), least);
  }

  /** Throws unless it is the one that this release reads. */
  version(known: number): void {
    const version = this.whole("version", 1);
    if (version === known) return;
    fail(`${this.where}: version`, `${version}`, `${known}, which is all that this release reads,`);
  }

  list(name: string): readonly Json[] {
    const value = this.take(name);
    return isArray(value) ? value : fail(`${this.where}: ${name}`, shownJson(value), "an array");
  }

  /** Throws where a key is left that nobody has asked for. */
  close(): void {
    for (const key of this.#left.keys()) fail(this.where, `the key ${cut(key)}`, "none but those that are known");
  }

  /** All that is left, as a plain object. */
  rest(): Record<string, unknown> {
    return plainObject(this.where, this.#left);
  }
}

export function wholeOf(where: string, value: Json | undefined, least: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && !Object.is(value, -0)) return value;
  return fail(where, shownJson(value), `a whole number from ${least} to ${Number.MAX_SAFE_INTEGER}`);
}

/** A JSON value of plain objects and arrays. Throws a FormatError for the key __proto__, which assigns to something else. */
export function plain(where: string, value: Json): unknown {
  if (isArray(value)) return value.map((entry, i) => plain(`${where}[${i}]`, entry));
  return isObject(value) ? plainObject(where, value) : value;
}

function plainObject(where: string, value: ReadonlyMap<string, Json>): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, entry] of value) {
    if (key === "__proto__") fail(where, 'the key "__proto__"', "another one");
    object[key] = plain(`${where}: ${cut(key)}`, entry);
  }
  return object;
}
