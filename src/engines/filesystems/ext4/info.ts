import { isDiskError } from '../../core/errors.ts';
import type { Note, VolumeInfo, VolumeState } from '../../core/filesystem.ts';
import { decodeName } from '../../core/names.ts';
import { crc32c } from '../../codecs/crc32c.ts';
import type { Blocks } from './blocks.ts';
import type { Groups } from './groups.ts';
import { MMP_MAGIC, MMP_SEQ, MmpStruct, STATE } from './layout.ts';
import type { Recovery } from './recovery.ts';
import type { Superblock } from './superblock.ts';

const OS_NAMES = ['Linux', 'Hurd', 'Masix', 'FreeBSD', 'Lites'] as const;
const ON_ERRORS = ['', 'continue', 'remount read-only', 'panic'] as const;
/** The hashes of directories by their numbers (EXT2_HASH_*). */
export const HASH_NAMES = ['legacy', 'half MD4', 'TEA', 'legacy, unsigned', 'half MD4, unsigned', 'TEA, unsigned', 'SipHash'] as const;

/** Most descriptors that are read to count free blocks. */
const MOST_COUNTED = 16_384;

/** The filesystem as a whole, from its superblock. @param access how far we go with it */
export function volumeInfo(superblock: Superblock, groups: Groups, blocks: Blocks, recovery: Pick<Recovery, 'map' | 'summary'>, orphans: number, access: VolumeInfo['access'], note: (note: Note) => void): VolumeInfo {
  const { raw, features, blockSize } = superblock;
  const state = stateOf(superblock, recovery);
  // The superblock's counters are written at unmount: after a crash the descriptors know better (the kernel sums them up at every mount).
  const counted = state === 'clean' ? undefined : countFree(superblock, groups);
  const free = Math.min(counted?.blocks ?? superblock.freeCount, superblock.blockCount);
  return {
    format: features.variant,
    label: text(raw.s_volume_name),
    uuid: uuidText(raw.s_uuid),
    size: superblock.blockCount * blockSize,
    free: free * blockSize,
    blockSize,
    state,
    features: features.names(),
    featureDetails: features.details(),
    inodes: { total: superblock.inodeCount, free: Math.min(counted?.inodes ?? raw.s_free_inodes_count, superblock.inodeCount) },
    details: details(superblock, recovery, orphans, mmpState(superblock, blocks, note)),
    access,
  };
}

