import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { TAR_END, tarHead } from '../../../engines/archives/tar/entry.ts';
import { isDiskError } from '../../../engines/core/errors.ts';
import { nodeJob } from '../../session.ts';
import { writeCpio } from './cpio.ts';
import { type DebFile, mergedPath, readDeb, readTar } from './deb.ts';
import { type Compression, decompressBytes } from './decompress.ts';
import { Elf } from './elf.ts';
import { busyboxApplets } from './initramfs.ts';
import { bootableKernel } from './kernel.ts';
import { moduleName, Modules, readModinfo, withoutSignature } from './modules.ts';
import { makeAr, makeBzImage, makeDeb } from './testing/archive.ts';
import { makeElf } from './testing/elf.ts';
import { compareVersions } from './version.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-test-deb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const job = nodeJob();

function deb(bytes: Uint8Array): Promise<Map<string, DebFile>> {
  const file = join(folder, 'a.deb');
  writeFileSync(file, bytes);
  return readDeb(file, 'a', () => true, job);
}

/** The same random numbers each time (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

/** Changes some bytes and sometimes cuts the end. */
function mutated(bytes: Uint8Array, next: () => number): Buffer {
  const changed = Buffer.from(bytes);
  for (let i = 0; i < 1 + next() * 8; i++) changed[Math.floor(next() * Math.min(changed.length, 400))] = Math.floor(next() * 256);
  return next() < 0.3 ? changed.subarray(0, Math.floor(next() * changed.length)) : changed;
}

/** Runs a reader on a thousand damaged copies: it returns or throws a DiskError. */
async function expectSurvival(bytes: Uint8Array, read: (damaged: Buffer) => unknown): Promise<void> {
  const next = random(7);
  for (let i = 0; i < 1000; i++) {
    try {
      await read(mutated(bytes, next));
    } catch (error) {
      if (!isDiskError(error)) throw error;
    }
  }
}

/** A tar of one member without contents. */
async function* tar(path: string, size = 0): AsyncGenerator<Uint8Array> {
  yield tarHead({ path, type: 'file', mode: 0o644, uid: 0, gid: 0, size, mtime: 0n }).bytes;
  yield TAR_END;
}

/** A module that depends on another. */
function moduleOf(name: string, depends: string): DebFile {
  return { path: `${name}.ko`, mode: 0o644, bytes: makeElf({ modinfo: [`depends=${depends}`] }) };
}

describe('packages', () => {
  it('are read, with their links', async () => {
    const files = await deb(makeDeb({ 'bin/a': Buffer.from('A'), 'usr/lib/b': { link: '../c' } }));
    expect([...files.values()]).toEqual([{ path: 'usr/bin/a', mode: 0o755, bytes: Buffer.from('A') }, { path: 'usr/lib/b', mode: 0o777, target: '../c' }]);
  });

  it('are refused when they are none, are cut, or are packed in an unknown way', async () => {
    await expect(deb(Buffer.from('PK'))).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(deb(makeAr([['debian-binary', Buffer.from('2.0\n')]]))).rejects.toMatchObject({ message: expect.stringContaining('has no data.tar') as string });
    await expect(deb(makeAr([['data.tar.lzma', Buffer.from('x')]]))).rejects.toMatchObject({ kind: 'unsupported' });
    await expect(deb(makeDeb({ a: Buffer.alloc(9000, 'ab') }).subarray(0, -40))).rejects.toMatchObject({ kind: 'corrupt' });
    const long = Buffer.from(makeAr([['data.tar', Buffer.from('x')]]));
    long.write('9999999999', 8 + 48);
    await expect(deb(long)).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('are refused when a name leads out, and when they are greater than is taken', async () => {
    await expect(readTar(tar('../../etc/passwd'), 'a', () => true, job)).rejects.toMatchObject({ message: expect.stringContaining('leads out') as string });
    await expect(readTar(tar('a', 2 ** 34), 'a', () => true, job)).rejects.toMatchObject({ kind: 'unsupported' });
    expect(mergedPath('/lib/x')).toBe('usr/lib/x');
  });

  it('survive any damage', () => expectSurvival(makeDeb({ 'usr/bin/a': Buffer.from('AAAA'), b: { link: 'c' } }), deb));
});

describe('decompression', () => {
  const text = Buffer.alloc(300_000, 'clutch ');
  // `printf 'clutch\n' | xz`, and `| zstd`.
  const xz = Buffer.from('/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAGY2x1dGNoCgAAkB3M45i+w7cAAR8HFi64cx+2830BAAAAAARZWg==', 'base64');
  const zstd = Buffer.from('KLUv/QRYOQAAY2x1dGNoCmL9g1c=', 'base64');

  it('ends at the limit: a small file can unpack to anything', async () => {
    await expect(decompressBytes(gzipSync(text), 'gzip', 'x', 1000, job)).rejects.toMatchObject({ kind: 'unsupported' });
    expect((await decompressBytes(gzipSync(text), 'gzip', 'x', text.length, job)).length).toBe(text.length);
    for (const [bytes, compression] of [[xz, 'xz'], [zstd, 'zstd']] as const) expect(Buffer.from(await decompressBytes(bytes, compression, 'x', 7, job)).toString()).toBe('clutch\n');
  });

  it.each<Compression>(['gzip', 'xz', 'zstd'])('refuses what is cut or is none: %s', async (compression) => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('nothing of the kind'), gzipSync(text).subarray(0, 200), xz.subarray(0, 30), zstd.subarray(0, -3)]) {
      await expect(decompressBytes(bytes, compression, 'x', 1e6, job)).rejects.toMatchObject({ kind: 'corrupt' });
    }
  });

  it('goes on with another xz stream after one that failed or was left', async () => {
    for (let i = 0; i < 3; i++) {
      await expect(decompressBytes(xz.subarray(0, 40), 'xz', 'x', 1e6, job)).rejects.toMatchObject({ kind: 'corrupt' });
      await expect(decompressBytes(xz, 'xz', 'x', 3, job)).rejects.toMatchObject({ kind: 'unsupported' });
    }
    await expectSurvival(xz, (bytes) => decompressBytes(bytes, 'xz', 'x', 1e6, job));
  });
});

