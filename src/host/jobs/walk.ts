import { type FaultKind, toDiskError, usage } from '../../engines/core/errors.ts';
import type { Cursor, EntryType, FileSystem, Maybe, NodeId, Stat } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { compareNames, type Name } from '../../engines/core/names.ts';
import { fileSource, hash } from './hash.ts';

/** Entries between two looks at the clock. */
const STRIDE = 128;

/** Folders in folders that are followed; Linux's own paths end at 2048 of them (PATH_MAX). */
const MAX_DEPTH = 2048;

const TYPES: readonly EntryType[] = ['file', 'dir', 'symlink', 'char', 'block', 'fifo', 'socket'];
const DIR = TYPES.indexOf('dir');
/** Stands for an entry that can't be read: no index of TYPES. */
const FAILED = 255;

export interface WalkOptions {
  /** Where to begin; the root unless told. Paths begin with "/" as in the image, below `path`. */
  readonly node?: NodeId;
  /** The path of `node`. */
  readonly path?: Name;
  /** Adds `sha256` to files. */
  readonly hash?: boolean;
}

export interface WalkSummary {
  readonly entries: number;
  /** Entries with an `error`. */
  readonly errors: number;
}

export interface WalkError {
  readonly kind: FaultKind;
  readonly message: string;
}

/** An entry as the walk hands it on. All are the same object, filled anew: a million entries are no million objects. */
export interface WalkEntry {
  /** The path of its folder with a slash at the end; empty where the walk begins. The entry's own path is this and `name`. */
  readonly folder: Name;
  readonly name: Name;
  /** undefined when it can't be read: then there is an `error`, and the numbers mean nothing. */
  readonly type: EntryType | undefined;
  /** The next six are as in Stat. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly mtime: bigint;
  /** Of symbolic links. */
  readonly target: Name | undefined;
  /** In the order of their names; undefined when there are none. */
  readonly xattrs: ReadonlyMap<Name, Uint8Array> | undefined;
  readonly sha256: string | undefined;
  readonly error: WalkError | undefined;
}

/**
 * Every entry of a filesystem, the root first, in byte order of whole paths. In that order "/a.txt" stands between the folder "/a" and its
 * "/a/b", since "." sorts before "/". A directory whose listing breaks off comes once more, with the error; what was listed follows.
 * What it holds at one time are the folders on the way to the current one.
 * @param take gets them one by one
 */
export async function walk(fs: FileSystem, options: WalkOptions, job: JobContext, take: (entry: WalkEntry) => void): Promise<WalkSummary> {
  const node = options.node ?? fs.root;
  const path = options.path ?? '/';
  return new Walk(fs, options.hash === true, job, take).run(node, path);
}

/** What few entries have. */
type Extras = Partial<Pick<WalkEntry, 'target' | 'xattrs' | 'error'>>;

const NO_EXTRAS: Extras = {};

/** The entries of the folders that are open, one after another: a stack of columns, so that a million entries are no million objects. */
class Columns {
  readonly names: Name[] = [];
  readonly mtimes: bigint[] = [];
  readonly extras = new Map<number, Extras>();
  nodes = new Float64Array(1024);
  sizes = new Float64Array(1024);
  types = new Uint8Array(1024);
  modes = new Uint16Array(1024);
  uids = new Uint32Array(1024);
  gids = new Uint32Array(1024);
  links = new Uint32Array(1024);
  length = 0;

  push(name: Name, node: NodeId): void {
    if (this.length === this.nodes.length) this.#grow();
    this.nodes[this.length] = node;
    this.names[this.length] = name;
    this.length++;
  }

  set(at: number, stat: Stat): void {
    this.types[at] = TYPES.indexOf(stat.type);
    this.modes[at] = stat.mode;
    this.uids[at] = stat.uid;
    this.gids[at] = stat.gid;
    this.sizes[at] = stat.size;
    this.links[at] = stat.nlink;
    this.mtimes[at] = stat.mtime;
  }

  /**
   * The entries from `base` on in the order of their nodes. Nodes and numbers are sorted as one number each, natively and without a
   * comparison of ours; where they need more than its 53 bits, nodes are no numbers of neighbours, and the order stays.
   */
  byNode(base: number): Uint32Array {
    const nodes = this.nodes.subarray(base, this.length);
    let least = Infinity;
    let most = 0;
    for (const node of nodes) {
      if (node < least) least = node;
      if (node > most) most = node;
    }
    const stride = 2 ** (32 - Math.clz32(nodes.length));
    const weight = (most - least + 1) * stride <= Number.MAX_SAFE_INTEGER ? stride : 0;
    const keys = new Float64Array(nodes.length);
    for (let i = 0; i < keys.length; i++) keys[i] = (nodes[i]! - least) * weight + i;
    keys.sort();
    const order = new Uint32Array(keys.length);
    for (let i = 0; i < order.length; i++) order[i] = base + keys[i]! - Math.floor(keys[i]! / stride) * stride;
    return order;
  }

