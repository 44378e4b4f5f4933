import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Cursor, FileSystem, NodeId, Stat } from '../../../engines/core/filesystem.ts';
import { random } from '../../../engines/testing/fuzz/random.ts';
import { scratchFolder } from '../../../engines/testing/tools.ts';
import { libc } from '../../native/libc.ts';
import { HostTree } from './host-tree.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const source = join(scratch.path, 'source');

/** The program of the thread; each test says which. */
let reader = '';
vi.mock('../../built.ts', () => ({ findBuilt: () => ({ reader }) }));

const sound = join(scratch.path, 'out/reader.mjs');
const dying = join(scratch.path, 'dying.cjs');

beforeAll(async () => {
  await build({
    configFile: false, logLevel: 'error',
    build: { ssr: join(import.meta.dirname, 'reader.ts'), outDir: join(scratch.path, 'out'), rollupOptions: { output: { entryFileNames: 'reader.mjs' } } },
    ssr: { noExternal: true, external: ['koffi'] },
  });
  // koffi is found from where the program lies.
  symlinkSync(join(import.meta.dirname, '../../../../node_modules'), join(scratch.path, 'node_modules'));
  writeFileSync(dying, 'require(\'node:worker_threads\').parentPort.once(\'message\', () => process.exit(1));');
  const dice = random(7, 1);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => dice.below(256));
  // More than all pieces hold together, so that they must come back.
  for (let d = 0; d < 12; d++) {
    const folder = join(source, `d${d}`);
    mkdirSync(join(folder, 'deep/deeper'), { recursive: true });
    mkdirSync(join(folder, 'empty'));
    for (let f = 0; f < 20; f++) writeFileSync(join(folder, `f${f}`), bytes(dice.below(90_000)));
    writeFileSync(join(folder, 'deep/deeper/last'), `last of ${d}`);
    writeFileSync(join(folder, 'nothing'), '');
    symlinkSync(`../d${d}/f1`, join(folder, 'link'));
    linkSync(join(folder, 'f2'), join(folder, 'twice'));
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('bad\xff', 'latin1')]), 'a name that is no text');
    if (libc() !== undefined) execFileSync('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], "user.of", b"value"); os.setxattr(sys.argv[2], "user.of", b"folder")', join(folder, 'f3'), folder]);
  }
  writeFileSync(join(source, 'large'), bytes(700_000));
  writeFileSync(join(source, 'sparse'), 'begin');
  truncateSync(join(source, 'sparse'), 300_000);
  execFileSync('mkfifo', [join(source, 'fifo')]);
});

type Told = Map<string, unknown>;

/** Walks depth first, as a copy does. @param leaves whether an entry is passed over, with all below it */
async function walk(tree: HostTree, leaves: (path: string) => boolean = () => false): Promise<{ readonly told: Told; readonly held: number }> {
  const told: Told = new Map();
  let held = 0;
  const visit = async (node: NodeId, path: string): Promise<void> => {
    if (leaves(path)) return;
    const { node: first, atime: _read, ...stat } = await tree.stat(node);
    if (tree.held(node) !== undefined) held++;
    told.set(path, {
      ...stat, first: first === node ? 'itself' : 'another',
      ...(stat.type === 'symlink' ? { target: tree.readlink(node) } : {}),
      ...(stat.type === 'file' ? { contents: Buffer.from(await contents(tree, node, stat)).toString('base64') } : {}),
    });
    if (stat.type === 'dir') {
      let cursor: Cursor | undefined;
      do {
        const { entries, next } = await tree.list(node, cursor);
        for (const entry of entries) await visit(entry.node, `${path}/${entry.name}`);
        cursor = next;
      } while (cursor !== undefined);
    }
    // A folder's when all in it is done, as a copy sets them.
    told.set(`${path} attributes`, (tree.xattrs?.list(node) as string[] | undefined ?? []).map((name) => [name, Buffer.from(tree.xattrs!.get(node, name) as Uint8Array).toString()]));
  };
  for (const { node, name } of tree.entries) await visit(node, name);
  tree.close();
  return { told, held };
}

async function contents(tree: HostTree, node: NodeId, { size }: Pick<Stat, 'size'>): Promise<Uint8Array> {
  const held = tree.held(node);
  if (held !== undefined) return held;
  const bytes = new Uint8Array(size);
  for (const run of await (tree as FileSystem).extents?.map(node) ?? [{ logical: 0, length: size }]) tree.read(node, run.logical, bytes.subarray(run.logical, run.logical + run.length));
  return bytes;
}

describe('a tree of this computer that is read ahead', () => {
  it('tells what it tells without', async () => {
    reader = sound;
    const plain = await walk(new HostTree([source]));
    const ahead = await walk(new HostTree([source], { whole: true }));
    expect(ahead.told.size).toBeGreaterThan(600);
    expect(ahead.told).toEqual(plain.told);
    expect(plain.held).toBe(0);
    // All small ones with contents, but the second names of files.
    expect(ahead.held).toBeGreaterThan(12 * 20);
  });

  it('tells it also of what comes after something that was passed over', async () => {
    reader = sound;
    for (const seed of [1, 2, 3]) {
      const dice = random(seed, 3);
      const left = new Set([...(await walk(new HostTree([source]))).told.keys()].filter(() => dice.below(4) === 0));
      left.delete('source');
      const leaves = (path: string): boolean => left.has(path);
      const ahead = await walk(new HostTree([source], { whole: true }), leaves);
      expect(ahead.told).toEqual((await walk(new HostTree([source]), leaves)).told);
      expect(ahead.held).toBeGreaterThan(20);
    }
  });

  it('tells it in any order', async () => {
    reader = sound;
    const tree = new HostTree([source], { whole: true });
    const { entries } = await tree.list(tree.entries[0]!.node);
    const [first] = (await tree.list(entries.find(({ name }) => name === 'd5')!.node)).entries;
    const backwards = entries.toReversed();
    for (const { node, name } of [...backwards, ...backwards]) expect((await tree.stat(node)).type, name).toBe(name.startsWith('d') ? 'dir' : name === 'fifo' ? 'fifo' : 'file');
    expect((await tree.stat(first!.node)).size).toBeGreaterThanOrEqual(0);
    tree.close();
  });

  it('is read without the thread where it dies, and where there is none', async () => {
    const plain = await walk(new HostTree([source]));
    for (const program of [dying, join(scratch.path, 'nowhere.cjs')]) {
      reader = program;
      expect((await walk(new HostTree([source], { whole: true }))).told).toEqual(plain.told);
    }
  });

  it('says what is wrong with what goes away meanwhile', async () => {
    reader = sound;
    const gone = join(scratch.path, 'gone');
    mkdirSync(join(gone, 'sub'), { recursive: true });
    for (let i = 0; i < 40; i++) writeFileSync(join(gone, 'sub', `f${i}`), 'x');
    const tree = new HostTree([gone], { whole: true });
    const { entries } = await tree.list(tree.entries[0]!.node);
    rmSync(join(gone, 'sub'), { recursive: true });
    await expect((async () => tree.list(entries[0]!.node))()).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOENT' } });
    tree.close();
  });
});
