import { describe, expect, it } from 'vitest';
import { usage } from '../../core/errors.ts';
import { random } from '../../testing/fuzz/random.ts';
import { dir, file, MemoryFileSystem, type MemoryNode } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import {
  BatchForgetIn, EntryOut, FLAG, ForgetIn, ForgetOne, GetattrIn, InterruptIn, InvalEntryOut, InvalInodeOut, MkdirIn, NOTIFY, OP, OutHeader, ReadIn,
  ROOT_ID, WriteIn,
} from './layout.ts';
import { fill } from './testing/client.ts';
import { join, mounted, named, namesOf, OFFER, request } from './testing/kernel.ts';
import { lookup, made, openFile } from './testing/mount.ts';

const [EINTR, EIO, EINVAL, ENOSYS] = [4, 5, 22, 38];

function tree(): MemoryNode {
  return dir([['d', dir([['a', file('1')], ['b', file('2')]])], ['c', file('3')]]);
}

describe('interrupts', () => {
  it('give up what looks, and let what changes come to its end', async () => {
    const fs = new WritableMemoryFileSystem(dir([['a', file('hello')]]));
    const gates: (() => void)[] = [];
    const slow = new Proxy(fs, {
      get(of, name) {
        const value: unknown = Reflect.get(of, name, of);
        if (name === 'writer') return { ...of.writer, mkdir: (...given: Parameters<typeof of.writer.mkdir>) => new Promise((resolve) => { gates.push(() => { resolve(of.writer.mkdir(...given)); }); }) };
        if (name === 'lookup') return () => new Promise((resolve) => { gates.push(() => { resolve(2); }); });
        return typeof value === 'function' ? value.bind(of) as unknown : value;
      },
    });
    const { kernel, server } = await mounted(slow);
    const looking = kernel.ask(OP.LOOKUP, ROOT_ID, named('a'));
    const making = kernel.ask(OP.MKDIR, ROOT_ID, join(fill(MkdirIn, { mode: 0o755 }), named('d')));
    for (const { unique } of [looking, making, { unique: 77_777 }]) kernel.tell(OP.INTERRUPT, 0, fill(InterruptIn, { unique }));
    expect(-OutHeader.at(await looking.answer).error).toBe(EINTR);
    for (const open of gates) open();
    expect(OutHeader.at(await making.answer).error).toBe(0);
    await server.idle();
    expect(fs.lookup(fs.root, 'd')).toBeDefined();
    // What came afterwards was told to nobody.
    expect(kernel.strays).toEqual([]);
    kernel.tell(OP.INTERRUPT, 0, new Uint8Array(3));
    expect(kernel.strays).toEqual([]);
  });
});

