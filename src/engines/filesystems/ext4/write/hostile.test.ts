import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileSystem } from '../../../core/filesystem.ts';
import type { Writer } from '../../../core/writer.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../../testing/model/images.ts';
import { skip } from '../../../testing/oracle/check.ts';
import { missingTools, run } from '../../../testing/tools.ts';

const missing = missingTools('mke2fs', 'e2fsck', 'debugfs');
let folder = '';
let path = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clutch-hostile-'));
  path = join(folder, 'image');
});
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

type Writable = FileSystem & { readonly writer: Writer };

const given = { mode: 0o644 };
/** Maps of block numbers and no checksums: what a crafted image needs to be taken for a sound one. */
const PLAIN = ['-t', 'ext3', '-b', '1024', '-N', '128', '-J', 'size=1'];

async function opened(bytes: Uint8Array, access = new TestAccess(3, 'staged')): Promise<Writable> {
  return await openBytes(bytes, access) as Writable;
}

/** A filesystem with /dir and /file, changed by debugfs as an attacker would. */
async function crafted(options: readonly string[], commands: readonly string[]): Promise<Uint8Array> {
  const bytes = freshImage({ name: 'hostile', size: '8M', options }, path);
  const fs = await opened(bytes);
  await fs.writer.mkdir(fs.root, 'dir', { mode: 0o755 });
  await fs.writer.write(await fs.writer.create(fs.root, 'file', given), 0, new Uint8Array(3000).fill(7));
  await fs.close();
  writeFileSync(path, bytes);
  for (const command of commands) run('debugfs', ['-w', '-R', command, path]);
  return new Uint8Array(readFileSync(path));
}

function journalBlock(bytes: Uint8Array): number {
  writeFileSync(path, bytes);
  const { stdout } = spawnSync('debugfs', ['-R', 'bmap <8> 5', path], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
  return Number(stdout.trim());
}

/** What was refused has left the image as it was, but for what opening and closing write. */
async function expectRefused(bytes: Uint8Array, kind: string, act: (fs: Writable) => unknown): Promise<void> {
  const before = bytes.slice();
  const fs = await opened(bytes);
  let thrown: unknown;
  try {
    await act(fs);
  } catch (error) {
    thrown = error;
  }
  await fs.close();
  expect(thrown).toMatchObject({ name: 'DiskError', fault: { kind } });
  expect(Buffer.compare(bytes, before)).toBe(0);
}

describe('crafted images can\'t make the writer change the filesystem\'s own structures', () => {
  it.for([7, 8])('a name that leads to reserved inode %i is not followed, nor taken away', async (inode, context) => {
    if (missing !== undefined) skip(context, missing);
    const bytes = await crafted(PLAIN, [`ln <${inode}> /evil`]);
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.unlink(fs.root, 'evil'));
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.write(inode, 0, new Uint8Array(10)));
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.truncate(inode, 0));
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.link(fs.root, 'more', inode));
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.rename(fs.root, 'file', fs.root, 'evil', 'replace'));
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.setXattr(inode, 'trusted.a', new Uint8Array(3)));
  });

  it('a file that maps the journal\'s blocks is neither written to nor freed', async (context) => {
    if (missing !== undefined) skip(context, missing);
    const target = journalBlock(await crafted(PLAIN, []));
    const bytes = await crafted(PLAIN, [`sif /file block[0] ${target}`]);
    await expectRefused(bytes, 'corrupt', async (fs) => fs.writer.write((await fs.lookup(fs.root, 'file'))!, 0, new Uint8Array(100)));
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.unlink(fs.root, 'file'));
  });

  it('a directory whose block lies in the journal is not changed', async (context) => {
    if (missing !== undefined) skip(context, missing);
    const target = journalBlock(await crafted(PLAIN, []));
    const sound = await crafted(PLAIN, []);
    writeFileSync(path, sound);
    const from = Number(spawnSync('debugfs', ['-R', 'bmap /dir 0', path], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } }).stdout.trim());
    const bytes = await crafted(PLAIN, [`sif /dir block[0] ${target}`]);
    bytes.copyWithin(target * 1024, from * 1024, (from + 1) * 1024);
    await expectRefused(bytes, 'corrupt', async (fs) => fs.writer.create((await fs.lookup(fs.root, 'dir'))!, 'new', given));
  });

  it('a directory that does not end with a block is not changed', async (context) => {
    if (missing !== undefined) skip(context, missing);
    const bytes = await crafted(PLAIN, ['sif /dir size 3']);
    await expectRefused(bytes, 'corrupt', async (fs) => fs.writer.create((await fs.lookup(fs.root, 'dir'))!, 'new', given));
  });

  it('an inode that holds the value of an attribute is not changed by a name that leads to it', async (context) => {
    if (missing !== undefined) skip(context, missing);
    const bytes = await crafted(['-t', 'ext4', '-b', '1024', '-N', '128', '-O', 'ea_inode,^has_journal,^metadata_csum'], ['sif /file flags 0x280000']);
    await expectRefused(bytes, 'corrupt', (fs) => fs.writer.unlink(fs.root, 'file'));
  });
});

