import { isDiskError } from '../../../core/errors.ts';
import { INODE_FLAGS } from '../layout.ts';
import { writeAttributeBlock } from './attributes.ts';
import type { CheckContext } from './context.ts';
import { type MapRun, readRuns, writeRuns } from './file-map.ts';
import { clearInode } from './inode-check.ts';
import { visitMap } from './map-visit.ts';
import { BAD_BLOCKS_INODE, RESIZE_INODE } from './metadata.ts';
import { catalogue } from './problems.ts';
import type { RawInode } from './raw-inode.ts';

const PASS1D = catalogue('1d', {
  'shared-blocks': { severity: 'error', says: 'Inode {inode} has {count} blocks that are also claimed by {others}', meaning: 'What is written to one of them changes the other: one holds the wrong contents already.', repair: 'Give the file copies of its own' },
  'no-room': { severity: 'error', says: 'There is no room for copies of the blocks that inode {inode} shares', meaning: 'What is written to one of the files changes the other.', repair: 'Delete the file' },
});

/** Inodes that share blocks are remembered with all these blocks: more claims than these are dealt with in the next run. */
const MOST_CLAIMS = 4_000_000;

/** Files of one cluster that are counted in a finding. */
const MOST_OWNERS = 64;

/** A file that shares clusters. */
interface Sharer {
  readonly number: number;
  /** Clusters that are claimed more than once, each as often as this file claims it. */
  readonly clusters: number[];
}

/** Passes 1B to 1D: finds out who claims the clusters that are claimed more than once, and gives each file but the last one copies of its own. */
export async function pass1b(context: CheckContext): Promise<void> {
  const { clustersShared } = context.tables;
  if (clustersShared.next(0) === undefined) return;
  const { sharers, claims, attributeBlocks } = await findSharers(context);
  const misaligned = new Set([...claims].filter(([cluster, count]) => count === 1 && !isMetadata(context, cluster)).map(([cluster]) => cluster));
  const owners = new Map<number, number[]>();
  for (const { number, clusters } of sharers) {
    for (const cluster of clusters) {
      const there = owners.get(cluster);
      if (there === undefined) owners.set(cluster, [number]);
      else if (there.length < MOST_OWNERS) there.push(number);
    }
  }
  const cloned = new Set<number>();
  for (const sharer of sharers) {
    const pause = context.progress(sharer.number);
    if (pause !== undefined) await pause;
    if (sharer.number === BAD_BLOCKS_INODE || sharer.number === RESIZE_INODE) continue;
    // Whoever is the last to claim a cluster keeps it, unless it is the filesystem's own.
    const own = sharer.clusters.filter((cluster) => isMetadata(context, cluster));
    if (own.length === 0 && sharer.clusters.every((cluster) => (claims.get(cluster) ?? 0) <= 1 && !misaligned.has(cluster))) continue;
    const others = new Set(sharer.clusters.flatMap((cluster) => owners.get(cluster) ?? [])).size - 1;
    const parts = { inode: sharer.number, count: sharer.clusters.length, others: own.length > 0 ? 'the filesystem itself' : others === 0 ? 'itself' : `${others} other${others === 1 ? '' : 's'}` };
    const place = context.inodePlace(sharer.number);
    if (!context.problem(PASS1D['shared-blocks'], parts, place)) continue;
    if (new Cloner(context, sharer.number, { claims, attributeBlocks, misaligned }).run()) {
      cloned.add(sharer.number);
    } else if (context.problem(PASS1D['no-room'], { inode: sharer.number }, place)) {
      clearInode(context, context.readInode(sharer.number));
      for (const cluster of sharer.clusters) claims.set(cluster, (claims.get(cluster) ?? 1) - 1);
    }
  }
  if (context.restartLater && cloned.size > 0) context.restart = 'blocks of maps that lay on top of the filesystem\'s own have moved';
}

function isMetadata({ tables, superblock }: CheckContext, cluster: number): boolean {
  const first = cluster * superblock.clusterRatio;
  return !tables.metadata.isFree(first, superblock.clusterRatio);
}

interface Sharers {
  /** In ascending order. */
  readonly sharers: Sharer[];
  /** Cluster → how often it is claimed. */
  readonly claims: Map<number, number>;
  /** Shared blocks of attributes → who has them. */
  readonly attributeBlocks: Map<number, number[]>;
}

