/**
 * What training steps take, once warm, printed as JSON: bytes a step that pass by, and bytes kept after all of them. A process
 * of its own, so that nobody else allocates, with a young generation that no reading fills; started by allocation.test.ts:
 *
 *     node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 --import tsx test/allocation/measure.ts
 */
import { getHeapStatistics } from "node:v8";
import {
  adam,
  type CustomLoss,
  createNetwork,
  dense,
  dropout,
  type LayerDescription,
  loadBackend,
  type Numbers,
  type Targets,
  Trainer,
  type TrainerOptions,
} from "../../src/index";

export interface Taken {
  readonly title: string;
  /** Bytes of JavaScript heap a step, before any is collected. */
  readonly passing: number;
  /** Bytes after all steps that stay when the rest is collected. */
  readonly kept: number;
  /** Bytes of linear memory that all steps took. */
  readonly linear: number;
}

/** What a reading itself takes, about a megabyte for a fit, must count for little. */
const STEPS = { step: 30_000, fit: 100_000 };
/** A fit is one long asynchronous function, which the compiler comes to late. */
const WARM_UP = { step: 20_000, fit: 120_000 };
const READINGS = 2;
const [samples, features, units] = [16, 4, 3];

const used = () => getHeapStatistics().used_heap_size;
const collect = globalThis.gc as () => void;
const backend = await loadBackend({ variant: "simd" });

const doubles = Float64Array.from({ length: samples * features }, (_, i) => (i * 7) % 23);
const classes = Int32Array.from({ length: samples }, (_, i) => i % units);
const oneHot = Float64Array.from({ length: samples * units }, (_, e) =>
  Number(classes[Math.floor(e / units)] === e % units),
);
const inputs: Record<string, Numbers> = {
  Float64Array: doubles,
  Float32Array: Float32Array.from(doubles),
  Uint8Array: Uint8Array.from(doubles),
  Matrix: backend.matrix(samples, features, doubles),
};
const targets: Record<string, Targets> = {
  "classes in an Int32Array": classes,
  "classes in a Uint8Array": Uint8Array.from(classes),
  "one-hot rows": oneHot,
};
const ownLoss: CustomLoss = { name: "own", value: () => 1, gradient: (_, out) => out.fill(1e-9) };
const LAYERS: LayerDescription[] = [dense(16, "relu"), dense(units, "softmax")];
const RICH: LayerDescription[] = [dense(8, { activation: "gelu", l2: 1e-6 }), dropout(0.2), dense(units, "softmax")];

async function trainerOf(layers: LayerDescription[], options: TrainerOptions): Promise<Trainer> {
  return new Trainer(await createNetwork({ inputs: features, layers, backend }), options);
}

async function measure(what: keyof typeof WARM_UP, title: string, run: (steps: number) => unknown): Promise<void> {
  await run(WARM_UP[what]);
  const before = backend.memory().reservedBytes;
  let [passing, kept] = [Infinity, Infinity];
  // the least of them: now and then the compiler, which has this heap too, is not done yet
  for (let reading = 0; reading < READINGS; reading++) {
    collect();
    const start = used();
    await run(STEPS[what]);
    passing = Math.min(passing, (used() - start) / STEPS[what]);
    collect();
    kept = Math.min(kept, used() - start);
  }
  taken.push({ title: `${what}: ${title}`, passing, kept, linear: backend.memory().reservedBytes - before });
}

async function measureSteps(title: string, x: Numbers, y: Targets, layers = LAYERS, options: TrainerOptions = {}) {
  const trainer = await trainerOf(layers, options);
  await measure("step", title, (steps) => {
    for (let step = 0; step < steps; step++) trainer.step(x, y);
  });
  trainer.network.dispose();
}

/** Epochs of 1,000 batches and a short one, so that what an epoch takes counts for little. */
async function measureFit(title: string, shuffle: boolean, x: Numbers, y: Targets, weighted = false) {
  const batches = 1000;
  const rows = batches * samples - 5;
  const repeat = <Values extends Float64Array | Uint8Array | Int32Array>(values: Values, width: number): Values => {
    const many = new (values.constructor as new (length: number) => Values)(rows * width);
    for (let i = 0; i < many.length; i++) many[i] = values[i % values.length] as number;
    return many;
  };
  const whole =
    x === inputs.Matrix ? backend.matrix(rows, features, repeat(doubles, features)) : repeat(x as Uint8Array, features);
  const data = {
    inputs: whole,
    targets: repeat(y as Int32Array, (y as Int32Array).length / samples),
    ...(weighted && { sampleWeights: new Float64Array(rows).fill(0.5) }),
  };
  const trainer = await trainerOf(LAYERS, { metrics: ["accuracy"] });
  await measure("fit", title, (steps) => trainer.fit(data, { batchSize: samples, epochs: steps / batches, shuffle }));
  trainer.network.dispose();
}

const taken: Taken[] = [];
for (const [kind, x] of Object.entries(inputs)) {
  for (const [form, y] of Object.entries(targets)) await measureSteps(`${kind}, ${form}`, x, y);
}
for (const loss of [
  "sumOfSquares",
  "meanSquaredError",
  "huber",
  "meanAbsoluteError",
  "binaryCrossEntropy",
  ownLoss,
] as const) {
  await measureSteps(`loss ${typeof loss === "string" ? loss : loss.name}`, doubles, oneHot, LAYERS, { loss });
}
await measureSteps("adam, dropout, a penalty", doubles, classes, RICH, { optimizer: adam() });
await measureFit("Float64Array, shuffled", true, doubles, classes);
await measureFit("Uint8Array, shuffled", true, inputs.Uint8Array as Numbers, classes);
await measureFit("Matrix, in order", false, inputs.Matrix as Numbers, classes);
await measureFit("with sampleWeights, shuffled", true, doubles, oneHot, true);
console.log(JSON.stringify(taken));
