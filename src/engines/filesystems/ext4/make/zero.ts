import { type BlockDevice, readBytes } from '../../../core/bytes/device.ts';

/** Bytes that are looked at, or written as zeros, at once. */
const PIECE = 1024 * 1024;

/** Makes bytes zero; what is zero already (a new file's holes) is left alone. */
export function zero(device: BlockDevice, at: number, length: number): void {
  for (let done = 0; done < length; done += PIECE) {
    const size = Math.min(PIECE, length - done);
    if (isHole(device, at + done, size)) continue;
    if (!isZero(readBytes(device, at + done, size))) device.write!(at + done, new Uint8Array(size));
  }
}

function isHole(device: BlockDevice, at: number, length: number): boolean {
  let end = at;
  for (const hole of device.holes?.(at, length) ?? []) {
    if (hole.at > end) return false;
    end = hole.at + hole.length;
  }
  return end >= at + length;
}

function isZero(bytes: Uint8Array): boolean {
  const whole = bytes.length & ~7;
  // Four bytes at a time where the view lies so that it can be: a new disk is read as fast as memory.
  if (bytes.byteOffset % 8 === 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, whole / 4);
    for (let i = 0; i < words.length; i++) {
      if (words[i] !== 0) return false;
    }
    return bytes.subarray(whole).every((byte) => byte === 0);
  }
  return bytes.every((byte) => byte === 0);
}
