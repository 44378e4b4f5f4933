import { nameOf } from '../../engines/core/offers.ts';

/** What udev found when the disk was connected. It reads disks as root, and every account may read what it wrote down. */
export interface UdevFacts {
  readonly contents: string;
  readonly label: string;
  readonly uuid: string;
  readonly model: string;
  /** The drive takes media, and has none. */
  readonly empty: boolean;
}

/** Its words for formats (libblkid's) that ours are not. */
const FORMATS: ReadonlyMap<string, string> = new Map([
  ['vfat', 'fat'], ['dos', 'mbr'], ['crypto_LUKS', 'luks'], ['LVM2_member', 'lvm2'], ['linux_raid_member', 'md'], ['BitLocker', 'bitlocker'], ['zfs_member', 'zfs'], ['VMFS_volume_member', 'vmfs'], ['reiser4', 'reiser4'],
  ['mac', 'apm'], ['bsd', 'bsd-disklabel'], ['UBI', 'ubi'],
]);

/** Words that are names already. */
const NAMES: ReadonlyMap<string, string> = new Map([['gpt', 'GPT'], ['mbr', 'MBR'], ['ext2', 'ext2'], ['ext3', 'ext3'], ['ext4', 'ext4']]);

/**
 * Reads a file of udev's database ("/run/udev/data/b8:1"): lines "E:KEY=VALUE" among others.
 * @see systemd, src/libsystemd/sd-device/device-private.c (device_read_db_internal) and udev-builtin-blkid.c for the keys
 */
export function udevFacts(text: string): UdevFacts {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^E:([^=]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value);
  }
  const told = (key: string): string => unescaped(values.get(key) ?? '').trim();
  const format = values.get('ID_FS_TYPE') ?? values.get('ID_PART_TABLE_TYPE') ?? '';
  const known = FORMATS.get(format) ?? format;
  return {
    contents: format === '' ? '' : NAMES.get(known) ?? nameOf(known),
    // The encoded ones keep every character; the others have "_" where it is not harmless.
    label: told('ID_FS_LABEL_ENC') || told('ID_PART_ENTRY_NAME'),
    uuid: told('ID_FS_UUID_ENC') || told('ID_FS_UUID') || told('ID_PART_TABLE_UUID'),
    model: told('ID_MODEL_ENC') || told('ID_MODEL'),
    empty: values.get('ID_CDROM') === '1' && values.get('ID_CDROM_MEDIA') !== '1',
  };
}

/** "\x20" is a byte. */
function unescaped(value: string): string {
  return Buffer.from(Buffer.from(value).toString('latin1').replaceAll(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString('utf8');
}