describe('changes by others', () => {
  it('end the epoch of all names, and drop what the kernel knows of the nodes', async () => {
    const { kernel, tree: served, server, fs } = await made(tree());
    const folder = await lookup(kernel, ROOT_ID, 'd');
    const node = await lookup(kernel, folder, 'a');
    const unknown = fs.lookup(folder - 2, 'b')!;
    served.changed({ what: 'nodes', folders: [folder - 2], nodes: [node - 2, unknown] });
    await server.idle();
    expect(kernel.notices.map(({ code }) => code)).toEqual([NOTIFY.INC_EPOCH, NOTIFY.INVAL_INODE, NOTIFY.INVAL_INODE]);
    expect(kernel.notices.slice(1).map(({ body }) => { const { ino, off, len } = InvalInodeOut.at(body); return [ino, off, len]; })).toEqual([[folder, 0, 0], [node, 0, 0]]);
    kernel.notices.length = 0;
    // Contents alone: no name is another one.
    served.changed({ what: 'nodes', folders: [], nodes: [node - 2] });
    await server.idle();
    expect(kernel.notices.map(({ code }) => code)).toEqual([NOTIFY.INVAL_INODE]);
    kernel.notices.length = 0;
    // Forgotten: one by one, and several at once.
    kernel.tell(OP.FORGET, node, fill(ForgetIn, { nlookup: 1 }));
    await lookup(kernel, ROOT_ID, 'c');
    kernel.tell(OP.BATCH_FORGET, 0, join(fill(BatchForgetIn, { count: 1 }), fill(ForgetOne, { nodeid: await lookup(kernel, ROOT_ID, 'c'), nlookup: 2 })));
    served.changed({ what: 'all' });
    await server.idle();
    expect(kernel.notices.map(({ code, body }) => (code === NOTIFY.INVAL_INODE ? InvalInodeOut.at(body).ino : code))).toEqual([NOTIFY.INC_EPOCH, ROOT_ID, folder]);
    kernel.end();
    await server.ended;
    expect(served.listeners).toBe(0);
  });

  it('are told name by name to kernels without epochs', async () => {
    for (const [minor, flags2, expected] of [[40, OFFER.flags2, FLAG.EXPIRE_ONLY], [31, 0, 0]] as const) {
      const fs = new WritableMemoryFileSystem(tree());
      const { kernel, tree: served, server } = await mounted(fs, { minor, flags2 });
      const folder = await lookup(kernel, ROOT_ID, 'd');
      for (const name of ['a', 'none', 'ä']) await lookup(kernel, folder, name);
      served.changed({ what: 'nodes', folders: [folder - 2], nodes: [] });
      await server.idle();
      const entries = kernel.notices.filter(({ code }) => code === NOTIFY.INVAL_ENTRY).map(({ body }) => ({ parent: InvalEntryOut.at(body).parent, flags: InvalEntryOut.at(body).flags, name: namesOf(body.subarray(InvalEntryOut.size))[0], length: InvalEntryOut.at(body).namelen }));
      expect(entries).toEqual([['a', 1], ['none', 4], ['ä', 2]].map(([name, length]) => ({ parent: folder, flags: expected, name, length })));
      expect(kernel.notices.at(-1)!.code).toBe(NOTIFY.INVAL_INODE);
      kernel.notices.length = 0;
      // Told once, and nothing of what the kernel forgot.
      await lookup(kernel, folder, 'a');
      kernel.tell(OP.FORGET, folder, fill(ForgetIn, { nlookup: 1 }));
      served.changed({ what: 'nodes', folders: [folder - 2], nodes: [] });
      await server.idle();
      expect(kernel.notices).toEqual([]);
    }
  });

  it('wait beside requests, which are answered meanwhile', async () => {
    const { kernel, tree: served, server } = await made(tree());
    let open!: () => void;
    kernel.hold = new Promise((resolve) => { open = resolve; });
    for (let i = 0; i < 1000; i++) served.changed({ what: 'all' });
    expect(await lookup(kernel, ROOT_ID, 'c')).not.toBe(0);
    open();
    await server.idle();
    // Put together: what was told already, and the same once more.
    expect(kernel.notices.length).toBeLessThan(8);
  });

  it('leave no names with the kernel where one file has several spellings', async () => {
    const fs = new WritableMemoryFileSystem(dir([['A', file('')]]));
    const { kernel } = await mounted(new Proxy(fs, { get: (of, name) => { const value: unknown = Reflect.get(of, name, of); return name === 'writer' ? { ...of.writer, names: { ...of.writer.names, caseSensitive: false } } : typeof value === 'function' ? value.bind(of) as unknown : value; } }));
    expect([EntryOut.at(await kernel.call(OP.LOOKUP, ROOT_ID, named('A'))).entry_valid, EntryOut.at(await kernel.call(OP.LOOKUP, ROOT_ID, named('B'))).entry_valid]).toEqual([0, 0]);
    const { kernel: other } = await mounted(fs);
    expect(EntryOut.at(await other.call(OP.LOOKUP, ROOT_ID, named('B')))).toMatchObject({ nodeid: 0, entry_valid: 86_400 });
  });
});

