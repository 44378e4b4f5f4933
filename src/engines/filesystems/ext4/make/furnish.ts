import { CacheDevice } from '../../../core/bytes/cache.ts';
import type { BlockDevice } from '../../../core/bytes/device.ts';
import { isDiskError } from '../../../core/errors.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import { INODE, SUPERBLOCK_AT } from '../layout.ts';
import { JournalSuperblock, MAGIC, SUPERBLOCK_V2 } from '../journal/layout.ts';
import { locateSuperblock } from '../superblock.ts';
import { directoryContext } from '../write/contexts.ts';
import { initialiseLeaf, leafEnd, sealLeaf, writeEntry } from '../write/directory-blocks.ts';
import { DOT, DOTDOT } from '../write/htree.ts';
import { openForWriting } from '../write/open.ts';
import { openVolume } from '../write/open-volume.ts';
import type { Volume } from '../write/volume.ts';
import type { Geometry } from './geometry.ts';
import type { Wanted } from './options.ts';
import { RESIZE_INODE } from './inodes.ts';
import { FIRST_INODE } from './superblock.ts';
import { zero } from './zero.ts';

/** Place of the double indirect block in i_block. */
const DOUBLE_INDIRECT = 13;

/** mke2fs makes lost+found so large that e2fsck need not allocate blocks for it when there may be none. */
const LOST_FOUND_BYTES = 16 * 1024;
/** Blocks that need no indirect one (EXT2_NDIR_BLOCKS). */
const DIRECT_BLOCKS = 12;

/** Features that the superblock has only when what they speak of is there. */
const COMPAT_JOURNAL = 0x4;
const COMPAT_RESIZE = 0x10;

/** Puts the first files into a filesystem that has tables and nothing else: root, lost+found, the inode for growing, the journal. */
export function furnish(device: BlockDevice, wanted: Wanted, geometry: Geometry, access: WriteAccess): void {
  const cached = new CacheDevice(device, Math.max(16 * 1024, geometry.blockSize), 8 * 1024 * 1024);
  const located = locateSuperblock(device, false);
  // It was written a moment ago: what can't be read back now is the device's fault, and is told by the read itself.
  if (located === undefined || isDiskError(located)) throw located ?? new Error('the superblock is gone');
  const foundation = openForWriting(device, cached, located, access, () => {});
  const volume = openVolume(foundation);
  const { transaction } = volume;
  const lostFoundBlocks = Math.min(DIRECT_BLOCKS, Math.max(2, LOST_FOUND_BYTES / geometry.blockSize));
  transaction.operation(() => {
    makeDirectory(volume, INODE.root, 1, ['lost+found', FIRST_INODE]);
    makeDirectory(volume, FIRST_INODE, lostFoundBlocks);
  });
  if (geometry.reservedDescriptorBlocks > 0) transaction.operation(() => makeResizeInode(volume, geometry));
  if (geometry.journalBlocks > 0) makeJournal(volume, geometry, device, wanted.uuid);
  foundation.close();
}

function makeDirectory(volume: Volume, node: number, blocks: number, child?: readonly [name: string, node: number]): void {
  const { blockSize } = volume.superblock;
  volume.contents.initialise(node);
  for (let logical = 0; logical < blocks;) {
    const run = volume.contents.allocate(node, logical, blocks - logical, 'metadata');
    const shape = directoryContext(volume, volume.inodes.get(node));
    for (let i = 0; i < run.count; i++, logical++) {
      const bytes = volume.transaction.fresh(run.block + i, `directory block ${logical} of inode ${node}`);
      initialiseLeaf(shape, bytes);
      if (logical === 0) {
        const end = leafEnd(shape);
        writeEntry(shape, bytes, 0, 12, { name: DOT, inode: node, type: 'dir' });
        writeEntry(shape, bytes, 12, child === undefined ? end : 24, { name: DOTDOT, inode: INODE.root, type: 'dir' });
        if (child !== undefined) writeEntry(shape, bytes, 24, end, { name: new Uint8Array([...child[0]].map((letter) => letter.charCodeAt(0))), inode: child[1], type: 'dir' });
      }
      sealLeaf(shape, bytes);
    }
  }
  volume.inodes.edit(node).i_size_lo = blocks * blockSize;
}

