import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ioError } from '../../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../../engines/core/filesystem.ts';
import type { ConflictAnswer, JobNote, Question } from '../../../engines/core/job.ts';
import { dir, file, type MemoryNode, symlink } from '../../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../engines/testing/memory-writer.ts';
import type { WriteOptions } from '../../../shared/contract/edit.ts';
import { nodeJob } from '../../session.ts';
import { newTally } from '../extract/tally.ts';
import { tar } from '../tar.ts';
import { copy } from './copy.ts';
import { moveWithin } from './move.ts';
import { put } from './put.ts';
import { remove } from './remove.ts';
import { unpack } from './unpack.ts';

let folder: string;
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'clutch-put-')); });
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A job with answers to its questions, in order, that remembers what it was asked and what it logged. */
function asked(...answers: ConflictAnswer[]) {
  const questions: Question[] = [];
  const log: JobNote[] = [];
  const signal = { aborted: false };
  const job = nodeJob({
    signal, log: (note) => log.push(note),
    ask: async (question) => {
      questions.push(question);
      const answer = answers.shift();
      if (answer === undefined) throw new Error(`nobody answers to ${JSON.stringify(question, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`);
      return answer as never;
    },
  });
  return { job, questions, log, signal };
}

/** All of a tree, a line an entry. */
async function lines(fs: FileSystem, node: NodeId = fs.root, path = ''): Promise<string[]> {
  const stat = await fs.stat(node);
  const facts: string[] = [];
  if (stat.type === 'file') {
    const bytes = new Uint8Array(Math.min(stat.size, 100));
    await fs.read(node, 0, bytes);
    facts.push(new TextDecoder().decode(bytes));
  }
  if (stat.type === 'symlink') facts.push(`-> ${await fs.readlink(node)}`);
  const all = [`${path || '/'} ${stat.type} ${stat.mode.toString(8)} ${facts.join(' ')}`.trim()];
  if (stat.type !== 'dir') return all;
  const below = new Map<string, NodeId>();
  for (let cursor, batch = await fs.list(node); ; batch = await fs.list(node, cursor)) {
    for (const entry of batch.entries) below.set(entry.name, entry.node);
    cursor = batch.next;
    if (cursor === undefined) break;
  }
  for (const [name, child] of [...below].toSorted()) all.push(...await lines(fs, child, `${path}/${name}`));
  return all;
}

async function at(fs: FileSystem, path: string): Promise<NodeId> {
  let node = fs.root;
  for (const part of path.split('/').filter(Boolean)) node = (await fs.lookup(node, part))!;
  return node;
}

async function entryAt(fs: FileSystem, path: string): Promise<{ folder: NodeId; node: NodeId; name: string }> {
  const parts = path.split('/');
  const name = parts.pop()!;
  return { folder: await at(fs, parts.join('/')), node: await at(fs, path), name };
}

const tree = (entries: [string, MemoryNode][] | Record<string, MemoryNode>) => new WritableMemoryFileSystem(dir(entries));

