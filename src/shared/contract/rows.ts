import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { EntryType, FileExtent, Note, Section, VolumeFeature, VolumeState } from '../../engines/core/filesystem.ts';
import type { NameRules } from '../../engines/core/writer.ts';
import type { Layer } from '../../engines/core/layer.ts';
import type { Settings } from './settings.ts';

/** What crosses the border between a host and its clients: plain data only. */

/** What of a layer is plain data, as it stands there. */
type PlainLayer = Pick<Layer, 'path' | 'kind' | 'format' | 'title' | 'label' | 'uuid' | 'offset' | 'size' | 'evidence' | 'alternatives' | 'guesses' | 'openers' | 'details'>;

/** A layer of an open image, parents before children. */
export interface LayerRow extends PlainLayer {
  readonly notes: readonly Note[];
  readonly error?: DiskErrorData;
  /** The path of the layer that shows what it is a part of: one of several disks of an array, a group or a filesystem. */
  readonly partOf?: string;
  /** It is told by its name and not open: what opens it takes seconds. 'layer.open' opens it; `openers` says with what, or why nothing here can. */
  readonly waiting?: boolean;
  /** The guest that serves it; 'guest.log' tells what it says. */
  readonly guest?: { readonly name: string; readonly title: string; readonly start: 'cold' | 'warm'; readonly accelerator: string; /** It was stopped while nobody used it, and comes back by itself. */ readonly idle: boolean; /** It ended by itself: what happened. It is started again when the layer is used. */ readonly died?: string };
  /** For volumes of a table. */
  readonly volume?: { readonly number?: number; readonly kind: string; readonly typeId: string; readonly flags: readonly string[] };
  /** For filesystems. */
  readonly filesystem?: {
    readonly root: number;
    readonly free: number;
    readonly blockSize: number;
    readonly state: VolumeState;
    readonly features: readonly string[];
    /** What each feature means, where the engine says so. */
    readonly featureDetails?: readonly VolumeFeature[];
    readonly inodes?: { readonly total: number; readonly free: number };
    readonly access: { readonly write: boolean; readonly reason: string };
    /** Which names it takes; there while it can be changed. */
    readonly names?: NameRules;
    /** It can be checked. */
    readonly checkable?: boolean;
    /** Trees of their own in it, parents before children; absent where the format has no such thing. */
    readonly subvolumes?: readonly SubvolumeRow[];
  };
}