/**
 * The inode that owns the blocks kept for more descriptors: its double indirect block names those of the first group, each of which names its
 * copies in the other groups (lib/ext2fs/res_gdt.c).
 */
function makeResizeInode(volume: Volume, { blockSize, descriptorBlocks, reservedDescriptorBlocks, groupCount, blocksPerGroup, clusterRatio }: Geometry): void {
  const { superblock, transaction } = volume;
  const perBlock = blockSize / 4;
  const copies: number[] = [];
  for (let group = 1; group < groupCount; group++) {
    if (superblock.hasBackup(group)) copies.push(group);
  }
  const { block: doubleIndirect } = volume.allocator.allocate(superblock.groupStart(0), 1);
  const top = new DataView(transaction.fresh(doubleIndirect, 'double indirect block of inode 7').buffer);
  const first = Math.floor(SUPERBLOCK_AT / blockSize) + 1 + descriptorBlocks;
  for (let i = 0; i < reservedDescriptorBlocks; i++) {
    const block = first + i;
    top.setUint32(((descriptorBlocks + i) % perBlock) * 4, block, true);
    const named = new DataView(transaction.fresh(block, 'indirect block of inode 7').buffer);
    copies.forEach((group, place) => named.setUint32(place * 4, block + group * blocksPerGroup, true));
  }
  const raw = volume.inodes.edit(RESIZE_INODE);
  const size = (perBlock * perBlock + perBlock + DIRECT_BLOCKS) * blockSize;
  raw.i_size_lo = size >>> 0;
  raw.i_size_high = Math.floor(size / 2 ** 32);
  new DataView(raw.$view.buffer, raw.$view.byteOffset + raw.$at + 0x28).setUint32(DOUBLE_INDIRECT * 4, doubleIndirect, true);
  // With bigalloc each of them counts as a cluster, as e2fsck counts them.
  raw.i_blocks_lo = ((1 + reservedDescriptorBlocks * (1 + copies.length)) * clusterRatio * blockSize) / 512;
  volume.editSuperblock().s_feature_compat |= COMPAT_RESIZE;
}

/** An empty journal in inode 8, zeroed: what an older filesystem left there must not look like its log. */
function makeJournal(volume: Volume, { blockSize, journalBlocks }: Geometry, device: BlockDevice, uuid: Uint8Array): void {
  const { transaction, contents } = volume;
  transaction.operation(() => contents.initialise(INODE.journal));
  let start = 0;
  for (let logical = 0; logical < journalBlocks;) {
    const run = transaction.operation(() => contents.allocate(INODE.journal, logical, journalBlocks - logical, 'data'));
    if (logical === 0) start = run.block;
    zero(device, run.block * blockSize, run.count * blockSize);
    logical += run.count;
  }
  const head = new Uint8Array(blockSize);
  const journal = JournalSuperblock.at(head);
  journal.h_magic = MAGIC;
  journal.h_blocktype = SUPERBLOCK_V2;
  journal.s_blocksize = blockSize;
  journal.s_maxlen = journalBlocks;
  journal.s_first = 1;
  journal.s_sequence = 1;
  journal.s_nr_users = 1;
  journal.s_uuid = uuid;
  transaction.writeData(start * blockSize, head);
  transaction.operation(() => {
    const raw = volume.inodes.edit(INODE.journal);
    const size = journalBlocks * blockSize;
    raw.i_size_lo = size >>> 0;
    raw.i_size_high = Math.floor(size / 2 ** 32);
    const superblock = volume.editSuperblock();
    superblock.s_feature_compat |= COMPAT_JOURNAL;
    superblock.s_journal_inum = INODE.journal;
    // A copy of its map, for the day when the inode is damaged (EXT3_JNL_BACKUP_BLOCKS).
    const map = new DataView(raw.$view.buffer, raw.$view.byteOffset + raw.$at + 0x28);
    superblock.s_jnl_backup_type = 1;
    superblock.s_jnl_blocks = [...Array.from({ length: 15 }, (_, i) => map.getUint32(i * 4, true)), raw.i_size_high, raw.i_size_lo];
  });
}
