import type { Note } from '../../../core/filesystem.ts';

/** A journal as blocks: of the journal inode, or of an external device. */
export interface JournalSource {
  /** Bytes: the filesystem's block size. */
  readonly blockSize: number;
  /** Blocks that the journal's inode (or device) has. */
  readonly count: number;
  /** @throws DiskError when the block cannot be read or is not mapped */
  block(logical: number): Uint8Array;
  /** Byte offset on the device, for notes and for copying in place. */
  physical(logical: number): number;
}

/** The filesystem's blocks as they will be after recovery: a map over the image, which is not touched. */
export interface JournalMap {
  /** The journal has transactions that the filesystem has not (s_start is not 0). */
  readonly dirty: boolean;
  /** The sequence numbers of the first transaction, and of the one after the last that is valid. */
  readonly firstSequence: number;
  readonly endSequence: number;
  /** Filesystem blocks that have a newer copy here. */
  readonly size: number;
  /** s_errno: the filesystem aborted with this error (a positive errno); 0 = none. */
  readonly errno: number;
  /** What stands in the journal for filesystem block `block`, or undefined where the image's own block is the newest. */
  get(block: number): Uint8Array | undefined;
  /** Byte offset on the journal's device where those bytes lie unchanged; undefined where there is no copy, or an escaped one. */
  at(block: number): number | undefined;
  /** Block numbers with a newer copy. */
  blocks(): Iterable<number>;
}

export type NoteSink = (note: Note) => void;
