import { decodeName, type Name } from '../../core/names.ts';
import { badArchive } from './errors.ts';
import { BLOCK } from './header.ts';

/** A header block's fields (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's manual for its own). */
export interface ParsedHeader {
  readonly path: Name;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of data that follow, before padding. */
  readonly size: number;
  /** Seconds since 1970; may be negative in GNU's form. */
  readonly mtime: number;
  readonly typeflag: string;
  readonly link: Name;
  readonly device: { readonly major: number; readonly minor: number };
}

/** Whether a block is the header of a tar: its checksum says so. */
export function isTarHeader(block: Uint8Array): boolean {
  if (block.length < BLOCK || block[0] === 0) return false;
  const stated = octal(block, 148, 8);
  if (stated === undefined) return false;
  let sum = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : block[i]!;
    sum += byte;
    // Old writers summed signed characters.
    signed += byte > 127 ? byte - 256 : byte;
  }
  return stated === sum || stated === signed;
}

/** @throws DiskError corrupt where its size is no number; what else is none counts as 0 */
export function parseHeader(block: Uint8Array): ParsedHeader {
  const size = number(block, 124, 12);
  if (size === undefined || size < 0) throw badArchive('tar header', 'its size is no number');
  const ustar = String.fromCharCode(...block.subarray(257, 263)) === 'ustar\0';
  const name = text(block, 0, 100);
  const prefix = ustar ? text(block, 345, 155) : '';
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    mode: (number(block, 100, 8) ?? 0) & 0o7777, uid: number(block, 108, 8) ?? 0, gid: number(block, 116, 8) ?? 0, size, mtime: number(block, 136, 12) ?? 0,
    typeflag: String.fromCharCode(block[156]!), link: text(block, 157, 100), device: { major: number(block, 329, 8) ?? 0, minor: number(block, 337, 8) ?? 0 },
  };
}

/** Bytes up to the first NUL. */
export function untilZero(bytes: Uint8Array): Name {
  const zero = bytes.indexOf(0);
  return decodeName(bytes, 0, zero < 0 ? bytes.length : zero);
}

/** Records "LENGTH KEYWORD=VALUE\n" of a pax header, in order; what is malformed ends the reading. Values are views. */
export function* paxRecords(bytes: Uint8Array): Iterable<readonly [keyword: Name, value: Uint8Array]> {
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? NaN : Number(String.fromCharCode(...bytes.subarray(at, Math.min(space, at + 10))));
    const equals = bytes.indexOf(0x3d, space);
    if (!Number.isSafeInteger(length) || at + length > bytes.length || equals < 0 || equals >= at + length || length <= space - at) return;
    yield [decodeName(bytes, space + 1, equals), bytes.subarray(equals + 1, at + length - 1)];
    at += length;
  }
}

function text(block: Uint8Array, at: number, length: number): Name {
  return untilZero(block.subarray(at, at + length));
}

/** Octal digits, or GNU's numbers that are too large for them: the first bit is set, the rest is a signed number of base 256. */
function number(block: Uint8Array, at: number, length: number): number | undefined {
  const first = block[at]!;
  if ((first & 0x80) === 0) return octal(block, at, length);
  let value = BigInt(first & 0x40 ? (first & 0x7f) - 0x80 : first & 0x7f);
  for (let i = at + 1; i < at + length; i++) value = value * 256n + BigInt(block[i]!);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : undefined;
}

/** Octal digits with spaces before and a space or zero after; empty is 0. */
function octal(block: Uint8Array, at: number, length: number): number | undefined {
  const end = at + length;
  let i = at;
  while (i < end && block[i] === 0x20) i++;
  let value = 0;
  for (; i < end && block[i]! >= 0x30 && block[i]! <= 0x37; i++) value = value * 8 + block[i]! - 0x30;
  for (; i < end; i++) if (block[i] !== 0 && block[i] !== 0x20) return undefined;
  return value;
}
