import type { ActivationName } from "./activations";
import type { Engine } from "./backend/engine";
import { checkBoolean } from "./errors";
import type { Layer, LayerDescription, LayerState } from "./layers/layer";

/** Lays the layers out over one flat array of parameters, weights before bias, and one of gradients. */
export function layOut(
  inputs: number,
  descriptions: readonly LayerDescription[],
): { states: Omit<LayerState, "weights" | "bias" | "weightGradients" | "biasGradients">[]; total: number } {
  let fanIn = inputs;
  let offset = 0;
  const states = descriptions.map((description, index) => {
    const units = description.kind === "dense" ? description.units : fanIn;
    const parameterCount = description.kind === "dense" ? fanIn * units + units : 0;
    const trainable = description.kind === "dense" ? description.trainable : true;
    const state = { description, index, fanIn, units, offset, parameterCount, trainable };
    fanIn = units;
    offset += parameterCount;
    return state;
  });
  return { states, total: offset };
}

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
    const { description, units, fanIn, parameterCount } = state;
    this.kind = description.kind;
    this.units = units;
    this.activation = description.kind === "dense" ? description.activation : undefined;
    this.#state = state;
    this.#checkAlive = checkAlive;
    const weights = parameterCount === 0 ? 0 : fanIn * units;
    const bias = parameterCount === 0 ? 0 : units;
    this.#weights = engine.view(state.weights, weights);
    this.#bias = engine.view(state.bias, bias);
    this.#weightGradients = engine.view(state.weightGradients, weights);
    this.#biasGradients = engine.view(state.biasGradients, bias);
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
