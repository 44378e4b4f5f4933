import { describe, expect, it } from 'vitest';
import { formatAcl } from '../../core/acl.ts';
import { usage } from '../../core/errors.ts';
import type { NodeId } from '../../core/filesystem.ts';
import { dir, file } from '../../testing/memory-filesystem.ts';
import {
  ATTR_OUT_ATTR, CreateIn, EntryOut, FALLOC, FallocateIn, FATTR, FLAG, InvalInodeOut, MkdirIn, MknodIn, NOTIFY, O, OP, OpenIn, OpenOut, ReadIn,
  ReleaseIn, Rename2In, ROOT_ID, SetattrIn, SetxattrInExt, WriteIn, WriteOut,
} from './layout.ts';
import { Nodes } from './nodes.ts';
import { fill, statOf } from './testing/client.ts';
import { join, named, namesOf } from './testing/kernel.ts';
import { lookup, made, modeOf, openFile } from './testing/mount.ts';

const [ENOENT, EBADF, EINVAL, EOPNOTSUPP] = [2, 9, 22, 95];

function createBody(flags: number, name: string): Uint8Array {
  return join(fill(CreateIn, { flags, mode: 0o100644 }), named(name));
}

describe('open files', () => {
  it('live on without a name, and are let go when they are released or the mount ends', async () => {
    const { kernel, server, fs, client } = await made(dir([['a', file('hello')], ['d', dir()]]));
    const node = await lookup(kernel, ROOT_ID, 'a');
    const [one, two] = [await openFile(kernel, node), await openFile(kernel, node)];
    const folder = await lookup(kernel, ROOT_ID, 'd');
    await kernel.call(OP.OPENDIR, folder, fill(OpenIn, {}));
    expect(server.statistics.open).toBe(3);
    await client.writer!.unlink(ROOT_ID, 'a');
    expect(await kernel.errno(OP.RELEASE, node, fill(ReleaseIn, { fh: one }))).toBe(0);
    expect(new TextDecoder().decode(await kernel.call(OP.READ, node, fill(ReadIn, { fh: two, size: 10 })))).toBe('hello');
    for (const fh of [one, 0, 99]) expect(await kernel.errno(OP.READ, node, fill(ReadIn, { fh, size: 10 }))).toBe(EBADF);
    expect(await kernel.errno(OP.READ, folder, fill(ReadIn, { fh: two, size: 10 }))).toBe(EBADF);
    const inside = fs.stat(node - 2).node;
    kernel.end();
    expect(await server.ended).toBeUndefined();
    expect(server.statistics.open).toBe(0);
    expect(() => fs.stat(inside)).toThrow('gone');
  });

  it('are let go where the kernel did not take the answer', async () => {
    const { kernel, server, tree } = await made(dir([['a', file('hello')]]));
    kernel.verdict = () => ENOENT;
    const node = await lookup(kernel, ROOT_ID, 'a');
    await openFile(kernel, node);
    await kernel.call(OP.CREATE, ROOT_ID, join(fill(CreateIn, { mode: 0o100644 }), named('b')));
    expect(server.statistics.open).toBe(0);
    // Nor does it know the nodes.
    tree.changed({ what: 'nodes', folders: [], nodes: [node - 2] });
    await server.idle();
    expect(kernel.notices).toEqual([]);
  });

  it('that are made exist already where somebody else was first, and are emptied where that was asked for', async () => {
    const { kernel, fs } = await made(dir([['a', file('hello')], ['d', dir()]]));
    expect(await kernel.errno(OP.CREATE, ROOT_ID, createBody(O.EXCL, 'a'))).toBe(17);
    expect(await kernel.errno(OP.CREATE, ROOT_ID, createBody(0, 'd'))).toBe(17);
    const answer = await kernel.call(OP.CREATE, ROOT_ID, createBody(O.TRUNC, 'a'));
    expect(EntryOut.at(answer).nodeid).toBe(fs.lookup(fs.root, 'a')! + 2);
    expect(fs.stat(fs.lookup(fs.root, 'a')!).size).toBe(0);
    await kernel.call(OP.RELEASE, EntryOut.at(answer).nodeid, fill(ReleaseIn, { fh: OpenOut.at(answer, EntryOut.size).fh }));
  });

  it('that were just made lose what they were given since, when they are written', async () => {
    for (const slow of [false, true]) {
      const { kernel, fs } = await made(dir(), slow);
      const answer = await kernel.call(OP.CREATE, ROOT_ID, createBody(O.EXCL, 'new'));
      const [node, { fh }] = [EntryOut.at(answer).nodeid, OpenOut.at(answer, EntryOut.size)];
      const write = (write_flags: number): Promise<unknown> => kernel.call(OP.WRITE, node, join(fill(WriteIn, { fh, size: 1, write_flags }), new Uint8Array(1)));
      await write(0);
      await kernel.call(OP.SETXATTR, node, join(fill(SetxattrInExt, { size: 1 }), named('security.capability'), new Uint8Array(1)));
      await kernel.call(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.MODE, mode: 0o4755 }));
      await write(FLAG.WRITE_KILL_SUIDGID);
      expect([fs.xattrs.get(node - 2, 'security.capability'), fs.stat(node - 2).mode]).toEqual([undefined, 0o755]);
    }
  });

  it('are written in the order of the requests, also by a tree that answers later', async () => {
    const { kernel, server, fs } = await made(dir([['a', file('')]]), true);
    const node = await lookup(kernel, ROOT_ID, 'a');
    const fh = await openFile(kernel, node);
    const answers = Array.from({ length: 50 }, (_, i) => kernel.call(OP.WRITE, node, join(fill(WriteIn, { fh, size: 3 }), new TextEncoder().encode(String(100 + i)))));
    await server.idle();
    expect((await Promise.all(answers)).map((answer) => WriteOut.at(answer).size)).toEqual(Array.from({ length: 50 }, () => 3));
    const bytes = new Uint8Array(3);
    fs.read(node - 2, 0, bytes);
    expect(new TextDecoder().decode(bytes)).toBe('149');
    expect(server.statistics.bytesWritten).toBe(150);
  });
});