/** A subvolume or snapshot of a filesystem. */
export interface SubvolumeRow {
  readonly id: string;
  /** From the top of the filesystem; never shown as it is. */
  readonly path: string;
  /** Escaped for showing. */
  readonly display: string;
  /** The id of the one that holds it; absent at the top. */
  readonly parent?: string;
  readonly readOnly: boolean;
  readonly snapshot: boolean;
  /** The node of its root. */
  readonly root: number;
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

/** One thing that is done while an image is opened: a layer looked at, something unpacked, a journal replayed, a guest booted. */
export interface OpeningStep {
  /** Counts from 0. */
  readonly id: number;
  /** The path of the layer that it belongs to. */
  readonly layer: string;
  /** "gzip: unpacking", "GPT: 3 partitions". */
  readonly text: string;
  readonly evidence: readonly string[];
  /** Milliseconds since the opening began. */
  readonly started: number;
  readonly ended?: number;
  /** Bytes, of what takes long. */
  readonly done?: number;
  readonly total?: number;
  readonly state: 'running' | 'done' | 'failed';
}

/** What an opening tells. A step comes again whenever more is known of it. The last event is 'end'; `passed` is in milliseconds. */
export type OpeningEvent =
  | { readonly event: 'step'; readonly step: OpeningStep }
  | { readonly event: 'note'; readonly note: Note }
  | { readonly event: 'end'; readonly state: 'done' | 'failed'; readonly passed: number; readonly error?: DiskErrorData };

/** A way into a layer, and why it is or isn't taken. */
export interface OpenerRow {
  /** "native:ext4", "guest:linux-6.12". */
  readonly id: string;
  /** What 'image.reopen' takes. */
  readonly format: string;
  readonly name: string;
  readonly kind: 'container' | 'table' | 'filesystem';
  /** 'untried': nothing is known against it but its signs. */
  readonly access: 'read-write' | 'read-only' | 'refused' | 'untried';
  readonly reason: string;
  /** The layer is open this way. */
  readonly current: boolean;
  /** Seconds that it takes, about; absent where it takes none to speak of. */
  readonly seconds?: number;
  /** 0 to 100. */
  readonly confidence: number;
  readonly evidence: readonly string[];
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
  /** Bytes on the device. */
  readonly allocated: number;
  /** Times in nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly atime: bigint;
  readonly ctime: bigint;
  /** Creation, where the format keeps it. */
  readonly btime?: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names of `uid` and `gid` by the image's own passwd and group, escaped for showing, at most 64 characters. */
  readonly owner?: string;
  readonly group?: string;
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

/** What listings are sorted by. Owners and groups go by their names where they have one, before those that are numbers only. */
export type SortKey = Settings['sort']['key'];

/** An opened listing, sorted in the host. Rows are fetched by range. */
export interface View {
  readonly view: number;
  readonly count: number;
  /** Entries that are left out because they are hidden. */
  readonly hidden: number;
  /** Entries that are left out because the filter does not match their names. */
  readonly filtered: number;
  readonly notes: readonly Note[];
  /** The rows that were asked for together with the view. */
  readonly page?: ViewPage;
  /** Where what was selected in another view of the folder stands in this one. */
  readonly kept?: ViewSelection;
}

export interface ViewPage {
  readonly from: number;
  readonly rows: readonly EntryRow[];
  /** Where the node that the page was chosen by stands. */
  readonly index?: number;
}

/** Rows selected: sorted half-open ranges. -1 is none. */
export interface ViewSelection {
  readonly ranges: readonly (readonly [from: number, to: number])[];
  readonly focus: number;
  readonly anchor: number;
}

/** One step of a path: the root first, whose name is empty. */
export interface Crumb {
  readonly node: number;
  readonly name: string;
  readonly display: string;
}

/** A folder in which something was found, or one above it. */
export interface SearchFolder extends Crumb {
  /** Never 0, which is the folder where the search began. */
  readonly id: number;
  /** The id of the folder above. */
  readonly above: number;
}

export interface SearchHit {
  readonly row: EntryRow;
  /** The id of the folder that it is in. */
  readonly folder: number;
}

export interface SearchProgress {
  /** Names that were looked at. */
  readonly searched: number;
  readonly directories: number;
  readonly found: number;
  /** Folders that could not be read, or not to their end. */
  readonly damaged: number;
  /** Names that were left out because they are hidden. */
  readonly hidden: number;
  /** The folder that is being searched, from the start on, for showing. Absent at the end. */
  readonly now?: string;
}

/** What a search tells. The last event is 'end'. */
export type SearchEvent =
  /** Folders come before the first hit in them, and after the one above. */
  | { readonly event: 'hits'; readonly folders: readonly SearchFolder[]; readonly hits: readonly SearchHit[] }
  | { readonly event: 'progress'; readonly progress: SearchProgress }
  /** `capped`: it found as much as one search may, and there may be more. */
  | { readonly event: 'end'; readonly progress: SearchProgress; readonly capped: boolean; readonly notes: readonly Note[] };

/** One line of an access list. */
export interface AclRow {
  /** Of the entry itself, or what is made in the folder gets. */
  readonly scope: 'access' | 'default';
  readonly who: 'user' | 'group' | 'mask' | 'other';
  /** Whom a 'user' or 'group' line is for; without it the file's own owner or group. */
  readonly id?: number;
  /** By the image's own passwd or group, escaped for showing. */
  readonly name?: string;
  /** "r-x". */
  readonly rights: string;
}

/** Where a file's contents lie. */
export interface ExtentMap {
  /** In order; what they leave out is holes. `physical` is missing where the bytes don't lie there one to one. */
  readonly runs: readonly FileExtent[];
  /** There are more runs than are told. */
  readonly cut: boolean;
  /** Pieces on the device, of the runs that are told: runs that follow one another there count as one. */
  readonly fragments: number;
  /** Bytes of the device that `physical` is an offset on. */
  readonly device: number;
}

/** Everything about one entry. */
export interface EntryDetails extends EntryRow {
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs: readonly { readonly name: string; readonly value: Uint8Array; readonly text?: string }[];
  readonly acl?: readonly AclRow[];
  /** Of files, where the engine can tell. */
  readonly extents?: ExtentMap;
  /** What the format knows beyond all this, in its own words, escaped for showing. */
  readonly sections: readonly Section[];
}

/** What is in some entries and below them, so far. What has several names counts once. */
export interface MeasureProgress {
  /** All that is no folder. */
  readonly files: number;
  readonly directories: number;
  /** Bytes of files by their size, holes included. */
  readonly size: number;
  /** Bytes on the device, those of folders included. */
  readonly allocated: number;
  /** Entries and listings that could not be read. */
  readonly unreadable: number;
  /** The last item of the stream. */
  readonly done: boolean;
}

/** A folder or file with the space that it takes. */
export interface SpaceNode {
  readonly node: number;
  readonly name: string;
  readonly display: string;
  readonly type: EntryType;
  /** Bytes on the device; a folder's with all below it. What has several names is counted with the first that is met. */
  readonly size: number;
  /** In it and below, all that is no folder. */
  readonly files: number;
  /** It, or an entry of it, could not be read. */
  readonly unreadable?: boolean;
  /** The largest first. Absent for files, and for folders that were not looked into for this snapshot. */
  readonly children?: readonly SpaceNode[];
  /** What is in the folder beside `children`, its own blocks included. */
  readonly smaller?: { readonly count: number; readonly size: number };
}

/** What takes the space below a folder, as far as it is known. */
export interface SpaceSnapshot {
  readonly tree: SpaceNode;
  readonly directories: number;
  /** Entries and listings that could not be read, and the first of them. */
  readonly unreadable: number;
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  /** The last item of the stream. */
  readonly done: boolean;
}

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
