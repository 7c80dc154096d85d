import { messageOf } from "../errors";
import { hostModule } from "../hostModule";

/** Milliseconds in which a worker must have started. */
const START_LIMIT = 5000;

/** A worker of this host. */
export interface HostWorker {
  /** Resolves when it has been given its work and is ready, rejects with a reason that says what to do. */
  readonly started: Promise<void>;
  /** `moved` are buffers that are the worker's from then on. */
  post(message: unknown, moved?: readonly ArrayBufferLike[]): void;
  /** To hear what it says once it has started, and why it has ended where it did so by itself. */
  listen(said: (message: unknown) => void, ended: (reason: string) => void): void;
  /** From now on it does not keep its process alive. */
  release(): void;
  end(): void;
}

/** What Node offers. */
interface NodeWorker {
  on(event: "message" | "error", listener: (value: unknown) => void): void;
  on(event: "exit", listener: (code: number) => void): void;
  postMessage(message: unknown, moved: readonly ArrayBufferLike[]): void;
  unref(): void;
  terminate(): unknown;
}
interface NodeThreads {
  Worker: new (source: string, options: { eval: true; execArgv: string[]; name: string }) => NodeWorker;
}

/** What browsers offer. */
interface BrowserWorker {
  onmessage: null | ((event: { data: unknown }) => void);
  onerror: null | ((event: { message?: string }) => void);
  postMessage(message: unknown, moved: readonly ArrayBufferLike[]): void;
  terminate(): void;
}
interface Browser {
  Worker: new (url: string, options: { name: string }) => BrowserWorker;
  Blob: new (parts: string[], options: { type: string }) => object;
  URL: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void };
}

/** Starts a worker from its source. Throws where the host has none. */
export function startWorker(source: string): HostWorker {
  const threads = hostModule<NodeThreads>("node:worker_threads");
  return threads === undefined ? startInBrowser(source) : startInNode(threads, source);
}

function startInNode({ Worker }: NodeThreads, source: string): HostWorker {
  const worker = new Worker(source, { eval: true, execArgv: [], name: "wasmgrad" });
  const release = () => worker.unref();
  return hostWorker(worker, release, (said, ended) => {
    worker.on("message", said);
    worker.on("error", (error) => ended(`failed (${messageOf(error)})`));
    worker.on("exit", (code) => ended(`ended by itself (exit code ${code})`));
  });
}

function startInBrowser(source: string): HostWorker {
  const { Worker, Blob, URL } = globalThis as Partial<Browser>;
  if (Worker === undefined || Blob === undefined || URL === undefined) throw new Error("this host has no workers.");
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "wasmgrad" });
  const release = () => {};
  return hostWorker(worker, release, (said, ended) => {
    worker.onmessage = ({ data }) => {
      URL.revokeObjectURL(url);
      said(data);
    };
    worker.onerror = ({ message = "no reason given" }) => {
      URL.revokeObjectURL(url);
      ended(`failed (${message}); worker-src blob: in the Content-Security-Policy allows it`);
    };
  });
}

/** `hear` is called at once, for a worker may fail before it is given its work. Its first word is that it is ready. */
function hostWorker(
  worker: { postMessage(message: unknown, moved: readonly ArrayBufferLike[]): void; terminate(): unknown },
  release: () => void,
  hear: (said: (message: unknown) => void, ended: (reason: string) => void) => void,
): HostWorker {
  let over = false;
  const end = () => {
    over = true;
    void worker.terminate();
  };
  let timer: { unref?(): void } | number | undefined;
  let said: (message: unknown) => void = () => {};
  let ended: (reason: string) => void = () => {};
  const started = new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer);
      if (over) return;
      end();
      reject(new Error(`a worker ${reason}.`));
      ended(reason);
    };
    timer = setTimeout(() => fail(`did not start within ${START_LIMIT / 1000} s`), START_LIMIT);
    let ready = false;
    hear((message) => {
      if (ready) return said(message);
      ready = true;
      clearTimeout(timer);
      resolve();
    }, fail);
  });
  // whoever waits hears of a failure; who never does need not
  started.catch(() => {});
  return {
    started,
    post: (message, moved = []) => worker.postMessage(message, moved),
    listen(toMessage, toEnd) {
      said = toMessage;
      ended = toEnd;
    },
    release() {
      release();
      if (typeof timer === "object") timer.unref?.();
    },
    end,
  };
}
