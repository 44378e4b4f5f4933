import type { FuseChannel } from './channel.ts';
import { OutHeader } from './layout.ts';
import type { Request } from './request.ts';

/** Bytes before what an answer says. */
export const REPLY_HEADER = OutHeader.size;

/** Longest answer of the shared buffer, with its header. */
const SHORT = 512;

/** Bytes of buffers that are kept for the next reads. */
const MOST_KEPT = 8 << 20;

/** An array and its view, for one answer: the header is written when it is sent. */
export interface ReplyBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Sends answers. Short ones are written into one buffer that all share: nothing comes between writing and sending, for both happen in one go. Long ones
 * have buffers from a pool, since what fills them may take its time.
 */
export class Replies {
  readonly #channel: FuseChannel;
  readonly short: ReplyBuffer = buffer(SHORT);
  /** The short buffer's beginnings, by their lengths. */
  readonly #cuts: (Uint8Array | undefined)[] = [];
  readonly #pool: ReplyBuffer[] = [];
  #pooled = 0;
  #ended = false;

  constructor(channel: FuseChannel) {
    this.#channel = channel;
  }

  /** Nobody hears answers any more. */
  end(): void {
    this.#ended = true;
    this.#pool.length = 0;
  }

  /** Zeros in the short buffer behind the header. @returns its view; the answer begins at REPLY_HEADER */
  blank(length: number): DataView {
    this.short.bytes.fill(0, REPLY_HEADER, REPLY_HEADER + length);
    return this.short.view;
  }

  /** Sends `length` bytes of the short buffer as the answer. @returns whether the kernel took it */
  sendShort(request: Request, length: number): boolean {
    const total = REPLY_HEADER + length;
    return this.#send(request, this.short.view, this.#cuts[total] ??= this.short.bytes.subarray(0, total), 0);
  }

  /** Sends `length` bytes of a buffer as the answer. */
  sendLong(request: Request, { bytes, view }: ReplyBuffer, length: number): boolean {
    return this.#send(request, view, bytes.subarray(0, REPLY_HEADER + length), 0);
  }

  /** It was done, and there is nothing to tell. */
  done(request: Request): void {
    this.sendShort(request, 0);
  }

  /** @param errno positive */
  fail(request: Request, errno: number): void {
    this.#send(request, this.short.view, this.#cuts[REPLY_HEADER] ??= this.short.bytes.subarray(0, REPLY_HEADER), errno);
  }

  /** A buffer for an answer of up to `length` bytes behind its header; `give` takes it back. */
  take(length: number): ReplyBuffer {
    const found = this.#pool.findLastIndex(({ bytes }) => bytes.length >= REPLY_HEADER + length);
    if (found < 0) return buffer(REPLY_HEADER + Math.max(1 << 17, length));
    const taken = this.#pool.splice(found, 1)[0]!;
    this.#pooled -= taken.bytes.length;
    return taken;
  }

  give(taken: ReplyBuffer): void {
    if (this.#ended || this.#pooled + taken.bytes.length > MOST_KEPT) return;
    this.#pool.push(taken);
    this.#pooled += taken.bytes.length;
  }

  #send(request: Request, view: DataView, message: Uint8Array, errno: number): boolean {
    if (request.answered || this.#ended) return false;
    request.answered = true;
    view.setUint32(0, message.length, true);
    view.setInt32(4, -errno, true);
    view.setUint32(8, request.view.getUint32(8, true), true);
    view.setUint32(12, request.view.getUint32(12, true), true);
    return this.#channel.send([message]) === 0;
  }
}

function buffer(length: number): ReplyBuffer {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}
