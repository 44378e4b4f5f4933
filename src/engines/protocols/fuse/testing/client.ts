import { DiskError, unsupported, usage } from '../../../core/errors.ts';
import type { Cursor, EntryType, FileSystem, ListBatch, NodeId, Stat, VolumeInfo } from '../../../core/filesystem.ts';
import type { Fields, StructType, StructView } from '../../../core/layout/struct.ts';
import { decodeName, encodeName, type Name } from '../../../core/names.ts';
import type { Changes, NewNode, Writer } from '../../../core/writer.ts';
import { NANO, TYPE_BITS, typeOfMode } from '../../shared/linux.ts';
import { decodeDevice, encodeDevice, getTime, putTime } from '../attributes.ts';
import {
  Attr, ATTR_OUT_ATTR, CreateIn, Dirent, ENTRY_ATTR, EntryOut, FALLOC, FallocateIn, FATTR, ForgetIn, FsyncIn, GetattrIn, GetxattrIn, GetxattrOut, LinkIn, MkdirIn, MknodIn, OP, OpenIn, OpenOut,
  ReadIn, ReleaseIn, RENAME, Rename2In, ROOT_ID, SetattrIn, SetxattrInExt, StatfsOut, WriteIn, WriteOut, XATTR,
} from '../layout.ts';
import { join, named, namesOf, type TestKernel } from './kernel.ts';

/** Bytes of a READ, a WRITE and a READDIR. */
const PIECE = 131_072;
const LISTED = 4096;

/** One entry of READDIR or READDIRPLUS. */
export interface Listed {
  readonly name: Name;
  readonly ino: number;
  readonly off: number;
  readonly type: EntryType | undefined;
  /** Of READDIRPLUS; 0 where it was not told. */
  readonly nodeid: number;
  readonly stat: Stat | undefined;
}

/** A filesystem that asks as the kernel does. Its nodes are the kernel's numbers. */
export class FuseClient implements FileSystem {
  readonly root: NodeId = ROOT_ID;
  readonly kernel: TestKernel;
  readonly writer?: Writer;
  readonly #plus: boolean;
  /** Handles of what is held. */
  readonly #held = new Map<NodeId, { readonly fh: number; readonly dir: boolean }[]>();
  #closed = false;
  #opens = true;
  #info: VolumeInfo;

  /** @param plus directories are listed with attributes */
  constructor(kernel: TestKernel, options: { readonly write: boolean; readonly plus?: boolean; readonly info: VolumeInfo }) {
    this.kernel = kernel;
    this.#plus = options.plus ?? false;
    this.#info = options.info;
    if (options.write) this.writer = this.#writer();
  }

  get info(): VolumeInfo {
    return this.#info;
  }

