import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { conformance } from '../../engines/testing/conformance.ts';
import { dir, file, MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../engines/testing/memory-writer.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { missingTools, scratchFolder } from '../../engines/testing/tools.ts';
import { walk } from '../../engines/testing/walk.ts';
import { filled, notMounted } from '../guests/testing/kernel-tree.ts';
import { fuseProvider } from './fuse.ts';
import { escapePath, isWithin, mountedAt, mounts, parseMounts } from './mount-table.ts';
import { harmless } from './mount-point.ts';
import { isBelowOwnMount, serveAt } from './own-mounts.ts';
import type { Mount, MountRequest } from './provider.ts';
import { MountedFolder } from './testing/mounted-folder.ts';
import { Serving, servingProgram } from './testing/served.ts';
import { smallTree } from './testing/serving.ts';

const run = promisify(execFile);
const available = await fuseProvider.available();
const reason = !available.ok ? `skipped: ${available.reason}` : missingTools('python3');
if (!available.ok) console.warn(reason);
const root = process.getuid?.() === 0;
/** An account that is not root: "nobody" of every Linux. */
const NOBODY = 65_534;
const noUser = reason ?? (root ? missingTools('fusermount3') : 'another account is taken on by root alone');

const scratch = scratchFolder();
const served = new Set<Mount>();
const processes = new Set<Serving>();
let program: string;

beforeAll(async () => {
  if (reason !== undefined) return;
  chmodSync(scratch.path, 0o755);
  program = await servingProgram(join(scratch.path, 'program'));
});
afterEach(async () => {
  for (const mount of served) await mount.unmount({ lazy: true });
});
afterAll(async () => {
  for (const each of processes) each.child.kill();
  await Promise.all([...processes].map(({ gone }) => gone));
  await vi.waitUntil(() => mounts().every(({ at }) => !isWithin(at, scratch.path)), 60_000);
  scratch.remove();
});

const folder = (name: string): string => mkdtempSync(join(scratch.path, `${name}-`));

async function mounted(at: string, writable = false): Promise<Mount> {
  const fs = writable ? new WritableMemoryFileSystem(smallTree()) : new MemoryFileSystem(smallTree());
  const mount = await fuseProvider.mount({ tree: { fs, onChange: () => () => {} }, title: 'a test, with a space', at });
  served.add(mount);
  void mount.ended.then(() => served.delete(mount));
  return mount;
}

/** A process that serves a mount at `at`. */
function serving(uid?: number, env?: NodeJS.ProcessEnv): Serving {
  const one = new Serving(program, { ...(uid === undefined ? {} : { uid }), ...(env === undefined ? {} : { env }) });
  processes.add(one);
  void one.gone.then(() => processes.delete(one));
  return one;
}

/** What this process has open that a mount needs. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  }).filter((link) => /fuse|eventfd/.test(link));
}

/** Where nobody may write, and has his folder for what runs. */
function home(): string {
  const path = folder('home');
  chownSync(path, NOBODY, NOBODY);
  return path;
}

/** Processes that watch over a path. */
function watchers(at: string): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger).filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words[3] === 'clutch-watcher' && words[4] === at;
    } catch {
      return false;
    }
  });
}

/** A program that has a file of the mount open until it is told to end. */
async function holding(path: string): Promise<{ pid: number; release(): Promise<void>; read(): Promise<string> }> {
  const child = spawn('python3', ['-c', 'import sys\nf = open(sys.argv[1], "rb")\nprint("open", flush=True)\nfor line in sys.stdin:\n  f.seek(0); print(f.read(5).decode(), flush=True)', path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = (): Promise<string> => new Promise((resolve) => { child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim())); });
  expect(await said()).toBe('open');
  return {
    pid: child.pid!,
    async release() {
      const gone = once(child, 'exit');
      child.stdin.end();
      await gone;
    },
    read() {
      const answer = said();
      child.stdin.write('\n');
      return answer;
    },
  };
}

