import type { Message, Transport } from '../types.ts';

/** Two ends of a channel inside one process. Messages are handed over as they are, in a later turn. */
export function memoryPair(): [Transport, Transport] {
  const a = new MemoryEnd();
  const b = new MemoryEnd();
  a.other = b;
  b.other = a;
  return [a, b];
}

class MemoryEnd implements Transport {
  other: MemoryEnd | undefined;
  #onMessage: ((message: unknown) => void) | undefined;
  readonly #onClose: ((reason: string) => void)[] = [];
  #closed = false;
  /** Messages that came before anyone listened. */
  readonly #early: Message[] = [];

  send(message: Message): void {
    const { other } = this;
    if (this.#closed || other === undefined) return;
    void Promise.resolve().then(() => other.#deliver(message));
  }

  onMessage(run: (message: unknown) => void): void {
    this.#onMessage = run;
    for (const message of this.#early.splice(0)) this.#deliver(message);
  }

  onClose(run: (reason: string) => void): void {
    this.#onClose.push(run);
  }

  close(): void {
    const { other } = this;
    if (this.#closed) return;
    this.#end('closed');
    if (other) void Promise.resolve().then(() => other.#end('the other side closed it'));
  }

  #deliver(message: Message): void {
    if (this.#closed) return;
    if (this.#onMessage) this.#onMessage(message);
    else this.#early.push(message);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const run of this.#onClose.splice(0)) run(reason);
  }
}
