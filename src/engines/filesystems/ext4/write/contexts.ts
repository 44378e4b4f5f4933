import { corrupt } from '../../../core/errors.ts';
import type { Note } from '../../../core/filesystem.ts';
import type { DirectoryContext } from '../directory.ts';
import { inlineParts } from '../inline-data.ts';
import type { Inode } from '../inode.ts';
import { INODE_FLAGS, SUPERBLOCK_FLAGS } from '../layout.ts';
import type { Mapping } from '../mapping.ts';
import type { XattrContext } from '../xattr.ts';
import type { Volume } from './volume.ts';

/** What is damaged is read as far as it goes, but nothing is built on it. */
function refuse(note: Note): never {
  throw corrupt(note.place?.structure ?? 'filesystem', note.message, note.place?.at, note.place?.length);
}

/** What the attributes of an inode are read with while it is changed: good until its next change. Damage throws. */
export function xattrContext(volume: Volume, inode: Inode): XattrContext {
  const { superblock, transaction } = volume;
  return {
    inode: inode.node,
    generation: inode.raw.i_generation,
    raw: inode.bytes,
    rawAt: inode.at,
    extraSize: inode.extraSize,
    aclBlock: inode.aclBlock,
    blockSize: superblock.blockSize,
    block: (block) => transaction.get(block, `extended attribute block of inode ${inode.node}`),
    place: (block) => transaction.at(block),
    hasChecksum: superblock.features.metadataChecksum,
    filesystemSeed: superblock.checksumSeed,
    inodeCount: superblock.inodeCount,
    ...(superblock.features.eaInode ? { eaInode: (number: number) => eaInode(volume, number) } : {}),
    note: refuse,
  };
}

function eaInode(volume: Volume, number: number): ReturnType<NonNullable<XattrContext['eaInode']>> {
  const inode = volume.inodes.get(number);
  return {
    flags: inode.raw.i_flags,
    size: inode.size,
    generation: inode.raw.i_generation,
    hash: inode.raw.i_atime >>> 0,
    parent: inode.raw.i_mtime >>> 0,
    read: () => {
      const { blockSize } = volume.superblock;
      const value = new Uint8Array(inode.size);
      const mapping = volume.contents.mapping(number);
      for (let at = 0; at < value.length; at += blockSize) {
        const { physical, unwritten } = mapping.find(at / blockSize);
        if (physical === undefined || unwritten) throw corrupt(`inode ${number}`, 'the value of an extended attribute has a hole');
        value.set(volume.transaction.get(physical, `value in inode ${number}`).subarray(0, Math.min(blockSize, value.length - at)), at);
      }
      return value;
    },
  };
}

/** What a directory's blocks are read with while it is changed. */
export interface ChangedDirectory extends DirectoryContext {
  size: number;
  /** Where a logical block lies; undefined = hole. */
  physical(logical: number): number | undefined;
  /** Blocks were added. */
  forgetMap(): void;
}

/** As it is at this moment, for one step of an operation. Damage throws. */
export function directoryContext(volume: Volume, inode: Inode): ChangedDirectory {
  const { superblock, transaction } = volume;
  const { features, raw } = superblock;
  const { node } = inode;
  let map: Mapping | undefined;
  const physical = (logical: number): number | undefined => {
    map ??= volume.contents.mapping(node);
    const run = map.find(logical);
    return run.unwritten ? undefined : run.physical;
  };
  const context: ChangedDirectory = {
    physical,
    forgetMap: () => { map = undefined; },
    trusts: (logical) => {
      const block = physical(logical);
      return block !== undefined && transaction.changed(block) !== undefined;
    },
    inode: node,
    generation: inode.raw.i_generation,
    size: inode.size,
    flags: inode.raw.i_flags,
    blockSize: superblock.blockSize,
    blockCount: superblock.blockCount,
    block: (logical) => {
      const block = physical(logical);
      return block === undefined ? undefined : transaction.get(block, `directory block ${logical} of inode ${node}`);
    },
    place: (logical) => {
      const block = physical(logical);
      return block === undefined ? undefined : transaction.at(block);
    },
    hasFiletype: features.filetype,
    hasChecksum: features.metadataChecksum,
    checksumSeed: inode.checksumSeed,
    inodeCount: superblock.inodeCount,
    encrypted: inode.has(INODE_FLAGS.encrypt),
    casefolded: inode.has(INODE_FLAGS.casefold),
    dirIndex: features.dirIndex,
    largeDir: features.largeDir,
    hashSeed: raw.s_hash_seed,
    hashVersionDefault: raw.s_def_hash_version,
    signedness: (raw.s_flags & SUPERBLOCK_FLAGS.unsignedHash) !== 0 ? 'unsigned' : 'signed',
    note: refuse,
  };
  // Not within the rest: an object that takes in another one takes V8 longer to make than all else in here.
  return inode.has(INODE_FLAGS.inlineData) ? { ...context, inline: inlineParts(inode, xattrContext(volume, inode)) } : context;
}
