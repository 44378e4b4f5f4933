import type { ByteChannel } from '../../core/channel.ts';
import type { JobContext } from '../../core/job.ts';
import { malformed, requestError, RequestError } from './errors.ts';
import type { ExportedDevice } from './export.ts';
import { type Agreement, ALLOCATION_ID } from './handshake.ts';
import type { Inbox } from './inbox.ts';
import { CMD, CMD_FLAG, ERROR, MOST_PAYLOAD, Request, REQUEST_MAGIC } from './layout.ts';
import { Outbox } from './outbox.ts';
import { type Allocation, Replies } from './replies.ts';
import type { NbdStatistics } from './statistics.ts';

/** Bytes that are read or written in one go. */
const PIECE = 256 * 1024;

/** Bytes of the disk that are looked through for holes in one go. */
const LOOK = 16 * 1024 * 1024;

/** Reads of fewer bytes are not looked through for holes: to ask a device costs as much as to read them. */
const LEAST_LOOK = 64 * 1024;

/** Extents of one answer at most. */
const MOST_EXTENTS = 4096;

/** Flags that a request may have, by its type. FUA is let pass where it means nothing: older clients set it on everything. */
const FLAGS: Readonly<Record<number, number>> = {
  [CMD.READ]: CMD_FLAG.FUA | CMD_FLAG.DF,
  [CMD.WRITE]: CMD_FLAG.FUA,
  [CMD.FLUSH]: CMD_FLAG.FUA,
  [CMD.TRIM]: CMD_FLAG.FUA,
  [CMD.CACHE]: 0,
  [CMD.WRITE_ZEROES]: CMD_FLAG.FUA | CMD_FLAG.NO_HOLE,
  [CMD.BLOCK_STATUS]: CMD_FLAG.REQ_ONE,
};

/** Requests that change the disk. */
const CHANGING: ReadonlySet<number> = new Set([CMD.WRITE, CMD.TRIM, CMD.WRITE_ZEROES]);

export interface TransmissionOptions {
  readonly job: Pick<JobContext, 'breathe'>;
  /** From when it says so on, nothing is written any more. */
  readonly fenced: () => boolean;
  readonly statistics: NbdStatistics;
}

/** A request, as it stands in its header. */
interface Asked {
  readonly flags: number;
  readonly type: number;
  readonly cookie: bigint;
  readonly at: number;
  readonly length: number;
}

/** The connection can't go on: no answer is due. */
class Broken extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('The connection ends');
    this.cause = cause;
  }
}

/**
 * The transmission phase: requests of one client, one after another, in the order in which they came. Devices answer at once, so that another order
 * would gain nothing.
 */
export class Transmission {
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #replies: Replies;
  readonly #device: ExportedDevice;
  readonly #agreement: Agreement;
  readonly #options: TransmissionOptions;
  /** Where the pieces of a write are put together. */
  #staging: Uint8Array | undefined;
  readonly #header = new Uint8Array(Request.size);

  constructor(inbox: Inbox, channel: ByteChannel, agreement: Agreement, options: TransmissionOptions) {
    this.#inbox = inbox;
    this.#outbox = new Outbox(channel);
    this.#device = agreement.device;
    this.#agreement = agreement;
    this.#options = options;
    this.#replies = new Replies(this.#outbox, agreement.device, agreement.structured);
  }

