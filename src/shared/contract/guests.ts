import * as v from 'valibot';
import type { JobEvent, SourceToken } from './calls.ts';
import type { ImageInfo } from './rows.ts';
import { count, layer, none, returns, streams, token } from './schemas.ts';

/** What crosses the border about guests: machines whose own kernels open what no engine of ours does. */

/** Trees that a guest has without any image. */
export const GUEST_TREES = ['devfs', 'procfs', 'sysfs', 'tmpfs', 'overlay'] as const;
export type GuestTree = (typeof GUEST_TREES)[number];

/** A guest, on this computer or not. */
export interface GuestRow {
  /** "linux-6.12"; its opener is "guest:linux-6.12". */
  readonly name: string;
  /** "Linux 6.12". */
  readonly title: string;
  /** What it is for, a sentence. */
  readonly summary: string;
  readonly architecture: string;
  readonly origin: 'shipped' | 'added';
  readonly state: 'built' | 'missing' | 'outdated';
  /** What would make it usable: a command, a sentence. Empty when it is usable. */
  readonly missing: string;
  /** 'guests.build' makes it. */
  readonly buildable: boolean;
  /** Bytes that a build downloads, about. */
  readonly download?: number;
  /** Of a built one: milliseconds since 1970, bytes on the disk of this computer, the kernel's whole version. */
  readonly built?: number;
  readonly bytes?: number;
  readonly kernel?: string;
  readonly filesystems: readonly { readonly format: string; readonly title: string; readonly access: 'read-write' | 'read-only' | 'known-bad'; readonly reason: string; /** It has a checker of its own for it. */ readonly checkable: boolean }[];
  /** Partition tables that its kernel parses. */
  readonly tables: readonly string[];
  readonly trees: readonly GuestTree[];
}

/** A folder that should be a guest's and is none: its guest.yml is wrong. */
export interface BadGuestRow {
  readonly name: string;
  /** What is wrong, with file and line, and what helps. */
  readonly reason: string;
  /** The person added it: 'guests.remove' takes it away. */
  readonly removable: boolean;
}

/** The machine emulator that guests run in. `advice`: how this computer gets it. */
export type QemuState =
  | { readonly found: true; /** "7.2.22". */ readonly version: string }
  | { readonly found: false; readonly reason: string; readonly advice: string };

/** How well something opens a filesystem. 'unbuilt': it would, when it is built. 'none': it does not know it. */
export type Support = 'read-write' | 'read-only' | 'known-bad' | 'unbuilt' | 'none';

/** One way to open one filesystem. */
export interface MatrixCell {
  readonly support: Support;
  /** What it could do once it is built, of 'unbuilt'. */
  readonly would?: 'read-write' | 'read-only';
  /** Why not better, or what is peculiar; empty where nothing is. */
  readonly reason: string;
  /** What tests have shown, newest first. */
  readonly proofs: readonly MatrixProof[];
}

/** Something that a test did with a guest and an image, and that worked. */
export interface MatrixProof {
  /** "2026-11-22". */
  readonly date: string;
  /** What was shown: "walk equals the kernel's", "written, xfs_repair -n clean". */
  readonly what: string;
}

/** Which filesystem opens with what, and how well. */
export interface Matrix {
  /** The native engines first, then the guests by rank. */
  readonly columns: readonly { /** "native", "guest:linux-6.12". */ readonly id: string; readonly title: string; /** What would make it usable; empty when it is. */ readonly missing: string }[];
  /** `format`: as in LayerRow; `cells` are in the order of the columns. */
  readonly rows: readonly { readonly format: string; readonly title: string; readonly cells: readonly MatrixCell[] }[];
}

/** A line of a guest's log. */
export interface GuestLogRow {
  /** Milliseconds since the guest was started. */
  readonly at: number;
  readonly from: 'launcher' | 'console' | 'qmp' | 'agent' | 'qemu';
  /** Escaped for showing. */
  readonly text: string;
}

/** What is told of a layer's guest. 'start' begins a new machine: what came before belongs to one that is gone. */
export type GuestLogEvent =
  | { readonly event: 'start'; readonly guest: string; readonly title: string; readonly start: 'cold' | 'warm'; readonly accelerator: string }
  | { readonly event: 'lines'; readonly lines: readonly GuestLogRow[] }
  /** It is gone; `message` says how it ended. A layer's guest comes back by itself when the layer is used. */
  | { readonly event: 'end'; readonly message: string; readonly clean: boolean };

const guestName = v.pipe(v.string(), v.minLength(1), v.maxLength(100), v.regex(/^[a-z0-9][a-z0-9._-]*$/));

/** Of an image's host. */
export const guestCalls = {
  /**
   * Opens a layer that waits to be opened (it has openers, but no tree and no error): by the best of its openers, or by `with`. The steps are told by
   * 'image.opening'. When it fails, all stays as it was.
   */
  'layer.open': returns<ImageInfo>()(v.strictObject({ layer, with: v.optional(v.pipe(v.string(), v.maxLength(128))) })),
  /** What a layer's guest said and did, from the beginning, and what it says. Ends with the channel. */
  'guest.log': streams<GuestLogEvent>()(v.strictObject({ layer })),
  /** Writes the log of a layer's guest to a file, as far as it is kept. `target` is a token of a folder. */
  'guest.saveLog': returns<void>()(v.strictObject({ layer, target: token, name: v.pipe(v.string(), v.minLength(1), v.maxLength(255)), replace: v.optional(v.boolean()) })),
} as const;

/** Of the app. */
export const guestAppCalls = {
  'guests.list': returns<GuestRow[]>()(none),
  'guests.bad': returns<BadGuestRow[]>()(none),
  'guests.matrix': returns<Matrix>()(none),
  /** Builds guests: those named, or all that can be and are not. */
  'guests.build': returns<{ job: number }>()(v.strictObject({ names: v.optional(v.pipe(v.array(guestName), v.minLength(1), v.maxLength(64))) })),
  /** Takes away what was built; of one that the person added, the guest itself. Answers what is there then. */
  'guests.remove': returns<GuestRow[]>()(v.strictObject({ name: guestName })),
  /** Takes in a guest that the person made. `token` is of a folder with a guest.yml. */
  'guests.add': returns<GuestRow[]>()(v.strictObject({ token })),
  'guests.qemu': returns<QemuState>()(none),
  'guests.job': streams<JobEvent>()(v.strictObject({ job: count })),
  'guests.cancel': returns<void>()(v.strictObject({ job: count })),
  /** One of a guest's own trees, as a source for 'image.open'. `token`: the image that lies below an overlay. */
  'guests.tree': returns<SourceToken>()(v.strictObject({ name: guestName, tree: v.picklist(GUEST_TREES), token: v.optional(token) })),
} as const;
