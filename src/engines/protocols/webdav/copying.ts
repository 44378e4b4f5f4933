import type { FileSystem, NodeId, Stat } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { NewNode, Writer } from '../../core/writer.ts';
import { HttpError } from './messages.ts';
import { copyAttributes, writeAll } from './put.ts';

/** Folders within folders of a copy: a damaged tree may have no end. */
const MAX_DEPTH = 512;

/** Bytes of one read. */
const PIECE = 1 << 20;

/** What a copy needs to know. */
export interface CopyContext {
  readonly fs: FileSystem;
  readonly writer: Writer;
  breathe(): Promise<void> | undefined;
  wrote(count: number): void;
}

/**
 * Copies a node, with its attributes, mode, owner and times, and what is below it where that is asked for: as cp -a does, so that links stay links,
 * but several names of one file become several files.
 */
export async function copyNode(context: CopyContext, from: NodeId, dir: NodeId, name: Name, deep: boolean, depth = 0): Promise<void> {
  const { fs, writer } = context;
  if (depth > MAX_DEPTH) throw new HttpError(500, 'The folders are too deep');
  const stat = await fs.stat(from);
  const given: NewNode = { mode: stat.mode, uid: stat.uid, gid: stat.gid, mtime: stat.mtime, atime: stat.atime };
  switch (stat.type) {
    case 'symlink':
      await writer.symlink(dir, name, await fs.readlink(from), given);
      return;
    case 'file': {
      const node = await writer.create(dir, name, given);
      await copyContents(context, stat, node);
      await finish(context, stat, node, given);
      return;
    }
    case 'dir': {
      const node = await writer.mkdir(dir, name, given);
      if (deep) await copyMembers(context, from, node, depth);
      await finish(context, stat, node, given);
      return;
    }
    default:
      await writer.mknod(dir, name, stat.type, given, stat.device);
  }
}

async function finish({ fs, writer }: CopyContext, { node: from }: Stat, to: NodeId, { mtime, atime }: NewNode): Promise<void> {
  await copyAttributes(fs, writer, from, to);
  await writer.change(to, { ...(mtime === undefined ? {} : { mtime }), ...(atime === undefined ? {} : { atime }) });
}

async function copyMembers(context: CopyContext, from: NodeId, to: NodeId, depth: number): Promise<void> {
  let batch = await context.fs.list(from);
  for (;;) {
    for (const { name, node } of batch.entries) {
      const pause = context.breathe();
      if (pause) await pause;
      await copyNode(context, node, to, name, true, depth + 1);
    }
    if (batch.next === undefined) return;
    batch = await context.fs.list(from, batch.next);
  }
}

async function copyContents(context: CopyContext, { node: from, size }: Stat, to: NodeId): Promise<void> {
  const { fs, writer } = context;
  const piece = new Uint8Array(PIECE);
  for (let at = 0; at < size;) {
    const count = await fs.read(from, at, piece.subarray(0, Math.min(PIECE, size - at)));
    if (count === 0) throw new HttpError(500, 'The file became shorter while it was copied');
    const bytes = piece.subarray(0, count);
    // A hole stays one.
    if (bytes.some((byte) => byte !== 0)) await writeAll(context, to, at, bytes);
    at += count;
    const pause = context.breathe();
    if (pause) await pause;
  }
  if ((await fs.stat(to)).size < size) await writer.truncate(to, size);
}
