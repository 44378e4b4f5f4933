import type { ByteChannel } from '../../core/channel.ts';
import { errorOf } from '../../core/errno.ts';
import { cancelled, DiskError, toDiskError, unsupported } from '../../core/errors.ts';
import { broken, decode, encode, Frames, retag, tagOf } from './codec.ts';
import { type Dialect, type Fields, IO_HEADER, type Message, type MessageName, MESSAGES, NOFID, NOTAG, type Qid, type ReplyName, type RequestName } from './messages.ts';

/** How long an answer may take, and how the caller's platform waits. */
export interface Timeout {
  /** Milliseconds that one request may take. */
  readonly ms: number;
  /** Runs it after so many milliseconds. @returns what cancels it */
  after(ms: number, run: () => void): () => void;
}

export interface ConnectOptions {
  /** Largest frame to ask for, in bytes; the server may say less. 1 MiB unless told (diod takes 64 KiB). */
  readonly msize?: number;
  /** Which tree: a path of the server, as it exports it. */
  readonly aname?: string;
  /** As whom: a name and, where it is told, a number. "root" and 0 unless told. */
  readonly uname?: string;
  readonly n_uname?: number;
  readonly dialect?: Dialect;
  /** Without it a request may take for ever, unless it is cancelled or the channel ends. */
  readonly timeout?: Timeout;
  /** What the other side is called in errors: "guest linux-6.12". */
  readonly peer?: string;
}

/** What a caller sets to give up: the DOM's and Node's AbortSignal fit. */
export interface AbortLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', run: () => void): void;
  removeEventListener(type: 'abort', run: () => void): void;
}

export interface CallOptions {
  readonly signal?: AbortLike;
  /** Told when a request that was given up is over at last: with its answer if there still came one, so that what it made can be undone. */
  late?(answered: boolean): void;
}

const MSIZE = 1 << 20;
/** Smallest msize that is of use: a name of 255 bytes in a stat, with some data. */
const MIN_MSIZE = 1024;
/** Requests on their way at once; others wait here. Servers have some dozen threads. */
const IN_FLIGHT = 64;
/** fids that are handed out at once: far more than our caches hold, and a bound for a caller that leaks. */
const MAX_FIDS = 1 << 16;

interface Pending {
  readonly name: RequestName;
  readonly frame: Uint8Array;
  resolve(fields: Message['fields']): void;
  reject(error: DiskError): void;
  stop(): void;
  late: ((answered: boolean) => void) | undefined;
  /** Nobody waits for it any more; its tag is free again when the server says so. */
  abandoned: boolean;
}

/**
 * Agrees on a dialect and attaches to a tree.
 * @throws DiskError unsupported when the server speaks another dialect; guest when the channel ends; corrupt for an answer that is no 9P;
 *   timeout; what the server says when it refuses to attach. The channel is closed then.
 */
export async function connect9p(channel: ByteChannel, options: ConnectOptions = {}): Promise<NinepClient> {
  const client = new NinepClient(channel, options);
  try {
    await client.start();
  } catch (error) {
    client.close(toDiskError(error));
    throw error;
  }
  return client;
}

/** A connection to a 9P server: many requests at once, each answered by a promise. The end of the channel, or one broken frame, fails all of them. */
export class NinepClient {
  readonly dialect: Dialect;
  /** The fid of the tree's root, and what it is. */
  readonly root = 0;
  readonly peer: string;
  readonly #channel: ByteChannel;
  readonly #options: ConnectOptions;
  readonly #frames = new Frames(MSIZE);
  readonly #pending = new Map<number, Pending>();
  readonly #waiting: Pending[] = [];
  readonly #freeTags: number[] = [];
  readonly #freeFids: number[] = [];
  #nextTag = 0;
  #nextFid = 1;
  #msize: number;
  #rootQid: Qid | undefined;
  #blocked = false;
  #failure: DiskError | undefined;
  #onFailure: ((error: DiskError) => void)[] = [];

