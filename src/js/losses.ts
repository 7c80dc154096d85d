import { exp, log, log1p } from "./math";
import type { JsMemory } from "./memory";

type Term = (y: number, t: number) => number;

function squares(y: number, t: number): number {
  const d = y - t;
  return d * d;
}

function squaresSlope(y: number, t: number): number {
  return y - t;
}

function absolute(y: number, t: number): number {
  return Math.abs(y - t);
}

function absoluteSlope(y: number, t: number): number {
  const d = y - t;
  return 0 < d ? 1 : d < 0 ? -1 : d;
}

function huber(y: number, t: number): number {
  const d = Math.abs(y - t);
  return d <= 1 ? 0.5 * (d * d) : d - 0.5;
}

function huberSlope(y: number, t: number): number {
  return Math.max(-1, Math.min(1, y - t));
}

function binary(y: number, t: number): number {
  const rest = 1 - t;
  return -((t === 0 ? 0 : t * log(y)) + (rest === 0 ? 0 : rest * log1p(-y)));
}

function binarySlope(y: number, t: number): number {
  const rest = 1 - y;
  if (t === 0) return 1 / rest;
  return t === 1 ? -1 / y : (y - t) / (y * rest);
}

function binaryLogits(z: number, t: number): number {
  const missing = 0 < z ? 1 - t : -t;
  return (missing === 0 ? 0 : z * missing) + log1p(exp(-Math.abs(z)));
}

function binaryLogitsSlope(z: number, t: number): number {
  const e = exp(-Math.abs(z));
  const small = e / (1 + e);
  return 0 < z ? 1 - t - small : small - t;
}

function categorical(y: number, t: number): number {
  return t === 0 ? 0 : -(t * log(y));
}

function categoricalSlope(y: number, t: number): number {
  return t === 0 ? 0 : -(t / y);
}

/** Sum over one row, in the order of assembly/rows.ts: even indices, odd indices, then both. */
function rowSum(units: number, term: (j: number) => number): number {
  let even = 0;
  let odd = 0;
  for (let j = 0; j < units; j += 2) even += term(j);
  for (let j = 1; j < units; j += 2) odd += term(j);
  return even + odd;
}

/** The losses of assembly/losses.ts and crossEntropy.ts: J of each sample, and the gradient. */
export function lossKernels(memory: JsMemory) {
  const value =
    (term: Term) => (samples: number, units: number, factor: number, y: number, t: number, losses: number) => {
      const Y = memory.array(y);
      const T = memory.array(t);
      const L = memory.array(losses);
      const y0 = memory.index(y);
      const t0 = memory.index(t);
      const l0 = memory.index(losses);
      for (let i = 0; i < samples; i++) {
        const row = i * units;
        L[l0 + i] = factor * rowSum(units, (j) => term(Y[y0 + row + j] as number, T[t0 + row + j] as number));
      }
    };
  const gradient =
    (slope: Term) => (samples: number, units: number, divisor: number, y: number, t: number, g: number) => {
      const Y = memory.array(y);
      const T = memory.array(t);
      const G = memory.array(g);
      const y0 = memory.index(y);
      const t0 = memory.index(t);
      const g0 = memory.index(g);
      for (let i = 0; i < samples * units; i++) {
        G[g0 + i] = slope(Y[y0 + i] as number, T[t0 + i] as number) / divisor;
      }
    };
  return {
    squaresLoss: value(squares),
    squaresGradient: gradient(squaresSlope),
    absoluteLoss: value(absolute),
    absoluteGradient: gradient(absoluteSlope),
    huberLoss: value(huber),
    huberGradient: gradient(huberSlope),
    binaryLoss: value(binary),
    binaryGradient: gradient(binarySlope),
    binaryLogitsLoss(samples: number, units: number, factor: number, z: number, _: number, t: number, losses: number) {
      value(binaryLogits)(samples, units, factor, z, t, losses);
    },
    binaryLogitsGradient: gradient(binaryLogitsSlope),
    categoricalLoss: value(categorical),
    categoricalGradient: gradient(categoricalSlope),

    categoricalLogitsLoss(
      samples: number,
      units: number,
      factor: number,
      z: number,
      y: number,
      t: number,
      losses: number,
    ): void {
      const Z = memory.array(z);
      const Y = memory.array(y);
      const T = memory.array(t);
      const L = memory.array(losses);
      const z0 = memory.index(z);
      const y0 = memory.index(y);
      const t0 = memory.index(t);
      const l0 = memory.index(losses);
      for (let i = 0; i < samples; i++) {
        const logit = (j: number) => Z[z0 + i * units + j] as number;
        const output = (j: number) => Y[y0 + i * units + j] as number;
        const target = (j: number) => T[t0 + i * units + j] as number;
        let largest = -Infinity;
        let top = -Infinity;
        for (let j = 0; j < units; j++) {
          largest = Math.max(largest, logit(j));
          top = Math.max(top, output(j));
        }
        const below = rowSum(units, (j) => (logit(j) < largest ? output(j) : 0)) / top;
        const ties = rowSum(units, (j) => (logit(j) === largest ? 1 : 0)) - 1;
        const spread = rowSum(units, (j) => (target(j) === 0 ? 0 : target(j) * (largest - logit(j))));
        L[l0 + i] = factor * (spread + log1p(below + ties) * rowSum(units, target));
      }
    },
    categoricalLogitsGradient(samples: number, units: number, divisor: number, y: number, t: number, g: number): void {
      const Y = memory.array(y);
      const T = memory.array(t);
      const G = memory.array(g);
      const y0 = memory.index(y);
      const t0 = memory.index(t);
      const g0 = memory.index(g);
      for (let row = 0; row < samples * units; row += units) {
        const output = (j: number) => Y[y0 + row + j] as number;
        const targets = rowSum(units, (j) => T[t0 + row + j] as number);
        const small = rowSum(units, (j) => (output(j) <= 0.5 ? output(j) : 0));
        for (let j = 0; j < units; j++) {
          const yj = output(j);
          const tj = T[t0 + row + j] as number;
          const rest = 0.5 < yj ? small : 1 - yj;
          G[g0 + row + j] = (yj * (targets - tj) - tj * rest) / divisor;
        }
      }
    },
  };
}
