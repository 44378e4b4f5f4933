import type { BlockDevice } from '../../../core/bytes/device.ts';
import type { FileSystem, Note } from '../../../core/filesystem.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import { Ext4FileSystem } from '../filesystem.ts';
import { volumeInfo } from '../info.ts';
import type { Located } from '../superblock.ts';
import { type Foundation, openForWriting } from './open.ts';
import { openVolume } from './open-volume.ts';
import { cleanUpOrphans } from './orphan-cleanup.ts';
import { Ext4Writer } from './writer.ts';

/**
 * A tree that can be changed: recovered on the device, its orphans dealt with.
 * @param device the engine's device, and `cached` the same through a cache
 * @throws DiskError why it can't be written to: see openForWriting
 */
export function openTree(device: BlockDevice, cached: BlockDevice, located: Located, access: WriteAccess, note: (note: Note) => void): FileSystem {
  const foundation = openForWriting(device, cached, located, access, note);
  try {
    return treeOn(foundation, device);
  } catch (error) {
    // Whoever is refused leaves it as an unmounted filesystem.
    foundation.close();
    throw error;
  }
}

function treeOn(foundation: Foundation, device: BlockDevice): FileSystem {
  const { superblock, transaction, groups, blocks, inodes, journal, note } = foundation;
  const volume = openVolume(foundation);
  const writer = new Ext4Writer(volume);
  const orphans = cleanUpOrphans(volume, writer);
  if (orphans > 0) {
    transaction.commit();
    note({ severity: 'note', message: `${orphans} inodes that were deleted or cut while they were open are freed or cut now` });
  }
  // All that there is to be noted was, but that somebody holds it: ourselves.
  const info = volumeInfo(superblock, groups, blocks, { map: undefined, summary: journal }, 0, { write: true, reason: 'It is open for changes' }, () => {});
  const fs = new Ext4FileSystem({ ...info, state: 'clean' }, superblock, device, blocks, groups, inodes, [], note, {
    writer,
    free: () => ({ free: volume.free.blocks * superblock.blockSize, inodes: { total: superblock.inodeCount, free: volume.free.inodes } }),
    held: (node) => (writer.isHeld(node) ? volume.inodes.get(node) : undefined),
    close() {
      try {
        writer.close();
      } finally {
        foundation.close();
      }
    },
  });
  transaction.onChange(() => { fs.forget(); });
  return fs;
}
