/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC 2011): four words
 * from a counter of four and a key of two, with no state between calls. Known answers: Random123, test/random.test.ts.
 */
export class Philox {
  /** Writes the first `count` words of a block as doubles. */
  static words(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32, count: usize, to: usize): void {
    for (let round = 0; round < 10; round++) {
      const product0 = <u64>c0 * 0xd2511f53;
      const product1 = <u64>c2 * 0xcd9e8d57;
      const next0 = <u32>(product1 >> 32) ^ c1 ^ k0;
      const next2 = <u32>(product0 >> 32) ^ c3 ^ k1;
      c1 = <u32>product1;
      c3 = <u32>product0;
      c0 = next0;
      c2 = next2;
      k0 += 0x9e3779b9;
      k1 += 0xbb67ae85;
    }
    store<f64>(to, <f64>c0);
    if (count > 1) store<f64>(to, <f64>c1, 8);
    if (count > 2) store<f64>(to, <f64>c2, 16);
    if (count > 3) store<f64>(to, <f64>c3, 24);
  }
}
