import type { EntryType } from '../../engines/core/filesystem.ts';
import { decodeName, type Name } from '../../engines/core/names.ts';
import type { ArchiveRow } from '../../shared/contract/preview.ts';
import { damagedArchive, shownMember } from './preview-reader.ts';

/** Bytes of a header, and what everything is padded to. */
export const TAR_BLOCK = 512;

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

/** Whether a block is the header of a tar: its checksum says so (POSIX.1-2017, pax, "ustar Interchange Format"). */
export function isTarHeader(block: Uint8Array): boolean {
  if (block.length < TAR_BLOCK || block[0] === 0) return false;
  const stated = octal(block, 148, 8);
  if (stated === undefined) return false;
  let sum = 0;
  let signed = 0;
  for (let i = 0; i < TAR_BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : block[i]!;
    sum += byte;
    // Old writers summed signed characters.
    signed += byte > 127 ? byte - 256 : byte;
  }
  return stated === sum || stated === signed;
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
    if (!isTarHeader(block)) throw damagedArchive('tar header', block.length < TAR_BLOCK ? 'the archive ends in the middle of it' : 'its checksum is wrong');
    const type = String.fromCharCode(block[156]!);
    const size = long.size ?? sizeOf(block);
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
    const name = long.name ?? headerName(block);
    const kind = name.endsWith('/') && (type === '0' || type === '\0') ? 'dir' : (TYPES[type] ?? 'file');
    const link = type === '1' || type === '2' ? (long.link ?? decodeName(block, 157, endOf(block, 157, 100))) : undefined;
    const holds = kind === 'file' && type !== '1';
    onRow({ display: shownMember(name), type: kind, size: holds ? size : 0, ...(link === undefined ? {} : { target: shownMember(link) }) });
    // Links, folders and devices have no contents, whatever their size says; unknown types do (the specification's advice).
    if (holds) await bytes.skip(padded);
    long = {};
  }
  return { more: true };
}

function headerName(block: Uint8Array): Name {
  const name = decodeName(block, 0, endOf(block, 0, 100));
  const prefix = String.fromCharCode(...block.subarray(257, 263)) === 'ustar\0' ? decodeName(block, 345, endOf(block, 345, 155)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function endOf(block: Uint8Array, at: number, length: number): number {
  const zero = block.subarray(at, at + length).indexOf(0);
  return zero < 0 ? at + length : at + zero;
}

function untilZero(bytes: Uint8Array): Name {
  const zero = bytes.indexOf(0);
  return decodeName(bytes, 0, zero < 0 ? bytes.length : zero);
}

/** @throws DiskError corrupt */
function sizeOf(block: Uint8Array): number {
  // GNU's numbers that are too large for octal digits: the first bit is set, the rest is a number of base 256.
  if (block[124]! & 0x80) {
    let value = BigInt(block[124]! & 0x7f);
    for (let i = 125; i < 136; i++) value = (value << 8n) | BigInt(block[i]!);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  } else {
    const size = octal(block, 124, 12);
    if (size !== undefined) return size;
  }
  throw damagedArchive('tar header', 'its size is no number');
}

/** Octal digits with spaces before and a space or zero after; empty is 0. */
function octal(block: Uint8Array, at: number, length: number): number | undefined {
  const text = String.fromCharCode(...block.subarray(at, at + length)).replace(/[\0 ]+$/, '').trimStart();
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : undefined;
}

/** Records "LENGTH KEYWORD=VALUE\n" of a pax header; what is malformed ends the reading. */
function paxOf(bytes: Uint8Array): { name?: Name; link?: Name; size?: number } {
  const found: { name?: Name; link?: Name; size?: number } = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? NaN : Number(String.fromCharCode(...bytes.subarray(at, Math.min(space, at + 10))));
    const equals = bytes.indexOf(0x3d, space);
    if (!Number.isSafeInteger(length) || at + length > bytes.length || equals < 0 || equals >= at + length || length <= space - at) break;
    const keyword = decodeName(bytes, space + 1, equals);
    const value = decodeName(bytes, equals + 1, at + length - 1);
    if (keyword === 'path') found.name = value;
    else if (keyword === 'linkpath') found.link = value;
    else if (keyword === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
    at += length;
  }
  return found;
}
