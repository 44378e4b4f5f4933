import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FieldNote, Structure, Structures } from '../../../core/layout/annotate.ts';
import { FileDevice } from '../../../testing/file-device.ts';
import { openImage } from '../../../testing/images.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { directoryStructures } from './directories.ts';

const why = missingTools('mke2fs', 'dumpe2fs', 'debugfs');
const UUID = '6a1f4c1e-9b7d-4a52-8f06-1d2c3b4a5e6f';

/** What tells one layout of groups from another. */
const SHAPES: readonly (readonly [what: string, ...args: string[]])[] = [
  ['1 KiB blocks', '-t', 'ext4', '-b', '1024'],
  ['4 KiB blocks', '-t', 'ext4', '-b', '4096'],
  ['crc16 descriptors of 32 bytes', '-t', 'ext4', '-b', '1024', '-O', '^64bit,^metadata_csum,uninit_bg'],
  ['meta block groups', '-t', 'ext4', '-b', '1024', '-g', '1024', '-O', 'meta_bg,^resize_inode'],
  ['each group with its own tables', '-t', 'ext4', '-b', '1024', '-O', '^flex_bg'],
  ['clusters', '-t', 'ext4', '-b', '1024', '-O', 'bigalloc', '-C', '16384'],
  ['a backup in every group', '-t', 'ext4', '-b', '1024', '-O', '^sparse_super,^resize_inode'],
  ['two backups', '-t', 'ext4', '-b', '1024', '-O', 'sparse_super2,^sparse_super,^resize_inode', '-E', 'num_backup_sb=2'],
  ['ext3', '-t', 'ext3', '-b', '1024'],
  ['ext2 with inodes of 128 bytes', '-t', 'ext2', '-b', '1024', '-I', '128'],
];

async function opened<T>(image: string, look: (structures: Structures, blockSize: number) => T): Promise<T> {
  const { fs, close } = await openImage(new FileDevice(image));
  try {
    return look(fs.structures!, fs.info.blockSize);
  } finally {
    await close();
  }
}

const all = (structures: Structures, at: number, length = 1): Structure[] => [...structures.within(at, length)];
const names = (structures: Structures, at: number, length = 1): string[] => all(structures, at, length).map(({ name }) => name);
const fieldOf = (structure: Structure | undefined, name: string): FieldNote | undefined => structure?.fields().find((field) => field.name === name);
const debugfs = (image: string, command: string): string => run('debugfs', ['-R', command, image]);
/** What dumpe2fs says behind a label. */
const told = (text: string, label: string): string => new RegExp(`^${label}:\\s+(.*)$`, 'm').exec(text)![1]!;
const firstBlock = (image: string, path: string): number => Number(debugfs(image, `blocks ${path}`).trim().split(/\s+/)[0]);

/** Where a directory's block has checksums. */
function checksumsIn(bytes: Uint8Array): number[] {
  const found = [...directoryStructures({ node: 2, logical: 0, flags: 0, at: 0, bytes, hasFiletype: true, checksumSeed: 1 })];
  return found.filter(({ name }) => name.startsWith('checksum')).map(({ at }) => at);
}

describe('a block of a directory', () => {
  it('has its checksum at its end only, so that a crafted one is not summed again and again', () => {
    const bytes = new Uint8Array(1024);
    for (let at = 0; at + 12 <= bytes.length; at += 12) bytes.set([0, 0, 0, 0, 12, 0, 0, 0xde], at);
        const sound = new Uint8Array(24);
    for (const at of [0, 12]) sound.set([0, 0, 0, 0, 12, 0, 0, 0xde], at);
    expect(checksumsIn(bytes)).toEqual([]);
    expect(checksumsIn(sound)).toEqual([12]);
  });
});

