import { crc32c, crc32cOf32 } from '../../codecs/crc32c.ts';
import { corrupt, isDiskError } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import type { Blocks } from './blocks.ts';
import { ExtentMapping } from './extents.ts';
import type { Groups } from './groups.ts';
import { inodePlace } from './inode-place.ts';
import type { InodeTable } from './inode.ts';
import { Ext4Inode, Ext4OrphanBlockTail, INODE_FLAGS, ORPHAN_MAGIC } from './layout.ts';
import type { Superblock } from './superblock.ts';

/** What the search for orphans needs: inodes that were deleted or truncated but still in use when the filesystem went down. */
export interface OrphanContext {
  /** s_last_orphan: the head of the list; 0 = empty. */
  readonly lastOrphan: number;
  readonly inodeCount: number;
  /** i_dtime of an inode, which links the list; the inode may have no links. @throws DiskError */
  deletionTime(inode: number): number;
  /** The orphan file (compat orphan_file), absent without the feature. */
  readonly file?: {
    readonly inode: number;
    /** Blocks that its size covers. */
    readonly count: number;
    /** @throws DiskError when it is not mapped or can't be read */
    block(logical: number): Uint8Array;
    /** Filesystem block number and byte offset on the device. */
    physical(logical: number): number;
    place(logical: number): number;
    /** The inode's crc32c seed; undefined without metadata_csum. */
    readonly checksumSeed: number | undefined;
  };
  note(note: Note): void;
}

/** The kernel refuses orphan files of more blocks (EXT4_MAX_ORPHAN_FILE_BLOCKS × 1 KiB blocks of 64 KiB would be 8 MiB; it caps the size so). */
const LARGEST_FILE = 8 << 20;

/** The orphans of a filesystem: inode numbers. Damage is noted. */
export function findOrphans(superblock: Superblock, blocks: Blocks, groups: Groups, inodes: InodeTable, note: (note: Note) => void): number[] {
  const { raw, features, inodeCount, blockSize } = superblock;
  const context: OrphanContext = {
    lastOrphan: raw.s_last_orphan, inodeCount, note,
    deletionTime(node) {
      const { block, at } = inodePlace(superblock, groups, node);
      return Ext4Inode.at(blocks.get(block, `inode table block of inode ${node}`), at).i_dtime;
    },
  };
  // Without orphan_present, the orphan file is empty.
  if (!features.orphanFile || !features.orphanPresent) return readOrphans(context);
  try {
    const inode = inodes.get(raw.s_orphan_file_inum);
    if (!inode.has(INODE_FLAGS.extents)) throw corrupt(`inode ${inode.node}`, 'the orphan file has no extents', inode.at);
    const checksumSeed = features.metadataChecksum ? inode.checksumSeed : undefined;
    const mapping = new ExtentMapping({ blocks, inode: inode.node, root: inode.block, rootAt: inode.at + 0x28, checksumSeed, note });
    const physical = (logical: number): number => {
      const block = mapping.find(logical).physical;
      if (block === undefined) throw corrupt(`inode ${inode.node}`, `the orphan file has a hole at block ${logical}`, inode.at);
      return block;
    };
    const file = {
      inode: inode.node, count: Math.floor(inode.size / blockSize), physical, checksumSeed,
      block: (logical: number) => blocks.get(physical(logical), `orphan file block ${logical}`),
      place: (logical: number) => blocks.at(physical(logical)),
    };
    return readOrphans({ ...context, file });
  } catch (error) {
    if (!isDiskError(error)) throw error;
    note({ severity: 'error', message: `The orphan file can't be read: ${error.message}`, place: { structure: `inode ${raw.s_orphan_file_inum}` } });
    return readOrphans(context);
  }
}

/** The numbers of the orphans, in the order in which the kernel would clean them up (ext4_orphan_cleanup in fs/ext4/orphan.c). Damage is noted. */
export function readOrphans(context: OrphanContext): number[] {
  return [...fromList(context), ...fromFile(context)];
}

function fromList(context: OrphanContext): number[] {
  const found = new Set<number>();
  for (let inode = context.lastOrphan; inode !== 0;) {
    const wrong = inode > context.inodeCount ? `inode ${inode} does not exist` : found.has(inode) ? `it comes to inode ${inode} twice` : undefined;
    if (wrong !== undefined) {
      context.note({ severity: 'error', message: `The list of orphans is damaged: ${wrong}`, place: { structure: 'orphan list' } });
      break;
    }
    found.add(inode);
    try {
      inode = context.deletionTime(inode);
    } catch (error) {
      if (!isDiskError(error)) throw error;
      context.note({ severity: 'error', message: `The list of orphans can't be followed: ${error.message}`, place: { structure: 'orphan list' } });
      break;
    }
  }
  return [...found];
}

function fromFile({ file, inodeCount, note }: OrphanContext): number[] {
  const found: number[] = [];
  if (file === undefined) return found;
  for (let logical = 0; logical < file.count; logical++) {
    const structure = `orphan file block ${logical}`;
    try {
      const block = file.block(logical);
      if (logical * block.length >= LARGEST_FILE) {
        note({ severity: 'error', message: `The orphan file has ${file.count} blocks, more than it may`, place: { structure: `inode ${file.inode}` } });
        break;
      }
      const tailAt = block.length - Ext4OrphanBlockTail.size;
      const tail = Ext4OrphanBlockTail.at(block, tailAt);
      if (tail.ob_magic !== ORPHAN_MAGIC || !checksumMatches(block, tailAt, tail.ob_checksum, file.physical(logical), file.checksumSeed)) {
        const what = tail.ob_magic === ORPHAN_MAGIC ? 'checksum is wrong' : 'magic number is missing';
        note({ severity: 'error', message: `The orphan file's block ${logical}: its ${what}`, place: { structure, at: file.place(logical), length: block.length } });
        continue;
      }
      const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
      for (let at = 0; at + 4 <= tailAt; at += 4) {
        const inode = view.getUint32(at, true);
        if (inode !== 0 && inode <= inodeCount) found.push(inode);
      }
    } catch (error) {
      if (!isDiskError(error)) throw error;
      note({ severity: 'error', message: `The orphan file's block ${logical} can't be read: ${error.message}`, place: { structure } });
      break;
    }
  }
  return found;
}

/** Seeded with the inode, over the block's number and its entries (ext4_orphan_file_block_csum). */
function checksumMatches(block: Uint8Array, tailAt: number, stored: number, physical: number, seed: number | undefined): boolean {
  if (seed === undefined) return true;
  const numbered = crc32cOf32(crc32cOf32(seed, physical % 2 ** 32), Math.floor(physical / 2 ** 32));
  return crc32c(numbered, block, 0, tailAt) === stored;
}
