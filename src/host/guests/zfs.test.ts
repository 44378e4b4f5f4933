import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, hasTool, HERE, missing } from '../../engines/testing/recipes/build.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { openImage } from '../session.ts';
import { installed } from './installed.ts';
import { builtGuest } from './testing/built.ts';
import { copySparse } from './testing/hostile/images.ts';
import { filesOf, put } from './testing/prove.ts';

const ROOT_POOL = { name: 'zfs-root', why: 'a pool on a disk that Solaris starts from', kernel: true, fuse: true, script: 'truncate -s 64M "$IMG"; bash "$HERE/zfs.sh" root "$IMG"' };

const answer = await builtGuest('zfs');
const why = 'reason' in answer ? answer.reason : missing(ROOT_POOL) || (hasTool('zfs-fuse') ? '' : 'zfs-fuse not installed');
if (why !== '') console.warn(`skipped: a root pool in the ZFS guest: ${why}`);

describe.skipIf(why !== '')('a root pool in the ZFS guest', () => {
  const scratch = scratchFolder();
  let image: string;
  beforeAll(() => {
    image = join(scratch.path, 'image');
    copySparse(build(ROOT_POOL, 'foreign').image, image);
  });
  afterAll(() => scratch.remove());

  it('shows datasets that are mounted by hand; they are written to, and stay what they were', async () => {
    const opener = { guests: installed(), open: false };
    const session = await openImage(image, opener);
    try {
      await session.reopen('0', { format: 'guest:zfs' });
      expect(Object.keys(await filesOf(session)).toSorted()).toEqual(['/export/home/HOME.TXT', '/rpool/ROOT/first/SYSTEM.TXT', '/rpool/TOP.TXT']);
      await session.editing.unlock();
      await session.editing.operation({ text: 'Put NEW.TXT', layer: '0' }, () => put(session.select().filesystem, '/rpool/ROOT/first/NEW.TXT', 'new\n'));
      await session.editing.apply();
    } finally {
      await session.close({ discard: true });
    }
    const { stdout } = await promisify(execFile)('unshare', ['--mount', '--propagation', 'private', 'bash', join(HERE, 'zfs.sh'), 'judge', image, 'disk'], { timeout: 120_000 });
    const lines = stdout.split('\n');
    // Dataset, mountpoint, canmount: as they were made.
    expect(lines.filter((line) => line.startsWith('rpool\t') || line.startsWith('rpool/'))).toEqual([
      'rpool\t/run/tree/rpool\ton', 'rpool/ROOT\tlegacy\ton', 'rpool/ROOT/first\t/run/tree\tnoauto', 'rpool/export\t/run/tree/export\ton', 'rpool/export/home\t/run/tree/export/home\ton',
    ]);
    // Nothing was left where they were shown.
    expect(lines.filter((line) => line.startsWith('./'))).toEqual(['./export', './export/home', './export/home/HOME.TXT', './rpool', './rpool/TOP.TXT']);
    const again = await openImage(image, opener);
    try {
      await again.reopen('0', { format: 'guest:zfs' });
      expect((await filesOf(again))['/rpool/ROOT/first/NEW.TXT']).toMatchObject({ size: 4 });
    } finally {
      await again.close();
    }
  }, 600_000);
});
