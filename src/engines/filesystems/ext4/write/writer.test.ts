import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDiskError } from '../../../core/errors.ts';
import type { FileSystem, NodeId } from '../../../core/filesystem.ts';
import type { Writer } from '../../../core/writer.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../../testing/model/images.ts';
import { skip } from '../../../testing/oracle/check.ts';
import { missing as missingFor } from '../../../testing/recipes/build.ts';
import { recipes } from '../../../testing/recipes/ext4.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { HASH_LEGACY, NameHasher } from '../hash.ts';

const missing = missingTools('mke2fs', 'e2fsck', 'debugfs', 'tune2fs');
const NODE = { mode: 0o644 } as const;
type Tree = FileSystem & { readonly writer: Writer };

let scratch: ReturnType<typeof scratchFolder>;
beforeAll(() => { scratch = scratchFolder(); });
afterAll(() => { scratch.remove(); });

/** A filesystem as mke2fs makes it with these options, maybe changed by debugfs, open for writing. */
async function make(size: string, options: string, debugfs: readonly string[] = [], tune: readonly string[] = []): Promise<{ fs: Tree; bytes: Uint8Array; check(): Promise<string> }> {
  const image = join(scratch.path, 'image');
  let bytes = freshImage({ name: 'test', size, options: options.split(' '), ...(tune.length > 0 ? { tune } : {}) }, image);
  if (debugfs.length > 0) bytes = changed(bytes, debugfs);
  const fs = await openBytes(bytes, new TestAccess(1, 'staged')) as Tree;
  return { fs, bytes, check: async () => { await fs.close(); return checked(bytes); } };
}

function changed(bytes: Uint8Array, requests: readonly string[]): Uint8Array {
  const image = join(scratch.path, 'changed');
  writeFileSync(image, bytes);
  run('debugfs', ['-w', '-f', '-', image], requests.join('\n'));
  const out = new Uint8Array(readFileSync(image));
  rmSync(image);
  return out;
}

function checked(bytes: Uint8Array): string {
  const image = join(scratch.path, 'checked');
  writeFileSync(image, bytes);
  try {
    return fsck(image);
  } finally {
    rmSync(image);
  }
}

/** The errno, or the feature that is refused. */
function failure(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return error.fault.kind === 'usage' ? error.fault.errno : error.fault.kind === 'unsupported' ? error.fault.feature : error.fault.kind;
  }
  return undefined;
}

