import type { BlockDevice, Extent } from '../../core/bytes/device.ts';
import { usage } from '../../core/errors.ts';
import { encodeName } from '../../core/names.ts';
import { RequestError } from './errors.ts';
import { ERROR, MOST_STRING } from './layout.ts';

/** A device that clients can open by name. */
export interface NbdExport {
  /** UTF-8, at most 4096 bytes; '' is the one that is opened by clients that name none. */
  readonly name: string;
  /** For people, in lists of exports; at most 4096 bytes. */
  readonly description?: string;
  readonly device: BlockDevice;
  /** A device that can't be written to is read-only all the same. */
  readonly readOnly: boolean;
  /** Told after bytes were written (or zeroed), before the client is told. Byte offset and length on the device. */
  readonly onWrite?: (at: number, length: number) => void;
}

/** Bytes of a sector as QEMU counts a disk. */
const SECTOR = 512;

/** @throws DiskError usage EINVAL for names and descriptions that clients can't be told, or two of one name */
export function checkExports(exports: readonly NbdExport[]): void {
  for (const { name, description = '' } of exports) {
    if (encodeName(name).length > MOST_STRING || encodeName(description).length > MOST_STRING) throw usage('EINVAL', `Names and descriptions of exports have ${MOST_STRING} bytes at most`);
  }
  if (new Set(exports.map(({ name }) => name)).size < exports.length) throw usage('EINVAL', 'Two exports have the same name');
}

/** Bytes that are zeroed in one go. */
const ZEROS = new Uint8Array(256 * 1024);

/**
 * A device as its clients see it. QEMU counts a disk in sectors of 512 bytes: one that ends in the middle of a sector is served with zeros up to
 * the sector's end. They can be read, and written as what they are; other bytes there are refused, as nothing would keep them.
 */
export class ExportedDevice {
  readonly name: string;
  readonly description: string;
  /** Bytes, a multiple of 512. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Bytes; a power of two, at least 512. */
  readonly preferredBlockSize: number;
  readonly #device: BlockDevice;
  readonly #onWrite: ((at: number, length: number) => void) | undefined;

  constructor({ name, description = '', device, readOnly, onWrite }: NbdExport) {
    this.name = name;
    this.description = description;
    this.#device = device;
    this.#onWrite = onWrite;
    this.size = Math.ceil(device.size / SECTOR) * SECTOR;
    this.readOnly = readOnly || device.write === undefined;
    // A page of an overlay, the block of most filesystems; devices of larger blocks have theirs.
    const { blockSize } = device;
    this.preferredBlockSize = blockSize > 4096 && Number.isInteger(Math.log2(blockSize)) ? Math.min(blockSize, 1024 * 1024) : 4096;
  }

  /** Whether the range lies inside. Offsets of a client may be anything up to 2^64. */
  holds(at: number, length: number): boolean {
    return at + length <= this.size && Number.isSafeInteger(at);
  }

  /** Fills `into`; the range lies inside. @throws DiskError as the device does */
  read(at: number, into: Uint8Array): void {
    const there = this.#onDevice(at, into.length);
    if (there > 0) this.#device.read(at, there === into.length ? into : into.subarray(0, there));
    if (there < into.length) into.fill(0, there);
  }

  /** The bytes without a copy, where the device has them in memory. */
  view(at: number, length: number): Uint8Array | undefined {
    return this.#onDevice(at, length) === length ? this.#device.view?.(at, length) : undefined;
  }

  /** The range lies inside. @throws RequestError for bytes past the device's end; DiskError as the device does */
  write(at: number, from: Uint8Array): void {
    const there = this.#onDevice(at, from.length);
    if (from.subarray(there).some((byte) => byte !== 0)) throw new RequestError(ERROR.ENOSPC, `The disk ends at byte ${this.#device.size}, inside its last sector; what is after that can only be zero`);
    if (there === 0) return;
    this.#device.write!(at, there === from.length ? from : from.subarray(0, there));
    this.#onWrite?.(at, there);
  }

  /** Makes zeros of the first bytes of the range, which lies inside. @returns how many */
  zero(at: number, length: number): number {
    const count = Math.min(length, ZEROS.length - (at % SECTOR));
    this.write(at, ZEROS.subarray(0, count));
    return count;
  }

  flush(): void {
    this.#device.flush?.();
  }

  /** Ranges that read as zeros, in order, none empty. */
  *holes(at: number, length: number): Iterable<Extent> {
    const there = this.#onDevice(at, length);
    const tail: Extent = { at: at + there, length: length - there };
    let end = at;
    if (there > 0) {
      for (const hole of this.#device.holes?.(at, there) ?? []) {
        if (hole.length > 0) yield hole;
        end = hole.at + hole.length;
      }
    }
    // Zeros after the end of the device are known; a sector that is data up to there stays one piece.
    if (tail.length > 0 && (end === tail.at || tail.at % SECTOR === 0)) yield tail;
  }

  /** How many bytes of a range lie on the device. */
  #onDevice(at: number, length: number): number {
    return Math.max(0, Math.min(length, this.#device.size - at));
  }
}
