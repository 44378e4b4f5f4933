import type { ByteChannel } from '../../core/channel.ts';
import { errnoOf } from '../../core/errno.ts';
import { type DiskError, toDiskError, unsupported, usage } from '../../core/errors.ts';
import type { FileSystem } from '../../core/filesystem.ts';
import { decode, encode, Frames, tagOf } from './codec.ts';
import { type Dialect, type Fields, IO_HEADER, MAX_WALK, type Message, type MessageName, MESSAGES, NOFID, NONE32, type Qid, type ReplyName, type RequestName } from './messages.ts';
import { type Handlers, Served, type Way } from './served.ts';
import { linuxHandlers } from './server-linux.ts';
import { unixHandlers } from './server-unix.ts';

export interface ServeOptions {
  /** Largest frame, in bytes. 1 MiB unless told. */
  readonly msize?: number;
  /** fids that one client may have. */
  readonly fids?: number;
  /** Told when the channel has ended and every file that was open is let go; with why, when the channel failed or the client did not keep to the protocol. */
  ended?(error?: DiskError): void;
}

const MSIZE = 1 << 20;
const MIN_MSIZE = 1024;
const FIDS = 16_384;
/** Requests of one client that are worked on at once; what comes after them waits in the channel. */
const REQUESTS = 64;

/**
 * Serves a filesystem to one client until the channel ends: 9P2000.L and 9P2000.u, whichever the client asks for. Who the client says to be is
 * taken as it is, and permissions are not looked at: the channel is the wall. Requests that are wrong get an error; a frame whose length is
 * wrong ends the channel.
 */
export function serve9p(channel: ByteChannel, fs: FileSystem, options: ServeOptions = {}): void {
  new Server(channel, fs, options).start();
}

class Server {
  readonly #channel: ByteChannel;
  readonly #options: ServeOptions;
  readonly #served: Served;
  readonly #frames: Frames;
  readonly #common: Handlers;
  /** Requests that have no answer yet, by their tags. */
  readonly #working = new Map<number, Promise<void>>();
  /** Those, and answers that the channel has not taken yet. */
  readonly #busy = new Set<Promise<void>>();
  #dialect: Dialect | undefined;
  #handlers: Handlers = {};
  #failure: DiskError | undefined;
  #msize: number;

  constructor(channel: ByteChannel, fs: FileSystem, options: ServeOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#served = new Served(fs, options.fids ?? FIDS);
    this.#msize = Math.max(MIN_MSIZE, options.msize ?? MSIZE);
    this.#frames = new Frames(this.#msize);
    this.#common = this.#commonHandlers();
  }

  start(): void {
    this.#channel.onBytes((bytes) => this.#receive(bytes));
    this.#channel.onEnd((error) => { void this.#end(error); });
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    try {
      for (const frame of this.#frames.push(bytes)) {
        while (this.#busy.size >= REQUESTS) await Promise.race(this.#busy);
        const tag = tagOf(frame);
        if (this.#working.has(tag)) {
          await this.#refuse(tag, usage('EINVAL', `The tag ${tag} is in use`));
          continue;
        }
        // Alone: what is on its way still speaks of the session before.
        if (frame[4] === MESSAGES.Tversion.id) await Promise.all(this.#busy);
        const work = this.#work(tag, frame);
        if (frame[4] === MESSAGES.Tversion.id) await work;
      }
    } catch (error) {
      // Where the next frame begins is not known.
      this.#failure = toDiskError(error);
      this.#channel.close();
    }
  }

  #work(tag: number, frame: Uint8Array): Promise<void> {
    let answered = false;
    const work = this.#answer(tag, frame, () => {
      answered = true;
      this.#working.delete(tag);
    }).finally(() => { this.#busy.delete(work); });
    this.#busy.add(work);
    if (!answered) this.#working.set(tag, work);
    return work;
  }

  /** @param answered the client may use the tag again as soon as it has the answer, which is before the channel tells that it was taken */
  async #answer(tag: number, frame: Uint8Array, answered: () => void): Promise<void> {
    let reply: Uint8Array;
    try {
      const message = decode(frame);
      const fields = await this.#handle(message);
      reply = encode(`R${message.name.slice(1)}` as MessageName, tag, fields as never);
    } catch (error) {
      answered();
      return this.#refuse(tag, toDiskError(error));
    }
    answered();
    await this.#channel.send(reply);
  }