describe('new nodes', () => {
  it('belong to who makes them, and to the group of a folder with setgid', async () => {
    const { kernel, fs } = await made(dir([['s', dir([], { mode: 0o2775, gid: 50 })]]));
    const folder = await lookup(kernel, ROOT_ID, 's');
    const who = { uid: 7, gid: 8 };
    await kernel.call(OP.MKDIR, folder, join(fill(MkdirIn, { mode: 0o777, umask: 0o022 }), named('d')), who);
    await kernel.call(OP.MKNOD, folder, join(fill(MknodIn, { mode: 0o100666, umask: 0o022 }), named('f')), who);
    await kernel.call(OP.SYMLINK, ROOT_ID, join(named('l'), named('target')), who);
    const stat = (node: NodeId, name: string): object => { const { mode, uid, gid } = fs.stat(fs.lookup(node, name)!); return { mode, uid, gid }; };
    expect([stat(folder - 2, 'd'), stat(folder - 2, 'f'), stat(fs.root, 'l')]).toEqual([{ mode: 0o2755, uid: 7, gid: 50 }, { mode: 0o644, uid: 7, gid: 50 }, { mode: 0o777, uid: 7, gid: 8 }]);
    expect(fs.readlink(fs.lookup(fs.root, 'l')!)).toBe('target');
  });

  it('take their mode from a default ACL, where the umask does not count', async () => {
    const { kernel, fs } = await made();
    const acl = formatAcl([{ tag: 1, permissions: 7, id: 0xffff_ffff }, { tag: 4, permissions: 7, id: 0xffff_ffff }, { tag: 0x20, permissions: 0, id: 0xffff_ffff }]);
    fs.writer.setXattr(fs.root, 'system.posix_acl_default', acl);
    await kernel.call(OP.MKNOD, ROOT_ID, join(fill(MknodIn, { mode: 0o100666, umask: 0o077 }), named('f')));
    expect(fs.stat(fs.lookup(fs.root, 'f')!).mode).toBe(0o660);
  });

  it('have another generation where their number was somebody else\'s', () => {
    const nodes = new Nodes(1);
    nodes.told(12);
    expect(nodes.generationOf(12)).toBe(0);
    nodes.made(12);
    nodes.told(12);
    expect(nodes.generationOf(12)).toBe(1);
    // Those who knew the first one forget it now.
    nodes.forget(12, 1);
    expect([nodes.knows(12), nodes.generationOf(12)]).toEqual([true, 1]);
    nodes.made(12);
    nodes.told(12);
    expect(nodes.generationOf(12)).toBe(2);
    nodes.forget(12, 2);
    expect([nodes.knows(12), nodes.knows(1), nodes.idOf(1), nodes.nodeOf(1), nodes.nodeOf(nodes.idOf(12))]).toEqual([false, true, 1, 1, 12]);
  });
});

