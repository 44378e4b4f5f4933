import { usage } from '../../core/errors.ts';
import type { Cursor, DirEntry, FileSystem, ListBatch, NodeId, Stat, VolumeInfo, VolumeState, Xattrs } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { Limits, NameRules, Writer } from '../../core/writer.ts';
import { broken } from './codec.ts';
import type { NinepClient } from './client.ts';
import { linuxOperations } from './linux.ts';
import type { RemoteNode } from './nodes.ts';
import type { Attributes, Space } from './operations.ts';
import { Tree } from './tree.ts';
import { unixOperations } from './unix.ts';
import { ninepWriter } from './writer.ts';
import { ninepXattrs } from './xattrs.ts';

/** What 9P does not tell of a volume, from whoever mounted it. */
export interface About {
  /** The format's id: "xfs". */
  readonly format: string;
  readonly label: string;
  readonly uuid: string;
  /** "clean" unless told. */
  readonly state?: VolumeState;
  readonly features?: readonly string[];
  readonly details: readonly (readonly [string, string])[];
  /** It may be written to: there is a writer. */
  readonly write?: boolean;
  /** Why there is none, for people. */
  readonly readOnlyReason?: string;
  /** The volume's size in bytes, where the dialect does not tell (9P2000.u). */
  readonly size?: number;
  /** What differs from Linux's own filesystems: FAT forbids characters. */
  readonly names?: Partial<NameRules>;
  readonly limits?: Limits;
  /** The server's numbers change while a file is open or forgotten (FAT), and nobody else changes the tree: files are known by their places. */
  readonly byPlace?: boolean;
  /** The inode number that the root of each subvolume has: the server may hide what is in one. */
  readonly subvolumeRoot?: bigint;
}

/** Entries that a listing gives at most: no directory has as many, and one that never ends does not take the program with it. */
const MAX_ENTRIES = 20_000_000;

/**
 * The tree that a client is attached to, as a FileSystem. Closing it ends the connection. Facets: `xattrs` in 9P2000.L, `writer` where `about.write` says so.
 * What a guest's kernel changes by itself is seen within a second.
 */
export async function open9pFileSystem(client: NinepClient, about: About): Promise<FileSystem> {
  const operations = client.dialect === '9P2000.L' ? linuxOperations(client) : unixOperations(client);
  const tree = new Tree(client, operations, about.byPlace, about.subvolumeRoot);
  const root = await tree.attributes(tree.nodes.root);
  if (root.type !== 'dir') throw broken('a tree whose root is no directory');
  return new NinepFileSystem(tree, about, await operations.space(client.root));
}

class NinepFileSystem implements FileSystem {
  readonly root: NodeId;
  readonly xattrs?: Xattrs;
  readonly writer?: Writer;
  readonly #tree: Tree;
  readonly #about: About;
  #space: Space | undefined;

