import { createRequire } from "node:module";
import { fill, labels, shuffle, versionOf } from "./data.mjs";

// its modules for bundlers do not load in Node, those for require do
const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs-core");
// for the gradients, which it registers
require("@tensorflow/tfjs-layers");

/**
 * float32, its only kind of float; SIMD, and one thread, for it starts no others in Node. The loop is one of our own over its
 * core: half as fast again as `model.fit` of its layers on small nets, and the same on large ones.
 */
export async function open(backend) {
  require(`@tensorflow/tfjs-backend-${backend}`);
  await tf.setBackend(backend);
  await tf.ready();
  return { version: await versionOf("@tensorflow/tfjs-core"), bits: 32, threads: 1, prepare };
}

function prepare(work) {
  if (work.kind === "matmul") return prepareMatmul(work);
  return work.kind === "training" ? prepareTraining(work) : undefined;
}

const matrix = (rows, columns, scale) => tf.tensor2d(fill(rows * columns, Float32Array, scale), [rows, columns]);

function prepareMatmul({ m, k, n, transposeA = false, transposeB = false }) {
  const a = transposeA ? matrix(k, m) : matrix(m, k);
  const b = transposeB ? matrix(n, k) : matrix(k, n);
  return {
    once: () => tf.matMul(a, b, transposeA, transposeB).dispose(),
    release: () => tf.dispose([a, b]),
  };
}

function prepareTraining(work) {
  const { dims, batchSize, samples } = work;
  const layers = dims.slice(1).map((units, l) => ({
    weights: tf.variable(matrix(dims[l], units, 0.1)),
    bias: tf.variable(tf.zeros([units])),
  }));
  const inputs = matrix(samples, dims[0]);
  const targets = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels(work), "int32"), dims.at(-1)), "float32"));
  const optimizer = tf.train.sgd(0.01);
  const order = Int32Array.from({ length: samples }, (_, i) => i);
  const logits = (rows) =>
    layers.reduce((x, { weights, bias }, l) => {
      const z = tf.add(tf.matMul(x, weights), bias);
      return l < layers.length - 1 ? tf.relu(z) : z;
    }, rows);
  const step = (start) => {
    const rows = tf.tensor1d(order.subarray(start, start + batchSize), "int32");
    const x = tf.gather(inputs, rows);
    const y = tf.gather(targets, rows);
    optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, logits(x)));
  };
  return {
    once() {
      shuffle(order);
      for (let start = 0; start < samples; start += batchSize) tf.tidy(() => step(start));
    },
    release: () => tf.dispose([inputs, targets, layers]),
  };
}
