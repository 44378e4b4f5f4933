import type { DiskError } from '../../core/errors.ts';

/**
 * The kernel's side of a FUSE mount: whole messages both ways, as /dev/fuse reads and writes them (Linux, fs/fuse/dev.c). What the mount's descriptor is to
 * the host, and two arrays to a test.
 */
export interface FuseChannel {
  /**
   * Bytes of the largest request that it can hand over. The kernel demands at least 8 KiB, and room for the header beside the largest write that is
   * agreed on.
   */
  readonly room: number;
  /**
   * Who is told each request, whole; set once. The array is the receiver's until the promise resolves (or, with no promise, until it returns):
   * several may be on their way at once.
   */
  onRequest(run: (message: Uint8Array) => void | Promise<void>): void;
  /**
   * Sends one message to the kernel (an answer, or a notice), its parts in a row. The arrays are the sender's again when it returns.
   * @returns 0, or the errno that the kernel answered: ENOENT when the request was interrupted and is forgotten, or the notice's node is not known
   */
  send(parts: readonly Uint8Array[]): number;
  /** Told once, when no more requests come: it was unmounted (no error), or the descriptor failed. */
  onEnd(run: (error?: DiskError) => void): void;
  /** Lets the descriptor go. The mount is dead afterwards if it was still there. */
  close(): void;
}
