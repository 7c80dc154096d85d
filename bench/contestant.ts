/** What can be asked of a contestant. In m x k x n, op(A) is m x k and op(B) is k x n. */
export type Work =
  | { kind: "matmul"; m: number; k: number; n: number; transposeA?: boolean; transposeB?: boolean }
  /** One epoch: softmax and categoricalCrossEntropy at the end, relu between, shuffled. */
  | { kind: "training"; dims: number[]; batchSize: number; samples: number; optimizer: "sgd" | "adam" }
  | { kind: "predict"; dims: number[]; samples: number }
  /** A function of so many numbers, by its own kernel or by a loop over the engine's Math. */
  | { kind: "elementwise"; name: ElementwiseName; length: number; math: boolean; order: "random" | "ascending" }
  /** The limits, see limit.ts. */
  | { kind: "peak"; loop: PeakLoop }
  | { kind: "stream"; bytes: number };

export const elementwise = ["exp", "log", "tanh", "sigmoid", "gelu", "linear"] as const;
export type ElementwiseName = (typeof elementwise)[number];

export type PeakLoop = "mulAdd" | "fused";

/** Work made ready: its data in the form that the contestant likes best. */
export interface Prepared {
  /** Does it once, to the end. */
  once(): void | Promise<void>;
  release?(): void;
}

/** One of wasmgrad's variants, or a peer: what a module that host.ts serves opens. */
export interface Contestant {
  readonly version: string;
  readonly bits: 32 | 64;
  readonly threads: number;
  /** undefined: not its kind of work. */
  prepare(work: Work): Prepared | undefined | Promise<Prepared | undefined>;
}

/** What host.ts is asked, a line of JSON each; python.py too. A question's `id` names the work that it prepares or reads. */
export type Question =
  | { ask: "prepare"; id: number; work: Work; seconds: number }
  | { ask: "read" | "release"; id: number };

export type Answer = { able: boolean } | { seconds: number } | { error: string };

/** Floating-point operations of a work done once; of `training`, those of the three matmuls a layer (no dX for the first). */
export function operations(work: Work): number {
  switch (work.kind) {
    case "matmul":
      return 2 * work.m * work.k * work.n;
    case "training":
      return work.samples * operationsASample(work.dims, (layer) => (layer === 0 ? 2 : 3));
    case "predict":
      return work.samples * operationsASample(work.dims, () => 1);
    default:
      return 0;
  }
}

function operationsASample(dims: readonly number[], matmuls: (layer: number) => number): number {
  let sum = 0;
  for (let layer = 0; layer + 1 < dims.length; layer++) {
    sum += matmuls(layer) * 2 * (dims[layer] as number) * (dims[layer + 1] as number);
  }
  return sum;
}
