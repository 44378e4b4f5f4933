import { describe, expect, it } from 'vitest';
import type { EntryRow, ExtentMap } from '../../shared/contract/rows.ts';
import { commonOf, extentRows, extentStripes, hexText, sheetText } from './properties.ts';

describe('properties as text', () => {
  it('has headings underlined and values in a column', () => {
    const text = sheetText({
      title: 'Properties of a.txt',
      groups: [
        { title: 'General', facts: [['Path', '/a.txt'], ['On disk', '4.00 KiB (4,096 bytes)'], ['Note', 'two\nlines']] },
        { title: 'Access list', facts: [], lines: ['user::rwx', 'other::---'] },
      ],
    }, '(cut)');
    expect(text).toBe([
      'Properties of a.txt', '===================', '',
      'General', '-------', 'Path     /a.txt', 'On disk  4.00 KiB (4,096 bytes)', 'Note     two', '         lines', '',
      'Access list', '-----------', 'user::rwx', 'other::---', '',
    ].join('\n'));
  });

  it('stays within what the clipboard takes, and says so', () => {
    const text = sheetText({ title: 'T', groups: [{ title: 'G', facts: [['a'.repeat(10_000), '\u{1f600}'.repeat(2_000_000)]] }] }, '(cut)');
    expect(text.length).toBeLessThanOrEqual(1 << 20);
    expect(text.endsWith('\n(cut)\n')).toBe(true);
    expect(text.isWellFormed()).toBe(true);
  });
});

const map = (runs: ExtentMap['runs'], more: Partial<ExtentMap> = {}): ExtentMap => ({ runs, cut: false, fragments: runs.length, device: 1000, ...more });

describe('extents', () => {
  it('are listed with the holes between and behind them', () => {
    const runs = [{ logical: 10, length: 10, physical: 500 }, { logical: 20, length: 5, physical: 100, unwritten: true }, { logical: 30, length: 1, physical: undefined }];
    expect(extentRows(map(runs), 40).map(({ logical, length, kind }) => [logical, length, kind])).toEqual([[0, 10, 'hole'], [10, 10, 'data'], [20, 5, 'unwritten'], [25, 5, 'hole'], [30, 1, 'elsewhere'], [31, 9, 'hole']]);
    // What comes behind the last run that is told is not known to be a hole.
    expect(extentRows(map(runs, { cut: true }), 40).at(-1)?.kind).toBe('elsewhere');
    expect(extentRows(map([]), 0)).toEqual([]);
    expect(extentRows(map([]), 7)).toEqual([{ logical: 0, physical: undefined, length: 7, kind: 'hole' }]);
  });

  it('are drawn to scale, thin ones too', () => {
    const stripes = extentStripes(map([{ logical: 0, length: 500, physical: 0 }, { logical: 500, length: 1, physical: 999 }, { logical: 501, length: 100, physical: 700, unwritten: true }]), 10);
    expect(stripes).toEqual([{ from: 0, to: 0.5, kind: 'data' }, { from: 0.7, to: 0.8, kind: 'unwritten' }, { from: 0.9, to: 1, kind: 'data' }]);
  });

  it('are drawn in few pieces, whatever an image says', () => {
    const runs = Array.from({ length: 10_000 }, (_, i) => ({ logical: i, length: 1, physical: (i * 7919) % 1000 }));
    expect(extentStripes(map(runs)).length).toBeLessThanOrEqual(400);
    expect(extentStripes(map([{ logical: 0, length: 2 ** 52, physical: 2 ** 52 }, { logical: 0, length: -5, physical: 3 }]), 10)).toEqual([{ from: 0.9, to: 1, kind: 'data' }]);
    expect(extentStripes(map(runs, { device: 0 }))).toEqual([]);
  });
});

describe('what many entries have in common', () => {
  const row = (patch: Partial<EntryRow>): EntryRow => ({ node: 1, name: 'a', display: 'a', type: 'file', size: 1, allocated: 0, mtime: 5n, atime: 0n, ctime: 0n, mode: 0o644, uid: 0, gid: 0, nlink: 1, flags: [], ...patch });

  it('is told by types, owners, modes and times', () => {
    const rows = [row({ mtime: 7n }), row({ gid: 4, mtime: -3n, name: 'old' }), row({ type: 'dir', mtime: 9n, name: 'new' }), row({})];
    const common = commonOf(rows);
    expect(common.types).toEqual([['file', 3], ['dir', 1]]);
    expect([common.owner?.uid, common.group, common.mode]).toEqual([0, undefined, 0o644]);
    expect([common.oldest?.name, common.newest?.name]).toEqual(['old', 'new']);
  });

  it('leaves out what can\'t be read', () => {
    const broken = row({ uid: 77, mode: 0, mtime: 0n, error: { fault: { kind: 'io' }, message: 'no' } });
    const common = commonOf([broken, row({}), row({})]);
    expect([common.unreadable, common.owner?.uid, common.mode, common.oldest?.mtime]).toEqual([1, 0, 0o644, 5n]);
    expect(commonOf([broken])).toMatchObject({ owner: undefined, mode: undefined, newest: undefined });
  });
});

describe('bytes as text', () => {
  it('are dumped up to a bound', () => {
    expect(hexText(Uint8Array.from([0x41, 0, 0xff]), 16)).toBe('0000  41 00 ff                                          A..');
    expect(hexText(new Uint8Array(64), 32).split('\n')).toHaveLength(2);
  });
});
