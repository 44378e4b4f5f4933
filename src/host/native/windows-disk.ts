import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import { ioError } from '../../engines/core/errors.ts';

/** What Windows tells of a disk. Both in bytes. */
export interface DiskGeometry {
  readonly size: number;
  readonly sector: number;
}

// winioctl.h and fileapi.h. Access FILE_ANY_ACCESS: no rights on the disk are needed to ask.
export const IOCTL_DISK_GET_DRIVE_GEOMETRY_EX = 0x000700a0;
export const IOCTL_DISK_GET_LENGTH_INFO = 0x0007405c;
const GENERIC_READ = 0x80000000;
const FILE_SHARE_READ_WRITE = 3;
const OPEN_EXISTING = 3;

/** Bytes of DISK_GEOMETRY_EX that are of use; what it has after its size is of no fixed length. */
export const GEOMETRY_SIZE = 32;
const ANSWER = 256;

/**
 * DISK_GEOMETRY_EX as winioctl.h lays it out: DISK_GEOMETRY (Cylinders int64, MediaType, TracksPerCylinder, SectorsPerTrack and BytesPerSector,
 * 32 bits each), then DiskSize int64 at 24.
 * @throws DiskError io for an answer that makes no sense
 */
export function parseGeometry(bytes: Uint8Array): DiskGeometry {
  if (bytes.length < GEOMETRY_SIZE) throw ioError(`Windows answered ${bytes.length} bytes where a disk's geometry has ${GEOMETRY_SIZE}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sector = view.getUint32(20, true);
  const size = Number(view.getBigInt64(24, true));
  if (!Number.isSafeInteger(size) || size < 0 || sector < 1 || (sector & (sector - 1)) !== 0) throw ioError(`Windows tells of a disk of ${size} bytes with sectors of ${sector}`);
  return { size, sector };
}

/** GET_LENGTH_INFORMATION: an int64. A partition's own length, where the geometry is its disk's. */
export function parseLength(bytes: Uint8Array): number {
  const length = bytes.length < 8 ? -1 : Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true));
  if (!Number.isSafeInteger(length) || length < 0) throw ioError(`Windows tells of a disk of ${length} bytes`);
  return length;
}

/**
 * Asks Windows for a disk's size and sectors. Its layouts and numbers are tested; the calls were not tried on Windows yet.
 * @throws DiskError io
 */
export function diskGeometry(path: string): DiskGeometry {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const kernel = koffi.load('kernel32.dll');
  const createFile = kernel.func('void *__stdcall CreateFileW(const char16_t *name, uint32_t access, uint32_t share, void *security, uint32_t creation, uint32_t flags, void *template)');
  const control = kernel.func('bool __stdcall DeviceIoControl(void *device, uint32_t code, void *in, uint32_t in_size, void *out, uint32_t out_size, void *returned, void *overlapped)');
  const closeHandle = kernel.func('bool __stdcall CloseHandle(void *handle)');
  const lastError = kernel.func('uint32_t __stdcall GetLastError()');
  const handle = createFile(path, GENERIC_READ, FILE_SHARE_READ_WRITE, null, OPEN_EXISTING, 0, null) as unknown;
  // INVALID_HANDLE_VALUE is -1.
  if (BigInt.asIntN(64, BigInt(koffi.address(handle) as bigint | number)) === -1n) throw ioError(`Windows does not open ${path} (error ${lastError() as number})`);
  try {
    const ask = (code: number): Uint8Array | undefined => {
      const answer = new Uint8Array(ANSWER);
      const returned = new Uint32Array(1);
      return control(handle, code, null, 0, answer, answer.length, returned, null) === true ? answer.subarray(0, returned[0]) : undefined;
    };
    const geometry = ask(IOCTL_DISK_GET_DRIVE_GEOMETRY_EX);
    if (geometry === undefined) throw ioError(`Windows does not tell the size of ${path} (error ${lastError() as number})`);
    const { size, sector } = parseGeometry(geometry);
    const length = ask(IOCTL_DISK_GET_LENGTH_INFO);
    return { size: length === undefined ? size : parseLength(length), sector };
  } finally {
    closeHandle(handle);
  }
}
