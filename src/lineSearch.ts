/** The function along a line, and its derivative there. */
export interface Point {
  readonly cost: number;
  readonly slope: number;
}

interface Place extends Point {
  readonly length: number;
}

/** Of the slope's decrease that the cost must show, and how much flatter it must have become. */
const DECREASE = 1e-4;
const FLATTER = 0.9;
/** Costs that differ by less than this share of them are as good as equal: rounding. */
const NOISE = 1e-13;
/** Looks at the function, at most. */
const EVALUATIONS = 30;

/**
 * The length of a step along a descent direction that meets the strong Wolfe conditions: J. Nocedal and S. Wright, Numerical
 * Optimization, 2006, algorithms 3.5 and 3.6, with cubic interpolation. Near a minimum, where costs differ by rounding
 * alone, slopes decide (W. Hager and H. Zhang, SIAM J. Optim. 16, 2005, the approximate Wolfe conditions).
 *
 * `at` evaluates; the last length that it is asked for is the one that is returned. 0: none was better than the start.
 */
export function searchStep(at: (length: number) => Point, cost: number, slope: number, first: number): number {
  const start: Place = { length: 0, cost, slope };
  const noise = NOISE * Math.abs(cost);
  let left = EVALUATIONS;
  const look = (length: number): Place => {
    left--;
    return { length, ...at(length) };
  };
  const tooHigh = (place: Place) => !(place.cost <= cost + DECREASE * place.length * slope + noise);
  const good = (place: Place) => !tooHigh(place) && Math.abs(place.slope) <= -FLATTER * slope;

  /** Not flat enough, but lower than the start, or else the start. */
  const settle = (place: Place): number => {
    if (!(place.cost < cost)) return 0;
    at(place.length);
    return place.length;
  };

  /** Between the lower end, low enough and pointing to the other, and that one, there is a good length. */
  const zoom = (lower: Place, other: Place): number => {
    let [low, high] = [lower, other];
    while (left > 0 && low.length !== high.length) {
      const place = look(between(low, high));
      if (tooHigh(place) || place.cost > low.cost + noise) high = place;
      else {
        if (good(place)) return place.length;
        if (place.slope * (high.length - low.length) >= 0) high = low;
        low = place;
      }
    }
    return settle(low);
  };

  let before = start;
  let length = first;
  while (left > 0) {
    const place = look(length);
    if (tooHigh(place) || (before !== start && place.cost > before.cost + noise)) return zoom(before, place);
    if (good(place)) return place.length;
    if (place.slope >= 0) return zoom(place, before);
    const guess = cubicMinimum(before, place);
    length = guess >= 2 * length ? Math.min(10 * length, guess) : 2 * length;
    before = place;
  }
  return settle(before);
}

/** The minimum of the cubic through two points with their slopes; NaN where it has none. */
function cubicMinimum(a: Place, b: Place): number {
  const width = b.length - a.length;
  const d1 = a.slope + b.slope - (3 * (b.cost - a.cost)) / width;
  const d2 = Math.sign(width) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  return b.length - width * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2));
}

/** A length inside both ends, a tenth away from them: the cubic's, or the middle where there is none. */
function between(low: Place, high: Place): number {
  const width = high.length - low.length;
  const share = (cubicMinimum(low, high) - low.length) / width;
  return low.length + width * (share >= 0.1 && share <= 0.9 ? share : 0.5);
}
