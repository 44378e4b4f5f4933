import { DiskError, usage } from '../../core/errors.ts';
import type { DirEntry, EntryType, FileSystem, NodeId, Stat } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { Writer } from '../../core/writer.ts';
import { Listing } from '../shared/listing.ts';
import { type Fields, type Qid, QID_TYPE, type ReplyName, type RequestName } from './messages.ts';

/** What answers a request: the reply's fields, or a DiskError. */
export type Handlers = { readonly [T in RequestName]?: (fields: Fields<T>) => Promise<Fields<ReplyName<T>>> };

/** How a client came to a node. */
export interface Way {
  readonly node: NodeId;
  readonly name: Name;
  /** undefined at the root. */
  readonly up: Way | undefined;
}

/** What a client's number stands for. */
export interface ServedFid {
  way: Way;
  /** Owner of what is made through it. */
  readonly uid: number;
  open?: { readonly read: boolean; readonly write: boolean; readonly append: boolean; readonly listing?: Entries };
  /** An attribute that is read, or that is set when the fid is clunked. */
  xattr?: { readonly name: Name; readonly value: Uint8Array; /** Bits of XATTR, for one that is set. */ readonly set?: number; written: number };
}

/** Longest value of an attribute (XATTR_SIZE_MAX), in bytes. */
export const MAX_XATTR = 65_536;

/** Bytes of attributes that are being read or set at once, of one client: what it says that it will write takes our memory before it does. */
const MOST_XATTRS = 256 * MAX_XATTR;

/** A client's numbers, and the filesystem that they lead into. */
export class Served {
  readonly fs: FileSystem;
  readonly #fids = new Map<number, ServedFid>();
  readonly #limit: number;
  #xattrBytes = 0;

  constructor(fs: FileSystem, limit: number) {
    this.fs = fs;
    this.#limit = limit;
  }

  /** @throws usage EROFS where it is served for reading alone */
  get writer(): Writer {
    if (!this.fs.writer) throw usage('EROFS', this.fs.info.access.reason);
    return this.fs.writer;
  }

  /** @throws usage EBADF */
  get(fid: number): ServedFid {
    const found = this.#fids.get(fid);
    if (found === undefined) throw usage('EBADF', `There is no fid ${fid}`);
    return found;
  }

  /** One that leads to a file and is not open. @throws usage EBADF, EINVAL */
  closed(fid: number): ServedFid {
    const found = this.get(fid);
    if (found.open || found.xattr) throw usage('EINVAL', `The fid ${fid} is open`);
    return found;
  }

  /** @throws usage EINVAL when it is in use; busy when there are too many */
  add(fid: number, served: ServedFid): void {
    this.checkFree(fid);
    this.#fids.set(fid, served);
  }

