import { now } from "../clock";

/** Milliseconds for which training may block the event loop. */
const BUDGET = 50;

/** Lets the event loop breathe: training yields one macrotask before it would have blocked for too long. */
export class Pacer {
  #yielded = now();
  #last = now();
  #longest = 0;

  /** To be called between steps: whether another as long as the longest so far would outlast the budget. */
  get due(): boolean {
    const time = now();
    this.#longest = Math.max(this.#longest, time - this.#last);
    this.#last = time;
    return time - this.#yielded + this.#longest > BUDGET;
  }

  /** Does work that can be left between two parts of it, to its end. */
  async drain<Result>(work: Generator<void, Result>): Promise<Result> {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (this.due) await this.breathe();
    }
  }

  async breathe(): Promise<void> {
    await macrotask();
    this.#yielded = now();
    this.#last = this.#yielded;
  }
}

/** One turn of the event loop. A timer would be clamped to 4 ms in browsers: a message is not. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else if (typeof MessageChannel === "function") {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        channel.port1.close();
        resolve();
      };
      channel.port2.postMessage(undefined);
    } else setTimeout(resolve, 0);
  });
}

/** Only a promise is awaited: between steps even a turn of the microtask queue costs something. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}