describe('putting files of this computer into an image', () => {
  it('keeps contents, modes, times, links, symlinks and holes', async () => {
    const top = join(folder, 'top');
    mkdirSync(join(top, 'sub'), { recursive: true });
    writeFileSync(join(top, 'a'), 'alpha');
    chmodSync(join(top, 'a'), 0o4750);
    linkSync(join(top, 'a'), join(top, 'sub', 'b'));
    symlinkSync('../a', join(top, 'sub', 'link'));
    writeFileSync(join(top, Buffer.from([0x66, 0xff]).toString('latin1')), 'x');
    const sparse = openSync(join(top, 'sparse'), 'w');
    writeSync(sparse, Buffer.from('end'), 0, 3, 8 * 1024 * 1024);
    closeSync(sparse);
    truncateSync(join(top, 'sparse'), 9 * 1024 * 1024);
    utimesSync(join(top, 'a'), 1_600_000_000, 1_500_000_000);
    utimesSync(join(top, 'sub'), 1_600_000_000, 1_400_000_000);
    const fs = tree({});
    const { job, log } = asked();
    const tally = await put([top], { fs, folder: fs.root }, {}, job, newTally());
    expect(log).toEqual([]);
    expect(tally).toMatchObject({ files: 5, directories: 2, problems: 0 });
    const a = await fs.stat(await at(fs, 'top/a'));
    expect(a).toMatchObject({ mode: 0o4750, nlink: 2, mtime: 1_500_000_000_000_000_000n });
    expect(await at(fs, 'top/sub/b')).toBe(await at(fs, 'top/a'));
    expect((await fs.stat(await at(fs, 'top/sub'))).mtime).toBe(1_400_000_000_000_000_000n);
    expect(await lines(fs, await at(fs, 'top/sub'))).toContain('/link symlink 777 -> ../a');
    const holes = await fs.stat(await at(fs, 'top/sparse'));
    expect(holes.size).toBe(9 * 1024 * 1024);
    expect(tally.bytes).toBeLessThan(1024 * 1024);
  });

  it('links names of one file also where one of them is taken', async () => {
    const top = join(folder, 'top');
    mkdirSync(top);
    writeFileSync(join(top, 'a'), 'new');
    linkSync(join(top, 'a'), join(top, 'b'));
    const fs = tree({ top: dir({ a: file('old a'), b: file('old b') }) });
    const { job, log } = asked();
    await put([top], { fs, folder: fs.root }, { conflict: 'replace', folders: 'merge' }, job, newTally());
    expect(log).toEqual([]);
    expect(await at(fs, 'top/a')).toBe(await at(fs, 'top/b'));
    expect((await fs.stat(await at(fs, 'top/a'))).nlink).toBe(2);
    expect(await lines(fs)).toContain('/top/b file 644 new');
  });

  it('tells what can\'t be read, and goes on', async () => {
    writeFileSync(join(folder, 'b'), 'beta');
    const fs = tree({});
    const { job, log } = asked();
    const tally = await put([join(folder, 'gone'), join(folder, 'b')], { fs, folder: fs.root }, {}, job, newTally());
    expect(tally).toMatchObject({ files: 1, problems: 1 });
    expect(log).toMatchObject([{ level: 'error', path: 'gone', error: { fault: { errno: 'ENOENT' } } }]);
  });

  it('stops within a file when it is cancelled, and leaves nothing of it', async () => {
    writeFileSync(join(folder, 'a'), 'whole');
    const big = join(folder, 'big');
    writeFileSync(big, Buffer.alloc(40 * 1024 * 1024, 1));
    const fs = tree({});
    const { job, signal } = asked();
    const write = fs.writer.write.bind(fs.writer);
    let writes = 0;
    fs.writer.write = (...each) => {
      if (++writes === 4) signal.aborted = true;
      return write(...each);
    };
    await expect(put([join(folder, 'a'), big], { fs, folder: fs.root }, {}, job, newTally())).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(await lines(fs)).toEqual(['/ dir 755', '/a file 644 whole']);
  });

  it('ends when the image is full; what is there is whole', async () => {
    writeFileSync(join(folder, 'a'), 'x'.repeat(3000));
    writeFileSync(join(folder, 'b'), 'y'.repeat(3000));
    const fs = new WritableMemoryFileSystem(dir(), { space: 4096 });
    await expect(put([join(folder, 'a'), join(folder, 'b')], { fs, folder: fs.root }, {}, asked().job, newTally())).rejects.toMatchObject({ fault: { errno: 'ENOSPC' } });
    expect((await lines(fs)).length).toBe(2);
  });
});

/** What is not below "t". */
const outside = (all: string[]): string[] => all.slice(1).filter((line) => !line.startsWith('/t'));

/** A folder "t" of what is to be put into the root, where all of it is already. */
const before = () => tree({ f: file('old', { mtime: 5n }), d: dir({ x: file('old x', { mtime: 5n }), keep: file('k') }), t: dir({ f: file('new', { mtime: 9n }), d: dir({ x: file('new x', { mtime: 9n }), y: file('y') }) }) });

