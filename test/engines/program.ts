import { PLACES, type Place, train } from "./training";

export interface Row {
  readonly asked: Place;
  readonly variant?: string;
  readonly threads?: number;
  readonly start?: string;
  readonly step?: string;
  readonly epochs?: string;
  readonly predictions?: string;
  readonly error?: string;
}

export interface Answer {
  /** What the engine calls itself. */
  readonly version: string;
  readonly rows: readonly Row[];
}

interface Surroundings {
  document?: object;
  navigator?: { userAgent?: string };
  process?: { stdout: { write(text: string): void }; versions: Record<string, string>; arch: string };
  print?(text: string): void;
  fetch?(url: string, options: object): Promise<unknown>;
}

/**
 * The training of training.ts in whatever engine runs this, bundled into one script: on every variant, and on so many threads.
 * Answers with one JSON text: printed, or posted to the page's server.
 */
async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const asked of PLACES) {
    // an engine without a host has none
    if (asked.worker && !("Worker" in globalThis || "process" in globalThis)) continue;
    try {
      const { variant, threads, start, step, epochs, predictions } = await train(asked);
      rows.push({ asked, variant, threads, start, step, epochs, predictions });
    } catch (error) {
      rows.push({ asked, error: String(error) });
    }
  }
  const { document, navigator, process, print, fetch } = globalThis as Surroundings;
  const { bun, deno, node } = process?.versions ?? {};
  const named = navigator?.userAgent?.match(/(Firefox|Chrome)\/\d+/)?.[0].replace("/", " ");
  const version = process === undefined ? (named ?? "") : `${bun ?? deno ?? node}, ${process.arch}`;
  const text = JSON.stringify({ version, rows } satisfies Answer);
  if (document !== undefined) await fetch?.("/rows", { method: "POST", body: text });
  else if (process !== undefined) process.stdout.write(`${text}\n`);
  else print?.(text);
}

void run();
