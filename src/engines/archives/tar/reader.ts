import type { Maybe } from '../../core/filesystem.ts';
import { decodeName, type Name } from '../../core/names.ts';
import { type AclText, encodeAcl } from './acl-text.ts';
import type { TarEntry } from './entry.ts';
import { badArchive } from './errors.ts';
import { BLOCK, padding } from './header.ts';
import { isTarHeader, type ParsedHeader, parseHeader, paxRecords, untilZero } from './parse.ts';

/** An archive's bytes from front to back. */
export interface TarBytes {
  /** The next `length` bytes, fewer at the end only. The array is the reader's own. */
  take(length: number): Maybe<Uint8Array>;
  /** At least one byte and at most `most` of what comes next, without waiting for more; none at the end. Good until the next call. */
  some(most: number): Maybe<Uint8Array>;
}

/** A member of an archive. */
export interface TarMember extends TarEntry {
  /** Bytes of data in the archive: less than `size` where it is sparse, 0 for what has no contents. */
  readonly stored: number;
  /** What of the member could not be understood and is lost, as sentences. */
  readonly lost: readonly string[];
}

/** Bytes of a file, and where in it they belong. */
export interface TarPiece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Longest long name or set of pax records that is held: Linux's largest attributes are 64 KiB each, ea_inode's 16 MiB are split by nobody. */
const LONGEST_RECORDS = 64 * 1024 * 1024;

/** Runs of a sparse file, at most. */
const MOST_RUNS = 4_000_000;

/** Headers in a row that describe one member. */
const MOST_HEADERS = 32;

const TYPES: Readonly<Record<string, TarEntry['type']>> = { '1': 'link', '2': 'symlink', '3': 'char', '4': 'block', '5': 'dir', '6': 'fifo' };
const BILLION = 1_000_000_000n;

/** What headers before a member's own say of it. */
interface Ahead {
  path?: Name;
  link?: Name;
  readonly records: Map<Name, Uint8Array>;
  /** Offsets and lengths of GNU's sparse format 0.0, whose keywords repeat. */
  readonly numbers: number[];
}

/**
 * Reads a tar of any of the usual dialects: ustar, pax with its vendors' records (extended attributes and ACLs of star, GNU tar and libarchive,
 * sparse files of GNU in the formats 0.0, 0.1 and 1.0), GNU's long names and old sparse files, the old form before POSIX.
 */
export class TarReader {
  readonly #bytes: TarBytes;
  readonly #global = new Map<Name, Uint8Array>();
  #left = 0;
  #pad = 0;
  #runs: readonly (readonly [number, number])[] = [];
  #ended = false;

  constructor(bytes: TarBytes) {
    this.#bytes = bytes;
  }

