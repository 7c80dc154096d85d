import { relu } from "./activations";
import { LOW, MR, NR, Tile, tallRows } from "./gemm/micro";
import { Pack } from "./gemm/pack";
import { columnProduct, rowProduct } from "./gemm/vector";

/** Rows of op(A) in one packed block: with KC, 192 KiB, which stay in the second-level cache. A multiple of MR. */
const MC: usize = 96;
/**
 * The most terms of the inner sum in one block: with MR and NR, panels of at most 21 KiB, which stay in the first-level
 * cache. Blocks are cut evenly: of 784 terms there are three, and none is short.
 */
const KC: usize = 264;
/** Columns of op(B) in one packed block: with KC, 1 MiB. A multiple of NR. */
const NC: usize = 512;
/**
 * Elements up to which an operand that already lies in panels is read where it is: 16 KiB, half a first-level cache. The last
 * panel is read as wide as a tile, up to 40 bytes beyond its operand, into sums that nobody keeps: memory has that much to
 * spare at its end.
 */
const DIRECT: usize = 2048;

/**
 * The rows of op(A) are read where they lie, each by a pointer of its own, where there are few columns, or packing would weigh
 * less than the pointers, and enough terms, or setting them up would weigh more. Four rows of product and sum apart
 * feel the pointers more than six of both in one.
 */
const BY_ROWS_COLUMNS: usize = MR > LOW ? 128 : 32;
const BY_ROWS_TERMS: usize = 16;

/** Flags of gemm: op(X) is the transpose of X. */
const TRANSPOSE_A: i32 = 1;
const TRANSPOSE_B: i32 = 2;
/** Flag of gemm: C is written as max(., 0), as the kernel relu has it. */
const RECTIFY: i32 = 4;

/** Bytes of workspace that gemm writes: one block of A, then one of B. Each caller brings its own. */
export function gemmWorkspaceBytes(): usize {
  return (MC * KC + KC * NC) << 3;
}

/** Bytes of workspace of a thread, zeros at first: gemm's, and behind it the job whose op(B) gemmRange has packed there. */
export function gemmRangeWorkspaceBytes(): usize {
  return gemmWorkspaceBytes() + 64;
}

/** The most terms that gemmRange takes. */
export function gemmRangeTerms(): usize {
  return KC;
}

/** The most columns that it takes. */
export function gemmRangeColumns(): usize {
  return NC;
}

/** The height of a tile: threads divide the rows of C into multiples of it. */
export function gemmTileRows(): usize {
  return MR;
}

/**
 * C <- alpha * op(A) * op(B) + beta * S, where op(X) is X or its transpose.
 *
 *   op(A): m x k    op(B): k x n    S, C: m x n    row-major, ld in elements
 *
 * S is C itself (BLAS's gemm), or any matrix; lds = 0 repeats one row, which is how a layer adds its bias.
 * beta = 0 writes C without reading S. With RECTIFY what is written is max(c_ij, 0); a NaN stays.
 * C must not overlap A or B, nor S unless they are the same.
 *
 * The loops are numbered as in Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
 *
 * Order: c_ij starts at beta s_ij and takes (alpha a_ip) b_pj for p = 0, 1, ..., k - 1, one after the other.
 * (with one rounding each where the target fuses). Blocks over k continue that chain through C; tiles, tails and threads
 * never change it.
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
  if (m === 0 || n === 0) return;
  const transA = (flags & TRANSPOSE_A) !== 0;
  const transB = (flags & TRANSPOSE_B) !== 0;
  const rectify = (flags & RECTIFY) !== 0;
  const aStep = transA ? lda : 1;
  const bStep = transB ? 1 : ldb;
  // a row or a column leaves nothing to be used twice: the matrix is read once, as it lies
  let vector = true;
  if (m === 1 && !transB) rowProduct(n, k, alpha, a, aStep, b, ldb, beta, s, c);
  else if (n === 1 && !transA) columnProduct(m, k, alpha, a, lda, b, bStep, beta, s, lds, c, ldc);
  // the same products with their sides exchanged; alpha belongs to A, whose place they take
  else if (m === 1 && alpha === 1) columnProduct(n, k, 1, b, ldb, a, aStep, beta, s, 1, c, 1);
  else if (n === 1 && alpha === 1 && ldc === 1 && lds === 1) rowProduct(m, k, 1, b, bStep, a, lda, beta, s, c);
  else vector = false;
  if (vector) {
    if (rectify) rectifyVector(m, n, c, ldc);
    return;
  }
  const packedB = workspace + ((MC * KC) << 3);

  const blocks = (k + KC - 1) / KC;
  const most = blocks > 1 ? (k + blocks - 1) / blocks : KC;
  // loop 5: NC columns of C at a time
  for (let j: usize = 0; j < n; j += NC) {
    const nc = min<usize>(NC, n - j);
    // loop 4: at most KC terms of every sum at a time; at least once, for beta S alone where k is 0
    let p: usize = 0;
    do {
      const kc = min<usize>(most, k - p);
      const blockB = b + ((transB ? j * ldb + p : p * ldb + j) << 3);
      // rows of a small B are panels as they lie
      const inPlace = !transB && nc * kc <= DIRECT;
      if (!inPlace) gemmPack(flags, nc, kc, blockB, ldb, packedB);
      blockRows(
        transA,
        m,
        nc,
        kc,
        alpha,
        a + ((transA ? p * lda : p) << 3),
        lda,
        inPlace ? blockB : packedB,
        inPlace ? NR << 3 : (NR * kc) << 3,
        inPlace ? ldb << 3 : NR << 3,
        p === 0 ? beta : 1,
        (p === 0 ? s : c) + (j << 3),
        p === 0 ? lds : ldc,
        c + (j << 3),
        ldc,
        rectify && p + kc === k,
        workspace,
      );
      p += most;
    } while (p < k);
  }
}

/** C <- max(C, 0), a row or a column. */
function rectifyVector(m: usize, n: usize, c: usize, ldc: usize): void {
  if (ldc === n) relu(m * n, c, c);
  else for (let i: usize = 0; i < m; i++, c += ldc << 3) relu(n, c, c);
}

