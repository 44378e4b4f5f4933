import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, debugfs, inodeOf, outcome, sample, type Shape } from '../../../testing/fsck/damage.ts';
import { e2fsck, runOwn } from '../../../testing/fsck/compare.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { Ext4SuperBlock, SUPERBLOCK_AT } from '../layout.ts';
import { entryHash, valueWords } from './attribute-entries.ts';

const skip = missingTools('mke2fs', 'debugfs', 'e2fsck', 'tune2fs');

type Damage = (image: Uint8Array) => Uint8Array | void;

/** A block that nothing uses, and the first of its cluster. */
const FREE = 7000;
const EXTENT_HEADER = 0xf30a;

const commands = (...lines: string[]): Damage => (image) => debugfs(image, ...lines);

/** The image as a command leaves it that is told its path. */
function changedBy(image: Uint8Array, command: string, ...options: string[]): Uint8Array {
  const folder = scratchFolder();
  try {
    const path = join(folder.path, 'image');
    writeFileSync(path, image);
    run(command, [...options, path]);
    return new Uint8Array(readFileSync(path));
  } finally {
    folder.remove();
  }
}

/** An empty ext4 filesystem of so many MiB, in blocks of 1 KiB. */
const made = (size: number, ...options: string[]): Uint8Array => changedBy(new Uint8Array(size << 20), 'mke2fs', '-q', '-F', '-b', '1024', '-t', 'ext4', ...options);

/** The bytes of an inode in the image. */
function inodeBytes(image: Uint8Array, path: string): DataView {
  const [, block, offset] = /block (\d+), offset 0x([0-9a-f]+)/.exec(ask(image, `imap ${path}`))!;
  return new DataView(image.buffer, image.byteOffset + Number(block) * 1024 + Number.parseInt(offset!, 16), 256);
}

/** A filesystem whose resize inode has another list of reserved blocks. */
function resizeList(change: (list: DataView) => void): Uint8Array {
  const image = made(8, '-O', 'resize_inode,^has_journal,^metadata_csum,^uninit_bg');
  const block = inodeBytes(image, '<7>').getUint32(0x28 + 13 * 4, true);
  change(new DataView(image.buffer, image.byteOffset + block * 1024, 1024));
  return image;
}

/** The entry of system.data in an inode. */
const INLINE_ENTRY = 128 + 32 + 4;

/** Puts so many levels of one entry each over the one extent of /dir/one. */
const deepen = (levels: number): Damage => (image) => {
  const inode = inodeBytes(image, '/dir/one');
  const map = 0x28;
  const at = (i: number): DataView => new DataView(image.buffer, image.byteOffset + (FREE + i) * 1024, 1024);
  for (let i = 0; i < levels; i++) {
    const node = at(i);
    node.setUint16(0, EXTENT_HEADER, true);
    node.setUint16(2, 1, true);
    node.setUint16(4, 84, true);
    node.setUint16(6, levels - 1 - i, true);
    if (i === levels - 1) for (let byte = 0; byte < 12; byte++) node.setUint8(12 + byte, inode.getUint8(map + 12 + byte));
    else node.setUint32(16, FREE + i + 1, true);
  }
  inode.setUint16(map + 6, levels, true);
  inode.setUint32(map + 12, 0, true);
  inode.setUint32(map + 16, FREE, true);
  inode.setUint32(map + 20, 0, true);
  inode.setUint32(0x1c, inode.getUint32(0x1c, true) + levels * 2, true);
  const free = Number(/Free blocks:\s+(\d+)/.exec(ask(image, 'stats -h'))![1]) - levels;
  return debugfs(image, `setb ${FREE} ${levels}`, `ssv free_blocks_count ${free}`, `set_bg 0 free_blocks_count ${free}`);
};

