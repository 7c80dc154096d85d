/**
 * What the library should compute, written from its mathematics (the formulas stand beside each function) as plainly
 * as keeps the digits. Imports nothing of src/. Matrices are row-major arrays, samples are rows.
 */

export type Numbers = ArrayLike<number>;

// -- comparing --------------------------------------------------------------------------------------------------------

const word = new BigInt64Array(1);
const double = new Float64Array(word.buffer);

/** The place of a number among all float64, 0 being that of both zeros. */
function rank(x: number): bigint {
  double[0] = x;
  const bits = word[0] as bigint;
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits;
}

/** How many float64 lie from a to b: 0 for equal ones (also 0 and -0, NaN and NaN), Infinity where one alone is NaN. */
export function ulpDistance(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Infinity;
  const distance = Number(rank(a) - rank(b));
  return distance < 0 ? -distance : distance;
}

/** The error of `actual`: relative, or absolute where |expected| is below 1; Infinity unless both or neither are finite. */
export function errorOf(actual: number, expected: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  const error = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  return Number.isFinite(error) ? error : Infinity;
}

/** The relative error of `actual`; for values below float64's normal range, of that range. */
export function relativeErrorOf(actual: number, expected: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  const error = Math.abs(actual - expected) / Math.max(2 ** -1022, Math.abs(expected));
  return Number.isFinite(error) ? error : Infinity;
}

/**
 * Where `actual` leaves `expected` by more than `bound`, as a sentence on the worst element, or undefined: so that a
 * test has one assertion for an array, `expect(mismatch(y, wanted, 1e-12)).toBeUndefined()`.
 */
