import { describe, expect, it } from 'vitest';
import { decodeName } from '../../core/names.ts';
import { type TarEntry, tarHead } from './entry.ts';
import { encodeRecords, paxTime } from './pax.ts';

const text = (bytes: Uint8Array) => decodeName(bytes);
const SECOND = 1_000_000_000n;
const head = (more: Partial<TarEntry>) => tarHead({ path: 'a', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1_700_000_000n * SECOND, ...more });

describe('tarHead', () => {
  it('is one plain ustar block where that says all', () => {
    const { bytes, padding } = head({ size: 5, mode: 0o4755, uid: 1000, gid: 100 });
    expect([bytes.length, padding]).toEqual([512, 507]);
    expect(text(bytes.subarray(0, 2))).toBe('a\0');
    expect(text(bytes.subarray(100, 148))).toBe('0004755\x000001750\x000000144\x0000000000005\x0014524770400\0');
    expect(text(bytes.subarray(156, 157))).toBe('0');
    expect(text(bytes.subarray(257, 265))).toBe('ustar\x0000');
    const sum = bytes.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    expect(Number.parseInt(text(bytes.subarray(148, 154)), 8)).toBe(sum);
  });

  it('splits a long path at a slash, and else says it in a record', () => {
    const split = head({ path: `${'p'.repeat(120)}/${'n'.repeat(90)}` });
    expect(split.bytes.length).toBe(512);
    expect([split.bytes[345 + 119], split.bytes[345 + 120], split.bytes[89], split.bytes[90]]).toEqual([0x70, 0, 0x6e, 0]);
    expect(text(head({ path: 'n'.repeat(101) }).bytes)).toContain(`111 path=${'n'.repeat(101)}\n`);
    expect(text(head({ path: `${'d'.repeat(100)}/`, type: 'dir' }).bytes)).toContain('path=');
  });

  it.each<[string, Partial<TarEntry>, string]>([
    ['nanoseconds', { mtime: 1_700_000_000n * SECOND + 5n }, 'mtime=1700000000.000000005\n'],
    ['times before 1970', { mtime: -1n }, 'mtime=-0.000000001\n'],
    ['access times', { atime: 5n * SECOND }, '11 atime=5\n'],
    ['sizes past 8 GiB', { size: 2 ** 33 }, 'size=8589934592\n'],
    ['large owners', { uid: 2 ** 21, gid: 4_294_967_294 }, 'uid=2097152\n18 gid=4294967294\n'],
    ['attributes, whatever their names', { xattrs: [['user.a=b%', Uint8Array.of(0, 10)]] }, 'SCHILY.xattr.user.a%3Db%25=\0\n\n'],
    ['names that are no text', { path: decodeName(Uint8Array.of(0xff)) }, 'hdrcharset=BINARY\n'],
  ])('adds a record for %s', (_, more, record) => {
    expect(text(head(more).bytes)).toContain(record);
  });

  it('writes ACLs as text and as they are', () => {
    const acl = Uint8Array.of(2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xe8, 3, 0, 0, 0x20, 0, 0, 0, 255, 255, 255, 255);
    const bytes = text(head({ xattrs: [['system.posix_acl_access', acl]] }).bytes);
    expect(bytes).toContain('SCHILY.acl.access=user::rw-,user:1000:r--,other::---\n');
    expect(bytes).toContain(`SCHILY.xattr.system.posix_acl_access=${decodeName(acl)}\n`);
  });

  it('maps a sparse file, and says how far its last hole reaches', () => {
    const { bytes, padding } = head({ path: 'd/s', size: 100_000, runs: [[4096, 100]] });
    expect(padding).toBe(412);
    const all = text(bytes);
    expect(all).toContain('GNU.sparse.name=d/s\n');
    expect(all).toContain('GNU.sparse.realsize=100000\n');
    expect(all).toContain('d/GNUSparseFile.0/s');
    expect(text(bytes.subarray(-512)).replace(/\0+$/, '')).toBe('2\n4096\n100\n100000\n0\n');
    expect(() => head({ size: 10, runs: [[5, 10]] })).toThrow('does not fit');
    expect(() => head({ size: 10, runs: [[5, 2], [6, 1]] })).toThrow('does not fit');
  });
});

describe('pax records', () => {
  it('count their own length, also where that makes it longer', () => {
    for (let length = 0; length < 1200; length++) {
      const record = text(encodeRecords([['k', 'v'.repeat(length)]]));
      expect(Number.parseInt(record, 10)).toBe(record.length);
    }
  });

  it('spell times exactly', () => {
    expect([0n, 1n, -1n, SECOND, -SECOND - SECOND / 2n, 12n * SECOND + 120_000_000n].map(paxTime)).toEqual(['0', '0.000000001', '-0.000000001', '1', '-1.5', '12.12']);
  });
});
