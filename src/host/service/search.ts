import { type DiskError, isDiskError } from '../../engines/core/errors.ts';
import type { Cursor, DirEntry, EntryType, FileSystem, NodeId, Note } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { matchName, type NameMatch } from '../../engines/core/match.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import type { SearchEvent, SearchFolder, SearchHit, SearchProgress } from '../../shared/contract/rows.ts';
import { entryRow } from './entries.ts';
import { compareNatural } from './natural.ts';

export interface SearchRequest {
  /** The folder below which names are looked at. */
  readonly node: NodeId;
  /** See `matchName`. */
  readonly query: string;
  /** Whether names that begin with a dot are looked at, and into such folders. */
  readonly hidden: boolean;
}

/** How much one search may take. */
export interface SearchLimits {
  /** What is found; then the search ends. */
  readonly hits: number;
  /** Folders that are looked into: each is remembered, so that none is looked into twice. */
  readonly folders: number;
  /** Steps down from the start. */
  readonly depth: number;
}

/** 2,000,000 folders are some 200 MB of memory. */
const LIMITS: SearchLimits = { hits: 100_000, folders: 2_000_000, depth: 2048 };

/** Hits that are told together, at most. */
const BATCH = 256;

/** Milliseconds after which hits are told although there are few. The first ones come at the first breath. */
const HITS_EVERY = 50;

/** Milliseconds between two reports of progress. */
const PROGRESS_EVERY = 100;

/** Entries between two looks at the clock. */
const STRIDE = 128;

/** Subfolders of one folder that are visited in natural order; sorting more would hold up cancelling. */
const SORTED = 10_000;

/** Damaged folders that are told of one by one. */
const MAX_NOTES = 100;

/** Characters of the path that is shown as being searched. */
const LONGEST_NOW = 300;

/** A folder on the way: in the queue, or above one that is, or above a hit. */
interface Folder {
  readonly node: NodeId;
  readonly name: Name;
  readonly above: Folder | undefined;
  readonly depth: number;
  /** Its number, once the client was told of it. */
  id: number | undefined;
}

interface Found {
  readonly folder: Folder;
  readonly entry: DirEntry;
}

/**
 * Looks for names below a folder, the near ones first. Yields what is found soon after it is, how far it is about ten times a second,
 * and at last 'end'. It goes no faster than it is asked for the next event, and follows no links. What can't be read is counted and noted.
 * @throws DiskError when the folder itself can't be listed, or cancelled
 */
export async function* search(fs: FileSystem, request: SearchRequest, job: JobContext, limits: SearchLimits = LIMITS): AsyncGenerator<SearchEvent> {
  yield* new Search(fs, request, job, limits).run();
}

class Search {
  readonly #fs: FileSystem;
  readonly #job: JobContext;
  readonly #limits: SearchLimits;
  readonly #hiddenToo: boolean;
  readonly #matches: NameMatch;
  readonly #queue = new Queue<Folder>();
  /** Folders that are or were in the queue. A damaged image may show one in many places, or in itself. */
  readonly #seen = new Set<NodeId>();
  readonly #notes: Note[] = [];
  #pending: Found[] = [];
  #lastId = 0;
  #searched = 0;
  #directories = 0;
  #found = 0;
  #damaged = 0;
  #hidden = 0;
  #toldHits = Number.NEGATIVE_INFINITY;
  #toldProgress = performance.now();
  #isCut = false;

  constructor(fs: FileSystem, request: SearchRequest, job: JobContext, limits: SearchLimits) {
    this.#fs = fs;
    this.#job = job;
    this.#limits = limits;
    this.#hiddenToo = request.hidden;
    this.#matches = matchName(request.query);
    this.#seen.add(request.node);
    this.#queue.push({ node: request.node, name: '', above: undefined, depth: 0, id: 0 });
  }

