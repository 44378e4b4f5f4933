import { createRequire } from 'node:module';
import { constants } from 'node:os';

/** How an operation is answered: 0, a count, or an error's number below 0; then what it gives. */
type Answer<T extends unknown[] = []> = (status: number, ...given: T) => void;

/** Of libfuse's `struct fuse_operations`, as fuse-native 2.2.6 (index.js) hands them on. Sizes and offsets in bytes. */
export interface NativeOperations {
  getattr(path: string, answer: Answer<[NativeStat?]>): void;
  /** fuse-native calls `getattr` in its place; it is asked for where it is only known by this name. */
  fgetattr(path: string, fd: number, answer: Answer<[NativeStat?]>): void;
  readdir(path: string, answer: Answer<[string[]?, NativeEntry[]?]>): void;
  readlink(path: string, answer: Answer<[string?]>): void;
  open(path: string, flags: number, answer: Answer<[number?]>): void;
  create(path: string, mode: number, answer: Answer<[number?]>): void;
  read(path: string, fd: number, into: Buffer, length: number, at: number, answer: Answer): void;
  write(path: string, fd: number, from: Buffer, length: number, at: number, answer: Answer): void;
  release(path: string, fd: number, answer: Answer): void;
  fsync(path: string, dataOnly: boolean, fd: number, answer: Answer): void;
  fsyncdir(path: string, dataOnly: boolean, fd: number, answer: Answer): void;
  truncate(path: string, size: number, answer: Answer): void;
  ftruncate(path: string, fd: number, size: number, answer: Answer): void;
  mkdir(path: string, mode: number, answer: Answer): void;
  mknod(path: string, mode: number, device: number, answer: Answer): void;
  symlink(target: string, path: string, answer: Answer): void;
  link(from: string, path: string, answer: Answer): void;
  unlink(path: string, answer: Answer): void;
  rmdir(path: string, answer: Answer): void;
  rename(from: string, to: string, answer: Answer): void;
  chmod(path: string, mode: number, answer: Answer): void;
  chown(path: string, uid: number, gid: number, answer: Answer): void;
  utimens(path: string, atime: number, mtime: number, answer: Answer): void;
  statfs(path: string, answer: Answer<[NativeStatfs?]>): void;
  setxattr(path: string, name: string, value: Buffer, position: number, flags: number, answer: Answer): void;
  getxattr(path: string, name: string, position: number, answer: Answer<[Buffer?]>): void;
  listxattr(path: string, answer: Answer<[string[]?]>): void;
  removexattr(path: string, name: string, answer: Answer): void;
}

/** Numbers of 32 bits but for size and blocks; times in milliseconds since 1970. */
export interface NativeStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly ino: number;
  readonly rdev: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** What is told of an entry of a folder. */
export type NativeEntry = Pick<NativeStat, 'ino' | 'mode'>;

/** Numbers of 32 bits. */
export interface NativeStatfs {
  readonly bsize: number;
  readonly frsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly favail: number;
  readonly namemax: number;
}

export interface NativeOptions {
  readonly fsname: string;
  readonly subtype?: string;
  readonly defaultPermissions: boolean;
  readonly allowOther: boolean;
  readonly autoUnmount: boolean;
  readonly displayFolder: boolean;
  readonly name: string;
  /** No limit: what takes long is answered all the same. */
  readonly timeout: false;
}

/** One mount of fuse-native. */
export interface NativeMount {
  mount(done: (error: Error | null | undefined) => void): void;
  /** Ends the thread that reads from the kernel, when it is not mounted any more. */
  unmount(done: (error: Error | null | undefined) => void): void;
}

export type NativeFuse = new (at: string, operations: NativeOperations, options: NativeOptions) => NativeMount;

/** A signal and the buffers that must be given back with it, as the class's own handlers have them. */
type Signal = (status: number, ...given: unknown[]) => void;

/**
 * fuse-native's class, with three of its handlers put right: fgetattr asks by the open file, and attributes never tell more bytes than the kernel has room
 * for (libfuse would send it memory behind them). @throws when it, or libfuse.so.2, is not there
 */
export function loadFuseNative(): NativeFuse {
  const Fuse = createRequire(import.meta.url)('fuse-native') as {
    new (at: string, operations: NativeOperations, options: NativeOptions): NativeMount & { readonly ops: NativeOperations };
    unmount(at: string, done: (error: null) => void): void;
  };
  // Its way is `fusermount -uz`, whoever uses the mount: we unmount ourselves before.
  Fuse.unmount = (_at, done) => done(null);
  return class Mended extends Fuse {
    _op_fgetattr(signal: Signal, path: string, fd: number): void {
      this.ops.fgetattr(path, fd, (status, stat) => signal(status, statArray(stat)));
    }

    _op_getxattr(signal: Signal, path: string, name: string, room: Buffer, position: number): void {
      this.ops.getxattr(path, name, position, (status, value) => {
        if (status < 0 || value === undefined) signal(status, room.buffer);
        else if (room.length === 0) signal(value.length, room.buffer);
        else if (value.length > room.length) signal(-constants.errno.ERANGE, room.buffer);
        else {
          value.copy(room);
          signal(value.length, room.buffer);
        }
      });
    }

    _op_listxattr(signal: Signal, path: string, room: Buffer): void {
      this.ops.listxattr(path, (status, names = []) => {
        const list = Buffer.from(names.map((name) => `${name}\0`).join(''), 'utf8');
        if (status < 0) signal(status, room.buffer);
        else if (room.length === 0) signal(list.length, room.buffer);
        else if (list.length > room.length) signal(-constants.errno.ERANGE, room.buffer);
        else {
          list.copy(room);
          signal(list.length, room.buffer);
        }
      });
    }
  };
}

/** As fuse-native lays a stat out (populate_stat in fuse-native.c): 32 bits each, low before high for the longer ones. */
function statArray(stat: NativeStat | undefined): Uint32Array {
  const long = (value: number): [number, number] => [value % 2 ** 32, Math.floor(value / 2 ** 32)];
  if (stat === undefined) return new Uint32Array(18);
  return Uint32Array.from([stat.mode, stat.uid, stat.gid, ...long(stat.size), 0, stat.nlink, stat.ino, stat.rdev, stat.blksize, ...long(stat.blocks), ...long(stat.atime), ...long(stat.mtime), ...long(stat.ctime)]);
}
