import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryPages } from '../../engines/core/bytes/pages.ts';
import { usage } from '../../engines/core/errors.ts';
import type { Maybe, NodeId } from '../../engines/core/filesystem.ts';
import type { TreeChanged } from '../../engines/core/served.ts';
import type { Writer } from '../../engines/core/writer.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { type ImageSession, openImage, type OpenImageOptions } from '../session.ts';
import { LiveTree, type LiveTreeOptions } from './live-tree.ts';
import { CHANGED_THROUGH_MOUNT } from './write-batch.ts';

const skip = missingTools('mke2fs', 'e2fsck');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** What is answered at once: a promise is a failure. */
function now<T>(value: Maybe<T>): T {
  if (value instanceof Promise) throw new Error('it was not answered at once');
  return value;
}

async function put(writer: Writer, name: string, text: string): Promise<NodeId> {
  const node = await writer.create(2, name, { mode: 0o644 });
  await writer.write(node, 0, bytes(text));
  return node;
}

async function textOf(tree: LiveTree, name: string): Promise<string | undefined> {
  const node = await tree.fs.lookup(2, name);
  if (node === undefined) return undefined;
  const into = new Uint8Array((await tree.fs.stat(node)).size);
  await tree.fs.read(node, 0, into);
  return new TextDecoder().decode(into);
}

