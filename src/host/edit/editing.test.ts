import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Writer } from '../../engines/core/writer.ts';
import { registry } from '../../engines/index.ts';
import { notebookEntry, notebookOf } from '../../engines/testing/notebook.ts';
import { writeBootRecord } from '../../engines/testing/tables.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { type ImageSession, nodeJob, openImage } from '../session.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const open = new Set<ImageSession>();
afterEach(async () => {
  for (const session of open) await session.close({ discard: true });
  open.clear();
  noted.length = 0;
});

let images = 0;

/** An image of a folder of its own. */
function imageFile(bytes: Uint8Array): string {
  const folder = join(scratch.path, `image-${++images}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'disk.img'), bytes);
  return join(folder, 'disk.img');
}

/** Two notebooks in partitions 1 and 2, at 64 KiB and 256 KiB. */
function twoNotebooks(): Uint8Array {
  const bytes = new Uint8Array(512 * 1024);
  writeBootRecord(bytes, 0, [{ type: 0x83, start: 128, size: 200 }, { type: 0x83, start: 512, size: 200 }]);
  bytes.set(notebookOf(20), 64 * 1024);
  bytes.set(notebookOf(20), 256 * 1024);
  return bytes;
}

/** What was noted since the test began. */
const noted: string[] = [];

async function openBook(path: string): Promise<ImageSession> {
  const session = await openImage(path, { registry: [...registry, notebookEntry], onNote: ({ message }) => { noted.push(message); } });
  open.add(session);
  return session;
}

const text = (from: string): Uint8Array => new TextEncoder().encode(from);

/** Writes a page. */
async function note(session: ImageSession, name: string, what: string, part?: string): Promise<void> {
  const layer = session.select(part);
  await session.editing.operation({ text: `Wrote ${name}`, layer: layer.path }, () => {
    const writer = layer.filesystem.writer as Writer;
    const node = (layer.filesystem.lookup(1, name) ?? writer.create(1, name, { mode: 0o644 })) as number;
    writer.truncate(node, 0);
    writer.write(node, 0, text(what));
  });
}

/** All pages with what is on them. */
async function pages(session: ImageSession, part?: string): Promise<Record<string, string>> {
  const { filesystem } = session.select(part);
  const found: Record<string, string> = {};
  for (const { name, node } of (await filesystem.list(1)).entries) {
    const into = new Uint8Array((await filesystem.stat(node)).size);
    await filesystem.read(node, 0, into);
    found[name] = new TextDecoder().decode(into);
  }
  return found;
}

const rest = (path: string): string[] => readdirSync(join(path, '..')).filter((name) => name !== 'disk.img');
const editingState = (session: ImageSession): object => session.editing.state;

describe('an image that is being changed', () => {
  it('stays as it is until the changes are applied', async () => {
    const path = imageFile(notebookOf(10));
    const before = readFileSync(path);
    const session = await openBook(path);
    expect(editingState(session)).toEqual({ state: 'read-only' });
    expect(session.select().filesystem.writer).toBeUndefined();
    await session.editing.unlock();
    expect(editingState(session)).toEqual({ state: 'editing', how: 'staged', changedBytes: 0, operations: 0 });
    await note(session, 'a', 'first');
    await note(session, 'b', 'second');
    expect(editingState(session)).toMatchObject({ changedBytes: 3 * 4096, operations: 2, undo: { text: 'Wrote b' } });
    expect(readFileSync(path).equals(before)).toBe(true);
    await expect(session.close()).rejects.toMatchObject({ kind: 'busy' });
    await expect(session.editing.lock()).rejects.toMatchObject({ kind: 'busy' });
    expect(await session.editing.apply()).toEqual({ bytes: 3 * 512 });
    expect(rest(path)).toEqual([]);
    expect(editingState(session)).toEqual({ state: 'editing', how: 'staged', changedBytes: 0, operations: 0 });
    await note(session, 'c', 'third');
    await session.editing.apply();
    await session.editing.lock();
    expect(session.select().filesystem.writer).toBeUndefined();
    const again = await openBook(path);
    expect(await pages(again)).toEqual({ a: 'first', b: 'second', c: 'third' });
  });

  it('undoes and does again, operation by operation, and shows nothing stale', async () => {
    const session = await openBook(imageFile(notebookOf(10)));
    await session.editing.unlock();
    await note(session, 'a', 'one');
    await note(session, 'a', 'two');
    await note(session, 'b', 'three');
    expect(await session.editing.undo()).toMatchObject({ text: 'Wrote b' });
    expect(await pages(session)).toEqual({ a: 'two' });
    expect(await session.editing.undo()).toMatchObject({ text: 'Wrote a' });
    expect(await pages(session)).toEqual({ a: 'one' });
    expect(await session.editing.redo()).toMatchObject({ text: 'Wrote a' });
    expect(await pages(session)).toEqual({ a: 'two' });
    expect(editingState(session)).toMatchObject({ operations: 2, undo: { text: 'Wrote a' }, redo: { text: 'Wrote b' } });
    await note(session, 'c', 'four');
    expect(editingState(session)).not.toHaveProperty('redo');
    expect(await session.editing.redo()).toBeUndefined();
    for (let i = 0; i < 3; i++) await session.editing.undo();
    expect(await session.editing.undo()).toBeUndefined();
    expect(editingState(session)).toMatchObject({ changedBytes: 0, operations: 0, redo: { text: 'Wrote a' } });
    expect(await pages(session)).toEqual({});
    await session.close();
  });

  it('an operation that fails keeps what was done before, and one that changed nothing is none', async () => {
    const session = await openBook(imageFile(notebookOf(10)));
    await session.editing.unlock();
    const { path } = session.select();
    await expect(session.editing.operation({ text: 'Copied', layer: path }, () => {
      (session.select().filesystem.writer as Writer).create(1, 'half', { mode: 0 });
      throw new Error('the disk is gone');
    })).rejects.toThrow('the disk is gone');
    await session.editing.operation({ text: 'Nothing', layer: path }, () => {});
    expect(editingState(session)).toMatchObject({ operations: 1, undo: { text: 'Copied' } });
    await session.editing.undo();
    expect(await pages(session)).toEqual({});
  });

  it('discards', async () => {
    const session = await openBook(imageFile(notebookOf(10)));
    await session.editing.unlock();
    await note(session, 'a', 'one');
    await session.editing.discard();
    expect(await pages(session)).toEqual({});
    expect(editingState(session)).toEqual({ state: 'editing', how: 'staged', changedBytes: 0, operations: 0 });
    expect(await session.editing.apply()).toEqual({ bytes: 0 });
    await session.close();
  });

  it('tells which layer the changes lie in', async () => {
    const session = await openBook(imageFile(twoNotebooks()));
    await session.editing.unlock();
    await note(session, 'a', 'one', '2');
    await note(session, 'b', 'two', '2');
    await note(session, 'c', 'three', '1');
    const review = await session.editing.review();
    expect(review).toMatchObject({
      changedBytes: 5 * 4096, operations: [{ text: 'Wrote a', layer: '0/2/0', bytes: 8192 }, { text: 'Wrote b' }, { text: 'Wrote c', layer: '0/1/0' }],
      layers: [
        { path: '0/1/0', title: 'Notebook', changedBytes: 8192, extents: [{ at: 0, length: 8192 }], extentCount: 1 },
        { path: '0/2/0', title: 'Notebook', changedBytes: 3 * 4096, extents: [{ at: 0, length: 3 * 4096 }], extentCount: 1 },
      ],
    });
    await session.editing.apply();
    expect(await pages(await openBook(session.path), '2')).toEqual({ a: 'one', b: 'two' });
  });

  it('is saved as a new image, never onto itself', async () => {
    const path = imageFile(twoNotebooks());
    const before = readFileSync(path);
    const session = await openBook(path);
    await session.editing.unlock();
    await note(session, 'a', 'one', '1');
    const copy = join(path, '..', 'copy.img');
    await session.editing.saveAs(copy);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(await pages(await openBook(copy), '1')).toEqual({ a: 'one' });
    expect(statSync(copy).blocks * 512).toBeLessThan(100 * 1024);
    chmodSync(path, 0o400);
    await session.editing.saveAs(join(path, '..', 'private.img'));
    expect(statSync(join(path, '..', 'private.img')).mode & 0o777).toBe(0o600);
    rmSync(join(path, '..', 'private.img'));
    await expect(session.editing.saveAs(copy)).rejects.toMatchObject({ fault: { errno: 'EEXIST' } });
    await session.editing.saveAs(copy, { replace: true });
    await expect(session.editing.saveAs(path, { replace: true })).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    await expect(session.editing.saveAs(join(path, '..', 'none', 'x.img'))).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    await expect(session.editing.saveAs(join(path, '..', 'y.img'), { job: nodeJob({ signal: { aborted: true } }) })).rejects.toMatchObject({ kind: 'cancelled' });
    expect(rest(path)).toEqual(['copy.img']);
  });

  it('that is packed can be saved, and not applied', async () => {
    const path = imageFile(gzipSync(notebookOf(10)));
    const session = await openBook(path);
    await session.editing.unlock();
    expect(editingState(session)).toMatchObject({ state: 'editing', cannotApply: { fault: { kind: 'unsupported' } } });
    await note(session, 'a', 'one');
    await note(session, 'b', 'two');
    await session.editing.undo();
    await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'unsupported' });
    // Opened another way, the container would give its bytes without the changes.
    await expect(session.reopen('0', { format: 'gzip' })).rejects.toMatchObject({ kind: 'busy' });
    await expect(session.reopen('0', {})).rejects.toMatchObject({ kind: 'busy' });
    expect(await pages(session)).toEqual({ a: 'one' });
    const copy = join(path, '..', 'copy.img');
    await session.editing.saveAs(copy);
    expect(await pages(await openBook(copy))).toEqual({ a: 'one' });
    await session.editing.discard();
    await session.editing.lock();
    expect(await pages(session)).toEqual({});
    await expect(session.editing.unlock({ direct: true })).rejects.toMatchObject({ kind: 'unsupported' });
  });

  it('that is split is written to in its parts', async () => {
    const bytes = notebookOf(10);
    const path = imageFile(new Uint8Array(0));
    const parts = ['001', '002', '003'].map((number) => join(path, '..', `split.${number}`));
    const cuts = [0, 5000, 12_000, bytes.length];
    parts.forEach((part, i) => writeFileSync(part, bytes.subarray(cuts[i], cuts[i + 1])));
    const session = await openBook(parts[1]!);
    await session.editing.unlock();
    for (const name of ['a', 'b', 'c', 'd']) await note(session, name, name.repeat(3000));
    await session.editing.apply();
    expect(parts.map((part) => statSync(part).size)).toEqual([5000, 7000, bytes.length - 12_000]);
    expect(Object.keys(await pages(await openBook(parts[0]!)))).toEqual(['a', 'b', 'c', 'd']);
  });

  it('that another program changes is not written to', async () => {
    const path = imageFile(notebookOf(10));
    for (const [change, isWritten] of [
      [() => writeFileSync(path, Uint8Array.of(notebookOf(10)[0]!), { flag: 'r+' }), true],
      [() => utimesSync(path, 1, 1), true],
      // What was unlocked is open, as it was.
      [() => { writeFileSync(`${path}.new`, notebookOf(10)); renameSync(`${path}.new`, path); }, false],
    ] as const) {
      writeFileSync(path, notebookOf(10));
      const session = await openBook(path);
      await session.editing.unlock();
      await note(session, 'a', 'one');
      change();
      const there = readFileSync(path);
      expect(editingState(session)).toMatchObject({ changedUnderneath: { fault: { kind: 'busy' } } });
      await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'busy' });
      await expect(note(session, 'b', 'two')).rejects.toMatchObject({ kind: 'busy' });
      const warnings: string[] = [];
      await session.editing.saveAs(`${path}.copy`, { replace: true, job: nodeJob({ log: ({ message }) => { warnings.push(message); } }) });
      expect(await pages(await openBook(`${path}.copy`))).toEqual({ a: 'one' });
      expect(warnings).toEqual(isWritten ? [expect.stringContaining('Check the new image')] : []);
      await session.editing.discard();
      await session.close();
      expect(readFileSync(path).equals(there)).toBe(true);
    }
  });

  it('that got another name or attribute while changes are pending is saved with them', async () => {
    for (const change of [(path: string) => renameSync(path, `${path}.other`), (path: string) => { renameSync(path, `${path}.other`); renameSync(`${path}.other`, path); }]) {
      const path = imageFile(notebookOf(10));
      const session = await openBook(path);
      await session.editing.unlock();
      await note(session, 'a', 'one');
      change(path);
      await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'busy', advice: expect.stringContaining('Save them as a new image') as string });
      await session.editing.saveAs(`${path}.copy`);
      expect(await pages(await openBook(`${path}.copy`))).toEqual({ a: 'one' });
    }
  });

  it('that was replaced since it was opened is not unlocked: the changes would be those of another file', async () => {
    const path = imageFile(notebookOf(10));
    const session = await openBook(path);
    writeFileSync(`${path}.new`, notebookOf(10));
    renameSync(`${path}.new`, path);
    await expect(session.editing.unlock()).rejects.toMatchObject({ kind: 'busy', message: expect.stringContaining('replaced') });
    expect(editingState(session)).toEqual({ state: 'read-only' });
    // The lock was given back.
    await (await openBook(path)).editing.unlock();
  });

  it('is refused to a second one', async () => {
    const path = imageFile(notebookOf(10));
    const first = await openBook(path);
    const second = await openBook(path);
    await first.editing.unlock();
    await expect(second.editing.unlock()).rejects.toMatchObject({ kind: 'busy' });
    expect(editingState(second)).toEqual({ state: 'read-only' });
    expect(await pages(second)).toEqual({});
    await first.editing.lock();
    await second.editing.unlock();
    await second.close();
  });

  it('is left alone where nothing in it can be written', async () => {
    const session = await openBook(imageFile(new Uint8Array(10_000)));
    expect(editingState(session)).toMatchObject({ state: 'read-only', refused: { fault: { kind: 'unsupported' } } });
    await expect(session.editing.unlock()).rejects.toMatchObject({ kind: 'unsupported' });
    await expect(session.editing.operation({ text: 'x', layer: '0' }, () => {})).rejects.toMatchObject({ fault: { errno: 'EROFS' } });
  });

  it('a repair past the filesystem is one operation, and is taken back when it fails', async () => {
    const bytes = notebookOf(10);
    bytes[3 * 4096] = 2;
    const session = await openBook(imageFile(bytes));
    await session.editing.unlock();
    expect(session.select().filesystem.writer).toBeUndefined();
    const layer = session.select();
    expect(layer.notWritable).toMatchObject({ kind: 'corrupt' });
    const repair = { text: 'Repaired', layer: layer.path, raw: true };
    await expect(session.editing.operation(repair, () => {
      session.select().device.write!(3 * 4096, new Uint8Array(1));
      throw new Error('cancelled');
    })).rejects.toThrow('cancelled');
    expect(editingState(session)).toMatchObject({ changedBytes: 0, operations: 0 });
    await session.editing.operation(repair, () => session.select().device.write!(3 * 4096, new Uint8Array(1)));
    expect(session.select().filesystem.writer).toBeDefined();
    await note(session, 'a', 'one');
    await session.editing.undo();
    await session.editing.undo();
    expect(session.select().filesystem.writer).toBeUndefined();
    await session.editing.redo();
    await session.editing.apply();
    await session.close();
    expect(readFileSync(session.path)[3 * 4096]).toBe(0);
  });

  it('is written to directly, each sync as a whole', async () => {
    const path = imageFile(twoNotebooks());
    const session = await openBook(path);
    await session.editing.unlock({ direct: true });
    expect(editingState(session)).toMatchObject({ state: 'editing', how: 'direct', changedBytes: 0 });
    await note(session, 'a', 'one', '2');
    expect(await pages(await openBook(path), '2')).toEqual({ a: 'one' });
    expect(rest(path)).toEqual([]);
    await expect(session.editing.undo()).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    await expect(session.editing.unlock()).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    await session.editing.lock();
    expect(session.select('2').filesystem.writer).toBeUndefined();
    // What we wrote ourselves is no change by another program.
    await setTimeout(1100);
    expect(await pages(session, '2')).toEqual({ a: 'one' });
    expect(noted).toEqual([]);
  });

  it('cancelled before the image is touched, it is as if nothing had been', async () => {
    const path = imageFile(notebookOf(10));
    const session = await openBook(path);
    await session.editing.unlock();
    await note(session, 'a', 'one');
    const before = readFileSync(path);
    await expect(session.editing.apply(nodeJob({ signal: { aborted: true } }))).rejects.toMatchObject({ kind: 'cancelled' });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(rest(path)).toEqual([]);
    await session.editing.apply();
    expect(await pages(await openBook(path))).toEqual({ a: 'one' });
  });
});

const missing = process.getuid?.() === 0 ? missingTools('losetup', 'mount', 'mke2fs') : 'skipped: not root';

describe.skipIf(missing !== undefined)(`an image on a disk that is nearly full${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('is not begun to be changed, when its holes could not all be filled', async () => {
    const disk = join(scratch.path, 'small-disk');
    mkdirSync(disk);
    run('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', disk]);
    try {
      const path = join(disk, 'disk.img');
      writeFileSync(path, notebookOf(0));
      truncateSync(path, 4096 * 1000);
      const session = await openBook(path);
      await session.editing.unlock();
      for (let i = 0; i < 400; i++) await note(session, `${i}`, 'x'.repeat(4000));
      await expect(session.editing.apply()).rejects.toMatchObject({ fault: { errno: 'ENOSPC' } });
      expect(rest(path)).toEqual([]);
      for (let i = 0; i < 300; i++) await session.editing.undo();
      await session.editing.apply();
      await session.close();
      expect(Object.keys(await pages(await openBook(path)))).toHaveLength(100);
    } finally {
      for (const session of open) await session.close({ discard: true });
      run('umount', [disk]);
    }
  });
});

