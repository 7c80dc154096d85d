import { Scope } from "./backend/arena";
import type { Loaded, Variant } from "./backend/instantiate";
import { type BackendOptions, type Binaries, loadEngine } from "./backend/loadEngine";
import { SIMD } from "./backend/probe";
import { disposeSymbol } from "./disposable";
import { checkName, checkOptions, DisposedError } from "./errors";
import type { Metadata } from "./files/metadata";
import { fillParameters, type NetworkFile, readNetwork } from "./files/readNetwork";
import { Inference, type PredictOptions } from "./inference";
import type { LayerState } from "./layers/layer";
import { layOut } from "./layout";
import { flatten, type Numbers } from "./numbers";

export interface LoadOptions extends Pick<BackendOptions, "memory" | "wasm"> {
  /** "auto", the default, takes the fastest that this engine has; one asked for by name that it lacks throws. */
  variant?: "auto" | "simd" | "js" | undefined;
}

/** An engine without SIMD is a rare one, and has js. */
const binaries: Binaries = { simd: { probe: SIMD, load: () => import("../build/predict.packed") } };

/** The engine of all who ask for nothing in particular. */
let shared: Promise<Loaded> | undefined;

/**
 * The network that `network.toBytes()` has written, or that a checkpoint holds, to predict with: the same bits on every engine and
 * machine, those of `predict` on a backend with `reproducible: true`. Throws FormatError that says where, ArgumentError,
 * OutOfMemoryError.
 */
export async function loadNetwork(bytes: Uint8Array, options: LoadOptions = {}): Promise<Predictor> {
  const where = "loadNetwork";
  checkOptions(where, options, ["variant", "memory", "wasm"]);
  const { variant = "auto", memory, wasm } = options;
  checkName(`${where}: variant`, variant, ["auto", "simd", "js"]);
  const load = () => loadEngine(where, { variant, memory, wasm, reproducible: true }, binaries);
  if (variant !== "auto" || memory !== undefined || wasm !== undefined) {
    const loaded = await load();
    return new Predictor(loaded, readNetwork(where, bytes), () => loaded.engine.dispose());
  }
  shared ??= load();
  // where it failed the next one tries again
  shared.catch(() => {
    shared = undefined;
  });
  const loaded = await shared;
  return new Predictor(loaded, readNetwork(where, bytes), () => {});
}

/** A network that predicts, and does nothing else. Made by `loadNetwork` of wasmgrad/predict. */
export class Predictor implements Disposable {
  /** Features of a sample. */
  readonly inputs: number;
  /** Outputs of a sample. */
  readonly units: number;
  /** The object that was saved with the network. */
  readonly metadata: Metadata;
  /** What it computes with. */
  readonly variant: Variant;
  /** Why something faster was not taken, as sentences that say what to do. */
  readonly warnings: readonly string[];
  readonly #inference: Inference;
  #end: (() => void) | undefined;

  /** @internal */
  constructor({ engine, variant, warnings }: Loaded, file: NetworkFile, end: () => void) {
    const { inputs, descriptions, metadata } = file;
    const { parameterCount, statisticsCount, workCount, placed } = layOut(inputs, descriptions);
    const scope = new Scope(engine.arena);
    this.#end = () => {
      scope.dispose();
      end();
    };
    let states: readonly LayerState[];
    try {
      const [parameters = 0, work = 0] = scope.allocateAll("loadNetwork", [
        parameterCount + statisticsCount,
        workCount,
      ]);
      states = placed(parameters, 0, work);
    } catch (error) {
      this.dispose();
      throw error;
    }
    fillParameters(engine, states, file);
    this.inputs = inputs;
    this.units = (states.at(-1) as LayerState).units;
    this.metadata = metadata;
    this.variant = variant;
    this.warnings = warnings;
    this.#inference = new Inference(engine, scope, states, inputs, this.units);
  }

  /**
   * The outputs for `inputs` (n x inputs), n x units: a fresh array, or `out`. Rows are taken `batchSize` at a time. Throws
   * ShapeError, ArgumentError, DisposedError.
   */
  predict(inputs: Numbers, options: PredictOptions = {}): Float64Array {
    const where = "predict";
    if (this.#end === undefined) {
      throw new DisposedError(`${where}: a network was used after its dispose, a live one was expected`);
    }
    return this.#inference.predict(where, flatten("predict: inputs", inputs, this.inputs), options);
  }

  /** Frees its memory; twice is fine. */
  dispose(): void {
    this.#end?.();
    this.#end = undefined;
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
