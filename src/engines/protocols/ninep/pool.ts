interface Entry<K, V> {
  readonly key: K;
  readonly value: Promise<V>;
  users: number;
  /** No longer given out: goes with its last user. */
  detached: boolean;
}

/** Values that are dear to make and few at once: those that nobody uses are dropped, the longest unused first. Dropping must not fail. */
export class Pool<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #limit: number;
  readonly #drop: (value: V, key: K) => Promise<void>;

  constructor(limit: number, drop: (value: V, key: K) => Promise<void>) {
    this.#limit = limit;
    this.#drop = drop;
  }

  /** Runs with the key's value, which is made where there is none, and stays while it runs. */
  async use<T>(key: K, make: () => Promise<V>, run: (value: V) => T | Promise<T>): Promise<T> {
    const entry = this.#take(key, make);
    try {
      return await run(await entry.value);
    } finally {
      this.#leave(entry);
    }
  }

  /** As `use`, until `release`. */
  async hold(key: K, make: () => Promise<V>): Promise<{ readonly value: V; release(): void }> {
    const entry = this.#take(key, make);
    try {
      return { value: await entry.value, release: () => { this.#leave(entry); } };
    } catch (error) {
      this.#leave(entry);
      throw error;
    }
  }

  /** The value, where there is one already. It is not kept from going. */
  async peek(key: K): Promise<V | undefined> {
    return this.#entries.get(key)?.value.catch(() => undefined);
  }

  /** Gives the value away, where there is one and nobody uses it: it is the caller's, who drops it. */
  take(key: K): Promise<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.users > 0) return undefined;
    this.#entries.delete(key);
    return entry.value;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** A value that was made elsewhere; dropped where the key has one. */
  offer(key: K, value: V): void {
    if (this.#entries.has(key)) void this.#drop(value, key);
    else {
      this.#entries.set(key, { key, value: Promise.resolve(value), users: 0, detached: false });
      this.#trim();
    }
  }

  /** The key's value is not given out any more, and dropped once nobody uses it. */
  forget(key: K): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    entry.detached = true;
    if (entry.users === 0) void this.#discard(entry);
  }

  forgetAll(): void {
    for (const key of this.#entries.keys()) this.forget(key);
  }

  /** The keys that have a value, the longest unused first. */
  keys(): K[] {
    return [...this.#entries.keys()];
  }

  #take(key: K, make: () => Promise<V>): Entry<K, V> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { key, value: make(), users: 0, detached: false };
      const made = entry;
      made.value.catch(() => { if (this.#entries.get(key) === made) this.#entries.delete(key); });
    } else {
      this.#entries.delete(key);
    }
    entry.users++;
    // Last in the order: used last.
    this.#entries.set(key, entry);
    this.#trim();
    return entry;
  }

  #leave(entry: Entry<K, V>): void {
    entry.users--;
    if (entry.users > 0) return;
    if (entry.detached) void this.#discard(entry);
    else this.#trim();
  }

  #trim(): void {
    if (this.#entries.size <= this.#limit) return;
    for (const [key, entry] of this.#entries) {
      if (entry.users === 0) this.forget(key);
      if (this.#entries.size <= this.#limit) return;
    }
  }

  async #discard(entry: Entry<K, V>): Promise<void> {
    const value = await entry.value.catch(() => undefined);
    if (value !== undefined) await this.#drop(value, entry.key);
  }
}

/** Many at once that only look, or one that changes what the others stand on. In the order in which they came. */
export class Gate {
  #last: Promise<unknown> = Promise.resolve();
  #lookers = new Set<Promise<unknown>>();

  /** Beside others of its kind. */
  shared<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#last.then(run);
    const settled: Promise<unknown> = done.catch(() => undefined).finally(() => { this.#lookers.delete(settled); });
    this.#lookers.add(settled);
    return done;
  }

  /** Alone: after all that came before, before all that come after. */
  exclusive<T>(run: () => Promise<T>): Promise<T> {
    const before = [this.#last, ...this.#lookers];
    const done = Promise.all(before).then(run);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
