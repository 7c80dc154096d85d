/**
 * One arithmetic under two types: V is f64 (one lane) or v128 (two lanes of f64). Every kernel is written
 * once over V; this file alone knows which features the target has.
 *
 * A loop takes whole vectors, and the last element of an odd length through the same code on one lane, so that
 * an element's bits never depend on where it stands:
 *
 *     let at: usize = 0;
 *     for (const end = Lanes.whole<V>(length); at < end; at += Lanes.bytes<V>()) body<V>(at, 2);
 *     if (Lanes.odd<V>(length)) body<V>(at, 1);
 */
export class Lanes {
  /** The target has v128. A compile-time constant: the branch not taken is not compiled. */
  @inline static readonly wide: bool = ASC_FEATURE_SIMD;
  /** The target has relaxed_madd, which fuses where the processor can. */
  @inline static readonly fused: bool = ASC_FEATURE_RELAXED_SIMD;

  /** Lanes in the widest V of this target. */
  @inline static readonly widest: usize = Lanes.wide ? 2 : 1;

  /** Lanes in a V. */
  @inline static width<V>(): usize {
    return isVector<V>() ? 2 : 1;
  }

  /** Bytes of a V. */
  @inline static bytes<V>(): usize {
    return isVector<V>() ? 16 : 8;
  }

  /** Bytes of the whole Vs in `length` elements. */
  @inline static whole<V>(length: usize): usize {
    return isVector<V>() ? (length >> 1) << 4 : length << 3;
  }

  /** Bytes of the whole groups of four Vs: a loop that does little takes four a turn, since a turn itself costs as much. */
  @inline static fours<V>(length: usize): usize {
    return isVector<V>() ? (length >> 3) << 6 : (length >> 2) << 5;
  }

  /** Whether an element is left beyond them. */
  @inline static odd<V>(length: usize): bool {
    return isVector<V>() ? (length & 1) !== 0 : false;
  }

  @inline static splat<V>(x: f64): V {
    if (isVector<V>()) return f64x2.splat(x);
    return x as V;
  }

  /** All lanes filled with the f64 at `pointer`. */
  @inline static loadSplat<V>(pointer: usize): V {
    if (isVector<V>()) return v128.load64_splat(pointer);
    return load<f64>(pointer) as V;
  }

  /**
   * All lanes filled with the nth f64 from `pointer` on, n a constant up to 5. Offsets in the instruction itself: Binaryen
   * moves a sum there for a plain load, not for a splat, and each sum left over costs an instruction of the innermost loop.
   */
  @inline static splatNth<V>(pointer: usize, n: usize): V {
    if (!isVector<V>()) return load<f64>(pointer + (n << 3)) as V;
    if (n === 0) return v128.load64_splat(pointer);
    if (n === 1) return v128.load64_splat(pointer, 8);
    if (n === 2) return v128.load64_splat(pointer, 16);
    if (n === 3) return v128.load64_splat(pointer, 24);
    if (n === 4) return v128.load64_splat(pointer, 32);
    return v128.load64_splat(pointer, 40);
  }

  @inline static loadAll<V>(pointer: usize): V {
    return load<V>(pointer);
  }

  /** The nth V from `pointer` on. */
  @inline static loadNth<V>(pointer: usize, n: usize): V {
    return load<V>(pointer + n * Lanes.bytes<V>());
  }

  @inline static storeNth<V>(pointer: usize, n: usize, x: V): void {
    store<V>(pointer + n * Lanes.bytes<V>(), x);
  }

  /** One element a lane, `step` bytes apart. */
  @inline static gather<V>(pointer: usize, step: usize): V {
    if (isVector<V>()) return v128.load64_lane(pointer + step, v128.load64_zero(pointer), 1);
    return load<f64>(pointer) as V;
  }

  @inline static scatter<V>(pointer: usize, step: usize, x: V): void {
    if (isVector<V>()) {
      v128.store64_lane(pointer, x, 0);
      v128.store64_lane(pointer + step, x, 1);
    } else store<f64>(pointer, x as f64);
  }

  @inline static storeAll<V>(pointer: usize, x: V): void {
    store<V>(pointer, x);
  }

  /** Reads a whole V, or one lane (the other 0) where a single element is left. */
  @inline static load<V>(pointer: usize, left: usize): V {
    if (isVector<V>()) return left > 1 ? v128.load(pointer) : v128.load64_zero(pointer);
    return load<f64>(pointer) as V;
  }

  /** Writes a whole V, or its first lane where a single element is left. */
  @inline static store<V>(pointer: usize, x: V, left: usize): void {
    if (isVector<V>()) {
      if (left > 1) v128.store(pointer, x);
      else v128.store64_lane(pointer, x, 0);
    } else store<f64>(pointer, x as f64);
  }

