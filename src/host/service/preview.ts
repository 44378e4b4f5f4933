import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { checkRange } from '../../engines/core/bytes/device.ts';
import { ioError, usage } from '../../engines/core/errors.ts';
import type { Cursor, DirEntry, FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { probe } from '../../engines/core/candidates.ts';
import { displayName } from '../../engines/core/names.ts';
import { registry } from '../../engines/index.ts';
import type { Preview, TextEncoding, TextPart } from '../../shared/contract/preview.ts';
import { compareNatural } from './natural.ts';
import { previewArchive } from './preview-archive.ts';
import { pictureSize, pictureType } from './preview-picture.ts';
import { PreviewReader } from './preview-reader.ts';
import { guessEncoding, markLength, textPart } from './preview-text.ts';

/** Bytes of a text that come at once. */
const TEXT_PART = 256 * 1024;

/** Bytes of a picture's file. */
const MAX_PICTURE = 32 * 1024 * 1024;

/** Pixels of a picture: at four bytes each, as the window holds them, 400 MB. */
const MAX_PIXELS = 100_000_000;

/** Bytes of anything else. */
const MAX_BINARY = 4096;

/** Entries of a folder that are counted, and names of them that are shown. */
const MAX_COUNTED = 100_000;
const MAX_NAMES = 50;

export interface PreviewOptions {
  /** The encoding to read a text in; what is no text by itself becomes one by it. */
  readonly encoding?: TextEncoding | undefined;
}

/**
 * What a quick look shows of a node, from bounded reads that stop when `job` is cancelled.
 * @throws DiskError when the node or its first bytes can't be read, or cancelled
 */
export async function preview(fs: FileSystem, node: NodeId, job: JobContext, options: PreviewOptions = {}): Promise<Preview> {
  const stat = await fs.stat(node);
  switch (stat.type) {
    case 'dir': return previewFolder(fs, node, job);
    case 'char':
    case 'block': return { kind: 'device', type: stat.type, major: stat.device?.major ?? 0, minor: stat.device?.minor ?? 0 };
    case 'symlink': return { kind: 'none', reason: 'link' };
    case 'fifo': return { kind: 'none', reason: 'pipe' };
    case 'socket': return { kind: 'none', reason: 'socket' };
    case 'file': return previewFile(new PreviewReader(fs, node, stat.size, job), fs, node, job, options);
  }
}

/** The part of a text that begins at byte `at`. @throws DiskError usage for what has no bytes */
export async function readText(fs: FileSystem, node: NodeId, at: number, encoding: TextEncoding, job: JobContext): Promise<TextPart> {
  const { type, size } = await fs.stat(node);
  if (type !== 'file') throw usage(type === 'dir' ? 'EISDIR' : 'EINVAL', `A ${type} has no text`);
  const bytes = await new PreviewReader(fs, node, size, job).read(at, TEXT_PART);
  // A file that ends before its size ends there.
  return textPart(bytes, at, bytes.length < TEXT_PART ? at + bytes.length : size, encoding);
}

async function previewFile(reader: PreviewReader, fs: FileSystem, node: NodeId, job: JobContext, { encoding }: PreviewOptions): Promise<Preview> {
  const { size } = reader;
  if (size === 0) return { kind: 'none', reason: 'empty' };
  const start = await reader.read(0, TEXT_PART);
  if (encoding !== undefined) return textOf(start, size, encoding, markLength(start, encoding));
  const mime = pictureType(start);
  if (mime !== undefined) return previewPicture(mime, start, reader);
  const archive = await previewArchive(start, reader, job);
  if (archive !== undefined) return archive;
  const guess = guessEncoding(start, size > start.length);
  // A disk image begins with zeros or code, hardly ever with text, but asking costs a few bytes.
  const image = guess === undefined ? await imageFormat(fs, node, size) : undefined;
  if (guess !== undefined) return textOf(start, size, guess.encoding, guess.mark);
  return { kind: 'binary', bytes: start.slice(0, MAX_BINARY), size, ...(image === undefined ? {} : { image }) };
}

function textOf(start: Uint8Array, size: number, encoding: TextEncoding, mark: number): Preview {
  const cut = start.length < Math.min(size, TEXT_PART);
  return { kind: 'text', encoding, mark: mark > 0, part: textPart(start.subarray(mark), mark, cut ? start.length : size, encoding), size };
}

async function previewPicture(mime: string, start: Uint8Array, reader: PreviewReader): Promise<Preview> {
  if (reader.size > MAX_PICTURE) return { kind: 'no-picture', mime, reason: 'bytes', limit: MAX_PICTURE };
  const bytes = start.length < reader.size ? await reader.read(0, reader.size) : start;
  const size = pictureSize(mime, bytes);
  if (size === undefined) return { kind: 'no-picture', mime, reason: 'damaged' };
  if (size.width * size.height > MAX_PIXELS) return { kind: 'no-picture', mime, reason: 'pixels', ...size, limit: MAX_PIXELS };
  return { kind: 'picture', mime, ...size, bytes };
}

async function previewFolder(fs: FileSystem, node: NodeId, job: JobContext): Promise<Preview> {
  const entries: DirEntry[] = [];
  let cursor: Cursor | undefined;
  do {
    const listed = fs.list(node, cursor);
    const batch = listed instanceof Promise ? await listed : listed;
    entries.push(...batch.entries);
    cursor = batch.next;
    const pause = job.breathe();
    if (pause) await pause;
  } while (cursor !== undefined && entries.length < MAX_COUNTED);
  // Of very many the first ones as they lie: an order of all would take longer than a look is worth.
  const first = (entries.length > 10_000 ? entries.slice(0, MAX_NAMES) : entries).toSorted(foldersFirst).slice(0, MAX_NAMES);
  return { kind: 'folder', count: entries.length, more: cursor !== undefined, names: first.map(({ name, type }) => ({ display: displayName(name), type })) };
}

function foldersFirst(a: DirEntry, b: DirEntry): number {
  return Number(b.type === 'dir') - Number(a.type === 'dir') || compareNatural(a.name, b.name);
}

/** Which known format of disk images a file is; looked for where its magic must be, not by a search. */
async function imageFormat(fs: FileSystem, node: NodeId, size: number): Promise<string | undefined> {
  try {
    const [best] = await probe(new NodeDevice(fs, node, size), registry.map((entry) => ({ ...entry, deep: false })));
    return best && best.match.confidence >= 50 ? (best.match.variant ?? best.format.name) : undefined;
  } catch {
    // It can't be read where a magic would be: then it is not told, and what could be read is shown.
    return undefined;
  }
}

/** A file as a device. Only for filesystems that read at once. */
class NodeDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize = 512;
  readonly #fs: FileSystem;
  readonly #node: NodeId;

  constructor(fs: FileSystem, node: NodeId, size: number) {
    this.#fs = fs;
    this.#node = node;
    this.size = size;
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    const got = this.#fs.read(this.#node, at, into);
    if (got !== into.length) {
      if (got instanceof Promise) got.catch(() => {});
      throw ioError('The bytes are not there at once');
    }
  }

  close(): void {}
}
