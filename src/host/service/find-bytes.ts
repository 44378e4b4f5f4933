import type { JobContext } from '../../engines/core/job.ts';
import type { FindBytesEvent } from '../../shared/contract/bytes.ts';

/** Bytes that are looked through at once: some milliseconds. */
const PIECE = 1 << 20;

/** Milliseconds between two reports. */
const REPORT_EVERY = 100;

/** Bytes that can be read anywhere: a layer's or a file's. */
export interface Readable {
  readonly size: number;
  /** Fills `into`; fewer only at the end. */
  read(at: number, into: Uint8Array): Promise<number>;
}

export interface FindRequest {
  readonly pattern: Uint8Array;
  /** Whether the letters a to z match whatever their case. */
  readonly ignoreCase: boolean;
  /** The first place that counts; backward, the last. */
  readonly from: number;
  readonly direction: 'forward' | 'backward';
}

/** Looks for the nearest place of `pattern`, to the end (or the start) of the bytes, telling how far it is. */
export async function* findBytes(source: Readable, request: FindRequest, job: JobContext): AsyncGenerator<FindBytesEvent> {
  const { ignoreCase, direction } = request;
  const pattern = Buffer.from(request.pattern);
  if (ignoreCase) toLower(pattern);
  const buffer = Buffer.alloc(PIECE + pattern.length - 1);
  const last = source.size - pattern.length;
  const forward = direction === 'forward';
  let told = performance.now();
  for (let at = Math.min(request.from, forward ? Infinity : last); forward ? at <= last : at >= 0;) {
    // Places [first, first + count) are looked at; what matches may reach past them.
    const first = forward ? at : Math.max(0, at - PIECE + 1);
    const count = forward ? Math.min(PIECE, last - at + 1) : at - first + 1;
    const piece = buffer.subarray(0, count + pattern.length - 1);
    const got = await source.read(first, piece);
    const seen = piece.subarray(0, got);
    if (ignoreCase) toLower(seen);
    const found = forward ? seen.indexOf(pattern) : seen.lastIndexOf(pattern);
    if (found >= 0) {
      yield { event: 'end', at: first + found };
      return;
    }
    at = forward ? first + count : first - 1;
    const pause = job.breathe();
    if (pause) await pause;
    if (performance.now() - told >= REPORT_EVERY) {
      told = performance.now();
      yield { event: 'progress', at: Math.max(0, at) };
    }
  }
  yield { event: 'end' };
}

function toLower(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x41 && byte <= 0x5a) bytes[i] = byte + 0x20;
  }
}
