import { type ActivationName, activate, activationNames, backwardFromPreActivation } from "../activations";
import { disposeSymbol } from "../disposable";
import { ArgumentError, checkBoolean, checkName, checkOptions, checkWhole, ShapeError, shown } from "../errors";
import { type LossName, lossGradient, lossNames, lossOf, sumLosses } from "../losses";
import { checkBackend, flatten, isFlat, type Numbers } from "../numbers";
import { type Targets, writeTargets } from "../targets";
import { Scope } from "./arena";
import { type Engine, TRANSPOSE_A, TRANSPOSE_B } from "./engine";
import type { Loaded, Variant } from "./instantiate";
import type { UnaryKernel } from "./kernels";
import { Matrix } from "./matrix";

export interface MatmulOptions extends OutOption {
  /** op(A) is A transposed. Default false. */
  transposeA?: boolean | undefined;
  /** op(B) is B transposed. Default false. */
  transposeB?: boolean | undefined;
  /** Default 1. A and B are read where it is 0, too: a NaN among them shows. */
  alpha?: number | undefined;
  /** Default 0, which does not read C. */
  beta?: number | undefined;
}

export interface OutOption {
  /** Where the result goes, and what is returned. Default: a new Matrix. */
  out?: Matrix;
}

export interface MemoryUse {
  /** Bytes of linear memory in use: matrices, networks with their trainers, and the backend's own workspace. */
  usedBytes: number;
  /** Bytes of linear memory taken from the system so far; they are used again, never given back. */
  reservedBytes: number;
  matrices: number;
  networks: number;
}

/**
 * The numerics library over one linear memory, and what networks compute with. Made by `loadBackend`.
 * Every operation returns `out`, or a new Matrix that the caller disposes. It accepts any float, NaN and infinity too.
 */
export class Backend implements Disposable {
  /** The variant that was taken. */
  readonly variant: Variant;
  /**
   * Why something faster was not taken, or bits are this engine's own, as sentences that say what to do. A worker that fails while it starts adds one when
   * it does, which may be after `loadBackend`.
   */
  readonly warnings: readonly string[];
  /** @internal */
  readonly engine: Engine;
  /** @internal */
  readonly origin: Loaded["origin"];
  /** @internal The blocks of each network on this backend. */
  readonly networks = new Set<Scope>();
  /** The blocks of its matrices. */
  readonly #scope: Scope;
  #matrices = 0;

  /** @internal */
  constructor({ engine, variant, warnings, origin }: Loaded) {
    this.origin = origin;
    this.engine = engine;
    this.variant = variant;
    this.warnings = warnings;
    this.#scope = new Scope(engine.arena);
  }

  /** Threads that compute, or join as soon as they are up; 1 is the caller alone. */
  get threads(): number {
    return this.engine.threads;
  }

  /** A rows x cols matrix of `values`, or of zeros. Throws ArgumentError, ShapeError, OutOfMemoryError. */
  matrix(rows: number, cols: number, values?: Numbers): Matrix {
    this.#check("matrix");
    checkWhole("matrix: rows", rows, 0);
    checkWhole("matrix: cols", cols, 0);
    // an empty matrix costs no memory, but its other side is still a loop bound
    if (rows * cols === 0) checkWhole("matrix: rows + cols of an empty matrix", rows + cols, 0, 2 ** 29);
    if (values === undefined) return this.#create("matrix", rows, cols);
    const short = isFlat(values) && values.length !== rows * cols;
    const flat = short ? values : flatten("matrix: values", values, cols, this);
    if (flat.length !== rows * cols) {
      throw new ShapeError(
        `matrix: ${flat.length} values were given, ${rows} x ${cols} = ${rows * cols} were expected`,
      );
    }
    const matrix = this.#create("matrix", rows, cols);
    matrix.values.set(flat);
    return matrix;
  }

