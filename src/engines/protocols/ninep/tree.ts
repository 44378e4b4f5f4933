import { DiskError, isDiskError, toDiskError, usage } from '../../core/errors.ts';
import type { EntryType, NodeId } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { NinepClient } from './client.ts';
import { MAX_WALK } from './messages.ts';
import { Nodes, type RemoteNode } from './nodes.ts';
import { OpenFile } from './open-file.ts';
import { type Attributes, type Operations, walk } from './operations.ts';
import { Gate, Pool } from './pool.ts';

/** fids that are kept: of nodes that were walked to, of open files, of open directories. */
const WALKED = 256;
const OPENED = 24;
const LISTED = 8;

/** Directories on the way to a node, at most: no path is as deep (PATH_MAX), and a chain of ours that went in a circle ends. */
const MAX_DEPTH = 4096;

/** Milliseconds for which attributes are believed that nobody of us changed. */
const BELIEVED = 1000;

/**
 * The server's files behind our node numbers, with the fids that lead to them. Some servers know a fid's file by the path it was walked by (diod):
 * so fids are dropped when a name on their way goes, nothing is changed through the fid of a file without a name, and what takes names away
 * happens alone.
 */
export class Tree {
  readonly client: NinepClient;
  readonly operations: Operations;
  readonly nodes: Nodes;
  readonly gate = new Gate();
  /** The number that every directory has with which another numbering begins, where the server's filesystem has such. */
  readonly #borders: bigint | undefined;
  readonly #walked: Pool<RemoteNode, number>;
  readonly #opened: Pool<RemoteNode, OpenFile>;
  readonly #listed: Pool<RemoteNode, number>;
  /** Files on their way to be closed: what was written to them may not be answered yet. */
  readonly #closing = new Map<RemoteNode, Promise<void>>();
  /** What went wrong with writes to files that are closed, for who asks next. */
  readonly #failed = new Map<RemoteNode, DiskError>();
  #closed = false;

  constructor(client: NinepClient, operations: Operations, byPlace = false, borders?: bigint) {
    this.#borders = borders;
    this.client = client;
    this.operations = operations;
    this.nodes = new Nodes(client.rootQid, byPlace);
    this.#walked = new Pool(WALKED, (fid) => client.clunk(fid));
    this.#opened = new Pool(OPENED, (file, node) => this.#closeFile(file, node));
    this.#listed = new Pool(LISTED, (fid) => client.clunk(fid));
  }

