import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { Writer } from '../../core/writer.ts';
import { compareWalks } from '../compare.ts';
import { random } from '../fuzz/random.ts';
import type { MemoryNode } from '../memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../memory-writer.ts';
import { askReference } from '../oracle/truth.ts';
import { listAll, readAll, walk, type WalkEntry } from '../walk.ts';
import { freshImage, fsck, openBytes, TestAccess } from './images.ts';
import type { Shape } from './matrix.ts';
import { Operations } from './operations.ts';

/** What became of a run. */
export interface Outcome {
  readonly operations: number;
  readonly refused: number;
  readonly full: number;
  /** Why the kernel was not asked; empty when it was. */
  readonly unasked: string;
}

/**
 * Random operations on a new filesystem and on a tree in memory; then e2fsck must find nothing, and the kernel, our own reading engine and the
 * tree in memory must agree.
 * @param steps operations, or bursts of them
 * @throws Error with what was done last, and what differs
 */
export async function runModel(shape: Shape, seed: number, steps: number, options: { readonly kernel: boolean; readonly keep?: string }): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'clutch-model-'));
  const image = join(folder, 'image');
  const log: string[] = [];
  let bytes: Uint8Array | undefined;
  try {
    bytes = freshImage(shape, image);
    const choose = random(seed, 1);
    const access = new TestAccess(seed, choose.oneIn(2) && !shape.options.includes('ext2') && shape.name !== 'no-journal' ? 'direct' : 'staged');
    const fs = await openBytes(bytes, access) as FileSystem & { readonly writer: Writer };
    const model = new WritableMemoryFileSystem(await copyTree(fs, fs.root), { now: () => access.time });
    const operations = new Operations({ model, fs, shortTimes: shape.shortTimes === true, tick: (time) => { access.time = time; } }, choose);
    try {
      for (let i = 0; i < steps; i++) {
        operations.step();
        if (choose.oneIn(60)) await fs.writer.sync();
      }
      operations.finish();
    } finally {
      log.push(...operations.log);
    }
    const expected = shown(await walk(model), shape);
    same('our own reading, while it is open', expected, shown(await walk(fs), shape));
    const free = fs.info.free;
    await fs.close();

    writeFileSync(image, bytes);
    const found = fsck(image);
    if (found !== '') throw new Error(found);
    const again = await openBytes(bytes);
    same('our own reading', expected, shown(await walk(again), shape));
    if (again.info.free !== free) throw new Error(`${free} bytes were said to be free, and ${again.info.free} are`);
    await again.close();
    let unasked = 'not wanted';
    if (options.kernel) {
      const reference = askReference(image, { digest: '', ...(shape.unmountable === true ? { oracle: 'debugfs' } : {}) });
      unasked = 'refused' in reference ? reference.refused : '';
      if ('entries' in reference && shape.unmountable === true) same('debugfs', withoutAcls(expected), withoutAcls(shown(reference.entries, shape)));
      else if ('entries' in reference) same('the kernel', expected, shown(reference.entries, shape));
    }
    return { operations: operations.log.length, refused: operations.refused, full: operations.full, unasked };
  } catch (error) {
    if (options.keep !== undefined && bytes !== undefined) writeFileSync(options.keep, bytes);
    throw new Error(`${shape.name}, seed ${seed}, ${steps} steps: ${(error as Error).message}\nlast operations:\n  ${log.slice(-12).join('\n  ')}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function same(who: string, expected: readonly WalkEntry[], got: readonly WalkEntry[]): void {
  const { differences } = compareWalks(expected, got);
  if (differences.length > 0) throw new Error(`${who} shows another tree than the model:\n${differences.join('\n')}`);
}

/** What a shape can tell of each entry. */
function shown(entries: readonly WalkEntry[], { shortTimes }: Shape): WalkEntry[] {
  return entries.map((entry) => {
    const { size, mtime, ...rest } = entry;
    return {
      ...rest,
      // A directory's size is the format's own matter.
      ...(entry.type === 'dir' || size === undefined ? {} : { size }),
      ...(mtime === undefined ? {} : { mtime: shortTimes === true ? `${(BigInt(mtime) - ((BigInt(mtime) % NS) + NS) % NS) / NS}` : mtime }),
    };
  });
}

/** debugfs gives ACLs in a form of its own. */
function withoutAcls(entries: readonly WalkEntry[]): WalkEntry[] {
  return entries.map((entry) => {
    const { xattrs, ...rest } = entry;
    const others = Object.entries(xattrs ?? {}).filter(([name]) => !name.startsWith('system.posix_acl_'));
    return { ...rest, ...(others.length === 0 ? {} : { xattrs: Object.fromEntries(others) }) };
  });
}

const NS = 1_000_000_000n;

/** What a filesystem holds, as a tree for the model. */
async function copyTree(fs: FileSystem, node: NodeId, made = new Map<NodeId, MemoryNode>()): Promise<MemoryNode> {
  const known = made.get(node);
  if (known !== undefined) return known;
  const { type, mode, uid, gid, mtime, atime, ctime, btime, device } = await fs.stat(node);
  const copy: MemoryNode = { type, mode, uid, gid, mtime, atime, ctime, ...(btime === undefined ? {} : { btime }) };
  made.set(node, copy);
  if (type === 'file') copy.content = await readAll(fs, node);
  if (type === 'symlink') copy.target = await fs.readlink(node);
  if (device !== undefined) copy.device = { ...device };
  for (const name of (await fs.xattrs?.list(node)) ?? []) (copy.xattrs ??= {})[name] = (await fs.xattrs!.get(node, name))!;
  if (type === 'dir') {
    copy.entries = [];
    for (const entry of await listAll(fs, node)) copy.entries.push([entry.name, await copyTree(fs, entry.node, made)]);
  }
  return copy;
}
