import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { FileSystem, NodeId, Section } from '../../core/filesystem.ts';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { testContext } from '../../testing/context.ts';
import { FileDevice } from '../../testing/file-device.ts';
import { build, missing } from '../../testing/recipes/build.ts';
import { recipes } from '../../testing/recipes/ext4.ts';
import { missingTools, run, scratchFolder } from '../../testing/tools.ts';
import { listAll } from '../../testing/walk.ts';
import { ext4 } from './index.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs');

const open = async (path: string): Promise<FileSystem> => ext4.open(new FileDevice(path), testContext());
const sections = async (fs: FileSystem, node: NodeId): Promise<readonly Section[]> => (await fs.describe!(node)) ?? [];
const fact = (found: readonly Section[], title: string, label: string): string | undefined => found.find((section) => section.title === title)?.facts.find(([each]) => each === label)?.[1];

/** Nodes below a directory, at most `most` of them. */
async function nodesOf(fs: FileSystem, most: number): Promise<NodeId[]> {
  const nodes = [fs.root];
  for (let i = 0; i < nodes.length && nodes.length < most; i++) {
    if ((await fs.stat(nodes[i]!)).type !== 'dir') continue;
    nodes.push(...(await listAll(fs, nodes[i]!)).map(({ node }) => node).filter((node) => !nodes.includes(node)));
  }
  return nodes.slice(0, most);
}

/** What `debugfs stat` says of inodes, one text each. */
function debugfs(image: string, nodes: readonly NodeId[]): string[] {
  const told = run('debugfs', ['-f', '-', image], nodes.map((node) => `stat <${node}>`).join('\n'));
  return told.split(/^debugfs: stat <\d+>$/m).slice(1);
}

