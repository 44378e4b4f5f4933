import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type Koffi from 'koffi';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { usage, DiskError } from '../../../engines/core/errors.ts';
import type { FileSystem } from '../../../engines/core/filesystem.ts';
import { layoutProblems } from '../../../engines/testing/layouts.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../engines/testing/memory-writer.ts';
import { missingTools, scratchFolder } from '../../../engines/testing/tools.ts';
import type { Mount } from '../provider.ts';
import { chooseDrive, lettersOf, optionsOf, winfspProvider } from './index.ts';
import * as layout from './layout.ts';

const scratch = scratchFolder();
const library = join(scratch.path, 'fake-winfsp.so');
const missing = process.platform === 'linux' && process.arch === 'x64' ? missingTools('cc') : 'skipped: the stand-in for WinFsp is compiled for Linux on x64';

beforeAll(() => {
  if (missing !== undefined) return;
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, join(import.meta.dirname, 'testing/fake-winfsp.c'), '-lpthread'], { stdio: ['ignore', 'ignore', 'pipe'] });
  execFileSync(process.execPath, [join(import.meta.dirname, '../../../../scripts/build.mjs'), '--only', 'node'], { stdio: ['ignore', 'ignore', 'pipe'] });
});
afterAll(() => scratch.remove());

describe('what is handed over', () => {
  it('has the sizes and places that the public headers give for 64-bit Windows', () => {
    const { FuseStat, FuseStatvfs, FuseFileInfo, FuseConnInfo, FuseOperations, FspFuseEnv, FuseArgs, FuseTimespec } = layout;
    expect([FuseTimespec, FuseStat, FuseStatvfs, FuseFileInfo, FuseConnInfo, FuseArgs, FspFuseEnv, FuseOperations].map(({ name, size }) => [name, size])).toEqual([
      ['fuse_timespec', 16], ['fuse_stat', 128], ['fuse_statvfs', 88], ['fuse_file_info', 32], ['fuse_conn_info', 128], ['fuse_args', 24], ['fsp_fuse_env', 72], ['fuse_operations', 464],
    ]);
    expect([FuseTimespec, FuseStat, FuseStatvfs, FuseFileInfo, FuseConnInfo, FuseArgs, FspFuseEnv, FuseOperations].flatMap((each) => layoutProblems(each))).toEqual([]);
    const { fields } = FuseOperations;
    expect([fields.getattr, fields.open, fields.read, fields.readdir, fields.init, fields.create, fields.utimens, fields.ioctl, fields.fsetattr_x].map(({ offset }) => offset / 8)).toEqual([0, 14, 15, 26, 29, 32, 36, 39, 57]);
  });

  it.skipIf(missing !== undefined)('lies where a C compiler puts it', () => {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const fact = koffi.load(library).func('int fake_fact(int i, _Out_ const char **type, _Out_ const char **field)') as (i: number, type: [string | null], field: [string | null]) => number;
    const ours: Record<string, { readonly size: number; readonly fields: Readonly<Record<string, { readonly offset: number }>> }> = {
      timespec64: layout.FuseTimespec, stat64: layout.FuseStat, statvfs64: layout.FuseStatvfs, file_info: layout.FuseFileInfo, conn_info: layout.FuseConnInfo, args: layout.FuseArgs, env: layout.FspFuseEnv, operations: layout.FuseOperations,
    };
    let seen = 0;
    for (; ; seen++) {
      const [type, field]: [[string | null], [string | null]] = [[null], [null]];
      const value = fact(seen, type, field);
      if (value < 0) break;
      const { size, fields } = ours[type[0]!]!;
      // A time is one structure there, and two fields here; a pair of reserved pointers likewise.
      const found = field[0] === '' ? size : (fields[field[0]!] ?? fields[`${field[0]}_sec`] ?? fields[`${field[0]}0`])?.offset;
      expect(found, `${type[0]}.${field[0]}`).toBe(value);
    }
    expect(seen).toBeGreaterThan(50);
  });

  it('numbers errors as Windows does', () => {
    expect(layout.windowsErrno(usage('ENOENT', ''))).toBe(2);
    expect(layout.windowsErrno(usage('ENOTEMPTY', ''))).toBe(41);
    expect(layout.windowsErrno(usage('ENAMETOOLONG', ''))).toBe(38);
    expect(layout.windowsErrno(usage('ENOSPC', ''))).toBe(28);
    expect(layout.windowsErrno(new DiskError({ kind: 'busy' }, ''))).toBe(16);
    expect(layout.windowsErrno(new DiskError({ kind: 'corrupt', place: { structure: 'x' } }, ''))).toBe(5);
    expect(layout.windowsErrno(new DiskError({ kind: 'timeout', ms: 1 }, ''))).toBe(138);
  });
});

