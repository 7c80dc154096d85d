import { createInterface } from "node:readline";
import type { Answer, Contestant, Prepared, Question } from "./contestant";

/**
 * One contestant in a process of its own, so that neither its garbage nor what the compiler has learnt from it touches
 * another. Questions come in and answers go out, a line of JSON each; contestant.ts has their types.
 *
 *     host.ts <module> <what its open() takes>
 */
interface Ready {
  prepared: Prepared;
  /** How often the work is repeated for a reading. */
  repeats: number;
  /** Whether it is done once before. */
  short: boolean;
}

const [path = "", ...settings] = process.argv.slice(2);
const works = new Map<number, Ready>();
/** A warm-up ends when it got no faster for as long as this many readings take, or after so many seconds. */
const WARM_READINGS = 20;
const WARM_SECONDS = 4;
/** Seconds up to which work is done once before a reading: a tenth of a second holds a few steps of the widest network. */
const SHORT = 0.1;

const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);
// whoever else prints, does it elsewhere
console.log = console.info = console.error;

const { open }: { open(...settings: string[]): Promise<Contestant> } = await import(path);
const contestant = await open(...settings);
say({ version: contestant.version, bits: contestant.bits, threads: contestant.threads });

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await reply(JSON.parse(line)).catch((error: unknown) => ({ error: String(error) }));
  say(answer);
}

// the run is over, and so are a contestant's threads
process.exit();

async function reply(question: Question): Promise<Answer> {
  if (question.ask === "prepare") {
    const prepared = await contestant.prepare(question.work);
    if (prepared === undefined) return { able: false };
    works.set(question.id, await warmUp(prepared, question.seconds));
    return { able: true };
  }
  const work = works.get(question.id);
  if (work === undefined) return { error: `work ${question.id} was not prepared` };
  if (question.ask === "read") return { seconds: await read(work) };
  work.prepared.release?.();
  works.delete(question.id);
  return { able: true };
}

/**
 * Seconds that the work takes, a mean over its repeats. Short work is done once before the clock starts: the other contestants
 * have had the caches meanwhile.
 */
async function read({ prepared, repeats, short }: Ready): Promise<number> {
  if (short) await prepared.once();
  const start = performance.now();
  for (let i = 0; i < repeats; i++) {
    const done = prepared.once();
    if (done !== undefined) await done;
  }
  return (performance.now() - start) / 1000 / repeats;
}

/** Runs the work until it no longer gets faster; as often as then fills `seconds`, it will be read. */
async function warmUp(prepared: Prepared, seconds: number): Promise<Ready> {
  let repeats = 1;
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + 1000 * WARM_SECONDS;
  for (let idle = 0; idle < WARM_READINGS * seconds && performance.now() < end; ) {
    const reading = await read({ prepared, repeats, short: false });
    idle = reading < 0.98 * best ? 0 : idle + reading * repeats;
    best = Math.min(best, reading);
    repeats = Math.max(1, Math.ceil(seconds / best));
  }
  return { prepared, repeats, short: best < SHORT };
}
