import { now } from "../clock";

/** Jobs by which a way of computing is judged at first: by the fastest, since the first ones find everything cold. */
const TRIAL = 8;
/** Milliseconds in which all is done alone after sharing did not pay: at first, and at most. */
const SHORTEST_REST = 2;
const LONGEST_REST = 2000;
/** A job that takes so many times as long as it would alone ends a trial. */
const HOPELESS = 16;
/** While sharing pays, one job in so many is done alone, so that the comparison stays fresh. */
const REFRESH = 256;
/** Weight of the newest job in an average. */
const NEWEST = 1 / 8;

/**
 * Decides for one kernel whether the next job is shared, by how long jobs took either way: where another process has a
 * core, waiting for the thread there costs more than it brings. Sharing that does not pay rests, twice as long each
 * time; so threads may be of no use, but they do no harm.
 */
export class Gauge {
  /** Milliseconds for a unit of work: the least of a trial, then an average. */
  #alone = Infinity;
  #shared = Infinity;
  /** Jobs of each kind since the last change. */
  #jobs = 0;
  #sharing = false;
  /** When a rest is over. */
  #until = 0;
  #rest = SHORTEST_REST;

  /** Whether to share the next job. */
  get share(): boolean {
    return this.#sharing && this.#jobs % REFRESH !== REFRESH - 1;
  }

  /** Takes in how long a job of so much work took, and the time at its end. */
  note(shared: boolean, work: number, milliseconds: number, time: number): void {
    const rate = milliseconds / work;
    this.#jobs++;
    if (shared) this.#shared = averaged(this.#shared, rate, this.#jobs);
    else this.#alone = averaged(this.#alone, rate, this.#sharing ? TRIAL + 1 : this.#jobs);
    if (this.#sharing) {
      const hopeless = shared && this.#jobs > 1 && rate > HOPELESS * this.#alone;
      if (hopeless || (this.#jobs >= TRIAL && this.#shared > this.#alone)) this.#pause(time);
      else if (this.#jobs % REFRESH === 0) this.#rest = Math.max(SHORTEST_REST, this.#rest / 2);
    } else if (this.#jobs >= TRIAL && time >= this.#until) this.#begin(true);
  }

  #pause(time: number): void {
    this.#until = time + this.#rest;
    this.#rest = Math.min(2 * this.#rest, LONGEST_REST);
    this.#begin(false);
  }

  #begin(sharing: boolean): void {
    this.#sharing = sharing;
    this.#jobs = 0;
    if (sharing) this.#shared = Infinity;
    else this.#alone = Infinity;
  }
}

/** The least rate of the first jobs, then an average that forgets. */
function averaged(before: number, rate: number, jobs: number): number {
  return jobs <= TRIAL ? Math.min(before, rate) : before + (rate - before) * NEWEST;
}

/** The gauges of one kernel, one for each order of magnitude of its work, and the job that is going on. */
export class Gauges {
  readonly #gauges = Array.from({ length: 64 }, () => new Gauge());
  #current: Gauge | undefined;
  #shared = false;
  #work = 0;
  #start = 0;

  /** Starts the clock for a job of so many nanoseconds of work, and says whether to share it. */
  begin(work: number): boolean {
    this.#current = this.#gauges[Math.min(63, 32 - Math.clz32(work))] as Gauge;
    this.#shared = this.#current.share;
    this.#work = work;
    this.#start = now();
    return this.#shared;
  }

  /** Forgets that it was started: the job had company, and tells nothing. */
  drop(): void {
    this.#current = undefined;
  }

  /** Stops it, where it was started. */
  end(): void {
    if (this.#current === undefined) return;
    const time = now();
    this.#current.note(this.#shared, this.#work, time - this.#start, time);
    this.#current = undefined;
  }
}
