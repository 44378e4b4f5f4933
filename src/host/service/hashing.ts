import { type FileHandle, open, readdir } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isDiskError, toDiskError } from '../../engines/core/errors.ts';
import type { Cursor, FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { compareNames, displayName, type Name } from '../../engines/core/names.ts';
import type { HashName, HashRow, SumList } from '../../shared/contract/checksums.ts';
import type { JobSummary } from '../../shared/contract/rows.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import { parseSums } from '../../shared/sums.ts';
import type { Tally } from '../jobs/extract/tally.ts';
import { fileSource, hash, type HashSource } from '../jobs/hash.ts';
import { type Entry, visitBelow } from './measure.ts';
import { PreviewReader } from './preview-reader.ts';

/** Files of one job: their paths are held until all are hashed. */
const MAX_FILES = 250_000;

/** Rows that wait for whoever takes them; then the job waits, too. */
const MAX_WAITING = 2000;

/** Milliseconds between two looks at whether a job was cancelled while it waits for whoever takes its rows. */
const CANCEL_HEARD = 50;

/** Rows told together. */
const BATCH = 200;

/** Lists beside what is hashed: how many, bytes of one, and lines of all of them, which cross the border in one answer. */
const MAX_LISTS = 20;
const MAX_LIST_BYTES = 4 * 1024 * 1024;
const MAX_LIST_LINES = 250_000;

/** Names that lists of checksums have. */
const LIST_NAME = /(\.(md5|sha1|sha256|sha512|crc32)(sums?)?(\.txt)?$)|^((md5|sha1|sha256|sha512)-?sums?|checksums?)(\.txt|\.asc)?$/i;

/** The rows of a job, on their way to the one who takes them. */
export class HashRows {
  readonly #waiting: HashRow[] = [];
  #ended = false;
  #gone = false;
  #wakeTaker = (): void => {};
  #wakeGiver = (): void => {};

  /** Whether the job should wait until rows were taken. */
  get isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING;
  }

  give(row: HashRow): void {
    if (this.#gone) return;
    this.#waiting.push(row);
    this.#wakeTaker();
  }

  /** Waits while it is full. @throws DiskError cancelled: nobody may ever come to take them */
  async room(job: JobContext): Promise<void> {
    while (this.isFull) {
      await Promise.race([new Promise<void>((resolve) => { this.#wakeGiver = resolve; }), setTimeout(CANCEL_HEARD)]);
      await job.breathe();
    }
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    this.#wakeTaker();
  }

  /** What has come and what comes, each once. When the taker goes, `onGone` is told. */
  async *take(cancel: Cancel, onGone: () => void): AsyncGenerator<HashRow[]> {
    cancel.onAbort(() => this.#wakeTaker());
    try {
      while (!cancel.aborted) {
        const rows = this.#waiting.splice(0, BATCH);
        this.#wakeGiver();
        if (rows.length > 0) yield rows;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => { this.#wakeTaker = resolve; });
      }
    } finally {
      this.#gone = true;
      this.#waiting.length = 0;
      this.#wakeGiver();
      if (!this.#ended) onGone();
    }
  }
}

/**
 * Hashes files, and all files below folders, in the order of their paths. What can't be read has its error in its row.
 * @throws DiskError cancelled
 */
export async function hashEntries(fs: FileSystem, entries: readonly Entry[], algorithms: readonly HashName[], job: JobContext, tally: Tally, rows: HashRows): Promise<JobSummary> {
  const { files, total } = await filesBelow(fs, entries, job);
  let before = 0;
  for (const { path, node, size, error } of files) {
    const row = { path, display: displayName(path), size };
    const now = row.display;
    let made: HashRow;
    try {
      if (error !== undefined) throw error;
      const digests = await hash(await fileSource(fs, node), algorithms, { ...job, report: ({ done }) => job.report({ done: before + done, total, unit: 'bytes', now }) });
      made = { ...row, digests };
      tally.files++;
      tally.bytes += size;
    } catch (thrown) {
      const failure = toDiskError(thrown);
      if (failure.kind === 'cancelled') throw failure;
      if (!isDiskError(thrown)) throw thrown;
      made = { ...row, digests: {}, error: failure.toJSON() };
      tally.problems++;
    }
    before += size;
    rows.give(made);
    if (rows.isFull) await rows.room(job);
    const pause = job.breathe();
    if (pause) await pause;
  }
  return tally;
}

/** Hashes bytes that are no file of a filesystem: an image, a volume. @throws DiskError io, corrupt, cancelled */
export async function hashBytes(source: HashSource, name: Name, algorithms: readonly HashName[], job: JobContext, tally: Tally, rows: HashRows): Promise<JobSummary> {
  const digests = await hash(source, algorithms, job);
  tally.files = 1;
  tally.bytes = source.size;
  rows.give({ path: name, display: displayName(name), size: source.size, digests });
  return tally;
}

interface Found {
  readonly path: Name;
  readonly node: NodeId;
  readonly size: number;
  readonly error?: unknown;
}

/** A folder on the way, by its path below where the walk began. */
interface Folder {
  readonly path: Name;
}

function pathOf(entry: Entry, above: Folder | undefined): Name {
  return above === undefined || above.path === '' ? entry.name : `${above.path}/${entry.name}`;
}

async function filesBelow(fs: FileSystem, entries: readonly Entry[], job: JobContext): Promise<{ files: Found[]; total: number }> {
  const files: Found[] = [];
  let total = 0;
  const add = (found: Found): void => {
    if (files.length === MAX_FILES) {
      job.log({ level: 'warning', message: `Only the first ${MAX_FILES} files are hashed` });
      throw new EnoughFiles();
    }
    files.push(found);
    total += found.size;
  };
  try {
    await visitBelow<Folder>(fs, entries, job, {
      enter: (entry, _stat, above) => ({ path: pathOf(entry, above) }),
      leaf(entry, stat, above) {
        if (stat.type === 'file') add({ path: pathOf(entry, above), node: entry.node, size: stat.size });
      },
      failed(entry, error, above, dir) {
        if (error instanceof EnoughFiles) throw error;
        add({ path: dir?.path ?? pathOf(entry, above), node: entry.node, size: 0, error });
      },
    });
  } catch (error) {
    if (!(error instanceof EnoughFiles)) throw error;
  }
  return { files: files.toSorted((a, b) => compareNames(a.path, b.path)), total };
}

class EnoughFiles extends Error {}

/** Lists of checksums in a folder of a filesystem. What can't be read is no list. */
export async function listsInFolder(fs: FileSystem, folder: NodeId, job: JobContext): Promise<SumList[]> {
  const lists = new Lists();
  let cursor: Cursor | undefined;
  do {
    const batch = await fs.list(folder, cursor);
    for (const { name, node } of batch.entries) {
      if (!LIST_NAME.test(name)) continue;
      try {
        const { type, size } = await fs.stat(node);
        if (type === 'file' && size <= MAX_LIST_BYTES) lists.add(name, await new PreviewReader(fs, node, size, job).read(0, size));
      } catch (error) {
        if (!isDiskError(error) || error.kind === 'cancelled') throw error;
      }
      if (lists.isFull) return lists.found;
      // Each may have been megabytes.
      const pause = job.breathe();
      if (pause) await pause;
    }
    cursor = batch.next;
    const pause = job.breathe();
    if (pause) await pause;
  } while (cursor !== undefined);
  return lists.found;
}

/** Lists of checksums beside a file of this computer: of its own name, and those of the whole folder. Only what they say leaves here. */
export async function listsBeside(path: string): Promise<SumList[]> {
  const lists = new Lists();
  const folder = dirname(path);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!LIST_NAME.test(name) || lists.isFull) continue;
    let file: FileHandle | undefined;
    try {
      // A pipe of such a name would wait for a writer for ever.
      file = await open(join(folder, name), constants.O_RDONLY | constants.O_NONBLOCK);
      const stat = await file.stat();
      if (stat.isFile() && stat.size <= MAX_LIST_BYTES) lists.add(name, await file.readFile());
    } catch {
      // What can't be read is no list.
    } finally {
      await file?.close();
    }
  }
  return lists.found;
}

/** Lists as they are found, up to as much as one answer holds. */
class Lists {
  readonly found: SumList[] = [];
  #lines = 0;

  get isFull(): boolean {
    return this.found.length >= MAX_LISTS || this.#lines >= MAX_LIST_LINES;
  }

  add(name: Name, bytes: Uint8Array): void {
    const lines = parseSums(new TextDecoder().decode(bytes)).slice(0, MAX_LIST_LINES - this.#lines);
    // "disk.img.sha256" may hold the digest alone: it is that of the file whose name is before the suffix.
    const about = name.replace(/\.(md5|sha1|sha256|sha512|crc32)(sums?)?(\.txt)?$/i, '');
    this.#lines += lines.length;
    if (lines.length > 0) this.found.push({ display: displayName(name), lines: lines.map((line) => (line.name === '' && about !== name ? { ...line, name: about } : line)) });
  }
}
