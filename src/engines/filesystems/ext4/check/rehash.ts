import { decodeName } from '../../../core/names.ts';
import { INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { emptyBlock } from './dir-block.ts';
import { adjustLinks, runsOf, writeBlock } from './directory-edit.ts';
import { PASS_2, PASS_3 } from './directory-problems.ts';
import { type MapRun, writeRuns } from './file-map.ts';
import type { RawInode } from './raw-inode.ts';
import { EntryList, type RebuildContext } from './rebuild.ts';

/** Larger directories than this are left as they are: their names alone would fill the memory. Bytes. */
const MOST_BYTES = 512 * 1024 * 1024;
const ROOT = 2;
/** "." and ".." before the entries of a directory without an index. */
const DOTS = 24;

/** Pass 3A: builds the directories anew that earlier passes marked, with names that are there twice made single. */
export async function rebuildDirectories(context: CheckContext): Promise<void> {
  const { rehash, directories } = context.tables;
  context.startPass('Rebuilding directories', rehash.size);
  let done = 0;
  for (const number of [...rehash].toSorted((a, b) => a - b)) {
    const pause = context.progress(done++);
    if (pause !== undefined) await pause;
    if (directories.has(number)) rebuildDirectory(context, number, { linear: false });
  }
  rehash.clear();
}

/** Builds one directory anew. @param how linear: without an index in any case */
export function rebuildDirectory(context: CheckContext, number: number, how: { readonly linear: boolean }): void {
  const { superblock, tables } = context;
  const { blockSize } = superblock;
  const inode = context.readInode(number);
  if (inode.has(INODE_FLAGS.inlineData)) return;
  const runs = runsOf(context, inode);
  const mapped = runs.reduce((sum, run) => sum + run.count, 0);
  if (mapped === 0) return;
  if (mapped * blockSize > MOST_BYTES) return give(context, number, 'it is too large');
  const bytes = new Uint8Array(mapped * blockSize);
  let at = 0;
  for (const { physical, count } of runs) {
    context.tryRead(physical, bytes.subarray(at, at + count * blockSize));
    at += count * blockSize;
  }
  const info = tables.directoryInfo.find(number);
  const parent = (info < 0 ? 0 : tables.directoryInfo.dotdot(info)) || (info < 0 ? 0 : tables.directoryInfo.parent(info)) || ROOT;
  const rebuild = rebuildContext(context, inode, parent);
  const indexable = !how.linear && superblock.features.dirIndex && Math.floor(inode.size / blockSize) >= 2;
  const list = new EntryList(rebuild, bytes, indexable);
  const indexed = indexable && list.size >= blockSize - DOTS;
  list.sort();
  removeTwins(context, number, list, rebuild.encrypted);
  if (!indexed) list.sortByInode();
  const built = list.build(indexed);
  if (built === undefined) return give(context, number, 'its index would have too many levels');
  store(context, inode, runs, mapped, built, indexed);
}

function give(context: CheckContext, inode: number, why: string): void {
  context.problem(PASS_3['not-rebuilt'], { inode, why });
  context.left++;
}

function rebuildContext(context: CheckContext, inode: RawInode, parent: number): RebuildContext {
  const { superblock } = context;
  const { raw, features } = superblock;
  return {
    inode: inode.number, parent, blockSize: superblock.blockSize, inodeCount: superblock.inodeCount, checksums: features.metadataChecksum,
    filetype: features.filetype, encrypted: inode.has(INODE_FLAGS.encrypt), casefolded: inode.has(INODE_FLAGS.casefold), hashVersion: raw.s_def_hash_version,
    hashSeed: raw.s_hash_seed, signedness: (raw.s_flags & 2) !== 0 ? 'unsigned' : 'signed', largeDir: features.largeDir,
  };
}

/** Names that are there twice: the second goes where it leads to the same inode, else it is renamed. */
function removeTwins(context: CheckContext, number: number, list: EntryList, encrypted: boolean): void {
  for (let twin = list.nextDuplicate(1); twin !== undefined; twin = list.nextDuplicate(twin.place + 1)) {
    const { first, second } = twin;
    const name = decodeName(list.name(second));
    const inode = list.inode(second);
    if (inode === list.inode(first)) {
      if (context.problem(PASS_2['duplicate-entry'], { inode: number, name })) {
        adjustLinks(context, inode, -1);
        list.drop(second);
        continue;
      }
    }
    if (encrypted) {
      if (context.problem(PASS_2['drop-duplicate'], { inode: number, other: inode })) {
        adjustLinks(context, inode, -1);
        list.drop(second);
      }
      continue;
    }
    const free = list.freeName(second);
    if (context.problem(PASS_2['rename-duplicate'], { inode: number, name, to: decodeName(free) })) list.rename(second, free);
  }
  list.sort();
}

/** Writes the blocks where the old ones were, with more of them where it takes more, and frees those that are left over. */
function store(context: CheckContext, inode: RawInode, runs: readonly MapRun[], mapped: number, built: Uint8Array, indexed: boolean): void {
  const { superblock, tables } = context;
  const { blockSize, clusterRatio, features } = superblock;
  const keep = inode.number === tables.lostAndFound ? mapped : 0;
  const wanted = Math.max(built.length / blockSize, keep);
  // With bigalloc whole clusters are the directory's: those it has are enough for as many blocks as they hold, in their order.
  const places: number[] = [];
  const clusters = new Set<number>();
  for (const { physical, count } of runs) {
    for (let i = 0; i < count; i++) {
      places.push(physical + i);
      clusters.add(Math.floor((physical + i) / clusterRatio));
    }
  }
  const had = clusters.size;
  const allocated: number[] = [];
  while (places.length < wanted) {
    const last = places.at(-1)!;
    if (clusterRatio > 1 && places.length % clusterRatio !== 0 && (last + 1) % clusterRatio !== 0) {
      places.push(last + 1);
      continue;
    }
    const block = context.allocateBlock(last + 1);
    if (block === undefined) {
      for (const taken of allocated) context.freeBlock(taken);
      return give(context, inode.number, 'there is no space');
    }
    allocated.push(block);
    places.push(block);
  }
  const kept = new Set<number>();
  for (const place of places.slice(0, wanted)) kept.add(Math.floor(place / clusterRatio));
  const before = inode.bytes.slice();
  if (indexed) inode.set(INODE_FLAGS.index);
  else inode.clear(INODE_FLAGS.index);
  inode.size = wanted * blockSize;
  if (!writeRuns(context, inode, together(places.slice(0, wanted)), (kept.size - had) * clusterRatio)) {
    inode.bytes.set(before);
    for (const taken of allocated) context.freeBlock(taken);
    return give(context, inode.number, 'there is no space');
  }
  for (const cluster of clusters) if (!kept.has(cluster)) context.freeBlock(cluster * clusterRatio);
  for (let i = 0; i < wanted; i++) {
    const block = i * blockSize < built.length ? built.subarray(i * blockSize, (i + 1) * blockSize) : emptyBlock(blockSize, features.metadataChecksum);
    writeBlock(context, inode, places[i]!, block);
  }
}

/** Blocks in their logical order as runs. */
function together(places: readonly number[]): MapRun[] {
  const runs: MapRun[] = [];
  for (const [logical, physical] of places.entries()) {
    const last = runs.at(-1);
    if (last !== undefined && last.physical + last.count === physical) runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ logical, physical, count: 1, unwritten: false });
  }
  return runs;
}
