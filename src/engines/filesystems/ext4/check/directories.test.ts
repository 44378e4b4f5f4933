import { describe, expect, it } from 'vitest';
import { ask, blockOf, debugfs, entryAt, inodeOf, outcome, sample, type Shape } from '../../../testing/fsck/damage.ts';
import { missingTools } from '../../../testing/tools.ts';
import { putU16, putU32 } from './dir-block.ts';

const skip = missingTools('mke2fs', 'debugfs', 'e2fsck');

type Damage = (image: Uint8Array) => Uint8Array | void;

/** Changes one entry of /dir. */
const entry = (name: string, change: (block: Uint8Array, at: number) => void): Damage => (image) => {
  const block = blockOf(image, '/dir', 0);
  const at = entryAt(block, name);
  if (at < 0) throw new Error(`no entry ${name}`);
  change(block, at);
};
const inFirst = (path: string, logical: number, change: (block: Uint8Array) => void): Damage => (image) => { change(blockOf(image, path, logical)); };
const name = (block: Uint8Array, at: number, text: string): void => { for (let i = 0; i < text.length; i++) block[at + 8 + i] = text.charCodeAt(i); };

const CASES: readonly (readonly [code: string, shape: Shape, damage: Damage])[] = [
  ['2/missing-dot', 'plain', inFirst('/dir', 0, (block) => putU32(block, 0, 0))],
  ['2/first-not-dot', 'plain', inFirst('/dir', 0, (block) => name(block, 0, 'x'))],
  ['2/dot-not-terminated', 'plain', inFirst('/dir', 0, (block) => { block[9] = 0x78; })],
  ['2/bad-dot-inode', 'plain', inFirst('/dir', 0, (block) => putU32(block, 0, 14))],
  ['2/missing-dotdot', 'plain', inFirst('/dir', 0, (block) => putU32(block, 12, 0))],
  ['2/second-not-dotdot', 'plain', inFirst('/dir', 0, (block) => name(block, 12, 'xy'))],
  ['2/dotdot-not-terminated', 'plain', inFirst('/dir', 0, (block) => { block[22] = 0x78; })],
  ['2/bad-inode-number', 'plain', entry('one', (block, at) => putU32(block, at, 9))],
  ['2/bad-inode-number', 'plain', entry('one', (block, at) => putU32(block, at, 99_999))],
  ['2/unused-inode', 'plain', entry('one', (block, at) => putU32(block, at, 900))],
  ['2/link-to-dot', 'plain', entry('one', (block, at) => putU32(block, at, block[0]! | (block[1]! << 8)))],
  ['2/link-to-root', 'plain', entry('one', (block, at) => putU32(block, at, 2))],
  ['2/link-to-directory', 'plain', (image) => debugfs(image, 'link dir/sub other/again')],
  ['2/duplicate-dot', 'plain', entry('one', (block, at) => { block[at + 6] = 1; name(block, at, '.'); })],
  ['2/duplicate-dotdot', 'plain', entry('one', (block, at) => { block[at + 6] = 2; name(block, at, '..'); })],
  ['2/empty-name', 'plain', entry('one', (block, at) => { block[at + 6] = 0; })],
  ['2/bad-name', 'plain', entry('three', (block, at) => { block[at + 10] = 0x2f; })],
  ['2/bad-file-type', 'plain', entry('one', (block, at) => { block[at + 7] = 7; })],
  ['2/bad-file-type', 'plain', entry('link', (block, at) => { block[at + 7] = 1; })],
  ['2/unset-file-type', 'plain', entry('one', (block, at) => { block[at + 7] = 0; })],
  ['2/corrupt-block', 'plain', entry('one', (block, at) => putU16(block, at + 4, 7))],
  ['2/corrupt-block', 'plain', entry('two', (block, at) => putU16(block, at + 4, 4096))],
  ['2/corrupt-block', 'plain', inFirst('/dir', 0, (block) => block.fill(0xa5, 40))],
  ['2/corrupt-block', 'inline', (image) => debugfs(image, `set_inode_field small block[2] 0x00000003`)],
  ['2/missing-checksum', 'sums', inFirst('/dir', 0, (block) => block.fill(0, 1012))],
  ['2/missing-checksum', 'sums', inFirst('/dir', 0, (block) => { block[1014] = 0x34; })],
  ['2/wrong-checksum', 'sums', inFirst('/dir', 0, (block) => { block[1020]! ^= 0xff; })],
  ['2/index-root-checksum', 'sums', inFirst('/many', 0, (block) => { block[1020]! ^= 0xff; })],
  ['2/duplicate-name', 'plain', entry('two', (block, at) => name(block, at, 'one'))],
  ['2/bad-index-root', 'plain', inFirst('/many', 0, (block) => { block[24 + 6] = 9; })],
  ['2/index-limit', 'plain', inFirst('/many', 0, (block) => putU16(block, 32, 5))],
  ['2/index-count', 'plain', inFirst('/many', 0, (block) => putU16(block, 34, 5000))],
  ['2/index-order', 'plain', inFirst('/many', 0, (block) => putU32(block, 40, 0xfffffff0))],
  ['2/bad-index-block', 'plain', inFirst('/many', 0, (block) => putU32(block, 36, 5000))],
  ['2/index-referenced-twice', 'plain', inFirst('/many', 0, (block) => putU32(block, 44, 1))],
  ['2/index-unreferenced', 'plain', inFirst('/many', 0, (block) => putU32(block, 44, 1))],
  ['2/index-max-hash', 'plain', inFirst('/many', 0, (block) => putU32(block, 40, 4))],
  ['2/index-min-hash', 'plain', (image) => {
    const block = blockOf(image, '/many', 0);
    // The second pair begins close below the third.
    putU32(block, 40, (block[48]! | (block[49]! << 8) | (block[50]! << 16) | (block[51]! << 24)) - 4);
  }],
  ['2/hole', 'ext2', (image) => debugfs(image, 'set_inode_field many block[2] 0')],
  ['2/bad-mode', 'plain', (image) => debugfs(image, 'set_inode_field dir/one mode 0170644')],
  ['2/bad-fifo', 'plain', (image) => debugfs(image, 'set_inode_field dir/fifo flags 0x1000')],
  ['2/bad-symlink', 'plain', (image) => debugfs(image, 'set_inode_field dir/link size 9')],
  ['2/fragment-address', 'plain', (image) => debugfs(image, 'set_inode_field dir/one faddr 7')],
  ['2/large-files', 'plain', (image) => debugfs(image, 'feature -large_file', 'set_inode_field dir/one size 0x100000000')],
  ['2/split-dot', 'plain', inFirst('/dir', 0, (block) => putU16(block, 4, 36))],
  ['2/unexpected-file-type', 'plain', (image) => debugfs(image, 'feature -filetype')],
  ['2/inode-in-unused-part', 'sums', (image) => debugfs(image, 'set_bg 0 itable_unused 1000', 'set_bg 0 checksum calc')],
];

