import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HERE } from './build.ts';
import type { Recipe } from './ext4.ts';

/** An image of a filesystem that guests serve, made by that filesystem's own tools. */
export interface ForeignRecipe extends Recipe {
  /** Id in `engines/core/signatures.ts`. */
  readonly format: string;
  /** Its row in the support matrix, where that is not the format's. */
  readonly matrix?: string;
  /** Programs that make it. */
  readonly tools: readonly string[];
  /**
   * What its maker put in: 'tree' is $SRC with owners and modes, 'files' the same without them,
   * 'root' its top files alone, 'few' HELLO.TXT and DIR/INNER.TXT, 'nothing' where the maker can't put anything in.
   */
  readonly holds: 'tree' | 'files' | 'root' | 'few' | 'nothing';
  /** Guests whose kernels are too old for it, and why. */
  readonly tooNew?: Readonly<Record<string, string>>;
  /** Who made it, where it is not the first of `tools`. */
  readonly maker?: string;
  /** Size and sha256 by path, in capitals, where it is not of $SRC. */
  readonly expects?: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
  /** Says of the image at $1 whether it is sound; exit status 0. $HERE is this folder. */
  readonly judge?: string;
  /** The program that says so, where it is not the first word. */
  readonly judgedBy?: string;
}

/** The files of $SRC: names that every filesystem takes. */
export const FOREIGN_FILES: Readonly<Record<string, string>> = {
  '/HELLO.TXT': 'hello\n',
  '/EMPTY.TXT': '',
  '/NUMBERS.TXT': Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join(''),
  '/DIR/INNER.TXT': 'inner\n',
  '/DIR/SUB/DEEP.TXT': 'deep\n',
};

/** $SRC as `holds` says. */
const SOURCE = `mkdir -p $SRC/DIR/SUB; cd $SRC; printf 'hello\\n' >HELLO.TXT; : >EMPTY.TXT; seq 20000 >NUMBERS.TXT; printf 'inner\\n' >DIR/INNER.TXT; printf 'deep\\n' >DIR/SUB/DEEP.TXT
find . -exec touch -d @1700000000 {} +; cd "$TMP"`;

function row(name: string, format: string, why: string, tools: readonly string[], holds: ForeignRecipe['holds'], script: string, more: Partial<ForeignRecipe> = {}): ForeignRecipe {
  return { name, format, why, tools, holds, kernel: false, script: `${SOURCE}\n${script}`, ...more };
}

/** The script of a maker of ours: its text is part of it, so that a changed one makes the image anew. */
function maker(name: string, ...words: string[]): string {
  const digest = createHash('sha256').update(['tree', name].map((each) => readFileSync(join(HERE, `makers/${each}.py`), 'utf8')).join('')).digest('hex');
  return `PYTHONDONTWRITEBYTECODE=1 python3 "$HERE/makers/${name}.py" "$IMG" $SRC ${words.join(' ')} # ${digest}`;
}

const EXT = { judge: 'e2fsck -f -n "$1"' };
const FAT = { judge: 'fsck.fat -n "$1"' };
/** A file of mkfs.xfs's own that says what to put in (mkfs.xfs(8), protofile). */
const XFS = `truncate -s 320M "$IMG"; cat >$TMP/proto <<END
/
0 0
d--755 0 0
HELLO.TXT ---644 0 0 $SRC/HELLO.TXT
EMPTY.TXT ---644 0 0 $SRC/EMPTY.TXT
NUMBERS.TXT ---644 0 0 $SRC/NUMBERS.TXT
DIR d--755 0 0
INNER.TXT ---644 0 0 $SRC/DIR/INNER.TXT
SUB d--755 0 0
DEEP.TXT ---644 0 0 $SRC/DIR/SUB/DEEP.TXT
\\$
\\$
\\$
END
mkfs.xfs -q -L CLUTCH -p $TMP/proto`;
const MTOOLS = 'MTOOLS_SKIP_CHECK=1 mcopy -s -m -i "$IMG" $SRC/* ::/';

