import * as v from 'valibot';
import type { Answer, JobNote, Progress, Question } from '../../engines/core/job.ts';
import type { FindBytesEvent, PlaceRow, StructureRow } from './bytes.ts';
import type { DiskErrorData } from '../../engines/core/errors.ts';
import { type Settings, settingsPatch, sortKey } from './settings.ts';
import { menu, type Session, sessionState } from './window.ts';
import { editAppCalls, editCalls } from './edit.ts';
import { deviceCalls } from './devices.ts';
import { guestAppCalls, guestCalls } from './guests.ts';
import { mountAppCalls, mountCalls } from './mounts.ts';
import { count, entries, handle, layer, name, none, returns, streams, token } from './schemas.ts';
import { HASHES, type HashRow, type SumList } from './checksums.ts';
import { type Preview, TEXT_ENCODINGS, type TextPart } from './preview.ts';
import type { Crumb, EntryDetails, EntryRow, ImageInfo, JobState, JobSummary, MeasureProgress, OpenerRow, OpeningEvent, SearchEvent, SpaceSnapshot, View } from './rows.ts';

/**
 * The contract: every call and stream between a client (window, browser) and the two services, in one place.
 * The schemas are what the receiver checks before it does anything; the types of both sides come from them.
 */

/** What is looked for in names: see engines/core/match. */
const query = v.pipe(v.string(), v.maxLength(1024));
const encoding = v.picklist(TEXT_ENCODINGS);
const sort = v.strictObject({ key: sortKey, descending: v.boolean() });
const page = v.strictObject({ size: v.pipe(count, v.minValue(1), v.maxValue(1000)), at: count, node: v.optional(count) });
const place = v.pipe(v.number(), v.safeInteger(), v.minValue(-1));
/** Half-open, in ascending order: each row is in one of them at most. */
const ranges = v.pipe(v.array(v.tuple([count, count])), v.maxLength(10_000), v.check((all) => all.every(([from, to], i) => from < to && from >= (all[i - 1]?.[1] ?? 0)), 'the ranges are not in ascending order'));
const keep = v.strictObject({ view: count, ranges, focus: place, anchor: place });

/** What stays on: conflicts are asked about unless a policy is given. */
export const extractOptions = v.strictObject({
  conflict: v.optional(v.picklist(['ask', 'replace', 'skip', 'keep-both', 'newer'])),
  /** Owners are kept as root, or when asked for. */
  owners: v.optional(v.boolean()),
  /** setuid, setgid and sticky bits, and device nodes. */
  special: v.optional(v.boolean()),
});
export type ExtractOptions = v.InferOutput<typeof extractOptions>;

/** A job as its events tell it. The last event is 'end'. */
export type JobEvent =
  | { readonly event: 'state'; readonly state: JobState }
  | { readonly event: 'progress'; readonly progress: Progress; /** Bytes a second, smoothed. */ readonly speed?: number; /** Seconds. */ readonly remaining?: number }
  | { readonly event: 'log'; readonly note: JobNote }
  | { readonly event: 'question'; readonly id: number; readonly question: Question }
  | { readonly event: 'end'; readonly state: 'done' | 'failed' | 'cancelled'; readonly summary: JobSummary; readonly error?: DiskErrorData; /** Entries that could not be kept and that 'job.retry' takes up; absent where there is nothing to take up. */ readonly failed?: number };