const CASES: readonly (readonly [code: string, shape: Shape, damage: Damage])[] = [
  // What e2fsck lets be in a dry run, or does not count as a repair, is in its exit status alone.
  ['0/descriptor-uninit', 'plain', commands('set_bg 0 itable_unused 100')],
  ['0/descriptor-hides', 'plain', commands('set_bg 0 flags 1')],
  ['journal/bad-inode', 'plain', (image) => {
    // The end of the journal is missing, in its inode as in the superblock's copy of that.
    const journaled = changedBy(image, 'tune2fs', '-j');
    return debugfs(journaled, 'set_inode_field <8> block[4] 1000', 'ssv jnl_blocks[4] 1000');
  }],
  ['journal/inode-restored', 'plain', (image) => debugfs(changedBy(image, 'tune2fs', '-j'), 'set_inode_field <8> flags 0x80800')],
  ['0/last-uninit', 'sums', () => debugfs(made(6, '-O', '^has_journal,^resize_inode,metadata_csum'), 'set_bg 0 flags 2', 'set_bg 0 checksum calc')],
  ['0/revision', 'sums', commands('ssv rev_level 0')],
  ['0/resize-foreign', 'plain', () => resizeList((list) => list.setUint32(1000, FREE, true))],
  ['0/resize-illegal', 'plain', () => resizeList((list) => list.setUint32(1000, 0xffff0000, true))],
  ['1/inode-garbage', 'plain', (image) => {
    // The block of the table with inodes 5 to 8, which are always in use.
    const { byteOffset } = inodeBytes(image, '<5>');
    image.fill(0xff, byteOffset - image.byteOffset, byteOffset - image.byteOffset + 1024);
  }],
  ['1/directory-too-big', 'plain', commands('set_inode_field dir block[0] 0x2f30a', 'set_inode_field dir block[6] 0x7ffffff0', 'set_inode_field dir block[7] 1', `set_inode_field dir block[8] ${FREE}`)],
  ['1/extents-shorter', 'plain', deepen(1)],
  ['1/extents-too-deep', 'plain', deepen(6)],
  ['1/misaligned-cluster', 'bigalloc', commands('set_inode_field dir/one block[0] 0x2f30a', 'set_inode_field dir/one block[4] 2', 'set_inode_field dir/one block[6] 2', 'set_inode_field dir/one block[7] 1', `set_inode_field dir/one block[8] ${FREE + 1}`)],
  ['1d/shared-blocks', 'plain', (image) => debugfs(image, `set_inode_field <1> block[0] ${ask(image, 'bmap dir/one 0').trim()}`)],
  ['1d/shared-blocks', 'bigalloc', (image) => debugfs(image, `set_inode_field dir/one block[5] ${ask(image, 'bmap dir/two 0').trim()}`)],
  ['2/bad-symlink', 'plain', (image) => debugfs(image, `symlink dir/long ${'x'.repeat(80)}`, 'set_inode_field dir/long size 0')],
  ['1/inline-missing', 'inline', (image) => {
    // The value lies over its own entry.
    const inode = inodeBytes(image, '/small');
    inode.setUint16(INLINE_ENTRY + 2, 0, true);
    inode.setUint32(INLINE_ENTRY + 8, 8, true);
  }],
  ['2/bad-name', 'inline', (image) => {
    // One more name for /small/x, in the attribute that holds the second part of /small; its attribute has a hash, as it may.
    const file = inodeBytes(image, '/small/x');
    const number = inodeOf(image, '/small/x');
    const inode = inodeBytes(image, '/small');
    const value = 240;
    inode.setUint32(value, number, true);
    inode.setUint16(value + 4, 16, true);
    inode.setUint8(value + 6, 3);
    inode.setUint8(value + 7, 1);
    inode.setUint32(value + 8, 0x622f61, true);
    inode.setUint16(INLINE_ENTRY + 2, value - INLINE_ENTRY, true);
    inode.setUint32(INLINE_ENTRY + 8, 16, true);
    inode.setUint32(INLINE_ENTRY + 12, entryHash(new TextEncoder().encode('data'), valueWords(inode, value, 16), false), true);
    inode.setUint32(4, 76, true);
    file.setUint16(0x1a, 2, true);
  }],
  ['1/set-ea-inode-flag', 'plain', (image) => {
    // The inode of the value lies before its owner's.
    const number = inodeOf(image, '/dir/two');
    const large = changedBy(debugfs(image, 'rm dir/two'), 'tune2fs', '-O', 'ea_inode');
    const folder = scratchFolder();
    try {
      writeFileSync(join(folder.path, 'value'), 'v'.repeat(3000));
      const valued = debugfs(large, `ea_set -f ${join(folder.path, 'value')} dir/three user.large`);
      expect(ask(valued, `stat <${number}>`)).toContain('Flags: 0x280000');
      return debugfs(valued, `set_inode_field <${number}> flags 0x80000`);
    } finally {
      folder.remove();
    }
  }],
  ['0/orphan', 'quota', (image) => {
    const number = inodeOf(image, '/dir/three');
    return debugfs(image, `ssv last_orphan ${number}`, 'unlink dir/three', `set_inode_field <${number}> links_count 0`);
  }],
];

