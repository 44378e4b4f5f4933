import { corrupt, DiskError, usage } from '../../../core/errors.ts';
import type { EntryType } from '../../../core/filesystem.ts';
import { encodeName, type Name } from '../../../core/names.ts';
import type { NameRules } from '../../../core/writer.ts';
import { FLAG_NAMES, type Inode } from '../inode.ts';
import { INODE, INODE_FLAGS } from '../layout.ts';
import type { Superblock } from '../superblock.ts';

/** EXT4_NAME_LEN. */
const LONGEST_NAME = 255;

export const NAME_RULES: NameRules = { longest: LONGEST_NAME, unit: 'bytes', forbidden: '', caseSensitive: true };

/** EXT4_LINK_MAX. */
export const MOST_LINKS = 65_000;

/** Bits of i_flags that stop changes, or that what is made in a directory takes over (project: EXT4_PROJINHERIT_FL). */
export const FLAG = { immutable: 0x10, append: 0x20, project: 0x20000000 } as const;

/** i_mode of each type. */
export const TYPE_BITS: Readonly<Record<EntryType, number>> = { fifo: 0x1000, char: 0x2000, dir: 0x4000, block: 0x6000, file: 0x8000, symlink: 0xa000, socket: 0xc000 };

/** EXT4_FL_INHERITED, but for casefold, whose directories are not changed, and dax. */
const INHERITED = 0x2001c4cf;
/** Flags for directories alone (EXT4_REG_FLMASK): dirsync, topdir, project. */
const DIRECTORY_ONLY = 0x20030000;
/** Those that other nodes than files and directories have (EXT4_OTHER_FLMASK): nodump, noatime. */
const OTHER = 0xc0;
/** What a person may set and clear: secure-deletion, undelete, sync, immutable, append, nodump, noatime, notail, dirsync, topdir, project. */
const SETTABLE = 0x200380fb;

/** A name's bytes. @throws DiskError usage for what is no name in ext4 */
export function nameBytes(name: Name): Uint8Array {
  const bytes = encodeName(name);
  if (bytes.length === 0) throw usage('ENOENT', 'A name is needed');
  if (bytes.length > LONGEST_NAME) throw usage('ENAMETOOLONG', `The name has ${bytes.length} bytes, and ext4 keeps ${LONGEST_NAME}`);
  if (name === '.' || name === '..' || bytes.includes(0x2f) || bytes.includes(0)) throw usage('EINVAL', `"${name}" can't be the name of a file`);
  return bytes;
}

/** The flags that a new node takes over from its directory. */
export function inheritedFlags(dir: Inode, type: EntryType): number {
  return (dir.raw.i_flags & INHERITED & maskOf(type)) >>> 0;
}

/** i_flags with exactly these of the flags that a person may set. @throws DiskError usage EINVAL, ENOTSUP when others would change */
export function withFlags(inode: Inode, names: readonly string[]): number {
  const bits = new Map(FLAG_NAMES.map(([bit, name]) => [name, bit]));
  let wanted = 0;
  for (const name of names) {
    const bit = bits.get(name);
    if (bit === undefined) throw usage('EINVAL', `ext4 has no flag "${name}"`);
    wanted |= bit;
  }
  const known = FLAG_NAMES.reduce((all, [bit]) => all | bit, 0);
  const changed = (inode.raw.i_flags ^ wanted) & known;
  const refused = changed & ~(SETTABLE & maskOf(inode.type));
  if (refused !== 0) {
    const list = FLAG_NAMES.filter(([bit]) => (refused & bit) !== 0).map(([, name]) => name);
    throw usage('ENOTSUP', `The flag ${list.join(', ')} of a ${inode.type} can't be changed`);
  }
  return ((inode.raw.i_flags & ~known) | wanted) >>> 0;
}

function maskOf(type: EntryType): number {
  if (type === 'dir') return ~0;
  return type === 'file' ? ~DIRECTORY_ONLY : OTHER;
}

/**
 * Refuses inodes that are the filesystem's own: no name leads to them in a sound one (ext4_iget refuses those below s_first_ino, and EA_INODE_FL).
 * @throws DiskError corrupt
 */
export function refuseOwn({ raw }: Superblock, inode: Inode): void {
  const { node } = inode;
  const isOwn = (node < raw.s_first_ino && node !== INODE.root) || node === raw.s_journal_inum || node === raw.s_usr_quota_inum || node === raw.s_grp_quota_inum
    || node === raw.s_prj_quota_inum || node === raw.s_orphan_file_inum || inode.has(INODE_FLAGS.eaInode);
  if (isOwn) throw corrupt(`inode ${node}`, 'it is the filesystem\'s own, and can\'t be changed by a name that leads to it', inode.at);
}

/** @throws DiskError usage EPERM for an immutable node, and an append-only one where that counts too */
export function mayChange(inode: Inode, append: 'refuse' | 'allow'): void {
  if (inode.has(FLAG.immutable)) throw usage('EPERM', `Inode ${inode.node} is immutable`, 'Take the flag "immutable" away first.');
  if (append === 'refuse' && inode.has(FLAG.append)) throw usage('EPERM', `Inode ${inode.node} can only be appended to`, 'Take the flag "append" away first.');
}

/** @throws DiskError when the contents of a file can't be changed */
export function mayWrite(inode: Inode): void {
  if (inode.type !== 'file') throw usage(inode.type === 'dir' ? 'EISDIR' : 'EINVAL', `Inode ${inode.node} is a ${inode.type}, which has no contents`);
  if (inode.has(INODE_FLAGS.verity)) throw usage('EPERM', `The contents of inode ${inode.node} are sealed by fs-verity`);
  if (inode.has(INODE_FLAGS.encrypt)) throw new DiskError({ kind: 'locked', what: 'fscrypt' }, `The contents of inode ${inode.node} are encrypted`, 'Clutch has no way yet to be given the key.');
}

/** Writes a device's number into i_block: in the old form where it fits (ext4_iget, new_encode_dev). @throws DiskError usage EINVAL */
export function encodeDevice(block: Uint8Array, major: number, minor: number): void {
  if (!(Number.isInteger(major) && Number.isInteger(minor) && major >= 0 && major < 2 ** 12 && minor >= 0 && minor < 2 ** 20)) throw usage('EINVAL', `${major}:${minor} is no device number`);
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (major < 256 && minor < 256) view.setUint32(0, (major << 8) | minor, true);
  else view.setUint32(4, ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, true);
}
