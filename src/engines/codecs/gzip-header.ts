/** The header of a gzip member (RFC 1952 section 2.3). */
import { decodeName, type Name } from '../core/names.ts';
import { crc32 } from './crc32.ts';

export const FHCRC = 0x02;
export const FEXTRA = 0x04;
export const FNAME = 0x08;
export const FCOMMENT = 0x10;
/** A reader must refuse what it does not know (section 2.3.1.2). */
export const RESERVED = 0xe0;

/** The only compression method that was ever defined. */
export const DEFLATE = 8;

export interface GzipHeader {
  /** Bytes. */
  readonly length: number;
  /** Seconds since 1970; undefined where the writer did not say. */
  readonly mtime: number | undefined;
  /** The unpacked file's name, without a folder. */
  readonly name: Name | undefined;
  readonly comment: Name | undefined;
  /** Where the file was packed, by name. */
  readonly system: string;
}

/** By the OS byte (section 2.3.1). */
export const SYSTEMS = ['FAT', 'Amiga', 'VMS', 'Unix', 'VM/CMS', 'Atari TOS', 'HPFS', 'Macintosh', 'Z-System', 'CP/M', 'TOPS-20', 'NTFS', 'QDOS', 'Acorn RISCOS'];

/** True for a member's first bytes: magic, deflate, no reserved flags. */
export function isHeader(bytes: Uint8Array): boolean {
  return bytes.length >= 10 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === DEFLATE && (bytes[3]! & RESERVED) === 0;
}

/**
 * The header at the start of `bytes`; undefined when it is not wholly there.
 * @throws Error when its own checksum is wrong
 */
export function parseHeader(bytes: Uint8Array): GzipHeader | undefined {
  if (!isHeader(bytes)) return undefined;
  const flags = bytes[3]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 10;
  if (flags & FEXTRA) {
    if (at + 2 > bytes.length) return undefined;
    at += 2 + view.getUint16(at, true);
  }
  const text = (flag: number): Name | undefined => {
    if (!(flags & flag)) return undefined;
    const end = bytes.indexOf(0, at);
    const from = at;
    at = end < 0 ? Infinity : end + 1;
    return end < 0 ? undefined : decodeName(bytes, from, end);
  };
  const name = text(FNAME);
  const comment = text(FCOMMENT);
  if (flags & FHCRC) {
    if (at + 2 > bytes.length) return undefined;
    if (view.getUint16(at, true) !== (crc32(bytes.subarray(0, at)) & 0xffff)) throw new Error('the header checksum is wrong');
    at += 2;
  }
  if (at > bytes.length) return undefined;
  const mtime = view.getUint32(4, true);
  return { length: at, mtime: mtime === 0 ? undefined : mtime, name, comment, system: SYSTEMS[bytes[9]!] ?? 'unknown' };
}
