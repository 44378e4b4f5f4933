import { corrupt, type DiskError, usage } from '../../core/errors.ts';
import { decodeName, encodeName, type Name } from '../../core/names.ts';
import { type Fields, type Kinds, type Message, type MessageName, MESSAGES, type Qid, type UnixStat } from './messages.ts';

/** size[4] type[1] tag[2]. */
export const HEADER = 7;

/** Names and qids in one walk that are looked at; a frame says its own number, so this only stops a needless array. */
const MAX_COUNT = 0xffff;

const BY_ID: ReadonlyMap<number, MessageName> = new Map(Object.entries(MESSAGES).map(([name, { id }]) => [id, name as MessageName]));

/** One message as a frame. @throws usage ENAMETOOLONG for a string of more than 65,535 bytes */
export function encode<M extends MessageName>(name: M, tag: number, fields: Fields<M>): Uint8Array {
  const out = new Output();
  out.u32(0);
  out.u8(MESSAGES[name].id);
  out.u16(tag);
  for (const [field, kind] of Object.entries(MESSAGES[name].fields)) out.put(kind, (fields as Record<string, unknown>)[field] as never);
  return out.finish();
}

/** Gives a frame another tag. */
export function retag(frame: Uint8Array, tag: number): void {
  frame[5] = tag & 0xff;
  frame[6] = tag >>> 8;
}

/** The tag that a frame says, which need not be whole otherwise. */
export function tagOf(frame: Uint8Array): number {
  return frame[5]! | (frame[6]! << 8);
}

/**
 * A whole frame as its message. Data of it are views of the frame.
 * @throws DiskError corrupt for a type that is none, for a field that runs out of the frame, and for bytes that are left over
 */
export function decode(frame: Uint8Array): Message {
  const input = new Input(frame, HEADER, frame.length);
  const id = frame[4]!;
  const name = BY_ID.get(id);
  if (name === undefined) throw broken(`a message of type ${id}, which is none`);
  const fields: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(MESSAGES[name].fields)) fields[field] = input.take(kind);
  if (input.left > 0) throw broken(`${name} has ${input.left} bytes more than its fields`);
  return { name, tag: tagOf(frame), fields: fields as never };
}

/** An entry of Rreaddir: qid[13] offset[8] type[1] name[s]. */
export interface Dirent {
  readonly qid: Qid;
  /** Where the listing goes on behind it. */
  readonly offset: bigint;
  /** As readdir(3)'s d_type. */
  readonly type: number;
  readonly name: Name;
}

/** The entries of an Rreaddir. @throws DiskError corrupt when the last does not end with the data */
export function decodeDirents(data: Uint8Array): Dirent[] {
  const input = new Input(data, 0, data.length);
  const entries: Dirent[] = [];
  while (input.left > 0) entries.push({ qid: input.take('qid'), offset: input.take('u64'), type: input.take('u8'), name: input.take('string') });
  return entries;
}

export function encodeDirent(entry: Dirent): Uint8Array {
  const out = new Output();
  out.put('qid', entry.qid);
  out.put('u64', entry.offset);
  out.put('u8', entry.type);
  out.put('string', entry.name);
  return out.bytes();
}

/** The records that a read of a directory gives in 9P2000.u, without a length around them. */
export function decodeStats(data: Uint8Array): UnixStat[] {
  const input = new Input(data, 0, data.length);
  const stats: UnixStat[] = [];
  while (input.left > 0) stats.push(input.record());
  return stats;
}

export function encodeStat(stat: UnixStat): Uint8Array {
  const out = new Output();
  out.record(stat);
  return out.bytes();
}

/** Puts pieces of a stream together to frames. */
export class Frames {
  /** Longest frame that is taken, in bytes: msize once it is agreed on. */
  limit: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * The frames that are whole with this piece. Views of the piece where they lie in it wholly.
   * @throws DiskError corrupt for a length that no frame has, before anything of that length is kept
   */
  *push(piece: Uint8Array): Generator<Uint8Array> {
    let rest = piece;
    if (this.#length > 0) {
      this.#parts.push(piece);
      this.#length += piece.length;
      const size = this.#size();
      if (size === undefined || this.#length < size) return;
      rest = this.#join();
    }
    for (;;) {
      if (rest.length >= 4) {
        const size = this.#check(new DataView(rest.buffer, rest.byteOffset, 4).getUint32(0, true));
        if (rest.length >= size) {
          yield rest.subarray(0, size);
          rest = rest.subarray(size);
          continue;
        }
      }
      if (rest.length > 0) this.#parts.push(rest);
      this.#length = rest.length;
      return;
    }
  }

  /** The size that the frame at the beginning says, once its four bytes are there. */
  #size(): number | undefined {
    if (this.#length < 4) return undefined;
    if (this.#parts[0]!.length < 4) this.#parts = [this.#join()];
    const first = this.#parts[0]!;
    return this.#check(new DataView(first.buffer, first.byteOffset, 4).getUint32(0, true));
  }

  #check(size: number): number {
    if (size < HEADER || size > this.limit) throw broken(`a frame of ${size} bytes, and the most is ${this.limit}`);
    return size;
  }

  #join(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    return whole;
  }
}

/** What the other side sent is no 9P. */
export function broken(message: string): DiskError {
  return corrupt('9P message', message);
}

