import type { FileSystem, NodeId } from './filesystem.ts';

/** What somebody else changed in a tree: caches of it must forget. */
export type TreeChanged =
  /** Anything may be different. Node numbers stay what they were, where the node is still there. */
  | { readonly what: 'all' }
  | {
    readonly what: 'nodes';
    /** Whose entries are not what they were. */
    readonly folders: readonly NodeId[];
    /** Whose contents or Stat are not what they were. */
    readonly nodes: readonly NodeId[];
  };

/** A tree that is handed to other programs (a mount, a server), while its owner goes on using and changing it. */
export interface ServedTree {
  /**
   * Outlives the filesystem that it stands for: that may be opened anew (unlock, undo) meanwhile, and calls wait for it. Has a writer when it is served
   * for writing.
   */
  readonly fs: FileSystem;
  /** Calls `run` after changes by others than those it is served to. @returns ends that */
  onChange(run: (change: TreeChanged) => void): () => void;
}
