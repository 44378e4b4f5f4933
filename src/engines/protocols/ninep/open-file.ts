import { type DiskError, toDiskError, usage } from '../../core/errors.ts';
import type { NinepClient } from './client.ts';
import { broken } from './codec.ts';
import type { Operations } from './operations.ts';

/** Pieces of reading ahead and of writing behind: enough to hide the way there and back, little enough to forget. */
const AHEAD = 6;
const BEHIND = 6;

/** Bytes of a piece at least, whatever iounit says: a server may take less than it is sent, but one that says a byte would make thousands of requests of one read. */
const LEAST_PIECE = 4096;

interface Piece {
  readonly at: number;
  /** Bytes asked for; the answer is shorter only at the end of the file. */
  readonly length: number;
  readonly bytes: Promise<Uint8Array>;
}

/**
 * An open fid with its bytes on the way in both directions. Reads in a row are asked for ahead; writes in a row are answered before the
 * server has them: what goes wrong with them is told once, by the next write, `check` or `sync`.
 */
export class OpenFile {
  readonly fid: number;
  readonly writable: boolean;
  /** Whoever uses it: it is closed only when nobody does. */
  users = 0;
  readonly #client: NinepClient;
  readonly #piece: number;
  #ahead: Piece[] = [];
  #readEnd = -1;
  /** Writes go one after another into the gathered piece. */
  #turn: Promise<unknown> = Promise.resolve();
  #gathered: Uint8Array | undefined;
  #gatheredAt = 0;
  #gatheredLength = 0;
  readonly #behind = new Set<Promise<void>>();
  #error: DiskError | undefined;

  constructor(client: NinepClient, fid: number, iounit: number, writable: boolean) {
    this.#client = client;
    this.fid = fid;
    this.writable = writable;
    this.#piece = iounit > 0 ? Math.min(Math.max(iounit, LEAST_PIECE), client.payload) : client.payload;
  }

  /**
   * Fills `into` from byte `at`.
   * @param size of the file in bytes as it was told last: spares asking beyond it, and ends nothing
   */
  async read(at: number, into: Uint8Array, size: number): Promise<number> {
    const pieces = this.#plan(at, into.length, size);
    let done = 0;
    for (const piece of pieces) {
      const bytes = await piece.bytes;
      const from = at + done - piece.at;
      const part = bytes.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
      if (bytes.length < piece.length) break;
    }
    return done;
  }