describe('what ext4 knows of an inode', () => {
  for (const name of ['rev0', 'ext3', 'ext4', 'indirect-1k', 'extents-deep', 'inline-data', 'xattr', 'quota-project', 'casefold', 'encrypt', 'block-64k']) {
    const recipe = recipes.find((each) => each.name === name)!;
    const why = noTools ?? missing(recipe);
    it.skipIf(why !== '')(`is what debugfs says: ${name}${why === '' ? '' : ` (${why})`}`, async () => {
      const { image } = build(recipe);
      const fs = await open(image);
      const nodes = await nodesOf(fs, 60);
      expect(nodes.length).toBeGreaterThan(1);
      const told = debugfs(image, nodes);
      for (const [i, node] of nodes.entries()) {
        const found = await sections(fs, node);
        const said = told[i]!;
        const word = (pattern: RegExp): string | undefined => pattern.exec(said)?.[1];
        const about = `inode ${node}`;
        expect(fact(found, 'Inode', 'Generation'), about).toBe(word(/Generation: (\d+)/));
        const [high, low] = (word(/Version: 0x([\da-f]+:[\da-f]+|[\da-f]+)/) ?? '0').split(':').map((part) => BigInt(`0x${part}`));
        expect(fact(found, 'Inode', 'Version'), about).toBe(`${low === undefined ? high : (high! << 32n) + low}`);
        const flags = word(/Flags: (0x[\da-f]+)/)!;
        expect(fact(found, 'Flags', 'i_flags') ?? '0x0', about).toBe(flags);
        const checksum = word(/Inode checksum: (0x[\da-f]+)/);
        if (checksum !== undefined) expect(fact(found, 'Inode', 'Checksum'), about).toBe(`0x${BigInt(checksum).toString(16)}, matches`);
        else expect(fact(found, 'Inode', 'Checksum'), about).toContain('none');
        const extra = word(/Size of extra inode fields: (\d+)/);
        if (extra !== undefined) expect(fact(found, 'Inode', 'Size of the inode'), about).toContain(`with ${extra} bytes`);
        const project = word(/Project: +(\d+)/);
        if (fact(found, 'Inode', 'Project') !== undefined) expect(fact(found, 'Inode', 'Project'), about).toBe(project);
        const attributes = word(/File ACL: (\d+)/);
        expect(fact(found, 'Inode', 'Attribute block') ?? 'block 0', about).toBe(`block ${attributes}`);
        // A tree of extents has blocks of its own exactly where debugfs lists them.
        const kind = fact(found, 'Block map', 'Kind');
        if (kind?.includes('extents') === true) expect(kind.startsWith('a tree'), about).toBe(/\(ETB\d\)/.test(said));
        // Trees below the double and triple blocks list indirect blocks of their own.
        for (const [label, pattern, end] of [['Indirect block', /\(IND\):(\d+)/, '(DIND)'], ['Double indirect block', /\(DIND\):(\d+)/, '(TIND)']] as const) {
          if (kind?.startsWith('block numbers') === true) expect(fact(found, 'Block map', label), about).toBe(pattern.exec(said.split(end)[0]!)?.[1]);
        }
        for (const section of found) for (const each of section.facts) expect(each.join(''), about).not.toMatch(/undefined|NaN/);
      }
      await fs.close();
    }, 60_000);
  }

  const deep = recipes.find(({ name }) => name === 'htree-20000')!;
  it.skipIf(noTools !== undefined || missing(deep) !== '')('tells of a directory\'s index what htree_dump tells', async () => {
    const { image } = build(deep);
    const fs = await open(image);
    let indexed = 0;
    for (const node of await nodesOf(fs, 20)) {
      const found = await sections(fs, node);
      if (fact(found, 'Directory', 'Hash') === undefined) continue;
      indexed++;
      const dump = run('debugfs', ['-R', `htree_dump <${node}>`, image]);
      const levels = Number(/Indirect levels: (\d+)/.exec(dump)![1]) + 1;
      expect(fact(found, 'Directory', 'Kind')).toBe(`a hash index of ${levels} level${levels === 1 ? '' : 's'}`);
      const [, count, limit] = /Number of entries \(count\): (\d+)\s+Number of entries \(limit\): (\d+)/.exec(dump)!;
      expect(fact(found, 'Directory', 'Entries in the root')).toBe(`${count} of ${limit}`);
    }
    expect(indexed).toBeGreaterThan(0);
    await fs.close();
  });

  it.skipIf(noTools !== undefined)('says in words what is damaged, and goes on', async () => {
    const path = `${scratch.path}/damaged.ext4`;
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', 'metadata_csum', path, '8M']);
    run('debugfs', ['-w', '-R', 'mkdir d', path]);
    const bytes = new Uint8Array(readFileSync(path));
    const told = run('debugfs', ['-R', 'imap /d', path]);
    const [, block, offset] = /located at block (\d+), offset (0x[\da-f]+)/.exec(told)!;
    const size = Number(/Block size:\s+(\d+)/.exec(run('dumpe2fs', ['-h', path]))![1]);
    const at = Number(block) * size + Number(offset);
    // The magic of the extents' root, at i_block.
    bytes[at + 0x28] = 0;
    const fs = await ext4.open(new MemoryDevice(bytes), testContext());
    const found = await sections(fs, (await fs.lookup(fs.root, 'd'))!);
    expect(fact(found, 'Inode', 'Place')).toContain(`byte ${at},`);
    expect(fact(found, 'Inode', 'Checksum')).toMatch(/^0x[\da-f]+, should be 0x[\da-f]+$/);
    expect(fact(found, 'Block map', 'Damaged')).toContain('0xf30a');
    expect(fact(found, 'Directory', 'Damaged') ?? fact(found, 'Directory', 'Kind')).toBeDefined();
  });

  const locked = recipes.find(({ name }) => name === 'encrypt')!;
  it.skipIf(noTools !== undefined || missing(locked) !== '')('names the policy of what is encrypted', async () => {
    const fs = await open(build(locked).image);
    const policies: (string | undefined)[] = [];
    for (const node of await nodesOf(fs, 60)) {
      if ((await fs.stat(node)).flags.includes('encrypted')) policies.push(fact(await sections(fs, node), 'Encryption', 'Policy'));
    }
    expect(policies.length).toBeGreaterThan(0);
    for (const policy of policies) expect(policy).toMatch(/^fscrypt version [12]$/);
    await fs.close();
  });
});
