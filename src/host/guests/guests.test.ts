import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { layersOf } from '../../engines/core/layer.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { type ImageSession, openImage } from '../session.ts';
import { openersOf } from '../service/openers.ts';
import { toolOf } from '../edit/checks.ts';
import { nodeJob } from '../session.ts';
import { toolVersion } from './checking.ts';
import { asPrinted } from './lines.ts';
import { type FakeGuests, fakeDisk, fakeGuest, fakeGuests, treeOf } from './testing/fake-machine.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const image = join(scratch.path, 'disk.img');

let guests: FakeGuests;
beforeEach(() => {
  guests = fakeGuests();
  writeFileSync(image, fakeDisk({ 'a.txt': 'one', 'sub/b.txt': 'two', 'sub/c.txt': 'three' }));
});

/** What lies in the image's file. */
const onDisk = (): Record<string, string> => {
  const bytes = readFileSync(image);
  return treeOf((at, into) => into.set(bytes.subarray(at, at + into.length)));
};

async function names(session: ImageSession, path: readonly string[] = []): Promise<string[]> {
  const { filesystem } = session.select();
  let at = filesystem.root;
  for (const name of path) at = (await filesystem.lookup(at, name))!;
  const found: string[] = [];
  let cursor;
  do {
    const batch = await filesystem.list(at, cursor);
    found.push(...batch.entries.map(({ name }) => name));
    cursor = batch.next;
  } while (cursor !== undefined);
  return found.toSorted();
}

async function text(session: ImageSession, name: string): Promise<string> {
  const { filesystem } = session.select();
  const into = new Uint8Array(100);
  return new TextDecoder().decode(into.subarray(0, await filesystem.read((await filesystem.lookup(filesystem.root, name))!, 0, into)));
}

/** One operation: a new file. */
const make = (session: ImageSession, name: string, content = 'new') => session.editing.operation({ text: `Made ${name}`, layer: '0' }, async () => {
  const { filesystem } = session.select();
  const node = await filesystem.writer!.create(filesystem.root, name, { mode: 0o644 });
  await filesystem.writer!.write(node, 0, new TextEncoder().encode(content));
});

/** Whoever watches a machine has heard of its end. */
const told = () => new Promise((resolve) => { setImmediate(resolve); });

const ended = (session: ImageSession) => session.close({ discard: true });