describe('names that are taken', () => {
  const cases: [WriteOptions, string[]][] = [
    [{ conflict: 'replace', folders: 'merge' }, ['/d dir 755', '/d/keep file 644 k', '/d/x file 644 new x', '/d/y file 644 y', '/f file 644 new']],
    [{ conflict: 'skip', folders: 'merge' }, ['/d dir 755', '/d/keep file 644 k', '/d/x file 644 old x', '/d/y file 644 y', '/f file 644 old']],
    [{ conflict: 'newer', folders: 'replace' }, ['/d dir 755', '/d/x file 644 new x', '/d/y file 644 y', '/f file 644 new']],
    [{ conflict: 'keep-both', folders: 'keep-both' }, ['/d (2) dir 755', '/d (2)/x file 644 new x', '/d (2)/y file 644 y', '/d dir 755', '/d/keep file 644 k', '/d/x file 644 old x', '/f (2) file 644 new', '/f file 644 old']],
    [{ conflict: 'skip', folders: 'skip' }, ['/d dir 755', '/d/keep file 644 k', '/d/x file 644 old x', '/f file 644 old']],
  ];
  it.each(cases)('%o, copied', async (options, expected) => {
    const fs = before();
    await copy({ fs, entries: [await entryAt(fs, 't/f'), await entryAt(fs, 't/d')], move: false }, { fs, folder: fs.root }, options, asked().job, newTally());
    expect(outside(await lines(fs))).toEqual(expected);
    expect(await lines(fs, await at(fs, 't'))).toHaveLength(5);
  });

  it.each(cases)('%o, moved', async (options, expected) => {
    const fs = before();
    await moveWithin(fs, [await entryAt(fs, 't/f'), await entryAt(fs, 't/d')], { fs, folder: fs.root }, options, asked().job, newTally());
    expect(outside(await lines(fs))).toEqual(expected);
    // What was skipped is where it was.
    const left = (await lines(fs, await at(fs, 't'))).length - 1;
    expect(left).toBe(options.conflict === 'skip' ? (options.folders === 'skip' ? 4 : 3) : 0);
  });

  it('are asked about: files and folders each, once where it is meant for all', async () => {
    const fs = before();
    const { job, questions } = asked({ action: 'replace', all: true }, { action: 'merge' });
    await copy({ fs, entries: [await entryAt(fs, 't/f'), await entryAt(fs, 't/d')], move: false }, { fs, folder: fs.root }, {}, job, newTally());
    expect(questions).toMatchObject([
      { kind: 'conflict', path: 'f', source: { size: 3, mtime: 9n }, target: { size: 3, mtime: 5n } },
      { kind: 'conflict', path: 'd', merge: true },
    ]);
    expect(outside(await lines(fs))).toEqual(cases[0]![1]);
  });

  it('stay as they are when what comes can\'t be read to its end', async () => {
    const fs = tree({ f: file('old') });
    const source = tree({ f: file('new and damaged', { damagedAt: 3 }) });
    const { job, log } = asked();
    const tally = await copy({ fs: source, entries: [await entryAt(source, 'f')], move: true }, { fs, folder: fs.root }, { conflict: 'replace' }, job, newTally());
    expect(tally).toMatchObject({ files: 0, problems: 1 });
    expect(log).toHaveLength(1);
    expect(await lines(fs)).toEqual(['/ dir 755', '/f file 644 old']);
    expect(source.lookup(source.root, 'f')).toBeDefined();
  });
});

