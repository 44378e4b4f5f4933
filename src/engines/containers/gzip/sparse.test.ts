import { describe, expect, it } from 'vitest';
import { readBytes } from '../../core/bytes/device.ts';
import { SparseMemory } from '../../testing/context.ts';
import { writeSparse } from './sparse.ts';

/** A scratch device that counts the bytes written to it. */
class Counting extends SparseMemory {
  written = 0;

  override write(at: number, from: Uint8Array): void {
    this.written += from.length;
    super.write(at, from);
  }
}

describe('writeSparse', () => {
  it('writes a single byte wherever it lies, however the buffer is aligned, and no block but its own', () => {
    for (const skew of [0, 1, 2, 3, 5]) {
      for (const at of [0, 1, 4095, 8190]) {
        for (const length of [0, 1, 2, 3, 5, 4096, 9001]) {
          for (const one of new Set([0, 1, 2, 3, 4, 5, 4094, 4095, 4096, 4097, length - 2, length - 1].filter((each) => each >= 0 && each < length))) {
            const bytes = new Uint8Array(skew + length).subarray(skew);
            bytes[one] = 7;
            const scratch = new Counting(1 << 20, 1 << 20);
            writeSparse(scratch, at, bytes);
            scratch.finish(at + length);
            expect(Buffer.compare(readBytes(scratch, at, length), bytes)).toBe(0);
            expect(scratch.written).toBeLessThanOrEqual(4096);
          }
        }
      }
    }
  });

  it('writes no zeros', () => {
    const scratch = new Counting(1 << 20, 1 << 20);
    for (let length = 0; length < 40; length++) writeSparse(scratch, length * 3, new Uint8Array(length + 3).subarray(length % 5, length));
    writeSparse(scratch, 3, new Uint8Array(100_000));
    expect(scratch.written).toBe(0);
  });
});
