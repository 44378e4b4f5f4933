import { isDiskError } from '../../core/errors.ts';
import type { Section } from '../../core/filesystem.ts';
import type { Blocks } from './blocks.ts';
import { type DirectoryContext, INDEX_FLAG } from './directory.ts';
import { readRoot } from './dx-block.ts';
import { HASH_NAMES } from './info.ts';
import type { Inode } from './inode.ts';
import { Ext4ExtentHeader, EXTENT_MAGIC, I_BLOCK_SIZE, INODE_FLAGS } from './layout.ts';
import type { Superblock } from './superblock.ts';
import { readEncryptionContext, readInlineData, type XattrContext } from './xattr.ts';

/** What a description is made from. Nothing of it is read before it is asked for. */
export interface DescribeContext {
  readonly inode: Inode;
  readonly superblock: Superblock;
  readonly blocks: Blocks;
  /** It was deleted or cut while it was open, and is in the list of those. */
  readonly orphan: boolean;
  readonly xattrs: XattrContext;
  /** For directories. @throws DiskError */
  directory?(): DirectoryContext;
}

type Facts = Section['facts'];

/** Each bit of i_flags with its letter in lsattr (none for those that it does not show) and its meaning (e2fsprogs lib/e2p/pf.c, chattr(1)). */
const FLAGS: readonly (readonly [bit: number, name: string, letter: string, meaning: string])[] = [
  [0x1, 'Secure deletion', 's', 'its blocks are to be overwritten when it is deleted; Linux does not do so'],
  [0x2, 'Undelete', 'u', 'its contents are to be kept when it is deleted; Linux does not do so'],
  [0x4, 'Compress', 'c', 'to be stored compressed; Linux does not do so'],
  [0x8, 'Synchronous', 'S', 'every write goes to the disk at once'],
  [0x10, 'Immutable', 'i', 'nobody can change, delete, rename or link it'],
  [0x20, 'Append only', 'a', 'it can only grow at its end'],
  [0x40, 'No dump', 'd', 'dump leaves it out of backups'],
  [0x80, 'No access time', 'A', 'reading it does not change the time of access'],
  [0x200, 'Compressed', 'B', 'it has compressed blocks (e2compr)'],
  [0x800, 'Encrypted', 'E', 'its contents, or the names in it, are encrypted'],
  [0x1000, 'Indexed', 'I', 'the directory has a hash index'],
  [0x2000, 'AFS', '', 'an inode of an AFS server'],
  [0x4000, 'Data journal', 'j', 'its contents go through the journal'],
  [0x8000, 'No tail merging', 't', 'the end of the file has a block of its own'],
  [0x10000, 'Synchronous directory', 'D', 'changes of the directory go to the disk at once'],
  [0x20000, 'Top directory', 'T', 'folders in it are spread over the disk'],
  [0x40000, 'Huge file', 'h', 'its blocks are counted in blocks, not in sectors'],
  [0x80000, 'Extents', 'e', 'its blocks are mapped by extents'],
  [0x100000, 'Verity', 'V', 'its contents are sealed by a Merkle tree'],
  [0x200000, 'Attribute inode', '', 'it holds one large extended attribute'],
  [0x400000, 'Blocks past the end', '', 'it has blocks behind its end'],
  [0x2000000, 'Direct access', 'x', 'its contents are mapped from persistent memory'],
  [0x10000000, 'Inline data', 'N', 'its contents are in the inode'],
  [0x20000000, 'Inherit project', 'P', 'what is made in it gets its project number'],
  [0x40000000, 'Case folding', 'F', 'names in the directory are found in any case'],
  [0x80000000, 'Reserved', '', 'kept for ext4 itself'],
];

/** Modes of fscrypt by number (include/uapi/linux/fscrypt.h). */
const CIPHERS: ReadonlyMap<number, string> = new Map([
  [1, 'AES-256-XTS'], [4, 'AES-256-CTS'], [5, 'AES-128-CBC'], [6, 'AES-128-CTS'], [7, 'SM4-XTS'], [8, 'SM4-CTS'], [9, 'Adiantum'], [10, 'AES-256-HCTR2'],
]);

/** Names for the fifteen words of i_block where they are block numbers. */
const INDIRECT = ['Indirect block', 'Double indirect block', 'Triple indirect block'] as const;

/** What ext2, ext3 and ext4 know of an inode beyond its Stat. */
export function describeInode(context: DescribeContext): Section[] {
  const { inode } = context;
  const mapped = inode.type === 'file' || inode.type === 'dir' || inode.type === 'symlink';
  return [
    section('Inode', () => inodeFacts(context)),
    section('Flags', () => flagFacts(inode)),
    ...(mapped ? [section('Block map', () => mapFacts(context))] : []),
    ...(context.directory === undefined ? [] : [section('Directory', () => directoryFacts(context.directory!()))]),
    ...(inode.has(INODE_FLAGS.encrypt) ? [section('Encryption', () => encryptionFacts(context.xattrs))] : []),
  ].filter(({ facts }) => facts.length > 0);
}

/** Damage in one part is a fact of that part, and no reason to say nothing of the others. */
function section(title: string, facts: () => Facts): Section {
  try {
    return { title, facts: facts() };
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return { title, facts: [['Damaged', error.message]] };
  }
}

