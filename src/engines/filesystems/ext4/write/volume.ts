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
  readonly quota: Quota;
  readonly access: WriteAccess;
  note(note: Note): void;
  /** The primary superblock to be changed; its checksum is made at the commit. Backups keep what mke2fs and e2fsck keep in them. */
  editSuperblock(): View<typeof Ext4SuperBlock>;
}

/** The inode tables. */
export interface Inodes {
  /** As readers see it, with what the running operation changed. @throws DiskError corrupt */
  get(node: number): Inode;
  /** The raw inode to be changed, good until the operation ends; its checksum is made at the end of the operation. @throws DiskError corrupt */
  edit(node: number): Ext4InodeView;
  /**
   * A new inode: zeroed, with its generation, times and i_extra_isize set, marked in the bitmap, counted in descriptor and superblock, charged
   * to its owner's quota. Directories are spread as Orlov's allocator does, files lie with their directory.
   * @throws DiskError usage ENOSPC
   */
  allocate(parent: number, mode: number, owner: { readonly uid: number; readonly gid: number; readonly project: number }): { readonly node: number; readonly inode: Ext4InodeView };
  /** The inode is free again: i_dtime set, bitmap, counts and quota. Its blocks were freed before. */
  free(node: number): void;
}

/** The block bitmaps. Numbers are blocks; with bigalloc whole clusters are taken and given. */
export interface Allocator {
  /**
   * A run of free blocks, marked as used: `wanted` of them if there are so many together, else the longest near the goal.
   * Blocks that were freed since the last commit are not given while the device could lose power.
   * @param goal the block that would be best: the one after the file's last, or the start of the inode's group
   * @throws DiskError usage ENOSPC; reserved blocks are not given
   */
  allocate(goal: number, wanted: number): { readonly block: number; readonly count: number };
  free(block: number, count: number): void;
  /** Whether `count` blocks are free beyond the reserved ones. */
  has(count: number): boolean;
}

/** The blocks of inodes: extents, indirect blocks, inline data. i_blocks, i_size and quota follow. */
export interface Contents {
  /** Where an inode's blocks lie, with what the running operation changed. */
  mapping(node: number): Mapping;
  /**
   * Maps `count` logical blocks from `logical` on that are a hole, as many as it can in one run.
   * @param kind 'metadata' of a directory or a symlink: the caller fills them through the transaction; 'data': written with Transaction.writeData;
   * 'unwritten': allocated, read as zeros (extents alone)
   * @throws DiskError usage ENOSPC, EFBIG, EDQUOT as ENOSPC
   */
  allocate(node: number, logical: number, count: number, kind: 'metadata' | 'data' | 'unwritten'): { readonly block: number; readonly count: number };
  /** Frees the blocks from `logical` on, `count` of them or all to the end. Blocks of directories and extent blocks are forgotten by the transaction. */
  free(node: number, logical: number, count?: number): void;
  /** An empty map for a new inode: extents where the filesystem has them. */
  initialise(node: number): void;
  /** As Writer.write, truncate and allocate. They may be several operations, each of them whole. Inline data grows out where it must. */
  write(node: number, at: number, from: Uint8Array): number;
  truncate(node: number, size: number): void;
  reserve(node: number, at: number, length: number): void;
  punch(node: number, at: number, length: number): void;
}

/** Inodes that are to be freed, or cut to their size, if the power goes now: the list in the superblock, or the orphan file. */
export interface Orphans {
  add(node: number): void;
  remove(node: number): void;
}

/** What owners are charged with beyond the blocks of contents: for attributes, and when an owner changes. Without quota files only i_blocks follows. */
export interface Quota {
  /**
   * Counts an inode's attributes: its block of them, and values in inodes of their own, which count for who has them (those inodes themselves,
   * with EA_INODE_FL, are charged to nobody: neither when they are allocated or freed, nor their blocks).
   * @param blocks of the filesystem, whole clusters: i_blocks follows; negative where they are given back
   * @param inodes for values in inodes of their own
   */
  charge(node: number, blocks: number, inodes: number): void;
  /** Moves all that an inode is charged with to a new owner. The inode still says the old one; the caller changes it afterwards. */
  transfer(node: number, to: { readonly uid: number; readonly gid: number; readonly project: number }): void;
}
