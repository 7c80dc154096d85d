import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ArgumentError, FormatError, OutOfMemoryError, ShapeError, WasmgradError } from "../../src/errors";
import { decodeSafetensors } from "../../src/files/decodeSafetensors";
import { encodeSafetensors } from "../../src/files/encodeSafetensors";
import type { SafetensorsFile, Tensor } from "../../src/files/safetensors";

/** A file of this header, as text or bytes, and that many bytes of data, put together by hand. */
function fileOf(header: unknown, dataLength = 0): Uint8Array {
  const text = header instanceof Uint8Array || typeof header === "string" ? header : JSON.stringify(header);
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Uint8Array.from(Buffer.concat([length, bytes, Buffer.alloc(dataLength)]));
}

const place = (shape: unknown, ...data_offsets: unknown[]) => ({ dtype: "F64", shape, data_offsets });

function errorOf(bytes: Uint8Array): Error {
  try {
    decodeSafetensors("file", bytes);
  } catch (error) {
    return error as Error;
  }
  throw new Error("the file was taken");
}

/** The bits of every tensor by name, with its shape; through a target that is somewhere inside of its buffer. */
function bitsOf(file: SafetensorsFile): [string, readonly number[], bigint[]][] {
  return [...file.tensors].map(([name, tensor]) => {
    expect(tensor.name).toBe(name);
    const room = new Float64Array(tensor.length + 3).fill(7);
    const target = room.subarray(2, 2 + tensor.length);
    tensor.copyTo(target);
    expect([room[0], room[1], room[tensor.length + 2]]).toEqual([7, 7, 7]);
    return [name, tensor.shape, bits(target)];
  });
}

function bits(values: Float64Array): bigint[] {
  return [...new BigUint64Array(values.slice().buffer)];
}

function fromBits(list: readonly bigint[]): Float64Array {
  return new Float64Array(BigUint64Array.from(list).buffer);
}

/** Signs, payloads of quiet and signalling NaNs, infinities, the smallest and the largest. */
const special = fromBits([
  ...[0x8000000000000000n, 0x7ff8000000000000n, 0x7ff8dead0000beefn, 0xfff4000000000001n, 0x7ff0000000000001n],
  ...[0x7ff0000000000000n, 0xfff0000000000000n, 1n, 0x7fefffffffffffffn, 0x0123456789abcdefn],
]);

const tensors: readonly Tensor[] = [
  { name: "weights", shape: [2, 3], values: Float64Array.of(1, -2, 3.5, 1e-300, 0.1, 6) },
  { name: "7", shape: [], values: Float64Array.of(-0) },
  { name: "empty", shape: [0, 4], values: new Float64Array(0) },
  { name: "3", shape: [10], values: special },
  { name: 'a "name"\\ é 😀\n', shape: [1, 1, 1, 1, 1, 1, 1, 2], values: Float64Array.of(8, 9) },
  { name: "__proto__", shape: [1], values: Float64Array.of(4) },
  { name: "", shape: [0], values: new Float64Array(0) },
];
const metadata = { b: "second", "1": "", "ключ \u0001": '{"json": "inside"}', a: "é😀" };