describe.skipIf(skip !== undefined)(`a tree that is served from an ext4${skip === undefined ? '' : ` (${skip})`}`, () => {
  let scratch: ReturnType<typeof scratchFolder>;
  let image: string;
  let session: ImageSession;
  const trees = new Set<LiveTree>();

  beforeEach(async () => {
    scratch = scratchFolder();
    image = join(scratch.path, 'disk.img');
    writeFileSync(image, '');
    truncateSync(image, 8 << 20);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', image]);
    await open();
  });
  afterEach(async () => {
    for (const tree of trees) await tree.close().catch(() => {});
    trees.clear();
    await session.close({ discard: true });
    scratch.remove();
  });

  async function open(options: OpenImageOptions = {}): Promise<void> {
    session = await openImage(image, options);
  }

  /** Served, and what it told. */
  function serve(options: LiveTreeOptions = {}): { tree: LiveTree; told: TreeChanged[]; writer: Writer } {
    const tree = new LiveTree(session, '0', options);
    trees.add(tree);
    const told: TreeChanged[] = [];
    tree.onChange((change) => { told.push(change); });
    return { tree, told, writer: tree.fs.writer! };
  }

  const operations = async (): Promise<string[]> => (await session.editing.review()).operations.map(({ text }) => text);

  it('is for reading alone unless it is asked for, and for writing only once the image is unlocked', async () => {
    expect(serve().tree.fs.writer).toBeUndefined();
    expect(() => serve({ write: true })).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'EROFS' }, advice: 'Unlock it to edit.' }));
    await session.editing.unlock();
    expect(serve().tree.fs.writer).toBeUndefined();
    expect(serve({ write: true }).writer).toBeDefined();
  });

  it('answers at once while the layer is open, and waits while it is opened anew', async () => {
    const { tree, told } = serve();
    const { root } = tree.fs;
    expect(now(tree.fs.stat(root)).type).toBe('dir');
    const unlocking = session.editing.unlock();
    // The editing begins in a turn of its own; from then on everything waits for the new layer.
    let waited = false;
    for (let turns = 0; turns < 1000 && !waited; turns++) {
      await Promise.resolve();
      const stat = tree.fs.stat(root);
      waited = stat instanceof Promise;
      expect((await stat).type).toBe('dir');
    }
    await unlocking;
    expect(waited).toBe(true);
    expect(now(tree.fs.stat(root)).type).toBe('dir');
    expect(told).toEqual([{ what: 'all' }]);
  });

  it('gathers changes into one operation, whose changes after the first are made at once', async () => {
    await session.editing.unlock();
    const { tree, writer } = serve({ write: true });
    const first = writer.create(2, 'a', { mode: 0o644 });
    expect(first).toBeInstanceOf(Promise);
    const node = await first;
    for (let i = 0; i < 100; i++) expect(now(writer.write(node, i * 5, bytes('hello')))).toBe(5);
    now(writer.mkdir(2, 'b', { mode: 0o755 }));
    await tree.settle();
    expect(await operations()).toEqual([CHANGED_THROUGH_MOUNT]);
    await session.editing.undo();
    expect(await tree.fs.lookup(2, 'a')).toBeUndefined();
    await session.editing.redo();
    expect(await textOf(tree, 'a')).toBe('hello'.repeat(100));
  });

  it('makes way for whoever waits for the editing, and goes on after it', async () => {
    await session.editing.unlock();
    const { tree, told, writer } = serve({ write: true });
    await put(writer, 'a', 'first');
    // In the middle of a batch.
    const layer = session.select().filesystem;
    await session.editing.operation({ text: 'Made the folder mine', layer: '0' }, async () => { await layer.writer!.mkdir(2, 'mine', { mode: 0o755 }); });
    await put(writer, 'b', 'second');
    expect(await operations()).toEqual([CHANGED_THROUGH_MOUNT, 'Made the folder mine', CHANGED_THROUGH_MOUNT]);
    const { bytes: applied } = await session.editing.apply();
    expect(applied).toBeGreaterThan(0);
    expect(told).toEqual([]);
    await put(writer, 'c', 'third');
    await tree.settle();
    await session.editing.undo();
    expect([await textOf(tree, 'b'), await textOf(tree, 'c')]).toEqual(['second', undefined]);
    expect(told).toEqual([{ what: 'all' }]);
    await tree.close();
    await session.editing.apply();
    run('e2fsck', ['-fn', image]);
  });

  it('ends a batch by itself after a pause', async () => {
    await session.editing.unlock();
    const { writer } = serve({ write: true });
    const ended = new Promise<void>((resolve) => { session.editing.onChange(resolve); });
    await put(writer, 'a', 'x');
    expect(session.editing.state).toMatchObject({ operations: 0 });
    await ended;
    expect(session.editing.state).toMatchObject({ operations: 1, undo: { text: CHANGED_THROUGH_MOUNT } });
  });

  it('keeps what was synced one by one as one step, until something else happens', async () => {
    await session.editing.unlock();
    const { tree, writer } = serve({ write: true });
    for (let i = 0; i < 20; i++) {
      await put(writer, `file ${i}`, String(i));
      await writer.sync();
    }
    expect(await operations()).toEqual([CHANGED_THROUGH_MOUNT]);
    await session.editing.undo();
    expect(now(tree.fs.list(2)).entries.map(({ name }) => name)).toEqual(['lost+found']);
    await session.editing.redo();
    expect(await textOf(tree, 'file 19')).toBe('19');
  });

  it('tells what was changed through it', async () => {
    await session.editing.unlock();
    const folders = new Set<NodeId>();
    const nodes = new Set<NodeId>();
    const { tree, writer } = serve({ write: true, onWritten: (some, more) => { for (const each of some) folders.add(each); for (const each of more) nodes.add(each); } });
    const made = await writer.mkdir(2, 'folder', { mode: 0o755 });
    const node = await writer.create(made, 'a', { mode: 0o644 });
    await writer.write(node, 0, bytes('x'));
    await writer.rename(made, 'a', 2, 'b', 'keep');
    await tree.settle();
    expect([...folders].toSorted((a, b) => a - b)).toEqual([2, made]);
    expect([...nodes]).toEqual([node]);
  });

  it('holds what is open over an opening anew, and says so of what is gone', async () => {
    await session.editing.unlock();
    const { tree, writer } = serve({ write: true });
    const kept = await put(writer, 'kept', 'kept');
    await tree.settle();
    await session.editing.apply();
    const gone = await put(writer, 'gone', 'gone');
    await writer.hold(kept);
    await writer.hold(gone);
    expect(tree.held).toBe(2);
    await tree.settle();
    await session.editing.undo();
    await expect((async () => tree.fs.stat(gone))()).rejects.toMatchObject({ fault: { errno: 'ESTALE' } });
    await expect((async () => writer.write(gone, 0, bytes('x')))()).rejects.toMatchObject({ fault: { errno: 'ESTALE' } });
    // It is held anew: it outlives its name.
    await writer.unlink(2, 'kept');
    const into = new Uint8Array(4);
    expect(now(tree.fs.read(kept, 0, into))).toBe(4);
    await writer.release(gone);
    await writer.release(kept);
    expect(tree.held).toBe(0);
    await tree.close();
    await session.editing.apply();
    run('e2fsck', ['-fn', image]);
  });

  it('tells of changes that the disk has no room to keep, and serves what was kept before them', async () => {
    await session.close();
    /** Room for so many bytes of changes. */
    let room = 1 << 20;
    class SmallPages extends MemoryPages {
      override write(at: number, from: Uint8Array): void {
        if (at + from.length > room) throw usage('ENOSPC', 'The disk of the changes is full');
        super.write(at, from);
      }
    }
    await open({ pages: () => new SmallPages() });
    await session.editing.unlock();
    const lost: unknown[] = [];
    const { tree, writer } = serve({ write: true, onLost: (error) => { lost.push(error); } });
    await put(writer, 'before', 'kept');
    await writer.sync();
    const node = await writer.create(2, 'large', { mode: 0o644 });
    const full = async (): Promise<void> => {
      for (let at = 0; at < 4 << 20; at += 65536) await writer.write(node, at, new Uint8Array(65536).fill(7));
      await writer.sync();
    };
    await expect(full()).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOSPC' } });
    await tree.settle().catch(() => {});
    expect(await textOf(tree, 'before')).toBe('kept');
    room = 64 << 20;
    await put(writer, 'after', 'too');
    await writer.sync();
    await tree.close();
    await session.editing.apply();
    run('e2fsck', ['-fn', image]);
  });

  it('brings direct changes to the image when they are synced', async () => {
    await session.editing.unlock({ direct: true });
    const { tree, writer } = serve({ write: true });
    await put(writer, 'a', 'direct');
    await writer.sync();
    const other = await openImage(image);
    const { filesystem } = other.select();
    expect(await filesystem.lookup(2, 'a')).toBeDefined();
    await other.close();
    await tree.close();
    await session.editing.lock();
    run('e2fsck', ['-fn', image]);
  });

  it('refuses everything once it is closed', async () => {
    await session.editing.unlock();
    const { tree, writer } = serve({ write: true });
    await put(writer, 'a', 'x');
    await tree.close();
    await expect((async () => tree.fs.stat(2))()).rejects.toMatchObject({ fault: { errno: 'EBADF' } });
    await expect((async () => writer.create(2, 'b', { mode: 0o644 }))()).rejects.toMatchObject({ fault: { errno: 'EBADF' } });
    expect(await operations()).toEqual([CHANGED_THROUGH_MOUNT]);
  });
});
