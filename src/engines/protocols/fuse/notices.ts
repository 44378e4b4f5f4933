import type { NodeId } from '../../core/filesystem.ts';
import { encodeName, type Name } from '../../core/names.ts';
import type { TreeChanged } from '../../core/served.ts';
import type { FuseChannel } from './channel.ts';
import { FLAG, InvalEntryOut, InvalInodeOut, NOTIFY, OutHeader } from './layout.ts';
import type { Nodes } from './nodes.ts';
import type { ToldNames } from './told-names.ts';

/** What the kernel must forget of a node. */
type Part = 'attributes' | 'all';

/**
 * Tells the kernel what it must forget, because somebody else changed it. One notice is under way at a time, beside the answers (see FuseChannel.notify for why
 * that can't stand still); those that wait are put together, so that their number is bounded by what the kernel knows.
 *
 * A node's notice drops its attributes, its contents, its target and its listing. For names there are two ways: from 7.44 on (Linux 6.16), an epoch that ends
 * makes the kernel look up every name again when it is next used; before, each name that it was told is named (told-names.ts).
 */
export class Notices {
  readonly #channel: FuseChannel;
  readonly #nodes: Nodes;
  readonly #names: ToldNames | undefined;
  readonly #expireOnly: boolean;
  readonly #waiting = new Map<NodeId, Part>();
  readonly #entries = new Map<NodeId, Set<Name>>();
  #epoch = false;
  #running: Promise<void> | undefined;

  /** @param names there where the kernel knows no epochs @param expireOnly it can look names up again without dropping what is below them (7.38) */
  constructor(channel: FuseChannel, nodes: Nodes, names: ToldNames | undefined, expireOnly: boolean) {
    this.#channel = channel;
    this.#nodes = nodes;
    this.#names = names;
    this.#expireOnly = expireOnly;
  }

  change(change: TreeChanged): void {
    if (change.what === 'all') {
      for (const node of this.#nodes.known()) this.#waiting.set(node, 'all');
      for (const folder of this.#names?.folders() ?? []) this.#folder(folder);
      this.#epoch = this.#names === undefined;
    } else {
      for (const node of [...change.folders, ...change.nodes]) this.#waiting.set(node, 'all');
      for (const folder of change.folders) this.#folder(folder);
      this.#epoch ||= this.#names === undefined && change.folders.length > 0;
    }
    this.#run();
  }

  /** Of one node, which was changed as a consequence of something else. */
  attributes(node: NodeId): void {
    if (!this.#waiting.has(node)) this.#waiting.set(node, 'attributes');
    this.#run();
  }

  /** Resolves when all is told. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Nobody is there to be told. */
  end(): void {
    this.#waiting.clear();
    this.#entries.clear();
    this.#epoch = false;
  }

  #folder(folder: NodeId): void {
    const names = this.#names?.take(folder);
    if (names === undefined) return;
    const waiting = this.#entries.get(folder);
    if (waiting === undefined) this.#entries.set(folder, names);
    else for (const name of names) waiting.add(name);
  }

  #run(): void {
    this.#running ??= this.#tell().finally(() => { this.#running = undefined; });
  }

  /** Names first: what is found by an old one is wrong, what is seen of a node only old. The answers don't matter: who is not known has nothing to forget. */
  async #tell(): Promise<void> {
    for (;;) {
      if (this.#epoch) {
        this.#epoch = false;
        await this.#channel.notify(notice(NOTIFY.INC_EPOCH, 0));
      } else if (this.#entries.size > 0) {
        const [folder, names] = this.#entries.entries().next().value!;
        this.#entries.delete(folder);
        for (const name of names) await this.#channel.notify(entryNotice(this.#nodes.idOf(folder), name, this.#expireOnly ? FLAG.EXPIRE_ONLY : 0));
      } else if (this.#waiting.size > 0) {
        const [node, part] = this.#waiting.entries().next().value!;
        this.#waiting.delete(node);
        if (this.#nodes.knows(node)) await this.#channel.notify(inodeNotice(this.#nodes.idOf(node), part));
      } else {
        return;
      }
    }
  }
}

/** A notice with room for its structure: an answer to nobody, with its code in the error's place. */
function notice(code: number, length: number): Uint8Array {
  const message = new Uint8Array(OutHeader.size + length);
  const header = OutHeader.at(message);
  header.len = message.length;
  header.error = code;
  return message;
}

function inodeNotice(id: number, part: Part): Uint8Array {
  const message = notice(NOTIFY.INVAL_INODE, InvalInodeOut.size);
  const body = InvalInodeOut.at(message, OutHeader.size);
  body.ino = id;
  // From 0 to the end; a place before the beginning is for none of the contents (fs/fuse/inode.c, fuse_reverse_inval_inode).
  if (part === 'attributes') message.fill(0xff, OutHeader.size + InvalInodeOut.fields.off.offset, OutHeader.size + InvalInodeOut.fields.len.offset);
  return message;
}

function entryNotice(parent: number, name: Name, flags: number): Uint8Array {
  const bytes = encodeName(name);
  const message = notice(NOTIFY.INVAL_ENTRY, InvalEntryOut.size + bytes.length + 1);
  const body = InvalEntryOut.at(message, OutHeader.size);
  body.parent = parent;
  body.namelen = bytes.length;
  body.flags = flags;
  message.set(bytes, OutHeader.size + InvalEntryOut.size);
  return message;
}