  /** x with the lanes past the last element set to 0. */
  @inline static keep<V>(x: V, left: usize): V {
    if (isVector<V>()) return left > 1 ? x : f64x2.replace_lane(x, 1, 0);
    return x;
  }

  @inline static first<V>(x: V): f64 {
    if (isVector<V>()) return f64x2.extract_lane(x, 0);
    return x as f64;
  }

  @inline static second<V>(x: V): f64 {
    if (isVector<V>()) return f64x2.extract_lane(x, 1);
    return x as f64;
  }

  /** V from one f64 a lane; one lane takes the first. */
  @inline static pair<V>(first: f64, second: f64): V {
    if (isVector<V>()) return f64x2.replace_lane(f64x2.splat(first), 1, second);
    return first as V;
  }

  @inline static add<V>(a: V, b: V): V {
    if (isVector<V>()) return f64x2.add(a, b);
    return ((a as f64) + (b as f64)) as V;
  }

  @inline static sub<V>(a: V, b: V): V {
    if (isVector<V>()) return f64x2.sub(a, b);
    return ((a as f64) - (b as f64)) as V;
  }

  @inline static mul<V>(a: V, b: V): V {
    if (isVector<V>()) return f64x2.mul(a, b);
    return ((a as f64) * (b as f64)) as V;
  }

  @inline static div<V>(a: V, b: V): V {
    if (isVector<V>()) return f64x2.div(a, b);
    return ((a as f64) / (b as f64)) as V;
  }

  /** a b + c: one rounding where the target fuses, two elsewhere. */
  @inline static madd<V>(a: V, b: V, c: V): V {
    if (isVector<V>()) {
      if (Lanes.fused) return f64x2.relaxed_madd(a, b, c);
      return f64x2.add(f64x2.mul(a, b), c);
    }
    return ((a as f64) * (b as f64) + (c as f64)) as V;
  }

  @inline static neg<V>(x: V): V {
    if (isVector<V>()) return f64x2.neg(x);
    return -(x as f64) as V;
  }

  @inline static abs<V>(x: V): V {
    if (isVector<V>()) return f64x2.abs(x);
    return abs<f64>(x as f64) as V;
  }

  @inline static sqrt<V>(x: V): V {
    if (isVector<V>()) return f64x2.sqrt(x);
    return sqrt<f64>(x as f64) as V;
  }

  /** The nearest integer, ties to even. */
  @inline static nearest<V>(x: V): V {
    if (isVector<V>()) return f64x2.nearest(x);
    return nearest<f64>(x as f64) as V;
  }

  /** The smaller; NaN where either is NaN. */
  @inline static min<V>(a: V, b: V): V {
    if (isVector<V>()) return f64x2.min(a, b);
    return min<f64>(a as f64, b as f64) as V;
  }

  /** The larger; NaN where either is NaN. */
  @inline static max<V>(a: V, b: V): V {
    if (isVector<V>()) return f64x2.max(a, b);
    return max<f64>(a as f64, b as f64) as V;
  }

  /** |x| with the sign of `sign`. */
  @inline static copySign<V>(x: V, sign: V): V {
    if (isVector<V>()) return v128.bitselect(sign, x, i64x2.splat(i64.MIN_VALUE));
    return copysign<f64>(x as f64, sign as f64) as V;
  }

  /** x, or `limit` where x is above it; NaN stays. One instruction, where min takes seven on x86-64. */
  @inline static atMost<V>(x: V, limit: f64): V {
    if (isVector<V>()) return f64x2.pmin(x, f64x2.splat(limit));
    return select<f64>(limit, x as f64, limit < (x as f64)) as V;
  }

  /** x, or `limit` where x is below it; NaN stays. */
  @inline static atLeast<V>(x: V, limit: f64): V {
    if (isVector<V>()) return f64x2.pmax(x, f64x2.splat(limit));
    return select<f64>(limit, x as f64, (x as f64) < limit) as V;
  }

  /** mask ? then : otherwise, where each lane of the mask is all ones or all zeros: one instruction if relaxed. */
  @inline private static choose(then: v128, otherwise: v128, mask: v128): v128 {
    if (Lanes.fused) return i64x2.relaxed_laneselect(then, otherwise, mask);
    return v128.bitselect(then, otherwise, mask);
  }

  /** a < b ? then : otherwise, lane by lane; false where either is NaN. */
  @inline static ifLess<V>(a: V, b: V, then: V, otherwise: V): V {
    if (isVector<V>()) return Lanes.choose(then, otherwise, f64x2.lt(a, b));
    return select<f64>(then as f64, otherwise as f64, (a as f64) < (b as f64)) as V;
  }

  /** max(x, 0): a NaN stays, and so does -0. */
  @inline static rectified<V>(x: V): V {
    if (isVector<V>()) return f64x2.pmax(x, f64x2.splat(0));
    return select<f64>(0, x as f64, (x as f64) < 0) as V;
  }