  constructor(channel: ByteChannel, options: ConnectOptions) {
    this.#channel = channel;
    this.#options = options;
    this.dialect = options.dialect ?? '9P2000.L';
    this.peer = options.peer ?? '9P server';
    this.#msize = Math.max(MIN_MSIZE, options.msize ?? MSIZE);
    this.#frames.limit = this.#msize;
    channel.onBytes((bytes) => { this.#receive(bytes); });
    channel.onEnd((error) => { this.#fail(new DiskError({ kind: 'guest', guest: this.peer }, error === undefined ? `${this.peer} ended the connection` : `The connection to ${this.peer} failed: ${error.message}`)); });
  }

  /** Largest frame in bytes, as both sides agreed. */
  get msize(): number {
    return this.#msize;
  }

  /** Bytes of data that one read or write carries at most. */
  get payload(): number {
    return this.#msize - IO_HEADER;
  }

  get rootQid(): Qid {
    return this.#rootQid!;
  }

  /** Why nothing works any more; undefined while it does. */
  get failure(): DiskError | undefined {
    return this.#failure;
  }

  /** Requests that were sent and are not answered. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /** Told once, when the connection is over. */
  onFailure(run: (error: DiskError) => void): void {
    if (this.#failure) run(this.#failure);
    else this.#onFailure.push(run);
  }

  /**
   * A new fid on a folder of the tree, as the root of a tree of its own.
   * @param names from the root
   */
  async attach(names: readonly string[]): Promise<number> {
    const { aname = '', uname = 'root', n_uname = 0 } = this.#options;
    const fid = this.takeFid();
    try {
      await this.call('Tattach', { fid, afid: NOFID, uname, aname: [aname.replace(/\/+$/, ''), ...names].join('/'), n_uname });
      return fid;
    } catch (error) {
      this.freeFid(fid);
      throw error;
    }
  }

  async start(): Promise<void> {
    const { aname = '', uname = 'root', n_uname = 0 } = this.#options;
    const asked = this.#msize;
    const { msize, version } = await this.call('Tversion', { msize: asked, version: this.dialect });
    if (version !== this.dialect) throw unsupported(version, `${this.peer} does not speak ${this.dialect}: it answered "${version.slice(0, 40)}"`);
    if (msize > asked || msize < MIN_MSIZE) throw broken(`an msize of ${msize}, after ${asked} was asked for`);
    this.#msize = msize;
    this.#frames.limit = msize;
    this.#rootQid = (await this.call('Tattach', { fid: this.root, afid: NOFID, uname, aname, n_uname })).qid;
  }

  /**
   * Sends a request.
   * @throws (rejects) what the server answers, as usage with its errno or its nearest; cancelled, timeout; guest or corrupt once the connection is over
   */
  call<T extends RequestName>(name: T, fields: Fields<T>, options: CallOptions = {}): Promise<Fields<ReplyName<T>>> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (options.signal?.aborted) return Promise.reject(cancelled());
    let frame: Uint8Array;
    try {
      frame = encode(name, NOTAG, fields);
    } catch (error) {
      return Promise.reject(toDiskError(error));
    }
    return new Promise((resolve, reject) => {
      const pending: Pending = { name, frame, resolve: resolve as Pending['resolve'], reject, stop() {}, late: options.late, abandoned: false };
      const stops: (() => void)[] = [];
      pending.stop = () => { for (const stop of stops.splice(0)) stop(); };
      const { signal } = options;
      if (signal !== undefined) {
        const abort = (): void => { this.#abandon(pending, cancelled()); };
        signal.addEventListener('abort', abort);
        stops.push(() => { signal.removeEventListener('abort', abort); });
      }
      const { timeout } = this.#options;
      if (timeout !== undefined) {
        stops.push(timeout.after(timeout.ms, () => {
          const late = new DiskError({ kind: 'timeout', ms: timeout.ms }, `${this.peer} did not answer ${name} within ${timeout.ms} ms`);
          // A server that does not even answer a flush, or the greeting, is gone.
          if (name === 'Tflush' || name === 'Tversion') this.#fail(late);
          else this.#abandon(pending, late);
        }));
      }
      this.#waiting.push(pending);
      this.#send();
    });
  }

  /** A number for a new fid. @throws usage ENOSPC when far too many are out */
  takeFid(): number {
    const fid = this.#freeFids.pop() ?? this.#nextFid++;
    if (fid > MAX_FIDS) throw new DiskError({ kind: 'io' }, `More than ${MAX_FIDS} fids are in use`);
    return fid;
  }

  /** A fid that the server does not know, or knows no more. */
  freeFid(fid: number): void {
    this.#freeFids.push(fid);
  }

  /** Lets the server forget a fid. Failures are of no consequence: the fid is gone either way (clunk(5)). */
  async clunk(fid: number): Promise<void> {
    try {
      await this.call('Tclunk', { fid });
    } catch (error) {
      // Not answered: the number may still be in use over there, so it is not given again.
      if (toDiskError(error).kind === 'timeout') return;
    }
    this.freeFid(fid);
  }

  /** Ends the connection; every request that is still out fails with the error. */
  close(error: DiskError = new DiskError({ kind: 'guest', guest: this.peer }, `The connection to ${this.peer} was closed`)): void {
    this.#fail(error);
  }

  #send(): void {
    while (!this.#blocked && this.#waiting.length > 0 && this.#pending.size < IN_FLIGHT + this.#abandoned) {
      const pending = this.#waiting.shift()!;
      const tag = pending.name === 'Tversion' ? NOTAG : this.#freeTags.pop() ?? this.#nextTag++;
      if (tag >= NOTAG && pending.name !== 'Tversion') {
        this.#fail(new DiskError({ kind: 'guest', guest: this.peer }, `${this.peer} leaves too many requests unanswered`));
        return;
      }
      retag(pending.frame, tag);
      this.#pending.set(tag, pending);
      const pause = this.#channel.send(pending.frame);
      if (pause !== undefined) {
        this.#blocked = true;
        void this.#unblock(pause);
      }
    }
  }

  async #unblock(pause: Promise<void>): Promise<void> {
    await pause;
    this.#blocked = false;
    this.#send();
  }

  /** Requests that nobody waits for, and that must not keep others from being sent: the flushes among them. */
  #abandoned = 0;

  /** The caller gives up: it is told at once, and the server is asked to forget the request. */
  #abandon(pending: Pending, error: DiskError): void {
    if (pending.abandoned) return;
    pending.stop();
    pending.reject(error);
    const queued = this.#waiting.indexOf(pending);
    if (queued >= 0) {
      this.#waiting.splice(queued, 1);
      pending.late?.(false);
      return;
    }
    pending.abandoned = true;
    const tag = [...this.#pending].find(([, each]) => each === pending)?.[0];
    if (tag === undefined) return;
    this.#abandoned += 2;
    void this.#flush(tag, pending);
  }

  async #flush(tag: number, pending: Pending): Promise<void> {
    try {
      await this.call('Tflush', { oldtag: tag });
      // Not answered before the flush was: it never will be (flush(5)).
      if (this.#pending.get(tag) === pending) this.#finish(tag, pending, false);
    } catch {
      // The connection is over, and what was on its way with it.
    } finally {
      this.#abandoned -= 2;
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#failure) return;
    try {
      for (const frame of this.#frames.push(bytes)) {
        this.#answer(frame);
        if (this.#failure) return;
      }
    } catch (error) {
      // Where one frame ends, and so where the next begins, is not known any more.
      this.#fail(toDiskError(error));
    }
  }

  #answer(frame: Uint8Array): void {
    const tag = tagOf(frame);
    const pending = this.#pending.get(tag);
    if (pending === undefined) throw broken(`an answer with the tag ${tag}, which no request has`);
    const { name, fields } = decode(frame);
    if (name === 'Rlerror' || name === 'Rerror') {
      if (name !== (this.dialect === '9P2000.L' ? 'Rlerror' : 'Rerror') && pending.name !== 'Tversion') throw broken(`${name} in ${this.dialect}`);
      this.#finish(tag, pending, false);
      if (!pending.abandoned) pending.reject(this.#refusal(pending.name, name, fields));
    } else {
      if (MESSAGES[name].id !== MESSAGES[pending.name].id + 1) throw broken(`${name} as the answer to ${pending.name}`);
      this.#finish(tag, pending, true);
      if (!pending.abandoned) pending.resolve(fields);
    }
    this.#send();
  }

  #refusal(request: RequestName, name: MessageName, fields: Message['fields']): DiskError {
    if (name === 'Rlerror') return errorOf((fields as Fields<'Rlerror'>).ecode, request);
    const { ename, errno } = fields as Fields<'Rerror'>;
    return errorOf(errno === 0 ? ERRNO_OF_TEXT[ename] ?? 0 : errno, `${request} (${ename.slice(0, 200)})`);
  }

  #finish(tag: number, pending: Pending, answered: boolean): void {
    this.#pending.delete(tag);
    if (tag !== NOTAG) this.#freeTags.push(tag);
    pending.stop();
    if (pending.abandoned) pending.late?.(answered);
  }

  #fail(error: DiskError): void {
    if (this.#failure) return;
    this.#failure = error;
    const open = [...this.#pending.values(), ...this.#waiting.splice(0)];
    this.#pending.clear();
    for (const pending of open) {
      pending.stop();
      if (pending.abandoned) pending.late?.(false);
      else pending.reject(error);
    }
    this.#channel.close();
    for (const run of this.#onFailure.splice(0)) run(error);
  }
}

/** What servers of plain 9P2000 say in words where .u has a number (Plan 9's own texts). */
const ERRNO_OF_TEXT: Readonly<Record<string, number>> = {
  'file does not exist': 2, 'file not found': 2, 'No such file or directory': 2, 'permission denied': 13, 'Permission denied': 13, 'file already exists': 17, 'not a directory': 20,
  'file is a directory': 21, 'directory not empty': 39, 'No space left on device': 28, 'Read-only file system': 30, 'illegal name': 22,
};
