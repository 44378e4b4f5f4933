import { describe, expect, test } from 'vitest';
import type { HashRow } from '../../shared/contract/checksums.ts';
import { parseSums } from '../../shared/sums.ts';
import { compareSums, SumIndex } from './sums.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const row = (path: string, digest = A): HashRow => ({ path, display: path, size: 1, digests: { sha256: digest } });
const verdicts = (rows: HashRow[], list: string) => compareSums(rows, new SumIndex(parseSums(list)));

describe('checksums against a list', () => {
  test('each file by its path', () => {
    const found = verdicts([row('docs/a'), row('docs/b'), row('c'), { ...row('d'), digests: {}, error: { fault: { kind: 'io' }, message: 'x' } }], `${A}  ./docs/a\n${A} *docs/b\n${B}  docs/b\n${B}  elsewhere/c\n`);
    expect(found.rows.map(({ verdict }) => verdict)).toEqual(['matches', 'matches', 'unlisted', undefined]);
    expect(found).toMatchObject({ matches: 2, differs: 0, unlisted: 1, unread: 1 });
    expect(verdicts([row('docs/a'), row('x')], `${B}  docs/a`)).toMatchObject({ differs: 1, unlisted: 1 });
  });

  test('a file alone by its name in any folder, or by a digest without a name', () => {
    expect(verdicts([row('disk.img')], `${A}  /home/ada/disk.img`).rows[0]!.verdict).toBe('matches');
    expect(verdicts([row('disk.img')], A.toUpperCase()).rows[0]!.verdict).toBe('matches');
    expect(verdicts([row('disk.img')], B).rows[0]!.verdict).toBe('differs');
    expect(verdicts([row('disk.img')], `${B}  other.img\n`).rows[0]!.verdict).toBe('unlisted');
    expect(verdicts([row('disk.img')], 'd41d8cd98f00b204e9800998ecf8427e  disk.img').rows[0]!.verdict).toBe('other');
  });

  test('a list tells which algorithms it needs', () => {
    const index = new SumIndex(parseSums('d41d8cd98f00b204e9800998ecf8427e  a\nSHA512 (b) = ' + 'c'.repeat(128)));
    expect([...index.algorithms([row('a'), row('z')])]).toEqual(['md5']);
    expect([...index.algorithms([row('b')])]).toEqual(['sha512']);
  });
});
