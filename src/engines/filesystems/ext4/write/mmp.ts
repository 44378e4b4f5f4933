import type { BlockDevice } from '../../../core/bytes/device.ts';
import { crc32c } from '../../../codecs/crc32c.ts';
import { corrupt, DiskError } from '../../../core/errors.ts';
import { decodeName } from '../../../core/names.ts';
import { MMP_MAGIC, MMP_SEQ, MmpStruct } from '../layout.ts';
import type { Superblock } from '../superblock.ts';

/** mmp_nodename: "Clutch". */
const NAME = Uint8Array.of(0x43, 0x6c, 0x75, 0x74, 0x63, 0x68);

/**
 * Multi-mount protection while a filesystem is written to. A mount counts mmp_seq on every few seconds, for which an engine has no clock; so the
 * filesystem is marked as e2fsck marks it, with a number that stands still and that every mount and tool refuses at once
 * (kernel ext4_multi_mount_protect, libext2fs ext2fs_mmp_start).
 */
export class MultiMountProtection {
  readonly #superblock: Superblock;
  readonly #device: BlockDevice;
  readonly #at: number;

  /** @throws DiskError busy when somebody holds it, or left it without letting go; corrupt when the block is damaged */
  constructor(superblock: Superblock, device: BlockDevice) {
    const block = Number(superblock.raw.s_mmp_block);
    if (!(block > superblock.firstDataBlock && block < superblock.blockCount)) throw corrupt('MMP block', `block ${block} can't be it`);
    this.#superblock = superblock;
    this.#device = device;
    this.#at = block * superblock.blockSize;
    const mmp = MmpStruct.at(this.#read());
    if (mmp.mmp_magic !== MMP_MAGIC) throw corrupt('MMP block', `its magic is 0x${mmp.mmp_magic.toString(16)}`, this.#at, MmpStruct.size);
    if (superblock.features.metadataChecksum && mmp.mmp_checksum !== this.#checksum(mmp.$view)) throw corrupt('MMP block', 'its checksum does not match', this.#at, MmpStruct.size);
    if (mmp.mmp_seq === MMP_SEQ.clean) return;
    const name = mmp.mmp_nodename;
    const end = name.indexOf(0);
    const by = decodeName(name, 0, end < 0 ? name.length : end);
    const doing = mmp.mmp_seq > MMP_SEQ.max ? 'is being checked or changed' : 'is mounted, or was not unmounted,';
    throw new DiskError({ kind: 'busy', ...(by === '' ? {} : { by }) }, `Multi-mount protection says that the filesystem ${doing} on ${by === '' ? 'another computer' : by}`,
      'Unmount it there. If nobody uses it any more, "tune2fs -f -E clear_mmp" takes the mark away.');
  }

  /** Marks the filesystem as in use. */
  take(seconds: number): void {
    this.#write(MMP_SEQ.fsck, seconds);
  }

  /** Leaves it as an unmounted one is. */
  release(seconds: number): void {
    this.#write(MMP_SEQ.clean, seconds);
  }

  #read(): Uint8Array {
    const bytes = new Uint8Array(MmpStruct.size);
    this.#device.read(this.#at, bytes);
    return bytes;
  }

  #write(seq: number, seconds: number): void {
    const bytes = this.#read();
    const mmp = MmpStruct.at(bytes);
    mmp.mmp_seq = seq;
    mmp.mmp_time = BigInt(seconds);
    // Whoever finds it held is told by whom.
    mmp.mmp_nodename.fill(0).set(NAME);
    mmp.mmp_bdevname.fill(0);
    if (this.#superblock.features.metadataChecksum) mmp.mmp_checksum = this.#checksum(mmp.$view);
    this.#device.write!(this.#at, bytes);
    this.#device.flush?.();
  }

  #checksum(view: DataView): number {
    return crc32c(this.#superblock.checksumSeed, new Uint8Array(view.buffer, view.byteOffset, MmpStruct.fields.mmp_checksum.offset));
  }
}
