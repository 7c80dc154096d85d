import {
  erf,
  exp,
  expm1,
  expTimes,
  gelu as geluTail,
  lesserSigmoid,
  log,
  log1p,
  normalCdf,
  tanh,
  timesDensity,
} from "./math";
import type { JsMemory } from "./memory";

const SELU_SCALE = 1.0507009873554805;
const SELU_SCALE_ALPHA = 1.7580993408473768;
/** Below these Phi and e^x run into the subnormals while x Phi and x e^x do not yet. */
const GELU_TAIL = -37;
const SILU_TAIL = -700;

function sigmoid(x: number): number {
  const s = lesserSigmoid(x, 1);
  return x < 0 ? s : 1 - s;
}

function sigmoidSlope(x: number): number {
  const s = lesserSigmoid(x, 1);
  return s * (1 - s);
}

function tanhSlope(x: number): number {
  const four = lesserSigmoid(x + x, 4);
  return four * (1 - 0.25 * four);
}

function elu(x: number): number {
  return x < 0 ? expm1(x) : x;
}

function eluSlope(x: number): number {
  return exp(Math.min(x, 0));
}

function selu(x: number): number {
  return x < 0 ? SELU_SCALE_ALPHA * expm1(x) : SELU_SCALE * x;
}

function seluSlope(x: number): number {
  return 0 < x ? SELU_SCALE : SELU_SCALE_ALPHA * exp(Math.min(x, 0));
}

function gelu(x: number): number {
  return x < GELU_TAIL ? geluTail(x) : x * normalCdf(x);
}

function geluSlope(x: number): number {
  return normalCdf(x) + timesDensity(x);
}

function silu(x: number): number {
  if (x >= SILU_TAIL) return x * sigmoid(x);
  const near = Math.max(x, -800);
  return expTimes(near, near);
}

function siluSlope(x: number): number {
  if (x < SILU_TAIL) {
    const near = Math.max(x, -800);
    return expTimes(near, near + 1);
  }
  const s = lesserSigmoid(x, 1);
  const bounded = Math.min(x, 800);
  return x < 0 ? s * (bounded * (1 - s) + 1) : (1 - s) * (bounded * s + 1);
}

function softplus(x: number): number {
  return Math.max(x, 0) + log1p(exp(-Math.abs(x)));
}

