import { crc32c } from '../../../codecs/crc32c.ts';
import type { Bits } from './bits.ts';
import type { CheckContext } from './context.ts';
import { PASS_5 } from './directory-problems.ts';
import { ownBlocks, tableBlocks } from './metadata.ts';

/** Differences that are listed one by one; the rest is counted. */
const MOST_LISTED = 200;
const FULL = 0xff;

/** Pass 5: bitmaps and counts of the groups against what the other passes found to be in use. */
export async function checkBitmaps(context: CheckContext): Promise<void> {
  const { superblock } = context;
  context.startPass('Bitmaps and counts', superblock.groupCount * 2);
  const blocks = new BlockBitmaps(context);
  const inodes = new InodeBitmaps(context);
  for (const [i, bitmaps] of [blocks, inodes].entries()) {
    await bitmaps.compare(i * superblock.groupCount);
  }
  blocks.checkCounts();
  inodes.checkCounts();
  for (const bitmaps of [inodes, blocks]) bitmaps.checkPadding();
  for (const bitmaps of [inodes, blocks]) await bitmaps.checkChecksums();
}

/** The bitmaps of one kind: a block of bits a group. Only those that differ, or were changed by repairs, are kept in memory. */
abstract class Bitmaps {
  readonly context: CheckContext;
  /** Bits in use a group, after the check. */
  readonly used: Uint32Array;
  /** How many more a repair took (or freed) than the bitmap on the device says. */
  readonly changed: Int32Array;
  /** Bitmaps that are written at the end, by group. */
  readonly #pending = new Map<number, Uint8Array>();
  /** Groups whose unused bits at the end are not set. */
  readonly #badEnds = new Set<number>();
  readonly #badSums = new Set<number>();
  /** Differences in runs, as they are listed. */
  readonly #ranges: string[] = [];
  #differences = 0;
  #run: { sign: string; from: number; to: number } | undefined;

  constructor(context: CheckContext) {
    this.context = context;
    this.used = new Uint32Array(context.superblock.groupCount);
    this.changed = new Int32Array(context.superblock.groupCount);
  }

  /** What was found, and what of it repairs changed: by the index of the group's first bit plus the bit. */
  abstract readonly actual: Bits;
  abstract readonly touched: Bits;
  abstract readonly problem: { readonly differs: typeof PASS_5[keyof typeof PASS_5]; readonly uninit: typeof PASS_5[keyof typeof PASS_5]; readonly checksum: typeof PASS_5[keyof typeof PASS_5]; readonly padding: typeof PASS_5[keyof typeof PASS_5] };
  /** Bits a full group has, and the first of a group in `actual`. */
  abstract readonly perGroup: number;
  abstract firstBit(group: number): number;
  /** Bits that group has: fewer in the last one. */
  abstract bits(group: number): number;
  abstract place(group: number): number;
  abstract isUninit(group: number): boolean;
  abstract clearUninit(group: number): void;
  /** What the bitmap of a group that is not initialised stands for. */
  abstract fillUninit(group: number, bitmap: Uint8Array): void;
  abstract storedSum(group: number): number;
  abstract setSum(group: number, sum: number): void;
  /** The number that people know a bit by. */
  abstract numberOf(bit: number): number;

