import { hostModule } from "../hostModule";

/** The way from a worker to who started it. */
export interface WorkerPort {
  post(message: unknown): void;
  listen(said: (message: unknown) => void): void;
  /** Nothing more is to be heard: the worker may end. */
  close(): void;
}

/** What a worker finds around it: Node's port, or a browser's global scope. */
interface NodePort {
  on(event: "message", listener: (message: unknown) => void): void;
  postMessage(message: unknown): void;
  close(): void;
}
interface BrowserScope {
  onmessage: null | ((event: { data: unknown }) => void);
  postMessage(message: unknown): void;
  close(): void;
}

export function workerPort(): WorkerPort {
  const port = hostModule<{ parentPort: NodePort | null }>("node:worker_threads")?.parentPort;
  if (port) {
    return {
      post: (message) => port.postMessage(message),
      listen: (said) => port.on("message", said),
      close: () => port.close(),
    };
  }
  const scope = globalThis as unknown as BrowserScope;
  return {
    post: (message) => scope.postMessage(message),
    listen(said) {
      scope.onmessage = ({ data }) => said(data);
    },
    close: () => scope.close(),
  };
}