describe('choosing', () => {
  it('opens the only filesystem by the guest that mounts it, for reading, and closes it', async () => {
    const session = await openImage(image, { guests });
    const { title, format, label, filesystem, openers } = session.select();
    expect({ title, format, label }).toEqual({ title: 'XFS', format: 'xfs', label: 'fakevolume' });
    expect(openers[0]).toMatchObject({ id: 'guest:fake', access: 'read-write' });
    expect(filesystem.info.details).toContainEqual(['Opened by', 'Fake fake (guest fake)']);
    expect(await names(session)).toEqual(['a.txt', 'sub']);
    expect(await names(session, ['sub'])).toEqual(['b.txt', 'c.txt']);
    expect(guests.machines.map(({ asked }) => asked)).toEqual([['mount xfs ro,norecovery']]);
    await ended(session);
    expect(guests.machines[0]!.isDead).toBe(true);
  });

  it('waits with all ways in where it is told not to open, and opens when it is asked', async () => {
    const session = await openImage(image, { guests, open: false });
    expect(session.layers).toMatchObject({ kind: 'filesystem', title: 'XFS', label: 'fakevolume', openers: [{ id: 'guest:fake', access: 'read-write', seconds: 1 }] });
    expect(session.layers.filesystem).toBeUndefined();
    expect(() => session.select()).toThrow('XFS is not open yet');
    expect((await session.open()).title).toBe('XFS');
    await ended(session);
  });

  it('ranks what can be used, writes and is ranked before what can not', async () => {
    const readOnly = { format: 'xfs', type: 'xfs', access: 'read-only', reason: 'too old', modules: [], readOptions: [], device: 'disk' } as const;
    guests = fakeGuests(fakeGuest('missing', { state: 'missing', missing: 'Build it: clutch guests build missing' }), fakeGuest('old', {}, [readOnly]), fakeGuest('good'), fakeGuest('bad', {}, [{ ...readOnly, access: 'known-bad', reason: 'it oopses' }]));
    const session = await openImage(image, { guests, open: false });
    expect(session.layers.openers.map(({ id, access }) => [id, access])).toEqual([['guest:good', 'read-write'], ['guest:old', 'read-only'], ['guest:missing', 'refused'], ['guest:bad', 'refused']]);
    expect(session.layers.openers.map(({ reason }) => reason)).toEqual(["its kernel's own driver, takes about 1 s", "its kernel's own driver, takes about 1 s; too old", 'Build it: clutch guests build missing', 'it oopses']);
    const rows = openersOf(session.layers, await session.openers());
    expect(rows.filter(({ confidence }) => confidence > 0).map(({ id }) => id).toSorted()).toEqual(['guest:bad', 'guest:good', 'guest:missing', 'guest:old']);
    await session.reopen('0', { format: 'guest:old' });
    expect(session.select().filesystem.info.access).toEqual({ write: false, reason: 'Fake old, a guest: too old' });
    await expect(session.reopen('0', { format: 'guest:missing' })).rejects.toMatchObject({ message: "Fake missing can't be started: Build it: clutch guests build missing" });
    await expect(session.reopen('0', { format: 'guest:bad' })).rejects.toThrow('known to be no good');
    expect(await names(session)).toEqual(['a.txt', 'sub']);
    await ended(session);
  });

  it('says what would help where no guest can', async () => {
    guests = fakeGuests(fakeGuest('missing', { state: 'missing', missing: 'Build it: clutch guests build missing' }));
    const session = await openImage(image, { guests });
    expect(() => session.select()).toThrow('XFS is opened by a guest, and none is ready');
    await expect(session.open()).rejects.toMatchObject({ kind: 'unsupported', advice: 'Fake missing: Build it: clutch guests build missing' });
    await ended(session);
  });

  it('tries milder mount options when the first are refused, and says what the kernel said when all are', async () => {
    guests.refuse = (options) => (options === 'ro,norecovery' ? 'unknown option norecovery' : undefined);
    await ended(await openImage(image, { guests }));
    expect(guests.machines[0]!.asked.slice(0, 2)).toEqual(['mount xfs ro,norecovery', 'mount xfs ro']);
    guests.refuse = (options) => `bad superblock (${options})`;
    const session = await openImage(image, { guests });
    expect(session.layers.error?.message).toBe('mount: bad superblock (ro,norecovery)');
    expect(guests.machines.every(({ isDead }) => isDead)).toBe(true);
    await ended(session);
  });

  it('opens what no sign tells as what it is told to be', async () => {
    const bytes = fakeDisk({ x: 'y' }).fill(0, 0, 4);
    writeFileSync(image, bytes);
    const session = await openImage(image, { guests });
    expect(session.layers.kind).toBe('unknown');
    await expect(session.reopen('0', { format: 'guest:fake' })).rejects.toMatchObject({ message: "The bytes don't tell which filesystem they are" });
    await session.reopen('0', { format: 'guest:fake/xfs' });
    expect(await names(session)).toEqual(['x']);
    await ended(session);
  });
});