describe("encodeSafetensors", () => {
  it("writes the bytes that the format's description gives", () => {
    const bytes = encodeSafetensors(
      [
        { name: "w", shape: [2, 1], values: Float64Array.of(1, -2) },
        { name: "0", shape: [], values: Float64Array.of(0.5) },
      ],
      { made: "by hand" },
    );
    const header =
      '{"__metadata__":{"made":"by hand"},"w":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]},"0":{"dtype":"F64","shape":[],"data_offsets":[16,24]}}';
    const padded = header.padEnd(152);
    expect(padded.length % 8).toBe(0);
    expect(padded.length - header.length).toBeLessThan(8);
    expect(Buffer.from(bytes).toString("hex")).toBe(
      `9800000000000000${Buffer.from(padded).toString("hex")}000000000000f03f00000000000000c0000000000000e03f`,
    );
  });

  it("writes a file of nothing", () => {
    expect(Buffer.from(encodeSafetensors([], {})).toString("latin1")).toBe("\b\0\0\0\0\0\0\0{}      ");
    const file = decodeSafetensors("file", encodeSafetensors([], {}));
    expect([file.metadata.size, file.tensors.size]).toEqual([0, 0]);
  });

  it("aligns the numbers, whatever the length of the header", () => {
    for (let length = 0; length < 20; length++) {
      const bytes = encodeSafetensors([{ name: "é".repeat(length), shape: [1], values: Float64Array.of(3) }], {});
      const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      expect(header % 8).toBe(0);
      expect(bytes.length).toBe(8 + header + 8);
      expect(new Float64Array(bytes.buffer, 8 + header)[0]).toBe(3);
    }
  });

  const one = Float64Array.of(1);
  it.each<[string, unknown, unknown, unknown, RegExp]>([
    ["a name twice", [["a"], ["b"], ["a"]], {}, ArgumentError, /name of tensor 2: "a" was given, one that is neither/],
    ["the name __metadata__", [["__metadata__"]], {}, ArgumentError, /name of tensor 0: "__metadata__" was given/],
    ["a name that is none", [[3]], {}, ArgumentError, /name of tensor 0: 3 was given, a string was expected/],
    ["half a pair in a name", [["a\ud83d"]], {}, ArgumentError, /tensor 0: "a\\ud83d" was given, text without half/],
    ["half a pair in metadata", [], { a: "\ude00" }, ArgumentError, /metadata "a": "\\ude00" was given, text without/],
    ["half a pair in a key", [], { "\ude00": "" }, ArgumentError, /a key of the metadata: "\\ude00" was given/],
    ["metadata that are no text", [], { a: 1 }, ArgumentError, /metadata "a": 1 was given, a string was expected/],
    ["numbers of another kind", [["a", [1], [1]]], {}, ArgumentError, /tensor "a": an array of 1 was given, a Float64/],
    ["a shape that is none", [["a", 1]], {}, ArgumentError, /tensor "a": shape is 1, an array was expected/],
    ["a size of 1.5", [["a", [1, 1.5]]], {}, ArgumentError, /tensor "a": shape\[1\]: 1.5 was given, a whole number/],
    ["a size below 0", [["a", [-1]]], {}, ArgumentError, /tensor "a": shape\[0\]: -1 was given, a whole number/],
    ["a hole", [["a", Array(1)]], {}, ArgumentError, /tensor "a": shape\[0\]: undefined was given, a whole number/],
    ["too short a shape", [["a", [2]]], {}, ShapeError, /tensor "a": 1 values were given with the shape \[2\], 2 was/],
    ["an overflow", [["a", [2 ** 52, 2]]], {}, ShapeError, /1 values were given .* a shape of at most 2\^53 - 1/],
    ["9 dimensions", [["a", Array(9).fill(1)]], {}, ShapeError, /tensor "a": 9 dimensions were given, at most 8 were/],
    [
      "too long a header",
      [],
      { a: "x".repeat(1e8) },
      ArgumentError,
      /that take 1000000\d\d bytes were given, at most 100000000/,
    ],
  ])("refuses %s", (_, list, data, kind, message) => {
    const given = (list as [string, number[]?, Float64Array?][]).map(([name, shape = [1], values = one]) => ({
      name,
      shape,
      values,
    }));
    let thrown: unknown;
    try {
      encodeSafetensors(given, data as Record<string, string>);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(kind);
    expect((thrown as Error).message).toMatch(/^encodeSafetensors: /);
    expect((thrown as Error).message).toMatch(message);
  });

  it("says so where the host has no room", () => {
    // one array under many names: more bytes than an engine gives, without being there
    const values = new Float64Array(2 ** 20);
    const many = Array.from({ length: 2 ** 14 }, (_, i) => ({ name: `${i}`, shape: [2 ** 20], values }));
    const take = vi.spyOn(globalThis, "Uint8Array").mockImplementation(() => {
      throw new RangeError("no room");
    });
    try {
      expect(() => encodeSafetensors(many, {})).toThrow(OutOfMemoryError);
    } finally {
      take.mockRestore();
    }
  });
});

describe("a round trip", () => {
  it("keeps every bit, shape, name, text and their order", () => {
    const file = decodeSafetensors("file", encodeSafetensors(tensors, metadata));
    expect(bitsOf(file)).toEqual(tensors.map(({ name, shape, values }) => [name, shape, bits(values)]));
    expect([...file.metadata]).toEqual(Object.entries(metadata));
  });

  it("gives the same bytes every time, whatever memory the numbers are in", () => {
    const shared = tensors.map(({ name, shape, values }) => {
      const room = new Float64Array(new SharedArrayBuffer(8 * values.length + 16), 8, values.length);
      room.set(values);
      return { name, shape, values: room };
    });
    const bytes = encodeSafetensors(tensors, metadata);
    expect(encodeSafetensors(tensors, metadata)).toEqual(bytes);
    expect(encodeSafetensors(shared, metadata)).toEqual(bytes);
  });

  it("reads from anywhere: unaligned, shared, a Buffer; into shared memory", () => {
    const bytes = encodeSafetensors(tensors, metadata);
    const expected = bitsOf(decodeSafetensors("file", bytes));
    for (let shift = 0; shift < 9; shift++) {
      for (const buffer of [new ArrayBuffer(bytes.length + 20), new SharedArrayBuffer(bytes.length + 20)]) {
        const view = new Uint8Array(buffer, shift, bytes.length);
        view.set(bytes);
        expect(bitsOf(decodeSafetensors("file", view))).toEqual(expected);
        expect(bitsOf(decodeSafetensors("file", Buffer.from(buffer, shift, bytes.length)))).toEqual(expected);
      }
    }
    const target = new Float64Array(new SharedArrayBuffer(80));
    decodeSafetensors("file", bytes).tensors.get("3")?.copyTo(target);
    expect(bits(new Float64Array(target))).toEqual(bits(special));
  });

  it("holds for any tensors", () => {
    const text = fc.string({ unit: "binary", maxLength: 12 });
    const tensor = fc
      .record({ name: text, shape: fc.array(fc.nat({ max: 3 }), { maxLength: 5 }) })
      .filter(({ name }) => name !== "__metadata__")
      .chain(({ name, shape }) => {
        const length = shape.reduce((product, size) => product * size, 1);
        const words = fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { minLength: length, maxLength: length });
        return words.map((list) => ({ name, shape, values: fromBits(list) }));
      });
    fc.assert(
      fc.property(
        fc.uniqueArray(tensor, { selector: ({ name }) => name }),
        fc.dictionary(text, text),
        (list, texts) => {
          const file = decodeSafetensors("file", encodeSafetensors(list, texts));
          expect(bitsOf(file)).toEqual(list.map(({ name, shape, values }) => [name, shape, bits(values)]));
          expect([...file.metadata]).toEqual(Object.entries(texts));
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  describe("on a machine that keeps the high byte first", () => {
    afterEach(() => {
      vi.unstubAllGlobals();
      vi.resetModules();
    });

    it("turns each number around on its way, both ways", async () => {
      vi.stubGlobal("Uint16Array", { of: () => ({ buffer: Uint8Array.of(0, 1).buffer }) });
      vi.resetModules();
      const big = {
        ...(await import("../../src/files/decodeSafetensors")),
        ...(await import("../../src/files/encodeSafetensors")),
      };
      const [number] = tensors;
      if (number === undefined) throw new Error();
      const little = encodeSafetensors([number], {});
      const turned = big.encodeSafetensors([number], {});
      const begin = little.length - 48;
      expect(turned.subarray(0, begin)).toEqual(little.subarray(0, begin));
      for (let at = begin; at < little.length; at += 8) {
        expect(turned.slice(at, at + 8).reverse()).toEqual(little.slice(at, at + 8));
      }
      const target = new Float64Array(6);
      big.decodeSafetensors("file", turned).tensors.get("weights")?.copyTo(target);
      expect(bits(target)).toEqual(bits(number.values));
    });
  });
});

describe("decodeSafetensors", () => {
  it("takes what others write: any order of tensors and keys, space, padding, escapes, no alignment", () => {
    const header =
      ' \t{ "b" : {"data_offsets":[8,24], "shape":[2], "dtype":"F64"},\n"e":{"dtype":"F64","shape":[3,0],"data_offsets":[8,8]},"\\u0061":{"shape":[],"dtype":"F64","data_offsets":[0,8]}, "__metadata__":{"format":"\\n"}}    '.trimStart();
    const bytes = fileOf(header, 24);
    expect(header.length % 8).not.toBe(0);
    new DataView(bytes.buffer).setFloat64(8 + header.length + 16, 2.5, true);
    const file = decodeSafetensors("file", bytes);
    expect(bitsOf(file)).toEqual([
      ["b", [2], bits(Float64Array.of(0, 2.5))],
      ["e", [3, 0], []],
      ["a", [], bits(Float64Array.of(0))],
    ]);
    expect([...file.metadata]).toEqual([["format", "\n"]]);
  });

  const pair = (a: unknown, b: unknown) => ({ a, b });
  it.each<[string, unknown, number, string | RegExp]>([
    ["a header of nothing", "", 0, 'header: at byte 0: the end was found, "{" was expected'],
    ["a header of spaces", "   ", 0, 'header: at byte 0: 0x20 was found, "{" was expected'],
    ["a space before", " {}", 0, 'header: at byte 0: 0x20 was found, "{" was expected'],
    ["a byte order mark", "\ufeff{}", 0, 'header: at byte 0: 0xef was found, "{" was expected'],
    ["an array", "[]", 0, 'header: at byte 0: "[" was found, "{" was expected'],
    ["a line end after", "{}\n", 0, 'header: at byte 2: 0x0a was found, "}" was expected'],
    ["a 0 after", "{}\0 ", 0, 'header: at byte 2: 0x00 was found, "}" was expected'],
    ["a header that ends early", '{"a":1', 0, 'header: at byte 5: "1" was found, "}" was expected'],
    ["no UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x7d), 0, "header: at byte 2: 0xff was found, UTF-8 was expected"],
    ["half a character", Uint8Array.of(0x7b, 0xc3, 0x7d), 0, 'header: at byte 2: "}" was found, UTF-8 was expected'],
    ["no JSON", '{"a" 1}', 0, 'header: at character 5: "1" was found, ":" was expected'],
    ["two objects", "{}{}", 0, 'header: at character 2: "{" was found, the end of the text was expected'],
    ["a tensor twice", '{"a":1,"a":1}', 0, /^header: at character 7: the key "a" once more was found/],
    [
      "metadata twice",
      '{"__metadata__":{},"__metadata__":{}}',
      0,
      /^header: at character 19: the key "__metadata__" once/,
    ],
    [
      "a key of metadata twice",
      '{"__metadata__":{"k":"","k":""}}',
      0,
      /^header: at character 24: the key "k" once more/,
    ],
    ["a dtype twice", '{"a":{"dtype":"F64","dtype":"F64"}}', 0, /^header: at character 20: the key "dtype" once more/],
    [
      "metadata that are a list",
      { __metadata__: [] },
      0,
      "__metadata__: an array of 0 was found, an object was expected",
    ],
    ["metadata that are null", { __metadata__: null }, 0, "__metadata__: null was found, an object was expected"],
    ["a number in metadata", { __metadata__: { k: 1 } }, 0, '__metadata__: "k": 1 was found, a string was expected'],
    [
      "an object in metadata",
      { __metadata__: { k: {} } },
      0,
      /^__metadata__: "k": an object with 0 keys was found, a str/,
    ],
    [
      "half a pair in metadata",
      '{"__metadata__":{"k":"\\ud800"}}',
      0,
      /^__metadata__: "k": "\\ud800" was found, text wi/,
    ],
    [
      "half pairs side by side",
      '{"__metadata__":{"\\ud83d":"\\ude00"}}',
      0,
      /^__metadata__: "\\ud83d": this key was found/,
    ],
    [
      "half a pair in a name",
      '{"\\udc00":1}',
      0,
      /^tensor "\\udc00": this name was found, text without half surrogate/,
    ],
    ["a tensor that is a number", { a: 1 }, 0, 'tensor "a": 1 was found, an object was expected'],
    ["a tensor that is a list", { a: [1] }, 0, 'tensor "a": an array of 1 was found, an object was expected'],
    ["no dtype", { a: { shape: [], data_offsets: [0, 8] } }, 8, 'tensor "a": no dtype was found, one was expected'],
    ["no shape", { a: { dtype: "F64", data_offsets: [0, 8] } }, 8, 'tensor "a": no shape was found, one was expected'],
    ["no offsets", { a: { dtype: "F64", shape: [] } }, 8, 'tensor "a": no data_offsets was found, one was expected'],
    [
      "one key more",
      { a: { ...place([], 0, 8), x: 1 } },
      8,
      /^tensor "a": the key "x" was found, none but dtype, shape, /,
    ],
    [
      "a key of Object's",
      '{"a":{"toString":1,"dtype":"F64","shape":[],"data_offsets":[0,0]}}',
      0,
      /the key "toString"/,
    ],
    [
      "float32",
      { a: { ...place([2], 0, 8), dtype: "F32" } },
      8,
      'tensor "a": dtype: "F32" was found, "F64" was expected',
    ],
    [
      "a small f",
      { a: { ...place([], 0, 8), dtype: "f64" } },
      8,
      'tensor "a": dtype: "f64" was found, "F64" was expected',
    ],
    [
      "a dtype of null",
      { a: { ...place([], 0, 8), dtype: null } },
      8,
      'tensor "a": dtype: null was found, "F64" was expected',
    ],
    ["a shape of null", { a: place(null, 0, 8) }, 8, 'tensor "a": shape: null was found, an array was expected'],
    ["a shape of text", { a: place("1", 0, 8) }, 8, 'tensor "a": shape: "1" was found, an array was expected'],
    [
      "a size below 0",
      { a: place([1, -1], 0, 8) },
      8,
      /^tensor "a": shape\[1\]: -1 was found, a whole number from 0 to 9007/,
    ],
    ["sizes below 0", { a: place([-1, -1], 0, 8) }, 8, /^tensor "a": shape\[0\]: -1 was found, a whole number from 0/],
    [
      "a size of -0",
      '{"a":{"dtype":"F64","shape":[-0],"data_offsets":[0,0]}}',
      0,
      /^tensor "a": shape\[0\]: -0 was found/,
    ],
    [
      "a size of 0.5",
      { a: place([0.5, 2], 0, 8) },
      8,
      /^tensor "a": shape\[0\]: 0\.5 was found, a whole number from 0/,
    ],
    ["a size in quotes", { a: place(["1"], 0, 8) }, 8, /^tensor "a": shape\[0\]: "1" was found, a whole number from 0/],
    [
      "a size in a list",
      { a: place([[1]], 0, 8) },
      8,
      /^tensor "a": shape\[0\]: an array of 1 was found, a whole number/,
    ],
    [
      "a size of 2^53",
      { a: place([2 ** 53], 0, 8) },
      8,
      /^tensor "a": shape\[0\]: 9007199254740992 was found, a whole num/,
    ],
    [
      "2^53 numbers",
      { a: place([2 ** 26, 2 ** 27], 0, 8) },
      8,
      /^tensor "a": shape: \[67108864, 134217728\] was found, a pr/,
    ],
    [
      "2^64 numbers",
      { a: place([2 ** 32, 2 ** 32], 0, 0) },
      0,
      /^tensor "a": shape: \[4294967296, 4294967296\] was found/,
    ],
    [
      "2^64 + 1 numbers",
      { a: place([274177, 67280421310721], 0, 8) },
      8,
      /^tensor "a": shape: \[274177, 67280421310721\]/,
    ],
    [
      "none times 2^64",
      { a: place([0, 2 ** 32, 2 ** 32], 0, 0) },
      0,
      /^tensor "a": shape: \[0, 4294967296, 4294967296\]/,
    ],
    [
      "2^53 - 1 numbers",
      { a: place([2 ** 53 - 1], 0, 8) },
      8,
      /\[0, 8\], 8 bytes, was found, 8 x 9007199254740991 bytes/,
    ],
    [
      "9 dimensions",
      { a: place(Array(9).fill(1), 0, 8) },
      8,
      'tensor "a": shape: an array of 9 was found, one of 0 to 8 was expected',
    ],
    ["one offset", { a: place([], 0) }, 8, 'tensor "a": data_offsets: an array of 1 was found, one of 2 was expected'],
    ["three offsets", { a: place([], 0, 8, 8) }, 8, /^tensor "a": data_offsets: an array of 3 was found, one of 2 was/],
    [
      "an offset of 0.5",
      { a: place([], 0.5, 8.5) },
      9,
      /^tensor "a": data_offsets\[0\]: 0\.5 was found, a whole number/,
    ],
    [
      "an offset below 0",
      { a: place([], -8, 0) },
      8,
      /^tensor "a": data_offsets\[0\]: -8 was found, a whole number from/,
    ],
    [
      "an offset of null",
      { a: place([], 0, null) },
      8,
      /^tensor "a": data_offsets\[1\]: null was found, a whole number/,
    ],
    [
      "an offset of 2^64",
      { a: place([], 0, 2 ** 64) },
      8,
      /^tensor "a": data_offsets\[1\]: 18446744073709552000 was found/,
    ],
    [
      "offsets in turn",
      { a: place([], 8, 0) },
      8,
      'tensor "a": data_offsets: [8, 0] was found, begin <= end was expected',
    ],
    [
      "an end beyond",
      { a: place([2], 0, 16) },
      15,
      /^tensor "a": data_offsets: \[0, 16\] was found, an end of at most 15, /,
    ],
    [
      "offsets beyond",
      { a: place([0], 8, 8) },
      0,
      /^tensor "a": data_offsets: \[8, 8\] was found, an end of at most 0, /,
    ],
    [
      "too few bytes",
      { a: place([2], 0, 8) },
      8,
      /^tensor "a": data_offsets: \[0, 8\], 8 bytes, was found, 8 x 2 bytes for/,
    ],
    [
      "too many bytes",
      { a: place([2, 0], 0, 8) },
      8,
      /\[0, 8\], 8 bytes, was found, 8 x 0 bytes for the shape \[2, 0\]/,
    ],
    [
      "the same bytes twice",
      pair(place([], 0, 8), place([], 0, 8)),
      8,
      /^tensor "b": an overlap, a beginning at byte 0, was/,
    ],
    [
      "an overlap",
      pair(place([2], 0, 16), place([2], 8, 24)),
      24,
      /^tensor "b": an overlap, a .* 8, was .* at byte 16, /,
    ],
    [
      "an empty one inside",
      pair(place([0], 8, 8), place([2], 0, 16)),
      16,
      /^tensor "a": an overlap, a beginning at byte 8/,
    ],
    [
      "a gap",
      pair(place([], 0, 8), place([], 16, 24)),
      24,
      /^tensor "b": a gap, a beginning at byte 16, was .* at byte 8, /,
    ],
    [
      "a gap of one byte",
      { a: place([], 1, 9) },
      9,
      /^tensor "a": a gap, a beginning at byte 1, was found, one at byte 0/,
    ],
    [
      "a gap at first",
      pair(place([], 16, 24), place([], 8, 16)),
      24,
      /^tensor "b": a gap, a beginning at byte 8, was found/,
    ],
    [
      "bytes after",
      { a: place([], 0, 8) },
      9,
      "data of 9 bytes was found, an end at byte 8, that of the last tensor, was expected",
    ],
    [
      "bytes without tensors",
      {},
      1,
      "data of 1 bytes was found, an end at byte 0, that of the last tensor, was expected",
    ],
  ])("refuses %s", (_, header, dataLength, message) => {
    const error = errorOf(fileOf(header, dataLength));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/^file: .* was found, .* was expected$/su);
    if (typeof message === "string") expect(error.message).toBe(`file: ${message}`);
    else expect(error.message.slice("file: ".length)).toMatch(message);
  });

  it("refuses a length of the header that cannot be", () => {
    const bytes = fileOf({}, 0);
    for (let length = 0; length < 8; length++) {
      expect(errorOf(bytes.subarray(0, length))).toEqual(
        new FormatError(`file: a length of ${length} bytes was found, one of at least 8 was expected`),
      );
    }
    const view = new DataView(bytes.buffer);
    const most = "one of at most the 2 that follow was expected";
    const limit = "one of at most 100000000 was expected";
    for (const [length, expected] of [
      [3n, most],
      [100_000_000n, most],
      [100_000_001n, limit],
      [2n ** 32n + 2n, limit],
      [2n ** 53n, limit],
      [2n ** 63n + 2n, limit],
      [2n ** 64n - 1n, limit],
    ] as const) {
      view.setBigUint64(0, length, true);
      expect(errorOf(bytes)).toEqual(
        new FormatError(`file: header: a length of ${length} bytes was found, ${expected}`),
      );
    }
    view.setBigUint64(0, 1n, true);
    expect(errorOf(bytes).message).toBe('file: header: at byte 0: "{" was found, "}" was expected');
  });

  it.each([undefined, null, 7, "text", {}, [1], new ArrayBuffer(8), new Float64Array(8), new Int8Array(8)])(
    "refuses %j, which is no Uint8Array",
    (value) => {
      const error = errorOf(value as unknown as Uint8Array);
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error.message).toMatch(/^file: .* was given, a Uint8Array was expected$/);
    },
  );

  it("shows little of what is long", () => {
    const long = "x".repeat(1e6);
    expect(errorOf(long as unknown as Uint8Array).message.length).toBeLessThan(200);
    for (const header of [
      { [long]: 1 },
      { a: { [long]: 1 } },
      { a: { ...place([], 0, 8), [long]: 1 } },
      { a: { ...place([], 0, 8), dtype: long } },
      { a: place(Array(1e5).fill(1), 0, 8) },
      { a: place([long], 0, 8) },
      { [long]: place([1], 0, 8), b: place([1], 0, 8) },
      { __metadata__: { [long]: 1 } },
      { __metadata__: { a: Array(1e5).fill(1) } },
    ]) {
      const error = errorOf(fileOf(header, 8));
      expect(error).toBeInstanceOf(FormatError);
      expect(error.message.length).toBeLessThan(300);
    }
  });

  it("checks where the numbers go", () => {
    const tensor = decodeSafetensors("file", encodeSafetensors(tensors, {})).tensors.get("weights");
    for (const length of [0, 5, 7]) {
      const target = new Float64Array(length).fill(1);
      expect(() => tensor?.copyTo(target)).toThrow(
        new ShapeError(`file: tensor "weights": room for ${length} numbers was given, 6 was expected`),
      );
      expect(target.every((value) => value === 1)).toBe(true);
    }
    expect(() => tensor?.copyTo(new Float32Array(12) as unknown as Float64Array)).toThrow(
      new ArgumentError('file: tensor "weights": a Float32Array was given, a Float64Array was expected'),
    );
  });

  it("takes many tensors in an order of their own", () => {
    const count = 20000;
    const order = Array.from({ length: count }, (_, i) => (i * 7919) % count);
    const header = Object.fromEntries(order.map((i) => [`t${i}`, place([1], 8 * i, 8 * i + 8)]));
    expect([...decodeSafetensors("file", fileOf(header, 8 * count)).tensors.keys()]).toEqual(order.map((i) => `t${i}`));
    header.t77 = place([1], 8 * 78, 8 * 79);
    expect(errorOf(fileOf(header, 8 * count)).message).toMatch(
      /tensor "t7[78]": a gap, a beginning at byte 624, was found/,
    );
  });

  it("either takes a damaged file or throws a FormatError, and nothing else", () => {
    const whole = encodeSafetensors(tensors, metadata);
    const headerEnd = whole.length - 8 * tensors.reduce((sum, { values }) => sum + values.length, 0);
    let state = 1;
    const below = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return Math.floor(((state >>> 0) / 4294967296) * limit);
    };
    const digits = Buffer.from('0123456789-.eE,:[]{}"\\ ');
    const damages: readonly ((bytes: number[]) => void)[] = [
      (bytes) => {
        const at = below(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
      },
      // where it does most
      (bytes) => {
        bytes[8 + below(headerEnd - 8)] = digits[below(digits.length)] ?? 0;
      },
      (bytes) => bytes.splice(below(bytes.length), 1 + below(20)),
      (bytes) => bytes.splice(below(bytes.length + 1), 0, ...Array.from({ length: 1 + below(9) }, () => below(256))),
      (bytes) => bytes.splice(8 + below(headerEnd - 8), 0, digits[below(digits.length)] ?? 0),
      (bytes) => bytes.splice(below(bytes.length)),
      (bytes) => {
        bytes[below(8)] = below(256);
      },
      (bytes) => {
        bytes[0] = ((bytes[0] ?? 0) + below(5) - 2) & 255;
      },
    ];
    const seen = { taken: 0, refused: 0 };
    const messages = new Set<string>();
    for (let run = 0; run < 6000; run++) {
      const bytes = [...whole];
      for (let damage = below(3); damage >= 0; damage--) damages[below(damages.length)]?.(bytes);
      const file = Uint8Array.from(bytes);
      try {
        const decoded = decodeSafetensors("file", file);
        const read = bitsOf(decoded);
        // what was taken is sound: it can be written and read again
        const again = encodeSafetensors(
          read.map(([name, shape, list]) => ({ name, shape, values: fromBits(list) })),
          Object.fromEntries(decoded.metadata),
        );
        expect(bitsOf(decodeSafetensors("again", again))).toEqual(read);
        seen.taken++;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        expect(error).toBeInstanceOf(WasmgradError);
        expect(error.message).toMatch(/^file: .* was found, .* was expected$/su);
        messages.add(error.message.replace(/\d+/g, "N"));
        seen.refused++;
      }
    }
    expect(seen.taken).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(3000);
    expect(messages.size).toBeGreaterThan(100);
  });
});
