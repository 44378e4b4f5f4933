import type { ByteChannel } from '../../engines/core/channel.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import type { NameRules } from '../../engines/core/writer.ts';
import { connect9p, open9pFileSystem } from '../../engines/protocols/ninep/index.ts';
import { loadFactor } from './load.ts';
import type { ConnectHow } from './support.ts';

/** Milliseconds that one request may take on an idle machine: under emulation a sync of a large file takes many seconds. */
const ANSWER_WITHIN = 120_000;

const DOS: Partial<NameRules> = { unit: 'UTF-16 units', forbidden: '"*:<>?\\|', caseSensitive: false };

/** What names the filesystems take that Linux mounts, where it is not all that Linux takes. */
const NAMES: Readonly<Record<string, Partial<NameRules>>> = { fat: DOS, exfat: DOS, ntfs: DOS, hfs: { longest: 31, forbidden: ':', caseSensitive: false }, hfsplus: { unit: 'UTF-16 units', forbidden: ':', caseSensitive: false }, hpfs: { ...DOS, unit: 'bytes' }, apfs: { caseSensitive: false }, affs: { longest: 30, forbidden: ':', caseSensitive: false } };

/** Filesystems whose files have no numbers of their own, and those of several volumes that number them alike. */
const BY_PLACE = new Set(['fat', 'exfat', 'zfs', 'openzfs']);

/** The inode of a subvolume's root in btrfs (include/uapi/linux/btrfs_tree.h, BTRFS_FIRST_FREE_OBJECTID). */
const SUBVOLUME_ROOTS: Readonly<Record<string, bigint>> = { btrfs: 256n };

/** The tree behind a guest's channel. @throws DiskError; the channel is closed then */
export async function connectGuest(channel: ByteChannel, { guest: { manifest: { title, transport } }, machine, write, served }: ConnectHow): Promise<FileSystem> {
  const client = await connect9p(channel, {
    dialect: transport.dialect, msize: transport.msize, aname: machine.aname, peer: title,
    timeout: { ms: ANSWER_WITHIN * loadFactor(), after },
  });
  const names = served === undefined ? undefined : NAMES[served.format];
  const subvolumeRoot = served === undefined ? undefined : SUBVOLUME_ROOTS[served.format];
  try {
    return await open9pFileSystem(client, { format: served?.format ?? 'tree', label: '', uuid: '', details: [], write, ...(names === undefined ? {} : { names }), ...(subvolumeRoot === undefined ? {} : { subvolumeRoot }), byPlace: served !== undefined && BY_PLACE.has(served.format) });
  } catch (error) {
    channel.close();
    throw error;
  }
}

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
