import { Pacer } from "../src/fit/pacer";
import {
  batchNorm,
  cosineDecay,
  createNetwork,
  type Data,
  dense,
  dropout,
  type FitOptions,
  type LayerDescription,
  loadBackend,
  sgd,
  Trainer,
  type TrainerOptions,
  type Variant,
} from "../src/index";
import { densePasses } from "../src/layers/dense";
import type { Bench } from "./bench";
import { summarize } from "./statistics";
import { table } from "./table";

/** Networks whose steps are short and long. */
const CASES = [
  { dims: [64, 64, 10], batchSize: 32, samples: 1600, epochs: 10 },
  { dims: [784, 128, 10], batchSize: 128, samples: 1280, epochs: 2 },
];

/** Steps after which the engine has compiled what a step runs. */
const WARM = 1000;

interface Feature {
  readonly name: string;
  readonly trainer?: TrainerOptions;
  readonly fit?: FitOptions;
  readonly layers?: (layers: LayerDescription[]) => LayerDescription[];
  readonly data?: (data: Data & { inputs: Float64Array; targets: Uint8Array }) => Data | (() => Iterable<Data>);
}

const weights = (samples: number) => new Float64Array(samples).fill(0.5);
const before = (layer: LayerDescription) => (layers: LayerDescription[]) => [
  layers[0] as LayerDescription,
  layer,
  ...layers.slice(1),
];

/** What is off where nobody asks for it; with nothing at all first, for the noise. */
function featuresOf({ dims, batchSize }: (typeof CASES)[number]): Feature[] {
  const [features = 0] = dims;
  return [
    { name: "nothing" },
    { name: "metrics: accuracy", trainer: { metrics: ["accuracy"] } },
    { name: "metrics: f1", trainer: { metrics: ["f1"] } },
    { name: "metrics: rocAuc", trainer: { metrics: ["rocAuc"] } },
    { name: "metrics: one's own", trainer: { metrics: [{ name: "own", compute: () => 0 }] } },
    { name: "clipNorm", trainer: { clipNorm: 1 } },
    {
      name: "l2",
      layers: (layers) => layers.map((layer) => (layer.kind === "dense" ? { ...layer, l2: 1e-4 } : layer)),
    },
    { name: "dropout", layers: before(dropout(0.2)) },
    { name: "batchNorm", layers: before(batchNorm()) },
    { name: "sampleWeights", data: (data) => ({ ...data, sampleWeights: weights(data.targets.length) }) },
    { name: "classWeights", fit: { classWeights: "balanced" } },
    { name: "schedule", fit: { schedule: cosineDecay({ steps: 1000 }) } },
    { name: "earlyStopping on loss", fit: { earlyStopping: { monitor: "loss", patience: 1000 } } },
    { name: "onStep", fit: { onStep: () => {} } },
    { name: "checkpoint, an epoch each", fit: { checkpoint: { save: () => {} } } },
    {
      name: "a stream",
      fit: { batchSize: undefined, shuffle: false },
      data: ({ inputs, targets }) =>
        function* batches() {
          for (let at = 0; at < targets.length; at += batchSize) {
            yield {
              inputs: inputs.subarray(at * features, (at + batchSize) * features),
              targets: targets.subarray(at, at + batchSize),
            };
          }
        },
    },
  ];
}

/** What each feature of a fit costs that has it, and what all fits pay for being watched and for letting the event loop breathe. */
export async function benchFeatures({ own, quick, report }: Bench): Promise<void> {
  const backend = await loadBackend({ variant: own[0]?.variant as Variant, threads: 1 });
  const rounds = quick ? 3 : 40;
  const lines = [
    ["features of fit, one thread", ...CASES.map(({ dims, batchSize }) => `${dims.join("-")}, batch ${batchSize}`)],
  ];
  const columns = [];
  for (const one of CASES) {
    const column = new Map<string, string>();
    const features = featuresOf(one);
    const plain = await runner(one, { name: "plain" }, backend);
    for (const feature of features) {
      report.progress(`features: ${feature.name}`);
      const run = await runner(one, feature, backend);
      const readings = { plain: [] as number[], feature: [] as number[] };
      for (let round = 0; round < rounds; round++) {
        // in turn, so that neither is always the first
        for (const which of round % 2 === 0 ? (["plain", "feature"] as const) : (["feature", "plain"] as const)) {
          readings[which].push(await (which === "plain" ? plain : run).seconds());
        }
      }
      const [base, with_] = [summarize(readings.plain).median, summarize(readings.feature).median];
      column.set(feature.name, percentOf(with_ / base - 1));
      run.dispose();
    }
    const { step, watch } = plain.watched();
    column.set("in every step: watching for what is not finite", percentOf(watch / step));
    column.set("in every fit: the event loop's turns", percentOf(pacerShare(step)));
    columns.push(column);
    plain.dispose();
  }
  for (const name of columns[0]?.keys() ?? []) lines.push([name, ...columns.map((column) => column.get(name) ?? "")]);
  backend.dispose();
  report.print(
    `${table(lines)}\nEach in time on top of a fit without it, medians of ${rounds} readings in turn; "nothing" is the noise.\n`,
  );
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

async function runner(
  { dims, batchSize, samples, epochs }: (typeof CASES)[number],
  feature: Feature,
  backend: Awaited<ReturnType<typeof loadBackend>>,
) {
  const [inputs = 0, ...units] = dims;
  const plain = units.map((count, l) => dense(count, l === units.length - 1 ? "softmax" : "relu"));
  const network = await createNetwork({ inputs, layers: feature.layers?.(plain) ?? plain, seed: 1, backend });
  const trainer = new Trainer(network, { optimizer: sgd({ learningRate: 1e-3 }), metrics: [], ...feature.trainer });
  const data = {
    inputs: Float64Array.from({ length: samples * inputs }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5),
    targets: Uint8Array.from({ length: samples }, (_, i) => i % 10),
  };
  const set = feature.data?.(data) ?? data;
  const seconds = async () => {
    const start = performance.now();
    await trainer.fit(set, { epochs, batchSize, ...feature.fit });
    return (performance.now() - start) / 1000;
  };
  await seconds();
  return {
    seconds,
    /** Seconds of a step, and of the look at its gradients in it, once both are warm. */
    watched() {
      const batch = {
        inputs: data.inputs.subarray(0, batchSize * inputs),
        targets: data.targets.subarray(0, batchSize),
      };
      const times = { step: [] as number[], watch: [] as number[] };
      for (let round = 0; round < WARM + 1000; round++) {
        const start = performance.now();
        trainer.step(batch.inputs, batch.targets);
        const middle = performance.now();
        // as warm as they are in a step
        const { runs, outputGradient } = network.core.passes;
        for (let i = 0; i < 10; i++) {
          for (const run of runs) densePasses.knownFinite(run, outputGradient);
          if (!network.core.finite) throw new Error("features: a training that has diverged");
        }
        const end = performance.now();
        if (round < WARM) continue;
        times.step.push((middle - start) / 1000);
        times.watch.push((end - middle) / 10_000);
      }
      return { step: summarize(times.step).median, watch: summarize(times.watch).median };
    },
    dispose: () => network.dispose(),
  };
}

/** What asking the pacer after each step costs, as a share of a step of so many seconds. */
function pacerShare(step: number): number {
  const pacer = new Pacer();
  const calls = 200_000;
  const start = performance.now();
  for (let i = 0; i < calls; i++) void pacer.due;
  return (performance.now() - start) / 1000 / calls / step;
}
