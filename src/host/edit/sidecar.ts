import { createHash, type Hash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type BlockDevice, readBytes } from '../../engines/core/bytes/device.ts';
import { corrupt } from '../../engines/core/errors.ts';
import type { DiskFile } from './disk.ts';
import type { FileState } from './identity.ts';
import { SECTOR, Sectors } from './sectors.ts';

/**
 * The file that makes an Apply whole: all changes of an image, durable before the first of them reaches it. Little-endian.
 *
 * ```
 * "CLUTCHAP"  u32 version  u32 length of the identity   identity (JSON, UTF-8)
 * record      u64 place in the image  u32 length  u32 1 for a witness, else 0   16 bytes a sector: what it held before   the new bytes
 * …
 * tail        "CLUTCHEN"  u64 bytes before it  32 bytes SHA-256 of them   8 bytes: the start of the SHA-256 of the tail before
 * ```
 *
 * The tail is written when all before it is durable, and made durable before the image is touched. So a file without a tail means that the
 * image is as it was; one with it, that the image may hold any mixture of old and new sectors.
 * What a sector held before is its SHA-256 cut to 16 bytes, or 16 zeros for a sector of zeros, which new images are full of.
 * A witness changes nothing: its old and new bytes are the same. It tells the image from another one.
 */

/** Bytes of a record's data at most: what is held in memory. */
const MOST_DATA = 1024 * 1024;
const MOST_IDENTITY = 1024 * 1024;

const MAGIC = Buffer.from('CLUTCHAP');
const TAIL_MAGIC = Buffer.from('CLUTCHEN');
const VERSION = 1;
const HEADER = 16;
const RECORD = 16;
const SUM = 16;
const WITNESS = 1;
const TAIL = 56;

const ZEROS = Buffer.alloc(MOST_DATA);
const ZERO_SUM = Buffer.alloc(SUM);

/** Which image the changes belong to, and who applies them. */
export interface Identity {
  /** Unique for each Apply. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly made: number;
  /** Bytes of the image, of all files together. */
  readonly size: number;
  /** The files that it is made of. */
  readonly files: readonly { readonly path: string; readonly size: number; /** Absent for disks. */ readonly inode?: string }[];
  /** The process that applies, and the computer that it runs on: it may be at it still. */
  readonly process: { readonly pid: number; readonly host: string };
}

/** The identity of an image as it is now, for changes that this process is about to apply. */
export function identityOf(size: number, files: readonly FileState[]): Identity {
  return {
    id: randomUUID(), made: Date.now(), size, process: { pid: process.pid, host: hostname() },
    files: files.map(({ path, size: length, inode }) => ({ path, size: length, ...(inode === undefined ? {} : { inode }) })),
  };
}

/** Writes a sidecar from its start to its end. */
export class SidecarWriter {
  readonly #file: DiskFile;
  readonly #hash = createHash('sha256');
  readonly #identity: Identity;
  #at = 0;
  /** Where the first record begins. */
  #records = 0;

  constructor(file: DiskFile, identity: Identity) {
    this.#file = file;
    this.#identity = identity;
  }

