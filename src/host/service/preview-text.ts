import { analyse } from 'chardet';
import type { TextEncoding, TextPart } from '../../shared/contract/preview.ts';

/** Bytes that a guess looks at. */
const SAMPLE = 64 * 1024;

/** Bytes of it that a guess between encodings of one or two bytes a letter looks at: the detector takes half a millisecond a KiB. */
const LETTERS = 16 * 1024;

/** Bytes that are looked through from the end of a part for a place to cut it. */
const TAIL = 4096;

/** Of 100: what the detector says of bytes that it does not know is 10. */
const LEAST_CONFIDENCE = 20;

/** What the detector says, as the label of a decoder. ISO 8859-1 is read as its superset, as the web does. */
const DETECTED: Readonly<Record<string, TextEncoding>> = {
  'ISO-8859-1': 'windows-1252', 'windows-1252': 'windows-1252', 'ISO-8859-2': 'iso-8859-2', 'windows-1250': 'windows-1250', 'windows-1257': 'windows-1257', 'ISO-8859-9': 'windows-1254', 'windows-1254': 'windows-1254',
  'windows-1251': 'windows-1251', 'KOI8-R': 'koi8-r', 'ISO-8859-5': 'iso-8859-5', 'ISO-8859-7': 'iso-8859-7', 'windows-1253': 'windows-1253', 'ISO-8859-8': 'windows-1255', 'windows-1255': 'windows-1255', 'windows-1256': 'windows-1256',
  Shift_JIS: 'shift_jis', 'EUC-JP': 'euc-jp', GB18030: 'gb18030', Big5: 'big5', 'EUC-KR': 'euc-kr',
};

/** Bytes 0x80 to 0x9f of windows-1252; five are what they are. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

export interface TextGuess {
  readonly encoding: TextEncoding;
  /** Bytes of the mark at the start that says so; 0 without one. */
  readonly mark: number;
}

/** The mark of each Unicode encoding. That of UTF-32 begins as that of UTF-16 does, and comes first. */
const MARKS: readonly (readonly [TextEncoding, readonly number[]])[] = [
  ['utf-32le', [0xff, 0xfe, 0, 0]], ['utf-32be', [0, 0, 0xfe, 0xff]], ['utf-8', [0xef, 0xbb, 0xbf]], ['utf-16le', [0xff, 0xfe]], ['utf-16be', [0xfe, 0xff]],
];

/**
 * The encoding of a text that begins with `bytes`; undefined when they are no text. A guess, where they hold neither a mark nor UTF-8.
 * @param cut whether they end wherever the reading did, perhaps inside a character
 */
export function guessEncoding(bytes: Uint8Array, cut: boolean): TextGuess | undefined {
  for (const [encoding, mark] of MARKS) {
    if (mark.every((byte, i) => bytes[i] === byte)) return { encoding, mark: mark.length };
  }
  const sample = bytes.subarray(0, SAMPLE);
  if (sample.includes(0)) {
    const encoding = wideEncoding(sample);
    return encoding && { encoding, mark: 0 };
  }
  if (isBinary(sample)) return undefined;
  try {
    // `stream` keeps an incomplete last character back instead of calling it an error.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: cut });
    return { encoding: 'utf-8', mark: 0 };
  } catch {
    // From the first letter on that is not ASCII: what is before it says nothing.
    const first = Math.max(0, sample.findIndex((byte) => byte >= 0x80));
    const [best] = analyse(sample.subarray(first, first + LETTERS)).filter(({ name }) => name in DETECTED);
    return { encoding: best !== undefined && best.confidence >= LEAST_CONFIDENCE ? DETECTED[best.name]! : 'windows-1252', mark: 0 };
  }
}

/** Bytes of the mark of an encoding at the start of a text. */
export function markLength(bytes: Uint8Array, encoding: TextEncoding): number {
  const mark = MARKS.find(([each]) => each === encoding)?.[1];
  return mark !== undefined && mark.every((byte, i) => bytes[i] === byte) ? mark.length : 0;
}

/**
 * The characters that are whole in `bytes`.
 * @param cut whether the text goes on after them
 * @returns the text, and of how many bytes it was made
 */
