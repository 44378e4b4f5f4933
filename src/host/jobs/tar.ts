import { TAR_END, type TarEntry, tarHead } from '../../engines/archives/tar/entry.ts';
import { corrupt, type DiskError, isDiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import type { Cursor, FileSystem, Maybe, NodeId, Stat } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import type { JobSummary } from '../../shared/contract/rows.ts';
import { Ahead, type Attributes } from './ahead.ts';
import { hostName } from './extract/host-names.ts';
import { dataIn } from './put/item.ts';

/** Bytes that are written at once. */
const BUFFER = 1024 * 1024;

/** Bytes between two looks at the clock within a file. */
const PIECE = 256 * 1024;

/** Holes of less than this many bytes in all are written as zeros: the map would take as much. */
const WORTH_SPARSE = 8 * 1024;

/** Runs of data that are remembered of a file that is looked through for zeros. One with more is written whole. */
const MOST_RUNS = 100_000;

const MAX_DEPTH = 2048;

/** What to pack, and under which names; the root's contents stand at the top, after "./" for itself. */
export interface TarSource {
  readonly fs: FileSystem;
  readonly entries: readonly { readonly node: NodeId; readonly name: Name }[];
}

/**
 * Streams entries with all that is below them as a pax tar: extended attributes and ACLs, sparse files, hard links, nanosecond times.
 * The same tree always makes the same bytes. Sockets are left out, and logged. A file that can't be read to its end is filled up with zeros,
 * since its size was said before, and counted as a problem.
 * @param write takes a piece; its bytes are reused once it has returned, or what it returned has resolved
 * @throws DiskError cancelled
 */
export async function tar(source: TarSource, job: JobContext, write: (bytes: Uint8Array) => Maybe<void>): Promise<JobSummary> {
  return new Packing(source.fs, job, write).run(source.entries);
}

class Packing {
  readonly #fs: FileSystem;
  readonly #job: JobContext;
  readonly #write: (bytes: Uint8Array) => Maybe<void>;
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #summary: { -readonly [K in keyof JobSummary]: JobSummary[K] } = { files: 0, directories: 0, bytes: 0, skipped: 0, problems: 0 };
  readonly #directories = new Set<NodeId>();
  /** Nodes that have more names to come, with their first. */
  readonly #links = new Map<NodeId, { readonly path: Name; left: number }>();
  readonly #ahead: Ahead;
  /** Bytes in the buffer. */
  #filled = 0;

  constructor(fs: FileSystem, job: JobContext, write: (bytes: Uint8Array) => Maybe<void>) {
    this.#fs = fs;
    this.#ahead = new Ahead(fs);
    this.#job = job;
    this.#write = write;
  }

  async run(entries: TarSource['entries']): Promise<JobSummary> {
    for (const { node, name } of entries) {
      if (node === this.#fs.root) await this.#directory('./', '', await this.#fs.stat(node), 0);
      else await this.#entry('', name, node, 0);
    }
    await this.#put(TAR_END);
    await this.#flush();
    this.#job.report({ done: this.#summary.bytes, unit: 'bytes' });
    return this.#summary;
  }

  async #entry(parent: Name, name: Name, node: NodeId, depth: number): Promise<void> {
    // A name that leads elsewhere is as dangerous in a tar as in a folder.
    const safe = hostName(name, 'posix');
    const path = `${parent}${safe.name}`;
    if (safe.reason !== undefined) this.#lost(`${parent}${name}`, `packed as "${displayName(path)}": ${safe.reason}`);
    try {
      const got = this.#ahead.stat(node);
      const stat = got instanceof Promise ? await got : got;
      if (stat.type === 'dir') await this.#directory(`${path}/`, `${path}/`, stat, depth);
      else if (stat.type === 'socket') this.#skip(path, 'sockets have no place in a tar');
      else if (!(await this.#again(path, stat))) await this.#first(path, stat);
    } catch (error) {
      this.#failed(path, error);
    } finally {
      this.#ahead.forget(node);
    }
  }

  /** @param prefix of the names in it */
  async #directory(path: Name, prefix: Name, stat: Stat, depth: number): Promise<void> {
    if (this.#directories.has(stat.node)) throw corrupt(`directory ${stat.node}`, 'it stands in more than one place; only the first is packed');
    if (depth > MAX_DEPTH) throw usage('ENAMETOOLONG', `Folders are nested deeper than ${MAX_DEPTH}`);
    this.#directories.add(stat.node);
    await this.#put(tarHead(await this.#describe(path, stat)).bytes);
    this.#summary.directories++;
    try {
      for (let cursor: Cursor | undefined; ;) {
        const listed = this.#fs.list(stat.node, cursor);
        const batch = listed instanceof Promise ? await listed : listed;
        const entries = batch.entries.toSorted((a, b) => a.node - b.node);
        const ask = this.#ahead.entries(entries);
        for (const [i, entry] of entries.entries()) {
          ask(i);
          await this.#entry(prefix, entry.name, entry.node, depth + 1);
          const pause = this.#job.breathe();
          if (pause) {
            this.#job.report({ done: this.#summary.bytes, unit: 'bytes', now: displayName(prefix + entry.name) });
            await pause;
          }
        }
        if (batch.next === undefined) return;
        cursor = batch.next;
      }
    } catch (error) {
      this.#failed(path, error);
    }
  }

  /** A further name of what is packed already. @returns whether it is one */
  async #again(path: Name, stat: Stat): Promise<boolean> {
    const first = stat.nlink > 1 ? this.#links.get(stat.node) : undefined;
    if (first === undefined) return false;
    if (--first.left <= 0) this.#links.delete(stat.node);
    const { mode, uid, gid, mtime } = stat;
    await this.#put(tarHead({ path, type: 'link', mode, uid, gid, size: 0, mtime, target: first.path }).bytes);
    this.#summary.files++;
    return true;
  }

  async #first(path: Name, stat: Stat): Promise<void> {
    const entry = await this.#describe(path, stat);
    const early = stat.type === 'file' ? await this.#ahead.bytes(stat.node) : undefined;
    const runs = stat.type === 'file' ? await this.#runs(stat, early) : undefined;
    const head = tarHead(runs ? { ...entry, runs } : entry);
    await this.#put(head.bytes);
    if (stat.type === 'file' && stat.size > 0) {
      for (const [at, length] of runs ?? [[0, stat.size] as const]) {
        if (early !== undefined) await this.#put(early.subarray(at, at + length));
        else await this.#contents(path, stat.node, at, length);
      }
      await this.#put(PAD.subarray(0, head.padding));
      this.#summary.bytes += stat.size;
    }
    this.#summary.files++;
    if (stat.nlink > 1) this.#links.set(stat.node, { path, left: stat.nlink - 1 });
  }

  async #describe(path: Name, stat: Stat): Promise<TarEntry> {
    const { type, mode, uid, gid, size, mtime, atime, ctime, device } = stat;
    const target = type === 'symlink' ? await this.#fs.readlink(stat.node) : undefined;
    const xattrs = await this.#attributes(path, stat.node);
    return {
      path, type: type as TarEntry['type'], mode, uid, gid, size, mtime, atime, ctime,
      ...(target === undefined ? {} : { target }), ...(device ? { device } : {}), ...(xattrs.length > 0 ? { xattrs } : {}),
    };
  }

  async #attributes(path: Name, node: NodeId): Promise<Attributes['found']> {
    if (!this.#fs.xattrs) return [];
    const { found, failure } = await this.#ahead.attributes(node);
    if (failure !== undefined) this.#lost(path, `attributes not kept: ${(failure as Error).message}`);
    return found;
  }

  /** A file's data runs where it is worth to pack it as sparse. @param early all of it */
  async #runs(stat: Stat, early: Uint8Array | undefined): Promise<[number, number][] | undefined> {
    if (stat.allocated >= stat.size || stat.size < WORTH_SPARSE) return undefined;
    const runs: [number, number][] = [];
    let data = 0;
    if (!this.#fs.extents) return this.#withoutZeros(stat, early);
    for (const run of await this.#fs.extents.map(stat.node)) {
      if (run.unwritten) continue;
      const last = runs.at(-1);
      const length = Math.min(run.length, stat.size - run.logical);
      if (length <= 0) break;
      if (last !== undefined && run.logical < last[0] + last[1]) throw corrupt(`node ${stat.node}`, 'its extents overlap');
      if (last !== undefined && last[0] + last[1] === run.logical) last[1] += length;
      else runs.push([run.logical, length]);
      data += length;
    }
    return stat.size - data >= WORTH_SPARSE ? runs : undefined;
  }

  /**
   * Where nobody tells a file's holes (9P doesn't), but its allocated size says that there are some, they are where it is zero. It is read for that, and its data once
   * more when it is written: so only where an eighth of it or more is not there.
   */
  async #withoutZeros({ node, size, allocated }: Stat, early: Uint8Array | undefined): Promise<[number, number][] | undefined> {
    if (size - allocated < Math.max(WORTH_SPARSE, size / 8)) return undefined;
    const runs: [number, number][] = [];
    let data = 0;
    const buffer = early ?? new Uint8Array(PIECE);
    for (let at = 0; at < size; at += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, size - at));
      if (early === undefined) {
        try {
          const got = this.#fs.read(node, at, part);
          if ((got instanceof Promise ? await got : got) < part.length) return undefined;
        } catch {
          return undefined; // What it is, is told by whoever writes it.
        }
        const pause = this.#job.breathe();
        if (pause) await pause;
      }
      for (const [from, to] of dataIn(part)) {
        const last = runs.at(-1);
        if (last !== undefined && last[0] + last[1] === at + from) last[1] += to - from;
        else runs.push([at + from, to - from]);
        data += to - from;
      }
      if (runs.length > MOST_RUNS) return undefined;
    }
    return size - data >= WORTH_SPARSE ? runs : undefined;
  }

  /** Reads straight into the buffer. What can't be read is zeros. */
  async #contents(path: Name, node: NodeId, from: number, length: number): Promise<void> {
    let failure: unknown;
    for (let at = from; at < from + length;) {
      if (this.#filled === BUFFER) await this.#flush();
      const part = this.#buffer.subarray(this.#filled, this.#filled + Math.min(PIECE, BUFFER - this.#filled, from + length - at));
      let count = 0;
      try {
        const got = failure === undefined ? this.#fs.read(node, at, part) : 0;
        count = got instanceof Promise ? await got : got;
        if (count < part.length && failure === undefined) throw corrupt(`node ${node}`, `the file ends at byte ${at + count}, before its size`);
      } catch (error) {
        failure = error;
        this.#failed(path, error);
        count = 0;
      }
      part.fill(0, count);
      this.#filled += part.length;
      at += part.length;
      const pause = this.#job.breathe();
      if (pause) await pause;
    }
  }

  async #put(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      if (this.#filled === BUFFER) await this.#flush();
      const length = Math.min(bytes.length - done, BUFFER - this.#filled);
      this.#buffer.set(bytes.subarray(done, done + length), this.#filled);
      this.#filled += length;
      done += length;
    }
  }

  async #flush(): Promise<void> {
    const written = this.#write(this.#buffer.subarray(0, this.#filled));
    if (written instanceof Promise) await written;
    this.#filled = 0;
  }

  #failed(path: Name, error: unknown): void {
    const failure: DiskError = toDiskError(error);
    // What the output refuses ends the work; only what the image refuses is logged.
    if (!isDiskError(error) || failure.kind === 'cancelled') throw error;
    this.#summary.problems++;
    this.#job.log({ level: 'error', path: displayName(path), message: failure.message, error: failure.toJSON() });
  }

  #lost(path: Name, message: string): void {
    this.#summary.problems++;
    this.#job.log({ level: 'warning', path: displayName(path), message });
  }

  #skip(path: Name, message: string): void {
    this.#summary.skipped++;
    this.#job.log({ level: 'info', path: displayName(path), message });
  }
}

const PAD = new Uint8Array(512);
