export interface Engine {
  readonly name: string;
  /** V8, SpiderMonkey or JavaScriptCore. */
  readonly family: string;
  /** Packages of npm, and of Debian, that it takes. */
  readonly packages?: readonly string[];
  readonly debian?: readonly string[];
  /** Of a browser: whether its pages are isolated, where they say nothing of it themselves. */
  readonly isolated?: boolean;
}
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}
export interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is taken to hang. */
  readonly limit?: number;
}
export interface Response {
  readonly type: string;
  readonly body: string | Uint8Array;
}
export interface Site {
  readonly headers?: Readonly<Record<string, string>>;
  readonly respond: (path: string) => Response | undefined | Promise<Response | undefined>;
  readonly page?: (origin: string) => string;
  readonly limit?: number;
}
export const engines: readonly Engine[];
export const ISOLATING: Readonly<Record<string, string>>;
export function bundle(entry: string): Promise<string>;
export function install(engine: Engine): Promise<string>;
export function runIn(engine: Engine, program: string): Promise<string>;
export function runProgram(engine: Engine, program: string, options?: Options): Promise<Printed>;
export function openPage(engine: Engine, site: Site): Promise<string>;
export function execute(command: string, args: readonly string[], options?: Options): Promise<Printed>;
export function makeFolder(folder: string, fill: (made: string) => Promise<void>): Promise<void>;
