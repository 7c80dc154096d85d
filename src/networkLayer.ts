import type { ActivationName } from "./activations";
import type { Core } from "./core";
import { checkBoolean } from "./errors";
import type { Layer, LayerDescription, LayerState } from "./layers/layer";

/** A layer as the user sees it. */
export class NetworkLayer implements Layer {
  readonly kind: LayerDescription["kind"];
  readonly units: number;
  readonly activation: ActivationName | undefined;
  readonly #state: LayerState;
  readonly #core: Core;
  readonly #weights: Float64Array;
  readonly #bias: Float64Array;
  readonly #gamma: Float64Array;
  readonly #beta: Float64Array;
  readonly #runningMean: Float64Array;
  readonly #runningVariance: Float64Array;
  readonly #weightGradients: Float64Array;
  readonly #biasGradients: Float64Array;

  constructor(core: Core, state: LayerState) {
    const { engine } = core;
    const { description, units, weightCount, parameterCount, statisticsCount } = state;
    this.kind = description.kind;
    this.units = units;
    this.activation = description.kind === "dense" ? description.activation : undefined;
    this.#state = state;
    this.#core = core;
    const biasCount = parameterCount - weightCount;
    this.#weights = engine.view(state.weights, weightCount);
    this.#bias = engine.view(state.bias, biasCount);
    const normCount = statisticsCount / 2;
    this.#gamma = engine.view(state.weights, normCount);
    this.#beta = engine.view(state.bias, normCount);
    this.#runningMean = engine.view(state.runningMean, normCount);
    this.#runningVariance = engine.view(state.runningVariance, normCount);
    this.#weightGradients = engine.view(state.weightGradients, weightCount);
    this.#biasGradients = engine.view(state.biasGradients, biasCount);
  }

  get weights(): Float64Array {
    return this.#alive("weights", this.#weights);
  }

  get bias(): Float64Array {
    return this.#alive("bias", this.#bias);
  }

  get gamma(): Float64Array {
    return this.#alive("gamma", this.#gamma);
  }

  get beta(): Float64Array {
    return this.#alive("beta", this.#beta);
  }

  get runningMean(): Float64Array {
    return this.#alive("runningMean", this.#runningMean);
  }

  get runningVariance(): Float64Array {
    return this.#alive("runningVariance", this.#runningVariance);
  }

  get weightGradients(): Float64Array {
    return this.#alive("weightGradients", this.#weightGradients);
  }

  get biasGradients(): Float64Array {
    return this.#alive("biasGradients", this.#biasGradients);
  }

  #alive(name: string, view: Float64Array): Float64Array {
    this.#core.checkAlive(`layers[${this.#state.index}].${name}`);
    return view;
  }

  get trainable(): boolean {
    return this.#state.trainable;
  }

  set trainable(trainable: boolean) {
    const where = `layers[${this.#state.index}].trainable`;
    this.#core.checkFree(where);
    checkBoolean(where, trainable);
    this.#state.trainable = trainable;
    if (!trainable) {
      this.#weightGradients.fill(0);
      this.#biasGradients.fill(0);
    }
  }
}
