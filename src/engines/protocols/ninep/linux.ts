import { isDiskError, unsupported, usage } from '../../core/errors.ts';
import type { EntryType } from '../../core/filesystem.ts';
import { decodeName, type Name } from '../../core/names.ts';
import { NANO, TYPE_BITS, typeOfMode } from '../shared/linux.ts';
import type { NinepClient } from './client.ts';
import { broken, decodeDirents } from './codec.ts';
import { type Fields, GETATTR, OPEN, QID_TYPE, REMOVE_DIR, SETATTR } from './messages.ts';
import { type Attributes, checkEntryName, type Device, type Operations, type RemoteBatch, type RemoteXattrs, safe, walk } from './operations.ts';

/** readdir(3)'s d_type is those bits moved down. */
export function typeOfDirent(d_type: number): EntryType | undefined {
  return typeOfMode(d_type << 12);
}

/** Largest attribute that Linux keeps (XATTR_SIZE_MAX, XATTR_LIST_MAX), in bytes: what says more is no answer of it. */
const MAX_XATTR = 65_536;

/** Blocks of filesystems, in bytes: what is no block of one is told as a page. */
const [LEAST_BLOCK, MOST_BLOCK, USUAL_BLOCK] = [512, 1 << 20, 4096];

/** The operations of 9P2000.L. Servers that lack Trenameat or Tunlinkat (diod before 1.0.25) are asked with Trename and Tremove. */
export function linuxOperations(client: NinepClient): Operations {
  /** Answers of "not supported" are remembered: asked once, not each time. */
  const lacking = new Set<string>();
  const either = async (name: string, modern: () => Promise<unknown>, older: () => Promise<unknown>): Promise<void> => {
    if (!lacking.has(name)) {
      try {
        await modern();
        return;
      } catch (error) {
        if (!isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'ENOTSUP') throw error;
        lacking.add(name);
      }
    }
    await older();
  };

  return {
    nanoseconds: true,
    xattrs: linuxXattrs(client),

    async attributes(fid) {
      return attributesOf(await client.call('Tgetattr', { fid, request_mask: GETATTR.all }));
    },

    async open(fid, how) {
      const mode = how === 'both' ? OPEN.both : how === 'directory' ? OPEN.read | OPEN.directory : OPEN.read;
      // Servers that work with paths follow a link that took the file's place; this stops them.
      return (await client.call('Tlopen', { fid, flags: mode | OPEN.nofollow | OPEN.largefile | OPEN.nonblock })).iounit;
    },

    async entries(fid, at): Promise<RemoteBatch> {
      const { data } = await client.call('Treaddir', { fid, offset: at, count: client.payload });
      const all = decodeDirents(data);
      if (all.length === 0) return { entries: [], next: undefined };
      const next = all.at(-1)!.offset;
      if (next === at) throw broken('a directory that goes on where it was');
      const entries = all.filter(({ name }) => name !== '.' && name !== '..').map(({ name, qid, type }) => {
        checkEntryName(name);
        return { name, qid, type: typeOfDirent(type) };
      });
      return { entries, next };
    },

    async readlink(fid) {
      return (await client.call('Treadlink', { fid })).target;
    },

    async create(fid, name, mode) {
      return client.call('Tlcreate', { fid, name, flags: OPEN.both | OPEN.create | OPEN.exclusive | OPEN.largefile, mode, gid: 0 });
    },

    async mkdir(dfid, name, mode) {
      return (await client.call('Tmkdir', { dfid, name, mode, gid: 0 })).qid;
    },

    async symlink(dfid, name, symtgt) {
      return (await client.call('Tsymlink', { dfid, name, symtgt, gid: 0 })).qid;
    },

    async mknod(dfid, name, type, mode, { major, minor }) {
      return (await client.call('Tmknod', { dfid, name, mode: mode | TYPE_BITS[type], major, minor, gid: 0 })).qid;
    },

    async link(dfid, name, fid) {
      await client.call('Tlink', { dfid, fid, name });
    },

    async remove(dirfid, name, isDirectory) {
      await either('Tunlinkat', () => client.call('Tunlinkat', { dirfid, name, flags: isDirectory ? REMOVE_DIR : 0 }), async () => {
        const { fid } = await walk(client, dirfid, [name]);
        // The fid goes with it, also when it fails (remove(5)).
        try {
          await client.call('Tremove', { fid });
        } finally {
          client.freeFid(fid);
        }
      });
    },

    async rename(olddirfid, oldname, newdirfid, newname) {
      await either('Trenameat', () => client.call('Trenameat', { olddirfid, oldname, newdirfid, newname }), async () => {
        const { fid } = await walk(client, olddirfid, [oldname]);
        try {
          await client.call('Trename', { fid, dfid: newdirfid, name: newname });
        } finally {
          await client.clunk(fid);
        }
      });
    },

    async set(fid, { mode, uid, gid, size, mtime, atime }) {
      const valid = (mode === undefined ? 0 : SETATTR.mode) | (uid === undefined ? 0 : SETATTR.uid) | (gid === undefined ? 0 : SETATTR.gid) | (size === undefined ? 0 : SETATTR.size)
        | (mtime === undefined ? 0 : SETATTR.mtime | SETATTR.mtimeSet) | (atime === undefined ? 0 : SETATTR.atime | SETATTR.atimeSet);
      const [mtime_sec, mtime_nsec] = split(mtime ?? 0n);
      const [atime_sec, atime_nsec] = split(atime ?? 0n);
      await client.call('Tsetattr', { fid, valid, mode: mode ?? 0, uid: uid ?? 0, gid: gid ?? 0, size: BigInt(size ?? 0), atime_sec, atime_nsec, mtime_sec, mtime_nsec });
    },

    async sync(fid) {
      try {
        await client.call('Tfsync', { fid, datasync: 0 });
      } catch (error) {
        // HFS, BFS and OMFS sync nothing but the whole (fsync(2), EINVAL): that is for whoever has the machine.
        if (!isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'EINVAL') throw error;
      }
    },

    async space(fid) {
      const { bsize, blocks, bfree, files, ffree, namelen } = await client.call('Tstatfs', { fid });
      // A filesystem that is larger than a number can say is told as the largest.
      const bytes = (count: bigint): number => Math.min(Number(count) * bsize, Number.MAX_SAFE_INTEGER);
      const size = bytes(blocks);
      return {
        blockSize: bsize >= LEAST_BLOCK && bsize <= MOST_BLOCK ? bsize : USUAL_BLOCK, size, free: Math.min(bytes(bfree), size), longestName: namelen === 0 ? 255 : namelen,
        ...(files === 0n ? {} : { inodes: { total: Math.min(Number(files), Number.MAX_SAFE_INTEGER), free: Math.min(Number(ffree), Number.MAX_SAFE_INTEGER) } }),
      };
    },
  };
}

