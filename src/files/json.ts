import { cut, FormatError } from "../errors";

/** What a JSON text says. An object is a Map, so that `__proto__` is a key like any other. */
export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>;

/** Arrays and objects inside one another; without a limit a text could use up the stack. */
const MAX_DEPTH = 64;
/** Characters of a text: in no more than these there are more keys or entries than an engine takes (2^24, 2^27 in V8). */
const MAX_LENGTH = 100_000_000;
/** Pieces of a string with escapes that are kept before they are joined: each costs more than the text it came from. */
const MAX_PIECES = 4096;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/**
 * The value of a JSON text (RFC 8259), in linear time. Stricter than JSON.parse, which takes the last of equal keys and
 * makes Infinity of 1e999, in silence: here a key stands once and a number is finite. At most 64 levels deep and
 * 100,000,000 characters long.
 * Throws a FormatError `where: at character N: what was found, what was expected`; the first character is number 0.
 */
export function parseJson(where: string, text: string): Json {
  if (text.length > MAX_LENGTH) {
    throw new FormatError(`${where}: ${text.length} characters were found, at most ${MAX_LENGTH} were expected`);
  }
  return new Parser(where, text).document();
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json | undefined): value is ReadonlyMap<string, Json> {
  return value instanceof Map;
}

export function fail(where: string, found: string, expected: string): never {
  throw new FormatError(`${where}: ${found} was found, ${expected} was expected`);
}

/** How a value is shown in a message, always short. */
export function shownJson(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return cut(value);
  if (isArray(value)) return `an array of ${value.length}`;
  if (isObject(value)) return `an object with ${value.size} keys`;
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Each method starts at the character that is next and leaves the one after what it has read as the next. */
class Parser {
  #at = 0;
  #depth = 0;

  constructor(
    readonly where: string,
    readonly text: string,
  ) {}

  document(): Json {
    const value = this.#value();
    this.#space();
    if (this.#at < this.text.length) this.#fail(this.#at, "the end of the text");
    return value;
  }

  #value(): Json {
    this.#space();
    switch (this.text[this.#at]) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
    }
    const code = this.text.charCodeAt(this.#at);
    if (code === 0x2d || isDigit(code)) return this.#number();
    return this.#fail(this.#at, "a value");
  }

  #object(): Json {
    const members = new Map<string, Json>();
    this.#open();
    if (this.#take("}")) return this.#close(members);
    do {
      this.#space();
      const at = this.#at;
      if (this.text[at] !== '"') this.#fail(at, "a key in double quotes");
      const key = this.#string();
      if (members.has(key)) this.#fail(at, "each key once", `the key ${cut(key)} once more`);
      if (!this.#take(":")) this.#fail(this.#at, `":"`);
      members.set(key, this.#value());
    } while (this.#take(","));
    if (!this.#take("}")) this.#fail(this.#at, `"," or "}"`);
    return this.#close(members);
  }

  #array(): Json {
    const entries: Json[] = [];
    this.#open();
    if (this.#take("]")) return this.#close(entries);
    do entries.push(this.#value());
    while (this.#take(","));
    if (!this.#take("]")) this.#fail(this.#at, `"," or "]"`);
    return this.#close(entries);
  }

  #open(): void {
    if (this.#depth === MAX_DEPTH) {
      this.#fail(this.#at, `at most ${MAX_DEPTH}`, `level ${MAX_DEPTH + 1} of arrays and objects inside one another`);
    }
    this.#depth++;
    this.#at++;
  }

  #close(value: Json): Json {
    this.#depth--;
    return value;
  }

  #string(): string {
    const { text } = this;
    const open = this.#at;
    let joined = "";
    let pieces: string[] = [];
    let from = open + 1; // of the run of characters that stand for themselves
    let at = from;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (code === 0x5c) {
        pieces.push(text.slice(from, at), this.#escape(at));
        if (pieces.length >= MAX_PIECES) {
          joined += pieces.join("");
          pieces = [];
        }
        at += text[at + 1] === "u" ? 6 : 2;
        from = at;
      } else if (code >= 0x20) {
        at++;
      } else {
        // a control character, or NaN after the last one
        this.#fail(
          at,
          at < text.length ? "an escape for it" : `the end of the string that begins at character ${open}`,
        );
      }
    }
    this.#at = at + 1;
    const last = text.slice(from, at);
    return from === open + 1 ? last : joined + pieces.join("") + last;
  }

  /** What the escape at `at` stands for. Half a surrogate pair may stand alone, as it may for JSON.parse. */
  #escape(at: number): string {
    const letter = this.text[at + 1] ?? "";
    if (letter === "u") {
      let code = 0;
      for (let i = at + 2; i < at + 6; i++) {
        const digit = hexDigit(this.text.charCodeAt(i));
        if (digit < 0) this.#fail(i, "a hexadecimal digit of an escape");
        code = 16 * code + digit;
      }
      return String.fromCharCode(code);
    }
    return ESCAPES.get(letter) ?? this.#fail(at + 1, 'one of "\\/bfnrtu after a backslash');
  }

  #number(): number {
    const { text } = this;
    const start = this.#at;
    let at = text[start] === "-" ? start + 1 : start;
    // after a leading 0 a digit is one too many, and whoever reads on says so
    at = text[at] === "0" ? at + 1 : this.#digits(at);
    if (text[at] === ".") at = this.#digits(at + 1);
    if (text[at] === "e" || text[at] === "E") {
      at++;
      at = this.#digits(text[at] === "+" || text[at] === "-" ? at + 1 : at);
    }
    const digits = text.slice(start, at);
    const value = Number(digits);
    if (!Number.isFinite(value)) this.#fail(start, "a number of at most 1.8e308", `the number ${cut(digits)}`);
    this.#at = at;
    return value;
  }

  /** The place after one or more digits. By hand: on megabytes of digits a regular expression runs out of stack. */
  #digits(from: number): number {
    let at = from;
    while (isDigit(this.text.charCodeAt(at))) at++;
    if (at === from) this.#fail(at, "a digit");
    return at;
  }

  #word<Value extends Json>(word: string, value: Value): Value {
    if (!this.text.startsWith(word, this.#at)) this.#fail(this.#at, "a value");
    this.#at += word.length;
    return value;
  }

  #space(): void {
    for (; this.#at < this.text.length; this.#at++) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  /** Whether `mark` is next, after space; if so, it is read. */
  #take(mark: string): boolean {
    this.#space();
    const found = this.text[this.#at] === mark;
    if (found) this.#at++;
    return found;
  }

  #fail(at: number, expected: string, found = this.#found(at)): never {
    fail(`${this.where}: at character ${at}`, found, expected);
  }

  /** The beginning of a word, or one character. */
  #found(at: number): string {
    if (at >= this.text.length) return "the end of the text";
    const [word = ""] = /^(?:\w+|.)/su.exec(this.text.slice(at, at + 20)) ?? [];
    return JSON.stringify(word);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The value of a hexadecimal digit, -1 if it is none. */
function hexDigit(code: number): number {
  if (isDigit(code)) return code - 0x30;
  const letter = code | 0x20; // small
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