describe('what is damaged and goes away', () => {
  it('a large file with an impossible map loses its name, and its blocks are left to a check', async (context) => {
    if (missing !== undefined) skip(context, missing);
    const bytes = await crafted(PLAIN, ['sif /file blocks 400000', 'sif /file block[1] 99999999']);
    const fs = await opened(bytes);
    await fs.writer.unlink(fs.root, 'file');
    expect(await fs.lookup(fs.root, 'file')).toBeUndefined();
    await fs.close();
    const again = await opened(bytes);
    expect(await again.lookup(again.root, 'file')).toBeUndefined();
    await again.close();
  });
});

describe('what is unusual but sound stays so', () => {
  it('large attributes of short symbolic links', async (context) => {
    if (missing !== undefined) skip(context, missing);
    for (const length of [1, 4, 5, 59]) {
      const bytes = freshImage({ name: 'links', size: '8M', options: ['-t', 'ext4', '-b', '4096', '-I', '256', '-O', 'ea_inode'] }, path);
      const fs = await opened(bytes);
      const link = await fs.writer.symlink(fs.root, 'link', 't'.repeat(length), given);
      await fs.writer.setXattr(link, 'trusted.small', new Uint8Array(5));
      await fs.writer.setXattr(link, 'trusted.large', new Uint8Array(9000).fill(1));
      await fs.writer.setXattr(link, 'trusted.larger', new Uint8Array(20_000).fill(2));
      await fs.close();
      writeFileSync(path, bytes);
      expect(fsck(path)).toBe('');
      const again = await opened(bytes);
      expect(await again.xattrs!.get(link, 'trusted.large')).toEqual(new Uint8Array(9000).fill(1));
      expect(await again.readlink(link)).toBe('t'.repeat(length));
      await again.writer.removeXattr(link, 'trusted.large');
      await again.writer.removeXattr(link, 'trusted.larger');
      await again.close();
      writeFileSync(path, bytes);
      expect(fsck(path)).toBe('');
    }
  });

  it('a clock before 1970', async (context) => {
    if (missing !== undefined) skip(context, missing);
    const access = new TestAccess(1, 'direct');
    access.time = -5_000_000_001n;
    const bytes = freshImage({ name: 'clock', size: '8M', options: ['-t', 'ext4'] }, path);
    const fs = await opened(bytes, access);
    const file = await fs.writer.create(fs.root, 'n'.repeat(255), given);
    await fs.writer.write(file, 0, new Uint8Array(10));
    await fs.writer.create(fs.root, 'gone', given);
    await fs.writer.unlink(fs.root, 'gone');
    await fs.close();
    writeFileSync(path, bytes);
    expect(fsck(path)).toBe('');
  });
});
