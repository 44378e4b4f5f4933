import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { corrupt } from '../../engines/core/errors.ts';
import { dir, file, MemoryFileSystem, symlink } from '../../engines/testing/memory-filesystem.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { nodeJob, openImage } from '../session.ts';
import { type Measured, measure } from './measure.ts';

const everything = (fs: MemoryFileSystem) => measure(fs, [{ node: fs.root, name: '' }], nodeJob());

describe('measure', () => {
  it('counts files, directories, sizes, holes, and a node of several names once', async () => {
    const twin = file('twelve bytes');
    const fs = new MemoryFileSystem(dir({
      a: twin,
      sub: dir({ b: twin, sparse: file('', { size: 1_000_000, runs: [[0, 4096]] }), deep: dir({ link: symlink('/a') }) }),
    }));
    expect(await everything(fs)).toEqual({ files: 3, directories: 3, size: 1_000_012, allocated: 4108, data: 4108, unreadable: 0 });
    const sub = fs.lookup(fs.root, 'sub')!;
    // Asked for twice, and inside what was asked for.
    expect(await measure(fs, [{ node: sub, name: 'sub' }, { node: sub, name: 'sub' }, { node: fs.root, name: '' }], nodeJob())).toMatchObject({ files: 3, directories: 3, size: 1_000_012 });
  });

  it('counts what can’t be read, and ends on a directory that holds itself', async () => {
    const loop = dir();
    loop.entries!.push(['again', loop], ['file', file('x')]);
    const fs = new MemoryFileSystem(dir({ loop, torn: file('', { fault: corrupt('inode 5', 'the checksum does not match') }) }));
    expect(await everything(fs)).toMatchObject({ files: 1, directories: 2, size: 1, unreadable: 2 });
  });

  it('stops within 200 ms, and tells of the count so far', async () => {
    const fs = new MemoryFileSystem(dir(Array.from({ length: 40_000 }, (_, i) => [`d${i}`, dir({ f: file('x') })])));
    const signal = { aborted: false };
    const told: Measured[] = [];
    const done = measure(fs, [{ node: fs.root, name: '' }], nodeJob({ signal }), (now) => {
      told.push(now);
      signal.aborted ||= told.length === 3;
    });
    const begun = performance.now();
    await expect(done).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(performance.now() - begun).toBeLessThan(500);
    expect(told.map(({ directories }) => directories)).toEqual(told.map(({ directories }) => directories).toSorted((a, b) => a - b));
  });

  const scratch = scratchFolder();
  afterAll(() => scratch.remove());
  const why = missingTools('mke2fs', 'mount', 'unshare', 'du');

  it.skipIf(why !== undefined)(`agrees with du of the mounted image${why ? ` (${why})` : ''}`, async (context) => {
    const [source, image, folder] = [join(scratch.path, 'source'), join(scratch.path, 'image.ext4'), join(scratch.path, 'mounted')];
    mkdirSync(join(source, 'deep/er'), { recursive: true });
    mkdirSync(folder);
    for (let i = 0; i < 300; i++) writeFileSync(join(source, 'deep', `file ${i} with a name that makes the directory grow beyond its first block`), 'x'.repeat(i * 50));
    writeFileSync(join(source, 'deep/er/one'), 'y'.repeat(100_000));
    linkSync(join(source, 'deep/er/one'), join(source, 'two'));
    symlinkSync('x'.repeat(200), join(source, 'long link'));
    writeFileSync(join(source, 'sparse'), 'z');
    truncateSync(join(source, 'sparse'), 5_000_000);
    writeFileSync(image, '');
    truncateSync(image, 16 << 20);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', source, image]);
    let du: string;
    try {
      du = execFileSync('unshare', ['-m', 'sh', '-c', 'mount -o loop,ro "$1" "$2" && du -s -B1 "$2"', 'sh', image, folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      context.skip(`images can't be mounted here: ${(error as Error).message.split('\n')[1]}`);
    }
    const session = await openImage(image);
    const { filesystem } = session.select();
    const measured = await measure(filesystem, [{ node: filesystem.root, name: '' }], nodeJob());
    await session.close();
    expect(measured.allocated).toBe(Number(/^\d+/.exec(du!)?.[0]));
    expect(measured).toMatchObject({ files: 303, directories: 4, unreadable: 0 });
  });
});
