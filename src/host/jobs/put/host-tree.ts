import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { type DiskError, ioError, isDiskError, usage } from '../../../engines/core/errors.ts';
import type { Cursor, DirEntry, EntryType, FileExtent, FileSystem, ListBatch, Maybe, NodeId, Stat, VolumeInfo } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { decodeName, displayName, encodeName, type Name } from '../../../engines/core/names.ts';
import { codeOf } from '../extract/target.ts';
import { libc } from '../../native/libc.ts';
import { attributeNames, pathTo } from './host-path.ts';
import { type Facts, NO_LISTING, type Numbers, ReadAhead, type ReadEntry, type Spot } from './read-ahead.ts';

/** Entries a batch of a listing. */
const BATCH = 1000;

/** Bytes of a folder up to which its names, some thousand, are read in one go: a thread for every folder would take longer than the folder. */
const SMALL_FOLDER = 64 * 1024;

/** Type bits of a mode (inode(7)). */
const TYPES: Readonly<Record<number, EntryType>> = { 0o100000: 'file', 0o040000: 'dir', 0o120000: 'symlink', 0o020000: 'char', 0o060000: 'block', 0o010000: 'fifo', 0o140000: 'socket' };

/** Entries that a walk must have met before a thread is worth its start. */
const WORTH_A_THREAD = 32;

/** A file or folder of this computer, by where it is. */
interface Place {
  /** Absent until it is asked for: most files are read ahead, by another thread. */
  path?: Buffer;
  readonly within?: { readonly folder: Place; readonly name: Name };
  /** Names of a folder that is being listed. */
  names?: readonly Name[];
  /** Nodes of the batch that was listed last. */
  batch?: readonly NodeId[];
  /** Where it is met by the walk that reads ahead, until it was. */
  spot?: Spot & { readonly walk: number };
  /** Its own listing in that walk. */
  listing?: number;
  /** What was read ahead, but for the contents. */
  read?: Pick<ReadEntry, 'xattrs' | 'target'>;
}

/**
 * Files and folders of this computer as a tree that can be read like any other: the root holds those that were named. Symlinks are never followed, and
 * names keep all their bytes. To be walked depth first: a batch of a listing is forgotten when the next one is asked for, so that a tree of millions of
 * files is never held.
 */
export class HostTree implements FileSystem {
  readonly root: NodeId = 0;
  readonly info: VolumeInfo = { format: 'host', label: '', uuid: '', size: 0, free: 0, blockSize: 4096, state: 'clean', features: [], details: [], access: { write: false, reason: 'files of this computer are only read' } };
  readonly xattrs: NonNullable<FileSystem['xattrs']> | undefined;
  readonly extents: NonNullable<FileSystem['extents']> | undefined;
  readonly #places = new Map<NodeId, Place>();
  readonly #named: readonly DirEntry[];
  /** Files of several names: the node of the first one that was met, by device and inode. */
  readonly #linked = new Map<string, NodeId>();
  #last = 0;
  /** What was looked at last: its contents and attributes are asked for next. */
  #looked: { readonly node: NodeId; readonly stat: Stat } | undefined;
  #open: { readonly node: NodeId; readonly fd: number } | undefined;
  /** Contents that were read ahead. */
  #contents: { readonly node: NodeId; readonly bytes: Uint8Array } | undefined;
  /** 'never': there is no thread to be had, or none is wanted. */
  #ahead: ReadAhead | 'never' | undefined;
  /** The walk that is read ahead now. */
  #walk = 0;
  #met = 0;

  /**
   * @param paths absolute
   * @param whole all of it will be asked for, contents and attributes as well: they are read ahead by a second thread
   */
  constructor(paths: readonly string[], { whole = false } = {}) {
    if (!whole) this.#ahead = 'never';
    this.#named = paths.map((path) => ({ name: basename(path), node: this.#add({ path: Buffer.from(path) }), type: undefined }));
    const system = libc();
    if (system === undefined) return;
    this.xattrs = {
      list: (node) => this.#place(node).read?.xattrs.map(([name]) => name) ?? this.#tell(node, (path) => attributeNames(system, path)),
      get: (node, name) => this.#place(node).read?.xattrs.find(([each]) => each === name)?.[1] ?? this.#tell(node, (path) => system.getXattr(path, name)),
    };
    this.extents = {
      device: { size: 0, blockSize: 512, read() { throw ioError('Files of this computer lie on no device of ours'); }, close() {} },
      map: (node) => this.#runs(node, system.seek),
    };
  }

