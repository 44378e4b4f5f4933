import { open, type FileHandle } from 'node:fs/promises';
import { TarReader, type TarBytes } from '../../../engines/archives/tar/reader.ts';
import { corrupt, unsupported } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { type Chunks, compressionByName, decompress, gather } from './decompress.ts';

/** Bytes of a package unpacked; of the files that are kept of it; members of either archive. Debian's kernels of 5.10 have 330 MB in 4,000. */
const MOST_UNPACKED = 2 ** 31;
const MOST_KEPT = 512 << 20;
const MOST_MEMBERS = 200_000;

/** A file of a package. */
export interface DebFile {
  /** Without a leading slash, with /bin, /sbin and /lib where merged systems have them: "usr/bin/busybox". */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Of a regular file. */
  readonly bytes?: Uint8Array;
  /** Of a symbolic link: as it stands there. */
  readonly target?: string;
}

/**
 * Reads the files of a .deb (deb(5)): an ar of "debian-binary", a control.tar and a data.tar.
 * @param want which regular files are kept; links always are
 * @throws DiskError corrupt, unsupported, cancelled
 */
export async function readDeb(file: string, what: string, want: (path: string, size: number) => boolean, job: JobContext): Promise<Map<string, DebFile>> {
  const handle = await open(file, 'r');
  try {
    const { name, at, size } = await dataMember(handle, what);
    const compression = compressionByName(name);
    if (compression === 'none' && name !== 'data.tar') throw unsupported(name, `${what}: its ${name} is compressed in a way that is not known here`);
    return await readTar(decompress(rangeOf(handle, at, size), compression, `${what} (${name})`, MOST_UNPACKED, job), what, want, job);
  } finally {
    await handle.close();
  }
}

/** Where the files' tar lies. */
async function dataMember(handle: FileHandle, what: string): Promise<{ name: string; at: number; size: number }> {
  const { size: total } = await handle.stat();
  const magic = await readAt(handle, 0, 8);
  if (magic.toString('latin1') !== '!<arch>\n') throw corrupt(what, 'it is no Debian package');
  for (let at = 8, members = 0; at + 60 <= total && members < 16; members++) {
    const header = (await readAt(handle, at, 60)).toString('latin1');
    const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
    const size = /^\d+ *$/.test(header.slice(48, 58)) ? Number(header.slice(48, 58)) : Number.NaN;
    if (header.slice(58) !== '`\n' || !(at + 60 + size <= total)) throw corrupt(what, 'its ar header is damaged', at);
    if (name.startsWith('data.tar')) return { name, at: at + 60, size };
    at += 60 + size + (size % 2);
  }
  throw corrupt(what, 'it has no data.tar');
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

async function* rangeOf(handle: FileHandle, from: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < from + size;) {
    const piece = await readAt(handle, at, Math.min(1 << 18, from + size - at));
    if (piece.length === 0) return;
    at += piece.length;
    yield piece;
  }
}

/** Reads a tar of a package. Exported for the tests that make hostile ones. */
export async function readTar(chunks: AsyncGenerator<Uint8Array>, what: string, want: (path: string, size: number) => boolean, job: JobContext): Promise<Map<string, DebFile>> {
  const files = new Map<string, DebFile>();
  const bytes = new StreamedTar(chunks);
  const reader = new TarReader(bytes);
  let kept = 0;
  try {
    for (let members = 0; ; members++) {
      const pause = job.breathe();
      if (pause) await pause;
      const member = await reader.next();
      if (member === undefined) return files;
      if (members > MOST_MEMBERS) throw corrupt(what, `it has more than ${MOST_MEMBERS} members`);
      const path = mergedPath(member.path);
      if (path === undefined) throw corrupt(what, `a member's name leads out of it: "${member.path.slice(0, 100)}"`);
      if (member.type === 'symlink') {
        files.set(path, { path, mode: 0o777, target: member.target ?? '' });
      } else if (member.type === 'link') {
        const of = files.get(mergedPath(member.target ?? '') ?? '');
        if (of?.bytes !== undefined) files.set(path, { path, mode: of.mode, bytes: of.bytes });
      } else if (member.type === 'file' && want(path, member.size)) {
        kept += member.size;
        if (kept > MOST_KEPT || member.runs !== undefined) throw unsupported('size', `${what}: the files that are wanted take more than ${MOST_KEPT} bytes`);
        const content = await gather(contentsOf(reader));
        files.set(path, { path, mode: member.mode & 0o777, bytes: content });
      }
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function* contentsOf(reader: TarReader): AsyncGenerator<Uint8Array> {
  for await (const piece of reader.contents()) yield piece.bytes.slice(); // The reader's own array.
}

/** A path below the root, in the merged layout; undefined when it leads out. */
export function mergedPath(path: string): string | undefined {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return undefined;
  const first = parts[0];
  return (first === 'bin' || first === 'sbin' || first === 'lib' || first === 'lib64' || first === 'lib32') && parts.length > 1 ? ['usr', ...parts].join('/') : parts.join('/');
}

/** Chunks as a tar reader wants them. */
class StreamedTar implements TarBytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(chunks: Exclude<Chunks, Iterable<Uint8Array>>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Uint8Array> {
    const into = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const piece = await this.some(length - done);
      if (piece.length === 0) return into.subarray(0, done);
      into.set(piece, done);
      done += piece.length;
    }
    return into;
  }

  async some(most: number): Promise<Uint8Array> {
    while (this.#held.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return this.#held;
      this.#held = next.value;
    }
    const piece = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }
}