  /** @throws usage ESTALE; guest once it is closed */
  node(id: NodeId): RemoteNode {
    if (this.#closed) throw new DiskError({ kind: 'guest', guest: this.client.peer }, 'The filesystem is closed');
    if (this.client.failure) throw this.client.failure;
    return this.nodes.get(id);
  }

  /** @throws usage ENOTDIR */
  directory(id: NodeId): RemoteNode {
    const node = this.node(id);
    if (!node.isDir) throw usage('ENOTDIR', `Node ${id} is not a directory`);
    return node;
  }

  /** Runs with a fid that leads to the node and is not open. */
  async withFid<T>(node: RemoteNode, run: (fid: number) => Promise<T>): Promise<T> {
    if (node === this.nodes.root) return run(this.client.root);
    if (node.ghost) throw usage('ESTALE', `Node ${node.id} has no name any more`);
    return this.#walked.use(node, () => this.#walkTo(node), run);
  }

  /** Runs with the node's file open. What is open for writing can be read as well. */
  async withFile<T>(node: RemoteNode, writable: boolean, run: (file: OpenFile) => Promise<T>): Promise<T> {
    const held = await this.holdFile(node, writable);
    try {
      return await run(held.value);
    } finally {
      held.release();
    }
  }

  async holdFile(node: RemoteNode, writable: boolean): Promise<{ readonly value: OpenFile; release(): void }> {
    const open = async (): Promise<OpenFile> => {
      await this.#closing.get(node);
      // Who reads a file asks little else of it then: the fid that leads to it is opened itself, which spares a walk and a clunk.
      const fid = await (writable ? undefined : this.#walked.take(node)) ?? await this.#clone(node);
      try {
        return new OpenFile(this.client, fid, await this.operations.open(fid, writable ? 'both' : 'read'), writable);
      } catch (error) {
        await this.client.clunk(fid);
        throw error;
      }
    };
    const held = await this.#opened.hold(node, open);
    if (!writable || held.value.writable || node.ghost) return held;
    // It was open for reading alone.
    held.release();
    this.#opened.forget(node);
    return this.#opened.hold(node, open);
  }

  /** A file that was opened by making it. */
  offerFile(node: RemoteNode, file: OpenFile): void {
    this.#opened.offer(node, file);
  }

  /** The node's file where it is open, without opening it. */
  async openFile(node: RemoteNode): Promise<OpenFile | undefined> {
    return this.#opened.has(node) ? this.#opened.peek(node) : undefined;
  }

  /** Everything that was written to it is answered, however. */
  async settle(node: RemoteNode): Promise<void> {
    await this.#closing.get(node);
    const file = await this.openFile(node);
    if (file?.pending) {
      await file.drain();
      this.changed(node);
    }
  }

  /** As `settle`. @throws what a write to it came to that nobody was told of yet */
  async check(node: RemoteNode): Promise<void> {
    await this.checkClosed(node);
    await this.settle(node);
    await (await this.openFile(node))?.check();
  }

  /** As `check`, without waiting for what its open file has on its way. */
  async checkClosed(node: RemoteNode): Promise<void> {
    await this.#closing.get(node);
    const error = this.#failed.get(node);
    this.#failed.delete(node);
    if (error) throw error;
  }

  /** As `check`, for all files. @returns what went wrong first */
  async checkAll(): Promise<DiskError | undefined> {
    let first: DiskError | undefined;
    for (const node of new Set([...this.#closing.keys(), ...this.#failed.keys(), ...this.#opened.keys()])) await this.check(node).catch((error: unknown) => { first ??= toDiskError(error); });
    return first;
  }

  /** Runs with the fid of the open directory. */
  async withListing<T>(node: RemoteNode, run: (fid: number) => Promise<T>): Promise<T> {
    return this.#listed.use(node, async () => {
      const fid = await this.#clone(node);
      try {
        await this.operations.open(fid, 'directory');
        return fid;
      } catch (error) {
        await this.client.clunk(fid);
        throw error;
      }
    }, run);
  }

  /** What the server says of it; at most a second old, and never from before a change of ours. */
  async attributes(node: RemoteNode, fresh = false): Promise<Attributes> {
    if (node.ghost) return node.ghost.attributes;
    if (!fresh && node.attributes !== undefined && Date.now() < node.until) return node.attributes;
    await this.settle(node);
    const attributes = await this.withFid(node, (fid) => this.operations.attributes(fid));
    return this.believe(node, attributes);
  }

  believe(node: RemoteNode, attributes: Attributes): Attributes {
    // Another file took its name, by the hand of somebody else. (A directory on which something is mounted shows that one's root.)
    if (!node.isDir && !this.nodes.isStill(node, attributes.qid) || (attributes.type === 'dir') !== node.isDir) throw usage('ESTALE', `Node ${node.id} was replaced by another`);
    node.attributes = attributes;
    // Of a file that is known by each of its names, a change under another one is not seen here.
    node.until = !node.isDir && this.nodes.byPlace && attributes.nlink > 1 ? 0 : Date.now() + BELIEVED;
    return attributes;
  }

  async typeOf(node: RemoteNode): Promise<EntryType> {
    if (node.isDir) return 'dir';
    return (node.attributes ?? await this.attributes(node)).type;
  }

  /** What is known of its attributes does not hold any more. */
  changed(...nodes: readonly RemoteNode[]): void {
    for (const node of nodes) node.until = 0;
  }

  /** The node of that name; undefined where there is none. */
  async find(dir: RemoteNode, name: Name): Promise<RemoteNode | undefined> {
    if (dir.ghost) return undefined;
    try {
      const { fid, qids } = await this.withFid(dir, (from) => walk(this.client, from, [name]));
      const node = this.nodes.adopt(dir, name, qids[0]!, undefined);
      if (isBorder(node)) await this.client.clunk(fid);
      else this.#walked.offer(node, fid);
      return node;
    } catch (error) {
      if (isDiskError(error) && error.fault.kind === 'usage' && (error.fault.errno === 'ENOENT' || error.fault.errno === 'ENAMETOOLONG')) return (await this.isHidden(dir)) ? this.find(dir, name) : undefined;
      throw error;
    }
  }

  /**
   * Whether a directory that seems to have no entries is one that the server hides: what diod takes for a mount looks empty (ops.c, DIOD_FID_FLAGS_MOUNTPT), for
   * a subvolume of btrfs has a device number of its own. An attach leads into it, and tells its root's number. Looked at once a directory.
   * @returns true when its entries can be had from now on, by the same ways
   */
  async isHidden(node: RemoteNode): Promise<boolean> {
    if (this.#borders === undefined || node === this.nodes.root || node.looked || isBorder(node)) return false;
    node.looked = true;
    // An empty directory of btrfs has no bytes.
    if ((await this.attributes(node)).size === 0) return false;
    const fid = await this.#attachTo(node);
    if (fid === undefined) return false;
    const { qid } = await this.operations.attributes(fid).finally(() => this.client.clunk(fid));
    if (qid.path !== this.#borders) return false;
    this.nodes.begin(node, qid.path);
    this.dropFids(node);
    return true;
  }

  /** Fids that were walked by a name that is not the node's any more; with a directory, all of them. Open files stay open. */
  dropFids(node: RemoteNode): void {
    if (node.isDir) {
      this.#walked.forgetAll();
      this.#listed.forgetAll();
    } else {
      this.#walked.forget(node);
    }
  }

  dropFile(node: RemoteNode): void {
    this.#opened.forget(node);
  }

  /** A fid of its own. */
  #clone(node: RemoteNode): Promise<number> {
    return this.withFid(node, async (from) => (await walk(this.client, from, [])).fid);
  }

  /** A new fid, walked from the nearest directory that has one. */
  async #walkTo(node: RemoteNode): Promise<number> {
    const names: Name[] = [];
    let from = node;
    if (isBorder(node)) {
      const fid = await this.#attachTo(node);
      if (fid !== undefined) return fid;
    }
    do {
      const location = from.locations.at(-1);
      if (location === undefined || names.length > MAX_DEPTH) throw usage('ESTALE', `The name of node ${node.id} is not known any more`);
      names.unshift(location.name);
      from = location.dir;
    } while (from !== this.nodes.root && !isBorder(from) && !this.#walked.has(from));
    let fid = await this.withFid(from, async (start) => (await walk(this.client, start, names.splice(0, MAX_WALK))).fid);
    while (names.length > 0) {
      const step = fid;
      try {
        fid = (await walk(this.client, step, names.splice(0, MAX_WALK))).fid;
      } finally {
        await this.client.clunk(step);
      }
    }
    return fid;
  }

  /**
   * A fid where another numbering begins. Walks of diod don't lead into it (ops.c, DIOD_FID_FLAGS_MOUNTPT: it looks empty), an attach does.
   * @returns undefined where the server attaches to its root alone
   */
  async #attachTo(node: RemoteNode): Promise<number | undefined> {
    const names: Name[] = [];
    for (let at = node; at !== this.nodes.root;) {
      const location = at.locations.at(-1);
      if (location === undefined || names.length > MAX_DEPTH) throw usage('ESTALE', `The name of node ${node.id} is not known any more`);
      names.unshift(location.name);
      at = location.dir;
    }
    try {
      return await this.client.attach(names);
    } catch (error) {
      if (isDiskError(error) && error.fault.kind === 'usage') return undefined;
      throw error;
    }
  }

  async #closeFile(file: OpenFile, node: RemoteNode): Promise<void> {
    const closing = (async () => {
      await file.check().catch((error: unknown) => { this.#failed.set(node, toDiskError(error)); });
      await file.close();
    })();
    this.#closing.set(node, closing);
    await closing;
    if (this.#closing.get(node) === closing) this.#closing.delete(node);
  }

  /** What was written is answered, and the connection ends. @throws what a write came to that nobody was told of yet */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const error = this.client.failure ? undefined : await this.checkAll();
    this.client.close();
    if (error) throw error;
  }
}

/** Whether another numbering begins with a directory: a subvolume of btrfs. */
function isBorder(node: RemoteNode): boolean {
  const above = node.locations.at(-1)?.dir;
  return node.isDir && above !== undefined && above.domain !== node.domain;
}
