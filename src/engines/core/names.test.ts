import { describe, expect, it } from 'vitest';
import { compareBytes, compareNames, decodeName, displayName, encodeName, isDecodable } from './names.ts';

const HOSTILE: [string, number[]][] = [
  ['ascii', [0x61, 0x2e, 0x74]],
  ['two, three and four byte characters', [0xc3, 0xbc, 0xe6, 0x97, 0xa5, 0xf0, 0x9f, 0x98, 0x80]],
  ['latin-1 bytes', [0x67, 0x72, 0xfc, 0xdf, 0x65]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['an encoded surrogate', [0xed, 0xa0, 0x80]],
  ['past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['a cut sequence', [0xe6, 0x97]],
  ['every byte', Array.from({ length: 255 }, (_, i) => i + 1)],
];

describe('names', () => {
  it.each(HOSTILE)('come back byte for byte: %s', (_, bytes) => {
    expect([...encodeName(decodeName(Uint8Array.from(bytes)))]).toEqual(bytes);
  });

  it('decodes valid UTF-8 as TextDecoder does', () => {
    const bytes = Uint8Array.from(HOSTILE[1]![1]);
    expect(decodeName(bytes)).toBe(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    expect(isDecodable(decodeName(bytes))).toBe(true);
    expect(isDecodable(decodeName(Uint8Array.from([0x80])))).toBe(false);
  });

  it('sorts by bytes, whatever the characters', () => {
    const raw = [...HOSTILE.map(([, bytes]) => Uint8Array.from(bytes)), Uint8Array.from([0xef, 0xbf, 0xbd]), Uint8Array.from([0xf0, 0x90, 0x80, 0x80]), Uint8Array.from([0xff])];
    const names = raw.map((bytes) => decodeName(bytes)).toSorted(compareNames);
    expect(names).toEqual(raw.toSorted(compareBytes).map((bytes) => decodeName(bytes)));
  });

  it('never shows a character that hides or reorders', () => {
    expect(displayName('a\nb')).toBe('a\\x0ab');
    expect(displayName('invoice\u202efdp.exe')).toBe('invoice\\u{202e}fdp.exe');
    expect(displayName(decodeName(Uint8Array.from([0x61, 0xff])))).toBe('a\\xff');
    expect(displayName('grüße 😀.txt')).toBe('grüße 😀.txt');
  });
});
