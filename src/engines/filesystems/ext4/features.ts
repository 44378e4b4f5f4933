import { type DiskError, unsupported } from '../../core/errors.ts';
import type { VolumeFeature } from '../../core/filesystem.ts';

/** How far we go with a feature: `refused` filesystems are not opened, `read-only` ones are not written to. */
export type Support = VolumeFeature['support'];

export interface Feature {
  /** As e2fsprogs spells it (lib/e2p/feature.c). */
  readonly name: string;
  readonly support: Support;
  /** What it changes, or why it is refused. */
  readonly what: string;
}

type Table = ReadonlyMap<number, Feature>;

const table = (rows: readonly (readonly [bit: number, name: string, support: Support, what: string])[]): Table =>
  new Map(rows.map(([bit, name, support, what]) => [bit, { name, support, what }]));

/** s_feature_compat: whoever does not know one of these may still write. By bit number. */
export const COMPAT: Table = table([
  [0, 'dir_prealloc', 'supported', 'blocks are allocated ahead for directories'],
  [1, 'imagic_inodes', 'supported', 'inodes of AFS servers'],
  [2, 'has_journal', 'supported', 'a journal; read as a map where recovery is needed'],
  [3, 'ext_attr', 'supported', 'extended attributes'],
  [4, 'resize_inode', 'supported', 'blocks kept free for a longer descriptor table'],
  [5, 'dir_index', 'supported', 'hashed directories'],
  [6, 'lazy_bg', 'read-only', 'groups not initialised (old form); only some old tools keep it right'],
  [8, 'snapshot_bitmap', 'read-only', 'exclude bitmaps of the snapshot patches, which every writer would have to keep'],
  [9, 'sparse_super2', 'supported', 'at most two backups of the superblock, in named groups'],
  [10, 'fast_commit', 'supported', 'an area for small commits at the end of the journal'],
  [11, 'stable_inodes', 'supported', 'inode numbers and the UUID do not change'],
  [12, 'orphan_file', 'supported', 'unlinked open files are listed in a file'],
]);

/** s_feature_incompat: whoever does not know one of these must not touch the filesystem. */
export const INCOMPAT: Table = table([
  [0, 'compression', 'refused', 'files compressed by the e2compr patches'],
  [1, 'filetype', 'supported', 'directory entries say the type'],
  [2, 'needs_recovery', 'supported', 'the journal has transactions that the filesystem has not'],
  [3, 'journal_dev', 'refused', 'an external journal, which has no files of its own'],
  [4, 'meta_bg', 'supported', 'descriptors are spread over the groups'],
  [6, 'extent', 'supported', 'files mapped by extents'],
  [7, '64bit', 'supported', 'more than 2^32 blocks; 64-byte descriptors'],
  [8, 'mmp', 'supported', 'protection against being mounted twice'],
  [9, 'flex_bg', 'supported', 'bitmaps and inode tables of several groups lie together'],
  [10, 'ea_inode', 'supported', 'large attribute values in inodes of their own'],
  [12, 'dirdata', 'refused', 'Lustre keeps data behind names in directories'],
  [13, 'metadata_csum_seed', 'supported', 'the seed of checksums is stored, apart from the UUID'],
  [14, 'large_dir', 'supported', 'hashed directories of three levels'],
  [15, 'inline_data', 'supported', 'small files and directories inside the inode'],
  [16, 'encrypt', 'supported', 'names and contents may be encrypted; they are shown as locked'],
  [17, 'casefold', 'supported', 'directories that ignore case'],
]);

/** s_feature_ro_compat: whoever does not know one of these may read and must not write. */
export const RO_COMPAT: Table = table([
  [0, 'sparse_super', 'supported', 'backups of the superblock only in groups 0, 1 and powers of 3, 5 and 7'],
  [1, 'large_file', 'supported', 'files of 2 GiB and more'],
  [3, 'huge_file', 'supported', 'i_blocks of 48 bits, in blocks where a file asks for it'],
  [4, 'uninit_bg', 'supported', 'descriptors with CRC-16 checksums; groups not initialised'],
  [5, 'dir_nlink', 'supported', 'more than 65,000 subdirectories'],
  [6, 'extra_isize', 'supported', 'every inode has room for nanosecond times'],
  [8, 'quota', 'supported', 'quota files as hidden inodes'],
  [9, 'bigalloc', 'supported', 'blocks are allocated in clusters'],
  [10, 'metadata_csum', 'supported', 'CRC-32C over all metadata'],
  [11, 'replica', 'read-only', 'replicas of metadata, which every writer would have to keep'],
  [12, 'read-only', 'read-only', 'marked as never to be written'],
  [13, 'project', 'supported', 'project numbers and quotas'],
  [14, 'shared_blocks', 'read-only', 'files share blocks, and a change of one would change the others'],
  [15, 'verity', 'supported', 'files whose contents are sealed by a Merkle tree'],
  [16, 'orphan_present', 'supported', 'the orphan file is not empty'],
]);

/** The words by their names in the documentation. */
const GROUPS = { compat: 'compat', incompat: 'incompat', roCompat: 'ro-compat' } as const;
const LETTERS = { compat: 'C', incompat: 'I', roCompat: 'R' } as const;

/** The feature words of a superblock, with a test for each flag that the engine asks for. */
export class Features {
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;

