import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../engines/core/filesystem.ts';
import { dir, file, MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import { fuseDevice } from '../native/fuse-device.ts';
import { warmUp } from './fuse-warm-up.ts';

const calls = fuseDevice();

class Counted extends MemoryFileSystem {
  reads = 0;

  override read(node: NodeId, at: number, into: Uint8Array): number {
    this.reads++;
    return super.read(node, at, into);
  }
}

const tree = () => new Counted(dir({ folder: dir({ file: file(new Uint8Array(300_000)) }) }));

describe.skipIf(calls === undefined)(`a mount that is warmed up${calls === undefined ? ' (skipped: koffi does not load here)' : ''}`, () => {
  it('has had thousands of requests answered, and the process its turns between them', async () => {
    const fs = tree();
    let turns = 0;
    const counting = setInterval(() => { turns++; }, 0);
    await warmUp(calls!, fs, () => true);
    clearInterval(counting);
    expect(fs.reads).toBeGreaterThan(3000);
    expect(turns).toBeGreaterThan(0);
  });

  it('stops as soon as it is told to', async () => {
    const fs = tree();
    let asked = 0;
    await warmUp(calls!, fs, () => ++asked < 2);
    const { reads } = fs;
    expect(reads).toBeGreaterThan(0);
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(fs.reads).toBe(reads);
  });

  it('is given up where a request is answered later or goes wrong, and nothing is left over', async () => {
    const fs = tree();
    let reads = 0;
    // The first look at the tree is answered at once, what is asked of it then is not.
    const slow = Object.assign(fs, { read: () => new Promise<number>((resolve) => { reads++; setTimeout(() => resolve(0), 1); }) });
    await warmUp(calls!, slow, () => true);
    expect(reads).toBe(1);
  });
});
