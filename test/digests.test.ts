import { describe, expect, it } from "vitest";
import { adam, createNetwork, dense, dropout, loadBackend, Trainer } from "../src/index";

/** Variants that promise the same bits on any engine and machine; "relaxed" may fuse a multiplication and an addition. */
const REPRODUCIBLE = ["scalar", "simd", "js"] as const;

const [SAMPLES, FEATURES, CLASSES] = [203, 13, 5];

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

/** One training, as far as the bits can tell: after one step, after three epochs, and the predictions. */
async function train(variant: (typeof REPRODUCIBLE)[number]) {
  const backend = await loadBackend({ variant });
  const network = await createNetwork({
    inputs: FEATURES,
    layers: [
      dense(33, { activation: "gelu", l2: 1e-3 }),
      dropout(0.25),
      dense(17, { activation: "tanh", l1: 1e-4 }),
      dense(9, "silu"),
      dropout(0.1),
      dense(CLASSES, "softmax"),
    ],
    seed: 2024,
    backend,
  });
  const start = await network.digest();
  const trainer = new Trainer(network, { optimizer: adam({ learningRate: 0.01 }) });
  const data = { inputs: inputs(), targets: classes() };
  const cost = trainer.step(data.inputs, data.targets);
  const step = await network.digest();
  // 203 samples, 163 of them to train on: batches of 32 and one of 3
  const history = await trainer.fit(data, { epochs: 3, batchSize: 32, validationSplit: 0.2 });
  const epochs = await network.digest();
  const predictions = await bits(network.predict(data.inputs));
  const evaluation = trainer.evaluate(data);
  backend.dispose();
  return { start, cost, step, history, epochs, predictions, evaluation };
}

/** Numbers that can be compared bit by bit, and are short to print. */
async function bits(values: Float64Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", Uint8Array.from(new Uint8Array(values.buffer)));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

describe("one training has the same bits", () => {
  const trainings = new Map<string, ReturnType<typeof train>>();
  const trained = (variant: (typeof REPRODUCIBLE)[number]) => {
    const training = trainings.get(variant) ?? train(variant);
    trainings.set(variant, training);
    return training;
  };
  const [first, ...others] = REPRODUCIBLE;
  const kinds = ["start", "cost", "step", "history", "epochs", "predictions", "evaluation"] as const;

  it.each(others.flatMap((variant) => kinds.map((kind) => [variant, kind] as const)))(
    `on %s as on ${first}: %s`,
    async (variant, kind) => {
      const expected = (await trained(first))[kind];
      expect(expected).toBeDefined();
      expect((await trained(variant))[kind]).toEqual(expected);
    },
  );

  it("every time", async () => {
    expect(await train(first)).toEqual(await trained(first));
  });

  it("and moves: each stage has another digest", async () => {
    const { start, step, epochs } = await train(first);
    expect(new Set([start, step, epochs]).size).toBe(3);
  });
});
