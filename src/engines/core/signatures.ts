/**
 * Formats that Clutch knows by sight, whether or not it has an engine for them: a name, and where their magic lies. So a file that can't
 * be opened is still told by its name. Facts from the formats' own specifications and headers, as util-linux's libblkid and file(1)'s
 * database spell them too.
 */

import { mdMemberAtEnd } from './md-member.ts';

/** What a format is: it decides what is said of a file that can't be opened. */
export type KnownKind = 'disk' | 'table' | 'volume' | 'filesystem' | 'compressed' | 'archive' | 'file';

/** One format that is known by sight. */
export interface Signature {
  /** Stable; the same as the registry's once there is an engine. */
  readonly id: string;
  readonly name: string;
  readonly kind: KnownKind;
  /** Any one of them is a sign. None where a format has no magic, and is known by what `fits` alone. */
  readonly magics: readonly SignatureMagic[];
  /** Of a short magic that is met by chance: whether what stands around it fits, too. */
  readonly fits?: (read: Reader, size: number) => boolean;
  /** What proves it beyond its magic (a checksum, a place that fits), as a sentence of evidence: it comes before whatever lies inside it. */
  readonly proof?: (read: Reader, size: number) => string | undefined;
  /** A longer magic of another format that begins with one of this, and so takes its place. */
  readonly unless?: readonly SignatureMagic[];
}

/** Bytes of a device; undefined where there are none, or they can't be read. */
export type Reader = (at: number, length: number) => DataView | undefined;

/** A magic, where it may lie. */
export interface SignatureMagic {
  readonly bytes: readonly number[];
  /** As it is written in the evidence: text where it is one, else hexadecimal. */
  readonly text: string;
  /** Byte offsets on a device of this size; negative ones count from its end. */
  at(size: number): readonly number[];
}

type Where = number | readonly number[] | ((size: number) => readonly number[]);

/** A magic that is text. */
function text(value: string, ...where: Where[]): SignatureMagic {
  return { bytes: [...value].map((char) => char.charCodeAt(0)), text: `“${value.replace(/[^\x20-\x7e]+/g, '…').trim()}”`, at: placesOf(where) };
}

/** A magic of bytes, written "53 ef". */
function hex(value: string, ...where: Where[]): SignatureMagic {
  return { bytes: value.split(' ').map((byte) => Number.parseInt(byte, 16)), text: value.toUpperCase(), at: placesOf(where) };
}

function placesOf(where: readonly Where[]): (size: number) => readonly number[] {
  return (size) => where.flatMap((each) => (typeof each === 'function' ? each(size) : each));
}

/** The same magic in the other byte order, too. */
function bothOrders(value: string, ...where: Where[]): SignatureMagic[] {
  return [hex(value, ...where), hex(value.split(' ').toReversed().join(' '), ...where)];
}

const steps = (from: number, step: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => from + i * step);

/** The volume recognition sequence of ECMA-167 is searched descriptor by descriptor. */
const RECOGNITION = steps(0x8001, 0x800, 16);

/** A magic at the end proves nothing: mirrors look like what is on them, and a disk that left its array may keep an old superblock in part. */
function mdAtEnd(read: Reader, size: number): string | undefined {
  const member = mdMemberAtEnd(read, size);
  return member && `superblock of metadata ${member.version} at 0x${member.at.toString(16)}, its checksum and sizes fit`;
}

/** The kernel's driver looks for the superblock of System V in these blocks of 1 KiB (fs/sysv/super.c). */
const sysvAt = (offset: number): readonly number[] => [0, 9, 15, 18].map((block) => block * 1024 + 512 + offset);

/** The ring of uberblocks in a ZFS label (vdev_impl.h: VDEV_UBERBLOCK_RING). Behind the magic (uberblock_impl.h) is the pool's version: 5000 has feature flags. */
const UBERBLOCKS = steps(0x20000, 0x400, 128);
const FEATURE_FLAGS = [hex('0c b1 ba 00 00 00 00 00 88 13 00 00 00 00 00 00', UBERBLOCKS), hex('00 00 00 00 00 ba b1 0c 00 00 00 00 00 00 13 88', UBERBLOCKS)];

