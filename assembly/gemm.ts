import { MR, microKernel, NR } from "./gemm/micro";
import { pack } from "./gemm/pack";
import { Lanes } from "./lanes";

/** Rows of op(A) in one packed block: with KC, 192 KiB, which stay in the second-level cache. A multiple of MR. */
const MC: usize = 96;
/** Terms of the inner sum in one block: with MR and NR, panels of at most 20 KiB, which stay in the first-level cache. */
const KC: usize = 256;
/** Columns of op(B) in one packed block: with KC, 1 MiB. A multiple of NR. */
const NC: usize = 512;

/** Flags of gemm: op(X) is the transpose of X. */
const TRANSPOSE_A: i32 = 1;
const TRANSPOSE_B: i32 = 2;

/** Bytes of workspace that gemm writes: one MR x NR tile, one block of A, one of B. Each caller brings its own. */
export function gemmWorkspaceBytes(): usize {
  return (MR * NR + MC * KC + KC * NC) << 3;
}

/**
 * C <- alpha * op(A) * op(B) + beta * S, where op(X) is X or its transpose.
 *
 *   op(A): m x k    op(B): k x n    S, C: m x n    row-major, ld in elements
 *
 * S is C itself (BLAS's gemm), or any matrix; lds = 0 repeats one row, which is how a layer adds its bias.
 * beta = 0 writes C without reading S. C must not overlap A or B, nor S unless they are the same.
 *
 * The loops are numbered as in Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
 *
 * Order: c_ij starts at beta s_ij and takes (alpha a_ip) b_pj for p = 0, 1, ..., k - 1, one after the other.
 * (with one rounding each where the target fuses). Blocks over k continue that chain through C; tiles and tails never change it.
 * |error| <= (k + 2) u (|alpha| sum_p |a_ip| |b_pj| + |beta s_ij|), u = 2^-53, first order (Higham, 3.5)
 */
export function gemm(
  flags: i32,
  m: usize,
  n: usize,
  k: usize,
  alpha: f64,
  a: usize,
  lda: usize,
  b: usize,
  ldb: usize,
  beta: f64,
  s: usize,
  lds: usize,
  c: usize,
  ldc: usize,
  workspace: usize,
): void {
  if (m === 0) return;
  const tile = workspace;
  const packedA = tile + ((MR * NR) << 3);
  const packedB = packedA + ((MC * KC) << 3);
  const aAlongK = (flags & TRANSPOSE_A) === 0;
  const bAlongK = (flags & TRANSPOSE_B) !== 0;

  // loop 5: NC columns of C at a time
  for (let j: usize = 0; j < n; j += NC) {
    const nc = min<usize>(NC, n - j);
    // loop 4: KC terms of every sum at a time; at least once, for beta S alone where k is 0
    let p: usize = 0;
    do {
      const kc = min<usize>(KC, k - p);
      const scale = p === 0 ? beta : 1;
      const start = p === 0 ? s : c;
      const ldStart = p === 0 ? lds : ldc;
      pack(bAlongK, nc, kc, NR, 1, b + ((bAlongK ? j * ldb + p : p * ldb + j) << 3), ldb, packedB);
      // loop 3: MC rows of C at a time
      for (let i: usize = 0; i < m; i += MC) {
        const mc = min<usize>(MC, m - i);
        pack(aAlongK, mc, kc, MR, alpha, a + ((aAlongK ? i * lda + p : p * lda + i) << 3), lda, packedA);
        macroKernel(
          mc,
          nc,
          kc,
          packedA,
          packedB,
          scale,
          start + ((i * ldStart + j) << 3),
          ldStart,
          c + ((i * ldc + j) << 3),
          ldc,
          tile,
        );
      }
      p += KC;
    } while (p < k);
  }
}

/** One packed block of A by one of B: loops 2 and 1, over the register tiles of C. */
function macroKernel(
  mc: usize,
  nc: usize,
  kc: usize,
  packedA: usize,
  packedB: usize,
  beta: f64,
  s: usize,
  lds: usize,
  c: usize,
  ldc: usize,
  tile: usize,
): void {
  // loop 2: one panel of B at a time, which loop 1 finds in the first-level cache
  for (let j: usize = 0; j < nc; j += NR) {
    const columns = min<usize>(NR, nc - j);
    const panelB = packedB + ((j * kc) << 3);
    // loop 1: one panel of A at a time
    for (let i: usize = 0; i < mc; i += MR) {
      const rows = min<usize>(MR, mc - i);
      const panelA = packedA + ((i * kc) << 3);
      const startAt = s + ((i * lds + j) << 3);
      const at = c + ((i * ldc + j) << 3);
      if (rows === MR && columns === NR) {
        microKernel(kc, panelA, panelB, beta, startAt, lds, at, ldc);
      } else {
        // an edge: the same register tile on a whole scratch tile, of which only the part inside C is filled and kept
        if (beta !== 0) copyTile(rows, columns, startAt, lds, tile, NR);
        microKernel(kc, panelA, panelB, beta, tile, NR, tile, NR);
        copyTile(rows, columns, tile, NR, at, ldc);
      }
    }
  }
}

/** to <- from, rows x columns. */
function copyTile(rows: usize, columns: usize, from: usize, ldFrom: usize, to: usize, ldTo: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let j: usize = 0; j < columns; j += Lanes.widest) {
      Lanes.copy(from + ((i * ldFrom + j) << 3), to + ((i * ldTo + j) << 3), columns - j);
    }
  }
}