/** Fields taken from a frame, each checked against its end. */
class Input {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  #end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  take<K extends keyof Kinds>(kind: K): Kinds[K] {
    return this.#take(kind) as Kinds[K];
  }

  /** size[2] and the fields of a stat, which end where the size says. */
  record(): UnixStat {
    const length = this.take('u16');
    if (length > this.left) throw broken(`a stat of ${length} bytes where ${this.left} are left`);
    const outer = this.#end;
    this.#end = this.#at + length;
    const stat: UnixStat = {
      type: this.take('u16'), dev: this.take('u32'), qid: this.take('qid'), mode: this.take('u32'), atime: this.take('u32'), mtime: this.take('u32'), length: this.take('u64'),
      name: this.take('string'), uid: this.take('string'), gid: this.take('string'), muid: this.take('string'), extension: this.take('string'),
      n_uid: this.take('u32'), n_gid: this.take('u32'), n_muid: this.take('u32'),
    };
    if (this.left > 0) throw broken(`a stat has ${this.left} bytes more than its fields`);
    this.#end = outer;
    return stat;
  }

  /** Goes over `length` bytes. @returns where they began */
  #skip(length: number): number {
    if (length > this.left) throw broken(`a field of ${length} bytes where ${this.left} are left`);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #take(kind: keyof Kinds): unknown {
    switch (kind) {
      case 'u8': return this.#view.getUint8(this.#skip(1));
      case 'u16': return this.#view.getUint16(this.#skip(2), true);
      case 'u32': return this.#view.getUint32(this.#skip(4), true);
      case 'u64': return this.#view.getBigUint64(this.#skip(8), true);
      case 'errno': return this.left === 0 ? 0 : this.take('u32');
      case 'string': {
        const length = this.take('u16');
        const at = this.#skip(length);
        return decodeName(this.#bytes, at, at + length);
      }
      case 'data': {
        const length = this.take('u32');
        const at = this.#skip(length);
        return this.#bytes.subarray(at, at + length);
      }
      case 'qid': return { type: this.take('u8'), version: this.take('u32'), path: this.take('u64') };
      case 'strings': return this.#several('string', 2);
      case 'qids': return this.#several('qid', 13);
      case 'stat': {
        const length = this.take('u16');
        const end = this.#at + length;
        const stat = length <= this.left ? this.record() : undefined;
        if (stat === undefined || this.#at !== end) throw broken(`a stat that is not of the ${length} bytes that are said`);
        return stat;
      }
    }
  }

  #several(kind: 'string' | 'qid', least: number): unknown[] {
    const count = this.take('u16');
    if (count * least > this.left || count > MAX_COUNT) throw broken(`${count} of them in ${this.left} bytes`);
    return Array.from({ length: count }, () => this.#take(kind));
  }
}

/** Fields put into a frame that grows. */
class Output {
  #bytes = new Uint8Array(128);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  put<K extends keyof Kinds>(kind: K, value: Kinds[K]): void {
    switch (kind) {
      case 'u8': this.u8(value as number); break;
      case 'u16': this.u16(value as number); break;
      case 'u32': case 'errno': this.u32(value as number); break;
      case 'u64': {
        const at = this.#room(8);
        this.#view.setBigUint64(at, value as bigint, true);
        break;
      }
      case 'string': this.#string(value as Name); break;
      case 'data': {
        const data = value as Uint8Array;
        this.u32(data.length);
        const at = this.#room(data.length);
        this.#bytes.set(data, at);
        break;
      }
      case 'qid': this.#qid(value as Qid); break;
      case 'strings': this.#several(value as readonly Name[], (each) => { this.#string(each); }); break;
      case 'qids': this.#several(value as readonly Qid[], (each) => { this.#qid(each); }); break;
      case 'stat': {
        const at = this.#room(2);
        this.record(value as UnixStat);
        this.#view.setUint16(at, this.#short(this.#at - at - 2), true);
        break;
      }
    }
  }

  record(stat: UnixStat): void {
    const at = this.#room(2);
    this.u16(stat.type);
    this.u32(stat.dev);
    this.#qid(stat.qid);
    this.u32(stat.mode);
    this.u32(stat.atime);
    this.u32(stat.mtime);
    this.put('u64', stat.length);
    for (const text of [stat.name, stat.uid, stat.gid, stat.muid, stat.extension]) this.#string(text);
    for (const id of [stat.n_uid, stat.n_gid, stat.n_muid]) this.u32(id);
    this.#view.setUint16(at, this.#short(this.#at - at - 2), true);
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** The frame, with its size in its first four bytes. */
  finish(): Uint8Array {
    this.#view.setUint32(0, this.#at, true);
    return this.bytes();
  }

  #string(text: Name): void {
    const bytes = encodeName(text);
    this.u16(this.#short(bytes.length));
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #qid(qid: Qid): void {
    this.u8(qid.type);
    this.u32(qid.version);
    this.put('u64', qid.path);
  }

  #several<T>(values: readonly T[], put: (value: T) => void): void {
    this.u16(this.#short(values.length));
    for (const value of values) put(value);
  }

  #short(length: number): number {
    if (length > 0xffff) throw usage('ENAMETOOLONG', `${length} bytes do not fit into a field of 9P, which takes 65,535`);
    return length;
  }

  /** Makes room for `length` bytes, perhaps in another buffer. @returns where they go */
  #room(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#at, Math.min(this.#bytes.length * 2, this.#bytes.length + 4096)));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