describe.skipIf(missing !== undefined)(`an image that Linux works with${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('whose path leads to the same inode of another disk by now is not unlocked, and not written to', async () => {
    const folder = join(scratch.path, 'places');
    mkdirSync(folder);
    // A tmpfs counts its inodes from the start.
    const paths = ['one', 'two'].map((name) => {
      mkdirSync(join(folder, name));
      run('mount', ['-t', 'tmpfs', '-o', 'size=4m,inode64', 'clutch-test', join(folder, name)]);
      onTestFinished(() => { run('umount', ['-l', join(folder, name)]); });
      writeFileSync(join(folder, name, 'disk.img'), notebookOf(10));
      return join(folder, name, 'disk.img');
    });
    expect(new Set(paths.map((path) => statSync(path).ino)).size).toBe(1);
    symlinkSync('one', join(folder, 'now'));
    const turn = (): void => {
      rmSync(join(folder, 'now'));
      symlinkSync('two', join(folder, 'now'));
    };
    const [session, other] = [await openBook(join(folder, 'now', 'disk.img')), await openBook(join(folder, 'now', 'disk.img'))];
    await session.editing.unlock();
    await note(session, 'a', 'one');
    turn();
    await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'busy', message: expect.stringContaining('replaced') as string });
    await session.close({ discard: true });
    await expect(other.editing.unlock()).rejects.toMatchObject({ kind: 'busy', message: expect.stringContaining('replaced') as string });
    await other.close();
  });

  it('is refused while it is attached or mounted, as a file and as a disk', async () => {
    const path = imageFile(new Uint8Array(1024 * 1024));
    run('mke2fs', ['-q', '-F', path]);
    const loop = run('losetup', ['--find', '--show', path]).trim();
    try {
      const session = await openImage(path);
      open.add(session);
      await expect(session.editing.unlock({ repair: true })).rejects.toMatchObject({ kind: 'busy', message: expect.stringContaining(`it is attached to ${loop}`) });
      const mount = join(path, '..', 'mount');
      mkdirSync(mount);
      run('mount', ['-o', 'ro', loop, mount]);
      try {
        await expect(session.editing.unlock({ repair: true })).rejects.toMatchObject({ kind: 'busy', message: expect.stringContaining(`it is mounted on ${mount}`) });
        const disk = await openImage(loop);
        open.add(disk);
        await expect(disk.editing.unlock({ repair: true })).rejects.toMatchObject({ kind: 'busy', message: expect.stringContaining(`is mounted on ${mount}`) });
      } finally {
        run('umount', [mount]);
      }
      const disk = await openImage(loop);
      open.add(disk);
      await disk.editing.unlock({ repair: true });
      // With O_EXCL it is ours: the kernel refuses to mount it meanwhile.
      expect(() => run('mount', ['-o', 'ro', loop, mount])).toThrow(/busy|already mounted/);
      await disk.close();
    } finally {
      for (const session of open) await session.close({ discard: true });
      run('losetup', ['--detach', loop]);
    }
    expect(existsSync(path)).toBe(true);
  });
});