  async *run(): AsyncGenerator<SearchEvent> {
    for (let folder = this.#queue.shift(); folder !== undefined && !this.#isFull; folder = this.#queue.shift()) {
      try {
        yield* this.#look(folder);
      } catch (error) {
        // The start is what was asked about; further in, damage is a part of what is there.
        if (folder.depth === 0 || !isDiskError(error) || error.kind === 'cancelled' || isClosed(error)) throw error;
        this.#damaged++;
        this.#note('error', `${pathOf(folder)}: ${error.message}`);
      }
    }
    if (this.#pending.length > 0) yield await this.#hits();
    if (this.#isCut) this.#note('warning', `Only ${this.#limits.folders} folders, ${this.#limits.depth} levels deep, were searched`);
    yield { event: 'end', progress: this.#progress(undefined), capped: this.#isFull, notes: this.#notes };
  }

  get #isFull(): boolean {
    return this.#found >= this.#limits.hits;
  }

  async *#look(folder: Folder): AsyncGenerator<SearchEvent> {
    const below: Folder[] = [];
    let cursor: Cursor | undefined;
    this.#directories++;
    try {
      do {
        const listed = this.#fs.list(folder.node, cursor);
        const batch = listed instanceof Promise ? await listed : listed;
        for (const [i, entry] of batch.entries.entries()) {
          if (!this.#hiddenToo && entry.name.startsWith('.')) {
            this.#hidden++;
          } else {
            this.#see(folder, entry);
            if ((entry.type ?? await this.#typeOf(entry)) === 'dir') this.#enqueue(below, folder, entry);
          }
          if (this.#pending.length >= BATCH) yield await this.#hits();
          if (this.#isFull) return;
          if (i % STRIDE === STRIDE - 1) yield* this.#breathe(folder);
        }
        cursor = batch.next;
        yield* this.#breathe(folder);
      } while (cursor !== undefined);
    } finally {
      // What was read of a folder before its damage counts.
      if (below.length <= SORTED) below.sort((a, b) => compareNatural(a.name, b.name));
      for (const each of below) this.#queue.push(each);
    }
  }

  #see(folder: Folder, entry: DirEntry): void {
    this.#searched++;
    if (!this.#matches(entry.name)) return;
    this.#found++;
    this.#pending.push({ folder, entry });
  }

  /** Where the directory does not say what an entry is. One that can't be read is nothing to look into. */
  async #typeOf({ node }: DirEntry): Promise<EntryType | undefined> {
    try {
      const got = this.#fs.stat(node);
      return (got instanceof Promise ? await got : got).type;
    } catch {
      return undefined;
    }
  }

  #enqueue(below: Folder[], above: Folder, { node, name }: DirEntry): void {
    if (this.#seen.has(node)) return;
    if (this.#seen.size >= this.#limits.folders || above.depth + 1 >= this.#limits.depth) {
      this.#isCut = true;
      return;
    }
    this.#seen.add(node);
    below.push({ node, name, above, depth: above.depth + 1, id: undefined });
  }

  /** Lets the event loop have its turn, and tells what is due. @throws DiskError cancelled */
  async *#breathe(folder: Folder): AsyncGenerator<SearchEvent> {
    const pause = this.#job.breathe();
    if (pause === undefined) return;
    await pause;
    const now = performance.now();
    if (this.#pending.length > 0 && now - this.#toldHits >= HITS_EVERY) yield await this.#hits();
    if (now - this.#toldProgress < PROGRESS_EVERY) return;
    this.#toldProgress = now;
    yield { event: 'progress', progress: this.#progress(folder) };
  }

  async #hits(): Promise<SearchEvent> {
    const found = this.#pending;
    this.#pending = [];
    const folders: SearchFolder[] = [];
    const hits: SearchHit[] = [];
    // Directories have no order that means anything to people.
    for (const { folder, entry } of inOrder(found)) {
      const id = this.#tell(folder, folders);
      hits.push({ folder: id, row: await entryRow(this.#fs, folder.node, entry.node, entry.name, entry.type, this.#job) });
      const pause = this.#job.breathe();
      if (pause) await pause;
    }
    this.#toldHits = performance.now();
    return { event: 'hits', folders, hits };
  }

  /** The folder's number; those on the way to it that the client does not know yet are added, the upper ones first. */
  #tell(folder: Folder, told: SearchFolder[]): number {
    const unknown: Folder[] = [];
    let at = folder;
    for (; at.id === undefined; at = at.above!) unknown.push(at);
    let above = at.id;
    for (const each of unknown.toReversed()) {
      each.id = ++this.#lastId;
      told.push({ id: each.id, above, node: each.node, name: each.name, display: displayName(each.name) });
      above = each.id;
    }
    return above;
  }

  #progress(now: Folder | undefined): SearchProgress {
    return {
      searched: this.#searched, directories: this.#directories, found: this.#found, damaged: this.#damaged, hidden: this.#hidden,
      ...(now === undefined ? {} : { now: pathOf(now) }),
    };
  }

  #note(severity: Note['severity'], message: string): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push({ severity, message });
  }
}

/** The image was opened another way meanwhile: every folder from here on would fail. */
function isClosed({ fault }: DiskError): boolean {
  return fault.kind === 'usage' && fault.errno === 'EBADF';
}

/** Hits of one folder by name; folders stay in the order in which they were searched. */
function inOrder(found: readonly Found[]): Found[] {
  const place = new Map<Folder, number>();
  for (const { folder } of found) if (!place.has(folder)) place.set(folder, place.size);
  return found.toSorted((a, b) => place.get(a.folder)! - place.get(b.folder)! || compareNatural(a.entry.name, b.entry.name));
}

/** "etc/ssl" for showing, from the start on; its end where it is long. */
function pathOf(folder: Folder): string {
  const names: string[] = [];
  let length = 0;
  for (let at: Folder | undefined = folder; at?.above !== undefined && length <= LONGEST_NOW; at = at.above) {
    const shown = displayName(at.name);
    names.push(shown);
    length += shown.length + 1;
  }
  const path = names.toReversed().join('/');
  return path.length <= LONGEST_NOW ? path : `…${path.slice(-LONGEST_NOW)}`;
}

/** First in, first out. Array.shift moves all that is behind it. */
class Queue<T> {
  #items: (T | undefined)[] = [];
  #first = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.#first > 1024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}