async function findSharers(context: CheckContext): Promise<Sharers> {
  const { tables, superblock } = context;
  const { clustersShared } = tables;
  const ratio = superblock.clusterRatio;
  const sharers: Sharer[] = [];
  const claims = new Map<number, number>();
  const attributeBlocks = new Map<number, number[]>();
  const seenAttributes = new Set<number>();
  let total = 0;
  context.startPass('Blocks claimed more than once', superblock.inodeCount);
  for (const number of tables.inodesUsed.members(1)) {
    const pause = context.progress(number);
    if (pause !== undefined) await pause;
    if (number > superblock.inodeCount || total > MOST_CLAIMS) break;
    let inode: RawInode;
    try {
      inode = context.readInode(number);
    } catch (error) {
      if (!isDiskError(error)) throw error;
      continue;
    }
    const clusters: number[] = [];
    let last: string | undefined;
    // The blocks of one logical cluster in one cluster are one claim.
    const claim = (block: number, logical?: number): void => {
      const cluster = Math.floor(block / ratio);
      const key = logical === undefined || ratio === 1 ? undefined : `${Math.floor(logical / ratio)} ${cluster}`;
      if ((key !== undefined && key === last) || !clustersShared.has(cluster)) return;
      last = key;
      clusters.push(cluster);
      claims.set(cluster, (claims.get(cluster) ?? 0) + 1);
      total++;
    };
    const attributes = inode.fileAcl(superblock);
    if (attributes !== 0 && attributes < superblock.blockCount && clustersShared.has(Math.floor(attributes / ratio))) {
      attributeBlocks.set(attributes, [...(attributeBlocks.get(attributes) ?? []), number]);
      // Many inodes may have the same attributes: that is one claim.
      if (seenAttributes.has(attributes)) clusters.push(Math.floor(attributes / ratio));
      else claim(attributes);
      seenAttributes.add(attributes);
    }
    visitMap(context, inode, {
      node(block) {
        claim(block);
        return block;
      },
      data(logical, block, count) {
        const end = Math.floor((block + count - 1) / ratio) + 1;
        for (let shared = clustersShared.next(Math.floor(block / ratio), end); shared !== undefined; shared = clustersShared.next(shared + 1, end)) {
          claim(shared * ratio, logical + Math.max(0, shared * ratio - block));
        }
        return block;
      },
    });
    if (clusters.length > 0) sharers.push({ number, clusters });
  }
  return { sharers, claims, attributeBlocks };
}

/** Copies the shared blocks of one file (clone_file). */
class Cloner {
  readonly #context: CheckContext;
  readonly #number: number;
  /** Cluster → how often it is still claimed: the last claim keeps it. */
  readonly #claims: Map<number, number>;
  readonly #attributeBlocks: Map<number, number[]>;
  /** Clusters that nobody else claims: they are shared as their blocks lie in the wrong places. */
  readonly #misaligned: ReadonlySet<number>;
  readonly #ratio: number;
  #full = false;
  /** Logical cluster → the cluster that it was copied to. */
  readonly #copies = new Map<number, number>();
  /** The logical cluster whose block moved last, and the cluster that it came from: all its blocks there are one claim. */
  #left: readonly [logical: number, physical: number] | undefined;
  /** Of a directory: logical block → its place in the list for pass 2. */
  #listed: Map<number, number> | undefined;

  constructor(context: CheckContext, number: number, { claims, attributeBlocks, misaligned }: Omit<Sharers, 'sharers'> & { readonly misaligned: ReadonlySet<number> }) {
    this.#context = context;
    this.#number = number;
    this.#claims = claims;
    this.#attributeBlocks = attributeBlocks;
    this.#misaligned = misaligned;
    this.#ratio = context.superblock.clusterRatio;
  }

  /** @returns false when there was no room */
  run(): boolean {
    const context = this.#context;
    const inode = context.readInode(this.#number);
    const changed = visitMap(context, inode, {
      node: (block) => this.#isShared(block) ? this.#node(block) : block,
      // Extents are dealt with as a whole, below.
      data: (logical, block) => inode.has(INODE_FLAGS.extents) || !this.#mustMove(logical, block) ? block : this.#data(logical, block),
    });
    if (changed) context.writeInode(inode);
    if (inode.has(INODE_FLAGS.extents)) this.#extents(inode);
    this.#attributes(inode);
    return !this.#full;
  }

  /** Whether the block must be copied: others claim its cluster still, or it is the filesystem's own. */
  #isShared(block: number): boolean {
    const cluster = Math.floor(block / this.#ratio);
    return this.#context.tables.clustersShared.has(cluster) && ((this.#claims.get(cluster) ?? 0) > 1 || this.#misaligned.has(cluster) || isMetadata(this.#context, cluster));
  }

  #letGo(block: number): void {
    const cluster = Math.floor(block / this.#ratio);
    this.#claims.set(cluster, (this.#claims.get(cluster) ?? 1) - 1);
  }

  #node(block: number): number {
    const to = this.#copy(block, this.#context.allocateBlock());
    if (to !== block) this.#letGo(block);
    return to;
  }

