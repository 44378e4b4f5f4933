import { errnoOf } from '../../../engines/core/errno.ts';
import type { DiskError, Errno } from '../../../engines/core/errors.ts';
import type { EntryType, Stat, VolumeInfo } from '../../../engines/core/filesystem.ts';
import { type Field, i32, struct, u16, u32, u32s, u64 } from '../../../engines/core/layout/struct.ts';

/**
 * What WinFsp's FUSE interface and a filesystem hand each other, as its public headers (inc/fuse: winfsp_fuse.h, fuse.h, fuse_common.h, fuse_opt.h) lay it out
 * for 64-bit Windows: FUSE 2.8 with types of WinFsp's own. Offsets and sizes in bytes.
 */

const i64 = (offset: number): Field<bigint> => ({ ...u64(offset), type: 'i64', get: (view, at) => view.getBigInt64(at, true), set: (view, at, value) => view.setBigInt64(at, value, true) });

export const FuseTimespec = struct('fuse_timespec', 16, { tv_sec: i64(0), tv_nsec: i64(8) });

export const FuseStat = struct('fuse_stat', 128, {
  st_dev: u32(0), st_ino: u64(8), st_mode: u32(16), st_nlink: u16(20), st_uid: u32(24), st_gid: u32(28), st_rdev: u32(32), st_size: i64(40),
  st_atim_sec: i64(48), st_atim_nsec: i64(56), st_mtim_sec: i64(64), st_mtim_nsec: i64(72), st_ctim_sec: i64(80), st_ctim_nsec: i64(88),
  st_blksize: i32(96), st_blocks: i64(104), st_birthtim_sec: i64(112), st_birthtim_nsec: i64(120),
});

export const FuseStatvfs = struct('fuse_statvfs', 88, {
  f_bsize: u64(0), f_frsize: u64(8), f_blocks: u64(16), f_bfree: u64(24), f_bavail: u64(32), f_files: u64(40), f_ffree: u64(48), f_favail: u64(56),
  f_fsid: u64(64), f_flag: u64(72), f_namemax: u64(80),
});

/** `bits`: direct_io, keep_cache, flush and nonseekable, from the lowest on. */
export const FuseFileInfo = struct('fuse_file_info', 32, { flags: i32(0), fh_old: u32(4), writepage: i32(8), bits: u32(12), fh: u64(16), lock_owner: u64(24) });

export const FuseConnInfo = struct('fuse_conn_info', 128, {
  proto_major: u32(0), proto_minor: u32(4), async_read: u32(8), max_write: u32(12), max_readahead: u32(16), capable: u32(20), want: u32(24), reserved: u32s(28, 25),
});

export const FuseArgs = struct('fuse_args', 24, { argc: i32(0), argv: u64(8), allocated: i32(16) });

/** Pointers to functions are 0 where there is none. */
export const FspFuseEnv = struct('fsp_fuse_env', 72, {
  environment: u32(0), memalloc: u64(8), memfree: u64(16), daemonize: u64(24), set_signal_handlers: u64(32), conv_to_win_path: u64(40), winpid_to_pid: u64(48), reserved0: u64(56), reserved1: u64(64),
});

/** The environment of native Windows programs. */
export const ENVIRONMENT = 'W'.charCodeAt(0);

/** Pointers to functions in a row; `flags` are four bytes with four of room behind them. */
const OPERATIONS = [
  'getattr', 'getdir', 'readlink', 'mknod', 'mkdir', 'unlink', 'rmdir', 'symlink', 'rename', 'link', 'chmod', 'chown', 'truncate', 'utime', 'open', 'read', 'write', 'statfs',
  'flush', 'release', 'fsync', 'setxattr', 'getxattr', 'listxattr', 'removexattr', 'opendir', 'readdir', 'releasedir', 'fsyncdir', 'init', 'destroy', 'access', 'create',
  'ftruncate', 'fgetattr', 'lock', 'utimens', 'bmap', 'flags', 'ioctl', 'poll', 'write_buf', 'read_buf', 'flock', 'fallocate', 'getpath', 'reserved01', 'reserved02', 'statfs_x',
  'setvolname', 'exchange', 'getxtimes', 'setbkuptime', 'setchgtime', 'setcrtime', 'chflags', 'setattr_x', 'fsetattr_x',
] as const;
export type FuseOperation = Exclude<(typeof OPERATIONS)[number], 'flags'>;

export const FuseOperations = struct('fuse_operations', OPERATIONS.length * 8, Object.fromEntries(OPERATIONS.map((name, i) => [name, name === 'flags' ? u32(i * 8) : u64(i * 8)])) as Record<FuseOperation, Field<bigint>>);

