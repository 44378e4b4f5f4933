import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FileSystem, ListBatch, NodeId } from '../../core/filesystem.ts';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { testContext } from '../../testing/context.ts';
import { missingTools, run, scratchFolder } from '../../testing/tools.ts';
import { ext4 } from './index.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'e2fsck');
const noMount = noTools ?? missingTools('mount', 'unshare', 'python3') ?? (process.getuid?.() === 0 ? undefined : 'skipped: mounting needs root');

async function open(path: string | Uint8Array) {
  const context = testContext();
  const fs = await ext4.open(new MemoryDevice(typeof path === 'string' ? new Uint8Array(readFileSync(path)) : path), context);
  return { fs, notes: context.notes };
}

function all(fs: FileSystem, dir: NodeId): Map<string, NodeId> {
  const names = new Map<string, NodeId>();
  let batch: ListBatch = { entries: [], next: 0 };
  while (batch.next !== undefined) {
    batch = fs.list(dir, batch.next) as ListBatch;
    for (const { name, node } of batch.entries) names.set(name, node);
  }
  return names;
}

/** A directory "d" of symbolic links with these names, indexed by e2fsck. */
function indexed(file: string, mkfs: string[], settings: string[], names: readonly string[]): string {
  const path = join(scratch.path, file);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-N', String(names.length + 100), ...mkfs, path, '24M']);
  run('debugfs', ['-w', '-f', '-', path], [...settings, 'mkdir d', 'cd d', ...names.map((name) => `symlink "${name}" t`)].join('\n'));
  return path;
}

function reindex(path: string, settings: string[] = []): void {
  if (settings.length > 0) run('debugfs', ['-w', '-f', '-', path], settings.join('\n'));
  // 1: it has changed something, as it should.
  try { run('e2fsck', ['-fyD', path]); } catch (error) { if ((error as { status?: number }).status !== 1) throw error; }
}

const NAMES = Array.from({ length: 1500 }, (_, i) => `${['größe', 'файл', '名前', 'plain'][i % 4]!}-${'x'.repeat(i % 37)}${i}`);

describe.skipIf(noTools !== undefined)('hashed lookups in directories that e2fsck indexed', () => {
  it.each([
    ['legacy', 1], ['half_md4', 1], ['tea', 1], ['legacy', 2], ['half_md4', 2], ['tea', 2],
  ])('%s, s_flags %i', async (hash, flags) => {
    const path = indexed(`${hash}-${flags}.img`, ['-b', '1024'], [`ssv def_hash_version ${hash}`, `ssv flags ${flags}`], NAMES);
    reindex(path);
    const { fs, notes } = await open(path);
    const dir = fs.lookup(fs.root, 'd') as NodeId;
    const names = all(fs, dir);
    expect([...names.keys()].toSorted()).toEqual(NAMES.toSorted());
    for (const [name, node] of names) expect(fs.lookup(dir, name)).toBe(node);
    expect(fs.lookup(dir, 'plain-none')).toBeUndefined();
    expect(fs.lookup(dir, '..')).toBe(fs.root);
    // A hash that was wrong would find nothing, a broken index would leave a note.
    expect(notes).toEqual([]);
  });

  it('finds folded names, and hashes them as e2fsck does', async () => {
    const wanted = ['Straße', 'ÅNGSTRÖM', 'Ελλάδας', 'Файл', 'ŉame', 'İstanbul', 'ﬀligature', 'Ꭰcherokee'];
    const path = indexed('casefold.img', ['-b', '1024', '-O', 'casefold', '-E', 'encoding=utf8'], [], [...wanted, ...NAMES]);
    reindex(path, ['sif d flags 0x40080000']);
    const { fs, notes } = await open(path);
    const dir = fs.lookup(fs.root, 'd') as NodeId;
    const names = all(fs, dir);
    for (const [asked, name] of [['STRASSE', 'Straße'], ['ångström', 'ÅNGSTRÖM'], ['ελλάδασ', 'Ελλάδας'], ['ФАЙЛ', 'Файл'], ['ʼNAME', 'ŉame'], ['i̇STANBUL', 'İstanbul'], ['FFligature', 'ﬀligature'], ['ꭰCHEROKEE', 'Ꭰcherokee']] as const) {
      expect(fs.lookup(dir, asked), asked).toBe(names.get(name));
      expect(names.get(name)).toBeDefined();
    }
    for (const name of NAMES) expect(fs.lookup(dir, name.toUpperCase())).toBe(names.get(name));
    expect(fs.lookup(dir, 'strase')).toBeUndefined();
    expect(notes).toEqual([]);
  });

  it('reads the whole directory where the index is damaged, and says so', async () => {
    const path = indexed('damaged.img', ['-b', '1024', '-O', '^metadata_csum'], [], NAMES);
    reindex(path);
    const bytes = new Uint8Array(readFileSync(path));
    const root = Number(run('debugfs', ['-R', 'bmap /d 0', path]).trim()) * 1024;
    for (const damage of [(at: number) => { bytes[at + 28] = 9; }, (at: number) => { bytes[at + 30] = 5; }, (at: number) => { bytes[at + 34] = 0; bytes[at + 35] = 0; }]) {
      const before = bytes.slice(root, root + 1024);
      damage(root);
      const { fs, notes } = await open(bytes);
      const dir = fs.lookup(fs.root, 'd') as NodeId;
      expect(fs.lookup(dir, NAMES[77]!)).toBeDefined();
      expect(notes[0]).toMatchObject({ severity: 'warning', place: { structure: `directory block 0 of inode ${dir}`, at: root } });
      bytes.set(before, root);
    }
  });
});

