/** Where the probabilities of each kind of decision stand: of 12 states, some by 4 positions; a tree of n bits takes 2^n. */
const MATCH = 0;
const REPEAT_BYTE = 48;
const REPEAT = 96;
const REPEAT_FIRST = 108;
const REPEAT_SECOND = 120;
const REPEAT_THIRD = 132;
const SLOTS = 144;
const DISTANCES = 400;
const ALIGNED = 516;
const LENGTHS = 532;
const REPEAT_LENGTHS = 854;
const LITERALS = 1176;
const PROBABILITIES = LITERALS + (0x300 << 3);

/** Bytes of the header of a .lzma file: properties, size of the dictionary, size. */
const HEADER = 13;

/**
 * The bytes that an .lzma file holds, of the default properties (3 bits of the byte before, 2 of the position) and a known size:
 * a quarter smaller than gzip makes a binary, whose functions resemble each other from afar. Igor Pavlov's LZMA specification,
 * 2015, names every step. What is no such file gives no error but other bytes.
 */
export function unpack(file: Uint8Array): Uint8Array {
  const out = new Uint8Array(new DataView(file.buffer, file.byteOffset).getUint32(5, true));
  const probabilities = new Uint16Array(PROBABILITIES).fill(1024);
  // the first byte of the stream is 0
  let next = HEADER + 1;
  let range = 2 ** 32 - 1;
  let code = 0;

  const shift = () => {
    range = (range << 8) >>> 0;
    code = ((code << 8) | (file[next++] ?? 0)) >>> 0;
  };
  for (let i = 0; i < 4; i++) code = ((code << 8) | (file[next++] ?? 0)) >>> 0;

  /** One decision of the probability at `place`, which learns from it. */
  const bit = (place: number): number => {
    const probability = probabilities[place] as number;
    const bound = (range >>> 11) * probability;
    const one = code >= bound;
    if (one) {
      range -= bound;
      code -= bound;
      probabilities[place] = probability - (probability >>> 5);
    } else {
      range = bound;
      probabilities[place] = probability + ((2048 - probability) >>> 5);
    }
    if (range < 2 ** 24) shift();
    return one ? 1 : 0;
  };
  /** A number of `bits`, the high ones first. */
  const tree = (place: number, bits: number): number => {
    let node = 1;
    for (let i = 0; i < bits; i++) node = 2 * node + bit(place + node);
    return node - 2 ** bits;
  };
  /** The low ones first. */
  const reverseTree = (place: number, bits: number): number => {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const one = bit(place + node);
      node = 2 * node + one;
      value += one << i;
    }
    return value;
  };
  /** A number of `bits` without a probability. */
  const plain = (bits: number): number => {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      range >>>= 1;
      const one = code >= range;
      if (one) code -= range;
      value = 2 * value + (one ? 1 : 0);
      if (range < 2 ** 24) shift();
    }
    return value;
  };
  const length = (place: number, position: number): number => {
    if (bit(place) === 0) return 2 + tree(place + 2 + 8 * position, 3);
    if (bit(place + 1) === 0) return 10 + tree(place + 34 + 8 * position, 3);
    return 18 + tree(place + 66, 8);
  };

  /** What came last, 7 and more after a match: decisions depend on it. */
  let state = 0;
  /** The last four distances. */
  let [first, second, third, fourth] = [1, 1, 1, 1];
  for (let at = 0; at < out.length; ) {
    const position = at & 3;
    if (bit(MATCH + 4 * state + position) === 0) {
      const place = LITERALS + 0x300 * ((out[at - 1] ?? 0) >>> 5);
      let node = 1;
      // after a match the byte that would have gone on with it is known not to come
      for (let other = state >= 7 ? (out[at - first] as number) : -1; node < 0x100; ) {
        const expected = (other >>> 7) & 1;
        const one = bit(place + (other < 0 ? 0 : 0x100 * (1 + expected)) + node);
        node = 2 * node + one;
        other = other < 0 || one !== expected ? -1 : (other << 1) & 0xff;
      }
      out[at++] = node;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let count: number;
    if (bit(REPEAT + state) === 0) {
      [second, third, fourth] = [first, second, third];
      count = length(LENGTHS, position);
      const slot = tree(SLOTS + 64 * Math.min(count - 2, 3), 6);
      const bits = (slot >>> 1) - 1;
      const base = (2 | (slot & 1)) * 2 ** bits;
      if (slot < 4) first = slot + 1;
      else if (slot < 14) first = base + reverseTree(DISTANCES + base - slot, bits) + 1;
      else first = base + 16 * plain(bits - 4) + reverseTree(ALIGNED, 4) + 1;
      state = state < 7 ? 7 : 10;
    } else {
      if (bit(REPEAT_FIRST + state) === 0) {
        if (bit(REPEAT_BYTE + 4 * state + position) === 0) {
          out[at] = out[at - first] as number;
          at++;
          state = state < 7 ? 9 : 11;
          continue;
        }
      } else if (bit(REPEAT_SECOND + state) === 0) [first, second] = [second, first];
      else if (bit(REPEAT_THIRD + state) === 0) [first, second, third] = [third, first, second];
      else [first, second, third, fourth] = [fourth, first, second, third];
      count = length(REPEAT_LENGTHS, position);
      state = state < 7 ? 8 : 11;
    }
    for (; count > 0; count--) {
      out[at] = out[at - first] as number;
      at++;
    }
  }
  return out;
}
