/** One shape of a filesystem that operations are tried on. */
export interface Shape {
  readonly name: string;
  /** The recipe of an image to begin with, which a kernel has filled; else mke2fs makes an empty one. */
  readonly recipe?: string;
  /** As mke2fs takes them. */
  readonly options: readonly string[];
  /** As mke2fs takes it. */
  readonly size: string;
  /** As tune2fs takes them, afterwards. */
  readonly tune?: readonly string[];
  /** No nanoseconds, and no year after 2038. */
  readonly shortTimes?: boolean;
  /** Larger blocks than a kernel of 4 KiB pages mounts: debugfs tells the truth instead. */
  readonly unmountable?: boolean;
}

const shape = (name: string, size: string, options: string, more: Partial<Shape> = {}): Shape => ({ name, size, options: options.split(' '), ...more });

/** Feature sets and block sizes that differ in what the writer does. */
export const matrix: readonly Shape[] = [
  shape('ext2-1k', '16M', '-t ext2 -b 1024 -I 128', { shortTimes: true }),
  shape('ext2-2k', '16M', '-t ext2 -b 2048'),
  shape('ext2-4k-linear', '16M', '-t ext2 -b 4096 -O ^dir_index'),
  shape('ext2-no-filetype', '16M', '-t ext2 -b 1024 -O ^filetype'),
  shape('ext3-1k', '32M', '-t ext3 -b 1024'),
  shape('ext3-4k', '32M', '-t ext3 -b 4096 -I 128', { shortTimes: true }),
  shape('ext4-4k', '32M', '-t ext4 -b 4096'),
  shape('ext4-1k', '32M', '-t ext4 -b 1024'),
  shape('ext4-2k', '32M', '-t ext4 -b 2048'),
  shape('gdt-csum', '32M', '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,^64bit'),
  shape('no-checksums', '32M', '-t ext4 -b 4096 -O ^metadata_csum,^uninit_bg'),
  shape('inline-4k', '32M', '-t ext4 -b 4096 -O inline_data'),
  shape('inline-512', '32M', '-t ext4 -b 1024 -I 512 -O inline_data'),
  shape('inline-1024', '32M', '-t ext4 -b 1024 -I 1024 -O inline_data'),
  shape('bigalloc-4k', '64M', '-t ext4 -b 4096 -O bigalloc -C 16384'),
  shape('bigalloc-1k', '32M', '-t ext4 -b 1024 -O bigalloc,^resize_inode -C 8192'),
  shape('ea-inode-4k', '32M', '-t ext4 -b 4096 -O ea_inode'),
  shape('ea-inode-inline', '32M', '-t ext4 -b 1024 -O ea_inode,inline_data'),
  shape('inode-128', '32M', '-t ext4 -b 1024 -I 128', { shortTimes: true }),
  shape('block-map', '32M', '-t ext4 -b 1024 -O ^extent,^64bit'),
  shape('no-journal', '32M', '-t ext4 -b 4096 -O ^has_journal'),
  shape('meta-bg', '64M', '-t ext4 -b 1024 -O meta_bg,^resize_inode,^flex_bg'),
  shape('large-dir', '32M', '-t ext4 -b 1024 -O large_dir'),
  shape('orphan-file', '32M', '-t ext4 -b 4096 -O orphan_file,metadata_csum_seed'),
  shape('sparse-super2', '64M', '-t ext4 -b 1024 -O sparse_super2,^resize_inode -g 8192'),
  shape('old-ext4', '32M', '-t ext4 -b 4096 -O ^dir_nlink,^huge_file,^extra_isize,^metadata_csum'),
  shape('kinds', '32M', '-t ext4 -b 4096 -O encrypt,verity,fast_commit,stable_inodes'),
  shape('casefold', '32M', '-t ext4 -b 4096 -O casefold', { unmountable: true }),
  shape('hash-tea', '32M', '-t ext4 -b 1024', { tune: ['-E', 'hash_alg=tea'] }),
  shape('hash-legacy', '32M', '-t ext4 -b 1024 -O ^metadata_csum', { tune: ['-E', 'hash_alg=legacy'] }),
  shape('small', '2M', '-t ext4 -b 1024 -N 256'),
  shape('small-ext2', '1M', '-t ext2 -b 1024'),
  shape('block-8k', '64M', '-t ext4 -b 8192', { unmountable: true }),
  shape('block-64k', '128M', '-t ext4 -b 65536', { unmountable: true }),
  shape('project', '32M', '-t ext4 -b 4096 -O project,quota'),
  shape('quota-bigalloc', '32M', '-t ext4 -b 1024 -O quota,bigalloc,ea_inode,^resize_inode -C 4096'),
];

/** Images that a kernel or mke2fs has filled: what others wrote is changed. */
export const filled: readonly Shape[] = [
  'ext3', 'ext4', 'block-1k', 'inode-512', 'indirect-1k', 'extents-deep', 'unwritten', 'inline-data', 'inline-data-512', 'symlinks', 'nodes', 'names', 'htree-20000', 'xattr', 'acl', 'ea-inode',
  'bigalloc', 'dirty',
].map((recipe) => ({ name: `recipe-${recipe}`, recipe, options: [], size: '' }));
