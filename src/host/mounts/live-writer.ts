import type { EntryType, FileSystem, Maybe, NodeId } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import { unsupported } from '../../engines/core/errors.ts';
import type { Changes, NewNode, RenameMode, Writer } from '../../engines/core/writer.ts';
import type { Holds } from './holds.ts';
import type { WriteBatch } from './write-batch.ts';

/** Folders or nodes of which it is remembered that programs changed them, until that is told; of more, that something did. */
const MOST_REMEMBERED = 10_000;

/** What the writer of a live tree works with. */
export interface LiveWriting {
  readonly batch: WriteBatch;
  /** @throws DiskError usage ESTALE where `node` or `other` is lost */
  at<T>(run: (fs: FileSystem) => Maybe<T>, node?: NodeId, other?: NodeId): Maybe<T>;
  readonly holds: Holds;
  /** The writer of the filesystem as it was open first: what it can do, it can do whenever it is open. */
  readonly first: Writer;
  written(folders: readonly NodeId[], nodes: readonly NodeId[]): void;
}

/** Changes a live tree: each change is part of the batch that is open, or begins one. */
export class LiveWriter implements Writer {
  readonly names: Writer['names'];
  readonly limits?: NonNullable<Writer['limits']>;
  readonly put?: NonNullable<Writer['put']>;
  readonly allocate?: NonNullable<Writer['allocate']>;
  readonly #writing: LiveWriting;
  readonly #folders = new Set<NodeId>();
  readonly #nodes = new Set<NodeId>();
  #lastNode = -1;

  constructor(writing: LiveWriting) {
    const { first } = writing;
    this.#writing = writing;
    this.names = first.names;
    if (first.limits !== undefined) this.limits = first.limits;
    if (first.put !== undefined) this.put = (dir, name, node, contents) => this.#inFolder(dir, (writer) => writer.put!(dir, name, node, contents));
    if (first.allocate !== undefined) this.allocate = (node, at, length, how) => this.#onNode(node, (writer) => writer.allocate!(node, at, length, how));
  }

  /** Tells what was changed since it was told last. */
  tell(): void {
    if (this.#folders.size === 0 && this.#nodes.size === 0) return;
    const [folders, nodes] = [[...this.#folders], [...this.#nodes]];
    this.#folders.clear();
    this.#nodes.clear();
    this.#lastNode = -1;
    this.#writing.written(folders, nodes);
  }

  create(dir: NodeId, name: Name, node: NewNode): Maybe<NodeId> {
    return this.#inFolder(dir, (writer) => writer.create(dir, name, node));
  }

  mkdir(dir: NodeId, name: Name, node: NewNode): Maybe<NodeId> {
    return this.#inFolder(dir, (writer) => writer.mkdir(dir, name, node));
  }

  symlink(dir: NodeId, name: Name, target: Name, node: NewNode): Maybe<NodeId> {
    return this.#inFolder(dir, (writer) => writer.symlink(dir, name, target, node));
  }

  mknod(dir: NodeId, name: Name, type: Extract<EntryType, 'char' | 'block' | 'fifo' | 'socket'>, node: NewNode, device?: { readonly major: number; readonly minor: number }): Maybe<NodeId> {
    return this.#inFolder(dir, (writer) => writer.mknod(dir, name, type, node, device));
  }

  link(dir: NodeId, name: Name, node: NodeId): Maybe<void> {
    return this.#inFolder(dir, (writer) => writer.link(dir, name, node), node);
  }

  unlink(dir: NodeId, name: Name): Maybe<void> {
    return this.#inFolder(dir, (writer) => writer.unlink(dir, name));
  }

  rmdir(dir: NodeId, name: Name): Maybe<void> {
    return this.#inFolder(dir, (writer) => writer.rmdir(dir, name));
  }

  rename(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, mode: RenameMode): Maybe<void> {
    return this.#inFolder(fromDir, (writer) => {
      this.#remember(this.#folders, toDir);
      return writer.rename(fromDir, from, toDir, to, mode);
    }, toDir);
  }

  write(node: NodeId, at: number, from: Uint8Array): Maybe<number> {
    return this.#onNode(node, (writer) => writer.write(node, at, from));
  }

  truncate(node: NodeId, size: number): Maybe<void> {
    return this.#onNode(node, (writer) => writer.truncate(node, size));
  }

  change(node: NodeId, changes: Changes): Maybe<void> {
    return this.#onNode(node, (writer) => writer.change(node, changes));
  }

  setXattr(node: NodeId, name: Name, value: Uint8Array, how?: 'create' | 'replace'): Maybe<void> {
    return this.#onNode(node, (writer) => writer.setXattr(node, name, value, how));
  }

  removeXattr(node: NodeId, name: Name): Maybe<void> {
    return this.#onNode(node, (writer) => writer.removeXattr(node, name));
  }

  /** Changes nothing on the disk, and so waits for no batch. */
  hold(node: NodeId): Maybe<void> {
    const { at, holds } = this.#writing;
    return at((fs) => {
      const held = writerOf(fs).hold(node);
      if (held instanceof Promise) return held.then(() => holds.add(node));
      holds.add(node);
      return undefined;
    }, node);
  }

  /** Frees the node where nothing else keeps it: that is a change, and all others are none. */
  release(node: NodeId): Maybe<void> {
    const { at, holds } = this.#writing;
    const named = at((fs) => holds.lost.has(node) || isNamed(fs, node));
    return named instanceof Promise ? named.then((is) => this.#release(node, is)) : this.#release(node, named);
  }

  #release(node: NodeId, named: boolean): Maybe<void> {
    const { at, batch, holds } = this.#writing;
    const release = (): Maybe<void> => at((fs) => (holds.remove(node) ? writerOf(fs).release(node) : undefined));
    return named ? release() : batch.run(release);
  }

  sync(): Promise<void> {
    const { at, batch } = this.#writing;
    return batch.sync(() => at((fs) => writerOf(fs).sync()));
  }

  #inFolder<T>(dir: NodeId, run: (writer: Writer) => Maybe<T>, other?: NodeId): Maybe<T> {
    const { at, batch } = this.#writing;
    return batch.run(() => {
      this.#remember(this.#folders, dir);
      return at((fs) => run(writerOf(fs)), dir, other);
    });
  }

  #onNode<T>(node: NodeId, run: (writer: Writer) => Maybe<T>): Maybe<T> {
    const { at, batch } = this.#writing;
    return batch.run(() => {
      // Files are written in many pieces one after another.
      if (node !== this.#lastNode) {
        this.#lastNode = node;
        this.#remember(this.#nodes, node);
      }
      return at((fs) => run(writerOf(fs)), node);
    });
  }

  #remember(known: Set<NodeId>, node: NodeId): void {
    if (known.size < MOST_REMEMBERED) known.add(node);
  }
}

/** Whether a node has a name; not, where that can't be told any more. */
function isNamed(fs: FileSystem, node: NodeId): Maybe<boolean> {
  try {
    const stat = fs.stat(node);
    return stat instanceof Promise ? stat.then(({ nlink }) => nlink > 0, () => false) : stat.nlink > 0;
  } catch {
    return false;
  }
}

function writerOf(fs: FileSystem): Writer {
  if (fs.writer === undefined) throw unsupported('writing', `This volume can only be read: ${fs.info.access.reason}`);
  return fs.writer;
}
