/**
 * Networks as files: what comes back, what a file may say, and damaged ones. The format itself: files/safetensors.test.ts.
 *
 *     DAMAGED_FILES=200000 npx vitest run test/network.files.test.ts -t damaged
 *
 * damages as many files as that instead of 20,000, others than those from the 20,001st on.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { activationNames } from "../src/activations";
import { decodeSafetensors } from "../src/files/decodeSafetensors";
import { encodeSafetensors } from "../src/files/encodeSafetensors";
import type { JsonValue, Metadata } from "../src/files/metadata";
import type { Tensor } from "../src/files/safetensors";
import {
  ArgumentError,
  type Backend,
  batchNorm,
  createNetwork,
  DisposedError,
  dense,
  dropout,
  FormatError,
  type LayerDescription,
  loadBackend,
  loadNetwork,
  type Network,
  OutOfMemoryError,
  sgd,
  Trainer,
} from "../src/index";
import { initializerNames } from "../src/initializers";
import { create, disposedAfterEach, FEATURES, LAYERS, LOSS, layerOf, oneHot, thrownBy, uniform } from "./support";
import { onEveryVariant, variants } from "./variants";

/** Every activation, initializer and kind of layer; penalties of many digits, frozen layers. */
const EVERYTHING: readonly LayerDescription[] = [
  batchNorm({ momentum: 0.3, epsilon: 1e-3 }),
  ...activationNames.map((activation, i) =>
    dense(2 + (i % 3), {
      activation,
      initializer: initializerNames[i % initializerNames.length],
      l1: i % 2 === 0 ? 0 : 0.1 / (i + 2),
      l2: i % 3 === 0 ? 1e-7 / 3 : 0,
      trainable: i % 4 !== 1,
    }),
  ),
  dropout(1 / 3),
  batchNorm(),
  dense(3, "softmax"),
];

/** Each kind once: a file in which damage hits what matters. */
const FEW = [batchNorm(), dense(3, { activation: "gelu", l2: 0.01 }), dropout(0.3), dense(2, "softmax")];

const inputs = uniform(20 * FEATURES, 5);
const targets = oneHot(20, 3);

function bitsOf(values: Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex");
}

/** All that a network has, bit for bit. */
function stateOf(network: Network): string[] {
  const lists = network.layers.map(({ runningMean, runningVariance }) => bitsOf(runningMean) + bitsOf(runningVariance));
  return [bitsOf(network.parameters), ...lists];
}

/** Writes into every parameter and statistic what no arithmetic would keep; the variances stay such. */
function fillWithSpecial(network: Network): void {
  const words = [0x8000000000000000n, 0x7ff8000000000000n, 0x7ff8dead0000beefn, 0xfff4000000000001n, 1n];
  words.push(0x7ff0000000000000n, 0xfff0000000000000n, 0x800fffffffffffffn, 0x7fefffffffffffffn, 0x7ff0000000000001n);
  const special = new Uint8Array(BigUint64Array.from(words).buffer);
  const lists = network.layers.flatMap(({ weights, bias, runningMean }) => [weights, bias, runningMean]);
  for (const list of lists) {
    const bytes = new Uint8Array(list.buffer, list.byteOffset, list.byteLength);
    for (let at = 0; at < bytes.length; at++) bytes[at] = special[at % special.length] ?? 0;
  }
}

// -- files put together by hand ---------------------------------------------------------------------------------------

type Entry = Record<string, unknown>;

/** A file taken to pieces. */
interface Parts {
  tensors: Tensor[];
  config: Entry & { layers: Entry[] };
  /** What else stands in its metadata. */
  texts: Record<string, string>;
  /** A last hand on the text of the configuration. */
  text: (json: string) => string;
}

function takeApart(bytes: Uint8Array): Parts {
  const { metadata, tensors } = decodeSafetensors("takeApart", bytes);
  const { wasmgrad = "", ...texts } = Object.fromEntries(metadata);
  const copies = [...tensors.values()].map((tensor) => {
    const values = new Float64Array(tensor.length);
    tensor.copyTo(values);
    return { name: tensor.name, shape: tensor.shape, values };
  });
  return { tensors: copies, config: JSON.parse(wasmgrad), texts, text: (json) => json };
}

function putTogether({ tensors, config, texts, text }: Parts): Uint8Array {
  return encodeSafetensors(tensors, { wasmgrad: text(JSON.stringify(config)), ...texts });
}

/** The file with something changed. */
function edited(bytes: Uint8Array, edit: (parts: Parts) => void): Uint8Array {
  const parts = takeApart(bytes);
  edit(parts);
  return putTogether(parts);
}

function tensorOf({ tensors }: Parts, name: string): { name: string; shape: readonly number[]; values: Float64Array } {
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (tensor === undefined) throw new Error(`tensor ${name} was expected`);
  return tensor;
}

function layerAt({ config }: Parts, index: number): Entry {
  const layer = config.layers[index];
  if (layer === undefined) throw new Error(`layers[${index}] was expected`);
  return layer;
}

// -- round trips ------------------------------------------------------------------------------------------------------

