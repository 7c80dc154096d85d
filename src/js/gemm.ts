import type { JsMemory } from "./memory";

/** The register tile. Twelve sums and four of B: the largest that V8 keeps out of the stack. */
const MR = 3;
const NR = 4;
/** Cache blocks, in elements: rows of A, terms of the sums, columns of B. */
const MC = 96;
const KC = 256;
const NC = 512;

/**
 * gemm and transpose, packed as in assembly/gemm.ts and written apart, with the same flags. Every element of C is one
 * chain, from beta s_ij, ascending over k; the indices carry `| 0`, which spares V8 its overflow checks (a fifth of the time).
 */
export function gemmKernels(memory: JsMemory) {
  return {
    gemmWorkspaceBytes(): number {
      return 8 * (MR * NR + MC * KC + KC * NC);
    },

    gemm(
      flags: number,
      m: number,
      n: number,
      k: number,
      alpha: number,
      a: number,
      lda: number,
      b: number,
      ldb: number,
      beta: number,
      s: number,
      lds: number,
      c: number,
      ldc: number,
      workspace: number,
    ): void {
      if (m === 0) return;
      const A = memory.array(a);
      const B = memory.array(b);
      const S = memory.array(s);
      const C = memory.array(c);
      const W = memory.array(workspace);
      const a0 = memory.index(a);
      const b0 = memory.index(b);
      const s0 = memory.index(s);
      const c0 = memory.index(c);
      const tile = memory.index(workspace);
      const packedA = tile + MR * NR;
      const packedB = packedA + MC * KC;
      const [rowA, termA] = (flags & 1) === 0 ? [lda, 1] : [1, lda];
      const [termB, columnB] = (flags & 2) === 0 ? [ldb, 1] : [1, ldb];

      for (let j = 0; j < n; j += NC) {
        const nc = Math.min(NC, n - j);
        let p = 0;
        do {
          const kc = Math.min(KC, k - p);
          const scale = p === 0 ? beta : 1;
          const start = p === 0 ? S : C;
          const start0 = p === 0 ? s0 : c0;
          const ldStart = p === 0 ? lds : ldc;
          pack(nc, kc, NR, 1, B, b0 + p * termB + j * columnB, columnB, termB, W, packedB);
          for (let i = 0; i < m; i += MC) {
            const mc = Math.min(MC, m - i);
            pack(mc, kc, MR, alpha, A, a0 + i * rowA + p * termA, rowA, termA, W, packedA);
            for (let jj = 0; jj < nc; jj += NR) {
              const columns = Math.min(NR, nc - jj);
              for (let ii = 0; ii < mc; ii += MR) {
                const rows = Math.min(MR, mc - ii);
                const from = start0 + (i + ii) * ldStart + j + jj;
                const to = c0 + (i + ii) * ldc + j + jj;
                const panelA = packedA + ii * kc;
                const panelB = packedB + jj * kc;
                if (rows === MR && columns === NR) {
                  microKernel(kc, W, panelA, panelB, scale, start, from, ldStart, C, to, ldc);
                } else {
                  if (scale !== 0) copyTile(rows, columns, start, from, ldStart, W, tile, NR);
                  microKernel(kc, W, panelA, panelB, scale, W, tile, NR, W, tile, NR);
                  copyTile(rows, columns, W, tile, NR, C, to, ldc);
                }
              }
            }
          }
          p += KC;
        } while (p < k);
      }
      if ((flags & 4) !== 0) rectify(m, n, C, c0, ldc);
    },

    transpose(rows: number, columns: number, x: number, y: number): void {
      const X = memory.array(x);
      const Y = memory.array(y);
      const x0 = memory.index(x);
      const y0 = memory.index(y);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) Y[y0 + j * rows + i] = X[x0 + i * columns + j] as number;
      }
    },
  };
}

/** Panels of `width` rows, term after term, filled up with zeros. `row` and `term` are the source's strides. */
function pack(
  length: number,
  depth: number,
  width: number,
  scale: number,
  source: Float64Array,
  from: number,
  row: number,
  term: number,
  packed: Float64Array,
  to: number,
): void {
  for (let r = 0; r < length; r += width) {
    for (let i = 0; i < width; i++) {
      let out = (to + i) | 0;
      if (r + i < length) {
        let at = (from + (r + i) * row) | 0;
        for (let p = 0; p < depth; p++) {
          packed[out] = scale * (source[at] as number);
          at = (at + term) | 0;
          out = (out + width) | 0;
        }
      } else {
        for (let p = 0; p < depth; p++, out += width) packed[out] = 0;
      }
    }
    to += width * depth;
  }
}

function copyTile(
  rows: number,
  columns: number,
  source: Float64Array,
  from: number,
  ldFrom: number,
  target: Float64Array,
  to: number,
  ldTo: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) target[to + i * ldTo + j] = source[from + i * ldFrom + j] as number;
  }
}

/** C <- max(C, 0); a NaN stays. */
function rectify(m: number, n: number, C: Float64Array, c: number, ldc: number): void {
  for (let i = 0; i < m; i++, c += ldc) {
    for (let at = c; at < c + n; at++) if ((C[at] as number) < 0) C[at] = 0;
  }
}

/** One register tile, C <- beta S + A B, from the packed panels at a and b. */
function microKernel(
  kc: number,
  W: Float64Array,
  a: number,
  b: number,
  beta: number,
  S: Float64Array,
  s: number,
  lds: number,
  C: Float64Array,
  c: number,
  ldc: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  if (beta !== 0) {
    c00 = beta * (S[s] as number);
    c01 = beta * (S[s + 1] as number);
    c02 = beta * (S[s + 2] as number);
    c03 = beta * (S[s + 3] as number);
    s += lds;
    c10 = beta * (S[s] as number);
    c11 = beta * (S[s + 1] as number);
    c12 = beta * (S[s + 2] as number);
    c13 = beta * (S[s + 3] as number);
    s += lds;
    c20 = beta * (S[s] as number);
    c21 = beta * (S[s + 1] as number);
    c22 = beta * (S[s + 2] as number);
    c23 = beta * (S[s + 3] as number);
  }
  const end = (b + kc * NR) | 0;
  while (b < end) {
    const b0 = W[b] as number;
    const b1 = W[(b + 1) | 0] as number;
    const b2 = W[(b + 2) | 0] as number;
    const b3 = W[(b + 3) | 0] as number;
    const a0 = W[a] as number;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = W[(a + 1) | 0] as number;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = W[(a + 2) | 0] as number;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    a = (a + MR) | 0;
    b = (b + NR) | 0;
  }
  C[c] = c00;
  C[c + 1] = c01;
  C[c + 2] = c02;
  C[c + 3] = c03;
  c += ldc;
  C[c] = c10;
  C[c + 1] = c11;
  C[c + 2] = c12;
  C[c + 3] = c13;
  c += ldc;
  C[c] = c20;
  C[c + 1] = c21;
  C[c + 2] = c22;
  C[c + 3] = c23;
}