describe.skipIf(skip !== undefined)('damage in directories', { timeout: 60_000 }, () => {
  it.each(CASES)('%s on %s', async (code, shape, damage) => {
    const image = sample(shape);
    const damaged = damage(image) ?? image;
    const result = await outcome(damaged);
    expect(result.found).toContain(code);
    expect(result.dry).toBe(result.before);
    expect(result.fixed).toBe(result.theirs);
    expect(result.left).toEqual([]);
    expect(result.after, result.words).toBe('clean');
  });

  it.each(['plain', 'sums', 'ext2', 'inline', 'quota', 'bigalloc'] as const)('finds nothing in a sound %s', async (shape) => {
    const result = await outcome(sample(shape));
    expect(result.found).toEqual([]);
    expect(result.fixed).toBe('clean');
  });

  it('renames one of two equal names, and keeps both files', async () => {
    const image = sample('plain');
    const block = blockOf(image, '/dir', 0);
    name(block, entryAt(block, 'two'), 'one');
    const { repaired, after } = await outcome(image);
    expect(after).toBe('clean');
    expect(ask(repaired, 'ls /dir')).toContain('one~0');
    expect(inodeOf(repaired, '/dir/one')).not.toBe(inodeOf(repaired, '/dir/one~0'));
  });

  it('finds all names by the index that it builds anew', async () => {
    const image = sample('plain');
    putU16(blockOf(image, '/many', 0), 34, 5000);
    const { repaired } = await outcome(image);
    expect(ask(repaired, 'htree_dump /many')).toContain('Indirect levels');
    expect(ask(repaired, 'ls /many').match(/a-name-of-some-length-/g)).toHaveLength(300);
    for (const number of [0, 7, 299]) expect(ask(repaired, `stat /many/a-name-of-some-length-${number}`)).toContain(`"to-${number}"`);
  });
});