onEveryVariant("a network in a file", (context) => {
  const make = (layers: readonly LayerDescription[] = EVERYTHING, seed = 2 ** 40 + 3) =>
    createNetwork({ inputs: FEATURES, layers, seed, backend: context.backend });
  const load = (bytes: Uint8Array) => loadNetwork(bytes, { backend: context.backend });

  it("comes back as it was: layers, parameters, statistics, what it computes, and the file itself", async () => {
    const network = await make();
    for (let i = 0; i < 3; i++) network.forward(inputs);
    layerOf(network, 2).trainable = true;
    layerOf(network, 3).trainable = false;
    network.metadata = { name: "everything" };
    const bytes = network.toBytes();
    const loaded = await load(bytes);
    expect(stateOf(loaded)).toEqual(stateOf(network));
    expect(await loaded.digest()).toBe(await network.digest());
    expect([loaded.inputs, loaded.units, loaded.seed]).toEqual([FEATURES, 3, 2 ** 40 + 3]);
    const described = (of: Network) =>
      of.layers.map(({ kind, units, activation, trainable }) => [kind, units, activation, trainable]);
    expect(described(loaded)).toEqual(described(network));
    expect(loaded.summary()).toBe(network.summary());
    expect(loaded.metadata).toEqual({ name: "everything" });
    expect(loaded.backend).toBe(context.backend);
    expect(bitsOf(loaded.predict(inputs))).toBe(bitsOf(network.predict(inputs)));
    expect(loaded.toBytes()).toEqual(bytes);
    expect((await load(loaded.toBytes())).toBytes()).toEqual(bytes);
    // penalties, masks and frozen layers show in a pass
    expect(bitsOf(loaded.forward(inputs))).toBe(bitsOf(network.forward(inputs)));
    expect(loaded.backward(targets, LOSS)).toBe(network.backward(targets, LOSS));
    expect(bitsOf(loaded.gradients)).toBe(bitsOf(network.gradients));
    expect(bitsOf(layerOf(loaded, 3).weightGradients)).toMatch(/^0+$/);
    expect(bitsOf(loaded.inputGradients)).toBe(bitsOf(network.inputGradients));
    for (const one of [network, loaded]) one.dispose();
  });

  it("is written down as it was described", async () => {
    const network = await make(EVERYTHING, 0);
    network.forward(inputs);
    const { config, tensors, texts } = takeApart(network.toBytes());
    const layers = EVERYTHING.map((layer) => ({ trainable: true, ...layer }));
    expect(config).toEqual({ version: 1, inputs: FEATURES, seed: 0, step: 1, layers });
    expect(texts).toEqual({ metadata: "{}" });
    expect(tensors.slice(0, 6).map(({ name, shape }) => [name, shape])).toEqual([
      ["layers.0.gamma", [FEATURES]],
      ["layers.0.beta", [FEATURES]],
      ["layers.0.runningMean", [FEATURES]],
      ["layers.0.runningVariance", [FEATURES]],
      ["layers.1.weights", [FEATURES, 2]],
      ["layers.1.bias", [2]],
    ]);
    expect(tensors.length).toBe(2 * (activationNames.length + 1) + 8);
    network.dispose();
  });

  it("keeps every bit of parameters that are no numbers, or hardly", async () => {
    const network = await make();
    fillWithSpecial(network);
    const loaded = await load(network.toBytes());
    expect(stateOf(loaded)).toEqual(stateOf(network));
    expect(bitsOf(loaded.parameters)).toMatch(/010000000000f4ff.*efbe0000addef87f|efbe0000addef87f.*010000000000f4ff/);
    expect(loaded.toBytes()).toEqual(network.toBytes());
    for (const one of [network, loaded]) one.dispose();
  });

  it("trains on as if it had never been put down, masks and statistics too", async () => {
    const layers = [dense(9, "tanh"), dropout(0.4), batchNorm(), dropout(0.2), dense(3, "softmax")];
    const train = (network: Network, steps: number) => {
      const trainer = new Trainer(network, { loss: LOSS, optimizer: sgd({ learningRate: 0.1 }) });
      return Array.from({ length: steps }, () => trainer.step(inputs, targets));
    };
    for (const before of [0, 1, 5]) {
      const [whole, first] = [await make(layers), await make(layers)];
      layerOf(whole, 4).trainable = false;
      layerOf(first, 4).trainable = false;
      const costs = train(whole, before + 4);
      train(first, before);
      const file = first.toBytes();
      const second = await load(file);
      expect(train(second, 4)).toEqual(costs.slice(before));
      expect(stateOf(second)).toEqual(stateOf(whole));
      expect(second.toBytes()).toEqual(whole.toBytes());
      // what makes it so: with the masks of another step it is another training
      const astray = await load(edited(file, (parts) => Object.assign(parts.config, { step: before + 1 })));
      expect(train(astray, 4)).not.toEqual(costs.slice(before));
      for (const network of [whole, first, second, astray]) network.dispose();
    }
  });

  it("has live views, which stay so when memory grows, and shares nothing with the file", async () => {
    const network = await make(LAYERS);
    const bytes = network.toBytes();
    const loaded = await load(bytes);
    const [weights, { parameters }] = [layerOf(loaded, 0).weights, loaded];
    bytes.fill(255);
    expect(bitsOf(parameters)).toBe(bitsOf(network.parameters));
    const reserved = context.backend.memory().reservedBytes;
    const large = context.backend.matrix(1, reserved / 8 + 1);
    expect(context.backend.memory().reservedBytes).toBeGreaterThan(reserved);
    expect(bitsOf(parameters)).toBe(bitsOf(network.parameters));
    weights[1] = 123.5;
    expect(parameters[1]).toBe(123.5);
    expect(layerOf(loaded, 0).weights).toBe(weights);
    expect(bitsOf(loaded.predict(inputs))).not.toBe(bitsOf(network.predict(inputs)));
    loaded.forward(inputs);
    loaded.backward(targets, LOSS);
    expect(loaded.gradients.some((value) => value !== 0)).toBe(true);
    expect(layerOf(loaded, 0).weightGradients[0]).toBe(loaded.gradients[0]);
    large.dispose();
    for (const one of [network, loaded]) one.dispose();
  });

  it("takes the memory of one that was created, and gives it back", async () => {
    const network = await make();
    network.forward(inputs);
    const file = network.toBytes();
    const damaged = edited(file, ({ tensors }) => tensors.pop());
    network.dispose();
    const before = context.backend.memory();
    const created = await make();
    const { usedBytes } = context.backend.memory();
    created.dispose();
    const loaded = await load(file);
    expect(context.backend.memory()).toEqual({ ...before, usedBytes, networks: before.networks + 1 });
    await expect(load(damaged)).rejects.toThrow(FormatError);
    await expect(load(file.subarray(0, 100))).rejects.toThrow(FormatError);
    loaded.toBytes();
    expect(context.backend.memory().usedBytes).toBe(usedBytes);
    loaded.dispose();
    expect(context.backend.memory()).toEqual(before);
    expect(() => loaded.toBytes()).toThrow(DisposedError);
    expect(() => loaded.toBytes()).toThrow(/^toBytes: /);
  });
});

describe("a file of one variant", () => {
  const load = disposedAfterEach();

  it("is that of every other, which go on from it with the same bits", async () => {
    const backends = await Promise.all(variants.map((variant) => load({ variant })));
    const trained: [Backend, Uint8Array][] = [];
    for (const backend of backends) {
      const network = await createNetwork({ inputs: FEATURES, layers: EVERYTHING, seed: 11, backend });
      // as they are: a relaxed backend has bits of its own only where it computes
      fillWithSpecial(network);
      layerOf(network, 1).weights.set(uniform(layerOf(network, 1).weights.length, 4));
      network.metadata = { by: "anyone" };
      trained.push([backend, network.toBytes()]);
    }
    for (const [, bytes] of trained) expect(bytes).toEqual(trained[0]?.[1]);
    for (const [source] of trained) {
      const network = await create(source);
      new Trainer(network).step(inputs, targets);
      const bytes = network.toBytes();
      const going: string[] = [];
      for (const backend of backends) {
        const loaded = await loadNetwork(bytes, { backend });
        expect(loaded.toBytes()).toEqual(bytes);
        expect(await loaded.digest()).toBe(await network.digest());
        const predicted = bitsOf(loaded.predict(inputs));
        new Trainer(loaded, { optimizer: sgd() }).step(inputs, targets);
        if (backend.variant !== "relaxed") going.push(predicted + bitsOf(loaded.parameters));
        if (backend === source) expect(predicted).toBe(bitsOf(network.predict(inputs)));
      }
      expect(new Set(going).size).toBe(1);
    }
  });
});

