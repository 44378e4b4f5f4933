import type * as nodeFs from 'node:fs';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { WritableFileSystem } from '../jobs/untar.ts';
import { type ImageSession, nodeJob, openImage } from '../session.ts';

/** Answers what a write or a sync of this process fails with. */
const failing = vi.hoisted(() => ({
  write: (_bytes: Uint8Array): boolean => false,
  sync: (): boolean => false,
  fail(): never { throw Object.assign(new Error('EIO: the disk is broken'), { code: 'EIO' }); },
}));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof nodeFs>();
  const writeSync = (fd: number, bytes: Uint8Array, ...args: [number, number, number]): number => (failing.write(bytes) ? failing.fail() : fs.writeSync(fd, bytes, ...args));
  const fsyncSync = (fd: number): void => (failing.sync() ? failing.fail() : fs.fsyncSync(fd));
  return { ...fs, writeSync, fsyncSync, default: { ...fs, writeSync, fsyncSync } };
});

const missing = missingTools('mke2fs', 'e2fsck');
const scratch = scratchFolder();
const open = new Set<ImageSession>();
function works(): void {
  failing.write = () => false;
  failing.sync = () => false;
}
afterEach(async () => {
  works();
  for (const session of open) await session.close({ discard: true });
  open.clear();
});
afterAll(() => scratch.remove());

const SIDECAR = '.disk.img.clutch-apply';
let images = 0;

async function opened(path: string): Promise<ImageSession> {
  const session = await openImage(path);
  open.add(session);
  return session;
}

/** An ext4 into which a large file is to go, nearly all of it over zeros; and the image as it is. */
async function edited(): Promise<{ readonly session: ImageSession; readonly before: Buffer }> {
  const folder = join(scratch.path, `${++images}`);
  mkdirSync(folder);
  const path = join(folder, 'disk.img');
  run('mke2fs', ['-q', '-F', '-t', 'ext4', path, '24M']);
  const before = readFileSync(path);
  const session = await opened(path);
  await session.editing.unlock();
  await write(session, 'large', 6 * 1024 * 1024);
  return { session, before };
}

function write(session: ImageSession, name: string, length: number): Promise<void> {
  return session.editing.operation({ text: `Wrote ${name}`, layer: session.select().path }, async () => {
    const { writer, root } = session.select().filesystem as WritableFileSystem;
    await writer.write(await writer.create(root, name, { mode: 0o644 }), 0, new Uint8Array(length).fill(65));
  });
}

const beside = (session: ImageSession): string[] => readdirSync(join(session.path, '..')).filter((name) => name !== 'disk.img');
/** A job that does something when the image was first written to. */
const whenWriting = (act: () => void) => nodeJob({ report: ({ now }) => { if (now === 'Writing to the image') act(); } });

/** The image is sound and has the files. */
async function sound(session: ImageSession, ...names: string[]): Promise<void> {
  expect(beside(session)).toEqual([]);
  await session.close();
  open.delete(session);
  run('e2fsck', ['-fn', session.path]);
  const again = await opened(session.path);
  expect(again.recovery).toEqual([]);
  const { filesystem } = again.select();
  for (const name of names) expect(await filesystem.lookup(filesystem.root, name), name).toBeDefined();
}

const KEPT = { sidecar: expect.stringContaining(SIDECAR) as string };
const isMark = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(0, 8)).toString() === 'CLUTCHOK';

describe.skipIf(missing !== undefined)(`an Apply that fails in the middle of the image${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  it('and takes back what it did has done nothing, is nobody else\'s change, and can be begun anew', async () => {
    const { session, before } = await edited();
    let broken = false;
    failing.write = () => broken && !(broken = false);
    let once = false;
    await expect(session.editing.apply(whenWriting(() => { if (!once) once = broken = true; }))).rejects.toMatchObject({ kind: 'io', message: expect.stringContaining('It is as it was before') as string });
    expect(once).toBe(true);
    expect(readFileSync(session.path).equals(before)).toBe(true);
    expect(beside(session)).toEqual([]);
    expect(session.editing.state).not.toHaveProperty('changedUnderneath');
    expect(session.editing.state).not.toHaveProperty('unfinished');
    expect(session.editing.state).toMatchObject({ operations: 1 });
    await write(session, 'second', 5000);
    await session.editing.undo();
    await session.editing.redo();
    await session.editing.apply();
    await sound(session, 'large', 'second');
  });

  it('and can\'t take back what it did goes on from there when it is asked again', async () => {
    const { session, before } = await edited();
    await expect(session.editing.apply(whenWriting(() => { failing.write = () => true; }))).rejects.toMatchObject({ kind: 'io', message: expect.stringContaining('Nor could') as string });
    expect(beside(session)).toEqual([SIDECAR]);
    expect(session.editing.state).toMatchObject({ unfinished: { ...KEPT, wayBack: true } });
    expect(readFileSync(session.path).equals(before)).toBe(false);
    await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'io' });
    works();
    for (const take of ['undo', 'redo', 'discard', 'lock', 'close'] as const) await expect(take === 'close' ? session.close() : session.editing[take]()).rejects.toMatchObject({ kind: 'busy' });
    await write(session, 'second', 5000);
    // It is all here still, whatever the image has of it.
    const copy = join(session.path, '../copy.img');
    await session.editing.saveAs(copy);
    run('e2fsck', ['-fn', copy]);
    rmSync(copy);
    await session.editing.apply();
    expect(session.editing.state).not.toHaveProperty('unfinished');
    await sound(session, 'large', 'second');
  });

  it('and can\'t take back what it did is taken back at the next opening', async () => {
    const { session, before } = await edited();
    await expect(session.editing.apply(whenWriting(() => { failing.write = () => true; }))).rejects.toMatchObject({ kind: 'io' });
    await session.close({ discard: true });
    open.delete(session);
    works();
    const again = await opened(session.path);
    expect(again.recovery).toMatchObject([{ state: 'unchanged', message: expect.stringContaining('taken back') as string }]);
    expect(readFileSync(session.path).equals(before)).toBe(true);
    expect(beside(again)).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['written', () => { failing.write = isMark; }],
    ['made durable', () => {
      let written = false;
      failing.write = (bytes) => {
        written ||= isMark(bytes);
        return false;
      };
      failing.sync = () => written;
    }],
  ])('because it can\'t be said that it is committed (that is not %s) goes on when it is asked again', async (_, fail) => {
    const { session } = await edited();
    await expect(session.editing.apply(whenWriting(fail))).rejects.toMatchObject({ kind: 'io' });
    expect(session.editing.state).toMatchObject({ unfinished: { ...KEPT, wayBack: true } });
    await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'io' });
    works();
    await write(session, 'second', 5000);
    await session.editing.apply();
    expect(session.editing.state).not.toHaveProperty('unfinished');
    await sound(session, 'large', 'second');
  });

  it('when it is committed is finished when it is asked again, or at the next opening', async () => {
    for (const anew of [true, false]) {
      const { session } = await edited();
      let marked = false;
      failing.write = (bytes) => marked || ((marked = isMark(bytes)) && false);
      await expect(session.editing.apply()).rejects.toMatchObject({ kind: 'io', advice: expect.stringContaining('it is finished then') as string });
      expect(session.editing.state).toMatchObject({ unfinished: { ...KEPT, wayBack: false } });
      works();
      if (anew) {
        await session.editing.apply();
        await sound(session, 'large');
      } else {
        await session.close({ discard: true });
        open.delete(session);
        const again = await opened(session.path);
        expect(again.recovery).toMatchObject([{ state: 'finished' }]);
        await sound(again, 'large');
      }
    }
  });
});