describe.skipIf(missing !== undefined)('the writer of ext2/3/4', () => {
  it('keeps its hands off immutable and append-only nodes', async () => {
    const { fs, check } = await make('8M', '-t ext4');
    const { writer } = fs;
    const dir = writer.mkdir(fs.root, 'dir', NODE) as NodeId;
    const file = writer.create(dir, 'file', NODE) as NodeId;
    const add = (node: NodeId, flag: string): void => { void writer.change(node, { flags: [...(fs.stat(node) as { flags: readonly string[] }).flags, flag] }); };
    const take = (node: NodeId, flag: string): void => { void writer.change(node, { flags: (fs.stat(node) as { flags: readonly string[] }).flags.filter((each) => each !== flag) }); };
    add(file, 'immutable');
    for (const call of [
      () => writer.write(file, 0, Uint8Array.of(1)), () => writer.truncate(file, 0), () => writer.unlink(dir, 'file'), () => writer.link(fs.root, 'x', file),
      () => writer.rename(dir, 'file', fs.root, 'x', 'replace'), () => writer.change(file, { mode: 0 }), () => writer.setXattr(file, 'user.a', new Uint8Array(1)), () => writer.allocate!(file, 0, 1, 'punch'),
    ]) expect(failure(call)).toBe('EPERM');
    take(file, 'immutable');
    add(file, 'append');
    expect(failure(() => writer.truncate(file, 0))).toBe('EPERM');
    await writer.write(file, 0, new Uint8Array(10));
    expect(failure(() => writer.write(file, 5, new Uint8Array(10)))).toBe('EPERM');
    await writer.write(file, 10, new Uint8Array(10));
    expect(failure(() => writer.unlink(dir, 'file'))).toBe('EPERM');
    // The flag goes and the mode changes in one.
    await writer.change(file, { mode: 0o600, flags: ((await fs.stat(file)).flags).filter((flag) => flag !== 'append') });
    add(dir, 'append');
    await writer.create(dir, 'more', NODE);
    expect(failure(() => writer.unlink(dir, 'more'))).toBe('EPERM');
    expect(failure(() => writer.rename(dir, 'more', fs.root, 'more', 'replace'))).toBe('EPERM');
    add(dir, 'immutable');
    expect(failure(() => writer.create(dir, 'even more', NODE))).toBe('EPERM');
    for (const [flags, errno] of [[['extents', 'compress'], 'ENOTSUP'], [['nonsense'], 'EINVAL'], [[], 'ENOTSUP'], [['extents', 'dirsync'], 'ENOTSUP']] as const) expect(failure(() => writer.change(file, { flags })), flags.join()).toBe(errno);
    expect(await check()).toBe('');
  });

  it('hands flags and projects down, and no node goes from one project to another', async () => {
    const { fs, bytes } = await make('8M', '-t ext4 -O project,quota');
    const { writer } = fs;
    const dir = await writer.mkdir(fs.root, 'dir', NODE);
    await writer.change(dir, { flags: [...(await fs.stat(dir)).flags, 'nodump', 'noatime', 'dirsync', 'project'] });
    const file = await writer.create(dir, 'file', NODE);
    expect((await fs.stat(file)).flags).toEqual(expect.arrayContaining(['nodump', 'noatime']));
    expect((await fs.stat(file)).flags).not.toContain('dirsync');
    expect((await fs.stat(await writer.mkdir(dir, 'inner', NODE))).flags).toEqual(expect.arrayContaining(['dirsync', 'project']));
    await fs.close();
    // The folder gets a project of its own, which the writer can't give: debugfs does.
    const changedBytes = changed(bytes, ['sif dir projid 7', 'sif dir/inner projid 7', 'sif dir/file projid 7']);
    const other = await openBytes(changedBytes, new TestAccess(1, 'staged')) as Tree;
    const outside = await other.writer.create(other.root, 'outside', NODE);
    const inside = (await other.lookup(other.root, 'dir'))!;
    expect(failure(() => other.writer.link(inside, 'x', outside))).toBe('EXDEV');
    expect(failure(() => other.writer.rename(other.root, 'outside', inside, 'x', 'replace'))).toBe('EXDEV');
    const made = await other.writer.create(inside, 'made', NODE);
    await other.writer.rename(inside, 'made', (await other.lookup(inside, 'inner'))!, 'moved', 'replace');
    expect(made).toBeGreaterThan(0);
    await other.close();
  });

  it('refuses names in folders that are encrypted or ignore case, and says why', async (context) => {
    for (const [name, feature] of [['encrypt', 'encrypt'], ['casefold', 'casefold']] as const) {
      const recipe = recipes.find((each) => each.name === name)!;
      const reason = missingFor(recipe);
      if (reason !== '') skip(context, reason);
      const fs = await openBytes(freshImage({ name, recipe: name, size: '', options: [] }, ''), new TestAccess(1, 'staged')) as Tree;
      const dir = await folderWith(fs, fs.root, feature === 'encrypt' ? 'encrypted' : feature);
      expect(dir).toBeDefined();
      expect(failure(() => fs.writer.create(dir!, 'x', NODE))).toBe(feature);
      expect(failure(() => fs.writer.unlink(dir!, 'x'))).toBe(feature);
      expect(failure(() => fs.writer.rename(dir!, 'x', fs.root, 'y', 'replace'))).toBe(feature);
      // What is no name can change.
      expect(failure(() => fs.writer.change(dir!, { mode: 0o700 }))).toBeUndefined();
      await fs.close();
    }
  });

  it('splits leaves and blocks of the index, until it is as full as it can be', { timeout: 120_000 }, async () => {
    for (const [features, least, full] of [['', 15_000, true], [',large_dir', 21_000, false]] as const) {
      const { fs, bytes, check } = await make('64M', `-t ext4 -b 1024 -N 64 -O ^has_journal${features}`);
      const { writer } = fs;
      const dir = await writer.mkdir(fs.root, 'dir', NODE);
      const file = await writer.create(fs.root, 'file', NODE);
      let count = 0;
      let ended: string | undefined;
      while (count < 21_000 && (ended = failure(() => writer.link(dir, longName(count), file))) === undefined) count++;
      expect(count).toBeGreaterThanOrEqual(least);
      expect(ended).toBe(full ? 'ENOSPC' : undefined);
      for (let i = 0; i < count; i += 97) expect(await fs.lookup(dir, longName(i))).toBe(file);
      for (let i = 0; i < count; i += 3) await writer.unlink(dir, longName(i));
      for (let i = 0; i < count; i += 101) expect(await fs.lookup(dir, longName(i))).toBe(i % 3 === 0 ? undefined : file);
      expect((await fs.stat(file)).nlink).toBe(1 + count - Math.ceil(count / 3));
      expect(await check()).toBe('');
      const again = await openBytes(bytes);
      for (let i = 0; i < count; i += 103) expect(await again.lookup((await again.lookup(again.root, 'dir'))!, longName(i))).toBe(i % 3 === 0 ? undefined : file);
    }
  });

  it('finds names whose hashes are equal, also where a split came between them', async () => {
    // The oldest hash is weak enough to find such names; with the longest names three fill a leaf.
    const { fs, bytes, check } = await make('64M', '-t ext4 -b 1024 -N 64 -O ^has_journal', [], ['-E', 'hash_alg=legacy']);
    const { writer } = fs;
    const pairs = equalHashes(bytes, 24);
    const dir = await writer.mkdir(fs.root, 'dir', NODE);
    const file = await writer.create(fs.root, 'file', NODE);
    const all = pairs.flat();
    for (let i = 0; i < 400; i++) await writer.link(dir, `filler ${i}`.padEnd(200, '.'), file);
    for (const each of all) await writer.link(dir, each, file);
    for (let i = 400; i < 800; i++) await writer.link(dir, `filler ${i}`.padEnd(200, '.'), file);
    expect(continuations(bytes, fs, dir)).toBeGreaterThan(0);
    for (const each of all) expect(await fs.lookup(dir, each)).toBe(file);
    for (const each of all) expect(failure(() => writer.link(dir, each, file))).toBe('EEXIST');
    for (const [one] of pairs) await writer.unlink(dir, one);
    for (const [one, other] of pairs) expect([await fs.lookup(dir, one), await fs.lookup(dir, other)]).toEqual([undefined, file]);
    expect(await check()).toBe('');
  });

  it('frees large files in steps, at once or when they are released', async () => {
    for (const options of ['-t ext4 -b 4096', '-t ext2 -b 1024']) {
      const { fs, check } = await make('256M', options);
      const { writer } = fs;
      await writer.create(fs.root, 'first', NODE);
      await writer.sync();
      const before = [fs.info.free, fs.info.inodes!.free];
      const piece = new Uint8Array(8 << 20).fill(0x55);
      const fill = async (name: string): Promise<NodeId> => {
        const file = await writer.create(fs.root, name, NODE);
        for (let i = 0; i < 11; i++) await writer.write(file, i * piece.length, piece);
        return file;
      };
      await fill('one');
      const two = await fill('two');
      await writer.hold(two);
      await writer.unlink(fs.root, 'one');
      await writer.unlink(fs.root, 'two');
      expect((await fs.stat(two)).allocated).toBeGreaterThan(64 << 20);
      await writer.release(two);
      await fill('three');
      await writer.create(fs.root, 'four', NODE);
      await writer.rename(fs.root, 'four', fs.root, 'three', 'replace');
      await writer.unlink(fs.root, 'three');
      await writer.sync();
      expect([fs.info.free, fs.info.inodes!.free]).toEqual(before);
      expect(await check()).toBe('');
    }
  });

  it('says how its hashes take bytes, where nobody has said it yet', async () => {
    const { fs, bytes, check } = await make('8M', '-t ext4 -b 1024', ['ssv flags 0']);
    expect(new DataView(bytes.buffer, bytes.byteOffset + 1024).getUint32(0x160, true)).toBe(0);
    for (let i = 0; i < 100; i++) await fs.writer.create(fs.root, `ä ${i}`, NODE);
    expect(await check()).toBe('');
    expect(new DataView(bytes.buffer, bytes.byteOffset + 1024).getUint32(0x160, true)).toBe(1);
  });

  it('counts up to 65,000 folders in one, and beyond where the feature allows it', async () => {
    for (const [features, expected] of [['', undefined], [',^dir_nlink', 'EMLINK']] as const) {
      // Making so many takes long: the count alone is set.
      const { fs } = await make('8M', `-t ext4 -b 1024 -O ^metadata_csum,^has_journal${features}`, ['mkdir dir', 'sif dir links_count 64999']);
      const dir = (await fs.lookup(fs.root, 'dir'))!;
      for (let i = 0; i < 80; i++) await fs.writer.create(dir, `makes it hashed ${i}`, NODE);
      expect(failure(() => fs.writer.mkdir(dir, 'one', NODE))).toBeUndefined();
      expect((await fs.stat(dir)).nlink).toBe(65_000);
      expect(failure(() => fs.writer.mkdir(dir, 'two', NODE))).toBe(expected);
      expect((await fs.stat(dir)).nlink).toBe(expected === undefined ? 1 : 65_000);
      await fs.writer.rmdir(dir, 'one');
      expect((await fs.stat(dir)).nlink).toBe(expected === undefined ? 1 : 64_999);
      const file = (await fs.lookup(dir, 'makes it hashed 0'))!;
      await fs.close();
      expect(file).toBeDefined();
    }
  });

  it('lets equal attributes share a block, and copies it for whoever changes', async () => {
    const { fs, check } = await make('8M', '-t ext4 -b 1024 -I 128');
    const { writer } = fs;
    const value = new Uint8Array(500).fill(0x61);
    const free = (): number => fs.info.free / 1024;
    const files = Array.from({ length: 20 }, (_, i) => writer.create(fs.root, `file ${i}`, NODE) as NodeId);
    const before = free();
    for (const file of files) await writer.setXattr(file, 'user.same', value);
    expect(before - free()).toBe(1);
    await writer.setXattr(files[0]!, 'user.other', Uint8Array.of(1));
    expect(before - free()).toBe(2);
    expect(await fs.xattrs!.list(files[1]!)).toEqual(['user.same']);
    await writer.removeXattr(files[0]!, 'user.other');
    await writer.removeXattr(files[1]!, 'user.same');
    for (let i = 2; i < 10; i++) await writer.unlink(fs.root, `file ${i}`);
    for (const file of files.slice(10)) expect(await fs.xattrs!.get(file, 'user.same')).toEqual(value);
    await writer.sync();
    expect(await check()).toBe('');
  });

  it('puts large values into inodes of their own, and gives them back', async () => {
    const { fs, check } = await make('8M', '-t ext4 -b 1024 -O ea_inode,quota,inline_data');
    const { writer } = fs;
    // The quota files grow for each new owner.
    for (const uid of [1000, 2000]) await writer.create(fs.root, `of ${uid}`, { mode: 0o644, uid });
    await writer.sync();
    const before = [fs.info.free, fs.info.inodes!.free];
    const file = await writer.create(fs.root, 'file', { mode: 0o644, uid: 1000 });
    for (const length of [2000, 65_536, 1024, 900, 5000]) await writer.setXattr(file, `user.v${length}`, valueOf(length));
    for (const length of [2000, 65_536, 1024, 900, 5000]) expect(await fs.xattrs!.get(file, `user.v${length}`)).toEqual(valueOf(length));
    expect(failure(() => writer.setXattr(file, 'user.more', valueOf(65_537)))).toBe('ERANGE');
    await writer.change(file, { uid: 2000 });
    await writer.setXattr(file, 'user.v2000', valueOf(3));
    await writer.setXattr(file, 'user.v5000', valueOf(7000));
    await writer.removeXattr(file, 'user.v65536');
    const link = await writer.symlink(fs.root, 'link', 'short', { mode: 0o777 });
    await writer.setXattr(link, 'trusted.large', valueOf(4000));
    expect(await fs.readlink(link)).toBe('short');
    await writer.unlink(fs.root, 'link');
    await writer.unlink(fs.root, 'file');
    await writer.sync();
    expect([fs.info.free, fs.info.inodes!.free]).toEqual(before);
    expect(await check()).toBe('');
  });

  it('takes only the attributes that ext4 has, on what may have them', async () => {
    const { fs, check } = await make('8M', '-t ext4');
    const { writer } = fs;
    const file = await writer.create(fs.root, 'file', NODE);
    const link = await writer.symlink(fs.root, 'link', 'x', NODE);
    const one = new Uint8Array(1);
    for (const [node, name, errno] of [
      [file, 'other.a', 'ENOTSUP'], [file, 'system.data', 'ENOTSUP'], [file, 'user.', 'EINVAL'], [file, `user.${'x'.repeat(251)}`, 'ERANGE'], [link, 'user.a', 'EPERM'],
      [link, 'system.posix_acl_access', 'ENOTSUP'], [file, 'system.posix_acl_default', 'EACCES'], [file, 'user.a\0b', 'EINVAL'],
    ] as const) expect(failure(() => writer.setXattr(node, name, one)), name).toBe(errno);
    expect(failure(() => writer.setXattr(file, 'user.large', new Uint8Array(5000)))).toBe('ENOSPC');
    expect(failure(() => writer.setXattr(link, 'security.selinux', one))).toBeUndefined();
    expect(await check()).toBe('');
  });

  it('leaves a consistent tree when the space ends, at any step', { timeout: 60_000 }, async () => {
    for (const options of ['-t ext2 -b 1024', '-t ext4 -b 1024 -O ^has_journal,inline_data', '-t ext4 -b 1024 -O bigalloc,^resize_inode,^has_journal -C 4096']) {
      const { fs, bytes } = await make('2M', options);
      const { writer } = fs;
      await writer.create(fs.root, 'first', NODE);
      await writer.sync();
      const before = [fs.info.free, fs.info.inodes!.free];
      const dir = await writer.mkdir(fs.root, 'dir', NODE);
      const ended = new Set<string>();
      for (let i = 0; ended.size < 4 && i < 5000; i++) {
        const steps: [string, () => unknown][] = [
          ['write', () => writer.write(writer.create(dir, `file ${i} ${'n'.repeat(i % 200)}`, NODE) as NodeId, (i % 5) * 100_000, new Uint8Array(3000 + i))],
          ['mkdir', () => writer.mkdir(dir, `dir ${i}`, NODE)],
          ['symlink', () => writer.symlink(dir, `link ${i}`, 'l'.repeat(900), NODE)],
          ['xattr', () => writer.setXattr(writer.create(dir, `xattr ${i}`, NODE) as NodeId, 'user.a', new Uint8Array(700).fill(i))],
        ];
        for (const [what, step] of steps) {
          if (ended.has(what)) continue;
          const errno = failure(step);
          if (errno === undefined) continue;
          expect(errno).toBe('ENOSPC');
          ended.add(what);
        }
      }
      expect(ended.size).toBe(4);
      await writer.sync();
      expect(checked(bytes)).toBe('');
      // All of it can be taken away again.
      await removeAll(fs, dir);
      await writer.rmdir(fs.root, 'dir');
      await writer.sync();
      expect([fs.info.free, fs.info.inodes!.free]).toEqual(before);
      await fs.close();
      expect(checked(bytes)).toBe('');
    }
  });
});