/** One a row of the support matrix where there is a maker, and one for each peculiarity that a kernel may stumble over. */
export const FOREIGN: readonly ForeignRecipe[] = [
  row('fat12', 'fat', 'a floppy', ['mkfs.vfat', 'mcopy'], 'files', `truncate -s 1440K "$IMG"; mkfs.vfat -F 12 -n CLUTCH -i 12345678 "$IMG"; ${MTOOLS}`, FAT),
  row('fat16', 'fat', 'a small card', ['mkfs.vfat', 'mcopy'], 'files', `truncate -s 16M "$IMG"; mkfs.vfat -F 16 -n CLUTCH -i 12345678 "$IMG"; ${MTOOLS}`, FAT),
  row('fat32', 'fat', 'a stick', ['mkfs.vfat', 'mcopy'], 'files', `truncate -s 64M "$IMG"; mkfs.vfat -F 32 -n CLUTCH -i 12345678 "$IMG"; ${MTOOLS}`, FAT),
  row('exfat', 'exfat', 'a large card', ['mkfs.exfat'], 'nothing', 'truncate -s 16M "$IMG"; mkfs.exfat -L CLUTCH "$IMG"', { judge: 'fsck.exfat -n "$1"' }),
  row('ntfs', 'ntfs', 'a Windows disk', ['mkfs.ntfs', 'ntfscp'], 'root', 'truncate -s 16M "$IMG"; mkfs.ntfs -F -q -L CLUTCH "$IMG"; for f in HELLO.TXT NUMBERS.TXT EMPTY.TXT; do ntfscp -q -f "$IMG" $SRC/$f $f; done', { judge: 'ntfsfix -n "$1"' }),
  row('ufs1', 'ufs', 'a BSD disk of the old kind', ['makefs'], 'tree', 'makefs -t ffs -o version=1 -s 8m "$IMG" $SRC', { matrix: 'ufs1' }),
  row('ufs1-be', 'ufs', 'a disk of a big-endian machine', ['makefs'], 'tree', 'makefs -B be -t ffs -o version=1 -s 8m "$IMG" $SRC', { matrix: 'ufs1' }),
  row('ufs2', 'ufs', 'a BSD disk of the newer kind', ['makefs'], 'tree', 'makefs -t ffs -o version=2 -f 300 -s 8m "$IMG" $SRC; python3 "$HERE/makers/ufs2.py" "$IMG"', { matrix: 'ufs2' }),
  row('ufs2-be', 'ufs', 'a newer disk of a big-endian machine', ['makefs'], 'tree', 'makefs -B be -t ffs -o version=2 -f 300 -s 8m "$IMG" $SRC; python3 "$HERE/makers/ufs2.py" "$IMG"', { matrix: 'ufs2' }),
  row('ext2', 'ext4', 'a Linux disk without a journal', ['mke2fs'], 'tree', 'mk 16M -t ext2 -L CLUTCH -d $SRC', { matrix: 'ext2', ...EXT }),
  row('ext3', 'ext4', 'the first one with a journal', ['mke2fs'], 'tree', 'mk 16M -t ext3 -L CLUTCH -d $SRC', { matrix: 'ext3', ...EXT }),
  row('ext4', 'ext4', 'a Linux disk', ['mke2fs'], 'tree', 'mk 16M -t ext4 -L CLUTCH -d $SRC', EXT),
  row('btrfs', 'btrfs', 'another Linux disk', ['mkfs.btrfs'], 'tree', 'truncate -s 128M "$IMG"; mkfs.btrfs -q -L CLUTCH -r $SRC "$IMG"', { judge: 'btrfs check --readonly "$1"' }),
  row('xfs', 'xfs', 'a Linux server', ['mkfs.xfs'], 'tree', `${XFS} "$IMG"`, { judge: 'xfs_repair -n "$1"' }),
  row('xfs-v4', 'xfs', 'of the generation before, which new kernels leave out', ['mkfs.xfs'], 'tree', `${XFS} -m crc=0 "$IMG"`, { judge: 'xfs_repair -n "$1"' }),
  row('reiserfs', 'reiserfs', 'gone from Linux 6.13', ['mkreiserfs'], 'nothing', 'truncate -s 40M "$IMG"; mkreiserfs -q -f -l CLUTCH "$IMG"', { judge: 'reiserfsck --check -q -y "$1"' }),
  row('f2fs', 'f2fs', 'a telephone', ['mkfs.f2fs', 'sload.f2fs'], 'tree', 'truncate -s 64M "$IMG"; mkfs.f2fs -q -l CLUTCH "$IMG"; sload.f2fs -f $SRC -t / "$IMG"', { judge: 'fsck.f2fs --dry-run "$1"' }),
  row('jfs', 'jfs', 'an OS/2 or AIX heir', ['mkfs.jfs'], 'nothing', 'truncate -s 16M "$IMG"; mkfs.jfs -q -L CLUTCH "$IMG"', { judge: 'fsck.jfs -n -f "$1"' }),
  row('iso9660', 'iso9660', 'a CD with both kinds of names', ['genisoimage'], 'tree', 'genisoimage -quiet -R -J -V CLUTCH -o "$IMG" $SRC'),
  row('udf-bridge', 'iso9660', 'a DVD: ISO 9660 and UDF over the same files; it is opened as the first', ['genisoimage'], 'files', 'genisoimage -quiet -udf -V CLUTCH -o "$IMG" $SRC'),
  row('udf', 'udf', 'a stick in UDF', ['mkudffs'], 'nothing', 'truncate -s 16M "$IMG"; mkudffs -l CLUTCH -b 512 --media-type=hd "$IMG"'),
  row('hfs', 'hfs', 'an old Macintosh', ['hformat', 'hcopy', 'hmkdir'], 'files', 'truncate -s 4M "$IMG"; export HOME=$TMP; hformat -l CLUTCH "$IMG"; hmount "$IMG"; hmkdir :DIR; hmkdir :DIR:SUB; for f in HELLO.TXT EMPTY.TXT NUMBERS.TXT; do hcopy -r $SRC/$f :$f; done; hcopy -r $SRC/DIR/INNER.TXT :DIR:INNER.TXT; hcopy -r $SRC/DIR/SUB/DEEP.TXT :DIR:SUB:DEEP.TXT; humount'),
  row('minix1', 'minix', 'the first one, names of 30 bytes', ['mkfs.minix'], 'nothing', 'truncate -s 2M "$IMG"; mkfs.minix -1 "$IMG"', { judge: 'fsck.minix -f "$1"' }),
  row('minix2', 'minix', 'the second one', ['mkfs.minix'], 'nothing', 'truncate -s 2M "$IMG"; mkfs.minix -2 "$IMG"', { judge: 'fsck.minix -f "$1"' }),
  row('minix3', 'minix', 'the third one, names of 60 bytes', ['mkfs.minix'], 'nothing', 'truncate -s 4M "$IMG"; mkfs.minix -3 "$IMG"', { judge: 'fsck.minix -f "$1"' }),
  row('squashfs', 'squashfs', 'a live CD', ['mksquashfs'], 'tree', 'mksquashfs $SRC "$IMG" -quiet -noappend -comp xz'),
  row('erofs', 'erofs', 'a read-only system', ['mkfs.erofs'], 'tree', 'mkfs.erofs -zlz4hc "$IMG" $SRC'),
  row('romfs', 'romfs', 'the smallest one', ['genromfs'], 'files', 'genromfs -f "$IMG" -d $SRC -V CLUTCH'),
  row('cramfs', 'cramfs', 'which Debian kernels leave out', ['mkfs.cramfs'], 'tree', 'mkfs.cramfs $SRC "$IMG"'),
  row('nilfs2', 'nilfs2', 'a log of checkpoints', ['mkfs.nilfs2'], 'nothing', 'truncate -s 160M "$IMG"; mkfs.nilfs2 -q -L CLUTCH "$IMG"'),
  row('bfs', 'bfs', 'UnixWare’s boot filesystem', ['mkfs.bfs'], 'nothing', 'truncate -s 1M "$IMG"; mkfs.bfs "$IMG"'),
  row('gfs2', 'gfs2', 'a cluster’s, used by one', ['mkfs.gfs2'], 'nothing', 'truncate -s 64M "$IMG"; mkfs.gfs2 -q -O -j 1 -J 8 -p lock_nolock "$IMG"', { judge: 'fsck.gfs2 -n "$1"', tooNew: { 'linux-5.10': 'its driver knows format 1801 alone' } }),
  row('gfs2-1801', 'gfs2', 'a cluster’s in the format before 2021', ['mkfs.gfs2'], 'nothing', 'truncate -s 64M "$IMG"; mkfs.gfs2 -q -O -j 1 -J 8 -p lock_nolock -o format=1801 "$IMG"', { judge: 'fsck.gfs2 -n "$1"' }),
  row('ocfs2', 'ocfs2', 'a cluster’s, used by one', ['mkfs.ocfs2'], 'nothing', 'truncate -s 64M "$IMG"; mkfs.ocfs2 -q -F -M local -N 1 -L CLUTCH "$IMG"', { judge: 'fsck.ocfs2 -n -f "$1"' }),
  row('jffs2', 'jffs2', 'raw flash: the guest needs an mtd device', ['mkfs.jffs2'], 'tree', 'mkfs.jffs2 -r $SRC -o "$IMG" -e 0x10000 -p0x400000 -l -n'),
  row('ubifs', 'ubi', 'UBI on NOR flash, which disks can pose as', ['mkfs.ubifs', 'ubinize'], 'tree', `mkfs.ubifs -r $SRC -m 8 -e 130944 -c 60 -o $TMP/ubifs
printf '[root]\\nmode=ubi\\nimage=%s\\nvol_id=0\\nvol_size=5MiB\\nvol_type=dynamic\\nvol_name=root\\n' $TMP/ubifs >$TMP/ubi.ini; ubinize -p 128KiB -m 1 -o "$IMG" $TMP/ubi.ini; truncate -s 12M "$IMG"`, { matrix: 'ubifs' }),
  row('sysv', 'sysv', 'a PC Unix of the eighties, gone from Linux 6.15', ['python3'], 'few', 'python3 "$HERE/craft.py" sysv "$IMG"'),
  row('qnx4', 'qnx4', 'a QNX disk', ['python3'], 'few', 'python3 "$HERE/craft.py" qnx4 "$IMG"'),
  row('efs', 'efs', 'an IRIX CD', ['python3'], 'few', 'python3 "$HERE/craft.py" efs "$IMG"'),
  row('affs', 'affs', 'an Amiga floppy', ['python3'], 'nothing', 'python3 "$HERE/craft.py" affs "$IMG"'),
  row('zfs', 'zfs', 'a pool of a Solaris, with a dataset in a dataset', ['zpool', 'zfs', 'zfs-fuse'], 'tree', 'truncate -s 64M "$IMG"; bash "$HERE/zfs.sh" make "$IMG" $SRC', { kernel: true, fuse: true, judge: 'unshare --mount --propagation private bash "$HERE/zfs.sh" judge "$1"', judgedBy: 'zpool scrub' }),
  row('apfs', 'apfs', 'a Macintosh', ['mkapfs'], 'nothing', 'truncate -s 128M "$IMG"; mkapfs -L CLUTCH -U $U -u $U "$IMG"', { judge: 'apfsck "$1"' }),
  row('hfsplus', 'hfsplus', 'a Macintosh before 2017', ['python3'], 'tree', maker('hfsplus')),
  row('hfsplus-apple', 'hfsplus', 'a disk image of a Macintosh', ['python3'], 'files', `python3 "$HERE/makers/udif.py" "$IMG" "$SHARED/plaso/hfsplus_zlib.dmg"`, {
    shared: 'plaso/hfsplus_zlib.dmg', maker: 'macOS',
    // As 7-Zip lists and unpacks it.
    expects: {
      '/PASSWORDS.TXT': { size: 116, sha256: '02a2a6af2f1ecf4720d7d49d640f0d0a269a7ec733e41973bdd34f09dad0e252' },
      '/A_DIRECTORY/ANOTHER_FILE': { size: 22, sha256: 'c7fbc0e821c0871805a99584c6a384533909f68a6bbe9a2a687d28d9f3b10c16' },
      '/A_DIRECTORY/A_FILE': { size: 53, sha256: '4a49638d0e1055fd9e4c17fef7fdf4d6ccf892b6d9c2f64164203c4bfb0ec92d' },
    },
  }),
  row('v7', 'v7', 'the Unix of 1979, as PDP-11s have it', ['python3'], 'files', maker('v7')),
  row('qnx6', 'qnx6', 'a QNX 6 disk', ['python3'], 'files', maker('qnx6', 'little')),
  row('qnx6-be', 'qnx6', 'a QNX 6 disk of a big-endian machine', ['python3'], 'files', maker('qnx6', 'big')),
  row('befs', 'befs', 'a BeOS disk', ['python3'], 'files', maker('befs')),
  row('vxfs', 'vxfs', 'a UnixWare disk', ['python3'], 'files', maker('vxfs', 'little')),
  row('vxfs-be', 'vxfs', 'an HP-UX disk', ['python3'], 'files', maker('vxfs', 'big')),
  row('adfs', 'adfs', 'an Acorn disc', ['python3'], 'few', maker('adfs')),
  row('hpfs', 'hpfs', 'an OS/2 disk', ['python3'], 'files', maker('hpfs')),
  row('bcachefs', 'bcachefs', 'as it is formatted: the kernel makes the rest when it mounts it first', ['python3'], 'nothing', maker('bcachefs')),
  row('omfs', 'omfs', 'a Rio Karma', ['python3'], 'nothing', 'python3 "$HERE/craft.py" omfs "$IMG"'),
];
