import { type BlockDevice, checkRange } from './device.ts';
import { usage } from '../errors.ts';

/** Bytes that are read at once rather than in a first sector, a middle and a last one. */
const AT_ONCE = 64 * 1024;

/**
 * A disk that takes whole sectors only, for whoever reads and writes at any byte: as Windows has it for `\\.\PhysicalDrive0` ("File Buffering", Win32),
 * and raw disks of macOS. What does not begin or end at a sector is read with the rest of it, and written back with it. A power cut tears such
 * a write where it would tear any: between two sectors.
 */
export class AlignedDevice implements BlockDevice {
  /** Whole sectors of it. */
  readonly size: number;
  readonly blockSize: number;
  /** Absent where the disk can't be written to. */
  readonly write?: (at: number, from: Uint8Array) => void;
  readonly flush?: () => void;
  readonly #disk: BlockDevice;

  /**
   * @param disk what it does not offer itself, this does not: no views, no holes, and no places in a file, from which others would read unaligned
   * @param sector bytes, a power of two
   * @throws DiskError usage EINVAL for sectors of another size
   */
  constructor(disk: BlockDevice, sector: number = disk.blockSize) {
    if (!(sector >= 1 && sector <= 1 << 20 && (sector & (sector - 1)) === 0)) throw usage('EINVAL', `A disk has no sectors of ${sector} bytes`);
    this.#disk = disk;
    this.blockSize = sector;
    this.size = disk.size - (disk.size % sector);
    if (disk.write !== undefined) this.write = (at, from) => this.#write(at, from);
    if (disk.flush !== undefined) this.flush = () => disk.flush!();
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    const sector = this.blockSize;
    const end = at + into.length;
    const head = at % sector;
    const tail = end % sector;
    if (into.length === 0) return;
    if (head === 0 && tail === 0) {
      this.#disk.read(at, into);
      return;
    }
    const first = at - head;
    const last = tail === 0 ? end : end - tail + sector;
    if (last - first <= Math.max(AT_ONCE, sector)) {
      const whole = this.#sectors(first, last - first);
      into.set(whole.subarray(head, head + into.length));
      return;
    }
    const [from, to] = [head === 0 ? at : first + sector, end - tail];
    if (head > 0) into.set(this.#sectors(first, sector).subarray(head));
    this.#disk.read(from, into.subarray(from - at, to - at));
    if (tail > 0) into.set(this.#sectors(to, sector).subarray(0, tail), to - at);
  }

  close(): void {
    this.#disk.close();
  }

  #write(at: number, from: Uint8Array): void {
    checkRange(this, at, from.length);
    const sector = this.blockSize;
    const end = at + from.length;
    for (let here = at; here < end;) {
      const head = here % sector;
      const whole = head === 0 ? end - here - ((end - here) % sector) : 0;
      if (whole > 0) {
        this.#disk.write!(here, from.subarray(here - at, here - at + whole));
        here += whole;
        continue;
      }
      const length = Math.min(sector - head, end - here);
      const bytes = this.#sectors(here - head, sector);
      bytes.set(from.subarray(here - at, here - at + length), head);
      this.#disk.write!(here - head, bytes);
      here += length;
    }
  }

  /** A copy of whole sectors. */
  #sectors(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#disk.read(at, bytes);
    return bytes;
  }
}
