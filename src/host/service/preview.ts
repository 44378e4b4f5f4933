import { ioError } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { Preview } from '../../shared/contract/rows.ts';

/** Bytes of a text that are shown. */
const MAX_TEXT = 256 * 1024;

/** Bytes of a picture; the window decodes it, and a browser's decoder has limits of its own for its sides. */
const MAX_PICTURE = 16 * 1024 * 1024;

/** Bytes of anything else. */
const MAX_BINARY = 4096;

/** What the preview pane shows of a node. What a file is, its first bytes say, never its name. */
export async function preview(fs: FileSystem, node: NodeId): Promise<Preview> {
  const stat = await fs.stat(node);
  if (stat.type !== 'file') return { kind: 'none', reason: `A ${stat.type === 'dir' ? 'folder' : stat.type} has no contents to show` };
  if (stat.size === 0) return { kind: 'none', reason: 'The file is empty' };
  const start = await readUpTo(fs, node, Math.min(stat.size, MAX_TEXT));
  const mime = pictureType(start);
  if (mime !== undefined) {
    if (stat.size > MAX_PICTURE) return { kind: 'none', reason: `The picture is larger than ${MAX_PICTURE >> 20} MiB` };
    return { kind: 'picture', mime, bytes: stat.size <= start.length ? start : await readUpTo(fs, node, stat.size) };
  }
  const truncated = stat.size > start.length;
  const text = decodeText(start, truncated);
  if (text !== undefined) return { kind: 'text', ...text, truncated };
  return { kind: 'binary', bytes: start.slice(0, MAX_BINARY), truncated: stat.size > MAX_BINARY };
}

/** The first `length` bytes of a file, less only where it ends before its size. */
export async function readUpTo(fs: FileSystem, node: NodeId, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const got = await fs.read(node, at, bytes.subarray(at));
    if (got < 0 || got > length - at) throw ioError(`A read returned ${got} bytes of ${length - at}`);
    if (got === 0) return bytes.slice(0, at);
    at += got;
  }
  return bytes;
}

/** The type of a picture that every window shows without running anything in it (an SVG is text here). */
export function pictureType(bytes: Uint8Array): string | undefined {
  const ascii = (at: number, length: number): string => String.fromCharCode(...bytes.subarray(at, at + length));
  if (ascii(0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png';
  if (ascii(0, 3) === '\xff\xd8\xff') return 'image/jpeg';
  if (/^GIF8[79]a$/.test(ascii(0, 6))) return 'image/gif';
  if (ascii(0, 4) === 'RIFF' && ascii(8, 4) === 'WEBP') return 'image/webp';
  // "BM" alone begins many a text: the reserved fields are zero and the header's size is one of the known ones.
  if (ascii(0, 2) === 'BM' && ascii(6, 4) === '\0\0\0\0' && [12, 40, 52, 56, 108, 124].includes(bytes[14] ?? 0) && ascii(15, 3) === '\0\0\0') return 'image/bmp';
  if (ascii(4, 4) === 'ftyp' && /^(avif|avis)$/.test(ascii(8, 4))) return 'image/avif';
  return undefined;
}

/** Bytes as text, where they are one. `cut`: they end wherever the reading did, perhaps inside a character. */
export function decodeText(bytes: Uint8Array, cut: boolean): { text: string; encoding: string } | undefined {
  const [a, b, c] = bytes;
  if (a === 0xff && b === 0xfe) return { text: decodeUtf16(bytes.subarray(2), false), encoding: 'UTF-16LE' };
  if (a === 0xfe && b === 0xff) return { text: decodeUtf16(bytes.subarray(2), true), encoding: 'UTF-16BE' };
  if (isBinary(bytes)) return undefined;
  try {
    // `stream` keeps an incomplete last character back instead of calling it an error.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: cut });
    return { text, encoding: a === 0xef && b === 0xbb && c === 0xbf ? 'UTF-8 with BOM' : 'UTF-8' };
  } catch {
    return { text: new TextDecoder('latin1').decode(bytes), encoding: 'Latin-1' };
  }
}

/** A zero byte, or more control characters than a text with terminal colours has. */
function isBinary(bytes: Uint8Array): boolean {
  let controls = 0;
  for (const byte of bytes) {
    if (byte === 0) return true;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b) controls++;
  }
  return controls * 50 > bytes.length;
}

function decodeUtf16(bytes: Uint8Array, bigEndian: boolean): string {
  const even = bytes.slice(0, bytes.length & ~1);
  if (bigEndian) Buffer.from(even.buffer).swap16();
  return new TextDecoder('utf-16le').decode(even);
}
