import type { Cursor, FileSystem, ListBatch, Maybe, NodeId } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import type { ServedTree } from '../../engines/core/served.ts';
import type { NewNode, RenameMode, Writer } from '../../engines/core/writer.ts';
import { PassingFileSystem, PassingWriter, chained } from './passing.ts';
import { type PlatformNames, platformNames } from './platform-names.ts';

/** Folders whose names are kept folded. */
const MOST_FOLDERS = 64;

/** Names of one folder that are folded: of a larger one, a name is found as it is spelled, and not otherwise. */
const MOST_NAMES = 100_000;

/** A tree under names that the platform can say. The same tree where it can say all. */
export function withPlatformNames(tree: ServedTree, platform: NodeJS.Platform): ServedTree {
  const names = platformNames(platform);
  if (names === platformNames('linux')) return tree;
  const folded = new FoldedNames(tree.fs, names);
  // Its own programs' changes are seen by its writer, those of others are told.
  tree.onChange((change) => {
    if (change.what === 'all') folded.forgetAll();
    else for (const folder of change.folders) folded.forget(folder);
  });
  return { fs: new NamedFileSystem(tree.fs, names, new Spelling(tree.fs, names, folded)), onChange: (run) => tree.onChange(run) };
}

/** Names of folders by what they have in common with names that are the same to the platform. */
class FoldedNames {
  readonly #fs: FileSystem;
  readonly #names: PlatformNames;
  readonly #folders = new Map<NodeId, Promise<ReadonlyMap<string, Name>>>();

  constructor(fs: FileSystem, names: PlatformNames) {
    this.#fs = fs;
    this.#names = names;
  }

  forget(folder: NodeId): void {
    this.#folders.delete(folder);
  }

  forgetAll(): void {
    this.#folders.clear();
  }

  /** What the folder has that is the same to the platform. */
  async find(dir: NodeId, name: Name): Promise<Name | undefined> {
    let names = this.#folders.get(dir);
    if (names === undefined) {
      names = this.#read(dir);
      this.#folders.set(dir, names);
      names.catch(() => this.forget(dir));
      if (this.#folders.size > MOST_FOLDERS) this.#folders.delete(this.#folders.keys().next().value!);
    }
    return (await names).get(this.#names.fold!(name));
  }

  async #read(dir: NodeId): Promise<ReadonlyMap<string, Name>> {
    const found = new Map<string, Name>();
    let cursor: Cursor | undefined;
    do {
      const batch: ListBatch = await this.#fs.list(dir, cursor);
      for (const { name } of batch.entries) {
        const key = this.#names.fold!(name);
        // Of several the first one: the others are found as they are spelled.
        if (!found.has(key)) found.set(key, name);
      }
      cursor = batch.next;
    } while (cursor !== undefined && found.size < MOST_NAMES);
    return found;
  }
}

/** Which name of a folder a program means. */
class Spelling {
  readonly folded: FoldedNames;
  readonly #fs: FileSystem;
  readonly #names: PlatformNames;

  constructor(fs: FileSystem, names: PlatformNames, folded: FoldedNames) {
    this.#fs = fs;
    this.#names = names;
    this.folded = folded;
  }

  /** The name that a folder has for what a program calls so; what the program calls it where there is none. */
  find(dir: NodeId, shown: Name): Maybe<Name> {
    const real = this.#names.toReal(shown);
    return chained(this.#fs.lookup(dir, real), (found) => (found === undefined ? this.same(dir, real).then((other) => other ?? real) : real));
  }

  /** Another name of the folder that is the same to the platform. */
  async same(dir: NodeId, real: Name): Promise<Name | undefined> {
    for (const other of this.#names.others(real)) if ((await this.#fs.lookup(dir, other)) !== undefined) return other;
    return this.#names.fold === undefined ? undefined : this.folded.find(dir, real);
  }
}

class NamedFileSystem extends PassingFileSystem {
  readonly #names: PlatformNames;
  readonly #spelling: Spelling;

  constructor(inner: FileSystem, names: PlatformNames, spelling: Spelling) {
    super(inner, inner.writer && new NamedWriter(inner.writer, names, spelling));
    this.#names = names;
    this.#spelling = spelling;
  }

  override lookup(dir: NodeId, shown: Name): Maybe<NodeId | undefined> {
    const real = this.#names.toReal(shown);
    return chained(this.inner.lookup(dir, real), (found) => (found === undefined ? this.#lookElse(dir, real) : found));
  }

  override list(dir: NodeId, cursor?: Cursor): Maybe<ListBatch> {
    return chained(this.inner.list(dir, cursor), (batch) => ({ ...batch, entries: batch.entries.map((entry) => ({ ...entry, name: this.#names.toShown(entry.name) })) }));
  }

  /** Under another spelling that means the same. */
  async #lookElse(dir: NodeId, real: Name): Promise<NodeId | undefined> {
    const name = await this.#spelling.same(dir, real);
    return name === undefined ? undefined : this.inner.lookup(dir, name);
  }
}

/** New things get the name that the program gives; what is there is found as `lookup` finds it. */
class NamedWriter extends PassingWriter {
  override readonly names: Writer['names'];
  readonly #names: PlatformNames;
  readonly #spelling: Spelling;

  constructor(inner: Writer, names: PlatformNames, spelling: Spelling) {
    super(inner);
    this.names = names.fold === undefined ? inner.names : { ...inner.names, caseSensitive: false };
    this.#names = names;
    this.#spelling = spelling;
  }

  /** A name that is the same to the platform as one that is there is there: the writer refuses it as such. */
  protected override making(dir: NodeId, shown: Name, node: NewNode, make: (node: NewNode, name: Name) => Maybe<NodeId>): Maybe<NodeId> {
    return chained(this.#spelling.find(dir, shown), (name) => this.#after(make(node, name), dir));
  }

  override link(dir: NodeId, shown: Name, node: NodeId): Maybe<void> {
    return chained(this.#spelling.find(dir, shown), (name) => this.#after(this.inner.link(dir, name, node), dir));
  }

  override unlink(dir: NodeId, shown: Name): Maybe<void> {
    return chained(this.#spelling.find(dir, shown), (name) => this.#after(this.inner.unlink(dir, name), dir));
  }

  override rmdir(dir: NodeId, shown: Name): Maybe<void> {
    return chained(this.#spelling.find(dir, shown), (name) => this.#after(this.inner.rmdir(dir, name), dir));
  }

  override rename(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, mode: RenameMode): Maybe<void> {
    return chained(this.#spelling.find(fromDir, from), (old) => chained(this.#spelling.find(toDir, to), (found) => {
      // "readme" becomes "README": it is there only as itself.
      const isItself = fromDir === toDir && found === old;
      return this.#after(this.inner.rename(fromDir, old, toDir, isItself ? this.#names.toReal(to) : found, mode), fromDir, toDir);
    }));
  }

  #after<T>(done: Maybe<T>, ...folders: readonly NodeId[]): Maybe<T> {
    return chained(done, (result) => {
      for (const folder of folders) this.#spelling.folded.forget(folder);
      return result;
    });
  }
}
