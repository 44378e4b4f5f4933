import type { Extent } from '../../engines/core/bytes/device.ts';
import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { Maybe } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';

/**
 * Changing an image: `ImageSession.editing`. What an interrupted Apply left is dealt with while the image is opened: `ImageSession.recovery`.
 * `ImageSession.close()` throws busy while changes are pending, unless it is told `{ discard: true }`.
 *
 * It opens for reading; unlocked, everything that is written goes to an overlay and the image stays as it is until the
 * changes are applied, all of them or none. Or, `direct`, it is written to at once.
 *
 * ```
 *             unlock                    operation, undo, redo
 * read-only ─────────► editing (no changes) ◄──────────► editing (changes pending)
 *           ◄─────────                      ◄──────────
 *              lock                       apply, discard
 * ```
 *
 * unlock, lock, undo, redo and discard open the filesystems anew: `session.layers` is another tree afterwards, and what is held of the old
 * one is closed. Node numbers are the format's own and stay what they were. apply and saveAs open nothing anew.
 * All methods wait for one another: a second operation begins when the first one ended.
 */
export interface Editing {
  readonly state: EditState;
  /** Operations, undo, apply and so on that are under way or wait. */
  readonly busy: number;
  /**
   * Makes the image writable, once: when it is so already, it is looked at whether the way is the same.
   * @throws DiskError busy when another program has it (QEMU, a mount, a loop device, another Clutch); unsupported when nothing in it can be
   * written; usage EACCES with `direct` when the file may not be written to; usage EINVAL when it is unlocked the other way
   */
  unlock(how?: UnlockOptions): Promise<void>;
  /** Back to reading, and the lock is given back. @throws DiskError busy while changes are pending */
  lock(): Promise<void>;
  /**
   * One operation of the person: what `work` writes becomes one step that can be undone. The filesystems' writers are synced after it, so
   * that the overlay has all of it. `work` finds the writers at `session.select(…).filesystem.writer`; it must not wait for another call of
   * the editing, which waits for its end.
   *
   * When `work` throws, what it did until then stays, as a step of its own; a `raw` one is taken back wholly, and so is any that the overlay has no
   * room for.
   * @throws what `work` throws; DiskError usage EROFS when the image is not unlocked; busy when the image was changed by another program
   */
  operation<T>(what: OperationStart, work: () => Maybe<T>): Promise<T>;
  /** Takes the last operation back. @returns it; undefined when there is none */
  undo(): Promise<EditOperation | undefined>;
  /** Makes the operation again that was undone last. @returns it; undefined when there is none */
  redo(): Promise<EditOperation | undefined>;
  /** What is pending. */
  review(): Promise<Review>;
  /**
   * Writes the changes to the image, all or none, whatever happens meanwhile: an Apply that is interrupted is finished or taken back when the image is
   * opened next. The image stays unlocked; there is nothing to undo any more. Until the changes are safe in the file beside the image
   * (the job's progress is in its first half), it can be cancelled.
   * @throws DiskError with the state's `cannotApply`; busy when another program changed the image; usage ENOSPC, EACCES; io; cancelled
   */
  apply(job?: JobContext): Promise<Applied>;
  /** Throws the changes away. The image stays unlocked. */
  discard(): Promise<void>;
  /**
   * A new image file with the changes in it, also when another program moved or deleted the image meanwhile; the image and the pending changes stay as they are. Holes stay holes. For a packed image it
   * is the unpacked one. The file appears when it is whole. Where another program wrote to the image meanwhile, the job's log warns that both may not fit together.
   * @param path absolute
   * @throws DiskError usage EEXIST unless `replace`; EINVAL for a file that the image is made of; ENOSPC; io; cancelled
   */
  saveAs(path: string, how?: { readonly replace?: boolean; readonly job?: JobContext }): Promise<void>;
  /** Calls `run` after every change of the state. @returns ends that */
  onChange(run: () => void): () => void;
  /** Calls `run` when somebody begins to wait for what is under way: an operation that could go on for long may end then. @returns ends that */
  onWaiting(run: () => void): () => void;
}

