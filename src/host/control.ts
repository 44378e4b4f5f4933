import type { DiskErrorData } from '../engines/core/errors.ts';
import type { Looked } from './devices/look.ts';

/**
 * What an image's process and the one that started it tell each other. The page has no part in it: it reaches an image's process only
 * through the channels that 'connect' and 'frame' carry, and folders are granted here alone.
 */
export type ToHost =
  /** To a process that waits for an image: load what it will need. */
  | { readonly do: 'prepare' }
  /** To one that has no image: what is on a disk? `partitioned`: the system shows its partitions beside it. */
  | { readonly do: 'look'; readonly path: string; readonly partitioned: boolean }
  /** Once; before all that follows. */
  | { readonly do: 'open'; readonly path: string }
  /** A client on the MessagePort that is transferred with it (Electron). */
  | { readonly do: 'connect' }
  /** A client whose texts are relayed (browser). */
  | { readonly do: 'join'; readonly channel: number }
  | { readonly do: 'frame'; readonly channel: number; readonly text: string }
  | { readonly do: 'hangup'; readonly channel: number }
  /** A path may be used, for one thing. */
  | { readonly do: 'grant'; readonly token: string; readonly path: string; readonly use: GrantUse }
  /** End all mounts, unless they are in use. */
  | { readonly do: 'unmount' }
  /** Cancel, close, exit. With pending changes only when they are to be discarded. */
  | { readonly do: 'close'; readonly discard: boolean };

/** What a path was granted for: a folder to write into, a file or folder to be put into the image, the place through which entries go to another image. */
export type GrantUse = 'folder' | 'put' | 'parcel';

/** Where a volume is mounted. */
export interface MountPlace {
  /** Its number in the image. */
  readonly mount: number;
  /** As the system names it. */
  readonly at: string;
  /** It is a folder or drive, not only an address. */
  readonly mounted: boolean;
  /** Programs may write through it. */
  readonly write: boolean;
}

export type FromHost =
  | { readonly did: 'open'; readonly summary: string; readonly size: number }
  | { readonly did: 'fail'; readonly error: DiskErrorData }
  | { readonly did: 'look'; readonly path: string; readonly found: Looked }
  | { readonly did: 'frame'; readonly channel: number; readonly text: string }
  | { readonly did: 'hangup'; readonly channel: number }
  /** From now on; clients' messages take another way than ours and could be there first. */
  | { readonly did: 'grant'; readonly token: string }
  /** So many operations are pending from now on, or are being applied. */
  | { readonly did: 'change'; readonly pending: number; readonly applying: boolean }
  /** Where volumes of the image are mounted from now on. */
  | { readonly did: 'mounts'; readonly mounts: readonly MountPlace[] }
  /** Nothing is mounted any more; or why something is. */
  | { readonly did: 'unmount'; readonly error?: DiskErrorData }
  /** The last thing said by a process that gives itself up. */
  | { readonly did: 'giveUp'; readonly reason: string };
