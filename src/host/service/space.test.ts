import { describe, expect, it } from 'vitest';
import { corrupt } from '../../engines/core/errors.ts';
import { dir, file, MemoryFileSystem, type MemoryNode } from '../../engines/testing/memory-filesystem.ts';
import type { SpaceNode, SpaceSnapshot } from '../../shared/contract/rows.ts';
import { nodeJob } from '../session.ts';
import { space } from './space.ts';

async function snapshots(root: MemoryNode, job = nodeJob()): Promise<SpaceSnapshot[]> {
  const fs = new MemoryFileSystem(root);
  const all: SpaceSnapshot[] = [];
  for await (const snapshot of space(fs, { node: fs.root, name: '' }, job)) all.push(snapshot);
  return all;
}

const sized = (bytes: number): MemoryNode => file('', { size: bytes, runs: [[0, bytes]] });
const brief = ({ name, size, children }: SpaceNode): unknown => (children === undefined ? [name, size] : [name, size, children.map(brief)]);

describe('the space below a folder', () => {
  it('is told as sums, the largest first, hard links once, holes as nothing', async () => {
    const twin = sized(500);
    const [last] = (await snapshots(dir({ small: sized(100), one: twin, sub: dir({ two: twin, big: sized(9000), deep: dir({ x: sized(50) }) }), hole: file('', { size: 1 << 30, runs: [] }) }))).slice(-1);
    expect(last!.done).toBe(true);
    expect(brief(last!.tree)).toEqual(['', 9650, [['sub', 9050, [['big', 9000], ['deep', 50, [['x', 50]]]]], ['one', 500], ['small', 100]]]);
    expect(last!.tree).toMatchObject({ files: 6, smaller: { count: 1, size: 0 } });
    expect(last).toMatchObject({ directories: 3, unreadable: 0, problems: [] });
  });

  it('stays small however much there is: sums hold what is left out', async () => {
    const many = Array.from({ length: 3000 }, (_, i): [string, MemoryNode] => [`d${i}`, dir(Array.from({ length: 5 }, (__, j) => [`f${j}`, sized(10 + ((i * 7 + j) % 90))]))]);
    const last = (await snapshots(dir([...many, ['huge', dir({ film: sized(40_000_000) })]]))).at(-1)!;
    let nodes = 0;
    const check = (node: SpaceNode): void => {
      nodes++;
      if (node.children === undefined) return;
      expect(node.children.reduce((sum, child) => sum + child.size, node.smaller!.size)).toBe(node.size);
      expect(node.children.map(({ size }) => size)).toEqual(node.children.map(({ size }) => size).toSorted((a, b) => b - a));
      node.children.forEach(check);
    };
    check(last.tree);
    expect(nodes).toBeLessThanOrEqual(1501);
    expect(last.tree.files).toBe(15_001);
    expect(last.tree.smaller!.count).toBe(3001 - last.tree.children!.length);
  });

  it('names what can’t be read, and goes on beside it', async () => {
    const last = (await snapshots(dir({ ok: sized(10), sub: dir({ torn: file('', { fault: corrupt('inode 5', 'the checksum does not match') }) }) }))).at(-1)!;
    expect(last).toMatchObject({ unreadable: 1, problems: [{ path: '/sub/torn', message: expect.stringContaining('inode 5') }] });
    const fs = new MemoryFileSystem(dir({ f: sized(10) }));
    await expect(space(fs, { node: fs.lookup(fs.root, 'f')!, name: 'f' }, nodeJob()).next()).rejects.toMatchObject({ fault: { errno: 'ENOTDIR' } });
  });

  it('tells before it knows all, and stops within 200 ms', async () => {
    const tree = dir(Array.from({ length: 60_000 }, (_, i) => [`d${i}`, dir({ f: sized(100) })]));
    const signal = { aborted: false };
    const fs = new MemoryFileSystem(tree);
    const stream = space(fs, { node: fs.root, name: '' }, nodeJob({ signal }));
    const first = await stream.next();
    expect(first.value).toMatchObject({ done: false });
    signal.aborted = true;
    const begun = performance.now();
    await expect((async () => { for await (const _ of stream) continue; })()).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(performance.now() - begun).toBeLessThan(200);
  });
});
