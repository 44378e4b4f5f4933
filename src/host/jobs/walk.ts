import { toDiskError, usage, type DiskErrorData } from '../../engines/core/errors.ts';
import type { Cursor, EntryType, FileSystem, Maybe, NodeId, Stat } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { compareNames, type Name } from '../../engines/core/names.ts';
import { fileSource, hash } from './hash.ts';

/** Characters of JSON that are handed on at once. */
const CHUNK = 64 * 1024;

/** Entries between two looks at the clock. */
const STRIDE = 128;

/** Folders in folders that are followed; Linux's own paths end at 2048 of them (PATH_MAX). */
const MAX_DEPTH = 2048;

const TYPES: readonly EntryType[] = ['file', 'dir', 'symlink', 'char', 'block', 'fifo', 'socket'];
const DIR = TYPES.indexOf('dir');
const FILE = TYPES.indexOf('file');
/** Stands for an entry that can't be read. */
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

/**
 * Every entry of a filesystem as a line of JSON: the format of `clutch walk --json`, the root first, in byte order of whole paths. In that
 * order "/a.txt" stands between the folder "/a" and its "/a/b", since "." sorts before "/".
 * What it holds at one time are the folders on the way to the current one.
 * @param write takes whole lines, many at once; what it returns is waited for
 */
export async function walk(fs: FileSystem, options: WalkOptions, job: JobContext, write: (lines: string) => Maybe<void>): Promise<WalkSummary> {
  const node = options.node ?? fs.root;
  const path = options.path ?? '/';
  return new Walk(fs, options.hash === true, job, write).run(node, path);
}

/** The entries of the folders that are open, one after another: a stack of columns, so that a million entries are no million objects. */
class Columns {
  readonly names: Name[] = [];
  readonly mtimes: bigint[] = [];
  /** JSON that few entries have: targets, attributes, errors. */
  readonly extras = new Map<number, string>();
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

class Walk {
  readonly #fs: FileSystem;
  readonly #hash: boolean;
  readonly #job: JobContext;
  readonly #write: (lines: string) => Maybe<void>;
  readonly #columns = new Columns();
  /** No sound filesystem has a directory twice; a hostile one has cycles, or doubles at every step. */
  readonly #directories = new Set<NodeId>();
  #text = '';
  #entries = 0;
  #errors = 0;
  #lastMtime = 0n;
  #lastMtimeText = '0';

  constructor(fs: FileSystem, withHash: boolean, job: JobContext, write: (lines: string) => Maybe<void>) {
    this.#fs = fs;
    this.#hash = withHash;
    this.#job = job;
    this.#write = write;
  }

  async run(node: NodeId, path: Name): Promise<WalkSummary> {
    const columns = this.#columns;
    columns.push('', node);
    await this.#look(0);
    await this.#emit(0, jsonText(path));
    if (columns.types[0] === DIR) await this.#directory(node, path === '/' ? '/' : `${jsonText(path)}/`, 1);
    const written = this.#write(this.#text);
    if (written instanceof Promise) await written;
    this.#job.report({ done: this.#entries, unit: 'entries' });
    return { entries: this.#entries, errors: this.#errors };
  }

  /** @param prefix the directory's path with a slash at the end, as JSON text */
  async #directory(node: NodeId, prefix: string, depth: number): Promise<void> {
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
      this.#failure(prefix.slice(0, -1) || '/', error);
    }
    await this.#lookAll(base);
    for (const item of this.#order(base)) {
      const at = item >>> 1;
      const name = columns.names[at]!;
      if ((item & 1) === 0) {
        const waiting = this.#emit(at, prefix + jsonText(name));
        if (waiting) await waiting;
      } else {
        await this.#enter(at, `${prefix}${jsonText(name)}/`, depth);
      }
    }
    columns.cut(base);
  }

