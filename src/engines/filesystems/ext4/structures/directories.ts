import { crc32c } from '../../../codecs/crc32c.ts';
import { bytes, type Field, struct, type StructType } from '../../../core/layout/struct.ts';
import { type Meanings, plainStructure, type Structure, structureOf } from '../../../core/layout/annotate.ts';
import { decodeName } from '../../../core/names.ts';
import { INDEX_FLAG, recordLength } from '../directory.ts';
import { Ext4DirEntry, Ext4DirEntry2, Ext4DirEntryTail, Ext4DxCountLimit, Ext4DxEntry, Ext4DxRootInfo } from '../directory-layout.ts';
import { dxRootMeanings, entryMeanings, tailMeanings } from '../meanings.ts';

/** A block of a directory, as far as its entries need it. */
export interface DirectoryBlock {
  /** The directory's inode number. */
  readonly node: number;
  /** Logical block. */
  readonly logical: number;
  /** i_flags. */
  readonly flags: number;
  readonly bytes: Uint8Array;
  /** Byte offset on the device. */
  readonly at: number;
  readonly hasFiletype: boolean;
  /** What the block's checksum starts from; undefined without metadata_csum. */
  readonly checksumSeed: number | undefined;
}

const HEADER = Ext4DirEntry2.size;
const TYPE_CHECKSUM = 0xde;
/** dx_root: behind the entries "." and "..". dx_node: behind one empty entry. */
const ROOT_INFO_AT = 24;
const NODE_ENTRIES_AT = 8;

type NamedEntry = typeof Ext4DirEntry2.fields & { readonly name: Field<Uint8Array> };
/** The declaration with a name of so many bytes: one for each length. */
const NAMED: (StructType<NamedEntry> | undefined)[] = [];

function namedEntry(length: number): StructType<NamedEntry> {
  return (NAMED[length] ??= struct(Ext4DirEntry2.name, HEADER + length, { ...Ext4DirEntry2.fields, name: bytes(HEADER, length) }));
}

const namedMeanings: Meanings<NamedEntry> = { ...entryMeanings, name: (name) => `"${decodeName(name)}"` } as Meanings<NamedEntry>;

/** True for a block that begins as the first of a directory does: with "." of its own. */
export function beginsDirectory(block: Uint8Array): boolean {
  return block.length >= 24 && block[4] === 12 && block[5] === 0 && block[6] === 1 && block[8] === 0x2e && block[9] === 0 && block[18] === 2 && block[20] === 0x2e && block[21] === 0x2e;
}

/** The entries of a block, up to the first that cannot be one. */
export function* directoryStructures(block: DirectoryBlock): Iterable<Structure> {
  const { bytes: all, at, node, logical } = block;
  yield plainStructure(at, all.length, `directory block ${logical} of inode ${node}`);
  const view = new DataView(all.buffer, all.byteOffset, all.length);
  const hashed = (block.flags & INDEX_FLAG) !== 0;
  for (let from = 0; from + HEADER <= all.length;) {
    const length = recordLength(view.getUint16(from + 4, true), all.length);
    // The kernel's own rule (ext4_check_dir_entry): what is behind a wrong length are no entries.
    if (length < HEADER || length % 4 !== 0 || from + length > all.length) return;
    const named = block.hasFiletype ? all[from + 6]! : Math.min(255, view.getUint16(from + 6, true));
    const unused = view.getUint32(from, true) === 0;
    // Only at the end of the block: the checksum is one of all that is before it, and a crafted block has thousands of such entries.
    if (unused && length === Ext4DirEntryTail.size && from + length === all.length && all[from + 7] === TYPE_CHECKSUM) {
      const computed = block.checksumSeed === undefined ? 0 : crc32c(block.checksumSeed, all, 0, from);
      const tail = structureOf(Ext4DirEntryTail, all, from, at + from, `checksum of directory block ${logical} of inode ${node}`, tailMeanings(computed));
      if (tail !== undefined) yield tail;
    } else if (unused && hashed && from === 0 && length === all.length) {
      yield* indexStructures(block, NODE_ENTRIES_AT);
      return;
    } else if (HEADER + named <= length) {
      yield* entryStructures(block, from, length, named, unused);
      // In the first block of a hashed directory the index lies inside "..", which fills the block.
      if (hashed && logical === 0 && from === 12) {
        const info = structureOf(Ext4DxRootInfo, all, ROOT_INFO_AT, at + ROOT_INFO_AT, `hash index of directory inode ${node}`, dxRootMeanings);
        if (info !== undefined) yield info;
        yield* indexStructures(block, ROOT_INFO_AT + Ext4DxRootInfo.size);
        return;
      }
    }
    from += length;
  }
}

function* entryStructures(block: DirectoryBlock, from: number, length: number, named: number, unused: boolean): Iterable<Structure> {
  const { bytes: all, at } = block;
  const name = unused ? 'unused directory entry' : `directory entry "${decodeName(all, from + HEADER, from + HEADER + named)}"`;
  const entry = block.hasFiletype ? structureOf(namedEntry(named), all, from, at + from, name, namedMeanings) : structureOf(Ext4DirEntry, all, from, at + from, name);
  if (entry !== undefined) yield { ...entry, length };
}

/** dx_countlimit and the pairs behind it: as many as it counts, and no more than fit. */
function* indexStructures(block: DirectoryBlock, from: number): Iterable<Structure> {
  const { bytes: all, at, node } = block;
  const head = structureOf(Ext4DxCountLimit, all, from, at + from, `index entry 0 of directory inode ${node}`);
  if (head === undefined) return;
  yield head;
  const { count } = Ext4DxCountLimit.at(all, from);
  for (let i = 1; i < count; i++) {
    const place = from + i * Ext4DxEntry.size;
    const entry = structureOf(Ext4DxEntry, all, place, at + place, `index entry ${i} of directory inode ${node}`);
    if (entry === undefined) return;
    yield entry;
  }
}
