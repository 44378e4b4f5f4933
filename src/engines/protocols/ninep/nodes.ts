import { usage } from '../../core/errors.ts';
import type { EntryType, NodeId } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import { type Qid, QID_TYPE } from './messages.ts';
import type { Attributes } from './operations.ts';

/** A name that leads to a node. */
export interface Location {
  readonly dir: RemoteNode;
  readonly name: Name;
}

/** A file of the server, as far as we know it. */
export interface RemoteNode {
  readonly id: NodeId;
  readonly isDir: boolean;
  readonly isSymlink: boolean;
  /** The server's number for it: of its inode, with Linux servers. */
  readonly path: bigint;
  /** Files of one domain share their numbers' space: a filesystem, a subvolume. */
  domain: Domain;
  /** Of a directory that seemed empty: whether another numbering begins with it was looked at. */
  looked?: boolean;
  /** Names that were seen and lead to it, the newest last. None of the root, and of a file all of whose known names went. */
  locations: readonly Location[];
  /** What is known by its place in it and was seen. */
  children?: Map<Name, RemoteNode>;
  /** What the server said of it last, and until when that is believed (milliseconds, as Date.now). */
  attributes?: Attributes;
  until: number;
  held: number;
  /** It has no name any more, and is kept for who holds it. */
  ghost?: Ghost;
}

/** What is left of a node that was removed while it was held. */
export interface Ghost {
  attributes: Attributes;
  /** A symlink's. */
  readonly target?: Name;
  /** Lets its open file go. */
  release(): void;
}

interface Domain {
  readonly root: bigint;
  readonly files: Map<bigint, RemoteNode>;
}

/**
 * Gives nodes our own numbers. A directory is known by its place, for it has one; another file by the server's number for it, so that hard links
 * share a node. With `byPlace` every file is known by its place: FAT's files have no numbers of their own, so Linux gives them new ones whenever it has
 * forgotten them (fs/fat/inode.c, iunique), and they have no second names either. Where a directory has the same number as one above it, another numbering begins (a subvolume of btrfs, another filesystem
 * mounted in this one): the same number there is another file.
 */
export class Nodes {
  readonly root: RemoteNode;
  readonly #all: (RemoteNode | undefined)[] = [];

  /** Every file is known by its place. */
  readonly byPlace: boolean;

  constructor(root: Qid, byPlace = false) {
    this.byPlace = byPlace;
    this.root = this.#add(root, true, { root: root.path, files: new Map() }, []);
  }

  /** @throws usage ESTALE for a number that none has, or has any more */
  get(id: NodeId): RemoteNode {
    const node = this.#all[id - 1];
    if (node === undefined) throw usage('ESTALE', `There is no node ${id}`);
    return node;
  }

  /** The node of what the server calls `qid`, found as `name` in `dir`. */
  adopt(dir: RemoteNode, name: Name, qid: Qid, type: EntryType | undefined): RemoteNode {
    const isDir = (qid.type & QID_TYPE.dir) !== 0;
    const there = dir.children?.get(name);
    if (isDir || this.byPlace) {
      if (there !== undefined && this.isStill(there, qid)) return there;
      if (there !== undefined) this.forget(there);
      const node = this.#add(qid, isDir, this.byPlace ? dir.domain : this.#domainOf(dir, qid), [{ dir, name }]);
      (dir.children ??= new Map()).set(name, node);
      return node;
    }
    if (there !== undefined) this.forget(there);
    const known = dir.domain.files.get(qid.path);
    if (known !== undefined && isSame(known, qid, type)) {
      if (!known.locations.some((each) => each.dir === dir && each.name === name)) known.locations = [...known.locations.slice(-MAX_LOCATIONS), { dir, name }];
      return known;
    }
    if (known !== undefined) this.forget(known);
    const node = this.#add(qid, false, dir.domain, [{ dir, name }]);
    dir.domain.files.set(qid.path, node);
    return node;
  }

  /** Whether what the server calls `qid` now, at the node's place, is the node. */
  isStill(node: RemoteNode, qid: Qid): boolean {
    return this.byPlace ? node.isDir === ((qid.type & QID_TYPE.dir) !== 0) : node.path === qid.path;
  }

  /** Another numbering begins with a directory, of which nothing was seen yet. */
  begin(node: RemoteNode, root: bigint): void {
    node.domain = { root, files: new Map() };
  }

  /** A name does not lead to it any more. */
  unname(node: RemoteNode, dir: RemoteNode, name: Name): void {
    node.locations = node.locations.filter((each) => each.dir !== dir || each.name !== name);
    if (dir.children?.get(name) === node) dir.children.delete(name);
  }

  /** Another name leads to it. */
  rename(node: RemoteNode, dir: RemoteNode, name: Name): void {
    node.locations = [...node.locations, { dir, name }];
    if (node.isDir || this.byPlace) (dir.children ??= new Map()).set(name, node);
  }

  /** The server's number may be another file's from now on. */
  detach(node: RemoteNode): void {
    for (const { dir, name } of node.locations) this.unname(node, dir, name);
    if (node.domain.files.get(node.path) === node) node.domain.files.delete(node.path);
  }

  /** Its number leads nowhere any more. */
  forget(node: RemoteNode): void {
    this.detach(node);
    this.#all[node.id - 1] = undefined;
  }

  #add(qid: Qid, isDir: boolean, domain: Domain, locations: readonly Location[]): RemoteNode {
    const node: RemoteNode = { id: this.#all.length + 1, isDir, isSymlink: (qid.type & QID_TYPE.symlink) !== 0, path: qid.path, domain, locations, until: 0, held: 0 };
    this.#all.push(node);
    return node;
  }

  #domainOf(dir: RemoteNode, qid: Qid): Domain {
    for (let above: RemoteNode | undefined = dir; above !== undefined; above = above.locations.at(-1)?.dir) {
      if (above.path === qid.path) return { root: qid.path, files: new Map() };
      if (above.domain.root === above.path) break;
    }
    return dir.domain;
  }
}

/** Names of one file that are remembered: one is enough to find it. */
const MAX_LOCATIONS = 15;

/** Whether a file that is known can be the one that the server tells of now: a number that was given to a new file of another type is not. */
function isSame(known: RemoteNode, qid: Qid, type: EntryType | undefined): boolean {
  if (known.isSymlink !== ((qid.type & QID_TYPE.symlink) !== 0) && qid.type !== 0) return false;
  return type === undefined || known.attributes === undefined || known.attributes.type === type;
}