describe('ELF files and modules', () => {
  const module = makeElf({ modinfo: ['name=a', 'depends=b,c-d', 'softdep=pre: e f post: g', 'alias=x', 'alias=y'] });

  it('tell what they need', () => {
    expect(new Elf(makeElf({ needed: ['libc.so.6', 'libm.so.6'], interpreter: '/lib/ld.so' }), 'x').needed()).toEqual(['libc.so.6', 'libm.so.6']);
    expect(new Elf(makeElf({ interpreter: '/lib/ld.so' }), 'x').interpreter()).toBe('/lib/ld.so');
    expect(readModinfo(module, 'x').get('alias')).toEqual(['x', 'y']);
    expect(moduleName('kernel/a/crc32c-intel.ko.xz')).toBe('crc32c_intel');
  });

  it('survive any damage', async () => {
    await expectSurvival(module, (bytes) => readModinfo(bytes, 'x'));
    await expectSurvival(makeElf({ needed: ['libc.so.6'], interpreter: '/lib/ld.so' }), (bytes) => {
      const elf = new Elf(bytes, 'x');
      return [elf.needed(), elf.interpreter(), elf.section('.modinfo')];
    });
  });

  it('lose their signature, and no more than that', () => {
    const tail = Buffer.alloc(12);
    tail.writeUInt32BE(5, 8);
    const signed = Buffer.concat([module, Buffer.from('12345'), tail, Buffer.from('~Module signature appended~\n')]);
    expect(Buffer.from(withoutSignature(signed, 'x')).equals(module)).toBe(true);
    expect(withoutSignature(module, 'x')).toBe(module);
    tail.writeUInt32BE(0xffffffff, 8);
    expect(() => withoutSignature(Buffer.concat([tail, Buffer.from('~Module signature appended~\n')]), 'x')).toThrow(/longer than it/);
  });

  it('do not turn in circles', async () => {
    const modules = new Modules([moduleOf('a', 'b'), moduleOf('b', 'c'), moduleOf('c', 'a'), moduleOf('d', 'gone')], '', job);
    await expect(modules.closure(['a'])).rejects.toMatchObject({ message: expect.stringContaining('a → b → c → a') as string });
    await expect(modules.closure(['d'])).rejects.toMatchObject({ message: 'This kernel has no module gone, which d needs' });
  });
});

describe('kernels', () => {
  it('are unpacked, or left as they are where that is right', async () => {
    expect(Buffer.from(await bootableKernel(makeBzImage(), 'x86_64', job)).subarray(1, 4).toString()).toBe('ELF');
    const plain = Buffer.alloc(100, 1);
    expect(await bootableKernel(plain, 's390x', job)).toBe(plain);
    expect(await bootableKernel(plain, 'aarch64', job)).toBe(plain);
    expect(Buffer.from(await bootableKernel(gzipSync(plain), 'aarch64', job)).equals(plain)).toBe(true);
    // An xz stream whose block says two filters.
    const filtered = makeBzImage(Buffer.concat([Buffer.from('fd377a585a000001', 'hex'), Buffer.from('6922de3603c1', 'hex'), Buffer.alloc(40)]));
    expect(await bootableKernel(filtered, 'x86_64', job)).toBe(filtered);
  });

  it('are refused when they are none, and survive any damage', async () => {
    await expect(bootableKernel(Buffer.alloc(9000), 'x86_64', job)).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(bootableKernel(makeBzImage(gzipSync('no kernel')), 'x86_64', job)).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(bootableKernel(makeBzImage(Buffer.alloc(64, 7)), 'x86_64', job)).rejects.toMatchObject({ kind: 'unsupported' });
    await expectSurvival(makeBzImage(), (bytes) => bootableKernel(bytes, 'x86_64', job));
  });
});

describe('the rest', () => {
  it('writes no path that leads anywhere else', () => {
    for (const path of ['../x', '/x', 'a//b', 'a/./b', 'a\0b']) expect(() => writeCpio(new Map([[path, { type: 'dir', mode: 0o755 }]])), path).toThrow(/no path/);
  });

  it('finds no applets where none are', () => {
    expect(() => busyboxApplets(Buffer.from('[\0[[\0'))).toThrow(/not found/);
    expect(() => busyboxApplets(Buffer.alloc(5000))).toThrow(/not found/);
  });

  it('orders versions as dpkg does', () => {
    for (const [a, b] of [['1', '2'], ['1.9', '1.10'], ['1~rc1', '1'], ['1', '1a'], ['9', '1:1'], ['1-1', '1-1+b1'], ['6.12.9-1', '6.12.107-1'], ['2.41-12+deb13u3', '2.41-12+deb13u4']] as const) {
      expect(compareVersions(a, b), `${a} < ${b}`).toBeLessThan(0);
      expect(compareVersions(b, a)).toBeGreaterThan(0);
    }
    expect(compareVersions('1.01', '1.1')).toBe(0);
  });
});
