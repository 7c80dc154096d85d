import { checkNumber, checkOptions, checkWhole } from "./errors";
import { searchStep } from "./lineSearch";
import type { Objective, Optimizer } from "./optimizers";
import { GRADIENTS, PARAMETERS, Vectors } from "./vectors";

export interface LbfgsOptions {
  /** Steps that it remembers, each two numbers for each parameter. Default 10. */
  history?: number | undefined;
  /** The norm of the gradient below which the parameters stand still. Default 1e-10. */
  tolerance?: number | undefined;
}

/** The slots: where the step started: its parameters and their gradient, and the direction. */
const START = 0;
const START_GRADIENT = 1;
const DIRECTION = 2;
/** From here on, in turn, what parameters and gradient changed by in each remembered step. */
const MEMORY = 3;

/**
 * L-BFGS with a line search that meets the strong Wolfe conditions: float64's natural choice for small data, which goes on
 * to the last digits where first-order methods, and float32, stall. A step is one iteration over all rows: it evaluates
 * cost and gradients at least twice. `fit` makes one in an epoch.
 *
 * J. Nocedal and S. Wright, Numerical Optimization, 2006, algorithms 7.4 and 3.5.
 * Throws ArgumentError for settings out of range.
 */
export function lbfgs(options: LbfgsOptions = {}): Optimizer {
  const where = "lbfgs";
  checkOptions(where, options, ["history", "tolerance"]);
  const { history = 10, tolerance = 1e-10 } = options;
  checkWhole(`${where}: history`, history, 1, 1000);
  checkNumber(`${where}: tolerance`, tolerance, "a finite number of at least 0", (value) => value >= 0);
  return Object.freeze({
    name: where,
    learningRate: 1,
    config: Object.freeze({ history, tolerance }),
    slotCount: MEMORY + 2 * history,
    wholeBatch: true,
    advance: (objective: Objective) => iterate(new Vectors(objective), objective, history, tolerance),
  });
}

/** One iteration; returns the cost before it. */
function iterate(vectors: Vectors, objective: Objective, history: number, tolerance: number): number {
  const cost = objective.costAndGradients();
  const step = Math.max(1, ...objective.segments.map((segment) => segment.step));
  const place = (ago: number) => MEMORY + 2 * ((step - 1 - ago) % history);
  vectors.copy(PARAMETERS, START);
  vectors.copy(GRADIENTS, START_GRADIENT);
  let moved = 0;
  if (vectors.norm(START_GRADIENT) > tolerance) {
    const remembered = Array.from({ length: Math.min(history, step - 1) }, (_, ago) => place(1 + ago));
    const first = descend(vectors, remembered);
    const at = (length: number) => {
      vectors.combine(1, START, length, DIRECTION, PARAMETERS);
      return { cost: objective.look(), slope: vectors.dot(GRADIENTS, DIRECTION) };
    };
    try {
      moved = searchStep(at, cost, vectors.dot(START_GRADIENT, DIRECTION), first * objective.learningRate);
    } catch (error) {
      vectors.copy(START, PARAMETERS);
      throw error;
    }
  }
  if (moved === 0) {
    // nothing better was found: as before, and nothing learnt
    vectors.copy(START, PARAMETERS);
    vectors.copy(START_GRADIENT, GRADIENTS);
  }
  // where the oldest stood
  vectors.combine(moved, DIRECTION, 0, DIRECTION, place(0));
  vectors.combine(1, GRADIENTS, -1, START_GRADIENT, place(0) + 1);
  return cost;
}

/**
 * Writes the direction -H g, H the inverse Hessian that the remembered steps tell of, newest first (the two loops of
 * algorithm 7.4). Returns the length to try first.
 */
function descend(vectors: Vectors, remembered: readonly number[]): number {
  vectors.copy(START_GRADIENT, DIRECTION);
  const pairs = [];
  for (const s of remembered) {
    const curvature = vectors.dot(s, s + 1);
    // of a step that did not come about, or of other layers than those that are trained now
    if (!(curvature > 0)) continue;
    const share = vectors.dot(s, DIRECTION) / curvature;
    vectors.combine(1, DIRECTION, -share, s + 1, DIRECTION);
    pairs.push({ s, curvature, share });
  }
  const [latest] = pairs;
  if (latest !== undefined) {
    const scale = latest.curvature / vectors.dot(latest.s + 1, latest.s + 1);
    vectors.combine(scale, DIRECTION, 0, DIRECTION, DIRECTION);
  }
  for (const { s, curvature, share } of pairs.reverse()) {
    const correction = share - vectors.dot(s + 1, DIRECTION) / curvature;
    vectors.combine(1, DIRECTION, correction, s, DIRECTION);
  }
  vectors.combine(-1, DIRECTION, 0, DIRECTION, DIRECTION);
  if (latest !== undefined && vectors.dot(START_GRADIENT, DIRECTION) < 0) return 1;
  // nothing known of the curvature: downhill, by no more than 1
  vectors.combine(-1, START_GRADIENT, 0, START_GRADIENT, DIRECTION);
  return 1 / Math.max(1, vectors.norm(START_GRADIENT));
}
