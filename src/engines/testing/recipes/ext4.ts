/** An image that is made when the tests first want it: a bash script in the words of prelude.sh. */
export interface Recipe {
  readonly name: string;
  /** The one reason why it exists. */
  readonly why: string;
  readonly script: string;
  /** Filled through a kernel mount: made only as root. */
  readonly kernel: boolean;
  /** Filled through FUSE. */
  readonly fuse?: boolean;
  /** The file among the shared fixtures that it is made of ($SHARED), where somebody else made the image. */
  readonly shared?: string;
  /** Who tells the truth about it. "kernel" where absent. */
  readonly oracle?: 'debugfs';
  /** What the kernel must be told besides. */
  readonly mountOptions?: string;
}

function byKernel(name: string, why: string, script: string, more: Partial<Recipe> = {}): Recipe {
  return { name, why, script, kernel: true, ...more };
}

function byMke2fs(name: string, why: string, script: string, more: Partial<Recipe> = {}): Recipe {
  return { name, why, script, kernel: false, ...more };
}

const GENERATIONS = [
  byMke2fs('rev0', 'revision 0: fixed 128-byte inodes, no features at all', 'source_tree tree; mk 8M -r 0 -b 1024 -d $SRC'),
  byKernel('ext2-1k', 'ext2 as mke2fs makes it, first block 1', 'mk 16M -t ext2 -b 1024; kernel tree xattrs'),
  byKernel('ext2-4k', 'ext2 with the superblock inside block 0', 'mk 16M -t ext2 -b 4096; kernel tree'),
  byMke2fs('ext2-no-filetype', 'directory entries without types: the type comes from the inode', 'source_tree tree; mk 16M -t ext2 -b 1024 -O ^filetype,^dir_index -d $SRC'),
  byKernel('ext3', 'ext3: journal, block maps, hashed directories', 'mk 32M -t ext3; kernel tree "many 3000 0"'),
  byKernel('ext4', 'ext4 as mke2fs makes it today', 'mk 32M -t ext4; kernel tree xattrs'),
  byMke2fs('ext4-mke2fs', 'a tree written by mke2fs -d, not by a kernel', 'source_tree tree; mk 32M -t ext4 -d $SRC'),
  byKernel('ext4-upgraded', 'ext3 turned into ext4: block maps and extents side by side', 'mk 32M -t ext3 -b 1024; kernel tree; tune2fs -O extents,uninit_bg,dir_index,flex_bg $IMG >/dev/null; e2fsck -fy $IMG >/dev/null 2>&1 || true; on; mkdir $MNT/new; MNT=$MNT/new fill tree; off'),
];

const BLOCKS_AND_INODES = [
  byKernel('block-1k', '1 KiB blocks with extents and checksums', 'mk 32M -t ext4 -b 1024; kernel tree'),
  byKernel('block-2k', '2 KiB blocks', 'mk 32M -t ext4 -b 2048; kernel tree "links 2048"'),
  byMke2fs('block-8k', 'blocks above the page size of the machine', 'source_tree tree; mk 32M -t ext4 -b 8192 -d $SRC', { oracle: 'debugfs' }),
  byMke2fs('block-16k', 'blocks above the page size, block maps', 'source_tree tree; mk 32M -t ext2 -b 16384 -d $SRC', { oracle: 'debugfs' }),
  byMke2fs('block-64k', 'the greatest block size: record lengths of 65536 do not fit 16 bits', 'source_tree tree; mk 64M -t ext4 -b 65536 -d $SRC', { oracle: 'debugfs' }),
  byKernel('inode-128', 'no room for nanoseconds, creation time and xattrs in the inode', 'mk 16M -t ext4 -I 128 -b 1024; kernel tree xattrs'),
  byKernel('inode-512', '512-byte inodes', 'mk 16M -t ext4 -I 512; kernel tree xattrs'),
  byKernel('inode-1024', 'inodes as large as a block, room for long inline data', 'mk 16M -t ext4 -I 1024 -b 1024 -O inline_data; kernel inline xattrs'),
];

