import { constants } from 'node:os';
import { type DiskError, toDiskError, usage } from '../../../engines/core/errors.ts';
import type { EntryType, Stat, VolumeInfo } from '../../../engines/core/filesystem.ts';
import type { PathTree } from '../path-tree.ts';
import type { NativeEntry, NativeOperations, NativeStat, NativeStatfs } from './library.ts';

const TYPES: Readonly<Record<EntryType, number>> = { fifo: 0o010000, char: 0o020000, dir: 0o040000, block: 0o060000, file: 0o100000, symlink: 0o120000, socket: 0o140000 };

/** "The same as before" of chown(2). */
const SAME = 0xffff_ffff;

/** How setxattr(2) says that there must be none, or one: numbers of Linux and of macOS. */
const HOW: Readonly<Record<number, 'create' | 'replace'>> = process.platform === 'darwin' ? { 2: 'create', 4: 'replace' } : { 1: 'create', 2: 'replace' };

/** macOS has a number of its own for an attribute that is not there. */
const NO_ATTRIBUTE = process.platform === 'darwin' ? 93 : constants.errno.ENODATA;

/** Answers what libfuse asks, by paths, from a tree. @param owner of what is made: fuse-native does not tell whose program asks */
export function nativeOperations(tree: PathTree, owner: { readonly uid: number; readonly gid: number }): NativeOperations {
  const fresh = (mode: number) => ({ mode: mode & 0o7777, ...owner });

  return {
    getattr: (path, done) => answer<[NativeStat]>(done, async () => [0, statOf(await tree.stat(path), tree.info)]),
    fgetattr: (path, fd, done) => answer<[NativeStat]>(done, async () => [0, statOf(await tree.stat(path, fd), tree.info)]),
    readdir: (path, done) => answer<[string[], NativeEntry[]]>(done, async () => {
      // It takes all of them at once, and of a stat the node's number and the type.
      const names = ['.', '..'];
      const self = { ino: (await tree.stat(path)).node >>> 0, mode: TYPES.dir };
      const entries: NativeEntry[] = [self, self];
      for await (const batch of tree.list(path)) {
        for (const { name, node, type } of batch) {
          names.push(name);
          entries.push({ ino: node >>> 0, mode: type === undefined ? 0 : TYPES[type] });
        }
      }
      return [0, names, entries];
    }),
    readlink: (path, done) => answer<[string]>(done, async () => [0, await tree.readlink(path)]),
    open: (path, flags, done) => answer<[number]>(done, async () => [0, await tree.open(path, (flags & 3) !== 0)]),
    create: (path, mode, done) => answer<[number]>(done, async () => [0, await tree.create(path, fresh(mode))]),
    read: (_path, fd, into, length, at, done) => answer<[]>(done, async () => [await tree.read(fd, at, into.subarray(0, length))]),
    write: (_path, fd, from, length, at, done) => answer<[]>(done, async () => [await tree.write(fd, at, from.subarray(0, length))]),
    release: (_path, fd, done) => plain(done, () => tree.release(fd)),
    fsync: (_path, _dataOnly, _fd, done) => plain(done, () => tree.sync()),
    fsyncdir: (_path, _dataOnly, _fd, done) => plain(done, () => tree.sync()),
    truncate: (path, size, done) => plain(done, () => tree.truncate(path, size)),
    ftruncate: (path, fd, size, done) => plain(done, () => tree.truncate(path, size, fd)),
    mkdir: (path, mode, done) => plain(done, () => tree.mkdir(path, fresh(mode))),
    mknod: (path, mode, device, done) => plain(done, async () => {
      const type = (Object.entries(TYPES) as [EntryType, number][]).find(([, bits]) => bits === (mode & 0o170000))?.[0] ?? 'file';
      if (type === 'dir' || type === 'symlink') throw usage('EINVAL', 'That type is not made by mknod');
      await tree.mknod(path, type, fresh(mode), type === 'char' || type === 'block' ? deviceOf(device) : undefined);
    }),
    symlink: (target, path, done) => plain(done, () => tree.symlink(path, target, fresh(0o777))),
    link: (from, path, done) => plain(done, () => tree.link(from, path)),
    unlink: (path, done) => plain(done, () => tree.unlink(path)),
    rmdir: (path, done) => plain(done, () => tree.rmdir(path)),
    rename: (from, to, done) => plain(done, () => tree.rename(from, to)),
    chmod: (path, mode, done) => plain(done, () => tree.change(path, { mode: mode & 0o7777 })),
    chown: (path, uid, gid, done) => plain(done, () => tree.change(path, { ...(uid >>> 0 === SAME ? {} : { uid }), ...(gid >>> 0 === SAME ? {} : { gid }) })),
    // fuse-native hands the time of the last use over twice, so the time of the last change is lost: better none than a wrong one.
    utimens: (_path, _atime, _mtime, done) => done(-constants.errno.ENOTSUP),
    statfs: (_path, done) => answer<[NativeStatfs]>(done, () => Promise.resolve([0, statfsOf(tree.info, tree.names?.longest ?? 255)])),
    setxattr: (path, name, value, position, flags, done) => plain(done, async () => {
      if (position !== 0) throw usage('EINVAL', 'An attribute is written as a whole');
      await tree.setXattr(path, name, Uint8Array.from(value), HOW[flags]);
    }),
    getxattr(path, name, _position, done) {
      answer<[Buffer]>((status, value) => done(status === -constants.errno.ENODATA ? -NO_ATTRIBUTE : status, value), async () => [0, Buffer.from(await tree.getXattr(path, name))]);
    },
    listxattr: (path, done) => answer<[string[]]>(done, async () => [0, [...await tree.listXattrs(path)]]),
    removexattr: (path, name, done) => plain(done, () => tree.removeXattr(path, name)),
  };
}

