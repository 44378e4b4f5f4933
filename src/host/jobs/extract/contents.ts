import { ftruncateSync, readSync, writeSync } from 'node:fs';
import { corrupt, ioError } from '../../../engines/core/errors.ts';
import type { FileExtent, FileSystem, NodeId, Stat } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import type { Target } from './target.ts';

/** Bytes between two looks at the clock and at cancel. A slow disk takes 1 MiB in well under 200 ms. */
const PIECE = 1024 * 1024;

/** Zeros are left out in blocks of this many bytes where only the allocated size tells of holes. */
const GRAIN = 4096;
const ZEROS = Buffer.alloc(GRAIN);

/** A run to copy, at most a piece long. */
interface Piece {
  /** Byte in the file. */
  readonly at: number;
  readonly length: number;
  /** Byte on the extents' device. */
  readonly physical: number | undefined;
}

/** Writes files' contents: only their data runs, so that holes stay holes, and past the caches where the bytes lie in a file of the host. */
export class ContentCopier {
  readonly #fs: FileSystem;
  readonly #job: JobContext;
  readonly #copied: (bytes: number) => void;
  readonly #buffer = Buffer.allocUnsafeSlow(PIECE);
  #copyRange: Target['copyRange'];

  /** @param copied told of progress, in bytes of the file, holes included */
  constructor(fs: FileSystem, target: Target, job: JobContext, copied: (bytes: number) => void) {
    this.#fs = fs;
    this.#job = job;
    this.#copied = copied;
    this.#copyRange = target.copyRange?.bind(target);
  }

  /**
   * Fills the empty file `fd` with the contents of `node`.
   * @param early all of them, where they are known already
   * @throws DiskError of the image; the system's error of the target
   */
  async copy(node: NodeId, stat: Stat, fd: number, early?: Uint8Array): Promise<void> {
    const { size } = stat;
    if (size === 0) return;
    if (early?.length === size && !this.#fs.extents) {
      const bytes = Buffer.from(early.buffer, early.byteOffset, size);
      if (stat.allocated >= size) write(fd, bytes, 0, size, 0);
      else if (writeSparse(fd, bytes, 0) < size) ftruncateSync(fd, size);
      this.#copied(size);
      return;
    }
    const { extents } = this.#fs;
    const map = extents?.map(node);
    const runs = map instanceof Promise ? await map : map;
    const sparse = runs === undefined && stat.allocated < size;
    let end = 0;
    for (const piece of pieces(runs ?? [{ logical: 0, length: size, physical: undefined }], size)) {
      const written = this.#inPlace(piece, fd) ?? this.#read(node, piece, fd, sparse);
      end = written instanceof Promise ? await written : written;
      this.#copied(piece.length);
      const pause = this.#job.breathe();
      if (pause) await pause;
    }
    if (end < size) ftruncateSync(fd, size);
  }

  /** Straight from the file of the host that holds the image. @returns the end of what was written; undefined where that can't be done */
  #inPlace({ at, length, physical }: Piece, fd: number): number | undefined {
    if (physical === undefined) return undefined;
    const backing = this.#fs.extents!.device.backing?.(physical, length);
    if (backing === undefined) return undefined;
    let done = 0;
    while (this.#copyRange && done < length) {
      const count = this.#copyRange(backing.fd, backing.at + done, fd, at + done, length - done);
      if (count === undefined) this.#copyRange = undefined;
      else if (count === 0) break; // The image ended; the read below says so.
      else done += count;
    }
    while (done < length) {
      const count = readFrom(backing.fd, backing.at + done, this.#buffer, length - done);
      write(fd, this.#buffer, 0, count, at + done);
      done += count;
    }
    return at + length;
  }

  /** Through the engine. @returns the end of what was written */
  #read(node: NodeId, { at, length }: Piece, fd: number, sparse: boolean): number | Promise<number> {
    const part = this.#buffer.subarray(0, length);
    const count = this.#fs.read(node, at, part);
    const finish = (read: number): number => {
      if (read < length) throw corrupt(`node ${node}`, `the file ends at byte ${at + read}, before its size`);
      if (sparse) return writeSparse(fd, part, at);
      write(fd, part, 0, length, at);
      return at + length;
    };
    return count instanceof Promise ? count.then(finish) : finish(count);
  }
}

/** The data runs in order, cut at the file's size and into pieces; unwritten runs are holes. */
function* pieces(runs: Iterable<FileExtent>, size: number): Iterable<Piece> {
  let end = 0;
  for (const run of runs) {
    if (run.logical < end || !(run.length > 0)) throw corrupt('extents', `run at byte ${run.logical} of the file overlaps the one before`);
    if (run.logical >= size) return;
    end = Math.min(size, run.logical + run.length);
    if (run.unwritten) continue;
    for (let at = run.logical; at < end; at += PIECE) {
      yield { at, length: Math.min(PIECE, end - at), physical: run.physical === undefined ? undefined : run.physical + at - run.logical };
    }
  }
}

function readFrom(fd: number, at: number, into: Buffer, length: number): number {
  let count: number;
  try {
    count = readSync(fd, into, 0, Math.min(length, into.length), at);
  } catch (error) {
    throw ioError(`Reading ${length} bytes at ${at} of the image failed (${(error as NodeJS.ErrnoException).code})`, { structure: 'image file', at, length });
  }
  if (count === 0) throw ioError(`The image ends at byte ${at}`, { structure: 'image file', at, length });
  return count;
}

function write(fd: number, from: Buffer, start: number, length: number, at: number): void {
  for (let done = 0; done < length;) done += writeSync(fd, from, start + done, length - done, at + done);
}

/** Writes all but blocks of zeros. @returns the end of the last block written */
function writeSparse(fd: number, from: Buffer, at: number): number {
  let end = at;
  let start = 0;
  while (start < from.length) {
    const zero = isZero(from, start);
    let stop = Math.min(from.length, start + GRAIN);
    while (stop < from.length && isZero(from, stop) === zero) stop = Math.min(from.length, stop + GRAIN);
    if (!zero) {
      write(fd, from, start, stop - start, at + start);
      end = at + stop;
    }
    start = stop;
  }
  return end;
}

function isZero(bytes: Buffer, at: number): boolean {
  const end = Math.min(bytes.length, at + GRAIN);
  return ZEROS.compare(bytes, at, end, 0, end - at) === 0;
}
