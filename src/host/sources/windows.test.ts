import { describe, expect, it } from 'vitest';
import { readBytes } from '../../engines/core/bytes/device.ts';
import { GEOMETRY_SIZE, IOCTL_DISK_GET_DRIVE_GEOMETRY_EX, IOCTL_DISK_GET_LENGTH_INFO, parseGeometry, parseLength } from '../native/windows-disk.ts';
import { openWindowsDisk, type WindowsCalls } from './windows-disk.ts';
import { absolutePath, imageName, isWindowsDisk } from './windows-path.ts';

/** A bare disk as Windows gives it: whole sectors alone, and no more than it has. */
class FakeWindows implements WindowsCalls {
  readonly bytes: Uint8Array;
  readonly handles: number[] = [];
  error: string | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  geometry(): { size: number; sector: number } {
    return { size: this.bytes.length, sector: 512 };
  }

  open(): number {
    if (this.error !== undefined) throw Object.assign(new Error(this.error), { code: this.error });
    this.handles.push(7);
    return 7;
  }

  read(_fd: number, into: Uint8Array, at: number): number {
    if (this.error !== undefined) throw Object.assign(new Error(this.error), { code: this.error });
    if (at % 512 !== 0 || into.length % 512 !== 0) throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
    const part = this.bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  }

  close(): void {
    this.handles.pop();
  }
}

const noise = Uint8Array.from({ length: 512 * 5000 }, (_, i) => (i * 2_654_435_761) >>> 13);

describe('a disk of Windows', () => {
  it('is read at any byte', () => {
    const windows = new FakeWindows(noise);
    const disk = openWindowsDisk('\\\\.\\PhysicalDrive0', windows);
    expect(disk).toMatchObject({ size: noise.length, blockSize: 512, write: undefined });
    for (const [at, length] of [[0, 512], [1, 1], [511, 2], [100, 2_000_000], [noise.length - 3, 3]] as const) expect(Buffer.compare(readBytes(disk, at, length), noise.subarray(at, at + length))).toBe(0);
    disk.close();
    disk.close();
    expect(windows.handles).toEqual([]);
    expect(() => readBytes(disk, 0, 1)).toThrow(/it is closed/);
  });

  it('that can not be opened or read says why, and leaves nothing open', () => {
    const windows = new FakeWindows(noise);
    const disk = openWindowsDisk('\\\\.\\PhysicalDrive0', windows);
    windows.error = 'EIO';
    expect(() => readBytes(disk, 512, 10)).toThrow(expect.objectContaining({ kind: 'io', message: expect.stringContaining('at 512 of \\\\.\\PhysicalDrive0 failed (EIO)') as string }));
    disk.close();
    const refusal = (error: string): unknown => {
      windows.error = error;
      try {
        return openWindowsDisk('\\\\.\\PhysicalDrive0', windows);
      } catch (thrown) {
        return thrown;
      }
    };
    expect(refusal('EPERM')).toMatchObject({ fault: { kind: 'usage', errno: 'EACCES' } });
    expect(refusal('ENOENT')).toMatchObject({ fault: { kind: 'usage', errno: 'ENOENT' } });
    expect(refusal('EBUSY')).toMatchObject({ fault: { kind: 'io' } });
    expect(windows.handles).toEqual([]);
  });
});

/** CTL_CODE of winioctl.h for buffered calls: the kind of device, the access, the number. */
const code = (device: number, number: number, access: number): number => (device << 16) | (access << 14) | (number << 2);

describe('its size', () => {
  it('is asked for by the numbers of winioctl.h', () => {
    expect(IOCTL_DISK_GET_DRIVE_GEOMETRY_EX).toBe(code(7, 0x28, 0));
    expect(IOCTL_DISK_GET_LENGTH_INFO).toBe(code(7, 0x17, 1));
  });

  it('stands where DISK_GEOMETRY_EX has it', () => {
    const bytes = new Uint8Array(GEOMETRY_SIZE + 8);
    const view = new DataView(bytes.buffer);
    view.setBigInt64(0, 121_601n, true);
    view.setUint32(8, 12, true);
    view.setUint32(12, 255, true);
    view.setUint32(16, 63, true);
    view.setUint32(20, 4096, true);
    view.setBigInt64(24, 1_000_204_886_016n, true);
    expect(parseGeometry(bytes)).toEqual({ size: 1_000_204_886_016, sector: 4096 });
    expect(parseLength(bytes.subarray(24))).toBe(1_000_204_886_016);
    expect(() => parseGeometry(bytes.subarray(0, GEOMETRY_SIZE - 1))).toThrow(/31 bytes/);
    expect(() => parseLength(bytes.subarray(0, 7))).toThrow(/-1 bytes/);
    view.setUint32(20, 500, true);
    expect(() => parseGeometry(bytes)).toThrow(/sectors of 500/);
    view.setUint32(20, 512, true);
    view.setBigInt64(24, -1n, true);
    expect(() => parseGeometry(bytes)).toThrow(/-1 bytes/);
  });
});

describe('its path', () => {
  it.each(['\\\\.\\PhysicalDrive0', '\\\\.\\physicaldrive12\\', '//./PhysicalDrive0', '\\\\?\\PhysicalDrive0', '\\\\.\\Harddisk0Partition1', '\\\\.\\HarddiskVolume3', '\\\\.\\E:', '\\\\.\\CdRom0', '\\\\?\\Volume{66666666-2222-3333-4444-555555555555}'])('%s names one, on Windows', (path) => {
    expect(isWindowsDisk(path, 'win32')).toBe(true);
    expect(isWindowsDisk(path, 'linux')).toBe(false);
    expect(absolutePath(path, 'win32')).toMatch(/^\\\\\.\\[^\\/]+$/);
  });

  it.each(['C:\\disk.img', '\\\\.\\E:\\disk.img', '\\\\server\\share', '\\\\?\\C:\\disk.img', '\\\\.\\pipe\\x', 'PhysicalDrive0'])('%s names none', (path) => {
    expect(isWindowsDisk(path, 'win32')).toBe(false);
  });

  it('is its name without the namespace; other paths are as they were', () => {
    expect(imageName('\\\\.\\PhysicalDrive0', 'win32')).toBe('PhysicalDrive0');
    expect(imageName('/a/disk.img')).toBe('disk.img');
    expect(absolutePath('/a/../disk.img')).toBe('/disk.img');
  });
});
