import {
  adam,
  type BackendOptions,
  batchNorm,
  cosineDecay,
  createNetwork,
  dense,
  dropout,
  loadBackend,
  Trainer,
  type Variant,
} from "../../src/index";

const [SAMPLES, FEATURES, CLASSES] = [403, 40, 5];

/** Whole numbers over a power of two: the same on every engine without any arithmetic that rounds. */
function inputs(): Float64Array {
  let state = 1;
  return Float64Array.from({ length: SAMPLES * FEATURES }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 30;
  });
}

function classes(): Int32Array {
  return Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7 + (i >> 3)) % CLASSES);
}

/** A backend to train on: "reproducible" is auto, without relaxed SIMD. */
export interface Place {
  readonly variant: "auto" | Variant | "reproducible";
  readonly threads: "auto" | number;
  /** The fit runs in a worker. */
  readonly worker?: boolean;
  /** Milliseconds for which workers that cannot start may say so, before it is told what was taken. */
  readonly patience?: number;
  /** The binary of the variant, where it is not the one inside. */
  readonly wasm?: NonNullable<BackendOptions["wasm"]>;
}

const on =
  (variant: Place["variant"]) =>
  (threads: Place["threads"]): Place => ({ variant, threads });

/** What promises the same bits on any engine and machine; "relaxed" may fuse a multiplication and an addition. */
export const PLACES: readonly Place[] = [
  on("js")(1),
  ...[1, 3].map(on("scalar")),
  ...[1, 2, 3, 4, 7].map(on("simd")),
  ...[1, 2].map(on("reproducible")),
  { variant: "js", threads: 1, worker: true },
  { variant: "simd", threads: 2, worker: true },
];

/**
 * One training, wide enough for threads to share its kernels, as far as the bits can tell: at the start, after one
 * step, after three epochs, and its predictions. All that moves bits is in it: dropout, gelu, tanh, silu, softmax, penalties,
 * batchNorm with its running statistics, adam, a schedule, shuffling, all metrics, and short batches at the end.
 */
export async function train({ variant, threads, worker = false, patience = 0, wasm }: Place) {
  const backend = await loadBackend({
    ...(variant === "reproducible" ? { reproducible: true } : { variant }),
    ...(wasm === undefined ? {} : { wasm }),
    threads,
  });
  const network = await createNetwork({
    inputs: FEATURES,
    layers: [
      dense(160, { activation: "gelu", l2: 1e-3 }),
      dropout(0.25),
      dense(64, { activation: "tanh", l1: 1e-4 }),
      batchNorm(),
      dense(9, "silu"),
      dropout(0.1),
      dense(CLASSES, "softmax"),
    ],
    seed: 2024,
    backend,
  });
  const start = await network.digest();
  const trainer = new Trainer(network, {
    optimizer: adam({ learningRate: 0.01 }),
    metrics: ["accuracy", "precision", "recall", "f1", "rocAuc", "r2", "meanAbsoluteError"],
  });
  const data = { inputs: inputs(), targets: classes() };
  const cost = trainer.step(data.inputs, data.targets);
  const step = await network.digest();
  // 403 samples, 322 of them to train on: batches of 48 and one of 34
  const history = await trainer.fit(data, {
    epochs: 3,
    batchSize: 48,
    validationSplit: 0.2,
    schedule: cosineDecay({ steps: 21, minimum: 0.1 }),
    worker,
  });
  const epochs = await network.digest();
  const outputs = network.predict(data.inputs);
  const evaluation = trainer.evaluate(data);
  // a digest of predictions: that of a network whose parameters they are
  const holder = await createNetwork({ inputs: 1, layers: [dense(outputs.length)], seed: 1, backend });
  holder.parameters.fill(0).set(outputs);
  const predictions = await holder.digest();
  if (patience > 0) await new Promise((resolve) => setTimeout(resolve, patience));
  const { threads: taken, variant: took, warnings } = backend;
  backend.dispose();
  return { variant: took, threads: taken, warnings, start, cost, step, history, epochs, predictions, evaluation };
}
