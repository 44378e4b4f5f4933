import type { BlockDevice } from './bytes/device.ts';
import { readerOf } from './guesses.ts';

/** What a filesystem can't do without a device that it lies on, too, and that is not there. */
export interface Lack {
  readonly access: 'read-only' | 'refused';
  readonly reason: string;
}

/** What helps where all devices can be opened together. */
export const TOGETHER = 'Open the images of all of its devices together.';

/** What is said of a log that no image can be given for. */
const LOG = 'Its log lies on another device (an external log)';

/**
 * What of a filesystem is missing, as its superblock tells, before any driver is asked: the reason is ours then, and no driver's guess.
 * @param devices all that are there of it; the first is the one that it is opened by
 * @param format id of a signature
 */
export function lackOf(devices: readonly BlockDevice[], format: string): Lack | undefined {
  const [first] = devices;
  if (first === undefined) return undefined;
  switch (format) {
    case 'btrfs': return lackOfBtrfs(devices);
    case 'xfs': return hasLogInXfs(first) ? undefined : { access: 'refused', reason: `${LOG}, without which it is not opened` };
    case 'jfs': return hasLogInJfs(first) ? undefined : { access: 'read-only', reason: `${LOG}, without which it is only read` };
    case 'reiserfs': return hasLogInReiserfs(first) ? undefined : { access: 'refused', reason: `${LOG}, without which it is not opened` };
    default: return undefined;
  }
}

/** Each device's superblock has their number, and its own id (include/uapi/linux/btrfs_tree.h: btrfs_super_block.num_devices, .dev_item.devid). */
function lackOfBtrfs(devices: readonly BlockDevice[]): Lack | undefined {
  const found = devices.map((device) => readerOf(device)(0x1_0000, 0x200));
  const count = Number(found[0]?.getBigUint64(0x88, true) ?? 1n);
  const here = new Set(found.map((view) => view?.getBigUint64(0xc9, true))).size;
  // The kernel has no more than its tree of chunks has room for; a count that makes no sense is the driver's to refuse.
  if (here >= count || count > 65_536) return undefined;
  return { access: 'read-only', reason: `${count - here} of its ${count} devices ${count - here === 1 ? 'is' : 'are'} missing: the filesystem is degraded` };
}

/** No log in it, no place of one (fs/xfs/libxfs/xfs_format.h: xfs_dsb.sb_logstart, big-endian). */
function hasLogInXfs(device: BlockDevice): boolean {
  return readerOf(device)(48, 8)?.getBigUint64(0) !== 0n;
}

/** JFS_INLINELOG (fs/jfs/jfs_filsys.h) in jfs_superblock.s_flag. */
function hasLogInJfs(device: BlockDevice): boolean {
  const flags = readerOf(device)(0x8000 + 36, 4)?.getUint32(0, true);
  return flags === undefined || (flags & 0x800) !== 0;
}

/** The magic of journals in other places, "ReIsEr3Fs", and journal_params: first block and device (fs/reiserfs/reiserfs.h). */
function hasLogInReiserfs(device: BlockDevice): boolean {
  const view = readerOf(device)(0x1_0000, 64);
  const elsewhere = view !== undefined && view.getBigUint64(52) === 0x5265_4973_4572_3346n && view.getUint8(60) === 0x73;
  return !elsewhere || (view.getUint32(12, true) !== 0 && view.getUint32(16, true) === 0);
}