  /**
   * C <- alpha op(A) op(B) + beta C, op(X) being X or its transpose; C is `out`, or a new m x n Matrix of zeros.
   *
   *   op(A): m x k    op(B): k x n    C: m x n, neither A nor B
   *
   * c_ij is one chain of additions from beta c_ij, ascending over k; beta 0 does not read C.
   * |error| <= (k + 2) u (|alpha| sum |a| |b| + |beta c|), u = 2^-53. Throws ShapeError where sizes do not fit.
   */
  matmul(a: Matrix, b: Matrix, options: MatmulOptions = {}): Matrix {
    const where = "matmul";
    checkOptions(where, options, ["transposeA", "transposeB", "alpha", "beta", "out"]);
    const { transposeA = false, transposeB = false, alpha = 1, beta = 0, out } = options;
    this.#check(where, [a, b], out);
    checkBoolean(`${where}: transposeA`, transposeA);
    checkBoolean(`${where}: transposeB`, transposeB);
    if (typeof alpha !== "number" || typeof beta !== "number") {
      throw new ArgumentError(
        `${where}: alpha ${shown(alpha)} and beta ${shown(beta)} were given, numbers were expected`,
      );
    }
    const [m, k] = transposeA ? [a.cols, a.rows] : [a.rows, a.cols];
    const [kB, n] = transposeB ? [b.cols, b.rows] : [b.rows, b.cols];
    if (k !== kB) {
      throw new ShapeError(`${where}: op(A) is ${m}x${k} but op(B) is ${kB}x${n}; the inner sizes must match`);
    }
    if (out !== undefined && (out === a || out === b)) {
      throw new ArgumentError(`${where}: out is ${out === a ? "A" : "B"} itself, a matrix apart was expected`);
    }
    const c = this.#result(where, m, n, out);
    const flags = (transposeA ? TRANSPOSE_A : 0) | (transposeB ? TRANSPOSE_B : 0);
    const to = c.pointer(where);
    this.engine.gemm(flags, m, n, k, alpha, a.pointer(where), b.pointer(where), beta, to, n, to);
    return c;
  }

  /** The transpose of a rows x cols matrix, cols x rows; `out` must not be `a`. */
  transpose(a: Matrix, options: OutOption = {}): Matrix {
    const where = "transpose";
    const out = this.#checkOut(where, [a], options);
    if (out === a) throw new ArgumentError(`${where}: out is the input itself, a matrix apart was expected`);
    const result = this.#result(where, a.cols, a.rows, out);
    this.engine.kernels.transpose(a.rows, a.cols, a.pointer(where), result.pointer(where));
    return result;
  }

  /** f(z), elementwise; softmax by rows. `out` may be z. */
  activation(name: ActivationName, z: Matrix, options: OutOption = {}): Matrix {
    const where = "activation";
    checkName(where, name, activationNames);
    const out = this.#checkOut(where, [z], options);
    const y = this.#result(where, z.rows, z.cols, out);
    activate(this.engine, name, z.rows, z.cols, z.pointer(where), y.pointer(where));
    return y;
  }

  /** dC/dz from z and dy = dC/df(z), all of one shape; softmax with its full Jacobian. `out` may be z or dy. */
  activationGradient(name: ActivationName, z: Matrix, dy: Matrix, options: OutOption = {}): Matrix {
    const where = "activationGradient";
    checkName(where, name, activationNames);
    const out = this.#checkOut(where, [z, dy], options);
    if (dy.rows !== z.rows || dy.cols !== z.cols) {
      throw new ShapeError(`${where}: z is ${z.rows}x${z.cols} but dy is ${dy.rows}x${dy.cols}; they must match`);
    }
    const dz = this.#result(where, z.rows, z.cols, out);
    const [from, along, to] = [z.pointer(where), dy.pointer(where), dz.pointer(where)];
    try {
      backwardFromPreActivation(this.engine, name, z.rows, z.cols, from, along, to);
    } catch (error) {
      if (dz !== out) dz.dispose();
      throw error;
    }
    return dz;
  }