describe('drives', () => {
  it('are the last letters that are free', () => {
    expect(lettersOf(0b10_0000_0000_0000_0000_0000_1100)).toBe('CDZ');
    expect(chooseDrive(undefined, 'CDZ')).toBe('Y:');
    expect(chooseDrive('x', 'CDZ')).toBe('X:');
    expect(chooseDrive('x:\\', 'CDZ')).toBe('X:');
    expect(() => chooseDrive('z:', 'CDZ')).toThrow(/already/);
    expect(() => chooseDrive('C:\\mnt', 'CDZ')).toThrow(/no drive/);
    expect(() => chooseDrive(undefined, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')).toThrow(/No letter/);
  });

  it('have names that hold no further options', () => {
    expect(optionsOf('disk.img,uid=0:\n"x"')).toEqual(['-o', 'uid=-1,gid=-1,volname=disk.img_uid=0___x_,FileSystemName=Clutch']);
    expect(optionsOf('')[1]).toContain('volname=Clutch');
  });

  it('are for Windows with WinFsp', async () => {
    const system = { library: async () => undefined, drives: () => '' };
    expect(await winfspProvider({ ...system, platform: 'linux' }).available()).toMatchObject({ ok: false });
    expect(await winfspProvider({ ...system, platform: 'win32' }).available()).toEqual({ ok: false, reason: expect.stringContaining('clutch install') as string });
    await expect(winfspProvider({ ...system, platform: 'win32' }).mount({ tree: { fs: new MemoryFileSystem(dir([])), onChange: () => () => {} }, title: 'x' })).rejects.toMatchObject({ kind: 'unsupported' });
  });
});

/** A program that uses the drive: a connection is a thread of the library. */
class Program {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  static async start(path: string): Promise<Program> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Program(socket);
  }

  /** @returns what the library's callback returned, and what it gave */
  async ask(...words: readonly (string | number)[]): Promise<{ readonly status: number; readonly lines: readonly string[] }> {
    this.#socket.write(`${words.join('\t')}\n`);
    const lines: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error('the library has gone');
      const status = /^= (-?\d+)$/.exec(value)?.[1];
      if (status !== undefined) return { status: Number(status), lines };
      lines.push(value);
    }
  }

  async end(): Promise<void> {
    this.#socket.end();
    await once(this.#socket, 'close');
  }
}

const tree = (): MemoryNode => dir([['folder', dir([['inner', file('inner text')]])], ['link', symlink('folder/inner')], ['gr\u00f6\u00dfe \u{1f642}', file('umlaut')], ['many', dir(Array.from({ length: 9000 }, (_, i): [string, MemoryNode] => [`n${i}`, file('')]))]]);

describe.skipIf(missing !== undefined)('the drive, towards what plays WinFsp', () => {
  const socket = join(scratch.path, 'drive.sock');
  let mount: Mount | undefined;
  const programs: Program[] = [];

  async function start(fs: FileSystem): Promise<Mount> {
    process.env.FAKE_WINFSP = socket;
    mount = await winfspProvider({ platform: 'win32', library: async () => library, drives: () => (existsSync(socket) ? 'CZ' : 'C') }).mount({ tree: { fs, onChange: () => () => {} }, title: 'disk.img' });
    return mount;
  }
  async function program(): Promise<Program> {
    const started = await Program.start(socket);
    programs.push(started);
    return started;
  }
  afterEach(async () => {
    for (const each of programs.splice(0)) await each.end();
    await mount?.unmount({ lazy: true });
    mount = undefined;
  });

  it('is there, shows its tree, and goes', async () => {
    const { at, ended, mounted } = await start(new WritableMemoryFileSystem(tree()));
    expect({ at, mounted }).toEqual({ at: 'Z:', mounted: true });
    const user = await program();
    expect((await user.ask('options')).lines[0]).toBe('-o uid=-1,gid=-1,volname=disk.img,FileSystemName=Clutch want=0');
    expect((await user.ask('readdir', '/')).lines.toSorted()).toEqual(['.', '..', 'folder', 'gr\u00f6\u00dfe \u{1f642}', 'link', 'many']);
    expect((await user.ask('readdir', '/many')).lines).toHaveLength(9002);
    expect(await user.ask('readdir', '/none')).toMatchObject({ status: -2 });
    expect((await user.ask('readlink', '/link', 100)).lines).toEqual(['folder/inner']);
    expect((await user.ask('readlink', '/link', 5)).lines).toEqual(['fold']);
    const [, mode, nlink, , , size] = (await user.ask('getattr', '/gr\u00f6\u00dfe \u{1f642}')).lines[0]!.split(' ');
    expect({ mode, nlink, size }).toEqual({ mode: '100644', nlink: '1', size: '6' });
    expect(await user.ask('getattr', '/folder/none')).toMatchObject({ status: -2 });
    expect(Number((await user.ask('statfs')).lines[0]!.split(' ')[0])).toBeLessThanOrEqual(4096);
    expect(mount!.stats().requests).toBeGreaterThan(8);
    await user.end();
    programs.length = 0;
    await mount!.unmount();
    expect(await ended).toEqual({ how: 'unmounted' });
    expect(existsSync(socket)).toBe(false);
  });

  it('is written to', async () => {
    await start(new WritableMemoryFileSystem(tree()));
    const user = await program();
    expect((await user.ask('create', '/new', '640')).status).toBe(0);
    expect((await user.ask('write', '/new', 'some text', 0)).status).toBe(9);
    expect((await user.ask('write', '/new', 'TEXT', 5)).status).toBe(4);
    expect((await user.ask('ftruncate', '/new', 8)).status).toBe(0);
    expect((await user.ask('fgetattr', '/new')).lines[0]).toMatch(/^\d+ 100640 1 \d+ \d+ 8 /);
    // What is open outlives its name.
    expect((await user.ask('unlink', '/new')).status).toBe(0);
    expect(await user.ask('read', '/new', 100, 2)).toEqual({ status: 6, lines: ['me TEX'] });
    expect((await user.ask('read', '/new', 100, 50)).status).toBe(0);
    expect(mount!.stats().open).toBe(1);
    await expect(mount!.unmount()).rejects.toMatchObject({ kind: 'busy' });
    expect((await user.ask('release', '/new')).status).toBe(0);
    expect((await user.ask('getattr', '/new')).status).toBe(-2);
    expect((await user.ask('read', '/new', 1, 0)).status).toBe(-9);

    expect((await user.ask('mkdir', '/made', '755')).status).toBe(0);
    expect((await user.ask('mkdir', '/made', '755')).status).toBe(-17);
    expect((await user.ask('rename', '/folder', '/made/moved')).status).toBe(0);
    expect((await user.ask('getattr', '/folder/inner')).status).toBe(-2);
    expect((await user.ask('open', '/made/moved/inner', 0)).status).toBe(0);
    expect(await user.ask('read', '/made/moved/inner', 5, 0)).toEqual({ status: 5, lines: ['inner'] });
    expect((await user.ask('write', '/made/moved/inner', 'x', 0)).status).toBe(-9);
    expect((await user.ask('release', '/')).status).toBe(0);
    expect((await user.ask('rmdir', '/made')).status).toBe(-41);
    expect((await user.ask('symlink', 'target', '/made/link')).status).toBe(0);
    expect((await user.ask('readlink', '/made/link', 100)).lines).toEqual(['target']);
    expect((await user.ask('mknod', '/made/fifo', '10644', 0)).status).toBe(0);
    expect((await user.ask('getattr', '/made/fifo')).lines[0]).toMatch(/^\d+ 10644 /);
    expect((await user.ask('chmod', '/made/moved/inner', '600')).status).toBe(0);
    expect((await user.ask('truncate', '/made/moved/inner', 3)).status).toBe(0);
    expect((await user.ask('utimens', '/made/moved/inner', -5, 250_000_000, 1_700_000_000, 7)).status).toBe(0);
    expect((await user.ask('getattr', '/made/moved/inner')).lines[0]).toMatch(/^\d+ 100600 1 \d+ \d+ 3 -5\.250000000 1700000000\.000000007 /);
    expect((await user.ask('fsync', '/')).status).toBe(0);
  });

  it('keeps attributes', async () => {
    await start(new WritableMemoryFileSystem(tree()));
    const user = await program();
    const path = '/folder/inner';
    expect((await user.ask('setxattr', path, 'user.a', 'value', 0)).status).toBe(0);
    expect((await user.ask('setxattr', path, 'user.a', 'other', 1)).status).toBe(-17);
    expect((await user.ask('getxattr', path, 'user.a', 0)).status).toBe(5);
    expect((await user.ask('getxattr', path, 'user.a', 3)).status).toBe(-34);
    expect(await user.ask('getxattr', path, 'user.a', 50)).toEqual({ status: 5, lines: ['value'] });
    expect((await user.ask('listxattr', path)).lines).toEqual(['user.a']);
    expect((await user.ask('removexattr', path, 'user.a')).status).toBe(0);
    expect((await user.ask('getxattr', path, 'user.a', 50)).status).toBe(-120);
  });

  it('serves several threads at once, and a tree that answers later', async () => {
    const fs = new WritableMemoryFileSystem(tree());
    const later = new Proxy(fs, { get: (target, key) => {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        await new Promise((resolve) => { setImmediate(resolve); });
        return (value as (...given: unknown[]) => unknown).apply(target, args);
      };
    } });
    await start(later);
    const users = [await program(), await program(), await program(), await program()];
    await Promise.all(users.map(async (user, i) => {
      expect((await user.ask('create', `/file ${i}`, '644')).status).toBe(0);
      for (let k = 0; k < 20; k++) expect((await user.ask('write', '', `${i}${k % 10}`, k * 2)).status).toBe(2);
      const { lines } = await user.ask('read', '', 100, 0);
      expect(lines[0]).toBe(Array.from({ length: 20 }, (_, k) => `${i}${k % 10}`).join(''));
    }));
    expect(mount!.stats()).toMatchObject({ open: 4, bytesWritten: 160, bytesRead: 160 });
  });

  it('tells Windows when nothing can be written', async () => {
    await start(new MemoryFileSystem(tree()));
    const user = await program();
    expect((await user.ask('options')).lines[0]).toMatch(/want=400000$/);
    expect((await user.ask('create', '/new', '644')).status).toBe(-30);
    expect((await user.ask('open', '/folder/inner', 2)).status).toBe(-30);
  });

  it('says why there is no drive', async () => {
    const provider = winfspProvider({ platform: 'win32', library: async () => join(scratch.path, 'none.so'), drives: () => 'C' });
    await expect(provider.mount({ tree: { fs: new MemoryFileSystem(tree()), onChange: () => () => {} }, title: 'x' })).rejects.toMatchObject({ kind: 'io', message: expect.stringContaining('shared library') as string });
    const dead = new MemoryFileSystem(tree());
    dead.stat = () => { throw usage('ESTALE', 'gone'); };
    await expect(start(dead)).rejects.toMatchObject({ kind: 'io', message: expect.stringContaining('could not mount Z:') as string });
  });
});