describe('wrong messages', () => {
  it('are answered with an errno, or not at all', async () => {
    const { kernel, server } = await made(dir([['a', file('hello')]]));
    const node = await lookup(kernel, ROOT_ID, 'a');
    for (const length of [0, 1, 39]) expect(kernel.raw(new Uint8Array(length))).toBeUndefined();
    const lying = request(OP.GETATTR, ROOT_ID, fill(GetattrIn, {}), { unique: 1000 });
    new DataView(lying.buffer).setUint32(0, 4000, true);
    await kernel.raw(lying);
    const extended = request(OP.GETATTR, ROOT_ID, fill(GetattrIn, {}), { unique: 1000 });
    new DataView(extended.buffer).setUint16(36, 0xffff, true);
    await kernel.raw(extended);
    expect(kernel.strays.map((answer) => -OutHeader.at(answer).error)).toEqual([EINVAL, EINVAL]);
    for (const opcode of Object.values(OP)) {
      if (([OP.FORGET, OP.BATCH_FORGET, OP.INTERRUPT, OP.NOTIFY_REPLY, OP.READLINK, OP.STATFS, OP.SYNCFS] as number[]).includes(opcode)) continue;
      expect([opcode, await kernel.errno(opcode, node)]).toEqual([opcode, expect.toBeOneOf([EINVAL, ENOSYS, EIO, 25])]);
    }
    expect(await kernel.errno(OP.LOOKUP, ROOT_ID, new TextEncoder().encode('no end'))).toBe(EINVAL);
    expect(await kernel.errno(OP.SYMLINK, ROOT_ID, named('one name'))).toBe(EINVAL);
    const fh = await openFile(kernel, node);
    expect(await kernel.errno(OP.WRITE, node, join(fill(WriteIn, { fh, size: 100 }), new Uint8Array(99)))).toBe(EINVAL);
    expect(await kernel.errno(OP.READ, node, fill(ReadIn, { fh, size: 0xffff_ffff }))).toBe(EINVAL);
    expect(await kernel.errno(OP.READ, node, fill(ReadIn, { fh, offset: 2 ** 60, size: 1 }))).toBe(EINVAL);
    kernel.tell(OP.BATCH_FORGET, 0, fill(BatchForgetIn, { count: 0xffff_ffff }));
    kernel.tell(OP.FORGET, 0, fill(ForgetIn, { nlookup: 1 }));
    await server.idle();
    expect(await lookup(kernel, ROOT_ID, 'a')).toBe(node);
  });

  it('of any kind do no harm: twenty thousand, at once and later', async () => {
    for (const slow of [false, true]) {
      const { kernel, server } = await made(dir([['a', file('hello')], ['d', dir([['b', file('x')]])], ['l', { type: 'symlink', target: 'a' }]]), slow);
      const numbers = random(6, slow ? 1 : 0);
      const names = ['a', 'b', 'd', 'l', '', '..', 'a/b', 'new', '\udcff', 'x'.repeat(300), 'user.x', 'system.posix_acl_access'];
      const opcodes = Object.values(OP).filter((opcode) => opcode !== OP.INIT);
      let sent = 0;
      for (let round = 0; round < 10_000; round++) {
        const opcode = numbers.oneIn(20) ? numbers.below(70) : numbers.pick(opcodes);
        if (opcode === OP.INIT) continue;
        const words = Uint32Array.from({ length: numbers.below(24) }, () => (numbers.oneIn(4) ? numbers.below(2 ** 32) : numbers.below(8)));
        const parts = [new Uint8Array(words.buffer), ...Array.from({ length: numbers.below(3) }, () => named(numbers.pick(names)))];
        const message = request(opcode, numbers.oneIn(10) ? numbers.below(2 ** 32) : numbers.below(9), join(...parts), { unique: 10_000_000 + round * 2 });
        if (numbers.oneIn(5)) message[numbers.below(40)] = numbers.below(256);
        new DataView(message.buffer).setUint32(8, 10_000_000 + round * 2, true);
        const whole = numbers.oneIn(10) ? message.subarray(0, numbers.below(message.length + 1)) : message;
        sent++;
        const done = kernel.raw(whole);
        if (done !== undefined && numbers.oneIn(3)) await done;
      }
      await server.idle();
      // Nobody is answered twice.
      const answered = kernel.strays.map((answer) => OutHeader.at(answer).unique_low);
      expect(new Set(answered).size).toBe(answered.length);
      expect(answered.length).toBeGreaterThan(sent * 0.7);
      expect(kernel.strays.some((answer) => OutHeader.at(answer).error === 0)).toBe(true);
      for (const answer of kernel.strays) expect(OutHeader.at(answer).error).toBeLessThanOrEqual(0);
      expect(await kernel.errno(OP.GETATTR, ROOT_ID, fill(GetattrIn, {}))).toBe(0);
      kernel.end();
      await server.ended;
    }
  });

  it('and trees that fail in other ways than they should are told as EIO', async () => {
    for (const fail of [() => { throw new TypeError('a bug'); }, () => Promise.reject(new TypeError('a bug')), () => Promise.reject(usage('EACCES', 'no'))]) {
      const fs = new MemoryFileSystem(dir([['a', file('')]]));
      fs.stat = fail as never;
      const { kernel } = await mounted(fs);
      const errno = await kernel.errno(OP.LOOKUP, ROOT_ID, named('a'));
      expect(errno).toBe(String(fail).includes('EACCES') ? 13 : EIO);
    }
  });
});