function inodeFacts({ inode, superblock, orphan }: DescribeContext): Facts {
  const { raw, checksum } = inode;
  const facts: [string, string][] = [
    ['Place', `byte ${inode.at}, in block ${Math.floor(inode.at / superblock.blockSize)} of group ${Math.floor((inode.node - 1) / superblock.inodesPerGroup)}`],
    ['Generation', `${raw.i_generation}`],
    ['Version', `${inode.version}`],
    ['Size of the inode', superblock.inodeSize > 128 ? `${superblock.inodeSize} bytes, with ${inode.extraSize} bytes of extra fields` : `${superblock.inodeSize} bytes`],
    ['Checksum', checksum === undefined ? 'none: the filesystem has no metadata checksums' : checksum.stored === checksum.computed ? `${hex(checksum.stored)}, matches` : `${hex(checksum.stored)}, should be ${hex(checksum.computed)}`],
  ];
  if (superblock.features.project) facts.push(['Project', `${inode.project}`]);
  if (inode.aclBlock !== 0) facts.push(['Attribute block', `block ${inode.aclBlock}`]);
  if (raw.i_dtime !== 0) facts.push(['Deletion time', `${raw.i_dtime}`]);
  if (orphan) facts.push(['Orphan', 'deleted or cut while it was open; the next mount cleans it up']);
  if (inode.has(INODE_FLAGS.verity)) facts.push(['Verity', 'sealed by a Merkle tree behind its end; Clutch does not check it']);
  return facts;
}

function flagFacts({ raw }: Inode): Facts {
  const flags = raw.i_flags;
  const set = FLAGS.filter(([bit]) => (flags & bit) !== 0);
  const unknown = set.reduce((rest, [bit]) => rest & ~bit, flags) >>> 0;
  if (flags === 0) return [];
  return [
    ['i_flags', hex(flags)],
    ...set.map(([, name, letter, meaning]): [string, string] => [letter === '' ? name : `${name} (${letter})`, meaning]),
    ...(unknown === 0 ? [] : [['Unknown', hex(unknown)] as const]),
  ];
}

function mapFacts({ inode, blocks, xattrs }: DescribeContext): Facts {
  if (inode.type === 'symlink' && inode.isFastSymlink) return [['Kind', 'in the inode: the target takes the place of block numbers']];
  if (inode.has(INODE_FLAGS.inlineData)) {
    const more = readInlineData(xattrs)?.length ?? 0;
    return [['Kind', 'inline'], ['In the inode', `${Math.min(inode.size, I_BLOCK_SIZE)} bytes`], ['In the attribute system.data', `${more} bytes`]];
  }
  if (inode.has(INODE_FLAGS.extents)) {
    const header = Ext4ExtentHeader.at(inode.block);
    if (header.eh_magic !== EXTENT_MAGIC) return [['Kind', 'extents'], ['Damaged', `the root's magic is ${hex(header.eh_magic)}, not ${hex(EXTENT_MAGIC)}`]];
    const { eh_depth: depth, eh_entries: entries, eh_max: most } = header;
    return [
      ['Kind', depth === 0 ? 'extents in the inode' : `a tree of extents, ${depth} ${depth === 1 ? 'level' : 'levels'} below the inode`],
      ['Entries in the inode', `${entries} of ${most}`],
    ];
  }
  const numbers = new DataView(inode.block.buffer, inode.block.byteOffset, I_BLOCK_SIZE);
  const direct = Array.from({ length: 12 }, (_, i) => numbers.getUint32(i * 4, true)).filter((number) => number !== 0).length;
  return [
    ['Kind', `block numbers, ${blocks.blockSize / 4} an indirect block`],
    ['Direct blocks', `${direct} of 12`],
    ...INDIRECT.map((name, i): [string, string] => [name, `${numbers.getUint32((12 + i) * 4, true)}`]).filter(([, value]) => value !== '0'),
  ];
}

function directoryFacts(context: DirectoryContext): Facts {
  const facts: [string, string][] = [];
  if (context.inline !== undefined) facts.push(['Kind', 'a list in the inode']);
  else if ((context.flags & INDEX_FLAG) === 0 || !context.dirIndex) facts.push(['Kind', 'a list without an index']);
  else facts.push(...indexFacts(context));
  if (context.inline === undefined) facts.push(['Blocks', `${context.size / context.blockSize}`]);
  if (context.casefolded) facts.push(['Names', context.encrypted ? 'encrypted, found in any case' : 'found in any case']);
  else if (context.encrypted) facts.push(['Names', 'encrypted']);
  return facts;
}

function indexFacts(context: DirectoryContext): [string, string][] {
  const root = readRoot(context);
  if (typeof root === 'string') return [['Kind', 'a hash index'], ['Damaged', root]];
  return [
    ['Kind', `a hash index of ${root.levels + 1} ${root.levels === 0 ? 'level' : 'levels'}`],
    ['Hash', HASH_NAMES[root.version] ?? `${root.version}`],
    ['Entries in the root', `${root.count} of ${limitOf(root.bytes, root.entriesAt)}`],
  ];
}

/** dx_countlimit.limit: the first pair's hash holds it. */
function limitOf(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** fscrypt_context_v1 and v2 (fs/crypto/fscrypt_private.h): version, modes, flags, then the key's descriptor (8 bytes) or, from byte 8 on, its identifier (16). */
function encryptionFacts(xattrs: XattrContext): Facts {
  const bytes = readEncryptionContext(xattrs);
  if (bytes === undefined) return [['Policy', 'missing: it has no encryption context']];
  const [version, contents, names] = bytes;
  const key = version === 1 && bytes.length === 28 ? bytes.subarray(4, 12) : version === 2 && bytes.length === 40 ? bytes.subarray(8, 24) : undefined;
  if (key === undefined) return [['Damaged', `an encryption context of version ${version} and ${bytes.length} bytes`]];
  return [
    ['Policy', `fscrypt version ${version}`],
    ['Contents', cipher(contents!)],
    ['Names', cipher(names!)],
    [version === 1 ? 'Key descriptor' : 'Key identifier', Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('')],
  ];
}

function cipher(mode: number): string {
  return CIPHERS.get(mode) ?? `mode ${mode}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
