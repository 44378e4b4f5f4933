import { corrupt } from '../../../core/errors.ts';
import type { Volume } from './volume.ts';
import type { Ext4Writer } from './writer.ts';

/**
 * Ends what a power cut interrupted (ext4_orphan_cleanup): inodes without a name are freed, those with one are cut to their size.
 * @returns how many there were
 * @throws DiskError corrupt
 */
export function cleanUpOrphans(volume: Volume, writer: Ext4Writer): number {
  const orphans = volume.orphans.adopt();
  for (const node of orphans) {
    const inode = volume.inodes.get(node);
    if (node < volume.superblock.raw.s_first_ino) throw corrupt('orphan list', `inode ${node} is the filesystem's own`);
    if (inode.raw.i_links_count === 0) {
      writer.freeOrphan(node);
      continue;
    }
    if (inode.type === 'file') volume.contents.truncate(node, inode.size);
    volume.operation(() => { volume.orphans.remove(node); });
  }
  return orphans.length;
}
