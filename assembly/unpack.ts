/**
 * What the binaries are packed by, as a binary of its own that unpacks them: the same in JavaScript would be through before an
 * engine has compiled it well. LZMA of the default properties (3 bits of the byte before, 2 of the position), which makes a
 * binary a quarter smaller than gzip does, for its functions resemble each other from afar. Igor Pavlov's LZMA specification,
 * 2015, names every step.
 */

/** Where the probabilities of each kind of decision stand: of 12 states, some by 4 positions; a tree of n bits takes 2^n. */
const MATCH: u32 = 0;
const REPEAT_BYTE: u32 = 48;
const REPEAT: u32 = 96;
const REPEAT_FIRST: u32 = 108;
const REPEAT_SECOND: u32 = 120;
const REPEAT_THIRD: u32 = 132;
const SLOTS: u32 = 144;
const DISTANCES: u32 = 400;
const ALIGNED: u32 = 516;
const LENGTHS: u32 = 532;
const REPEAT_LENGTHS: u32 = 854;
const LITERALS: u32 = 1176;
const PROBABILITIES: u32 = LITERALS + (0x300 << 3);

/** Bytes of the header of a .lzma file: properties, size of the dictionary, size. The stream's first byte is 0. */
const HEADER: usize = 13;

let next: usize = 0;
let range: u32 = 0;
let code: u32 = 0;

/** The first byte that is free for a file: the probabilities stand before. */
export function fileStart(): usize {
  return PROBABILITIES << 1;
}

function shift(): void {
  code = (code << 8) | load<u8>(next++);
}

/** One decision of the probability at `place`, which learns from it. */
function bit(place: u32): u32 {
  const at: usize = place << 1;
  const probability: u32 = load<u16>(at);
  const bound = (range >>> 11) * probability;
  const one: u32 = code < bound ? 0 : 1;
  if (one) {
    range -= bound;
    code -= bound;
    store<u16>(at, probability - (probability >>> 5));
  } else {
    range = bound;
    store<u16>(at, probability + ((2048 - probability) >>> 5));
  }
  normalize();
  return one;
}

function normalize(): void {
  if (range >>> 24) return;
  range <<= 8;
  shift();
}

/** A number of `bits`, the high ones first. */
function tree(place: u32, bits: u32): u32 {
  let node: u32 = 1;
  while (!(node >>> bits)) node = 2 * node + bit(place + node);
  return node - (1 << bits);
}

/** A number of `bits`, the low ones first. */
function reverseTree(place: u32, bits: u32): u32 {
  let node: u32 = 1;
  let value: u32 = 0;
  for (let i: u32 = 0; i < bits; i++) {
    const one = bit(place + node);
    node = 2 * node + one;
    value |= one << i;
  }
  return value;
}

/** A number of `bits` without a probability. */
function plain(bits: u32): u32 {
  let value: u32 = 0;
  while (bits--) {
    range >>>= 1;
    const one: u32 = code < range ? 0 : 1;
    if (one) code -= range;
    value = 2 * value + one;
    normalize();
  }
  return value;
}

function length(place: u32, position: u32): u32 {
  if (!bit(place)) return 2 + tree(place + 2 + 8 * position, 3);
  if (!bit(place + 1)) return 10 + tree(place + 34 + 8 * position, 3);
  return 18 + tree(place + 66, 8);
}

/**
 * The bytes that an .lzma file of a known size holds.    file: at fileStart()    out: as many bytes as it says, behind the file
 *
 * What is no such file gives no error but other bytes.
 */
export function unpack(file: usize, out: usize): void {
  for (let i: usize = 0; i < <usize>PROBABILITIES; i++) store<u16>(i << 1, 1024);
  const end = out + load<u32>(file + 5);
  next = file + HEADER + 1;
  range = 0xffffffff;
  for (let i = 0; i < 4; i++) shift();
  /** What came last, 7 and more after a match: decisions depend on it. */
  let state: u32 = 0;
  /** The last four distances. */
  let first: u32 = 1;
  let second: u32 = 1;
  let third: u32 = 1;
  let fourth: u32 = 1;
  const start = out;
  while (out < end) {
    const position = <u32>(out - start) & 3;
    if (!bit(MATCH + 4 * state + position)) {
      const before: u32 = out > start ? load<u8>(out - 1) : 0;
      const place = LITERALS + 0x300 * (before >>> 5);
      let node: u32 = 1;
      if (state >= 7) {
        // the byte that would have gone on with the match is known not to come
        let other: u32 = load<u8>(out - first);
        while (node < 0x100) {
          const expected = (other >>> 7) & 1;
          const one = bit(place + 0x100 * (1 + expected) + node);
          node = 2 * node + one;
          if (one !== expected) break;
          other <<= 1;
        }
      }
      while (node < 0x100) node = 2 * node + bit(place + node);
      store<u8>(out++, node);
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let count: u32 = 1;
    if (!bit(REPEAT + state)) {
      fourth = third;
      third = second;
      second = first;
      count = length(LENGTHS, position);
      const slot = tree(SLOTS + 64 * min<u32>(count - 2, 3), 6);
      const bits = (slot >>> 1) - 1;
      const base = (2 | (slot & 1)) << bits;
      if (slot < 4) first = slot + 1;
      else if (slot < 14) first = base + reverseTree(DISTANCES + base - slot, bits) + 1;
      else first = base + (plain(bits - 4) << 4) + reverseTree(ALIGNED, 4) + 1;
      state = state < 7 ? 7 : 10;
    } else {
      let isByte = false;
      if (bit(REPEAT_FIRST + state)) {
        let distance = second;
        if (bit(REPEAT_SECOND + state)) {
          distance = third;
          if (bit(REPEAT_THIRD + state)) {
            distance = fourth;
            fourth = third;
          }
          third = second;
        }
        second = first;
        first = distance;
      } else isByte = !bit(REPEAT_BYTE + 4 * state + position);
      if (isByte) state = state < 7 ? 9 : 11;
      else {
        count = length(REPEAT_LENGTHS, position);
        state = state < 7 ? 8 : 11;
      }
    }
    // byte by byte: what is copied may go on into itself
    while (count--) {
      store<u8>(out, load<u8>(out - first));
      out++;
    }
  }
}
