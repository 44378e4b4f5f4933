import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../codecs/sha256.ts';
import { decodeNokeyName, encodeNokeyName, matchesNokeyName } from './encrypted-names.ts';

const cipher = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff);

describe('no-key names', () => {
  it.each([16, 17, 18, 149, 150, 255])('of %i bytes lead back to their entry', (length) => {
    const name = encodeNokeyName(cipher(length), 0xdeadbeee, 7);
    expect(name).toMatch(/^[\w-]{1,252}$/);
    const decoded = decodeNokeyName(name)!;
    expect(decoded).toMatchObject({ hash: 0xdeadbeee, minor: 7 });
    expect(matchesNokeyName(decoded, cipher(length), 0, length)).toBe(true);
    const other = cipher(length);
    other[length - 1]! ^= 1;
    expect(matchesNokeyName(decoded, other, 0, length)).toBe(false);
    expect(matchesNokeyName(decoded, cipher(length + 1), 0, length + 1)).toBe(false);
  });

  it('are base64url of hashes and ciphertext, with SHA-256 of what is past 149 bytes', () => {
    const hashes = Buffer.alloc(8);
    hashes.writeUInt32LE(5, 0);
    hashes.writeUInt32LE(6, 4);
    const rest = createHash('sha256').update(cipher(200).subarray(149)).digest();
    expect(encodeNokeyName(cipher(200), 5, 6)).toBe(Buffer.concat([hashes, cipher(200).subarray(0, 149), rest]).toString('base64url'));
  });

  it('refuses what spells no entry', () => {
    for (const name of ['', 'plain name', 'AAAAAAAAAAA', `${'A'.repeat(220)}`, 'A'.repeat(300)]) expect(decodeNokeyName(name), name).toBeUndefined();
  });
});

describe('sha256', () => {
  it.each([0, 1, 55, 56, 63, 64, 65, 1000])('of %i bytes', (length) => {
    expect(Buffer.from(sha256(cipher(length))).toString('hex')).toBe(createHash('sha256').update(cipher(length)).digest('hex'));
  });
});
