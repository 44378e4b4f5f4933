import { describe, expect, it } from 'vitest';
import { formatSums, parseSums, sumPath } from './sums.ts';

const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';
const SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('lists of checksums', () => {
  it('are read as coreutils, BSD and others write them', () => {
    expect(parseSums([
      `${MD5}  plain name`, `${MD5} *binary`, `\\${MD5}  new\\nline \\\\ back \\r`, `SHA256 (in (round) brackets) = ${SHA256}`, `SHA2-256(x)= ${SHA256}`, `${SHA256.toUpperCase()}\tby tab\r`, MD5, '-----BEGIN PGP SIGNED MESSAGE-----', '# a comment', '12ab  too short', '',
    ].join('\n'))).toEqual([
      { name: 'plain name', algorithm: 'md5', digest: MD5 }, { name: 'binary', algorithm: 'md5', digest: MD5 }, { name: 'new\nline \\ back \r', algorithm: 'md5', digest: MD5 },
      { name: 'in (round) brackets', algorithm: 'sha256', digest: SHA256 }, { name: 'by tab', algorithm: 'sha256', digest: SHA256 }, { name: '', algorithm: 'md5', digest: MD5 },
    ]);
  });

  it('of many megabytes of nothing take no time', () => {
    const before = performance.now();
    expect(parseSums('a'.repeat(8 << 20))).toEqual([]);
    expect(parseSums(`${MD5}  x\n`.repeat(300_000))).toHaveLength(250_000);
    expect(parseSums(`SHA256 (${'('.repeat(1 << 20)}`)).toEqual([]);
    expect(performance.now() - before).toBeLessThan(3000);
  });

  it('are written so that sha256sum reads the same names', () => {
    const names = ['plain', 'new\nline', 'back\\slash', 'carriage\rreturn', ' spaces ', 'grüße 日本'];
    const text = formatSums(names.map((path) => ({ path, digests: { md5: MD5 } })), 'md5');
    expect(text.split('\n').slice(0, 3)).toEqual([`${MD5}  plain`, `\\${MD5}  new\\nline`, `\\${MD5}  back\\\\slash`]);
    expect(parseSums(text).map(({ name }) => name)).toEqual(names);
    expect(formatSums([{ path: 'x', digests: {} }], 'md5')).toBe('');
  });

  it('carry no byte that a terminal would act on', () => {
    expect(formatSums([{ path: '\u001b]0;x\u0007', digests: { md5: MD5 } }], 'md5')).toBe(`\\${MD5}  \\\\x1b]0;x\\\\x07\n`);
    expect(formatSums([{ path: 'und\udcff', digests: { md5: MD5 } }], 'md5')).toBe(`\\${MD5}  und\\\\xff\n`);
  });

  it('name paths in one way', () => {
    expect(sumPath('./a//b/./c')).toBe('a/b/c');
    expect(sumPath('/abs')).toBe('abs');
  });
});
