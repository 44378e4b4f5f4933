import { encodeName } from '../../core/names.ts';
import type { RequestError } from './errors.ts';
import type { ExportedDevice } from './export.ts';
import { MOST_STRING, REPLY_FLAG, REPLY_TYPE, SIMPLE_REPLY_MAGIC, SimpleReply, STATE, STRUCTURED_REPLY_MAGIC, StructuredReply } from './layout.ts';
import type { Outbox } from './outbox.ts';

/** Bytes before the data of a chunk: its header, and where on the disk the data lies. */
const DATA_HEADER = StructuredReply.size + 8;

/** Bytes of a view that are sent as they are: fewer are copied, which is faster than to send twice. */
const LEAST_VIEW = 64 * 1024;

/** A run of one state in base:allocation. Bytes. */
export interface Allocation {
  readonly length: number;
  readonly hole: boolean;
}

/** Answers, simple or structured, as was agreed. A device that can't be read throws before any of the answer is on its way. */
export class Replies {
  readonly #outbox: Outbox;
  readonly #device: ExportedDevice;
  readonly #structured: boolean;

  constructor(outbox: Outbox, device: ExportedDevice, structured: boolean) {
    this.#outbox = outbox;
    this.#device = device;
    this.#structured = structured;
  }

  /** It was done, and there is nothing to tell. */
  async done(cookie: bigint): Promise<void> {
    if (this.#structured) chunk(await this.#outbox.room(StructuredReply.size), cookie, REPLY_TYPE.NONE, 0, true);
    else simple(await this.#outbox.room(SimpleReply.size), cookie, 0);
  }

  async error(cookie: bigint, { error, message }: RequestError): Promise<void> {
    if (!this.#structured) {
      simple(await this.#outbox.room(SimpleReply.size), cookie, error);
      return;
    }
    const text = encodeName(message.slice(0, MOST_STRING / 4));
    const payload = chunk(await this.#outbox.room(StructuredReply.size + 6 + text.length), cookie, REPLY_TYPE.ERROR, 6 + text.length, true);
    payload.setUint32(0, error);
    payload.setUint16(4, text.length);
    new Uint8Array(payload.buffer, payload.byteOffset + 6).set(text);
  }

  /**
   * Bytes of the disk, as many as the outbox takes at most (less a header): a whole answer, or a chunk of one.
   * @param last nothing follows it
   * @throws DiskError as the device does
   */
  async data(cookie: bigint, at: number, length: number, last: boolean): Promise<void> {
    const header = this.#structured ? DATA_HEADER : SimpleReply.size;
    const view = length >= LEAST_VIEW ? this.#device.view(at, length) : undefined;
    const bytes = await this.#outbox.room(view === undefined ? header + length : header);
    if (view === undefined) {
      try {
        this.#device.read(at, bytes.subarray(header));
      } catch (error) {
        this.#outbox.giveBack(bytes.length);
        throw error;
      }
    }
    this.#dataHeader(bytes, cookie, at, length, last);
    if (view !== undefined) await this.#outbox.sendAsIs(view);
  }

  /** The whole of a large answer, in an array that has room for the header before the bytes. */
  async whole(cookie: bigint, at: number, bytes: Uint8Array): Promise<void> {
    this.#dataHeader(bytes, cookie, at, bytes.length - this.wholeHeader, true);
    await this.#outbox.sendAsIs(bytes);
  }

  /** Bytes that `whole` needs before those of the disk. */
  get wholeHeader(): number {
    return this.#structured ? DATA_HEADER : SimpleReply.size;
  }

  /** Structured alone. */
  async hole(cookie: bigint, at: number, length: number, last: boolean): Promise<void> {
    const payload = chunk(await this.#outbox.room(DATA_HEADER + 4), cookie, REPLY_TYPE.OFFSET_HOLE, 12, last);
    payload.setBigUint64(0, BigInt(at));
    payload.setUint32(8, length);
  }

  /** Structured alone. */
  async allocation(cookie: bigint, context: number, extents: readonly Allocation[]): Promise<void> {
    const length = 4 + 8 * extents.length;
    const payload = chunk(await this.#outbox.room(StructuredReply.size + length), cookie, REPLY_TYPE.BLOCK_STATUS, length, true);
    payload.setUint32(0, context);
    for (const [i, extent] of extents.entries()) {
      payload.setUint32(4 + 8 * i, extent.length);
      payload.setUint32(8 + 8 * i, extent.hole ? STATE.HOLE | STATE.ZERO : 0);
    }
  }

  #dataHeader(bytes: Uint8Array, cookie: bigint, at: number, length: number, last: boolean): void {
    if (this.#structured) chunk(bytes, cookie, REPLY_TYPE.OFFSET_DATA, 8 + length, last).setBigUint64(0, BigInt(at));
    else simple(bytes, cookie, 0);
  }
}

function simple(bytes: Uint8Array, cookie: bigint, error: number): void {
  Object.assign(SimpleReply.at(bytes), { magic: SIMPLE_REPLY_MAGIC, error, cookie });
}

/** Writes a chunk's header. @returns what is behind it */
function chunk(bytes: Uint8Array, cookie: bigint, type: number, length: number, last: boolean): DataView {
  Object.assign(StructuredReply.at(bytes), { magic: STRUCTURED_REPLY_MAGIC, flags: last ? REPLY_FLAG.DONE : 0, type, cookie, length });
  return new DataView(bytes.buffer, bytes.byteOffset + StructuredReply.size, bytes.length - StructuredReply.size);
}
