import { usage } from '../../core/errors.ts';
import type { DirEntry, NodeId, Stat } from '../../core/filesystem.ts';
import { encodeName, type Name } from '../../core/names.ts';
import { type Listing } from '../shared/listing.ts';
import { TYPE_BITS } from '../shared/linux.ts';
import { inoOf } from './attributes.ts';
import { Dirent, EntryOut, ReadIn, ROOT_ID } from './layout.ts';
import { type ReplyBuffer, REPLY_HEADER } from './replies.ts';
import { MOST_READ } from './reading.ts';
import type { Request } from './request.ts';
import { entrySeconds, nodeOf, type Operation, putEntry, type Session } from './session.ts';

/** Entries that are not of the engine's listing: "." and "..". Their offsets come first. */
const DOTS: readonly Name[] = ['.', '..'];
/** The number of a parent, which nobody needs: the kernel knows its own (libfuse says the same, FUSE_UNKNOWN_INO). */
const UNKNOWN_INO = 0xffff_ffff;

export const readdir: Operation = (session, request) => answer(session, request, false);

/** Entries with their attributes: a LOOKUP of each in one go. */
export const readdirplus: Operation = (session, request) => answer(session, request, true);

function answer(session: Session, request: Request, plus: boolean): void | Promise<void> {
  const { fh, offset, size } = request.body(ReadIn);
  const node = nodeOf(session, request);
  const { listing } = session.handles.get(fh, node);
  if (listing === undefined) throw usage('ENOTDIR', 'It is no open directory');
  if (size > MOST_READ || !Number.isSafeInteger(offset)) throw usage('EINVAL', `${size} bytes from ${offset} are not listed at once`);
  if (offset === 0) listing.rewind();
  return new Answer(session, request, node, listing, offset, size, plus).fill();
}

/** One answer while it is filled: in one go where the engine answers at once. */
class Answer {
  readonly #session: Session;
  readonly #request: Request;
  readonly #node: NodeId;
  readonly #listing: Listing;
  readonly #size: number;
  readonly #buffer: ReplyBuffer;
  /** Bytes before each record's fuse_dirent. */
  readonly #ahead: number;
  readonly #told: NodeId[] = [];
  /** Stats that were waited for, by the number of the entry. */
  #stats: Map<number, Stat | undefined> | undefined;
  /** The offset of the next entry, which is its number and two. */
  #offset: number;
  #length = 0;

  constructor(session: Session, request: Request, node: NodeId, listing: Listing, offset: number, size: number, plus: boolean) {
    this.#session = session;
    this.#request = request;
    this.#node = node;
    this.#listing = listing;
    this.#offset = offset;
    this.#size = size;
    this.#ahead = plus ? EntryOut.size : 0;
    this.#buffer = session.replies.take(size);
  }

  fill(): void | Promise<void> {
    try {
      for (; this.#offset < DOTS.length; this.#offset++) {
        if (!this.#add(DOTS[this.#offset]!, this.#offset === 0 ? inoOf(this.#node) : UNKNOWN_INO, 'dir', undefined)) return this.#send();
      }
      for (;;) {
        const batch = this.#listing.batch(this.#offset - DOTS.length);
        if (batch instanceof Promise) return this.#wait(batch);
        if (batch === undefined) return this.#send();
        const { first, entries } = batch;
        // Where entries are gone that it had, it goes on behind them.
        this.#offset = Math.max(this.#offset, first + DOTS.length);
        for (let i = this.#offset - DOTS.length - first; i < entries.length; i++, this.#offset++) {
          const entry = entries[i]!;
          const stat = this.#ahead > 0 ? this.#stat(entry, i + first) : undefined;
          if (stat instanceof Promise) return this.#wait(this.#statMany(entries, i, first));
          if (!this.#add(entry.name, inoOf(entry.node), entry.type ?? stat?.type, stat)) return this.#send();
        }
      }
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** What came before is told now, and the error with the next request. */
  #fail(error: unknown): void {
    if (this.#length > 0) return this.#send();
    this.#session.replies.give(this.#buffer);
    throw error;
  }

  async #wait(promise: Promise<unknown>): Promise<void> {
    try {
      await promise;
    } catch (error) {
      return this.#fail(error);
    }
    return this.fill();
  }

  /** undefined where it fails: the entry is told without attributes, and a LOOKUP of it will say why. */
  #stat(entry: DirEntry, number: number): Stat | undefined | Promise<Stat> {
    if (this.#stats?.has(number)) return this.#stats.get(number);
    try {
      return this.#session.fs.stat(entry.node) as Stat | Promise<Stat>;
    } catch {
      return undefined;
    }
  }

  /** Asks for the attributes of all that can still find room, at once. */
  async #statMany(entries: readonly DirEntry[], from: number, first: number): Promise<void> {
    const room = Math.ceil((this.#size - this.#length) / (this.#ahead + Dirent.size));
    const stats = this.#stats ??= new Map();
    await Promise.all(entries.slice(from, from + room).map(async ({ node }, i) => {
      stats.set(first + from + i, await Promise.resolve().then(() => this.#session.fs.stat(node)).catch(() => undefined));
    }));
  }

  /** @returns false where there is no room left for it */
  #add(name: Name, ino: number, type: DirEntry['type'], stat: Stat | undefined): boolean {
    const { view, bytes } = this.#buffer;
    const at = REPLY_HEADER + this.#length;
    const start = at + this.#ahead;
    // Every character has three bytes at most; most names have one.
    const room = REPLY_HEADER + this.#size - start - Dirent.size;
    const length = putName(bytes, start + Dirent.size, name, room);
    if (length < 0) return false;
    const record = (this.#ahead + Dirent.size + length + 7) & ~7;
    if (this.#length + record > this.#size) return false;
    if (this.#ahead > 0) {
      const { nodes } = this.#session;
      if (stat !== undefined && nodes.idOf(stat.node) !== ROOT_ID) {
        putEntry(this.#session, view, at, stat, entrySeconds(this.#session, this.#node, name));
        nodes.told(stat.node);
        this.#told.push(stat.node);
      } else {
        // No node: attributes are left out (fs/fuse/readdir.c, fuse_direntplus_link).
        bytes.fill(0, at, start);
      }
    }
    const dirent = Dirent.over(view, start);
    dirent.ino = ino;
    dirent.off = this.#offset + 1;
    dirent.namelen = length;
    dirent.type = type === undefined ? 0 : TYPE_BITS[type] >> 12;
    bytes.fill(0, start + Dirent.size + length, at + record);
    this.#length += record;
    return true;
  }

  #send(): void {
    const { replies, nodes } = this.#session;
    if (!replies.sendLong(this.#request, this.#buffer, this.#length)) for (const node of this.#told) nodes.forget(node, 1);
    replies.give(this.#buffer);
  }
}

/** Writes a name. @returns its length in bytes; -1 where it is longer than `room` */
function putName(bytes: Uint8Array, at: number, name: Name, room: number): number {
  if (name.length > room) return -1;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code >= 0x80) {
      const encoded = encodeName(name);
      if (encoded.length > room) return -1;
      bytes.set(encoded, at);
      return encoded.length;
    }
    bytes[at + i] = code;
  }
  return name.length;
}
