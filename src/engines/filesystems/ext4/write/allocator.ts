import { corrupt, isDiskError, usage } from '../../../core/errors.ts';
import type { Superblock } from '../superblock.ts';
import { clearBits, clearRun, firstClear, firstSet, setBits } from './bitmap.ts';
import type { GroupTable } from './groups.ts';
import type { Transaction } from './transaction.ts';
import type { Allocator, Purpose } from './volume.ts';
import type { SystemZone } from './zones.ts';

/** Not looked at yet: it may be as long as the group. */
const UNKNOWN = 0x7fffffff;

/** What the allocator works with. */
export interface AllocatorContext {
  readonly superblock: Superblock;
  readonly transaction: Transaction;
  readonly table: GroupTable;
  readonly zone: SystemZone;
  /** Whether blocks that were freed wait for the commit before they are used again: the device may lose power. */
  readonly waits: boolean;
  /** Clusters kept back from contents: 0 for whoever may use the reserved blocks. */
  readonly reserved: number;
}

/** The block bitmaps, to be changed. Everything inside is counted in clusters; without bigalloc these are blocks. */
export class BlockAllocator implements Allocator {
  readonly #context: AllocatorContext;
  readonly #ratio: number;
  /** By group: no clear bit lies before this one, and no clear run is longer than this. Hints: too low and too long do no harm. */
  readonly #lowest: Int32Array;
  readonly #longest: Int32Array;
  /** Bits of clusters that were freed, but may not be used again yet. */
  readonly #waiting = new Map<number, Uint8Array>();
  #waitingCount = 0;

