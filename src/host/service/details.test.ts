import { linkSync, mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corrupt, isDiskError } from '../../engines/core/errors.ts';
import type { FileExtent, FileSystem, Section } from '../../engines/core/filesystem.ts';
import { dir, file, MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { MeasureProgress } from '../../shared/contract/rows.ts';
import { type ImageSession, nodeJob, openImage } from '../session.ts';
import { entryDetails, entryRow } from './entries.ts';
import { measuring } from './measuring.ts';

const skip = missingTools('mke2fs', 'debugfs');
const noMount = skip ?? missingTools('unshare', 'mount', 'du') ?? (process.getuid?.() === 0 ? undefined : 'a mount needs root');

/** user::rw-, user:1000:rwx, user:7:r--, group::r--, mask::rwx, other::--- as the kernel hands it out (acl.test.ts of ext4 has its layout). */
const ACL = Uint8Array.of(2, 0, 0, 0, ...[[1, 6, -1], [2, 7, 1000], [2, 4, 7], [4, 4, -1], [16, 7, -1], [32, 0, -1]].flatMap(([tag, rights, id]) => [tag!, 0, rights!, 0, ...new Uint8Array(Int32Array.of(id!).buffer)]));

/** A file over a map that is told by a test. */
const mapped = (runs: () => Iterable<FileExtent>, sections?: () => Section[]): [FileSystem, number] => {
  const fs = new MemoryFileSystem(dir({ f: file('contents') }));
  const device = { size: 1 << 30, blockSize: 4096, read() {}, close() {} };
  return [Object.assign(fs, { extents: { device, map: runs }, ...(sections === undefined ? {} : { describe: sections }) }), fs.lookup(fs.root, 'f')!];
};

describe('details of an entry', () => {
  const who = { etc: dir({ passwd: file('root:x:0:0:::\nada:x:1000:1000:::\n'), group: file('staff:x:50:\n') }) };

  it('have names of owners and in access lists', async () => {
    const fs = new MemoryFileSystem(dir({ ...who, letter: file('x', { uid: 1000, gid: 50, xattrs: { 'system.posix_acl_access': ACL, 'system.posix_acl_default': ACL, 'system.posix_acl_broken': 'no list' } }), stranger: file('', { uid: 4711, gid: 4711 }) }));
    const letter = await entryDetails(fs, fs.lookup(fs.root, 'letter')!, 'letter', nodeJob());
    expect(letter).toMatchObject({ owner: 'ada', group: 'staff', uid: 1000, gid: 50 });
    expect(letter.acl!.slice(0, 6)).toEqual([
      { scope: 'access', who: 'user', rights: 'rw-' }, { scope: 'access', who: 'user', id: 1000, name: 'ada', rights: 'rwx' }, { scope: 'access', who: 'user', id: 7, rights: 'r--' },
      { scope: 'access', who: 'group', rights: 'r--' }, { scope: 'access', who: 'mask', rights: 'rwx' }, { scope: 'access', who: 'other', rights: '---' },
    ]);
    expect(letter.acl!.filter(({ scope }) => scope === 'default')).toHaveLength(6);
    const node = fs.lookup(fs.root, 'stranger')!;
    const stranger = await entryRow(fs, fs.root, node, 'stranger', 'file', nodeJob());
    expect(['owner' in stranger, 'group' in stranger]).toEqual([false, false]);
  });

  it('count pieces as they lie on the device', async () => {
    const runs = [{ logical: 0, length: 4096, physical: 8192 }, { logical: 8192, length: 4096, physical: 12_288 }, { logical: 16_384, length: 4096, physical: 4096 }, { logical: 20_480, length: 10, physical: undefined }];
    const [fs, node] = mapped(() => runs);
    expect((await entryDetails(fs, node, 'f', nodeJob())).extents).toEqual({ runs, cut: false, fragments: 3, device: 1 << 30 });
  });

  it('end with as many runs as can be told', async () => {
    const [fs, node] = mapped(function* endless() { for (let at = 0; ; at += 8192) yield { logical: at, length: 4096, physical: at }; });
    const { extents } = await entryDetails(fs, node, 'f', nodeJob());
    expect([extents!.runs.length, extents!.cut]).toEqual([10_000, true]);
  });

  it('go without what is damaged, and say so', async () => {
    const [fs, node] = mapped(() => { throw corrupt('extents of inode 12', 'the magic is 0x0, not 0xf30a'); }, () => [{ title: 'Inode\u0007', facts: [['a\u202eb', 'x'.repeat(100_000)]] }]);
    const details = await entryDetails(fs, node, 'f', nodeJob());
    expect(details.extents).toBeUndefined();
    expect(details.error).toMatchObject({ fault: { kind: 'corrupt' } });
    expect(details.size).toBe(8);
    // What an engine says is made of what the image says.
    expect(details.sections).toEqual([{ title: 'Inode\\x07', facts: [['a\\u{202e}b', 'x'.repeat(2000)]] }]);
  });
});

const all = async (items: AsyncIterable<MeasureProgress>): Promise<MeasureProgress[]> => {
  const got: MeasureProgress[] = [];
  for await (const item of items) got.push(item);
  return got;
};

describe('measuring', () => {
  const scratch = scratchFolder();
  let session: ImageSession;
  let image: string;

  beforeAll(async () => {
    if (skip !== undefined) return;
    const source = join(scratch.path, 'source');
    for (let d = 0; d < 20; d++) {
      mkdirSync(join(source, `d${d}`), { recursive: true });
      for (let f = 0; f < 40; f++) writeFileSync(join(source, `d${d}`, `f${f}`), 'x'.repeat(f * 331));
      linkSync(join(source, 'd0', 'f7'), join(source, `d${d}`, 'linked'));
    }
    symlinkSync('d0', join(source, 'short'));
    symlinkSync('d0/'.repeat(60), join(source, 'long'));
    writeFileSync(join(source, 'sparse'), 'begin');
    truncateSync(join(source, 'sparse'), 5 << 20);
    image = join(scratch.path, 'image.ext4');
    writeFileSync(image, '');
    truncateSync(image, 32 << 20);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', source, image]);
    session = await openImage(image);
  });

  afterAll(async () => {
    await session?.close();
    scratch.remove();
  });

  it.skipIf(noMount !== undefined)('counts what du counts', async () => {
    const { filesystem: fs } = session.select();
    const items = await all(measuring(fs, [{ node: fs.root, name: '' }], nodeJob()));
    const { done, ...counted } = items.at(-1)!;
    expect(done).toBe(true);
    const at = mkdtempSync(join(scratch.path, 'mount-'));
    const told = run('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', `mount -o loop,ro "${image}" "${at}" && du -s --block-size=1 "${at}" && du -s --inodes "${at}" && find "${at}" -type d | wc -l && find "${at}" -type f -printf '%i %s\\n' | sort -u | awk '{ sum += $2 } END { print sum }'`]);
    const [allocated, inodes, directories, size] = told.split('\n').map((line) => Number.parseInt(line, 10));
    expect(counted).toEqual({ allocated, directories, files: inodes! - directories!, size, unreadable: 0 });
  });

  it.skipIf(skip !== undefined)('counts what has several names once, over all that is selected', async () => {
    const { filesystem: fs } = session.select();
    const node = async (name: string): Promise<{ node: number; name: string }> => ({ node: (await fs.lookup(fs.root, name))!, name });
    const entries = [await node('d1'), await node('d2'), await node('d1')];
    expect((await all(measuring(fs, entries, nodeJob()))).at(-1)).toMatchObject({ directories: 2, files: 81, size: 2 * 258_180 + 7 * 331 });
  });

  it('tells how far it is, counts what can\'t be read, and stops when it is told to', async () => {
    // A folder without an end, whose every seventh entry is damaged.
    let listed = 0;
    const folder = new MemoryFileSystem(dir()).stat(1);
    const slow = Object.assign(new MemoryFileSystem(dir()), {
      list: () => ({ entries: Array.from({ length: 1000 }, () => ({ name: 'f', node: ++listed + 1, type: undefined })), next: 1 }),
      stat: (node: number) => { if (node % 7 === 0) throw corrupt(`inode ${node}`, 'damaged'); return node === 1 ? folder : { ...folder, node, type: 'file' as const, size: 5, nlink: 1 }; },
    });
    const signal = { aborted: false };
    const seen: MeasureProgress[] = [];
    let asked = 0;
    const failed = await (async () => {
      for await (const item of measuring(slow, [{ node: 1, name: '' }], nodeJob({ signal }))) {
        seen.push(item);
        if (seen.length === 3) { signal.aborted = true; asked = performance.now(); }
      }
    })().catch((error: unknown) => error);
    expect(performance.now() - asked).toBeLessThan(200);
    expect(isDiskError(failed) && failed.kind).toBe('cancelled');
    expect(seen.every(({ done }) => !done)).toBe(true);
    expect(seen[2]!.files).toBeGreaterThan(seen[0]!.files);
    expect(seen[2]!.unreadable).toBeGreaterThan(0);
    expect(seen[2]!.size).toBe(seen[2]!.files * 5);
  });
});
