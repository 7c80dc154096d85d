/** A backend's memory, and what dispose ends. */
import { describe, expect, it } from "vitest";
import { ArgumentError, createNetwork, DisposedError, dense, OutOfMemoryError } from "../src/index";
import { bitMismatch, generator, matmul, uniform } from "./oracle";
import { disposedAfterEach, expectToWork } from "./support";
import { onEveryVariant, variants } from "./variants";

const MIB = 2 ** 20;
/** Numbers in a MiB. */
const PIECE = MIB / 8;

const load = disposedAfterEach();

describe.each(variants)("memory of %s", (variant) => {
  it("starts as large as asked, and stays below its maximum", async () => {
    const backend = await load({ variant, memory: { initialBytes: 20 * MIB, maximumBytes: 48 * MIB } });
    expect(backend.memory().reservedBytes).toBeGreaterThanOrEqual(20 * MIB);
    expect(() => {
      for (;;) backend.matrix(1, PIECE);
    }).toThrow(OutOfMemoryError);
    expect(backend.memory().reservedBytes).toBeLessThanOrEqual(48 * MIB);
    expect(backend.memory().usedBytes).toBeGreaterThan(0.9 * 48 * MIB);
  });

  it.each([40 * MIB, 3_000_000])("may be taken whole at the start: %i bytes", async (bytes) => {
    expectToWork(await load({ variant, memory: { initialBytes: bytes, maximumBytes: bytes } }));
  });

  it("works in the least that is accepted, and refuses less", async () => {
    const least = 2 * MIB;
    expectToWork(await load({ variant, memory: { maximumBytes: least } }));
    await expect(load({ variant, memory: { maximumBytes: least - 1 } })).rejects.toThrow(ArgumentError);
    await expect(load({ variant, memory: { initialBytes: 8 * MIB, maximumBytes: 4 * MIB } })).rejects.toThrow(
      ArgumentError,
    );
  });

  it("at its end throws OutOfMemoryError, keeps nothing, and serves again after a dispose", async () => {
    const backend = await load({ variant, memory: { maximumBytes: 32 * MIB } });
    const z = backend.matrix(1, PIECE);
    const dy = backend.matrix(1, PIECE);
    const pieces = [];
    try {
      for (;;) pieces.push(backend.matrix(1, PIECE));
    } catch (error) {
      expect(error).toBeInstanceOf(OutOfMemoryError);
      expect(String(error)).toMatch(/^OutOfMemoryError: matrix: 1048576 bytes .* \d+ in use/);
    }
    const full = backend.memory();
    const row = backend.matrix(1, 1);
    const tasks: [string, () => unknown][] = [
      ["matrix", () => backend.matrix(1, PIECE)],
      ["matrix of values", () => backend.matrix(2, PIECE / 2, new Float64Array(PIECE))],
      ["matmul", () => backend.matmul(row, z)],
      ["transpose", () => backend.transpose(z)],
      ["exp", () => backend.exp(z)],
      ["activation", () => backend.activation("softmax", z)],
      ["activationGradient", () => backend.activationGradient("softmax", z, dy)],
      ["loss", () => backend.loss("sumOfSquares", z, dy)],
    ];
    const used = backend.memory();
    for (const [name, task] of tasks) {
      expect(task, name).toThrow(OutOfMemoryError);
      expect(backend.memory(), name).toEqual(used);
    }
    // room for the result, but not for what it is computed with
    pieces.pop()?.dispose();
    const oneFree = backend.memory();
    for (const [name, task] of tasks.slice(6)) {
      expect(task, name).toThrow(OutOfMemoryError);
      expect(backend.memory(), name).toEqual(oneFree);
    }
    for (const [, task] of tasks.slice(0, 6)) {
      (task() as { dispose(): void }).dispose();
      expect(backend.memory()).toEqual(oneFree);
    }
    row.dispose();
    expectToWork(backend);
    expect(full.usedBytes - backend.memory().usedBytes).toBe(MIB);
  });

  it("refuses sizes beyond all memory", async () => {
    const backend = await load({ variant });
    const before = backend.memory();
    for (const [rows, cols] of [
      [1e5, 1e5],
      [2 ** 40, 2 ** 40],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ] as const) {
      expect(() => backend.matrix(rows, cols)).toThrow(OutOfMemoryError);
    }
    expect(backend.memory()).toEqual(before);
    expectToWork(backend);
  });

  it("grows under views that stay alive, right and the same", async () => {
    const backend = await load({ variant });
    const random = generator(2);
    const early = Array.from({ length: 20 }, (_, i) => {
      const values = uniform(random, 7 * i);
      const matrix = backend.matrix(i, 7, values);
      return { matrix, values, view: matrix.values };
    });
    const a = uniform(random, 50 * 60);
    const b = uniform(random, 60 * 40);
    const [left, right] = [backend.matrix(50, 60, a), backend.matrix(60, 40, b)];
    // 200 MB, in pieces that are written from end to end
    const pieces = Array.from({ length: 25 }, (_, i) => {
      const piece = backend.matrix(1000, 1000);
      expect(piece.values[0]).toBe(0);
      piece.values.fill(i + 1);
      return piece;
    });
    expect(backend.memory().reservedBytes).toBeGreaterThan(200e6);
    for (const { matrix, values, view } of early) {
      expect(matrix.values).toBe(view);
      expect(view.length).toBe(values.length);
      expect(bitMismatch(view, values)).toBeUndefined();
    }
    pieces.forEach((piece, i) => {
      expect([piece.values[0], piece.values[999_999]]).toEqual([i + 1, i + 1]);
    });
    // what is written through an early view, kernels read
    const { view, matrix } = early[3] as (typeof early)[number];
    view.fill(0);
    expect([...backend.exp(matrix).values]).toEqual(new Array(21).fill(1));
    const whole = { m: 50, n: 40, k: 60, transposeA: false, transposeB: false, alpha: 1, beta: 0 };
    const c = backend.matmul(left, right).values;
    if (variant !== "relaxed") expect(bitMismatch(c, matmul(whole, a, b, []))).toBeUndefined();
  });

  it("is used again: making and disposing for ever takes no more", async () => {
    const backend = await load({ variant });
    const random = generator(3);
    const before = backend.memory();
    let reserved = 0;
    for (let round = 0; round < 30; round++) {
      const sizes = Array.from({ length: 40 }, () => Math.floor(20000 * random()));
      const matrices = sizes.map((size) => backend.matrix(1, size));
      // in another order than they came
      for (const matrix of matrices.filter((_, i) => i % 2 === 0)) matrix.dispose();
      for (const matrix of matrices.filter((_, i) => i % 2 === 1)) matrix.dispose();
      expect(backend.memory().usedBytes).toBe(before.usedBytes);
      if (round === 9) reserved = backend.memory().reservedBytes;
    }
    // 40 x 20000 numbers are the most that ever live
    expect(backend.memory().reservedBytes).toBeLessThanOrEqual(Math.max(reserved, 2 * 40 * 20000 * 8));
  });

  it("joins what is given back, in whatever order", async () => {
    const backend = await load({ variant });
    const random = generator(4);
    const orders = [
      (i: number) => i,
      (i: number) => -i,
      (i: number) => i % 2,
      (i: number) => (i + 1) % 2,
      () => random(),
      () => random(),
    ];
    for (const order of orders) {
      const pieces = Array.from({ length: 10 }, (_, i) => ({ piece: backend.matrix(1, PIECE), at: order(i) }));
      const { reservedBytes } = backend.memory();
      for (const { piece } of pieces.sort((a, b) => a.at - b.at)) piece.dispose();
      const whole = backend.matrix(10, PIECE);
      expect(backend.memory().reservedBytes).toBe(reservedBytes);
      whole.dispose();
    }
  });

  it("hands out zeros, also where something was", async () => {
    const backend = await load({ variant });
    for (let round = 0; round < 3; round++) {
      const matrix = backend.matrix(100, 100);
      expect(matrix.values.every((value) => Object.is(value, 0))).toBe(true);
      matrix.values.fill(Number.NaN);
      matrix.dispose();
    }
  });

  it("is counted: bytes, matrices, networks", async () => {
    const backend = await load({ variant });
    const before = backend.memory();
    expect([before.matrices, before.networks]).toEqual([0, 0]);
    const a = backend.matrix(10, 10);
    const b = backend.exp(a);
    const { value, gradient } = backend.loss("huber", a, b);
    expect(value).toBe(0.5);
    const three = backend.memory();
    expect([three.matrices, three.networks]).toEqual([3, 0]);
    expect(three.usedBytes - before.usedBytes).toBeGreaterThanOrEqual(3 * 800);
    expect(three.usedBytes).toBeLessThanOrEqual(three.reservedBytes);
    const network = await createNetwork({ inputs: 3, layers: [dense(2)], backend });
    expect([backend.memory().matrices, backend.memory().networks]).toEqual([3, 1]);
    network.dispose();
    for (const matrix of [a, b, gradient]) matrix.dispose();
    expect(backend.memory()).toEqual({ ...before, reservedBytes: backend.memory().reservedBytes });
  });
});

