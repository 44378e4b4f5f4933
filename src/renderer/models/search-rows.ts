import { matchName } from '../../engines/core/match.ts';
import type { Crumb, EntryRow, SearchFolder, SearchHit } from '../../shared/contract/rows.ts';
import type { Ranges } from './ranges.ts';
import { RowCache } from './rows.ts';

/** Names above a hit that its folder's path is made of; a deeper one is a crafted one. */
const MAX_DEPTH = 4096;

/**
 * What a search has found so far, as rows of a list that grows at its end. All of it is here, so nothing is fetched; it stays when the
 * list that shows it goes, for who comes back to it.
 */
export class SearchRows extends RowCache<EntryRow> {
  override count = 0;
  readonly #start: readonly Crumb[];
  readonly #rows: EntryRow[] = [];
  readonly #folders = new Map<number, SearchFolder>();
  readonly #folderOf = new Map<EntryRow, number>();
  readonly #listeners = new Set<() => void>();
  #version = 0;

  /** @param start the steps to the folder where the search began */
  constructor(start: readonly Crumb[]) {
    super(0, async () => []);
    this.#start = start;
  }

  override readonly version = (): number => this.#version;

  override readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  add(folders: readonly SearchFolder[], hits: readonly SearchHit[]): void {
    for (const folder of folders) this.#folders.set(folder.id, folder);
    for (const { row, folder } of hits) {
      this.#rows.push(row);
      this.#folderOf.set(row, folder);
    }
    this.count = this.#rows.length;
    this.#version++;
    for (const listener of this.#listeners) listener();
  }

  override get(index: number): EntryRow | undefined {
    return this.#rows[index];
  }

  override has(): boolean {
    return true;
  }

  override *loaded(): Iterable<EntryRow> {
    yield* this.#rows;
  }

  override errorAt(): unknown {
    return undefined;
  }

  override want(): void {}

  override async read(from: number, to: number): Promise<EntryRow[]> {
    return this.#rows.slice(from, to);
  }

  override close(): void {}

  /** The steps to the folder of a row that was found here. */
  crumbsOf(row: EntryRow): readonly Crumb[] {
    return [...this.#start, ...this.#below(row).map(({ node, name, display }) => ({ node, name, display }))];
  }

  /** The folder's path from the start on, for showing; '' is the start itself. */
  folderPath(row: EntryRow): string {
    return this.#below(row).map(({ display }) => display).join('/');
  }

  /** The first row from `from` on, and then from the start, whose name begins with `prefix`, regardless of case. */
  find(prefix: string, from: number): number | undefined {
    const wanted = prefix.toLowerCase();
    for (let i = 0; i < this.count; i++) {
      const at = (from + i) % this.count;
      if (this.#rows[at]!.name.toLowerCase().startsWith(wanted)) return at;
    }
    return undefined;
  }

  /** The rows whose names `query` matches, as in a search. */
  matching(query: string): Ranges {
    const matches = matchName(query);
    const ranges: [number, number][] = [];
    let last: [number, number] | undefined;
    for (const [i, { name }] of this.#rows.entries()) {
      if (!matches(name)) continue;
      if (last?.[1] === i) last[1] = i + 1;
      else ranges.push(last = [i, i + 1]);
    }
    return ranges;
  }

  #below(row: EntryRow): SearchFolder[] {
    const steps: SearchFolder[] = [];
    let folder = this.#folders.get(this.#folderOf.get(row) ?? 0);
    for (; folder !== undefined && steps.length < MAX_DEPTH; folder = this.#folders.get(folder.above)) steps.push(folder);
    return steps.toReversed();
  }
}
