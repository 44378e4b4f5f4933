import { constants } from 'node:fs';
import { createRequire } from 'node:module';
import { constants as osConstants } from 'node:os';
import type Koffi from 'koffi';
import { decodeName, encodeName, type Name } from '../../engines/core/names.ts';

/**
 * The system calls that Node has no functions for: those relative to an open directory, times in nanoseconds, extended attributes,
 * device nodes, copies inside the kernel. Linux only. Loaded on first use, since koffi takes about 12 ms to load.
 * Every call throws a SystemError unless its page says otherwise.
 */
export interface Libc {
  /** @returns the new descriptor; undefined for EEXIST */
  create(dir: number, name: Name, mode: number): number | undefined;
  /** @returns a descriptor of the directory itself; undefined where something else, or a symlink, has the name */
  openDirectory(dir: number, name: Name): number | undefined;
  /** @returns false for EEXIST, as the five below do */
  mkdir(dir: number, name: Name, mode: number): boolean;
  symlink(dir: number, name: Name, target: Name): boolean;
  link(fromDir: number, from: Name, dir: number, name: Name): boolean;
  /** @param mode with the type's bits (S_IFIFO …) */
  mknod(dir: number, name: Name, mode: number, major: number, minor: number): boolean;
  rename(dir: number, from: Name, to: Name): void;
  unlink(dir: number, name: Name, directory?: boolean): void;
  chown(fd: number, uid: number, gid: number): void;
  chownAt(dir: number, name: Name, uid: number, gid: number): void;
  chmod(fd: number, mode: number): void;
  /** Never through a symlink (the C library does that by way of the name's own descriptor). */
  chmodAt(dir: number, name: Name, mode: number): void;
  /** Nanoseconds since 1970. */
  utimes(fd: number, atime: bigint, mtime: bigint): void;
  /** Of the name itself, also where it is a symlink. */
  utimesAt(dir: number, name: Name, atime: bigint, mtime: bigint): void;
  setXattr(fd: number, name: Name, value: Uint8Array): void;
  setXattrAt(dir: number, name: Name, attribute: Name, value: Uint8Array): void;
  /** No error where there is none. */
  removeXattr(fd: number, name: Name): void;
  hasXattr(fd: number, name: Name): boolean;
  /** Names of a file's attributes, of the symlink itself where it is one. @param path bytes, as Node's functions take them */
  listXattrs(path: Uint8Array): Name[];
  /** @returns undefined where there is none of that name */
  getXattr(path: Uint8Array, name: Name): Uint8Array | undefined;
  /** The first byte from `at` on that is data, or that is in a hole. @returns undefined where there is none to the end; -1 where the filesystem can't tell */
  seek(fd: number, at: number, what: 'data' | 'hole'): number | undefined;
  /** Bytes copied: less than asked at the source's end. @returns undefined where the kernel can't copy between these two */
  copyRange(from: number, fromAt: number, to: number, toAt: number, length: number): number | undefined;
  /** As `copyRange`, also between filesystems; never shares blocks. Moves the position of `to`, which must be 0 where `toAt` is. */
  sendRange(from: number, fromAt: number, to: number, toAt: number, length: number): number | undefined;
  /**
   * A shared lock of the open file description (F_OFD_SETLK): it lasts until that is closed, whatever other descriptors of the file the
   * process closes. @returns false when somebody else has the range for himself
   */
  lockShared(fd: number, at: number, length: number): boolean;
  /** Whether nobody else has any lock on the range (F_OFD_GETLK). */
  isUnlocked(fd: number, at: number, length: number): boolean;
}

/** What a system call answered: `code` as Node spells it ("EPERM"). */
export class SystemError extends Error {
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.name = 'SystemError';
    this.code = code;
  }
}

// The kernel's ABI (include/uapi/linux/fcntl.h), the same on every 64-bit machine that Node runs on. O_* differ and come from Node.
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const O_CLOEXEC = 0o2000000;
const SEEK_SET = 0;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const [F_RDLCK, F_WRLCK, F_UNLCK] = [0, 1, 2];