const FILES = [
  byKernel('indirect-1k', 'block maps up to the triple indirect block, with holes at each level', 'mk 64M -t ext4 -b 1024 -O ^extent,^64bit; kernel "indirect 1024"'),
  byKernel('indirect-4k', 'block maps with 4 KiB blocks in a filesystem with metadata checksums', 'mk 64M -t ext4 -b 4096 -O ^extent,^64bit; kernel "indirect 4096" tree'),
  byKernel('extents-deep', 'an extent tree three levels deep (30,000 fragments)', 'mk 64M -t ext4 -b 1024; kernel "fragments 30000 1024"'),
  byKernel('extents-long-1k', 'extents of 32768 blocks, where the length field looks like the mark of an unwritten one', 'mk 128M -t ext4 -b 1024 -O ^has_journal -G 32; kernel "long 72"'),
  byKernel('extents-long-4k', 'a file beyond 128 MiB, the most that one extent covers', 'mk 256M -t ext4 -b 4096 -O ^has_journal; kernel "long 160"'),
  byKernel('unwritten', 'unwritten extents, blocks beyond the end, punched, zeroed and collapsed ranges', 'mk 32M -t ext4; kernel extents'),
  byKernel('inline-data', 'files, folders and links inside their inodes, growing out of them', 'mk 16M -t ext4 -O inline_data; kernel inline'),
  byKernel('inline-data-512', 'inline data that goes on in a larger xattr area', 'mk 16M -t ext4 -O inline_data -I 512 -b 1024; kernel inline tree'),
  byKernel('symlinks', 'targets in the inode, in a block, and as long as a block', 'mk 8M -t ext4 -b 4096; kernel "links 4096"'),
  byKernel('nodes', 'device numbers in the old and the new form, fifos, sockets', 'mk 8M -t ext4; kernel nodes'),
  byKernel('times', 'every border of 34-bit seconds, nanoseconds, before 1970', 'mk 8M -t ext4 -I 256; kernel times'),
  byKernel('times-128', 'times where only 32 bits are kept', 'mk 8M -t ext4 -I 128; kernel times'),
  byKernel('owners', 'user and group numbers above 16 bits', 'mk 8M -t ext4; kernel owners'),
  byKernel('names', 'names that are not UTF-8, hold control characters, or are 255 bytes long', 'mk 16M -t ext4; kernel names'),
];

const GROUPS = [
  byKernel('descriptors-32', '32-byte group descriptors', 'mk 32M -t ext4 -b 1024 -O ^64bit; kernel tree'),
  byKernel('descriptors-64', '64-byte group descriptors without metadata checksums', 'mk 32M -t ext4 -b 1024 -O 64bit,^metadata_csum; kernel tree'),
  byKernel('no-flex-bg', 'each group holds its own bitmaps and inode table', 'mk 64M -t ext4 -b 1024 -O ^flex_bg; kernel tree'),
  byKernel('meta-bg', 'descriptors spread over meta block groups', 'mk 64M -t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode; kernel tree'),
  byKernel('meta-bg-32', 'meta block groups with small descriptors and a sparse_super ext2', 'mk 64M -t ext2 -b 1024 -g 256 -O meta_bg,^resize_inode; kernel tree'),
  byKernel('bigalloc', 'clusters of 16 blocks', 'mk 64M -t ext4 -b 1024 -O bigalloc -C 16384; kernel tree extents xattrs'),
  byKernel('bigalloc-64k', 'clusters of 64 KiB over 4 KiB blocks', 'mk 128M -t ext4 -O bigalloc -C 65536; kernel tree'),
  byKernel('sparse-super2', 'at most two backups, at named groups', 'E=num_backup_sb=2; mk 64M -t ext4 -b 1024 -O sparse_super2,^sparse_super,^resize_inode; kernel tree'),
  byKernel('no-sparse-super', 'a backup in every group', 'mk 32M -t ext4 -b 1024 -O ^sparse_super,^resize_inode; kernel tree'),
  byKernel('uninit-bg', 'groups never initialised, crc16 over the descriptors', 'mk 64M -t ext4 -b 1024 -O ^metadata_csum,uninit_bg; kernel tree'),
  byKernel('no-checksums', 'ext4 without any checksum', 'mk 32M -t ext4 -O ^metadata_csum,^uninit_bg; kernel tree'),
  byKernel('metadata-csum-seed', 'checksums seeded by a field of their own after the UUID changed', 'mk 32M -t ext4 -O metadata_csum_seed; kernel tree; tune2fs -U 11111111-2222-4333-8444-555555555555 $IMG >/dev/null 2>&1'),
  byKernel('primary-damaged', 'the primary superblock wiped out: a backup must serve', 'mk 32M -t ext4 -b 1024; kernel tree; dd if=/dev/zero of=$IMG bs=1024 seek=1 count=1 conv=notrunc status=none', { mountOptions: 'sb=8193' }),
];

const DIRECTORIES = [
  ...['legacy', 'half_md4', 'tea'].flatMap((hash) => [['signed', 1], ['unsigned', 2]].map(([sign, flag]) => byKernel(
    `htree-${hash}-${sign}`, `directory hash ${hash} over ${sign} characters`,
    `mk 16M -t ext4 -b 1024; tune2fs -E hash_alg=${hash} $IMG >/dev/null; debug "ssv flags ${flag}"; kernel "many 2500 0"`))),
  byKernel('htree-20000', 'a folder of 20,000 names: two levels of index', 'mk 32M -t ext4 -b 1024; kernel "many 20000 0"'),
  byKernel('large-dir', 'an index of three levels, which only large_dir allows', 'mk 96M -t ext4 -b 1024 -O large_dir; kernel "many 64000 255"'),
  byKernel('linear', 'a long folder without an index', 'mk 16M -t ext4 -b 1024 -O ^dir_index; kernel "many 1500 0"'),
  byKernel('deleted-names', 'folders with holes left by deleted names', 'mk 16M -t ext4 -b 1024; on; fill many 3000 0; find $MNT/many -name "*[13579]*" -delete; off'),
  byKernel('dir-nlink', 'more than 65,000 subfolders: the link count is 1', 'mk 128M -t ext4 -I 256 -i 1024 -b 1024 -O dir_nlink,inline_data,^has_journal; kernel "subfolders 65100"'),
  byMke2fs('casefold', 'names compared without case in an indexed folder', 'mkdir $SRC/cased; for i in $(seq 400); do echo $i > $SRC/cased/Name-$i-Ü; done; E=encoding=utf8; mk 16M -t ext4 -b 1024 -O casefold -d $SRC; debug "sif /cased flags 0x40080000"; e2fsck -fyD $IMG >/dev/null 2>&1 || true', { oracle: 'debugfs' }),
];