describe('changing', () => {
  it('reaches the image when it is applied, each step whole and clean, with undo and redo', async () => {
    const session = await openImage(image, { guests });
    await session.editing.unlock();
    await make(session, 'new.txt');
    await make(session, 'more.txt');
    expect(await names(session)).toEqual(['a.txt', 'more.txt', 'new.txt', 'sub']);
    expect(onDisk()).not.toHaveProperty(['new.txt']);
    await session.editing.undo();
    expect(await names(session)).toEqual(['a.txt', 'new.txt', 'sub']);
    await session.editing.redo();
    expect(await names(session)).toEqual(['a.txt', 'more.txt', 'new.txt', 'sub']);
    await session.editing.undo();
    await session.editing.apply();
    expect(onDisk()).toMatchObject({ 'a.txt': 'one', 'new.txt': 'new' });
    expect(onDisk()).not.toHaveProperty(['more.txt']);
    expect(guests.machines.flatMap(({ asked }) => asked.slice(-1))).not.toContain('sync');
    await ended(session);
  });

  it('throws changes away, and writes them to a new image', async () => {
    const session = await openImage(image, { guests });
    await session.editing.unlock();
    await make(session, 'new.txt');
    const copy = join(scratch.path, 'copy.img');
    await session.editing.saveAs(copy, { replace: true });
    await session.editing.discard();
    expect(await names(session)).toEqual(['a.txt', 'sub']);
    await ended(session);
    expect(onDisk()).not.toHaveProperty(['new.txt']);
    const second = await openImage(copy, { guests });
    expect(await names(second)).toEqual(['a.txt', 'new.txt', 'sub']);
    await ended(second);
  });

  it('writes through where that is asked for', async () => {
    const session = await openImage(image, { guests });
    await session.editing.unlock({ direct: true });
    await make(session, 'new.txt');
    expect(onDisk()).toHaveProperty(['new.txt'], 'new');
    await ended(session);
  });

  it('keeps the numbers of nodes over steps, undo and another start of the guest', async () => {
    const session = await openImage(image, { guests });
    const before = await session.select().filesystem.lookup(session.select().filesystem.root, 'sub');
    await session.editing.unlock();
    await make(session, 'new.txt');
    await session.editing.undo();
    const { filesystem } = session.select();
    expect((await filesystem.list(before!)).entries.map(({ name }) => name)).toEqual(['b.txt', 'c.txt']);
    expect(await filesystem.lookup(filesystem.root, 'sub')).toBe(before);
    await ended(session);
  });

  it('takes back the step in which the guest died, says so, and goes on', async () => {
    const noted: string[] = [];
    const session = await openImage(image, { guests, onNote: ({ message }) => noted.push(message) });
    await session.editing.unlock();
    await make(session, 'first.txt');
    const work = session.editing.operation({ text: 'Half', layer: '0' }, async () => {
      const { filesystem } = session.select();
      await filesystem.writer!.create(filesystem.root, 'half.txt', { mode: 0o644 });
      guests.machines.at(-1)!.die({ cause: 'panic', message: 'panicked: Oops' });
      await filesystem.writer!.create(filesystem.root, 'other.txt', { mode: 0o644 });
    });
    await expect(work).rejects.toMatchObject({ kind: 'guest', message: 'Fake fake panicked: Oops' });
    expect(await names(session)).toEqual(['a.txt', 'first.txt', 'sub']);
    await make(session, 'second.txt');
    await session.editing.apply();
    expect(Object.keys(onDisk()).toSorted()).toEqual(['a.txt', 'first.txt', 'second.txt', 'sub/b.txt', 'sub/c.txt']);
    await ended(session);
  });

  it('takes the step back, too, when the guest dies after the last write and before all of it was on the disk', async () => {
    const session = await openImage(image, { guests });
    await session.editing.unlock();
    const work = session.editing.operation({ text: 'Half', layer: '0' }, async () => {
      const { filesystem } = session.select();
      await filesystem.writer!.create(filesystem.root, 'half.txt', { mode: 0o644 });
      guests.machines.at(-1)!.die({ cause: 'crashed', message: 'crashed' });
    });
    await expect(work).rejects.toMatchObject({ kind: 'guest' });
    expect(await names(session)).toEqual(['a.txt', 'sub']);
    expect(session.editing.state).toMatchObject({ operations: 0 });
    await ended(session);
  });
});