describe('privileges', () => {
  it('go with a write or a truncation of somebody who is not privileged, and the kernel hears of it', async () => {
    const { kernel, server, fs, tree } = await made(dir([['a', file('hello', { mode: 0o6755, xattrs: { 'security.capability': 'x' } })], ['locks', file('', { mode: 0o2644 })]]));
    const node = await lookup(kernel, ROOT_ID, 'a');
    const fh = await openFile(kernel, node);
    const write = (write_flags: number): Promise<Uint8Array> => kernel.call(OP.WRITE, node, join(fill(WriteIn, { fh, size: 1, write_flags }), new Uint8Array(1)));
    await write(0);
    expect([await modeOf(kernel, node), fs.xattrs.get(node - 2, 'security.capability')]).toEqual([0o6755, undefined]);
    await write(FLAG.WRITE_KILL_SUIDGID);
    expect(await modeOf(kernel, node)).toBe(0o755);
    await server.idle();
    expect(kernel.notices.map(({ code, body }) => [code, InvalInodeOut.at(body).ino, new DataView(body.buffer).getBigInt64(8, true)])).toEqual([[NOTIFY.INVAL_INODE, node, -1n]]);
    // What was looked at once is looked at again after it was given anew.
    await kernel.call(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.MODE, mode: 0o4755 }));
    await write(FLAG.WRITE_KILL_SUIDGID);
    expect(await modeOf(kernel, node)).toBe(0o755);
    await kernel.call(OP.SETXATTR, node, join(fill(SetxattrInExt, { size: 1 }), named('security.capability'), new Uint8Array(1)));
    await write(0);
    expect(fs.xattrs.get(node - 2, 'security.capability')).toBeUndefined();
    fs.writer.change(node - 2, { mode: 0o4711 });
    tree.changed({ what: 'nodes', folders: [], nodes: [node - 2] });
    await kernel.call(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.SIZE | FATTR.KILL_SUIDGID, size: 2 }));
    expect(await modeOf(kernel, node)).toBe(0o711);
    fs.writer.change(node - 2, { mode: 0o4711 });
    await openFile(kernel, node, O.RDWR | O.TRUNC, FLAG.OPEN_KILL_SUIDGID);
    expect([await modeOf(kernel, node), fs.stat(node - 2).size]).toEqual([0o711, 0]);
    const locks = await lookup(kernel, ROOT_ID, 'locks');
    await kernel.call(OP.SETATTR, locks, fill(SetattrIn, { valid: FATTR.SIZE | FATTR.KILL_SUIDGID }));
    expect(await modeOf(kernel, locks)).toBe(0o2644);
  });

  it('go with a new owner, but not of folders, and not where a mode is given with it', async () => {
    const { kernel } = await made(dir([['a', file('', { mode: 0o6755 })], ['d', dir([], { mode: 0o2755 })]]));
    const [node, folder] = [await lookup(kernel, ROOT_ID, 'a'), await lookup(kernel, ROOT_ID, 'd')];
    await kernel.call(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.UID, uid: 9 }));
    await kernel.call(OP.SETATTR, folder, fill(SetattrIn, { valid: FATTR.GID, gid: 9 }));
    expect([await modeOf(kernel, node), await modeOf(kernel, folder)]).toEqual([0o755, 0o2755]);
    await kernel.call(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.UID | FATTR.MODE, uid: 9, mode: 0o104711 }));
    expect(await modeOf(kernel, node)).toBe(0o4711);
  });
});

