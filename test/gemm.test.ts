import { afterAll, describe, expect, it } from "vitest";
import type { Backend, MatmulOptions } from "../src/backend/backend";
import type { Matrix } from "../src/backend/matrix";
import { loadBackend, OutOfMemoryError } from "../src/index";
import {
  bitMismatch,
  generator,
  integers,
  matmul,
  matmulExcess,
  mismatch,
  type Product,
  transpose,
  uniform,
} from "./oracle";
import { disposedAfterEach } from "./support";
import { guardedMatrix, onEveryVariant, variants } from "./variants";

/** Around the register tiles (3, 4 or 6 rows, 2 or 4 columns), lanes and powers of two. */
const sizes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 129];
/** One of each kind: none, less than a tile, a whole one, several and a rest. */
const edges = [0, 1, 2, 3, 4, 5, 7, 12, 13];
const factors = [0, 1, -1, 3];
const scales = factors.flatMap((alpha) => factors.map((beta) => ({ alpha, beta })));
const transposes = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

interface Operand {
  plain: Matrix;
  transposed: Matrix;
}

/** A rows x columns operand, and what to hand in so that its transpose is meant. */
function operand(backend: Backend, rows: number, columns: number, values: Float64Array): Operand {
  return {
    plain: backend.matrix(rows, columns, values),
    transposed: backend.matrix(columns, rows, transpose(rows, columns, values)),
  };
}

function disposeOperand({ plain, transposed }: Operand): void {
  plain.dispose();
  transposed.dispose();
}

function multiply(backend: Backend, a: Operand, b: Operand, options: MatmulOptions): Matrix {
  const { transposeA, transposeB } = options;
  return backend.matmul(transposeA ? a.transposed : a.plain, transposeB ? b.transposed : b.plain, options);
}

const known = new Map<string, Float64Array>();

/** The same random numbers for a size, whichever test asks; small enough whole numbers for every sum to be exact. */
function operandValues(rows: number, columns: number, seed: number): Float64Array {
  const key = `${rows}x${columns}, ${seed}`;
  const values = known.get(key) ?? integers(generator(1000 * rows + columns + seed), rows * columns, 50);
  known.set(key, values);
  return values;
}

const plain = { transposeA: false, transposeB: false };
const [A, B, C] = [1e6, 2e6, 3e6];

