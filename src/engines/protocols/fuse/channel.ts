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
   * Sends one answer to the kernel, its parts in a row. The arrays are the sender's again when it returns.
   * @returns 0, or the errno that the kernel answered: ENOENT when the request was interrupted and is forgotten
   */
  send(parts: readonly Uint8Array[]): number;
  /**
   * Sends one notice to the kernel, in another thread than the one that answers requests (Node's fs.write with a callback): the kernel may
   * keep the writer waiting for a lock that a request holds which is not answered yet (fs/fuse/inode.c, fuse_reverse_inval_inode waits for pages that are
   * being read; fs/fuse/dir.c, fuse_reverse_inval_entry for the folder). One at a time is under way. The array is the channel's until it resolves.
   * @returns 0, or the errno: ENOENT where the kernel does not know the node or name. Never rejects; after the end it resolves.
   */
  notify(message: Uint8Array): Promise<number>;
  /** Told once, when no more requests come: it was unmounted (no error), or the descriptor failed. */
  onEnd(run: (error?: DiskError) => void): void;
  /** Lets the descriptor go. The mount is dead afterwards if it was still there. */
  close(): void;
}