describe("Python's safetensors", () => {
  const load = disposedAfterEach();

  // golden/safetensors.py says how it was made
  it("writes what is read", async () => {
    const bytes = readFileSync(new URL("./golden/safetensors.safetensors", import.meta.url));
    const names = [...decodeSafetensors("golden", bytes).tensors.keys()];
    expect(names).toEqual([...names].sort());
    const network = await loadNetwork(bytes, { backend: await load({ variant: "js" }) });
    const [first, second, last] = [layerOf(network, 0), layerOf(network, 2), layerOf(network, 10)];
    const drawn = (t: number, length: number) =>
      bitsOf(Float64Array.from({ length }, (_, e) => ((37 * e + 11 * t) % 64) / 16 - 2));
    expect(bitsOf(first.weights)).toBe(drawn(0, 12));
    expect(bitsOf(first.bias)).toBe("00000000000000800100000000000000efbe0000addef87f000000000000f0ff");
    expect(bitsOf(second.gamma)).toBe(drawn(2, 4));
    expect(bitsOf(second.beta)).toBe(drawn(3, 4));
    expect(bitsOf(second.runningMean)).toBe(drawn(4, 4));
    expect(bitsOf(second.runningVariance)).toBe(drawn(5, 4));
    expect(bitsOf(last.weights)).toBe(drawn(6, 8));
    expect(bitsOf(last.bias)).toBe(drawn(7, 2));
    expect([network.inputs, network.units, network.seed, network.layers.length]).toEqual([3, 2, 7, 11]);
    expect(network.layers.map(({ trainable }) => trainable).indexOf(false)).toBe(0);
    expect(network.metadata).toEqual({ "written by": "Python", ключ: ["é", "😀", null, true, 2.5, 1e-7] });
    const { config, tensors } = takeApart(network.toBytes());
    expect(config.step).toBe(9);
    expect(config.layers[0]).toMatchObject({ activation: "gelu", initializer: "heNormal", l2: 0.25, trainable: false });
    expect(config.layers[10]).toMatchObject({ activation: "softmax", initializer: "zeros", l1: 1e-300 });
    expect(config.layers[2]).toEqual({ kind: "batchNorm", momentum: 0.5, epsilon: 1e-5, trainable: true });
    expect(tensors.map(({ name }) => name).sort()).toEqual(names);
  });
});

// -- metadata ---------------------------------------------------------------------------------------------------------

/** Objects and arrays in turn, that many. */
function nested(depth: number): Metadata {
  let value: unknown = 1;
  for (let level = depth; level > 0; level--) value = level % 2 === 1 ? { in: value } : [value];
  return value as Metadata;
}

onEveryVariant("metadata", (context) => {
  const make = () => create(context.backend);
  const load = (bytes: Uint8Array) => loadNetwork(bytes, { backend: context.backend });

  it("come back: nested, of any text, numbers to the last bit", async () => {
    const network = await make();
    expect(network.metadata).toEqual({});
    expect((await load(network.toBytes())).metadata).toEqual({});
    const columns: JsonValue = [{ name: "width", of: ["a", "b"] }, { name: "é 😀 ключ", scale: [0.1, -1e-7] }, [], {}];
    const metadata: Metadata = {
      columns,
      numbers: [0, 5e-324, 1.7976931348623157e308, 2 ** 53 + 2, -0.1, 1e21, 123456789012345680000],
      text: '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028\u2029\ufeff\uffff </script> {"a":1}',
      "": "",
      "ключ 😀 \u0001": [null, true, false],
      constructor: 1,
      toString: "own",
      hasOwnProperty: { length: 3 },
      __metadata__: "x",
      long: "\u0001é".repeat(2500),
      deep: nested(30),
    };
    network.metadata = metadata;
    const loaded = await load(network.toBytes());
    expect(loaded.metadata).toEqual(metadata);
    expect(Object.keys(loaded.metadata)).toEqual(Object.keys(metadata));
    expect(loaded.toBytes()).toEqual(network.toBytes());
    for (const one of [network, loaded]) one.dispose();
  });

  it("are one's own to change and assign", async () => {
    const network = await make();
    const bare: Metadata = Object.assign(Object.create(null), { list: [1] });
    network.metadata = bare;
    const loaded = await load(network.toBytes());
    const again = await load(network.toBytes());
    const copy = loaded.clone();
    (loaded.metadata.list as number[]).push(2);
    loaded.metadata.more = { a: 1 };
    expect((await load(loaded.toBytes())).metadata).toEqual({ list: [1, 2], more: { a: 1 } });
    for (const other of [network, again, copy]) expect({ ...other.metadata }).toEqual({ list: [1] });
    delete loaded.metadata.list;
    expect((await load(loaded.toBytes())).metadata).toEqual({ more: { a: 1 } });
    loaded.metadata = { other: null };
    expect((await load(loaded.toBytes())).metadata).toEqual({ other: null });
    expect((await load(loaded.clone().toBytes())).metadata).toEqual({ other: null });
  });

  const cycle: Entry = {};
  cycle.a = [cycle, cycle];
  class Column {
    name = "x";
  }
  const proto = JSON.parse('{"a":{"__proto__":{"polluted":true}}}');
  it.each<[string, unknown, RegExp]>([
    ["NaN", { a: { b: [1, NaN] } }, /metadata\.a\.b\[1\]: NaN was given, what JSON can hold \(.*\) was expected/],
    ["an infinity", { a: -Infinity }, /metadata\.a: -Infinity was given/],
    ["undefined", { a: undefined }, /metadata\.a: undefined was given/],
    ["a hole", { a: Array(2) }, /metadata\.a\[0\]: undefined was given/],
    ["a function", { a: [() => 1] }, /metadata\.a\[0\]: a function was given/],
    ["a BigInt", { a: 1n }, /metadata\.a: 1n was given/],
    ["a symbol", { a: Symbol("s") }, /metadata\.a: Symbol\(s\) was given/],
    ["a Date", { a: new Date(0) }, /metadata\.a: a Date was given/],
    ["a Map", { a: new Map() }, /metadata\.a: a Map was given/],
    ["numbers of linear memory", { a: Float64Array.of(1) }, /metadata\.a: a Float64Array was given/],
    ["a text object", { a: Object("text") }, /metadata\.a: a String was given/],
    ["an object of a class", { a: new Column() }, /metadata\.a: an Object was given/],
    ["what turns itself into JSON", { a: { toJSON: () => 1 } }, /metadata\.a\.toJSON: a function was given/],
    ["a cycle", cycle, /: more than 32 objects inside one another were given, fewer were expected/],
    ["33 levels", nested(33), /: more than 32 objects inside one another were given/],
    ["half a surrogate pair", { a: "x\ud83d" }, /metadata\.a: "x\\ud83d" was given/],
    ["half a pair in a key", { a: { "\ude00": 1 } }, /metadata\.a: \ude00: "\\ude00" was given/],
    ["the key __proto__", proto, /metadata\.a: the key "__proto__" was given, another was expected/],
    ["an array at the top", [1], /metadata: an array of 1 was given, an object was expected/],
    ["null at the top", null, /metadata: null was given, an object was expected/],
    ["undefined at the top", undefined, /metadata: undefined was given, an object was expected/],
    ["text at the top", "{}", /metadata: "\{\}" was given, an object was expected/],
    ["a Date at the top", new Date(0), /metadata: a Date was given/],
    ["a Map at the top", new Map(), /metadata: a Map was given/],
    ["an object of a class at the top", new Column(), /metadata: an Object was given/],
  ])("do not hold %s, assigned or come by", async (_, value, message) => {
    const network = await make();
    const assigned = await thrownBy(() => {
      network.metadata = value as Metadata;
      network.toBytes();
    });
    expect(assigned).toBeInstanceOf(ArgumentError);
    expect((assigned as Error).message).toMatch(message);
    network.metadata = {};
    if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
      for (const key of Object.keys(value)) network.metadata[key] = (value as Metadata)[key] as string;
      expect(() => network.toBytes()).toThrow(ArgumentError);
      expect(() => network.toBytes()).toThrow(message);
      expect(() => network.toBytes()).toThrow(/^toBytes: metadata/);
      network.metadata = {};
    }
    // nothing is wrong with the network
    expect((await load(network.toBytes())).metadata).toEqual({});
    network.dispose();
  });

  it("hold 32 levels", async () => {
    const network = await make();
    network.metadata = nested(32);
    expect((await load(network.toBytes())).metadata).toEqual(nested(32));
  });

  it("that can't be copied leave no half of a clone behind", async () => {
    const network = await make();
    network.metadata.a = Number.NaN;
    const before = context.backend.memory();
    expect(() => network.clone()).toThrow(ArgumentError);
    expect(context.backend.memory()).toEqual(before);
  });
});

