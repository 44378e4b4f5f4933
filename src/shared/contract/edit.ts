import * as v from 'valibot';
import type { DiskErrorData, Place } from '../../engines/core/errors.ts';
import type { SourceToken } from './calls.ts';
import { count, entries, layer, name, none, returns, streams, token } from './schemas.ts';

/** What crosses the border about changing an image, and about checking it. */

/** Whether something can be done now, and if not why: a sentence. */
export type Possible = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** What an operation does; the window has a sentence for each. 'extract' is no operation: it changes nothing. 'mount': other programs wrote through one. */
export const VERBS = ['create', 'mkdir', 'symlink', 'rename', 'delete', 'move', 'copy', 'duplicate', 'put', 'paste', 'change', 'xattr', 'repair', 'mount'] as const;
export type Verb = (typeof VERBS)[number];

/** What an operation is called: "Rename report.txt to draft.txt", "Delete 12 items". */
export interface OperationLabel {
  readonly verb: Verb;
  /** The first thing that it was done to, escaped for showing. */
  readonly name: string;
  /** What it became, of a rename; where to, of what goes into a folder. Escaped for showing. */
  readonly to?: string;
  /** Things that it was asked to do at once. */
  readonly count: number;
}

/** A pending change: what one undo takes back. */
export interface OperationRow extends OperationLabel {
  /** Unique as long as the image is open; in the order in which they were done. */
  readonly id: number;
  readonly layer: string;
  /** Path of the folder in which it was done, from the filesystem's root, escaped for showing; "" where there is none. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly when: number;
  /** Bytes of the blocks that it changed. What several operations changed, Apply writes once. */
  readonly bytes: number;
  /** It did not come to its end: cancelled, or some of it failed. What it did is whole all the same. */
  readonly partial?: boolean;
}

/** How far an image may be changed, and what is pending. */
export interface EditState {
  readonly state: 'read-only' | 'editing' | 'applying' | 'interrupted';
  /** To 'editing'. */
  readonly canUnlock: Possible;
  readonly canApply: Possible;
  /** Pending operations, and the bytes that Apply would write. */
  readonly operations: number;
  readonly bytes: number;
  /** What undo and redo would do; absent where there is nothing. */
  readonly undo?: OperationLabel;
  readonly redo?: OperationLabel;
  /** Jobs that write are running: undo, redo, apply and discard wait for their end. */
  readonly writing: boolean;
  /** The file was changed by somebody else since it was opened: nothing can be applied any more. Says how it was noticed. */
  readonly changedUnderneath?: string;
  /** Of 'editing': the image itself can't be written to, and why (it is packed, or not this account's). Changes can be saved as a new image. */
  readonly cannotApply?: string;
  /**
   * An Apply failed when the image was changed in part: another one brings it to its end, and until then nothing is taken back. `wayBack`: where the image is
   * closed instead, the next opening most often makes it what it was, and the changes are lost; otherwise that finishes it.
   */
  readonly unfinished?: { readonly wayBack: boolean };
  /** What became of an Apply that was interrupted, found when the image was opened: finished, and so on; for showing. */
  readonly recovery?: { readonly state: 'finished' | 'unchanged' | 'foreign' | 'damaged' | 'impossible'; readonly message: string };
  /** Of 'interrupted': an Apply that did not come to its end, and that could not be finished when the image was opened. */
  readonly interrupted?: {
    /** Milliseconds since 1970. */
    readonly when: number;
    /** Of the file that keeps the changes. */
    readonly bytes: number;
    readonly canFinish: Possible;
    readonly canUndo: Possible;
  };
}

/** Folders whose entries, or entries whose properties, are not what they were. */
export interface TreeChange {
  readonly layer: string;
  /** Nodes of the folders; absent: everything of the layer may be different (undo, repair), its views are closed and to be opened again. */
  readonly folders?: readonly number[];
}

/** What some of the entries would lose on their way, said before they go. */
export interface Loss {
  readonly what: 'owners' | 'permissions' | 'times' | 'xattrs' | 'acls' | 'flags' | 'hard-links' | 'symlinks' | 'special' | 'large-files' | 'names';
  /** Entries that it concerns, of those that were looked at. */
  readonly count: number;
  /** Path of the first one, escaped for showing. */
  readonly example: string;
  /** A sentence. */
  readonly reason: string;
}

/** What a copy would be. */
export interface TransferPlan {
  readonly losses: readonly Loss[];
  readonly files: number;
  readonly directories: number;
  /** Of contents, without holes. */
  readonly bytes: number;
  /** Free bytes of the target. */
  readonly free: number;
  /** It looked at everything; else it stopped after a second and the counts are what it saw. */
  readonly complete: boolean;
}

