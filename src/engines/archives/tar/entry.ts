import { decodeAcl } from '../../core/acl.ts';
import { usage } from '../../core/errors.ts';
import type { EntryType } from '../../core/filesystem.ts';
import { encodeName, isDecodable, type Name } from '../../core/names.ts';
import { BLOCK, fitsPath, LINK_LENGTH, MAX_ID, MAX_SIZE, padding, ustarHeader } from './header.ts';
import { encodeRecords, joined, type PaxRecord, paxTime, xattrKeyword } from './pax.ts';

/** An entry of a tar file. */
export interface TarEntry {
  /** Relative, parts separated by "/"; a directory's ends with one. */
  readonly path: Name;
  /** 'link' is a further name of the file at `target`. Sockets have no place in a tar. */
  readonly type: Exclude<EntryType, 'socket'> | 'link';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file as it is read, holes included. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly atime?: bigint;
  readonly ctime?: bigint;
  /** Of symlinks and links. */
  readonly target?: Name;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs?: readonly (readonly [Name, Uint8Array])[];
  /** The data runs of a sparse file, [offset, length] in bytes, in order; what follows the header are these runs and nothing else. */
  readonly runs?: readonly (readonly [number, number])[];
}

/** A header with all that comes before the data. */
export interface TarHead {
  /** Whole blocks. */
  readonly bytes: Uint8Array;
  /** Bytes of zeros that follow the data. */
  readonly padding: number;
}

/** What ends a tar file. */
export const TAR_END = new Uint8Array(2 * BLOCK);

const TYPEFLAGS: Readonly<Record<TarEntry['type'], string>> = { file: '0', link: '1', symlink: '2', char: '3', block: '4', dir: '5', fifo: '6' };
const BILLION = 1_000_000_000n;

/** ustar's octal field reaches to the year 2242. */
const MAX_MTIME = BigInt(MAX_SIZE) * BILLION;

/**
 * The blocks before an entry's data: a ustar header, preceded by pax records where ustar can't say it. The same entry always makes
 * the same bytes.
 */
export function tarHead(entry: TarEntry): TarHead {
  const path = encodeName(entry.path);
  const link = entry.target === undefined ? undefined : encodeName(entry.target);
  const map = entry.runs && sparseMap(entry.runs, entry.size);
  const data = entry.runs ? entry.runs.reduce((sum, [, length]) => sum + length, 0) : entry.type === 'file' ? entry.size : 0;
  const size = data + (map?.length ?? 0);
  const records = recordsOf(entry, path, link, size);
  const seconds = entry.mtime >= 0n && entry.mtime <= MAX_MTIME ? Number(entry.mtime / BILLION) : 0;
  const fields = { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: seconds };
  const header = ustarHeader({
    ...fields, path: entry.runs ? beside(path, 'GNUSparseFile.0') : path, size, typeflag: TYPEFLAGS[entry.type],
    ...(link ? { link } : {}), ...(entry.device ? { device: entry.device } : {}),
  });
  const parts: Uint8Array[] = [];
  if (records.length > 0) {
    const pax = encodeRecords(records);
    // Only readers that know no pax see this name; they make it a file.
    parts.push(ustarHeader({ ...fields, mode: 0o644, path: beside(path, 'PaxHeaders').subarray(0, 100), size: pax.length, typeflag: 'x' }), pax, new Uint8Array(padding(pax.length)));
  }
  parts.push(header);
  if (map) parts.push(map);
  return { bytes: joined(parts), padding: padding(data) };
}

function recordsOf(entry: TarEntry, path: Uint8Array, link: Uint8Array | undefined, size: number): PaxRecord[] {
  const records: PaxRecord[] = [];
  const longLink = link !== undefined && (link.length > LINK_LENGTH || !isAscii(link));
  const longPath = !fitsPath(path) || !isAscii(path);
  if ((longPath || entry.runs) && !isDecodable(entry.path) || longLink && !isDecodable(entry.target!)) records.push(['hdrcharset', 'BINARY']);
  if (entry.runs) {
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', path], ['GNU.sparse.realsize', `${entry.size}`]);
  } else if (longPath) {
    records.push(['path', path]);
  }
  if (longLink) records.push(['linkpath', link]);
  if (size > MAX_SIZE) records.push(['size', `${size}`]);
  if (entry.uid > MAX_ID) records.push(['uid', `${entry.uid}`]);
  if (entry.gid > MAX_ID) records.push(['gid', `${entry.gid}`]);
  if (entry.mtime % BILLION !== 0n || entry.mtime < 0n || entry.mtime > MAX_MTIME) records.push(['mtime', paxTime(entry.mtime)]);
  if (entry.atime !== undefined && entry.atime !== entry.mtime) records.push(['atime', paxTime(entry.atime)]);
  if (entry.ctime !== undefined && entry.ctime !== entry.mtime) records.push(['ctime', paxTime(entry.ctime)]);
  if (entry.device && (entry.device.major > MAX_ID || entry.device.minor > MAX_ID)) {
    records.push(['SCHILY.devmajor', `${entry.device.major}`], ['SCHILY.devminor', `${entry.device.minor}`]);
  }
  for (const [name, value] of entry.xattrs ?? []) {
    // ACLs twice: as text for those who read ACLs, as they are for those who read attributes.
    const acl = name === 'system.posix_acl_access' ? 'access' : name === 'system.posix_acl_default' ? 'default' : undefined;
    const lines = acl && decodeAcl(value);
    if (lines !== undefined && lines.length > 0) records.push([`SCHILY.acl.${acl}`, lines.join(',')]);
    records.push([xattrKeyword(name), value]);
  }
  return records;
}

/** The map of a sparse file in GNU's format 1.0, padded: how many runs, then offset and length of each, one number a line. */
function sparseMap(runs: readonly (readonly [number, number])[], size: number): Uint8Array {
  let end = 0;
  for (const [at, length] of runs) {
    if (!(at >= end && length >= 0 && at + length <= size)) throw usage('EINVAL', `The run at ${at} of ${length} bytes does not fit a sparse file of ${size}`);
    end = at + length;
  }
  // A run of nothing at the end says how far a last hole reaches.
  const all = end < size ? [...runs, [size, 0] as const] : runs;
  const text = encodeName([all.length, ...all.flat()].map((number) => `${number}\n`).join(''));
  const map = new Uint8Array(text.length + padding(text.length));
  map.set(text);
  return map;
}

/** "a/b" → "a/FOLDER/b": where readers that don't understand an entry put it. */
function beside(path: Uint8Array, folder: string): Uint8Array {
  const end = path.at(-1) === 0x2f ? path.length - 1 : path.length;
  const slash = path.lastIndexOf(0x2f, end - 1);
  return joined([path.subarray(0, slash + 1), encodeName(`${folder}/`), path.subarray(slash + 1, end)]);
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}