onEveryVariant("matmul", (context) => {
  /** All transposes of one product into guarded memory that holds c, or NaN where beta 0 must not read it. */
  function check(m: number, n: number, k: number, pairs: readonly { alpha: number; beta: number }[]): void {
    const { backend } = context;
    const [av, bv, cv] = [operandValues(m, k, A), operandValues(k, n, B), operandValues(m, n, C)];
    const [a, b] = [operand(backend, m, k, av), operand(backend, k, n, bv)];
    const out = guardedMatrix(backend, m, n);
    for (const { alpha, beta } of pairs) {
      const expected = matmul({ m, n, k, ...plain, alpha, beta }, av, bv, cv);
      for (const sides of transposes) {
        const where = () => `${m}x${k} by ${k}x${n}, ${JSON.stringify({ ...sides, alpha, beta })}`;
        if (beta === 0) out.matrix.values.fill(Number.NaN);
        else out.matrix.values.set(cv);
        const result = multiply(backend, a, b, { ...sides, alpha, beta, out: out.matrix });
        if (result !== out.matrix) throw new Error(`${where()}: out was not returned`);
        const wrong = mismatch(out.matrix.values, expected, 0);
        if (wrong !== undefined) throw new Error(`${where()}: ${wrong}`);
        if (!out.intact()) throw new Error(`${where()}: something beside out was written`);
      }
    }
    expect(bitMismatch(a.plain.values, av) ?? bitMismatch(b.plain.values, bv)).toBeUndefined();
    disposeOperand(a);
    disposeOperand(b);
    out.dispose();
  }

  it.each(sizes)("is exact on whole numbers, m = %i, all n and k, all transposes", (m) => {
    let next = m;
    for (const n of sizes) {
      for (const k of sizes) check(m, n, k, [scales[next++ % scales.length] as (typeof scales)[number]]);
    }
  });

  it("is exact for every alpha and beta at every kind of edge", () => {
    for (const m of edges) {
      for (const n of edges) for (const k of [0, 1, 2, 5]) check(m, n, k, scales);
    }
  });

  it.each([
    [96, 512, 256],
    [97, 513, 257],
    [95, 511, 255],
    [100, 530, 600],
    [193, 9, 1025],
    [5, 1030, 513],
    [1, 1, 2049],
  ])("is exact around the cache blocks: m = %i, n = %i, k = %i", (m, n, k) => {
    check(m, n, k, [
      { alpha: 1, beta: 0 },
      { alpha: -1, beta: 3 },
    ]);
  });

  it("makes a new matrix where no out is given, alpha 1 and beta 0", () => {
    const { backend } = context;
    const a = backend.matrix(2, 3, [1, 2, 3, 4, 5, 6]);
    const b = backend.matrix(3, 2, [7, 8, 9, 10, 11, 12]);
    const c = backend.matmul(a, b);
    expect([c.rows, c.cols, ...c.values]).toEqual([2, 2, 58, 64, 139, 154]);
    const square = backend.matmul(a, a, { transposeB: true });
    expect([...square.values]).toEqual([14, 32, 32, 77]);
    for (const matrix of [a, b, c, square]) matrix.dispose();
  });

  it("gives beta C where the inner size is 0, and zeros without beta", () => {
    const { backend } = context;
    const [a, b] = [backend.matrix(5, 0), backend.matrix(0, 7)];
    const c = backend.matrix(5, 7, new Array(35).fill(2));
    backend.matmul(a, b, { beta: 1.5, out: c });
    expect([...c.values]).toEqual(new Array(35).fill(3));
    c.values.fill(Number.NaN);
    backend.matmul(a, b, { out: c });
    expect([...c.values]).toEqual(new Array(35).fill(0));
    for (const matrix of [a, b, c]) matrix.dispose();
  });

  it.each([Number.NaN, Infinity, -Infinity])(
    "shows a %d wherever it stands in A or B, in its row or column alone",
    (bad) => {
      const { backend } = context;
      const [m, n, k] = [7, 9, 5];
      // zeros too, since 0 times NaN or infinity is NaN
      const [av, bv] = [operandValues(m, k, A).slice().fill(0, 0, k), operandValues(k, n, B)];
      for (const sides of transposes) {
        for (let at = 0; at < (m + n) * k; at++) {
          const [left, right] = [av.slice(), bv.slice()];
          if (at < m * k) left[at] = bad;
          else right[at - m * k] = bad;
          const [a, b] = [operand(backend, m, k, left), operand(backend, k, n, right)];
          const c = multiply(backend, a, b, sides);
          const expected = matmul({ m, n, k, ...plain, alpha: 1, beta: 0 }, left, right, []);
          expect(mismatch(c.values, expected, 0)).toBeUndefined();
          expect(c.values.filter((value) => !Number.isFinite(value)).length).toBe(at < m * k ? n : m);
          c.dispose();
          disposeOperand(a);
          disposeOperand(b);
        }
      }
    },
  );

  it("is not disturbed by what an earlier product left in the workspace", () => {
    const { backend } = context;
    const [m, n, k] = [99, 515, 258];
    const a = backend.matrix(m, k, new Float64Array(m * k).fill(Number.NaN));
    const b = backend.matrix(k, n, new Float64Array(k * n).fill(Number.NaN));
    const c = backend.matmul(a, b);
    expect(c.values.every(Number.isNaN)).toBe(true);
    for (const matrix of [a, b, c]) matrix.dispose();
    for (const size of [1, 2, 3, 5, 7, 13]) check(size, size, size, scales);
  });

  it("stays within its bound, (k + 2) u (|alpha| sum |a| |b| + |beta c|)", () => {
    const { backend } = context;
    const random = generator(7);
    for (const [m, n, k] of [
      [1, 1, 3],
      [5, 6, 17],
      [17, 33, 300],
      [40, 23, 64],
    ] as const) {
      // of very different sizes, so that sums cancel
      const wide = (length: number) => uniform(random, length).map((x) => x * 2 ** Math.floor(20 * random()));
      const cv = wide(m * n);
      // each row of A a thousand times the one before, and each column of B a thousandth
      const graded = [
        wide(m * k).map((x, e) => x * 1e3 ** Math.min(30, Math.floor(e / k))),
        wide(k * n).map((x, e) => x * 1e-3 ** (e % n)),
      ] as const;
      // Hilbert's matrix and one with alternating signs: all that is left of a sum is its last digits
      const hilbert = Float64Array.from({ length: m * k }, (_, e) => 1 / (Math.floor(e / k) + (e % k) + 1));
      const signs = Float64Array.from(
        { length: k * n },
        (_, e) => (-1) ** Math.floor(e / n) * (1 + (e % n) * 2 ** -40),
      );
      for (const [av, bv] of [[wide(m * k), wide(k * n)], graded, [hilbert, signs]] as const) {
        const [a, b] = [operand(backend, m, k, av), operand(backend, k, n, bv)];
        for (const sides of transposes) {
          for (const [alpha, beta] of [
            [1, 0],
            [0.7, -1.3],
            [-1 / 3, 1e5],
          ] as const) {
            const out = backend.matrix(m, n, cv);
            multiply(backend, a, b, { ...sides, alpha, beta, out });
            expect(matmulExcess({ m, n, k, ...plain, alpha, beta }, av, bv, cv, out.values)).toBeLessThanOrEqual(1);
            out.dispose();
          }
        }
        disposeOperand(a);
        disposeOperand(b);
      }
    }
  });

  it("rectifies what it writes, at the end of every sum, and nothing beside", () => {
    const { backend } = context;
    const { kernels, workspace } = backend.engine;
    const rectify = 4;
    for (const [m, n, k] of [
      [1, 1, 3],
      [1, 9, 5],
      [9, 1, 5],
      [7, 5, 0],
      [13, 11, 4],
      [33, 17, 20],
      [20, 30, 600],
      [100, 515, 270],
    ] as const) {
      const [av, bv, sv] = [operandValues(m, k, A), operandValues(k, n, B), operandValues(1, n, C)];
      const [a, b] = [operand(backend, m, k, av), operand(backend, k, n, bv)];
      const s = backend.matrix(1, n, sv);
      const bias = Float64Array.from({ length: m * n }, (_, e) => sv[e % n] as number);
      const sums = matmul({ m, n, k, ...plain, alpha: 1, beta: 1 }, av, bv, bias);
      for (const ldc of [n, n + 3]) {
        const expected = new Float64Array(m * ldc).fill(-7);
        sums.forEach((sum, e) => {
          expected[Math.floor(e / n) * ldc + (e % n)] = sum > 0 ? sum : 0;
        });
        for (const { transposeA, transposeB } of transposes) {
          const out = guardedMatrix(backend, m, ldc);
          out.matrix.values.fill(-7);
          const left = transposeA ? a.transposed : a.plain;
          const right = transposeB ? b.transposed : b.plain;
          kernels.gemm(
            rectify + (transposeA ? 1 : 0) + (transposeB ? 2 : 0),
            ...([m, n, k, 1, left.pointer("test"), left.cols, right.pointer("test"), right.cols] as const),
            ...([1, s.pointer("test"), 0, out.matrix.pointer("test"), ldc, workspace] as const),
          );
          const wrong = mismatch(out.matrix.values, expected, 0);
          if (wrong !== undefined) throw new Error(`${m}x${k} by ${k}x${n}, ldc ${ldc}: ${wrong}`);
          expect(out.intact()).toBe(true);
          out.dispose();
        }
      }
      disposeOperand(a);
      disposeOperand(b);
      s.dispose();
    }
  });

  it("rectifies a NaN to a NaN", () => {
    const { backend } = context;
    const { kernels, workspace } = backend.engine;
    for (const [m, n] of [
      [1, 5],
      [5, 1],
      [7, 9],
    ] as const) {
      const a = backend.matrix(m, 2, new Float64Array(2 * m).fill(-1));
      const b = backend.matrix(2, n, new Float64Array(2 * n).fill(Number.NaN));
      const c = backend.matrix(m, n);
      const [from, by, to] = [a.pointer("test"), b.pointer("test"), c.pointer("test")];
      kernels.gemm(4, m, n, 2, 1, from, 2, by, n, 0, to, n, to, n, workspace);
      expect(c.values.every(Number.isNaN), `${m}x${n}`).toBe(true);
      for (const matrix of [a, b, c]) matrix.dispose();
    }
  });

  // an address beyond the memory is a trap in WebAssembly alone
  if (context.variant !== "js") {
    it("reads no row of A that is not there", async () => {
      // two rows of 8 MiB at the end of a memory that has no room for a third
      const k = 2 ** 20;
      const backend = await loadBackend({
        variant: context.variant,
        threads: 1,
        memory: { maximumBytes: 40 * 2 ** 20 },
      });
      const b = backend.matrix(k, 2, new Float64Array(2 * k).fill(2));
      const a = backend.matrix(2, k, new Float64Array(2 * k).fill(0.5));
      expect([...backend.matmul(a, b).values]).toEqual([k, k, k, k]);
      backend.dispose();
    });
  }

  it("gives an element the same bits wherever it stands", () => {
    const { backend } = context;
    const [m, n, k] = [13, 11, 517];
    const random = generator(8);
    const [av, bv, cv] = [uniform(random, m * k), uniform(random, k * n), uniform(random, m * n)];
    const [a, b] = [operand(backend, m, k, av), operand(backend, k, n, bv)];
    const scale = { alpha: 0.7, beta: -1.3 };
    const whole = backend.matrix(m, n, cv);
    multiply(backend, a, b, { ...scale, out: whole });
    for (const sides of transposes) {
      const again = backend.matrix(m, n, cv);
      multiply(backend, a, b, { ...sides, ...scale, out: again });
      expect(bitMismatch(again.values, whole.values)).toBeUndefined();
      again.dispose();
    }
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const row = backend.matrix(1, k, av.subarray(i * k, (i + 1) * k));
        const column = backend.matrix(
          k,
          1,
          bv.filter((_, at) => at % n === j),
        );
        const one = backend.matrix(1, 1, cv.subarray(i * n + j, i * n + j + 1));
        backend.matmul(row, column, { ...scale, out: one });
        expect(one.values[0]).toBe(whole.values[i * n + j]);
        for (const matrix of [row, column, one]) matrix.dispose();
      }
    }
    whole.dispose();
    disposeOperand(a);
    disposeOperand(b);
  });

  // relaxed may fuse each product into its sum: another chain
  it.runIf(context.variant !== "relaxed")("is one chain: beta c, then (alpha a) b for p ascending, bit for bit", () => {
    const { backend } = context;
    const random = generator(9);
    const cases: Pick<Product, "m" | "n" | "k">[] = [
      { m: 1, n: 1, k: 1 },
      { m: 6, n: 8, k: 9 },
      { m: 13, n: 11, k: 33 },
      { m: 98, n: 21, k: 600 },
      { m: 5, n: 520, k: 259 },
    ];
    for (const { m, n, k } of cases) {
      const [av, bv, cv] = [uniform(random, m * k), uniform(random, k * n), uniform(random, m * n)];
      const [a, b] = [operand(backend, m, k, av), operand(backend, k, n, bv)];
      for (const [alpha, beta] of [
        [1, 0],
        [1, 1],
        [0.7, -1.3],
        [-0.1, 0],
        [0, 0.3],
      ] as const) {
        const expected = matmul({ m, n, k, ...plain, alpha, beta }, av, bv, cv);
        for (const sides of transposes) {
          const out = backend.matrix(m, n, cv);
          multiply(backend, a, b, { ...sides, alpha, beta, out });
          expect(bitMismatch(out.values, expected)).toBeUndefined();
          out.dispose();
        }
      }
      disposeOperand(a);
      disposeOperand(b);
    }
  });

  afterAll(() => {
    expect(context.backend.memory().matrices, "matrices left over").toBe(0);
  });
});

describe("matmul at the end of memory", () => {
  const load = disposedAfterEach();

  it.each(variants)("reads no further than memory goes (%s)", async (variant) => {
    const backend = await load({ variant, threads: 1, memory: { maximumBytes: 2 ** 21 } });
    const rows: Matrix[] = [];
    expect(() => {
      for (;;) rows.push(backend.matrix(1, 8));
    }).toThrow(OutOfMemoryError);
    rows.sort((a, b) => a.pointer("test") - b.pointer("test"));
    // room for the other operand and the result at the beginning, and for three rows' worth at the very end
    for (const row of [...rows.slice(0, 8), ...rows.slice(-3)]) row.dispose();
    const other = backend.matrix(8, 4, new Float64Array(32).fill(1));
    const out = { ab: backend.matrix(4, 3), ba: backend.matrix(3, 4) };
    const last = backend.matrix(8, 3, new Float64Array(24).fill(1));
    expect(last.pointer("test")).toBeGreaterThan(other.pointer("test") + 2 ** 19);
    backend.matmul(other, last, { transposeA: true, out: out.ab });
    backend.matmul(last, other, { transposeA: true, out: out.ba });
    expect([...out.ab.values, ...out.ba.values]).toEqual(Array(24).fill(8));
  });
});
