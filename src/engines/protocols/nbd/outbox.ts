import type { ByteChannel } from '../../core/channel.ts';

/** Bytes of a buffer. */
const SIZE = 512 * 1024;

/**
 * Answers on their way to the client, gathered: many small ones leave together. Two buffers take turns, so that one is filled while the other
 * is being sent; when both wait for a client that does not read, the server waits, too.
 */
export class Outbox {
  readonly #channel: ByteChannel;
  #filling: Buffered = { bytes: new Uint8Array(0), sent: undefined };
  #other: Buffered = { bytes: new Uint8Array(0), sent: undefined };
  #length = 0;

  constructor(channel: ByteChannel) {
    this.#channel = channel;
  }

  /** Most bytes that `room` gives. */
  static readonly most = SIZE;

  /**
   * Bytes to be filled at once: they are sent when the buffer is full, or by `flush`.
   * @param length at most `Outbox.most`
   * @returns a promise where it must be waited for the client to take what was sent
   */
  room(length: number): Uint8Array | Promise<Uint8Array> {
    if (this.#length + length > SIZE) this.flush();
    const { sent } = this.#filling;
    return sent === undefined ? this.#take(length) : sent.then(() => this.#take(length));
  }

  /** Gives back the last bytes of what `room` gave last: nothing was put there. */
  giveBack(length: number): void {
    this.#length -= length;
  }

  /** Sends bytes as they are, after all that was put in before. They must stay what they are until it resolves. */
  async sendAsIs(bytes: Uint8Array): Promise<void> {
    this.flush();
    await this.#channel.send(bytes);
  }

  /** Sends what is there. */
  flush(): void {
    if (this.#length === 0) return;
    const buffered = this.#filling;
    const sent = this.#channel.send(buffered.bytes.subarray(0, this.#length));
    this.#length = 0;
    if (sent === undefined) return;
    buffered.sent = (async () => {
      await sent;
      buffered.sent = undefined;
    })();
    [this.#filling, this.#other] = [this.#other, this.#filling];
  }

  #take(length: number): Uint8Array {
    const buffered = this.#filling;
    if (buffered.bytes.length < SIZE) buffered.bytes = new Uint8Array(SIZE);
    const bytes = buffered.bytes.subarray(this.#length, this.#length + length);
    this.#length += length;
    return bytes;
  }
}

interface Buffered {
  bytes: Uint8Array;
  /** While it is the channel's. */
  sent: Promise<void> | undefined;
}
