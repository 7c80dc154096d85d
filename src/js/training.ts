import { fraction, philox } from "../random";
import type { JsMemory } from "./memory";

/** What assembly/gather.ts, optimizers.ts, reduce.ts, vectors.ts, dropout.ts and random.ts do, over vectors. */
export function trainingKernels(memory: JsMemory) {
  return {
    gatherRows(count: number, width: number, rows: number, x: number, y: number): void {
      const R = memory.array(rows);
      const X = memory.array(x);
      const Y = memory.array(y);
      const r0 = memory.index(rows);
      const x0 = memory.index(x);
      const y0 = memory.index(y);
      for (let i = 0; i < count; i++) {
        const from = x0 + (R[r0 + i] as number) * width;
        for (let j = 0; j < width; j++) Y[y0 + i * width + j] = X[from + j] as number;
      }
    },

    sgd(length: number, rate: number, weightDecay: number, p: number, g: number): void {
      const P = memory.array(p);
      const G = memory.array(g);
      const p0 = memory.index(p);
      const g0 = memory.index(g);
      for (let i = 0; i < length; i++) {
        const parameter = P[p0 + i] as number;
        P[p0 + i] = parameter - rate * (weightDecay * parameter + (G[g0 + i] as number));
      }
    },

    sgdMomentum(
      length: number,
      rate: number,
      momentum: number,
      nesterov: boolean,
      weightDecay: number,
      p: number,
      g: number,
      velocity: number,
    ): void {
      const P = memory.array(p);
      const G = memory.array(g);
      const V = memory.array(velocity);
      const p0 = memory.index(p);
      const g0 = memory.index(g);
      const v0 = memory.index(velocity);
      for (let i = 0; i < length; i++) {
        const parameter = P[p0 + i] as number;
        const gradient = weightDecay * parameter + (G[g0 + i] as number);
        const v = momentum * (V[v0 + i] as number) + gradient;
        V[v0 + i] = v;
        P[p0 + i] = parameter - rate * (nesterov ? momentum * v + gradient : v);
      }
    },

    adam(
      length: number,
      rate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
      weightDecay: number,
      shrink: number,
      rootCorrection2: number,
      p: number,
      g: number,
      mean: number,
      square: number,
    ): void {
      const P = memory.array(p);
      const G = memory.array(g);
      const M = memory.array(mean);
      const S = memory.array(square);
      const p0 = memory.index(p);
      const g0 = memory.index(g);
      const m0 = memory.index(mean);
      const s0 = memory.index(square);
      const give1 = 1 - beta1;
      const give2 = 1 - beta2;
      for (let i = 0; i < length; i++) {
        const parameter = P[p0 + i] as number;
        const gradient = weightDecay * parameter + (G[g0 + i] as number);
        const m = beta1 * (M[m0 + i] as number) + give1 * gradient;
        const v = beta2 * (S[s0 + i] as number) + give2 * (gradient * gradient);
        M[m0 + i] = m;
        S[s0 + i] = v;
        P[p0 + i] = shrink * parameter - rate * (m / (Math.sqrt(v) / rootCorrection2 + epsilon));
      }
    },

    rmsProp(length: number, rate: number, rho: number, epsilon: number, p: number, g: number, square: number): void {
      const P = memory.array(p);
      const G = memory.array(g);
      const S = memory.array(square);
      const p0 = memory.index(p);
      const g0 = memory.index(g);
      const s0 = memory.index(square);
      const give = 1 - rho;
      for (let i = 0; i < length; i++) {
        const gradient = G[g0 + i] as number;
        const v = rho * (S[s0 + i] as number) + give * (gradient * gradient);
        S[s0 + i] = v;
        P[p0 + i] = (P[p0 + i] as number) - rate * (gradient / (Math.sqrt(v) + epsilon));
      }
    },

    adagrad(length: number, rate: number, epsilon: number, p: number, g: number, square: number): void {
      const P = memory.array(p);
      const G = memory.array(g);
      const S = memory.array(square);
      const p0 = memory.index(p);
      const g0 = memory.index(g);
      const s0 = memory.index(square);
      for (let i = 0; i < length; i++) {
        const gradient = G[g0 + i] as number;
        const v = gradient * gradient + (S[s0 + i] as number);
        S[s0 + i] = v;
        P[p0 + i] = (P[p0 + i] as number) - rate * (gradient / (Math.sqrt(v) + epsilon));
      }
    },

    dropout(
      length: number,
      seedLow: number,
      seedHigh: number,
      stream: number,
      stepLow: number,
      stepHigh: number,
      threshold: number,
      scale: number,
      x: number,
      mask: number,
      y: number,
    ): void {
      const X = memory.array(x);
      const M = memory.array(mask);
      const Y = memory.array(y);
      const x0 = memory.index(x);
      const m0 = memory.index(mask);
      const y0 = memory.index(y);
      for (let i = 0; i < length; i++) {
        if ((i & 3) === 0) philox(i >>> 2, stream, stepLow, stepHigh, seedLow, seedHigh);
        const factor = (philox.words[i & 3] as number) < threshold ? 0 : scale;
        M[m0 + i] = factor;
        Y[y0 + i] = factor * (X[x0 + i] as number);
      }
    },

    fractions(
      length: number,
      first: number,
      stream: number,
      stepLow: number,
      stepHigh: number,
      seedLow: number,
      seedHigh: number,
      x: number,
    ): void {
      const X = memory.array(x);
      const x0 = memory.index(x);
      for (let i = 0; i < length; i++) {
        philox(first + i, stream, stepLow, stepHigh, seedLow, seedHigh);
        X[x0 + i] = fraction(0);
      }
    },

    columnSums(samples: number, units: number, x: number, y: number): void {
      const X = memory.array(x);
      const Y = memory.array(y);
      const y0 = memory.index(y);
      let at = memory.index(x);
      Y.fill(0, y0, y0 + units);
      for (let i = 0; i < samples; i++, at += units) {
        for (let j = 0; j < units; j++) Y[y0 + j] = (Y[y0 + j] as number) + (X[at + j] as number);
      }
    },

    scaleRows(samples: number, units: number, w: number, x: number): void {
      const W = memory.array(w);
      const X = memory.array(x);
      const w0 = memory.index(w);
      let at = memory.index(x);
      for (let i = 0; i < samples; i++, at += units) {
        for (let j = 0; j < units; j++) X[at + j] = (W[w0 + i] as number) * (X[at + j] as number);
      }
    },

    accumulate(length: number, x: number, w: number, state: number): void {
      const X = memory.array(x);
      const W = memory.array(w);
      const S = memory.array(state);
      const x0 = memory.index(x);
      const w0 = memory.index(w);
      const s0 = memory.index(state);
      let sum = S[s0] as number;
      let compensation = S[s0 + 1] as number;
      for (let i = 0; i < length; i++) {
        const term = w === 0 ? (X[x0 + i] as number) : (X[x0 + i] as number) * (W[w0 + i] as number);
        const next = sum + term;
        compensation += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
        sum = next;
      }
      S[s0] = sum;
      S[s0 + 1] = compensation;
    },

    magnitudes(length: number, x: number, sums: number): void {
      const X = memory.array(x);
      const S = memory.array(sums);
      const x0 = memory.index(x);
      let absolutes = 0;
      let squares = 0;
      for (let block = 0; block < length; block += 128) {
        const end = Math.min(length, block + 128);
        const absolute = [0, 0];
        const square = [0, 0];
        for (let i = block; i < end; i++) {
          const value = X[x0 + i] as number;
          absolute[i & 1] = (absolute[i & 1] as number) + Math.abs(value);
          square[i & 1] = (square[i & 1] as number) + value * value;
        }
        absolutes += (absolute[0] as number) + (absolute[1] as number);
        squares += (square[0] as number) + (square[1] as number);
      }
      S[memory.index(sums)] = absolutes;
      S[memory.index(sums) + 1] = squares;
    },

    dot(length: number, x: number, y: number, result: number): void {
      const X = memory.array(x);
      const Y = memory.array(y);
      const x0 = memory.index(x);
      const y0 = memory.index(y);
      let sum = 0;
      for (let block = 0; block < length; block += 128) {
        const end = Math.min(length, block + 128);
        let even = 0;
        let odd = 0;
        for (let i = block; i < end; i += 2) even += (X[x0 + i] as number) * (Y[y0 + i] as number);
        for (let i = block + 1; i < end; i += 2) odd += (X[x0 + i] as number) * (Y[y0 + i] as number);
        sum += even + odd;
      }
      memory.array(result)[memory.index(result)] = sum;
    },

    combine(length: number, a: number, x: number, b: number, y: number, z: number): void {
      const X = memory.array(x);
      const Y = memory.array(y);
      const Z = memory.array(z);
      const x0 = memory.index(x);
      const y0 = memory.index(y);
      const z0 = memory.index(z);
      for (let i = 0; i < length; i++) {
        const ax = a * (X[x0 + i] as number);
        Z[z0 + i] = b === 0 ? ax : b * (Y[y0 + i] as number) + ax;
      }
    },

    addPenaltyGradient(length: number, l1: number, l2: number, w: number, g: number): void {
      const W = memory.array(w);
      const G = memory.array(g);
      const w0 = memory.index(w);
      const g0 = memory.index(g);
      for (let i = 0; i < length; i++) {
        const weight = W[w0 + i] as number;
        const sign = 0 < weight ? l1 : weight < 0 ? -l1 : 0;
        G[g0 + i] = (G[g0 + i] as number) + (2 * l2 * weight + sign);
      }
    },

    areSmall(length: number, x: number): boolean {
      const X = memory.array(x);
      const x0 = memory.index(x);
      let even = 0;
      let odd = 0;
      for (let i = 0; i + 2 <= length; i += 2) {
        even += (X[x0 + i] as number) * (X[x0 + i] as number);
        odd += (X[x0 + i + 1] as number) * (X[x0 + i + 1] as number);
      }
      const last = length % 2 === 0 ? 0 : (X[x0 + length - 1] as number);
      return even + odd + last * last <= 1e300;
    },

    firstNotFinite(length: number, x: number): number {
      const X = memory.array(x);
      const x0 = memory.index(x);
      for (let i = 0; i < length; i++) if (!Number.isFinite(X[x0 + i] as number)) return i;
      return length;
    },
  };
}
