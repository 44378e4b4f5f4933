import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { WritableFileSystem } from '../jobs/untar.ts';
import { type ImageSession, openImage } from '../session.ts';

const missing = missingTools('mke2fs', 'e2fsck');
const scratch = scratchFolder();
afterAll(() => scratch.remove());

function make(session: ImageSession, name: string): Promise<void> {
  return session.editing.operation({ text: `Made ${name}`, layer: session.select().path }, async () => {
    const { writer, root } = session.select().filesystem as WritableFileSystem;
    await writer.mkdir(root, name, { mode: 0o755 });
  });
}

/** An image as a crash leaves it: its journal is full of what is not in place yet. */
async function dirtyImage(name: string): Promise<string> {
  const path = join(scratch.path, name);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', `${path}.whole`, '16M']);
  const session = await openImage(`${path}.whole`);
  await session.editing.unlock({ direct: true });
  await make(session, 'journalled');
  copyFileSync(`${path}.whole`, path);
  await session.close();
  return path;
}

describe.skipIf(missing !== undefined)(`an image whose journal has to be replayed first${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  it('is locked again and closed without a question: the replay is nobody\'s change', async () => {
    const path = await dirtyImage('lock.img');
    const before = readFileSync(path);
    const session = await openImage(path);
    expect(session.select().filesystem.info.state).toBe('needs-recovery');
    await session.editing.unlock();
    expect(session.editing.state).toMatchObject({ state: 'editing', operations: 0 });
    await session.editing.lock();
    await session.editing.unlock();
    await make(session, 'new');
    await expect(session.editing.lock()).rejects.toMatchObject({ kind: 'busy' });
    await session.editing.discard();
    expect(session.editing.state).toMatchObject({ state: 'editing', operations: 0 });
    await session.editing.lock();
    await session.editing.unlock();
    await make(session, 'newer');
    await session.editing.undo();
    await session.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('has the replay and the changes after an Apply', async () => {
    const path = await dirtyImage('apply.img');
    const session = await openImage(path);
    await session.editing.unlock();
    await make(session, 'new');
    await session.editing.apply();
    await session.close();
    run('e2fsck', ['-fn', path]);
    const again = await openImage(path);
    const { filesystem } = again.select();
    expect(filesystem.info.state).toBe('clean');
    expect([await filesystem.lookup(2, 'journalled'), await filesystem.lookup(2, 'new')]).not.toContain(undefined);
    await again.close();
    expect(readdirSync(scratch.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