/** Something that a check found, escaped for showing. */
export interface FindingRow {
  /** The same in the next check of the same bytes. */
  readonly id: string;
  /** "1/inode-bad-mode": the format's class of problem after its pass. */
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly meaning: string;
  readonly place?: Place;
  /** What a repair would do; absent where nothing can be done about it. */
  readonly repair?: string;
  /** In this run it was. */
  readonly repaired: boolean;
}

/** What a check tells. The last event is 'end', unless the job was cancelled. */
export type CheckEvent =
  | { readonly event: 'findings'; readonly findings: readonly FindingRow[] }
  /** What the filesystem's own tool prints, line by line, escaped for showing and otherwise as it is. Such a check has no findings to choose among. */
  | { readonly event: 'lines'; readonly lines: readonly string[] }
  | {
    readonly event: 'end';
    /** 'fixed': all that was found was repaired. 'unchecked': it could not be looked at. */
    readonly state: 'clean' | 'fixed' | 'errors' | 'unchecked';
    readonly findings: number;
    readonly repaired: number;
    /** There were more findings than a window is told of. */
    readonly cut: boolean;
    readonly error?: DiskErrorData;
    /** Of a check by the filesystem's own tool. `repairs`: 'check.repair' without findings lets it repair. */
    readonly tool?: { readonly name: string; readonly status: number; readonly repairs: boolean };
  };

/** A file that is to be written. */
export interface SaveTarget {
  readonly folder: SourceToken;
  readonly name: string;
  /** The person was asked about the file that has the name. */
  readonly replace: boolean;
}

const MAX_TOGETHER = 10_000;
const mode = v.pipe(count, v.maxValue(0o7777));
const id = v.pipe(count, v.maxValue(0xffff_ffff));
const time = v.pipe(v.bigint(), v.minValue(-(2n ** 63n)), v.maxValue(2n ** 96n));
/** `folder`: where the entry has its name, which must lead to the node still. Left out, nothing is looked at: a filesystem's root is in no folder. */
const one = v.strictObject({ folder: v.optional(count), node: count, name });
/** An entry with the folder in which it has its name. */
const placed = v.pipe(v.array(v.strictObject({ folder: count, node: count, name })), v.minLength(1), v.maxLength(1_000_000));
const fileName = v.pipe(v.string(), v.minLength(1), v.maxLength(255));
const saved = { target: token, name: fileName, replace: v.optional(v.boolean()) };

/**
 * What is done about names that are taken. Without it the person is asked. `conflict` is about files, `folders` about a folder that comes upon one.
 * 'replace' of a folder takes the old one away whole.
 */
export const writeOptions = v.strictObject({
  conflict: v.optional(v.picklist(['ask', 'replace', 'skip', 'keep-both', 'newer'])),
  folders: v.optional(v.picklist(['ask', 'merge', 'replace', 'skip', 'keep-both'])),
});
export type WriteOptions = v.InferOutput<typeof writeOptions>;

/** What is changed of entries; what is left out stays. Times are nanoseconds since 1970. */
export const entryChanges = v.strictObject({
  /** Permission bits that are set, and those that are cleared; the others stay. */
  mode: v.optional(v.strictObject({ set: mode, clear: mode })),
  uid: v.optional(id),
  gid: v.optional(id),
  mtime: v.optional(time),
  atime: v.optional(time),
  btime: v.optional(time),
  /** All flags that it is to have, by the names of EntryRow.flags. */
  flags: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(64))),
});
export type EntryChanges = v.InferOutput<typeof entryChanges>;