// -- what loadNetwork is given ----------------------------------------------------------------------------------------

describe("loadNetwork", () => {
  const load = disposedAfterEach();
  const small = [dense(2, "tanh"), dense(3, "softmax")];

  it("takes a backend, or the one that everybody shares", async () => {
    const backend = await load({ variant: "js" });
    const network = await create(backend, small);
    const shared = await createNetwork({ inputs: 1, layers: [dense(1)] });
    const options = [undefined, {}, { backend: undefined }];
    for (const given of options) {
      const loaded = await loadNetwork(network.toBytes(), given);
      expect(loaded.backend).toBe(shared.backend);
      expect(await loaded.digest()).toBe(await network.digest());
      loaded.dispose();
    }
    expect((await loadNetwork(network.toBytes(), { backend })).backend).toBe(backend);
    shared.dispose();
  });

  it("takes bytes wherever they lie", async () => {
    const backend = await load({ variant: "simd" });
    const bytes = (await create(backend)).toBytes();
    for (const buffer of [new ArrayBuffer(bytes.length + 9), new SharedArrayBuffer(bytes.length + 9)]) {
      const view = new Uint8Array(buffer, 3, bytes.length);
      view.set(bytes);
      expect((await loadNetwork(view, { backend })).toBytes()).toEqual(bytes);
      expect((await loadNetwork(Buffer.from(buffer, 3, bytes.length), { backend })).toBytes()).toEqual(bytes);
    }
  });

  it("refuses what is no bytes, no options and no backend", async () => {
    const backend = await load({ variant: "simd" });
    const bytes = (await create(backend, small)).toBytes();
    const before = backend.memory();
    const given: [unknown, RegExp][] = [
      ["model.safetensors", /^loadNetwork: "model.safetensors" was given, a Uint8Array was expected$/],
      ["x".repeat(1e6), /^loadNetwork: "x{40}" and 999960 characters more was given, a Uint8Array was expected$/],
      [bytes.buffer, /^loadNetwork: an ArrayBuffer was given, a Uint8Array was expected$/],
      [null, /^loadNetwork: null was given, a Uint8Array was expected$/],
      [undefined, /^loadNetwork: undefined was given/],
      [[...bytes], /^loadNetwork: an array of \d+ was given/],
      [new DataView(bytes.buffer), /^loadNetwork: a DataView was given/],
      [new Uint8ClampedArray(bytes), /^loadNetwork: an? Uint8ClampedArray was given/],
      [Promise.resolve(bytes), /^loadNetwork: a Promise was given/],
    ];
    for (const [value, message] of given) {
      const error = await thrownBy(() => loadNetwork(value as Uint8Array, { backend }));
      expect(error).toBeInstanceOf(ArgumentError);
      expect((error as Error).message).toMatch(message);
    }
    const options: [unknown, RegExp][] = [
      [null, /^loadNetwork: null was given, an object with backend was expected$/],
      [backend, /^loadNetwork: option: ".*" was given, one of backend was expected$/],
      [{ backed: backend }, /^loadNetwork: option: "backed" was given, one of backend was expected$/],
      [{ backend: {} }, /^loadNetwork: backend: an Object was given, the result of loadBackend\(\) was expected$/],
      [{ backend: null }, /^loadNetwork: backend: null was given/],
      [{ backend: loadBackend }, /^loadNetwork: backend: a function was given/],
    ];
    for (const [value, message] of options) {
      const error = await thrownBy(() => loadNetwork(bytes, value as { backend: Backend }));
      expect(error).toBeInstanceOf(ArgumentError);
      expect((error as Error).message).toMatch(message);
    }
    expect(backend.memory()).toEqual(before);
  });

  it("refuses a backend that was disposed", async () => {
    const backend = await load({ variant: "simd" });
    const bytes = (await create(backend, small)).toBytes();
    backend.dispose();
    await expect(loadNetwork(bytes, { backend })).rejects.toThrow(DisposedError);
    await expect(loadNetwork(bytes.subarray(1), { backend })).rejects.toThrow(DisposedError);
  });

  it("leaves a backend as it was that has no room", async () => {
    const [large, little] = [
      await load({ variant: "simd" }),
      await load({ variant: "simd", memory: { maximumBytes: 2 ** 21 } }),
    ];
    const bytes = (await createNetwork({ inputs: 500, layers: [dense(400)], backend: large })).toBytes();
    const before = little.memory();
    await expect(loadNetwork(bytes, { backend: little })).rejects.toThrow(OutOfMemoryError);
    expect({ ...little.memory(), reservedBytes: 0 }).toEqual({ ...before, reservedBytes: 0 });
    expect((await loadNetwork((await create(large)).toBytes(), { backend: little })).units).toBe(3);
  });
});

// -- what a file may not say ------------------------------------------------------------------------------------------