const ATTRIBUTES = [
  byKernel('xattr', 'attributes in inodes, in blocks, shared between inodes', 'mk 16M -t ext4 -I 256; kernel xattrs'),
  byKernel('xattr-block-only', 'attributes only in blocks (128-byte inodes)', 'mk 16M -t ext4 -I 128 -b 4096; kernel xattrs'),
  byKernel('ea-inode', 'attribute values in inodes of their own, shared and up to 64 KiB', 'mk 32M -t ext4 -O ea_inode; kernel large_xattrs xattrs'),
  byKernel('acl', 'access and default ACLs', 'mk 16M -t ext4; kernel acls'),
];

const FEATURES = [
  byMke2fs('quota-project', 'quota inodes are hidden, project numbers are kept', 'source_tree tree; E=quotatype=usrquota:grpquota:prjquota; mk 32M -t ext4 -O quota,project -d $SRC'),
  byKernel('verity', 'the verity feature on', 'mk 16M -t ext4; kernel tree; tune2fs -O verity $IMG >/dev/null'),
  byKernel('encrypt', 'an fscrypt folder without its key: shown as encrypted', 'mk 32M -t ext4 -b 4096 -O encrypt,stable_inodes; kernel encrypted'),
  byMke2fs('mmp', 'multiple mount protection has a block of its own', 'source_tree tree; mk 16M -t ext4 -O mmp -d $SRC'),
  byKernel('orphan-file', 'a crash with deleted open files, kept in the orphan file', 'mk 32M -t ext4 -O orphan_file; on; fill tree; exec 7<$MNT/size-300000 8<$MNT/sparse; rm $MNT/size-300000 $MNT/sparse; sync; snap; exec 7<&- 8<&-; off_to_snap'),
  byKernel('orphan-list', 'a crash with deleted open files, kept in a list of inodes', 'mk 32M -t ext4 -O ^orphan_file; on; fill tree; exec 7<$MNT/size-300000 8<$MNT/sparse; rm $MNT/size-300000 $MNT/sparse; sync; snap; exec 7<&- 8<&-; off_to_snap'),
  byKernel('stable-inodes', 'stable_inodes and huge_file on', 'mk 16M -t ext4 -O stable_inodes,huge_file; kernel tree'),
];

const JOURNALS = [
  byKernel('dirty', 'a journal to replay, checksums version 3', 'mk 32M -t ext4 -b 1024; on; fill journal; snap; off_to_snap'),
  byKernel('dirty-4k', 'a journal to replay with 4 KiB blocks', 'mk 64M -t ext4 -b 4096; on; fill journal; fill tree; sync; snap; off_to_snap'),
  byKernel('dirty-32', 'a journal with 32-bit block numbers', 'mk 32M -t ext4 -b 1024 -O ^64bit; on; fill journal; snap; off_to_snap'),
  byKernel('dirty-no-csum', 'a journal without checksums', 'mk 32M -t ext4 -b 1024 -O ^metadata_csum; on; fill journal; snap; off_to_snap'),
  byKernel('dirty-csum-v1', 'a journal with commit checksums of version 1', 'mk 32M -t ext4 -b 1024 -O ^metadata_csum; on journal_checksum; fill journal; snap; off_to_snap'),
  byKernel('dirty-data', 'file contents in the journal, escaped where they look like journal blocks', 'mk 32M -t ext4 -b 1024; on data=journal; fill journal; snap; off_to_snap'),
  byKernel('dirty-wrapped', 'a log that has gone round the end of a small journal', 'mk 32M -t ext4 -b 1024 -J size=1; on; for i in 1 2 3 4; do mkdir $MNT/r$i; MNT=$MNT/r$i fill journal; done; snap; off_to_snap'),
  byKernel('dirty-ext3', 'an ext3 journal to replay', 'mk 32M -t ext3 -b 1024; on; fill journal; snap; off_to_snap'),
  byKernel('fast-commit', 'fast commits behind the last full one', 'mk 32M -t ext4 -b 4096 -O fast_commit; on; fill tree; sync; for i in 1 2 3 4 5; do echo $i > $MNT/fc-$i; sync $MNT/fc-$i; done; snap; off_to_snap'),
];

/** Every ext2/3/4 image that the tests make, by name. */
export const recipes: readonly Recipe[] = [...GENERATIONS, ...BLOCKS_AND_INODES, ...FILES, ...GROUPS, ...DIRECTORIES, ...ATTRIBUTES, ...FEATURES, ...JOURNALS];
