import { gunzipStream } from '../../engines/codecs/gunzip.ts';
import { isHeader, parseHeader } from '../../engines/codecs/gzip-header.ts';
import { type DiskError, isDiskError } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { ArchiveRow, Preview } from '../../shared/contract/preview.ts';
import { damagedArchive, type PreviewReader, shownMember } from './preview-reader.ts';
import { BLOCK as TAR_BLOCK } from '../../engines/archives/tar/header.ts';
import { isTarHeader } from '../../engines/archives/tar/parse.ts';
import { listTar, type TarBytes } from './preview-tar.ts';
import { isZip, listZip } from './preview-zip.ts';

type Archive = Extract<Preview, { kind: 'archive' }>;

/** Members that are listed. */
const MAX_ROWS = 1000;

/** Bytes that are unpacked to list what is in a compressed tar; its contents can't be stepped over. */
const MAX_UNPACKED = 32 * 1024 * 1024;

/** Bytes of input that are looked at for it, in all and in a row with nothing in them: a crafted gzip is gigabytes of empty members. */
const MAX_PACKED = MAX_UNPACKED;
const MAX_EMPTY = 512 * 1024;

/** Bytes of input at a time: each may become a thousand of output. */
const GZIP_PIECE = 2048;

/** Lists an archive; undefined when the file is none. @param start its first bytes, at least 512 where it has as many */
export async function previewArchive(start: Uint8Array, reader: PreviewReader, job: JobContext): Promise<Archive | undefined> {
  if (isZip(start)) {
    return listed('zip', async (onRow) => {
      const { total, more } = await listZip(reader, MAX_ROWS, onRow);
      return { total, more };
    });
  }
  if (isTarHeader(start)) return listed('tar', (onRow) => listTar(new SeekableTar(reader), MAX_ROWS, onRow));
  if (!isHeader(start)) return undefined;
  const inner = new PackedTar(reader, job);
  try {
    if (isTarHeader(await inner.peek(TAR_BLOCK))) return await listed('tar.gz', (onRow) => listTar(inner, MAX_ROWS, onRow));
  } catch (error) {
    if (error instanceof EnoughUnpacked) return { kind: 'archive', format: 'gzip', rows: await gzipRow(start, reader), more: true };
    if (!isDamage(error)) throw error;
    // It does not even begin to unpack: what its header says is all there is.
    return { kind: 'archive', format: 'gzip', rows: await gzipRow(start, reader), more: false, error: error.toJSON() };
  }
  return { kind: 'archive', format: 'gzip', rows: await gzipRow(start, reader), total: 1, more: false };
}

/** What was found, and what ended it early. */
async function listed(format: Archive['format'], list: (onRow: (row: ArchiveRow) => void) => Promise<Pick<Archive, 'total' | 'more'>>): Promise<Archive> {
  const rows: ArchiveRow[] = [];
  try {
    return { kind: 'archive', format, rows, ...(await list((row) => rows.push(row))) };
  } catch (error) {
    if (error instanceof EnoughUnpacked) return { kind: 'archive', format, rows, more: true };
    if (!isDamage(error)) throw error;
    return { kind: 'archive', format, rows, more: true, error: error.toJSON() };
  }
}

/** Damage of the archive's or of the filesystem's below is a part of the answer; a cancel is not. */
function isDamage(error: unknown): error is DiskError {
  return isDiskError(error) && error.kind !== 'cancelled';
}

/** The one file in a gzip, as its header and its end tell it. */
async function gzipRow(start: Uint8Array, reader: PreviewReader): Promise<ArchiveRow[]> {
  let name: string | undefined;
  try {
    name = parseHeader(start)?.name;
  } catch {
    // The header's own checksum is wrong: its name is not worth showing.
  }
  const end = await reader.read(reader.size - 4, 4);
  // The size modulo 4 GiB, and of the last member alone (RFC 1952 section 2.3.1): good for most files, and nobody allocates by it.
  const size = end.length === 4 ? new DataView(end.buffer, end.byteOffset).getUint32(0, true) : 0;
  return [{ display: shownMember(name ?? ''), type: 'file', size }];
}

/** A tar whose contents are stepped over without a read. */
class SeekableTar implements TarBytes {
  readonly #reader: PreviewReader;
  #at = 0;

  constructor(reader: PreviewReader) {
    this.#reader = reader;
  }

  async take(length: number): Promise<Uint8Array> {
    const bytes = await this.#reader.read(this.#at, length);
    this.#at += bytes.length;
    return bytes;
  }

  async skip(length: number): Promise<void> {
    if (this.#at + length > this.#reader.size) throw damagedArchive('tar', 'it ends in the middle of a member');
    this.#at += length;
  }
}

/** As much was unpacked as a preview may. */
class EnoughUnpacked extends Error {}

/** A tar in a gzip, unpacked as far as it is looked at. */
class PackedTar implements TarBytes {
  readonly #reader: PreviewReader;
  readonly #job: JobContext;
  readonly #stream = gunzipStream();
  /** Unpacked and not taken yet: what comes out of a few pieces at most. */
  #ready: Uint8Array[] = [];
  #length = 0;
  #at = 0;
  #unpacked = 0;
  /** Where the input was that something came out of. */
  #useful = 0;

  constructor(reader: PreviewReader, job: JobContext) {
    this.#reader = reader;
    this.#job = job;
  }

  /** The next bytes, which stay the next. */
  async peek(length: number): Promise<Uint8Array> {
    const bytes = await this.take(length);
    this.#ready.unshift(bytes);
    this.#length += bytes.length;
    return bytes;
  }

  async take(length: number): Promise<Uint8Array> {
    await this.#fill(length);
    const bytes = new Uint8Array(Math.min(length, this.#length));
    let done = 0;
    this.#consume(bytes.length, (part) => {
      bytes.set(part, done);
      done += part.length;
    });
    return bytes;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      await this.#fill(1);
      if (this.#length === 0) throw damagedArchive('tar', 'it ends in the middle of a member');
      const step = Math.min(left, this.#length);
      this.#consume(step, () => {});
      left -= step;
    }
  }

  #consume(length: number, each: (part: Uint8Array) => void): void {
    for (let left = length; left > 0;) {
      const first = this.#ready[0]!;
      const part = first.subarray(0, left);
      each(part);
      left -= part.length;
      if (part.length === first.length) this.#ready.shift();
      else this.#ready[0] = first.subarray(part.length);
    }
    this.#length -= length;
  }

  /** Unpacks until `length` bytes are there, or the end. */
  async #fill(length: number): Promise<void> {
    while (this.#length < length && this.#at < this.#reader.size) {
      if (this.#unpacked > MAX_UNPACKED || this.#at > MAX_PACKED || this.#at - this.#useful > MAX_EMPTY) throw new EnoughUnpacked();
      const piece = await this.#reader.read(this.#at, GZIP_PIECE);
      if (piece.length === 0) return;
      this.#at += piece.length;
      try {
        for (const part of this.#stream.push(piece, this.#at >= this.#reader.size) as Iterable<Uint8Array>) {
          this.#ready.push(part);
          this.#length += part.length;
          this.#unpacked += part.length;
          if (part.length > 0) this.#useful = this.#at;
        }
      } catch (error) {
        throw damagedArchive('gzip', (error as Error).message);
      }
      const pause = this.#job.breathe();
      if (pause) await pause;
    }
  }
}
