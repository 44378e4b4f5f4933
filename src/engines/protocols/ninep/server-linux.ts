import { isDiskError, usage } from '../../core/errors.ts';
import type { EntryType, Maybe, NodeId } from '../../core/filesystem.ts';
import { encodeName, type Name } from '../../core/names.ts';
import type { NewNode } from '../../core/writer.ts';
import { NANO, TYPE_BITS, typeOfMode as typeOfBits } from '../shared/linux.ts';
import { encodeDirent } from './codec.ts';
import { rdevOf } from './linux.ts';
import { type Lock, Locks } from './locks.ts';
import { type Fields, GETATTR, LOCK, OPEN, type Qid, REMOVE_DIR, SETATTR } from './messages.ts';
import { type Handlers, MAX_XATTR, position, qidOf, qidType, type Served, type ServedFid } from './served.ts';

/** V9FS_MAGIC (include/uapi/linux/magic.h), as the type of the filesystem. */
const MAGIC = 0x01021997;

/** The requests of 9P2000.L. @param payload bytes of data that one frame carries */
export function linuxHandlers(served: Served, payload: () => number): Handlers {
  const { fs } = served;
  const locks = new Locks();

  const made = async (dfid: number, make: (dir: NodeId, uid: number) => Maybe<NodeId>): Promise<{ qid: Qid }> => {
    const { way, uid } = served.get(dfid);
    return { qid: await served.qid(await make(way.node, uid)) };
  };
  const move = async (fromDir: NodeId, from: Name, toDir: NodeId, to: Name): Promise<void> => { await served.writer.rename(fromDir, from, toDir, to, 'replace'); };

  return {
    Tlopen: async ({ fid, flags }) => ({ qid: await served.openFile(served.closed(fid), accessOf(flags), (flags & OPEN.truncate) !== 0), iounit: 0 }),

    Tlcreate: async ({ fid, name, flags, mode, gid }) => {
      const dir = served.closed(fid);
      const access = accessOf(flags);
      let node: NodeId | undefined;
      try {
        node = await served.writer.create(dir.way.node, name, fresh(mode, dir.uid, gid));
      } catch (error) {
        // Somebody else was first: without O_EXCL it is opened as it is.
        if ((flags & OPEN.exclusive) !== 0 || !isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'EEXIST') throw error;
        node = await fs.lookup(dir.way.node, name);
        if (node === undefined) throw error;
      }
      dir.way = { node, name, up: dir.way };
      return { qid: await served.openFile(dir, access, (flags & OPEN.truncate) !== 0), iounit: 0 };
    },

    Tread: async ({ fid, offset, count }) => {
      const file = served.get(fid);
      if (file.open?.listing) throw usage('EISDIR', 'A directory is read by Treaddir');
      return { data: await served.read(file, offset, Math.min(count, payload())) };
    },

    Treaddir: async ({ fid, offset, count }) => {
      const { open } = served.get(fid);
      if (open?.listing === undefined) throw usage(open ? 'ENOTDIR' : 'EBADF', 'The fid is no open directory');
      const most = Math.min(count, payload());
      const parts: Uint8Array[] = [];
      let length = 0;
      await open.listing.each(position(offset), async (entry, number) => {
        const type = entry.type ?? (await fs.stat(entry.node)).type;
        const part = encodeDirent({ qid: { type: qidType(type), version: 0, path: BigInt(entry.node) }, offset: BigInt(number + 1), type: TYPE_BITS[type] >> 12, name: entry.name });
        if (length + part.length > most) {
          if (length === 0) throw usage('EINVAL', `An entry does not fit into ${most} bytes`);
          return false;
        }
        parts.push(part);
        length += part.length;
        return true;
      });
      const data = new Uint8Array(length);
      parts.reduce((at, part) => { data.set(part, at); return at + part.length; }, 0);
      return { data };
    },

    Tgetattr: async ({ fid }) => {
      const stat = await fs.stat(served.get(fid).way.node);
      const { atime, mtime, ctime, btime } = stat;
      return {
        valid: GETATTR.basic | (btime === undefined ? 0n : GETATTR.btime), qid: qidOf(stat), mode: stat.mode | TYPE_BITS[stat.type], uid: stat.uid, gid: stat.gid, nlink: BigInt(stat.nlink),
        rdev: stat.device === undefined ? 0n : rdevOf(stat.device), size: BigInt(stat.size), blksize: BigInt(fs.info.blockSize), blocks: BigInt(Math.ceil(stat.allocated / 512)),
        atime_sec: second(atime), atime_nsec: rest(atime), mtime_sec: second(mtime), mtime_nsec: rest(mtime), ctime_sec: second(ctime), ctime_nsec: rest(ctime),
        btime_sec: second(btime ?? 0n), btime_nsec: rest(btime ?? 0n), gen: 0n, data_version: 0n,
      };
    },

    Tsetattr: async (fields) => {
      await setAttributes(served, served.get(fields.fid), fields);
      return {};
    },

    Tstatfs: async () => {
      const { size, free, blockSize, inodes } = fs.info;
      const blocks = (bytes: number): bigint => BigInt(Math.floor(bytes / blockSize));
      return {
        type: MAGIC, bsize: blockSize, blocks: blocks(size), bfree: blocks(free), bavail: blocks(free), files: BigInt(inodes?.total ?? 0), ffree: BigInt(inodes?.free ?? 0), fsid: 0n,
        namelen: fs.writer?.names.longest ?? 255,
      };
    },

    Treadlink: async ({ fid }) => ({ target: await fs.readlink(served.get(fid).way.node) }),
    Tsymlink: ({ dfid, name, symtgt, gid }) => made(dfid, (dir, uid) => served.writer.symlink(dir, name, symtgt, fresh(0o777, uid, gid))),
    Tmkdir: ({ dfid, name, mode, gid }) => made(dfid, (dir, uid) => served.writer.mkdir(dir, name, fresh(mode, uid, gid))),

    Tmknod: async ({ dfid, name, mode, major, minor, gid }) => {
      const type = typeOfMode(mode);
      if (type === undefined || type === 'dir' || type === 'symlink') throw usage('EINVAL', 'That type is not made by Tmknod');
      const device = type === 'char' || type === 'block' ? { major, minor } : undefined;
      return made(dfid, (dir, uid) => (type === 'file' ? served.writer.create(dir, name, fresh(mode, uid, gid)) : served.writer.mknod(dir, name, type, fresh(mode, uid, gid), device)));
    },

    Tlink: async ({ dfid, fid, name }) => {
      await served.writer.link(served.get(dfid).way.node, name, served.get(fid).way.node);
      return {};
    },

    Trename: async ({ fid, dfid, name }) => {
      const file = served.get(fid);
      const { way: to } = served.get(dfid);
      const { dir, name: from } = await served.named(file);
      await move(dir, from, to.node, name);
      file.way = { node: file.way.node, name, up: to };
      return {};
    },

    Trenameat: async ({ olddirfid, oldname, newdirfid, newname }) => {
      await move(served.get(olddirfid).way.node, oldname, served.get(newdirfid).way.node, newname);
      return {};
    },

    Tunlinkat: async ({ dirfid, name, flags }) => {
      const { way } = served.get(dirfid);
      if ((flags & REMOVE_DIR) !== 0) await served.writer.rmdir(way.node, name);
      else await served.writer.unlink(way.node, name);
      return {};
    },

    Tfsync: async ({ fid }) => {
      if (!served.get(fid).open) throw usage('EBADF', 'The fid is not open');
      await fs.writer?.sync();
      return {};
    },

    Txattrwalk: async ({ fid, newfid, name }) => {
      const { way, uid } = served.get(fid);
      if (newfid !== fid) served.checkFree(newfid);
      if (!fs.xattrs) throw usage('ENOTSUP', 'The filesystem keeps no attributes');
      const value = name === '' ? listOf(await fs.xattrs.list(way.node)) : await fs.xattrs.get(way.node, name);
      if (value === undefined) throw usage('ENODATA', `There is no attribute ${name}`);
      const target = newfid === fid ? served.closed(fid) : { way, uid };
      if (newfid !== fid) served.checkFree(newfid);
      served.attach(target, { name, value, written: 0 });
      if (newfid !== fid) served.add(newfid, target);
      return { size: BigInt(value.length) };
    },

    Txattrcreate: async ({ fid, name, attr_size, flags }) => {
      void served.writer;
      if (attr_size > MAX_XATTR) throw usage('ERANGE', `A value has at most ${MAX_XATTR} bytes`);
      const file = served.closed(fid);
      served.attach(file, { name, value: new Uint8Array(Number(attr_size)), set: flags, written: 0 });
      return {};
    },

    Tlock: async ({ fid, type, start, length, proc_id, client_id }) => {
      const { way } = openOf(served, fid);
      const lock = lockOf(type, start, length, proc_id, client_id);
      if (type !== LOCK.unlock) return { status: locks.take(way.node, lock) ? LOCK.success : LOCK.blocked };
      locks.free(way.node, lock);
      return { status: LOCK.success };
    },

    Tgetlock: async ({ fid, type, start, length, proc_id, client_id }) => {
      const { way } = openOf(served, fid);
      const held = locks.conflict(way.node, lockOf(type, start, length, proc_id, client_id));
      if (held === undefined) return { type: LOCK.unlock, start, length, proc_id, client_id };
      return { type: held.exclusive ? LOCK.write : LOCK.read, start: held.start, length: held.end === FOREVER ? 0n : held.end - held.start, proc_id: held.process, client_id: held.client };
    },
  };
}

