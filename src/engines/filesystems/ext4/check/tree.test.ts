import { describe, expect, it } from 'vitest';
import { ask, blockOf, debugfs, inodeOf, outcome, sample, type Shape } from '../../../testing/fsck/damage.ts';
import { missingTools } from '../../../testing/tools.ts';
import { putU32 } from './dir-block.ts';
import { Ext4SuperBlock, SUPERBLOCK_AT } from '../layout.ts';

const skip = missingTools('mke2fs', 'debugfs', 'e2fsck');

type Damage = (image: Uint8Array) => Uint8Array | void;

const commands = (...lines: string[]): Damage => (image) => debugfs(image, ...lines);

/** The first block of a kind of bitmap of group 0, from the descriptor behind the superblock. */
const bitmap = (image: Uint8Array, which: 0 | 4): Uint8Array => {
  const block = new DataView(image.buffer, image.byteOffset).getUint32(2048 + which, true);
  return image.subarray(block * 1024, (block + 1) * 1024);
};

const CASES: readonly (readonly [code: string, shape: Shape, damage: Damage])[] = [
  ['3/no-root', 'plain', commands('clri <2>', 'freei <2>')],
  ['3/unconnected-directory', 'plain', commands('unlink dir/sub')],
  ['3/unconnected-directory', 'sums', commands('unlink dir')],
  ['3/unconnected-directory', 'inline', commands('unlink dir')],
  ['3/looped-directory', 'plain', (image) => {
    // "sub" is in its own "deep": neither leads to the root.
    const deep = inodeOf(image, '/dir/sub/deep');
    const sub = inodeOf(image, '/dir/sub');
    return debugfs(image, 'unlink dir/sub', 'cd /other', `link <${sub}> back`, 'unlink back', `cd <${deep}>`, `link <${sub}> back`);
  }],
  ['3/bad-dotdot', 'plain', (image) => { putU32(blockOf(image, '/dir/sub', 0), 12, 2); }],
  ['3/bad-dotdot', 'inline', (image) => debugfs(image, `set_inode_field dir/sub block[0] 2`)],
  ['3/no-lost-and-found', 'plain', commands('rmdir lost+found')],
  ['3/no-lost-and-found', 'bigalloc', commands('rmdir lost+found')],
  ['3/lost-and-found-no-directory', 'plain', commands('rmdir lost+found', 'symlink lost+found elsewhere', 'unlink dir')],
  ['4/zero-length-inode', 'plain', (image) => debugfs(image, `set_inode_field <900> mode 0100644`, 'set_inode_field <900> links_count 1', 'seti <900>')],
  ['4/unattached-inode', 'plain', commands('unlink dir/three')],
  ['4/unattached-inode', 'sums', commands('unlink dir/three')],
  ['4/bad-link-count', 'plain', commands('set_inode_field dir/one links_count 7')],
  ['4/bad-link-count', 'sums', commands('set_inode_field dir links_count 9')],
  ['5/block-bitmap', 'plain', (image) => debugfs(image, `freeb ${ask(image, 'bmap dir/one 0').trim()} 2`)],
  ['4/spurious-ea-flag', 'plain', commands('set_inode_field dir/three flags 0x280000', 'unlink dir/three')],
  ['5/used-block-in-unused-group', 'sums', commands('set_bg 0 flags 6', 'set_bg 0 checksum calc')],
  ['5/block-bitmap', 'plain', commands('setb 7000 5')],
  ['5/block-bitmap', 'sums', commands('setb 7000 5')],
  ['5/block-bitmap', 'bigalloc', commands('setb 7000 1')],
  ['5/inode-bitmap', 'plain', commands('freei <14>')],
  ['5/inode-bitmap', 'sums', commands('seti <900>')],
  ['5/group-free-blocks', 'plain', commands('set_bg 0 free_blocks_count 5', 'set_bg 0 checksum calc')],
  ['5/group-free-inodes', 'sums', commands('set_bg 0 free_inodes_count 5', 'set_bg 0 checksum calc')],
  ['5/group-directories', 'sums', commands('set_bg 0 used_dirs_count 1', 'set_bg 0 checksum calc')],
  ['5/free-blocks', 'plain', commands('ssv free_blocks_count 5')],
  ['5/free-inodes', 'plain', commands('ssv free_inodes_count 5')],
  ['5/block-bitmap-checksum', 'sums', commands('set_bg 0 block_bitmap_csum 7', 'set_bg 0 checksum calc')],
  ['5/inode-bitmap-checksum', 'sums', commands('set_bg 0 inode_bitmap_csum 7', 'set_bg 0 checksum calc')],
  ['5/block-bitmap-padding', 'plain', (image) => { bitmap(image, 0)[1023] = 0; }],
  ['5/inode-bitmap-padding', 'plain', (image) => { bitmap(image, 4)[1023] = 0; }],
  ['6/quota-usage', 'quota', (image) => {
    // Somebody owns a file that the quota file knows nothing of.
    return debugfs(image, 'set_inode_field dir/three uid 1234');
  }],
  ['6/quota-usage', 'quota', (image) => {
    const { s_usr_quota_inum: inode } = Ext4SuperBlock.at(image, SUPERBLOCK_AT);
    // Its version.
    putU32(blockOf(image, `<${inode}>`, 0), 4, 9);
  }],
];

describe.skipIf(skip !== undefined)('damage in the tree, in counts and in bitmaps', { timeout: 60_000 }, () => {
  it.each(CASES)('%s on %s', async (code, shape, damage) => {
    const image = sample(shape);
    const result = await outcome(damage(image) ?? image);
    expect(result.found).toContain(code);
    expect(result.dry).toBe(result.before);
    expect(result.fixed).toBe(result.theirs);
    expect(result.left).toEqual([]);
    expect(result.after, result.words).toBe('clean');
  });

  it('puts a lost directory into lost+found with all that is in it', async () => {
    const image = sample('sums');
    const number = inodeOf(image, '/dir');
    const { repaired, after } = await outcome(debugfs(image, 'unlink dir'));
    expect(after).toBe('clean');
    expect(inodeOf(repaired, `/lost+found/#${number}`)).toBe(number);
    expect(ask(repaired, `cat /lost+found/#${number}/sub/deep/four`)).toBe('contents\n'.repeat(300));
  });

  it('makes lost+found larger when many inodes have no name', async () => {
    const image = sample('plain');
    const { repaired, after, words } = await outcome(debugfs(image, 'clri many'));
    expect(after, words).toBe('clean');
    expect(ask(repaired, 'ls /lost+found').match(/#\d+/g)).toHaveLength(300);
  });

  it('keeps the limits of a quota file that it writes anew', async () => {
    const image = sample('quota');
    const limited = debugfs(image, 'set_inode_field dir/three uid 1234');
    const { repaired, after } = await outcome(limited);
    expect(after).toBe('clean');
    expect(ask(repaired, 'get_quota user 1234')).toMatch(/1234\s+\d+/);
  });
});
