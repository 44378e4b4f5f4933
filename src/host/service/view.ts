import { usage } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { matchName } from '../../engines/core/match.ts';
import type { EntryRow, SortKey, View, ViewPage, ViewSelection } from '../../shared/contract/rows.ts';
import { entryRow } from './entries.ts';
import { LazyOrder } from './lazy-order.ts';
import { listDirectory, type Listing, type ListingRequest, MAX_ENTRIES } from './listing.ts';
import { type Compare, comparison } from './sorting.ts';

export interface ViewRequest extends ListingRequest {
  readonly sort: { readonly key: SortKey; readonly descending: boolean };
}

/** Rows of a selection above which the whole order is worth making to find them again. */
const FEW = 32;

/** A directory's entries in an order: listed once, sorted as far as it is looked at, rows made when they are asked for. */
export class DirectoryView {
  readonly notes: View['notes'];
  readonly #fs: FileSystem;
  readonly #dir: NodeId;
  readonly #listing: Listing;
  readonly #compare: Compare;
  readonly #order: LazyOrder;

  private constructor(fs: FileSystem, dir: NodeId, listing: Listing, compare: Compare) {
    this.#fs = fs;
    this.#dir = dir;
    this.#listing = listing;
    this.#compare = compare;
    this.#order = new LazyOrder(listing.names.length, compare);
    this.notes = listing.cut ? [{ severity: 'warning', message: `Only the first ${MAX_ENTRIES} entries of the directory are listed` }] : [];
  }

  /** @throws DiskError when the directory can't be listed, or cancelled */
  static async open(fs: FileSystem, request: ViewRequest, job: JobContext): Promise<DirectoryView> {
    const listing = await listDirectory(fs, request, job);
    return new DirectoryView(fs, request.node, listing, await comparison(fs, listing, request.sort.key, request.sort.descending, job));
  }

  get count(): number {
    return this.#listing.names.length;
  }

  get hidden(): number {
    return this.#listing.hidden;
  }

  get filtered(): number {
    return this.#listing.filtered;
  }

