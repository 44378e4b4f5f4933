import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { corrupt } from '../../../engines/core/errors.ts';
import type { FileSystem } from '../../../engines/core/filesystem.ts';
import type { ConflictAnswer, JobNote } from '../../../engines/core/job.ts';
import { decodeName, encodeName } from '../../../engines/core/names.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../../engines/testing/memory-filesystem.ts';
import { later } from '../../../engines/testing/later.ts';
import { missingTools, run, scratchFolder } from '../../../engines/testing/tools.ts';
import { libc } from '../../native/libc.ts';
import { nodeJob } from '../../session.ts';
import { extract, type ExtractSettings } from './extract.ts';
import type { Target, TargetOptions } from './target.ts';
import { LinuxTarget } from './target-linux.ts';
import { PlainTarget } from './target-plain.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

let folder = '';
let outside = '';
let number = 0;
beforeEach(() => {
  const base = join(scratch.path, `${number++}`);
  folder = join(base, 'target');
  outside = join(base, 'outside');
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, 'precious'), 'precious');
});

const calls = libc();
const plain = (path: string, options: TargetOptions): Target => new PlainTarget(path, options);
const TARGETS: [string, (path: string, options: TargetOptions) => Target, (fs: FileSystem) => FileSystem][] = [['plain Node', plain, (fs) => fs], ['plain Node, answers that come later', plain, later]];
if (calls) {
  const system = (path: string, options: TargetOptions): Target => LinuxTarget.open(calls, path, options);
  TARGETS.push(['system calls', system, (fs) => fs], ['system calls, answers that come later', system, later]);
} else console.warn('extraction with system calls skipped: they can not be had here');

const at = (...names: string[]) => join(folder, ...names);
const text = (...names: string[]) => readFileSync(at(...names), 'utf8');

/** One file older, one newer than what stands in the target. */
const TAKEN = () => dir({ f: file('new', { mtime: 1n }), sub: dir({ g: file('new', { mtime: BigInt(Date.now() + 86_400_000) * 1_000_000n }) }) });

const root = process.geteuid?.() === 0;
if (!root) console.warn('some tests of extraction skipped: owners and device nodes need root');

