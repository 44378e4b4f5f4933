import { type Field, i32, struct, u16, u32 } from '../../core/layout/struct.ts';

/**
 * The messages and numbers of FUSE by the names of the kernel's header (Linux, include/uapi/linux/fuse.h). Numbers are in the machine's own order:
 * little-endian on every machine that we run on. Protocol 7.23 (Linux 3.15) and later: from there on a structure only grows at its end.
 */

export const MAJOR = 7;
/** Newest minor version that is spoken (Linux 6.18). */
export const MINOR = 45;
/** Oldest one. Before Linux 3.15 structures were shorter, and no Node that runs us runs there. */
export const OLDEST_MINOR = 23;

/**
 * A 64-bit number as one of ours. Above 2^53 it is rounded, so that `Number.isSafeInteger` tells what can't be meant; offsets, sizes and our own
 * numbers never are.
 */
export const u64 = (offset: number): Field<number> => ({ offset, size: 8, type: 'u64', get: (view, at) => getU64(view, at), set: putU64 });

export function getU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

/** @param value an integer from 0 to 2^64 */
export function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** fuse_opcode */
export const OP = {
  LOOKUP: 1, FORGET: 2, GETATTR: 3, SETATTR: 4, READLINK: 5, SYMLINK: 6, MKNOD: 8, MKDIR: 9, UNLINK: 10, RMDIR: 11, RENAME: 12, LINK: 13, OPEN: 14, READ: 15,
  WRITE: 16, STATFS: 17, RELEASE: 18, FSYNC: 20, SETXATTR: 21, GETXATTR: 22, LISTXATTR: 23, REMOVEXATTR: 24, FLUSH: 25, INIT: 26, OPENDIR: 27, READDIR: 28,
  RELEASEDIR: 29, FSYNCDIR: 30, GETLK: 31, SETLK: 32, SETLKW: 33, ACCESS: 34, CREATE: 35, INTERRUPT: 36, BMAP: 37, DESTROY: 38, IOCTL: 39, POLL: 40,
  NOTIFY_REPLY: 41, BATCH_FORGET: 42, FALLOCATE: 43, READDIRPLUS: 44, RENAME2: 45, LSEEK: 46, COPY_FILE_RANGE: 47, SETUPMAPPING: 48, REMOVEMAPPING: 49, SYNCFS: 50,
  TMPFILE: 51, STATX: 52, COPY_FILE_RANGE_64: 53,
} as const;

/** fuse_notify_code: they stand where an answer has its error. */
export const NOTIFY = { INVAL_INODE: 2, INVAL_ENTRY: 3, INC_EPOCH: 8 } as const;

/** FUSE_*: what INIT agrees on, the lower 32 bits. */
export const INIT_FLAG = {
  ASYNC_READ: 1 << 0, ATOMIC_O_TRUNC: 1 << 3, BIG_WRITES: 1 << 5, DONT_MASK: 1 << 6, AUTO_INVAL_DATA: 1 << 12, DO_READDIRPLUS: 1 << 13, READDIRPLUS_AUTO: 1 << 14,
  ASYNC_DIO: 1 << 15, WRITEBACK_CACHE: 1 << 16, NO_OPEN_SUPPORT: 1 << 17, PARALLEL_DIROPS: 1 << 18, POSIX_ACL: 1 << 20, MAX_PAGES: 1 << 22, CACHE_SYMLINKS: 1 << 23,
  EXPLICIT_INVAL_DATA: 1 << 25, HANDLE_KILLPRIV_V2: 1 << 28, SETXATTR_EXT: 1 << 29, INIT_EXT: 1 << 30,
} as const;

/** Those of the upper 32 bits (`flags2`). */
export const INIT_FLAG2 = { HAS_EXPIRE_ONLY: 1 << 3 } as const;

