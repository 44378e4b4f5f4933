import type { EntryType } from '../../engines/core/filesystem.ts';
import { decodeName, isDecodable, type Name } from '../../engines/core/names.ts';
import type { ArchiveRow } from '../../shared/contract/preview.ts';
import { damagedArchive, type PreviewReader, shownMember } from './preview-reader.ts';

/** Structures of APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16: their signatures, little-endian, and their fixed lengths in bytes. */
const CENTRAL = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const LOCATOR64 = { signature: 0x07064b50, length: 20 };
const END64 = { signature: 0x06064b50, length: 56 };

/** The end record's comment has 16 bits for its length. */
const LONGEST_END = END.length + 0xffff;

/** Bytes of the central directory that are read: 1,000 entries with names of a kilobyte. */
const MAX_DIRECTORY = 1024 * 1024;

const FOLDER_OF_DOS = 0x10;

export interface ZipListing {
  /** As the end record says it. */
  readonly total: number;
  readonly more: boolean;
}

/** The upper half of code page 437, in which names are that say nothing else. */
const CP437 = 'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

/** Whether a file begins as a zip does: with a member, or with the end of an empty one. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6));
}

/**
 * Lists up to `limit` members from the central directory alone; no member is looked at.
 * @param onRow told of each row as it is found, so that what was found before damage is kept
 * @throws DiskError corrupt, and whatever the reader throws
 */
export async function listZip(reader: PreviewReader, limit: number, onRow: (row: ArchiveRow) => void): Promise<ZipListing> {
  const { at, size, total, end } = await findDirectory(reader);
  // Something was put before the archive (a program that unpacks it): its offsets are wrong by as much.
  const start = end - size >= 0 && at !== end - size && !(await isEntry(reader, at)) ? end - size : at;
  const bytes = await reader.read(start, Math.min(size, MAX_DIRECTORY));
  const view = viewOf(bytes);
  let offset = 0;
  for (let i = 0; i < Math.min(total, limit); i++) {
    if (offset + CENTRAL.length > bytes.length) {
      if (size > MAX_DIRECTORY) return { total, more: true };
      throw damagedArchive('central directory', `it ends after ${i} of ${total} entries`);
    }
    if (view.getUint32(offset, true) !== CENTRAL.signature) throw damagedArchive('central directory', `entry ${i} has no signature`);
    const nameLength = view.getUint16(offset + 28, true);
    const extraLength = view.getUint16(offset + 30, true);
    const next = offset + CENTRAL.length + nameLength + extraLength + view.getUint16(offset + 32, true);
    if (next > bytes.length) {
      if (size > MAX_DIRECTORY) return { total, more: true };
      throw damagedArchive('central directory', `entry ${i} reaches past its end`);
    }
    const nameAt = offset + CENTRAL.length;
    onRow(rowOf(view, bytes, offset, nameAt, nameLength, extraLength));
    offset = next;
  }
  return { total, more: total > limit };
}

function rowOf(view: DataView, bytes: Uint8Array, offset: number, nameAt: number, nameLength: number, extraLength: number): ArchiveRow {
  const utf8 = (view.getUint16(offset + 8, true) & 0x800) !== 0;
  const name = nameOf(bytes.subarray(nameAt, nameAt + nameLength), utf8);
  const attributes = view.getUint32(offset + 38, true);
  const madeByUnix = view.getUint8(offset + 5) === 3;
  const stated = view.getUint32(offset + 24, true);
  const type: EntryType = name.endsWith('/') || (!madeByUnix && attributes & FOLDER_OF_DOS) ? 'dir' : madeByUnix && ((attributes >>> 28) & 0xf) === 0xa ? 'symlink' : 'file';
  return { display: shownMember(name), type, size: type === 'dir' ? 0 : stated === 0xffffffff ? (size64(view, nameAt + nameLength, extraLength) ?? stated) : stated };
}

/** Many a writer has UTF-8 names and does not say so. */
function nameOf(bytes: Uint8Array, utf8: boolean): Name {
  const name = decodeName(bytes);
  return utf8 || isDecodable(name) ? name : Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : CP437[byte - 0x80]!)).join('');
}

/** The unpacked size in the Zip64 extra field (4.5.3), where it comes first. */
function size64(view: DataView, at: number, length: number): number | undefined {
  for (let field = at; field + 4 <= at + length;) {
    const fieldLength = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1 && fieldLength >= 8 && field + 12 <= at + length) {
      const size = view.getBigUint64(field + 4, true);
      return size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : undefined;
    }
    field += 4 + fieldLength;
  }
  return undefined;
}

interface Directory {
  readonly at: number;
  readonly size: number;
  readonly total: number;
  /** Where it must end: the records after it begin there. */
  readonly end: number;
}

async function findDirectory(reader: PreviewReader): Promise<Directory> {
  const tailAt = Math.max(0, reader.size - LONGEST_END);
  const tail = await reader.read(tailAt, LONGEST_END);
  const view = viewOf(tail);
  for (let i = tail.length - END.length; i >= 0; i--) {
    // The comment ends where the file does: a signature in a comment is none.
    if (view.getUint32(i, true) !== END.signature || i + END.length + view.getUint16(i + 20, true) !== tail.length) continue;
    const end = tailAt + i;
    const plain = { at: view.getUint32(i + 16, true), size: view.getUint32(i + 12, true), total: view.getUint16(i + 10, true), end };
    const found = plain.at === 0xffffffff || plain.size === 0xffffffff || plain.total === 0xffff ? ((await directory64(reader, end)) ?? plain) : plain;
    if (found.size > found.end || found.at > reader.size) throw damagedArchive('end of central directory', 'the directory lies outside of the file');
    return found;
  }
  throw damagedArchive('zip', 'it has no end record: the file may be cut short');
}

async function directory64(reader: PreviewReader, end: number): Promise<Directory | undefined> {
  if (end < LOCATOR64.length) return undefined;
  const locator = viewOf(await reader.read(end - LOCATOR64.length, LOCATOR64.length));
  if (locator.getUint32(0, true) !== LOCATOR64.signature) return undefined;
  const at = locator.getBigUint64(8, true);
  if (at > BigInt(reader.size - END64.length)) throw damagedArchive('Zip64 locator', 'it points outside of the file');
  const record = viewOf(await reader.read(Number(at), END64.length));
  if (record.byteLength < END64.length || record.getUint32(0, true) !== END64.signature) throw damagedArchive('Zip64 end record', 'it has no signature');
  const [total, size, offset] = [32, 40, 48].map((field) => record.getBigUint64(field, true)) as [bigint, bigint, bigint];
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  if (total > largest || size > largest || offset > largest) throw damagedArchive('Zip64 end record', 'its numbers are too large');
  return { at: Number(offset), size: Number(size), total: Number(total), end: Number(at) };
}

async function isEntry(reader: PreviewReader, at: number): Promise<boolean> {
  const bytes = await reader.read(at, 4);
  return bytes.length === 4 && viewOf(bytes).getUint32(0, true) === CENTRAL.signature;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
