import type { Name } from '../../core/names.ts';

/** What a server says of a file's identity: its kind, a number that may change with its contents, and a number that names it. */
export interface Qid {
  /** Bits of QID_TYPE. */
  readonly type: number;
  readonly version: number;
  /** Linux servers send the inode's number. */
  readonly path: bigint;
}

/** Bits of Qid.type. */
export const QID_TYPE = { dir: 0x80, append: 0x40, exclusive: 0x20, mount: 0x10, auth: 0x08, symlink: 0x02, link: 0x01, file: 0 } as const;

/** The stat of 9P2000.u, as Tstat, Twstat and reads of directories carry it. */
export interface UnixStat {
  readonly type: number;
  readonly dev: number;
  readonly qid: Qid;
  /** Permissions, with the bits of DM. */
  readonly mode: number;
  /** Seconds since 1970, 32 bits. */
  readonly atime: number;
  readonly mtime: number;
  readonly length: bigint;
  readonly name: Name;
  readonly uid: Name;
  readonly gid: Name;
  readonly muid: Name;
  /** A symlink's target, a device's "c 8 1". */
  readonly extension: Name;
  readonly n_uid: number;
  readonly n_gid: number;
  readonly n_muid: number;
}

/** How a field is written: integers are little-endian, a string has two bytes of length before it, data four. */
export interface Kinds {
  u8: number;
  u16: number;
  u32: number;
  u64: bigint;
  string: Name;
  strings: readonly Name[];
  qid: Qid;
  qids: readonly Qid[];
  data: Uint8Array;
  stat: UnixStat;
  /** At the end of Rerror, in 9P2000.u alone: 0 where it is missing. */
  errno: number;
}

interface Declaration {
  readonly id: number;
  readonly fields: Readonly<Record<string, keyof Kinds>>;
}

const fid = { fid: 'u32' } as const;
const opened = { qid: 'qid', iounit: 'u32' } as const;
const made = { qid: 'qid' } as const;
const lock = { type: 'u8', start: 'u64', length: 'u64', proc_id: 'u32', client_id: 'string' } as const;

/**
 * Every message, declared once, for reading and writing: its number and its fields in order, by the names of the specification.
 * 9P2000: intro(5) of Plan 9; .u: "Plan 9 Remote Resource Protocol Unix Extension"; .L: diod's protocol.md, include/net/9p/9p.h.
 * Of both dialects: version, auth, attach, flush, walk, read, write, clunk, remove.
 */
