import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { isDiskError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/filesystem.ts';
import { testContext } from '../../testing/context.ts';
import { missingTools, run, scratchFolder } from '../../testing/tools.ts';
import { ext4 } from './index.ts';
import { locateSuperblock, Superblock } from './superblock.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'dumpe2fs');

/** An image with one file "here" in its root. */
function make(name: string, options: string): Uint8Array {
  const path = join(scratch.path, `${name}.img`);
  const [size = '', ...rest] = options.split(' ').toReversed();
  run('mke2fs', ['-q', '-F', ...rest.toReversed(), path, size]);
  run('debugfs', ['-w', '-R', 'symlink here there', path]);
  expect(statSync(path).size).toBeGreaterThan(0);
  return new Uint8Array(readFileSync(path));
}

async function open(image: Uint8Array): Promise<{ fs: FileSystem; messages: string[] }> {
  const context = testContext();
  const fs = await ext4.open(new MemoryDevice(image), context);
  return { fs, messages: context.notes.map(({ message }) => message) };
}

function sees(fs: FileSystem): unknown {
  const node = fs.lookup(fs.root, 'here');
  return typeof node === 'number' ? fs.readlink(node) : undefined;
}

describe.skipIf(noTools !== undefined)('a damaged primary superblock', () => {
  it.each([
    ['1k', '-t ext4 -b 1024 24M'],
    ['1k-ext2', '-t ext2 -b 1024 24M'],
    ['2k', '-t ext4 -b 2048 64M'],
    ['4k-small-groups', '-t ext4 -b 4096 -g 2048 -O ^resize_inode 24M'],
    ['4k', '-t ext4 -b 4096 160M'],
    ['8k-small-groups', '-t ext4 -b 8192 -g 1024 -O ^resize_inode 24M'],
    ['16k-small-groups', '-t ext4 -b 16384 -g 512 -O ^resize_inode 32M'],
    ['32k-small-groups', '-t ext4 -b 32768 -g 512 -O ^resize_inode 64M'],
    ['64k-small-groups', '-t ext4 -b 65536 -g 512 -O ^resize_inode 80M'],
    ['1k-bigalloc', '-t ext4 -b 1024 -O bigalloc -C 4096 -g 4096 48M'],
    ['sparse_super2', '-t ext4 -b 1024 -O sparse_super2 24M'],
    ['meta_bg', '-t ext4 -b 1024 -O meta_bg,^resize_inode 48M'],
    ['gdt_csum', '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg 24M'],
  ])('is found missing with %s; the backup shows the same tree', async (name, options) => {
    const image = make(name, options);
    const whole = await open(image);
    expect(whole.messages).toEqual([]);
    expect(sees(whole.fs)).toBe('there');
    image.fill(0, 1024, 2048);
    expect(ext4.probe(new MemoryDevice(image), false)).toBeUndefined();
    const match = ext4.probe(new MemoryDevice(image), true);
    expect(match?.evidence.join()).toMatch(/primary superblock is missing.*backup superblock at block/);
    const { fs, messages } = await open(image);
    expect(messages.join()).toMatch(/primary superblock is missing/);
    expect(sees(fs)).toBe('there');
    expect(fs.info.uuid).toBe(whole.fs.info.uuid);
    expect(fs.info.size).toBe(whole.fs.info.size);
  });

  it('is passed over with its descriptors when the whole start of the image is lost', async () => {
    const image = make('start', '-t ext4 -b 1024 -E packed_meta_blocks=0 -O ^flex_bg,^resize_inode 24M');
    // Everything before the bitmaps of group 0.
    image.fill(0, 0, 1024 * 4);
    const { fs, messages } = await open(image);
    expect(messages.join()).toMatch(/copy of group descriptor 0 in block 8194 is used/);
    expect(sees(fs)).toBe('there');
  });

  it('is used all the same when only its checksum is wrong, for its counters are newer', async () => {
    const image = make('sum', '-t ext4 -b 1024 -L label 24M');
    image[0x400 + 0x34]! ^= 1;
    const { fs, messages } = await open(image);
    expect(messages).toEqual(["The superblock's checksum does not match"]);
    expect(fs.info.label).toBe('label');
    expect(sees(fs)).toBe('there');
  });

  it('gives way to a backup when its shape is wrong', async () => {
    const image = make('shape', '-t ext4 -b 1024 24M');
    // s_inodes_per_group: in range, but not what the groups were made with.
    image[0x400 + 0x28]! ^= 8;
    const { fs, messages } = await open(image);
    expect(messages.join()).toMatch(/checksum does not match.*backup superblock at block 8193 is used/);
    expect(sees(fs)).toBe('there');
  });

  it('is refused with its place when there is no backup', async () => {
    const image = make('only', '-t ext2 -b 4096 4M');
    image[0x400 + 0x18] = 9;
    expect(ext4.probe(new MemoryDevice(image), true)?.confidence).toBeLessThan(30);
    const error = await open(image).catch((thrown: unknown) => thrown);
    expect(isDiskError(error) && error.fault).toEqual({ kind: 'corrupt', place: { structure: 'superblock', at: 1024, length: 1024 } });
  });

  it('is not taken from an image that lies in a file', () => {
    const inner = make('inner', '-t ext4 -b 1024 24M');
    // Moved by a sector: its backups no longer lie where they say.
    const outer = new Uint8Array(inner.length + 512);
    outer.set(inner, 512);
    expect(locateSuperblock(new MemoryDevice(outer), true)).toBeUndefined();
  });
});

describe.skipIf(noTools !== undefined)('superblock numbers', () => {
  it('agree with dumpe2fs', () => {
    const image = make('numbers', '-t ext4 -b 2048 -I 512 -i 8192 -m 3 100M');
    const sb = new Superblock(image.slice(1024, 2048), 1024);
    const told = new Map(run('dumpe2fs', ['-h', join(scratch.path, 'numbers.img')]).split('\n').map((line) => line.split(/:\s+/, 2) as [string, string]));
    const number = (label: string): number => Number(told.get(label));
    expect(sb.blockCount).toBe(number('Block count'));
    expect(sb.freeCount).toBe(number('Free blocks'));
    expect(sb.reservedCount).toBe(number('Reserved block count'));
    expect(sb.inodeCount).toBe(number('Inode count'));
    expect(sb.blockSize).toBe(number('Block size'));
    expect(sb.blocksPerGroup).toBe(number('Blocks per group'));
    expect(sb.inodesPerGroup).toBe(number('Inodes per group'));
    expect(sb.inodeSize).toBe(number('Inode size'));
    expect(sb.features.names()).toEqual(told.get('Filesystem features')?.split(' '));
  });

  it.each([
    [0x18, 7, /block size/], [0x14, 2, /first data block/], [0x20, 0, /a group has/], [0x28, 0, /inodes/], [0x58, 100, /an inode has/], [0x4, 0, /counts/], [0xfe, 48, /descriptor/],
  ])('at byte %i that can not be are refused', (at, value, message) => {
    const bytes = make('impossible', '-t ext4 -b 1024 -O 64bit 4M').slice(1024, 2048);
    new DataView(bytes.buffer).setUint16(at, value, true);
    if (at !== 0x58 && at !== 0xfe) new DataView(bytes.buffer).setUint16(at + 2, 0, true);
    expect(() => new Superblock(bytes, 1024)).toThrow(message);
  });

  it('of sparse groups are powers of 3, 5 and 7', () => {
    const bytes = make('sparse', '-t ext4 -b 1024 4M').slice(1024, 2048);
    new DataView(bytes.buffer).setUint32(4, 8192 * 400, true);
    expect(new Superblock(bytes, 1024).backupGroups(12)).toEqual([1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343]);
  });
});