describe("a file that is not what it should be", () => {
  const layers = [dense(4, { activation: "tanh", l2: 0.1 }), dropout(0.25), batchNorm(), dense(2, "softmax")];

  let backend: Backend;
  /** Of a network of 3 inputs and the layers above. */
  let bytes: Uint8Array;
  beforeAll(async () => {
    backend = await loadBackend({ variant: "simd" });
    const network = await createNetwork({ inputs: 3, layers, seed: 4, backend });
    network.metadata = { note: "x" };
    bytes = network.toBytes();
    network.dispose();
  });
  afterAll(() => backend.dispose());

  const at = (parts: Parts, index?: number) => (index === undefined ? parts.config : layerAt(parts, index));
  const set = (changes: Entry, index?: number) => (parts: Parts) => Object.assign(at(parts, index), changes);
  const drop = (key: string, index?: number) => (parts: Parts) => delete at(parts, index)[key];
  const layersAs = (change: (list: unknown[]) => unknown[]) => (parts: Parts) => {
    parts.config.layers = change([...parts.config.layers]) as Entry[];
  };
  const text = (from: string | RegExp, to: string) => (parts: Parts) => {
    parts.text = (json) => {
      const changed = json.replace(from, to);
      expect(changed).not.toBe(json);
      return changed;
    };
  };
  const texts = (changes: Parts["texts"]) => (parts: Parts) => Object.assign(parts.texts, changes);
  const shape =
    (name: string, ...sizes: number[]) =>
    (parts: Parts) =>
      Object.assign(tensorOf(parts, name), { shape: sizes });
  const rename = (from: string, to: string) => (parts: Parts) => Object.assign(tensorOf(parts, from), { name: to });
  const add =
    (name: string, ...sizes: number[]) =>
    ({ tensors }: Parts) => {
      const length = sizes.reduce((product, size) => product * size, 1);
      tensors.push({ name, shape: sizes, values: new Float64Array(length) });
    };
  const without = (name: string) => (parts: Parts) => {
    parts.tensors.splice(parts.tensors.indexOf(tensorOf(parts, name)), 1);
  };
  const also =
    (...edits: ((parts: Parts) => void)[]) =>
    (parts: Parts) => {
      for (const edit of edits) edit(parts);
    };

  it.each<[string, (parts: Parts) => void]>([
    // tensors
    ['tensor "layers.0.weights": nothing was found, one of shape [3, 4] was expected', without("layers.0.weights")],
    ['tensor "layers.3.bias": nothing was found, one of shape [2] was expected', without("layers.3.bias")],
    ['tensor "layers.2.gamma": nothing was found, one of shape [4] was expected', without("layers.2.gamma")],
    ['tensor "layers.2.runningMean": nothing was found, one of shape [4]', without("layers.2.runningMean")],
    ['tensor "layers.0.weights": nothing was found, one of shape [3, 4]', ({ tensors }) => tensors.splice(0)],
    ['tensor "layers.2.gamma": nothing was found', rename("layers.2.gamma", "layers.2.weight")],
    ['tensor "layers.0.bias": nothing was found', rename("layers.0.bias", "Layers.0.bias")],
    ['tensor "layers.0.bias": nothing was found', rename("layers.0.bias", "layers.00.bias")],
    ['tensor "layers.4.weights": it was found, none but those of the layers was expected', add("layers.4.weights", 1)],
    ['tensor "layers.1.weights": it was found, none but those of the layers', add("layers.1.weights", 4)],
    ['tensor "": it was found, none but those of the layers', add("", 0)],
    ['tensor "__proto__": it was found, none but those of the layers', add("__proto__", 1)],
    [`tensor "${"x".repeat(40)}" and 99960 characters more: it was found`, add("x".repeat(1e5))],
    ['tensor "training.slots.0": it was found, none but those of the layers', add("training.slots.0", 1)],
    ['tensor "trainingslots": it was found', also(texts({ training: "{}" }), add("trainingslots", 1))],
    ['tensor "layers.0.weights": shape: [4, 3] was found, [3, 4] was expected', shape("layers.0.weights", 4, 3)],
    ['tensor "layers.0.weights": shape: [12] was found, [3, 4] was expected', shape("layers.0.weights", 12)],
    ['tensor "layers.0.weights": shape: [3, 4, 1] was found, [3, 4]', shape("layers.0.weights", 3, 4, 1)],
    ['tensor "layers.0.bias": shape: [1, 4] was found, [4] was expected', shape("layers.0.bias", 1, 4)],
    ['tensor "layers.3.bias": shape: [3] was found, [2]', also(without("layers.3.bias"), add("layers.3.bias", 3))],
    ['tensor "layers.3.bias": shape: [0] was found, [2]', also(without("layers.3.bias"), add("layers.3.bias", 0))],
    ['tensor "layers.3.bias": shape: [] was found, [2]', also(without("layers.3.bias"), add("layers.3.bias"))],
    // the configuration as a whole
    ["wasmgrad: version: 2 was found, 1, which is all that this release reads, was expected", set({ version: 2 })],
    ["wasmgrad: version: 0 was found, a whole number from 1 to 9007199254740991 was expected", set({ version: 0 })],
    ['wasmgrad: version: "1" was found, a whole number from 1', set({ version: "1" })],
    ["wasmgrad: no version was found, one was expected", drop("version")],
    ["wasmgrad: no inputs was found, one was expected", drop("inputs")],
    ["wasmgrad: no seed was found, one was expected", drop("seed")],
    ["wasmgrad: no step was found, one was expected", drop("step")],
    ["wasmgrad: no layers was found, one was expected", drop("layers")],
    ['wasmgrad: the key "optimizer" was found, none but those that are known was expected', set({ optimizer: {} })],
    ["wasmgrad: inputs: 0 was found, a whole number from 1 to 9007199254740991 was expected", set({ inputs: 0 })],
    ["wasmgrad: inputs: 9007199254740992 was found, a whole number from 1", set({ inputs: 2 ** 53 })],
    ["wasmgrad: inputs: null was found, a whole number from 1", set({ inputs: null })],
    ['tensor "layers.0.weights": shape: [3, 4] was found, [9007199254740991, 4]', set({ inputs: 2 ** 53 - 1 })],
    ['tensor "layers.0.weights": shape: [3, 4] was found, [4, 4] was expected', set({ inputs: 4 })],
    ["wasmgrad: seed: -1 was found, a whole number from 0", set({ seed: -1 })],
    ["wasmgrad: seed: -0 was found, a whole number from 0", text('"seed":4', '"seed":-0')],
    ["wasmgrad: seed: 0.5 was found, a whole number from 0", set({ seed: 0.5 })],
    ['wasmgrad: at character 31: the number "1e999" was found, a number of', text('"seed":4', '"seed":1e999')],
    ["wasmgrad: step: -1 was found, a whole number from 0", set({ step: -1 })],
    ["wasmgrad: step: true was found, a whole number from 0", set({ step: true })],
    ["wasmgrad: layers: an object with 0 keys was found, an array was expected", set({ layers: {} })],
    ["wasmgrad: layers: no layer with parameters was found, at least one was expected", set({ layers: [] })],
    ["wasmgrad: layers: no layer with parameters was found", layersAs(([, drop]) => [drop, drop])],
    ['tensor "layers.3.weights": it was found, none but those of the layers', layersAs((list) => list.slice(0, 3))],
    ['tensor "layers.4.gamma": nothing was found, one of shape [2]', layersAs((list) => [...list, list[2]])],
    ['tensor "layers.0.weights": shape: [3, 4] was found, [3, 2]', layersAs((list) => list.reverse())],
    ['wasmgrad: at character 33: the key "seed" once more', text('"seed":4', '"seed":4,"seed":4')],
    ['wasmgrad: at character 33: the key "seed" once more', text('"seed":4', '"seed":4,"s\\u0065ed":5')],
    ['wasmgrad: the key "__proto__" was found, none but', text('"seed":4', '"seed":4,"__proto__":{}')],
    ["wasmgrad: no inputs was found, one was expected", text('"inputs":3', '"__proto__":{"inputs":3}')],
    ['wasmgrad: at character 0: "?" was found, a value was expected', text(/^/, "?")],
    ["wasmgrad: at character 0: the end of the text was found, a value was expected", text(/.*/, "")],
    ["wasmgrad: null was found, an object was expected", text(/.*/, "null")],
    ["wasmgrad: an array of 0 was found, an object was expected", text(/.*/, "[]")],
    ["wasmgrad: at character 94: level 65 of arrays and objects", text('"seed":4', `"seed":${"[".repeat(64)}`)],
    // layers
    ["wasmgrad: layers[0]: units: 0 was found, a whole number from 1 to 9007199254740991", set({ units: 0 }, 0)],
    ["wasmgrad: layers[0]: units: 1.5 was found, a whole number from 1", set({ units: 1.5 }, 0)],
    ["wasmgrad: layers[3]: units: -1 was found, a whole number from 1", set({ units: -1 }, 3)],
    ['wasmgrad: layers[3]: units: "3" was found, a whole number from 1', set({ units: "3" }, 3)],
    ["wasmgrad: layers[3]: units: an array of 1 was found, a whole number from 1", set({ units: [2] }, 3)],
    ["wasmgrad: layers[0]: no units was found, one was expected", drop("units", 0)],
    ['tensor "layers.0.weights": shape: [3, 4] was found, [3, 1000000000000000]', set({ units: 1e15 }, 0)],
    ['tensor "layers.3.weights": shape: [4, 2] was found, [4, 3] was expected', set({ units: 3 }, 3)],
    ['wasmgrad: layers[0]: dense: activation: "tanhh" was given, one of tanh, ', set({ activation: "tanhh" }, 0)],
    ['wasmgrad: layers[0]: dense: activation: "constructor" was given', set({ activation: "constructor" }, 0)],
    ["wasmgrad: layers[0]: dense: activation: null was given, one of ", set({ activation: null }, 0)],
    ["wasmgrad: layers[0]: dense: activation: 3 was given, one of ", set({ activation: 3 }, 0)],
    ["wasmgrad: layers[0]: dense: activation: an array of 1 was given, one of ", set({ activation: ["tanh"] }, 0)],
    ["wasmgrad: layers[0]: no activation was found, one was expected", drop("activation", 0)],
    ['wasmgrad: layers[0]: dense: initializer: "he" was given, one of ', set({ initializer: "he" }, 0)],
    ["wasmgrad: layers[3]: dense: initializer: null was given, one of ", set({ initializer: null }, 3)],
    ["wasmgrad: layers[3]: no initializer was found, one was expected", drop("initializer", 3)],
    ["wasmgrad: layers[0]: dense: l1: -1 was given, a number of at least 0 was expected", set({ l1: -1 }, 0)],
    ['wasmgrad: layers[0]: dense: l2: "0" was given, a number of at least 0 was expected', set({ l2: "0" }, 0)],
    ["wasmgrad: layers[0]: dense: l2: null was given, a number of at least 0", set({ l2: null }, 0)],
    ["wasmgrad: layers[0]: no l1 was found, one was expected", drop("l1", 0)],
    ["wasmgrad: layers[0]: trainable: 1 was found, true or false was expected", set({ trainable: 1 }, 0)],
    ["wasmgrad: layers[1]: trainable: null was found, true or false was expected", set({ trainable: null }, 1)],
    ["wasmgrad: layers[2]: no trainable was found, one was expected", drop("trainable", 2)],
    ["wasmgrad: layers[1]: dropout: rate: 1 was given, a number from 0 to below 1", set({ rate: 1 }, 1)],
    ['wasmgrad: layers[1]: dropout: rate: "0.5" was given, a number from 0', set({ rate: "0.5" }, 1)],
    ["wasmgrad: layers[1]: no rate was found, one was expected", drop("rate", 1)],
    ["wasmgrad: layers[2]: batchNorm: momentum: 2 was given, a number from 0 to 1", set({ momentum: 2 }, 2)],
    ["wasmgrad: layers[2]: batchNorm: epsilon: 0 was given, a number above 0", set({ epsilon: 0 }, 2)],
    ["wasmgrad: layers[2]: no epsilon was found, one was expected", drop("epsilon", 2)],
    ['wasmgrad: layers[0]: the key "dropout" was found, none but', set({ dropout: 1 }, 0)],
    ['wasmgrad: layers[2]: the key "units" was found, none but', set({ units: 4 }, 2)],
    ['wasmgrad: layers[1]: the key "__proto__" was found', text('"rate":', '"__proto__":{},"rate":')],
    ['wasmgrad: at character 191: the key "rate" once more', text('"rate":', '"rate":0.1,"rate":')],
    ['wasmgrad: layers[1]: kind: "conv" was found, "dense", "batchNorm" or "dropout"', set({ kind: "conv" }, 1)],
    ['wasmgrad: layers[1]: kind: "toString" was found', set({ kind: "toString" }, 1)],
    ["wasmgrad: layers[1]: kind: 3 was found, a string was expected", set({ kind: 3 }, 1)],
    ["wasmgrad: layers[1]: no kind was found, one was expected", drop("kind", 1)],
    ["wasmgrad: layers[1]: null was found, an object was expected", layersAs(([first]) => [first, null])],
    ['wasmgrad: layers[1]: "dropout" was found, an object was', layersAs(([first]) => [first, "dropout"])],
    // metadata, and a training
    ["metadata: an array of 1 was found, an object was expected", texts({ metadata: "[1]" })],
    ["metadata: null was found, an object was expected", texts({ metadata: "null" })],
    ['metadata: "x" was found, an object was expected', texts({ metadata: '"x"' })],
    ["metadata: at character 0: the end of the text was found, a value was expected", texts({ metadata: "" })],
    ["metadata: at character 5: the end of the text was found, a value was expected", texts({ metadata: '{"a":' })],
    ['metadata: at character 19: the key "c" once more', texts({ metadata: '{"a":1,"b":[{"c":1,"c":1}]}' })],
    ['metadata: the key "__proto__" was found, another one', texts({ metadata: '{"__proto__":{"polluted":1}}' })],
    ['metadata: "a"[0]: the key "__proto__" was found', texts({ metadata: '{"a":[{"__proto__":1}]}' })],
    ['metadata: the key "__proto__" was found', texts({ metadata: '{"\\u005f_proto__":1}' })],
    ['metadata: at character 5: the number "1e309" was found', texts({ metadata: '{"a":1e309}' })],
    ['training: at character 0: "?" was found, a value was expected', texts({ training: "?" })],
  ])("is refused: %s", async (message, edit) => {
    const before = backend.memory();
    const error = await thrownBy(() => loadNetwork(edited(bytes, edit), { backend }));
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message.slice(0, `loadNetwork: ${message}`.length)).toBe(`loadNetwork: ${message}`);
    expect((error as Error).message).toMatch(/ was (found|given), .+ was expected$/);
    expect((error as Error).message.length).toBeLessThan(300);
    expect(backend.memory()).toEqual(before);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    // it was the edit that did it
    (
      await loadNetwork(
        edited(bytes, () => {}),
        { backend },
      )
    ).dispose();
  });

  it("is refused where it is another's: no configuration, other numbers, nothing", async () => {
    const { tensors } = takeApart(bytes);
    const files: [Uint8Array, RegExp][] = [
      [encodeSafetensors(tensors, {}), /^loadNetwork: wasmgrad: nothing was found, an object was expected$/],
      [encodeSafetensors(tensors, { format: "pt" }), /^loadNetwork: wasmgrad: nothing was found/],
      [encodeSafetensors([], {}), /^loadNetwork: wasmgrad: nothing was found/],
      [new Uint8Array(0), /^loadNetwork: a length of 0 bytes was found, one of at least 8 was expected$/],
      [Buffer.from("a,b,c\n1,2,3\n"), /^loadNetwork: header: a length of \d+ bytes was found, one of at most/],
      [bytes.subarray(0, bytes.length - 1), /^loadNetwork: tensor "layers.3.bias": data_offsets: /],
      [Buffer.concat([bytes, Buffer.alloc(1)]), /^loadNetwork: data of \d+ bytes was found, an end at byte \d+, that/],
      [Buffer.from(Buffer.from(bytes).toString("latin1").replace("F64", "F32"), "latin1"), /: dtype: "F32" was found/],
    ];
    for (const [file, message] of files) {
      const error = await thrownBy(() => loadNetwork(file, { backend }));
      expect(error).toBeInstanceOf(FormatError);
      expect((error as Error).message).toMatch(message);
    }
  });

  it("is taken where what differs does not matter: order, metadata of others, none of the user's, a training", async () => {
    const expected = takeApart(bytes);
    const edits: [(parts: Parts) => void, Metadata][] = [
      [({ tensors }) => tensors.reverse(), { note: "x" }],
      [({ texts }) => Object.assign(texts, { format: "pt", author: "[not JSON" }), { note: "x" }],
      [({ texts }) => delete texts.metadata, {}],
      [texts({ metadata: ' { "a" : [ ] }\n' }), { a: [] }],
      [also(texts({ training: "{}" }), add("training.slots.0", 5), add("training.", 0)), { note: "x" }],
      [
        (parts) => {
          parts.config = Object.fromEntries(Object.entries(parts.config).reverse()) as Parts["config"];
        },
        { note: "x" },
      ],
      [text('"inputs":3', '"in\\u0070uts" : 3.0e0'), { note: "x" }],
    ];
    for (const [edit, given] of edits) {
      const loaded = await loadNetwork(edited(bytes, edit), { backend });
      expect(loaded.metadata).toEqual(given);
      expect(takeApart(loaded.toBytes())).toMatchObject({ config: expected.config, tensors: expected.tensors });
      loaded.dispose();
    }
  });

  it("takes nothing on its word: huge units beside small tensors, in whatever layer", async () => {
    const before = backend.memory();
    for (const units of [1e6, 2 ** 31, 2 ** 32, 1e15, 2 ** 53 - 1]) {
      for (const edit of [set({ units }, 0), set({ units }, 3), also(set({ units }, 0), set({ units }, 3))]) {
        await expect(loadNetwork(edited(bytes, edit), { backend })).rejects.toThrow(FormatError);
        expect(backend.memory()).toEqual(before);
      }
    }
  });

  it("is refused for the last of 100,000 layers", async () => {
    const many = '{"kind":"dropout","rate":0.5,"trainable":true},'.repeat(1e5);
    await expect(loadNetwork(edited(bytes, text('"layers":[', `"layers":[${many}`)), { backend })).rejects.toThrow(
      'loadNetwork: tensor "layers.100000.weights": nothing was found, one of shape [3, 4] was expected',
    );
  });

  it("is taken with as many layers as one likes", async () => {
    const count = 20000;
    const many = '{"kind":"dropout","rate":0.5,"trainable":true},'.repeat(count);
    const before = backend.memory();
    const loaded = await loadNetwork(
      edited(bytes, (parts) => {
        text('"layers":[', `"layers":[${many}`)(parts);
        for (const tensor of parts.tensors) {
          const [, index, name] = tensor.name.split(".");
          Object.assign(tensor, { name: `layers.${count + Number(index)}.${name}` });
        }
      }),
      { backend },
    );
    expect(loaded.layers.length).toBe(count + 4);
    const plain = await loadNetwork(bytes, { backend });
    expect(bitsOf(loaded.predict([1, 2, 3]))).toBe(bitsOf(plain.predict([1, 2, 3])));
    for (const network of [loaded, plain]) network.dispose();
    expect(backend.memory()).toEqual(before);
  });

  it("computes with 200,000 layers, which are taken", async () => {
    const least = (await createNetwork({ inputs: 1, layers: [dense(1)], backend })).toBytes();
    const layer = { kind: "dropout", rate: 0.5, trainable: true };
    const many = edited(
      least,
      layersAs((list) => list.concat(Array(2e5).fill(layer))),
    );
    const loaded = await loadNetwork(many, { backend });
    expect(loaded.layers.length).toBe(200001);
    expect(loaded.predict([1]).length).toBe(1);
  });

  it.each<[string, number, Entry]>([
    ["activation", 0, { activation: "x".repeat(1e5) }],
    ["initializer", 0, { initializer: "x".repeat(1e5) }],
    ["l1", 0, { l1: "x".repeat(1e5) }],
    ["rate", 1, { rate: "x".repeat(1e5) }],
    ["epsilon", 2, { epsilon: "x".repeat(1e5) }],
  ])("is refused in a short message: a long %s", async (_, index, changes) => {
    const error = await thrownBy(() => loadNetwork(edited(bytes, set(changes, index)), { backend }));
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message.length).toBeLessThan(300);
  });

  it.each([
    ["33 levels", JSON.stringify(nested(33))],
    ["half a surrogate pair", '{"a":"\\ud800"}'],
    ["half a pair in a key", '{"\\udc00":1}'],
  ])("is refused, or can be written again: metadata with %s", async (_, json) => {
    const loaded = await loadNetwork(edited(bytes, texts({ metadata: json })), { backend }).catch((error) => error);
    if (!(loaded instanceof FormatError)) loaded.toBytes();
  });
});

