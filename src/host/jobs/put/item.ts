import { corrupt } from '../../../engines/core/errors.ts';
import type { FileSystem, Maybe, NodeId, Stat } from '../../../engines/core/filesystem.ts';
import type { Name } from '../../../engines/core/names.ts';

/** Bytes between two looks at the clock and at cancel. */
export const PIECE = 512 * 1024;

/** Blocks of zeros are left out in this size where only the allocated size tells of holes. */
const GRAIN = 4096;

/** A tree that may have contents in memory already. */
interface Holding {
  /** All of a file; good until the next one is looked at. */
  held(node: NodeId): Uint8Array | undefined;
}

/** Takes contents in order of their offsets; what is left out is a hole. The bytes are the giver's own again when it returned. */
export type Sink = (at: number, bytes: Uint8Array) => Maybe<void>;

/** Something that is to be made in a filesystem, wherever it comes from. */
export interface Item {
  readonly name: Name;
  readonly stat: Pick<Stat, 'type' | 'mode' | 'uid' | 'gid' | 'size' | 'mtime' | 'flags'> & Partial<Pick<Stat, 'atime' | 'btime' | 'device'>>;
  /** Of a symlink. */
  target?(): Maybe<Name>;
  /** The same for all names of one node that has several; absent where it has one. */
  readonly identity?: number | string;
  /** Values in the form of Xattrs.get. */
  xattrs?(): Maybe<Iterable<readonly [Name, Uint8Array]>>;
  /** Of a file: all of it, where that is in memory already. Good until another item is looked at. */
  held?(): Uint8Array | undefined;
  /** Of a file: tells all its data. @throws DiskError of where it comes from; what `sink` throws */
  contents?(sink: Sink): Maybe<void>;
}

/**
 * A node of a filesystem as something to be made in another.
 * @param buffer for its contents, PIECE bytes
 * @param several nodes of several names that were met: the last name of one that is moved is the only one that is left
 */
export function itemOf(fs: FileSystem, node: NodeId, name: Name, stat: Stat, buffer: Uint8Array, several: Set<NodeId>): Item {
  if (stat.type !== 'dir' && stat.nlink > 1) several.add(stat.node);
  return {
    name, stat,
    ...(several.has(stat.node) ? { identity: stat.node } : {}),
    ...(stat.type === 'symlink' ? { target: () => fs.readlink(node) } : {}),
    ...(fs.xattrs === undefined ? {} : { xattrs: () => attributesOf(fs, node) }),
    ...(stat.type === 'file' ? { held: () => heldOf(fs, node, stat), contents: (sink: Sink) => contentsOf(fs, node, stat, buffer, sink) } : {}),
  };
}

/** Most nodes have no attributes: then there is nothing to wait for. */
function attributesOf(fs: FileSystem, node: NodeId): Maybe<Iterable<readonly [Name, Uint8Array]>> {
  const names = fs.xattrs?.list(node);
  return Array.isArray(names) && names.length === 0 ? [] : valuesOf(fs, node, names);
}

async function valuesOf(fs: FileSystem, node: NodeId, names: Maybe<readonly Name[]> | undefined): Promise<(readonly [Name, Uint8Array])[]> {
  const found: (readonly [Name, Uint8Array])[] = [];
  for (const name of await names ?? []) {
    const value = await fs.xattrs!.get(node, name);
    if (value !== undefined) found.push([name, value]);
  }
  return found;
}

function heldOf(fs: FileSystem & Partial<Holding>, node: NodeId, { size }: Stat): Uint8Array | undefined {
  const held = fs.held?.(node);
  return held?.length === size ? held : undefined;
}

async function contentsOf(fs: FileSystem, node: NodeId, { size, allocated }: Stat, buffer: Uint8Array, sink: Sink): Promise<void> {
  const map = fs.extents?.map(node);
  const runs = map instanceof Promise ? await map : map;
  const sparse = runs === undefined && allocated < size;
  let end = 0;
  for (const { logical, length, unwritten } of runs ?? [{ logical: 0, length: size, unwritten: false }]) {
    if (logical < end || !(length > 0)) throw corrupt('extents', `run at byte ${logical} of the file overlaps the one before`);
    if (logical >= size) return;
    end = Math.min(size, logical + length);
    if (unwritten) continue;
    for (let at = logical; at < end; at += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, end - at));
      const read = fs.read(node, at, part);
      if ((read instanceof Promise ? await read : read) < part.length) throw corrupt(`node ${node}`, `the file ends before its size of ${size} bytes`);
      for (const [from, to] of sparse ? dataIn(part) : [[0, part.length] as const]) {
        const done = sink(at + from, part.subarray(from, to));
        if (done instanceof Promise) await done;
      }
    }
  }
}

/** Ranges of the blocks that hold more than zeros. */
export function* dataIn(bytes: Uint8Array): Iterable<readonly [from: number, to: number]> {
  let start = -1;
  for (let at = 0; at < bytes.length; at += GRAIN) {
    const zero = bytes.subarray(at, at + GRAIN).every((byte) => byte === 0);
    if (!zero && start < 0) start = at;
    if (zero && start >= 0) {
      yield [start, at];
      start = -1;
    }
  }
  if (start >= 0) yield [start, bytes.length];
}
