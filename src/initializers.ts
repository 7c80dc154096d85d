/** Half width of the uniform distribution, or deviation of the normal one. */
export type Initializer =
  | { draw: "uniform" | "normal"; scale: (fanIn: number, fanOut: number) => number }
  | { draw: "zeros" };

export type InitializerName = "zeros" | "glorotUniform" | "glorotNormal" | "heUniform" | "heNormal" | "lecunNormal";

/** Glorot and Bengio 2010; He et al. 2015; LeCun et al. 1998. Normals are not truncated. */
export const initializers = {
  zeros: { draw: "zeros" },
  glorotUniform: { draw: "uniform", scale: (fanIn, fanOut) => Math.sqrt(6 / (fanIn + fanOut)) },
  glorotNormal: { draw: "normal", scale: (fanIn, fanOut) => Math.sqrt(2 / (fanIn + fanOut)) },
  heUniform: { draw: "uniform", scale: (fanIn) => Math.sqrt(6 / fanIn) },
  heNormal: { draw: "normal", scale: (fanIn) => Math.sqrt(2 / fanIn) },
  lecunNormal: { draw: "normal", scale: (fanIn) => Math.sqrt(1 / fanIn) },
} as const satisfies Record<InitializerName, Initializer>;

export const initializerNames = Object.keys(initializers) as InitializerName[];