  /** Forgets all from `length` on. */
  cut(length: number): void {
    if (this.extras.size > 0) for (const at of this.extras.keys()) if (at >= length) this.extras.delete(at);
    this.names.length = length;
    this.mtimes.length = Math.min(length, this.mtimes.length);
    this.length = length;
  }

  #grow(): void {
    const length = this.nodes.length * 2;
    this.nodes = grown(this.nodes, new Float64Array(length));
    this.sizes = grown(this.sizes, new Float64Array(length));
    this.types = grown(this.types, new Uint8Array(length));
    this.modes = grown(this.modes, new Uint16Array(length));
    this.uids = grown(this.uids, new Uint32Array(length));
    this.gids = grown(this.gids, new Uint32Array(length));
    this.links = grown(this.links, new Uint32Array(length));
  }
}

function grown<T extends Float64Array | Uint8Array | Uint16Array | Uint32Array>(column: T, larger: T): T {
  larger.set(column as never);
  return larger;
}

/** The one object behind every WalkEntry. */
class Row implements WalkEntry {
  folder: Name = '';
  name: Name = '';
  type: EntryType | undefined;
  mode = 0;
  uid = 0;
  gid = 0;
  size = 0;
  nlink = 0;
  mtime = 0n;
  target: Name | undefined;
  xattrs: ReadonlyMap<Name, Uint8Array> | undefined;
  sha256: string | undefined;
  error: WalkError | undefined;
}

class Walk {
  readonly #fs: FileSystem;
  readonly #hash: boolean;
  readonly #job: JobContext;
  readonly #take: (entry: WalkEntry) => void;
  readonly #columns = new Columns();
  readonly #row = new Row();
  /** No sound filesystem has a directory twice; a hostile one has cycles, or doubles at every step. */
  readonly #directories = new Set<NodeId>();
  #entries = 0;
  #errors = 0;

  constructor(fs: FileSystem, withHash: boolean, job: JobContext, take: (entry: WalkEntry) => void) {
    this.#fs = fs;
    this.#hash = withHash;
    this.#job = job;
    this.#take = take;
  }

  async run(node: NodeId, path: Name): Promise<WalkSummary> {
    const columns = this.#columns;
    columns.push(path, node);
    await this.#look(0);
    await this.#emit(0, '');
    if (columns.types[0] === DIR) await this.#directory(node, path === '/' ? '/' : `${path}/`, 1);
    this.#job.report({ done: this.#entries, unit: 'entries' });
    return { entries: this.#entries, errors: this.#errors };
  }

  /** @param folder the directory's path with a slash at the end */
  async #directory(node: NodeId, folder: Name, depth: number): Promise<void> {
    const columns = this.#columns;
    const base = columns.length;
    this.#directories.add(node);
    try {
      for (let cursor: Cursor | undefined; ;) {
        const listed = this.#fs.list(node, cursor);
        const batch = listed instanceof Promise ? await listed : listed;
        for (const entry of batch.entries) columns.push(entry.name, entry.node);
        if (batch.next === undefined) break;
        cursor = batch.next;
        const pause = this.#job.breathe();
        if (pause) await pause;
      }
    } catch (error) {
      this.#failure(folder.slice(0, -1) || '/', error);
    }
    const order = columns.byNode(base);
    await this.#lookAll(order);
    for (const item of this.#byPath(order)) {
      const at = item >>> 1;
      if ((item & 1) === 0) {
        const waiting = this.#emit(at, folder);
        if (waiting) await waiting;
      } else {
        await this.#enter(at, `${folder}${columns.names[at]!}/`, depth);
      }
    }
    columns.cut(base);
  }