/** Superblocks of UFS: of floppies, UFS1, UFS2, and of UFS2 where something else lies first. */
const UFS = [0, 8, 64, 256].map((kib) => kib * 1024 + 0x55c);

/** ext2/3/4: counts of a superblock, and blocks of 1 to 64 KiB (fs/ext4/ext4.h, struct ext4_super_block). */
function fitsExt(read: Reader): boolean {
  const sb = read(0x400, 0x60);
  if (sb === undefined || sb.getUint16(0x38, true) !== 0xef53) return false;
  const [inodes, blocks, first, size, perGroup, inodesPerGroup] = [0, 4, 0x14, 0x18, 0x20, 0x28].map((at) => sb.getUint32(at, true)) as [number, number, number, number, number, number];
  return inodes > 0 && blocks > first && first <= 1 && size <= 6 && perGroup > 0 && inodesPerGroup > 0 && sb.getUint32(0x4c, true) <= 1;
}

/** Minix: counts in the superblock that no random bytes have (include/linux/minix_fs.h). */
function fitsMinix(read: Reader): boolean {
  const sb = read(0x400, 32);
  if (sb === undefined) return false;
  const v3 = [0x4d5a, 0x5a4d].includes(sb.getUint16(24, true));
  const little = v3 ? sb.getUint16(24, true) === 0x4d5a : [0x137f, 0x138f, 0x2468, 0x2478].includes(sb.getUint16(16, true));
  const at = v3 ? { inodes: sb.getUint32(0, little), imap: sb.getUint16(6, little), zmap: sb.getUint16(8, little), first: sb.getUint16(10, little), zone: sb.getUint16(12, little) } : { inodes: sb.getUint16(0, little), imap: sb.getUint16(4, little), zmap: sb.getUint16(6, little), first: sb.getUint16(8, little), zone: sb.getUint16(10, little) };
  return at.inodes > 0 && at.imap > 0 && at.zmap > 0 && at.zone <= 5 && at.imap * 8 * 4096 >= at.inodes && (v3 || at.first > at.imap + at.zmap);
}

/** HFS: allocation blocks are whole sectors, and there are some (Inside Macintosh: Files, 2-61). */
function fitsHfs(read: Reader): boolean {
  const mdb = read(0x400, 32);
  return mdb !== undefined && mdb.getUint32(20) > 0 && mdb.getUint32(20) % 512 === 0 && mdb.getUint16(18) > 0;
}

/** NILFS2: revision 2, and a superblock of a likely length (include/uapi/linux/nilfs2_ondisk.h). */
function fitsNilfs(read: Reader): boolean {
  const sb = read(0x400, 16);
  return sb !== undefined && sb.getUint32(0, true) === 2 && sb.getUint16(8, true) >= 200 && sb.getUint16(8, true) <= 1024;
}

/** JFFS2: a type of node behind the magic, and a length that fits (include/uapi/linux/jffs2.h). */
function fitsJffs2(read: Reader, size: number): boolean {
  const node = read(0, 12);
  if (node === undefined) return false;
  const little = node.getUint16(0, true) === 0x1985;
  return [0xe001, 0xe002, 0x2003, 0x2004, 0x2006, 0xe008, 0xe009].includes(node.getUint16(2, little)) && node.getUint32(4, little) >= 12 && node.getUint32(4, little) <= size;
}

/** ADFS: the boot block's disc record, and its checksum (adfs_checkbblk of fs/adfs/super.c). */
function fitsAdfs(read: Reader): boolean {
  const block = read(0xc00, 512);
  if (block === undefined) return false;
  let sum = 0;
  for (let at = 510; at >= 0; at--) sum = (sum & 0xff) + (sum >> 8) + block.getUint8(at);
  const [sector, idLength] = [block.getUint8(0x1c0), block.getUint8(0x1c4)];
  return (sum & 0xff) === block.getUint8(511) && sector >= 8 && sector <= 10 && idLength >= sector + 3 && idLength <= 19;
}

