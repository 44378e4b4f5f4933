import type { BlockDevice } from '../../../core/bytes/device.ts';
import { crc32c } from '../../../codecs/crc32c.ts';
import { Ext4SuperBlock, STATE, SUPERBLOCK_AT, SUPERBLOCK_SIZE } from '../layout.ts';
import { Superblock } from '../superblock.ts';
import type { View } from '../../../core/layout/struct.ts';

/**
 * Flags of the superblock that say how the filesystem is left when the power goes: needs_recovery while its journal is in use, EXT4_VALID_FS
 * while it has none and nobody changes it.
 */
export type MountFlag = 'recover' | 'valid';

const NEEDS_RECOVERY = 0x4;
const METADATA_CHECKSUM = 0x400;

/** Sets a flag in a superblock's fields; its checksum is not touched. @returns whether it changed */
export function setMountFlag(raw: View<typeof Ext4SuperBlock>, flag: MountFlag, on: boolean): boolean {
  const before = flag === 'recover' ? raw.s_feature_incompat : raw.s_state;
  const bit = flag === 'recover' ? NEEDS_RECOVERY : STATE.valid;
  const after = (on ? before | bit : before & ~bit) >>> 0;
  if (flag === 'recover') raw.s_feature_incompat = after;
  else raw.s_state = after;
  return after !== before;
}

/** Makes the checksum of a superblock, where it has one (ext4_superblock_csum). */
export function sealSuperblock(raw: View<typeof Ext4SuperBlock>): void {
  if ((raw.s_feature_ro_compat & METADATA_CHECKSUM) === 0) return;
  const { $view: view, $at: at } = raw;
  raw.s_checksum = crc32c(0xffffffff, new Uint8Array(view.buffer, view.byteOffset + at, SUPERBLOCK_SIZE - 4));
}

/** The primary superblock with a flag set or cleared, and nothing else changed; undefined where it is so already. */
export function withMountFlag(device: BlockDevice, flag: MountFlag, on: boolean): Uint8Array | undefined {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(SUPERBLOCK_AT, bytes);
  const raw = Ext4SuperBlock.at(bytes);
  if (!setMountFlag(raw, flag, on)) return undefined;
  sealSuperblock(raw);
  return bytes;
}

/**
 * A superblock whose checksum is wrong because the power went while needs_recovery was written: flag and checksum lie in two sectors, and
 * only one of them is new. That is proved when its checksum is right with the flag the other way round.
 * @returns the superblock as it has to be, in need of recovery; undefined when it is damaged in another way
 */
export function halfWritten(superblock: Superblock): Uint8Array | undefined {
  const { $view: view, $at: at } = superblock.raw;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, SUPERBLOCK_SIZE).slice();
  const raw = Ext4SuperBlock.at(bytes);
  setMountFlag(raw, 'recover', !superblock.features.needsRecovery);
  if (!new Superblock(bytes, SUPERBLOCK_AT).checksumMatches) return undefined;
  setMountFlag(raw, 'recover', true);
  sealSuperblock(raw);
  return bytes;
}