function longName(i: number): string {
  return `${i} ${'long'.repeat(62)}`.slice(0, 250);
}

function valueOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i ^ (i >> 8));
}

/** The first folder with a flag. */
async function folderWith(fs: FileSystem, dir: NodeId, flag: string): Promise<NodeId | undefined> {
  for (const { node, type } of (await fs.list(dir)).entries) {
    if (type !== 'dir') continue;
    if ((await fs.stat(node)).flags.includes(flag)) return node;
    const inner = await folderWith(fs, node, flag);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

async function removeAll(fs: Tree, dir: NodeId): Promise<void> {
  for (let { entries } = await fs.list(dir); entries.length > 0; { entries } = await fs.list(dir)) {
    for (const { name, type } of entries) await (type === 'dir' ? fs.writer.rmdir(dir, name) : fs.writer.unlink(dir, name));
  }
}

/** Pairs of long names with equal hashes, by the birthday paradox. */
function equalHashes(bytes: Uint8Array, wanted: number): [string, string][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset + 1024);
  // The sign of the machine's chars is of no matter to plain ASCII.
  const hasher = new NameHasher({ version: HASH_LEGACY, seed: [0, 1, 2, 3].map((i) => view.getUint32(0xec + i * 4, true)) });
  const seen = new Map<number, string>();
  const pairs: [string, string][] = [];
  const encoder = new TextEncoder();
  for (let i = 0; pairs.length < wanted && i < 2_000_000; i++) {
    const name = `${'p'.repeat(230)}${i.toString(36)}`;
    const encoded = encoder.encode(name);
    const hash = hasher.hash(encoded, 0, encoded.length);
    const other = seen.get(hash);
    if (other === undefined) seen.set(hash, name);
    else pairs.push([other, name]);
  }
  return pairs;
}

/** Pairs of an index with the bit that says that their hash begins in the leaf before. */
function continuations(bytes: Uint8Array, fs: Tree, dir: NodeId): number {
  void fs.writer.sync();
  const image = join(scratch.path, 'index');
  writeFileSync(image, bytes);
  const dump = run('debugfs', ['-R', `htree_dump <${dir}>`, image]);
  rmSync(image);
  return [...dump.matchAll(/Entry #\d+: Hash 0x([0-9a-f]+)/g)].filter(([, hash]) => (Number.parseInt(hash!, 16) & 1) === 1).length;
}
