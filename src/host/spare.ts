import type { HostLink } from './supervisor.ts';

/** Milliseconds after which the next spare is started: the image that took the last one is open by then. */
const NEXT_AFTER = 1500;

/**
 * One image's process that waits for its image. Starting a process and loading the engines takes longer than opening most images, and can
 * be done before anybody drops one. A spare that dies, or is not there yet, costs nothing but that advantage.
 */
export class Spare<P> {
  readonly #start: () => HostLink<P>;
  #waiting: HostLink<P> | undefined;
  #gone: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param start begins a process; it has no image until it is told of one */
  constructor(start: () => HostLink<P>) {
    this.#start = start;
  }

  /** The process for an image: the spare, or a new one. The caller owns it from now on. */
  take(): HostLink<P> {
    const link = this.#waiting ?? this.#start();
    this.#waiting = undefined;
    if (!this.#closed) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.prepare(), NEXT_AFTER);
      this.#timer.unref();
    }
    return link;
  }

  /** Starts a spare where there is none. */
  prepare(): void {
    if (this.#closed || this.#waiting !== undefined) return;
    const link = this.#start();
    this.#waiting = link;
    this.#gone = new Promise((resolve) => {
      link.onExit(() => {
        if (this.#waiting === link) this.#waiting = undefined;
        resolve();
      });
    });
    link.send({ do: 'prepare' });
  }

  /** Ends the spare; resolves when it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#waiting === undefined) return;
    this.#waiting.kill();
    await this.#gone;
  }
}
