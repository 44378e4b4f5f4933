import { BLOCK as TAR_BLOCK } from '../../engines/archives/tar/header.ts';
import { isTarHeader, type ParsedHeader, parseHeader, paxRecords, untilZero } from '../../engines/archives/tar/parse.ts';
import type { EntryType } from '../../engines/core/filesystem.ts';
import { decodeName, type Name } from '../../engines/core/names.ts';
import type { ArchiveRow } from '../../shared/contract/preview.ts';
import { damagedArchive, shownMember } from './preview-reader.ts';

/** Bytes of a long name or of pax records that are read; longer ones are stepped over. */
const MAX_RECORD = 64 * 1024;

/** Headers that are looked at: those of long names and pax records count too. */
const MAX_HEADERS = 10_000;

/** An archive's bytes from front to back. */
export interface TarBytes {
  /** The next `length` bytes, fewer at the end. */
  take(length: number): Promise<Uint8Array>;
  /** Steps over bytes. */
  skip(length: number): Promise<void>;
}

const TYPES: Readonly<Record<string, EntryType>> = { '1': 'file', '2': 'symlink', '3': 'char', '4': 'block', '5': 'dir', '6': 'fifo' };

/**
 * Lists up to `limit` members; contents are stepped over.
 * @param onRow told of each row as it is found, so that what was found before damage is kept
 * @throws DiskError corrupt where a header is none, and whatever `bytes` throws
 */
export async function listTar(bytes: TarBytes, limit: number, onRow: (row: ArchiveRow) => void): Promise<{ readonly more: boolean }> {
  let long: { name?: Name; link?: Name; size?: number } = {};
  let found = 0;
  for (let headers = 0; headers < MAX_HEADERS; headers++) {
    const block = await bytes.take(TAR_BLOCK);
    // Two empty blocks are the end; one is taken for it, as GNU tar does, and so is that of the file.
    if (block.every((byte) => byte === 0)) return { more: false };
    const header = headerOf(block);
    const type = header.typeflag;
    const size = long.size ?? header.size;
    const padded = Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
    if (type === 'L' || type === 'K' || type === 'x') {
      if (size > MAX_RECORD) await bytes.skip(padded);
      else {
        const record = (await bytes.take(padded)).subarray(0, size);
        if (type === 'L') long.name = untilZero(record);
        else if (type === 'K') long.link = untilZero(record);
        else long = { ...long, ...paxOf(record) };
      }
      continue;
    }
    if (type === 'g') {
      await bytes.skip(padded);
      continue;
    }
    if (found === limit) return { more: true };
    found++;
    const name = long.name ?? header.path;
    const kind = name.endsWith('/') && (type === '0' || type === '\0') ? 'dir' : (TYPES[type] ?? 'file');
    const link = type === '1' || type === '2' ? (long.link ?? header.link) : undefined;
    const holds = kind === 'file' && type !== '1';
    onRow({ display: shownMember(name), type: kind, size: holds ? size : 0, ...(link === undefined ? {} : { target: shownMember(link) }) });
    // Links, folders and devices have no contents, whatever their size says; unknown types do (the specification's advice).
    if (holds) await bytes.skip(padded);
    long = {};
  }
  return { more: true };
}

/** What pax records say that a list shows. */
function paxOf(bytes: Uint8Array): { name?: Name; link?: Name; size?: number } {
  const found: { name?: Name; link?: Name; size?: number } = {};
  for (const [keyword, bytesOf] of paxRecords(bytes)) {
    const value = decodeName(bytesOf);
    if (keyword === 'path') found.name = value;
    else if (keyword === 'linkpath') found.link = value;
    else if (keyword === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
  }
  return found;
}

/** @throws DiskError corrupt */
function headerOf(block: Uint8Array): ParsedHeader {
  if (!isTarHeader(block)) throw damagedArchive('tar header', block.length < TAR_BLOCK ? 'the archive ends in the middle of it' : 'its checksum is wrong');
  try {
    return parseHeader(block);
  } catch {
    throw damagedArchive('tar header', 'its size is no number');
  }
}