/** FATTR_*: what a SETATTR sets. */
export const FATTR = {
  MODE: 1 << 0, UID: 1 << 1, GID: 1 << 2, SIZE: 1 << 3, ATIME: 1 << 4, MTIME: 1 << 5, FH: 1 << 6, ATIME_NOW: 1 << 7, MTIME_NOW: 1 << 8, CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

/** FOPEN_*: how an opened file is cached. */
export const FOPEN = { KEEP_CACHE: 1 << 1, CACHE_DIR: 1 << 3, NOFLUSH: 1 << 5 } as const;

/** FUSE_GETATTR_FH, FUSE_OPEN_KILL_SUIDGID, FUSE_WRITE_KILL_SUIDGID, FUSE_SETXATTR_ACL_KILL_SGID, FUSE_EXPIRE_ONLY */
export const FLAG = { GETATTR_FH: 1, OPEN_KILL_SUIDGID: 1, WRITE_KILL_SUIDGID: 1 << 2, SETXATTR_ACL_KILL_SGID: 1, EXPIRE_ONLY: 1 } as const;

/** O_*: of OPEN and CREATE (include/uapi/asm-generic/fcntl.h; the same on x86 and arm64). */
export const O = { ACCMODE: 3, RDONLY: 0, WRONLY: 1, RDWR: 2, EXCL: 0o200, TRUNC: 0o1000, APPEND: 0o2000 } as const;

/** RENAME_*, XATTR_*, FALLOC_FL_*, SEEK_* (include/uapi/linux/fs.h, xattr.h, falloc.h) */
export const RENAME = { NOREPLACE: 1, EXCHANGE: 2 } as const;
export const XATTR = { CREATE: 1, REPLACE: 2 } as const;
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2 } as const;
export const SEEK = { DATA: 3, HOLE: 4 } as const;

/** STATX_BASIC_STATS, STATX_BTIME (include/uapi/linux/stat.h) */
export const STATX = { BASIC_STATS: 0x7ff, BTIME: 0x800 } as const;

/** The node of the root (FUSE_ROOT_ID). */
export const ROOT_ID = 1;

/** Every request begins with it; names and data follow the operation's own structure. */
export const InHeader = struct('fuse_in_header', 40, { len: u32(0), opcode: u32(4), unique_low: u32(8), unique_high: u32(12), nodeid: u64(16), uid: u32(24), gid: u32(28), pid: u32(32), total_extlen: u16(36) });
/** Every answer begins with it: `error` is 0 or the errno, negative. */
export const OutHeader = struct('fuse_out_header', 16, { len: u32(0), error: i32(4), unique_low: u32(8), unique_high: u32(12) });

/** 16 bytes before 7.36, and where INIT_EXT is not among the flags. */
export const InitIn = struct('fuse_init_in', 16, { major: u32(0), minor: u32(4), max_readahead: u32(8), flags: u32(12) });
export const InitInExt = struct('fuse_init_in (7.36)', 64, { ...InitIn.fields, flags2: u32(16) });
export const InitOut = struct('fuse_init_out', 64, {
  major: u32(0), minor: u32(4), max_readahead: u32(8), flags: u32(12), max_background: u16(16), congestion_threshold: u16(18), max_write: u32(20), time_gran: u32(24),
  max_pages: u16(28), map_alignment: u16(30), flags2: u32(32),
});

/** Times are seconds in `…_at` places (signed 64 bits, beside their nanoseconds): attributes.ts writes them. */
export const Attr = struct('fuse_attr', 88, {
  ino: u64(0), size: u64(8), blocks: u64(16), atime: u64(24), mtime: u64(32), ctime: u64(40), atimensec: u32(48), mtimensec: u32(52), ctimensec: u32(56), mode: u32(60),
  nlink: u32(64), uid: u32(68), gid: u32(72), rdev: u32(76), blksize: u32(80), flags: u32(84),
});
/** A fuse_attr follows at byte 40. */
export const EntryOut = struct('fuse_entry_out', 128, { nodeid: u64(0), generation: u64(8), entry_valid: u64(16), attr_valid: u64(24), entry_valid_nsec: u32(32), attr_valid_nsec: u32(36) });
export const ENTRY_ATTR = 40;
/** A fuse_attr follows at byte 16. */
export const AttrOut = struct('fuse_attr_out', 104, { attr_valid: u64(0), attr_valid_nsec: u32(8) });
export const ATTR_OUT_ATTR = 16;

