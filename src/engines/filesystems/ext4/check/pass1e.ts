import { INODE } from '../layout.ts';
import type { BlockCount } from './block-count.ts';
import { type CheckContext, firstInode } from './context.ts';
import { type MapRun, writeRuns } from './file-map.ts';
import type { Ask } from './inode-check.ts';
import { visitMap } from './map-visit.ts';
import { PASS1 } from './pass1-problems.ts';

const HEADER = 12;
const ENTRY = 12;
const ROOT_ENTRIES = 4;
/** Levels that e2fsck counts (MAX_EXTENT_DEPTH_COUNT), the root's among them. */
const COUNTED_LEVELS = 5;

/** Asks whether extents that take more levels or blocks than they need are to be written anew (e2fsck_should_rebuild_extents). After the walk over them. */
export function askForExtents(context: CheckContext, { inode, depth, levels }: BlockCount, ask: Ask): void {
  const { number } = inode;
  if (depth === 0 || (number !== INODE.root && number < firstInode(context.superblock))) return;
  const { blockSize } = context.superblock;
  const most = deepest(blockSize);
  let wanted = depth > most && ask(PASS1['extents-too-deep'], { depth, most });
  if (!wanted) {
    const reason = wastedLevel(levels, depth, Math.floor((blockSize - HEADER) / ENTRY));
    wanted = reason !== undefined && ask(PASS1[reason.narrower ? 'extents-narrower' : 'extents-shorter'], { level: reason.level });
  }
  if (wanted) context.tables.wideExtents.push(number);
}

/** The levels that a file of 2^32 blocks takes, each an extent of its own. */
function deepest(blockSize: number): number {
  const perBlock = Math.floor((blockSize - HEADER) / ENTRY);
  let depth = 0;
  for (let extents = ROOT_ENTRIES; extents < 2 ** 32; extents *= perBlock) depth++;
  return depth;
}

function wastedLevel(levels: BlockCount['levels'], depth: number, perBlock: number): { readonly level: number; readonly narrower: boolean } | undefined {
  if (depth >= COUNTED_LEVELS) return { level: depth, narrower: false };
  for (let level = 0; level <= depth; level++) {
    const { entries, room } = levels[level] ?? { entries: 0, room: 0 };
    if (room - entries > perBlock) return { level, narrower: true };
    for (let above = 0; above < level; above++) if (entries < (levels[above]?.room ?? 0)) return { level, narrower: false };
  }
  return undefined;
}

/** Pass 1E: writes such extents anew, neighbours joined, each block of them filled. */
export async function writeWideExtents(context: CheckContext): Promise<void> {
  const { wideExtents, inodesUsed, rehash } = context.tables;
  // Of what is damaged, and to be left so, nothing would be found again.
  if (context.left > 0) return;
  context.startPass('Extents', wideExtents.length);
  for (const [i, number] of wideExtents.entries()) {
    const pause = context.progress(i);
    if (pause !== undefined) await pause;
    // Another repair may have cleared it; a directory that is built anew gets new extents anyhow.
    if (!inodesUsed.has(number) || rehash.has(number)) continue;
    const inode = context.readInode(number);
    const runs: MapRun[] = [];
    visitMap(context, inode, {
      node: (block) => block,
      data(logical, physical, count, unwritten) {
        const last = runs.at(-1);
        if (last !== undefined && last.logical + last.count === logical && last.physical + last.count === physical && last.unwritten === unwritten) runs[runs.length - 1] = { ...last, count: last.count + count };
        else if (count > 0) runs.push({ logical, physical, count, unwritten });
        return physical;
      },
    });
    writeRuns(context, inode, runs, 0);
  }
}
