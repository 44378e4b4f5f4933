import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dir, file, MemoryFileSystem, symlink } from '../engines/testing/memory-filesystem.ts';
import { missingTools, run, scratchFolder } from '../engines/testing/tools.ts';
import { findPath, pathOf, resolvePath } from './paths.ts';
import { openImage } from './session.ts';
import { FileDevice } from './sources/file.ts';
import { openSource } from './sources/image.ts';
import { ScratchFile } from './sources/scratch.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const at = (...names: string[]) => join(scratch.path, ...names);

describe('resolvePath', () => {
  const fs = new MemoryFileSystem(dir({
    a: dir({ b: dir({ f: file('f') }), up: symlink('..'), self: symlink('self'), absolute: symlink('/a/b'), out: symlink('../../../a') }),
    file: file('x'), chain: symlink('a/absolute/f'), gone: symlink('nowhere'), tree: symlink('a/'),
  }));
  const resolved = async (path: string, followLast = true) => pathOf((await resolvePath(fs, path, { followLast })).steps);

  it.each([
    ['/', '/'], ['', '/'], ['a/b/f', '/a/b/f'], ['/a//b/./f', '/a/b/f'], ['/../../a', '/a'], ['/a/b/../b', '/a/b'], ['/a/up/file', '/file'],
    ['/a/absolute/f', '/a/b/f'], ['/chain', '/a/b/f'], ['/a/out/b', '/a/b'], ['/a/b/', '/a/b'], ['/tree/b', '/a/b'],
  ])('%s leads to %s, never out of the image', async (path, expected) => {
    expect(await resolved(path)).toBe(expected);
  });

  it('leaves the last link alone when asked, but for a slash at the end', async () => {
    expect(await resolved('/chain', false)).toBe('/chain');
    expect(await resolved('/tree/', false)).toBe('/a');
  });

  it.each([['/nothing', 'ENOENT'], ['/gone', 'ENOENT'], ['/file/x', 'ENOTDIR'], ['/file/', 'ENOTDIR'], ['/a/self', 'ELOOP']])('%s fails with %s', async (path, errno) => {
    await expect(resolvePath(fs, path)).rejects.toMatchObject({ fault: { kind: 'usage', errno } });
    expect(await findPath(fs, path)).toBeUndefined();
  });
});

describe('file sources', () => {
  it('refuses what is no image file, with the reason', () => {
    run('mkfifo', [at('pipe')]);
    expect(() => new FileDevice(at('pipe'))).toThrow('neither a file nor a disk');
    expect(() => new FileDevice('/dev/null')).toThrow('neither a file nor a disk');
    expect(() => new FileDevice(scratch.path)).toThrow('is a folder');
    expect(() => new FileDevice(at('none'))).toThrow('There is no');
  });

  it('reads by position, and says when the file was cut', () => {
    writeFileSync(at('image'), Uint8Array.from({ length: 5000 }, (_, i) => i % 256));
    const notes: string[] = [];
    const device = new FileDevice(at('image'), { note: (note) => { notes.push(note.message); } });
    const bytes = new Uint8Array(4);
    device.read(4996, bytes);
    expect([...bytes, device.size, device.backing(10, 5)?.at]).toEqual([132, 133, 134, 135, 5000, 10]);
    expect(() => device.read(4997, bytes)).toThrow(expect.objectContaining({ fault: expect.objectContaining({ kind: 'io' }) }));
    truncateSync(at('image'), 1000);
    expect(() => device.read(4000, bytes)).toThrow('ends at byte 4000');
    expect(notes).toEqual([expect.stringContaining('was cut from 5000 to 1000 bytes')]);
    device.close();
    device.close();
  });

  it('joins the parts of a split image, whichever is named', () => {
    mkdirSync(at('split'));
    ['one', 'two', '3'].forEach((text, i) => writeFileSync(at('split', `disk.00${i + 1}`), text));
    const source = openSource(at('split', 'disk.002'));
    const bytes = new Uint8Array(source.device.size);
    source.device.read(0, bytes);
    expect([new TextDecoder().decode(bytes), source.files.length]).toEqual(['onetwo3', 3]);
    source.device.close();
  });

  it.skipIf(process.geteuid?.() !== 0 || missingTools('losetup') !== undefined)('knows the size and sectors of a disk', (context) => {
    writeFileSync(at('disk'), new Uint8Array(8 * 1024 * 1024));
    let loop = '';
    try {
      loop = run('losetup', ['-f', '--show', '-r', at('disk')]).trim();
    } catch (error) {
      const reason = `skipped: no loop device to be had: ${(error as Error).message}`;
      console.warn(reason);
      return context.skip(reason);
    }
    try {
      const device = new FileDevice(loop);
      expect([device.size, device.blockSize]).toEqual([8 * 1024 * 1024, 512]);
      device.close();
    } finally {
      run('losetup', ['-d', loop]);
    }
  });
});

