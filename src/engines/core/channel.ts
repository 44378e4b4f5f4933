import type { DiskError } from './errors.ts';

/**
 * A two-way stream of bytes: a socket, a pipe, a serial port, two arrays in a test. Pieces arrive in order and may be cut anywhere; who reads
 * puts them together. What the protocols (9P, NBD) are spoken over.
 */
export interface ByteChannel {
  /**
   * Queues bytes behind those before; the array is the channel's until the promise resolves (or, with no promise, until it returns).
   * A promise is back-pressure: it resolves when more may be sent. It never rejects: a channel that fails tells it through `onEnd`,
   * and what is sent after its end is dropped.
   */
  send(bytes: Uint8Array): void | Promise<void>;
  /**
   * Who is told what arrives; one receiver, set once, and nothing is lost that arrived before. The array is the receiver's to keep.
   * A promise as the answer holds back what comes next until it resolves, where the channel can.
   */
  onBytes(run: (bytes: Uint8Array) => void | Promise<void>): void;
  /** Told once, when nothing more will arrive: the other side closed (no error), or the channel failed. Also told when it had already ended. */
  onEnd(run: (error?: DiskError) => void): void;
  /** Ends both directions; what was sent before still goes out. `onEnd` is told, unless it was already. */
  close(): void;
}

/** How many pieces wait in one direction of a pair before `send` answers with a promise. */
const WAITING = 16;

/** Two ends of a channel in memory: what one sends arrives at the other, in a later turn, as with a socket. */
export function channelPair(): [ByteChannel, ByteChannel] {
  const [there, back] = [new Direction(), new Direction()];
  const end = (out: Direction, into: Direction): ByteChannel => ({
    send: (bytes) => out.push(bytes),
    onBytes(run) { into.receive(run); },
    onEnd(run) { into.onEnd(run); },
    close() {
      out.end();
      into.cut();
    },
  });
  return [end(there, back), end(back, there)];
}

/** One direction of a pair. */
class Direction {
  readonly #waiting: Uint8Array[] = [];
  readonly #senders: (() => void)[] = [];
  #receiver: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  #listeners: (() => void)[] = [];
  #running = false;
  #ended = false;
  #told = false;

  push(bytes: Uint8Array): void | Promise<void> {
    if (this.#ended) return undefined;
    // A copy: the sender may use its array again.
    this.#waiting.push(bytes.slice());
    void this.#run();
    if (this.#waiting.length > WAITING) return new Promise((resolve) => { this.#senders.push(resolve); });
    return undefined;
  }

  receive(run: (bytes: Uint8Array) => void | Promise<void>): void {
    this.#receiver = run;
    void this.#run();
  }

  onEnd(run: () => void): void {
    if (this.#told) run();
    else this.#listeners.push(run);
  }

  /** Nothing more is sent; what waits still arrives. */
  end(): void {
    this.#ended = true;
    this.#release();
    void this.#run();
  }

  /** The receiver went away. */
  cut(): void {
    this.#ended = true;
    this.#waiting.length = 0;
    this.#release();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    await Promise.resolve();
    while (this.#receiver !== undefined && this.#waiting.length > 0) {
      const pause = this.#receiver(this.#waiting.shift()!);
      if (this.#waiting.length <= WAITING) this.#release();
      if (pause !== undefined) await pause;
    }
    this.#running = false;
    if (this.#ended && this.#waiting.length === 0 && !this.#told) {
      this.#told = true;
      for (const run of this.#listeners.splice(0)) run();
    }
  }

  #release(): void {
    for (const resolve of this.#senders.splice(0)) resolve();
  }
}