describe.skipIf(why !== undefined)(`what the bytes of an ext filesystem are${why ? ` (${why})` : ''}`, () => {
  const folder = scratchFolder();
  const tree = join(folder.path, 'tree');
  let made = 0;

  beforeAll(() => {
    mkdirSync(join(tree, 'etc/many'), { recursive: true });
    writeFileSync(join(tree, 'etc/hello'), 'hello');
    symlinkSync('/somewhere/else', join(tree, 'link'));
    for (let i = 0; i < 200; i++) writeFileSync(join(tree, `etc/many/a-rather-long-name-${i}`), '');
  });
  afterAll(() => folder.remove());

  function make(args: readonly string[], size = '32M'): string {
    const image = join(folder.path, `${made++}.img`);
    run('mke2fs', ['-q', '-F', '-U', UUID, '-L', 'the label', '-d', tree, ...args, image, size]);
    return image;
  }

  it.each(SHAPES)('%s: superblocks, descriptors, bitmaps and inode tables lie where dumpe2fs says', async (_, ...args) => {
    const image = make(args);
    const text = run('dumpe2fs', [image]);
    await opened(image, (structures, blockSize) => {
      let group = -1;
      let seen = 0;
      const holds = (block: string, name: string): void => {
        seen++;
        expect(names(structures, Number(block) * blockSize, blockSize), `block ${block}`).toContain(name);
      };
      for (const line of text.split('\n')) {
        group = Number(/^Group (\d+):/.exec(line)?.[1] ?? group);
        const primary = /Primary superblock at (\d+)/.exec(line);
        if (primary) holds(primary[1]!, 'superblock');
        const backup = /Backup superblock at (\d+)/.exec(line);
        if (backup) holds(backup[1]!, `backup superblock of group ${group}`);
        const descriptors = /Group descriptors? at (\d+)/.exec(line);
        if (descriptors) {
          seen++;
          expect(names(structures, Number(descriptors[1]) * blockSize)[0], line).toMatch(/group descriptor \d+$/);
        }
        const reserved = /Reserved GDT blocks at (\d+)-(\d+)/.exec(line);
        if (reserved) holds(reserved[2]!, `block kept for more descriptors, group ${group}`);
        const blockBitmap = /Block bitmap at (\d+)/.exec(line);
        if (blockBitmap) holds(blockBitmap[1]!, `block bitmap of group ${group}`);
        const inodeBitmap = /Inode bitmap at (\d+)/.exec(line);
        if (inodeBitmap) holds(inodeBitmap[1]!, `inode bitmap of group ${group}`);
        const table = /Inode table at (\d+)-(\d+)/.exec(line);
        if (table) for (const block of table.slice(1)) holds(block, `inode table of group ${group}`);
      }
      expect(group).toBeGreaterThanOrEqual(0);
      expect(seen).toBeGreaterThan(4);
    });
  }, 60_000);

  it.each(SHAPES)('%s: inodes, directories and the journal lie where debugfs says', async (_, ...args) => {
    const image = make(args);
    await opened(image, (structures, blockSize) => {
      for (const node of [2, 12, 13]) {
        const [, block, offset] = /located at block (\d+), offset 0x([0-9a-f]+)/.exec(debugfs(image, `imap <${node}>`))!;
        const at = Number(block) * blockSize + Number.parseInt(offset!, 16);
        const inode = all(structures, at).find(({ name }) => new RegExp(`^inode ${node}\\b`).test(name));
        expect(inode?.at).toBe(at);
        const stat = debugfs(image, `stat <${node}>`);
        expect(fieldOf(inode, 'i_mode')?.value.slice(-4)).toBe(/Mode:\s+(\d+)/.exec(stat)![1]);
        expect(fieldOf(inode, 'i_links_count')?.value).toBe(/Links: (\d+)/.exec(stat)![1]);
        if (stat.includes('Inode checksum')) expect(fieldOf(inode, 'i_checksum_lo')?.meaning).toBe('right');
      }
      // An entry of each name, told by its block alone.
      const etc = names(structures, firstBlock(image, '/etc') * blockSize, blockSize);
      expect(etc).toEqual(expect.arrayContaining(['directory entry "."', 'directory entry ".."', 'directory entry "hello"', 'directory entry "many"']));
      if (args.includes('ext2')) return;
      const [journal] = all(structures, firstBlock(image, '<8>') * blockSize);
      expect([journal?.name, fieldOf(journal, 'h_magic')?.meaning]).toEqual(['journal superblock', 'JBD2']);
    });
  }, 60_000);

  it('means what dumpe2fs says', async () => {
    const image = make(['-t', 'ext4', '-b', '4096']);
    const text = run('dumpe2fs', ['-h', image]);
    await opened(image, (structures) => {
      const [superblock] = all(structures, 0x418);
      const at = (place: number): string => { const field = superblock!.fields().find((each) => place >= each.at && place < each.at + each.length)!; return `${field.name} = ${field.value} → ${field.meaning}`; };
      expect(at(0x418)).toBe('s_log_block_size = 2 → 4096');
      expect(at(0x438)).toBe('s_magic = 0xef53 → ext2, ext3 or ext4');
      expect(fieldOf(superblock, 's_uuid')?.meaning).toBe(UUID);
      expect(fieldOf(superblock, 's_volume_name')?.meaning).toBe('"the label"');
      expect(fieldOf(superblock, 's_inodes_count')?.value).toBe(told(text, 'Inode count'));
      expect(fieldOf(superblock, 's_free_blocks_count_lo')?.value).toBe(told(text, 'Free blocks'));
      // dumpe2fs writes leading zeros.
      expect([Number(fieldOf(superblock, 's_checksum')!.value), fieldOf(superblock, 's_checksum')!.meaning]).toEqual([Number(told(text, 'Checksum')), 'right']);
      expect(new Date(fieldOf(superblock, 's_mkfs_time')!.meaning!).getTime()).toBe(new Date(`${told(text, 'Filesystem created')} UTC`).getTime());
      const features = ['s_feature_compat', 's_feature_incompat', 's_feature_ro_compat'].flatMap((name) => fieldOf(superblock, name)!.meaning!.split(', '));
      expect(features).toEqual(told(text, 'Filesystem features').split(/\s+/));
      const bitmap = all(structures, [...structures.landmarks()].find(({ name }) => name === 'block bitmap of group 0')!.at)[0];
      const [, free] = /(\d+) free blocks/.exec(run('dumpe2fs', [image]))!;
      expect(bitmap?.meaning).toBe(`${8192 - Number(free)} of 8192 in use`);
    });
  }, 60_000);

  it('tells what lies inside an inode', async () => {
    const image = make(['-t', 'ext4', '-b', '1024']);
    await opened(image, (structures, blockSize) => {
      const placeOf = (path: string): number => { const [, block, offset] = /located at block (\d+), offset 0x([0-9a-f]+)/.exec(debugfs(image, `imap ${path}`))!; return Number(block) * blockSize + Number.parseInt(offset!, 16); };
      const file = all(structures, placeOf('/etc/hello'), 256);
      expect(file.map(({ name }) => name.replace(/\d+/g, 'N'))).toEqual(['inode table of group N', 'inode N', 'extent header of inode N', 'extent N of inode N']);
      const block = Number(debugfs(image, 'blocks /etc/hello').trim());
      expect(fieldOf(file[3], 'ee_start_lo')).toMatchObject({ value: String(block), meaning: `at byte 0x${(block * blockSize).toString(16)}` });
      const link = all(structures, placeOf('/link'), 256).find(({ name }) => name.startsWith('target'));
      expect(link?.meaning).toBe('"/somewhere/else"');
    });
  }, 60_000);

  it('takes nothing from beyond the device, and ends', async () => {
    const image = make(['-t', 'ext4', '-b', '1024']);
    await opened(image, (structures) => {
      expect(names(structures, 32 << 20, 65_536)).toEqual([]);
      expect(names(structures, 2 ** 52, 65_536)).toEqual([]);
      expect([...structures.landmarks()].length).toBeLessThan(200);
      expect(all(structures, 0, 65_536).length).toBeLessThan(4096);
    });
  }, 60_000);
});