/** Runs, and answers with what came of it. */
function answer<T extends unknown[]>(done: (status: number, ...given: Partial<T>) => void, run: () => Promise<readonly [number, ...T]>): void {
  void (async () => {
    let given: readonly [number, ...Partial<T>];
    try {
      given = await run();
    } catch (error) {
      given = [-errnoOf(toDiskError(error))] as unknown as readonly [number, ...Partial<T>];
    }
    done(...given as [number, ...Partial<T>]);
  })();
}

function plain(done: (status: number) => void, run: () => Promise<unknown>): void {
  answer<[]>(done, async () => {
    await run();
    return [0];
  });
}

/** This system's number for an error of ours. */
export function errnoOf({ fault }: DiskError): number {
  const { errno } = constants;
  switch (fault.kind) {
    case 'usage': return errno[fault.errno];
    case 'unsupported': return errno.ENOTSUP;
    case 'busy': return errno.EBUSY;
    case 'cancelled': return errno.EINTR;
    case 'timeout': return errno.ETIMEDOUT;
    case 'dirty': return errno.EROFS;
    default: return errno.EIO;
  }
}

/** It has no times before 1970, none below a millisecond, and node numbers of 32 bits. */
function statOf(stat: Stat, { blockSize }: VolumeInfo): NativeStat {
  return {
    mode: TYPES[stat.type] | stat.mode, uid: stat.uid, gid: stat.gid, size: stat.size, nlink: stat.nlink, ino: stat.node >>> 0,
    rdev: stat.device === undefined ? 0 : numberOf(stat.device), blksize: blockSize, blocks: Math.ceil(stat.allocated / 512), atime: milliseconds(stat.atime), mtime: milliseconds(stat.mtime), ctime: milliseconds(stat.ctime),
  };
}

function milliseconds(time: bigint): number {
  return Math.max(0, Number(time / 1_000_000n));
}

/** Blocks are counted in 32 bits, so those of a large volume are larger. */
function statfsOf({ size, free, blockSize, inodes }: VolumeInfo, namemax: number): NativeStatfs {
  let unit = blockSize;
  while (size / unit >= 2 ** 32) unit *= 2;
  const [blocks, bfree] = [Math.floor(size / unit), Math.floor(free / unit)];
  const files = Math.min(inodes?.total ?? 0, SAME);
  const ffree = Math.min(inodes?.free ?? 0, SAME);
  return { bsize: unit, frsize: unit, blocks, bfree, bavail: bfree, files, ffree, favail: ffree, namemax };
}

/** A device's number in 32 bits: as the kernel of Linux has it (new_encode_dev), or macOS (8 bits and 24). */
function numberOf({ major, minor }: { readonly major: number; readonly minor: number }): number {
  if (process.platform === 'darwin') return ((major << 24) | (minor & 0xff_ffff)) >>> 0;
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

function deviceOf(number: number): { readonly major: number; readonly minor: number } {
  if (process.platform === 'darwin') return { major: number >>> 24, minor: number & 0xff_ffff };
  return { major: (number >>> 8) & 0xfff, minor: (number & 0xff) | ((number >>> 12) & 0xf_ff00) };
}