const CODES = new Map(Object.entries(osConstants.errno).map(([code, number]) => [number as number, code]));

let loaded: { readonly libc: Libc | undefined } | undefined;

/** The calls, or undefined where they can't be had: not Linux, or no koffi for this machine. */
export function libc(): Libc | undefined {
  loaded ??= { libc: load() };
  return loaded.libc;
}

function load(): Libc | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    return bind(koffi);
  } catch {
    return undefined;
  }
}

function bind(koffi: typeof Koffi): Libc {
  // The process itself: Node is linked with the C library, be it glibc or musl.
  const library = koffi.load(null);
  const declare = (definition: string) => library.func(definition) as (...args: unknown[]) => number;
  const openat = declare('int openat(int dir, const void *name, int flags, uint32_t mode)');
  const mkdirat = declare('int mkdirat(int dir, const void *name, uint32_t mode)');
  const symlinkat = declare('int symlinkat(const void *target, int dir, const void *name)');
  const linkat = declare('int linkat(int from_dir, const void *from, int dir, const void *name, int flags)');
  const renameat = declare('int renameat(int from_dir, const void *from, int dir, const void *name)');
  const unlinkat = declare('int unlinkat(int dir, const void *name, int flags)');
  const fchown = declare('int fchown(int fd, uint32_t uid, uint32_t gid)');
  const fchownat = declare('int fchownat(int dir, const void *name, uint32_t uid, uint32_t gid, int flags)');
  const fchmod = declare('int fchmod(int fd, uint32_t mode)');
  const fchmodat = declare('int fchmodat(int dir, const void *name, uint32_t mode, int flags)');
  const futimens = declare('int futimens(int fd, const void *times)');
  const utimensat = declare('int utimensat(int dir, const void *name, const void *times, int flags)');
  const fsetxattr = declare('int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)');
  const lsetxattr = declare('int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)');
  const fremovexattr = declare('int fremovexattr(int fd, const void *name)');
  const fgetxattr = declare('int64_t fgetxattr(int fd, const void *name, void *value, size_t size)');
  const llistxattr = declare('int64_t llistxattr(const void *path, void *list, size_t size)');
  const lgetxattr = declare('int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)');
  const copyFileRange = declare('int64_t copy_file_range(int from, void *from_at, int to, void *to_at, size_t length, unsigned int flags)');
  const sendfile = declare('int64_t sendfile(int to, int from, void *from_at, size_t length)');
  const lseek = declare('int64_t lseek(int fd, int64_t at, int whence)');
  // Variadic in C; a pointer is passed the same way to both on every machine that Linux's Node runs on.
  const fcntl = declare('int fcntl(int fd, int command, void *lock)');
  // glibc exports mknodat only since 2.33; before, device nodes are reported as not kept.
  const mknodat = optional(() => declare('int mknodat(int dir, const void *name, uint32_t mode, uint64_t device)'));

  const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
  const first = new NameBuffer();
  const second = new NameBuffer();
  const times = new BigInt64Array(4);
  const fromOffset = new BigInt64Array(1);
  const toOffset = new BigInt64Array(1);
  // struct flock of 64-bit Linux: l_type and l_whence (16 bits each), l_start and l_len at 8 and 16, l_pid at 24 (0 for these locks).
  const flock = Buffer.alloc(32);
  const setLock = (type: number, at: number, length: number): Buffer => {
    flock.fill(0);
    flock.writeInt16LE(type, 0);
    flock.writeBigInt64LE(BigInt(at), 8);
    flock.writeBigInt64LE(BigInt(length), 16);
    return flock;
  };
  const failed = (call: string): SystemError => new SystemError(call, CODES.get(koffi.errno()) ?? `errno ${koffi.errno()}`);
  const check = (call: string, result: number): void => {
    if (result < 0) throw failed(call);
  };
  /** True when made, false when the name is taken. */
  const made = (call: string, result: number): boolean => {
    if (result >= 0) return true;
    const error = failed(call);
    if (error.code === 'EEXIST') return false;
    throw error;
  };
  const setTimes = (atime: bigint, mtime: bigint): void => {
    // tv_nsec is never negative: times before 1970 are rounded down to the second.
    times[1] = ((atime % BILLION) + BILLION) % BILLION;
    times[0] = (atime - times[1]) / BILLION;
    times[3] = ((mtime % BILLION) + BILLION) % BILLION;
    times[2] = (mtime - times[3]) / BILLION;
  };

  /** Asks for the size first; it may have grown until the second time. */
  const sized = (call: string, ask: (into: Buffer | null) => number): Uint8Array => {
    for (let tries = 0; tries < 8; tries++) {
      const length = ask(null);
      if (length === 0) return new Uint8Array();
      const bytes = length < 0 ? undefined : Buffer.alloc(length);
      const got = bytes === undefined ? length : ask(bytes);
      if (got >= 0) return bytes!.subarray(0, got);
      const error = failed(call);
      if (error.code !== 'ERANGE') throw error;
    }
    throw new SystemError(call, 'ERANGE');
  };

  return {
    create(dir, name, mode) {
      const fd = openat(dir, first.set(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
      return made('openat', fd) ? fd : undefined;
    },
    openDirectory(dir, name) {
      const fd = openat(dir, first.set(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
      if (fd >= 0) return fd;
      const error = failed('openat');
      if (error.code === 'ENOTDIR' || error.code === 'ELOOP') return undefined;
      throw error;
    },
    mkdir: (dir, name, mode) => made('mkdirat', mkdirat(dir, first.set(name), mode)),
    symlink: (dir, name, target) => made('symlinkat', symlinkat(second.set(target), dir, first.set(name))),
    link: (fromDir, from, dir, name) => made('linkat', linkat(fromDir, second.set(from), dir, first.set(name), 0)),
    mknod(dir, name, mode, major, minor) {
      if (!mknodat) throw new SystemError('mknodat', 'ENOSYS');
      return made('mknodat', mknodat(dir, first.set(name), mode, makeDevice(major, minor)));
    },
    rename: (dir, from, to) => check('renameat', renameat(dir, first.set(from), dir, second.set(to))),
    unlink: (dir, name, directory = false) => check('unlinkat', unlinkat(dir, first.set(name), directory ? AT_REMOVEDIR : 0)),
    chown: (fd, uid, gid) => check('fchown', fchown(fd, uid, gid)),
    chownAt: (dir, name, uid, gid) => check('fchownat', fchownat(dir, first.set(name), uid, gid, AT_SYMLINK_NOFOLLOW)),
    chmod: (fd, mode) => check('fchmod', fchmod(fd, mode)),
    chmodAt: (dir, name, mode) => check('fchmodat', fchmodat(dir, first.set(name), mode, AT_SYMLINK_NOFOLLOW)),
    utimes(fd, atime, mtime) {
      setTimes(atime, mtime);
      check('futimens', futimens(fd, times));
    },
    utimesAt(dir, name, atime, mtime) {
      setTimes(atime, mtime);
      check('utimensat', utimensat(dir, first.set(name), times, AT_SYMLINK_NOFOLLOW));
    },
    setXattr: (fd, name, value) => check('fsetxattr', fsetxattr(fd, first.set(name), value, value.length, 0)),
    setXattrAt(dir, name, attribute, value) {
      // There is no call for a name in an open directory; the kernel's own view of the descriptor stands in for it.
      check('lsetxattr', lsetxattr(second.set(`/proc/self/fd/${dir}/${name}`), first.set(attribute), value, value.length, 0));
    },
    removeXattr(fd, name) {
      if (fremovexattr(fd, first.set(name)) >= 0) return;
      const error = failed('fremovexattr');
      if (error.code !== 'ENODATA' && error.code !== 'ENOTSUP' && error.code !== 'EOPNOTSUPP') throw error;
    },
    hasXattr: (fd, name) => Number(fgetxattr(fd, first.set(name), null, 0)) >= 0,
    listXattrs(path) {
      const named = second.setPath(path);
      const bytes = sized('llistxattr', (into) => Number(llistxattr(named, into, into?.length ?? 0)));
      const names: Name[] = [];
      for (let at = 0, end = bytes.indexOf(0); end >= 0; at = end + 1, end = bytes.indexOf(0, at)) names.push(decodeName(bytes, at, end));
      return names;
    },
    getXattr(path, name) {
      const named = second.setPath(path);
      try {
        return sized('lgetxattr', (into) => Number(lgetxattr(named, first.set(name), into, into?.length ?? 0)));
      } catch (error) {
        if ((error as SystemError).code === 'ENODATA') return undefined;
        throw error;
      }
    },
    seek(fd, at, what) {
      const found = Number(lseek(fd, at, what === 'data' ? SEEK_DATA : SEEK_HOLE));
      if (found >= 0) return found;
      const error = failed('lseek');
      if (error.code === 'ENXIO') return undefined;
      if (error.code === 'EINVAL' || error.code === 'EOPNOTSUPP') return -1;
      throw error;
    },
    copyRange(from, fromAt, to, toAt, length) {
      fromOffset[0] = BigInt(fromAt);
      toOffset[0] = BigInt(toAt);
      const copied = Number(copyFileRange(from, fromOffset, to, toOffset, length, 0));
      if (copied >= 0) return copied;
      const error = failed('copy_file_range');
      if (NO_COPY.has(error.code)) return undefined;
      throw error;
    },
    sendRange(from, fromAt, to, toAt, length) {
      if (toAt !== 0 && lseek(to, toAt, SEEK_SET) < 0) throw failed('lseek');
      fromOffset[0] = BigInt(fromAt);
      const copied = Number(sendfile(to, from, fromOffset, length));
      if (copied >= 0) return copied;
      const error = failed('sendfile');
      if (NO_COPY.has(error.code)) return undefined;
      throw error;
    },
    lockShared(fd, at, length) {
      if (fcntl(fd, F_OFD_SETLK, setLock(F_RDLCK, at, length)) >= 0) return true;
      const error = failed('fcntl');
      if (error.code === 'EAGAIN' || error.code === 'EACCES') return false;
      throw error;
    },
    isUnlocked(fd, at, length) {
      check('fcntl', fcntl(fd, F_OFD_GETLK, setLock(F_WRLCK, at, length)));
      return flock.readInt16LE(0) === F_UNLCK;
    },
  };
}

const BILLION = 1_000_000_000n;

/** Answers that mean "not between these two files" (copy_file_range(2), sendfile(2)). */
const NO_COPY: ReadonlySet<string> = new Set(['EXDEV', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'ETXTBSY', 'EBADF']);

/** As gnu_dev_makedev of glibc. */
function makeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major >>> 0), BigInt(minor >>> 0)];
  return ((high & 0xfffn) << 8n) | ((high & ~0xfffn) << 32n) | (low & 0xffn) | ((low & ~0xffn) << 12n);
}

function optional<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** A C string that is written again for every call: no allocation a call. */
class NameBuffer {
  #buffer = Buffer.alloc(8192);

  /** @throws SystemError EINVAL for a name with NUL, which would silently be cut there */
  set(name: Name): Buffer {
    if (name.includes('\0')) throw new SystemError('name', 'EINVAL');
    if (name.length * 3 >= this.#buffer.length) this.#buffer = Buffer.alloc(name.length * 3 + 1);
    let length: number;
    if (name.isWellFormed()) {
      length = this.#buffer.write(name, 'utf8');
    } else {
      const bytes = encodeName(name);
      this.#buffer.set(bytes);
      length = bytes.length;
    }
    this.#buffer[length] = 0;
    return this.#buffer;
  }

  /** @throws SystemError EINVAL for a path with NUL */
  setPath(path: Uint8Array): Buffer {
    if (path.includes(0)) throw new SystemError('path', 'EINVAL');
    if (path.length >= this.#buffer.length) this.#buffer = Buffer.alloc(path.length + 1);
    this.#buffer.set(path);
    this.#buffer[path.length] = 0;
    return this.#buffer;
  }
}
