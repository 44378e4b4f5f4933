import { describe, expect, it } from 'vitest';
import { ioError } from '../errors.ts';
import { AlignedDevice } from './aligned.ts';
import { type BlockDevice, readBytes } from './device.ts';
import { MemoryDevice } from './memory.ts';

/** A disk that refuses what Windows refuses: places and lengths that are not of whole sectors. */
function strictDisk(bytes: Uint8Array, sector: number): BlockDevice & { readonly calls: string[] } {
  const calls: string[] = [];
  const inside = (what: string, at: number, length: number): void => {
    if (at % sector !== 0 || length % sector !== 0) throw ioError(`The parameter is incorrect: ${what} of ${length} bytes at ${at}`);
    calls.push(`${what} ${at} ${length}`);
  };
  return {
    size: bytes.length, blockSize: sector, calls,
    read(at, into) {
      inside('read', at, into.length);
      into.set(bytes.subarray(at, at + into.length));
    },
    write(at, from) {
      inside('write', at, from.length);
      bytes.set(from, at);
    },
    flush: () => calls.push('flush'),
    close: () => calls.push('close'),
  };
}

const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 13);

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe.each([512, 4096])('a disk of %i-byte sectors', (sector) => {
  it('is read and written at any byte, as memory is', () => {
    const size = sector * 64;
    const [bytes, model] = [noise(size), new MemoryDevice(noise(size))];
    const device = new AlignedDevice(strictDisk(bytes, sector));
    const edges = [0, 1, sector - 1, sector, sector + 1, 2 * sector - 1, 2 * sector, 5 * sector + 7, 20 * sector, 33 * sector - 3];
    for (const at of edges) {
      for (const length of edges.filter((each) => at + each <= size)) {
        expect(isSame(readBytes(device, at, length), readBytes(model, at, length)), `read ${length} at ${at}`).toBe(true);
        const from = noise(length).map((value) => value ^ 0xa5);
        device.write!(at, from);
        model.write(at, from);
      }
    }
    expect(isSame(bytes, readBytes(model, 0, size))).toBe(true);
  });

  it('asks for whole sectors alone, and for no more than it needs', () => {
    const disk = strictDisk(noise(sector * 64), sector);
    const device = new AlignedDevice(disk);
    device.read(sector * 2, new Uint8Array(sector * 3));
    device.read(sector + 1, new Uint8Array(2));
    device.write!(sector * 4, new Uint8Array(sector * 2));
    device.write!(sector * 8 - 1, new Uint8Array(sector + 2));
    device.read(0, new Uint8Array(0));
    device.flush!();
    device.close();
    expect(disk.calls).toEqual([
      `read ${sector * 2} ${sector * 3}`, `read ${sector} ${sector}`, `write ${sector * 4} ${sector * 2}`,
      `read ${sector * 7} ${sector}`, `write ${sector * 7} ${sector}`, `write ${sector * 8} ${sector}`, `read ${sector * 9} ${sector}`, `write ${sector * 9} ${sector}`,
      'flush', 'close',
    ]);
  });
});

describe('AlignedDevice', () => {
  it('reads long ranges without a copy of them: a first sector, the middle, a last one', () => {
    const disk = strictDisk(noise(512 * 400), 512);
    const device = new AlignedDevice(disk);
    const into = new Uint8Array(512 * 300);
    device.read(511, into);
    expect(isSame(into, noise(512 * 400).subarray(511, 511 + into.length))).toBe(true);
    expect(disk.calls).toEqual(['read 0 512', `read 512 ${512 * 299}`, `read ${512 * 300} 512`]);
  });

  it('ends with its last whole sector, and refuses what lies outside', () => {
    const device = new AlignedDevice(strictDisk(noise(512 * 3 + 100), 512));
    expect(device.size).toBe(512 * 3);
    expect(() => readBytes(device, 512 * 3 - 1, 2)).toThrow(/outside the device/);
    expect(() => device.write!(512 * 3 - 1, new Uint8Array(2))).toThrow(/outside the device/);
  });

  it('has no write where the disk has none, and no places in a file', () => {
    const { write: _write, flush: _flush, ...readOnly } = strictDisk(noise(512), 512);
    const device: BlockDevice = new AlignedDevice({ ...readOnly, backing: (at) => ({ fd: 3, at }), view: () => new Uint8Array() });
    expect(device).toMatchObject({ write: undefined, flush: undefined });
    expect(device.backing ?? device.view ?? device.holes).toBeUndefined();
  });

  it.each([0, -512, 3, 1000, 2 ** 21, Number.NaN])('refuses sectors of %d bytes', (sector) => {
    expect(() => new AlignedDevice(strictDisk(noise(4096), 512), sector)).toThrow(/no sectors of/);
  });
});