describe.skipIf(reason !== undefined)(`a volume mounted by FUSE${reason === undefined ? '' : ` (${reason})`}`, () => {
  it('is in the list of mounts by its title, and nothing in it acts', async () => {
    const mount = await mounted(join(scratch.path, 'made for it'));
    const line = mountedAt(mount.at)!;
    expect(line).toMatchObject({ type: 'fuse.clutch', source: 'a test, with a space' });
    const [options] = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((each) => each.includes(escapePath(mount.at)));
    for (const option of ['ro', 'nosuid', 'nodev', 'default_permissions']) expect(options!.split(/[ ,]/)).toContain(option);
    expect((await run('ls', [mount.at])).stdout.split('\n')).toContain('large');
    expect(mount.stats().requests).toBeGreaterThan(1);
    await mount.unmount();
    expect(await mount.ended).toEqual({ how: 'unmounted' });
    expect(existsSync(mount.at)).toBe(false);
    // Once more is no error.
    await mount.unmount();
  });

  it('goes where it is asked to, or says why not', async () => {
    const place = folder('places');
    writeFileSync(join(place, 'file'), '');
    mkdirSync(join(place, 'full'));
    writeFileSync(join(place, 'full', 'x'), '');
    symlinkSync(join(place, 'full'), join(place, 'link'));
    for (const [at, errno] of [['file', 'ENOTDIR'], ['full', 'ENOTEMPTY'], ['link', 'ENOTEMPTY'], ['none/x', 'ENOENT'], ['file/x', 'ENOTDIR']] as const) {
      await expect(mounted(join(place, at)), at).rejects.toMatchObject({ fault: { kind: 'usage', errno } });
    }
    const mount = await mounted(join(place, 'here'));
    for (const at of ['here', 'here/folder', 'here/new']) await expect(mounted(join(place, at)), at).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EACCES' } });
    await mount.unmount();
    expect(readdirSync(place).toSorted()).toEqual(['file', 'full', 'link']);
  });

  it('makes a folder of its own, under a harmless name that is free', async () => {
    const request: MountRequest = { tree: { fs: new MemoryFileSystem(dir()), onChange: () => () => {} }, title: '../x/$(y)' };
    const [first, second] = [await fuseProvider.mount(request), await fuseProvider.mount(request)];
    served.add(first).add(second);
    expect([basename(first.at), basename(second.at), dirname(first.at)]).toEqual(['_x_(y)', '_x_(y)-2', dirname(second.at)]);
    await Promise.all([first.unmount(), second.unmount()]);
    served.clear();
    expect([existsSync(first.at), existsSync(second.at)]).toEqual([false, false]);
  });

  it('says who uses it, and stays until it is let go', async () => {
    const mount = await mounted(folder('busy'));
    const holder = await holding(join(mount.at, 'folder/inner/deep'));
    await expect(mount.unmount()).rejects.toMatchObject({ fault: { kind: 'busy' } });
    expect((await mount.users()).filter(({ pid }) => pid === holder.pid)).toEqual([{ pid: holder.pid, name: expect.stringContaining('python') as string, path: 'folder/inner/deep' }]);
    await holder.release();
    expect((await mount.users()).filter(({ pid }) => pid === holder.pid)).toEqual([]);
    await mount.unmount();
    expect(existsSync(mount.at)).toBe(true);
  });

  it('sees programs that stand in it, or have a file of it mapped', async () => {
    const mount = await mounted(folder('standing'));
    const shell = spawn('/bin/sh', ['-c', 'cd "$1" && exec python3 -c "import mmap, os, sys\nfd = os.open(\'large\', 0)\nm = mmap.mmap(fd, 0, prot=mmap.PROT_READ)\nos.close(fd)\nprint(\'ready\', flush=True)\nsys.stdin.read()"', 'sh', mount.at], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(shell.stdout, 'data');
    expect((await mount.users()).filter(({ pid }) => pid === shell.pid).map(({ path }) => path).toSorted()).toEqual(['', 'large']);
    shell.stdin.end();
    await once(shell, 'exit');
    await mount.unmount();
  });

  it('taken away lazily serves whoever has something open', async () => {
    const mount = await mounted(folder('lazy'));
    const holder = await holding(join(mount.at, 'hole'));
    await mount.unmount({ lazy: true });
    expect(mountedAt(mount.at)).toBeUndefined();
    expect(await holder.read()).toBe('begin');
    expect((await mount.users()).map(({ pid }) => pid)).toEqual([holder.pid]);
    expect(await Promise.race([mount.ended, Promise.resolve('served on')])).toBe('served on');
    await holder.release();
    expect(await mount.ended).toEqual({ how: 'unmounted' });
  });

  it('taken away lazily leaves no folder that it made, where programs would write to this computer by its path; one that was chosen stays', async () => {
    const place = folder('way');
    const made = await mounted(join(place, 'made'), true);
    const chosen = await mounted(folder('chosen'), true);
    const holders = await Promise.all([made, chosen].map(({ at }) => holding(join(at, 'hole'))));
    for (const mount of [made, chosen]) await mount.unmount({ lazy: true });
    await expect(run('/bin/sh', ['-c', 'echo lost >"$1/new"', 'sh', made.at])).rejects.toThrow(/new/);
    expect([readdirSync(place), existsSync(chosen.at)]).toEqual([[], true]);
    // The folder of another one, made at that path since, is let be.
    mkdirSync(made.at);
    for (const holder of holders) await holder.release();
    await Promise.all([made.ended, chosen.ended]);
    expect(readdirSync(place)).toEqual(['made']);
  });

  it('notices that somebody else unmounted it', async () => {
    const mount = await mounted(folder('outside'));
    await run(root ? 'umount' : 'fusermount3', [...(root ? [] : ['-u']), mount.at], { env: { ...process.env, PATH: `${process.env.PATH}:/sbin:/usr/sbin` } });
    expect(await mount.ended).toEqual({ how: 'unmounted' });
    expect(watchers(mount.at)).toEqual([]);
  });

  it('is taken away when its connection is aborted', async (context) => {
    const mount = await mounted(folder('aborted'));
    const abort = `/sys/fs/fuse/connections/${mountedAt(mount.at)!.device.split(':')[1]}/abort`;
    if (!existsSync(abort)) skip(context, 'fusectl is not mounted');
    writeFileSync(abort, '1');
    expect(await mount.ended).toMatchObject({ how: 'failed' });
    expect(mountedAt(mount.at)).toBeUndefined();
  });

  it('leaves what programs wrote in the tree', async () => {
    const fs = new WritableMemoryFileSystem(dir([['file', file('old', { uid: process.getuid!() })]], { uid: process.getuid!(), mode: 0o755 }));
    const mount = await fuseProvider.mount({ tree: { fs, onChange: () => () => {} }, title: 'written', at: folder('written') });
    served.add(mount);
    await run('python3', ['-c', 'import os, sys\nos.chdir(sys.argv[1])\nopen("new", "wb").write(bytes(range(256)) * 8192)\nos.rename("file", "other")', mount.at]);
    await mount.unmount();
    served.delete(mount);
    const node = fs.lookup(fs.root, 'new')!;
    const bytes = new Uint8Array(2 << 20);
    expect([fs.read(node, 0, bytes), bytes[255], bytes.at(-1), fs.lookup(fs.root, 'file')]).toEqual([2 << 20, 255, 255, undefined]);
  });

  it('fifty times: nothing is left of any', async () => {
    const at = join(scratch.path, 'again');
    await (await mounted(at)).unmount();
    const before = descriptors();
    for (let i = 0; i < 50; i++) {
      const mount = await mounted(at);
      if (i % 10 === 0) expect((await run('cat', [join(at, 'folder/twice')])).stdout).toBe('two names');
      await mount.unmount();
      expect(existsSync(at)).toBe(false);
    }
    expect(watchers(at)).toEqual([]);
    // libuv's own epoll has an eventfd that was there before.
    await expect.poll(descriptors).toEqual(before);
  });

  it('is gone soon after its process was killed, with the folder that was made for it', async () => {
    const place = folder('killed');
    const at = join(place, 'mount');
    const process = serving();
    await process.ask({ do: 'mount', what: 'small tree', at, title: 'killed' });
    expect((await run('cat', [join(at, 'folder/twice')])).stdout).toBe('two names');
    expect(watchers(at)).toHaveLength(1);
    process.child.kill('SIGKILL');
    await process.gone;
    await expect.poll(() => [mountedAt(at), watchers(at), readdirSync(place)], { timeout: 60_000 }).toEqual([undefined, [], []]);
  });

  it('is taken away by the next mount when its watcher was killed, too', async () => {
    const place = folder('both');
    const at = join(place, 'mount');
    const first = serving();
    await first.ask({ do: 'mount', what: 'small tree', at, title: 'killed' });
    for (const pid of watchers(at)) process.kill(pid, 'SIGKILL');
    first.child.kill('SIGKILL');
    await first.gone;
    await expect.poll(() => watchers(at)).toEqual([]);
    expect(mountedAt(at)?.type).toBe('fuse.clutch');
    await (await mounted(join(place, 'other'))).unmount();
    expect([mountedAt(at), readdirSync(place)]).toEqual([undefined, []]);
  });

  it('is taken away by the next mount though a folder above it got another name, and nothing else that is served', async () => {
    const place = folder('both');
    mkdirSync(join(place, 'above'));
    const first = serving();
    await first.ask({ do: 'mount', what: 'small tree', at: join(place, 'above/mount'), title: 'killed' });
    for (const pid of watchers(join(place, 'above/mount'))) process.kill(pid, 'SIGKILL');
    first.child.kill('SIGKILL');
    await first.gone;
    renameSync(join(place, 'above'), join(place, 'moved'));
    expect(mountedAt(join(place, 'moved/mount'))?.type).toBe('fuse.clutch');
    await (await mounted(join(place, 'other'))).unmount();
    expect([mountedAt(join(place, 'moved/mount')), readdirSync(join(place, 'moved'))]).toEqual([undefined, []]);
  });

  it('lets its process end', async () => {
    const place = folder('exit');
    const at = join(place, 'mount');
    const process = serving();
    await process.ask({ do: 'mount', what: 'small tree', at, title: 'exit' });
    process.child.kill('SIGTERM');
    await process.gone;
    await expect.poll(() => [mountedAt(at), readdirSync(place)], { timeout: 60_000 }).toEqual([undefined, []]);
    // By itself, as soon as nothing is mounted and nobody asks.
    const other = serving();
    await other.ask({ do: 'mount', what: 'small tree', at, title: 'exit' });
    await other.ask({ do: 'unmount' });
    other.child.stdin!.end();
    await other.gone;
    expect(other.child.exitCode).toBe(0);
  });
});

describe.skipIf(noUser !== undefined)(`as an ordinary user${noUser === undefined ? '' : ` (${noUser})`}`, () => {
  conformance('a tree mounted by fusermount3', async () => {
    const path = home();
    const process = serving(NOBODY, { TMPDIR: path, XDG_RUNTIME_DIR: '' });
    const { at } = await process.ask<{ at: string }>({ do: 'mount', what: 'small tree', title: 'by, fusermount3' });
    return {
      fs: await MountedFolder.open(at, NOBODY), expected: await walk(new MemoryFileSystem(smallTree(NOBODY))),
      async dispose() {
        await process.ask({ do: 'unmount' });
        process.child.stdin!.end();
        await process.gone;
      },
    };
  });

  const noExt4 = missingTools('mke2fs', 'setfattr') ?? notMounted('ext4');
  if (noExt4 !== undefined) {
    it(`an ext4 mounted by fusermount3: ${noExt4}`, (context) => skip(context, noExt4));
  } else {
    conformance('an ext4 mounted by fusermount3', async () => {
      const path = home();
      const image = join(path, 'image');
      execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', image, '32M'], { env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
      // It may read whatever there is, except what Linux shows to root alone.
      const expected = filled(image, join(path, 'filled'), 'setfattr -x trusted.secret "$2/small"');
      chownSync(image, NOBODY, NOBODY);
      const server = serving(NOBODY, { TMPDIR: path, XDG_RUNTIME_DIR: '' });
      const { at } = await server.ask<{ at: string }>({ do: 'mount', what: image, title: 'ext4' });
      return {
        fs: await MountedFolder.open(at, NOBODY), expected,
        async dispose() {
          await server.ask({ do: 'unmount' });
          server.child.stdin!.end();
          await server.gone;
        },
      };
    });
  }

  it('writes, says who uses it, and is gone soon after its process was killed', async () => {
    const path = home();
    const at = join(path, 'mount');
    const process = serving(NOBODY, { TMPDIR: path, XDG_RUNTIME_DIR: '' });
    await process.ask({ do: 'mount', what: 'writable tree', at, title: 'user' });
    const seen = await MountedFolder.open(at, NOBODY);
    const node = await seen.writer.create(seen.root, 'new', { mode: 0o640 });
    expect(await seen.writer.write(node, 0, new Uint8Array(100_000).fill(7))).toBe(100_000);
    expect(await seen.stat(node)).toMatchObject({ size: 100_000, mode: 0o640, uid: NOBODY });
    await seen.writer.hold(node);
    await expect(process.ask({ do: 'unmount' })).rejects.toMatchObject({ fault: { kind: 'busy' } });
    expect(await process.ask<{ path: string }[]>({ do: 'users' })).toContainEqual(expect.objectContaining({ path: 'new' }));
    await seen.close();
    process.child.kill('SIGKILL');
    await process.gone;
    await expect.poll(() => [mountedAt(at), watchers(at), existsSync(at)], { timeout: 60_000 }).toEqual([undefined, [], false]);
  });

  it('may read and change all that is in an image, whosever it is there', async () => {
    const path = home();
    const at = join(path, 'mount');
    const process = serving(NOBODY, { TMPDIR: path, XDG_RUNTIME_DIR: '' });
    await process.ask({ do: 'mount', what: 'tree of root', at, title: 'foreign' });
    const { stdout } = await run('sh', ['-ec', 'cd "$1"; stat -c "%n %u:%g %a" . private private/secret; cat private/secret; echo more >> private/secret; cat private/secret; echo new > private/new; rm private/gone; mkdir made; ls private', 'sh', at], { uid: NOBODY, gid: NOBODY });
    // With the owners that they have, so that a copy of them is true.
    expect(stdout.split('\n')).toEqual(['. 0:0 755', 'private 0:0 700', 'private/secret 0:0 600', 'secret', 'secret', 'more', 'new', 'secret', '']);
    await expect(run('ls', [at])).rejects.toThrow(/Permission denied/);
    await process.ask({ do: 'unmount' });
    process.child.stdin!.end();
    await process.gone;
  });

  it('mounts in a folder of its own where somebody else was first with its name in the shared one', async () => {
    for (const plant of [(at: string): void => { mkdirSync(at); }, (at: string): void => { symlinkSync('/etc', at); }]) {
      const [path, shared] = [home(), folder('shared')];
      chmodSync(shared, 0o1777);
      plant(join(shared, `clutch-${NOBODY}`));
      const process = serving(NOBODY, { TMPDIR: shared, XDG_RUNTIME_DIR: '', XDG_CACHE_HOME: '', HOME: path });
      const { at } = await process.ask<{ at: string }>({ do: 'mount', what: 'small tree', title: 'away' });
      expect(at).toBe(join(path, '.cache/clutch/mounts/away'));
      expect(statSync(dirname(at)).mode & 0o777).toBe(0o700);
      await process.ask({ do: 'unmount' });
      process.child.stdin!.end();
      await process.gone;
    }
  });

  it('is not open to others', async () => {
    const path = home();
    const process = serving(NOBODY, { TMPDIR: path, XDG_RUNTIME_DIR: '' });
    const { at } = await process.ask<{ at: string }>({ do: 'mount', what: 'small tree', title: 'by, fusermount3' });
    expect([at, mountedAt(at)]).toMatchObject([join(path, `clutch-${NOBODY}`, 'by, fusermount3'), { type: 'fuse.clutch', source: 'by, fusermount3' }]);
    await expect(run('ls', [at])).rejects.toThrow(/Permission denied/);
    await process.ask({ do: 'unmount' });
    expect([await process.ask({ do: 'ended' }), existsSync(at)]).toEqual([{ how: 'unmounted' }, false]);
    process.child.stdin!.end();
    await process.gone;
  });
});

describe('the list of mounts', () => {
  it('is read with all that its paths may hold', () => {
    const lines = ['42 27 0:39 / /a\\040b\\134c ro,nosuid shared:1 master:2 - fuse.clutch x\\040y\\043 ro,user_id=0', 'nonsense', '', '43 27 8:1 /sub /tmp/# rw - ext4 /dev/sda1 rw'];
    expect(parseMounts(lines.join('\n'))).toEqual([
      { id: 42, parent: 27, device: '0:39', at: '/a b\\c', type: 'fuse.clutch', source: 'x y#' },
      { id: 43, parent: 27, device: '8:1', at: '/tmp/#', type: 'ext4', source: '/dev/sda1' },
    ]);
    expect(escapePath('/a b\\c\n\t#')).toBe('/a\\040b\\134c\\012\\011#');
  });

  it('names folders after titles', () => {
    expect(['disk.img', '..', '', 'a/b\u202e\n', '-rf', ' x ', 'ä'.repeat(80)].map(harmless)).toEqual(['disk.img', 'volume', 'volume', 'a_b_', 'rf', 'x', 'ä'.repeat(50)]);
  });
});

describe('a path below our own mount', () => {
  it('is known without a look at the mount', () => {
    const place = mkdtempSync(join(scratch.path, 'own-'));
    mkdirSync(join(place, 'at'));
    mkdirSync(join(place, 'side'));
    symlinkSync('../at/x', join(place, 'side', 'in'));
    symlinkSync('at', join(place, 'to'));
    symlinkSync('circle', join(place, 'circle'));
    symlinkSync(join(place, 'side'), join(place, 'aside'));
    const below = (path: string): boolean => isBelowOwnMount(join(place, path));
    const paths = ['at', 'at/x/y', 'side/in', 'side/in/more', 'to', 'to/x', 'aside/in'];
    expect(paths.map(below)).toEqual(paths.map(() => false));
    const own = serveAt(join(place, 'at'));
    expect(paths.map(below)).toEqual(paths.map(() => true));
    expect(['', 'side', 'side/new', 'att', 'circle/x', 'none/at', 'aside'].map(below)).toEqual([false, false, false, false, false, false, false]);
    // The parent of what the link leads to.
    expect(isBelowOwnMount(`${place}/aside/../at/x`)).toBe(true);
    own.gone();
    expect(below('at')).toBe(false);
    rmSync(place, { recursive: true });
  });
});
