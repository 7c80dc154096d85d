/**
 * SHA-256 (FIPS 180-4) of the bits of float64 numbers, little-endian, with every NaN made the same: which NaN an
 * operation gives differs between engines. Our own, for crypto.subtle is missing on pages without a secure context.
 */
export function sha256(numbers: Float64Array): string {
  const length = numbers.length * 8;
  // the message is padded by a 1 bit, zeros, and its length in bits, to whole blocks of 64 bytes
  const bytes = new Uint8Array(Math.ceil((length + 9) / 64) * 64);
  const message = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    message.setFloat64(8 * i, value, true);
    if (Number.isNaN(value)) message.setBigUint64(8 * i, 0x7ff8000000000000n, true);
  });
  message.setUint8(length, 0x80);
  message.setUint32(bytes.length - 8, Math.floor((length * 8) / 4294967296));
  message.setUint32(bytes.length - 4, (length * 8) >>> 0);

  const { constants, initial } = sha256Constants();
  const hash = Int32Array.from(initial);
  const words = new Int32Array(64);
  for (let block = 0; block < bytes.length; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = message.getInt32(block + 4 * i);
    for (let i = 16; i < 64; i++) {
      const a = words[i - 15] as number;
      const b = words[i - 2] as number;
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      words[i] = ((words[i - 16] as number) + s0 + (words[i - 7] as number) + s1) | 0;
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const choice = (e & f) ^ (~e & g);
      const t1 = (h + s1 + choice + (constants[i] as number) + (words[i] as number)) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => {
      hash[i] = ((hash[i] as number) + value) | 0;
    });
  }
  return Array.from(hash, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** The first 32 bits of the fractional parts of the cube roots and square roots of the first 64 and 8 primes. */
function sha256Constants(): Constants {
  known ??= findConstants();
  return known;
}

interface Constants {
  readonly constants: readonly number[];
  readonly initial: readonly number[];
}

let known: Constants | undefined;

function findConstants(): Constants {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return {
    constants: primes.map((prime) => rootFraction(prime, 3)),
    initial: primes.slice(0, 8).map((prime) => rootFraction(prime, 2)),
  };
}

/** floor(2^32 root) of a prime, modulo 2^32, by bisection on whole numbers. */
function rootFraction(prime: number, degree: number): number {
  const target = BigInt(prime) << BigInt(32 * degree);
  let root = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
    if ((root + bit) ** BigInt(degree) <= target) root += bit;
  }
  return Number(root & 0xffffffffn) | 0;
}