function attributesOf(said: Fields<'Rgetattr'>): Attributes {
  const type = typeOfMode(said.mode);
  if (type === undefined) throw broken(`a file with the mode 0${said.mode.toString(8)}, which is of no type`);
  if ((type === 'dir') !== ((said.qid.type & QID_TYPE.dir) !== 0)) throw broken(`a ${type} whose qid says otherwise`);
  return {
    qid: said.qid, type, mode: said.mode & 0o7777, uid: said.uid, gid: said.gid, nlink: safe(said.nlink, 'A number of links'),
    size: safe(said.size, 'A size'), allocated: safe(said.blocks * 512n, 'A size'),
    mtime: timeOf(said.mtime_sec, said.mtime_nsec), atime: timeOf(said.atime_sec, said.atime_nsec), ctime: timeOf(said.ctime_sec, said.ctime_nsec),
    // Servers set the bits that were asked for, whether they know it or not (diod): a creation at the epoch is none.
    ...((said.valid & GETATTR.btime) !== 0n && said.btime_sec !== 0n ? { btime: timeOf(said.btime_sec, said.btime_nsec) } : {}),
    ...(type === 'char' || type === 'block' ? { device: deviceOf(said.rdev) } : {}),
  };
}

/** Seconds are signed: files from before 1970 are kept. */
function timeOf(seconds: bigint, nanoseconds: bigint): bigint {
  if (nanoseconds >= NANO) throw broken(`a time with ${nanoseconds} nanoseconds in its second`);
  return BigInt.asIntN(64, seconds) * NANO + nanoseconds;
}

