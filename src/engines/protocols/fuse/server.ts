import { errnoOf } from '../../core/errno.ts';
import { type DiskError, toDiskError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/filesystem.ts';
import type { ServedTree } from '../../core/served.ts';
import type { FuseChannel } from './channel.ts';
import { Handles } from './handles.ts';
import { agree } from './init.ts';
import { INIT_FLAG2, InHeader, InterruptIn, OP } from './layout.ts';
import { batchForget, forget } from './looking.ts';
import { Nodes } from './nodes.ts';
import { Notices } from './notices.ts';
import { OPERATIONS, READING } from './operations.ts';
import { Order } from './order.ts';
import { Replies } from './replies.ts';
import { Request } from './request.ts';
import type { FuseStatistics, Session } from './session.ts';
import { ToldNames } from './told-names.ts';

export interface FuseOptions {
  /** Told when the kernel has agreed on the protocol: from now on the mount works. */
  ready?(): void;
  /** The kernel lets the account that mounted do everything: it was mounted without `default_permissions`. */
  readonly unchecked?: boolean;
}

/** A tree that is being served to the kernel. */
export interface FuseServer {
  /** What was done so far; it goes on counting. */
  readonly statistics: Readonly<FuseStatistics>;
  /** Resolves when nothing is under way: every request that came is answered, and every notice delivered. */
  idle(): Promise<void>;
  /** Resolves when no more requests come and all that was open is let go: without an error when it was unmounted. Never rejects. */
  readonly ended: Promise<DiskError | undefined>;
}

/** Linux's numbers of errors that are no fault of ours. */
const EINTR = 4;
const EIO = 5;
const EINVAL = 22;
const ENOSYS = 38;
const ENOTTY = 25;

/** The minor version from which on the kernel knows epochs (FUSE_NOTIFY_INC_EPOCH). */
const EPOCHS = 44;

/**
 * Serves a tree to the kernel through a mount's descriptor, until that ends. Who may do what is the kernel's to check (`default_permissions`), or
 * nobody's (`unchecked`). Requests that
 * are wrong get an errno, and nothing that a message holds throws.
 */
export function serveFuse(channel: FuseChannel, tree: ServedTree, options: FuseOptions = {}): FuseServer {
  return new Server(channel, tree, options);
}

class Server implements FuseServer {
  readonly statistics: FuseStatistics = { requests: 0, bytesRead: 0, bytesWritten: 0, open: 0 };
  readonly ended: Promise<DiskError | undefined>;
  readonly #channel: FuseChannel;
  readonly #tree: ServedTree;
  readonly #options: FuseOptions;
  readonly #replies: Replies;
  #session: Session | undefined;
  /** Requests that are worked on and wait for something, by their numbers. */
  readonly #working = new Map<number, Request>();
  readonly #idle: (() => void)[] = [];
  #unlisten: (() => void) | undefined;

  constructor(channel: FuseChannel, tree: ServedTree, options: FuseOptions) {
    this.#channel = channel;
    this.#tree = tree;
    this.#options = options;
    this.#replies = new Replies(channel);
    channel.onRequest((message) => this.#receive(message));
    this.ended = this.#run();
  }

  async idle(): Promise<void> {
    // An answer may bring a notice about, and requests come while notices are told.
    do {
      if (this.#working.size > 0) await new Promise<void>((resolve) => { this.#idle.push(resolve); });
      await this.#session?.notices.idle();
    } while (this.#working.size > 0);
  }

  #receive(message: Uint8Array): void | Promise<void> {
    // Nothing that could be answered.
    if (message.length < InHeader.size) return undefined;
    this.statistics.requests++;
    const request = new Request(message);
    try {
      const work = this.#handle(request);
      return work === undefined ? undefined : this.#later(request, work);
    } catch (error) {
      this.#fail(request, error);
      return undefined;
    }
  }

  #handle(request: Request): void | Promise<void> {
    const { opcode } = request;
    const session = this.#session;
    switch (opcode) {
      // These are not answered, whatever they hold.
      case OP.FORGET:
      case OP.BATCH_FORGET:
        request.answered = true;
        if (session !== undefined && request.length === request.bytes.length) (opcode === OP.FORGET ? forget : batchForget)(session, request);
        return undefined;
      case OP.INTERRUPT:
        request.answered = true;
        return this.#interrupt(request);
      case OP.NOTIFY_REPLY:
        return undefined;
      default:
    }
    if (request.length !== request.bytes.length || request.end < InHeader.size) return this.#replies.fail(request, EINVAL);
    if (opcode === OP.INIT) return this.#init(request);
    if (session === undefined) return this.#replies.fail(request, EIO);
    const operation = OPERATIONS[opcode];
    // A program that asks for an ioctl hears that there is none; before Linux 6.16 it would hear our answer.
    if (operation === undefined) return this.#replies.fail(request, opcode === OP.IOCTL ? ENOTTY : ENOSYS);
    return operation(session, request);
  }

  async #later(request: Request, work: Promise<void>): Promise<void> {
    const { unique } = request;
    this.#working.set(unique, request);
    try {
      await work;
    } catch (error) {
      this.#fail(request, error);
    } finally {
      if (this.#working.get(unique) === request) this.#working.delete(unique);
      if (this.#working.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #fail(request: Request, error: unknown): void {
    this.#replies.fail(request, errnoOf(toDiskError(error)));
  }

  #init(request: Request): void {
    if (this.#session !== undefined) {
      this.#replies.fail(request, EIO);
      return;
    }
    const { fs } = this.#tree;
    const agreement = agree(request, this.#replies, fs, this.#channel.room, this.#options.unchecked === true);
    if (agreement === undefined) return;
    const nodes = new Nodes(fs.root);
    const names = agreement.minor >= EPOCHS ? undefined : new ToldNames();
    const session: Session = this.#session = {
      fs, agreement, nodes, names, handles: new Handles(), replies: this.#replies, statistics: this.statistics, order: new Order(),
      notices: new Notices(this.#channel, nodes, names, (agreement.flags2 & INIT_FLAG2.HAS_EXPIRE_ONLY) !== 0),
      folding: fs.writer !== undefined && (!fs.writer.names.caseSensitive || fs.info.features.includes('casefold')), blockSize: blockSizeOf(fs), privileges: 0,
    };
    this.#unlisten = this.#tree.onChange((change) => {
      session.privileges++;
      session.order.changes++;
      if (change.what === 'all') session.blockSize = blockSizeOf(fs);
      session.notices.change(change);
    });
    this.#options.ready?.();
  }

  /**
   * Somebody does not want to wait any longer (a signal). What only looks is given up at once, and its answer dropped when it comes; a change goes on, and is
   * answered as it ends. What is answered already is none of it.
   */
  #interrupt(request: Request): void {
    const { unique } = request.body(InterruptIn);
    const waiting = this.#working.get(unique);
    if (waiting !== undefined && READING.has(waiting.opcode)) this.#replies.fail(waiting, EINTR);
  }

  /** @returns why it ended */
  async #run(): Promise<DiskError | undefined> {
    const error = await new Promise<DiskError | undefined>((resolve) => { this.#channel.onEnd(resolve); });
    this.#replies.end();
    this.#unlisten?.();
    this.#session?.notices.end();
    await this.idle();
    const { writer } = this.#tree.fs;
    for (const { node } of this.#session?.handles.clear() ?? []) {
      try {
        await writer?.release(node);
      } catch {
        // The tree is gone already, and what was held with it.
      }
    }
    this.statistics.open = 0;
    return error;
  }
}

/** Programs read and write in pieces of st_blksize: not of less than a page. */
function blockSizeOf({ info }: FileSystem): number {
  return Math.max(4096, info.blockSize);
}
