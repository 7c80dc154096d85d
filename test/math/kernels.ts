import { Elementwise } from "../../assembly/elementwise";
import { Elementary } from "../../assembly/math";

/** The elementary functions that are inside other kernels alone, as (length, x, y), for ulp.py to measure. */
class Erfc {
  @inline value<V>(x: V): V {
    return Elementary.erfc<V>(x);
  }
}
class NormalCdf {
  @inline value<V>(x: V): V {
    return Elementary.normalCdf<V>(x);
  }
}
class Gelu {
  @inline value<V>(x: V): V {
    return Elementary.gelu<V>(x);
  }
}
class TimesDensity {
  @inline value<V>(x: V): V {
    return Elementary.timesDensity<V>(x);
  }
}
class ExpTimes {
  @inline value<V>(x: V): V {
    return Elementary.expTimes<V>(x, x);
  }
}

export function erfc(length: usize, x: usize, y: usize): void {
  Elementwise.map<Erfc>(length, x, y);
}
export function normalCdf(length: usize, x: usize, y: usize): void {
  Elementwise.map<NormalCdf>(length, x, y);
}
export function gelu(length: usize, x: usize, y: usize): void {
  Elementwise.map<Gelu>(length, x, y);
}
export function timesDensity(length: usize, x: usize, y: usize): void {
  Elementwise.map<TimesDensity>(length, x, y);
}
export function expTimes(length: usize, x: usize, y: usize): void {
  Elementwise.map<ExpTimes>(length, x, y);
}