export function mismatch(
  actual: Numbers,
  expected: Numbers,
  bound: number,
  error: (actual: number, expected: number) => number = errorOf,
): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} numbers, ${expected.length} expected`;
  let worst = -1;
  let largest = bound;
  for (let i = 0; i < expected.length; i++) {
    const found = error(actual[i] as number, expected[i] as number);
    if (found <= largest) continue;
    largest = found;
    worst = i;
  }
  if (worst < 0) return undefined;
  return `[${worst}] is ${actual[worst]}, ${expected[worst]} expected: off by ${largest}, ${bound} allowed`;
}

/** The same bit for bit: 0 is not -0; any NaN is any other. */
export function bitMismatch(actual: Numbers, expected: Numbers): string | undefined {
  return mismatch(actual, expected, 0, (a, b) => (Object.is(a, b) ? 0 : Infinity));
}

// -- random numbers ---------------------------------------------------------------------------------------------------

/** Uniform numbers of [0, 1), the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// loops here and in transpose: Float64Array.from takes most of a large test's time

export function uniform(random: () => number, length: number, low = -1, high = 1): Float64Array {
  const numbers = new Float64Array(length);
  for (let i = 0; i < length; i++) numbers[i] = low + (high - low) * random();
  return numbers;
}

/** Whole numbers from -largest to largest. */
export function integers(random: () => number, length: number, largest: number): Float64Array {
  const numbers = new Float64Array(length);
  for (let i = 0; i < length; i++) numbers[i] = Math.floor(random() * (2 * largest + 1)) - largest;
  return numbers;
}

// -- matrices ---------------------------------------------------------------------------------------------------------

export interface Product {
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
  alpha: number;
  beta: number;
}

/** C <- alpha op(A) op(B) + beta C: c starts at beta c and takes (alpha a_ip) b_pj for p = 0, 1, ..., k - 1. */
export function matmul({ m, n, k, transposeA, transposeB, alpha, beta }: Product, a: Numbers, b: Numbers, c: Numbers) {
  const result = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = beta === 0 ? 0 : beta * (c[i * n + j] as number);
      for (let p = 0; p < k; p++) {
        const left = a[transposeA ? p * m + i : i * k + p] as number;
        sum += alpha * left * (b[transposeB ? j * k + p : p * n + j] as number);
      }
      result[i * n + j] = sum;
    }
  }
  return result;
}

/** x = high + low, high of 26 bits (Veltkamp). */
function split(x: number): [number, number] {
  const scaled = 134217729 * x;
  const high = scaled - (scaled - x);
  return [high, x - high];
}

/** A sum of products in about 106 bits: high + low. */
class DoubleDouble {
  high = 0;
  low = 0;

  add(x: number): void {
    const sum = this.high + x;
    const part = sum - this.high;
    this.low += this.high - (sum - part) + (x - part);
    this.high = sum;
  }

  addProduct(x: number, y: number): void {
    const product = x * y;
    const [xHigh, xLow] = split(x);
    const [yHigh, yLow] = split(y);
    this.add(product);
    this.add(xHigh * yHigh - product + xHigh * yLow + xLow * yHigh + xLow * yLow);
  }
}

/** The largest error of a product in units of its documented bound, (k + 2) u (|alpha| sum |a| |b| + |beta c|). */
export function matmulExcess(product: Product, a: Numbers, b: Numbers, c: Numbers, actual: Numbers): number {
  const { m, n, k, transposeA, transposeB, alpha, beta } = product;
  let excess = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const sum = new DoubleDouble();
      let size = 0;
      for (let p = 0; p < k; p++) {
        const left = a[transposeA ? p * m + i : i * k + p] as number;
        const right = b[transposeB ? j * k + p : p * n + j] as number;
        sum.addProduct(left, right);
        size += Math.abs(left * right);
      }
      const total = new DoubleDouble();
      total.addProduct(alpha, sum.high);
      total.addProduct(alpha, sum.low);
      const start = c[i * n + j] as number;
      if (beta !== 0) total.addProduct(beta, start);
      total.add(-(actual[i * n + j] as number));
      const bound = (k + 2) * 2 ** -53 * (Math.abs(alpha) * size + (beta === 0 ? 0 : Math.abs(beta * start)));
      const error = Math.abs(total.high + total.low);
      if (error > 0) excess = Math.max(excess, error / bound);
    }
  }
  return excess;
}

/** rows x columns to columns x rows. */
export function transpose(rows: number, columns: number, x: Numbers): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = x[i * columns + j] as number;
  }
  return result;
}

/** 1^T X: the sum of each column. */
export function columnSums(rows: number, columns: number, x: Numbers): Float64Array {
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) sums[j] = (sums[j] as number) + (x[i * columns + j] as number);
  }
  return sums;
}

/** The x that minimises |A x - b|: Householder's QR. A: rows x columns, of full rank. */
export function leastSquares(rows: number, columns: number, a: Numbers, b: Numbers): Float64Array {
  const A = Float64Array.from(a);
  const y = Float64Array.from(b);
  const at = (i: number, j: number) => A[i * columns + j] as number;
  for (let k = 0; k < columns; k++) {
    let squares = 0;
    for (let i = k; i < rows; i++) squares += at(i, k) ** 2;
    const length = Math.sqrt(squares);
    const v = Float64Array.from({ length: rows }, (_, i) => (i < k ? 0 : at(i, k)));
    v[k] = (v[k] as number) + (at(k, k) < 0 ? -length : length);
    const vv = v.reduce((sum, value) => sum + value * value, 0);
    for (let j = k; j <= columns; j++) {
      let product = 0;
      for (let i = k; i < rows; i++) product += (v[i] as number) * (j < columns ? at(i, j) : (y[i] as number));
      for (let i = k; i < rows; i++) {
        const change = (2 * product * (v[i] as number)) / vv;
        if (j < columns) A[i * columns + j] = at(i, j) - change;
        else y[i] = (y[i] as number) - change;
      }
    }
  }
  const x = new Float64Array(columns);
  for (let k = columns - 1; k >= 0; k--) {
    let rest = y[k] as number;
    for (let j = k + 1; j < columns; j++) rest -= at(k, j) * (x[j] as number);
    x[k] = rest / at(k, k);
  }
  return x;
}

/** f'(x) from five points: h^4 f'''''/30 away, and rounding of f over h. */
export function derivative(f: (x: number) => number, x: number, h = 2 ** -10): number {
  return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h);
}

// -- activations ------------------------------------------------------------------------------------------------------

/** phi(z) = e^(-z^2/2) / sqrt(2 pi), the square carried as that of the upper half of z, and what is left of it. */
function normalDensity(z: number): number {
  if (Math.abs(z) > 40) return 0;
  const [high, low] = split(z);
  return (Math.exp(-0.5 * high * high) * Math.exp(-0.5 * low * (z + high))) / Math.sqrt(2 * Math.PI);
}

/**
 * Phi(z) = erfc(-z / sqrt 2) / 2. Near 0: 1/2 + phi(z) (z + z^3/3 + z^5/(3 5) + ...), whose terms all have one sign;
 * on the far left: phi(z) / (x + 1/(x + 2/(x + 3/(x + ...)))), x = -z.
 */
function normalDistribution(z: number): number {
  if (z > 2) return 1 - normalDistribution(-z);
  if (z > -2) {
    let term = z;
    let sum = z;
    for (let odd = 3; Math.abs(term) > 1e-20 * Math.abs(sum); odd += 2) {
      term *= (z * z) / odd;
      sum += term;
    }
    return 0.5 + normalDensity(z) * sum;
  }
  let fraction = -z;
  for (let depth = 400; depth > 0; depth--) fraction = -z + depth / fraction;
  return normalDensity(z) / fraction;
}

/** 1 / (1 + e^-z), by the branch that never overflows. */
function logistic(z: number): number {
  return z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z));
}

interface Scalar {
  f: (z: number) => number;
  slope: (z: number) => number;
}

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

/** The elementwise activations, f and f'. */
export const scalarActivations = {
  linear: { f: (z) => z, slope: () => 1 },
  relu: { f: (z) => (z < 0 ? 0 : z), slope: (z) => (z > 0 ? 1 : 0) },
  leakyRelu: { f: (z) => (z > 0 ? z : 0.01 * z), slope: (z) => (z > 0 ? 1 : 0.01) },
  elu: { f: (z) => (z > 0 ? z : Math.expm1(z)), slope: (z) => (z > 0 ? 1 : Math.exp(z)) },
  selu: {
    f: (z) => SELU_SCALE * (z > 0 ? z : SELU_ALPHA * Math.expm1(z)),
    slope: (z) => SELU_SCALE * (z > 0 ? 1 : SELU_ALPHA * Math.exp(z)),
  },
  gelu: {
    f: (z) => (z < -40 ? -0 : z * normalDistribution(z)),
    slope: (z) => normalDistribution(z) + (Math.abs(z) > 40 ? 0 : z * normalDensity(z)),
  },
  silu: {
    f: (z) => (z < -800 ? -0 : z * logistic(z)),
    slope: (z) => (Math.abs(z) > 800 ? logistic(z) : logistic(z) * (1 + z * logistic(-z))),
  },
  softplus: { f: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))), slope: logistic },
  sigmoid: { f: logistic, slope: (z) => logistic(z) * logistic(-z) },
  tanh: { f: Math.tanh, slope: (z) => (2 / (Math.exp(Math.abs(z)) + Math.exp(-Math.abs(z)))) ** 2 },
} as const satisfies Record<string, Scalar>;

export type ScalarActivation = keyof typeof scalarActivations;
export type Activation = ScalarActivation | "softmax";

export const activationNames = [...Object.keys(scalarActivations), "softmax"] as Activation[];

/** f(z); softmax by rows of `columns`. */
export function activation(name: Activation, columns: number, z: Numbers): Float64Array {
  return name === "softmax" ? softmax(columns, z) : Float64Array.from(z, scalarActivations[name].f);
}

/** dC/dz = dC/dy f'(z); of softmax the product with its Jacobian. */
export function activationGradient(name: Activation, columns: number, z: Numbers, dy: Numbers): Float64Array {
  if (name === "softmax") return softmaxGradient(columns, softmax(columns, z), dy);
  return Float64Array.from(z, (x, i) => (dy[i] as number) * scalarActivations[name].slope(x));
}

function rowOf(columns: number, x: Numbers, row: number): number[] {
  return Array.from({ length: columns }, (_, j) => x[row * columns + j] as number);
}

function sum(x: readonly number[]): number {
  return x.reduce((total, value) => total + value, 0);
}

/** The sum of all but element j. */
function sumWithout(x: readonly number[], j: number): number {
  return sum(x.filter((_, k) => k !== j));
}

/** `perRow` of every row, one after the other. */
function byRows(columns: number, length: number, perRow: (row: number) => readonly number[]): Float64Array {
  if (columns === 0) return new Float64Array(0);
  return Float64Array.from(Array.from({ length: length / columns }, (_, row) => perRow(row)).flat());
}

/** e^(z_j - max) / sum_k e^(z_k - max) */
export function softmax(columns: number, z: Numbers): Float64Array {
  return byRows(columns, z.length, (row) => {
    const logits = rowOf(columns, z, row);
    const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = logits.map((logit) => Math.exp(logit - largest));
    return powers.map((power) => power / sum(powers));
  });
}

/** J of one row: dy_j/dz_k = y_j (1 - y_j) where j is k, else -y_j y_k; 1 - y_j is the sum of the others. */
export function softmaxJacobian(y: readonly number[]): number[][] {
  return y.map((yj, j) => y.map((yk, k) => (j === k ? yj * sumWithout(y, j) : -yj * yk)));
}

export function softmaxGradient(columns: number, y: Numbers, dy: Numbers): Float64Array {
  return byRows(columns, y.length, (row) => {
    const incoming = rowOf(columns, dy, row);
    const jacobian = softmaxJacobian(rowOf(columns, y, row));
    return jacobian.map((line) => sum(line.map((slope, k) => slope * (incoming[k] as number))));
  });
}

// -- losses -----------------------------------------------------------------------------------------------------------

export type CrossEntropy = "binaryCrossEntropy" | "categoricalCrossEntropy";
export type Loss = "sumOfSquares" | "meanSquaredError" | "huber" | "meanAbsoluteError" | CrossEntropy;

export interface Cost {
  value: number;
  gradient: Float64Array;
}

/** J of a row as a sum over its elements, and dJ/dy; m columns. */
interface Term {
  value: (y: number, t: number, m: number) => number;
  slope: (y: number, t: number, m: number) => number;
}

const fromOutputs: Record<Loss, Term> = {
  // 1/2 (y - t)^2
  sumOfSquares: { value: (y, t) => (y - t) ** 2 / 2, slope: (y, t) => y - t },
  // (y - t)^2 / m
  meanSquaredError: { value: (y, t, m) => (y - t) ** 2 / m, slope: (y, t, m) => (2 * (y - t)) / m },
  // delta 1
  huber: {
    value: (y, t, m) => (Math.abs(y - t) <= 1 ? (y - t) ** 2 / 2 : Math.abs(y - t) - 0.5) / m,
    slope: (y, t, m) => (Math.abs(y - t) <= 1 ? y - t : Math.sign(y - t)) / m,
  },
  // |y - t| / m
  meanAbsoluteError: { value: (y, t, m) => Math.abs(y - t) / m, slope: (y, t, m) => Math.sign(y - t) / m },
  // -(t log y + (1 - t) log(1 - y)), 0 log 0 = 0; its slope -t/y + (1 - t)/(1 - y)
  binaryCrossEntropy: {
    value: (y, t) => -((t === 0 ? 0 : t * Math.log(y)) + (t === 1 ? 0 : (1 - t) * Math.log1p(-y))),
    slope: (y, t) => (t === 0 ? 0 : -t / y) + (t === 1 ? 0 : (1 - t) / (1 - y)),
  },
  // -t log y
  categoricalCrossEntropy: {
    value: (y, t) => (t === 0 ? 0 : -t * Math.log(y)),
    slope: (y, t) => (t === 0 ? 0 : -t / y),
  },
};

/** C and dC/dYhat. */
export function loss(name: Loss, columns: number, y: Numbers, t: Numbers): Cost {
  const samples = y.length / columns;
  const { value, slope } = fromOutputs[name];
  const terms = Array.from(y, (yi, i) => value(yi, t[i] as number, columns));
  const gradient = Float64Array.from(y, (yi, i) => slope(yi, t[i] as number, columns) / samples);
  return { value: sum(terms) / samples, gradient };
}

/** C and dC/dz for y = sigmoid(z) or softmax(z). */
export function lossFromLogits(name: CrossEntropy, columns: number, z: Numbers, t: Numbers): Cost {
  return name === "binaryCrossEntropy" ? binaryFromLogits(columns, z, t) : categoricalFromLogits(columns, z, t);
}

/** max(z, 0) - z t + log1p(e^-|z|), and sigmoid(z) - t = (1 - t) sigmoid(z) - t sigmoid(-z) */
function binaryFromLogits(columns: number, z: Numbers, t: Numbers): Cost {
  const samples = z.length / columns;
  const terms = Array.from(z, (zi, i) => {
    const ti = t[i] as number;
    const far = zi > 0 ? zi * (1 - ti) : -zi * ti;
    return far + Math.log1p(Math.exp(-Math.abs(zi)));
  });
  const gradient = Float64Array.from(z, (zi, i) => {
    const ti = t[i] as number;
    return ((1 - ti) * logistic(zi) - ti * logistic(-zi)) / samples;
  });
  return { value: sum(terms) / samples, gradient };
}

/**
 * sum_k t_k (logsumexp(z) - z_k), and y_j sum_k t_k - t_j = y_j sum_{k != j} t_k - t_j sum_{k != j} y_k, since the y
 * sum to one.
 */
function categoricalFromLogits(columns: number, z: Numbers, t: Numbers): Cost {
  const samples = z.length / columns;
  let total = 0;
  const gradient = byRows(columns, z.length, (row) => {
    const logits = rowOf(columns, z, row);
    const targets = rowOf(columns, t, row);
    const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = logits.map((logit) => Math.exp(logit - largest));
    // the largest's own power is the 1 of log1p
    const tail = Math.log1p(sumWithout(powers, logits.indexOf(largest)));
    total += sum(targets.map((tk, k) => (tk === 0 ? 0 : tk * (largest - (logits[k] as number) + tail))));
    const outputs = powers.map((power) => power / sum(powers));
    return outputs.map(
      (yj, j) => (yj * sumWithout(targets, j) - (targets[j] as number) * sumWithout(outputs, j)) / samples,
    );
  });
  return { value: total / samples, gradient };
}
