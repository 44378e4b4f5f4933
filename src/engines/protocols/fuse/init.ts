import type { FileSystem } from '../../core/filesystem.ts';
import { INIT_FLAG, INIT_FLAG2, InitIn, InitInExt, InitOut, InHeader, MAJOR, MINOR, OLDEST_MINOR, WriteIn } from './layout.ts';
import { type Replies, REPLY_HEADER } from './replies.ts';
import type { Request } from './request.ts';

/** What was agreed on with the kernel. */
export interface Agreement {
  /** The smaller one of the two minor versions. */
  readonly minor: number;
  /** INIT_FLAG. */
  readonly flags: number;
  /** INIT_FLAG2. */
  readonly flags2: number;
  /** Bytes of one WRITE at most. */
  readonly maxWrite: number;
}

/** Bytes of one READ or WRITE at most: what kernels take (FUSE_MAX_MAX_PAGES, 256 pages of 4 KiB). */
const MOST = 1 << 20;
const PAGE = 4096;
/** Requests that the kernel has under way at once for reading ahead and writing back, and from where on it takes the device for congested. */
const BACKGROUND = 64;
const EPROTO = 71;

/**
 * What we take of what a kernel offers.
 *
 * No WRITEBACK_CACHE: with it the kernel holds its own size and times of a file for the truth as long as it knows the file (fs/fuse/inode.c,
 * fuse_change_attributes), so that what the window changes would never be seen, and written bytes would be lost with the machine that a `write` has
 * reported as done. Shared mappings are written back all the same.
 *
 * EXPLICIT_INVAL_DATA where it is offered: contents are forgotten when we say so (invalidation.ts), not whenever a time of modification is another one, which is
 * after each write of the kernel's own.
 *
 * POSIX_ACL where the tree has attributes: engines keep ACLs in the kernel's form, hand them down and keep them and the mode in step (core/writer.ts). The umask is
 * then ours to apply (DONT_MASK), since it does not count below a default ACL. Not where permissions are not checked: with it the kernel would check them
 * (fs/fuse/inode.c, process_init_reply). ACLs come and go as other attributes then.
 *
 * HANDLE_KILLPRIV_V2: without it the kernel asks for security.capability before each write.
 */
function wanted(fs: FileSystem, unchecked: boolean): number {
  const { writer, xattrs } = fs;
  return INIT_FLAG.ASYNC_READ | INIT_FLAG.BIG_WRITES | INIT_FLAG.DO_READDIRPLUS | INIT_FLAG.READDIRPLUS_AUTO | INIT_FLAG.ASYNC_DIO | INIT_FLAG.PARALLEL_DIROPS
    | INIT_FLAG.NO_OPEN_SUPPORT | INIT_FLAG.MAX_PAGES | INIT_FLAG.CACHE_SYMLINKS | INIT_FLAG.AUTO_INVAL_DATA | INIT_FLAG.EXPLICIT_INVAL_DATA | INIT_FLAG.INIT_EXT
    | (xattrs === undefined || unchecked ? 0 : INIT_FLAG.POSIX_ACL)
    | (writer === undefined ? 0 : INIT_FLAG.ATOMIC_O_TRUNC | INIT_FLAG.DONT_MASK | INIT_FLAG.HANDLE_KILLPRIV_V2 | INIT_FLAG.SETXATTR_EXT);
}

/**
 * Answers INIT.
 * @param room bytes of the largest request that the channel hands over
 * @param unchecked the mount is one without `default_permissions`
 * @returns what was agreed on; undefined when the kernel must ask again or is refused
 */
export function agree(request: Request, replies: Replies, fs: FileSystem, room: number, unchecked: boolean): Agreement | undefined {
  const asked = request.body(InitIn);
  const answer = InitOut.over(replies.blank(InitOut.size), REPLY_HEADER);
  if (asked.major < MAJOR || (asked.major === MAJOR && asked.minor < OLDEST_MINOR)) {
    replies.fail(request, EPROTO);
    return undefined;
  }
  answer.major = MAJOR;
  answer.minor = MINOR;
  if (asked.major > MAJOR) {
    // It asks again, in the version that we said.
    replies.sendShort(request, InitOut.size);
    return undefined;
  }
  const extended = (asked.flags & INIT_FLAG.INIT_EXT) !== 0;
  let flags = asked.flags & wanted(fs, unchecked);
  if ((flags & INIT_FLAG.EXPLICIT_INVAL_DATA) !== 0) flags &= ~INIT_FLAG.AUTO_INVAL_DATA;
  const flags2 = extended ? request.body(InitInExt).flags2 & INIT_FLAG2.HAS_EXPIRE_ONLY : 0;
  const least = InHeader.size + WriteIn.size;
  // Whole pages, also with a kernel that has never heard of MAX_PAGES: 32 of them.
  const most = (flags & INIT_FLAG.MAX_PAGES) === 0 ? 32 * PAGE : MOST;
  const maxWrite = Math.max(PAGE, Math.min(most, Math.floor((room - least) / PAGE) * PAGE));
  answer.max_readahead = asked.max_readahead;
  answer.flags = flags;
  answer.flags2 = flags2;
  answer.max_background = BACKGROUND;
  answer.congestion_threshold = BACKGROUND * 3 / 4;
  answer.max_write = maxWrite;
  answer.time_gran = 1;
  // Also the most of one READ, which is not bounded by the room.
  answer.max_pages = (flags & INIT_FLAG.MAX_PAGES) === 0 ? 0 : MOST / PAGE;
  replies.sendShort(request, InitOut.size);
  return { minor: Math.min(asked.minor, MINOR), flags, flags2, maxWrite };
}
