import * as v from 'valibot';
import type { Possible } from './edit.ts';
import { count, layer, none, returns, streams, token } from './schemas.ts';

/** What crosses the border about volumes that are a folder or a drive for other programs. */

export const MOUNT_PROVIDERS = ['fuse', 'webdav', 'fuse-native', 'winfsp'] as const;
export type MountProviderId = (typeof MOUNT_PROVIDERS)[number];

/** A way to mount, and whether it can be used here. The first one that can is taken unless another is asked for. */
export interface MountProviderRow {
  readonly id: MountProviderId;
  /** "FUSE". */
  readonly title: string;
  /** What it is, a sentence. */
  readonly summary: string;
  readonly available: Possible;
}

/** Systems that a way to mount may be for. */
export const MOUNT_SYSTEMS = ['Linux', 'macOS', 'Windows'] as const;
export type MountSystem = (typeof MOUNT_SYSTEMS)[number];

/** A way to mount, whatever this computer has, and where it was tried. */
export interface MountWay {
  readonly id: MountProviderId;
  /** "FUSE". */
  readonly title: string;
  /** What it is, a sentence or two. */
  readonly summary: string;
  /** The systems that it is for, and what it was tried with there; empty where it was not tried. */
  readonly systems: Readonly<Partial<Record<MountSystem, string>>>;
}

/** What a mount was asked for. All numbers only grow. */
export interface MountStats {
  /** Requests of any kind. */
  readonly requests: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Files and folders that are open now. */
  readonly open: number;
}

/** A process that has something of a mount open. */
export interface MountUser {
  readonly pid: number;
  /** "bash", escaped for showing. */
  readonly name: string;
  /** What it has open, below the mount, escaped for showing; empty where it is not known. */
  readonly path: string;
}

/** A volume that is mounted. */
export interface MountRow {
  /** Unique as long as the image is open. */
  readonly mount: number;
  readonly layer: string;
  readonly provider: MountProviderId;
  /** Folder, drive or address, escaped for showing. */
  readonly at: string;
  /** It is a folder or drive that can be shown in a file manager. */
  readonly mounted: boolean;
  readonly advice?: string;
  readonly write: boolean;
  readonly stats: MountStats;
  /** Bytes a second in the last second or so, both ways together. */
  readonly speed: number;
  /** 'leaving': it was taken out of the way, and somebody has something of it open. */
  readonly state: 'mounted' | 'unmounting' | 'leaving';
  /** It ended without 'mount.stop': somebody unmounted it by the system's own means, or it failed. Told once; what is told next is without it. */
  readonly ended?: { readonly how: 'unmounted' | 'failed'; readonly message?: string };
}

/** How an unmount came out. `users` hold it: it is still there then. */
export type Unmounted = { readonly done: true } | { readonly done: false; readonly users: readonly MountUser[]; readonly reason: string };

/** What is chosen of a mount; what is left out is as the volume has it. */
export const mountOptions = v.strictObject({
  provider: v.optional(v.picklist(MOUNT_PROVIDERS)),
  /** For writing: the image must be unlocked, and what programs write is pending. */
  write: v.optional(v.boolean()),
  /** All files are this owner's, or this group's. */
  uid: v.optional(v.pipe(count, v.maxValue(0xffff_fffe))),
  gid: v.optional(v.pipe(count, v.maxValue(0xffff_fffe))),
  /** Permission bits that are taken away from what is shown. */
  umask: v.optional(v.pipe(count, v.maxValue(0o777))),
});
export type MountOptions = v.InferOutput<typeof mountOptions>;

/** Of an image's host. */
export const mountCalls = {
  /** The ways to mount, in the order in which they are taken. */
  'mount.providers': returns<MountProviderRow[]>()(none),
  /** Mounts a volume whose tree is open. `target`: a token of the folder to mount at; absent, one is made for it. */
  'mount.start': returns<MountRow>()(v.strictObject({ layer, options: mountOptions, target: v.optional(token) })),
  /** All mounts of the image, now and whenever one of them changes (activity once a second at most). Ends with the channel. */
  'mount.changes': streams<MountRow[]>()(none),
  'mount.users': returns<MountUser[]>()(v.strictObject({ mount: count })),
  /** Answers with who holds it when it is in use, and `lazy` is not asked for. What was written through it is pending still. */
  'mount.stop': returns<Unmounted>()(v.strictObject({ mount: count, lazy: v.optional(v.boolean()) })),
} as const;

/** Of the app. */
export const mountAppCalls = {
  /** The ways to mount, in the order in which they are taken: all that Clutch has, on every system. */
  'mount.ways': returns<MountWay[]>()(none),
  /** Shows a mount in the system's file manager. Electron only. */
  'mount.show': returns<void>()(v.strictObject({ image: count, mount: count })),
  /** Puts where a mount is into the clipboard, as the system names it: a page knows it escaped alone. Where the app has no clipboard (a browser has it), it answers with `text` for it. */
  'mount.copy': returns<{ text?: string }>()(v.strictObject({ image: count, mount: count })),
} as const;
