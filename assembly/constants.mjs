/** Where the table stands: the compiler leaves the first KiB of the memory alone. The address 0 is no address. */
const TABLE = 8;
const END = 1024;

const CODE_SECTION = 10;
const DATA_SECTION = 11;

/**
 * The same module with its vector constants in its memory. V8 makes a constant anew at each use, in three or four instructions
 * where a load is one: the exponentials of Node 24 take a third less time so, and the binary has a quarter fewer bytes.
 * Zeros stay, which are one instruction, and so do vectors of two different halves.
 */
export function constantsToMemory(binary) {
  const table = [];
  const sections = [binary.subarray(0, 8)];
  for (const { id, content } of sectionsOf(binary)) {
    // it would stand in the section that is written here
    if (id === DATA_SECTION) throw new Error("a module with data was given, one without was expected");
    sections.push(section(id, id === CODE_SECTION ? rewrite(content, table) : content));
  }
  if (TABLE + 8 * table.length > END) {
    throw new Error(`${table.length} vector constants do not fit below ${END}`);
  }
  // one active segment, at i32.const TABLE, which is below 64 and so one byte
  const head = [1, 0, 0x41, TABLE, 0x0b, ...unsigned(8 * table.length)];
  if (table.length > 0) sections.push(section(DATA_SECTION, Buffer.concat([Buffer.from(head), ...table])));
  return Buffer.concat(sections);
}

/** The code section with loads instead of constants, whose halves are added to the table. */
function rewrite(code, table) {
  const [count, first] = readUnsigned(code, 0);
  const bodies = [Buffer.from(unsigned(count))];
  for (let at = first; at < code.length; ) {
    const [length, start] = readUnsigned(code, at);
    const body = rewriteBody(code.subarray(start, start + length), table);
    bodies.push(Buffer.from(unsigned(body.length)), body);
    at = start + length;
  }
  return Buffer.concat(bodies);
}

function rewriteBody(body, table) {
  const parts = [];
  let kept = 0;
  // v128.const is these two bytes and sixteen more; no other instruction repeats eight bytes behind them
  for (let at = body.indexOf("fd0c", 0, "hex"); at >= 0; at = body.indexOf("fd0c", at, "hex")) {
    const half = body.subarray(at + 2, at + 10);
    const same = half.length === 8 && half.equals(body.subarray(at + 10, at + 18));
    if (!same || half.every((byte) => byte === 0)) {
      at += 2;
      continue;
    }
    let index = table.findIndex((value) => value.equals(half));
    if (index < 0) index = table.push(half) - 1;
    // i32.const 0, v128.load64_splat, aligned to 8 bytes, with an offset
    const load = [0x41, 0, 0xfd, 0x0a, 3, ...unsigned(TABLE + 8 * index)];
    parts.push(body.subarray(kept, at), Buffer.from(load));
    at += 18;
    kept = at;
  }
  return Buffer.concat([...parts, body.subarray(kept)]);
}

function* sectionsOf(binary) {
  for (let at = 8; at < binary.length; ) {
    const [length, start] = readUnsigned(binary, at + 1);
    yield { id: binary[at], content: binary.subarray(start, start + length) };
    at = start + length;
  }
}

function section(id, content) {
  return Buffer.concat([Buffer.from([id, ...unsigned(content.length)]), content]);
}

/** A number in LEB128, and the place behind it. */
function readUnsigned(bytes, at) {
  let value = 0;
  let shift = 0;
  for (;;) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
    shift += 7;
  }
}

function unsigned(value) {
  const bytes = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}