  /** First of all: whom it belongs to. */
  begin(): void {
    const text = Buffer.from(JSON.stringify(this.#identity));
    const header = Buffer.alloc(HEADER);
    MAGIC.copy(header);
    header.writeUInt32LE(VERSION, 8);
    header.writeUInt32LE(text.length, 12);
    this.#append(Buffer.concat([header, text]));
    this.#records = this.#at;
  }

  /** @param at a multiple of 512; so is the length, but at the end of the image */
  add(at: number, old: Uint8Array, now: Uint8Array): void {
    for (let done = 0; done < now.length; done += MOST_DATA) this.#add(at + done, old.subarray(done, done + MOST_DATA), now.subarray(done, done + MOST_DATA), 0);
  }

  /** Bytes that are not changed, at most 1 MiB. @param at as for `add` */
  addWitness(at: number, bytes: Uint8Array): void {
    this.#add(at, bytes, bytes, WITNESS);
  }

  #add(at: number, old: Uint8Array, now: Uint8Array, kind: number): void {
    const sectors = Math.ceil(now.length / SECTOR);
    const head = Buffer.alloc(RECORD + sectors * SUM);
    head.writeBigUInt64LE(BigInt(at), 0);
    head.writeUInt32LE(now.length, 8);
    head.writeUInt32LE(kind, 12);
    const before = new Sectors(old);
    // Where files are put into a new filesystem, all of it.
    if (!isZero(old)) for (let i = 0; i < sectors; i++) if (!before.isZero(i * SECTOR)) sumOf(old.subarray(i * SECTOR, (i + 1) * SECTOR)).copy(head, RECORD + i * SUM);
    this.#append(head);
    this.#append(now);
  }

  /**
   * Makes it durable, and then valid. From the moment this begins, the image may be written to by whoever finds the file.
   * @returns what was written: it need not be read again to know that it is whole
   */
  finish(): CompleteSidecar {
    this.#file.sync();
    const tail = Buffer.alloc(TAIL);
    TAIL_MAGIC.copy(tail);
    tail.writeBigUInt64LE(BigInt(this.#at), 8);
    this.#hash.copy().digest().copy(tail, 16);
    tailSum(tail).copy(tail, 48);
    this.#file.write(this.#at, tail);
    this.#file.sync();
    return { state: 'complete', identity: this.#identity, records: () => readRecords(this.#file, this.#records, this.#at, this.#identity.size) };
  }

  #append(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#file.write(this.#at, bytes);
    this.#at += bytes.length;
  }
}

/** A run of sectors that an Apply changes. */
export interface SidecarRecord {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly witness: boolean;
  /** Whether a sector of the run held these bytes before. @param sector counted from the run's first */
  wasBefore(sector: number, bytes: Uint8Array): boolean;
}

/** What was found in a sidecar. `incomplete`: the image was not touched yet. `damaged`: it may have been. */
export type Sidecar =
  | { readonly state: 'incomplete'; /** Where so much of it is there. */ readonly identity?: Identity }
  | { readonly state: 'damaged'; readonly message: string }
  | CompleteSidecar;

/** All changes, and whose they are. */
export interface CompleteSidecar {
  readonly state: 'complete';
  readonly identity: Identity;
  /** A record is good until the next one is asked for. */
  records(): Iterable<SidecarRecord>;
}

/** Reads a sidecar, and whether it is whole. Never throws for what it reads but for a disk that fails. */
export function readSidecar(file: DiskFile): Sidecar {
  const identity = readIdentity(file);
  const end = readTail(file);
  if (end === undefined) return { state: 'incomplete', ...(identity.of === undefined ? {} : { identity: identity.of }) };
  if (!matches(file, end.sum, end.at)) return { state: 'damaged', message: 'its checksum does not match' };
  // The checksum matches, so it says what a Clutch wrote; another one, maybe.
  if (identity.of === undefined) return { state: 'damaged', message: identity.wrong };
  const { of, records } = identity;
  return { state: 'complete', identity: of, records: () => readRecords(file, records, end.at, of.size) };
}

/** @param bytes at most MOST_DATA of them */
function isZero(bytes: Uint8Array): boolean {
  return ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

/** The first 16 bytes of a sector's SHA-256, or zeros for one of zeros. */
function sumOf(sector: Uint8Array): Buffer {
  if (isZero(sector)) return ZERO_SUM;
  return createHash('sha256').update(sector).digest().subarray(0, SUM);
}

function tailSum(tail: Buffer): Buffer {
  return createHash('sha256').update(tail.subarray(0, 48)).digest().subarray(0, 8);
}

/** Whose changes a sidecar holds, or why that can't be told. */
export function readIdentity(file: DiskFile): { readonly of: Identity; readonly records: number } | { readonly of?: undefined; readonly wrong: string } {
  const { size } = file;
  if (size < HEADER) return { wrong: 'it has no header' };
  const header = Buffer.alloc(HEADER);
  file.read(0, header);
  const version = header.readUInt32LE(8);
  const length = header.readUInt32LE(12);
  if (!header.subarray(0, 8).equals(MAGIC)) return { wrong: 'it is no file of changes' };
  if (version !== VERSION) return { wrong: `a newer Clutch wrote it (version ${version})` };
  if (length > MOST_IDENTITY || HEADER + length > size) return { wrong: 'its header is cut' };
  const text = Buffer.alloc(length);
  file.read(HEADER, text);
  try {
    const of = JSON.parse(text.toString()) as Identity;
    return Number.isSafeInteger(of.size) && Array.isArray(of.files) ? { of, records: HEADER + length } : { wrong: 'its header says nothing about the image' };
  } catch {
    return { wrong: 'its header is no JSON' };
  }
}

function readTail(file: DiskFile): { readonly at: number; readonly sum: Buffer } | undefined {
  const at = file.size - TAIL;
  if (at < HEADER) return undefined;
  const tail = Buffer.alloc(TAIL);
  file.read(at, tail);
  const sound = tail.subarray(0, 8).equals(TAIL_MAGIC) && tail.readBigUInt64LE(8) === BigInt(at) && tailSum(tail).equals(tail.subarray(48));
  return sound ? { at, sum: tail.subarray(16, 48) } : undefined;
}

function matches(file: DiskFile, sum: Buffer, end: number): boolean {
  const hash: Hash = createHash('sha256');
  const buffer = Buffer.alloc(Math.min(end, MOST_DATA));
  for (let at = 0; at < end; at += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, end - at));
    file.read(at, part);
    hash.update(part);
  }
  return hash.digest().equals(sum);
}

/** Only what the checksum was found right for is read, but its numbers are looked at all the same: anybody can put a file there. */
function* readRecords(file: DiskFile, from: number, end: number, size: number): Iterable<SidecarRecord> {
  const head = Buffer.alloc(RECORD);
  let buffer = Buffer.alloc(0);
  for (let at = from; at < end;) {
    if (at + RECORD > end) throw corrupt('file of changes', 'a record is cut', at);
    file.read(at, head);
    const place = Number(head.readBigUInt64LE(0));
    const length = head.readUInt32LE(8);
    const sums = Math.ceil(length / SECTOR) * SUM;
    const next = at + RECORD + sums + length;
    const aligned = place % SECTOR === 0 && (length % SECTOR === 0 || place + length === size);
    if (length === 0 || length > MOST_DATA || next > end || place + length > size || !aligned) throw corrupt('file of changes', 'a record reaches out of the image', at);
    if (buffer.length < sums + length) buffer = Buffer.alloc(sums + length);
    const body = buffer.subarray(0, sums + length);
    file.read(at + RECORD, body);
    yield {
      at: place, bytes: body.subarray(sums), witness: head.readUInt32LE(12) === WITNESS,
      wasBefore: (sector, bytes) => sumOf(bytes).equals(body.subarray(sector * SUM, (sector + 1) * SUM)),
    };
    at = next;
  }
}

/** How much of a sidecar's changes an image has. In sectors. */
export interface Standing {
  /** Have the new bytes. */
  readonly now: number;
  /** Have the old bytes, which are others than the new ones. */
  readonly before: number;
  /** Have neither: the image is another one, or was changed since. */
  readonly neither: number;
}

/** Compares one record with the image. */
export function standingOf(record: SidecarRecord, image: BlockDevice): Standing {
  const there = readBytes(image, record.at, record.bytes.length);
  let [now, before, neither] = [0, 0, 0];
  for (let at = 0; at < there.length; at += SECTOR) {
    const sector = there.subarray(at, at + SECTOR);
    if (Buffer.compare(sector, record.bytes.subarray(at, at + SECTOR)) === 0) now++;
    else if (record.wasBefore(at / SECTOR, sector)) before++;
    else neither++;
  }
  return { now, before, neither };
}
