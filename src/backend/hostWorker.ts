import type { WorkerStart } from "./worker";

/** Milliseconds in which a worker must have started. */
const START_LIMIT = 5000;

/** A worker of this host, which no longer keeps its process alive. */
export interface HostWorker {
  end(): void;
}

/** What Node lends at run time, so that no bundler sees an import. */
interface NodeWorker {
  once(event: "message" | "error", listener: (value: unknown) => void): void;
  once(event: "exit", listener: (code: number) => void): void;
  postMessage(message: unknown): void;
  unref(): void;
  terminate(): unknown;
}
interface NodeProcess {
  getBuiltinModule?(name: "node:worker_threads"): {
    Worker: new (source: string, options: { eval: true; execArgv: string[]; name: string }) => NodeWorker;
  };
}

/** What browsers offer. */
interface BrowserWorker {
  onmessage: null | ((event: { data: unknown }) => void);
  onerror: null | ((event: { message?: string }) => void);
  postMessage(message: unknown): void;
  terminate(): void;
}
interface Browser {
  Worker: new (url: string, options: { name: string }) => BrowserWorker;
  Blob: new (parts: string[], options: { type: string }) => object;
  URL: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void };
}

/** Starts a worker from its source and waits until it says that it is ready. Rejects with a reason that says what to do. */
export async function startWorker(source: string, start: WorkerStart): Promise<HostWorker> {
  const node: NodeProcess | undefined = Reflect.get(globalThis, "process");
  const threads = node?.getBuiltinModule?.("node:worker_threads");
  return threads === undefined ? startInBrowser(source, start) : startInNode(threads.Worker, source, start);
}

function startInNode(
  Worker: NonNullable<ReturnType<NonNullable<NodeProcess["getBuiltinModule"]>>>["Worker"],
  source: string,
  start: WorkerStart,
): Promise<HostWorker> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, execArgv: [], name: "wasmgrad" });
    const fail = (reason: string) => {
      worker.terminate();
      reject(new Error(reason));
    };
    const timer = setTimeout(() => fail(`a worker did not start within ${START_LIMIT / 1000} s.`), START_LIMIT);
    worker.once("message", () => {
      clearTimeout(timer);
      worker.unref();
      resolve({ end: () => worker.terminate() });
    });
    worker.once("error", (error) => {
      clearTimeout(timer);
      fail(`a worker could not start (${error instanceof Error ? error.message : String(error)}).`);
    });
    worker.once("exit", (code) => {
      clearTimeout(timer);
      fail(`a worker ended before it had started (exit code ${code}).`);
    });
    worker.postMessage(start);
  });
}

function startInBrowser(source: string, start: WorkerStart): Promise<HostWorker> {
  const { Worker, Blob, URL } = globalThis as Partial<Browser>;
  if (Worker === undefined || Blob === undefined || URL === undefined) {
    return Promise.reject(new Error("this host has no workers."));
  }
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return new Promise<HostWorker>((resolve, reject) => {
    const worker = new Worker(url, { name: "wasmgrad" });
    const fail = (reason: string) => {
      worker.terminate();
      reject(new Error(reason));
    };
    const timer = setTimeout(() => fail(`a worker did not start within ${START_LIMIT / 1000} s.`), START_LIMIT);
    worker.onmessage = () => {
      clearTimeout(timer);
      resolve({ end: () => worker.terminate() });
    };
    worker.onerror = ({ message }) => {
      clearTimeout(timer);
      fail(
        `a worker could not start (${message ?? "no reason given"}); allow it with worker-src blob: in the Content-Security-Policy.`,
      );
    };
    worker.postMessage(start);
  }).finally(() => URL.revokeObjectURL(url));
}
