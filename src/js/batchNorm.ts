import type { JsMemory } from "./memory";

/** What assembly/batchNorm.ts does, by rows of a batch. */
export function batchNormKernels(memory: JsMemory) {
  return {
    columnMoments(samples: number, units: number, x: number, mean: number, variance: number): void {
      const X = memory.array(x);
      const M = memory.array(mean);
      const V = memory.array(variance);
      const x0 = memory.index(x);
      const m0 = memory.index(mean);
      const v0 = memory.index(variance);
      M.fill(0, m0, m0 + units);
      V.fill(0, v0, v0 + units);
      for (let i = 0; i < samples; i++) {
        for (let j = 0; j < units; j++) M[m0 + j] = (M[m0 + j] as number) + (X[x0 + i * units + j] as number);
      }
      for (let j = 0; j < units; j++) M[m0 + j] = (M[m0 + j] as number) / samples;
      for (let i = 0; i < samples; i++) {
        for (let j = 0; j < units; j++) {
          const distance = (X[x0 + i * units + j] as number) - (M[m0 + j] as number);
          V[v0 + j] = (V[v0 + j] as number) + distance * distance;
        }
      }
      for (let j = 0; j < units; j++) V[v0 + j] = (V[v0 + j] as number) / samples;
    },

    inverseDeviations(units: number, epsilon: number, variance: number, y: number): void {
      const V = memory.array(variance);
      const Y = memory.array(y);
      const v0 = memory.index(variance);
      const y0 = memory.index(y);
      for (let j = 0; j < units; j++) Y[y0 + j] = 1 / Math.sqrt((V[v0 + j] as number) + epsilon);
    },

    normalize(
      samples: number,
      units: number,
      x: number,
      mean: number,
      inverse: number,
      gamma: number,
      beta: number,
      xhat: number,
      y: number,
    ): void {
      const X = memory.array(x);
      const M = memory.array(mean);
      const I = memory.array(inverse);
      const G = memory.array(gamma);
      const B = memory.array(beta);
      const H = memory.array(xhat);
      const Y = memory.array(y);
      const x0 = memory.index(x);
      const m0 = memory.index(mean);
      const i0 = memory.index(inverse);
      const g0 = memory.index(gamma);
      const b0 = memory.index(beta);
      const h0 = memory.index(xhat);
      const y0 = memory.index(y);
      for (let row = 0; row < samples * units; row += units) {
        for (let j = 0; j < units; j++) {
          const normal = ((X[x0 + row + j] as number) - (M[m0 + j] as number)) * (I[i0 + j] as number);
          if (xhat !== 0) H[h0 + row + j] = normal;
          Y[y0 + row + j] = (G[g0 + j] as number) * normal + (B[b0 + j] as number);
        }
      }
    },

    columnDots(samples: number, units: number, x: number, y: number, z: number): void {
      const X = memory.array(x);
      const Y = memory.array(y);
      const Z = memory.array(z);
      const x0 = memory.index(x);
      const y0 = memory.index(y);
      const z0 = memory.index(z);
      Z.fill(0, z0, z0 + units);
      for (let row = 0; row < samples * units; row += units) {
        for (let j = 0; j < units; j++) {
          Z[z0 + j] = (Z[z0 + j] as number) + (X[x0 + row + j] as number) * (Y[y0 + row + j] as number);
        }
      }
    },

    normalizeGradient(
      samples: number,
      units: number,
      xhat: number,
      inverse: number,
      gamma: number,
      sums: number,
      dots: number,
      dy: number,
      dx: number,
    ): void {
      const H = memory.array(xhat);
      const I = memory.array(inverse);
      const G = memory.array(gamma);
      const S = memory.array(sums);
      const P = memory.array(dots);
      const dY = memory.array(dy);
      const dX = memory.array(dx);
      const h0 = memory.index(xhat);
      const i0 = memory.index(inverse);
      const g0 = memory.index(gamma);
      const s0 = memory.index(sums);
      const p0 = memory.index(dots);
      const dy0 = memory.index(dy);
      const dx0 = memory.index(dx);
      for (let row = 0; row < samples * units; row += units) {
        for (let j = 0; j < units; j++) {
          const slope = (G[g0 + j] as number) * (I[i0 + j] as number);
          const along = (S[s0 + j] as number) + (H[h0 + row + j] as number) * (P[p0 + j] as number);
          dX[dx0 + row + j] = slope * ((dY[dy0 + row + j] as number) - along / samples);
        }
      }
    },
  };
}