describe.each(TARGETS)('extract with %s', (kind, open, seen) => {
  const native = kind.startsWith('system calls');
  async function extracted(tree: MemoryNode, settings: ExtractSettings = {}, answers: ConflictAnswer[] = [], names?: string[]) {
    const fs = new MemoryFileSystem(tree);
    const notes: JobNote[] = [];
    const questions: string[] = [];
    const job = nodeJob({
      log: (note) => { notes.push(note); },
      ask: (async (question: { kind: string; path: string }) => { questions.push(question.path); return answers.shift() ?? { action: 'stop' }; }) as never,
    });
    const entries = names?.map((name) => ({ name, node: fs.lookup(fs.root, name)! })) ?? [{ node: fs.root, name: '' }];
    const summary = await extract({ fs: seen(fs), entries }, folder, settings, job, open);
    return { summary, notes, questions };
  }

  it('copies contents, modes, times to the nanosecond, links', async () => {
    const twin = file('twin');
    const { summary, notes } = await extracted(dir({
      a: file('hello', { mode: 0o640, mtime: 1_700_000_000_123_456_000n, atime: -1_500_000_000n }),
      empty: file('', { mode: 0o444 }),
      sub: dir({ deep: dir({ x: file('x') }, { mode: 0o555, mtime: 5_000_000_000n }), one: twin }),
      two: twin,
      link: symlink('/nowhere/../x', { mtime: 77_000_000_000n }),
    }, { mode: 0o750 }));
    expect({ summary, notes: notes.filter((note) => note.level !== 'info') }).toEqual({ summary: { files: 6, directories: 2, bytes: 10, skipped: 0, problems: 0 }, notes: [] });
    const a = statSync(at('a'), { bigint: true });
    expect([a.mode & 0o7777n, a.mtimeNs, a.atimeNs]).toEqual([0o640n, 1_700_000_000_123_456_000n, -1_500_000_000n]);
    expect(text('a')).toBe('hello');
    expect(lstatSync(at('empty')).mode & 0o7777).toBe(0o444);
    const deep = statSync(at('sub', 'deep'), { bigint: true });
    expect([deep.mode & 0o7777n, deep.mtimeNs]).toEqual([0o555n, 5_000_000_000n]);
    expect(statSync(at('sub', 'one')).ino).toBe(statSync(at('two')).ino);
    expect(readlinkSync(at('link'))).toBe('/nowhere/../x');
    expect(lstatSync(at('link'), { bigint: true }).mtimeNs).toBe(77_000_000_000n);
    expect(statSync(folder).mode & 0o7777).toBe(0o750);
  });

  it('keeps holes as holes', async () => {
    const content = new Uint8Array(300_000);
    content.fill(7, 200_000, 210_000);
    await extracted(dir({ sparse: file(content, { runs: [[196_608, 16_384]], size: 64 * 1024 * 1024 }) }));
    const stats = statSync(at('sparse'));
    expect(stats.size).toBe(64 * 1024 * 1024);
    expect(stats.blocks * 512).toBeLessThan(1024 * 1024);
    expect(readFileSync(at('sparse')).subarray(0, 300_000).equals(content)).toBe(true);
  });

  it('never writes outside, whatever the names', async () => {
    const evil = file('evil');
    const { summary } = await extracted(dir([
      ['../outside/precious', evil], ['..', dir({ precious: evil })], ['.', evil], ['', evil], ['/etc/clutch-evil', evil], [`${outside}/precious`, evil], ['a\0b', evil],
    ]));
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
    expect(existsSync('/etc/clutch-evil')).toBe(false);
    expect(readdirSync(join(folder, '..')).toSorted()).toEqual(['outside', 'target']);
    expect(summary.files + summary.directories).toBe(8);
    expect(text('__', 'precious')).toBe('evil');
  });

  it.each([['link first', true], ['folder first', false]])('never writes through a symlink of the image: %s', async (_, linkFirst) => {
    const link: [string, MemoryNode] = ['d', symlink(outside)];
    const folderEntry: [string, MemoryNode] = ['d', dir({ precious: file('evil'), more: file('evil') })];
    const { summary, notes } = await extracted(dir(linkFirst ? [link, folderEntry] : [folderEntry, link]));
    expect(readdirSync(outside)).toEqual(['precious']);
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
    expect(readdirSync(folder).toSorted()).toEqual(['d', 'd (2)']);
    expect(summary.problems).toBe(1);
    expect(notes.some((note) => note.message.includes('more than once'))).toBe(true);
  });

  it('never writes through a symlink that stood in the target', async () => {
    mkdirSync(folder);
    symlinkSync(outside, at('d'));
    symlinkSync(join(outside, 'precious'), at('f'));
    await extracted(dir({ d: dir({ precious: file('new') }), f: file('new') }), { conflict: 'replace' });
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
    expect(lstatSync(at('d')).isDirectory()).toBe(true);
    expect([text('d', 'precious'), text('f')]).toEqual(['new', 'new']);
  });

  it('keeps names that are no text', async () => {
    const name = decodeName(Uint8Array.of(0x66, 0xfc, 0xff));
    await extracted(dir([[name, file('bytes')]]));
    expect(readdirSync(Buffer.from(folder), { encoding: 'buffer' }).map((each) => [...each])).toEqual([[0x66, 0xfc, 0xff]]);
    expect(readFileSync(Buffer.concat([Buffer.from(`${folder}/`), encodeName(name)]), 'utf8')).toBe('bytes');
  });

  it('ends on directories that hold themselves or double at every step', async () => {
    const cycle = dir([]);
    cycle.entries!.push(['again', cycle], ['f', file('f')]);
    let doubled: MemoryNode = dir({ leaf: file('leaf') });
    for (let i = 0; i < 40; i++) doubled = dir({ a: doubled, b: doubled });
    const { summary } = await extracted(dir({ cycle, doubled }));
    expect(summary.files).toBe(2);
    expect(summary.directories).toBe(42);
    expect(summary.problems).toBe(41);
  });

  it('reports a directory too deep and goes on', async () => {
    let deep: MemoryNode = dir({ leaf: file('leaf') });
    for (let i = 0; i < 1200; i++) deep = dir({ d: deep });
    const { summary } = await extracted(dir({ deep, z: file('z') }));
    expect(summary.problems).toBe(1);
    expect(text('z')).toBe('z');
  });

  it('leaves no part of a damaged file, unless asked', async () => {
    const bad = file(new Uint8Array(3 * 1024 * 1024).fill(1), { damagedAt: 2 * 1024 * 1024 });
    const { summary, notes } = await extracted(dir({ bad, good: file('good') }));
    expect(readdirSync(folder)).toEqual(['good']);
    expect([summary.problems, notes[0]!.path, notes[0]!.level]).toEqual([1, '/bad', 'error']);
    await extracted(dir({ bad }), { keepDamaged: true });
    expect(statSync(at('bad')).size).toBe(2 * 1024 * 1024);
  });

  it('reports a node that can not be read, and goes on', async () => {
    const { summary, notes } = await extracted(dir({ a: file('', { fault: corrupt('inode 5', 'is broken') }), b: file('b') }));
    expect([summary.files, summary.problems, notes[0]!.error!.fault.kind]).toEqual([1, 1, 'corrupt']);
  });

  describe('where names are taken', () => {
    beforeEach(() => {
      mkdirSync(at('sub'), { recursive: true });
      writeFileSync(at('f'), 'old');
      writeFileSync(at('sub', 'g'), 'old');
      writeFileSync(at('sub', 'stays'), 'stays');
    });

    it.each([
      ['replace', 'new', 'new', 2], ['skip', 'old', 'old', 0], ['newer', 'old', 'new', 1], ['keep-both', 'old', 'old', 2],
    ] as const)('does as the policy says: %s', async (conflict, f, g, files) => {
      const { summary } = await extracted(TAKEN(), { conflict });
      expect([text('f'), text('sub', 'g'), summary.files, text('sub', 'stays')]).toEqual([f, g, files, 'stays']);
      if (conflict === 'keep-both') expect([text('f (2)'), text('sub', 'g (2)')]).toEqual(['new', 'new']);
      expect(readdirSync(folder).filter((name) => name.startsWith('.clutch'))).toEqual([]);
    });

    it('asks, and remembers an answer for all', async () => {
      const { questions } = await extracted(TAKEN(), {}, [{ action: 'replace', all: true }]);
      expect(questions).toEqual(['/f']);
      expect([text('f'), text('sub', 'g')]).toEqual(['new', 'new']);
    });

    it('stops when told so', async () => {
      await expect(extracted(TAKEN(), { conflict: 'ask' }, [{ action: 'stop' }])).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
      expect(text('f')).toBe('old');
    });

    it('keeps what was there when the new file is damaged', async () => {
      await extracted(dir({ f: file('damaged', { damagedAt: 2 }) }), { conflict: 'replace' });
      expect(text('f')).toBe('old');
      expect(readdirSync(folder).toSorted()).toEqual(['f', 'sub']);
    });

    it('never replaces the image that it comes from, under whatever name', async () => {
      linkSync(at('f'), join(outside, 'disk.img'));
      const { summary } = await extracted(dir({ f: file('new'), sub: dir({ g: file('new') }) }), { conflict: 'replace', images: [join(outside, 'disk.img'), join(outside, 'gone')] });
      expect(summary.problems).toBe(1);
      expect([text('f'), text('sub', 'g')]).toEqual(['old', 'new']);
      expect(readdirSync(folder).toSorted()).toEqual(['f', 'sub']);
    });

    it('never replaces a folder by a file', async () => {
      const { summary } = await extracted(dir({ sub: file('file') }), { conflict: 'replace' });
      expect(summary.problems).toBe(1);
      expect(text('sub', 'stays')).toBe('stays');
    });
  });

  it('takes selected entries alone', async () => {
    await extracted(dir({ a: file('a'), b: dir({ c: file('c') }), d: file('d') }), {}, [], ['a', 'b']);
    expect(readdirSync(folder).toSorted()).toEqual(['a', 'b']);
  });

  it('leaves no half-written file when cancelled inside it', async () => {
    const signal = { aborted: false };
    const fs = new MemoryFileSystem(dir({ a: file('a'), huge: file('x', { size: 2 ** 40, runs: [[0, 2 ** 40]] }) }));
    const begun = setInterval(() => { signal.aborted ||= existsSync(folder) && readdirSync(folder).length > 1; }, 20);
    await expect(extract({ fs, entries: [{ node: fs.root, name: '' }] }, folder, {}, nodeJob({ signal }), open)).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    clearInterval(begun);
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('leaves setuid bits and devices out unless asked for', async () => {
    const tree = dir({ s: file('s', { mode: 0o4755 }), null: { type: 'char', device: { major: 1, minor: 3 } }, sock: { type: 'socket' } });
    const { summary, notes } = await extracted(tree);
    expect(readdirSync(folder)).toEqual(['s']);
    expect(lstatSync(at('s')).mode & 0o7777).toBe(0o755);
    expect(summary.skipped).toBe(2);
    expect(notes.map((note) => note.level)).toEqual(['info', 'info', 'info']);
  });

  it.runIf(native && root)('makes devices, fifos, owners and setuid bits when asked', async () => {
    const { summary } = await extracted(dir({
      s: file('s', { mode: 0o4711, uid: 1234, gid: 70_000 }), null: { type: 'char', mode: 0o666, device: { major: 300, minor: 70_000 } }, pipe: { type: 'fifo', mode: 0o622 },
    }), { special: true });
    expect(summary.problems).toBe(0);
    const s = lstatSync(at('s'));
    expect([s.mode & 0o7777, s.uid, s.gid]).toEqual([0o4711, 1234, 70_000]);
    const device = lstatSync(at('null'));
    // gnu_dev_makedev(300, 70000)
    expect([device.isCharacterDevice(), device.rdev, device.mode & 0o777]).toEqual([true, (300 << 8) | (70_000 & 0xff) | ((70_000 & ~0xff) << 12), 0o666]);
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    expect(lstatSync(at('pipe')).mode & 0o777).toBe(0o622);
  });

  it('keeps attributes, or says that it could not', async () => {
    const { summary, notes } = await extracted(dir({ f: file('f', { xattrs: { 'user.tag': 'value', 'user.binary': Uint8Array.of(0, 1, 255), 'bogus.name': 'x' } }) }));
    const lost = notes.map((note) => note.message.replace(/ \(.*/, ''));
    if (native) {
      expect(lost).toEqual(['attribute bogus.name not kept']);
      if (missingTools('getfattr') === undefined) {
        expect(run('getfattr', ['-d', '-e', 'hex', '--absolute-names', at('f')])).toContain('user.binary=0x0001ff\nuser.tag=0x76616c7565');
      }
    } else {
      expect(lost).toHaveLength(3);
    }
    expect(summary.problems).toBe(lost.length);
  });

  it.runIf(native)('is not changed by a default ACL or a setgid bit of the target', async () => {
    mkdirSync(folder);
    if (missingTools('setfacl') !== undefined) return;
    run('setfacl', ['-m', 'd:u:1234:rwx', folder]);
    chmodSync(folder, 0o2775);
    await extracted(dir({ f: file('f', { mode: 0o600, gid: process.getegid!() }), d: dir({ g: file('g') }) }));
    expect(lstatSync(at('f')).mode & 0o7777).toBe(0o600);
    expect(run('getfacl', ['-cs', '-R', '--absolute-names', at('f'), at('d')])).toBe('');
  });
});