function split(time: bigint): [bigint, bigint] {
  const nanoseconds = ((time % NANO) + NANO) % NANO;
  return [BigInt.asUintN(64, (time - nanoseconds) / NANO), nanoseconds];
}

/** dev_t as the C library of Linux spells it in 64 bits (gnu_dev_major, gnu_dev_minor). */
function deviceOf(rdev: bigint): Device {
  return { major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)), minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)) };
}

/** The other way round. */
export function rdevOf({ major, minor }: Device): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}

function linuxXattrs(client: NinepClient): RemoteXattrs {
  /** The value of an attribute, or with no name the list of them. */
  const value = async (fid: number, name: Name): Promise<Uint8Array> => {
    const newfid = client.takeFid();
    let size: bigint;
    try {
      ({ size } = await client.call('Txattrwalk', { fid, newfid, name }, { late: (answered) => { if (answered) void client.clunk(newfid); } }));
    } catch (error) {
      if (isDiskError(error) && error.kind !== 'timeout' && error.kind !== 'cancelled') client.freeFid(newfid);
      throw error;
    }
    try {
      if (size > MAX_XATTR) throw broken(`an attribute of ${size} bytes, and the longest is ${MAX_XATTR}`);
      const bytes = new Uint8Array(Number(size));
      for (let at = 0; at < bytes.length;) {
        const { data } = await client.call('Tread', { fid: newfid, offset: BigInt(at), count: Math.min(client.payload, bytes.length - at) });
        if (data.length === 0 || data.length > bytes.length - at) throw broken('an attribute that does not have the length that was said');
        bytes.set(data, at);
        at += data.length;
      }
      return bytes;
    } finally {
      await client.clunk(newfid);
    }
  };

  /** The change happens at the clunk, which tells how it went. */
  const create = async (of: number, name: Name, bytes: Uint8Array, flags: number): Promise<void> => {
    const { fid } = await walk(client, of, []);
    let written = false;
    try {
      await client.call('Txattrcreate', { fid, name, attr_size: BigInt(bytes.length), flags });
      for (let at = 0; at < bytes.length;) {
        const { count } = await client.call('Twrite', { fid, offset: BigInt(at), data: bytes.subarray(at, at + client.payload) });
        if (count === 0 || count > bytes.length - at) throw usage('ENOSPC', `${client.peer} did not take the value of ${name}`);
        at += count;
      }
      written = true;
      await client.call('Tclunk', { fid });
      client.freeFid(fid);
    } catch (error) {
      // A fid whose value is half written is left alone: a clunk would set it.
      if (written) client.freeFid(fid);
      throw error;
    }
  };

  return {
    async list(fid) {
      const bytes = await value(fid, '');
      const names: Name[] = [];
      for (let at = 0; at < bytes.length;) {
        const end = bytes.indexOf(0, at);
        if (end <= at) throw broken('a list of attributes with a name that is none');
        names.push(decodeName(bytes, at, end));
        at = end + 1;
      }
      return names;
    },
    get: value,
    async set(fid, name, bytes, how) {
      if (bytes.length === 0) throw unsupported('empty attribute', `9P can't set ${name} to an empty value: servers take that for its removal`);
      await create(fid, name, bytes, how);
    },
    remove: (fid, name) => create(fid, name, new Uint8Array(0), 2),
  };
}
