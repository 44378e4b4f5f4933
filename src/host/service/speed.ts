/** Milliseconds over which a speed is smoothed: long enough to be readable, short enough to follow a slow disk. */
const MEMORY = 3000;

/** Milliseconds before a speed is told at all: the first reports measure caches. */
const WARM_UP = 500;

/** How fast a count grows, as an exponential average over time (not over reports, which come unevenly). */
export class Speed {
  #start: number | undefined;
  #last = { at: 0, done: 0 };
  #speed: number | undefined;

  /**
   * @param now milliseconds
   * @returns units a second, undefined while too little is known
   */
  at(now: number, done: number): number | undefined {
    if (this.#start === undefined || done < this.#last.done) {
      this.#start = now;
      this.#last = { at: now, done };
      return this.#speed;
    }
    const elapsed = now - this.#last.at;
    if (elapsed >= 50) {
      const current = ((done - this.#last.done) / elapsed) * 1000;
      const weight = this.#speed === undefined ? 1 : 1 - Math.exp(-elapsed / MEMORY);
      this.#speed = (this.#speed ?? 0) + weight * (current - (this.#speed ?? 0));
      this.#last = { at: now, done };
    }
    return now - this.#start < WARM_UP ? undefined : this.#speed;
  }

  /** After a pause: the time that passed counts for nothing. */
  restart(): void {
    this.#start = undefined;
  }
}