  /** Takes all of `from`, perhaps before the server has it. @throws what an earlier write came to */
  write(at: number, from: Uint8Array): Promise<void> {
    this.#forgetAhead();
    const turn = this.#turn.then(() => this.#write(at, from));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when the server has answered all writes, however. */
  async drain(): Promise<void> {
    await this.#turn;
    for (;;) {
      this.#post();
      if (this.#behind.size === 0) return;
      await Promise.all(this.#behind);
    }
  }

  /** Whether something was written that the server has not answered. */
  get pending(): boolean {
    return this.#gatheredLength > 0 || this.#behind.size > 0;
  }

  /** @throws what a write came to that nobody was told of yet */
  async check(): Promise<void> {
    await this.drain();
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
  }

  /** What is written is durable when it returns. */
  async sync(operations: Operations): Promise<void> {
    await this.check();
    await operations.sync(this.fid);
  }

  /** Bytes that were read ahead are forgotten: the file was changed. */
  invalidate(): void {
    this.#forgetAhead();
  }

  /** Lets the server forget it, when what was written is answered. */
  async close(): Promise<void> {
    await this.drain();
    await this.#client.clunk(this.fid);
  }

  /** The requests whose answers hold [at, at + length), some of which may be out already. No awaits: two readers can't get into one another's way. */
  #plan(at: number, length: number, size: number): Piece[] {
    const end = at + length;
    const sequential = at === this.#readEnd || at === 0;
    while (this.#ahead.length > 0 && this.#ahead[0]!.at + this.#ahead[0]!.length <= at) this.#ahead.shift();
    if (this.#ahead.length > 0 && this.#ahead[0]!.at > at) this.#forgetAhead();
    const taken: Piece[] = [];
    let next = at;
    for (const piece of this.#ahead) {
      if (next >= end) break;
      taken.push(piece);
      next = piece.at + piece.length;
    }
    while (next < end) {
      // One request past the end, where the size said may be an old one or none (procfs), finds that out.
      const piece = this.#fetch(next, Math.min(this.#piece, end - next), size);
      taken.push(piece);
      next += piece.length;
      if (next > size) break;
    }
    this.#readEnd = end;
    if (sequential && at > 0) {
      let from = Math.max(next, this.#ahead.at(-1) ? this.#ahead.at(-1)!.at + this.#ahead.at(-1)!.length : 0);
      while (this.#ahead.length < AHEAD && from < size) {
        const piece = this.#fetch(from, Math.min(this.#piece, size - from), size);
        this.#ahead.push(piece);
        from += piece.length;
      }
    }
    return taken;
  }

  #fetch(at: number, length: number, size: number): Piece {
    const bytes = this.#load(at, length, size);
    // Perhaps nobody ever asks for what was read ahead; then its failure is nobody's either.
    bytes.catch(() => undefined);
    return { at, length, bytes };
  }

  /** Asks until all of it is there, or the file ends. */
  async #load(at: number, length: number, size: number): Promise<Uint8Array> {
    let whole: Uint8Array | undefined;
    for (let done = 0; ;) {
      const { data } = await this.#client.call('Tread', { fid: this.fid, offset: BigInt(at + done), count: length - done });
      if (data.length > length - done) throw broken(`Rread has ${data.length} bytes, and ${length - done} were asked for`);
      if (done === 0 && (data.length === length || data.length === 0 || at + data.length === size)) return data;
      whole ??= new Uint8Array(length);
      whole.set(data, done);
      done += data.length;
      if (data.length === 0 || done === length || at + done === size) return whole.subarray(0, done);
    }
  }

  #forgetAhead(): void {
    this.#ahead = [];
    this.#readEnd = -1;
  }

  async #write(at: number, from: Uint8Array): Promise<void> {
    if (at !== this.#gatheredAt + this.#gatheredLength) {
      // Not in a row: requests on their way may overlap it, and servers answer in any order.
      this.#post();
      while (this.#behind.size > 0) await Promise.all(this.#behind);
      this.#gatheredAt = at;
    }
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    for (let done = 0; done < from.length;) {
      const whole = this.#gatheredLength === 0 && from.length - done >= this.#piece;
      if (whole) {
        this.#gatheredAt = at + done + this.#piece;
        this.#send(at + done, from.subarray(done, done + this.#piece));
        done += this.#piece;
      } else {
        this.#gathered ??= new Uint8Array(this.#piece);
        const part = from.subarray(done, done + this.#piece - this.#gatheredLength);
        this.#gathered.set(part, this.#gatheredLength);
        this.#gatheredLength += part.length;
        done += part.length;
        if (this.#gatheredLength === this.#piece) this.#post();
      }
      while (this.#behind.size >= BEHIND) await Promise.race(this.#behind);
    }
    // What is small waits only for what is on its way already, to go together with what comes after it.
    if (this.#behind.size === 0) this.#post();
  }

  /** Sends what was gathered. */
  #post(): void {
    if (this.#gatheredLength === 0) return;
    const at = this.#gatheredAt;
    const bytes = this.#gathered!.subarray(0, this.#gatheredLength);
    this.#gatheredAt += this.#gatheredLength;
    this.#gatheredLength = 0;
    this.#send(at, bytes);
  }

  /** The bytes are copied into a frame before it returns; what a server did not take at once is copied for another try. */
  #send(at: number, bytes: Uint8Array): void {
    const first = this.#client.call('Twrite', { fid: this.fid, offset: BigInt(at), data: bytes });
    const rest = bytes.slice();
    const sent: Promise<void> = this.#finish(first, at, rest).catch((error: unknown) => { this.#error ??= toDiskError(error); }).finally(() => {
      this.#behind.delete(sent);
      if (this.#behind.size === 0) this.#post();
    });
    this.#behind.add(sent);
  }

  async #finish(first: Promise<{ readonly count: number }>, at: number, bytes: Uint8Array): Promise<void> {
    let { count } = await first;
    for (let done = 0; ;) {
      if (count > bytes.length - done) throw broken(`Rwrite has ${count} bytes, and ${bytes.length - done} were sent`);
      if (count === 0) throw usage('ENOSPC', `${this.#client.peer} took no more bytes`);
      done += count;
      if (done === bytes.length) return;
      ({ count } = await this.#client.call('Twrite', { fid: this.fid, offset: BigInt(at + done), data: bytes.subarray(done) }));
    }
  }
}
