import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DirEntry, FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobNote } from '../../engines/core/job.ts';
import { decodeName } from '../../engines/core/names.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../engines/testing/memory-filesystem.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { nodeJob } from '../session.ts';
import { tar } from './tar.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

async function packed(tree: MemoryNode, how: (fs: MemoryFileSystem) => FileSystem = (fs) => fs) {
  const fs = how(new MemoryFileSystem(tree));
  const pieces: Buffer[] = [];
  const notes: JobNote[] = [];
  const summary = await tar({ fs, entries: [{ node: fs.root, name: '' }] }, nodeJob({ log: (note) => { notes.push(note); } }), async (bytes) => { pieces.push(Buffer.from(bytes)); });
  return { bytes: Buffer.concat(pieces), summary, notes };
}

const large = new Uint8Array(3_000_000).map((_, i) => i % 253);
const twin = file('twin');
const LONG = `${'d'.repeat(120)}/${'ü'.repeat(80)}`;
const TREE = () => dir({
  large: file(large, { mtime: 1_700_000_000_123_456_789n, mode: 0o600 }),
  old: file('old', { mtime: -1_500_000_000n }),
  one: twin, two: twin, sub: dir({ three: twin }, { mode: 0o750, mtime: 12_345_000_000_000n }),
  sparse: file(Uint8Array.from({ length: 100_000 }, (_, i) => (i >= 65_536 && i < 69_632 ? 9 : 0)), { size: 8 * 1024 * 1024, runs: [[65_536, 4096]] }),
  hollow: file('', { size: 1024 * 1024 }),
  [LONG.split('/')[0]!]: dir({ [LONG.split('/')[1]!]: file('long') }),
  link: symlink('t'.repeat(150)), umlaut: symlink('größe'),
  tagged: file('t', { xattrs: { 'user.tag=x': 'a\nb\0c', 'user.plain': 'v' } }),
  pipe: { type: 'fifo' }, sock: { type: 'socket' },
  owned: file('', { uid: 3_000_000, gid: 2 }),
  bytes: dir([[decodeName(Uint8Array.of(0x66, 0xff)), file('f')]]),
});

/** Zeros, but for what is told: byte and length. */
const filled = (length: number, ...data: [number, number][]): Uint8Array => {
  const all = new Uint8Array(length);
  for (const [at, count] of data) all.fill(7, at, at + count);
  return all;
};

/** A filesystem that does not tell where a file's holes are. */
const silent = (later: boolean) => (fs: MemoryFileSystem): FileSystem => new Proxy<FileSystem>(fs, {
  get(_target, key) {
    if (key === 'extents') return undefined;
    const value: unknown = Reflect.get(fs, key);
    if (typeof value !== 'function') return value;
    return (...args: unknown[]) => (later ? Promise.resolve().then(() => (value as (...all: unknown[]) => unknown).apply(fs, args)) : (value as (...all: unknown[]) => unknown).apply(fs, args));
  },
});

