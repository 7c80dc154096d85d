/**
 * Every error of the library. A message reads `where: what was given, what was expected`, with both
 * numbers. After any of them the backend still works, and nothing has leaked.
 */
export class WasmgradError extends Error {
  override name = "WasmgradError";
}

/** Sizes that do not fit: lengths, rows, columns, ranks. */
export class ShapeError extends WasmgradError {
  override name = "ShapeError";
}

/** A value, name or combination that is not allowed. */
export class ArgumentError extends WasmgradError {
  override name = "ArgumentError";
}

/** Something that was disposed has been used. */
export class DisposedError extends WasmgradError {
  override name = "DisposedError";
}

/** A second `fit` on a network that is in training, or a call on one that is waiting for a loss of one's own. */
export class BusyError extends WasmgradError {
  override name = "BusyError";
}

/** Linear memory cannot grow as far as was asked. */
export class OutOfMemoryError extends WasmgradError {
  override name = "OutOfMemoryError";
}

/** A cost or gradient that is not finite: the parameters are those before the step that it would have been. */
export class DivergedError extends WasmgradError {
  override name = "DivergedError";

  constructor(
    message: string,
    /** Of the trainer, 1 at its first. */
    readonly step: number,
    /** Index of the layer where it was first seen. */
    readonly layer: number,
  ) {
    super(message);
  }
}

/** A file, or bytes, that is not what it should be. */
export class FormatError extends WasmgradError {
  override name = "FormatError";
}

/** A thread of the backend failed. */
export class WorkerError extends WasmgradError {
  override name = "WorkerError";
}

/** What was thrown, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Characters of a text that a message shows. */
const SHOWN = 100;

/** How a value is shown in a message: short, and never failing. */
export function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return quoted(value, SHOWN);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return Array.isArray(value)
    ? `an array of ${value.length}`
    : `${/^([AEIO]|U(?!int))/.test(kind) ? "an" : "a"} ${kind}`;
}

/** A text in quotes, cut after so many characters. */
export function quoted(text: string, most: number): string {
  if (text.length <= most) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, most))} and ${text.length - most} characters more`;
}

/** The same, cut short: what is shown in a message may come from anywhere. */
export function cut(text: string): string {
  return quoted(text, 40);
}

/** Throws an ArgumentError unless `value` is a whole number from `minimum` to `maximum`. */
export function checkWhole(where: string, value: unknown, minimum: number, maximum = Number.MAX_SAFE_INTEGER): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum) return;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  throw new ArgumentError(`${where}: ${shown(value)} was given, a whole number ${range} was expected`);
}

/** Throws an ArgumentError unless `value` is a finite number and `accepts` it; `expected` says what is. */
export function checkNumber(
  where: string,
  value: unknown,
  expected = "a finite number",
  accepts: (value: number) => boolean = () => true,
): void {
  if (typeof value === "number" && Number.isFinite(value) && accepts(value)) return;
  throw new ArgumentError(`${where}: ${shown(value)} was given, ${expected} was expected`);
}

/** Throws an ArgumentError where `options` is no object, or has a key that is not among `known`. */
export function checkOptions(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError(`${where}: ${shown(options)} was given, an object with ${known.join(", ")} was expected`);
  }
  // the keys of Object.keys, without the array of them and a text for each: predict comes by here every time
  for (const key in options) {
    if (!known.includes(key) && Object.hasOwn(options, key)) checkName(`${where}: option`, key, known);
  }
}

/** Throws an ArgumentError unless `value` is true or false. */
export function checkBoolean(where: string, value: unknown): asserts value is boolean {
  if (typeof value === "boolean") return;
  throw new ArgumentError(`${where}: ${shown(value)} was given, true or false was expected`);
}

/** Throws an ArgumentError that lists `known`, the nearest first, unless `name` is one of them. */
export function checkName<Name extends string>(
  where: string,
  name: unknown,
  known: readonly Name[],
): asserts name is Name {
  if (known.some((candidate) => candidate === name)) return;
  const given = (typeof name === "string" ? name : shown(name)).slice(0, SHOWN);
  const nearest = [...known].sort((a, b) => editDistance(given, a) - editDistance(given, b));
  throw new ArgumentError(`${where}: ${shown(name)} was given, one of ${nearest.join(", ")} was expected`);
}

/** Levenshtein's distance, capitals ignored. */
function editDistance(from: string, to: string): number {
  const a = from.toLowerCase();
  const b = to.toLowerCase();
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
