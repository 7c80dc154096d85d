import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors";
import { type Json, parseJson } from "../../src/files/json";

/** As JSON.parse would give it, without its own properties' setters: `__proto__` stays a key. */
function plain(value: Json): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  const object = {};
  for (const [key, member] of value) {
    Object.defineProperty(object, key, { value: plain(member), enumerable: true, configurable: true, writable: true });
  }
  return object;
}

function errorOf(text: string): FormatError {
  try {
    parseJson("here", text);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  throw new Error(`accepted: ${text.slice(0, 100)}`);
}

const atEnd = "the end of the text was found";
/** Text, what the message says after `here: at character `. */
const malformed: readonly (readonly [string, string])[] = [
  ["", `0: ${atEnd}, a value was expected`],
  [" \t\r\n", `4: ${atEnd}, a value was expected`],
  ["\ufeff1", '0: "\ufeff" was found, a value was expected'],
  ["\u00a01", '0: "\u00a0" was found, a value was expected'],
  ["\v1", '0: "\\u000b" was found, a value was expected'],
  ["1 2", '2: "2" was found, the end of the text was expected'],
  ["{}}", '2: "}" was found, the end of the text was expected'],
  ["null,", '4: "," was found, the end of the text was expected'],
  ["1\0", '1: "\\u0000" was found, the end of the text was expected'],
  ["nul", '0: "nul" was found, a value was expected'],
  ["True", '0: "True" was found, a value was expected'],
  ["trux", '0: "trux" was found, a value was expected'],
  ["fals", '0: "fals" was found, a value was expected'],
  ["truer", '4: "r" was found, the end of the text was expected'],
  ["NaN", '0: "NaN" was found, a value was expected'],
  ["Infinity", '0: "Infinity" was found, a value was expected'],
  ["-Infinity", '1: "Infinity" was found, a digit was expected'],
  ["+1", '0: "+" was found, a value was expected'],
  ["-", `1: ${atEnd}, a digit was expected`],
  ["--1", '1: "-" was found, a digit was expected'],
  ["01", '1: "1" was found, the end of the text was expected'],
  ["-00", '2: "0" was found, the end of the text was expected'],
  [".5", '0: "." was found, a value was expected'],
  ["1.", `2: ${atEnd}, a digit was expected`],
  ["1.e3", '2: "e3" was found, a digit was expected'],
  ["1e", `2: ${atEnd}, a digit was expected`],
  ["1E+", `3: ${atEnd}, a digit was expected`],
  ["1e--2", '3: "-" was found, a digit was expected'],
  ["0x10", '1: "x10" was found, the end of the text was expected'],
  ["1_000", '1: "_000" was found, the end of the text was expected'],
  ["1n", '1: "n" was found, the end of the text was expected'],
  ["\u0661", '0: "\u0661" was found, a value was expected'],
  ["[1e309]", '1: the number "1e309" was found, a number of at most 1.8e308 was expected'],
  ["[-1e309]", '1: the number "-1e309" was found, a number of at most 1.8e308 was expected'],
  ["[", `1: ${atEnd}, a value was expected`],
  ["[1", `2: ${atEnd}, "," or "]" was expected`],
  ["[1,]", '3: "]" was found, a value was expected'],
  ["[,1]", '1: "," was found, a value was expected'],
  ["[1 2]", '3: "2" was found, "," or "]" was expected'],
  ["[1}", '2: "}" was found, "," or "]" was expected'],
  ["]", '0: "]" was found, a value was expected'],
  ["{", `1: ${atEnd}, a key in double quotes was expected`],
  ["{a:1}", '1: "a" was found, a key in double quotes was expected'],
  ["{1:1}", '1: "1" was found, a key in double quotes was expected'],
  ["{'a':1}", '1: "\'" was found, a key in double quotes was expected'],
  ['{"a"}', '4: "}" was found, ":" was expected'],
  ['{"a" 1}', '5: "1" was found, ":" was expected'],
  ['{"a":}', '5: "}" was found, a value was expected'],
  ['{"a":1', `6: ${atEnd}, "," or "}" was expected`],
  ['{"a":1,}', '7: "}" was found, a key in double quotes was expected'],
  ['{"a":1]', '6: "]" was found, "," or "}" was expected'],
  ['{"a":1 /**/}', '7: "/" was found, "," or "}" was expected'],
  ['{"a":1, "a":1}', '8: the key "a" once more was found, each key once was expected'],
  ['[{"b":0,"\\u0062":1}]', '8: the key "b" once more was found, each key once was expected'],
  ['{"__proto__":1,"__proto__":2}', '15: the key "__proto__" once more was found, each key once was expected'],
  ['"', `1: ${atEnd}, the end of the string that begins at character 0 was expected`],
  ['["abc]', `6: ${atEnd}, the end of the string that begins at character 1 was expected`],
  ['"a\nb"', '2: "\\n" was found, an escape for it was expected'],
  ['"\0"', '1: "\\u0000" was found, an escape for it was expected'],
  ['"\u001f"', '1: "\\u001f" was found, an escape for it was expected'],
  ['"\\', `2: ${atEnd}, one of "\\/bfnrtu after a backslash was expected`],
  ['"\\x41"', '2: "x41" was found, one of "\\/bfnrtu after a backslash was expected'],
  ['"\\N"', '2: "N" was found, one of "\\/bfnrtu after a backslash was expected'],
  ['"\\u12g4"', '5: "g4" was found, a hexadecimal digit of an escape was expected'],
  ['"\\u12"', '5: "\\"" was found, a hexadecimal digit of an escape was expected'],
  ['"\\u-123"', '3: "-" was found, a hexadecimal digit of an escape was expected'],
  ['"\\u@000"', '3: "@" was found, a hexadecimal digit of an escape was expected'],
  ['"\\uG000"', '3: "G000" was found, a hexadecimal digit of an escape was expected'],
];

describe("parseJson", () => {
  it.each(malformed)("refuses %j", (text, message) => {
    expect(errorOf(text).message).toBe(`here: at character ${message}`);
    // what JSON.parse takes nevertheless is what the comment of parseJson says
    if (!/once more|1\.8e308/.test(message)) expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  it.each([
    ...["0", "-0", "1", "-1.5e-3", "1E+2", "12.50", "1e308", "1e-400", "5e-324", "9007199254740993", "0e0", "-0.0"],
    ...["true", "false", "null", " [ ] ", "{ }", "[{}]", "[[1, 2],\t[3]]\r\n", '{"a":{"b":[null]} , "":0}', '""'],
    ...['"plain"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u0041\\u00e9\\uD83D\\uDE00"', '"😀\u2028\u007f"', '"a\\nb\\tc"'],
    ...['"\\ud800"', '"\ud800"', '"\\uaBcD"', '{"__proto__":{"x":1},"constructor":2}', '{"2":0,"1":0}'],
    `"${"12345678901234567890\\n".repeat(10000)}end"`,
    `"${"\\u0000".repeat(10000)}"`,
    `[${"1,".repeat(10000)}1]`,
    "9".repeat(300),
    `0.${"3".repeat(1e6)}`,
    `${"[".repeat(64)}${"]".repeat(64)}`,
  ])("reads %.40j as JSON.parse does", (text) => {
    expect(plain(parseJson("here", text))).toStrictEqual(JSON.parse(text)); // toStrictEqual tells -0 from 0
  });

  it("keeps the order of the keys, and __proto__ as one of them", () => {
    const object = parseJson("here", '{"b":1,"10":2,"2":3,"__proto__":4}') as ReadonlyMap<string, Json>;
    expect([...object]).toEqual([
      ["b", 1],
      ["10", 2],
      ["2", 3],
      ["__proto__", 4],
    ]);
  });

  it("goes 64 levels deep and no deeper, whatever the depth that is asked for", () => {
    const levels = (count: number, [open, close]: readonly [string, string]) =>
      open.repeat(count) + close.repeat(count);
    expect(errorOf(levels(65, ["[", "]"])).message).toBe(
      "here: at character 64: level 65 of arrays and objects inside one another was found, at most 64 was expected",
    );
    expect(errorOf("[".repeat(1e6)).message).toMatch(/^here: at character 64: level 65/);
    expect(errorOf('{"a":'.repeat(1e6)).message).toMatch(/^here: at character 320: level 65/);
    // siblings are no levels
    expect(parseJson("here", `[${Array(1000).fill("[[{}]]").join()}]`)).toHaveLength(1000);
  });

  it("refuses a text that is too long before it reads it", () => {
    expect(errorOf(" ".repeat(100_000_001)).message).toBe(
      "here: 100000001 characters were found, at most 100000000 were expected",
    );
  });

  it("shows little of what is long", () => {
    const long = "x".repeat(1e6);
    for (const text of [long, `{"${long}":1,"${long}":1}`, "9".repeat(1e6), `"${long}`, `"\\${long}"`, `{${long}`]) {
      expect(errorOf(text).message.length).toBeLessThan(250);
    }
    expect(errorOf(`{"${long}":1,"${long}":1}`).message).toContain('x" and 999960 characters more once more was found');
  });

  it("reads any value as JSON.parse does", () => {
    fc.assert(
      fc.property(
        fc.json({ stringUnit: "binary", maxDepth: 6 }),
        fc.constantFrom(undefined, 1, "\t", "\r\n "),
        (json, space) => {
          const text = JSON.stringify(JSON.parse(json), null, space);
          expect(plain(parseJson("here", text))).toStrictEqual(JSON.parse(text));
        },
      ),
      { numRuns: 1000, seed: 1 },
    );
  });

  it("takes what JSON.parse takes of damaged texts and nothing else", () => {
    const marks = [..."[]{}:,\"\\ \t\n\0-+.eEu0159tfnalsr/'\ufeff\ud800é"];
    const edit = fc.record({
      at: fc.nat({ max: 10000 }),
      removed: fc.nat({ max: 2 }),
      added: fc.array(fc.constantFrom(...marks), { maxLength: 3 }),
    });
    const number = fc.constantFrom("0", "-0", "-1.5E-7", "12e+3", "1.25", "7e300", "-31", "4e-5");
    const seen = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        number,
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        (json, n, edits) => {
          let text = `{"a\\n\\u00e9":${n},"b":[${json},true,null]}`;
          for (const { at, removed, added } of edits) {
            const from = at % (text.length + 1);
            text = text.slice(0, from) + added.join("") + text.slice(from + removed);
          }
          let expected: unknown;
          let valid = true;
          try {
            expected = JSON.parse(text);
          } catch {
            valid = false;
          }
          seen[valid ? "taken" : "refused"]++;
          if (!valid) {
            expect(errorOf(text).message).toMatch(/^here: at character \d+: .+ was found, .+ was expected$/su);
            return;
          }
          let value: Json;
          try {
            value = parseJson("here", text);
          } catch (error) {
            // the two rules that JSON.parse has not
            expect(error).toBeInstanceOf(FormatError);
            expect((error as FormatError).message).toMatch(/each key once|at most 1\.8e308/);
            return;
          }
          expect(plain(value)).toStrictEqual(expected);
        },
      ),
      { numRuns: 5000, seed: 2 },
    );
    expect(seen.taken).toBeGreaterThan(500);
    expect(seen.refused).toBeGreaterThan(500);
  });
});