  readonly xattrs = {
    list: async (node: NodeId): Promise<Name[]> => namesOf(await this.#sized(OP.LISTXATTR, node, new Uint8Array(0)) ?? new Uint8Array(0)),
    get: (node: NodeId, name: Name): Promise<Uint8Array | undefined> => this.#sized(OP.GETXATTR, node, named(name)),
  };

  async lookup(dir: NodeId, name: Name): Promise<NodeId | undefined> {
    try {
      const entry = EntryOut.at(await this.#call(OP.LOOKUP, dir, named(name)));
      return entry.nodeid === 0 ? undefined : entry.nodeid;
    } catch (error) {
      if (errnoName(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async stat(node: NodeId): Promise<Stat> {
    return statOf(await this.#call(OP.GETATTR, node, fill(GetattrIn, {})), ATTR_OUT_ATTR, node);
  }

  async list(dir: NodeId, cursor?: Cursor): Promise<ListBatch> {
    const fh = await this.open(dir, true);
    try {
      const listed = await this.readdir(dir, fh, Number(cursor ?? 0), LISTED, this.#plus);
      const entries: { name: Name; node: NodeId; type: EntryType | undefined }[] = [];
      for (const { name, nodeid, type, stat } of listed) {
        if (name === '.' || name === '..') continue;
        const node = nodeid || (await this.lookup(dir, name))!;
        if (stat !== undefined && JSON.stringify(stat, plain) !== JSON.stringify(await this.stat(node), plain)) throw new Error(`${name} is listed with other attributes than it has`);
        entries.push({ name, node, type });
        this.forget(node, 1);
      }
      return listed.length === 0 ? { entries } : { entries, next: listed.at(-1)!.off };
    } finally {
      await this.release(dir, fh, true);
    }
  }

  async readdir(dir: NodeId, fh: number, offset: number, size: number, plus: boolean): Promise<Listed[]> {
    const bytes = await this.#call(plus ? OP.READDIRPLUS : OP.READDIR, dir, fill(ReadIn, { fh, offset, size }));
    if (bytes.length > size) throw new Error(`${bytes.length} bytes of a listing, and there is room for ${size}`);
    const listed: Listed[] = [];
    const ahead = plus ? EntryOut.size : 0;
    for (let at = 0; at < bytes.length;) {
      const dirent = Dirent.at(bytes, at + ahead);
      const nameAt = at + ahead + Dirent.size;
      const name = decodeName(bytes, nameAt, nameAt + dirent.namelen);
      const nodeid = plus ? EntryOut.at(bytes, at).nodeid : 0;
      listed.push({ name, ino: dirent.ino, off: dirent.off, type: typeOfMode(dirent.type << 12), nodeid, stat: nodeid === 0 ? undefined : statOf(bytes, at + ENTRY_ATTR, nodeid) });
      at += (ahead + Dirent.size + dirent.namelen + 7) & ~7;
    }
    return listed;
  }

  async read(node: NodeId, at: number, into: Uint8Array): Promise<number> {
    const fh = await this.open(node, false);
    try {
      for (let done = 0; ;) {
        const bytes = await this.#call(OP.READ, node, fill(ReadIn, { fh, offset: at + done, size: Math.min(PIECE, into.length - done) }));
        into.set(bytes, done);
        done += bytes.length;
        if (bytes.length === 0 || done === into.length) return done;
      }
    } finally {
      await this.release(node, fh, false);
    }
  }

  async readlink(node: NodeId): Promise<Name> {
    return decodeName(await this.#call(OP.READLINK, node));
  }

  close(): void {
    this.#closed = true;
    this.kernel.end();
  }

  async open(node: NodeId, dir: boolean, flags = 0): Promise<number> {
    if (!dir && !this.#opens) return 0;
    try {
      return OpenOut.at(await this.#call(dir ? OP.OPENDIR : OP.OPEN, node, fill(OpenIn, { flags }))).fh;
    } catch (error) {
      // Not needed, and not asked again.
      if (dir || !(error instanceof DiskError) || !error.message.includes('ENOTSUP') || this.writer !== undefined) throw error;
      this.#opens = false;
      return 0;
    }
  }

  async release(node: NodeId, fh: number, dir: boolean): Promise<void> {
    if (fh !== 0) await this.#call(dir ? OP.RELEASEDIR : OP.RELEASE, node, fill(ReleaseIn, { fh }));
  }

  forget(node: NodeId, nlookup: number): void {
    this.kernel.tell(OP.FORGET, node, fill(ForgetIn, { nlookup }));
  }

  async statfs(): Promise<{ readonly size: number; readonly free: number }> {
    const { blocks, bfree, frsize } = StatfsOut.at(await this.#call(OP.STATFS, ROOT_ID));
    return { size: blocks * frsize, free: bfree * frsize };
  }

  async #call(opcode: number, node: NodeId, body?: Uint8Array, who?: { readonly uid?: number; readonly gid?: number }): Promise<Uint8Array> {
    if (this.#closed) throw usage('EBADF', 'It is unmounted');
    const answer = await this.kernel.call(opcode, Number.isSafeInteger(node) && node >= 0 ? node : 2 ** 60, body, who);
    if (this.writer !== undefined && [OP.CREATE, OP.UNLINK, OP.RMDIR, OP.WRITE, OP.SETATTR].includes(opcode as never)) this.#info = { ...this.#info, ...await this.statfs() };
    return answer;
  }

  /** A value whose size is asked for first. */
  async #sized(opcode: number, node: NodeId, behind: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      const { size } = GetxattrOut.at(await this.#call(opcode, node, join(fill(GetxattrIn, { size: 0 }), behind)));
      if (size === 0) return new Uint8Array(0);
      const short = await this.kernel.errno(opcode, node, join(fill(GetxattrIn, { size: size - 1 || 1 }), behind));
      if (size > 1 && short !== 34) throw new Error(`too little room for an attribute is answered by ${short}`);
      return (await this.#call(opcode, node, join(fill(GetxattrIn, { size }), behind))).slice();
    } catch (error) {
      if (errnoName(error) === 'ENODATA') return undefined;
      throw error;
    }
  }

  #writer(): Writer {
    /** What SETATTR alone sets of a new node. */
    const later = async (node: NodeId, { mtime, atime }: NewNode): Promise<NodeId> => {
      if (mtime !== undefined || atime !== undefined) await this.#change(node, { ...(mtime === undefined ? {} : { mtime }), ...(atime === undefined ? {} : { atime }) });
      return node;
    };
    const make = async (opcode: number, dir: NodeId, name: Name, node: NewNode, ...parts: readonly Uint8Array[]): Promise<NodeId> => {
      checkNul(name);
      const { uid = 0, gid = 0 } = node;
      return later(EntryOut.at(await this.#call(opcode, dir, join(...parts), { uid, gid })).nodeid, node);
    };
    return {
      names: { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true },
      create: async (dir, name, node) => {
        checkNul(name);
        const { uid = 0, gid = 0 } = node;
        const answer = await this.#call(OP.CREATE, dir, join(fill(CreateIn, { flags: 0o302, mode: 0o100000 | node.mode }), named(name)), { uid, gid });
        const { nodeid } = EntryOut.at(answer);
        await this.release(nodeid, OpenOut.at(answer, EntryOut.size).fh, false);
        return later(nodeid, node);
      },
      mkdir: (dir, name, node) => make(OP.MKDIR, dir, name, node, fill(MkdirIn, { mode: node.mode }), named(name)),
      symlink: (dir, name, target, node) => make(OP.SYMLINK, dir, name, node, named(name), named(target)),
      mknod: (dir, name, type, node, device) => make(OP.MKNOD, dir, name, node, fill(MknodIn, { mode: node.mode | TYPE_BITS[type], rdev: device === undefined ? 0 : encodeDevice(device) }), named(name)),
      link: async (dir, name, node) => { await this.#call(OP.LINK, dir, join(fill(LinkIn, { oldnodeid: node }), named(name))); },
      unlink: async (dir, name) => { await this.#call(OP.UNLINK, dir, named(name)); },
      rmdir: async (dir, name) => { await this.#call(OP.RMDIR, dir, named(name)); },
      rename: async (fromDir, from, toDir, to, mode) => {
        await this.#call(OP.RENAME2, fromDir, join(fill(Rename2In, { newdir: toDir, flags: mode === 'keep' ? RENAME.NOREPLACE : mode === 'exchange' ? RENAME.EXCHANGE : 0 }), named(from), named(to)));
      },
      write: async (node, at, from) => {
        if (at < 0) throw usage('EINVAL', `${at} is no offset`);
        const fh = await this.open(node, false, 1);
        try {
          let done = 0;
          do {
            const piece = from.subarray(done, done + PIECE);
            done += WriteOut.at(await this.#call(OP.WRITE, node, join(fill(WriteIn, { fh, offset: at + done, size: piece.length }), piece))).size;
          } while (done < from.length);
          return done;
        } finally {
          await this.release(node, fh, false);
        }
      },
      truncate: async (node, size) => {
        if (size < 0) throw usage('EINVAL', `${size} is no size`);
        await this.#call(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.SIZE, size }));
      },
      allocate: async (node, at, length, how) => {
        const fh = await this.open(node, false, 1);
        try {
          await this.#call(OP.FALLOCATE, node, fill(FallocateIn, { fh, offset: at, length, mode: how === 'reserve' ? 0 : FALLOC.KEEP_SIZE | FALLOC.PUNCH_HOLE }));
        } finally {
          await this.release(node, fh, false);
        }
      },
      change: (node, changes) => this.#change(node, changes),
      setXattr: async (node, name, value, how) => {
        await this.#call(OP.SETXATTR, node, join(fill(SetxattrInExt, { size: value.length, flags: how === 'create' ? XATTR.CREATE : how === 'replace' ? XATTR.REPLACE : 0 }), named(name), value));
      },
      removeXattr: async (node, name) => { await this.#call(OP.REMOVEXATTR, node, named(name)); },
      hold: async (node) => {
        const dir = (await this.stat(node)).type === 'dir';
        const held = { fh: await this.open(node, dir), dir };
        this.#held.set(node, [...this.#held.get(node) ?? [], held]);
      },
      release: async (node) => {
        const { fh, dir } = this.#held.get(node)!.pop()!;
        await this.release(node, fh, dir);
      },
      sync: async () => {
        const fh = await this.open(ROOT_ID, true);
        await this.#call(OP.FSYNCDIR, ROOT_ID, fill(FsyncIn, { fh }));
        await this.release(ROOT_ID, fh, true);
      },
    };
  }

  async #change(node: NodeId, { mode, uid, gid, mtime, atime, ctime, flags }: Changes): Promise<void> {
    if (flags !== undefined) throw unsupported('flags', 'FUSE sets no flags');
    // A new owner takes setuid and setgid away, unless the mode is set with it.
    const kept = mode ?? (uid !== undefined || gid !== undefined ? (await this.stat(node)).mode : undefined);
    const valid = (kept === undefined ? 0 : FATTR.MODE) | (uid === undefined ? 0 : FATTR.UID) | (gid === undefined ? 0 : FATTR.GID)
      | (mtime === undefined ? 0 : FATTR.MTIME) | (atime === undefined ? 0 : FATTR.ATIME) | (ctime === undefined ? 0 : FATTR.CTIME);
    const body = fill(SetattrIn, { valid, mode: kept ?? 0, uid: uid ?? 0, gid: gid ?? 0 });
    const view = new DataView(body.buffer);
    for (const [name, time] of Object.entries({ mtime, atime, ctime })) {
      if (time !== undefined) putTime(view, SetattrIn.fields[name as 'mtime'].offset, SetattrIn.fields[`${name as 'mtime'}nsec`].offset, time);
    }
    await this.#call(OP.SETATTR, node, body);
  }
}

/** The bytes of a structure with some of its fields. */
export function fill<F extends Fields>(type: StructType<F>, values: Partial<StructView<F>>): Uint8Array {
  const bytes = new Uint8Array(type.size);
  Object.assign(type.at(bytes), values);
  return bytes;
}

/** @param node what it is of */
export function statOf(bytes: Uint8Array, at: number, node: NodeId): Stat {
  const attr = Attr.at(bytes, at);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const time = (name: 'atime' | 'mtime' | 'ctime'): bigint => {
    const nanoseconds = attr[`${name}nsec`];
    if (nanoseconds >= NANO) throw new Error(`${nanoseconds} nanoseconds`);
    return getTime(view, at + Attr.fields[name].offset, nanoseconds);
  };
  const type = typeOfMode(attr.mode)!;
  return {
    node, type, mode: attr.mode & 0o7777, uid: attr.uid, gid: attr.gid, size: attr.size, nlink: attr.nlink, mtime: time('mtime'), atime: time('atime'), ctime: time('ctime'), allocated: attr.blocks * 512, flags: [],
    ...(type === 'char' || type === 'block' ? { device: decodeDevice(attr.rdev) } : {}),
  };
}

/** A name with a NUL ends there on the wire: no program can hand one to the kernel. */
function checkNul(name: Name): void {
  if (encodeName(name).includes(0)) throw usage('EINVAL', 'A name holds no NUL');
}

function errnoName(error: unknown): string | undefined {
  return error instanceof DiskError && error.fault.kind === 'usage' ? error.fault.errno : undefined;
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

