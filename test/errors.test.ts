/**
 * Bad input to the backend, and to what descriptions are made of; networks and training: errorsTraining.test.ts.
 *
 * A row says what the error must read, its class first (where, what was given, what was expected), and the action.
 * After each of them `backend.memory()` reads exactly as before.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as wasmgrad from "../src/index";
import {
  adagrad,
  adam,
  adamW,
  type Backend,
  createNetwork,
  dense,
  dropout,
  loadBackend,
  type Matrix,
  type Network,
  rmsProp,
  sgd,
  Trainer,
} from "../src/index";
import { type ErrorRow, expectError, thrownBy } from "./support";

/** The action throws that, and `backend.memory()` reads exactly as before. */
async function fails(backend: Backend, message: RegExp, action: () => unknown): Promise<void> {
  const before = backend.memory();
  expectError(await thrownBy(action), message);
  expect(backend.memory()).toEqual(before);
}

/** A copy without its second element. */
function hollow<T>(values: T[]): T[] {
  const copy = values.slice();
  delete copy[1];
  return copy;
}

describe.each(["js", "simd"] as const)("errors: %s", (variant) => {
  let backend: Backend;
  let other: Backend;
  let a: Matrix; // 2x3
  let b: Matrix; // 3x2
  let dead: Matrix; // 2x3, disposed
  let foreign: Matrix; // 2x3, of another backend
  let b2: Matrix; // 3x2
  let empty: Matrix; // 0x3
  let network: Network;

  beforeAll(async () => {
    backend = await loadBackend({ variant });
    other = await loadBackend({ variant: variant === "js" ? "simd" : "js" });
    a = backend.matrix(2, 3, [1, 2, 3, 4, 5, 6]);
    b = backend.matrix(3, 2, [1, 2, 3, 4, 5, 6]);
    b2 = backend.matrix(3, 2);
    empty = backend.matrix(0, 3);
    dead = backend.matrix(2, 3);
    dead.dispose();
    foreign = other.matrix(2, 3);
    network = await createNetwork({ inputs: 2, layers: [dense(2)], backend });
  });
  afterAll(() => [backend, other].forEach((each) => void each.dispose()));

  function rows(title: string, list: ErrorRow[]): void {
    describe(title, () => {
      test.each(list)("%s", (message, action) => fails(backend, message, action));
    });
  }

  rows("matrix", [
    [/^ArgumentError: matrix: rows: -1 was given, a whole number of at least 0 was/, () => backend.matrix(-1, 3)],
    [/^ArgumentError: matrix: cols: 1.5 was given/, () => backend.matrix(1, 1.5)],
    [/^ArgumentError: matrix: rows: NaN was given/, () => backend.matrix(NaN, 1)],
    [/^ArgumentError: matrix: rows: Infinity was given/, () => backend.matrix(Infinity, 0)],
    [/^ArgumentError: matrix: rows: "2" was given/, () => backend.matrix("2" as never, 2)],
    [/^ArgumentError: matrix: cols: undefined was given/, () => backend.matrix(1, undefined as never)],
    [/^ShapeError: matrix: 3 values .* 2 x 3 = 6 were expected/, () => backend.matrix(2, 3, [1, 2, 3])],
    [/^ShapeError: matrix: 5 values .* 2 x 3 = 6 were/, () => backend.matrix(2, 3, [1, 2, 3, 4, 5])],
    [/^ShapeError: matrix: 9 values .* = 6 were/, () => backend.matrix(2, 3, new Float32Array(9))],
    [/^ShapeError: matrix: 3 values .* 0 x 3 = 0 were/, () => backend.matrix(0, 3, [1, 2, 3])],
    [/^ShapeError: matrix: .*2 (values|numbers) .* 0/, () => backend.matrix(3, 0, [1, 2])],
    [/^ArgumentError: matrix: values: "x" was given/, () => backend.matrix(3, 0, "x" as never)],
    [/^ShapeError: matrix: values: row 1 has 1 values, 2 were/, () => backend.matrix(2, 2, [[1, 2], [3]])],
    [/^ShapeError: .* row 0, column 0 is an array of 1/, () => backend.matrix(1, 1, [[[1]]] as never)],
    [/^ShapeError: .* row 0 is 1, a row of 2 numbers/, () => backend.matrix(2, 2, [1, 2, [3], 4] as never)],
    [/^ShapeError: .* row 1 .* 2 numbers/, () => backend.matrix(3, 2, hollow([[1, 2], [], [3, 4]]))],
    [/^ArgumentError: .* column 1 is undefined, a number/, () => backend.matrix(1, 2, hollow([1, 0]))],
    [/^ArgumentError: .* row 0, column 1 is undefined/, () => backend.matrix(1, 2, [hollow([3, 0])])],
    [/^ArgumentError: .* row 0, column 0 is "3", a number/, () => backend.matrix(1, 2, ["3", "4"] as never)],
    [/^ArgumentError: .* row 0, column 1 is null, a number/, () => backend.matrix(1, 2, [1, null] as never)],
    [/^ArgumentError: .* row 0, column 0 is true, a number/, () => backend.matrix(1, 2, [true, 1] as never)],
    [/^ArgumentError: .* row 0, column 0 is 1n?, a number/, () => backend.matrix(1, 2, [1n, 2n] as never)],
    [/^ArgumentError: .* row 0, column 0 is Symbol/, () => backend.matrix(1, 2, [Symbol("s"), 2] as never)],
    [
      /^ArgumentError: .* row 1, column 1 is "4"/,
      () =>
        backend.matrix(2, 2, [
          [1, 2],
          [3, "4"],
        ] as never),
    ],
    [/^ArgumentError: matrix: values: null was given, a Float64Array/, () => backend.matrix(1, 1, null as never)],
    [/^ArgumentError: .* a BigInt64Array was/, () => backend.matrix(1, 1, new BigInt64Array(1) as never)],
    [/^ShapeError: .* a 2x3 matrix was given, 2 columns were/, () => backend.matrix(3, 2, a)],
    [/^DisposedError: matrix: values: a 2x3 matrix .* dispose/, () => backend.matrix(2, 3, dead)],
    [/^ArgumentError: matrix: values: .* another backend \(\w+\)/, () => backend.matrix(2, 3, foreign)],
    [/^DisposedError: matrix.values: a 2x3 matrix .* dispose/, () => dead.values],
    [/^OutOfMemoryError: matrix: 8000000000000000000 bytes .* cannot grow/, () => backend.matrix(1e9, 1e9)],
    [/^OutOfMemoryError: matrix: .* bytes .* cannot grow/, () => backend.matrix(2 ** 53 - 1, 2 ** 53 - 1)],
    [/^OutOfMemoryError: matrix: 4294967296 bytes/, () => backend.matrix(2 ** 29, 1)],
    [/^ShapeError: .* 1 values .* = 1000000000000000000/, () => backend.matrix(1e9, 1e9, [1])],
  ]);

  rows("matmul and transpose", [
    [/^ShapeError: matmul: op\(A\) is 2x3 but op\(B\) is 2x3; the inner/, () => backend.matmul(a, a)],
    [/^ShapeError: matmul: op\(A\) is 3x2 but op\(B\) is 3x2/, () => backend.matmul(a, b, { transposeA: true })],
    [/^ShapeError: matmul: out is 3x2, 2x2 was/, () => backend.matmul(a, a, { transposeB: true, out: b })],
    [/^ArgumentError: matmul: out is A itself/, () => backend.matmul(a, a, { transposeB: true, out: a })],
    [/^ArgumentError: matmul: out is B itself/, () => backend.matmul(a, b, { out: b })],
    [/^ArgumentError: matmul: out is null|matmul: null was given/, () => backend.matmul(a, b, { out: null as never })],
    [/^ArgumentError: matmul: undefined was given, a Matrix was/, () => backend.matmul(a, undefined as never)],
    [/^ArgumentError: matmul: null was given, a Matrix was/, () => backend.matmul(null as never, a)],
    [/^ArgumentError: matmul: an array of 3 .* backend.matrix/, () => backend.matmul(a, [1, 2, 3] as never)],
    [/^ArgumentError: matmul: alpha "2"/, () => backend.matmul(a, b, { alpha: "2" as never })],
    [/^ArgumentError: .*transposeB: "no" .* true or false/, () => backend.matmul(a, a, { transposeB: "no" as never })],
    [/^ArgumentError: matmul: null was given, an object/, () => backend.matmul(a, b, null as never)],
    [/"transposeC" was given, one of transpose[AB], transp/, () => backend.matmul(a, b, { transposeC: 1 } as never)],
    [/^DisposedError: matmul: a 2x3 matrix/, () => backend.matmul(dead, b)],
    [/^DisposedError: matmul: a 2x3 matrix/, () => backend.matmul(b, b, { transposeA: true, out: dead })],
    [/^ArgumentError: matmul: .* another backend .* of this backend/, () => backend.matmul(foreign, b)],
    [/^ArgumentError: matmul: .* another backend/, () => backend.matmul(a, b, { out: foreign })],
    [/^ShapeError: transpose: out is 3x2, 2x3 was/, () => backend.transpose(b, { out: b2 })],
    [/^ArgumentError: transpose: out is the input itself/, () => backend.transpose(a, { out: a })],
    [/^ArgumentError: transpose: undefined was given, a Matrix/, () => backend.transpose(undefined as never)],
    [/^ArgumentError: transpose: null was given/, () => backend.transpose(a, null as never)],
    [/^ArgumentError: transpose: .*"outt" was given, one of out was/, () => backend.transpose(a, { outt: a } as never)],
    [/^DisposedError: transpose: a 2x3 matrix/, () => backend.transpose(dead)],
  ]);

  rows("elementwise operations", [
    [/^ShapeError: exp: out is 3x2, 2x3 was/, () => backend.exp(a, { out: b })],
    [/^ArgumentError: exp: undefined was given, a Matrix/, () => backend.exp(undefined as never)],
    [/^ArgumentError: log: null was given/, () => backend.log(a, null as never)],
    [/^ArgumentError: log1p: an array of 6 was given, a Matrix/, () => backend.log1p(a, { out: Array(6) as never })],
    [/^ArgumentError: expm1: .*"into" was given, one of out was/, () => backend.expm1(a, { into: a } as never)],
    [/^DisposedError: tanh: a 2x3 matrix/, () => backend.tanh(dead)],
    [/^ArgumentError: erf: 3 was given, a Matrix/, () => backend.erf(3 as never)],
    [/^ArgumentError: erf: .* another backend/, () => backend.erf(foreign)],
    [
      /activation: "sigmiod" was given, one of sigmoid, (\w+, ){9}\w+ was/,
      () => backend.activation("sigmiod" as never, a),
    ],
    [/^ArgumentError: activation: undefined was given, one of/, () => backend.activation(undefined as never, a)],
    [/^ArgumentError: activation: "constructor" was given/, () => backend.activation("constructor" as never, a)],
    [/^ArgumentError: activation: an Object was/, () => backend.activation(Object.create(null) as never, a)],
    [/^ArgumentError: activation: undefined was given, a M/, () => backend.activation("relu", undefined as never)],
    [/^ShapeError: activation: out is 3x2, 2x3 was/, () => backend.activation("softmax", a, { out: b })],
    [/^ArgumentError: .*"Out" was given, one of out was/, () => backend.activation("relu", a, { Out: a } as never)],
    [/^ShapeError: activationGradient: z is 2x3 but dy is 3x2/, () => backend.activationGradient("relu", a, b)],
    [/^ArgumentError: .* undefined was given, a M/, () => backend.activationGradient("relu", a, undefined as never)],
    [/^ShapeError: .* out is 3x2, 2x3/, () => backend.activationGradient("softmax", a, a, { out: b })],
  ]);

  rows("loss", [
    [/loss: "hubber" was given, one of huber, (\w+, ){4}\w+ was/, () => backend.loss("hubber" as never, a, a)],
    [/^ArgumentError: loss: undefined was given, a Matrix/, () => backend.loss("huber", undefined as never, [1])],
    [/^ArgumentError: loss: targets: undefined was/, () => backend.loss("huber", a, undefined as never)],
    [/^ShapeError: loss: targets: 3 values .* 2 samples x 3 units = 6/, () => backend.loss("huber", a, [1, 2, 3])],
    [/^ShapeError: loss: targets: 2 (values|numbers)/, () => backend.loss("huber", a, Int32Array.of(0, 1))],
    [/class of row 1 is 3, a whole number from 0 to 2/, () => backend.loss("categoricalCrossEntropy", a, [0, 3])],
    [/class of row 0 is -1, /, () => backend.loss("categoricalCrossEntropy", a, Int32Array.of(-1, 0))],
    [/class of row 1 is 1.5, /, () => backend.loss("categoricalCrossEntropy", a, [0, 1.5])],
    [/^ArgumentError: loss: targets: .* another backend/, () => backend.loss("huber", a, foreign)],
    [/^DisposedError: loss: targets: a 2x3 matrix/, () => backend.loss("huber", a, dead)],
    [/fromLogits was given with huber, a cross-entropy/, () => backend.loss("huber", a, a, { fromLogits: true })],
    [/fromLogits: 1 was given, true/, () => backend.loss("binaryCrossEntropy", a, a, { fromLogits: 1 as never })],
    [/"fromlogits" was given, one of fromLogits/, () => backend.loss("huber", a, a, { fromlogits: true } as never)],
    [/^ArgumentError: loss: null was given/, () => backend.loss("huber", a, a, null as never)],
    [/^ShapeError: loss: outputs are 0x3, at least one row/, () => backend.loss("huber", empty, [])],
  ]);

  const create = (layers: unknown, inputs: unknown = 2) =>
    createNetwork({ inputs: inputs as number, layers: layers as never, backend });
  rows("descriptions", [
    ...[0, 2.5, -1, NaN].map(
      (units): ErrorRow => [
        RegExp(`^ArgumentError: dense: units: ${units} was given, a whole number of at least 1`),
        () => dense(units),
      ],
    ),
    [/^ArgumentError: dense: units: "3" was given, a whole number/, () => dense("3" as never)],
    [/dense: activation: "rleu" was given, one of relu, (\w+, ){9}\w+ was/, () => dense(2, "rleu" as never)],
    [/initializer: "heUnifrom" was given, one of heUniform, /, () => dense(2, { initializer: "heUnifrom" as never })],
    [/^ArgumentError: dense: .*"activaton" was given, one of activation, /, () => dense(2, { activaton: 1 } as never)],
    [/^ArgumentError: dense: l1: -1 was given, a number of at least 0/, () => dense(2, { l1: -1 })],
    [/^ArgumentError: dense: l2: NaN was given/, () => dense(2, { l2: NaN })],
    [/^ArgumentError: dense: trainable: 0 was given, true or false/, () => dense(2, { trainable: 0 as never })],
    [/^ArgumentError: dense: null was given/, () => dense(2, null as never)],
    ...[1, -0.1, NaN, "0.5", undefined].map(
      (rate): ErrorRow => [
        RegExp(`^ArgumentError: dropout: rate: "?${rate}"? was given, a number from 0 to below 1`),
        () => dropout(rate as never),
      ],
    ),
    [/^ArgumentError: createNetwork: inputs: 0 was given, a whole number of at least 1/, () => create([dense(1)], 0)],
    [/^ArgumentError: createNetwork: inputs: 1.5 was/, () => create([dense(1)], 1.5)],
    [/^ArgumentError: createNetwork: inputs: "4" was/, () => create([dense(1)], "4")],
    [/^ArgumentError: createNetwork: layers: an array of 0 .* at least one layer/, () => create([])],
    [/^ArgumentError: createNetwork: layers: undefined was/, () => create(undefined)],
    [/^ArgumentError: createNetwork: layers: .*dense/, () => create([dropout(0.5)])],
    [/layers\[1\]: null was given, dense\(...\), batchNorm/, () => create([dense(1), null])],
    [/layers\[0\]: a function was given, dense/, () => create([dense])],
    [/layers\[1\]: an Object was given, dense/, () => create([dense(1), { kind: "conv" }])],
    [/^ArgumentError: createNetwork: layers\[1\]/, () => create(hollow([dense(1), dense(2), dense(3)]))],
    [/^ArgumentError: .*activation.* undefined/, () => create([{ kind: "dense", units: 4 }])],
    [/^ArgumentError: .*rate.* undefined/, () => create([dense(2), { kind: "dropout" }])],
    [/^OutOfMemoryError: createNetwork: 24000000000 bytes/, () => create([dense(1e9)])],
    [/^OutOfMemoryError: createNetwork: /, () => create([dense(1e9), dense(1e9)], 1e15)],
    [/^ArgumentError: createNetwork: undefined was given/, () => createNetwork(undefined as never)],
    [/"layer" was given, one of layers, /, () => createNetwork({ inputs: 2, layer: [dense(1)], backend } as never)],
    [/seed: -1 was given, a whole/, () => createNetwork({ inputs: 2, layers: [dense(1)], seed: -1, backend })],
    [/seed: 1.5 was given/, () => createNetwork({ inputs: 2, layers: [dense(1)], seed: 1.5, backend })],
    [/backend: null was given/, () => createNetwork({ inputs: 2, layers: [dense(1)], backend: null as never })],
    [/^ArgumentError: sgd: learningRate: -1 was given, .* at least 0/, () => sgd({ learningRate: -1 })],
    [/^ArgumentError: sgd: nesterov: true .* momentum 0, a momentum above 0/, () => sgd({ nesterov: true })],
    [/^ArgumentError: sgd: nesterov: 1 was given, true or false/, () => sgd({ nesterov: 1 as never })],
    [/^ArgumentError: sgd: .*"momentun" was given, one of momentum, /, () => sgd({ momentun: 1 } as never)],
    [/^ArgumentError: sgd: momentum: 1 was given/, () => sgd({ momentum: 1 })],
    [/^ArgumentError: sgd: 0.1 was given, an object/, () => sgd(0.1 as never)],
    [/^ArgumentError: adam: beta1: 1 was given, a number from 0 to below 1/, () => adam({ beta1: 1 })],
    [/^ArgumentError: adam: epsilon: 0 was given, a number above 0/, () => adam({ epsilon: 0 })],
    [/^ArgumentError: adam: learningRate: "1" was/, () => adam({ learningRate: "1" as never })],
    [/^ArgumentError: adamW: weightDecay: -1 was/, () => adamW({ weightDecay: -1 })],
    [/^ArgumentError: adamW: beta2: NaN was/, () => adamW({ beta2: NaN })],
    [/^ArgumentError: rmsProp: .*"rhoo" was given, one of rho, /, () => rmsProp({ rhoo: 1 } as never)],
    [/^ArgumentError: adagrad: null was/, () => adagrad(null as never)],
    [/^ArgumentError: Trainer: null was given/, () => new Trainer(null as never)],
    [/Trainer: loss: "hubber" was given, one of huber, /, () => new Trainer(network, { loss: "hubber" as never })],
    [/Trainer: loss has name undefined, value undefined/, () => new Trainer(network, { loss: {} as never })],
    [/Trainer: loss: null was/, () => new Trainer(network, { loss: null as never })],
    [/optimizer: "adam" was given, the result of adam\(\)/, () => new Trainer(network, { optimizer: "adam" as never })],
    [
      /metrics\[0\]: "acuracy" was given, one of accuracy/,
      () => new Trainer(network, { metrics: ["acuracy" as never] }),
    ],
    [/metrics: "accuracy" was given, an array/, () => new Trainer(network, { metrics: "accuracy" as never })],
    [/"optimiser" was given, one of optimizer, /, () => new Trainer(network, { optimiser: sgd() } as never)],
    [/^ArgumentError: Trainer: null was/, () => new Trainer(network, null as never)],
  ]);

  rows("loadBackend", [
    [/variant: "smid" was given, one of simd, (\w+, ){3}\w+ was/, () => loadBackend({ variant: "smid" as never })],
    [/threads: 0 was given, a whole number from 1 to 1024/, () => loadBackend({ threads: 0 })],
    [/threads: "2" was given/, () => loadBackend({ threads: "2" as never })],
    [/"varient" was given, one of variant, /, () => loadBackend({ varient: "js" } as never)],
    [/"maximum" was given, one of maximumBytes, /, () => loadBackend({ memory: { maximum: 1 } as never })],
    [/memory: null was given/, () => loadBackend({ memory: null as never })],
    [/^ArgumentError: loadBackend: null was given/, () => loadBackend(null as never)],
    [/maximumBytes: 5 was given, .* from 2097152 to 4294967296/, () => loadBackend({ memory: { maximumBytes: 5 } })],
    [/initialBytes: -1 was given/, () => loadBackend({ memory: { initialBytes: -1 } })],
    [/reproducible: "yes" was given, true or/, () => loadBackend({ reproducible: "yes" as never, variant: "js" })],
    [/"relaxed" .* reproducible: true/, () => loadBackend({ variant: "relaxed", reproducible: true })],
    [/wasm: 5 was given|wasm could not be compiled/, () => loadBackend({ wasm: 5 as never })],
    [/wasm could not be compiled/, () => loadBackend({ wasm: Uint8Array.of(1) })],
    [/not a binary of wasmgrad/, () => loadBackend({ wasm: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0) })],
  ]);

  test("a backend may have all its memory at once", async () => {
    const whole = await loadBackend({
      variant,
      memory: { initialBytes: 2 ** 25, maximumBytes: 2 ** 25 },
    });
    whole.dispose();
  });

  test("a foreign layer without whole units is refused, and what is too large still is afterwards", async () => {
    const own = await loadBackend({ variant });
    for (const units of [NaN, undefined, "3"]) {
      const layers = [{ ...dense(2), units: units as never }];
      await fails(own, /^ArgumentError: .*units/, () => createNetwork({ inputs: 2, layers, backend: own }));
    }
    await fails(own, /^OutOfMemoryError: .* bytes .* cannot grow/, () => own.matrix(1e9, 1e9));
    own.dispose();
  });

  test("huge sizes are refused at once", async () => {
    const start = performance.now();
    await fails(backend, /^OutOfMemoryError/, () => backend.matrix(1e9, 1e9));
    await fails(backend, /^OutOfMemoryError/, () => create([dense(1e9)]));
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test("an operation for whose scratch there is no room frees its result", async () => {
    const limited = await loadBackend({ variant, memory: { maximumBytes: 2 ** 24 } });
    const length = 480_000;
    const z = limited.matrix(length, 1);
    limited.matrix(Math.floor((2 ** 24 - limited.memory().usedBytes - 8 * length - 300_000) / 8), 1);
    const before = limited.memory();
    expect(() => limited.activationGradient("softmax", z, z)).toThrow(wasmgrad.OutOfMemoryError);
    expect({ ...limited.memory(), reservedBytes: 0 }).toEqual({ ...before, reservedBytes: 0 });
    limited.dispose();
  });

  test("after its dispose a backend throws, and disposing again or its matrices later does not", async () => {
    const own = await loadBackend({ variant });
    const x = own.matrix(2, 2);
    const net = await createNetwork({ inputs: 2, layers: [dense(2)], backend: own });
    const trainer = new Trainer(net);
    own.dispose();
    const uses: (() => unknown)[] = [
      () => own.matrix(1, 1),
      () => own.matmul(x, x),
      () => own.transpose(x),
      () => own.activation("relu", x),
      () => own.activationGradient("relu", x, x),
      () => own.loss("huber", x, x),
      () => own.exp(x),
      () => own.memory(),
      () => x.values,
      () => backend.exp(x),
      () => net.parameters,
      () => net.predict([1, 2]),
      () => net.clone(),
      () => new Trainer(net),
      () => trainer.step([1, 2], [1, 2]),
    ];
    for (const use of uses) expect(use, String(use)).toThrow(wasmgrad.DisposedError);
    await expect(createNetwork({ inputs: 2, layers: [dense(2)], backend: own })).rejects.toThrow(
      wasmgrad.DisposedError,
    );
    await expect(trainer.fit({ inputs: [1, 2], targets: [1, 2] })).rejects.toThrow(wasmgrad.DisposedError);
    x.dispose();
    net.dispose();
    own.dispose();
  });
});