  constructor(tree: Tree, about: About, space: Space | undefined) {
    this.#tree = tree;
    this.#about = about;
    this.#space = space;
    this.root = tree.nodes.root.id;
    if (tree.operations.xattrs) this.xattrs = ninepXattrs(tree, tree.operations.xattrs);
    if (about.write) {
      const names = { longest: space?.longestName ?? 255, unit: 'bytes', forbidden: '', caseSensitive: true, ...about.names } as const;
      this.writer = ninepWriter(tree, names, about.limits, async () => { this.#space = await tree.operations.space(tree.client.root); });
    }
  }

  /** The room is as it was when it was opened or synced last. */
  get info(): VolumeInfo {
    const { format, label, uuid, state = 'clean', features = [], details, write = false, readOnlyReason, size = 0 } = this.#about;
    const space = this.#space;
    return {
      format, label, uuid, state, features, details, size: space?.size ?? size, free: space?.free ?? 0, blockSize: space?.blockSize ?? 4096,
      ...(space?.inodes ? { inodes: space.inodes } : {}),
      access: { write, reason: write ? `written by ${this.#tree.client.peer}` : readOnlyReason ?? `${this.#tree.client.peer} was asked for reading alone` },
    };
  }

  async lookup(dir: NodeId, name: Name): Promise<NodeId | undefined> {
    const node = this.#tree.directory(dir);
    // A server would take these for a way elsewhere.
    if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return undefined;
    return (await this.#tree.gate.shared(() => this.#tree.find(node, name)))?.id;
  }

  async stat(id: NodeId): Promise<Stat> {
    const node = this.#tree.node(id);
    return this.#tree.gate.shared(async () => {
      await this.#tree.settle(node);
      return statOf(node, await this.#tree.attributes(node));
    });
  }

  async list(dir: NodeId, cursor?: Cursor): Promise<ListBatch> {
    const node = this.#tree.directory(dir);
    if (node.ghost) return { entries: [] };
    const place = parseCursor(cursor);
    const batch = await this.#entries(node, place);
    return cursor === undefined && batch.entries.length === 0 && await this.#tree.gate.shared(() => this.#tree.isHidden(node)) ? this.#entries(node, place) : batch;
  }

  #entries(node: RemoteNode, { at, seen, batches, mark }: Place): Promise<ListBatch> {
    return this.#tree.gate.shared(() => this.#tree.withListing(node, async (fid) => {
      const batch = await this.#tree.operations.entries(fid, at);
      const entries = batch.entries.map(({ name, qid, type }): DirEntry => ({ name, node: this.#tree.nodes.adopt(node, name, qid, type).id, type }));
      if (batch.next === undefined) return { entries };
      const total = seen + entries.length + 1;
      if (total > MAX_ENTRIES) throw broken(`a directory with more than ${MAX_ENTRIES} entries`);
      if (batch.next === mark) throw broken('a directory whose listing goes round');
      // A mark at every power of two: a round is noticed before it was gone three times (Brent's cycle detection).
      const next = batches + 1;
      return { entries, next: spellCursor({ at: batch.next, seen: total, batches: next, mark: (next & (next - 1)) === 0 ? batch.next : mark }) };
    }));
  }

  async read(id: NodeId, at: number, into: Uint8Array): Promise<number> {
    const node = this.#tree.node(id);
    if (node.isDir) throw usage('EISDIR', `Node ${id} is a directory`);
    if (!Number.isSafeInteger(at) || at < 0) throw usage('EINVAL', `${at} is no offset`);
    return this.#tree.gate.shared(async () => {
      await this.#tree.settle(node);
      const { type, size } = await this.#tree.attributes(node);
      // To open a pipe would wait for its other end, and a device is the guest's own.
      if (type !== 'file') throw usage('EINVAL', `Node ${id} is no file`);
      // A size of 0 says nothing in trees that a kernel makes up (procfs).
      if (into.length === 0 || (size > 0 && at >= size)) return 0;
      return this.#tree.withFile(node, false, (file) => file.read(at, into, size));
    });
  }

  async readlink(id: NodeId): Promise<Name> {
    const node = this.#tree.node(id);
    return this.#tree.gate.shared(async () => {
      if (await this.#tree.typeOf(node) !== 'symlink') throw usage('EINVAL', `Node ${id} is no symbolic link`);
      return node.ghost?.target ?? this.#tree.withFid(node, (fid) => this.#tree.operations.readlink(fid));
    });
  }

  close(): Promise<void> {
    return this.#tree.close();
  }
}

function statOf(node: RemoteNode, attributes: Attributes): Stat {
  const { type, mode, uid, gid, nlink, size, allocated, mtime, atime, ctime, btime, device } = attributes;
  return { node: node.id, type, mode, uid, gid, nlink, size, allocated, mtime, atime, ctime, flags: [], ...(btime === undefined ? {} : { btime }), ...(device === undefined ? {} : { device }) };
}

/** Where a listing goes on. */
interface Place {
  /** As the server says it. */
  readonly at: bigint;
  /** Entries, and batches of them, that were given before. */
  readonly seen: number;
  readonly batches: number;
  /** A place where it was before: a damaged directory may lead back to it, for ever. */
  readonly mark: bigint | undefined;
}

function spellCursor({ at, seen, batches, mark }: Place): Cursor {
  return `${at}.${seen}.${batches}.${mark ?? ''}`;
}

/** @throws usage EINVAL for what is no cursor of ours */
function parseCursor(cursor: Cursor | undefined): Place {
  if (cursor === undefined) return { at: 0n, seen: 0, batches: 0, mark: undefined };
  const match = /^(\d{1,20})\.(\d{1,9})\.(\d{1,9})\.(\d{0,20})$/.exec(String(cursor));
  if (match === null) throw usage('EINVAL', 'That is no place to go on with a listing');
  const [, at = '', seen, batches, mark = ''] = match;
  return { at: BigInt.asUintN(64, BigInt(at)), seen: Number(seen), batches: Number(batches), mark: mark === '' ? undefined : BigInt(mark) };
}
