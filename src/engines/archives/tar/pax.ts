import { encodeName, type Name } from '../../core/names.ts';

/** A keyword and its value; strings are written as the bytes that they were decoded from. */
export type PaxRecord = readonly [keyword: Name, value: Name | Uint8Array];

/** Records as a pax extended header holds them: "LENGTH KEYWORD=VALUE\n", where LENGTH counts itself (POSIX.1-2017, pax Extended Header). */
export function encodeRecords(records: readonly PaxRecord[]): Uint8Array {
  return joined(records.map(([keyword, value]) => encodeRecord(encodeName(keyword), typeof value === 'string' ? encodeName(value) : value)));
}

/** One after another; a single part as it is. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Nanoseconds since 1970 as decimal seconds, without zeros at the end: "1700000000.5", "-0.25". */
export function paxTime(nanoseconds: bigint): string {
  const negative = nanoseconds < 0n;
  const size = negative ? -nanoseconds : nanoseconds;
  const fraction = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return `${negative ? '-' : ''}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The keyword of an extended attribute, as star and GNU tar write it: "=" would end the keyword, so that it is escaped, and with it "%". */
export function xattrKeyword(name: Name): Name {
  return `SCHILY.xattr.${name.replaceAll('%', '%25').replaceAll('=', '%3D')}`;
}

function encodeRecord(keyword: Uint8Array, value: Uint8Array): Uint8Array {
  // Space, "=", newline, and the digits of the length itself.
  const rest = keyword.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  const head = `${length} `;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
  bytes.set(keyword, head.length);
  bytes[head.length + keyword.length] = 0x3d;
  bytes.set(value, head.length + keyword.length + 1);
  bytes[length - 1] = 0x0a;
  return bytes;
}