/** Whether an image can be changed, and what is pending. Plain data. */
export type EditState =
  | {
    readonly state: 'read-only';
    /** Why it can't be unlocked, as far as that is known without trying; absent where it can. */
    readonly refused?: DiskErrorData;
  }
  | {
    readonly state: 'editing';
    readonly how: 'staged' | 'direct';
    /** Bytes of changed pages, with what opening for writing changed by itself: a journal that was replayed. */
    readonly changedBytes: number;
    /** Operations that are pending: with none of them nobody would miss anything. */
    readonly operations: number;
    /** What undo and redo would take. */
    readonly undo?: EditOperation;
    readonly redo?: EditOperation;
    /** Why changes can't be applied to the image itself, but saved as a new one. */
    readonly cannotApply?: DiskErrorData;
    /** Another program changed the image meanwhile: the changes may not fit any more, and can only be saved as a new image, or discarded. */
    readonly changedUnderneath?: DiskErrorData;
    /**
     * An Apply failed when the image was changed in part. Another Apply, or the next opening, brings it to its end by the file `sidecar`: to its new state, or,
     * `wayBack`, most often to its old one. Then the changes are nowhere but here, and lost when the image is closed.
     */
    readonly unfinished?: { readonly sidecar: string; readonly wayBack: boolean };
  };

export interface UnlockOptions {
  /** Writes go to the image at once, and are made safe by the filesystem's own journal. There is no undo, no review and no discard. */
  readonly direct?: boolean;
  /**
   * Also when nothing in it can be written to, for operations that are `raw`: to make a filesystem. An image with a damaged filesystem is unlocked
   * without it: that can be repaired, and then be written to.
   */
  readonly repair?: boolean;
  readonly job?: JobContext;
}

/** What an operation is called. */
export interface OperationStart {
  /** For people, in the past: "Renamed a to b". Names in it are as they are: who shows it escapes them. */
  readonly text: string;
  /** The layer that it changes. */
  readonly layer: string;
  /**
   * It writes to the layer's device itself, past the filesystem that is open over it (a repair): the filesystems are opened anew after it,
   * and when it throws, all that it wrote is taken back.
   */
  readonly raw?: boolean;
  /** It goes on with the last one, where that has the same text and layer: both are one step of undo. */
  readonly joins?: boolean;
}

/** Something that was done and is pending. Plain data. */
export interface EditOperation {
  /** Unique as long as the image is open. */
  readonly id: number;
  readonly text: string;
  readonly layer: string;
  /** Bytes of the pages that it changed. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** What is pending, told in full. Plain data. */
export interface Review {
  /** In order. Those that were undone are no part of it. */
  readonly operations: readonly EditOperation[];
  /** Bytes of changed pages in all. */
  readonly changedBytes: number;
  /** Where the changes lie, by layer; what lies in no volume (a partition table) is the outermost layer's. Layers without changes are left out. */
  readonly layers: readonly ReviewedLayer[];
}

export interface ReviewedLayer {
  readonly path: string;
  readonly title: string;
  readonly changedBytes: number;
  /** Offsets in the layer, in order; the first ones, when there are more than MOST_EXTENTS. */
  readonly extents: readonly Extent[];
  /** How many there are in all. */
  readonly extentCount: number;
}

/** Extents of one layer that a review tells. */
export const MOST_EXTENTS = 1000;

/** What an Apply has done. */
export interface Applied {
  /** Bytes that were written to the image: sectors that differ. */
  readonly bytes: number;
}

/** What became of an Apply that was interrupted, found when the image was opened. Plain data. */
export interface Recovery {
  /**
   * finished: the image has all of the changes now. unchanged: it was interrupted before the image was touched, or after all was done; or it was taken back.
   * foreign: the file beside the image belongs to another one, or the image was changed since; it was left alone, and so was the image.
   * damaged: the file beside the image can't be read, though the image may be half changed. impossible: it could not be finished or taken back now.
   */
  readonly state: 'finished' | 'unchanged' | 'foreign' | 'damaged' | 'impossible';
  /** What that means, in a sentence or two. */
  readonly message: string;
  /** The file that the changes were kept in. */
  readonly sidecar: string;
  /** Why it is impossible. */
  readonly error?: DiskErrorData;
}