  /**
   * The next member; undefined at the end. Contents of the one before that were not read are stepped over.
   * @throws DiskError corrupt where a header is none, and where the archive ends early or without its end mark
   */
  async next(): Promise<TarMember | undefined> {
    if (this.#ended) return undefined;
    for await (const _ of this.contents()) { /* stepped over */ }
    await this.#skip(this.#pad);
    const ahead: Ahead = { records: new Map(this.#global), numbers: [] };
    for (let headers = 0; headers < MOST_HEADERS; headers++) {
      const block = await this.#bytes.take(BLOCK);
      // Two empty blocks are the end; one is taken for it, as GNU tar does. The file's own end is none: the writer before a pipe may have died between two members.
      if (block.length === 0) throw badArchive('tar archive', 'it ends without its end mark, so that it may have been cut');
      if (block.length === BLOCK && block.every((byte) => byte === 0)) {
        this.#ended = true;
        return undefined;
      }
      if (!isTarHeader(block)) throw badArchive('tar header', block.length < BLOCK ? 'the archive ends in the middle of it' : 'its checksum is wrong');
      const header = parseHeader(block);
      if (!(await this.#isAhead(header, ahead))) return this.#member(header, block, ahead);
    }
    throw badArchive('tar header', `more than ${MOST_HEADERS} headers describe one member`);
  }

  /** The contents of the member that `next` gave, in order; once. Pieces are good until the next one. */
  async *contents(): AsyncIterable<TarPiece> {
    for (const [at, length] of this.#runs) {
      for (let done = 0; done < length;) {
        const got = this.#bytes.some(Math.min(length - done, this.#left));
        const bytes = got instanceof Promise ? await got : got;
        if (bytes.length === 0) throw badArchive('tar member', 'the archive ends in the middle of its contents');
        this.#left -= bytes.length;
        const piece = { at: at + done, bytes };
        done += bytes.length;
        yield piece;
      }
    }
    this.#runs = [];
    await this.#skip(this.#left);
    this.#left = 0;
  }

  /** Takes in what describes the member that follows. */
  async #isAhead({ typeflag, size }: ParsedHeader, ahead: Ahead): Promise<boolean> {
    if (!'LKxgVX'.includes(typeflag)) return false;
    if (size > LONGEST_RECORDS) throw badArchive('tar header', `its records take ${size} bytes`);
    const bytes = await this.#exactly(size);
    await this.#skip(padding(size));
    if (typeflag === 'L') ahead.path = untilZero(bytes);
    else if (typeflag === 'K') ahead.link = untilZero(bytes);
    else if (typeflag === 'g') for (const [keyword, value] of paxRecords(bytes)) this.#global.set(keyword, value);
    // Solaris' X is pax under another letter; V is a volume's name.
    else if (typeflag !== 'V') {
      for (const [keyword, value] of paxRecords(bytes)) {
        if (keyword === 'GNU.sparse.offset' || keyword === 'GNU.sparse.numbytes') ahead.numbers.push(Number(decodeName(value)));
        else if (value.length === 0) ahead.records.delete(keyword);
        else ahead.records.set(keyword, value);
      }
    }
    return true;
  }

  async #member(header: ParsedHeader, block: Uint8Array, ahead: Ahead): Promise<TarMember> {
    const { records } = ahead;
    const said = (keyword: string): Name | undefined => {
      const value = records.get(keyword);
      return value === undefined ? undefined : decodeName(value);
    };
    const count = (keyword: string): number | undefined => {
      const text = said(keyword);
      return text !== undefined && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
    };
    const path = said('GNU.sparse.name') ?? said('path') ?? ahead.path ?? header.path;
    const isDirectory = path.endsWith('/') && (header.typeflag === '0' || header.typeflag === '\0');
    const type = isDirectory ? 'dir' : (TYPES[header.typeflag] ?? 'file');
    const lost: string[] = [];
    const atime = timeOf(said('atime'));
    const ctime = timeOf(said('ctime'));
    // Links, folders and devices have no contents, whatever their size says; unknown types do (the specification's advice).
    let stored = type === 'file' ? (count('size') ?? header.size) : 0;
    this.#pad = padding(stored);
    let size = stored;
    let runs: (readonly [number, number])[] | undefined;
    if (type === 'file') {
      const sparse = await this.#sparse(header, block, ahead, count, said);
      if (sparse !== undefined) {
        runs = sparse.runs;
        ({ size } = sparse);
        stored -= sparse.mapLength;
        checkRuns(runs, size, stored);
      }
    }
    this.#left = stored;
    this.#runs = runs ?? (stored > 0 ? [[0, stored]] : []);
    const device = type === 'char' || type === 'block' ? { major: count('SCHILY.devmajor') ?? header.device.major, minor: count('SCHILY.devminor') ?? header.device.minor } : undefined;
    const xattrs = attributesOf(records, lost);
    return {
      path, type, mode: header.mode, uid: count('uid') ?? header.uid, gid: count('gid') ?? header.gid, size,
      mtime: timeOf(said('mtime')) ?? BigInt(header.mtime) * BILLION, stored, lost,
      ...(atime === undefined ? {} : { atime }), ...(ctime === undefined ? {} : { ctime }),
      ...(type === 'link' || type === 'symlink' ? { target: said('linkpath') ?? ahead.link ?? header.link } : {}),
      ...(device === undefined ? {} : { device }), ...(xattrs.length === 0 ? {} : { xattrs }), ...(runs === undefined ? {} : { runs }),
    };
  }

  /** GNU's sparse files, in any of their four forms; undefined where it is none. */
  async #sparse(header: ParsedHeader, block: Uint8Array, ahead: Ahead, count: (keyword: string) => number | undefined, said: (keyword: string) => Name | undefined): Promise<{ runs: (readonly [number, number])[]; size: number; mapLength: number } | undefined> {
    if (header.typeflag === 'S') return this.#oldSparse(block);
    if (said('GNU.sparse.major') === '1') {
      const size = count('GNU.sparse.realsize');
      if (size === undefined) throw badArchive('tar member', 'a sparse file does not say its size');
      return { ...(await this.#mapInData()), size };
    }
    const size = count('GNU.sparse.size');
    if (size === undefined) return undefined;
    const numbers = said('GNU.sparse.map')?.split(',').map(Number) ?? ahead.numbers;
    return { runs: pairs(numbers), size, mapLength: 0 };
  }

  /** The map stands in the header, four runs of it, and where that is not enough in blocks that follow, 21 each (GNU tar, sparse.c: oldgnu). */
  async #oldSparse(block: Uint8Array): Promise<{ runs: (readonly [number, number])[]; size: number; mapLength: number }> {
    const numbers: number[] = [];
    const take = (from: Uint8Array, at: number, entries: number): void => {
      for (let i = 0; i < entries * 2; i++) {
        const field = new Uint8Array(BLOCK);
        field.set(from.subarray(at + i * 12, at + i * 12 + 12), 124);
        numbers.push(parseHeader(field).size);
      }
    };
    take(block, 386, 4);
    const real = new Uint8Array(BLOCK);
    real.set(block.subarray(483, 495), 124);
    let more = block[482] !== 0;
    while (more && numbers.length < MOST_RUNS * 2) {
      const next = await this.#exactly(BLOCK);
      take(next, 0, 21);
      more = next[504] !== 0;
    }
    const runs = pairs(numbers);
    // Entries that were not needed are empty.
    return { runs: runs.filter(([, length]) => length > 0), size: parseHeader(real).size, mapLength: 0 };
  }

  /** Format 1.0: the map is the beginning of the data, one decimal number a line, padded to a block. */
  async #mapInData(): Promise<{ runs: (readonly [number, number])[]; mapLength: number }> {
    const numbers: number[] = [];
    let wanted = Infinity;
    let line = '';
    let mapLength = 0;
    while (numbers.length < wanted) {
      const block = await this.#exactly(BLOCK);
      mapLength += BLOCK;
      for (const byte of block) {
        if (byte !== 0x0a) {
          line += String.fromCharCode(byte);
          if (line.length > 20) throw badArchive('tar member', 'the map of a sparse file is no list of numbers');
          continue;
        }
        if (!/^\d+$/.test(line)) throw badArchive('tar member', 'the map of a sparse file is no list of numbers');
        if (wanted === Infinity) wanted = Number(line) * 2;
        else numbers.push(Number(line));
        line = '';
        if (wanted > MOST_RUNS * 2) throw badArchive('tar member', `a sparse file has ${wanted / 2} runs`);
        if (numbers.length >= wanted) break;
      }
    }
    return { runs: pairs(numbers).filter(([, length]) => length > 0), mapLength };
  }

  async #exactly(length: number): Promise<Uint8Array> {
    const bytes = await this.#bytes.take(length);
    if (bytes.length < length) throw badArchive('tar archive', 'it ends early');
    return bytes;
  }

  async #skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      const got = this.#bytes.some(left);
      const bytes = got instanceof Promise ? await got : got;
      if (bytes.length === 0) throw badArchive('tar archive', 'it ends early');
      left -= bytes.length;
    }
  }
}

