import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { libc } from '../native/libc.ts';
import { FileDevice } from './file.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const MIB = 1024 * 1024;

/** A sparse file of 16 MiB with data at these places, a MiB each. */
function sparse(name: string, ...places: readonly number[]): string {
  const path = join(scratch.path, name);
  writeFileSync(path, '');
  truncateSync(path, 16 * MIB);
  const fd = openSync(path, 'r+');
  for (const at of places) writeSync(fd, new Uint8Array(MIB).fill(7), 0, MIB, at);
  closeSync(fd);
  return path;
}

describe('the holes of a file', () => {
  it.skipIf(libc() === undefined)('are those that the system tells, in the range that is asked for', () => {
    const device = new FileDevice(sparse('some', 0, 4 * MIB, 15 * MIB), { write: true });
    const holes = (at: number, length: number) => [...device.holes!(at, length)].map((hole) => [hole.at / MIB, hole.length / MIB]);
    expect(holes(0, 16 * MIB)).toEqual([[1, 3], [5, 10]]);
    expect(holes(2 * MIB, MIB)).toEqual([[2, 1]]);
    expect(holes(3 * MIB, 3 * MIB)).toEqual([[3, 1], [5, 1]]);
    expect(holes(4 * MIB, MIB)).toEqual([]);
    // What was just written is none any more, synced or not.
    device.write!(8 * MIB, new Uint8Array(MIB).fill(1));
    expect(holes(0, 16 * MIB)).toEqual([[1, 3], [5, 3], [9, 6]]);
    device.close();
  });

  it('are none where all of it has blocks, and none of a file that was cut: what is gone is no zeros', () => {
    const whole = join(scratch.path, 'whole');
    writeFileSync(whole, new Uint8Array(MIB).fill(3));
    const one = new FileDevice(whole);
    expect([...one.holes!(0, MIB)]).toEqual([]);
    one.close();
    const path = sparse('cut', 0);
    const other = new FileDevice(path);
    truncateSync(path, 2 * MIB);
    expect([...other.holes!(0, 16 * MIB)]).toEqual([]);
    other.close();
  });
});
