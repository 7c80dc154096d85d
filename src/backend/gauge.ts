import { now } from "../clock";

/** Jobs alone at first, before there is anything to compare with; and shared ones before the comparison counts. */
const TRIAL = 4;
/** Jobs to do alone after sharing did not pay: at first, and at most. */
const SHORTEST_REST = 16;
const LONGEST_REST = 4096;
/** While sharing pays, one job in so many is done alone, so that the comparison stays fresh. */
const REFRESH = 256;
/** Weight of the newest job in an average. */
const NEWEST = 1 / 8;

/**
 * Decides for one kernel whether the next job is shared, by how long jobs took either way: where another process has a
 * core, waiting for the thread there costs more than it brings. Sharing that does not pay rests, four times as long each
 * time; so threads may be of no use, but they do no harm.
 */
export class Gauge {
  /** Milliseconds for a unit of work, averaged; 0 before the first job. */
  #alone = 0;
  #shared = 0;
  /** Jobs of the kind that is going on. */
  #jobs = 0;
  #sharing = false;
  #left = TRIAL;
  #rest = SHORTEST_REST;

  /** Whether to share the next job. */
  get share(): boolean {
    return this.#sharing && this.#jobs % REFRESH !== REFRESH - 1;
  }

  /** Takes in how long a job of so much work took. */
  note(shared: boolean, work: number, milliseconds: number): void {
    this.#jobs++;
    const rate = milliseconds / work;
    if (!shared) {
      this.#alone = this.#alone === 0 ? rate : this.#alone + (rate - this.#alone) * NEWEST;
      if (!this.#sharing && --this.#left <= 0) this.#begin(true);
      return;
    }
    this.#shared = this.#shared === 0 ? rate : this.#shared + (rate - this.#shared) * NEWEST;
    const slow = this.#shared > this.#alone;
    if (slow && (this.#jobs >= TRIAL || rate > 4 * this.#alone)) {
      this.#left = this.#rest;
      this.#rest = Math.min(4 * this.#rest, LONGEST_REST);
      this.#begin(false);
    } else if (this.#jobs % REFRESH === 0) this.#rest = Math.max(SHORTEST_REST, this.#rest / 4);
  }

  #begin(sharing: boolean): void {
    this.#sharing = sharing;
    this.#jobs = 0;
    this.#shared = 0;
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

  /** Stops it, where it was started. */
  end(): void {
    this.#current?.note(this.#shared, this.#work, now() - this.#start);
    this.#current = undefined;
  }
}
