/** What may be called of a network that is in training: the README's table says so, and each of its cells is tried. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Backend,
  type CustomLoss,
  checkGradients,
  confusionMatrix,
  createNetwork,
  DisposedError,
  dense,
  type FitOptions,
  loadBackend,
  type Network,
  Trainer,
} from "../src/index";
import { CLASSES, classified, FEATURES, layerOf, squares, thrownBy } from "./support";

const data = classified(24);
const rows = data.inputs.subarray(0, 2 * FEATURES);
const LOSS = "categoricalCrossEntropy";

/** The calls, by the names that they have in the table. */
const calls: Record<string, (network: Network, trainer: Trainer) => unknown> = {
  parameters: (network) => network.parameters[0],
  gradients: (network) => network.gradients[0],
  "layers[i].weights": (network) => layerOf(network, 0).weights[0],
  predict: (network) => network.predict(rows),
  summary: (network) => network.summary(),
  digest: (network) => network.digest(),
  toBytes: (network) => network.toBytes(),
  clone: (network) => network.clone().dispose(),
  evaluate: (_, trainer) => trainer.evaluate(data),
  confusionMatrix: (network) => confusionMatrix(network, data),
  copyFrom: (network) => network.copyFrom(network),
  "layers[i].trainable = false": (network) => {
    layerOf(network, 0).trainable = false;
  },
  forward: (network) => network.forward(rows),
  backward: (network) => {
    network.forward(rows);
    network.backward([0, 1], LOSS);
  },
  backwardFrom: (network) => {
    network.forward(rows);
    network.backwardFrom(new Float64Array(2 * CLASSES));
  },
  checkGradients: (network) => checkGradients(network, rows, [0, 1], LOSS),
  step: (network, trainer) => {
    new Trainer(network).step(rows, [0, 1]);
    trainer.step(data.inputs, data.targets);
  },
  fit: (_, trainer) => trainer.fit(data),
  dispose: (network) => network.dispose(),
};

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const table = readme.slice(readme.indexOf("| call "), readme.indexOf("In a worker's fit"));
const [, , ...lines] = table.trim().split("\n");
const cells = lines.map((line) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim()),
);
const trials = cells.flatMap(([names = "", inCallbacks, awaited, inWorker, inLoss]) =>
  [...names.matchAll(/`([^`]+)`/g)]
    .map(([, name = ""]) => name)
    .filter((name) => names.startsWith("`dispose`") === (name === "dispose") || name !== "fit")
    .map((name) => ({ name, inCallbacks, awaited, inWorker, inLoss })),
);

describe("calls while a network is in training", () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await loadBackend({ variant: "simd", threads: 1 });
  });

  /** What a call comes to, as the table has it. */
  const answerOf = async (name: string, network: Network, trainer: Trainer) => {
    const error = await thrownBy(() => calls[name]?.(network, trainer));
    return error === undefined ? "works" : (error as Error).name;
  };

  /** A fit during which `meanwhile` is called by what `options` hand it to. */
  async function during(
    name: string,
    loss: CustomLoss | typeof LOSS,
    optionsOf: (call: () => Promise<void>) => FitOptions,
    alongside?: (call: () => Promise<void>, network: Network) => Promise<void>,
  ): Promise<string> {
    const layers = [dense(4, "tanh"), dense(CLASSES, "softmax")];
    const network = await createNetwork({ inputs: FEATURES, layers, backend });
    const trainer = new Trainer(network, { loss });
    let answer = "never called";
    const call = async () => {
      answer = await answerOf(name, network, trainer);
    };
    const fitting = thrownBy(() => trainer.fit(data, { batchSize: 4, ...optionsOf(call) }));
    await alongside?.(call, network);
    const error = await fitting;
    if (name === "dispose" && answer === "works") expect(error).toBeInstanceOf(DisposedError);
    else expect(error).toBeUndefined();
    network.dispose();
    return answer;
  }

  it("are all in the table", () => {
    expect(trials.map(({ name }) => name).sort()).toEqual(Object.keys(calls).sort());
  });

  it.each(trials)("$name in callbacks: $inCallbacks", async ({ name, inCallbacks }) => {
    const once = (call: () => Promise<void>, at: number) => (count: number) => (count === at ? call() : undefined);
    expect(await during(name, LOSS, (call) => ({ onStep: ({ step }) => once(call, 2)(step) }))).toBe(inCallbacks);
    expect(await during(name, LOSS, (call) => ({ epochs: 3, onEpoch: ({ epoch }) => once(call, 2)(epoch) }))).toBe(
      inCallbacks,
    );
  });

  it.each(trials)("$name in callbacks of a worker's fit: $inCallbacks", async ({ name, inCallbacks }) => {
    // the table's word on `step` is that of the sentence below it
    const expected = name === "step" ? "BusyError" : inCallbacks;
    const answer = await during(name, LOSS, (call) => ({
      worker: true,
      onStep: ({ step }) => (step === 2 ? call() : undefined),
    }));
    expect(answer).toBe(expected);
  });

  it.each(trials)("$name while fit is awaited: $awaited", async ({ name, awaited }) => {
    let called: (() => Promise<void>) | undefined;
    // a step that waits, and a call from elsewhere meanwhile
    const answer = await during(
      name,
      LOSS,
      (call) => {
        called = call;
        return { onStep: ({ step }) => (step === 2 ? new Promise((resolve) => setTimeout(resolve, 20)) : undefined) };
      },
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        await called?.();
      },
    );
    expect(answer).toBe(awaited);
  });

  it.each(trials)("$name while a worker's fit is awaited: $inWorker", async ({ name, inWorker }) => {
    const controller = new AbortController();
    const answer = await during(
      name,
      LOSS,
      () => ({ worker: true, epochs: 1e9, signal: controller.signal }),
      async (call, network) => {
        while (!network.core.away) await new Promise((resolve) => setTimeout(resolve, 1));
        await call();
        controller.abort();
      },
    );
    expect(answer).toBe(inWorker);
  });

  it.each(trials)("$name in a loss of one's own: $inLoss", async ({ name, inLoss }) => {
    let pending: Promise<void> | undefined;
    let call: (() => Promise<void>) | undefined;
    const loss: CustomLoss = {
      ...squares,
      value(batch) {
        pending ??= call?.();
        return squares.value(batch);
      },
    };
    const answer = await during(name, loss, (given) => {
      call = given;
      return { onStep: () => pending };
    });
    expect(answer).toBe(inLoss);
  });
});
