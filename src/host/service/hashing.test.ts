import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ioError } from '../../engines/core/errors.ts';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import { dir, file, MemoryFileSystem, symlink } from '../../engines/testing/memory-filesystem.ts';
import type { HashRow } from '../../shared/contract/checksums.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import { newTally } from '../jobs/extract/tally.ts';
import { deviceSource } from '../jobs/hash.ts';
import { nodeJob } from '../session.ts';
import { hashBytes, hashEntries, HashRows, listsBeside, listsInFolder } from './hashing.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-hashing-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const uncancelled: Cancel = { aborted: false, onAbort() {} };

async function all(rows: HashRows, cancel = uncancelled): Promise<HashRow[]> {
  const found: HashRow[] = [];
  for await (const batch of rows.take(cancel, () => {})) found.push(...batch);
  return found;
}

describe('checksums of entries', () => {
  const fs = new MemoryFileSystem(dir({
    docs: dir({ 'b\u202e.txt': file('b'), a: file('a'), deeper: dir({ c: file('c') }), link: symlink('a') }), z: file('z'), torn: file('torn', { damagedAt: 1 }), gone: file('', { fault: ioError('no inode') }),
  }));

  it('are those of all files below, by path, with what could not be read in its place', async () => {
    const rows = new HashRows();
    const tally = newTally();
    const [found, summary] = await Promise.all([all(rows), hashEntries(fs, [{ node: fs.root, name: '' }], ['sha256', 'crc32'], nodeJob(), tally, rows).finally(() => rows.end())]);
    expect(found.map(({ path, display, digests, error }) => [path, display, digests.sha256, error === undefined])).toEqual([
      ['docs/a', 'docs/a', sha256('a'), true], ['docs/b\u202e.txt', 'docs/b\\u{202e}.txt', sha256('b'), true], ['docs/deeper/c', 'docs/deeper/c', sha256('c'), true],
      ['gone', 'gone', undefined, false], ['torn', 'torn', undefined, false], ['z', 'z', sha256('z'), true],
    ]);
    expect(found[0]!.digests.crc32).toBe('e8b7be43');
    expect(summary).toMatchObject({ files: 4, bytes: 4, problems: 2 });
  });

  it('tell how far all of it is, not each file', async () => {
    const two = new MemoryFileSystem(dir({ a: file(new Uint8Array(3 << 20)), b: file(new Uint8Array(5 << 20)) }));
    const rows = new HashRows();
    const seen: [number, number | undefined][] = [];
    await Promise.all([all(rows), hashEntries(two, [{ node: two.root, name: '' }], ['md5'], nodeJob({ report: ({ done, total }) => { seen.push([done, total]); } }), newTally(), rows).finally(() => rows.end())]);
    expect(seen.at(-1)).toEqual([8 << 20, 8 << 20]);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((a, b) => a - b));
  });

  it('stop when they are cancelled, and when nobody takes them', async () => {
    const many = new MemoryFileSystem(dir(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, file('x')]))));
    const signal = { aborted: false };
    const rows = new HashRows();
    const work = hashEntries(many, [{ node: many.root, name: '' }], ['md5'], nodeJob({ signal }), newTally(), rows).finally(() => rows.end());
    const taken: HashRow[] = [];
    for await (const batch of rows.take(uncancelled, () => { signal.aborted = true; })) {
      taken.push(...batch);
      break;
    }
    await expect(work).rejects.toMatchObject({ kind: 'cancelled' });
    expect(taken.length).toBeLessThan(5000);
  });

  it('stop when they are cancelled while they wait for somebody to take them', async () => {
    const many = new MemoryFileSystem(dir(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, file('x')]))));
    const signal = { aborted: false };
    const rows = new HashRows();
    const work = hashEntries(many, [{ node: many.root, name: '' }], ['md5'], nodeJob({ signal }), newTally(), rows);
    const cancel = setInterval(() => { signal.aborted = rows.isFull; }, 20);
    await expect(work.finally(() => clearInterval(cancel))).rejects.toMatchObject({ kind: 'cancelled' });
    expect(rows.isFull).toBe(true);
  });

  it('are those of raw bytes, too', async () => {
    const rows = new HashRows();
    const [found] = await Promise.all([all(rows), hashBytes(deviceSource(new MemoryDevice(new TextEncoder().encode('disk'))), 'disk.img', ['sha256'], nodeJob(), newTally(), rows).finally(() => rows.end())]);
    expect(found).toEqual([{ path: 'disk.img', display: 'disk.img', size: 4, digests: { sha256: sha256('disk') } }]);
  });
});

describe('lists of checksums', () => {
  it('are found in a folder of the image', async () => {
    const fs = new MemoryFileSystem(dir({ SHA256SUMS: file(`${sha256('a')}  a\n`), 'b.md5': file('d41d8cd98f00b204e9800998ecf8427e'), 'notes.txt': file(`${sha256('a')}  a`), 'x.sha1': dir(), 'torn.sha256': file(`${sha256('a')}  a`, { damagedAt: 0 }), 'none.md5': file('nothing here') }));
    expect(await listsInFolder(fs, fs.root, nodeJob())).toEqual([
      { display: 'SHA256SUMS', lines: [{ name: 'a', algorithm: 'sha256', digest: sha256('a') }] }, { display: 'b.md5', lines: [{ name: 'b', algorithm: 'md5', digest: 'd41d8cd98f00b204e9800998ecf8427e' }] },
    ]);
  });

  it('are told up to a bound of all their lines', async () => {
    const long = file(new TextEncoder().encode('d41d8cd98f00b204e9800998ecf8427e\n'.repeat(100_000)));
    const fs = new MemoryFileSystem(dir(Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`${i}.md5`, long]))));
    const lists = await listsInFolder(fs, fs.root, nodeJob());
    expect(lists.reduce((sum, { lines }) => sum + lines.length, 0)).toBe(250_000);
  });

  it('are found beside the image; what is no list stays unread', async () => {
    writeFileSync(join(folder, 'disk.img'), 'x');
    writeFileSync(join(folder, 'disk.img.sha256'), `${sha256('x')}  disk.img\n`);
    writeFileSync(join(folder, 'secret'), `${sha256('x')}  disk.img\n`);
    symlinkSync('/nowhere', join(folder, 'gone.md5'));
    expect(await listsBeside(join(folder, 'disk.img'))).toEqual([{ display: 'disk.img.sha256', lines: [{ name: 'disk.img', algorithm: 'sha256', digest: sha256('x') }] }]);
    expect(await listsBeside('/nowhere/disk.img')).toEqual([]);
  });
});
