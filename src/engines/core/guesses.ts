import { type BlockDevice, readBytes } from './bytes/device.ts';
import { type KnownKind, type Reader, type SignatureMagic, SIGNATURES } from './signatures.ts';

/** What bytes may be that no engine opens: a name and the reason for it. */
export interface Guess {
  /** Id of a signature; "random" and "text" for what has none. */
  readonly id: string;
  readonly name: string;
  readonly kind: KnownKind | 'random' | 'text';
  /** 0 to 100, on the scale of a format's own match. */
  readonly confidence: number;
  readonly evidence: readonly string[];
}

/** Guesses that are told at most. */
const MOST = 8;

/** Bytes that are looked at for their mere distribution. */
const SAMPLE = 64 * 1024;

/** The sample's fewest bytes: the distribution of less says nothing. */
const FEWEST = 4096;

/** Bits a byte. 64 KiB of random bytes have 7.997; deflated data seldom more than 7.99. */
const RANDOM = 7.99;

/**
 * What a device may be, the best guess first. It reads a few bytes a signature, and never throws for what it reads: an unreadable sector is no sign.
 * @param leaveOut ids that an engine has looked for itself
 */
export function guess(device: BlockDevice, leaveOut: ReadonlySet<string> = new Set()): Guess[] {
  const found: Guess[] = [];
  for (const signature of SIGNATURES) {
    if (leaveOut.has(signature.id)) continue;
    const signs = signsOf(device, signature.magics);
    const proof = signature.proof?.(readerOf(device), device.size);
    if (proof !== undefined) {
      found.push({ id: signature.id, name: signature.name, kind: signature.kind, confidence: PROVED, evidence: [proof] });
      continue;
    }
    if (signs.length === 0 && signature.magics.length > 0) continue;
    if (signature.unless !== undefined && signsOf(device, signature.unless).length > 0) continue;
    const fits = signature.fits?.(readerOf(device), device.size) === true;
    if (signs.length === 0 && !fits) continue;
    const confidence = Math.max(fits ? FITTING : 0, ...signs.map(([length]) => confidenceOf(length)));
    const fitting = signature.magics.length === 0 ? 'its counts and checksums fit, though it has no magic' : 'what stands around it fits';
    found.push({ id: signature.id, name: signature.name, kind: signature.kind, confidence, evidence: [...signs.map(([, sign]) => sign), ...(fits ? [fitting] : [])] });
  }
  if (!found.some(({ confidence }) => confidence >= 60)) found.push(...byDistribution(device));
  return found.toSorted((a, b) => b.confidence - a.confidence).slice(0, MOST);
}

/** A short magic among counts and lengths that fit. */
const FITTING = 70;

/** More than the longest magic. */
const PROVED = 95;

/** A device's bytes for whoever looks at them without trusting that they can be read. */
export function readerOf(device: BlockDevice): Reader {
  return (at, length) => {
    if (at + length > device.size) return undefined;
    try {
      const bytes = readBytes(device, at, length);
      return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch {
      return undefined;
    }
  };
}

/** A magic of two bytes is met by chance in one of 65,536 places, and there are many places; one of six is not. */
function confidenceOf(length: number): number {
  return length >= 6 ? 90 : length >= 4 ? 80 : length === 3 ? 60 : 25;
}

/** Each magic of it that is there: its length in bytes, and where it was seen. */
function signsOf(device: BlockDevice, magics: readonly SignatureMagic[]): (readonly [number, string])[] {
  const signs: (readonly [number, string])[] = [];
  for (const magic of magics) {
    const at = magic.at(device.size).find((place) => isThere(device, magic, place));
    if (at !== undefined) signs.push([magic.bytes.length, `${magic.text} ${at < 0 ? `${-at} bytes before the end` : `at 0x${at.toString(16)}`}`]);
  }
  return signs;
}

function isThere(device: BlockDevice, { bytes }: SignatureMagic, place: number): boolean {
  const at = place < 0 ? device.size + place : place;
  if (at < 0 || at + bytes.length > device.size) return false;
  try {
    const there = readBytes(device, at, bytes.length);
    return bytes.every((byte, i) => there[i] === byte);
  } catch {
    return false;
  }
}

/** Bytes without a magic can still look like text, or like nothing at all: what is encrypted as a whole looks random. */
function byDistribution(device: BlockDevice): Guess[] {
  const length = Math.min(device.size, SAMPLE);
  let bytes: Uint8Array;
  try {
    bytes = readBytes(device, 0, length);
  } catch {
    return [];
  }
  if (length >= 16 && isText(bytes)) return [{ id: 'text', name: 'Text', kind: 'text', confidence: 40, evidence: [`the first ${length} bytes are text`] }];
  const entropy = entropyOf(bytes);
  if (length < FEWEST || entropy < RANDOM) return [];
  return [{ id: 'random', name: 'Encrypted or compressed data', kind: 'random', confidence: 30, evidence: [`the first ${length} bytes look random (${entropy.toFixed(3)} bits a byte), and no header tells what they are`] }];
}

/** Printable ASCII, line ends and tabs, or bytes of UTF-8: nothing that a text has not. */
function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x80 ? byte < 0xf5 && byte !== 0xc0 && byte !== 0xc1 : byte >= 0x20 ? byte !== 0x7f : byte === 9 || byte === 10 || byte === 13);
}

/** Shannon's, in bits a byte. */
function entropyOf(bytes: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte]!++;
  let bits = 0;
  for (const count of counts) {
    if (count > 0) bits -= (count / bytes.length) * Math.log2(count / bytes.length);
  }
  return bits;
}