  checkFree(fid: number): void {
    if (this.#fids.has(fid)) throw usage('EINVAL', `The fid ${fid} is in use`);
    if (this.#fids.size >= this.#limit) throw new DiskError({ kind: 'busy' }, `More than ${this.#limit} fids`);
  }

  /** Makes a fid one of an attribute. @throws busy when the client has too much of them at once */
  attach(served: ServedFid, xattr: NonNullable<ServedFid['xattr']>): void {
    if (this.#xattrBytes + xattr.value.length > MOST_XATTRS) throw new DiskError({ kind: 'busy' }, `More than ${MOST_XATTRS} bytes of attributes at once`);
    this.#xattrBytes += xattr.value.length;
    served.xattr = xattr;
  }

  /** Opens a fid; what is open outlives its name. */
  async open(served: ServedFid, open: NonNullable<ServedFid['open']>): Promise<void> {
    await this.fs.writer?.hold(served.way.node);
    served.open = open;
  }

  /** The fid is gone, whatever this comes to. */
  async clunk(fid: number): Promise<void> {
    const served = this.get(fid);
    this.#fids.delete(fid);
    this.#xattrBytes -= served.xattr?.value.length ?? 0;
    if (served.open) await this.fs.writer?.release(served.way.node);
    const { xattr } = served;
    if (xattr?.set === undefined) return;
    if (xattr.written < xattr.value.length) throw usage('EINVAL', `The attribute ${xattr.name} was not written wholly`);
    if (xattr.value.length === 0) await this.writer.removeXattr(served.way.node, xattr.name);
    else await this.writer.setXattr(served.way.node, xattr.name, xattr.value, xattr.set === 1 ? 'create' : xattr.set === 2 ? 'replace' : undefined);
  }

  /** Of all fids, with nothing set. */
  async clear(): Promise<void> {
    const open = [...this.#fids.values()].filter((each) => each.open);
    this.#fids.clear();
    this.#xattrBytes = 0;
    for (const { way } of open) await this.fs.writer?.release(way.node);
  }

  /** One step of a walk; undefined where there is nothing of that name. */
  async step(way: Way, name: Name): Promise<Way | undefined> {
    if (name === '..') return way.up ?? way;
    if (name === '.') return way;
    const node = await this.fs.lookup(way.node, name);
    return node === undefined ? undefined : { node, name, up: way };
  }

  /** Where a fid's name is, for requests that take it by the fid. @throws usage EBUSY-like for the root, ESTALE when the name leads elsewhere by now */
  async named({ way }: ServedFid): Promise<{ readonly dir: NodeId; readonly name: Name }> {
    if (way.up === undefined) throw new DiskError({ kind: 'busy' }, 'The root has no name');
    if (await this.fs.lookup(way.up.node, way.name) !== way.node) throw usage('ESTALE', `${way.name} is another file by now`);
    return { dir: way.up.node, name: way.name };
  }

  async qid(node: NodeId): Promise<Qid> {
    return qidOf(await this.fs.stat(node));
  }

  /** Bytes of an open file or an attribute that is read. */
  async read(served: ServedFid, offset: bigint, count: number): Promise<Uint8Array> {
    const at = position(offset);
    if (served.xattr) {
      if (served.xattr.set !== undefined) throw usage('EBADF', 'The attribute is being set');
      return served.xattr.value.subarray(at, at + count);
    }
    if (!served.open?.read) throw usage('EBADF', 'The fid is not open for reading');
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, await this.fs.read(served.way.node, at, bytes));
  }

  async write(served: ServedFid, offset: bigint, data: Uint8Array): Promise<number> {
    const at = position(offset);
    if (served.xattr) {
      if (served.xattr.set === undefined || at !== served.xattr.written || at + data.length > served.xattr.value.length) throw usage('EINVAL', 'An attribute is written once, in a row, as long as was said');
      served.xattr.value.set(data, at);
      served.xattr.written += data.length;
      return data.length;
    }
    if (!served.open?.write) throw usage('EBADF', 'The fid is not open for writing');
    return this.writer.write(served.way.node, served.open.append ? (await this.fs.stat(served.way.node)).size : at, data);
  }

  /** @param truncate to no bytes, first */
  async openFile(served: ServedFid, how: { readonly read: boolean; readonly write: boolean; readonly append: boolean }, truncate: boolean): Promise<Qid> {
    const stat = await this.fs.stat(served.way.node);
    if (stat.type === 'symlink') throw usage('ELOOP', 'A symbolic link is not opened');
    if (stat.type === 'dir') {
      if (how.write || truncate) throw usage('EISDIR', 'A directory is not written to');
      await this.open(served, { ...how, listing: new Entries(this.fs, served.way) });
      return qidOf(stat);
    }
    if (stat.type !== 'file') throw usage('ENOTSUP', `A ${stat.type} is not opened: there is nothing behind it here`);
    if (how.write || truncate) void this.writer;
    if (truncate) await this.writer.truncate(stat.node, 0);
    await this.open(served, how);
    return qidOf(stat);
  }
}

/** What a client sees of an open directory: "." and "..", then the listing, all numbered from 0. */
export class Entries {
  readonly #way: Way;
  readonly #listing: Listing;

  constructor(fs: FileSystem, way: Way) {
    this.#way = way;
    this.#listing = new Listing(fs, way.node);
  }

  /** Entries from the one of that number on, as long as `take` says so. */
  async each(from: number, take: (entry: DirEntry, number: number) => boolean | Promise<boolean>): Promise<void> {
    const dots: readonly DirEntry[] = [{ name: '.', node: this.#way.node, type: 'dir' }, { name: '..', node: (this.#way.up ?? this.#way).node, type: 'dir' }];
    // From the beginning: what was read before may be old.
    if (from <= dots.length) this.#listing.rewind();
    let number = from;
    for (; number < dots.length; number++) if (!(await take(dots[number]!, number))) return;
    for (;;) {
      const batch = await this.#listing.batch(number - dots.length);
      if (batch === undefined) return;
      const first = batch.first + dots.length;
      for (number = Math.max(number, first); number - first < batch.entries.length; number++) if (!(await take(batch.entries[number - first]!, number))) return;
    }
  }
}

/** A qid of a node; its version changes with the contents. */
export function qidOf({ type, node, mtime, size }: Stat): Qid {
  return { type: qidType(type), version: Number(BigInt.asUintN(32, mtime ^ BigInt(size))), path: BigInt(node) };
}

export function qidType(type: EntryType | undefined): number {
  return type === 'dir' ? QID_TYPE.dir : type === 'symlink' ? QID_TYPE.symlink : QID_TYPE.file;
}

/** An offset or size of a client as a number. @throws usage EFBIG beyond what files can have */
export function position(offset: bigint): number {
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw usage('EFBIG', `${offset} is beyond every file`);
  return Number(offset);
}
