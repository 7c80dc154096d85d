import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Answer, Question, Work } from "./contestant";

const HOST = fileURLToPath(new URL("host.ts", import.meta.url));

interface Identity {
  name: string;
  variant: string | undefined;
  bits: number;
  threads: number;
  native: boolean;
}

/** A contestant in its process, seen from the run. */
export class Entrant {
  readonly name: string;
  /** Which of ours it is; undefined for a peer. */
  readonly variant: string | undefined;
  readonly bits: number;
  readonly threads: number;
  /** Machine code of its own, with what instructions the machine has. */
  readonly native: boolean;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #works = 0;

  private constructor(identity: Identity, child: ChildProcess, lines: AsyncIterator<string>) {
    this.name = identity.name;
    this.variant = identity.variant;
    this.bits = identity.bits;
    this.threads = identity.threads;
    this.native = identity.native;
    this.#child = child;
    this.#lines = lines;
  }

  /** A variant of our own. Like the others it returns why not where it can't be had. */
  static variant(variant: string, threads: number): Promise<Entrant | string> {
    return Entrant.#module(variant, variant, "wasmgrad.ts", [variant, String(threads)]);
  }

  /** A peer that is a module. */
  static peer(name: string, path: string, settings: string[] = []): Promise<Entrant | string> {
    return Entrant.#module(name, undefined, path, settings);
  }

  static #module(name: string, variant: string | undefined, path: string, settings: string[]) {
    const module = new URL(path, import.meta.url).href;
    return Entrant.start(name, process.execPath, [...process.execArgv, HOST, module, ...settings], variant);
  }

  /** Any command that speaks host.ts's language. */
  static async start(name: string, command: string, args: string[], variant?: string): Promise<Entrant | string> {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    let complaint = "";
    child.stderr.on("data", (text) => {
      complaint = `${complaint}${text}`.slice(-2000);
    });
    child.on("error", (error) => {
      complaint = error.message;
    });
    // a dead child's pipe: what it complained of is told by whoever reads next
    child.stdin.on("error", () => {});
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) return lastLine(complaint);
    const { version, bits, threads, native = false } = JSON.parse(first.value);
    const parts = [name, version, bits === 64 ? "" : `f${bits}`].filter((part) => part !== "").join(" ");
    const full = threads === 1 ? parts : `${parts}, ${threads} threads`;
    return new Entrant({ name: full, variant, bits, threads, native }, child, lines);
  }

  /** Makes the work ready and warm; returns its id, or undefined where it is not this contestant's kind of work. */
  async prepare(work: Work, seconds: number): Promise<number | undefined> {
    const id = this.#works++;
    const answer = await this.#ask({ ask: "prepare", id, work, seconds });
    return "able" in answer && answer.able ? id : undefined;
  }

  /** Seconds that it takes. */
  async read(id: number): Promise<number> {
    const answer = await this.#ask({ ask: "read", id });
    return "seconds" in answer ? answer.seconds : Number.NaN;
  }

  async release(id: number): Promise<void> {
    await this.#ask({ ask: "release", id });
  }

  async #ask(question: Question): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const { done, value } = await this.#lines.next();
    const answer: Answer = done ? { error: "its process ended" } : JSON.parse(value);
    if ("error" in answer) throw new Error(`${this.name}: ${answer.error}`);
    return answer;
  }

  close(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}

/** What a stack trace comes to. */
function lastLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return (lines.find((line) => /^\w*Error/.test(line)) ?? lines.at(-1) ?? "it ended without a word").trim();
}
