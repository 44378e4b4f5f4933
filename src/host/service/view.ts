import { usage } from '../../engines/core/errors.ts';
import type { Cursor, DirEntry, EntryType, FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { Name } from '../../engines/core/names.ts';
import type { EntryRow, SortKey, View } from '../../shared/contract/rows.ts';
import { entryRow } from './entries.ts';
import { LazyOrder } from './lazy-order.ts';
import { compareNatural } from './natural.ts';

/** Entries of one directory that are listed; a listing that never ends is a crafted one. */
const MAX_ENTRIES = 10_000_000;

export interface ViewRequest {
  readonly node: NodeId;
  readonly sort: { readonly key: SortKey; readonly descending: boolean };
  readonly hidden: boolean;
  readonly filter?: string | undefined;
}

/** A directory's entries in an order: listed once, sorted as far as it is looked at, rows made when they are asked for. */
export class DirectoryView {
  readonly hidden: number;
  readonly notes: View['notes'];
  readonly #fs: FileSystem;
  readonly #dir: NodeId;
  readonly #entries: readonly DirEntry[];
  readonly #order: LazyOrder;

  private constructor(fs: FileSystem, dir: NodeId, entries: readonly DirEntry[], hidden: number, compare: (a: number, b: number) => number, notes: View['notes']) {
    this.#fs = fs;
    this.#dir = dir;
    this.#entries = entries;
    this.hidden = hidden;
    this.notes = notes;
    this.#order = new LazyOrder(entries.length, compare);
  }

  /** @throws DiskError when the directory can't be listed, or cancelled */
  static async open(fs: FileSystem, request: ViewRequest, job: JobContext): Promise<DirectoryView> {
    const { entries, hidden, cut } = await listEntries(fs, request, job);
    const types = await typesOf(fs, entries, job);
    const byKey = await comparison(fs, entries, types, request.sort.key, job);
    const sign = request.sort.descending ? -1 : 1;
    const folders = Uint8Array.from(types, (type) => (type === 'dir' ? 1 : 0));
    const names = entries.map(({ name }) => name);
    const compare = (a: number, b: number): number => {
      if (folders[a] !== folders[b]) return folders[b]! - folders[a]!;
      // A damaged directory may hold a name twice: the place in the listing decides last.
      return sign * ((byKey && byKey(a, b)) || compareNatural(names[a]!, names[b]!)) || a - b;
    };
    const notes: View['notes'] = cut ? [{ severity: 'warning', message: `Only the first ${MAX_ENTRIES} entries of the directory are listed` }] : [];
    return new DirectoryView(fs, request.node, entries, hidden, compare, notes);
  }

  get count(): number {
    return this.#entries.length;
  }

  async rows(from: number, count: number): Promise<EntryRow[]> {
    const rows: EntryRow[] = [];
    for (const i of this.#order.range(from, from + count)) {
      const { node, name, type } = this.#entries[i]!;
      rows.push(await entryRow(this.#fs, this.#dir, node, name, type));
    }
    return rows;
  }

  /** The first row from `from` on, and then from the start, whose name begins with `prefix`, regardless of case. */
  find(prefix: string, from: number): number | undefined {
    const wanted = prefix.toLowerCase();
    if (!this.#entries.some(({ name }) => name.toLowerCase().startsWith(wanted))) return undefined;
    const order = this.#order.all();
    for (let i = 0; i < order.length; i++) {
      const at = (from + i) % order.length;
      if (this.#entries[order[at]!]!.name.toLowerCase().startsWith(wanted)) return at;
    }
    return undefined;
  }

  indexOf(node: NodeId): number | undefined {
    const entry = this.#entries.findIndex((each) => each.node === node);
    if (entry < 0) return undefined;
    return this.#order.all().indexOf(entry);
  }
}

async function listEntries(fs: FileSystem, { node, hidden: showHidden, filter }: ViewRequest, job: JobContext): Promise<{ entries: DirEntry[]; hidden: number; cut: boolean }> {
  const wanted = filter?.toLowerCase();
  const entries: DirEntry[] = [];
  let hidden = 0;
  let cursor: Cursor | undefined;
  do {
    const listed = fs.list(node, cursor);
    const batch = listed instanceof Promise ? await listed : listed;
    for (const entry of batch.entries) {
      if (!showHidden && entry.name.startsWith('.')) hidden++;
      else if (wanted === undefined || entry.name.toLowerCase().includes(wanted)) entries.push(entry);
    }
    cursor = batch.next;
    const pause = job.breathe();
    if (pause) await pause;
  } while (cursor !== undefined && entries.length < MAX_ENTRIES);
  return { entries, hidden, cut: cursor !== undefined };
}

/** Types as the directory tells them; where the format keeps none there, as the nodes do. */
async function typesOf(fs: FileSystem, entries: readonly DirEntry[], job: JobContext): Promise<(EntryType | undefined)[]> {
  const types = entries.map(({ type }) => type);
  if (!types.includes(undefined)) return types;
  for (const [i, type] of types.entries()) {
    if (type !== undefined) continue;
    types[i] = await quietly(async () => (await fs.stat(entries[i]!.node)).type, undefined);
    const pause = job.breathe();
    if (pause) await pause;
  }
  return types;
}

/** Compares two entries by a key alone; undefined where the name is all. All but the name and the type need a stat of every entry. */
async function comparison(fs: FileSystem, entries: readonly DirEntry[], types: readonly (EntryType | undefined)[], key: SortKey, job: JobContext): Promise<((a: number, b: number) => number) | undefined> {
  switch (key) {
    case 'name':
      return undefined;
    case 'type': {
      const kinds = entries.map(({ name }, i) => (types[i] === 'file' ? `file ${extensionOf(name)}` : `${types[i]}`));
      return (a, b) => (kinds[a]! < kinds[b]! ? -1 : kinds[a]! > kinds[b]! ? 1 : 0);
    }
    case 'size': return numbers(await statAll(fs, entries, job, (stat) => stat.size, 0));
    case 'mode': return numbers(await statAll(fs, entries, job, (stat) => stat.mode, 0));
    // The group decides among one owner's; both are 32 bits wide.
    case 'owner': return numbers(await statAll(fs, entries, job, (stat) => stat.uid * 2 ** 32 + stat.gid, 0));
    case 'mtime': {
      const times = await statAll(fs, entries, job, (stat) => stat.mtime, 0n);
      return (a, b) => (times[a]! < times[b]! ? -1 : times[a]! > times[b]! ? 1 : 0);
    }
  }
}

function numbers(values: readonly number[]): (a: number, b: number) => number {
  return (a, b) => values[a]! - values[b]!;
}

async function statAll<T>(fs: FileSystem, entries: readonly DirEntry[], job: JobContext, pick: (stat: Awaited<ReturnType<FileSystem['stat']>>) => T, broken: T): Promise<T[]> {
  const values = Array.from<T>({ length: entries.length }).fill(broken);
  // In the order of the nodes, in which they mostly lie on the device.
  const order = Uint32Array.from(entries, (_, i) => i).toSorted((a, b) => entries[a]!.node - entries[b]!.node);
  for (const i of order) {
    values[i] = await quietly(async () => {
      const got = fs.stat(entries[i]!.node);
      return pick(got instanceof Promise ? await got : got);
    }, broken);
    const pause = job.breathe();
    if (pause) await pause;
  }
  return values;
}

/** A node that can't be read sorts like an empty one; its row tells the error. */
async function quietly<T>(run: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await run();
  } catch {
    return otherwise;
  }
}

/** "" for none, and for names that are all extension (".profile"). */
function extensionOf(name: Name): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** The views of one client. Those that it forgets to close are closed when it opens many more. */
export class Views {
  readonly #views = new Map<number, DirectoryView>();
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

  close(id: number): void {
    this.#views.delete(id);
  }

  clear(): void {
    this.#views.clear();
  }
}

const MAX_VIEWS = 64;
