import { describe, expect, it } from 'vitest';
import { MemoryDevice } from './bytes/memory.ts';
import { lackOf } from './lacks.ts';

/** A device with some bytes in it. */
function made(...pieces: readonly (readonly [at: number, bytes: readonly number[]])[]): MemoryDevice {
  const bytes = new Uint8Array(0x1_1000);
  for (const [at, some] of pieces) bytes.set(some, at);
  return new MemoryDevice(bytes);
}

const btrfs = (count: number, id: number): MemoryDevice => made([0x1_0088, [count]], [0x1_00c9, [id]]);
const NON_STANDARD = [...new TextEncoder().encode('ReIsEr3Fs')];

describe('what a filesystem lacks', () => {
  it('is a device of a Btrfs that has several, each counted once', () => {
    expect(lackOf([btrfs(1, 1)], 'btrfs')).toBeUndefined();
    expect(lackOf([btrfs(2, 2), btrfs(2, 1)], 'btrfs')).toBeUndefined();
    expect(lackOf([btrfs(2, 1)], 'btrfs')).toEqual({ access: 'read-only', reason: '1 of its 2 devices is missing: the filesystem is degraded' });
    expect(lackOf([btrfs(4, 1), btrfs(4, 1), btrfs(4, 3)], 'btrfs')?.reason).toContain('2 of its 4 devices are missing');
  });

  it('is a log on another device', () => {
    expect(lackOf([made([48, [0, 0, 0, 0, 0, 0, 1, 0]])], 'xfs')).toBeUndefined();
    expect(lackOf([made()], 'xfs')).toMatchObject({ access: 'refused', reason: expect.stringContaining('an external log') as string });
    expect(lackOf([made([0x8024, [0x00, 0x09, 0x20, 0x10]])], 'jfs')).toBeUndefined();
    expect(lackOf([made([0x8024, [0x00, 0x01, 0x20, 0x10]])], 'jfs')).toMatchObject({ access: 'read-only', reason: expect.stringContaining('an external log') as string });
    expect(lackOf([made([0x1_0034, [...new TextEncoder().encode('ReIsEr2Fs')]])], 'reiserfs')).toBeUndefined();
    expect(lackOf([made([0x1_0034, NON_STANDARD], [0x1_000c, [18]])], 'reiserfs')).toBeUndefined();
    expect(lackOf([made([0x1_0034, NON_STANDARD], [0x1_000c, [18]], [0x1_0010, [7, 1]])], 'reiserfs')).toMatchObject({ access: 'refused' });
    expect(lackOf([made([0x1_0034, NON_STANDARD])], 'reiserfs')).toMatchObject({ access: 'refused' });
  });

  it('is nothing where nothing can be read, and of formats that lie on one device', () => {
    for (const format of ['btrfs', 'xfs', 'jfs', 'reiserfs', 'ext4']) expect(lackOf([new MemoryDevice(new Uint8Array(40))], format), format).toBeUndefined();
    expect(lackOf([], 'xfs')).toBeUndefined();
    expect(lackOf([made([0x1_0088, Array<number>(8).fill(255)])], 'btrfs')).toBeUndefined();
  });
});
