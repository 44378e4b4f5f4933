import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Layer, layersOf } from '../engines/core/layer.ts';
import { mdSuperblock } from '../engines/testing/md-superblock.ts';
import { writeBootRecord } from '../engines/testing/tables.ts';
import { missingTools, run, scratchFolder } from '../engines/testing/tools.ts';
import { makeFilesystem } from './make.ts';
import { openDirect } from './nbd/content.ts';
import { type ImageSession, openImage } from './session.ts';

const scratch = scratchFolder();
const open = new Set<ImageSession>();
afterEach(async () => {
  for (const session of open) await session.close({ discard: true });
  open.clear();
});
afterAll(() => scratch.remove());

const SIZE = 8 << 20;
const REASON = /one of the disks of an array: changing one alone/;
const version = (image: string): string => run('blkid', ['-p', '-o', 'value', '-s', 'VERSION', image]).trim();

async function opened(image: string): Promise<ImageSession> {
  const session = await openImage(image, { guests: 'none' });
  open.add(session);
  return session;
}

/** A disk of a mirror with an ext4 on it: what is before the superblock is the filesystem's. */
function member(name: string, metadata: '0.90' | '1.0'): { readonly path: string; readonly bytes: Buffer } {
  const path = join(scratch.path, name);
  const { at, bytes } = mdSuperblock(SIZE, { version: metadata });
  writeFileSync(path, new Uint8Array(SIZE));
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', path, `${at / 1024}`]);
  const all = readFileSync(path);
  all.set(bytes, at);
  writeFileSync(path, all);
  return { path, bytes: all };
}

/** Nothing that writes gets at what is in a layer, nor at its own bytes. */
async function expectFixed(session: ImageSession, path: string): Promise<void> {
  const at = (): Layer => [...layersOf(session.layers)].find((each) => each.path === path)!;
  await expect(session.editing.unlock()).rejects.toThrow(REASON);
  await expect(session.editing.unlock({ direct: true })).rejects.toThrow(REASON);
  expect(() => openDirect(session, at())).toThrow(REASON);
  // As a check that repairs, a new filesystem and a disk served for writing do it.
  await session.editing.unlock({ repair: true });
  expect(at().filesystem?.writer).toBeUndefined();
  await expect(session.editing.operation({ text: 'raw', layer: path, raw: true }, () => makeFilesystem(at().device, { variant: 'ext2', options: {} }))).rejects.toThrow(REASON);
  expect(session.editing.state).toMatchObject({ changedBytes: 0, operations: 0 });
}

const missing = missingTools('mke2fs', 'blkid');

describe.skipIf(missing !== undefined)(`one disk of a mirror${missing === undefined ? '' : ` (${missing})`}`, () => {
  it.each(['0.90', '1.0'] as const)('with its superblock at the end is read, and never changed: metadata %s', async (metadata) => {
    const { path, bytes } = member(`whole-${metadata}`, metadata);
    // The same sight as libblkid's.
    expect(version(path).startsWith(metadata)).toBe(true);
    const session = await opened(path);
    const [layer] = session.filesystems();
    expect(layer).toMatchObject({ format: 'ext4', notes: [{ message: expect.stringContaining('one of the 2 disks') as string }] });
    expect(layer!.filesystem.info.access).toMatchObject({ write: false, reason: expect.stringMatching(REASON) as string });
    expect(await layer!.filesystem.lookup(layer!.filesystem.root, 'lost+found' as never)).toBeDefined();
    await expectFixed(session, '0');
    await session.close({ discard: true });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it.each(['0.90', '1.0'] as const)('in the last partition is that alone, and the other one can be changed: metadata %s', async (metadata) => {
    const { bytes } = member(`part-${metadata}`, metadata);
    const path = join(scratch.path, `disk-${metadata}`);
    const disk = Buffer.alloc((1 << 20) + 2 * SIZE);
    writeBootRecord(disk, 0, [{ type: 0x83, start: 2048, size: SIZE / 512 }, { type: 0xfd, start: 2048 + SIZE / 512, size: SIZE / 512 }]);
    const plain = join(scratch.path, `plain-${metadata}`);
    writeFileSync(plain, new Uint8Array(SIZE));
    run('mke2fs', ['-q', '-F', '-t', 'ext4', plain]);
    disk.set(readFileSync(plain), 1 << 20);
    disk.set(bytes, (1 << 20) + SIZE);
    writeFileSync(path, disk);
    const session = await opened(path);
    expect([...layersOf(session.layers)].filter(({ format }) => format !== 'metadata' && format !== 'free').map((each) => [each.path, each.format, each.readOnly !== undefined])).toEqual([['0', 'mbr', false], ...[1, 2].flatMap((i) => [[`0/${i}`, 'partition', false], [`0/${i}/0`, 'ext4', i === 2]])]);
    await session.editing.unlock();
    expect(session.filesystems().map(({ filesystem }) => filesystem.writer !== undefined)).toEqual([true, false]);
    expect(session.filesystems()[1]!.notWritable?.message).toMatch(REASON);
    for (const layer of ['0/2', '0/2/0']) await expect(session.editing.operation({ text: 'raw', layer, raw: true }, () => {})).rejects.toThrow(REASON);
    await session.editing.operation({ text: 'raw', layer: '0/1/0', raw: true }, () => {});
  });

  it('is an ordinary filesystem when what is left of a superblock is not whole', async () => {
    const { path, bytes } = member('stale', '1.0');
    writeFileSync(path, bytes.fill(0xff, SIZE - 8192 + 16, SIZE - 8192 + 32));
    const session = await opened(path);
    await session.editing.unlock();
    expect(session.filesystems()[0]!.filesystem.writer).toBeDefined();
  });
});
