import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/**
 * How long a cache line that one core has written takes to another: two threads that count up one number in turn. Nanoseconds
 * one way, at best over a tenth of a second or so.
 */
const TURNS = 2000;
const READINGS = 200;
const counter = new Int32Array(workerData ?? new SharedArrayBuffer(64));

if (isMainThread) {
  const other = new Worker(new URL(import.meta.url), { workerData: counter.buffer });
  await new Promise((resolve) => other.once("message", resolve));
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < READINGS; i++) best = Math.min(best, reading());
  console.log(JSON.stringify({ nanoseconds: best }));
  process.exit();
} else {
  parentPort.postMessage("ready");
  for (;;) {
    const count = Atomics.load(counter, 0);
    if (count % 2 === 1) Atomics.store(counter, 0, count + 1);
  }
}

function reading() {
  const start = performance.now();
  for (let i = 0; i < TURNS; i++) {
    const count = Atomics.load(counter, 0);
    Atomics.store(counter, 0, count + 1);
    while (Atomics.load(counter, 0) === count + 1);
  }
  return (1e6 * (performance.now() - start)) / TURNS / 2;
}