export const ForgetIn = struct('fuse_forget_in', 8, { nlookup: u64(0) });
export const ForgetOne = struct('fuse_forget_one', 16, { nodeid: u64(0), nlookup: u64(8) });
export const BatchForgetIn = struct('fuse_batch_forget_in', 8, { count: u32(0) });
export const GetattrIn = struct('fuse_getattr_in', 16, { getattr_flags: u32(0), fh: u64(8) });
export const SetattrIn = struct('fuse_setattr_in', 88, {
  valid: u32(0), fh: u64(8), size: u64(16), atime: u64(32), mtime: u64(40), ctime: u64(48), atimensec: u32(56), mtimensec: u32(60), ctimensec: u32(64), mode: u32(68),
  uid: u32(76), gid: u32(80),
});
export const MknodIn = struct('fuse_mknod_in', 16, { mode: u32(0), rdev: u32(4), umask: u32(8) });
export const MkdirIn = struct('fuse_mkdir_in', 8, { mode: u32(0), umask: u32(4) });
export const RenameIn = struct('fuse_rename_in', 8, { newdir: u64(0) });
export const Rename2In = struct('fuse_rename2_in', 16, { newdir: u64(0), flags: u32(8) });
export const LinkIn = struct('fuse_link_in', 8, { oldnodeid: u64(0) });
export const OpenIn = struct('fuse_open_in', 8, { flags: u32(0), open_flags: u32(4) });
export const CreateIn = struct('fuse_create_in', 16, { flags: u32(0), mode: u32(4), umask: u32(8), open_flags: u32(12) });
export const OpenOut = struct('fuse_open_out', 16, { fh: u64(0), open_flags: u32(8) });
export const ReleaseIn = struct('fuse_release_in', 24, { fh: u64(0), flags: u32(8), release_flags: u32(12) });
export const ReadIn = struct('fuse_read_in', 40, { fh: u64(0), offset: u64(8), size: u32(16), read_flags: u32(20), flags: u32(32) });
export const WriteIn = struct('fuse_write_in', 40, { fh: u64(0), offset: u64(8), size: u32(16), write_flags: u32(20), flags: u32(32) });
export const WriteOut = struct('fuse_write_out', 8, { size: u32(0) });
export const StatfsOut = struct('fuse_statfs_out', 80, { blocks: u64(0), bfree: u64(8), bavail: u64(16), files: u64(24), ffree: u64(32), bsize: u32(40), namelen: u32(44), frsize: u32(48) });
export const FsyncIn = struct('fuse_fsync_in', 16, { fh: u64(0), fsync_flags: u32(8) });
/** 8 bytes, or 16 where SETXATTR_EXT was agreed on. */
export const SetxattrIn = struct('fuse_setxattr_in', 8, { size: u32(0), flags: u32(4) });
export const SetxattrInExt = struct('fuse_setxattr_in (7.33)', 16, { ...SetxattrIn.fields, setxattr_flags: u32(8) });
export const GetxattrIn = struct('fuse_getxattr_in', 8, { size: u32(0) });
export const GetxattrOut = struct('fuse_getxattr_out', 8, { size: u32(0) });
export const InterruptIn = struct('fuse_interrupt_in', 8, { unique: u64(0) });
export const FallocateIn = struct('fuse_fallocate_in', 32, { fh: u64(0), offset: u64(8), length: u64(16), mode: u32(24) });
export const LseekIn = struct('fuse_lseek_in', 24, { fh: u64(0), offset: u64(8), whence: u32(16) });
export const LseekOut = struct('fuse_lseek_out', 8, { offset: u64(0) });

/** The name follows, then zeros up to a multiple of 8. */
export const Dirent = struct('fuse_dirent', 24, { ino: u64(0), off: u64(8), namelen: u32(16), type: u32(20) });

/** STATX asks with it (7.39). */
export const StatxIn = struct('fuse_statx_in', 24, { getattr_flags: u32(0), fh: u64(8), sx_flags: u32(16), sx_mask: u32(20) });
/** A fuse_statx follows at byte 32. */
export const StatxOut = struct('fuse_statx_out', 288, { attr_valid: u64(0), attr_valid_nsec: u32(8), flags: u32(12) });
export const STATX_OUT_STAT = 32;
export const Statx = struct('fuse_statx', 256, {
  mask: u32(0), blksize: u32(4), attributes: u64(8), nlink: u32(16), uid: u32(20), gid: u32(24), mode: u16(28), ino: u64(32), size: u64(40), blocks: u64(48),
  attributes_mask: u64(56), atime: u64(64), atimensec: u32(72), btime: u64(80), btimensec: u32(88), ctime: u64(96), ctimensec: u32(104), mtime: u64(112),
  mtimensec: u32(120), rdev_major: u32(128), rdev_minor: u32(132),
});

export const InvalInodeOut = struct('fuse_notify_inval_inode_out', 24, { ino: u64(0), off: u64(8), len: u64(16) });
/** The name follows with a NUL, which `namelen` does not count. */
export const InvalEntryOut = struct('fuse_notify_inval_entry_out', 16, { parent: u64(0), namelen: u32(8), flags: u32(12) });
