import { Gunzip } from 'fflate';
import type { GunzipStream } from '../core/probe.ts';
import { crc32 } from './crc32.ts';

/** CRC-32 and length at the end of each member (RFC 1952 section 2.3.1). */
const TRAILER = 8;

/** fflate's code for bytes that begin no member (FlateErrorCode.InvalidHeader). */
const INVALID_HEADER = 6;

/**
 * A streaming gunzip in TypeScript. fflate inflates and finds the members; CRC and length, which it does not check, are checked here.
 * Push pieces of a few KiB: one byte of input may become a thousand of output.
 */
export function gunzipStream(): GunzipStream {
  return new CheckedGunzip();
}

class CheckedGunzip implements GunzipStream {
  readonly #inflater = new Gunzip();
  #out: Uint8Array[] = [];
  #crc = 0;
  #length = 0;
  /** The newest input, with the end of what came before it: a trailer may lie across two pieces. */
  #recent: Uint8Array = new Uint8Array(0);
  /** Bytes of input before `#recent`. */
  #before = 0;
  #trailing: number | undefined;
  #ended = false;

  constructor() {
    this.#inflater.ondata = (piece) => {
      if (piece.length === 0) return;
      this.#crc = crc32(piece, this.#crc);
      this.#length += piece.length;
      this.#out.push(piece);
    };
    this.#inflater.onmember = (offset) => this.#endMember(offset - TRAILER - this.#before);
  }

  get trailing(): number | undefined {
    return this.#trailing;
  }

  push(chunk: Uint8Array, last: boolean): Uint8Array[] {
    this.#out = [];
    this.#remember(chunk);
    if (!this.#ended) {
      try {
        // Our copy: fflate keeps the unread end of what it was given, and the caller may use its buffer again.
        this.#inflater.push(this.#recent.subarray(this.#recent.length - chunk.length), last);
      } catch (error) {
        if ((error as { code?: number }).code !== INVALID_HEADER) throw error;
        this.#endWithGarbage();
      }
    } else {
      this.#trailing! += chunk.length;
    }
    if (last && !this.#ended) this.#endOfInput();
    return this.#out;
  }

  #remember(chunk: Uint8Array): void {
    const kept = this.#recent.subarray(Math.max(0, this.#recent.length - 2 * TRAILER));
    this.#before += this.#recent.length - kept.length;
    this.#recent = new Uint8Array(kept.length + chunk.length);
    this.#recent.set(kept);
    this.#recent.set(chunk, kept.length);
  }

  /** @param at where the trailer lies in `#recent` */
  #endMember(at: number): void {
    if (!this.#isTrailer(at)) throw new Error('the checksum or the length of a member is wrong');
    this.#crc = 0;
    this.#length = 0;
  }

  /** What follows the member is no member. Where it ended is where its own checksum and length stand. */
  #endWithGarbage(): void {
    for (let at = 0; at + TRAILER <= this.#recent.length; at++) {
      if (!this.#isTrailer(at)) continue;
      this.#ended = true;
      this.#trailing = this.#recent.length - at - TRAILER;
      return;
    }
    throw new Error('the checksum or the length of a member is wrong');
  }

  #endOfInput(): void {
    // Up to three bytes after the trailer are too few for fflate to judge: padding.
    for (let padding = 0; padding <= 3; padding++) {
      if (!this.#isTrailer(this.#recent.length - TRAILER - padding)) continue;
      this.#ended = true;
      this.#trailing = padding;
      return;
    }
    throw new Error('the stream ends early, or its checksum is wrong');
  }

  #isTrailer(at: number): boolean {
    if (at < 0 || at + TRAILER > this.#recent.length) return false;
    const view = new DataView(this.#recent.buffer, this.#recent.byteOffset + at, TRAILER);
    return view.getUint32(0, true) === this.#crc && view.getUint32(4, true) === this.#length % 2 ** 32;
  }
}