function softplusSlope(x: number): number {
  const e = exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/** y <- x. */
function linear(x: number): number {
  return x;
}

/** The activations of assembly/activations.ts, their slopes, and the elementary functions, over vectors. */
export function activationKernels(memory: JsMemory) {
  const map = (f: (x: number) => number) => (length: number, x: number, y: number) => {
    const X = memory.array(x);
    const Y = memory.array(y);
    const x0 = memory.index(x);
    const y0 = memory.index(y);
    for (let i = 0; i < length; i++) Y[y0 + i] = f(X[x0 + i] as number);
  };
  const both =
    (f: (x: number) => number, slope: (x: number) => number) =>
    (length: number, z: number, y: number, slopes: number) => {
      const Z = memory.array(z);
      const Y = memory.array(y);
      const S = memory.array(slopes);
      const z0 = memory.index(z);
      const y0 = memory.index(y);
      const s0 = memory.index(slopes);
      for (let i = 0; i < length; i++) {
        const x = Z[z0 + i] as number;
        Y[y0 + i] = f(x);
        S[s0 + i] = slope(x);
      }
    };
  const gradient = (slope: (x: number) => number) => (length: number, z: number, dy: number, dz: number) => {
    const Z = memory.array(z);
    const DY = memory.array(dy);
    const DZ = memory.array(dz);
    const z0 = memory.index(z);
    const dy0 = memory.index(dy);
    const dz0 = memory.index(dz);
    for (let i = 0; i < length; i++) DZ[dz0 + i] = (DY[dy0 + i] as number) * slope(Z[z0 + i] as number);
  };
  return {
    exp: map(exp),
    log: map(log),
    log1p: map(log1p),
    expm1: map(expm1),
    erf: map(erf),
    linear: map(linear),
    linearGradient: gradient(() => 1),
    elu: map(elu),
    eluAndSlope: both(elu, eluSlope),
    eluGradient: gradient(eluSlope),
    selu: map(selu),
    seluAndSlope: both(selu, seluSlope),
    seluGradient: gradient(seluSlope),
    gelu: map(gelu),
    geluAndSlope: both(gelu, geluSlope),
    geluGradient: gradient(geluSlope),
    silu: map(silu),
    siluAndSlope: both(silu, siluSlope),
    siluGradient: gradient(siluSlope),
    softplus: map(softplus),
    softplusAndSlope: both(softplus, softplusSlope),
    softplusGradient: gradient(softplusSlope),
    sigmoid: map(sigmoid),
    sigmoidAndSlope: both(sigmoid, sigmoidSlope),
    sigmoidGradient: gradient(sigmoidSlope),
    tanh: map(tanh),
    tanhAndSlope: both(tanh, tanhSlope),
    tanhGradient: gradient(tanhSlope),

    // the cheap ones as loops of their own: a call through a shared loop would cost more than they do
    relu(length: number, z: number, y: number): void {
      const Z = memory.array(z);
      const Y = memory.array(y);
      const z0 = memory.index(z);
      const y0 = memory.index(y);
      for (let i = 0; i < length; i++) {
        const x = Z[z0 + i] as number;
        Y[y0 + i] = x < 0 ? 0 : x;
      }
    },
    reluGradient(length: number, z: number, dy: number, dz: number): void {
      const Z = memory.array(z);
      const DY = memory.array(dy);
      const DZ = memory.array(dz);
      const z0 = memory.index(z);
      const dy0 = memory.index(dy);
      const dz0 = memory.index(dz);
      for (let i = 0; i < length; i++) DZ[dz0 + i] = (Z[z0 + i] as number) <= 0 ? 0 : (DY[dy0 + i] as number);
    },
    leakyRelu(length: number, z: number, y: number): void {
      const Z = memory.array(z);
      const Y = memory.array(y);
      const z0 = memory.index(z);
      const y0 = memory.index(y);
      for (let i = 0; i < length; i++) {
        const x = Z[z0 + i] as number;
        Y[y0 + i] = x <= 0 ? 0.01 * x : x;
      }
    },
    leakyReluGradient(length: number, z: number, dy: number, dz: number): void {
      const Z = memory.array(z);
      const DY = memory.array(dy);
      const DZ = memory.array(dz);
      const z0 = memory.index(z);
      const dy0 = memory.index(dy);
      const dz0 = memory.index(dz);
      for (let i = 0; i < length; i++) {
        DZ[dz0 + i] = (DY[dy0 + i] as number) * ((Z[z0 + i] as number) <= 0 ? 0.01 : 1);
      }
    },
    multiply(length: number, x: number, y: number, z: number): void {
      const X = memory.array(x);
      const Y = memory.array(y);
      const Z = memory.array(z);
      const x0 = memory.index(x);
      const y0 = memory.index(y);
      const z0 = memory.index(z);
      for (let i = 0; i < length; i++) Z[z0 + i] = (X[x0 + i] as number) * (Y[y0 + i] as number);
    },

    softmax(samples: number, units: number, z: number, y: number): void {
      const Z = memory.array(z);
      const Y = memory.array(y);
      let at = memory.index(z);
      let out = memory.index(y);
      for (let i = 0; i < samples; i++, at += units, out += units) {
        let largest = -Infinity;
        for (let j = 0; j < units; j++) largest = Math.max(largest, Z[at + j] as number);
        // the order of the sum is that of assembly/rows.ts: even indices, odd indices, then both
        let even = 0;
        let odd = 0;
        for (let j = 0; j < units; j++) {
          const e = exp((Z[at + j] as number) - largest);
          Y[out + j] = e;
          if ((j & 1) === 0) even += e;
          else odd += e;
        }
        const total = even + odd;
        for (let j = 0; j < units; j++) Y[out + j] = (Y[out + j] as number) / total;
      }
    },
    softmaxGradient(samples: number, units: number, y: number, dy: number, dz: number): void {
      const Y = memory.array(y);
      const DY = memory.array(dy);
      const DZ = memory.array(dz);
      const y0 = memory.index(y);
      const dy0 = memory.index(dy);
      const dz0 = memory.index(dz);
      for (let row = 0; row < samples * units; row += units) {
        let even = 0;
        let odd = 0;
        for (let j = row; j < row + units; j++) {
          const term = (Y[y0 + j] as number) * (DY[dy0 + j] as number);
          if (((j - row) & 1) === 0) even += term;
          else odd += term;
        }
        const dot = even + odd;
        for (let j = row; j < row + units; j++) {
          DZ[dz0 + j] = (Y[y0 + j] as number) * ((DY[dy0 + j] as number) - dot);
        }
      }
    },
  };
}