  constructor(context: AllocatorContext) {
    this.#context = context;
    this.#ratio = context.superblock.clusterRatio;
    this.#lowest = new Int32Array(context.superblock.groupCount);
    this.#longest = new Int32Array(context.superblock.groupCount).fill(UNKNOWN);
    if (context.waits) context.transaction.afterCommit(() => { this.#endWait(); });
    // Within one operation nothing is used again in any case: undoing it could not bring back what was overwritten.
    else context.transaction.onChange(() => { this.#endWait(); });
  }

  get waiting(): number { return this.#waitingCount * this.#ratio; }

  has(count: number, purpose: Purpose = 'data'): boolean {
    return Math.ceil(count / this.#ratio) <= this.#available(purpose);
  }

  allocate(goal: number, wanted: number, purpose: Purpose = 'data'): { readonly block: number; readonly count: number } {
    const { superblock: sb, table } = this.#context;
    const available = this.#available(purpose);
    if (available <= 0) throw this.#full();
    const inside = goal >= sb.firstDataBlock && goal < sb.blockCount ? goal - sb.firstDataBlock : 0;
    const goalGroup = Math.floor(inside / sb.blocksPerGroup);
    const goalBit = Math.floor((inside % sb.blocksPerGroup) / this.#ratio);
    const most = Math.min(Math.max(1, Math.ceil(wanted / this.#ratio)), available, sb.blocksPerGroup / this.#ratio);
    // A run of an eighth of a group is long enough: reading every bitmap for a longer one would cost more than it gives.
    const enough = Math.min(most, Math.max(1, sb.blocksPerGroup / this.#ratio >>> 3));
    let best: { group: number; start: number; length: number } | undefined;
    for (let i = 0; i < table.count; i++) {
      const group = goalGroup + i < table.count ? goalGroup + i : goalGroup + i - table.count;
      if (table.freeClusters(group) === 0 || this.#longest[group]! <= (best?.length ?? 0)) continue;
      const bits = this.#bits(group);
      if (bits === undefined) continue;
      const end = table.clustersOf(group);
      if (i === 0) {
        // What follows the file's last block lengthens its last extent, however little it is.
        const length = firstSet(bits, goalBit, Math.min(end, goalBit + most)) - goalBit;
        if (length > 0) return this.#take(group, goalBit, length);
        const after = clearRun(bits, goalBit, end, most);
        if (after.length >= enough) return this.#take(group, after.start, after.length);
      }
      const lowest = firstClear(bits, this.#lowest[group]!, end);
      this.#lowest[group] = lowest;
      const run = clearRun(bits, lowest, end, most);
      if (run.length < most) this.#longest[group] = run.length;
      if (run.length >= enough) return this.#take(group, run.start, run.length);
      if (run.length > (best?.length ?? 0)) best = { group, ...run };
    }
    if (best === undefined) throw this.#full();
    return this.#take(best.group, best.start, best.length);
  }

  free(block: number, freed: number): void {
    const { superblock: sb, table, transaction, zone } = this.#context;
    // The last cluster may be cut off by the end of the filesystem.
    const count = freed <= this.#ratio ? Math.min(freed, sb.blockCount - block) : freed;
    // The negated form also refuses NaN.
    if (!(block > sb.firstDataBlock && count > 0 && block + count <= sb.blockCount)) throw corrupt('block map', `blocks ${block} to ${block + count - 1} can't be freed: they are outside the filesystem`);
    zone.refuse(block, count);
    const first = Math.floor((block - sb.firstDataBlock) / this.#ratio);
    const stop = Math.floor((block + count - 1 - sb.firstDataBlock) / this.#ratio) + 1;
    const perGroup = sb.blocksPerGroup / this.#ratio;
    for (let at = first; at < stop;) {
      const group = Math.floor(at / perGroup);
      const start = at % perGroup;
      const length = Math.min(stop - at, perGroup - start);
      const bitmap = table.editBlockBitmap(group);
      if (firstClear(bitmap, start, start + length) < start + length) throw corrupt(`block bitmap of group ${group}`, `a block that is in use (around ${block}) is marked as free`);
      clearBits(bitmap, start, length);
      table.add(group, { clusters: length });
      this.#wait(group, start, length);
      this.#lowest[group] = Math.min(this.#lowest[group]!, start);
      this.#longest[group] = UNKNOWN;
      transaction.onUndo(() => {
        this.#unwait(group, start, length);
        this.#longest[group] = UNKNOWN;
      });
      at += length;
    }
  }

  #available(purpose: Purpose): number {
    return this.#context.table.totals.clusters - this.#waitingCount - (purpose === 'data' ? this.#context.reserved : 0);
  }

  #full(): Error {
    return usage('ENOSPC', 'No space is left on the filesystem');
  }

  /** The bits that may not be taken; undefined where the bitmap is damaged. */
  #bits(group: number): Uint8Array | undefined {
    try {
      const bitmap = this.#context.table.blockBitmap(group);
      const waiting = this.#waiting.get(group);
      return waiting === undefined ? bitmap : bitmap.map((byte, i) => byte | waiting[i]!);
    } catch (error) {
      if (isDiskError(error) && error.kind === 'corrupt') return undefined;
      throw error;
    }
  }

  #take(group: number, start: number, length: number): { readonly block: number; readonly count: number } {
    const { superblock: sb, table, transaction, zone } = this.#context;
    const block = sb.groupStart(group) + start * this.#ratio;
    const count = Math.min(length * this.#ratio, sb.blockCount - block);
    // A bitmap that calls metadata free must not make us write over it.
    zone.refuse(block, count);
    setBits(table.editBlockBitmap(group), start, length);
    table.add(group, { clusters: -length });
    if (this.#lowest[group] === start) this.#lowest[group] = start + length;
    transaction.onUndo(() => {
      this.#lowest[group] = Math.min(this.#lowest[group]!, start);
      this.#longest[group] = UNKNOWN;
    });
    return { block, count };
  }

  #wait(group: number, start: number, length: number): void {
    let bits = this.#waiting.get(group);
    if (bits === undefined) this.#waiting.set(group, bits = new Uint8Array(this.#context.superblock.blockSize));
    setBits(bits, start, length);
    this.#waitingCount += length;
  }

  #unwait(group: number, start: number, length: number): void {
    const bits = this.#waiting.get(group);
    if (bits === undefined) return;
    clearBits(bits, start, length);
    this.#waitingCount -= length;
  }

  #endWait(): void {
    for (const group of this.#waiting.keys()) {
      this.#lowest[group] = 0;
      this.#longest[group] = UNKNOWN;
    }
    this.#waiting.clear();
    this.#waitingCount = 0;
  }
}
