/** Looked up once: in Node the global is a getter. */
const clock = typeof performance === "undefined" ? Date : performance;

/** Milliseconds from some instant on. */
export function now(): number {
  return clock.now();
}