  async compare(progress: number): Promise<void> {
    const { context } = this;
    const { blockSize, groupCount } = context.superblock;
    const disk = new Uint8Array(blockSize);
    const found = new Uint8Array(blockSize);
    const differing: number[] = [];
    for (let group = 0; group < groupCount; group++) {
      const pause = context.progress(progress + group);
      if (pause !== undefined) await pause;
      const bits = this.bits(group);
      this.#read(group, disk);
      this.actual.copy(this.firstBit(group), bits, found);
      this.used[group] = this.actual.sizeOf(this.firstBit(group), bits);
      if (!sameBits(disk, found, bits) && this.#differs(group, bits, disk, found)) differing.push(group);
    }
    this.#endRun();
    if (this.#differences === 0) return;
    const listed = this.#ranges.slice(0, MOST_LISTED).join(' ') + (this.#ranges.length > MOST_LISTED ? ` and ${this.#ranges.length - MOST_LISTED} more` : '');
    const wanted = context.problem(this.problem.differs, { ranges: listed });
    for (const group of differing) {
      this.actual.copy(this.firstBit(group), this.bits(group), found);
      if (wanted) this.#put(group, found);
      else this.#keepDisk(group, found);
    }
  }

  /** The bitmap as it stands on the device, and what is wrong with its end and its checksum. */
  #read(group: number, disk: Uint8Array): void {
    const { context } = this;
    const { features, checksumSeed } = context.superblock;
    if (this.isUninit(group)) {
      disk.fill(0);
      this.fillUninit(group, disk);
      return;
    }
    const place = this.place(group);
    if (place === 0 || !context.tryRead(place, disk)) {
      disk.fill(0);
      return;
    }
    if (features.metadataChecksum) {
      const sum = (crc32c(checksumSeed, disk, 0, this.perGroup >>> 3) & context.descriptors.bitmapChecksumMask) >>> 0;
      if (sum !== this.storedSum(group)) this.#badSums.add(group);
    }
    if (!isEndSet(disk, this.bits(group))) this.#badEnds.add(group);
  }

  /** Lists what differs, apart from what repairs changed, which is written in any case. @returns whether there is something to ask for */
  #differs(group: number, bits: number, disk: Uint8Array, found: Uint8Array): boolean {
    const first = this.firstBit(group);
    let mine = false;
    let theirs = false;
    for (let byte = 0; byte * 8 < bits; byte++) {
      const different = disk[byte]! ^ found[byte]!;
      if (different === 0) continue;
      for (let bit = byte * 8; bit < Math.min(bits, byte * 8 + 8); bit++) {
        if (((different >>> (bit & 7)) & 1) === 0) continue;
        const isUsed = ((found[byte]! >>> (bit & 7)) & 1) !== 0;
        if (this.touched.has(first + bit)) {
          mine = true;
          this.changed[group]! += isUsed ? 1 : -1;
          if (isUsed && this.isUninit(group)) this.clearUninit(group);
          continue;
        }
        theirs = true;
        this.#differences++;
        this.#add(isUsed ? '+' : '-', this.numberOf(first + bit));
        if (isUsed && this.isUninit(group) && this.context.problem(this.problem.uninit, { group })) this.clearUninit(group);
      }
    }
    if (mine && !theirs) this.#put(group, found);
    return theirs;
  }

