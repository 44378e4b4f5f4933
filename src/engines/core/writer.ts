import type { EntryType, Maybe, NodeId } from './filesystem.ts';
import type { Name } from './names.ts';

/**
 * What a new node begins with. Times are nanoseconds since 1970; those left out are the moment it is made. An owner left out is 0. Where the
 * directory hands down an ACL, the node gets it with the mode that is given here.
 */
export interface NewNode {
  /** Permission bits with setuid, setgid and sticky: 12 bits. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: bigint;
  readonly atime?: bigint;
  readonly btime?: bigint;
}

/** What is to be changed of a node; what is left out stays. The change time is the moment of the change. */
export interface Changes extends Partial<NewNode> {
  /** The format's flags that a person may set, by the names of Stat.flags; the whole set of them. */
  readonly flags?: readonly string[];
  /** Overrides the moment, for copies that keep it where the format can. */
  readonly ctime?: bigint;
}

/** How a rename deals with a name that is there: as renameat2(2) without flags, with RENAME_NOREPLACE, with RENAME_EXCHANGE. */
export type RenameMode = 'replace' | 'keep' | 'exchange';

/** What names a filesystem takes, so that a client can explain while somebody types. */
export interface NameRules {
  /** Longest name, in `unit`s. */
  readonly longest: number;
  readonly unit: 'bytes' | 'UTF-16 units';
  /** Characters that no name may hold, beside "/" and NUL, which none may. */
  readonly forbidden: string;
  readonly caseSensitive: boolean;
}

/** What a filesystem can't keep of a node, where it can't keep all of it. */
export interface Limits {
  /** Nanoseconds since 1970 that it can tell; others become the nearest. */
  readonly times: { readonly from: bigint; readonly to: bigint; /** It counts in steps of so many nanoseconds. */ readonly step: bigint };
  /** Bytes of a file. */
  readonly largest: number;
}

/**
 * Changing a tree of files. Every method is one operation: it happens as a whole or, when it throws, not at all (a `write` may have written a
 * first part, and then answers how much). Errors are DiskErrors of kind usage with the errno that Linux would give: EEXIST, ENOENT, ENOTEMPTY,
 * ENOSPC, EMLINK, EPERM for an immutable node; unsupported where the format's rules can't be kept.
 */
export interface Writer {
  readonly names: NameRules;
  /** For whoever says before a copy what it would lose. Absent where nothing is lost that files have. */
  readonly limits?: Limits;
  /** An empty regular file. */
  create(dir: NodeId, name: Name, node: NewNode): Maybe<NodeId>;
  /**
   * A regular file with all of its contents: as create, write and change, which sets mode and times again. Absent where one operation saves nothing
   * over three. @throws ENOSPC also where those would do it in several steps
   */
  put?(dir: NodeId, name: Name, node: NewNode, contents: Uint8Array): Maybe<NodeId>;
  mkdir(dir: NodeId, name: Name, node: NewNode): Maybe<NodeId>;
  symlink(dir: NodeId, name: Name, target: Name, node: NewNode): Maybe<NodeId>;
  /** `device` for char and block alone. */
  mknod(dir: NodeId, name: Name, type: Extract<EntryType, 'char' | 'block' | 'fifo' | 'socket'>, node: NewNode, device?: { readonly major: number; readonly minor: number }): Maybe<NodeId>;
  /** One more name for a node that is no directory. */
  link(dir: NodeId, name: Name, node: NodeId): Maybe<void>;
  /** Takes a name away; the node goes with its last name, unless it is held. @throws usage EISDIR for a directory */
  unlink(dir: NodeId, name: Name): Maybe<void>;
  /** @throws usage ENOTEMPTY, ENOTDIR */
  rmdir(dir: NodeId, name: Name): Maybe<void>;
  rename(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, mode: RenameMode): Maybe<void>;
  /** Writes at byte `at`, past the end as well (what lies between is a hole). @returns bytes written: all, unless the space ended */
  write(node: NodeId, at: number, from: Uint8Array): Maybe<number>;
  /** Cuts the file, or lets it grow by a hole. Bytes. */
  truncate(node: NodeId, size: number): Maybe<void>;
  /** 'reserve': blocks are allocated and read as zeros, the size grows where they reach past it; 'punch': they become a hole. Bytes. */
  allocate?(node: NodeId, at: number, length: number, how: 'reserve' | 'punch'): Maybe<void>;
  change(node: NodeId, changes: Changes): Maybe<void>;
  /** Values in the form of Xattrs.get. `how`: only as a new one, or only in place of one that is there. @throws usage ENOSPC, EEXIST, ENODATA, ERANGE, ENOTSUP */
  setXattr(node: NodeId, name: Name, value: Uint8Array, how?: 'create' | 'replace'): Maybe<void>;
  /** @throws usage ENODATA */
  removeXattr(node: NodeId, name: Name): Maybe<void>;
  /** A node that is held outlives its last name, as an open file does, until it was released as often as it was held. */
  hold(node: NodeId): Maybe<void>;
  release(node: NodeId): Maybe<void>;
  /** Everything before is durable on the device when it returns. */
  sync(): Maybe<void>;
}
