import type { Note } from '../../../core/filesystem.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import type { Groups } from '../groups.ts';
import type { Inode } from '../inode.ts';
import type { Ext4InodeView, Ext4SuperBlock } from '../layout.ts';
import type { Mapping } from '../mapping.ts';
import type { Superblock } from '../superblock.ts';
import type { View } from '../../../core/layout/struct.ts';
import type { Transaction } from './transaction.ts';

/**
 * A filesystem that is being changed: what the recipes of the writer work with. Every change happens within an operation of its transaction;
 * state lives in the blocks, so that undoing an operation undoes all of it.
 */
export interface Volume {
  /** Geometry and features, as they were when it was opened: none of them changes while it is open. */
  readonly superblock: Superblock;
  readonly transaction: Transaction;
  /** Where bitmaps and tables lie, for readers. */
  readonly groups: Groups;
  readonly inodes: Inodes;
  readonly allocator: Allocator;
  readonly contents: Contents;
  readonly orphans: Orphans;
  readonly access: WriteAccess;
  /** Free blocks and inodes at this moment. */
  readonly free: { readonly blocks: number; readonly inodes: number };
  note(note: Note): void;
  /**
   * Transaction.operation for whatever allocates: when the space ended only because freed blocks wait for a commit, it commits and runs again
   * (not within another operation, which then tries again itself). What runs must not keep state of a first try.
   */
  operation<T>(run: () => T): T;
  /** The primary superblock to be changed; its checksum is made at the commit. Backups keep what mke2fs and e2fsck keep in them. */
  editSuperblock(): View<typeof Ext4SuperBlock>;
}

/** Whose an inode is. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** Project number; 0 without the project feature. */
  readonly project: number;
}

/** The inode tables. */
export interface Inodes {
  /** With what the running operation changed; it may have no links. Good until the inode is changed or the operation is undone. @throws DiskError corrupt */
  get(node: number): Inode;
  /**
   * The raw inode to be changed, good until the operation ends; its checksum is made at the end of the operation. Owners are changed by
   * setOwner, i_blocks by charge.
   * @throws DiskError corrupt, also when its checksum does not match
   */
  edit(node: number): Ext4InodeView;
  /**
   * A new inode: zeroed, with its mode, owner, generation, times and i_extra_isize set, marked in the bitmap, counted in descriptor and superblock,
   * charged to its owner's quota unless it is for the value of an attribute. It has no links, no flags (but EA_INODE_FL for those) and no map (Contents.initialise) yet. Directories are spread as Orlov's allocator does, files lie with their directory.
   * @throws DiskError usage ENOSPC
   */
  allocate(parent: number, mode: number, owner: Owner, forValue?: boolean): { readonly node: number; readonly inode: Ext4InodeView };
  /** The inode is free again: i_dtime set, bitmap, counts and quota. Its blocks were freed before. */
  free(node: number): void;
  ownerOf(inode: Inode): Owner;
  /**
   * chown, and the change of the project: what it uses is charged to the new owner.
   * @param inodes that it is charged with: itself, and one for each value of an attribute in an inode of its own
   */
  setOwner(node: number, owner: Owner, inodes?: number): void;
  /**
   * Adds to i_blocks and to the owner's quota: blocks that are an inode's, but not of its contents (attributes). Whole clusters, in blocks; negative when they are freed.
   * @param inodes values of attributes that lie in inodes of their own: those inodes (EA_INODE_FL) are charged to who has the attribute, not to their own owner
   */
  charge(node: number, blocks: number, inodes?: number): void;
}

/** Reserved blocks are not given for data, unless the volume was opened as root (see openVolume); metadata may use them. */
export type Purpose = 'data' | 'metadata';

/** The block bitmaps. Numbers are blocks; with bigalloc whole clusters are taken and given. */
export interface Allocator {
  /**
   * A run of free blocks, marked as used: at the goal where that is free, however few they are (they lengthen what lies before it); else
   * `wanted` of them if there are so many together, else a long run near the goal. It may be more than wanted with bigalloc.
   * Blocks that were freed in the running operation are not given, nor, while the device could lose power, since the last commit.
   * i_blocks and quota are the caller's (Inodes.charge).
   * @param goal the block that would be best: the one after the file's last, or the start of the inode's group
   * @throws DiskError usage ENOSPC
   */
  allocate(goal: number, wanted: number, purpose?: Purpose): { readonly block: number; readonly count: number };
  /** Blocks that hold metadata are to be forgotten by the transaction, too. @throws DiskError corrupt when they are free already, or the filesystem's own */
  free(block: number, count: number): void;
  /** Whether `count` blocks can be had now. */
  has(count: number, purpose?: Purpose): boolean;
  /** Blocks that are free after the next commit only. Volume.operation looks at it. */
  readonly waiting: number;
}

/** What newly mapped blocks are for. */
export type BlockKind = 'metadata' | 'data' | 'unwritten';

/** The blocks of inodes: extents, indirect blocks, inline data. i_blocks and quota follow. */
export interface Contents {
  /** Where an inode's blocks lie, with what the running operation changed; good until the inode is changed. Not for inline data. */
  mapping(node: number): Mapping;
  /**
   * Maps `count` logical blocks from `logical` on that are a hole, as many as it can in one run. i_size is the caller's (setSize).
   * @param kind 'metadata' of a directory or a symlink: the caller fills them through the transaction (fresh); 'data': written with
   * Transaction.writeData, all of them; 'unwritten': allocated, read as zeros (extents alone)
   * @throws DiskError usage ENOSPC, EFBIG
   */
  allocate(node: number, logical: number, count: number, kind: BlockKind): { readonly block: number; readonly count: number };
  /** Frees the blocks from `logical` on, `count` of them or all to the end, in this operation. Blocks of directories and extent blocks are forgotten by the transaction. */
  free(node: number, logical: number, count?: number): void;
  /**
   * Frees blocks from the end of the file on down to `logical`, as many as one operation should: large files take several, with the inode in
   * the list of orphans meanwhile. @returns whether all of them are free
   */
  freeSome(node: number, logical: number): boolean;
  /** An empty map for a new inode: extents where the filesystem has them. */
  initialise(node: number): void;
  /**
   * Packs the extent trees of files that were changed here and there, which are wider than they need to be: before a commit that somebody asked
   * for. Not within an operation.
   */
  settle(): void;
  /** i_size, and the superblock's large_file where it is the first. */
  setSize(node: number, size: number): void;
  /**
   * As Writer.write, truncate and allocate, for regular files. They may be several operations, each of them whole. mtime and ctime follow.
   * Inline data grows out where it must.
   */
  write(node: number, at: number, from: Uint8Array): number;
  /** The contents of a new file, as a part of the operation that makes it. */
  fill(node: number, bytes: Uint8Array): void;
  truncate(node: number, size: number): void;
  reserve(node: number, at: number, length: number): void;
  punch(node: number, at: number, length: number): void;
}

/** Inodes that are to be freed, or cut to their size, if the power goes now: the list in the superblock, or the orphan file. */
export interface Orphans {
  /** Takes over what a power cut left, when the filesystem is opened. @returns their numbers in the order in which they are dealt with @throws DiskError corrupt */
  adopt(): readonly number[];
  /** Nothing when it is there already. */
  add(node: number): void;
  /** Nothing when it is not there. Before the inode is freed. */
  remove(node: number): void;
}