describe('tar', () => {
  it('is the same every time, in whole blocks, and logs what it leaves out', async () => {
    const [first, second] = [await packed(TREE()), await packed(TREE())];
    expect(first.bytes.equals(second.bytes)).toBe(true);
    expect(first.bytes.length % 512).toBe(0);
    expect(first.notes.map((note) => note.path)).toEqual(['sock']);
    expect(first.summary).toMatchObject({ problems: 0, skipped: 1 });
  });

  it('is the same where answers come later, and asks for many of them at once', async () => {
    // With more files than are asked for ahead, a damaged one, and one whose attributes can't be read.
    const many = dir(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, file(`content ${i}`, i === 70 ? { damagedAt: 3 } : { xattrs: { 'user.i': String(i) } })])));
    const tree = () => dir({ full: TREE(), many });
    let [waiting, most] = [0, 0];
    const later = (fs: MemoryFileSystem): FileSystem => new Proxy<FileSystem>(fs, {
      get(_target, key) {
        const value: unknown = Reflect.get(fs, key);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          most = Math.max(most, ++waiting);
          await new Promise((resolve) => { setImmediate(resolve); });
          waiting--;
          if (key === 'list') return { entries: listAll(fs, args[0] as NodeId) };
          return (value as (...all: unknown[]) => unknown).apply(fs, args);
        };
      },
    });
    /** Whole folders: what is asked for together lies in one batch. */
    const listAll = (fs: MemoryFileSystem, node: NodeId): DirEntry[] => {
      const entries: DirEntry[] = [];
      for (let batch = fs.list(node); ; batch = fs.list(node, batch.next)) {
        entries.push(...batch.entries);
        if (batch.next === undefined) return entries;
      }
    };
    const [atOnce, afterwards] = [await packed(tree()), await packed(tree(), later)];
    expect(afterwards.bytes.equals(atOnce.bytes)).toBe(true);
    expect(afterwards.notes).toEqual(atOnce.notes);
    expect(afterwards.summary).toEqual(atOnce.summary);
    expect(most).toBeGreaterThan(16);
    expect(most).toBeLessThanOrEqual(3 * 8 * 32);
  });

  it('keeps holes where only the allocated size tells that there are some', async () => {
    const tree = () => dir({
      pieces: file(filled(3_000_001, [262_140, 10], [1_000_000, 5], [2_999_000, 1001]), { runs: [[262_140, 10], [1_000_000, 5], [2_999_000, 1001]] }),
      small: file(filled(50_000, [20_000, 3]), { runs: [[20_000, 3]] }),
      hollow: file('', { size: 1024 * 1024 }),
      full: file(filled(300_000)),
      bad: file(filled(900_000, [10, 10]), { runs: [[10, 10]], damagedAt: 500_000 }),
    });
    const [atOnce, afterwards] = [await packed(tree(), silent(false)), await packed(tree(), silent(true))];
    expect(afterwards.bytes.equals(atOnce.bytes)).toBe(true);
    // Of the file that can't be read to its end, nothing is known to be a hole; one of zeros that has its room has none.
    expect(atOnce.notes.map(({ path }) => path)).toEqual(['bad']);
    expect(atOnce.bytes.length).toBeLessThan(900_000 + 300_000 + 60_000);
    const path = join(scratch.path, 'silent.tar');
    writeFileSync(path, atOnce.bytes);
    const into = join(scratch.path, 'silent');
    mkdirSync(into);
    run('tar', ['-xf', path, '-C', into]);
    const fs = new MemoryFileSystem(tree());
    for (const { name, node } of fs.list(fs.root).entries) {
      if (name === 'bad') continue;
      const whole = new Uint8Array(fs.stat(node).size);
      fs.read(node, 0, whole);
      expect(readFileSync(join(into, name)).equals(whole), name).toBe(true);
    }
    for (const [name, most] of [['pieces', 40_000], ['small', 4096], ['hollow', 0]] as const) expect(statSync(join(into, name)).blocks * 512, name).toBeLessThanOrEqual(most);
  });

  it('has whole files even where they can not be read', async () => {
    const { bytes, summary, notes } = await packed(dir({ bad: file('0123456789', { damagedAt: 4 }), good: file('good') }));
    expect([summary.problems, notes[0]!.level]).toEqual([1, 'error']);
    expect(bytes.includes('good')).toBe(true);
  });

  it('holds back when the reader does', async () => {
    let busy = false;
    const fs = new MemoryFileSystem(dir({ f: file('x', { size: 10_000_000, runs: [[0, 10_000_000]] }) }));
    await tar({ fs, entries: [{ node: fs.root, name: '' }] }, nodeJob(), async () => {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((resolve) => { setTimeout(resolve, 1); });
      busy = false;
    });
  });

  const readers = { 'GNU tar': ['tar', ['--xattrs', '--xattrs-include=*', '-xpf']], 'bsdtar': ['bsdtar', ['-xpf']] } as const;
  describe.each(Object.entries(readers))('read by %s', (reader, [tool, flags]) => {
    it.skipIf(missingTools(tool) !== undefined)('comes out as it was', async () => {
      const base = join(scratch.path, tool);
      const out = join(base, 'out');
      mkdirSync(out, { recursive: true });
      writeFileSync(join(base, 'x.tar'), (await packed(TREE())).bytes);
      // bsdtar wants a locale in which the names can be spelled.
      run('env', ['LC_ALL=C.UTF-8', tool, ...flags, join(base, 'x.tar'), '-C', out]);
      const at = (...names: string[]) => join(out, ...names);
      expect(readFileSync(at('large')).equals(Buffer.from(large))).toBe(true);
      expect([statSync(at('large'), { bigint: true }).mtimeNs, statSync(at('large')).mode & 0o777]).toEqual([1_700_000_000_123_456_789n, 0o600]);
      // libarchive adds the fraction of a time before 1970 to it, instead of taking it off.
      if (reader === 'GNU tar') expect(statSync(at('old'), { bigint: true }).mtimeNs).toBe(-1_500_000_000n);
      expect(new Set([at('one'), at('two'), at('sub', 'three')].map((path) => statSync(path).ino)).size).toBe(1);
      expect([statSync(at('sub')).mode & 0o777, statSync(at('sub'), { bigint: true }).mtimeNs]).toEqual([0o750, 12_345_000_000_000n]);
      const sparse = readFileSync(at('sparse'));
      expect([sparse.length, sparse[65_536], sparse[69_631], sparse[69_632], sparse.subarray(0, 65_536).every((byte) => byte === 0)]).toEqual([8 * 1024 * 1024, 9, 9, 0, true]);
      expect(statSync(at('sparse')).blocks * 512).toBeLessThan(1024 * 1024);
      expect(statSync(at('hollow')).size).toBe(1024 * 1024);
      expect(readFileSync(at(LONG), 'utf8')).toBe('long');
      expect([readlinkSync(at('link')), readlinkSync(at('umlaut'))]).toEqual(['t'.repeat(150), 'größe']);
      expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
      expect(readdirSync(Buffer.from(at('bytes')), { encoding: 'buffer' }).map((name) => [...name])).toEqual([[0x66, 0xff]]);
      if (process.geteuid?.() === 0) expect(statSync(at('owned')).uid).toBe(3_000_000);
      if (missingTools('getfattr') === undefined) {
        const shown = run('getfattr', ['-d', '-e', 'hex', '--absolute-names', at('tagged')]);
        expect(shown).toContain('user.plain=0x76');
        // libarchive takes a name with "=" as it is escaped.
        if (reader === 'GNU tar') expect(shown).toContain('0x610a620063');
      }
    });
  });

  it.skipIf(missingTools('python3') !== undefined)('is read by Python', async () => {
    const path = join(scratch.path, 'python.tar');
    const { bytes } = await packed(TREE());
    const fd = openSync(path, 'w');
    writeSync(fd, bytes);
    closeSync(fd);
    const script = 'import sys,tarfile\nt=tarfile.open(sys.argv[1])\nfor m in t: print(m.name.encode("utf8","surrogateescape"), m.size, m.issparse(), m.type, m.linkname)\nprint(t.extractfile("sparse").read().count(9), t.extractfile("old").read())';
    const lines = run('python3', ['-c', script, path]).trimEnd().split('\n');
    expect(lines).toContain(`b'sparse' ${8 * 1024 * 1024} True b'0' `);
    expect(lines).toContain(`b'bytes/f\\xff' 1 False b'0' `);
    expect(lines).toContain(`b'two' 0 False b'1' one`);
    expect(lines.at(-1)).toBe("4096 b'old'");
  });
});
