/** In the worker, where something on the caller's side has failed: who keeps the error itself. */
export class CallerFailed extends Error {}