  /** a <= b ? then : otherwise, lane by lane; false where either is NaN. */
  @inline static ifAtMost<V>(a: V, b: V, then: V, otherwise: V): V {
    if (isVector<V>()) return Lanes.choose(then, otherwise, f64x2.le(a, b));
    return select<f64>(then as f64, otherwise as f64, (a as f64) <= (b as f64)) as V;
  }

  /** a == b ? then : otherwise, lane by lane; false where either is NaN. */
  @inline static ifEqual<V>(a: V, b: V, then: V, otherwise: V): V {
    if (isVector<V>()) return Lanes.choose(then, otherwise, f64x2.eq(a, b));
    return select<f64>(then as f64, otherwise as f64, (a as f64) === (b as f64)) as V;
  }

  /** Whether a < b in any lane. */
  @inline static anyLess<V>(a: V, b: V): bool {
    if (isVector<V>()) return v128.any_true(f64x2.lt(a, b));
    return (a as f64) < (b as f64);
  }

  /** 2^n for a whole n from -1022 to 1023. */
  @inline static powerOfTwo<V>(n: V): V {
    // n + 1023 in the low bits of a float near 2^52, moved up to where the exponent lives
    if (isVector<V>()) return i64x2.shl(f64x2.add(n, f64x2.splat(4503599627371519)), 52);
    return reinterpret<f64>(reinterpret<i64>((n as f64) + 4503599627371519) << 52) as V;
  }

  /** x 2^n for a whole n from -2044 to 2046, in two factors: overflow and gradual underflow round once. */
  @inline static scale<V>(x: V, n: V): V {
    // n + 2046, which is both factors' biased exponents, in the low bits of a float near 1.5 2^52; half of it is the first
    if (isVector<V>()) {
      const both = f64x2.add(n, f64x2.splat(6755399441057790));
      const half = i64x2.shr_u(both, 1);
      return f64x2.mul(f64x2.mul(x, i64x2.shl(half, 52)), i64x2.shl(i64x2.sub(both, half), 52));
    }
    const both = reinterpret<u64>((n as f64) + 6755399441057790);
    const half = both >> 1;
    return ((x as f64) * reinterpret<f64>(half << 52) * reinterpret<f64>((both - half) << 52)) as V;
  }

  /** e where x = significand 2^e, of a positive normal x; meaningless for any other. */
  @inline static exponent<V>(x: V): V {
    // the exponent's field in the low bits of a float near 2^52
    if (isVector<V>()) {
      const biased = v128.or(i64x2.shr_u(x, 52), f64x2.splat(4503599627370496));
      return f64x2.sub(biased, f64x2.splat(4503599627371519));
    }
    return (reinterpret<f64>((reinterpret<i64>(x as f64) >>> 52) | 0x4330000000000000) - 4503599627371519) as V;
  }

  /** x 2^-exponent(x), from 1 up to 2, of a positive normal x; meaningless for any other. */
  @inline static significand<V>(x: V): V {
    if (isVector<V>()) {
      return v128.or(v128.and(x, i64x2.splat(0x000fffffffffffff)), f64x2.splat(1));
    }
    return reinterpret<f64>((reinterpret<i64>(x as f64) & 0x000fffffffffffff) | 0x3ff0000000000000) as V;
  }

  /** to <- from, two numbers, times `scale` where `scaled`, a constant, says so. */
  @inline static copyPair(scaled: bool, scale: f64, from: usize, to: usize): void {
    if (Lanes.wide) v128.store(to, Lanes.scaledPair(scaled, scale, from));
    else {
      store<f64>(to, scaled ? scale * load<f64>(from) : load<f64>(from));
      store<f64>(to, scaled ? scale * load<f64>(from, 8) : load<f64>(from, 8), 8);
    }
  }

  @inline private static scaledPair(scaled: bool, scale: f64, from: usize): v128 {
    return scaled ? f64x2.mul(f64x2.splat(scale), v128.load(from)) : v128.load(from);
  }

  /** Two numbers of `first` and two of `second`, transposed: pairs of one of each, `step` bytes apart. */
  @inline static transposePair(scaled: bool, scale: f64, first: usize, second: usize, to: usize, step: usize): void {
    if (Lanes.wide) {
      const x = Lanes.scaledPair(scaled, scale, first);
      const y = Lanes.scaledPair(scaled, scale, second);
      v128.store(to, v128.shuffle<f64>(x, y, 0, 2));
      v128.store(to + step, v128.shuffle<f64>(x, y, 1, 3));
    } else {
      store<f64>(to, scaled ? scale * load<f64>(first) : load<f64>(first));
      store<f64>(to, scaled ? scale * load<f64>(second) : load<f64>(second), 8);
      store<f64>(to + step, scaled ? scale * load<f64>(first, 8) : load<f64>(first, 8));
      store<f64>(to + step, scaled ? scale * load<f64>(second, 8) : load<f64>(second, 8), 8);
    }
  }
}
