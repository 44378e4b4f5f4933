import type { MessagePort } from 'node:worker_threads';

/**
 * What the thread that WinFsp calls asks of the one that has the tree, one question at a time. WinFsp's callbacks must return their result, and trees may
 * answer later: so the callbacks run in a thread of their own, which waits.
 */
export type Question =
  | { readonly op: 'getattr'; readonly path: string; readonly handle: number }
  | { readonly op: 'readlink' | 'unlink' | 'rmdir' | 'readdir' | 'listxattr'; readonly path: string }
  /** Goes on with a listing, or ends it early. */
  | { readonly op: 'more' | 'enough'; readonly handle: number }
  | { readonly op: 'mknod'; readonly path: string; readonly mode: number; readonly device: number }
  | { readonly op: 'mkdir' | 'chmod' | 'create'; readonly path: string; readonly mode: number }
  | { readonly op: 'symlink' | 'rename'; readonly path: string; readonly to: string }
  | { readonly op: 'truncate'; readonly path: string; readonly size: number; readonly handle: number }
  | { readonly op: 'utimens'; readonly path: string; readonly times: Uint8Array | undefined }
  | { readonly op: 'open'; readonly path: string; readonly flags: number }
  | { readonly op: 'read'; readonly handle: number; readonly at: number; readonly length: number }
  | { readonly op: 'write'; readonly handle: number; readonly at: number; readonly data: Uint8Array }
  | { readonly op: 'release' | 'fsync'; readonly handle: number }
  | { readonly op: 'statfs' }
  | { readonly op: 'getxattr' | 'removexattr'; readonly path: string; readonly name: string }
  | { readonly op: 'setxattr'; readonly path: string; readonly name: string; readonly value: Uint8Array; readonly flags: number };

/** `status` is what the callback returns: 0, a count, or an error's number below 0. */
export interface Reply {
  readonly status: number;
  /** What goes into the caller's buffer. */
  readonly bytes?: Uint8Array;
  /** Of a file that was opened, or of a listing that goes on. */
  readonly handle?: number;
  readonly names?: readonly string[];
}

/** What the thread is started with. */
export interface ThreadData {
  /** Path of WinFsp's library. */
  readonly library: string;
  /** "X:". */
  readonly at: string;
  /** The words of a command line, as fuse_main gets them, without the program's name. */
  readonly options: readonly string[];
  /** Bits of WANT. */
  readonly want: number;
  /** The library that has malloc, free and memcpy; the process itself where it is not said. */
  readonly runtime?: string;
  /** Questions go out and answers come in here. */
  readonly port: MessagePort;
  /** One 32-bit number that grows with each answer. */
  readonly answered: SharedArrayBuffer;
}

/** What the thread tells by itself; the last one is that it ended. */
export type Told =
  | { readonly told: 'ready' }
  | { readonly told: 'ended'; readonly status: number }
  | { readonly told: 'failed'; readonly message: string };

/** What it is told: take the drive away. */
export type Order = 'exit';