  /** Serves until the client goes. @throws DiskError io for a client that does not keep to the protocol; cancelled */
  async run(): Promise<void> {
    try {
      while (await this.#waitFor(Request.size)) {
        const { magic, flags, type, cookie, offset, length } = Request.at(this.#inbox.take(Request.size, this.#header));
        if (magic !== REQUEST_MAGIC) throw malformed('a request without its magic');
        if (type === CMD.DISC) break;
        this.#options.statistics.requests++;
        // Of an offset past 2^53 the last bits are lost, and it is outside of any device all the same.
        await this.#serve({ flags, type, cookie, at: Number(offset), length });
        await this.#breathe();
      }
      if (this.#inbox.ended && this.#inbox.length > 0) throw malformed('it ends in the middle of a request');
      this.#outbox.flush();
    } catch (error) {
      throw error instanceof Broken ? error.cause : error;
    }
  }

  async #serve(asked: Asked): Promise<void> {
    try {
      await this.#do(asked);
    } catch (error) {
      if (error instanceof Broken) throw error;
      this.#options.statistics.errors++;
      await this.#replies.error(asked.cookie, requestError(error));
    }
  }

  async #do(asked: Asked): Promise<void> {
    const { type, flags } = asked;
    switch (type) {
      case CMD.READ: return this.#read(asked);
      case CMD.BLOCK_STATUS: return this.#blockStatus(asked);
      case CMD.WRITE:
        await this.#write(asked);
        break;
      case CMD.WRITE_ZEROES:
        await this.#zero(asked);
        break;
      case CMD.CACHE:
        await this.#cache(asked);
        break;
      case CMD.TRIM:
        // Advice that is not taken: what lies below an overlay is no emptier than what was written over it.
        this.#check(asked);
        break;
      case CMD.FLUSH:
        this.#checkFlags(asked);
        if (!this.#device.readOnly) this.#device.flush();
        break;
      default: throw new RequestError(ERROR.EINVAL, `There is no request ${type}`);
    }
    if ((flags & CMD_FLAG.FUA) !== 0 && CHANGING.has(type)) this.#device.flush();
    await this.#replies.done(asked.cookie);
  }

  async #read(asked: Asked): Promise<void> {
    const { cookie, length, flags } = asked;
    if (length > MOST_PAYLOAD) throw new RequestError(ERROR.EINVAL, `${length} bytes are more than are read at once`);
    this.#check(asked);
    if (length === 0) return this.#replies.done(cookie);
    // An answer in one piece can't be taken back once it is begun: all of it is read before.
    if (!this.#agreement.structured || (flags & CMD_FLAG.DF) !== 0) await this.#readWhole(asked);
    else await this.#readChunks(asked);
    this.#options.statistics.bytesRead += length;
  }

  async #readWhole({ cookie, at, length }: Asked): Promise<void> {
    if (length <= PIECE) return this.#replies.data(cookie, at, length, true);
    const header = this.#replies.wholeHeader;
    const bytes = new Uint8Array(header + length);
    for (let done = 0; done < length; done += PIECE) {
      this.#device.read(at + done, bytes.subarray(header + done, header + Math.min(done + PIECE, length)));
      await this.#breathe();
    }
    return this.#replies.whole(cookie, at, bytes);
  }

  async #readChunks({ cookie, at, length }: Asked): Promise<void> {
    const end = at + length;
    let next = at;
    for (const hole of length < LEAST_LOOK ? [] : this.#device.holes(at, length)) {
      // Less than a block saves nothing.
      if (hole.length < Math.min(this.#device.preferredBlockSize, length)) continue;
      await this.#dataChunks(cookie, next, hole.at, end);
      next = hole.at + hole.length;
      await this.#replies.hole(cookie, hole.at, hole.length, next === end);
    }
    await this.#dataChunks(cookie, next, end, end);
  }

  /** Bytes [from, to) of an answer that ends at `end`. */
  async #dataChunks(cookie: bigint, from: number, to: number, end: number): Promise<void> {
    for (let at = from; at < to;) {
      const length = Math.min(PIECE, to - at);
      await this.#replies.data(cookie, at, length, at + length === end);
      at += length;
      await this.#breathe();
    }
  }