describe('changes', () => {
  it('of times are each their own, and now where that is asked for', async () => {
    const { kernel, fs } = await made(dir([['a', file('', { mtime: 5n, atime: 6n })]]));
    const node = await lookup(kernel, ROOT_ID, 'a');
    const set = async (values: Parameters<typeof fill<typeof SetattrIn.fields>>[1]): Promise<{ mtime: bigint; atime: bigint }> => statOf(await kernel.call(OP.SETATTR, node, fill(SetattrIn, values)), ATTR_OUT_ATTR, node);
    expect(await set({ valid: FATTR.MTIME, mtime: 100, mtimensec: 7, atime: 200 })).toMatchObject({ mtime: 100_000_000_007n, atime: 6n });
    expect(await set({ valid: FATTR.ATIME, mtime: 1, atime: 200, atimensec: 999_999_999 })).toMatchObject({ mtime: 100_000_000_007n, atime: 200_999_999_999n });
    const before = BigInt(Date.now()) * 1_000_000n;
    const now = await set({ valid: FATTR.ATIME | FATTR.ATIME_NOW, atime: 3 });
    expect(now.mtime).toBe(100_000_000_007n);
    expect(now.atime).toBeGreaterThanOrEqual(before);
    expect(await kernel.errno(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.MTIME, mtimensec: 1_000_000_000 }))).toBe(EINVAL);
    expect(fs.stat(node - 2).mtime).toBe(100_000_000_007n);
  });

  it('that can\'t be made are refused', async () => {
    const { kernel, client } = await made(dir([['a', file('hello')], ['b', file('x')]]));
    const node = await lookup(kernel, ROOT_ID, 'a');
    const move = (flags: number): Promise<number> => kernel.errno(OP.RENAME2, ROOT_ID, join(fill(Rename2In, { newdir: ROOT_ID, flags }), named('a'), named('b')));
    expect([await move(4), await move(3), await move(1)]).toEqual([EINVAL, EINVAL, 17]);
    const fh = await openFile(kernel, node);
    const allocate = (mode: number, offset: number, length: number): Promise<number> => kernel.errno(OP.FALLOCATE, node, fill(FallocateIn, { fh, offset, length, mode }));
    expect([await allocate(FALLOC.KEEP_SIZE, 0, 100), await allocate(8, 0, 1), await allocate(FALLOC.PUNCH_HOLE, 0, 1), await allocate(0, 0, 2 ** 60)]).toEqual([EOPNOTSUPP, EOPNOTSUPP, EOPNOTSUPP, 27]);
    expect([await allocate(FALLOC.KEEP_SIZE, 0, 5), await allocate(0, 0, 10)]).toEqual([0, 0]);
    expect((await client.stat(node)).size).toBe(10);
    expect(await kernel.errno(OP.MKNOD, ROOT_ID, join(fill(MknodIn, { mode: 0o40755 }), named('d')))).toBe(EINVAL);
    expect(await kernel.errno(OP.SETXATTR, node, join(fill(SetxattrInExt, { size: 65_537 }), named('user.x')))).toBe(7);
    expect(await kernel.errno(OP.REMOVEXATTR, node, named('system.posix_acl_access'))).toBe(0);
    expect(await kernel.errno(OP.REMOVEXATTR, node, named('user.none'))).toBe(61);
    expect(namesOf(new Uint8Array(0))).toEqual([]);
  });

  it('of a tree that has no such attributes need none of them', async () => {
    const { kernel, fs } = await made(dir([['a', file('hello')]]));
    fs.xattrs.get = () => { throw usage('ENOTSUP', 'There are none'); };
    const node = await lookup(kernel, ROOT_ID, 'a');
    const fh = await openFile(kernel, node);
    expect(await kernel.errno(OP.MKNOD, ROOT_ID, join(fill(MknodIn, { mode: 0o100644 }), named('b')))).toBe(0);
    expect(await kernel.errno(OP.WRITE, node, join(fill(WriteIn, { fh, size: 1 }), new Uint8Array(1)))).toBe(0);
    expect(await kernel.errno(OP.SETATTR, node, fill(SetattrIn, { valid: FATTR.UID, uid: 3 }))).toBe(0);
    const get = (name: string): Promise<number> => kernel.errno(OP.GETXATTR, node, join(new Uint8Array(8), named(name)));
    expect([await get('system.posix_acl_access'), await get('user.x')]).toEqual([61, 95]);
  });
});
