import { setattr } from './changing.ts';
import { readdir, readdirplus } from './directory.ts';
import { OP } from './layout.ts';
import { getattr, lookup, readlink, statfs, statx } from './looking.ts';
import { link, mkdir, mknod, rename, rename2, rmdir, symlink, unlink } from './making.ts';
import { opendir, read, release } from './reading.ts';
import type { Operation } from './session.ts';
import { fallocate, lseek } from './space.ts';
import { create, fsync, open, syncfs, write } from './writing.ts';
import { getxattr, listxattr, removexattr, setxattr } from './xattrs.ts';

/** What answers each opcode. Those that are not here are ENOSYS: the kernel does not ask again, and does what it does without them. */
export const OPERATIONS: readonly (Operation | undefined)[] = table({
  LOOKUP: lookup, GETATTR: getattr, STATX: statx, READLINK: readlink, STATFS: statfs,
  OPEN: open, READ: read, RELEASE: release, OPENDIR: opendir, READDIR: readdir, READDIRPLUS: readdirplus, RELEASEDIR: release,
  GETXATTR: getxattr, LISTXATTR: listxattr, LSEEK: lseek,
  SETATTR: setattr, SYMLINK: symlink, MKNOD: mknod, MKDIR: mkdir, UNLINK: unlink, RMDIR: rmdir, RENAME: rename, RENAME2: rename2, LINK: link,
  CREATE: create, WRITE: write, FALLOCATE: fallocate, SETXATTR: setxattr, REMOVEXATTR: removexattr, FSYNC: fsync, FSYNCDIR: fsync, SYNCFS: syncfs,
});

/** Those that change nothing: they may be given up in the middle. */
export const READING: ReadonlySet<number> = new Set([OP.LOOKUP, OP.GETATTR, OP.STATX, OP.READLINK, OP.STATFS, OP.READ, OP.READDIR, OP.READDIRPLUS, OP.GETXATTR, OP.LISTXATTR, OP.LSEEK]);

function table(operations: { readonly [Name in keyof typeof OP]?: Operation }): (Operation | undefined)[] {
  const all: (Operation | undefined)[] = [];
  for (const [name, operation] of Object.entries(operations)) all[OP[name as keyof typeof OP]] = operation;
  return all;
}
