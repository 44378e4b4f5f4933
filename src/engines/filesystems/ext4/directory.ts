import { crc32c } from '../../codecs/crc32c.ts';
import type { DirEntry, EntryType, ListBatch, Note } from '../../core/filesystem.ts';
import { decodeName, encodeName, type Name } from '../../core/names.ts';
import type { Cursor, NodeId } from '../../core/filesystem.ts';
import { usage } from '../../core/errors.ts';
import { sameFolded } from './casefold.ts';
import { decodeNokeyName, encodeNokeyName, matchesNokeyName } from './encrypted-names.ts';
import { hashName, type HashParameters } from './hash.ts';

/** What reading a directory needs to know of its inode and of the filesystem. */
export interface DirectoryContext {
  /** The directory's inode number and i_generation: for messages and checksums. */
  readonly inode: number;
  readonly generation: number;
  /** i_size in bytes. */
  readonly size: number;
  /** i_flags: EXT4_INDEX_FL (0x1000) says that there is a hash index. */
  readonly flags: number;
  readonly blockSize: number;
  /** A logical block of the directory; undefined = hole. */
  block(logical: number): Uint8Array | undefined;
  /** Byte offset on the device of a logical block, for notes. */
  place(logical: number): number | undefined;
  /** The first mapped logical block at or after `logical` (undefined: none), so that huge holes cost nothing. Default: every block is asked for. */
  next?(logical: number): number | undefined;
  /** Blocks of the filesystem: no sound directory has more. */
  readonly blockCount: number;
  /** For inline directories: the 60 bytes of i_block, then the value of system.data where there is one. */
  readonly inline?: readonly Uint8Array[];
  /** incompat filetype: entries carry their type. */
  readonly hasFiletype: boolean;
  /** ro-compat metadata_csum: blocks end in a checksum. */
  readonly hasChecksum: boolean;
  /** crc32c over uuid (or s_checksum_seed), inode number and generation. */
  readonly checksumSeed: number;
  /** s_inodes_count. */
  readonly inodeCount: number;
  /** EXT4_ENCRYPT_FL: names are ciphertext. */
  readonly encrypted: boolean;
  /** EXT4_CASEFOLD_FL. */
  readonly casefolded: boolean;
  /** compat dir_index. */
  readonly dirIndex: boolean;
  /** incompat large_dir: the index may be three levels deep. */
  readonly largeDir: boolean;
  /** s_hash_seed as four little-endian 32-bit numbers. */
  readonly hashSeed: readonly number[];
  /** s_def_hash_version. */
  readonly hashVersionDefault: number;
  /** s_flags EXT2_FLAGS_UNSIGNED_HASH. */
  readonly signedness: 'signed' | 'unsigned';
  /** Casefolding refuses names that are not UTF-8 (s_encoding_flags strict). */
  readonly strictEncoding?: boolean;
  note(note: Note): void;
}

/** What a lookup finds. */
export interface FoundEntry {
  readonly node: NodeId;
  readonly type: EntryType | undefined;
}