/** Version 7 Unix: counts in the superblock, and a root directory, in the word order of the PDP-11 or plainly (v7_sanity_check of fs/sysv/super.c). */
function fitsV7(read: Reader): boolean {
  const sb = read(512, 212);
  const root = read(1024 + 64, 12);
  if (sb === undefined || root === undefined) return false;
  const long = (view: DataView, at: number, pdp: boolean): number => (pdp ? view.getUint16(at, true) * 65_536 + view.getUint16(at + 2, true) : view.getUint32(at, true));
  return [true, false].some((pdp) => {
    const [blocks, size] = [long(sb, 2, pdp), long(root, 8, pdp)];
    return sb.getUint16(6, true) <= 50 && sb.getUint16(208, true) <= 100 && blocks > sb.getUint16(0, true) && blocks <= 0xff_ffff && sb.getUint16(0, true) > 2 && (root.getUint16(0, true) & 0xf000) === 0x4000 && size >= 32 && size % 16 === 0 && size < 512 * blocks;
  });
}

export const SIGNATURES: readonly Signature[] = [
  // Disk images of virtual machines and of forensics.
  { id: 'qcow2', name: 'QEMU qcow2 disk', kind: 'disk', magics: [hex('51 46 49 fb', 0)] },
  { id: 'qed', name: 'QEMU QED disk', kind: 'disk', magics: [text('QED\0', 0)] },
  { id: 'vmdk', name: 'VMware VMDK disk', kind: 'disk', magics: [text('KDMV', 0), text('COWD', 0), text('# Disk DescriptorFile', 0)] },
  { id: 'vdi', name: 'VirtualBox VDI disk', kind: 'disk', magics: [hex('7f 10 da be', 0x40)] },
  { id: 'vhd', name: 'Microsoft VHD disk', kind: 'disk', magics: [text('conectix', -512, 0)] },
  { id: 'vhdx', name: 'Microsoft VHDX disk', kind: 'disk', magics: [text('vhdxfile', 0)] },
  { id: 'parallels', name: 'Parallels disk', kind: 'disk', magics: [text('WithoutFreeSpace', 0), text('WithouFreSpacExt', 0)] },
  { id: 'dmg', name: 'Apple disk image (DMG)', kind: 'disk', magics: [text('koly', -512)] },
  { id: 'sparsebundle', name: 'Apple sparse image', kind: 'disk', magics: [text('sprs', 0)] },
  { id: 'ewf', name: 'EnCase image (EWF)', kind: 'disk', magics: [hex('45 56 46 09 0d 0a ff 00', 0), hex('45 56 46 32 0d 0a 81 00', 0)] },
  { id: 'aff', name: 'Advanced Forensic Format', kind: 'disk', magics: [text('AFF10\r\n\0', 0)] },
  { id: 'wim', name: 'Windows image (WIM)', kind: 'disk', magics: [text('MSWIM\0\0\0', 0)] },
  { id: 'android-sparse', name: 'Android sparse image', kind: 'disk', magics: [hex('3a ff 26 ed', 0)] },
  { id: 'android-boot', name: 'Android boot image', kind: 'disk', magics: [text('ANDROID!', 0)] },
  { id: 'partclone', name: 'Partclone image', kind: 'disk', magics: [text('partclone-image', 0)] },

  // Partition tables.
  { id: 'apm', name: 'Apple partition map', kind: 'table', magics: [hex('50 4d 00 00', 512)] },
  { id: 'bsd-disklabel', name: 'BSD disklabel', kind: 'table', magics: [hex('57 45 56 82', 0, 64, 512)] },

  // Volumes in volumes: encryption, logical volumes, RAID.
  { id: 'luks', name: 'LUKS encrypted volume', kind: 'volume', magics: [hex('4c 55 4b 53 ba be', 0)] },
  { id: 'bitlocker', name: 'BitLocker encrypted volume', kind: 'volume', magics: [text('-FVE-FS-', 3)] },
  { id: 'lvm2', name: 'LVM2 physical volume', kind: 'volume', magics: [text('LVM2 001', 0x18, 0x218, 0x418, 0x618)] },
  { id: 'md', name: 'Linux software RAID member', kind: 'volume', magics: [hex('fc 4e 2b a9', 0, 0x1000)], proof: mdAtEnd },
  { id: 'bcache', name: 'bcache', kind: 'volume', magics: [hex('c6 85 73 f6 4e 1a 45 ca 82 65 f5 7f 48 ba 6d 81', 0x1018)] },
  { id: 'vmfs', name: 'VMware VMFS', kind: 'volume', magics: [hex('0d d0 01 c0', 0x100000)] },

  // Filesystems.
  { id: 'ext4', name: 'ext2/3/4', kind: 'filesystem', magics: [hex('53 ef', 0x438)], fits: fitsExt },
  { id: 'ntfs', name: 'NTFS', kind: 'filesystem', magics: [text('NTFS    ', 3)] },
  { id: 'refs', name: 'ReFS', kind: 'filesystem', magics: [text('ReFS\0\0\0\0', 3)] },
  { id: 'exfat', name: 'exFAT', kind: 'filesystem', magics: [text('EXFAT   ', 3)] },
  { id: 'fat', name: 'FAT', kind: 'filesystem', magics: [text('FAT12   ', 0x36), text('FAT16   ', 0x36), text('FAT32   ', 0x52)] },
  { id: 'iso9660', name: 'ISO 9660 (CD, DVD)', kind: 'filesystem', magics: [text('CD001', 0x8001)] },
  { id: 'udf', name: 'UDF (DVD, Blu-ray)', kind: 'filesystem', magics: [text('NSR02', RECOGNITION), text('NSR03', RECOGNITION)] },
  { id: 'xfs', name: 'XFS', kind: 'filesystem', magics: [text('XFSB', 0)] },
  { id: 'btrfs', name: 'Btrfs', kind: 'filesystem', magics: [text('_BHRfS_M', 0x10040)] },
  { id: 'f2fs', name: 'F2FS', kind: 'filesystem', magics: [hex('10 20 f5 f2', 0x400)] },
  { id: 'squashfs', name: 'SquashFS', kind: 'filesystem', magics: [text('hsqs', 0), text('sqsh', 0)] },
  { id: 'erofs', name: 'EROFS', kind: 'filesystem', magics: [hex('e2 e1 f5 e0', 0x400)] },
  { id: 'cramfs', name: 'cramfs', kind: 'filesystem', magics: [hex('45 3d cd 28', 0, 0x200), hex('28 cd 3d 45', 0, 0x200)] },
  { id: 'romfs', name: 'romfs', kind: 'filesystem', magics: [text('-rom1fs-', 0)] },
  { id: 'ubi', name: 'UBI flash volume', kind: 'volume', magics: [text('UBI#', 0)] },
  { id: 'ubifs', name: 'UBIFS', kind: 'filesystem', magics: [hex('31 18 10 06', 0)] },
  { id: 'jffs2', name: 'JFFS2', kind: 'filesystem', magics: [hex('85 19', 0), hex('19 85', 0)], fits: fitsJffs2 },
  { id: 'apfs', name: 'APFS', kind: 'filesystem', magics: [text('NXSB', 0x20)] },
  { id: 'hfsplus', name: 'HFS+', kind: 'filesystem', magics: [hex('48 2b 00 04', 0x400), hex('48 58 00 05', 0x400)] },
  { id: 'hfs', name: 'HFS', kind: 'filesystem', magics: [text('BD', 0x400)], fits: fitsHfs },
  { id: 'reiserfs', name: 'ReiserFS', kind: 'filesystem', magics: [text('ReIsErFs', 0x2034, 0x10034), text('ReIsEr2Fs', 0x10034), text('ReIsEr3Fs', 0x10034)] },
  { id: 'reiser4', name: 'Reiser4', kind: 'filesystem', magics: [text('ReIsEr4', 0x10000)] },
  { id: 'jfs', name: 'JFS', kind: 'filesystem', magics: [text('JFS1', 0x8000)] },
  // Uberblocks fill the second half of the label in turn, one each KiB or more.
  { id: 'zfs', name: 'ZFS pool member', kind: 'filesystem', magics: bothOrders('0c b1 ba 00 00 00 00 00', UBERBLOCKS), unless: FEATURE_FLAGS },
  { id: 'openzfs', name: 'OpenZFS pool member', kind: 'filesystem', magics: FEATURE_FLAGS },
  { id: 'nilfs2', name: 'NILFS2', kind: 'filesystem', magics: [hex('34 34', 0x406)], fits: fitsNilfs },
  { id: 'gfs2', name: 'GFS2', kind: 'filesystem', magics: [hex('01 16 19 70', 0x10000)] },
  { id: 'ocfs2', name: 'OCFS2', kind: 'filesystem', magics: [text('OCFSV2', 0x400, 0x800, 0x1000, 0x2000)] },
  // UFS1, long names, 4.4BSD with fragments, more than 4 GiB, secure, UFS2 (include/linux/ufs_fs.h).
  { id: 'ufs', name: 'UFS', kind: 'filesystem', magics: ['54 19 01 00', '14 50 09 00', '12 56 19 00', '94 19 23 05', '95 21 61 00', '19 01 54 19'].flatMap((magic) => bothOrders(magic, UFS)) },
  { id: 'hpfs', name: 'HPFS', kind: 'filesystem', magics: [hex('49 e8 95 f9', 0x2000)] },
  { id: 'befs', name: 'BeFS', kind: 'filesystem', magics: [text('1SFB', 0x220)] },
  { id: 'minix', name: 'Minix', kind: 'filesystem', magics: [...['7f 13', '8f 13', '68 24', '78 24'].flatMap((magic) => bothOrders(magic, 0x410)), ...bothOrders('5a 4d', 0x418)], fits: fitsMinix },
  { id: 'bcachefs', name: 'bcachefs', kind: 'filesystem', magics: [hex('c6 85 73 f6 66 ce 90 a9 d9 6a 60 cf 80 3d f7 ef', 0x1018), hex('c6 85 73 f6 4e 1a 45 ca 82 65 f5 7f 48 ba 6d 81', 0x1018)] },
  { id: 'sysv', name: 'System V', kind: 'filesystem', magics: [...bothOrders('20 7e 18 fd', sysvAt(0x1f8)), ...bothOrders('44 55 2b 00', 0x7f8), text('nonamenopack', sysvAt(0x1e4)), text('nonamexxxxx', sysvAt(0x1e4))] },
  { id: 'bfs', name: 'BFS', kind: 'filesystem', magics: [hex('ce fa ad 1b', 0)] },
  { id: 'efs', name: 'EFS', kind: 'filesystem', magics: [hex('00 07 29 59', 0x21c), hex('00 07 29 5a', 0x21c)] },
  { id: 'adfs', name: 'ADFS', kind: 'filesystem', magics: [], fits: fitsAdfs },
  { id: 'v7', name: 'Version 7 Unix', kind: 'filesystem', magics: [], fits: fitsV7 },
  { id: 'affs', name: 'AFFS', kind: 'filesystem', magics: steps(0, 1, 8).map((kind) => hex(`44 4f 53 0${kind}`, 0)) },
  { id: 'qnx4', name: 'QNX4', kind: 'filesystem', magics: [text('.inodes', 0x240)] },
  { id: 'qnx6', name: 'QNX6', kind: 'filesystem', magics: bothOrders('22 11 19 68', 0, 0x2000) },
  { id: 'vxfs', name: 'VxFS', kind: 'filesystem', magics: [hex('f5 fc 01 a5', 0x400), hex('a5 01 fc f5', 0x2000)] },
  { id: 'omfs', name: 'OMFS', kind: 'filesystem', magics: [hex('c2 99 3d 87', 0x110)] },
  { id: 'lfs', name: 'LFS', kind: 'filesystem', magics: [...bothOrders('62 01 07 00', 0x2000), ...bothOrders('01 07 62 19', 0x2000)] },
  { id: 'chfs', name: 'CHFS', kind: 'filesystem', magics: [hex('f1 4a', 0)] },
  { id: 'swap', name: 'Linux swap', kind: 'volume', magics: [text('SWAPSPACE2', [0xff6, 0x1ff6, 0x3ff6, 0xfff6]), text('SWAP-SPACE', [0xff6, 0x1ff6, 0x3ff6, 0xfff6])] },

  // Compression and archives.
  { id: 'gzip', name: 'gzip', kind: 'compressed', magics: [hex('1f 8b 08', 0)] },
  { id: 'xz', name: 'xz', kind: 'compressed', magics: [hex('fd 37 7a 58 5a 00', 0)] },
  { id: 'zstd', name: 'Zstandard', kind: 'compressed', magics: [hex('28 b5 2f fd', 0)] },
  { id: 'bzip2', name: 'bzip2', kind: 'compressed', magics: [hex('42 5a 68', 0)] },
  { id: 'lz4', name: 'LZ4', kind: 'compressed', magics: [hex('04 22 4d 18', 0)] },
  { id: 'lzip', name: 'lzip', kind: 'compressed', magics: [text('LZIP', 0)] },
  { id: 'lzop', name: 'lzop', kind: 'compressed', magics: [hex('89 4c 5a 4f 00 0d 0a 1a 0a', 0)] },
  { id: 'zip', name: 'ZIP archive', kind: 'archive', magics: [hex('50 4b 03 04', 0), hex('50 4b 05 06', 0)] },
  { id: '7z', name: '7-Zip archive', kind: 'archive', magics: [hex('37 7a bc af 27 1c', 0)] },
  { id: 'rar', name: 'RAR archive', kind: 'archive', magics: [hex('52 61 72 21 1a 07', 0)] },
  { id: 'tar', name: 'tar archive', kind: 'archive', magics: [text('ustar', 257)] },
  { id: 'cpio', name: 'cpio archive', kind: 'archive', magics: [text('070701', 0), text('070702', 0), text('070707', 0)] },
  { id: 'cab', name: 'Windows cabinet', kind: 'archive', magics: [text('MSCF\0\0\0\0', 0)] },

  // Files that are no disk images, but are opened by mistake.
  { id: 'pdf', name: 'PDF document', kind: 'file', magics: [text('%PDF-', 0)] },
  { id: 'png', name: 'PNG picture', kind: 'file', magics: [hex('89 50 4e 47 0d 0a 1a 0a', 0)] },
  { id: 'jpeg', name: 'JPEG picture', kind: 'file', magics: [hex('ff d8 ff', 0)] },
  { id: 'gif', name: 'GIF picture', kind: 'file', magics: [text('GIF87a', 0), text('GIF89a', 0)] },
  { id: 'webp', name: 'WebP picture', kind: 'file', magics: [text('WEBPVP8', 8)] },
  { id: 'tiff', name: 'TIFF picture', kind: 'file', magics: [hex('49 49 2a 00', 0), hex('4d 4d 00 2a', 0)] },
  { id: 'mp4', name: 'MP4 film', kind: 'file', magics: [text('ftyp', 4)] },
  { id: 'ogg', name: 'Ogg sound or film', kind: 'file', magics: [text('OggS', 0)] },
  { id: 'sqlite', name: 'SQLite database', kind: 'file', magics: [text('SQLite format 3\0', 0)] },
  { id: 'elf', name: 'ELF program', kind: 'file', magics: [hex('7f 45 4c 46', 0)] },
  { id: 'pe', name: 'Windows or DOS program', kind: 'file', magics: [text('MZ', 0)] },
];
