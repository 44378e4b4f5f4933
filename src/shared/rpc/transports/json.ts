/**
 * Messages as text: JSON, with bigint, bytes and array holes of `undefined` as tagged objects. JSON because lossless names hold lone
 * surrogates: JSON spells them as \uDCxx, while any text encoding to UTF-8 would replace them.
 *   1n → {"$":"n","v":"1"}   bytes → {"$":"b","v":"base64"}   undefined in an array → {"$":"u"}
 * No message of ours has a property of the name "$", so the tags can't be mistaken.
 */

/** @throws TypeError for what is not plain data */
export function encodeMessage(message: unknown): string {
  return JSON.stringify(message, function (this: unknown, key: string, value: unknown): unknown {
    // `value` has gone through toJSON already, which is why the holder is looked at.
    const raw = (this as Record<string, unknown>)[key];
    if (typeof raw === 'bigint') return { $: 'n', v: raw.toString() };
    if (raw instanceof Uint8Array) return { $: 'b', v: toBase64(raw) };
    if (raw === undefined && Array.isArray(this)) return { $: 'u' };
    return value;
  });
}

/** @throws SyntaxError (or RangeError, for nesting too deep for the parser) on what `encodeMessage` did not make */
export function decodeMessage(text: string): unknown {
  return JSON.parse(text, (_, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$')) return value;
    const { $: tag, v } = value as { $: unknown; v?: unknown };
    // 20 digits hold every 64-bit number; BigInt() of millions of digits would take for ever.
    if (tag === 'n' && typeof v === 'string' && /^-?\d{1,40}$/.test(v)) return BigInt(v);
    if (tag === 'b' && typeof v === 'string') return fromBase64(v);
    if (tag === 'u') return undefined;
    throw new SyntaxError('A message with an unknown tag');
  });
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** RFC 4648 section 4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  let codes: number[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i]! << 16) | ((left > 1 ? bytes[i + 1]! : 0) << 8) | (left > 2 ? bytes[i + 2]! : 0);
    codes.push(
      ALPHABET.charCodeAt(group >> 18), ALPHABET.charCodeAt((group >> 12) & 63),
      left > 1 ? ALPHABET.charCodeAt((group >> 6) & 63) : 0x3d, left > 2 ? ALPHABET.charCodeAt(group & 63) : 0x3d,
    );
    if (codes.length >= 4096) {
      parts.push(String.fromCharCode(...codes));
      codes = [];
    }
  }
  parts.push(String.fromCharCode(...codes));
  return parts.join('');
}

/** @throws SyntaxError */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new SyntaxError('Base64 of a wrong length');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const digits = text.length - padding;
  let at = 0;
  for (let i = 0; i < text.length; i += 4) {
    let group = 0;
    for (let k = i; k < i + 4; k++) {
      const code = text.charCodeAt(k);
      const value = k >= digits ? 0 : code < 128 ? VALUES[code]! : -1;
      if (value < 0) throw new SyntaxError('Not base64');
      group = (group << 6) | value;
    }
    bytes[at++] = group >> 16;
    if (at < bytes.length) bytes[at++] = (group >> 8) & 255;
    if (at < bytes.length) bytes[at++] = group & 255;
  }
  return bytes;
}
