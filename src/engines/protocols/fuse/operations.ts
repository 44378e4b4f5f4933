import { readdir, readdirplus } from './directory.ts';
import { OP } from './layout.ts';
import { getattr, lookup, readlink, statfs, statx } from './looking.ts';
import { opendir, read, release } from './reading.ts';
import type { Operation } from './session.ts';

/** What answers each opcode. Those that are not here are ENOSYS: the kernel does not ask again, and does what it does without them. */
export const OPERATIONS: readonly (Operation | undefined)[] = table({
  LOOKUP: lookup, GETATTR: getattr, STATX: statx, READLINK: readlink, STATFS: statfs,
  READ: read, OPENDIR: opendir, READDIR: readdir, READDIRPLUS: readdirplus, RELEASE: release, RELEASEDIR: release,
});

/** Those that change nothing: they may be given up in the middle. */
export const READING: ReadonlySet<number> = new Set([OP.LOOKUP, OP.GETATTR, OP.STATX, OP.READLINK, OP.STATFS, OP.READ, OP.READDIR, OP.READDIRPLUS, OP.GETXATTR, OP.LISTXATTR, OP.LSEEK]);

function table(operations: { readonly [Name in keyof typeof OP]?: Operation }): (Operation | undefined)[] {
  const all: (Operation | undefined)[] = [];
  for (const [name, operation] of Object.entries(operations)) all[OP[name as keyof typeof OP]] = operation;
  return all;
}
