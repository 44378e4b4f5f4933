import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryPages } from '../../engines/core/bytes/pages.ts';
import { usage } from '../../engines/core/errors.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { WritableFileSystem } from '../jobs/untar.ts';
import { type ImageSession, openImage } from '../session.ts';

const missing = missingTools('mke2fs', 'e2fsck', 'debugfs');
const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** A store on a disk that has room for so many writes. */
class FullPages extends MemoryPages {
  room = Infinity;

  override write(at: number, from: Uint8Array): void {
    if (--this.room < 0) throw usage('ENOSPC', 'The disk has no room for the pending changes');
    super.write(at, from);
  }
}

let images = 0;

async function unlocked(): Promise<{ readonly session: ImageSession; readonly pages: FullPages }> {
  const folder = join(scratch.path, `${++images}`);
  mkdirSync(folder);
  const path = join(folder, 'disk.img');
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', path, '4M']);
  const pages = new FullPages();
  const session = await openImage(path, { pages: () => pages });
  await session.editing.unlock();
  return { session, pages };
}

/** Makes files, with a word in each. */
function fill(session: ImageSession, name: string, count: number): Promise<void> {
  return session.editing.operation({ text: name, layer: session.select().path }, async () => {
    const { writer, root } = session.select().filesystem as WritableFileSystem;
    const folder = await writer.mkdir(root, name, { mode: 0o755 });
    for (let i = 0; i < count; i++) await writer.write(await writer.create(folder, `file ${i}`, { mode: 0o644 }), 0, new Uint8Array(3000).fill(65));
  });
}

describe.skipIf(missing !== undefined)(`the disk of the pending changes is full${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  it('the operation is undone wherever that happens, and everything else goes on', async () => {
    const { session, pages } = await unlocked();
    await fill(session, 'before', 5);
    const operations = (): unknown => session.editing.state.state === 'editing' && session.editing.state.operations;
    const changed = (): unknown => session.editing.state.state === 'editing' && session.editing.state.changedBytes;
    const there = changed();
    let failed = 0;
    for (let room = 0; ; room++) {
      pages.room = room;
      const error = await fill(session, 'during', 12).catch((thrown: unknown) => thrown);
      pages.room = Infinity;
      if (error === undefined) break;
      failed++;
      expect(error).toMatchObject({ fault: { errno: 'ENOSPC' } });
      const { filesystem } = session.select();
      const half = await filesystem.lookup(filesystem.root, 'during');
      // What was done until it failed stays only as a whole that is sound.
      await session.editing.saveAs(`${session.path}.copy`, { replace: true });
      run('e2fsck', ['-fn', `${session.path}.copy`]);
      if (half === undefined) expect([operations(), changed()]).toEqual([1, there]);
      else await session.editing.undo();
      expect(await session.select().filesystem.lookup(2, 'before')).toBeDefined();
    }
    expect(failed).toBeGreaterThan(10);
    expect(operations()).toBe(2);
    await session.editing.apply();
    await session.close();
    run('e2fsck', ['-fn', session.path]);
    expect(run('debugfs', ['-R', 'ls -p /during', session.path])).toContain('/file 11/');
  });
});
