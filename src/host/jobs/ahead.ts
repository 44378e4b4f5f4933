import type { DirEntry, FileSystem, Maybe, NodeId, Stat } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';

/** Entries of a folder that are asked about before their turn. Where answers take a way (a guest, a network), it is the ways that cost, not the answers. */
const AHEAD = 32;

/** The same over all folders that are open, one in another: a tree may be as deep as it likes. */
const MOST_AHEAD = 8 * AHEAD;

/** Files of up to so many bytes are read before their turn, too: what is kept of them is at most this times MOST_AHEAD, 16 MiB. */
const EARLY_BYTES = 64 * 1024;

/** A node's attributes, and what ended their reading: those that were found before are kept. */
export interface Attributes {
  readonly found: readonly (readonly [Name, Uint8Array])[];
  readonly failure?: unknown;
}

/** Answers that are on their way. */
interface Early {
  readonly stat: Promise<Stat>;
  readonly attributes: Promise<Attributes> | undefined;
  readonly bytes: Promise<Uint8Array | undefined>;
}

/** Asks about a folder's entries before their turn, where answers come later; where they come at once, nothing is won and nothing is done. What fails is told when its turn comes. */
export class Ahead {
  readonly #fs: FileSystem;
  readonly #asked = new Map<NodeId, Early>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Entries in the order in which their turns come. @returns what is called at the turn of the one with this index */
  entries(entries: readonly DirEntry[]): (turn: number) => void {
    let asked = 0;
    let worth = true;
    return (turn) => {
      asked = Math.max(asked, turn);
      while (worth && asked < entries.length && asked <= turn + AHEAD && this.#asked.size < MOST_AHEAD) worth = this.#ask(entries[asked++]!.node);
    };
  }

  stat(node: NodeId): Maybe<Stat> {
    return this.#asked.get(node)?.stat ?? this.#fs.stat(node);
  }

  /** None where the filesystem keeps none. Never rejects. */
  async attributes(node: NodeId): Promise<Attributes> {
    return this.#asked.get(node)?.attributes ?? this.#list(node);
  }

  /** All of a small file; undefined where it is none, could not be read, or was not asked for. */
  bytes(node: NodeId): Promise<Uint8Array | undefined> | undefined {
    return this.#asked.get(node)?.bytes;
  }

  /** Its turn is over. */
  forget(node: NodeId): void {
    this.#asked.delete(node);
  }

  /** @returns whether there is something to win */
  #ask(node: NodeId): boolean {
    if (this.#asked.has(node)) return true;
    let stat: Maybe<Stat>;
    try {
      stat = this.#fs.stat(node);
    } catch {
      return true; // It will fail in its turn as well.
    }
    if (!(stat instanceof Promise)) return false;
    stat.catch(() => {});
    const attributes = this.#fs.xattrs && this.#list(node);
    const bytes = stat.then(async ({ type, size }) => {
      // After the attributes, for what leads to the file can be opened when nobody needs it any more.
      await attributes;
      if (type !== 'file' || size === 0 || size > EARLY_BYTES) return undefined;
      const into = new Uint8Array(size);
      return (await this.#fs.read(node, 0, into)) === size ? into : undefined;
    }).catch(() => undefined);
    this.#asked.set(node, { stat, attributes, bytes });
    return true;
  }

  async #list(node: NodeId): Promise<Attributes> {
    const found: [Name, Uint8Array][] = [];
    if (!this.#fs.xattrs) return { found };
    try {
      const listed = this.#fs.xattrs.list(node);
      for (const name of listed instanceof Promise ? await listed : listed) {
        const got = this.#fs.xattrs.get(node, name);
        const value = got instanceof Promise ? await got : got;
        if (value !== undefined) found.push([name, value]);
      }
    } catch (failure) {
      return { found, failure };
    }
    return { found };
  }
}
