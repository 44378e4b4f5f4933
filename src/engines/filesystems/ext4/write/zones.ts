import { corrupt } from '../../../core/errors.ts';
import { descriptorBlocks } from '../groups.ts';
import type { Mapping } from '../mapping.ts';
import type { Superblock } from '../superblock.ts';
import type { GroupTable } from './groups.ts';

/** Blocks that a journal's inode can have: block numbers of the log have 32 bits. */
const MOST_JOURNAL = 2 ** 32;

/**
 * Where the filesystem's own structures lie: superblocks, descriptors and the blocks kept for more of them, bitmaps, inode tables, the journal
 * (kernel: the system zone of block_validity.c).
 * A damaged or crafted file that maps them can't be used to write over them or to free them.
 */
export class SystemZone {
  readonly #superblock: Superblock;
  readonly #table: GroupTable;
  readonly #journal: () => Mapping | undefined;
  /** Ranges in ascending order, merged: first block, and the block after the last. Made when it is first asked. */
  #ranges: { readonly starts: Float64Array; readonly ends: Float64Array } | undefined;

  /** @param journal where the journal lies, where there is one on the device */
  constructor(superblock: Superblock, table: GroupTable, journal: () => Mapping | undefined) {
    this.#superblock = superblock;
    this.#table = table;
    this.#journal = journal;
  }

  /** @throws DiskError corrupt when one of the blocks is none that a file may have */
  refuse(block: number, count: number): void {
    const { starts, ends } = this.#ranges ??= this.#find();
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! <= block) low = middle + 1;
      else high = middle;
    }
    if (low < starts.length && starts[low]! < block + count) throw corrupt('block map', `blocks ${block} to ${block + count - 1} belong to the filesystem itself`);
  }

  #find(): { readonly starts: Float64Array; readonly ends: Float64Array } {
    const sb = this.#superblock;
    const tableLength = Math.ceil((sb.inodesPerGroup * sb.inodeSize) / sb.blockSize);
    const found: [number, number][] = [[0, sb.firstDataBlock + 1]];
    const add = (start: number, count: number): void => {
      const last = found.at(-1)!;
      if (start === last[1]) last[1] += count;
      else found.push([start, start + count]);
    };
    const tableBlocks = Math.ceil((sb.features.metaBg ? Math.min(sb.groupCount, sb.raw.s_first_meta_bg * sb.descriptorsPerBlock) : sb.groupCount) / sb.descriptorsPerBlock);
    const reserved = sb.features.resizeInode ? sb.raw.s_reserved_gdt_blocks : 0;
    for (let group = 0; group < sb.groupCount; group++) {
      const perBlock = group % sb.descriptorsPerBlock;
      if (sb.hasBackup(group)) add(sb.groupStart(group) + (group === 0 && sb.firstDataBlock === 0 && sb.blockSize === 1024 ? 1 : 0), 1 + tableBlocks + reserved);
      if (sb.features.metaBg && perBlock === 0) for (const block of descriptorBlocks(sb, group)) add(block, 1);
      try {
        const descriptor = this.#table.get(group);
        add(descriptor.blockBitmap, 1);
        add(descriptor.inodeBitmap, 1);
        add(descriptor.inodeTable, tableLength);
      } catch {
        // A descriptor that can't be read names nothing; nothing is allocated in its group.
      }
    }
    for (const [start, count] of this.#journalRuns()) add(start, count);
    found.sort((a, b) => a[0] - b[0]);
    const merged: [number, number][] = [];
    for (const [start, end] of found) {
      const last = merged.at(-1);
      if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
      else merged.push([start, end]);
    }
    return { starts: Float64Array.from(merged, ([start]) => start), ends: Float64Array.from(merged, ([, end]) => end) };
  }

  /** Opening looked at the journal: each of its blocks is mapped. */
  * #journalRuns(): Iterable<readonly [start: number, count: number]> {
    const journal = this.#journal();
    if (journal === undefined) return;
    for (let logical = 0; logical < MOST_JOURNAL;) {
      const { physical, count } = journal.find(logical);
      if (physical === undefined) return;
      yield [physical, count];
      logical += count;
    }
  }
}
