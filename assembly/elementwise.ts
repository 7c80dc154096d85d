import { Lanes } from "./lanes";
import { Elementary } from "./math";

/**
 * The loops over vectors of one length. What is done to an element comes as a class: `Op` names a type whose
 * methods never read a field of `this`, so `changetype<Op>(0)` is a free way to name its inlined code.
 * Outputs may be inputs: an element is read before it is written.
 */
export class Elementwise {
  /** y_i <- Op.value(x_i). */
  @inline static map<Op>(length: usize, x: usize, y: usize): void {
    if (Lanes.wide) Elementwise.mapOver<v128, Op>(false, length, x, y);
    else Elementwise.mapOver<f64, Op>(false, length, x, y);
  }

  /** The same for an Op of an instruction or two. */
  @inline static mapLight<Op>(length: usize, x: usize, y: usize): void {
    if (Lanes.wide) Elementwise.mapOver<v128, Op>(true, length, x, y);
    else Elementwise.mapOver<f64, Op>(true, length, x, y);
  }

  /** z_i <- Op.value(x_i, y_i), for an Op of an instruction or two. */
  @inline static zipLight<Op>(length: usize, x: usize, y: usize, z: usize): void {
    if (Lanes.wide) Elementwise.zipOver<v128, Op>(length, x, y, z);
    else Elementwise.zipOver<f64, Op>(length, x, y, z);
  }

  @inline static mapOver<V, Op>(light: bool, length: usize, x: usize, y: usize): void {
    const bytes = Lanes.bytes<V>();
    let at: usize = 0;
    if (light) {
      for (const end = Lanes.fours<V>(length); at < end; at += 4 * bytes) {
        Elementwise.mapAt<V, Op>(x + at, y + at, 2);
        Elementwise.mapAt<V, Op>(x + at + bytes, y + at + bytes, 2);
        Elementwise.mapAt<V, Op>(x + at + 2 * bytes, y + at + 2 * bytes, 2);
        Elementwise.mapAt<V, Op>(x + at + 3 * bytes, y + at + 3 * bytes, 2);
      }
    }
    for (const end = Lanes.whole<V>(length); at < end; at += bytes) Elementwise.mapAt<V, Op>(x + at, y + at, 2);
    if (Lanes.odd<V>(length)) Elementwise.mapAt<V, Op>(x + at, y + at, 1);
  }

  @inline static mapAt<V, Op>(x: usize, y: usize, left: usize): void {
    Lanes.store<V>(y, changetype<Op>(0).value<V>(Lanes.load<V>(x, left)), left);
  }

  @inline static zipOver<V, Op>(length: usize, x: usize, y: usize, z: usize): void {
    const bytes = Lanes.bytes<V>();
    let at: usize = 0;
    for (const end = Lanes.fours<V>(length); at < end; at += 4 * bytes) {
      Elementwise.zipAt<V, Op>(x + at, y + at, z + at, 2);
      Elementwise.zipAt<V, Op>(x + at + bytes, y + at + bytes, z + at + bytes, 2);
      Elementwise.zipAt<V, Op>(x + at + 2 * bytes, y + at + 2 * bytes, z + at + 2 * bytes, 2);
      Elementwise.zipAt<V, Op>(x + at + 3 * bytes, y + at + 3 * bytes, z + at + 3 * bytes, 2);
    }
    for (const end = Lanes.whole<V>(length); at < end; at += bytes) Elementwise.zipAt<V, Op>(x + at, y + at, z + at, 2);
    if (Lanes.odd<V>(length)) Elementwise.zipAt<V, Op>(x + at, y + at, z + at, 1);
  }

  @inline static zipAt<V, Op>(x: usize, y: usize, z: usize, left: usize): void {
    Lanes.store<V>(z, changetype<Op>(0).value<V>(Lanes.load<V>(x, left), Lanes.load<V>(y, left)), left);
  }
}

class Exp {
  @inline value<V>(x: V): V {
    return Elementary.exp<V>(x);
  }
}

class Log {
  @inline value<V>(x: V): V {
    return Elementary.log<V>(x);
  }
}

class Log1p {
  @inline value<V>(x: V): V {
    return Elementary.log1p<V>(x);
  }
}

class Expm1 {
  @inline value<V>(x: V): V {
    return Elementary.expm1<V>(x);
  }
}

class Erf {
  @inline value<V>(x: V): V {
    return Elementary.erf<V>(x);
  }
}

class Multiply {
  @inline value<V>(x: V, y: V): V {
    return Lanes.mul<V>(x, y);
  }
}

/** y_i <- e^(x_i). y may be x; the same holds for the functions below. Bounds: math.ts. */
export function exp(length: usize, x: usize, y: usize): void {
  Elementwise.map<Exp>(length, x, y);
}

/** y_i <- log x_i. */
export function log(length: usize, x: usize, y: usize): void {
  Elementwise.map<Log>(length, x, y);
}

/** y_i <- log(1 + x_i). */
export function log1p(length: usize, x: usize, y: usize): void {
  Elementwise.map<Log1p>(length, x, y);
}

/** y_i <- e^(x_i) - 1. */
export function expm1(length: usize, x: usize, y: usize): void {
  Elementwise.map<Expm1>(length, x, y);
}

/** y_i <- erf x_i. */
export function erf(length: usize, x: usize, y: usize): void {
  Elementwise.map<Erf>(length, x, y);
}

/** z_i <- x_i y_i: a delta from an output gradient and a saved slope. z may be x or y. */
export function multiply(length: usize, x: usize, y: usize, z: usize): void {
  Elementwise.zipLight<Multiply>(length, x, y, z);
}