/** Of an image's host. Everything that writes needs the state 'editing', and is one operation, with one undo. */
export const editCalls = {
  /** The state as it is, and again whenever it changes. Ends with the channel. */
  'edit.changes': streams<EditState>()(none),
  /** What of the tree changed: views of it are to be asked for again. Ends with the channel. */
  'tree.changes': streams<TreeChange>()(none),
  'edit.unlock': returns<EditState>()(none),
  /** Back to reading. With pending changes refused as busy, unless they are to be discarded. */
  'edit.lock': returns<EditState>()(v.strictObject({ discard: v.optional(v.boolean()) })),
  /** Pending operations, the first one first; `total` of them. */
  'edit.review': returns<{ operations: OperationRow[]; total: number }>()(v.strictObject({ from: count, count: v.pipe(count, v.maxValue(1000)) })),
  'edit.undo': returns<EditState>()(none),
  'edit.redo': returns<EditState>()(none),
  /** Throws all pending changes away; editing goes on. */
  'edit.discard': returns<EditState>()(none),
  /** Writes the pending changes to the image, all or nothing. */
  'edit.apply': returns<{ job: number }>()(none),
  /** Writes a new image with the pending changes; this one stays as it is, its changes pending. `target` is a token of a folder. */
  'edit.saveAs': returns<{ job: number }>()(v.strictObject(saved)),
  /** An Apply that was interrupted is finished, or taken back. */
  'edit.recover': returns<{ job: number }>()(v.strictObject({ how: v.picklist(['finish', 'undo']) })),

  /** `unique`: where the name is taken, a number is put behind it. */
  'entry.create': returns<{ node: number; name: string }>()(v.strictObject({
    layer, folder: count, name, unique: v.optional(v.boolean()),
    kind: v.variant('type', [v.strictObject({ type: v.literal('file') }), v.strictObject({ type: v.literal('dir') }), v.strictObject({ type: v.literal('symlink'), target: name })]),
  })),
  'entry.rename': returns<void>()(v.strictObject({ layer, ...one.entries, folder: count, to: name })),
  'entry.change': returns<void>()(v.strictObject({ layer, entries: v.pipe(v.array(one), v.minLength(1), v.maxLength(MAX_TOGETHER)), changes: entryChanges })),
  /** Sets an extended attribute, in the form of EntryDetails.xattrs; without a value it is removed. */
  'entry.xattr': returns<void>()(v.strictObject({ layer, ...one.entries, key: v.pipe(v.string(), v.minLength(1), v.maxLength(255)), value: v.optional(v.pipe(v.instance(Uint8Array), v.maxLength(65536))) })),
  /** Deletes entries and all below them. */
  'delete.start': returns<{ job: number }>()(v.strictObject({ layer, entries: placed })),
  /** Copies or moves entries within the image, also between its volumes. Into the folder where they are: a copy is a duplicate, and gets a new name. */
  'copy.start': returns<{ job: number }>()(v.strictObject({ layer, entries: placed, to: v.strictObject({ layer, folder: count }), move: v.boolean(), options: writeOptions })),
  'copy.plan': returns<TransferPlan>()(v.strictObject({ layer, entries: placed, to: v.strictObject({ layer, folder: count }) })),
  /** Puts files and folders of this computer into a folder. `sources`: tokens that 'image.grantSources' made known. */
  'put.start': returns<{ job: number }>()(v.strictObject({ layer, folder: count, sources: v.pipe(v.array(token), v.minLength(1), v.maxLength(MAX_TOGETHER)), options: writeOptions })),
  'put.plan': returns<TransferPlan>()(v.strictObject({ layer, folder: count, sources: v.pipe(v.array(token), v.minLength(1), v.maxLength(MAX_TOGETHER)) })),
  /** The first half of a paste between images: packs entries with their metadata. `parcel`: from 'parcel.make' of the app. */
  'parcel.pack': returns<{ job: number }>()(v.strictObject({ layer, entries, parcel: token })),
  /** The second half, in the other image. */
  'parcel.unpack': returns<{ job: number }>()(v.strictObject({ layer, folder: count, parcel: token, options: writeOptions })),

  /** A dry run: nothing is written. */
  'check.start': returns<{ job: number }>()(v.strictObject({ layer })),
  /** What the job finds, in order, and what came of it; ends with the job. Whoever comes late hears it from the beginning. */
  'check.rows': streams<CheckEvent>()(v.strictObject({ job: count })),
  /**
   * Checks again, and makes the repairs of these findings of an ended check; they are one operation. Needs the state 'editing'. Of a check by a tool, the
   * list is empty: the tool repairs what it can.
   */
  'check.repair': returns<{ job: number }>()(v.strictObject({ job: count, findings: v.pipe(v.array(v.pipe(v.string(), v.maxLength(256))), v.maxLength(1_000_000)) })),
  /** The report of an ended check as text, its first MiB. */
  'check.report': returns<{ text: string }>()(v.strictObject({ job: count })),
  /** Writes the whole report to a file. `target` is a token of a folder. */
  'check.save': returns<void>()(v.strictObject({ job: count, ...saved })),
} as const;

/** Of the app. */
export const editAppCalls = {
  /** Native dialog: where a new file goes; nothing when it was left. `name` is proposed. */
  'dialog.save': returns<SaveTarget | undefined>()(v.strictObject({ name: fileName })),
  /** Native dialog: files, or folders, to be put into an image; an empty list when it was left. Use tokens with 'image.grantSources'. */
  'dialog.put': returns<SourceToken[]>()(v.strictObject({ what: v.picklist(['files', 'folders']) })),
  /** A file or folder to be put into an image, where dialogs are 'path' only. */
  'path.put': returns<SourceToken>()(v.strictObject({ path: name })),
  /** Makes files and folders known to an image's host, so that they can be put into it. */
  'image.grantSources': returns<void>()(v.strictObject({ image: count, tokens: v.pipe(v.array(token), v.minLength(1), v.maxLength(MAX_TOGETHER)) })),
  /** A private place through which entries go `from` one image `to` another; the hosts of both know it then. */
  'parcel.make': returns<{ parcel: string }>()(v.strictObject({ from: count, to: count })),
  /** It is no longer needed. It goes with the app, too. */
  'parcel.drop': returns<void>()(v.strictObject({ parcel: token })),
} as const;
