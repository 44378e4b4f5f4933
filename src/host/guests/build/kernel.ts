import { corrupt, unsupported } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { compressionOf, decompressBytes } from './decompress.ts';
import { isElf } from './elf.ts';

/** Bytes of a kernel unpacked. Debian's have 40 to 75 MB. */
const MOST_KERNEL = 256 << 20;

/**
 * Whether an xz stream goes through more than LZMA2 (xz file format, 3.1.2: number of filters). Kernels up to 6.1 are packed with the filter for x86
 * code, which the library has not.
 */
function hasFilters(payload: Uint8Array): boolean {
  return compressionOf(payload) === 'xz' && (payload[13]! & 3) !== 0;
}

/**
 * The kernel as QEMU starts it fastest. x86: the ELF that is packed in a bzImage, for a start through PVH: unpacking it in an emulated machine
 * takes three seconds; the bzImage itself where it can't be unpacked here. arm64: the plain Image. Others as they are.
 * @throws DiskError corrupt, unsupported
 */
export async function bootableKernel(image: Uint8Array, architecture: string, job: JobContext): Promise<Uint8Array> {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (architecture === 'x86_64' || architecture === 'i386') {
    // Linux: Documentation/arch/x86/boot.rst. payload_offset counts from the end of the real-mode sectors.
    if (image.length < 0x260 || view.getUint32(0x202, true) !== 0x53726448 || view.getUint16(0x206, true) < 0x0208) throw corrupt('kernel', 'it is no bzImage of boot protocol 2.08 or later');
    const at = ((view.getUint8(0x1f1) || 4) + 1) * 512 + view.getUint32(0x248, true);
    const length = view.getUint32(0x24c, true);
    if (length < 8 || at + length > image.length) throw corrupt('kernel', 'its payload lies beyond its end');
    // Behind the packed kernel stands its length, unpacked (gzip has it within).
    const size = view.getUint32(at + length - 4, true);
    const payload = image.subarray(at, at + length);
    if (hasFilters(payload)) return image;
    const vmlinux = await unpack(payload, size, job);
    if (!isElf(vmlinux)) throw corrupt('kernel', 'what is packed in it is no ELF file');
    return vmlinux;
  }
  if (architecture === 'aarch64' && image.length >= 16) {
    // EFI's self-unpacking image (Linux: drivers/firmware/efi/libstub/zboot-header.S).
    if (view.getUint16(0, true) === 0x5a4d && view.getUint32(4, true) === 0x676d697a) {
      const at = view.getUint32(8, true);
      const length = view.getUint32(12, true);
      if (length < 8 || at + length > image.length) throw corrupt('kernel', 'its payload lies beyond its end');
      return unpack(image.subarray(at, at + length), undefined, job);
    }
    if (compressionOf(image) !== 'none') return unpack(image, undefined, job);
  }
  return image;
}

async function unpack(payload: Uint8Array, size: number | undefined, job: JobContext): Promise<Uint8Array> {
  const compression = compressionOf(payload);
  if (compression === 'none') throw unsupported('kernel compression', 'This kernel is packed in a way that is not known here (gzip, xz and zstd are)');
  if (size !== undefined && size > MOST_KERNEL) throw corrupt('kernel', `it would unpack to ${size} bytes`);
  // fzstd takes what follows a frame for another one; the length is no part of it.
  const packed = size !== undefined && compression === 'zstd' ? payload.subarray(0, -4) : payload;
  const kernel = await decompressBytes(packed, compression, 'kernel', MOST_KERNEL, job);
  if (size !== undefined && kernel.length !== size) throw corrupt('kernel', `it unpacks to ${kernel.length} bytes and should to ${size}`);
  return kernel;
}
