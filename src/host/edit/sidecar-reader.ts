import { createHash } from 'node:crypto';
import { corrupt } from '../../engines/core/errors.ts';
import type { DiskFile } from './disk.ts';
import { SUM, sumSectors } from './sector-sums.ts';
import { SECTOR } from './sectors.ts';
import { END, FRESH, HEADER, type Identity, MAGIC, markOf, MOST_DATA, RECORD, REDO, TAIL, TAIL_MAGIC, tailSum, VERSION, WITNESS } from './sidecar-format.ts';

const MOST_IDENTITY = 1024 * 1024;

/** Bytes of a sector's sum in version 1: the start of its SHA-256, or zeros. */
const SUM_1 = 16;

/** A run of sectors that an Apply changes, or that a witness is. */
export interface SidecarRecord {
  readonly at: number;
  /** Bytes. */
  readonly length: number;
  readonly kind: 'redo' | 'witness' | 'fresh';
  /** The new bytes, of redo records alone. Read when they are asked for. */
  readonly bytes: Uint8Array;
  /** Whether sectors of the run have the record's sums. @param first of `bytes`, counted from the run's first sector @returns for each of them, 0 or 1 */
  match(first: number, bytes: Uint8Array): Uint8Array;
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
  /** Whether all fresh bytes are in the image, so that it goes on from there and not back. */
  readonly committed: boolean;
  /**
   * Makes durable that it is committed. Whoever finds it committed calls this before the image is written to: what it read may have been in the computer's
   * memory alone, left by a process that was killed between writing and syncing it.
   */
  commit(): void;
  /** A record is good until the next one is asked for. */
  records(): Iterable<SidecarRecord>;
}

/** Reads a sidecar, and whether it is whole. Never throws for what it reads but for a disk that fails. */
export function readSidecar(file: DiskFile): Sidecar {
  const identity = readIdentity(file);
  const tail = readTail(file);
  if (tail === undefined) return { state: 'incomplete', ...(identity.of === undefined ? {} : { identity: identity.of }) };
  if (identity.of === undefined) return { state: 'damaged', message: identity.wrong };
  const { of, records, version } = identity;
  const [end, sign] = version === 1 ? [file.size - TAIL, tail] : [file.size - END, markOf(tail)];
  if (end < records || !matches(file, tail.subarray(16, 48), end)) return { state: 'damaged', message: 'its checksum does not match' };
  return {
    state: 'complete', identity: of, committed: version === 1 || isThere(file, end, sign), records: () => readRecords(file, records, end, of.size, version),
    commit() {
      file.write(end, sign);
      file.sync();
    },
  };
}

/** Whose changes a sidecar holds, or why that can't be told. */
export function readIdentity(file: DiskFile): { readonly of: Identity; readonly records: number; readonly version: number } | { readonly of?: undefined; readonly wrong: string } {
  const { size } = file;
  if (size < HEADER) return { wrong: 'it has no header' };
  const header = Buffer.alloc(HEADER);
  file.read(0, header);
  const version = header.readUInt32LE(8);
  const length = header.readUInt32LE(12);
  if (!header.subarray(0, 8).equals(MAGIC)) return { wrong: 'it is no file of changes' };
  if (version < 1 || version > VERSION) return { wrong: `a newer Clutch wrote it (version ${version})` };
  if (length > MOST_IDENTITY || HEADER + length > size) return { wrong: 'its header is cut' };
  const text = Buffer.alloc(length);
  file.read(HEADER, text);
  try {
    const of = JSON.parse(text.toString()) as Identity;
    return Number.isSafeInteger(of.size) && Array.isArray(of.files) ? { of, records: HEADER + length, version } : { wrong: 'its header says nothing about the image' };
  } catch {
    return { wrong: 'its header is no JSON' };
  }
}

function readTail(file: DiskFile): Buffer | undefined {
  const at = file.size - TAIL;
  if (at < HEADER) return undefined;
  const tail = Buffer.alloc(TAIL);
  file.read(at, tail);
  const sound = tail.subarray(0, 8).equals(TAIL_MAGIC) && tail.readBigUInt64LE(8) === BigInt(at) && tailSum(tail).equals(tail.subarray(48));
  return sound ? tail : undefined;
}

function isThere(file: DiskFile, at: number, bytes: Uint8Array): boolean {
  const there = Buffer.alloc(bytes.length);
  file.read(at, there);
  return there.equals(bytes);
}

function matches(file: DiskFile, sum: Uint8Array, end: number): boolean {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(Math.min(end, MOST_DATA));
  for (let at = 0; at < end; at += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, end - at));
    file.read(at, part);
    hash.update(part);
  }
  return hash.digest().equals(sum);
}

/**
 * Only what the checksum was found right for is read, but its numbers are looked at all the same: anybody can put a file there.
 * @param end where the records end, or zeros before that
 * @param size of the image, in bytes
 */
export function* readRecords(file: DiskFile, from: number, end: number, size: number, version: number): Iterable<SidecarRecord> {
  const head = Buffer.alloc(RECORD);
  let [sums, data] = [new Uint8Array(0), new Uint8Array(0)];
  for (let at = from; at < end;) {
    if (at + RECORD > end) {
      if (version > 1) return;
      throw corrupt('file of changes', 'a record is cut', at);
    }
    file.read(at, head);
    const place = Number(head.readBigUInt64LE(0));
    const length = head.readUInt32LE(8);
    const kind = ([[REDO, 'redo'], [WITNESS, 'witness'], [FRESH, 'fresh']] as const).find(([number]) => number === head.readUInt32LE(12))?.[1];
    if (version > 1 && length === 0) return;
    const sumBytes = Math.ceil(length / SECTOR) * (version === 1 ? SUM_1 : SUM);
    const dataAt = at + RECORD + sumBytes;
    const next = dataAt + (version === 1 || kind === 'redo' ? length : 0);
    const aligned = place % SECTOR === 0 && (length % SECTOR === 0 || place + length === size);
    if (kind === undefined || length === 0 || length > MOST_DATA || next > end || place + length > size || !aligned) throw corrupt('file of changes', 'a record reaches out of the image', at);
    if (sums.length < sumBytes) sums = new Uint8Array(sumBytes);
    file.read(at + RECORD, sums.subarray(0, sumBytes));
    const these = sums;
    yield {
      at: place, length, kind,
      get bytes() {
        if (data.length < length) data = new Uint8Array(length);
        file.read(dataAt, data.subarray(0, length));
        return data.subarray(0, length);
      },
      match: (first, bytes) => (version === 1 ? matchSums1(bytes, these.subarray(first * SUM_1)) : matchSums(bytes, these.subarray(first * SUM))),
    };
    at = next;
  }
}

function matchSums(bytes: Uint8Array, sums: Uint8Array): Uint8Array {
  const there = sumSectors(bytes);
  const wanted = new Int32Array(sums.buffer, sums.byteOffset, there.length);
  return Uint8Array.from({ length: there.length / 2 }, (_, i) => (there[2 * i] === wanted[2 * i] && there[2 * i + 1] === wanted[2 * i + 1] ? 1 : 0));
}

function matchSums1(bytes: Uint8Array, sums: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: Math.ceil(bytes.length / SECTOR) }, (_, i) => {
    const sector = bytes.subarray(i * SECTOR, (i + 1) * SECTOR);
    const sum = sector.every((byte) => byte === 0) ? Buffer.alloc(SUM_1) : createHash('sha256').update(sector).digest().subarray(0, SUM_1);
    return Buffer.compare(sum, sums.subarray(i * SUM_1, (i + 1) * SUM_1)) === 0 ? 1 : 0;
  });
}