export function decodePart(bytes: Uint8Array, encoding: TextEncoding, cut: boolean): { readonly text: string; readonly length: number } {
  const whole = cut ? bytes.subarray(0, wholeLength(bytes, encoding)) : bytes;
  if (encoding === 'utf-32le' || encoding === 'utf-32be') return { text: decodeUtf32(whole, encoding === 'utf-32be'), length: whole.length };
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(whole);
  // Node before 23 takes windows-1252 for ISO 8859-1, whose characters 0x80 to 0x9f are controls.
  return { text: encoding === 'windows-1252' ? text.replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80]!) : text, length: whole.length };
}

/** The part of a text that `bytes`, read from byte `at`, hold. @param size bytes of the whole file */
export function textPart(bytes: Uint8Array, at: number, size: number, encoding: TextEncoding): TextPart {
  const cut = at + bytes.length < size;
  const { text, length } = decodePart(bytes, encoding, cut);
  return cut ? { text, next: at + length } : { text };
}

/** Where the last whole character of `bytes` ends. Never 0, so that whoever reads on gets on. */
function wholeLength(bytes: Uint8Array, encoding: TextEncoding): number {
  const { length } = bytes;
  switch (encoding) {
    case 'utf-8': {
      // At most three bytes of a character that is not whole.
      for (let back = 1; back <= 4 && back < length; back++) {
        const byte = bytes[length - back]!;
        if (byte < 0x80) return length;
        if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? length - back : length;
      }
      return length;
    }
    case 'utf-16le':
    case 'utf-16be': {
      const even = length & ~1;
      // The first half of a pair waits for the second.
      const high = even >= 2 ? bytes[even - (encoding === 'utf-16le' ? 1 : 2)]! : 0;
      return (high & 0xfc) === 0xd8 && even > 2 ? even - 2 : even || length;
    }
    case 'utf-32le':
    case 'utf-32be':
      return length & ~3 || length;
    case 'shift_jis':
    case 'euc-jp':
    case 'gb18030':
    case 'big5':
    case 'euc-kr': {
      // Bytes below 0x30 (newlines, spaces) are never a part of a longer character in any of them.
      for (let end = length; end > Math.max(0, length - TAIL); end--) {
        if (bytes[end - 1]! < 0x30) return end;
      }
      return length;
    }
    default:
      return length;
  }
}

function decodeUtf32(bytes: Uint8Array, bigEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const code = view.getUint32(at, !bigEndian);
    text += code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? '\ufffd' : String.fromCodePoint(code);
  }
  return bytes.length % 4 === 0 ? text : `${text}\ufffd`;
}

/** UTF-16 or UTF-32 without a mark, by where its zero bytes lie: text in Latin letters, at least its spaces and newlines. */
function wideEncoding(bytes: Uint8Array): TextEncoding | undefined {
  const zeros = [0, 0, 0, 0];
  const length = bytes.length & ~3;
  const few = length < 4 && bytes.length === 2;
  const end = few ? 2 : length;
  for (let i = 0; i < end; i++) if (bytes[i] === 0) zeros[i & 3]!++;
  const units = end / 4;
  const [a, b, c, d] = zeros.map((count) => count / Math.max(units, 0.25)) as [number, number, number, number];
  const plausible = (encoding: TextEncoding): TextEncoding | undefined => (isPlausible(decodePart(bytes, encoding, true).text) ? encoding : undefined);
  // Of UTF-32, the highest byte is zero in every character, and the next in nearly all.
  if (!few && d === 1 && c > 0.9 && a < 0.1) return plausible('utf-32le');
  if (!few && a === 1 && b > 0.9 && d < 0.1) return plausible('utf-32be');
  if (b + d > 2 * (a + c) + 0.2) return plausible('utf-16le');
  if (a + c > 2 * (b + d) + 0.2) return plausible('utf-16be');
  return undefined;
}

/** No character that nobody writes: few controls, no broken pairs, nothing unassigned. */
function isPlausible(text: string): boolean {
  if (text === '') return false;
  let odd = 0;
  let count = 0;
  for (const character of text.slice(0, 4096)) {
    count++;
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\ufffd\p{Cn}\p{Cs}\p{Co}]/u.test(character)) odd++;
  }
  return odd * 50 <= count;
}

/** More control characters than a text with terminal colours has. */
function isBinary(bytes: Uint8Array): boolean {
  let controls = 0;
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b) controls++;
  }
  return controls * 50 > bytes.length;
}
