import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { EntryType, Note, VolumeState } from '../../engines/core/filesystem.ts';
import type { Layer } from '../../engines/core/layers.ts';

/** What crosses the border between a host and its clients: plain data only. */

/** What of a layer is plain data, as it stands there. */
type PlainLayer = Pick<Layer, 'path' | 'kind' | 'format' | 'title' | 'label' | 'uuid' | 'offset' | 'size' | 'evidence' | 'alternatives' | 'openers' | 'details'>;

/** A layer of an open image, parents before children. */
export interface LayerRow extends PlainLayer {
  readonly notes: readonly Note[];
  readonly error?: DiskErrorData;
  /** For volumes of a table. */
  readonly volume?: { readonly number?: number; readonly kind: string; readonly typeId: string; readonly flags: readonly string[] };
  /** For filesystems. */
  readonly filesystem?: {
    readonly root: number;
    readonly free: number;
    readonly blockSize: number;
    readonly state: VolumeState;
    readonly features: readonly string[];
    readonly inodes?: { readonly total: number; readonly free: number };
    readonly access: { readonly write: boolean; readonly reason: string };
  };
}

/** An open image. */
export interface ImageInfo {
  /** The file's name without its folder. */
  readonly name: string;
  /** The file's whole path on this computer, for showing. */
  readonly path: string;
  /** Bytes of the file (or of the set of files). */
  readonly size: number;
  readonly layers: readonly LayerRow[];
  /** "gzip › GPT › ext4 (clean)". */
  readonly summary: string;
}

/** A thing in an image: a filesystem's layer path and a node of it. */
export interface Handle {
  readonly layer: string;
  readonly node: number;
}

/** A row of the grid. */
export interface EntryRow {
  readonly node: number;
  /** Lossless; never shown as it is (see `display`). */
  readonly name: string;
  /** Escaped for showing; safe in any text context. */
  readonly display: string;
  readonly type: EntryType;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** A symlink's target, escaped for showing. */
  readonly target?: string;
  /** Whether a symlink leads to a directory of this filesystem. */
  readonly targetNode?: number;
  readonly targetType?: EntryType;
  readonly flags: readonly string[];
  /** The entry stands in the directory but its node can't be read. */
  readonly error?: DiskErrorData;
}

export type SortKey = 'name' | 'size' | 'mtime' | 'type' | 'mode' | 'owner';

/** An opened listing, sorted in the host. Rows are fetched by range. */
export interface View {
  readonly view: number;
  readonly count: number;
  /** Entries that are left out because they are hidden. */
  readonly hidden: number;
  /** Sum of the sizes of the files shown, when the sort needed them all anyway; else absent. */
  readonly notes: readonly Note[];
}

/** One step of a path: the root first, whose name is empty. */
export interface Crumb {
  readonly node: number;
  readonly name: string;
  readonly display: string;
}

/** Everything about one entry. */
export interface EntryDetails extends EntryRow {
  readonly atime: bigint;
  readonly ctime: bigint;
  readonly btime?: bigint;
  /** Bytes on the device. */
  readonly allocated: number;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs: readonly { readonly name: string; readonly value: Uint8Array; readonly text?: string }[];
  readonly acl?: readonly string[];
}

/** What the preview pane shows. */
export type Preview =
  | { readonly kind: 'text'; readonly text: string; readonly encoding: string; readonly truncated: boolean }
  | { readonly kind: 'picture'; readonly mime: string; readonly bytes: Uint8Array }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array; readonly truncated: boolean }
  | { readonly kind: 'none'; readonly reason: string };

/** What a job does, in the order in which it can be in. */
export type JobState = 'running' | 'paused' | 'asking' | 'done' | 'failed' | 'cancelled';

export interface JobSummary {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly skipped: number;
  /** Entries or properties that could not be kept, with the reason. */
  readonly problems: number;
}