function fresh(mode: number, uid: number, gid: number): NewNode {
  return { mode: mode & 0o7777, uid, gid };
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

async function setAttributes(served: Served, { way }: ServedFid, said: Fields<'Tsetattr'>): Promise<void> {
  const asked = (bit: number): boolean => (said.valid & bit) !== 0;
  if (asked(SETATTR.size)) await served.writer.truncate(way.node, position(said.size));
  const changes = {
    ...(asked(SETATTR.mode) ? { mode: said.mode & 0o7777 } : {}), ...(asked(SETATTR.uid) ? { uid: said.uid } : {}), ...(asked(SETATTR.gid) ? { gid: said.gid } : {}),
    ...(asked(SETATTR.atime) ? { atime: asked(SETATTR.atimeSet) ? timeOf(said.atime_sec, said.atime_nsec) : now() } : {}),
    ...(asked(SETATTR.mtime) ? { mtime: asked(SETATTR.mtimeSet) ? timeOf(said.mtime_sec, said.mtime_nsec) : now() } : {}),
  };
  if (Object.keys(changes).length > 0 || asked(SETATTR.ctime)) await served.writer.change(way.node, changes);
}

function accessOf(flags: number): { read: boolean; write: boolean; append: boolean } {
  const access = flags & 3;
  if (access === 3) throw usage('EINVAL', 'That is no way to open');
  return { read: access !== OPEN.write, write: access !== OPEN.read, append: (flags & OPEN.append) !== 0 };
}

function typeOfMode(mode: number): EntryType | undefined {
  const bits = mode & 0o170000;
  // mknod(2) makes a file where no type is said.
  if (bits === 0) return 'file';
  return typeOfBits(bits);
}

function timeOf(seconds: bigint, nanoseconds: bigint): bigint {
  if (nanoseconds >= NANO) throw usage('EINVAL', `${nanoseconds} nanoseconds are no part of a second`);
  return BigInt.asIntN(64, seconds) * NANO + nanoseconds;
}

function rest(time: bigint): bigint {
  return ((time % NANO) + NANO) % NANO;
}

function second(time: bigint): bigint {
  return BigInt.asUintN(64, (time - rest(time)) / NANO);
}

/** Names one after another, each with its NUL (listxattr(2)). */
function listOf(names: readonly Name[]): Uint8Array {
  return encodeName(names.map((name) => `${name}\0`).join(''));
}

function openOf(served: Served, fid: number): ServedFid {
  const file = served.get(fid);
  if (!file.open) throw usage('EBADF', 'The fid is not open');
  return file;
}

/** A length of 0 reaches to the end of every file. */
const FOREVER = 1n << 64n;

function lockOf(type: number, start: bigint, length: bigint, process: number, client: Name): Lock {
  if (type > LOCK.unlock) throw usage('EINVAL', `${type} is no kind of lock`);
  return { exclusive: type === LOCK.write, start, end: length === 0n ? FOREVER : start + length, process, client };
}