  /** The named files and folders, as a copy takes them. */
  get entries(): readonly { readonly folder: NodeId; readonly node: NodeId; readonly name: Name }[] {
    return this.#named.map(({ node, name }) => ({ folder: this.root, node, name }));
  }

  lookup(): NodeId | undefined {
    return undefined;
  }

  stat(node: NodeId): Maybe<Stat> {
    const place = this.#place(node);
    const { spot } = place;
    if (spot === undefined) return this.#look(node);
    delete place.spot;
    // Whatever comes next takes its place.
    this.#contents = undefined;
    const entry = this.#aheadOf(spot.walk)?.entry(spot);
    return entry instanceof Promise ? entry.then((found) => this.#taken(node, place, found)) : this.#taken(node, place, entry);
  }

  async list(dir: NodeId, cursor?: Cursor): Promise<ListBatch> {
    if (dir === this.root) return { entries: this.#named };
    const place = this.#place(dir);
    for (const node of place.batch ?? []) this.#places.delete(node);
    place.names ??= await this.#names(place);
    const from = Number(cursor ?? 0);
    const names = place.names.slice(from, from + BATCH);
    const { listing } = place;
    const entries = names.map((name, i): DirEntry => ({ name, node: this.#add({ within: { folder: place, name }, ...(listing === undefined ? {} : { spot: { walk: this.#walk, listing, index: from + i } }) }), type: undefined }));
    place.batch = entries.map(({ node }) => node);
    if (from + BATCH < place.names.length) return { entries, next: from + BATCH };
    delete place.names;
    delete place.listing;
    return { entries };
  }

  /** All of a file, where it is in memory already; good until the next file or folder is looked at. */
  held(node: NodeId): Uint8Array | undefined {
    return this.#contents?.node === node ? this.#contents.bytes : undefined;
  }

  read(node: NodeId, at: number, into: Uint8Array): number {
    return this.#tell(node, () => {
      const fd = this.#opened(node);
      let done = 0;
      while (done < into.length) {
        const count = readSync(fd, into, done, into.length - done, at + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  readlink(node: NodeId): Name {
    return this.#place(node).read?.target ?? this.#tell(node, (path) => decodeName(readlinkSync(path, { encoding: 'buffer' })));
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
    if (this.#ahead instanceof ReadAhead) this.#ahead.close();
    this.#ahead = 'never';
    this.#places.clear();
  }

  /** As it is now. */
  #look(node: NodeId): Stat {
    const found = this.#tell(node, (path) => lstatSync(path, { bigint: true }));
    return this.#told(node, { mode: Number(found.mode), uid: Number(found.uid), gid: Number(found.gid), size: Number(found.size), nlink: Number(found.nlink), blocks: Number(found.blocks) }, found);
  }

  /** What was read ahead; as it is now where it was not. */
  #taken(node: NodeId, place: Place, entry: ReadEntry | undefined): Stat {
    if (entry === undefined) return this.#look(node);
    const { numbers, facts, listing, xattrs, target, contents } = entry;
    if (listing !== NO_LISTING) place.listing = listing;
    place.read = { xattrs, target };
    if (contents !== undefined) this.#contents = { node, bytes: contents };
    return this.#told(node, numbers, facts);
  }

  #told(node: NodeId, { mode, uid, gid, size, nlink, blocks }: Numbers, facts: Facts): Stat {
    const type = TYPES[mode & 0o170000] ?? 'socket';
    const stat: Stat = {
      node: type === 'dir' || nlink < 2 ? node : this.#first(node, facts), type, mode: mode & 0o7777, uid, gid, size, nlink,
      mtime: facts.mtimeNs, atime: facts.atimeNs, ctime: facts.ctimeNs, btime: facts.birthtimeNs, allocated: blocks * 512, flags: [],
      ...(type === 'char' || type === 'block' ? { device: deviceOf(facts.rdev) } : {}),
    };
    this.#looked = { node, stat };
    return stat;
  }

  /** The names in a folder: as they were read ahead, or as they are. */
  async #names(place: Place): Promise<readonly Name[]> {
    this.#contents = undefined;
    let names = place.listing === undefined ? undefined : await this.#aheadOf(this.#walk)?.names(place.listing);
    if (names !== undefined) return names;
    delete place.listing;
    const path = pathOf(place);
    try {
      names = (lstatSync(path).size <= SMALL_FOLDER ? readdirSync(path, { encoding: 'buffer' }) : await readdir(path, { encoding: 'buffer' })).map((bytes) => decodeName(bytes));
    } catch (error) {
      throw hostError(error, path);
    }
    this.#met += names.length;
    if (this.#met < WORTH_A_THREAD) return names;
    this.#ahead ??= ReadAhead.start() ?? 'never';
    if (this.#ahead === 'never') return names;
    this.#walk = this.#ahead.begin(path);
    const ahead = await this.#ahead.names(0);
    if (ahead !== undefined) place.listing = 0;
    return ahead ?? names;
  }

  /** The thread, as long as it reads ahead what it did. */
  #aheadOf(walk: number): ReadAhead | undefined {
    return this.#ahead === 'never' || walk !== this.#walk ? undefined : this.#ahead;
  }

  /** Its data as the system tells it; all of it where it can't. */
  * #runs(node: NodeId, seek: (fd: number, at: number, what: 'data' | 'hole') => number | undefined): Iterable<FileExtent> {
    const { size, allocated } = this.#looked?.node === node ? this.#looked.stat : this.#look(node);
    if (size === 0) return;
    const ask = (at: number, what: 'data' | 'hole'): number | undefined => this.#tell(node, () => seek(this.#opened(node), at, what));
    if (allocated >= size) {
      yield { logical: 0, length: size, physical: undefined };
      return;
    }
    for (let at = 0; at < size;) {
      const data = ask(at, 'data');
      if (data === undefined) return;
      const from = Math.max(at, data);
      const to = data < 0 ? size : Math.min(size, ask(from, 'hole') ?? size);
      if (to <= from) return;
      yield { logical: from, length: to - from, physical: undefined };
      at = to;
    }
  }

  #first(node: NodeId, { dev, ino }: Facts): NodeId {
    const key = `${dev}:${ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) this.#linked.set(key, node);
    return first ?? node;
  }

  #opened(node: NodeId): number {
    if (this.#open?.node === node) return this.#open.fd;
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
    // What became a symlink or a pipe since it was looked at is neither followed nor waited for.
    const fd = openSync(pathOf(this.#place(node)), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    this.#open = { node, fd };
    return fd;
  }

  #add(place: Place): NodeId {
    this.#places.set(++this.#last, place);
    return this.#last;
  }

  #place(node: NodeId): Place {
    const place = this.#places.get(node);
    if (place === undefined) throw usage('ESTALE', 'The file was not looked at');
    return place;
  }

  #tell<T>(node: NodeId, run: (path: Buffer) => T): T {
    const path = pathOf(this.#place(node));
    try {
      return run(path);
    } catch (error) {
      throw hostError(error, path);
    }
  }
}

function pathOf(place: Place): Buffer {
  return (place.path ??= pathTo(pathOf(place.within!.folder), encodeName(place.within!.name)));
}

/** What this computer's system refused. */
function hostError(error: unknown, path: Uint8Array): DiskError {
  if (isDiskError(error)) return error;
  const what = displayName(decodeName(path));
  switch (codeOf(error)) {
    case 'ENOENT': return usage('ENOENT', `${what} is not there any more`);
    case 'EACCES': case 'EPERM': return usage('EACCES', `${what} may not be read`);
    case 'ENAMETOOLONG': return usage('ENAMETOOLONG', `${what} has too long a path for the system`);
    case 'ELOOP': return usage('ELOOP', `${what} became a symlink meanwhile`);
    default: return ioError(`${what} can't be read (${codeOf(error)})`);
  }
}

/** As gnu_dev_major and gnu_dev_minor of glibc. */
function deviceOf(rdev: bigint): { major: number; minor: number } {
  return { major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)), minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)) };
}

/** Bytes of data in files and folders of this computer. @throws DiskError cancelled; what can't be read counts for nothing */
export async function countHost(paths: readonly string[], job: JobContext): Promise<number> {
  const todo: Buffer[] = paths.map((path) => Buffer.from(path));
  const linked = new Set<string>();
  let bytes = 0;
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    const pause = job.breathe();
    if (pause) await pause;
    try {
      const found = lstatSync(path, { bigint: true });
      if (found.isDirectory()) for (const name of await readdir(path, { encoding: 'buffer' })) todo.push(Buffer.concat([path, Buffer.from('/'), name]));
      else if (found.isFile()) {
        const key = `${found.dev}:${found.ino}`;
        if (found.nlink > 1n && linked.has(key)) continue;
        if (found.nlink > 1n) linked.add(key);
        bytes += Math.min(Number(found.size), Number(found.blocks) * 512);
      }
    } catch {
      // The work itself tells of what can't be read.
    }
  }
  return bytes;
}