  /** @throws DiskError cancelled */
  async rows(from: number, count: number, job: JobContext): Promise<EntryRow[]> {
    const { names, nodes, types } = this.#listing;
    const rows: EntryRow[] = [];
    for (const i of this.#order.range(from, from + count)) {
      rows.push(await entryRow(this.#fs, this.#dir, nodes[i]!, names[i]!, types[i], job));
      const pause = job.breathe();
      if (pause) await pause;
    }
    return rows;
  }

  /** The page, of those of `size` rows, that holds `node` or, where that is not given or not here, row `at`. @throws DiskError cancelled */
  async page({ size, at, node }: { readonly size: number; readonly at: number; readonly node?: NodeId | undefined }, job: JobContext): Promise<ViewPage> {
    const index = node === undefined ? undefined : this.indexOf(node);
    const from = Math.floor(Math.min(index ?? at, Math.max(0, this.count - 1)) / size) * size;
    return { from, rows: await this.rows(from, size, job), ...(index === undefined ? {} : { index }) };
  }

  /** The first row from `from` on, and then from the start, whose name begins with `prefix`, regardless of case. */
  find(prefix: string, from: number): number | undefined {
    const wanted = prefix.toLowerCase();
    const [start] = this.#order.range(from, from + 1);
    let first: number | undefined;
    let next: number | undefined;
    const { names } = this.#listing;
    for (let item = 0; item < names.length; item++) {
      if (!beginsWith(names[item]!, wanted)) continue;
      if (first === undefined || this.#compare(item, first) < 0) first = item;
      if (start !== undefined && this.#compare(item, start) >= 0 && (next === undefined || this.#compare(item, next) < 0)) next = item;
    }
    const found = next ?? first;
    return found === undefined ? undefined : this.#order.placeOf(found);
  }

  /** The rows whose names `query` matches (see `matchName`), as sorted half-open ranges. */
  match(query: string): [from: number, to: number][] {
    const matches = matchName(query);
    return rangesOf(this.#order.all(), (item) => matches(this.#listing.names[item]!));
  }

  /** The folder that it lists, where it is one of this filesystem and has an entry of one of the nodes. */
  folderOf(fs: FileSystem, nodes: ReadonlySet<NodeId>): NodeId | undefined {
    return fs === this.#fs && this.#listing.nodes.some((node) => nodes.has(node)) ? this.#dir : undefined;
  }

  indexOf(node: NodeId): number | undefined {
    const item = this.#listing.nodes.indexOf(node);
    return item < 0 ? undefined : this.#order.placeOf(item);
  }

  /** Where the rows stand here that are selected in another view of the directory. */
  keep(view: DirectoryView, { ranges: chosenRanges, focus, anchor }: ViewSelection): ViewSelection {
    const place = (index: number): number => {
      const item = index < 0 ? undefined : this.#same(view, view.#order.range(index, index + 1)[0]);
      return item === undefined ? -1 : this.#order.placeOf(item);
    };
    const places = { focus: place(focus), anchor: place(anchor) };
    const count = chosenRanges.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, view.count) - from), 0);
    if (count === view.count && this.count === view.count) return { ranges: count > 0 ? [[0, count]] : [], ...places };
    if (count <= FEW) {
      const indexes = chosenRanges.flatMap(([from, to]) => Array.from(view.#order.range(from, to), (item) => this.#same(view, item)));
      const found = new Set(indexes);
      const sorted = Uint32Array.from([...found].flatMap((item) => (item === undefined ? [] : [this.#order.placeOf(item)]))).toSorted();
      const ranges: [number, number][] = [];
      for (const index of sorted) {
        if (ranges.at(-1)?.[1] === index) ranges.at(-1)![1] = index + 1;
        else ranges.push([index, index + 1]);
      }
      return { ranges, ...places };
    }
    const chosen = new Set(chosenRanges.flatMap(([from, to]) => Array.from(view.#order.range(from, to), (item) => view.#key(item))));
    return { ranges: rangesOf(this.#order.all(), (item) => chosen.has(this.#key(item))), ...places };
  }

  /** The item that an item of another view is here. Two entries of one inode are told apart by their names. */
  #same(view: DirectoryView, item: number | undefined): number | undefined {
    if (item === undefined) return undefined;
    const { names, nodes } = this.#listing;
    const name = view.#listing.names[item]!;
    const node = view.#listing.nodes[item]!;
    for (let i = nodes.indexOf(node); i >= 0; i = nodes.indexOf(node, i + 1)) {
      if (names[i] === name) return i;
    }
    return undefined;
  }

  #key(item: number): string {
    return `${this.#listing.nodes[item]} ${this.#listing.names[item]}`;
  }
}

/** @param wanted in lower case */
function beginsWith(name: string, wanted: string): boolean {
  const [x, y] = [name.charCodeAt(0), wanted.charCodeAt(0)];
  // Most names are told apart by their first letter.
  if (x < 128 && y < 128 && (x >= 0x41 && x <= 0x5a ? x + 32 : x) !== y) return false;
  return name.toLowerCase().startsWith(wanted);
}

/** The places of what is picked, as sorted half-open ranges. */
function rangesOf(order: Uint32Array, picked: (item: number) => boolean): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  let last: [number, number] | undefined;
  for (const [at, item] of order.entries()) {
    if (!picked(item)) continue;
    if (last?.[1] === at) last[1] = at + 1;
    else ranges.push(last = [at, at + 1]);
  }
  return ranges;
}

/** The views of one client. Those that it forgets to close are closed when it opens many more. */
export class Views {
  readonly #views = new Map<number, DirectoryView>();
  /** Of filesystems that were closed since: what was selected in them can still be found again. */
  #retired: ReadonlyMap<number, DirectoryView> = new Map();
  #last = 0;

  add(view: DirectoryView): number {
    const id = ++this.#last;
    this.#views.set(id, view);
    if (this.#views.size > MAX_VIEWS) this.#views.delete(this.#views.keys().next().value!);
    return id;
  }

  /** @throws DiskError usage EBADF */
  get(id: number): DirectoryView {
    const view = this.#views.get(id);
    if (view === undefined) throw usage('EBADF', `View ${id} is not open (any longer)`);
    // Moved to the end: the ones not looked at for longest go first.
    this.#views.delete(id);
    this.#views.set(id, view);
    return view;
  }

  /** Also one that was retired, for `keep` alone; undefined for one that is closed. */
  find(id: number): DirectoryView | undefined {
    return this.#views.get(id) ?? this.#retired.get(id);
  }

  /** Folders that are looked at and have an entry of one of the nodes. */
  foldersOf(fs: FileSystem, nodes: ReadonlySet<NodeId>): NodeId[] {
    return [...this.#views.values()].flatMap((view) => view.folderOf(fs, nodes) ?? []);
  }

  /** Their filesystems are closed: no rows of them are told any more. */
  retire(): void {
    this.#retired = new Map(this.#views);
    this.#views.clear();
  }

  close(id: number): void {
    this.#views.delete(id);
  }

  clear(): void {
    this.#views.clear();
    this.#retired = new Map();
  }
}

const MAX_VIEWS = 64;
