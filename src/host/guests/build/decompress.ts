import { createGunzip } from 'node:zlib';
import { Decompress as ZstdDecompress } from 'fzstd';
import { XzReadableStream } from 'xz-decompress';
import { corrupt, isDiskError, unsupported } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';

/** How packages, indexes, kernels and modules are compressed. */
export type Compression = 'none' | 'gzip' | 'xz' | 'zstd';

/** Bytes from front to back, in pieces that belong to the receiver. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Bytes given to a decompressor at once. */
const PIECE = 256 * 1024;

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** What the first bytes say; 'none' for anything else. */
export function compressionOf(bytes: Uint8Array): Compression {
  return MAGICS.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte))?.[0] ?? 'none';
}

/** By the end of a name: "data.tar.xz". */
export function compressionByName(name: string): Compression {
  if (name.endsWith('.gz')) return 'gzip';
  if (name.endsWith('.xz')) return 'xz';
  if (name.endsWith('.zst')) return 'zstd';
  return 'none';
}

/**
 * Unpacks a stream.
 * @param what for errors: "Packages.xz"
 * @param most bytes that may come out: a small file can unpack to anything
 * @throws DiskError corrupt, unsupported (more than `most`), cancelled
 */
export async function* decompress(chunks: Chunks, compression: Compression, what: string, most: number, job: JobContext): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of unpackers[compression](chunks, what)) {
      const pause = job.breathe();
      if (pause) await pause;
      total += chunk.length;
      if (total > most) throw unsupported('size', `${what} unpacks to more than ${most} bytes`);
      yield chunk;
    }
  } catch (error) {
    if (isDiskError(error)) throw error;
    throw corrupt(what, `it can't be unpacked (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** Unpacks bytes that are in memory. As `decompress`. */
export async function decompressBytes(bytes: Uint8Array, compression: Compression, what: string, most: number, job: JobContext): Promise<Uint8Array> {
  if (compression === 'none') return bytes;
  return gather(decompress(pieces(bytes), compression, what, most, job));
}

/** All chunks as one array. */
export async function gather(chunks: Chunks): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

const unpackers: Readonly<Record<Compression, (chunks: Chunks, what: string) => AsyncGenerator<Uint8Array>>> = {
  async *none(chunks) {
    yield* chunks;
  },

  async *gzip(chunks) {
    const gunzip = createGunzip();
    const feed = (async () => {
      for await (const chunk of chunks) {
        if (gunzip.destroyed) return;
        if (!gunzip.write(chunk)) await Promise.race([new Promise((resume) => gunzip.once('drain', resume)), new Promise((resume) => gunzip.once('close', resume))]);
      }
      gunzip.end();
    })().catch((error: unknown) => gunzip.destroy(error as Error));
    for await (const chunk of gunzip) yield chunk as Uint8Array;
    await feed;
  },

  // One at a time in the whole process: the library has one machine for all streams, and a stream holds it until it is read to its end or cancelled.
  async *xz(chunks) {
    const from: AsyncIterator<Uint8Array> | Iterator<Uint8Array> = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
    const source = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const next = await from.next();
        // A stream that was cut is an error of the library's: it makes no progress any more.
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await from.return?.();
      },
    }, { highWaterMark: 0 });
    const reader = new XzReadableStream(source).getReader();
    let done = false;
    try {
      for (;;) {
        const next = await reader.read();
        done = next.done;
        if (next.done) break;
        if (next.value.length > 0) yield next.value;
      }
    } catch (error) {
      done = true; // The library has let go of its machine.
      throw error;
    } finally {
      // Where the stream is at its end but not read to it, the library has let go already and fails to do so again.
      if (!done) await reader.cancel().catch(() => {});
      await from.return?.();
    }
  },

  async *zstd(chunks, what) {
    let out: Uint8Array[] = [];
    let final = false;
    let fed = false;
    const stream = new ZstdDecompress((chunk, last) => {
      out.push(chunk);
      final ||= last === true;
    });
    for await (const chunk of chunks) {
      fed ||= chunk.length > 0;
      stream.push(chunk);
      yield* out;
      out = [];
    }
    stream.push(new Uint8Array(0), true);
    yield* out;
    if (!final || !fed) throw corrupt(what, 'it ends early');
  },
};