  /** The bytes of a write come whatever becomes of it: of one that is refused they are passed over. */
  async #write(asked: Asked): Promise<void> {
    const { at, length } = asked;
    if (length > MOST_PAYLOAD) throw new Broken(malformed(`a write of ${length} bytes`));
    let refused = refusalOf(() => this.#check(asked));
    for (let done = 0; done < length;) {
      // Pieces end where pages of an overlay do, or nearly each would be written in two.
      const count = Math.min(length - done, PIECE - ((at + done) % PIECE));
      if (!(await this.#waitFor(count))) throw new Broken(malformed('it ends in the middle of a write'));
      const bytes = this.#inbox.take(count, this.#staging ??= new Uint8Array(PIECE));
      refused ??= refusalOf(() => this.#put(at + done, bytes));
      done += count;
      await this.#breathe();
    }
    if (refused !== undefined) throw refused;
  }

  #put(at: number, bytes: Uint8Array): void {
    this.#checkFence();
    this.#device.write(at, bytes);
    this.#options.statistics.bytesWritten += bytes.length;
  }

  async #zero(asked: Asked): Promise<void> {
    this.#check(asked);
    const { at, length, flags } = asked;
    const end = at + length;
    for (let from = at; from < end;) {
      const to = Math.min(from + LOOK, end);
      // What is zero already stays as it is, unless room for it is to be made. A list: writing changes what the device says of itself.
      const holes = (flags & CMD_FLAG.NO_HOLE) === 0 ? [...this.#device.holes(from, to - from)] : [];
      for (const hole of [...holes, { at: to, length: 0 }]) {
        while (from < hole.at) {
          this.#checkFence();
          const count = this.#device.zero(from, hole.at - from);
          this.#options.statistics.bytesWritten += count;
          from += count;
          await this.#breathe();
        }
        from = hole.at + hole.length;
      }
    }
  }

  /** What is read lies in the memory of the system afterwards. */
  async #cache(asked: Asked): Promise<void> {
    this.#check(asked);
    const { at, length } = asked;
    const into = (this.#staging ??= new Uint8Array(PIECE));
    for (let done = 0; done < length; done += PIECE) {
      this.#device.read(at + done, into.subarray(0, Math.min(PIECE, length - done)));
      await this.#breathe();
    }
  }

  async #blockStatus(asked: Asked): Promise<void> {
    this.#check(asked);
    const { cookie, at, length, flags } = asked;
    if (!this.#agreement.allocation) throw new RequestError(ERROR.EINVAL, 'The allocation was not asked for before the disk was opened');
    if (length === 0) throw new RequestError(ERROR.EINVAL, 'The allocation of no bytes');
    const most = (flags & CMD_FLAG.REQ_ONE) !== 0 ? 1 : MOST_EXTENTS;
    const extents: { length: number; readonly hole: boolean }[] = [];
    const end = at + length;
    for (let from = at; from < end && extents.length <= most; from += LOOK) {
      addAllocation(extents, this.#device, from, Math.min(from + LOOK, end), most);
      await this.#breathe();
    }
    // The last of too many may be cut: what is told is true as far as it goes.
    return this.#replies.allocation(cookie, ALLOCATION_ID, extents.slice(0, most));
  }

  /** @throws RequestError */
  #check(asked: Asked): void {
    this.#checkFlags(asked);
    const { type, at, length } = asked;
    const { readOnly, size } = this.#device;
    if (CHANGING.has(type)) {
      if (readOnly) throw new RequestError(ERROR.EPERM, 'The disk is read-only');
      this.#checkFence();
    }
    const error = type === CMD.WRITE || type === CMD.WRITE_ZEROES ? ERROR.ENOSPC : ERROR.EINVAL;
    if (!this.#device.holds(at, length)) throw new RequestError(error, `${length} bytes at ${at} are outside the disk of ${size} bytes`);
  }

  #checkFlags({ type, flags }: Asked): void {
    if ((flags & ~FLAGS[type]!) !== 0) throw new RequestError(ERROR.EINVAL, `Request ${type} has flags 0x${flags.toString(16)}`);
  }

  #checkFence(): void {
    if (this.#options.fenced()) throw new RequestError(ERROR.ESHUTDOWN, 'Nothing more is written to the disk');
  }

  /** Waits for the client. @returns false when it is gone before it sent as much */
  async #waitFor(length: number): Promise<boolean> {
    while (this.#inbox.length < length) {
      // It may wait for what is gathered.
      this.#outbox.flush();
      if (this.#inbox.ended) return false;
      await this.#inbox.more();
    }
    return true;
  }

  #breathe(): Promise<void> | undefined {
    try {
      return this.#options.job.breathe()?.catch((error: unknown) => { throw new Broken(error); });
    } catch (error) {
      throw new Broken(error);
    }
  }
}

/** Adds what is hole and what is not of [from, to), until there are more than `most`. */
function addAllocation(extents: { length: number; readonly hole: boolean }[], device: ExportedDevice, from: number, to: number, most: number): void {
  const add = ({ length, hole }: Allocation): void => {
    const last = extents.at(-1);
    if (last?.hole === hole) last.length += length;
    else if (length > 0) extents.push({ length, hole });
  };
  let next = from;
  for (const hole of device.holes(from, to - from)) {
    add({ length: hole.at - next, hole: false });
    add({ length: hole.length, hole: true });
    next = hole.at + hole.length;
    if (extents.length > most) return;
  }
  add({ length: to - next, hole: false });
}

/** Why something is refused; undefined when it is done. */
function refusalOf(run: () => void): RequestError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return requestError(error);
  }
}