  async #enter(at: number, folder: Name, depth: number): Promise<void> {
    const node = this.#columns.nodes[at]!;
    if (depth < MAX_DEPTH) await this.#directory(node, folder, depth + 1);
    else this.#failure(folder.slice(0, -1), usage('ENAMETOOLONG', `Folders are nested deeper than ${MAX_DEPTH}`));
  }

  /** Reads what there is to know of the entries, given in the order of their nodes: inodes that lie together are read together. */
  async #lookAll(order: Uint32Array): Promise<void> {
    for (let i = 0; i < order.length; i++) {
      const waiting = this.#look(order[i]!);
      if (waiting) await waiting;
      if (i % STRIDE === 0) {
        const pause = this.#job.breathe();
        if (pause) await pause;
      }
    }
  }

  #look(at: number): Promise<void> | undefined {
    try {
      const stat = this.#fs.stat(this.#columns.nodes[at]!);
      if (stat instanceof Promise) return stat.then((got) => this.#known(at, got)).catch((error: unknown) => this.#unknown(at, error));
      const waiting = this.#known(at, stat);
      return waiting?.catch((error: unknown) => this.#unknown(at, error));
    } catch (error) {
      this.#unknown(at, error);
      return undefined;
    }
  }

  #known(at: number, stat: Stat): Promise<void> | undefined {
    const columns = this.#columns;
    columns.set(at, stat);
    const target = stat.type === 'symlink' ? this.#fs.readlink(stat.node) : undefined;
    const names = this.#fs.xattrs?.list(stat.node);
    if (target === undefined && (names === undefined || (!(names instanceof Promise) && names.length === 0))) return undefined;
    return this.#extras(at, stat.node, target, names);
  }

  async #extras(at: number, node: NodeId, linked: Maybe<Name> | undefined, listed: Maybe<readonly Name[]> | undefined): Promise<void> {
    const target = await linked;
    const values = new Map<Name, Uint8Array>();
    for (const name of ((await listed) ?? []).toSorted(compareNames)) {
      const value = await this.#fs.xattrs!.get(node, name);
      if (value !== undefined) values.set(name, value);
    }
    this.#columns.extras.set(at, { target, xattrs: values.size > 0 ? values : undefined });
  }

  #unknown(at: number, error: unknown): void {
    this.#columns.types[at] = FAILED;
    this.#columns.extras.set(at, { error: walkError(error) });
  }

  /**
   * In what order the entries and what is below them stand: an entry (twice its number) by its name, a folder's contents (twice its
   * number and one) by its name and a slash.
   * @param order most folders were filled in the order of their names, so that from that of their nodes little is left to sort
   */
  #byPath(order: Uint32Array): Iterable<number> {
    const { names, types } = this.#columns;
    const items: number[] = [];
    let plain = true;
    const inside = new Map<number, string>();
    for (const at of order) {
      items.push(at * 2);
      const name = names[at]!;
      if (plain && NOT_ASCII.test(name)) plain = false;
      if (types[at] === DIR && !this.#seen(at)) {
        items.push(at * 2 + 1);
        inside.set(at, `${name}/`);
      }
    }
    const key = (item: number) => ((item & 1) === 0 ? names[item >>> 1]! : inside.get(item >>> 1)!);
    // Strings compare by UTF-16 units; with ASCII alone that is the order of their bytes.
    const compare = plain ? (x: Name, y: Name) => (x < y ? -1 : x > y ? 1 : 0) : compareNames;
    items.sort((a, b) => compare(key(a), key(b)) || a - b);
    return items;
  }

  /** Whether a directory was met before; then its entry says so, and it is not entered. */
  #seen(at: number): boolean {
    const { nodes, extras, types } = this.#columns;
    const node = nodes[at]!;
    if (!this.#directories.has(node)) {
      this.#directories.add(node);
      return false;
    }
    types[at] = FAILED;
    extras.set(at, { error: { kind: 'corrupt', message: `Directory ${node} stands in more than one place` } });
    return true;
  }

  #emit(at: number, folder: Name): Promise<void> | undefined {
    const columns = this.#columns;
    const { target, xattrs, error } = columns.extras.size > 0 ? columns.extras.get(at) ?? NO_EXTRAS : NO_EXTRAS;
    const row = this.#row;
    row.folder = folder;
    row.name = columns.names[at]!;
    row.type = TYPES[columns.types[at]!];
    row.mode = columns.modes[at]!;
    row.uid = columns.uids[at]!;
    row.gid = columns.gids[at]!;
    row.size = columns.sizes[at]!;
    row.nlink = columns.links[at]!;
    row.mtime = columns.mtimes[at] ?? 0n;
    row.target = target;
    row.xattrs = xattrs;
    row.sha256 = undefined;
    row.error = error;
    this.#entries++;
    if (error !== undefined) this.#errors++;
    else if (this.#hash && row.type === 'file') return this.#emitHash(columns.nodes[at]!);
    this.#take(row);
    return this.#entries % STRIDE === 0 ? this.#breathe() : undefined;
  }

  /** Completes the row, which is nobody else's meanwhile. */
  async #emitHash(node: NodeId): Promise<void> {
    try {
      this.#row.sha256 = (await hash(await fileSource(this.#fs, node), ['sha256'], this.#job, false)).sha256;
    } catch (error) {
      this.#row.error = walkError(error);
      this.#errors++;
    }
    this.#take(this.#row);
    await this.#breathe();
  }

  #breathe(): Promise<void> | undefined {
    const pause = this.#job.breathe();
    if (pause) this.#job.report({ done: this.#entries, unit: 'entries' });
    return pause;
  }

  #failure(path: Name, error: unknown): void {
    this.#errors++;
    this.#take(Object.assign(new Row(), { name: path, error: walkError(error) }));
  }
}

// oxlint-disable-next-line no-control-regex
const NOT_ASCII = /[^\u0000-\u007f]/;

/** @throws DiskError cancelled, which is no fault of the entry's but ends the walk */
function walkError(error: unknown): WalkError {
  const { kind, message } = toDiskError(error);
  if (kind === 'cancelled') throw error;
  return { kind, message };
}
