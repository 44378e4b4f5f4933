import type * as nodeFs from 'node:fs';
import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { usage } from '../../engines/core/errors.ts';
import type { Writer } from '../../engines/core/writer.ts';
import { registry } from '../../engines/index.ts';
import { notebookEntry, notebookOf } from '../../engines/testing/notebook.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { type ImageSession, nodeJob, openImage } from '../session.ts';
import { apply, createSidecar } from './apply.ts';
import { type DiskFile, hostDisk } from './disk.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const failing = vi.hoisted(() => ({ writes: false }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof nodeFs>();
  const writeSync = (fd: number, ...args: [Uint8Array, number, number, number]): number => {
    if (failing.writes) throw Object.assign(new Error('EIO: the disk is broken'), { code: 'EIO' });
    return fs.writeSync(fd, ...args);
  };
  return { ...fs, writeSync, default: { ...fs, writeSync } };
});

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const open = new Set<ImageSession>();
afterEach(async () => {
  failing.writes = false;
  for (const session of open) await session.close({ discard: true });
  open.clear();
});

let images = 0;

/** A notebook that is unlocked, in a folder of its own. */
async function unlocked(): Promise<ImageSession> {
  const folder = join(scratch.path, `image-${++images}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'disk.img'), notebookOf(10));
  const session = await openImage(join(folder, 'disk.img'), { registry: [...registry, notebookEntry] });
  open.add(session);
  await session.editing.unlock();
  return session;
}

const writerOf = (session: ImageSession): Writer => session.select().filesystem.writer!;
const create = (session: ImageSession, name: string): Promise<unknown> => session.editing.operation({ text: name, layer: '0' }, async () => {
  await writerOf(session).write(await writerOf(session).create(1, name, { mode: 0 }), 0, new Uint8Array(4000).fill(65));
});
const beside = (session: ImageSession): string[] => readdirSync(join(session.path, '..')).filter((name) => name !== 'disk.img');
const names = async (session: ImageSession): Promise<string[]> => (await session.select().filesystem.list(1)).entries.map(({ name }) => name);

/** A disk whose files fail in a way. */
class BadDisk extends SimulatedDisk {
  wrong: ((file: DiskFile) => Partial<DiskFile>) | undefined;

  override create(path: string): DiskFile {
    const file = super.create(path);
    return { ...file, get size() { return file.size; }, ...this.wrong?.(file) };
  }
}

function full(): never {
  throw usage('ENOSPC', 'full');
}

describe('an Apply that fails', () => {
  it.each<[string, (file: DiskFile) => Partial<DiskFile>]>([
    ['when the sidecar is to be made durable', () => ({ sync: full })],
    ['at the sidecar\'s very end', (file) => ({ write: (at, from) => { if (from.length === 1024) full(); file.write(at, from); } })],
    ['when its end is to be made durable', (file) => { let syncs = 0; return { sync: () => { if (++syncs === 2) full(); file.sync(); } }; }],
  ])('%s has not touched the image, and can be begun anew', async (_, wrong) => {
    const before = new Uint8Array(64 * 1024).fill(1);
    const disk = new BadDisk(new Map([['disk.img', before]]));
    const overlay = new OverlayDevice(new MemoryDevice(before.slice()));
    overlay.write(5000, new Uint8Array(100).fill(2));
    const places = [{ folder: '/', path: '.disk.img.clutch-apply' }];
    const files = [{ path: 'disk.img', size: before.length, inode: '7' }];
    const run = (): Promise<unknown> => apply(overlay, { device: disk.image, files }, { disk, places, free: () => undefined }, nodeJob(), () => { throw new Error('the image was touched'); });
    disk.wrong = wrong;
    await expect(run()).rejects.toMatchObject({ fault: { errno: 'ENOSPC' } });
    expect(disk.others).toEqual([]);
    expect(Buffer.compare(disk.imageBytes, before)).toBe(0);
    disk.wrong = undefined;
    await run();
    expect(disk.imageBytes[5000]).toBe(2);
  });

  it('when another program writes to the image in the middle, leaves that as it is', async () => {
    const session = await unlocked();
    await create(session, 'a');
    const job = nodeJob({ report: ({ now }) => { if (now === 'Keeping the changes safe') writeFileSync(session.path, 'x', { flag: 'r+' }); } });
    await expect(session.editing.apply(job)).rejects.toMatchObject({ kind: 'busy' });
    expect(beside(session)).toEqual([]);
    expect(readFileSync(session.path).subarray(1).equals(Buffer.from(notebookOf(10)).subarray(1))).toBe(true);
    // It is not taken for our own.
    expect(session.editing.state).toHaveProperty('changedUnderneath');
  });

  it('in the middle of the image: nothing is taken back any more, and applied again it is whole', async () => {
    const session = await unlocked();
    await create(session, 'a');
    await create(session, 'b');
    const job = nodeJob({ report: ({ now }) => { if (now === 'Writing to the image') failing.writes = true; } });
    await expect(session.editing.apply(job)).rejects.toMatchObject({ kind: 'io', advice: expect.stringContaining('Apply them again') as string });
    expect(beside(session)).toEqual(['.disk.img.clutch-apply']);
    await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'io' });
    failing.writes = false;
    for (const take of ['undo', 'redo', 'discard', 'lock', 'close'] as const) await expect(take === 'close' ? session.close() : session.editing[take]()).rejects.toMatchObject({ kind: 'busy' });
    expect(await names(session)).toEqual(['a', 'b']);
    await create(session, 'c');
    await session.editing.apply();
    expect(beside(session)).toEqual([]);
    await session.close();
    const again = await openImage(session.path, { registry: [...registry, notebookEntry] });
    open.add(again);
    expect(again.recovery).toEqual([]);
    expect(await names(again)).toEqual(['a', 'b', 'c']);
  });

  it('is no other program\'s fault where that only changed rights or names of the file', async () => {
    const session = await unlocked();
    await session.editing.lock();
    utimesSync(session.path, 1000, 1000);
    await session.editing.unlock();
    await create(session, 'a');
    chmodSync(session.path, 0o600);
    expect(session.editing.state).not.toHaveProperty('changedUnderneath');
    linkSync(session.path, `${session.path}.link`);
    expect(session.editing.state).not.toHaveProperty('changedUnderneath');
    // Contents that were changed, with the time put back.
    writeFileSync(session.path, 'x', { flag: 'r+' });
    utimesSync(session.path, 1000, 1000);
    expect(statSync(session.path).mtimeMs).toBe(1_000_000);
    expect(session.editing.state).toHaveProperty('changedUnderneath');
  });

  it('and one that is saved never takes the place of an image that is edited', async () => {
    const [session, other] = [await unlocked(), await unlocked()];
    await create(other, 'pending');
    await expect(session.editing.saveAs(other.path, { replace: true })).rejects.toMatchObject({ kind: 'busy' });
    expect(beside(other)).toEqual([]);
    expect(other.editing.state).not.toHaveProperty('changedUnderneath');
    await other.close({ discard: true });
    await session.editing.saveAs(other.path, { replace: true });
  });

  it.each<[string, (path: string) => void]>([
    ['was renamed', (path) => renameSync(path, join(path, '..', 'other.img'))],
    ['is opened by another of its names', (path) => linkSync(path, join(path, '..', 'other.img'))],
  ])('in the middle of an image that %s is finished all the same', async (_, change) => {
    const session = await unlocked();
    await create(session, 'a');
    await create(session, 'b');
    const job = nodeJob({ report: ({ now }) => { if (now === 'Writing to the image') failing.writes = true; } });
    await expect(session.editing.apply(job)).rejects.toMatchObject({ kind: 'io' });
    await session.close({ discard: true });
    failing.writes = false;
    // Another image beside it has nothing to do with it.
    writeFileSync(join(session.path, '..', 'third.img'), notebookOf(10));
    change(session.path);
    const third = await openImage(join(session.path, '..', 'third.img'), { registry: [...registry, notebookEntry] });
    open.add(third);
    expect([third.recovery, await names(third)]).toEqual([[], []]);
    const other = await openImage(join(session.path, '..', 'other.img'), { registry: [...registry, notebookEntry] });
    open.add(other);
    expect(other.recovery).toMatchObject([{ state: 'finished' }]);
    expect(await names(other)).toEqual(['a', 'b']);
    expect(beside(session).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

it('says so where neither the folder of the image nor the one for changes is this account\'s', () => {
  const disk = { ...hostDisk, makeFolder: refuse, create: refuse };
  const places = ['/media/stick', '/home/me/.local/share/clutch/apply'].map((place) => ({ folder: place, path: join(place, 'x.clutch-apply') }));
  const denied = expect.objectContaining({ fault: { kind: 'usage', errno: 'EACCES' }, message: expect.stringContaining('neither beside the image nor to /home/me/.local/share/clutch/apply') as string }) as Error;
  expect(() => createSidecar({ disk, places, free: () => undefined })).toThrow(denied);
});

function refuse(): never {
  throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
}