// -- damage -----------------------------------------------------------------------------------------------------------

type Below = (limit: number) => number;

/** What stands in a header instead of something else. */
const NUMBERS = [
  "0",
  "1",
  "-1",
  "-0",
  "3",
  "12",
  "1.5",
  "1e15",
  "1e999",
  "9007199254740992",
  "null",
  "true",
  "[]",
  "{}",
];
const WORDS = [
  "relu",
  "softmax",
  "dense",
  "dropout",
  "batchNorm",
  "zeros",
  "F64",
  "F32",
  "__proto__",
  "version",
  "units",
];
const MARKS = Buffer.from('0123456789-.eE,:[]{}"\\ ud');

/** Numbers that can be others. */
const FREE = /(?<="(?:l1|l2|rate|momentum|epsilon|seed|step)\\?": ?)-?\d[\d.e+-]*/g;
const NUMBER = /(?<=[:[,] ?)-?\d[\d.e+-]*/g;
/** Quotes stand behind a backslash where JSON is inside of JSON. */
const KEY = /(?<=\\?")[\w.]+(?=\\?": ?)/g;
const WORD = /(?<=: ?\\?")\w+(?=\\?")/g;
const MEMBER = /\\?"[\w.]+\\?": ?(?:-?\d[\d.e+-]*|true|false|\\?"[^"\\]*\\?"|\[[^[\]{}]*\]),? ?/g;

/** Damages files, always in the same way. */
function damager(seed: number) {
  let state = seed;
  const below: Below = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 4294967296) * limit);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;

  /** One of the places where `pattern` matches, with something else in it. */
  const replaceOne = (text: string, pattern: RegExp, by: (found: string) => string): string => {
    const matches = [...text.matchAll(pattern)];
    if (matches.length === 0) return text;
    const match = pick(matches);
    return text.slice(0, match.index) + by(match[0]) + text.slice(match.index + match[0].length);
  };
  const edits: readonly ((header: string) => string)[] = [
    (header) => replaceOne(header, FREE, () => String(below(1000) / 1000)),
    (header) => replaceOne(header, FREE, () => String(below(1000))),
    (header) => replaceOne(header, NUMBER, () => pick(NUMBERS)),
    (header) => replaceOne(header, NUMBER, (found) => String(Number(found) + below(5) - 2)),
    (header) => replaceOne(header, NUMBER, (found) => `${found}${pick(["0", ".5", "e1", "e-1", "e400", ".", "x"])}`),
    (header) => replaceOne(header, WORD, () => pick(WORDS)),
    (header) => replaceOne(header, KEY, () => pick(WORDS)),
    (header) => replaceOne(header, KEY, (found) => pick([`${found}x`, found.slice(1), found.toUpperCase()])),
    (header) => replaceOne(header, MEMBER, () => ""),
    (header) => replaceOne(header, MEMBER, (found) => `${found}${found.endsWith(",") ? "" : ","}${found}`),
    (header) => replaceOne(header, /true|false/g, (found) => pick(["true", "false", "null", `${found}r`])),
  ];
  const editHeader = (bytes: Buffer): Buffer => {
    const end = 8 + (bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE() % 65536n));
    let header = bytes.toString("utf8", 8, end).trimEnd();
    for (let count = below(2); count >= 0; count--) header = pick(edits)(header);
    const text = Buffer.from(below(2) === 0 ? header : header.padEnd(8 * Math.ceil(header.length / 8)));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, bytes.subarray(end)]);
  };
  const splice = (bytes: Buffer, at: number, removed: number, added: Uint8Array): Buffer =>
    Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
  const piece = (bytes: Buffer) => {
    const from = below(bytes.length + 1);
    return bytes.subarray(from, from + 1 + below(40));
  };
  const damages: readonly ((bytes: Buffer, other: Buffer) => Buffer)[] = [
    editHeader,
    editHeader,
    editHeader,
    (bytes) => splice(bytes, below(bytes.length), 1, Uint8Array.of(below(256))),
    // where it does most: marks in the header, bits in its length
    (bytes) => splice(bytes, 8 + below(bytes.length / 2), 1, Uint8Array.of(pick([...MARKS]))),
    (bytes) => splice(bytes, 8 + below(bytes.length / 2), 0, Uint8Array.of(pick([...MARKS]))),
    (bytes) => {
      const at = below(bytes.length);
      return splice(bytes, at, 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << below(8))));
    },
    // the numbers
    (bytes) => splice(bytes, Math.max(0, bytes.length - 1 - below(64)), 1, Uint8Array.of(below(256))),
    (bytes) => splice(bytes, below(8), 1, Uint8Array.of(below(256))),
    (bytes) => splice(bytes, 0, 1, Uint8Array.of(((bytes[0] ?? 0) + below(17) - 8) & 255)),
    (bytes) => splice(bytes, below(bytes.length), 1 + below(20), Buffer.alloc(0)),
    (bytes) =>
      splice(
        bytes,
        below(bytes.length + 1),
        0,
        Uint8Array.from({ length: 1 + below(9) }, () => below(256)),
      ),
    (bytes) => bytes.subarray(0, below(bytes.length)),
    (bytes, other) => splice(bytes, below(bytes.length), below(2) * below(40), piece(other)),
    (bytes, other) => splice(bytes, below(bytes.length), bytes.length, other.subarray(below(other.length))),
  ];
  return (files: readonly Uint8Array[]): Uint8Array => {
    let bytes: Buffer = Buffer.from(pick(files));
    const other = Buffer.from(pick(files));
    for (let count = Math.max(0, below(5) - 2); count >= 0; count--) bytes = pick(damages)(bytes, other);
    return Uint8Array.from(bytes);
  };
}