/** One image's own service, in a process of its own. */
export const hostContract = {
  'image.info': returns<ImageInfo>()(none),
  /** The layers as they are now, and again whenever more was noticed in them while they were read. Ends with the channel. */
  'image.changes': streams<ImageInfo>()(none),
  /** What is done while the image (or lately a layer of it) is opened, from the beginning. It ends with the opening. */
  'image.opening': streams<OpeningEvent>()(none),
  /** Opens a layer as another format than the best match (OpenerRow.format, also of a guest). When that fails, all stays as it was, and the error says why. */
  'image.reopen': returns<ImageInfo>()(v.strictObject({ layer, format: v.pipe(v.string(), v.maxLength(128)) })),
  /** Opens a locked layer. A wrong password is told as an error of kind 'locked'; nothing of it is kept. */
  'layer.unlock': returns<ImageInfo>()(v.strictObject({ layer, password: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)) })),
  /** Every way into a layer, with the reason why it is or isn't taken. */
  'layer.openers': returns<OpenerRow[]>()(v.strictObject({ layer })),
  /**
   * Lists a folder. `page`: the rows of the page of `size` rows that holds row `at`, or `node` where it is there, come with the answer.
   * `keep`: rows that were selected in another view of the same folder are found again.
   */
  'view.open': returns<View>()(v.strictObject({ ...handle, sort, hidden: v.boolean(), filter: v.optional(query), page: v.optional(page), keep: v.optional(keep) })),
  'view.rows': returns<EntryRow[]>()(v.strictObject({ view: count, from: count, count: v.pipe(count, v.maxValue(1000)) })),
  /** Indexes of the rows whose names begin with `prefix` (type-ahead), from `from` on, the next one first. */
  'view.find': returns<{ index: number | undefined }>()(v.strictObject({ view: count, prefix: name, from: count })),
  /** The rows of a view whose names `query` matches (as in a search), as sorted half-open ranges. */
  'view.match': returns<{ ranges: (readonly [from: number, to: number])[] }>()(v.strictObject({ view: count, query })),
  /** Where a node stands in a view. */
  'view.index': returns<{ index: number | undefined }>()(v.strictObject({ view: count, node: count })),
  'view.close': returns<void>()(v.strictObject({ view: count })),
  /** Looks for names below a folder, the near ones first: a part of the name, or with "*" or "?" a pattern of the whole. */
  'search.start': streams<SearchEvent>()(v.strictObject({ ...handle, query, hidden: v.boolean() })),
  /** The steps from the root to a path of this filesystem ("/etc/ssl"); symlinks in it are followed, inside the image only. */
  'path.resolve': returns<{ crumbs: Crumb[] }>()(v.strictObject({ layer, path: name })),
  'entry.details': returns<EntryDetails>()(v.strictObject({ ...handle, name })),
  /** Sizes and counts of entries and of all below them: how far it is, some times a second, and the whole at the end. */
  'measure.start': streams<MeasureProgress>()(v.strictObject({ layer, entries: v.pipe(v.array(v.strictObject({ node: count, name })), v.minLength(1), v.maxLength(1_000_000)) })),
  /** What takes the space below a folder: snapshots of its largest folders and files, some times a second while it is found out. */
  'space.start': streams<SpaceSnapshot>()(v.strictObject({ ...handle, name })),
  /** What a quick look shows. `encoding`: of a text, where the person knows better. */
  'entry.preview': returns<Preview>()(v.strictObject({ ...handle, name, encoding: v.optional(encoding) })),
  /** More of a text, from byte `at` on. */
  'text.read': returns<TextPart>()(v.strictObject({ ...handle, at: count, encoding })),
  /** Bytes of a file (or, without `node`, of the layer itself), at most 64 KiB at once. */
  'bytes.read': returns<{ bytes: Uint8Array; size: number }>()(v.strictObject({ layer, node: v.optional(count), at: count, length: v.pipe(count, v.maxValue(65536)) })),
  /** What lies in bytes of a layer, by the engines' own layouts. */
  'bytes.structures': returns<StructureRow[]>()(v.strictObject({ layer, at: count, length: v.pipe(count, v.maxValue(65536)) })),
  /** Places of a layer worth going to. */
  'bytes.places': returns<PlaceRow[]>()(v.strictObject({ layer })),
  /** Looks for the next place of `pattern` from `from` on; for the one before, backward. */
  'bytes.find': streams<FindBytesEvent>()(v.strictObject({
    layer, node: v.optional(count), pattern: v.pipe(v.instance(Uint8Array), v.minLength(1), v.maxLength(256)), ignoreCase: v.boolean(), from: count, direction: v.picklist(['forward', 'backward']),
  })),
  /** Starts an extraction; its events come from 'job.events'. `target` is a token of a folder. */
  'extract.start': returns<{ job: number }>()(v.strictObject({ layer, entries, target: token, options: extractOptions })),
  /** Starts checksums of entries and all files below them, or of all files below a folder; without either, of the layer's own bytes. Layer "0" is the image. */
  'hash.start': returns<{ job: number }>()(v.strictObject({ layer, entries: v.optional(entries), folder: v.optional(count), algorithms: v.pipe(v.array(v.picklist(HASHES)), v.minLength(1), v.maxLength(HASHES.length)) })),
  /** What the job has made, in order and in batches, each row once; ends with the job. */
  'hash.rows': streams<HashRow[]>()(v.strictObject({ job: count })),
  /** Lists of checksums that lie in a folder, or without `node`, beside the image. */
  'hash.lists': returns<SumList[]>()(v.strictObject({ layer, node: v.optional(count) })),
  'job.events': streams<JobEvent>()(v.strictObject({ job: count })),
  'job.cancel': returns<void>()(v.strictObject({ job: count })),
  'job.pause': returns<void>()(v.strictObject({ job: count, paused: v.boolean() })),
  /** Does an ended extraction again: what failed of it, or where it did not come to its end, what is not there yet. */
  'job.retry': returns<{ job: number }>()(v.strictObject({ job: count })),
  'job.answer': returns<void>()(v.strictObject({
    job: count, id: count,
    answer: v.union([
      v.strictObject({ action: v.picklist(['replace', 'skip', 'keep-both', 'newer', 'merge', 'stop']), all: v.optional(v.boolean()) }),
      v.strictObject({ password: v.pipe(v.string(), v.maxLength(4096)) }),
      v.strictObject({ stop: v.literal(true) }),
    ]),
  })),
  ...editCalls,
  ...guestCalls,
  ...mountCalls,
} as const;