/** 16 bytes in the usual spelling. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function stateOf(superblock: Superblock, recovery: Pick<Recovery, 'map'>): VolumeState {
  const { raw, features } = superblock;
  if ((raw.s_state & STATE.error) !== 0 || (recovery.map !== undefined && recovery.map.errno !== 0)) return 'errors';
  if (features.needsRecovery || (recovery.map !== undefined && recovery.map.size > 0)) return 'needs-recovery';
  // What a crash left to clean up: files that were deleted or cut while open.
  if ((raw.s_state & STATE.valid) === 0 || raw.s_last_orphan !== 0 || features.orphanPresent) return 'dirty';
  return 'clean';
}

function countFree(superblock: Superblock, groups: Groups): { blocks: number; inodes: number } | undefined {
  if (superblock.groupCount > MOST_COUNTED) return undefined;
  let clusters = 0;
  let inodes = 0;
  try {
    for (let number = 0; number < superblock.groupCount; number++) {
      const group = groups.get(number);
      clusters += group.freeClusters;
      inodes += group.freeInodes;
    }
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return undefined;
  }
  return { blocks: clusters * superblock.clusterRatio, inodes };
}

function details(superblock: Superblock, recovery: Pick<Recovery, 'summary'>, orphans: number, mmp: string): [string, string][] {
  const { raw, features, blockSize } = superblock;
  const rows: (readonly [string, string])[] = [
    ['State', [(raw.s_state & STATE.valid) !== 0 ? 'clean' : 'not clean', ...((raw.s_state & STATE.error) !== 0 ? ['with errors'] : []), ...((raw.s_state & STATE.orphans) !== 0 ? ['orphans being recovered'] : [])].join(', ')],
    ['Journal', recovery.summary],
    ['Orphans', orphans === 0 ? '' : `${orphans} inodes, deleted or cut while they were open`],
    ['Last mounted on', text(raw.s_last_mounted)],
    ['Created', date(raw.s_mkfs_time, raw.s_mkfs_time_hi)],
    ['Last mounted', date(raw.s_mtime, raw.s_mtime_hi)],
    ['Last written', date(raw.s_wtime, raw.s_wtime_hi)],
    ['Last checked', date(raw.s_lastcheck, raw.s_lastcheck_hi)],
    ['Mounts since the check', `${raw.s_mnt_count}${raw.s_max_mnt_count === 0xffff || raw.s_max_mnt_count === 0 ? '' : ` of at most ${raw.s_max_mnt_count}`}`],
    ['Errors recorded', raw.s_error_count === 0 ? '' : `${raw.s_error_count}, first ${date(raw.s_first_error_time, raw.s_first_error_time_hi)} in ${text(raw.s_first_error_func)}, last ${date(raw.s_last_error_time, raw.s_last_error_time_hi)} in ${text(raw.s_last_error_func)}`],
    ['Behaviour on errors', ON_ERRORS[raw.s_errors] ?? `${raw.s_errors}`],
    ['Written by', OS_NAMES[raw.s_creator_os] ?? `system ${raw.s_creator_os}`],
    ['Revision', `${raw.s_rev_level}.${raw.s_minor_rev_level}`],
    ['Blocks', `${superblock.blockCount} of ${blockSize} bytes`],
    ['Reserved blocks', `${superblock.reservedCount}`],
    ['Cluster size', features.bigalloc ? `${superblock.clusterRatio * blockSize} bytes` : ''],
    ['Block groups', `${superblock.groupCount} of ${superblock.blocksPerGroup} blocks and ${superblock.inodesPerGroup} inodes`],
    ['Inode size', `${superblock.inodeSize} bytes`],
    ['Directory hash', features.dirIndex ? (HASH_NAMES[raw.s_def_hash_version] ?? `${raw.s_def_hash_version}`) : ''],
    ['Checksums', features.metadataChecksum ? 'CRC-32C over all metadata' : features.gdtChecksum ? 'CRC-16 over group descriptors' : 'none'],
    ['Case folding', features.casefold ? (raw.s_encoding === 1 ? 'UTF-8 12.1' : `encoding ${raw.s_encoding}`) + ((raw.s_encoding_flags & 1) !== 0 ? ', strict' : '') : ''],
    ['Multi-mount protection', mmp],
    ['Written in its life', raw.s_kbytes_written === 0n ? '' : `${raw.s_kbytes_written} KiB`],
  ];
  return rows.filter(([, value]) => value !== '').map(([label, value]) => [label, value]);
}

/** Who holds the filesystem, by the MMP block: another machine may be writing to it this moment. */
function mmpState(superblock: Superblock, blocks: Blocks, note: (note: Note) => void): string {
  const { features, raw } = superblock;
  if (!features.mmp) return '';
  try {
    const block = Number(raw.s_mmp_block);
    const bytes = blocks.get(block, 'MMP block');
    const mmp = MmpStruct.at(bytes);
    const place = { structure: 'MMP block', at: blocks.at(block), length: MmpStruct.size };
    if (mmp.mmp_magic !== MMP_MAGIC) {
      note({ severity: 'error', message: `The MMP block's magic is 0x${mmp.mmp_magic.toString(16)}`, place });
      return 'damaged';
    }
    if (features.metadataChecksum && crc32c(superblock.checksumSeed, bytes, 0, MmpStruct.fields.mmp_checksum.offset) !== mmp.mmp_checksum) {
      note({ severity: 'error', message: 'The MMP block\'s checksum does not match', place });
    }
    if (mmp.mmp_seq === MMP_SEQ.clean) return 'not in use';
    const device = text(mmp.mmp_bdevname);
    const user = `${text(mmp.mmp_nodename)}${device === '' ? '' : ` (${device})`}`;
    const doing = mmp.mmp_seq > MMP_SEQ.max ? 'being checked' : 'in use, or not unmounted cleanly,';
    note({ severity: 'warning', message: `Multi-mount protection says that the filesystem is ${doing} on ${user}`, place });
    return `${doing} on ${user}`;
  } catch (error) {
    if (!isDiskError(error)) throw error;
    note({ severity: 'error', message: `The MMP block can't be read: ${error.message}` });
    return 'damaged';
  }
}

/** A field of characters up to its first zero byte. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decodeName(field, 0, end < 0 ? field.length : end);
}

/** Seconds since 1970 in 40 bits. Empty for never. */
function date(low: number, high: number): string {
  const seconds = low + high * 2 ** 32;
  return seconds === 0 ? '' : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
