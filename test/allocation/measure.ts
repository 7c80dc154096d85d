/**
 * What a training takes once it is warm, printed as JSON. A process of its own, so that nobody else allocates, with a
 * young generation that no reading fills, so that nothing is collected meanwhile. Started by allocation.test.ts:
 *
 *     node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 --import tsx test/allocation/measure.ts
 */
import { getHeapStatistics } from "node:v8";
import {
  adam,
  type CustomLoss,
  createNetwork,
  type Data,
  dense,
  dropout,
  type LayerDescription,
  loadBackend,
  type Matrix,
  type Numbers,
  type Targets,
  Trainer,
  type TrainerOptions,
} from "../../src/index";
import { isFew } from "./bounds";

export interface Taken {
  readonly title: string;
  readonly steps: number;
  /** Bytes of JavaScript heap that a step takes in passing. */
  readonly passing: number;
  /** Bytes of it that are left of all steps once the rest is collected. */
  readonly kept: number;
  /** Bytes of linear memory that all steps took. */
  readonly linear: number;
}

const STEPS = 100_000;
const WARM_UP = 10_000;
/** The least of some: now and then the compiler, which has this heap too, is not done, the later the busier the machine. */
const READINGS = 6;

const [samples, features, units] = [16, 4, 3];
const doubles = Float64Array.from({ length: samples * features }, (_, i) => (i * 7) % 23);
const classes = Int32Array.from({ length: samples }, (_, i) => i % units);
const oneHot = Float64Array.from({ length: samples * units }, (_, e) =>
  Number(e % units === classes[Math.floor(e / units)]),
);
const backend = await loadBackend({ variant: "simd" });
const used = () => getHeapStatistics().used_heap_size;
const collect = globalThis.gc as () => void;

async function measure(title: string, run: (steps: number) => unknown): Promise<Taken> {
  await run(WARM_UP);
  let least = { passing: Infinity, kept: Infinity };
  const { reservedBytes, usedBytes } = backend.memory();
  for (let reading = 1; reading <= READINGS; reading++) {
    if (reading > 2 && isFew({ ...least, steps: STEPS })) break;
    collect();
    const clean = used();
    // a collection throws optimised code away
    await run(WARM_UP);
    const start = used();
    await run(STEPS);
    const passing = (used() - start) / STEPS;
    collect();
    least = { passing: Math.min(least.passing, passing), kept: Math.min(least.kept, used() - clean) };
  }
  const after = backend.memory();
  const linear = after.reservedBytes - reservedBytes + after.usedBytes - usedBytes;
  return { title, steps: STEPS, ...least, linear };
}

async function withTrainer<Result>(
  layers: LayerDescription[],
  options: TrainerOptions,
  use: (trainer: Trainer) => Promise<Result>,
): Promise<Result> {
  const network = await createNetwork({ inputs: features, layers, backend });
  const result = await use(new Trainer(network, options));
  network.dispose();
  return result;
}

const SOFTMAX: LayerDescription[] = [dense(16, "relu"), dense(units, "softmax")];
const SIGMOID: LayerDescription[] = [dense(16, "tanh"), dense(units, "sigmoid")];
const RICH: LayerDescription[] = [
  dense(8, { activation: "gelu", l2: 1e-6 }),
  dropout(0.2),
  dense(units, { activation: "softmax", l1: 1e-6 }),
];
const ownLoss: CustomLoss = { name: "own", value: () => 1, gradient: (_, out) => out.fill(1e-9) };

const steps: [string, Numbers, Targets, LayerDescription[]?, TrainerOptions?][] = [
  ["Float64Array, classes in an Int32Array", doubles, classes],
  ["Float32Array, classes in a Uint8Array", Float32Array.from(doubles), Uint8Array.from(classes)],
  ["Uint8Array, one-hot rows", Uint8Array.from(doubles), oneHot],
  ["Matrix", backend.matrix(samples, features, doubles), classes],
  ["meanSquaredError", doubles, oneHot, SIGMOID, { loss: "meanSquaredError" }],
  ["binaryCrossEntropy", doubles, oneHot, SIGMOID],
  ["a loss of one's own", doubles, oneHot, SIGMOID, { loss: ownLoss }],
  ["adam, dropout, penalties", doubles, classes, RICH, { optimizer: adam() }],
];

/** Epochs of so many batches, and a short one: what an epoch takes counts for little. */
const BATCHES = 1000;
const rows = (BATCHES - 1) * samples + 5;
const repeated = (values: ArrayLike<number>, width: number) =>
  Float64Array.from({ length: rows * width }, (_, i) => values[i % (samples * width)] as number);
const many = repeated(doubles, features);
const sampleWeights = new Float64Array(rows).fill(0.5);
const manyClasses = Int32Array.from(repeated(classes, 1));
const matrix: Matrix = backend.matrix(rows, features, many);
const fits: [string, Data, boolean][] = [
  ["Float64Array shuffled, weights", { inputs: many, targets: repeated(oneHot, units), sampleWeights }, true],
  ["Uint8Array shuffled", { inputs: Uint8Array.from(many), targets: manyClasses }, true],
  ["Matrix shuffled", { inputs: matrix, targets: manyClasses }, true],
  ["Matrix in order", { inputs: matrix, targets: manyClasses }, false],
];

const taken: Taken[] = [];
for (const [title, x, y, layers = SOFTMAX, options = {}] of steps) {
  const run = (trainer: Trainer) =>
    measure(`step: ${title}`, (count) => {
      for (let step = 0; step < count; step++) trainer.step(x, y);
    });
  taken.push(await withTrainer(layers, options, run));
}
for (const [title, data, shuffle] of fits) {
  const run = (trainer: Trainer) =>
    measure(`fit: ${title}`, (count) => trainer.fit(data, { batchSize: samples, epochs: count / BATCHES, shuffle }));
  taken.push(await withTrainer(SOFTMAX, { metrics: ["accuracy"] }, run));
}
console.log(JSON.stringify(taken));
