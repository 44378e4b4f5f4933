import { describe, expect, it } from 'vitest';
import type { FileSystem } from '../../core/filesystem.ts';
import { dir, file, MemoryFileSystem } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { serveFuse } from './index.ts';
import {
  AttrOut, CreateIn, FallocateIn, GetattrIn, INIT_FLAG, LseekIn, LseekOut, MkdirIn, MknodIn, OP, OpenIn, ReadIn, RenameIn, ROOT_ID, SEEK, SetattrIn,
  SetxattrInExt, StatxIn, StatxOut, STATX_OUT_STAT, Statx, WriteIn,
} from './layout.ts';
import { fill } from './testing/client.ts';
import { join, mounted, named, OFFER, TestKernel, TestTree } from './testing/kernel.ts';
import { lookup, made, openFile } from './testing/mount.ts';

const [EIO, EINVAL, EROFS, ENAMETOOLONG, ENOSYS, EPROTO, ESTALE] = [5, 22, 30, 36, 38, 71, 116];

describe('agreeing with a kernel', () => {
  it('takes the smaller version, what both can, and pages of what the channel has room for', async () => {
    const writable = new WritableMemoryFileSystem();
    const agree = async (offer: Partial<typeof OFFER>, fs: FileSystem = writable, room?: number): ReturnType<TestKernel['init']> => {
      const kernel = new TestKernel(room);
      serveFuse(kernel, new TestTree(fs));
      return kernel.init(offer);
    };
    const all = await agree({});
    expect(all).toMatchObject({ max_write: 1 << 20, max_pages: 256, max_readahead: OFFER.readahead });
    // The kernel's own size and times would outweigh what the window changes.
    expect(all.flags & (INIT_FLAG.WRITEBACK_CACHE | INIT_FLAG.AUTO_INVAL_DATA)).toBe(0);
    expect(all.flags & INIT_FLAG.EXPLICIT_INVAL_DATA).not.toBe(0);
    expect((await agree({ flags: INIT_FLAG.AUTO_INVAL_DATA | INIT_FLAG.BIG_WRITES, minor: 23 }))).toMatchObject({ flags: INIT_FLAG.AUTO_INVAL_DATA | INIT_FLAG.BIG_WRITES, max_write: 131_072, max_pages: 0 });
    expect((await agree({}, writable, 8192)).max_write).toBe(4096);
    expect((await agree({}, writable, 100_000)).max_write).toBe(98_304);
    const reading = (await agree({}, new MemoryFileSystem(dir()))).flags;
    expect(reading & (INIT_FLAG.ATOMIC_O_TRUNC | INIT_FLAG.HANDLE_KILLPRIV_V2)).toBe(0);
    expect(reading & INIT_FLAG.POSIX_ACL).not.toBe(0);
    // With ACLs of its own the kernel checks permissions, whatever it was told when it mounted.
    const unchecked = new TestKernel();
    serveFuse(unchecked, new TestTree(writable), { unchecked: true });
    expect((await unchecked.init({})).flags & INIT_FLAG.POSIX_ACL).toBe(0);
  });

  it('refuses kernels that are too old, and has newer ones ask again', async () => {
    const kernel = new TestKernel();
    let ready = 0;
    serveFuse(kernel, new TestTree(new WritableMemoryFileSystem()), { ready: () => { ready++; } });
    expect(await kernel.errno(OP.LOOKUP, ROOT_ID, named('x'))).toBe(EIO);
    await expect(kernel.init({ minor: 22 })).rejects.toThrow(`error ${EPROTO}`);
    expect((await kernel.init({ major: 8, minor: 0 })).minor).toBe(45);
    expect(ready).toBe(0);
    await kernel.init();
    expect(ready).toBe(1);
    await expect(kernel.init()).rejects.toThrow('INIT');
    expect(await kernel.errno(OP.LOOKUP, ROOT_ID, named('x'))).toBe(0);
  });
});