  #handle({ name, fields }: Message): Promise<unknown> {
    if (this.#dialect === undefined && name !== 'Tversion') throw usage('EINVAL', 'A client begins with Tversion');
    const handler = (this.#common[name as RequestName] ?? this.#handlers[name as RequestName]) as ((fields: Message['fields']) => Promise<unknown>) | undefined;
    if (handler === undefined) throw unsupported(name, `${name} is no request of ${this.#dialect}`);
    return handler(fields);
  }

  /** Waits as every answer does until the client takes it: one that only sends would fill our memory with refusals. */
  async #refuse(tag: number, error: DiskError): Promise<void> {
    const errno = errnoOf(error);
    await this.#channel.send(this.#dialect === '9P2000.u' ? encode('Rerror', tag, { ename: error.message.slice(0, 200), errno }) : encode('Rlerror', tag, { ecode: errno }));
  }

  async #end(cause?: DiskError): Promise<void> {
    await Promise.all(this.#busy);
    await this.#served.clear();
    this.#options.ended?.(this.#failure ?? cause);
  }

  #commonHandlers(): Handlers {
    const served = this.#served;
    return {
      Tversion: async ({ msize, version }) => {
        await served.clear();
        if (msize < MIN_MSIZE) throw usage('EINVAL', `An msize of ${msize} is too small`);
        this.#msize = Math.min(msize, Math.max(MIN_MSIZE, this.#options.msize ?? MSIZE));
        this.#frames.limit = this.#msize;
        const known = version === '9P2000.L' || version === '9P2000.u' ? version : undefined;
        this.#dialect = known;
        const payload = (): number => this.#msize - IO_HEADER;
        this.#handlers = known === '9P2000.L' ? linuxHandlers(served, payload) : unixHandlers(served, payload);
        return { msize: this.#msize, version: known ?? 'unknown' };
      },
      // ENOENT is what diod answers and its clients go on with (libnpfs/fcall.c, np_auth).
      Tauth: () => Promise.reject(usage('ENOENT', 'Nobody needs to prove who they are')),
      Tattach: async ({ fid, afid, n_uname }) => {
        if (afid !== NOFID) throw usage('EINVAL', 'There is no authentication');
        const way: Way = { node: served.fs.root, name: '', up: undefined };
        const qid = await served.qid(way.node);
        served.add(fid, { way, uid: n_uname === NONE32 ? 0 : n_uname });
        return { qid };
      },
      // The answer to what is flushed goes first, and stands (flush(5)).
      Tflush: async ({ oldtag }) => {
        await this.#working.get(oldtag);
        return {};
      },
      Twalk: (fields) => this.#walk(fields),
      Tclunk: async ({ fid }) => {
        await served.clunk(fid);
        return {};
      },
      Tremove: async ({ fid }) => {
        const file = served.get(fid);
        try {
          const { dir, name } = await served.named(file);
          if ((await served.fs.stat(file.way.node)).type === 'dir') await served.writer.rmdir(dir, name);
          else await served.writer.unlink(dir, name);
        } finally {
          await served.clunk(fid);
        }
        return {};
      },
      Twrite: async ({ fid, offset, data }) => ({ count: await served.write(served.get(fid), offset, data) }),
    };
  }

  async #walk({ fid, newfid, wnames }: Fields<'Twalk'>): Promise<Fields<ReplyName<'Twalk'>>> {
    const served = this.#served;
    const from = served.closed(fid);
    if (newfid !== fid) served.checkFree(newfid);
    if (wnames.length > MAX_WALK) throw usage('EINVAL', `A walk has at most ${MAX_WALK} names`);
    const wqids: Qid[] = [];
    let { way } = from;
    try {
      for (const name of wnames) {
        const next = await served.step(way, name);
        if (next === undefined) throw usage('ENOENT', `There is no ${name}`);
        wqids.push(await served.qid(next.node));
        way = next;
      }
    } catch (error) {
      // As far as it went; only a walk that fails at once is an error (walk(5)).
      if (wqids.length === 0) throw error;
      return { wqids };
    }
    if (newfid === fid) from.way = way;
    else served.add(newfid, { way, uid: from.uid });
    return { wqids };
  }
}