  #add(sign: string, number: number): void {
    const run = this.#run;
    const step = this.numberOf(1) - this.numberOf(0);
    if (run !== undefined && run.sign === sign && run.to + step === number) {
      run.to = number;
      return;
    }
    this.#endRun();
    this.#run = { sign, from: number, to: number };
  }

  #endRun(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#ranges.push(run.from === run.to ? `${run.sign}${run.from}` : `${run.sign}(${run.from}--${run.to})`);
    this.#run = undefined;
  }

  /** The bitmap of a group is to be as it was found. */
  #put(group: number, found: Uint8Array): void {
    if (this.isUninit(group)) return;
    const place = this.place(group);
    if (place === 0 || place >= this.context.superblock.blockCount) {
      // Its place is wrong, and nobody wanted that repaired: there is nowhere to write it.
      this.context.left++;
      return;
    }
    const bitmap = found.slice();
    setEnd(bitmap, this.bits(group));
    this.#pending.set(group, bitmap);
    this.#badEnds.delete(group);
    this.#badSums.delete(group);
    this.#write(group, bitmap);
  }

  /** Nobody wants the bitmap corrected: it stays as it is, but for what repairs changed. */
  #keepDisk(group: number, found: Uint8Array): void {
    const bits = this.bits(group);
    const disk = new Uint8Array(found.length);
    this.#read(group, disk);
    const first = this.firstBit(group);
    let count = 0;
    let mine = false;
    for (let bit = 0; bit < bits; bit++) {
      const mask = 1 << (bit & 7);
      const byte = bit >>> 3;
      if (((disk[byte]! ^ found[byte]!) & mask) !== 0 && this.touched.has(first + bit)) {
        disk[byte]! ^= mask;
        mine = true;
      }
      if ((disk[byte]! & mask) !== 0) count++;
    }
    this.used[group] = count;
    if (mine) this.#put(group, disk);
  }

  #write(group: number, bitmap: Uint8Array): void {
    const { context } = this;
    context.write(this.place(group), bitmap);
    if (context.superblock.features.metadataChecksum) this.setSum(group, this.#sum(bitmap));
  }

  #sum(bitmap: Uint8Array): number {
    return (crc32c(this.context.superblock.checksumSeed, bitmap, 0, this.perGroup >>> 3) & this.context.descriptors.bitmapChecksumMask) >>> 0;
  }

  checkPadding(): void {
    if (this.#badEnds.size === 0 || !this.context.problem(this.problem.padding)) return;
    for (const group of this.#badEnds) {
      const bitmap = this.context.block(this.place(group));
      setEnd(bitmap, this.bits(group));
      this.#badSums.delete(group);
      this.#write(group, bitmap);
    }
  }

  async checkChecksums(): Promise<void> {
    // Where bitmaps were corrected, their checksums were as well.
    for (const group of this.#badSums) {
      const pause = this.context.progress(this.context.superblock.groupCount * 2);
      if (pause !== undefined) await pause;
      if (this.context.problem(this.problem.checksum, { group })) this.setSum(group, this.#sum(this.context.block(this.place(group))));
    }
  }

  /** Compares a count with what was found; what repairs changed of it is no finding. */
  protected count(problem: typeof PASS_5[keyof typeof PASS_5], said: number, right: number, repairs: number, parts: { readonly group?: number }, set: () => void): void {
    if (said === right) return;
    if (said + repairs === right || this.context.problem(problem, { ...parts, count: said, right })) set();
  }
}

class BlockBitmaps extends Bitmaps {
  readonly problem = { differs: PASS_5['block-bitmap'], uninit: PASS_5['used-block-in-unused-group'], checksum: PASS_5['block-bitmap-checksum'], padding: PASS_5['block-bitmap-padding'] };
  readonly #flags: boolean;

  constructor(context: CheckContext) {
    super(context);
    this.#flags = context.superblock.features.gdtChecksum || context.superblock.features.metadataChecksum;
  }

  get actual(): Bits { return this.context.tables.clustersUsed; }
  get touched(): Bits { return this.context.tables.changedClusters; }
  get perGroup(): number { return this.context.superblock.blocksPerGroup / this.context.superblock.clusterRatio; }
  firstBit(group: number): number { return Math.floor(this.context.superblock.firstDataBlock / this.context.superblock.clusterRatio) + group * this.perGroup; }
  bits(group: number): number {
    const { blockCount, firstDataBlock, clusterRatio, groupCount } = this.context.superblock;
    return group < groupCount - 1 ? this.perGroup : Math.ceil((blockCount - firstDataBlock) / clusterRatio) - group * this.perGroup;
  }
  place(group: number): number { return this.context.descriptors.blockBitmap(group); }
  isUninit(group: number): boolean { return this.#flags && this.context.descriptors.has(group, 'blockUninit'); }
  clearUninit(group: number): void { this.context.descriptors.clear(group, 'blockUninit'); }
  storedSum(group: number): number { return this.context.descriptors.blockBitmapChecksum(group); }
  setSum(group: number, sum: number): void { this.context.descriptors.setBlockBitmapChecksum(group, sum); }
  numberOf(bit: number): number { return bit * this.context.superblock.clusterRatio; }

  /** The group's own superblock and descriptors, and its own bitmaps and table where they lie in it. */
  fillUninit(group: number, bitmap: Uint8Array): void {
    const { superblock, descriptors } = this.context;
    const first = this.firstBit(group);
    const bits = this.bits(group);
    const mark = (block: number, count: number): void => {
      for (let i = 0; i < count; i++) {
        const bit = Math.floor((block + i) / superblock.clusterRatio) - first;
        if (bit >= 0 && bit < bits) bitmap[bit >>> 3]! |= 1 << (bit & 7);
      }
    };
    for (const { block, count } of ownBlocks(superblock, group)) mark(block, count);
    mark(descriptors.blockBitmap(group), 1);
    mark(descriptors.inodeBitmap(group), 1);
    mark(descriptors.inodeTable(group), tableBlocks(superblock));
  }

  checkCounts(): void {
    const { context } = this;
    const { superblock, descriptors } = context;
    let free = 0;
    let repairs = 0;
    for (let group = 0; group < superblock.groupCount; group++) {
      const right = this.bits(group) - this.used[group]!;
      free += right;
      repairs -= this.changed[group]!;
      this.count(PASS_5['group-free-blocks'], descriptors.freeClusters(group), right, -this.changed[group]!, { group }, () => descriptors.setFreeClusters(group, right));
    }
    const { raw, clusterRatio, features } = superblock;
    const said = raw.s_free_blocks_count_lo + (features.is64Bit ? raw.s_free_blocks_count_hi * 2 ** 32 : 0);
    this.count(PASS_5['free-blocks'], said, free * clusterRatio, repairs * clusterRatio, {}, () => {
      raw.s_free_blocks_count_lo = (free * clusterRatio) % 2 ** 32;
      if (features.is64Bit) raw.s_free_blocks_count_hi = Math.floor((free * clusterRatio) / 2 ** 32);
      context.superblockChanged = true;
    });
  }
}

class InodeBitmaps extends Bitmaps {
  readonly problem = { differs: PASS_5['inode-bitmap'], uninit: PASS_5['used-inode-in-unused-group'], checksum: PASS_5['inode-bitmap-checksum'], padding: PASS_5['inode-bitmap-padding'] };
  readonly #flags: boolean;

  constructor(context: CheckContext) {
    super(context);
    this.#flags = context.superblock.features.gdtChecksum || context.superblock.features.metadataChecksum;
  }

  get actual(): Bits { return this.context.tables.inodesUsed; }
  get touched(): Bits { return this.context.tables.changedInodes; }
  get perGroup(): number { return this.context.superblock.inodesPerGroup; }
  firstBit(group: number): number { return 1 + group * this.perGroup; }
  bits(): number { return this.perGroup; }
  place(group: number): number { return this.context.descriptors.inodeBitmap(group); }
  isUninit(group: number): boolean { return this.#flags && this.context.descriptors.has(group, 'inodeUninit'); }
  clearUninit(group: number): void { this.context.descriptors.clear(group, 'inodeUninit'); }
  storedSum(group: number): number { return this.context.descriptors.inodeBitmapChecksum(group); }
  setSum(group: number, sum: number): void { this.context.descriptors.setInodeBitmapChecksum(group, sum); }
  numberOf(bit: number): number { return bit; }
  fillUninit(): void { /* No inode of it is in use. */ }

  checkCounts(): void {
    const { context } = this;
    const { superblock, descriptors, tables } = context;
    let free = 0;
    let repairs = 0;
    for (let group = 0; group < superblock.groupCount; group++) {
      const right = this.perGroup - this.used[group]!;
      free += right;
      repairs -= this.changed[group]!;
      this.count(PASS_5['group-free-inodes'], descriptors.freeInodes(group), right, -this.changed[group]!, { group }, () => descriptors.setFreeInodes(group, right));
      const first = this.firstBit(group);
      const directories = tables.directories.sizeOf(first, this.perGroup);
      const said = descriptors.usedDirectories(group);
      // Directories that repairs made or cleared are among the inodes that they changed.
      const mended = this.touched.isFree(first, this.perGroup) ? 0 : directories - said;
      this.count(PASS_5['group-directories'], said, directories, mended, { group }, () => descriptors.setUsedDirectories(group, directories));
      this.#checkUnused(group, first);
    }
    this.count(PASS_5['free-inodes'], superblock.raw.s_free_inodes_count, free, repairs, {}, () => {
      superblock.raw.s_free_inodes_count = free;
      context.superblockChanged = true;
    });
  }

  /** An inode that a repair took may lie in the part of the table that was never used. */
  #checkUnused(group: number, first: number): void {
    if (!this.#flags || this.touched.isFree(first, this.perGroup)) return;
    const { descriptors, tables } = this.context;
    for (let bit = this.perGroup - 1; bit >= this.perGroup - descriptors.unusedInodes(group); bit--) {
      if (tables.inodesUsed.has(first + bit)) descriptors.setUnusedInodes(group, this.perGroup - bit - 1);
    }
  }
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const bytes = bits >>> 3;
  for (let i = 0; i < bytes; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((a[bytes]! ^ b[bytes]!) & ((1 << rest) - 1)) === 0;
}

/** Whether all bits behind the first `bits` are set, as they must be. */
function isEndSet(bitmap: Uint8Array, bits: number): boolean {
  let byte = bits >>> 3;
  const rest = bits & 7;
  if (rest !== 0 && (bitmap[byte++]! | ((1 << rest) - 1)) !== FULL) return false;
  for (; byte < bitmap.length; byte++) if (bitmap[byte] !== FULL) return false;
  return true;
}

function setEnd(bitmap: Uint8Array, bits: number): void {
  const byte = bits >>> 3;
  const rest = bits & 7;
  if (rest !== 0) bitmap[byte]! |= FULL & ~((1 << rest) - 1);
  bitmap.fill(FULL, rest === 0 ? byte : byte + 1);
}