/** Runs Python on a fresh filesystem, mounted at its argument; then, mounted again without `options`, lists the folder d. */
function byKernel(file: string, mkfs: string, options: string, size: string, script: string): { path: string; listing: Record<string, number> } {
  const python = join(scratch.path, `${file}.py`);
  writeFileSync(python, script);
  const shell = `
    set -e
    mkdir -p "$1.mnt"; truncate -s ${size} "$1"; mke2fs -q -F -t ext4 ${mkfs} "$1"
    mount -o "loop${options}" "$1" "$1.mnt"; python3 "$1.py" "$1.mnt" || { umount "$1.mnt"; exit 1; }; umount "$1.mnt"
    mount -o loop,ro "$1" "$1.mnt"
    python3 -c 'import os, sys, json; print(json.dumps({e.name: e.inode() for e in os.scandir(sys.argv[1] + "/d")}))' "$1.mnt" > "$1.json"
    umount "$1.mnt"
  `;
  const path = join(scratch.path, file);
  execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', shell, 'bash', path], {
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }, stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { path, listing: JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Record<string, number> };
}

describe.skipIf(noMount !== undefined)('directories of the kernel', () => {
  it('finds every name in an index of three levels', { timeout: 60_000 }, async () => {
    const { path, listing } = byKernel('large.img', '-b 1024 -O large_dir -N 100', ',data=writeback', '96M', `
import os, sys
d = sys.argv[1] + '/d'
os.mkdir(d)
first = [f'{d}/target{i}' for i in range(2)]
for f in first: open(f, 'w').close()
for i in range(56000): os.link(first[i % 2], f'{d}/{i:06}' + 'n' * 240)
`);
    const { fs, notes } = await open(path);
    const dir = fs.lookup(fs.root, 'd') as NodeId;
    const root = Number(run('debugfs', ['-R', 'bmap /d 0', path]).trim()) * 1024;
    expect(readFileSync(path)[root + 30], 'indirect levels').toBe(2);
    const names = all(fs, dir);
    expect(names).toEqual(new Map(Object.entries(listing)));
    for (const [name, node] of names) if (fs.lookup(dir, name) !== node) expect.fail(name);
    expect(fs.lookup(dir, 'nothing')).toBeUndefined();
    expect(notes).toEqual([]);
  });

  it.each([['short', 40], ['indexed', 700]])('spells the names of a locked directory as the kernel does: %s', async (kind, count) => {
    const { path, listing } = byKernel(`encrypted-${kind}.img`, '-b 1024 -O encrypt', ',test_dummy_encryption=v2', '32M', `
import os, sys
d = sys.argv[1] + '/d'
os.mkdir(d)
for i in range(${count}): open(f'{d}/{i}' + 'n' * (i * 7 % 250), 'w').close()
`);
    const { fs, notes } = await open(path);
    const dir = fs.lookup(fs.root, 'd') as NodeId;
    expect(fs.stat(dir)).toMatchObject({ flags: expect.arrayContaining(['encrypted']) });
    const names = all(fs, dir);
    expect(names.size).toBe(count);
    expect(names).toEqual(new Map(Object.entries(listing)));
    for (const [name, node] of names) expect(fs.lookup(dir, name)).toBe(node);
    expect(fs.lookup(dir, '0')).toBeUndefined();
    expect(notes).toEqual([]);
  });
});
