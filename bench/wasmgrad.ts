import { adam, type Backend, createNetwork, dense, loadBackend, sgd, Trainer, type Variant } from "wasmgrad";
import type { Contestant, ElementwiseName, Prepared, Work } from "./contestant";
import { preparePeak, prepareStream } from "./limit";

/** Numbers of either sign, as many as a large matrix has. */
function fill(length: number): Float64Array {
  const values = new Float64Array(length);
  for (let i = 0; i < length; i++) values[i] = Math.sin(i);
  return values;
}

/** A variant of our own on so many threads, and the limits, which are read in the process that computes. */
export async function open(variant: Variant, threads: string): Promise<Contestant> {
  const backend = await loadBackend({ variant, threads: Number(threads) });
  return {
    version: "",
    bits: 64,
    threads: backend.threads,
    prepare(work) {
      switch (work.kind) {
        case "matmul":
          return prepareMatmul(backend, work);
        case "training":
          return prepareTraining(backend, work);
        case "predict":
          return preparePredict(backend, work);
        case "elementwise":
          return work.math ? prepareMath(work) : prepareElementwise(backend, work);
        case "peak":
          return preparePeak(work.loop);
        case "stream":
          return prepareStream(work.bytes);
      }
    },
  };
}

type Of<Kind extends Work["kind"]> = Extract<Work, { kind: Kind }>;

function prepareMatmul(backend: Backend, { m, k, n, transposeA = false, transposeB = false }: Of<"matmul">): Prepared {
  const a = transposeA ? backend.matrix(k, m, fill(m * k)) : backend.matrix(m, k, fill(m * k));
  const b = transposeB ? backend.matrix(n, k, fill(k * n)) : backend.matrix(k, n, fill(k * n));
  const out = backend.matrix(m, n);
  const options = { transposeA, transposeB, out };
  return {
    once: () => void backend.matmul(a, b, options),
    release: () => [a, b, out].forEach((matrix) => void matrix.dispose()),
  };
}

function build(backend: Backend, [inputs = 1, ...units]: number[]) {
  const layers = units.map((count, l) => dense(count, l === units.length - 1 ? "softmax" : "relu"));
  return createNetwork({ inputs, layers, seed: 1, backend });
}

async function prepareTraining(
  backend: Backend,
  { dims, batchSize, samples, optimizer }: Of<"training">,
): Promise<Prepared> {
  const network = await build(backend, dims);
  const learningRate = 0.01;
  const trainer = new Trainer(network, {
    optimizer: optimizer === "adam" ? adam({ learningRate }) : sgd({ learningRate }),
    metrics: [],
  });
  const classes = dims.at(-1) as number;
  const features = dims[0] as number;
  // in linear memory, where a fit of several epochs puts them itself: the peers' tensors are made beforehand too
  const inputs = backend.matrix(samples, features, fill(samples * features));
  const data = {
    inputs,
    targets: Int32Array.from({ length: samples }, (_, i) => i % classes),
  };
  return {
    once: async () => void (await trainer.fit(data, { batchSize })),
    release: () => [network, inputs].forEach((owner) => void owner.dispose()),
  };
}

/** What layers compute before their activations, drawn from the standard normal distribution; positive for a logarithm. */
function drawn({ name, length, order }: Of<"elementwise">): Float64Array {
  let state = 1;
  // above 0, at most 1
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 0) + 1) / 2 ** 32;
  };
  const values = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const value = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    values[i] = name === "log" ? Math.abs(value) : value;
  }
  return order === "ascending" ? values.sort() : values;
}

function prepareElementwise(backend: Backend, work: Of<"elementwise">): Prepared {
  const { name, length } = work;
  const x = backend.matrix(1, length, drawn(work));
  const out = backend.matrix(1, length);
  return {
    once: () =>
      void (name === "exp" || name === "log" ? backend[name](x, { out }) : backend.activation(name, x, { out })),
    release: () => [x, out].forEach((matrix) => void matrix.dispose()),
  };
}

function prepareMath(work: Of<"elementwise">): Prepared {
  return { once: mathLoop(work.name, drawn(work), new Float64Array(work.length)) };
}

/**
 * A loop of its own for each: a call through a shared one would cost more than some of them do. Made once in a process, it is
 * compiled for these very arrays.
 */
function mathLoop(name: ElementwiseName, x: Float64Array, y: Float64Array): () => void {
  const { length } = x;
  const at = (i: number) => x[i] as number;
  switch (name) {
    case "exp":
      return () => {
        for (let i = 0; i < length; i++) y[i] = Math.exp(at(i));
      };
    case "log":
      return () => {
        for (let i = 0; i < length; i++) y[i] = Math.log(at(i));
      };
    case "tanh":
      return () => {
        for (let i = 0; i < length; i++) y[i] = Math.tanh(at(i));
      };
    case "sigmoid":
      return () => {
        for (let i = 0; i < length; i++) y[i] = 1 / (1 + Math.exp(-at(i)));
      };
    case "gelu":
      // Math has no erf: the approximation by tanh
      return () => {
        for (let i = 0; i < length; i++) {
          const z = at(i);
          y[i] = 0.5 * z * (1 + Math.tanh(0.7978845608028654 * (z + 0.044715 * z * z * z)));
        }
      };
    case "linear":
      return () => {
        for (let i = 0; i < length; i++) y[i] = at(i);
      };
  }
}

async function preparePredict(backend: Backend, { dims, samples }: Of<"predict">): Promise<Prepared> {
  const network = await build(backend, dims);
  const inputs = fill(samples * (dims[0] as number));
  const options = { out: new Float64Array(samples * (dims.at(-1) as number)) };
  return {
    once: () => void network.predict(inputs, options),
    release: () => network.dispose(),
  };
}
