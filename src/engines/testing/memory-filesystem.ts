import { type DiskError, usage } from '../core/errors.ts';
import type { Cursor, DirEntry, EntryType, FileExtent, FileSystem, ListBatch, NodeId, Stat, Subvolume, Subvolumes, VolumeInfo } from '../core/filesystem.ts';
import type { Name } from '../core/names.ts';
import { encodeName } from '../core/names.ts';

/** A node of a tree that exists in a test alone. The same object under two names is a hard link; a directory in itself is a cycle. */
export interface MemoryNode {
  readonly type: EntryType;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Nanoseconds since 1970. */
  mtime?: bigint;
  atime?: bigint;
  ctime?: bigint;
  btime?: bigint;
  flags?: readonly string[];
  /** A file's bytes; a string is taken as UTF-8. */
  content?: Uint8Array | string;
  /** Bytes, where larger than the content: the rest is a hole. */
  size?: number;
  /** A file's data runs, [offset, length] in bytes; what they leave out is a hole. The whole content unless told. */
  runs?: [number, number][];
  /** A directory's entries, in any order, with any names, also twice the same. */
  entries?: [Name, MemoryNode][];
  /** A symlink's target. */
  target?: Name;
  device?: { major: number; minor: number };
  xattrs?: Record<Name, Uint8Array | string>;
  /** Reading the file fails from this byte on. */
  damagedAt?: number;
  /** Stat fails with it. */
  fault?: DiskError;
}

export const file = (content: Uint8Array | string = '', more: Partial<MemoryNode> = {}): MemoryNode => ({ type: 'file', content, ...more });
export const dir = (entries: [Name, MemoryNode][] | Record<string, MemoryNode> = [], more: Partial<MemoryNode> = {}): MemoryNode => ({ type: 'dir', entries: Array.isArray(entries) ? entries : Object.entries(entries), ...more });
export const symlink = (target: Name, more: Partial<MemoryNode> = {}): MemoryNode => ({ type: 'symlink', target, ...more });

/** Entries a batch: small, so that resuming is always tested. */
const BATCH = 7;

/** A filesystem over a tree in memory, in which anything may be wrong that an image could get wrong. */
export class MemoryFileSystem implements FileSystem {
  readonly root: NodeId = 1;
  readonly info: VolumeInfo = {
    format: 'memory', label: 'memory', uuid: '', size: 2 ** 30, free: 2 ** 29, blockSize: 4096, state: 'clean', features: [], details: [],
    access: { write: false, reason: 'a tree for tests' },
  };
  protected readonly nodes: MemoryNode[] = [];
  readonly #ids = new Map<MemoryNode, NodeId>();
  readonly #links = new Map<MemoryNode, number>();
  readonly subvolumes?: Subvolumes;

  /** @param subvolumes directories of the tree that are subvolumes, with what is said of them */
  constructor(root: MemoryNode, subvolumes?: readonly (Omit<Subvolume, 'root'> & { readonly root: MemoryNode })[]) {
    this.id(root);
    if (subvolumes) this.subvolumes = { list: () => subvolumes.map((each) => ({ ...each, root: this.id(each.root) })) };
    const seen = new Set<MemoryNode>();
    const todo = [root];
    for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      for (const [, child] of node.entries ?? []) {
        this.#links.set(child, (this.#links.get(child) ?? 0) + 1);
        todo.push(child);
      }
    }
  }

  readonly xattrs = {
    list: (node: NodeId): Name[] => Object.keys(this.node(node).xattrs ?? {}),
    get: (node: NodeId, name: Name): Uint8Array | undefined => {
      const value = this.node(node).xattrs?.[name];
      return value === undefined ? undefined : bytesOf(value);
    },
  };

  lookup(parent: NodeId, name: Name): NodeId | undefined {
    const found = this.directory(parent).find(([each]) => each === name);
    return found && this.id(found[1]);
  }

  stat(id: NodeId): Stat {
    const node = this.node(id);
    if (node.fault) throw node.fault;
    const size = sizeOf(node);
    return {
      node: id, type: node.type, mode: node.mode ?? (node.type === 'dir' ? 0o755 : 0o644), uid: node.uid ?? 0, gid: node.gid ?? 0, size,
      nlink: node.type === 'dir' ? 2 : (this.#links.get(node) ?? 1), mtime: node.mtime ?? 1_700_000_000_123_456_789n, atime: node.atime ?? 1_600_000_000_000_000_001n, ctime: node.ctime ?? 0n, ...(node.btime === undefined ? {} : { btime: node.btime }),
      allocated: runsOf(node).reduce((sum, [, length]) => sum + length, 0), flags: node.flags ?? [], ...(node.device ? { device: node.device } : {}),
    };
  }

  list(parent: NodeId, cursor?: Cursor): ListBatch {
    const from = Number(cursor ?? 0);
    const all = this.directory(parent);
    const entries = all.slice(from, from + BATCH).map(([name, node]): DirEntry => ({ name, node: this.id(node), type: node.type }));
    return from + BATCH < all.length ? { entries, next: from + BATCH } : { entries };
  }

  read(id: NodeId, at: number, into: Uint8Array): number {
    const node = this.node(id);
    if (node.type !== 'file') throw usage(node.type === 'dir' ? 'EISDIR' : 'EINVAL', 'not a file');
    const length = Math.max(0, Math.min(into.length, sizeOf(node) - at));
    if (node.damagedAt !== undefined && at + length > node.damagedAt) throw usage('EINVAL', 'the bytes are damaged');
    const part = bytesOf(node.content ?? '').subarray(at, at + length);
    into.fill(0, 0, length).set(part);
    return length;
  }

  readlink(id: NodeId): Name {
    const node = this.node(id);
    if (node.target === undefined) throw usage('EINVAL', 'not a symlink');
    return node.target;
  }

  close(): void {}

  readonly extents = {
    device: { size: 0, blockSize: 512, read(): void { throw usage('EINVAL', 'nothing lies on a device'); }, close(): void {} },
    map: (id: NodeId): FileExtent[] => runsOf(this.node(id)).map(([logical, length]) => ({ logical, length, physical: undefined })),
  };

  protected node(id: NodeId): MemoryNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw usage('ESTALE', `There is no node ${id}`);
    return node;
  }

  protected directory(id: NodeId): [Name, MemoryNode][] {
    const { entries } = this.node(id);
    if (entries === undefined) throw usage('ENOTDIR', `Node ${id} is not a directory`);
    return entries;
  }

  protected id(node: MemoryNode): NodeId {
    let id = this.#ids.get(node);
    if (id === undefined) {
      id = this.nodes.push(node);
      this.#ids.set(node, id);
    }
    return id;
  }
}

export function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === 'string' ? encodeName(content) : content;
}

export function sizeOf(node: MemoryNode): number {
  if (node.type === 'symlink') return bytesOf(node.target ?? '').length;
  return node.size ?? bytesOf(node.content ?? '').length;
}

function runsOf(node: MemoryNode): [number, number][] {
  const length = bytesOf(node.content ?? '').length;
  return node.runs ?? (length > 0 ? [[0, length]] : []);
}
