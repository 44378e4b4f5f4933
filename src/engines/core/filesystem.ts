import type { BlockDevice } from './bytes/device.ts';
import type { Place } from './errors.ts';
import type { Structures } from './layout/annotate.ts';
import type { Name } from './names.ts';
import type { Writer } from './writer.ts';

/** Engines answer at once; guests answer later. A caller that cares for speed tests before it awaits. */
export type Maybe<T> = T | Promise<T>;

/** An opaque number for a node (inode), good for as long as the filesystem is open. Hard links share one. */
export type NodeId = number;

export type EntryType = 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';

/** What stat(2) tells, in our units. Fields may be computed when they are asked for. */
export interface Stat {
  readonly node: NodeId;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. A symlink's is the length of its target. */
  readonly size: number;
  readonly nlink: number;
  /** Times in nanoseconds since 1970-01-01 UTC. */
  readonly mtime: bigint;
  readonly atime: bigint;
  readonly ctime: bigint;
  /** Creation, where the format keeps it. */
  readonly btime?: bigint;
  /** Bytes allocated on the device. */
  readonly allocated: number;
  /** For char and block devices. */
  readonly device?: { readonly major: number; readonly minor: number };
  /** The format's own flags by their usual names: "immutable", "append", "encrypted", "verity", "casefold" … */
  readonly flags: readonly string[];
}

export interface DirEntry {
  readonly name: Name;
  readonly node: NodeId;
  /** As the directory says it; undefined where the format does not keep it there. */
  readonly type: EntryType | undefined;
}

/** Where a listing goes on. Opaque; good for as long as the filesystem is open. */
export type Cursor = number | string;

/** A part of a directory. "." and ".." are left out. */
export interface ListBatch {
  readonly entries: readonly DirEntry[];
  /** Absent at the end. */
  readonly next?: Cursor;
}

/** Something noticed that does not stop the work: a bad checksum, a backup that was used. */
export interface Note {
  readonly severity: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly place?: Place;
}

export type VolumeState = 'clean' | 'dirty' | 'needs-recovery' | 'errors';

/** One thing that a filesystem may use or not, in the format's own terms. */
export interface VolumeFeature {
  readonly name: string;
  /** What the format says about those who don't know it: "compat", "incompat", "ro-compat" in ext2/3/4. */
  readonly group: string;
  /** How far we go with it. */
  readonly support: 'supported' | 'read-only' | 'refused';
  /** What it changes, in a few words. */
  readonly what: string;
}

/** Facts that only a format itself can tell, under a heading, for people: [label, value] in order. */
export interface Section {
  readonly title: string;
  readonly facts: readonly (readonly [label: string, value: string])[];
}

/** A filesystem as a whole. Sizes in bytes. */
export interface VolumeInfo {
  /** The format's id in the registry ("ext4"), as probing named it: ext2 and ext3 are told apart by their features. */
  readonly format: string;
  readonly label: string;
  /** In the format's usual spelling; empty where it has none. */
  readonly uuid: string;
  readonly size: number;
  readonly free: number;
  readonly blockSize: number;
  readonly state: VolumeState;
  /** By the format's own names, in its own order. */
  readonly features: readonly string[];
  /** The same features with what each means, where the engine says so. */
  readonly featureDetails?: readonly VolumeFeature[];
  /** Files and directories in all, and free inodes, where the format counts them. */
  readonly inodes?: { readonly total: number; readonly free: number };
  /** More about the volume for its properties page, in order: [label, value]. */
  readonly details: readonly (readonly [string, string])[];
  /** How far we go with it, and why not further. */
  readonly access: { readonly write: boolean; readonly reason: string };
}

/**
 * A tree of files. Node based, so that 9P fids, FUSE inodes, hard links and open-then-rename are all possible.
 * Capabilities beyond reading are facets: a caller narrows, nothing throws 'not supported'.
 * Every method may throw (or reject with) a DiskError.
 */
export interface FileSystem {
  readonly info: VolumeInfo;
  readonly root: NodeId;
  /** @throws usage ENOTDIR when `dir` is not a directory */
  lookup(dir: NodeId, name: Name): Maybe<NodeId | undefined>;
  stat(node: NodeId): Maybe<Stat>;
  /** Batches, resumable: a directory of a million entries is not one array. */
  list(dir: NodeId, cursor?: Cursor): Maybe<ListBatch>;
  /** Fills `into` from byte `at` of the file; returns the bytes read, less than asked only at the end of the file. */
  read(node: NodeId, at: number, into: Uint8Array): Maybe<number>;
  readlink(node: NodeId): Maybe<Name>;
  /** Forgets everything; the device below stays open. */
  close(): Maybe<void>;
  readonly xattrs?: Xattrs;
  readonly extents?: FileExtents;
  readonly subvolumes?: Subvolumes;
  /** There only when it was opened for writing (OpenContext.write), and its features let us. */
  readonly writer?: Writer;
  /** What the bytes of the device are, for the hex view. */
  readonly structures?: Structures;
  /**
   * What the format knows of a node beyond its Stat, for its properties: checksums, how its blocks are mapped, how a directory is
   * indexed. Few short sections; damage in a part of it is one of its facts. Values hold no control characters.
   */
  describe?(node: NodeId): Maybe<readonly Section[]>;
}

/** A tree of its own inside a filesystem: a subvolume of btrfs, a snapshot, a dataset. */
export interface Subvolume {
  /** The format's own number of it, in decimal; unique in the filesystem. */
  readonly id: string;
  /** Its path from the top of the filesystem, as the format names it; the last name alone where it has no path. */
  readonly path: Name;
  /** The id of the subvolume that holds it; absent at the top. */
  readonly parent?: string;
  readonly readOnly: boolean;
  /** A snapshot of another at a moment, rather than a tree that was begun empty. */
  readonly snapshot: boolean;
  /** The root of its tree, a node like any other of this filesystem. */
  readonly root: NodeId;
}

export interface Subvolumes {
  /** All of them but the top one (that is the filesystem's root), parents before children. Bounded by the engine. */
  list(): Maybe<readonly Subvolume[]>;
}

export interface Xattrs {
  /** Full names: "user.tag", "security.capability", "system.posix_acl_access". */
  list(node: NodeId): Maybe<readonly Name[]>;
  /** Values in the form the Linux kernel hands out (ACLs as its version 2 blob). undefined when there is none of that name. */
  get(node: NodeId, name: Name): Maybe<Uint8Array | undefined>;
}

/** A run of a file, in bytes. */
export interface FileExtent {
  /** Offset in the file. */
  readonly logical: number;
  readonly length: number;
  /** Offset on the engine's device; undefined where the bytes do not lie there one to one (inline, compressed, encrypted). */
  readonly physical: number | undefined;
  /** Allocated but reads as zeros. */
  readonly unwritten?: boolean;
}

export interface FileExtents {
  /** The file's data runs in order; what they leave out is holes. The last may reach past the file's size. */
  map(node: NodeId): Maybe<Iterable<FileExtent>>;
  /** The device that `physical` is an offset on. */
  readonly device: BlockDevice;
}
