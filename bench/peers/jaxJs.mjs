import { fill, labels, shuffle, versionOf } from "./data.mjs";

// Node 20 and 22 have none, and @jax-js/jax asks whether an array is one
globalThis.Float16Array ??= class {};
const { blockUntilReady, defaultDevice, grad, init, jit, nn, numpy: np } = await import("@jax-js/jax");

/** WebAssembly, in both precisions, compiled by its jit; one thread, for it starts no others in Node. */
export async function open(dtype) {
  await init("wasm");
  defaultDevice("wasm");
  const bits = dtype === "float64" ? 64 : 32;
  const ArrayType = bits === 64 ? Float64Array : Float32Array;
  const matrix = (rows, columns, scale) => np.array(fill(rows * columns, ArrayType, scale)).reshape([rows, columns]);
  const prepare = (work) => {
    if (work.kind === "matmul") return prepareMatmul(matrix, work);
    return work.kind === "training" ? prepareTraining(matrix, ArrayType, dtype, work) : undefined;
  };
  return { version: await versionOf("@jax-js/jax"), bits, threads: 1, prepare };
}

// an array that is handed to a function is its to free; `.ref` keeps it

function prepareMatmul(matrix, { m, k, n, transposeA, transposeB }) {
  const a = transposeA ? matrix(k, m) : matrix(m, k);
  const b = transposeB ? matrix(n, k) : matrix(k, n);
  const multiply = jit((left, right) =>
    np.matmul(transposeA ? left.transpose() : left, transposeB ? right.transpose() : right),
  );
  return {
    async once() {
      const product = await blockUntilReady(multiply(a.ref, b.ref));
      product.dispose();
    },
    release() {
      a.dispose();
      b.dispose();
      multiply.dispose();
    },
  };
}

function prepareTraining(matrix, ArrayType, dtype, work) {
  const { dims, batchSize, samples } = work;
  const inputs = matrix(samples, dims[0]);
  const targets = nn.oneHot(np.array(labels(work)), dims.at(-1)).astype(dtype);
  const order = Int32Array.from({ length: samples }, (_, i) => i);
  let layers = dims.slice(1).map((units, l) => ({
    weights: matrix(dims[l], units, 0.1),
    bias: np.array(new ArrayType(units)),
  }));
  const cost = (parameters, x, y) => {
    const logits = parameters.reduce((rows, { weights, bias }, l) => {
      const z = np.matmul(rows, weights).add(bias);
      return l < parameters.length - 1 ? nn.relu(z) : z;
    }, x);
    return nn
      .logSoftmax(logits)
      .mul(y)
      .sum()
      .mul(-1 / batchSize);
  };
  const step = jit((parameters, allInputs, allTargets, rows) => {
    const x = np.take(allInputs, rows.ref, 0);
    const y = np.take(allTargets, rows, 0);
    const kept = parameters.map(({ weights, bias }) => ({ weights: weights.ref, bias: bias.ref }));
    const gradients = grad(cost)(kept, x, y);
    return parameters.map(({ weights, bias }, l) => ({
      weights: weights.sub(gradients[l].weights.mul(0.01)),
      bias: bias.sub(gradients[l].bias.mul(0.01)),
    }));
  });
  return {
    async once() {
      shuffle(order);
      for (let start = 0; start < samples; start += batchSize) {
        const rows = np.array(order.slice(start, start + batchSize));
        layers = step(layers, inputs.ref, targets.ref, rows);
      }
      await blockUntilReady(layers);
    },
    release() {
      for (const { weights, bias } of layers) {
        weights.dispose();
        bias.dispose();
      }
      inputs.dispose();
      targets.dispose();
      step.dispose();
    },
  };
}