/** What every refusal reads like. */
const SENTENCE = /^loadNetwork: .+ was (?:found|given), .+ was expected$/su;

function unexpected(run: number, bytes: Uint8Array): string {
  return `run ${run}: the file ${Buffer.from(bytes).toString("base64")}`;
}

describe("damaged files", () => {
  const load = disposedAfterEach();
  const count = Number(process.env.DAMAGED_FILES ?? 20000);

  it(
    `are taken as a whole or refused as a whole: ${count} of them`,
    async () => {
      const backend = await load({ variant: "simd" });
      const rich = await createNetwork({ inputs: FEATURES, layers: FEW, seed: 6, backend });
      rich.forward(inputs);
      rich.metadata = { columns: [{ name: "é\u0001", scale: 0.5 }], ключ: { a: [1, null] }, done: true };
      const normal = await createNetwork({ inputs: 2, layers: [batchNorm(), dense(2)], seed: 1, backend });
      fillWithSpecial(normal);
      const least = await createNetwork({ inputs: 1, layers: [dense(1)], backend });
      const trained = edited(least.toBytes(), (parts) => {
        parts.texts.training = '{"steps":3,"kept":true}';
        parts.tensors.push({ name: "training.slots.0", shape: [2], values: Float64Array.of(1, 2) });
      });
      const golden = readFileSync(new URL("./golden/safetensors.safetensors", import.meta.url));
      const files = [rich.toBytes(), normal.toBytes(), least.toBytes(), trained, golden];
      for (const network of [rich, normal, least]) network.dispose();
      const before = backend.memory();
      const damage = damager(1);
      const seen = { taken: 0, refused: 0 };
      const messages = new Set<string>();
      for (let run = 0; run < count; run++) {
        const bytes = damage(files);
        const network = await loadNetwork(bytes, { backend }).catch((error: unknown) => error as Error);
        if (network instanceof Error) {
          if (!(network instanceof FormatError)) throw new Error(unexpected(run, bytes), { cause: network });
          if (!SENTENCE.test(network.message) || network.message.length >= 400) expect.fail(network.message);
          messages.add(network.message.replace(/"[^"]*"|\d+/g, ""));
          seen.refused++;
          continue;
        }
        // what was taken is sound: it can be written, and read again as the same bits, of which digest is the hash
        const again = network.toBytes();
        const second = await loadNetwork(again, { backend });
        const [state, stateAgain] = [network, second].map((one) => `${stateOf(one)}`);
        if (state !== stateAgain || !Buffer.from(again).equals(second.toBytes()))
          throw new Error(unexpected(run, bytes));
        for (const one of [network, second]) one.dispose();
        seen.taken++;
      }
      console.log(`${count} damaged files: ${JSON.stringify(seen)}, refused in ${messages.size} ways`);
      expect(backend.memory()).toEqual(before);
      expect(seen.taken).toBeGreaterThan(count / 20);
      expect(seen.refused).toBeGreaterThan(count / 2);
      expect(messages.size).toBeGreaterThan(100);
    },
    Math.max(60_000, 5 * count),
  );
});
