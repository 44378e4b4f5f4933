import { setTimeout } from 'node:timers/promises';
import { cancelled, DiskError } from '../../engines/core/errors.ts';
import type { CancelSignal } from '../../engines/core/job.ts';

/** Milliseconds between two looks at whether somebody who waits is cancelled. */
const LOOK_EVERY = 50;

/** Milliseconds that a call waits for the one before it: calls are short, and a job is not waited for. */
const CALL_WAITS = 500;

/** Whoever changes an image does so alone: jobs one after another, calls between them. */
export class Turns {
  readonly #changed: () => void;
  #held = false;
  #waiting: (() => void)[] = [];
  /** Jobs that write or wait for it. */
  #jobs = 0;

  /** @param changed told when the number of jobs is another one */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Jobs that write, or wait until they may. */
  get jobs(): number {
    return this.#jobs;
  }

  /** A job's turn, when those before it have ended. @throws DiskError cancelled */
  async job<T>(signal: CancelSignal, run: () => Promise<T>): Promise<T> {
    this.#jobs++;
    this.#changed();
    try {
      return await this.#turn(() => { if (signal.aborted) throw cancelled(); }, run);
    } finally {
      this.#jobs--;
      this.#changed();
    }
  }

  /** A call's turn. @throws DiskError busy while a job writes */
  call<T>(run: () => Promise<T>): Promise<T> {
    const until = performance.now() + CALL_WAITS;
    return this.#turn(() => {
      if (this.#jobs > 0 || performance.now() > until) throw new DiskError({ kind: 'busy' }, 'The image is being changed already', 'Wait for the work under way or cancel it.');
    }, run);
  }

  async #turn<T>(check: () => void, run: () => Promise<T>): Promise<T> {
    check();
    while (this.#held) {
      await Promise.race([new Promise<void>((resolve) => { this.#waiting.push(resolve); }), setTimeout(LOOK_EVERY, undefined, { ref: false })]);
      check();
    }
    this.#held = true;
    try {
      return await run();
    } finally {
      this.#held = false;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}
