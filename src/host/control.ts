import type { DiskErrorData } from '../engines/core/errors.ts';

/**
 * What an image's process and the one that started it tell each other. The page has no part in it: it reaches an image's process only
 * through the channels that 'connect' and 'frame' carry, and folders are granted here alone.
 */
export type ToHost =
  /** To a process that waits for an image: load what it will need. */
  | { readonly do: 'prepare' }
  /** Once; before all that follows. */
  | { readonly do: 'open'; readonly path: string }
  /** A client on the MessagePort that is transferred with it (Electron). */
  | { readonly do: 'connect' }
  /** A client whose texts are relayed (browser). */
  | { readonly do: 'join'; readonly channel: number }
  | { readonly do: 'frame'; readonly channel: number; readonly text: string }
  | { readonly do: 'hangup'; readonly channel: number }
  /** A folder may be extracted to. */
  | { readonly do: 'grant'; readonly token: string; readonly folder: string }
  /** Cancel, close, exit. */
  | { readonly do: 'close' };

export type FromHost =
  | { readonly did: 'open'; readonly summary: string; readonly size: number }
  | { readonly did: 'fail'; readonly error: DiskErrorData }
  | { readonly did: 'frame'; readonly channel: number; readonly text: string }
  | { readonly did: 'hangup'; readonly channel: number }
  /** From now on; clients' messages take another way than ours and could be there first. */
  | { readonly did: 'grant'; readonly token: string }
  /** The last thing said by a process that gives itself up. */
  | { readonly did: 'giveUp'; readonly reason: string };
