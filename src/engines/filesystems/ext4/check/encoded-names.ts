/** Names of casefolded directories that must be UTF-8 (s_encoding_flags: strict). */

/** Where the first byte lies in bytes [at, end) that is no part of well-formed UTF-8; undefined when all are. */
export function firstInvalidUtf8(bytes: Uint8Array, at: number, end: number): number | undefined {
  for (let i = at; i < end;) {
    const lead = bytes[i]!;
    const length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    if (length === 0 || i + length > end) return i;
    let code = length === 1 ? lead : lead & (0x7f >> length);
    for (let k = 1; k < length; k++) {
      const byte = bytes[i + k]!;
      if ((byte & 0xc0) !== 0x80) return i;
      code = (code << 6) | (byte & 0x3f);
    }
    // Longer than needed, half of a surrogate pair, or past Unicode's end.
    if ((length === 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) || (length === 4 && (code < 0x10000 || code > 0x10ffff))) return i;
    i += length;
  }
  return undefined;
}