export const MESSAGES = {
  Tversion: { id: 100, fields: { msize: 'u32', version: 'string' } },
  Rversion: { id: 101, fields: { msize: 'u32', version: 'string' } },
  Tauth: { id: 102, fields: { afid: 'u32', uname: 'string', aname: 'string', n_uname: 'u32' } },
  Rauth: { id: 103, fields: { aqid: 'qid' } },
  Tattach: { id: 104, fields: { fid: 'u32', afid: 'u32', uname: 'string', aname: 'string', n_uname: 'u32' } },
  Rattach: { id: 105, fields: made },
  Tflush: { id: 108, fields: { oldtag: 'u16' } },
  Rflush: { id: 109, fields: {} },
  Twalk: { id: 110, fields: { fid: 'u32', newfid: 'u32', wnames: 'strings' } },
  Rwalk: { id: 111, fields: { wqids: 'qids' } },
  Tread: { id: 116, fields: { fid: 'u32', offset: 'u64', count: 'u32' } },
  Rread: { id: 117, fields: { data: 'data' } },
  Twrite: { id: 118, fields: { fid: 'u32', offset: 'u64', data: 'data' } },
  Rwrite: { id: 119, fields: { count: 'u32' } },
  Tclunk: { id: 120, fields: fid },
  Rclunk: { id: 121, fields: {} },
  Tremove: { id: 122, fields: fid },
  Rremove: { id: 123, fields: {} },
  // 9P2000.u alone.
  Rerror: { id: 107, fields: { ename: 'string', errno: 'errno' } },
  Topen: { id: 112, fields: { fid: 'u32', mode: 'u8' } },
  Ropen: { id: 113, fields: opened },
  Tcreate: { id: 114, fields: { fid: 'u32', name: 'string', perm: 'u32', mode: 'u8', extension: 'string' } },
  Rcreate: { id: 115, fields: opened },
  Tstat: { id: 124, fields: fid },
  Rstat: { id: 125, fields: { stat: 'stat' } },
  Twstat: { id: 126, fields: { fid: 'u32', stat: 'stat' } },
  Rwstat: { id: 127, fields: {} },
  // 9P2000.L alone.
  Rlerror: { id: 7, fields: { ecode: 'u32' } },
  Tstatfs: { id: 8, fields: fid },
  Rstatfs: { id: 9, fields: { type: 'u32', bsize: 'u32', blocks: 'u64', bfree: 'u64', bavail: 'u64', files: 'u64', ffree: 'u64', fsid: 'u64', namelen: 'u32' } },
  Tlopen: { id: 12, fields: { fid: 'u32', flags: 'u32' } },
  Rlopen: { id: 13, fields: opened },
  Tlcreate: { id: 14, fields: { fid: 'u32', name: 'string', flags: 'u32', mode: 'u32', gid: 'u32' } },
  Rlcreate: { id: 15, fields: opened },
  Tsymlink: { id: 16, fields: { dfid: 'u32', name: 'string', symtgt: 'string', gid: 'u32' } },
  Rsymlink: { id: 17, fields: made },
  Tmknod: { id: 18, fields: { dfid: 'u32', name: 'string', mode: 'u32', major: 'u32', minor: 'u32', gid: 'u32' } },
  Rmknod: { id: 19, fields: made },
  Trename: { id: 20, fields: { fid: 'u32', dfid: 'u32', name: 'string' } },
  Rrename: { id: 21, fields: {} },
  Treadlink: { id: 22, fields: fid },
  Rreadlink: { id: 23, fields: { target: 'string' } },
  Tgetattr: { id: 24, fields: { fid: 'u32', request_mask: 'u64' } },
  Rgetattr: {
    id: 25,
    fields: {
      valid: 'u64', qid: 'qid', mode: 'u32', uid: 'u32', gid: 'u32', nlink: 'u64', rdev: 'u64', size: 'u64', blksize: 'u64', blocks: 'u64',
      atime_sec: 'u64', atime_nsec: 'u64', mtime_sec: 'u64', mtime_nsec: 'u64', ctime_sec: 'u64', ctime_nsec: 'u64', btime_sec: 'u64', btime_nsec: 'u64',
      gen: 'u64', data_version: 'u64',
    },
  },
  Tsetattr: { id: 26, fields: { fid: 'u32', valid: 'u32', mode: 'u32', uid: 'u32', gid: 'u32', size: 'u64', atime_sec: 'u64', atime_nsec: 'u64', mtime_sec: 'u64', mtime_nsec: 'u64' } },
  Rsetattr: { id: 27, fields: {} },
  Txattrwalk: { id: 30, fields: { fid: 'u32', newfid: 'u32', name: 'string' } },
  Rxattrwalk: { id: 31, fields: { size: 'u64' } },
  Txattrcreate: { id: 32, fields: { fid: 'u32', name: 'string', attr_size: 'u64', flags: 'u32' } },
  Rxattrcreate: { id: 33, fields: {} },
  Treaddir: { id: 40, fields: { fid: 'u32', offset: 'u64', count: 'u32' } },
  Rreaddir: { id: 41, fields: { data: 'data' } },
  Tfsync: { id: 50, fields: { fid: 'u32', datasync: 'u32' } },
  Rfsync: { id: 51, fields: {} },
  Tlock: { id: 52, fields: { fid: 'u32', type: 'u8', flags: 'u32', start: 'u64', length: 'u64', proc_id: 'u32', client_id: 'string' } },
  Rlock: { id: 53, fields: { status: 'u8' } },
  Tgetlock: { id: 54, fields: { fid: 'u32', ...lock } },
  Rgetlock: { id: 55, fields: lock },
  Tlink: { id: 70, fields: { dfid: 'u32', fid: 'u32', name: 'string' } },
  Rlink: { id: 71, fields: {} },
  Tmkdir: { id: 72, fields: { dfid: 'u32', name: 'string', mode: 'u32', gid: 'u32' } },
  Rmkdir: { id: 73, fields: made },
  Trenameat: { id: 74, fields: { olddirfid: 'u32', oldname: 'string', newdirfid: 'u32', newname: 'string' } },
  Rrenameat: { id: 75, fields: {} },
  Tunlinkat: { id: 76, fields: { dirfid: 'u32', name: 'string', flags: 'u32' } },
  Runlinkat: { id: 77, fields: {} },
} as const satisfies Readonly<Record<string, Declaration>>;

