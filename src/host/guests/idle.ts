/** Knows when nothing was done for a while. */
export class IdleWatch {
  readonly #watches = new Set<{ readonly after: number; readonly run: () => void }>();
  #timer: NodeJS.Timeout | undefined;
  #last = performance.now();
  #busy = 0;

  /** Something went through. */
  use(): void {
    this.#last = performance.now();
  }

  /** Work that counts as use as long as it takes. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await work();
    } finally {
      this.#busy--;
      this.use();
    }
  }

  /** Runs once when nothing was done for `after` milliseconds. @returns ends the watch */
  watch(after: number, run: () => void): () => void {
    const watch = { after, run };
    this.#watches.add(watch);
    this.use();
    this.#look();
    return () => { this.#watches.delete(watch); };
  }

  /** Nothing is told any more. */
  end(): void {
    this.#watches.clear();
    clearTimeout(this.#timer);
  }

  #look(): void {
    clearTimeout(this.#timer);
    const idle = this.#busy > 0 ? 0 : performance.now() - this.#last;
    let next = Infinity;
    for (const watch of this.#watches) {
      if (idle >= watch.after) {
        this.#watches.delete(watch);
        watch.run();
      } else next = Math.min(next, watch.after - idle);
    }
    if (next === Infinity) return;
    this.#timer = setTimeout(() => this.#look(), Math.ceil(next));
    this.#timer.unref();
  }
}