  async #enter(at: number, prefix: string, depth: number): Promise<void> {
    const node = this.#columns.nodes[at]!;
    if (depth < MAX_DEPTH) await this.#directory(node, prefix, depth + 1);
    else this.#failure(prefix.slice(0, -1), usage('ENAMETOOLONG', `Folders are nested deeper than ${MAX_DEPTH}`));
  }

  /** Reads what there is to know of the entries from `base` on, in the order of their nodes: inodes that lie together are read together. */
  async #lookAll(base: number): Promise<void> {
    const { nodes, length } = this.#columns;
    const order = new Uint32Array(length - base);
    let sorted = true;
    for (let i = 0; i < order.length; i++) {
      order[i] = base + i;
      if (i > 0 && nodes[base + i]! < nodes[base + i - 1]!) sorted = false;
    }
    if (!sorted) order.sort((a, b) => nodes[a]! - nodes[b]!);
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

  async #extras(at: number, node: NodeId, target: Maybe<Name> | undefined, names: Maybe<readonly Name[]> | undefined): Promise<void> {
    let text = target === undefined ? '' : `,"target":${JSON.stringify(await target)}`;
    const parts: string[] = [];
    for (const name of ((await names) ?? []).toSorted(compareNames)) {
      const value = await this.#fs.xattrs!.get(node, name);
      if (value !== undefined) parts.push(`${JSON.stringify(name)}:"${hex(value)}"`);
    }
    if (parts.length > 0) text += `,"xattrs":{${parts.join(',')}}`;
    if (text !== '') this.#columns.extras.set(at, text);
  }

  #unknown(at: number, error: unknown): void {
    this.#columns.types[at] = FAILED;
    this.#columns.extras.set(at, `,"error":${errorText(error)}`);
  }

  /**
   * In what order the entries from `base` on and what is below them stand: an entry (twice its number) by its name, a folder's contents
   * (twice its number and one) by its name and a slash.
   */
  #order(base: number): Iterable<number> {
    const { names, types, length } = this.#columns;
    const items: number[] = [];
    let plain = true;
    const inside = new Map<number, string>();
    for (let at = base; at < length; at++) {
      items.push(at * 2);
      const name = names[at]!;
      if (plain && NOT_ASCII.test(name)) plain = false;
      if (types[at] === DIR && !this.#seen(at)) {
        items.push(at * 2 + 1);
        inside.set(at, `${name}/`);
      }
    }
    const key = inside.size === 0 ? (item: number) => names[item >>> 1]! : (item: number) => ((item & 1) === 0 ? names[item >>> 1]! : inside.get(item >>> 1)!);
    // Strings compare by UTF-16 units; with ASCII alone that is the order of their bytes.
    if (plain) items.sort((a, b) => { const [x, y] = [key(a), key(b)]; return x < y ? -1 : x > y ? 1 : a - b; });
    else items.sort((a, b) => compareNames(key(a), key(b)) || a - b);
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
    extras.set(at, `,"error":{"kind":"corrupt","message":"Directory ${node} stands in more than one place"}`);
    return true;
  }

  /** @param path as JSON text */
  #emit(at: number, path: string): Promise<void> | undefined {
    const { types, modes, uids, gids, sizes, links, mtimes, extras, nodes } = this.#columns;
    this.#entries++;
    const type = types[at]!;
    const extra = extras.size > 0 ? (extras.get(at) ?? '') : '';
    if (type === FAILED) {
      this.#errors++;
      this.#text += `{"path":"${path}"${extra}}\n`;
    } else {
      const mtime = mtimes[at]!;
      if (mtime !== this.#lastMtime) {
        this.#lastMtime = mtime;
        this.#lastMtimeText = mtime.toString();
      }
      this.#text += `{"path":"${path}","type":"${TYPES[type]!}","mode":"${octal(modes[at]!)}","uid":${uids[at]!},"gid":${gids[at]!},"size":${sizes[at]!},"nlink":${links[at]!},"mtime":"${this.#lastMtimeText}"${extra}`;
      if (this.#hash && type === FILE) return this.#emitHash(nodes[at]!);
      this.#text += '}\n';
    }
    return this.#text.length >= CHUNK || this.#entries % STRIDE === 0 ? this.#breathe() : undefined;
  }

  async #emitHash(node: NodeId): Promise<void> {
    try {
      const { sha256 } = await hash(await fileSource(this.#fs, node), ['sha256'], this.#job, false);
      this.#text += `,"sha256":"${sha256}"}\n`;
    } catch (error) {
      if (toDiskError(error).kind === 'cancelled') throw error;
      this.#errors++;
      this.#text += `,"error":${errorText(error)}}\n`;
    }
    await this.#breathe();
  }

  #breathe(): Promise<void> | undefined {
    const pause = this.#job.breathe();
    if (pause) this.#job.report({ done: this.#entries, unit: 'entries' });
    if (this.#text.length < CHUNK) return pause;
    const text = this.#text;
    this.#text = '';
    const written = this.#write(text);
    return written instanceof Promise ? written.then(() => pause) : pause;
  }

  /** A directory whose listing breaks off says so in a line of its own; what was listed follows. @param path as JSON text */
  #failure(path: string, error: unknown): void {
    if (toDiskError(error).kind === 'cancelled') throw error;
    this.#errors++;
    this.#text += `{"path":"${path}","error":${errorText(error)}}\n`;
  }
}

// oxlint-disable-next-line no-control-regex
const NOT_ASCII = /[^\u0000-\u007f]/;
const PLAIN = /^[ !#-[\]-~]*$/;

/** A name inside a JSON string. Bytes that are no text stand as escaped lone surrogates ("\udcff"). */
function jsonText(name: Name): string {
  return PLAIN.test(name) ? name : JSON.stringify(name).slice(1, -1);
}

const OCTAL: string[] = [];
function octal(mode: number): string {
  return (OCTAL[mode] ??= mode.toString(8).padStart(4, '0'));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function errorText(error: unknown): string {
  const { fault, message }: DiskErrorData = toDiskError(error);
  return JSON.stringify({ kind: fault.kind, message });
}