  constructor(compat: number, incompat: number, roCompat: number) {
    this.compat = compat;
    this.incompat = incompat;
    this.roCompat = roCompat;
  }

  get hasJournal(): boolean { return (this.compat & 0x4) !== 0; }
  get resizeInode(): boolean { return (this.compat & 0x10) !== 0; }
  get dirIndex(): boolean { return (this.compat & 0x20) !== 0; }
  get sparseSuper2(): boolean { return (this.compat & 0x200) !== 0; }
  get fastCommit(): boolean { return (this.compat & 0x400) !== 0; }
  get orphanFile(): boolean { return (this.compat & 0x1000) !== 0; }

  get filetype(): boolean { return (this.incompat & 0x2) !== 0; }
  get needsRecovery(): boolean { return (this.incompat & 0x4) !== 0; }
  get metaBg(): boolean { return (this.incompat & 0x10) !== 0; }
  get extents(): boolean { return (this.incompat & 0x40) !== 0; }
  get is64Bit(): boolean { return (this.incompat & 0x80) !== 0; }
  get mmp(): boolean { return (this.incompat & 0x100) !== 0; }
  get flexBg(): boolean { return (this.incompat & 0x200) !== 0; }
  get eaInode(): boolean { return (this.incompat & 0x400) !== 0; }
  get checksumSeed(): boolean { return (this.incompat & 0x2000) !== 0; }
  get largeDir(): boolean { return (this.incompat & 0x4000) !== 0; }
  get inlineData(): boolean { return (this.incompat & 0x8000) !== 0; }
  get casefold(): boolean { return (this.incompat & 0x20000) !== 0; }

  get sparseSuper(): boolean { return (this.roCompat & 0x1) !== 0; }
  get largeFile(): boolean { return (this.roCompat & 0x2) !== 0; }
  get hugeFile(): boolean { return (this.roCompat & 0x8) !== 0; }
  get gdtChecksum(): boolean { return (this.roCompat & 0x10) !== 0; }
  get dirNlink(): boolean { return (this.roCompat & 0x20) !== 0; }
  get extraIsize(): boolean { return (this.roCompat & 0x40) !== 0; }
  get quota(): boolean { return (this.roCompat & 0x100) !== 0; }
  get bigalloc(): boolean { return (this.roCompat & 0x200) !== 0; }
  get metadataChecksum(): boolean { return (this.roCompat & 0x400) !== 0; }
  get project(): boolean { return (this.roCompat & 0x2000) !== 0; }
  get orphanPresent(): boolean { return (this.roCompat & 0x10000) !== 0; }

  /** Names in the order of dumpe2fs: compat, incompat, ro-compat, each by bit. */
  names(): string[] {
    return this.#each().map(({ name }) => name);
  }

  /** As `names`, with what each means. */
  details(): VolumeFeature[] {
    return this.#each().map(({ name, group, support, what }) => ({ name, group, support, what }));
  }

  /** ext2, ext3 or ext4 by the rules of libblkid: what the oldest driver could be that knows all of it. */
  get variant(): 'ext2' | 'ext3' | 'ext4' {
    // filetype, needs_recovery, journal_dev, meta_bg | sparse_super, large_file, btree_dir
    if ((this.incompat & ~0x1e) !== 0 || (this.roCompat & ~0x7) !== 0) return 'ext4';
    return this.hasJournal ? 'ext3' : 'ext2';
  }

  /** @throws DiskError unsupported, with the name of the first incompatible feature that we can't read */
  refuse(): void {
    for (const { name, support, what, unknown } of this.#each()) {
      if (support !== 'refused') continue;
      throw unsupported(name, unknown ? `The filesystem uses ${name}, a feature that Clutch does not know` : `The filesystem uses ${name}: ${what}`);
    }
  }

  /** Names of those that nobody here knows, of one word or of all: e2fsck checks no filesystem that has one. */
  unknown(group?: 'compat' | 'incompat' | 'ro-compat'): string[] {
    return this.#each().filter((feature) => feature.unknown && (group === undefined || feature.group === group)).map(({ name }) => name);
  }

  /** Why a filesystem with these may not be written to: the first feature that stands against it. */
  get readOnly(): DiskError | undefined {
    const found = this.#each().find(({ support }) => support !== 'supported');
    if (found === undefined) return undefined;
    const { name, what, unknown } = found;
    return unsupported(name, unknown ? `The filesystem uses ${name}, a feature that Clutch does not know: it can only be read` : `The filesystem uses ${name} and can only be read: ${what}`);
  }

  #each(): Present[] {
    return [...flags(this.compat, COMPAT, 'compat'), ...flags(this.incompat, INCOMPAT, 'incompat'), ...flags(this.roCompat, RO_COMPAT, 'roCompat')];
  }
}

/** A feature that a filesystem has. */
interface Present extends Feature {
  readonly group: string;
  readonly unknown: boolean;
}

function* flags(word: number, known: Table, kind: keyof typeof LETTERS): Iterable<Present> {
  for (let bit = 0; bit < 32; bit++) {
    if (((word >>> bit) & 1) === 0) continue;
    const feature = known.get(bit);
    const group = GROUPS[kind];
    if (feature !== undefined) yield { ...feature, group, unknown: false };
    else yield { name: `FEATURE_${LETTERS[kind]}${bit}`, group, support: kind === 'incompat' ? 'refused' : 'read-only', what: 'not known', unknown: true };
  }
}