export type JobAnswer = Answer<Question>;

/** A file of this computer that the person picked, dropped or opened before. */
export interface SourceToken {
  readonly token: string;
  readonly name: string;
  /** For showing. */
  readonly path: string;
}

export interface RecentRow extends SourceToken {
  /** "ext4", "gzip › GPT" … as it was last seen. */
  readonly summary: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly opened: number;
  readonly pinned: boolean;
  readonly missing: boolean;
}

export interface AppInfo {
  readonly version: string;
  readonly client: 'electron' | 'browser';
  readonly platform: string;
  /** Whether folders and files are picked in a native dialog, or typed as a path. */
  readonly dialogs: 'native' | 'path';
  /** Whether entries can be dragged out of the window into other programs. */
  readonly dragOut: boolean;
  /** Where settings.json lies, for showing. */
  readonly settingsFile: string;
}

export type AppEvent =
  /** Images that the app was told to open: arguments, a second start, "open with". */
  | { readonly event: 'open'; readonly sources: readonly SourceToken[] }
  | { readonly event: 'recents'; readonly recents: readonly RecentRow[] }
  | { readonly event: 'settings'; readonly settings: Settings }
  /** A native menu's item. */
  | { readonly event: 'command'; readonly command: string }
  /** An image's host process ended without being asked to. */
  | { readonly event: 'lost'; readonly image: number; readonly reason: string };

/** The app's own service: Electron's main process, or `clutch serve`. */
export const appContract = {
  'app.info': returns<AppInfo>()(none),
  'app.events': streams<AppEvent>()(none),
  'settings.get': returns<Settings>()(none),
  /** Changes what is given; all clients hear of it. */
  'settings.set': returns<Settings>()(settingsPatch),
  /** Shows settings.json in the system's file manager. Electron only. */
  'settings.show': returns<void>()(none),
  /** The tabs of last time; none where the program was told not to bring them back. */
  'session.get': returns<Session>()(none),
  /** What is open now, for the next start. */
  'session.set': returns<void>()(sessionState),
  /** The window's commands as they are now, for a native menu. Clients without one forget it. */
  'menu.set': returns<void>()(menu),
  'recents.list': returns<RecentRow[]>()(none),
  'recents.pin': returns<void>()(v.strictObject({ token, pinned: v.boolean() })),
  'recents.remove': returns<void>()(v.strictObject({ token: v.optional(token) })),
  /** A recent image that was moved: its line becomes that of the file `found`. */
  'recents.locate': returns<void>()(v.strictObject({ token, found: token })),
  /** The image that is shipped with the app. */
  'sample.open': returns<SourceToken>()(none),
  /** Native dialog; an empty list when it was left. */
  'dialog.open': returns<SourceToken[]>()(none),
  'dialog.folder': returns<SourceToken | undefined>()(none),
  /** Where dialogs are 'path' only: refused in Electron, whose page may not name paths. */
  'path.source': returns<SourceToken>()(v.strictObject({ path: name })),
  'path.folder': returns<SourceToken>()(v.strictObject({ path: name })),
  /** Starts a host process; afterwards the client may connect to it. */
  'image.open': returns<{ image: number }>()(v.strictObject({ token })),
  /** With pending changes, or while what is mounted of it is in use, it is refused with `busy`, unless changes are to be discarded: then it waits for nobody. */
  'image.close': returns<void>()(v.strictObject({ image: count, discard: v.optional(v.boolean()) })),
  /** Makes a folder's token known to an image's host, so that it may be written to. */
  'image.grant': returns<void>()(v.strictObject({ image: count, token })),
  /** Extracts to a temporary folder and starts the system's drag with it. Electron only. */
  'drag.start': returns<void>()(v.strictObject({ image: count, layer, entries: v.pipe(v.array(v.strictObject({ node: count, name })), v.minLength(1), v.maxLength(1000)) })),
  'folder.show': returns<void>()(v.strictObject({ token })),
  /** How far the window's long work is, for the taskbar: `running` things, `done` from 0 to 1 where that is known. Electron only. */
  'app.progress': returns<void>()(v.strictObject({ running: count, done: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))) })),
  /** Tells the person by the system, if the window is out of sight. Electron only. */
  'app.notify': returns<void>()(v.strictObject({ title: v.pipe(v.string(), v.maxLength(200)), body: v.pipe(v.string(), v.maxLength(500)) })),
  /** What text is on the clipboard, its first MiB; asked for when the person pressed a button that says so. */
  'text.paste': returns<{ text: string }>()(none),
  'text.copy': returns<void>()(v.strictObject({ text: v.pipe(v.string(), v.maxLength(1 << 20)) })),
  ...editAppCalls,
  ...guestAppCalls,
  ...mountAppCalls,
  ...deviceCalls,
} as const;

export type HostContract = typeof hostContract;
export type AppContract = typeof appContract;
