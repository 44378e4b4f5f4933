import { close, write, writevSync } from 'node:fs';
import { type DiskError, ioError } from '../../engines/core/errors.ts';
import type { FuseChannel } from '../../engines/protocols/fuse/channel.ts';
import type { FuseDevice } from '../native/fuse-device.ts';
import { FusePoller, type Polled, type Waking } from './fuse-poller.ts';

/** Bytes of a request at most: a write of 1 MiB (FUSE_MAX_MAX_PAGES of 4 KiB), and a page for what stands before it. */
const ROOM = (1 << 20) + 4096;

/**
 * Bytes of the arrays that requests without data are handed over in. One page holds two names and their headers; those that still wait for their answer are
 * as many as programs wait, and such an array is less than what the kernel keeps for each of those.
 */
const SMALL = 8192;

/** Requests with data that may be worked on at once. More stay in the kernel: none that comes after them is needed to answer them. */
const MOST_LARGE = 8;

/** Small arrays that are kept for the next requests. */
const KEPT = 64;

/** Bytes of an answer up to which its parts are put together: one copy is cheaper than the kernel's look at every part. */
const TOGETHER = 8192;

const [ENOENT, EINTR, EAGAIN, ENODEV, EIO, ECONNABORTED] = [2, 4, 11, 19, 5, 103];

let poller: FusePoller | undefined;

/** Notices of all mounts, one after the other: each may keep a thread of libuv's pool waiting, and there are four. */
let notices: Promise<unknown> = Promise.resolve();

/** The descriptor of a mount (an open /dev/fuse), as whole messages. */
export class DeviceChannel implements FuseChannel, Polled {
  readonly fd: number;
  readonly room = ROOM;
  readonly #calls: FuseDevice;
  readonly #poller: Waking;
  #run: ((message: Uint8Array) => void | Promise<void>) | undefined;
  #ended: ((error?: DiskError) => void) | undefined;
  /** Set when no more requests come. */
  #end: { readonly error: DiskError | undefined } | undefined;
  #closed = false;
  /** Requests whose promise is open. */
  #open = 0;
  /** Arrays of ROOM bytes that receivers have. */
  #lent = 0;
  /** Where the next request is read to, and those after it. */
  #large: Uint8Array | undefined;
  readonly #larges: Uint8Array[] = [];
  readonly #smalls: Uint8Array[] = [];
  readonly #answer = new Uint8Array(TOGETHER);
  /** Notices that are not written yet: the descriptor is let go after them. */
  #notices = 0;

  /**
   * @param fd is the channel's from now on
   * @param waking tells it when there is something to be read; the poll of all mounts when absent
   */
  constructor(calls: FuseDevice, fd: number, waking: Waking = poller ??= new FusePoller(calls)) {
    this.#calls = calls;
    this.fd = fd;
    calls.dontWait(fd);
    this.#poller = waking;
  }

  get wants(): boolean {
    return this.#lent < MOST_LARGE;
  }

  get idle(): boolean {
    return this.#open === 0;
  }

  onRequest(run: (message: Uint8Array) => void | Promise<void>): void {
    this.#run = run;
    this.#poller.add(this);
  }

  onEnd(run: (error?: DiskError) => void): void {
    this.#ended = run;
    if (this.#end !== undefined) run(this.#end.error);
  }

  drain(most: number): boolean {
    for (let left = most; left > 0 && this.wants && this.#end === undefined; left--) {
      const large = this.#large ??= this.#larges.pop() ?? new Uint8Array(ROOM);
      const length = this.#calls.read(this.fd, large);
      if (length > SMALL) {
        this.#large = undefined;
        this.#hand(large, length, true);
      } else if (length > 0) {
        this.#small(large, length);
      } else if (length === -EAGAIN) {
        return left < most;
      // The program that asked was interrupted before we had all of its request.
      } else if (length !== -EINTR && length !== -ENOENT) {
        // Unmounted, or aborted through /sys/fs/fuse/connections.
        const ended = length === 0 || length === -ENODEV || length === -ECONNABORTED;
        this.#finish(ended ? undefined : ioError(`The kernel's side of the mount can't be read: errno ${-length}`));
      }
    }
    return true;
  }

  send(parts: readonly Uint8Array[]): number {
    if (this.#closed) return ENODEV;
    let length = 0;
    for (const part of parts) length += part.length;
    if (length > TOGETHER) {
      try {
        writevSync(this.fd, parts);
        return 0;
      } catch (error) {
        return errnoOf(error);
      }
    }
    let at = 0;
    for (const part of parts) {
      this.#answer.set(part, at);
      at += part.length;
    }
    return Math.max(0, -this.#calls.write(this.fd, this.#answer, length));
  }

  notify(message: Uint8Array): Promise<number> {
    this.#notices++;
    const told = notices.then(() => new Promise<number>((resolve) => {
      if (this.#closed || this.#end !== undefined) return resolve(ENODEV);
      write(this.fd, message, (error) => resolve(error === null ? 0 : errnoOf(error)));
    })).finally(() => {
      this.#notices--;
      if (this.#closed) this.#letGo();
    });
    notices = told;
    return told;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#finish();
    this.#letGo();
  }

  #small(from: Uint8Array, length: number): void {
    const small = this.#smalls.pop() ?? new Uint8Array(SMALL);
    small.set(from.subarray(0, length));
    this.#hand(small, length, false);
  }

  #hand(array: Uint8Array, length: number, large: boolean): void {
    const kept = large ? this.#larges : this.#smalls;
    const back = (): void => { if (kept.length < KEPT) kept.push(array); };
    const promise = this.#run!(array.subarray(0, length));
    if (promise === undefined) return back();
    this.#open++;
    if (large) this.#lent++;
    const finished = (): void => {
      this.#open--;
      back();
      if (large && this.#lent-- === MOST_LARGE) this.#poller.wake();
    };
    promise.then(finished, finished);
  }

  #finish(error?: DiskError): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#poller.remove(this);
    this.#ended?.(error);
  }

  /** Not under a notice that is being written: the number of the descriptor may be another's then. */
  #letGo(): void {
    if (this.#notices > 0) return;
    this.#large = undefined;
    this.#larges.length = 0;
    close(this.fd, () => {});
  }
}

function errnoOf(error: unknown): number {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? EIO : Math.abs(errno);
}