/** Bits of fuse_conn_info's `want`. */
export const WANT = { readOnly: 1 << 22, caseInsensitive: 1 << 29 } as const;

const TYPES: Readonly<Record<EntryType, number>> = { fifo: 0o010000, char: 0o020000, dir: 0o040000, block: 0o060000, file: 0o100000, symlink: 0o120000, socket: 0o140000 };

/** The type in a mode's bits; a mode without one is a file's. */
export function typeOf(mode: number): EntryType | undefined {
  const bits = mode & 0o170000;
  return bits === 0 ? 'file' : (Object.entries(TYPES) as [EntryType, number][]).find(([, each]) => each === bits)?.[0];
}

const NANO = 1_000_000_000n;

export function encodeStat(stat: Stat, blockSize: number): Uint8Array {
  const bytes = new Uint8Array(FuseStat.size);
  const to = FuseStat.at(bytes);
  to.st_ino = BigInt(stat.node);
  to.st_mode = TYPES[stat.type] | stat.mode;
  to.st_nlink = Math.min(stat.nlink, 0xffff);
  to.st_uid = stat.uid;
  to.st_gid = stat.gid;
  if (stat.device) to.st_rdev = (stat.device.major << 16 | stat.device.minor & 0xffff) >>> 0;
  to.st_size = BigInt(stat.size);
  [to.st_atim_sec, to.st_atim_nsec] = timeOf(stat.atime);
  [to.st_mtim_sec, to.st_mtim_nsec] = timeOf(stat.mtime);
  [to.st_ctim_sec, to.st_ctim_nsec] = timeOf(stat.ctime);
  [to.st_birthtim_sec, to.st_birthtim_nsec] = timeOf(stat.btime ?? stat.ctime);
  to.st_blksize = blockSize;
  to.st_blocks = BigInt(Math.ceil(stat.allocated / 512));
  return bytes;
}

function timeOf(time: bigint): [seconds: bigint, nanoseconds: bigint] {
  const rest = ((time % NANO) + NANO) % NANO;
  return [(time - rest) / NANO, rest];
}

/** Two fuse_timespec in a row: of the last use and of the last change. @returns nanoseconds since 1970 */
export function decodeTimes(bytes: Uint8Array): [atime: bigint, mtime: bigint] {
  const of = (at: number): bigint => {
    const { tv_sec: seconds, tv_nsec: rest } = FuseTimespec.at(bytes, at);
    return seconds * NANO + rest;
  };
  return [of(0), of(FuseTimespec.size)];
}

/** Sectors that Windows knows are 512 to 4096 bytes; WinFsp cuts a larger number to 16 bits. */
export function encodeStatvfs({ size, free, blockSize, inodes }: VolumeInfo, longest: number): Uint8Array {
  const bytes = new Uint8Array(FuseStatvfs.size);
  const to = FuseStatvfs.at(bytes);
  const unit = Math.min(Math.max(blockSize, 512), 4096);
  to.f_bsize = to.f_frsize = BigInt(unit);
  to.f_blocks = BigInt(Math.floor(size / unit));
  to.f_bfree = to.f_bavail = BigInt(Math.floor(free / unit));
  to.f_files = BigInt(inodes?.total ?? 0);
  to.f_ffree = to.f_favail = BigInt(inodes?.free ?? 0);
  to.f_namemax = BigInt(longest);
  return bytes;
}

/** Windows' C library has numbers of its own from 36 on (errno.h of the UCRT); WinFsp makes Windows' statuses of these. */
const DIFFERENT: Partial<Record<Errno, number>> = { ENAMETOOLONG: 38, ENOTEMPTY: 41, ELOOP: 114, ENODATA: 120, EOVERFLOW: 132, ENOTSUP: 40 /* ENOSYS, which it knows */, ESTALE: 2 /* ENOENT: it is gone */ };
const [ENOENT, EIO] = [2, 5];
const TIMED_OUT = 138;

/** The number for an error of ours, as Windows counts. */
export function windowsErrno(error: DiskError): number {
  const { fault } = error;
  if (fault.kind === 'usage') return DIFFERENT[fault.errno] ?? errnoOf(error);
  if (fault.kind === 'unsupported') return DIFFERENT.ENOTSUP!;
  if (fault.kind === 'timeout') return TIMED_OUT;
  const number = errnoOf(error);
  // Those that are numbered alike on both.
  return number >= ENOENT && number < 36 ? number : EIO;
}

/** ENOSYS and ERANGE of Windows' C library. */
export const [ENOSYS, ERANGE, EINVAL] = [40, 34, 22];
