import { groupChecksum16, groupChecksum32 } from '../checksum.ts';
import { GROUP_FLAGS } from '../layout.ts';
import type { Superblock } from '../superblock.ts';

/** All group descriptors as they lie on the device, one after another, to be read and changed in place. */
export class Descriptors {
  /** Bytes a descriptor. */
  readonly size: number;
  readonly count: number;
  readonly bytes: Uint8Array;
  /** They must be written at the end. */
  changed = false;
  readonly #superblock: Superblock;
  readonly #view: DataView;
  readonly #wide: boolean;

  constructor(superblock: Superblock, bytes: Uint8Array) {
    this.#superblock = superblock;
    this.size = superblock.descriptorSize;
    this.count = superblock.groupCount;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#wide = superblock.features.is64Bit && this.size >= 64;
  }

  blockBitmap(group: number): number { return this.#number(group, 0x0, 0x20); }
  setBlockBitmap(group: number, block: number): void { this.#setNumber(group, 0x0, 0x20, block); }
  inodeBitmap(group: number): number { return this.#number(group, 0x4, 0x24); }
  setInodeBitmap(group: number, block: number): void { this.#setNumber(group, 0x4, 0x24, block); }
  inodeTable(group: number): number { return this.#number(group, 0x8, 0x28); }
  setInodeTable(group: number, block: number): void { this.#setNumber(group, 0x8, 0x28, block); }
  /** In clusters. */
  freeClusters(group: number): number { return this.#short(group, 0xc, 0x2c); }
  setFreeClusters(group: number, count: number): void { this.#setShort(group, 0xc, 0x2c, count); }
  freeInodes(group: number): number { return this.#short(group, 0xe, 0x2e); }
  setFreeInodes(group: number, count: number): void { this.#setShort(group, 0xe, 0x2e, count); }
  usedDirectories(group: number): number { return this.#short(group, 0x10, 0x30); }
  setUsedDirectories(group: number, count: number): void { this.#setShort(group, 0x10, 0x30, count); }
  /** Inodes at the end of the table that were never used. */
  unusedInodes(group: number): number { return this.#short(group, 0x1c, 0x32); }
  setUnusedInodes(group: number, count: number): void { this.#setShort(group, 0x1c, 0x32, count); }

  /** bg_flags; they mean something only where descriptors have checksums. */
  flags(group: number): number { return this.#view.getUint16(group * this.size + 0x12, true); }
  setFlags(group: number, flags: number): void {
    if (this.flags(group) === flags) return;
    this.#view.setUint16(group * this.size + 0x12, flags, true);
    this.changed = true;
  }

  has(group: number, flag: keyof typeof GROUP_FLAGS): boolean { return (this.flags(group) & GROUP_FLAGS[flag]) !== 0; }
  clear(group: number, flag: keyof typeof GROUP_FLAGS): void { this.setFlags(group, this.flags(group) & ~GROUP_FLAGS[flag]); }
  set(group: number, flag: keyof typeof GROUP_FLAGS): void { this.setFlags(group, this.flags(group) | GROUP_FLAGS[flag]); }

  /** bg_block_bitmap_csum: 32 bits where descriptors are wide, else 16 (metadata_csum alone has them). */
  blockBitmapChecksum(group: number): number { return this.#halves(group, 0x18, 0x38); }
  setBlockBitmapChecksum(group: number, sum: number): void { this.#setHalves(group, 0x18, 0x38, sum); }
  inodeBitmapChecksum(group: number): number { return this.#halves(group, 0x1a, 0x3a); }
  setInodeBitmapChecksum(group: number, sum: number): void { this.#setHalves(group, 0x1a, 0x3a, sum); }
  /** Bits of a bitmap's checksum that are stored. */
  get bitmapChecksumMask(): number { return this.#wide ? 0xffffffff : 0xffff; }

  checksum(group: number): number { return this.#view.getUint16(group * this.size + 0x1e, true); }

  /** What bg_checksum must be; 0 where there is none. */
  expectedChecksum(group: number): number {
    const { features, checksumSeed, raw } = this.#superblock;
    const bytes = this.bytes.subarray(group * this.size, (group + 1) * this.size);
    if (features.metadataChecksum) return groupChecksum32(checksumSeed, group, bytes);
    return features.gdtChecksum ? groupChecksum16(raw.s_uuid, group, bytes) : 0;
  }

  /** Makes all checksums, before they are written. */
  seal(): void {
    const { features } = this.#superblock;
    if (!features.metadataChecksum && !features.gdtChecksum) return;
    for (let group = 0; group < this.count; group++) this.#view.setUint16(group * this.size + 0x1e, this.expectedChecksum(group), true);
  }

  #number(group: number, low: number, high: number): number {
    const at = group * this.size;
    return this.#view.getUint32(at + low, true) + (this.#wide ? this.#view.getUint32(at + high, true) * 2 ** 32 : 0);
  }

  #setNumber(group: number, low: number, high: number, value: number): void {
    const at = group * this.size;
    this.#view.setUint32(at + low, value % 2 ** 32, true);
    if (this.#wide) this.#view.setUint32(at + high, Math.floor(value / 2 ** 32), true);
    this.changed = true;
  }

  #short(group: number, low: number, high: number): number {
    const at = group * this.size;
    return this.#view.getUint16(at + low, true) + (this.#wide ? this.#view.getUint16(at + high, true) * 2 ** 16 : 0);
  }

  #setShort(group: number, low: number, high: number, value: number): void {
    if (this.#short(group, low, high) === value) return;
    this.#setHalves(group, low, high, value);
  }

  #halves(group: number, low: number, high: number): number {
    return this.#short(group, low, high);
  }

  #setHalves(group: number, low: number, high: number, value: number): void {
    const at = group * this.size;
    this.#view.setUint16(at + low, value & 0xffff, true);
    if (this.#wide) this.#view.setUint16(at + high, value >>> 16, true);
    this.changed = true;
  }
}