onEveryVariant("dispose", (context) => {
  it("of a matrix twice is fine, use after it a DisposedError", () => {
    const { backend } = context;
    const [a, b] = [backend.matrix(2, 2), backend.matrix(2, 2)];
    a.dispose();
    const once = backend.memory();
    a.dispose();
    expect(backend.memory()).toEqual(once);
    expect([a.rows, a.cols]).toEqual([2, 2]);
    for (const use of [
      () => a.values,
      () => backend.exp(a),
      () => backend.exp(b, { out: a }),
      () => backend.matmul(b, a),
      () => backend.transpose(a),
      () => backend.activation("relu", a),
      () => backend.activationGradient("relu", b, a),
      () => backend.loss("huber", b, a),
      () => backend.matrix(2, 2, a),
    ]) {
      expect(use).toThrow(DisposedError);
    }
    expect(backend.memory()).toEqual(once);
    // its block may be another's by now
    const c = backend.matrix(2, 2, [1, 2, 3, 4]);
    a.dispose();
    expect([...c.values]).toEqual([1, 2, 3, 4]);
    b.dispose();
    c.dispose();
  });

  it("of a backend twice is fine, use of it or its matrices a DisposedError", async () => {
    const backend = await load({ variant: context.variant });
    const a = backend.matrix(2, 2);
    const network = await createNetwork({ inputs: 2, layers: [dense(2)], backend });
    backend.dispose();
    backend.dispose();
    for (const use of [
      () => backend.matrix(1, 1),
      () => backend.exp(a),
      () => backend.matmul(a, a),
      () => backend.memory(),
      () => a.values,
      () => network.predict([1, 2]),
    ]) {
      expect(use).toThrow(DisposedError);
    }
    await expect(createNetwork({ inputs: 2, layers: [dense(2)], backend })).rejects.toThrow(DisposedError);
    // these have gone with it
    a.dispose();
    network.dispose();
  });

  it("of a backend frees all that lives on it", async () => {
    const backend = await load({ variant: context.variant });
    backend.exp(backend.matrix(20, 20));
    const network = await createNetwork({ inputs: 2, layers: [dense(2)], backend });
    network.forward([1, 2]);
    backend.dispose();
    expect(backend.engine.arena.usedBytes).toBe(0);
  });

  it("is what `using` calls, of backends and of matrices", async () => {
    const backend = await load({ variant: context.variant });
    const before = backend.memory();
    const a = backend.matrix(2, 2);
    a[Symbol.dispose]();
    expect(() => a.values).toThrow(DisposedError);
    {
      using b = backend.matrix(2, 2);
      expect(b.values.length).toBe(4);
      expect(backend.memory().matrices).toBe(1);
    }
    expect(backend.memory()).toEqual(before);
    backend[Symbol.dispose]();
    expect(() => backend.memory()).toThrow(DisposedError);
  });

  it("of one backend leaves another alone", async () => {
    const { backend } = context;
    const other = await load({ variant: context.variant });
    const mine = backend.matrix(2, 2, [1, 2, 3, 4]);
    other.matrix(2, 2, [5, 6, 7, 8]);
    other.dispose();
    expect([...mine.values]).toEqual([1, 2, 3, 4]);
    expectToWork(backend);
    mine.dispose();
  });

  it("is not confused by matrices of another backend", async () => {
    const { backend } = context;
    const other = await load({ variant: "js" });
    const [mine, theirs] = [backend.matrix(2, 2), other.matrix(2, 2)];
    const before = backend.memory();
    for (const use of [
      () => backend.matmul(mine, theirs),
      () => backend.matmul(theirs, mine),
      () => backend.matmul(mine, mine, { out: theirs }),
      () => backend.exp(theirs),
      () => backend.exp(mine, { out: theirs }),
      () => backend.transpose(theirs),
      () => backend.activation("tanh", theirs),
      () => backend.activationGradient("tanh", mine, theirs),
      () => backend.loss("huber", theirs, mine),
      () => backend.loss("huber", mine, theirs),
      () => backend.matrix(2, 2, theirs),
    ]) {
      expect(use).toThrow(ArgumentError);
      expect(use).toThrow("another backend (js)");
    }
    expect(backend.memory()).toEqual(before);
    mine.dispose();
  });
});
