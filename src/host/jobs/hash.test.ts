import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import { FaultyDevice } from '../../engines/core/bytes/faulty.ts';
import { dir, file, MemoryFileSystem, symlink } from '../../engines/testing/memory-filesystem.ts';
import { nodeJob } from '../session.ts';
import { deviceSource, fileSource, hash, HASH_ALGORITHMS } from './hash.ts';

const CHECK = new TextEncoder().encode('123456789');

describe('hash', () => {
  it('makes the published digests, all in one pass', async () => {
    expect(await hash(deviceSource(new MemoryDevice(CHECK)), HASH_ALGORITHMS, nodeJob())).toEqual({
      md5: '25f9e794323b453885f5181f1b624d0b',
      sha1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
      sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
      sha512: 'd9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85',
      crc32: 'cbf43926',
      crc32c: 'e3069283',
    });
  });

  it('is the same over pieces, and of nothing', async () => {
    const large = new Uint8Array(2 * 1024 * 1024 + 5).map((_, i) => i % 251);
    const fs = new MemoryFileSystem(dir({ f: file(large), empty: file() }));
    const job = nodeJob();
    expect(await hash(await fileSource(fs, fs.lookup(fs.root, 'f')!), ['md5', 'crc32c'], job)).toEqual(await hash(deviceSource(new MemoryDevice(large)), ['md5', 'crc32c'], job));
    expect(await hash(await fileSource(fs, fs.lookup(fs.root, 'empty')!), ['crc32c', 'md5'], job)).toEqual({ crc32c: '00000000', md5: 'd41d8cd98f00b204e9800998ecf8427e' });
  });

  it('throws what the bytes throw', async () => {
    const device = new FaultyDevice(new MemoryDevice(CHECK), { badRanges: [{ at: 3, length: 1 }] });
    await expect(hash(deviceSource(device), ['md5'], nodeJob())).rejects.toMatchObject({ fault: { kind: 'io' } });
    const fs = new MemoryFileSystem(dir({ l: symlink('x') }));
    await expect(fileSource(fs, fs.root)).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EISDIR' } });
    await expect(fileSource(fs, fs.lookup(fs.root, 'l')!)).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EINVAL' } });
  });
});
