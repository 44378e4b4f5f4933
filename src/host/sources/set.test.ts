import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { openImage } from '../session.ts';
import { parseSetPath, setPath } from './set-path.ts';
import { groupSets } from './set.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const at = (name: string): string => join(scratch.path, name);

/** An image with some bytes in it. */
function made(name: string, pieces: readonly (readonly [at: number, bytes: string])[], size = 256 * 1024): string {
  const bytes = Buffer.alloc(size);
  for (const [place, hex] of pieces) bytes.write(hex, place, 'hex');
  writeFileSync(at(name), bytes);
  return at(name);
}

const BTRFS = [0x1_0040, Buffer.from('_BHRfS_M').toString('hex')] as const;
const devices = (count: number) => [0x1_0088, `0${count}00000000000000`] as const;
const uuid = (byte: string) => [0x1_0020, byte.repeat(16)] as const;

describe('images that were named together', () => {
  it('are a set where their first bytes say that they belong to one', () => {
    const members = [made('a', [[0x1000, 'fc4e2ba9']]), made('b', [[0x218, Buffer.from('LVM2 001').toString('hex')]])];
    const spread = [made('c', [BTRFS, devices(2), uuid('11')]), made('d', [BTRFS, devices(2), uuid('11')])];
    const alone = [made('e', [BTRFS, devices(1), uuid('22')]), made('f', [BTRFS, devices(2), uuid('33')]), made('g', []), at('missing')];
    expect(groupSets([alone[0]!, members[0]!, spread[0]!, alone[1]!, spread[1]!, alone[2]!, members[1]!, alone[3]!])).toEqual([alone[0], setPath(members), setPath(spread), alone[1], alone[2], alone[3]]);
    expect(groupSets([members[0]!])).toEqual([members[0]]);
  });

  it('are one path, which is told from all others', () => {
    expect(parseSetPath(setPath(['/a "b"', '/c']))).toEqual(['/a "b"', '/c']);
    for (const path of ['/set:["a","b"]', 'set:["a"]', 'set:[1,2]', 'set:["a"', 'set:a']) expect(parseSetPath(path), path).toBeUndefined();
  });

  it('are refused when one is named twice, or is not there', async () => {
    const [one, two] = [made('one', []), made('two', [])];
    await expect(openImage(one, { also: [two, one] })).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EINVAL' } });
    await expect(openImage(setPath([one, at('missing')]))).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOENT' } });
  });
});

const why = missingTools('mkfs.ext4', 'e2fsck');

describe.skipIf(why !== undefined)('a set of images that engines of ours open', () => {
  it('shows each as a volume, and brings changes of several to all of them at once', async () => {
    const paths = ['x.img', 'y.img'].map((name) => {
      writeFileSync(at(name), '');
      run('truncate', ['-s', '4M', at(name)]);
      run('mkfs.ext4', ['-q', '-L', name[0]!, at(name)]);
      return at(name);
    });
    const session = await openImage(setPath(paths), { guests: 'none' });
    expect([session.name, session.files]).toEqual(['x.img and 1 more', paths]);
    expect(session.layers.children.map(({ label, size }) => [label, size])).toEqual([['x.img', 4 << 20], ['y.img', 4 << 20]]);
    await session.editing.unlock();
    for (const label of ['x', 'y']) {
      const { path } = session.select(label);
      await session.editing.operation({ text: label, layer: path }, async () => {
        const { filesystem: { root, writer } } = session.select(label);
        await writer!.mkdir(root, `made in ${label}`, { mode: 0o755 });
      });
    }
    expect((await session.editing.review()).layers.map(({ path }) => path)).toEqual(['0/1/0', '0/2/0']);
    await expect(session.editing.saveAs(at('one.img'))).rejects.toMatchObject({ fault: { kind: 'unsupported' } });
    await session.editing.apply();
    await session.close();
    for (const path of paths) run('e2fsck', ['-fn', path]);
    const again = await openImage(paths[1]!, { guests: 'none' });
    const { filesystem } = again.select();
    expect(await filesystem.lookup(filesystem.root, 'made in y')).toBeDefined();
    await again.close();
  });
});
