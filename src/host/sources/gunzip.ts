import * as zlib from 'node:zlib';
import { crc32 } from '../../engines/codecs/crc32.ts';
import { isHeader, parseHeader } from '../../engines/codecs/gzip-header.ts';
import type { GunzipStream } from '../../engines/core/probe.ts';

/** Bytes of input a push: enough that the thread pool's work, not the way there, takes the time. */
const PIECE = 512 * 1024;

/** Bytes of output at a time. zlib waits with the next until one is taken: about three of them are all that there ever is. */
const OUTPUT = 256 * 1024;

/** Longest member header that is waited for, in bytes. Names have no limit of their own. */
const LONGEST_HEADER = 1024 * 1024;

/** CRC-32 and length at the end of each member (RFC 1952 section 2.3.1). */
const TRAILER = 8;

/** zlib's own where Node has it (from 20.15), at several GB/s. */
const checksum: (bytes: Uint8Array, seed: number) => number = zlib.crc32 ?? crc32;

/**
 * A streaming gunzip over Node's zlib, which inflates in the thread pool while the caller stores what came out. Members are taken apart
 * here: zlib's own gunzip drops output that came with an error after it, and does not tell where the last member ended.
 */
export function zlibGunzip(): GunzipStream {
  return new ZlibGunzip();
}

class ZlibGunzip implements GunzipStream {
  readonly piece = PIECE;
  /** The beginning of a header or a trailer that goes on in the next chunk. */
  #held: Uint8Array = new Uint8Array(0);
  #members = 0;
  #member: Member | undefined;
  #trailing: number | undefined;

  get trailing(): number | undefined {
    return this.#trailing;
  }

  async *push(chunk: Uint8Array, last: boolean): AsyncGenerator<Uint8Array> {
    let rest: Uint8Array = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = new Uint8Array(0);
    while (this.#trailing === undefined) {
      if (this.#member === undefined) {
        const length = this.#headerLength(rest, last);
        if (length === undefined) break;
        rest = rest.subarray(length);
        if (this.#trailing === undefined) this.#member = new Member();
        continue;
      }
      rest = rest.subarray(yield* this.#member.inflate(rest, last));
      if (!this.#member.ended) return;
      if (rest.length < TRAILER) break;
      this.#member.check(rest);
      this.#member.close();
      this.#member = undefined;
      this.#members++;
      rest = rest.subarray(TRAILER);
    }
    if (this.#trailing !== undefined) this.#trailing += rest.length;
    else if (last) throw new Error('the stream ends early');
    else this.#held = Uint8Array.from(rest);
  }

  close(): void {
    this.#member?.close();
  }

  /**
   * Bytes of the member header at the start of `bytes`; undefined when more input must tell. What cannot begin a member, after one that
   * was whole, is the trailing rest: also up to three bytes at the end, which are too few to judge.
   */
  #headerLength(bytes: Uint8Array, last: boolean): number | undefined {
    if (bytes.length < 4 && !last) return undefined;
    if (bytes.length < 4 || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) {
      if (this.#members === 0) throw new Error('no gzip header');
      this.#trailing = 0;
      return 0;
    }
    if (bytes.length >= 10 && !isHeader(bytes)) throw new Error('a member has flags that are not known');
    const header = parseHeader(bytes);
    if (header === undefined && bytes.length > LONGEST_HEADER) throw new Error(`a member's header is longer than ${LONGEST_HEADER} bytes`);
    return header?.length;
  }
}

/** The deflate data of one member. */
class Member {
  readonly #stream = zlib.createInflateRaw({ chunkSize: OUTPUT });
  #crc = 0;
  #length = 0;
  #ended = false;
  #error: Error | undefined;
  #wake = (): void => {};

  constructor() {
    this.#stream.on('readable', () => this.#wake());
    this.#stream.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#stream.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
  }

  /** The final block is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Yields what comes out of `bytes`. @returns bytes taken: all, unless the data ended before */
  async *inflate(bytes: Uint8Array, last: boolean): AsyncGenerator<Uint8Array, number> {
    if (this.#ended) return 0;
    const before = this.#stream.bytesWritten;
    let written = bytes.length === 0;
    if (!written) {
      this.#stream.write(bytes, () => {
        written = true;
        this.#wake();
      });
    }
    yield* this.#output(() => written);
    const taken = this.#stream.bytesWritten - before;
    // zlib leaves input alone only after the final block.
    if (taken < bytes.length) this.#ended = true;
    if (last && !this.#ended) {
      this.#stream.end();
      yield* this.#output(() => this.#ended);
    }
    return taken;
  }

  /** @throws Error when the trailer at the start of `bytes` says otherwise */
  check(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, TRAILER);
    if (view.getUint32(0, true) !== this.#crc || view.getUint32(4, true) !== this.#length % 2 ** 32) throw new Error('the checksum or the length of a member is wrong');
  }

  close(): void {
    this.#stream.destroy();
  }

  /** Everything that comes until there is no more and `done`. Reading sets zlib to work on the next. */
  async *#output(done: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      const bytes = this.#stream.read() as Buffer | null;
      if (bytes !== null) {
        this.#crc = checksum(bytes, this.#crc);
        this.#length += bytes.length;
        yield bytes;
        continue;
      }
      if (this.#error) throw this.#error;
      if (done()) return;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
  }
}