describe('scratch files', () => {
  it('hold what was written, with holes, and keep to their limit', () => {
    const device = new ScratchFile(1024 * 1024, scratch.path);
    device.write(100_000, Uint8Array.of(1, 2, 3));
    const bytes = new Uint8Array(4).fill(9);
    device.read(99_999, bytes);
    expect([...bytes]).toEqual([0, 1, 2, 3]);
    device.finish(500_000);
    device.read(499_996, bytes);
    expect([...bytes, device.size]).toEqual([0, 0, 0, 0, 500_000]);
    expect(() => device.write(1024 * 1024 - 1, bytes)).toThrow('larger than');
    device.close();
  });

  it('say that the disk is full also where it has no room for one more name', (context) => {
    if (process.getuid?.() !== 0) return context.skip('a small disk is a mount of root\'s');
    const folder = at('no-names');
    mkdirSync(folder);
    run('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=1', 'tmpfs', folder]);
    try {
      expect(() => new ScratchFile(1024, folder, 'the pending changes')).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'ENOSPC' } }));
    } finally {
      run('umount', [folder]);
    }
  });
});

describe.skipIf(missingTools('mke2fs', 'sfdisk') !== undefined)('openImage', () => {
  const PART_START = 1024 * 1024;

  /** A GPT with two ext4 volumes, "first" and "second". */
  function disk(): Uint8Array {
    const bytes = new Uint8Array(16 * 1024 * 1024);
    writeFileSync(at('gpt.img'), bytes);
    execFileSync('sfdisk', ['-q', at('gpt.img')], { input: 'label: gpt\nstart=2048, size=8192, name=one\nstart=12288, size=8192, name=two\n', stdio: ['pipe', 'ignore', 'ignore'] });
    for (const [label, offset] of [['first', PART_START], ['second', 6 * PART_START]] as const) {
      run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', label, '-E', `offset=${offset}`, at('gpt.img'), '4096k']);
    }
    const image = new FileDevice(at('gpt.img'));
    image.read(0, bytes);
    image.close();
    return bytes;
  }

  it('picks volumes by number, label, UUID and path, and lists the choices', async () => {
    disk();
    const image = await openImage(at('gpt.img'));
    try {
      expect(image.filesystems().map((layer) => layer.label)).toEqual(['first', 'second']);
      expect(image.select('2').label).toBe('second');
      expect(image.select('first').label).toBe('first');
      expect(image.select('two').label).toBe('second');
      expect(image.select(image.filesystems()[1]!.uuid.toUpperCase()).label).toBe('second');
      expect(image.select('1/first').label).toBe('first');
      expect(image.select(image.filesystems()[0]!.path).label).toBe('first');
      expect(image.layer('1').size).toBe(4 * 1024 * 1024);
      expect(image.layer()).toBe(image.layers);
      expect(() => image.select()).toThrow(/several filesystems; choose one with --part:\n {2}1 {2}ext4 {2}first .*\n {2}2 {2}ext4 {2}second /);
      expect(() => image.select('3')).toThrow('Nothing in the image is called "3"');
      expect(image.summary()).toBe('GPT › 2 × ext4 (clean)');
    } finally {
      await image.close();
    }
  });

  it('opens through gzip, and takes the only filesystem', async () => {
    writeFileSync(at('plain.img'), '');
    truncateSync(at('plain.img'), 4 * 1024 * 1024);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'only', at('plain.img')]);
    const bytes = new Uint8Array(4 * 1024 * 1024);
    const plain = new FileDevice(at('plain.img'));
    plain.read(0, bytes);
    plain.close();
    writeFileSync(at('plain.img.gz'), gzipSync(bytes, { level: 1 }));
    symlinkSync('plain.img.gz', at('link'));
    const image = await openImage(at('link'));
    expect([image.select().label, image.summary(), image.name]).toEqual(['only', 'gzip › ext4 (clean)', 'link']);
    await image.close();
    await image.close();
  });

  it('says what it found where there is no filesystem', async () => {
    writeFileSync(at('zeros'), new Uint8Array(4096));
    const image = await openImage(at('zeros'));
    expect(() => image.select()).toThrow('holds no filesystem that is known here (Empty)');
    await image.close();
  });
});
