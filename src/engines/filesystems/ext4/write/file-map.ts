/** Logical blocks of a file that lie together on the device. */
export interface MappedRun {
  readonly logical: number;
  readonly count: number;
  /** The filesystem block of the first. */
  readonly physical: number;
  /** Allocated but reads as zeros. */
  readonly unwritten: boolean;
}

/** The map of a file while it is changed: an extent tree, or block numbers. Takes and gives blocks of its own; those that it maps are the caller's. */
export interface FileMap {
  /** The block that would lie right for `logical`, after what is mapped near it; undefined where nothing is. */
  goal(logical: number): number | undefined;
  /** Maps a hole. @throws DiskError usage ENOSPC */
  insert(run: MappedRun): void;
  /**
   * Unmaps [start, end) from its end on: `cut` is told of each run that goes, and says whether to go on.
   * @throws DiskError usage ENOSPC when a cut in the middle of an extent needs another block for the tree
   */
  remove(start: number, end: number, cut: (run: MappedRun) => boolean): void;
}