describe.skipIf(skip !== undefined)('damage in inodes, their maps and attributes', { timeout: 60_000 }, () => {
  it.each(CASES)('%s on %s', async (code, shape, damage) => {
    const image = sample(shape);
    const result = await outcome(damage(image) ?? image);
    expect(result.found).toContain(code);
    expect(result.dry).toBe(result.before);
    expect(result.fixed).toBe(result.theirs);
    expect(result.left).toEqual([]);
    expect(result.after, result.words).toBe('clean');
  });

  // In such a filesystem nearly every inode would look like garbage, and be cleared.
  it.each(['rev_level 2', 'log_groups_per_flex 40', 'desc_size 2112', 'reserved_gdt_blocks 9999'])('begins no repair where the superblock says %s, and no backup helps', async (field) => {
    const image = debugfs(sample('sums'), `ssv ${field}`);
    const result = await outcome(image);
    expect(result.before).toBe('unchecked');
    expect(result.dry).toBe('unchecked');
    expect(result.fixed).toBe('unchecked');
    expect(Buffer.compare(result.repaired, image)).toBe(0);
  });

  it('tells far more findings than anybody reads, each once, and goes on to the end', async () => {
    // Nearly all inodes of a table of 16,384 have no name, and a count of blocks that is wrong.
    const image = made(24, '-N', '16384', '-O', '^has_journal,^resize_inode,^metadata_csum,^uninit_bg,^64bit');
    const superblock = Ext4SuperBlock.at(image, SUPERBLOCK_AT);
    let damaged = 0;
    for (let group = 0; group < 3; group++) {
      const table = new DataView(image.buffer).getUint32(2048 + group * 32 + 8, true) * 1024;
      for (let i = group === 0 ? 20 : 0; i < superblock.s_inodes_per_group; i++) {
        const inode = new DataView(image.buffer, table + i * 256, 256);
        inode.setUint16(0, 0o100644, true);
        inode.setUint16(0x1a, 1, true);
        inode.setUint32(0x1c, 2, true);
        damaged++;
      }
    }
    const { findings, result, exit, faults } = await runOwn(image, false);
    expect(exit).toBe('errors');
    expect(result).toMatchObject({ state: 'errors', findings: findings.length });
    const counted = (code: string): number => findings.filter((finding) => finding.code === code).length;
    expect(counted('1/bad-blocks-count')).toBe(damaged);
    expect(counted('4/unattached-inode')).toBe(damaged);
    expect(damaged).toBeGreaterThan(10_000);
    expect(new Set(findings.map(({ id }) => id)).size).toBe(findings.length);
    // Bitmaps differ in thousands of places: their finding is one, and short.
    expect(Math.max(...findings.map(({ message }) => message.length))).toBeLessThan(10_000);
    const fixed = await runOwn(image, true);
    expect(fixed.exit).toBe('corrected');
    expect((await runOwn(fixed.bytes, false)).exit).toBe('clean');
    expect([...faults, ...fixed.faults]).toEqual([]);
  });

  it('gives a file with block numbers extents where there are clusters, and keeps its contents', async () => {
    const image = sample('bigalloc');
    const folder = scratchFolder();
    try {
      // Twenty blocks: the last eight are numbered in an indirect block.
      const contents = Array.from({ length: 20 }, (_, i) => String.fromCharCode(0x61 + i).repeat(1024)).join('');
      writeFileSync(join(folder.path, 'file'), contents);
      const written = debugfs(image, `write ${join(folder.path, 'file')} large`, `setb ${FREE} 4`);
      const inode = inodeBytes(written, '/large');
      expect(inode.getUint16(0x28 + 2, true)).toBe(1);
      const first = inode.getUint32(0x28 + 20, true);
      for (let i = 0; i < 15; i++) inode.setUint32(0x28 + i * 4, i < 12 ? first + i : i === 12 ? FREE : 0, true);
      inode.setUint32(0x20, inode.getUint32(0x20, true) & ~0x80000, true);
      inode.setUint32(0x1c, 6 * 8, true);
      const list = new DataView(written.buffer, written.byteOffset + FREE * 1024, 1024);
      for (let i = 0; i < 256; i++) list.setUint32(i * 4, i < 8 ? first + 12 + i : 0, true);
      const result = await outcome(written);
      expect(result.found).toContain('1/bigalloc-block-map');
      expect(result.dry).toBe(result.before);
      expect(result.fixed).toBe('corrected');
      expect(result.left).toEqual([]);
      expect(result.after, result.words).toBe('clean');
      expect(ask(result.repaired, 'cat /large')).toBe(contents);
    } finally {
      folder.remove();
    }
  });

  it('says no less than e2fsck of a damaged block for multi-mount protection', async () => {
    const image = changedBy(sample('plain'), 'tune2fs', '-O', 'mmp');
    const block = Number(/MMP block number:\s+(\d+)/i.exec(ask(image, 'stats -h'))![1]);
    image.fill(0, block * 1024, block * 1024 + 4);
    const folder = scratchFolder();
    try {
      const path = join(folder.path, 'image');
      writeFileSync(path, image);
      const { exit } = e2fsck(path, '-fn');
      expect(exit).toBe('errors');
      expect((await runOwn(image, false)).exit).toBe(exit);
      const { exit: fixed, bytes } = await runOwn(image, true);
      expect(fixed).toBe('clean');
      writeFileSync(path, bytes);
      expect(e2fsck(path, '-fn').exit).toBe('clean');
    } finally {
      folder.remove();
    }
  });

  it('says that inodes could not be checked whose table lies outside the filesystem', async () => {
    const image = made(16, '-O', '^has_journal,^resize_inode,^flex_bg,sparse_super2', '-E', 'num_backup_sb=0');
    const result = await outcome(debugfs(image, 'set_bg 1 inode_table 4294967295', 'set_bg 1 checksum calc'));
    expect(result.found).toContain('0/inode-table-place');
    expect(result.before).toBe('unchecked');
    expect(result.dry).toBe('unchecked');
    expect(result.fixed).toBe('corrected');
    expect(result.after, result.words).toBe('clean');
  });
});
