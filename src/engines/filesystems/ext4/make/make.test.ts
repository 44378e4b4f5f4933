import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../../core/bytes/memory.ts';
import type { MakeOptions } from '../../../core/probe.ts';
import { testContext } from '../../../testing/context.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { ext4 } from '../index.ts';
import { makeExt4 } from './index.ts';

const MIB = 1024 * 1024;
const scratch = scratchFolder();
afterAll(() => scratch.remove());

let seed = 1;
const write: MakeOptions['write'] = { durability: 'staged', now: () => 1_700_000_000_000_000_000n, random: (into) => into.forEach((_, i) => { into[i] = seed++ & 0xff; }) };

/** @param dirty what the device held before: it must not matter */
function made(mib: number, variant: string, options: Record<string, string> = {}, dirty = 0): Uint8Array {
  const bytes = new Uint8Array(mib * MIB).fill(dirty);
  makeExt4(new MemoryDevice(bytes), { variant, options, label: 'test', uuid: '01234567-89ab-4def-8123-456789abcdef', write });
  return bytes;
}

const CASES: readonly (readonly [mib: number, variant: string, options?: Record<string, string>])[] = [
  [64, 'ext4'], [64, 'ext3'], [64, 'ext2'], [1, 'ext2'], [2, 'ext4'], [9, 'ext4'], [64, 'ext2', { 'block-size': '4096' }], [64, 'ext4', { 'block-size': '2048' }], [200, 'ext4', { 'block-size': '65536' }],
  [64, 'ext4', { features: '^has_journal' }], [64, 'ext4', { features: '^flex_bg' }], [64, 'ext4', { features: 'inline_data' }], [64, 'ext4', { features: 'sparse_super2' }],
  [64, 'ext4', { features: '^metadata_csum,uninit_bg' }], [64, 'ext4', { features: '^64bit,^extent,^metadata_csum' }], [64, 'ext4', { features: 'metadata_csum_seed,large_dir,ea_inode' }],
  [64, 'ext2', { features: '^sparse_super,^resize_inode' }], [64, 'ext2', { 'inode-size': '128' }], [64, 'ext3', { features: '^dir_index', 'inode-size': '128' }], [64, 'ext4', { 'flex-groups': '4', 'inode-size': '512' }],
  [20, 'ext4', { inodes: '1' }], [20, 'ext2', { inodes: '17' }], [64, 'ext4', { inodes: '60000', 'journal-size': '2', reserved: '0' }], [128, 'ext4', { features: 'bigalloc,^resize_inode', 'cluster-size': '16384' }], [300, 'ext4', { features: 'bigalloc', 'block-size': '4096', 'cluster-size': '8192' }],
];
/** Lines of dumpe2fs but those that differ between the primary and its copies. */
const told = (text: string): string[] => text.split('\n').filter((line) => !/^(Checksum|Filesystem state)/.test(line));
/** Lines of dumpe2fs that do not depend on chance. */
const facts = (path: string): string[] => run('dumpe2fs', ['-h', path]).split('\n').filter((line) => /^(Filesystem features|Inode count|Block count|Reserved block|Free|First|Block size|Reserved GDT|Blocks per|Inodes per|Flex|Overhead|Journal size|Total journal blocks|Inode size|Mount count|Filesystem state)/.test(line));

const named = CASES.map(([mib, variant, options = {}]) => ({ mib, variant, options, name: `${variant}, ${mib} MiB ${Object.entries(options).map(([key, value]) => `${key}=${value}`).join(' ')}` }));

describe.skipIf(missingTools('e2fsck', 'dumpe2fs') !== undefined)('what is made', () => {
  it.each(named)('$name: e2fsck finds nothing', ({ mib, variant, options }) => {
    const path = join(scratch.path, 'made.img');
    writeFileSync(path, made(mib, variant, options, mib <= 9 ? 0xaa : 0));
    expect(run('e2fsck', ['-fn', path])).toContain('Pass 5');
    // A backup says what the primary says, but for its state: whoever needs it should check first.
    const whole = run('dumpe2fs', [path]);
    const head = run('dumpe2fs', ['-h', path]);
    const backup = /Backup superblock at (\d+)/.exec(whole)?.[1];
    const blockSize = /Block size: +(\d+)/.exec(whole)?.[1];
    if (backup !== undefined) expect(told(run('dumpe2fs', ['-h', '-o', `superblock=${backup}`, '-o', `blocksize=${blockSize}`, path]))).toEqual(told(head));
  });

  it('has the counts that mke2fs gives, and the same features', () => {
    const ours = join(scratch.path, 'ours.img');
    const theirs = join(scratch.path, 'theirs.img');
    writeFileSync(ours, made(64, 'ext4'));
    writeFileSync(theirs, new Uint8Array(64 * MIB));
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^orphan_file,^metadata_csum_seed', '-b', '1024', '-I', '256', '-i', '4096', theirs]);
    expect(facts(ours)).toEqual(facts(theirs));
  });
});

describe('a new filesystem', () => {
  it('is read by our own engine: an empty root with lost+found', async () => {
    const fs = await ext4.open(new MemoryDevice(made(64, 'ext4')), testContext());
    expect(fs.info).toMatchObject({ label: 'test', uuid: '01234567-89ab-4def-8123-456789abcdef', state: 'clean' });
    const { entries } = await fs.list(fs.root);
    expect(entries.map(({ name }) => name)).toEqual(['lost+found']);
    expect((await fs.stat(entries[0]!.node)).mode).toBe(0o700);
  });

  it('is the same for the same options', () => {
    seed = 1;
    const first = made(8, 'ext4');
    seed = 1;
    expect(Buffer.compare(first, made(8, 'ext4'))).toBe(0);
  });

  it.each<[number, string, Record<string, string>, string]>([
    [64, 'ext5', {}, 'EINVAL'], [64, 'ext4', { colour: 'red' }, 'EINVAL'], [64, 'ext4', { 'block-size': '3000' }, 'EINVAL'], [64, 'ext4', { 'inode-size': '2048', 'block-size': '1024' }, 'EINVAL'],
    [64, 'ext4', { features: '^extent' }, 'EINVAL'], [64, 'ext4', { 'cluster-size': '8192' }, 'EINVAL'], [64, 'ext4', { inodes: '100000000' }, 'ENOSPC'], [64, 'ext4', { 'journal-size': '60' }, 'ENOSPC'],
    [0.01, 'ext2', {}, 'ENOSPC'], [64, 'ext4', { 'root-owner': 'root' }, 'EINVAL'], [64, 'ext4', { reserved: '60' }, 'EINVAL'],
  ])('%d MiB %s %o is refused as %s', (mib, variant, options, errno) => {
    expect(() => made(mib, variant, options)).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno } }));
  });

  it.each(['casefold', 'encrypt', 'quota', 'meta_bg', 'nonsense'])('with %s is refused, and nothing is written', (feature) => {
    const bytes = new Uint8Array(8 * MIB);
    expect(() => makeExt4(new MemoryDevice(bytes), { variant: 'ext4', options: { features: feature }, write })).toThrow(expect.objectContaining({ fault: { kind: 'unsupported', feature } }));
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});