describe('a guest that ends', () => {
  it('comes back by itself when it died while it was read, and is given up when it dies again and again', async () => {
    const session = await openImage(image, { guests });
    guests.machines[0]!.die({ cause: 'panic', message: 'panicked' });
    await told();
    expect(await names(session)).toEqual(['a.txt', 'sub']);
    expect(guests.machines).toHaveLength(2);
    guests.refuse = () => {
      guests.machines.at(-1)!.die({ cause: 'panic', message: 'panicked' });
      return 'gone';
    };
    guests.machines[1]!.die({ cause: 'panic', message: 'panicked' });
    await told();
    for (let i = 0; i < 8; i++) await expect(names(session)).rejects.toMatchObject({ kind: 'guest' });
    expect(guests.machines.length).toBeLessThan(8);
    expect([...layersOf(session.layers)].flatMap(({ notes }) => notes.map(({ message }) => message))).toContain('Fake fake ended: panicked');
    await ended(session);
  });

  it('leaves the image open with the reason when it can not be started', async () => {
    const { DiskError } = await import('../../engines/core/errors.ts');
    guests.launchFails = new DiskError({ kind: 'guest', guest: 'fake' }, 'QEMU did not start');
    const session = await openImage(image, { guests });
    expect(session.layers).toMatchObject({ title: 'XFS', error: { message: 'QEMU did not start' } });
    guests.launchFails = undefined;
    await session.reopen('0', { format: 'guest:fake' });
    expect(await text(session, 'a.txt')).toBe('one');
    await ended(session);
  });
});

describe("checking by the filesystem's own tool", () => {
  it('knows the version of a tool by its package', () => {
    const packages = [['xfsprogs', '6.13.0-2+deb13u1'], ['ntfs-3g', '1:2022.10.3-5+deb13u3'], ['native', '1.0']].map(([name = '', version = '']) => ({ name, version, sha256: '' }));
    expect(['xfsprogs', 'ntfs-3g', 'native', 'none'].map((from) => toolVersion({ package: from }, { packages }))).toEqual(['6.13.0', '2022.10.3', '1.0', '']);
    expect(toolVersion({ package: 'xfsprogs' }, undefined)).toBe('');
  });

  it('tells lines as a terminal shows them: what a wheel or a counter printed over, and tabs', () => {
    expect(asPrinted('Checking internal tree..  \b/\b-\b\\\bfinished')).toBe('Checking internal tree.. finished');
    expect(asPrinted('/.\b\b   \b\b\bdone')).toBe('done');
    expect(asPrinted('\b\ba\b')).toBe('a');
    expect(asPrinted('\tLeaves\t1')).toBe('        Leaves  1');
    expect(asPrinted('12\b\b\t3')).toBe('12      3');
    expect(asPrinted('\u001b[31m plain')).toBe('\u001b[31m plain');
  });

  it('looks at the disk without writing to it, tells each line, and knows what the status means', async () => {
    const session = await openImage(image, { guests, open: false });
    guests.tool = (_program, _args, disk, line) => {
      line('Phase 1 - find and verify superblock...');
      line('would fix it');
      return disk.read === undefined ? 9 : 1;
    };
    const tool = (await toolOf(session.layers, await session.openers()))!;
    const lines: string[] = [];
    const result = await tool.run([session.layers.device], { repair: false, line: (each) => lines.push(each) }, nodeJob());
    expect(lines).toEqual(['Phase 1 - find and verify superblock...', 'would fix it']);
    expect(result).toMatchObject({ state: 'errors', status: 1 });
    expect(guests.machines.at(-1)!.asked).toEqual(['xfs_repair -n {dev}', 'stop']);
    guests.tool = () => 0;
    expect((await tool.run([session.layers.device], { repair: false, line: () => {} }, nodeJob())).state).toBe('clean');
    guests.tool = () => 77;
    expect(await tool.run([session.layers.device], { repair: false, line: () => {} }, nodeJob())).toMatchObject({ state: 'unchecked', error: { message: 'xfs_repair ended with status 77: it could not check' } });
    await ended(session);
  });
});