function gemmPack(flags: i32, nc: usize, kc: usize, b: usize, ldb: usize, packed: usize): void {
  Pack.panels((flags & TRANSPOSE_B) !== 0, nc, kc, NR, false, 1, b, ldb, packed);
}

/**
 * gemm for the rows of one range, of which threads take one after the other: loops 5 and 4 are the caller's, n is at most
 * NC and k at most KC. Each thread packs op(B) for itself, at its first range of a job: no thread waits for another's.
 * `job` is another number, not 0, for each gemm; the workspace is the thread's own. (Ranges of columns need nothing of
 * the kind: each packs its own columns of op(B), and gemm does.)
 */
export function gemmRange(
  job: u32,
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
  const packedB = workspace + ((MC * KC) << 3);
  const packedFor = workspace + gemmWorkspaceBytes();
  if (load<u32>(packedFor) !== job) {
    gemmPack(flags, n, k, b, ldb, packedB);
    store<u32>(packedFor, job);
  }
  const transA = (flags & TRANSPOSE_A) !== 0;
  blockRows(
    transA,
    m,
    n,
    k,
    alpha,
    a,
    lda,
    packedB,
    (NR * k) << 3,
    NR << 3,
    beta,
    s,
    lds,
    c,
    ldc,
    (flags & RECTIFY) !== 0,
    workspace,
  );
}

/** Loop 3: MC rows of C at a time, by panels of B that are bPanel bytes apart, with bStep bytes from term to term. */
function blockRows(
  transA: bool,
  m: usize,
  nc: usize,
  kc: usize,
  alpha: f64,
  a: usize,
  lda: usize,
  b: usize,
  bPanel: usize,
  bStep: usize,
  beta: f64,
  s: usize,
  lds: usize,
  c: usize,
  ldc: usize,
  rectify: bool,
  packedA: usize,
): void {
  // columns of a small A are panels as they lie
  const byRows = !transA && alpha === 1 && nc <= BY_ROWS_COLUMNS && kc >= BY_ROWS_TERMS;
  const inPlace = byRows || (transA && alpha === 1 && m * kc <= DIRECT);
  for (let i: usize = 0; i < m; i += MC) {
    const mc = min<usize>(MC, m - i);
    const tall = tallRows(mc);
    const low = mc - tall;
    let panelsA = a + ((transA ? i : i * lda) << 3);
    const lowA = panelsA + ((transA ? tall : tall * lda) << 3);
    let lowPanelsA = lowA;
    let tallPanel: usize = (byRows ? MR * lda : MR) << 3;
    let lowPanel: usize = (byRows ? LOW * lda : LOW) << 3;
    let tallStep = lda << 3;
    let lowStep = tallStep;
    if (!inPlace) {
      lowPanelsA = packedA + ((((tall + MR - 1) / MR) * MR * kc) << 3);
      Pack.panels(!transA, tall, kc, MR, true, alpha, panelsA, lda, packedA);
      packLow(!transA, low, kc, alpha, lowA, lda, lowPanelsA);
      panelsA = packedA;
      tallPanel *= kc;
      lowPanel *= kc;
      tallStep = MR << 3;
      lowStep = LOW << 3;
    }
    // loop 2: one panel of B at a time, which loop 1 finds in the first-level cache
    for (let j: usize = 0, panelB = b; j < nc; j += NR, panelB += bPanel) {
      const columns = min<usize>(NR, nc - j);
      const from = s + ((i * lds + j) << 3);
      const to = c + ((i * ldc + j) << 3);
      if (tall !== 0) {
        Tile.panel(
          false,
          byRows,
          tall,
          columns,
          kc,
          panelsA,
          tallPanel,
          tallStep,
          panelB,
          bStep,
          beta,
          from,
          lds,
          to,
          ldc,
          rectify,
        );
      }
      if (low !== 0) {
        const lowFrom = from + ((tall * lds) << 3);
        const lowTo = to + ((tall * ldc) << 3);
        Tile.panel(
          true,
          byRows,
          low,
          columns,
          kc,
          lowPanelsA,
          lowPanel,
          lowStep,
          panelB,
          bStep,
          beta,
          lowFrom,
          lds,
          lowTo,
          ldc,
          rectify,
        );
      }
    }
  }
}

/** Panels for the low tiles. */
function packLow(alongDepth: bool, rows: usize, kc: usize, alpha: f64, a: usize, lda: usize, packed: usize): void {
  if (MR > LOW && rows !== 0) Pack.panels(alongDepth, rows, kc, LOW, true, alpha, a, lda, packed);
}
