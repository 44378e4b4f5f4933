import type { Note } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';

/** An inode that holds one large value (incompat ea_inode). */
export interface EaInode {
  /** i_flags: EXT4_EA_INODE_FL must be set. */
  readonly flags: number;
  readonly size: number;
  readonly generation: number;
  /** i_atime's low 32 bits: the crc32c of the value, seeded with the filesystem's seed. */
  readonly hash: number;
  /** i_mtime's low 32 bits: in Lustre's older form the number of the owner. */
  readonly parent: number;
  /** The whole value. */
  read(): Uint8Array;
}

/** What reading an inode's extended attributes needs. */
export interface XattrContext {
  readonly inode: number;
  readonly generation: number;
  /** The whole on-disk inode (s_inode_size bytes), and where it lies on the device (bytes). */
  readonly raw: Uint8Array;
  readonly rawAt: number;
  /** i_extra_isize; 0 for 128-byte inodes. */
  readonly extraSize: number;
  /** i_file_acl with its high part; 0 = no block. */
  readonly aclBlock: number;
  readonly blockSize: number;
  /** The filesystem block `block`, and its byte offset on the device. @throws DiskError */
  block(block: number): Uint8Array;
  place(block: number): number;
  readonly hasChecksum: boolean;
  /** s_checksum_seed or crc32c(~0, uuid): also without metadata_csum, the values in ea_inodes are hashed with it. */
  readonly filesystemSeed: number;
  readonly inodeCount: number;
  /** Absent when the filesystem has not the ea_inode feature. */
  eaInode?(inode: number): EaInode;
  note(note: Note): void;
}

/** One attribute. */
export interface Xattr {
  readonly name: Name;
  /** Bytes, on disk. */
  readonly size: number;
  /** As the Linux kernel hands it out: ACLs as version 2. @throws DiskError corrupt */
  value(): Uint8Array;
}
