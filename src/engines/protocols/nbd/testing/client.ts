import type { ByteChannel } from '../../../core/channel.ts';
import { decodeName, encodeName } from '../../../core/names.ts';
import { Inbox } from '../inbox.ts';

/** An answer to an option: its type and data. */
export interface OptionAnswer {
  readonly type: number;
  readonly data: Uint8Array;
}

/** A chunk of a structured reply. */
export interface Chunk {
  readonly flags: number;
  readonly type: number;
  readonly cookie: bigint;
  readonly payload: Uint8Array;
}

/** A client by hand: it sends what it is told, also what no client should. Numbers stand as they go over the wire. */
export class TestClient {
  readonly #channel: ByteChannel;
  readonly #inbox = new Inbox();
  #cookie = 0n;

  constructor(channel: ByteChannel) {
    this.#channel = channel;
    channel.onBytes((bytes) => this.#inbox.push(bytes));
    channel.onEnd(() => this.#inbox.end());
  }

  send(...parts: readonly Uint8Array[]): void {
    void this.#channel.send(join(...parts));
  }

  close(): void {
    this.#channel.close();
  }

  /** @throws Error when the server ends before */
  async take(length: number): Promise<Uint8Array> {
    while (this.#inbox.length < length) {
      if (this.#inbox.ended) throw new Error(`the server ended ${length - this.#inbox.length} bytes early`);
      await this.#inbox.more();
    }
    return this.#inbox.take(length).slice();
  }

  /** Resolves when the server has ended; what it sent before is left out. */
  async ended(): Promise<void> {
    while (!this.#inbox.ended) {
      while (this.#inbox.length > 0) this.#inbox.takeSome(1 << 20);
      await this.#inbox.more();
    }
  }

  /** Takes the greeting, and answers it. @returns the server's flags */
  async greet(flags = 3): Promise<number> {
    const greeting = await this.take(18);
    if (decodeName(greeting.subarray(0, 16)) !== 'NBDMAGICIHAVEOPT') throw new Error('no greeting of NBD');
    this.send(u32(flags));
    return new DataView(greeting.buffer).getUint16(16);
  }

  sendOption(option: number, ...data: readonly Uint8Array[]): void {
    const bytes = join(...data);
    this.send(encodeName('IHAVEOPT'), u32(option), u32(bytes.length), bytes);
  }

  /** Sends an option, and takes its answers up to the last. */
  async option(option: number, ...data: readonly Uint8Array[]): Promise<OptionAnswer[]> {
    this.sendOption(option, ...data);
    const answers: OptionAnswer[] = [];
    for (;;) {
      const header = new DataView((await this.take(20)).buffer);
      if (header.getBigUint64(0) !== 0x3e889045565a9n || header.getUint32(8) !== option) throw new Error('no answer to the option');
      const answer = { type: header.getUint32(12), data: await this.take(header.getUint32(16)) };
      answers.push(answer);
      if (answer.type === 1 || answer.type >= 0x8000_0000) return answers;
    }
  }

  /** As most clients do: structured replies, the allocation, GO. @returns size and flags */
  async open(name = '', { structured = true } = {}): Promise<{ readonly size: bigint; readonly flags: number }> {
    await this.greet();
    if (structured) {
      await this.option(8);
      await this.option(10, text(name), u32(1), text('base:allocation'));
    }
    const answers = await this.option(7, text(name), u16(0));
    const info = answers.find(({ type, data }) => type === 3 && data[0] === 0 && data[1] === 0)?.data;
    if (info === undefined) throw new Error(`refused: ${answers.map(({ type, data }) => `${type.toString(16)} ${decodeName(data)}`).join()}`);
    const view = new DataView(info.buffer);
    return { size: view.getBigUint64(2), flags: view.getUint16(10) };
  }

  /** Sends a request. @returns its cookie */
  request(type: number, at: number | bigint, length: number, { flags = 0, data = new Uint8Array(0) }: { readonly flags?: number; readonly data?: Uint8Array } = {}): bigint {
    const cookie = ++this.#cookie;
    this.send(u32(0x25609513), u16(flags), u16(type), u64(cookie), u64(BigInt(at)), u32(length), data);
    return cookie;
  }

  /** Takes a simple reply. @returns the bytes; `length` of them, where there is no error */
  async simple(cookie: bigint, length = 0): Promise<{ readonly error: number; readonly data: Uint8Array }> {
    const header = new DataView((await this.take(16)).buffer);
    if (header.getUint32(0) !== 0x67446698 || header.getBigUint64(8) !== cookie) throw new Error('no simple reply');
    const error = header.getUint32(4);
    return { error, data: await this.take(error === 0 ? length : 0) };
  }

  /** Takes the chunks of a structured reply. */
  async chunks(cookie: bigint): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    do {
      const header = new DataView((await this.take(20)).buffer);
      if (header.getUint32(0) !== 0x668e33ef || header.getBigUint64(8) !== cookie) throw new Error('no structured reply');
      chunks.push({ flags: header.getUint16(4), type: header.getUint16(6), cookie, payload: await this.take(header.getUint32(16)) });
    } while ((chunks.at(-1)!.flags & 1) === 0);
    return chunks;
  }

  /** What a request that has no data is answered with. @returns the error's number; 0 for none */
  async result(cookie: bigint): Promise<number> {
    const [chunk] = await this.chunks(cookie);
    return chunk!.type === 0 ? 0 : new DataView(chunk!.payload.buffer).getUint32(0);
  }

  /** Reads by structured replies. @throws Error for chunks that overlap or leave something out */
  async read(at: number, length: number, flags = 0): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const filled = new Uint8Array(length);
    for (const { type, payload } of await this.chunks(this.request(0, at, length, { flags }))) {
      const view = new DataView(payload.buffer);
      if (type === 0) continue;
      if (type !== 1 && type !== 2) throw new Error(`error ${view.getUint32(0)}: ${decodeName(payload.subarray(6))}`);
      const from = Number(view.getBigUint64(0)) - at;
      const count = type === 1 ? payload.length - 8 : view.getUint32(8);
      if (from < 0 || count === 0 || from + count > length || filled.subarray(from, from + count).includes(1)) throw new Error('a chunk outside of what was asked for, or twice');
      filled.fill(1, from, from + count);
      if (type === 1) bytes.set(payload.subarray(8), from);
    }
    if (filled.includes(0)) throw new Error('something was left out');
    return bytes;
  }

  async write(at: number, data: Uint8Array, flags = 0): Promise<number> {
    return this.result(this.request(1, at, data.length, { data, flags }));
  }

  /** base:allocation, as [length, state]. */
  async allocation(at: number, length: number, flags = 0): Promise<[number, number][]> {
    const [chunk] = await this.chunks(this.request(7, at, length, { flags }));
    if (chunk!.type !== 5) throw new Error(`refused with ${new DataView(chunk!.payload.buffer).getUint32(0)}`);
    const view = new DataView(chunk!.payload.buffer);
    return Array.from({ length: (view.byteLength - 4) / 8 }, (_, i) => [view.getUint32(4 + 8 * i), view.getUint32(8 + 8 * i)]);
  }
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function u64(value: bigint): Uint8Array {
  return join(u32(Number(value >> 32n)), u32(Number(value & 0xffff_ffffn)));
}

/** A string with its length before it. */
export function text(value: string): Uint8Array {
  const bytes = encodeName(value);
  return join(u32(bytes.length), bytes);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
