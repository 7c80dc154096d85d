/**
 * What the library uses of its host, so that it compiles without the DOM library and cannot lean on more of
 * one host than it says here. None of these names reaches the public declarations.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: unknown;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: boolean });
    readonly buffer: SharedArrayBuffer;
    grow(pages: number): number;
  }
  function validate(bytes: Uint8Array): boolean;
  function compile(bytes: Uint8Array | ArrayBuffer): Promise<Module>;
  function compileStreaming(response: unknown): Promise<Module>;
}

declare function fetch(url: string): Promise<unknown>;
declare function setTimeout(callback: () => void, milliseconds: number): { unref?(): void } | number;
declare function clearTimeout(timer: unknown): void;
declare const setImmediate: undefined | ((callback: () => void) => unknown);
declare const performance: { now(): number };
declare const MessageChannel:
  | undefined
  | (new () => {
      port1: { onmessage: null | (() => void); close(): void };
      port2: { postMessage(message: unknown): void };
    });

// browsers have these; elsewhere they are undefined
declare const crossOriginIsolated: boolean | undefined;
declare const navigator: { hardwareConcurrency?: number } | undefined;
