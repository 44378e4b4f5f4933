/** What a picture is and how large it becomes, from its header alone: a few bytes can stand for more pixels than a machine has memory. */

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Boxes of an AVIF, segments of a JPEG, blocks of a GIF that are looked at. */
const MAX_PARTS = 100_000;

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
  if (ascii(0, 4) === '\0\0\x01\0' && isIcon(bytes)) return 'image/x-icon';
  return undefined;
}

/** The pixels that a decoder would make of a picture; undefined when its header does not say. @param bytes the whole file */
export function pictureSize(mime: string, bytes: Uint8Array): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let size: PictureSize | undefined;
  try {
    size = SIZES[mime]?.(view);
  } catch (error) {
    // A header that reaches past the end.
    if (!(error instanceof RangeError)) throw error;
  }
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

const SIZES: Readonly<Record<string, (view: DataView) => PictureSize | undefined>> = {
  'image/png': (view) => (view.getUint32(12) === 0x49484452 ? { width: view.getUint32(16), height: view.getUint32(20) } : undefined),
  'image/jpeg': jpegSize,
  'image/gif': gifSize,
  'image/webp': webpSize,
  'image/bmp': (view) => (view.getUint8(14) === 12
    ? { width: view.getUint16(18, true), height: view.getUint16(20, true) }
    // A negative height says that the rows go down.
    : { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) }),
  'image/avif': avifSize,
  'image/x-icon': iconSize,
};

/** The frame header (SOF): markers 0xC0 to 0xCF without DHT, JPG and DAC. */
function jpegSize(view: DataView): PictureSize | undefined {
  let at = 2;
  for (let parts = 0; parts < MAX_PARTS; parts++) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at++;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    else if (marker === 0xd9 || marker === 0xda) return undefined;
    else at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** Bytes of a GIF's colour table. */
function table(flags: number): number {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

/** The screen, or what the largest frame makes of it. */
function gifSize(view: DataView): PictureSize | undefined {
  let width = view.getUint16(6, true);
  let height = view.getUint16(8, true);
  let at = 13 + table(view.getUint8(10));
  const skipBlocks = (): void => {
    for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += length + 1;
    at++;
  };
  try {
    for (let parts = 0; parts < MAX_PARTS; parts++) {
      const kind = view.getUint8(at);
      if (kind === 0x2c) {
        width = Math.max(width, view.getUint16(at + 1, true) + view.getUint16(at + 5, true));
        height = Math.max(height, view.getUint16(at + 3, true) + view.getUint16(at + 7, true));
        at += 11 + table(view.getUint8(at + 9));
        skipBlocks();
      } else if (kind === 0x21) {
        at += 2;
        skipBlocks();
      } else {
        break;
      }
    }
  } catch (error) {
    // It is cut short; what is there counts.
    if (!(error instanceof RangeError)) throw error;
  }
  return { width, height };
}

function webpSize(view: DataView): PictureSize | undefined {
  switch (view.getUint32(12)) {
    case 0x56503858: // "VP8X"
      return { width: 1 + (view.getUint32(24, true) & 0xffffff), height: 1 + (view.getUint32(26, true) >>> 8) };
    case 0x5650384c: { // "VP8L"
      const bits = view.getUint32(21, true);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    case 0x56503820: // "VP8 "
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    default:
      return undefined;
  }
}

/** Where the boxes lie that tell sizes: 'ispe' of pictures, 'tkhd' of sequences. 'meta' has a version before its boxes. */
const HOLDERS: Readonly<Record<string, number>> = { meta: 4, iprp: 0, ipco: 0, moov: 0, trak: 0 };

/** The largest of all that it says. */
function avifSize(view: DataView): PictureSize | undefined {
  let largest: PictureSize | undefined;
  const todo: [number, number][] = [[0, view.byteLength]];
  for (let parts = 0; todo.length > 0 && parts < MAX_PARTS; parts++) {
    const [at, end] = todo.pop()!;
    if (at + 8 > end) continue;
    const length = view.getUint32(at);
    const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    // 0: up to the end. A length of 64 bits (1) belongs to the pixels, after which nothing is of interest.
    const next = length === 0 ? end : at + length;
    if (length === 1 || (length !== 0 && length < 8) || next > end) continue;
    todo.push([next, end]);
    const skip = HOLDERS[type];
    if (skip !== undefined) todo.push([at + 8 + skip, next]);
    const size = type === 'ispe' && length >= 20 ? { width: view.getUint32(at + 12), height: view.getUint32(at + 16) }
      : type === 'tkhd' && length >= 92 ? { width: view.getUint32(next - 8) >>> 16, height: view.getUint32(next - 4) >>> 16 } : undefined;
    if (size !== undefined && size.width * size.height > (largest?.width ?? 0) * (largest?.height ?? 0)) largest = size;
  }
  return largest;
}

/** Entries that an icon has at most; real ones have a dozen. */
const MAX_ICONS = 64;

/** The fourth of its first bytes are zero: the directory must make sense, too. */
function isIcon(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 22) return false;
  const count = view.getUint16(4, true);
  if (count === 0 || count > MAX_ICONS || bytes.length < 6 + 16 * count) return false;
  for (let i = 0; i < count; i++) {
    const at = 6 + 16 * i;
    if (view.getUint8(at + 3) !== 0 || view.getUint32(at + 8, true) < 40 || view.getUint32(at + 12, true) < 6 + 16 * count) return false;
  }
  return true;
}

/** The largest of its pictures, each as its own header says: the directory's single bytes can say anything. */
function iconSize(view: DataView): PictureSize | undefined {
  let largest: PictureSize = { width: 0, height: 0 };
  for (let i = 0; i < view.getUint16(4, true); i++) {
    const at = view.getUint32(6 + 16 * i + 12, true);
    const size = view.getUint32(at) === 0x89504e47
      ? { width: view.getUint32(at + 16), height: view.getUint32(at + 20) }
      // A bitmap without its file header, twice as high: the mask lies below the colours.
      : { width: Math.abs(view.getInt32(at + 4, true)), height: Math.abs(view.getInt32(at + 8, true)) / 2 };
    if (size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest;
}