  /** @returns where the block is now: where it was, when there is no room or it can't be read */
  #copy(from: number, to: number | undefined): number {
    const context = this.#context;
    if (to === undefined) {
      this.#full = true;
      return from;
    }
    const bytes = new Uint8Array(context.superblock.blockSize);
    context.tryRead(from, bytes);
    context.write(to, bytes);
    return to;
  }

  /** With clusters, the other blocks of a logical cluster go where the first one went. */
  #mustMove(logical: number, block: number): boolean {
    return this.#isShared(block) || (this.#ratio > 1 && this.#copies.has(Math.floor(logical / this.#ratio)));
  }

  #data(logical: number, block: number): number {
    const context = this.#context;
    const cluster = Math.floor(logical / this.#ratio);
    let to = this.#copies.get(cluster);
    if (to === undefined) {
      const allocated = context.allocateBlock();
      if (allocated === undefined) {
        this.#full = true;
        return block;
      }
      to = Math.floor(allocated / this.#ratio);
      this.#copies.set(cluster, to);
    }
    const place = to * this.#ratio + (logical % this.#ratio);
    if (place === block) return block;
    const from = Math.floor(block / this.#ratio);
    if (from !== to && (this.#left?.[0] !== cluster || this.#left[1] !== from)) this.#letGo(block);
    this.#left = [cluster, from];
    const now = this.#copy(block, place);
    if (context.tables.directories.has(this.#number)) this.#moveDirectoryBlock(logical, now);
    return now;
  }

  #moveDirectoryBlock(logical: number, physical: number): void {
    const { directoryBlocks } = this.#context.tables;
    if (this.#listed === undefined) {
      this.#listed = new Map();
      for (let index = 0; index < directoryBlocks.length; index++) if (directoryBlocks.inode(index) === this.#number) this.#listed.set(directoryBlocks.logical(index), index);
    }
    const index = this.#listed.get(logical);
    if (index !== undefined) directoryBlocks.move(index, physical);
  }

  #extents(inode: RawInode): void {
    const context = this.#context;
    let runs: MapRun[];
    try {
      runs = readRuns(context, inode);
    } catch (error) {
      // Nodes that have moved now are repaired in the next run.
      if (!isDiskError(error)) throw error;
      return;
    }
    if (!runs.some(({ physical, count }) => this.#shares(physical, count))) return;
    this.#keepPlaces(runs);
    const now: MapRun[] = [];
    for (const run of runs) {
      for (let i = 0; i < run.count; i++) {
        const logical = run.logical + i;
        const old = run.physical + i;
        const physical = this.#mustMove(logical, old) ? this.#data(logical, old) : old;
        const last = now.at(-1);
        if (last !== undefined && last.logical + last.count === logical && last.physical + last.count === physical && last.unwritten === run.unwritten) now[now.length - 1] = { ...last, count: last.count + 1 };
        else now.push({ logical, physical, count: 1, unwritten: run.unwritten });
      }
    }
    const before = clustersIn(runs, this.#ratio);
    const after = clustersIn(now, this.#ratio);
    if (!writeRuns(context, inode, now, (after.count - before.count) * this.#ratio)) {
      this.#full = true;
      return;
    }
    for (const cluster of before.clusters) if (!after.clusters.has(cluster) && this.#misaligned.has(cluster)) context.freeBlock(cluster * this.#ratio);
  }

  /** Of a logical cluster that lies in several clusters, blocks that are at their places stay there, and the others go to them. */
  #keepPlaces(runs: readonly MapRun[]): void {
    const ratio = this.#ratio;
    if (ratio === 1) return;
    let cluster = -1;
    let first = -1;
    let kept: number | undefined;
    for (const { logical, physical, count } of runs) {
      for (let i = 0; i < count; i++) {
        const at = Math.floor((physical + i) / ratio);
        if (Math.floor((logical + i) / ratio) !== cluster) {
          cluster = Math.floor((logical + i) / ratio);
          first = at;
          kept = undefined;
        }
        if ((logical + i) % ratio === (physical + i) % ratio && !this.#isShared(physical + i)) kept ??= at;
        if (at !== first && kept !== undefined) this.#copies.set(cluster, kept);
      }
    }
  }

  #shares(physical: number, count: number): boolean {
    const first = Math.floor(physical / this.#ratio);
    return !this.#context.tables.clustersShared.isFree(first, Math.floor((physical + count - 1) / this.#ratio) - first + 1);
  }

  /** The block of attributes, for all inodes that have the same one. */
  #attributes(inode: RawInode): void {
    const context = this.#context;
    const block = inode.fileAcl(context.superblock);
    if (block === 0 || !this.#isShared(block)) return;
    const to = this.#node(block);
    if (to === block) return;
    writeAttributeBlock(context, to, context.block(to));
    for (const number of new Set([...(this.#attributeBlocks.get(block) ?? []), this.#number])) {
      const other = context.readInode(number);
      if (other.fileAcl(context.superblock) !== block) continue;
      other.setFileAcl(context.superblock, to);
      context.writeInode(other);
    }
  }
}

/** The clusters that runs lie in, and how many of them pass 1 counts: those of one run after another. */
function clustersIn(runs: readonly MapRun[], ratio: number): { readonly clusters: ReadonlySet<number>; readonly count: number } {
  const clusters = new Set<number>();
  let count = 0;
  let last = -1;
  for (const { physical, count: length } of runs) {
    for (let cluster = Math.floor(physical / ratio); cluster * ratio < physical + length; cluster++) {
      if (ratio === 1 || cluster !== last) count++;
      clusters.add(last = cluster);
    }
  }
  return { clusters, count };
}
