export interface Engine {
  readonly name: string;
  /** V8, SpiderMonkey or JavaScriptCore. */
  readonly family: string;
  /** Packages of npm, and of Debian, that it takes. */
  readonly packages?: readonly string[];
  readonly debian?: readonly string[];
}
export const engines: readonly Engine[];
export function bundle(entry: string): Promise<string>;
export function runIn(engine: Engine, program: string): Promise<string>;