describe('a tree that is only read', () => {
  it('opens no files, changes nothing, and tells what it can\'t', async () => {
    const fs = new MemoryFileSystem(dir([['a', file('hello', { btime: 5_000_000_001n })]]));
    const { kernel } = await mounted(fs);
    const node = await lookup(kernel, ROOT_ID, 'a');
    expect(await kernel.errno(OP.OPEN, node, fill(OpenIn, {}))).toBe(ENOSYS);
    expect(new TextDecoder().decode(await kernel.call(OP.READ, node, fill(ReadIn, { offset: 1, size: 100 })))).toBe('ello');
    const refused: [number, Uint8Array][] = [
      [OP.UNLINK, named('a')], [OP.RMDIR, named('a')], [OP.MKDIR, join(fill(MkdirIn, {}), named('b'))], [OP.CREATE, join(fill(CreateIn, {}), named('b'))], [OP.SYMLINK, join(named('b'), named('c'))],
      [OP.MKNOD, join(fill(MknodIn, { mode: 0o10644 }), named('b'))], [OP.RENAME, join(fill(RenameIn, { newdir: ROOT_ID }), named('a'), named('b'))], [OP.SETATTR, fill(SetattrIn, {})],
      [OP.SETXATTR, join(fill(SetxattrInExt, {}), named('user.x'))], [OP.REMOVEXATTR, named('user.x')], [OP.WRITE, fill(WriteIn, {})], [OP.FALLOCATE, fill(FallocateIn, {})],
    ];
    for (const [opcode, body] of refused) expect([opcode, await kernel.errno(opcode, ROOT_ID, body)]).toEqual([opcode, EROFS]);
    for (const opcode of [OP.ACCESS, OP.FLUSH, OP.POLL, OP.TMPFILE, OP.COPY_FILE_RANGE, OP.BMAP, OP.GETLK, 7, 99, 4096]) expect(await kernel.errno(opcode, node, new Uint8Array(64))).toBe(ENOSYS);
    const said = await kernel.call(OP.STATX, node, fill(StatxIn, {}));
    expect(said.length).toBe(StatxOut.size);
    expect(Statx.at(said, STATX_OUT_STAT)).toMatchObject({ size: 5, mask: 0xfff, btime: 5, btimensec: 1, mode: 0o100644 });
  });

  it('finds no names that are longer than any, and none with a slash', async () => {
    const { kernel } = await mounted(new MemoryFileSystem(dir([['a', dir([['b', file('x')]])]])));
    expect(await kernel.errno(OP.LOOKUP, ROOT_ID, named('x'.repeat(256)))).toBe(ENAMETOOLONG);
    expect(await kernel.errno(OP.LOOKUP, ROOT_ID, named('ä'.repeat(128)))).toBe(ENAMETOOLONG);
    for (const name of ['x'.repeat(255), 'a/b', '/', '', '\udcff']) expect(await lookup(kernel, ROOT_ID, name)).toBe(0);
    for (const id of [0, 2 ** 53, 2 ** 60, 999]) expect(await kernel.errno(OP.GETATTR, id, fill(GetattrIn, {}))).toBe(ESTALE);
  });

  it('answers SEEK_DATA and SEEK_HOLE from the extents', async () => {
    const fs = new MemoryFileSystem(dir([['a', file('x'.repeat(300), { runs: [[10, 20], [30, 10], [100, 50]], size: 1000 })]]));
    const { kernel, tree } = await mounted(fs);
    const node = await lookup(kernel, ROOT_ID, 'a');
    const seek = async (whence: number, offset: number): Promise<number> => {
      const body = fill(LseekIn, { offset, whence });
      return LseekOut.at(await kernel.call(OP.LSEEK, node, body)).offset;
    };
    expect([await seek(SEEK.DATA, 0), await seek(SEEK.DATA, 15), await seek(SEEK.DATA, 40), await seek(SEEK.HOLE, 0), await seek(SEEK.HOLE, 10), await seek(SEEK.HOLE, 120)]).toEqual([10, 15, 100, 0, 40, 150]);
    expect([await kernel.errno(OP.LSEEK, node, fill(LseekIn, { offset: 150, whence: SEEK.DATA })), await kernel.errno(OP.LSEEK, node, fill(LseekIn, { offset: 1000, whence: SEEK.HOLE }))]).toEqual([6, 6]);
    expect(await kernel.errno(OP.LSEEK, node, fill(LseekIn, { whence: 9 }))).toBe(EINVAL);
    // The file is looked through once, until it may be another one.
    let maps = 0;
    const { map } = fs.extents;
    fs.extents.map = (of) => { maps++; return map(of); };
    await seek(SEEK.DATA, 40);
    expect(maps).toBe(0);
    tree.changed({ what: 'nodes', folders: [], nodes: [node - 2] });
    for (let i = 0; i < 10; i++) expect(await seek(SEEK.DATA, 40)).toBe(100);
    expect(maps).toBe(1);
  });
});

it('counts what it does, and attributes have their length', async () => {
  const { kernel, server } = await made(dir([['a', file('hello')]]));
  const node = await lookup(kernel, ROOT_ID, 'a');
  expect((await kernel.call(OP.GETATTR, node, fill(GetattrIn, {}))).length).toBe(AttrOut.size);
  const fh = await openFile(kernel, node);
  await kernel.call(OP.READ, node, fill(ReadIn, { fh, size: 3 }));
  expect(server.statistics).toEqual({ requests: 5, bytesRead: 3, bytesWritten: 0, open: 1 });
});
