import type { ActivationName } from "./activations";
import type { Engine } from "./backend/engine";
import { checkBoolean } from "./errors";
import type { Layer, LayerDescription, LayerState } from "./layers/layer";

/** A layer as the user sees it. */
export class NetworkLayer implements Layer {
  readonly kind: LayerDescription["kind"];
  readonly units: number;
  readonly activation: ActivationName | undefined;
  readonly #state: LayerState;
  readonly #checkAlive: (where: string) => void;
  readonly #weights: Float64Array;
  readonly #bias: Float64Array;
  readonly #weightGradients: Float64Array;
  readonly #biasGradients: Float64Array;

  constructor(engine: Engine, state: LayerState, checkAlive: (where: string) => void) {
    const { description, units, weightCount, parameterCount } = state;
    this.kind = description.kind;
    this.units = units;
    this.activation = description.kind === "dense" ? description.activation : undefined;
    this.#state = state;
    this.#checkAlive = checkAlive;
    const biasCount = parameterCount - weightCount;
    this.#weights = engine.view(state.weights, weightCount);
    this.#bias = engine.view(state.bias, biasCount);
    this.#weightGradients = engine.view(state.weightGradients, weightCount);
    this.#biasGradients = engine.view(state.biasGradients, biasCount);
  }

  get weights(): Float64Array {
    this.#checkAlive(`layers[${this.#state.index}].weights`);
    return this.#weights;
  }

  get bias(): Float64Array {
    this.#checkAlive(`layers[${this.#state.index}].bias`);
    return this.#bias;
  }

  get weightGradients(): Float64Array {
    this.#checkAlive(`layers[${this.#state.index}].weightGradients`);
    return this.#weightGradients;
  }

  get biasGradients(): Float64Array {
    this.#checkAlive(`layers[${this.#state.index}].biasGradients`);
    return this.#biasGradients;
  }

  get trainable(): boolean {
    return this.#state.trainable;
  }

  set trainable(trainable: boolean) {
    const where = `layers[${this.#state.index}].trainable`;
    this.#checkAlive(where);
    checkBoolean(where, trainable);
    this.#state.trainable = trainable;
    if (!trainable) {
      this.#weightGradients.fill(0);
      this.#biasGradients.fill(0);
    }
  }
}