export type MessageName = keyof typeof MESSAGES;
/** A request that is answered by its own reply or by an error. */
export type RequestName = Extract<MessageName, `T${string}`>;
export type ReplyName<T extends RequestName> = T extends `T${infer Rest}` ? Extract<MessageName, `R${Rest}`> : never;

/** What a message of that name says, without its tag. */
export type Fields<M extends MessageName> = { readonly [F in keyof (typeof MESSAGES)[M]['fields']]: (typeof MESSAGES)[M]['fields'][F] extends keyof Kinds ? Kinds[(typeof MESSAGES)[M]['fields'][F]] : never };

/** A message as it was read. */
export interface Message<M extends MessageName = MessageName> {
  readonly name: M;
  readonly tag: number;
  readonly fields: Fields<M>;
}

/** The two dialects, by the names that Tversion carries. */
export type Dialect = '9P2000.L' | '9P2000.u';

/** The tag of Tversion. */
export const NOTAG = 0xffff;
/** "No fid": no authentication. */
export const NOFID = 0xffffffff;
/** A number that is not known or stays as it is. */
export const NONE32 = 0xffffffff;
export const NONE64 = 0xffff_ffff_ffff_ffffn;

/** Names that one Twalk may hold (MAXWELEM). */
export const MAX_WALK = 16;

/** Bytes that a read or write needs beside its data: the larger of Twrite's 23 and Rread's 11, as others count it (P9_IOHDRSZ). */
export const IO_HEADER = 24;

/** Flags of Tlopen and Tlcreate (include/net/9p/9p.h, P9_DOTL_*): octal, as on x86 Linux. */
export const OPEN = { read: 0, write: 1, both: 2, create: 0o100, exclusive: 0o200, truncate: 0o1000, append: 0o2000, nonblock: 0o4000, directory: 0o200000, nofollow: 0o400000, largefile: 0o100000 } as const;

/** Modes of Topen and Tcreate in 9P2000.u. */
export const UNIX_OPEN = { read: 0, write: 1, both: 2, execute: 3, truncate: 0x10, removeOnClose: 0x40 } as const;

/** The high bits of a mode in 9P2000.u. */
export const DM = { dir: 0x80000000, append: 0x40000000, exclusive: 0x20000000, auth: 0x08000000, symlink: 0x02000000, link: 0x01000000, device: 0x00800000, fifo: 0x00200000, socket: 0x00100000, setuid: 0x00080000, setgid: 0x00040000, sticky: 0x00010000 } as const;

/** Bits of Tgetattr's mask and of Rgetattr's valid (P9_STATS_*). */
export const GETATTR = { basic: 0x7ffn, btime: 0x800n, gen: 0x1000n, all: 0x3fffn } as const;

/** Bits of Tsetattr's valid (P9_ATTR_*). */
export const SETATTR = { mode: 1, uid: 2, gid: 4, size: 8, atime: 0x10, mtime: 0x20, ctime: 0x40, atimeSet: 0x80, mtimeSet: 0x100 } as const;

/** Flags of Txattrcreate (XATTR_CREATE, XATTR_REPLACE). */
export const XATTR = { create: 1, replace: 2 } as const;

/** Tunlinkat's flag for directories (AT_REMOVEDIR). */
export const REMOVE_DIR = 0x200;

/** Types and answers of Tlock and Tgetlock. */
export const LOCK = { read: 0, write: 1, unlock: 2, success: 0, blocked: 1, error: 2 } as const;
