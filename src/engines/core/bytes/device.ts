import { ioError } from '../errors.ts';

/** A run of bytes on a device. Both in bytes. */
export interface Extent {
  readonly at: number;
  readonly length: number;
}

/**
 * Bytes with positions: synchronous, positional, exact. Everything that an engine reads
 * comes through one of these. Sizes and offsets are safe integers (at most 2^53).
 */
export interface BlockDevice {
  /** Size in bytes. */
  readonly size: number;
  /** The logical block size in bytes: the alignment that writes prefer. 512 where nothing better is known. */
  readonly blockSize: number;
  /**
   * Fills all of `into` from byte `at`.
   * @throws DiskError 'io' when the range is not wholly inside the device or cannot be read
   */
  read(at: number, into: Uint8Array): void;
  /**
   * The same bytes without a copy, where the device holds them in memory. The view is read-only by
   * agreement and stays valid (its buffer is never reused), but shows old bytes after a write.
   * Absent, or returning undefined, where a copy would be needed anyway.
   */
  view?(at: number, length: number): Uint8Array | undefined;
  /** Absent = read-only. */
  write?(at: number, from: Uint8Array): void;
  /** All earlier writes are durable when it returns. */
  flush?(): void;
  /** Ranges inside [at, at + length) that are known to read as zeros, in order. */
  holes?(at: number, length: number): Iterable<Extent>;
  /**
   * Where the bytes of [at, at + length) lie in a file of the host, when they lie there one to one:
   * lets the host copy in the kernel. Absent where the bytes are made (decompressed, decrypted, mapped).
   */
  backing?(at: number, length: number): Backing | undefined;
  close(): void;
}

/** A range that lies unchanged in an open file of the host. */
export interface Backing {
  /** The host's own number for the open file. */
  readonly fd: number;
  /** Byte offset in that file. */
  readonly at: number;
}

/** Throws unless [at, at + length) lies inside the device. */
export function checkRange(device: { readonly size: number }, at: number, length: number): void {
  // Written so that NaN and fractions fail too: offsets computed from a hostile image may be anything.
  if (!(at >= 0 && length >= 0 && at + length <= device.size) || !Number.isSafeInteger(at)) {
    throw ioError(`Read of ${length} bytes at ${at} is outside the device of ${device.size} bytes`, { structure: 'device', at, length });
  }
}

/** Reads `length` bytes at `at` into a fresh array (or a view where the device offers one). */
export function readBytes(device: BlockDevice, at: number, length: number): Uint8Array {
  checkRange(device, at, length);
  const view = device.view?.(at, length);
  if (view !== undefined) return view;
  const bytes = new Uint8Array(length);
  device.read(at, bytes);
  return bytes;
}
