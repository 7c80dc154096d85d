import { type Initializer, type InitializerName, initializers } from "./initializers";
import { fillNormal, fillUniform, streamOf } from "./random";

/** Fills weights (fanIn x fanOut): element e of layer `layer` depends on the seed, the layer and e alone. */
export function initialize(
  weights: Float64Array,
  name: InitializerName,
  fanIn: number,
  fanOut: number,
  seed: number,
  layer: number,
): void {
  const initializer: Initializer = initializers[name];
  const stream = streamOf("weights", layer);
  if (initializer.draw === "zeros") weights.fill(0);
  else if (initializer.draw === "uniform") fillUniform(weights, initializer.scale(fanIn, fanOut), seed, stream);
  else fillNormal(weights, initializer.scale(fanIn, fanOut), seed, stream);
}
