import brain from "brain.js";
import { fill, labels, shuffle, versionOf } from "./data.mjs";

/**
 * Plain JavaScript, float32 arrays; trains only, one sample at a time, as it always does. It has neither softmax nor
 * cross-entropy: relu to the end, and squared error. `train` would convert the data anew at each call and measure the error
 * of each pattern; what it runs on inside is called here, with the data converted once.
 */
export async function open() {
  return { version: await versionOf("brain.js"), bits: 32, threads: 1, prepare };
}

function prepare(work) {
  if (work.kind !== "training" || work.optimizer !== "sgd") return undefined;
  const { dims, samples } = work;
  const [inputs] = dims;
  const values = fill(samples * inputs);
  const classes = labels(work);
  const network = new brain.NeuralNetwork({ hiddenLayers: dims.slice(1, -1), activation: "relu", learningRate: 0.01 });
  const patterns = network.formatData(
    Array.from({ length: samples }, (_, s) => ({
      input: Array.from(values.subarray(s * inputs, (s + 1) * inputs)),
      output: Array.from({ length: dims.at(-1) }, (_, unit) => Number(unit === classes[s])),
    })),
  );
  network.verifyIsInitialized(patterns);
  return {
    once() {
      shuffle(patterns);
      network.trainPatterns(patterns);
    },
  };
}
