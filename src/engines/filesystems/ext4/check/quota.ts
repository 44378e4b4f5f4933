import { isDiskError } from '../../../core/errors.ts';
import type { CheckContext, QuotaKind, Usage } from './context.ts';
import { QUOTA } from './directory-problems.ts';
import { type MapRun, readRuns, writeRuns } from './file-map.ts';
import { emptyQuota, type QuotaFile, readQuotaFile, updateGrace, writeQuotaFile } from './quota-file.ts';
import type { RawInode } from './raw-inode.ts';

const TYPES: Readonly<Record<QuotaKind, number>> = { user: 0, group: 1, project: 2 };
const BLOCK = 1024;

/** Compares the quota files with what the passes found everybody to use, and writes those anew that are wrong. After pass 4, before the bitmaps are compared. */
export function checkQuota(context: CheckContext): void {
  for (const [kind, usage] of context.tables.quota) checkFile(context, kind, usage);
}

function checkFile(context: CheckContext, kind: QuotaKind, usage: ReadonlyMap<number, Usage>): void {
  const { raw } = context.superblock;
  const number = kind === 'user' ? raw.s_usr_quota_inum : kind === 'group' ? raw.s_grp_quota_inum : raw.s_prj_quota_inum;
  // A number that no inode has: the superblock's own check has said so, and nobody wanted it repaired.
  if (number < 1 || number > context.superblock.inodeCount) return;
  const inode = context.readInode(number);
  const file = read(context, inode, TYPES[kind]);
  const why = file.damage ?? difference(file, usage);
  if (why === undefined) return;
  const problem = file.damage === undefined && difference(file, withReleased(context, kind, usage)) === undefined ? QUOTA['quota-orphans'] : QUOTA['quota-usage'];
  if (!context.problem(problem, { kind, why })) return;
  for (const entry of file.entries.values()) {
    entry.space = 0n;
    entry.inodes = 0n;
  }
  const now = Number(context.options.now() / 1_000_000_000n);
  for (const [id, { bytes, inodes }] of usage) {
    const entry = file.entries.get(id) ?? emptyQuota(id);
    entry.space = BigInt(Math.max(0, bytes));
    entry.inodes = BigInt(Math.max(0, inodes));
    file.entries.set(id, entry);
  }
  for (const entry of file.entries.values()) updateGrace(entry, file, now);
  const failed = write(context, inode, writeQuotaFile(TYPES[kind], file));
  if (failed !== undefined) {
    context.problem(QUOTA['quota-not-written'], { kind, why: failed });
    context.left++;
  }
}

/** As it was before the orphans of this run were released. */
function withReleased({ releasedUsage }: CheckContext, kind: QuotaKind, usage: ReadonlyMap<number, Usage>): ReadonlyMap<number, Usage> {
  const before = new Map([...usage].map(([id, own]) => [id, { ...own }]));
  for (const { kind: of, id, usage: { bytes, inodes } } of releasedUsage) {
    if (of !== kind) continue;
    const there = before.get(id) ?? { bytes: 0, inodes: 0 };
    before.set(id, { bytes: there.bytes - bytes, inodes: there.inodes - inodes });
  }
  return before;
}

/** The first thing in which the file is wrong. */
function difference(file: QuotaFile, usage: ReadonlyMap<number, Usage>): string | undefined {
  for (const entry of file.entries.values()) {
    const { bytes, inodes } = usage.get(entry.id) ?? { bytes: 0, inodes: 0 };
    if (entry.space !== BigInt(bytes) || entry.inodes !== BigInt(inodes)) {
      return `number ${entry.id} uses ${bytes} bytes and ${inodes} inodes, it says ${entry.space} and ${entry.inodes}`;
    }
  }
  for (const id of usage.keys()) if (!file.entries.has(id)) return `number ${id} is missing`;
  return undefined;
}

function read(context: CheckContext, inode: RawInode, type: number): QuotaFile & { readonly damage?: string } {
  const { blockSize } = context.superblock;
  try {
    const runs = readRuns(context, inode);
    const block = new Uint8Array(blockSize);
    return readQuotaFile(type, inode.size, (number) => {
      const logical = Math.floor((number * BLOCK) / blockSize);
      const run = runs.find((one) => logical >= one.logical && logical < one.logical + one.count);
      if (run === undefined || run.unwritten) return new Uint8Array(BLOCK);
      context.read(run.physical + logical - run.logical, block);
      const at = (number * BLOCK) % blockSize;
      return block.slice(at, at + BLOCK);
    });
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return { entries: new Map(), spaceGrace: 604_800, inodeGrace: 604_800, damage: error.message };
  }
}

/** Writes the file's blocks where they are, with more or fewer of them as it takes. @returns why it could not be */
function write(context: CheckContext, inode: RawInode, bytes: Uint8Array): string | undefined {
  const { blockSize, clusterRatio } = context.superblock;
  let runs: MapRun[];
  try {
    runs = readRuns(context, inode);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return error.message;
  }
  const places: number[] = [];
  for (const run of runs) for (let i = 0; i < run.count; i++) places.push(run.physical + i);
  const wanted = Math.ceil(bytes.length / blockSize);
  const had = new Set(places.map((place) => Math.floor(place / clusterRatio)));
  const allocated: number[] = [];
  while (places.length < wanted) {
    const last = places.at(-1);
    if (last !== undefined && clusterRatio > 1 && (last + 1) % clusterRatio !== 0) {
      places.push(last + 1);
      continue;
    }
    const block = context.allocateBlock((last ?? -1) + 1);
    if (block === undefined) {
      for (const taken of allocated) context.freeBlock(taken);
      return 'there is no space';
    }
    allocated.push(block);
    places.push(block);
  }
  places.length = wanted;
  const mapped: MapRun[] = [];
  for (const [logical, physical] of places.entries()) {
    const last = mapped.at(-1);
    if (last !== undefined && last.physical + last.count === physical) mapped[mapped.length - 1] = { ...last, count: last.count + 1 };
    else mapped.push({ logical, physical, count: 1, unwritten: false });
  }
  const now = new Set(places.map((place) => Math.floor(place / clusterRatio)));
  inode.size = bytes.length;
  if (!writeRuns(context, inode, mapped, (now.size - had.size) * clusterRatio)) return 'there is no space';
  for (const cluster of had) if (!now.has(cluster)) context.freeBlock(cluster * clusterRatio);
  const block = new Uint8Array(blockSize);
  for (const [i, place] of places.entries()) {
    block.fill(0);
    block.set(bytes.subarray(i * blockSize, (i + 1) * blockSize));
    context.write(place, block);
  }
  return undefined;
}