  /**
   * The cost C and dC/dOutputs. With fromLogits outputs are the z before the sigmoid or softmax that the loss belongs to,
   * the gradient is dC/dz, and both are exact however far out z lies (within half of float64's range; -infinity too for
   * a softmax). Samples are rows; the gradient is the caller's.
   * Targets: of the outputs' shape, or class indices for categoricalCrossEntropy.
   */
  loss(
    name: LossName,
    outputs: Matrix,
    targets: Targets,
    options: { fromLogits?: boolean } = {},
  ): { value: number; gradient: Matrix } {
    const where = "loss";
    checkName(where, name, lossNames);
    checkOptions(where, options, ["fromLogits"]);
    const { fromLogits = false } = options;
    checkBoolean(`${where}: fromLogits`, fromLogits);
    this.#check(where, [outputs]);
    const loss = lossOf(name);
    if (fromLogits && loss.fused === undefined) {
      throw new ArgumentError(`${where}: fromLogits was given with ${name}, a cross-entropy was expected`);
    }
    const { rows: samples, cols: units } = outputs;
    if (samples === 0 || units === 0) {
      throw new ShapeError(`${where}: outputs are ${samples}x${units}, at least one row and one column were expected`);
    }
    const scratch = new Scope(this.engine.arena);
    let gradient: Matrix | undefined;
    try {
      const [wanted, ownOutputs, sampleLosses] = scratch.allocateAll(where, [
        samples * units,
        samples * units,
        samples,
      ]);
      const task = {
        samples,
        units,
        outputs: outputs.pointer(where),
        logits: 0,
        targets: wanted as number,
        weights: 0,
        losses: sampleLosses as number,
        activation: fromLogits ? loss.fused?.activation : undefined,
      };
      writeTargets(
        `${where}: targets`,
        targets,
        samples,
        units,
        this,
        this.engine.view(task.targets, samples * units),
        {
          indices: name === "categoricalCrossEntropy",
        },
      );
      gradient = this.#create(where, samples, units);
      if (task.activation !== undefined) {
        task.logits = task.outputs;
        task.outputs = ownOutputs as number;
        activate(this.engine, task.activation, samples, units, task.logits, task.outputs);
      }
      const value = sumLosses(this.engine, loss, task) / samples;
      lossGradient(this.engine, loss, task, gradient.pointer(where));
      return { value, gradient };
    } catch (error) {
      gradient?.dispose();
      throw error;
    } finally {
      scratch.dispose();
    }
  }

  /** e^x, elementwise, as the five below; `out` may be x. Error bounds: assembly/math.ts. */
  exp(x: Matrix, options?: OutOption): Matrix {
    return this.#map("exp", x, options);
  }

  log(x: Matrix, options?: OutOption): Matrix {
    return this.#map("log", x, options);
  }

  log1p(x: Matrix, options?: OutOption): Matrix {
    return this.#map("log1p", x, options);
  }

  expm1(x: Matrix, options?: OutOption): Matrix {
    return this.#map("expm1", x, options);
  }

  tanh(x: Matrix, options?: OutOption): Matrix {
    return this.#map("tanh", x, options);
  }

  erf(x: Matrix, options?: OutOption): Matrix {
    return this.#map("erf", x, options);
  }

  /** What lives on this backend. */
  memory(): MemoryUse {
    this.engine.checkAlive("memory");
    const { usedBytes, memory } = this.engine.arena;
    const { reservedBytes } = memory;
    return { usedBytes, reservedBytes, matrices: this.#matrices, networks: this.networks.size };
  }

  /** Frees everything on it: matrices, networks, trainers' slots; twice is fine. */
  dispose(): void {
    for (const network of this.networks) network.dispose();
    this.networks.clear();
    this.#scope.dispose();
    this.engine.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  #map(name: UnaryKernel, x: Matrix, options: OutOption = {}): Matrix {
    const out = this.#checkOut(name, [x], options);
    const y = this.#result(name, x.rows, x.cols, out);
    this.engine.kernelsFor(x.rows * x.cols)[name](x.rows * x.cols, x.pointer(name), y.pointer(name));
    return y;
  }

  #create(where: string, rows: number, cols: number): Matrix {
    const pointer = this.#scope.allocate(where, rows * cols);
    this.#matrices++;
    return new Matrix(this, rows, cols, pointer, this.engine.view(pointer, rows * cols), () => {
      this.#matrices--;
      this.#scope.free(pointer);
    });
  }

  /** `out` where it fits, or a new matrix. */
  #result(where: string, rows: number, cols: number, out: Matrix | undefined): Matrix {
    if (out === undefined) return this.#create(where, rows, cols);
    if (out.rows !== rows || out.cols !== cols) {
      throw new ShapeError(`${where}: out is ${out.rows}x${out.cols}, ${rows}x${cols} was expected`);
    }
    return out;
  }

  /** Throws unless this backend lives, and every matrix given is one, is live, and is on it. */
  #check(where: string, matrices: readonly Matrix[] = [], out?: Matrix): void {
    this.engine.checkAlive(where);
    for (const matrix of out === undefined ? matrices : [...matrices, out]) {
      if (!(matrix instanceof Matrix)) {
        throw new ArgumentError(
          `${where}: ${shown(matrix)} was given, a Matrix was expected; make one with backend.matrix(rows, cols, values)`,
        );
      }
      checkBackend(where, matrix, this);
    }
  }

  /** The same, and `out` from options that know nothing else. */
  #checkOut(where: string, matrices: readonly Matrix[], options: OutOption): Matrix | undefined {
    checkOptions(where, options, ["out"]);
    this.#check(where, matrices, options.out);
    return options.out;
  }
}
