import { now } from "../clock";

/** Jobs by the fastest of which a way of computing is judged at first: the first ones find everything cold. */
const TRIAL = 8;
/** Milliseconds of shared jobs that are judged all together after that: a core may be taken away for a few at any time. */
const WINDOW = 20;
/** Milliseconds in which all is done alone after sharing did not pay: at first, and at most. */
const SHORTEST_REST = 2;
const LONGEST_REST = 2000;
/** While sharing pays, one job in so many is done alone, so that the comparison stays fresh. */
const REFRESH = 256;
/** Weight of the newest of these. */
const NEWEST = 1 / 8;

/**
 * Decides for one kernel whether the next job is shared, by how long jobs took either way: where another process has a
 * core, waiting for the thread there costs more than it brings. Sharing that does not pay rests, twice as long each
 * time; so threads may be of no use, but they do no harm.
 */
export class Gauge {
  /** Milliseconds for a unit of work alone: the least of a trial, then an average. */
  #alone = Infinity;
  /** The same of shared jobs: the least of their trial. */
  #least = Infinity;
  /** Milliseconds and work of the shared jobs in the window. */
  #shared = 0;
  #work = 0;
  /** Jobs since the last change. */
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
    if (shared) {
      this.#shared += milliseconds;
      this.#work += work;
      this.#least = Math.min(this.#least, rate);
      if (this.#shared >= WINDOW) this.#judge(this.#shared / this.#work, time);
      else if (this.#jobs === TRIAL && this.#least > this.#alone) this.#pause(time);
    } else if (this.#sharing) this.#alone += (rate - this.#alone) * NEWEST;
    else {
      this.#alone = Math.min(this.#alone, rate);
      if (this.#jobs >= TRIAL && time >= this.#until) this.#begin(true);
    }
  }

  #judge(rate: number, time: number): void {
    if (rate > this.#alone) this.#pause(time);
    else {
      this.#rest = Math.max(SHORTEST_REST, this.#rest / 2);
      this.#clear();
    }
  }

  #pause(time: number): void {
    this.#until = time + this.#rest;
    this.#rest = Math.min(2 * this.#rest, LONGEST_REST);
    this.#begin(false);
  }

  #begin(sharing: boolean): void {
    this.#sharing = sharing;
    this.#jobs = 0;
    this.#least = Infinity;
    this.#clear();
    if (!sharing) this.#alone = Infinity;
  }

  /** Starts a window. */
  #clear(): void {
    this.#shared = 0;
    this.#work = 0;
  }
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