function pairs(numbers: readonly number[]): (readonly [number, number])[] {
  if (numbers.length % 2 !== 0 || numbers.length > MOST_RUNS * 2) throw badArchive('tar member', 'the map of a sparse file is cut');
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[i * 2]!, numbers[i * 2 + 1]!] as const);
}

function checkRuns(runs: readonly (readonly [number, number])[], size: number, stored: number): void {
  let end = 0;
  let sum = 0;
  for (const [at, length] of runs) {
    if (!Number.isSafeInteger(at) || !Number.isSafeInteger(length) || at < end || length < 0 || at + length > size) throw badArchive('tar member', 'the map of a sparse file is not in order');
    end = at + length;
    sum += length;
  }
  if (sum > stored) throw badArchive('tar member', `the map of a sparse file counts ${sum} bytes, it has ${stored}`);
}

/** Decimal seconds as nanoseconds; undefined where there are none that can be read. */
function timeOf(text: Name | undefined): bigint | undefined {
  const match = text === undefined ? null : /^(-?)(\d{1,15})(?:\.(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const value = BigInt(match[2]!) * BILLION + BigInt((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  return match[1] === '-' ? -value : value;
}

const SCHILY = 'SCHILY.xattr.';
const LIBARCHIVE = 'LIBARCHIVE.xattr.';

/** Extended attributes by star's records, else by libarchive's; ACLs as text where they do not come as an attribute. */
function attributesOf(records: ReadonlyMap<Name, Uint8Array>, lost: string[]): (readonly [Name, Uint8Array])[] {
  const found = new Map<Name, Uint8Array>();
  for (const [keyword, value] of records) {
    if (keyword.startsWith(SCHILY)) found.set(keyword.slice(SCHILY.length).replaceAll('%3D', '=').replaceAll('%25', '%'), value);
  }
  for (const [keyword, value] of records) {
    if (!keyword.startsWith(LIBARCHIVE)) continue;
    const name = percentDecoded(keyword.slice(LIBARCHIVE.length));
    if (!found.has(name)) found.set(name, base64Decoded(value));
  }
  for (const which of ['access', 'default'] as const) {
    const text = records.get(`SCHILY.acl.${which}`);
    const name = `system.posix_acl_${which}`;
    if (text === undefined || found.has(name)) continue;
    const acl: AclText = encodeAcl(decodeName(text));
    if ('blob' in acl) found.set(name, acl.blob);
    else lost.push(`its ${which} ACL: ${acl.reason}`);
  }
  return [...found];
}

function percentDecoded(name: Name): Name {
  const bytes: number[] = [];
  for (let i = 0; i < name.length; i++) {
    const hex = /^%[0-9a-f]{2}/i.exec(name.slice(i, i + 3));
    if (hex === null) bytes.push(name.charCodeAt(i));
    else {
      bytes.push(Number.parseInt(hex[0].slice(1), 16));
      i += 2;
    }
  }
  return decodeName(Uint8Array.from(bytes));
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function base64Decoded(text: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const byte of text) {
    const value = BASE64.indexOf(String.fromCharCode(byte));
    if (value < 0) continue;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >>> bits) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}
