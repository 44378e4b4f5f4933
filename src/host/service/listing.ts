import type { Cursor, EntryType, FileSystem, NodeId, Stat } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { matchName } from '../../engines/core/match.ts';
import type { Name } from '../../engines/core/names.ts';

/** Entries of one directory that are listed; a listing that never ends is a crafted one. */
export const MAX_ENTRIES = 10_000_000;

/** What of a directory is shown, an array a property: a million objects would be several times as large. How much is not shown. */
export interface Listing {
  readonly names: readonly Name[];
  readonly nodes: readonly NodeId[];
  /** undefined where a node's type can't be read. */
  readonly types: readonly (EntryType | undefined)[];
  readonly hidden: number;
  readonly filtered: number;
  /** The directory goes on and on. */
  readonly cut: boolean;
}

export interface ListingRequest {
  readonly node: NodeId;
  readonly hidden: boolean;
  /** See `matchName`. */
  readonly filter?: string | undefined;
}

/** @throws DiskError when the directory can't be listed, or cancelled */
export async function listDirectory(fs: FileSystem, { node, hidden: showHidden, filter }: ListingRequest, job: JobContext): Promise<Listing> {
  const matches = filter === undefined ? undefined : matchName(filter);
  const names: Name[] = [];
  const nodes: NodeId[] = [];
  const types: (EntryType | undefined)[] = [];
  let hidden = 0;
  let filtered = 0;
  let untyped = false;
  let cursor: Cursor | undefined;
  do {
    const listed = fs.list(node, cursor);
    const batch = listed instanceof Promise ? await listed : listed;
    for (const entry of batch.entries) {
      if (!showHidden && entry.name.startsWith('.')) hidden++;
      else if (matches !== undefined && !matches(entry.name)) filtered++;
      else {
        names.push(entry.name);
        nodes.push(entry.node);
        types.push(entry.type);
        untyped ||= entry.type === undefined;
      }
    }
    cursor = batch.next;
    const pause = job.breathe();
    if (pause) await pause;
  } while (cursor !== undefined && names.length + filtered + hidden < MAX_ENTRIES);
  if (untyped) {
    await statAll(fs, nodes, job, (stat, i) => { types[i] ??= stat.type; });
  }
  return { names, nodes, types, hidden, filtered, cut: cursor !== undefined };
}

/** Looks at every node, in the order in which they mostly lie on the device. Those that can't be read are left out; their rows tell the error. */
export async function statAll(fs: FileSystem, nodes: readonly NodeId[], job: JobContext, take: (stat: Stat, index: number) => void): Promise<void> {
  const count = nodes.length;
  for (const i of byNode(nodes)) {
    try {
      const got = fs.stat(nodes[i]!);
      take(got instanceof Promise ? await got : got, i);
    } catch {
      // As said above.
    }
    if (i % 16 === 0 || count < 16) {
      const pause = job.breathe();
      if (pause) await pause;
    }
  }
}

/** Indexes by ascending node. Node and index are packed into one number where they fit: numbers are sorted without a call for each comparison. */
function byNode(nodes: readonly NodeId[]): Iterable<number> {
  const count = nodes.length;
  const largest = nodes.reduce((most, node) => Math.max(most, node), 0);
  if (largest >= Number.MAX_SAFE_INTEGER / (count + 1)) return Uint32Array.from(nodes, (_, i) => i).toSorted((a, b) => nodes[a]! - nodes[b]!);
  return Float64Array.from(nodes, (node, i) => node * count + i).toSorted().map((packed) => packed % count);
}
