/**
 * Names are lossless strings. Bytes that are valid UTF-8 become the characters they spell; every byte that
 * is not becomes the lone surrogate U+DC00 + byte (the scheme of Python's `surrogateescape`, PEP 383), which
 * no valid UTF-8 can produce. So a name is an ordinary string for maps, sorting and JSON, and its bytes come
 * back exactly. What is shown to people goes through `displayName`.
 */
export type Name = string;

/** Bytes → name. Reads bytes [at, end). */
export function decodeName(bytes: Uint8Array, at = 0, end = bytes.length): Name {
  let ascii = true;
  for (let i = at; i < end; i++) {
    if (bytes[i]! >= 0x80) { ascii = false; break; }
  }
  if (ascii) return fromCodes(bytes, at, end);
  let name = '';
  for (let i = at; i < end;) {
    const length = sequenceLength(bytes, i, end);
    if (length === 0) {
      name += String.fromCharCode(0xdc00 + bytes[i]!);
      i += 1;
    } else {
      name += String.fromCodePoint(codePoint(bytes, i, length));
      i += length;
    }
  }
  return name;
}

/** Name → the bytes it was made of. Other lone surrogates (not from `decodeName`) are written as three bytes. */
export function encodeName(name: Name): Uint8Array {
  const bytes = new Uint8Array(name.length * 3);
  let length = 0;
  for (let i = 0; i < name.length; i++) {
    let code = name.charCodeAt(i);
    if (code < 0x80) { bytes[length++] = code; continue; }
    if (code >= 0xdc80 && code <= 0xdcff) { bytes[length++] = code - 0xdc00; continue; }
    if (code >= 0xd800 && code < 0xdc00 && i + 1 < name.length) {
      const low = name.charCodeAt(i + 1);
      if (low >= 0xdc00 && low < 0xe000) { code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00); i++; }
    }
    if (code < 0x800) {
      bytes[length++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[length++] = 0xe0 | (code >> 12);
      } else {
        bytes[length++] = 0xf0 | (code >> 18);
        bytes[length++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[length++] = 0x80 | (code & 0x3f);
  }
  return bytes.subarray(0, length);
}

/** True when the name's bytes are valid UTF-8. */
export function isDecodable(name: Name): boolean {
  return name.isWellFormed();
}

/**
 * The name as it may be shown: control characters, bidirectional overrides, other invisible format characters
 * and undecodable bytes are spelled `\xNN` or `\u{NNNN}`, so that a name can neither hide nor reorder what stands around it.
 */
export function displayName(name: Name): string {
  if (!SUSPICIOUS.test(name)) return name;
  let shown = '';
  for (const character of name) {
    const code = character.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) shown += `\\x${(code - 0xdc00).toString(16).padStart(2, '0')}`;
    else if (!SUSPICIOUS.test(character)) shown += character;
    else if (code < 0x100) shown += `\\x${code.toString(16).padStart(2, '0')}`;
    else shown += `\\u{${code.toString(16)}}`;
  }
  return shown;
}

/** Orders names by their bytes, as `LC_ALL=C sort` does; a path's "/" sorts as any byte. */
export function compareNames(a: Name, b: Name): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x < 0x80 && y < 0x80) return x - y;
    return compareBytes(encodeName(a), encodeName(b));
  }
  return a.length - b.length;
}

/** Byte order of two arrays. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

// Control (C0, DEL, C1), lone surrogates, soft hyphen, Arabic letter mark, zero-width and bidi marks, bidi embeddings, overrides and
// isolates, line and paragraph separators, invisible operators, BOM, interlinear anchors, language tags.
// oxlint-disable-next-line no-control-regex
const SUSPICIOUS = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\p{Cs}\u{e0000}-\u{e007f}]/u;

/** Where the codes of a name are gathered: one array for each length, for `apply` takes an array's length for its own. */
const CODES: number[][] = [];

function fromCodes(bytes: Uint8Array, at: number, end: number): string {
  const length = end - at;
  // apply on a short array of small integers is the fastest way from bytes to a one-byte string; long ones would overflow the stack.
  if (length <= 256) {
    const codes = (CODES[length] ??= Array.from({ length }, () => 0));
    for (let i = 0; i < length; i++) codes[i] = bytes[at + i]!;
    return String.fromCharCode.apply(null, codes);
  }
  let text = '';
  for (let i = at; i < end; i += 256) text += fromCodes(bytes, i, Math.min(i + 256, end));
  return text;
}

/** Length of the valid UTF-8 sequence at `i` (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF), or 0. */
function sequenceLength(bytes: Uint8Array, i: number, end: number): number {
  const first = bytes[i]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (i + length > end) return 0;
  const second = bytes[i + 1]!;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let k = 2; k < length; k++) {
    if ((bytes[i + k]! & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function codePoint(bytes: Uint8Array, i: number, length: number): number {
  if (length === 1) return bytes[i]!;
  let code = bytes[i]! & (0x7f >> length);
  for (let k = 1; k < length; k++) code = (code << 6) | (bytes[i + k]! & 0x3f);
  return code;
}