describe('copies and moves', () => {
  it('keep attributes, owners and links of several names, between volumes', async () => {
    const twice = file('twice', { xattrs: { 'user.tag': 'value' }, uid: 12, gid: 34, mode: 0o600 });
    const source = tree({ d: dir({ one: twice, two: twice, link: symlink('one'), tty: { type: 'char', mode: 0o620, device: { major: 4, minor: 1 } } }, { mtime: 77n, xattrs: { 'user.dir': 'x' } }) });
    const fs = tree({});
    await copy({ fs: source, entries: [await entryAt(source, 'd')], move: true }, { fs, folder: fs.root }, { births: true }, asked().job, newTally());
    expect(await lines(source)).toEqual(['/ dir 755']);
    const one = await at(fs, 'd/one');
    expect(await at(fs, 'd/two')).toBe(one);
    expect(await fs.stat(one)).toMatchObject({ uid: 12, gid: 34, mode: 0o600, nlink: 2 });
    expect(new TextDecoder().decode(fs.xattrs.get(one, 'user.tag'))).toBe('value');
    expect(await fs.stat(await at(fs, 'd'))).toMatchObject({ mtime: 77n });
    expect(await fs.stat(await at(fs, 'd/tty'))).toMatchObject({ type: 'char', device: { major: 4, minor: 1 } });
  });

  it('lose no file of a folder with thousands, whose listing closes up when one goes', async () => {
    const source = tree({ many: dir(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, file(String(i))]))) });
    const fs = tree({});
    const tally = await copy({ fs: source, entries: [await entryAt(source, 'many')], move: true }, { fs, folder: fs.root }, {}, asked().job, newTally());
    expect(tally.files).toBe(3000);
    expect((await lines(fs)).length).toBe(3002);
    expect(await lines(source)).toEqual(['/ dir 755']);
  });

  it('never go into themselves', async () => {
    const fs = tree({ a: dir({ b: dir({ c: dir() }) }) });
    const entries = [await entryAt(fs, 'a')];
    await expect(copy({ fs, entries, move: false }, { fs, folder: await at(fs, 'a') }, {}, asked().job, newTally())).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    await copy({ fs, entries, move: false }, { fs, folder: await at(fs, 'a/b') }, {}, asked().job, newTally()).catch(() => {});
    expect((await lines(fs)).length).toBeLessThan(12);
  });

  it('do nothing to what took an entry\'s place meanwhile', async () => {
    const fs = tree({ a: file('a'), d: dir() });
    const entry = await entryAt(fs, 'a');
    fs.writer.unlink(fs.root, 'a');
    fs.writer.create(fs.root, 'a', { mode: 0o644 });
    const { job, log } = asked();
    await moveWithin(fs, [entry], { fs, folder: await at(fs, 'd') }, {}, job, newTally());
    await remove(fs, [entry], job, newTally());
    expect(log).toMatchObject([{ error: { fault: { errno: 'ESTALE' } } }, { error: { fault: { errno: 'ESTALE' } } }]);
    expect(await lines(fs)).toEqual(['/ dir 755', '/a file 644', '/d dir 755']);
  });
});

describe('deleting', () => {
  it('takes all below away, and leaves what it can\'t with the folders above it', async () => {
    const bad = file('', { fault: ioError('the inode is damaged') });
    const fs = tree({ a: dir({ b: dir(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, file()]))), c: dir({ bad }) }), other: file() });
    const { job, log } = asked();
    const tally = await remove(fs, [await entryAt(fs, 'a')], job, newTally());
    expect(tally).toMatchObject({ files: 100, directories: 1, problems: 1 });
    expect(log).toMatchObject([{ path: 'a/c/bad' }]);
    expect(fs.lookup(await at(fs, 'a'), 'b')).toBeUndefined();
    expect(fs.lookup(await at(fs, 'a/c'), 'bad')).toBeDefined();
  });
});

describe('a parcel between two images', () => {
  it('brings everything over, and asks about names that are taken', async () => {
    const twice = file('twice', { xattrs: { 'user.tag': 'value' }, mode: 0o640, uid: 5 });
    const source = tree({ d: dir({ one: twice, sub: dir({ two: twice, link: symlink('../one') }, { mtime: 88n }) }), f: file('new') });
    const pieces: Uint8Array[] = [];
    await tar({ fs: source, entries: [{ node: await at(source, 'd'), name: 'd' }, { node: await at(source, 'f'), name: 'f' }] }, nodeJob(), (bytes) => { pieces.push(bytes.slice()); });
    const parcel = Buffer.concat(pieces);
    let from = 0;
    const next = (length: number): Uint8Array => parcel.subarray(from, from += Math.min(length, parcel.length - from));
    const fs = tree({ f: file('old'), d: dir({ mine: file('mine') }) });
    const { job, questions } = asked({ action: 'merge' }, { action: 'keep-both' });
    const tally = await unpack({ take: next, some: next }, { fs, folder: fs.root }, {}, job, newTally(), parcel.length);
    expect(questions).toMatchObject([{ path: 'd', merge: true }, { path: 'f' }]);
    expect(tally).toMatchObject({ files: 4, problems: 0 });
    expect(await lines(fs)).toEqual(['/ dir 755', '/d dir 755', '/d/mine file 644 mine', '/d/one file 640 twice', '/d/sub dir 755', '/d/sub/link symlink 644 -> ../one', '/d/sub/two file 640 twice', '/f (2) file 644 new', '/f file 644 old']);
    expect(await at(fs, 'd/sub/two')).toBe(await at(fs, 'd/one'));
    expect(await fs.stat(await at(fs, 'd/sub'))).toMatchObject({ mtime: 88n });
  });
});
