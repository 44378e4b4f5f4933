import { setTimeout } from 'node:timers/promises';
import type { Cancel } from '../../shared/rpc/types.ts';

/** Milliseconds in which what changes is told together. */
const TOGETHER = 50;

/** Tells clients of something that changes. What one has not taken yet is put together with what comes, so that nothing grows with it. */
export class Told<T> {
  readonly #listeners = new Set<(item: T) => void>();
  readonly #join: (waiting: T, item: T) => T;

  /** @param join what is told of two changes that come together; the newer one, unless told */
  constructor(join: (waiting: T, item: T) => T = (_waiting, item) => item) {
    this.#join = join;
  }

  tell(item: T): void {
    for (const listener of this.#listeners) listener(item);
  }

  /** Ends when it is cancelled. @param first told at once */
  async *items(cancel: Cancel, first?: T): AsyncGenerator<T> {
    let waiting = first;
    let wake: (() => void) | undefined;
    const listener = (item: T): void => {
      waiting = waiting === undefined ? item : this.#join(waiting, item);
      wake?.();
    };
    this.#listeners.add(listener);
    cancel.onAbort(() => wake?.());
    try {
      while (!cancel.aborted) {
        if (waiting === undefined) {
          await new Promise<void>((resolve) => { wake = resolve; });
          continue;
        }
        const item = waiting;
        waiting = undefined;
        yield item;
        await setTimeout(TOGETHER, undefined, { ref: false });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}
