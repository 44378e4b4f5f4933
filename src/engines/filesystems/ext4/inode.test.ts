import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { isDiskError } from '../../core/errors.ts';
import type { FileSystem, Note, Stat } from '../../core/filesystem.ts';
import { testContext } from '../../testing/context.ts';
import { missingTools, run, scratchFolder } from '../../testing/tools.ts';
import { ext4 } from './index.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs');

/** An image on which debugfs ran these commands. */
function make(name: string, mkfs: readonly string[], commands: readonly string[]): Uint8Array {
  const path = join(scratch.path, `${name}.img`);
  run('mke2fs', ['-q', '-F', ...mkfs, path, '8M']);
  run('debugfs', ['-w', '-f', '-', path], commands.join('\n'));
  return new Uint8Array(readFileSync(path));
}

async function open(image: Uint8Array): Promise<{ fs: FileSystem; notes: Note[] }> {
  const context = testContext();
  return { fs: await ext4.open(new MemoryDevice(image), context), notes: context.notes };
}

/** Its fields are getters of a class: copied, so that they can be matched. */
function statOf(fs: FileSystem, name: string): Stat {
  const stat = fs.stat(fs.lookup(fs.root, name) as number) as Stat;
  const { node, type, mode, uid, gid, size, nlink, mtime, atime, ctime, btime, allocated, device, flags } = stat;
  return { node, type, mode, uid, gid, size, nlink, mtime, atime, ctime, allocated, flags, ...(btime === undefined ? {} : { btime }), ...(device === undefined ? {} : { device }) };
}

/** Byte offset of an inode, by debugfs. */
function inodeAt(name: string, inode: number, blockSize: number): number {
  const told = /located at block (\d+), offset (0x[0-9a-f]+)/.exec(run('debugfs', ['-R', `imap <${inode}>`, join(scratch.path, `${name}.img`)]))!;
  return Number(told[1]) * blockSize + Number(told[2]);
}

describe.skipIf(noTools !== undefined)('inodes', () => {
  it('tell times to the nanosecond, before 1970 and past 2038, 2106 and 2174', async () => {
    const seconds = [-2_000_000_000n, -1n, 0n, 2_147_483_647n, 2_147_483_648n, 4_294_967_296n, 6_442_450_944n + 5n, 15_032_385_535n];
    const image = make('times', ['-t', 'ext4', '-b', '1024', '-I', '256'], seconds.flatMap((s, i) => [
      `symlink l${i} t`, `sif l${i} mtime_lo 0x${BigInt.asUintN(32, s).toString(16)}`,
      // The epoch counts from the signed 32 bits: their distance to the whole, in units of 2^32.
      `sif l${i} mtime_extra 0x${(((s - BigInt.asIntN(32, s)) >> 32n) | (987_654_321n << 2n)).toString(16)}`,
    ]));
    const { fs, notes } = await open(image);
    seconds.forEach((s, i) => { expect(statOf(fs, `l${i}`).mtime).toBe(s * 1_000_000_000n + 987_654_321n); });
    expect(notes).toEqual([]);
  });

  it('of 128 bytes have whole seconds and no creation time', async () => {
    const image = make('small', ['-t', 'ext2', '-I', '128'], ['symlink l t', 'sif l mtime 0xfffffff0']);
    const stat = statOf((await open(image)).fs, 'l');
    expect(stat.mtime).toBe(-16_000_000_000n);
    expect(stat.btime).toBeUndefined();
    expect(stat.allocated).toBe(0);
  });

  it('tell owners above 65535, types, modes and device numbers of both encodings', async () => {
    const image = make('fields', ['-t', 'ext4', '-I', '256'], [
      'mknod c c 4 64', 'mknod b b 259 1000', 'mknod p p', 'mkdir d', 'sif d mode 041777', 'symlink l target',
      'sif c uid 123456', 'sif c gid 0xfffffffe',
      'mknod s p', 'sif s mode 0140755', 'sif d flags 0x80030',
    ]);
    const { fs } = await open(image);
    expect(statOf(fs, 'c')).toMatchObject({ type: 'char', uid: 123456, gid: 0xfffffffe, device: { major: 4, minor: 64 } });
    expect(statOf(fs, 'b')).toMatchObject({ type: 'block', device: { major: 259, minor: 1000 } });
    expect(statOf(fs, 'p')).toMatchObject({ type: 'fifo' });
    expect(statOf(fs, 's')).toMatchObject({ type: 'socket', mode: 0o755 });
    expect(statOf(fs, 'd')).toMatchObject({ type: 'dir', mode: 0o1777, flags: ['immutable', 'append', 'extents'] });
    expect(statOf(fs, 'l')).toMatchObject({ type: 'symlink', size: 6, nlink: 1 });
  });

  it('with sizes of 4 GiB and more, and with blocks counted in 48 bits', async () => {
    const image = make('huge', ['-t', 'ext4', '-b', '4096', '-O', 'huge_file'], [
      'mknod f p', 'sif f mode 0100644', 'sif f size 0x123456789a', 'sif f flags 0xc0000', 'sif f blocks 3', 'sif f block[0] 0x0000f30a', 'sif f block[1] 4',
    ]);
    const stat = statOf((await open(image)).fs, 'f');
    expect(stat.size).toBe(0x123456789a);
    expect(stat.allocated).toBe(3 * 4096);
  });

  it('with a wrong checksum are noted with their place, and read', async () => {
    const image = make('sum', ['-t', 'ext4', '-b', '1024'], ['symlink l t']);
    const at = inodeAt('sum', 12, 1024);
    image[at + 8]! ^= 1;
    const { fs, notes } = await open(image);
    expect(fs.readlink(statOf(fs, 'l').node)).toBe('t');
    expect(notes.map(({ severity, place }) => ({ severity, place }))).toEqual([{ severity: 'error', place: { structure: 'inode 12', at, length: 256 } }]);
  });

  it.each([
    ['of no type', 0, [0, 0], /no file type/], ['without links', 0x1a, [0, 0], /deleted/], ['of an impossible size', 0x6c, [0xff, 0xff, 0xff, 0xff], /size/],
  ])('%s are corrupt', async (name, field, bytes, message) => {
    const image = make(`bad-${field}`, ['-t', 'ext4', '-b', '1024', '-O', '^metadata_csum'], ['mknod f p', 'sif f mode 0100644']);
    image.set(bytes, inodeAt(`bad-${field}`, 12, 1024) + field);
    const { fs } = await open(image);
    expect(() => fs.stat(12), name).toThrow(message);
  });

  it('that there are not are corrupt, whatever the number', async () => {
    const { fs } = await open(make('numbers', ['-t', 'ext4'], []));
    for (const node of [0, -1, 1e9, 2 ** 32, 1.5, NaN]) {
      let thrown: unknown;
      try { void fs.stat(node); } catch (error) { thrown = error; }
      expect(isDiskError(thrown) && thrown.kind).toBe('corrupt');
    }
  });
});
