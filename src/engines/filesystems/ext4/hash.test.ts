import { describe, expect, it } from 'vitest';
import { encodeName } from '../../core/names.ts';
import { HASH_SIPHASH, hashName, hashVersion } from './hash.ts';

/** The UUID 01234567-89ab-cdef-0123-456789abcdef as four little-endian numbers. */
const SEED = [0x67452301, 0xefcdab89, 0x67452301, 0xefcdab89];
const LONG = 'grüße-longer-name-that-has-more-than-thirty-two-bytes-ü';

describe('directory hashes', () => {
  // From debugfs: dx_hash -h NAME -s 01234567-89ab-cdef-0123-456789abcdef …
  it.each([
    [0, 'a', 0xe74b53e2, 0], [0, 'hello', 0x32252546, 0], [0, LONG, 0x129716f0, 0],
    [1, 'a', 0x35dc0cc4, 0x3f1dacef], [1, 'hello', 0xa26e4a80, 0x97e5b7f7], [1, LONG, 0x4b1261bc, 0xe17c4fb2],
    [2, 'a', 0x6d0ea4c0, 0xc18922df], [2, 'hello', 0x6f5bb1a8, 0x231917c2], [2, LONG, 0x2a50c05a, 0xe4a31104],
  ])('version %i of %s', (version, name, hash, minor) => {
    expect(hashName(encodeName(name), { version, seed: SEED })).toEqual({ hash, minor });
    // Signed and unsigned chars differ only above 127.
    const unsigned = hashName(encodeName(name), { version: version + 3, seed: SEED })!;
    expect(unsigned.hash === hash).toBe(name !== LONG);
  });

  it('takes the default seed for a seed of zeros', () => {
    expect(hashName(encodeName('a'), { version: 1, seed: [0, 0, 0, 0] })).toEqual({ hash: 0xd5fa7d7a, minor: 0xacb48187 });
  });

  it('has no hash where a key is needed, and none for unknown versions', () => {
    expect(hashName(encodeName('a'), { version: HASH_SIPHASH, seed: SEED })).toBeUndefined();
    expect(hashName(encodeName('a'), { version: 7, seed: SEED })).toBeUndefined();
    expect(hashName(encodeName('a'), { version: 8, seed: SEED })).toBeUndefined();
  });

  it('makes the stored version unsigned where the superblock says so', () => {
    expect(hashVersion(1, 'unsigned')).toBe(4);
    expect(hashVersion(1, 'signed')).toBe(1);
    expect(hashVersion(HASH_SIPHASH, 'unsigned')).toBe(HASH_SIPHASH);
  });
});
