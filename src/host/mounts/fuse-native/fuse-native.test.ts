import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { FileSystem } from '../../../engines/core/filesystem.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../engines/testing/memory-writer.ts';
import { scratchFolder } from '../../../engines/testing/tools.ts';
import { mountedAt } from '../mount-table.ts';
import type { Mount } from '../provider.ts';
import { fuseNativeProvider } from './index.ts';

const scratch = scratchFolder();
const can = await fuseNativeProvider.available();
const missing = process.platform !== 'linux' || !can.ok || process.getuid!() !== 0 ? `skipped: ${can.ok ? 'mounted as root of Linux' : can.reason}` : undefined;
if (missing !== undefined) console.warn(missing);
afterAll(() => scratch.remove());

/** Generous: a program waits for us, and we for a processor. */
const PATIENCE = 60_000;

const tree = (): MemoryNode => dir([
  ['folder', dir([['inner', file('inner text')]])], ['link', symlink('folder/inner')], ['gr\u00f6\u00dfe \u{1f642}', file('umlaut', { mode: 0o640, uid: 5, gid: 6 })],
  ['large', file(Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff))], ['many', dir(Array.from({ length: 900 }, (_, i): [string, MemoryNode] => [`n${i}`, file('')]))],
]);

describe.skipIf(missing !== undefined)(`a mount by fuse-native${missing === undefined ? '' : ` (${missing})`}`, () => {
  let mount: Mount | undefined;
  const at = join(scratch.path, 'at');

  async function start(fs: FileSystem): Promise<void> {
    mount = await fuseNativeProvider.mount({ tree: { fs, onChange: () => () => {} }, at, title: 'disk.img' });
  }
  afterEach(async () => {
    await mount?.unmount({ lazy: true });
    mount = undefined;
    if (mountedAt(at) !== undefined || existsSync(at)) throw new Error(`${at} is left`);
  });

  /** Runs a script of Node beside us, in the mount. @returns what it returns */
  async function inside<T>(script: string): Promise<T> {
    const text = `const fs = require('fs'), code = (run) => { try { run(); return 'done' } catch (e) { return e.code } }; process.chdir(${JSON.stringify(at)}); process.stdout.write(JSON.stringify((() => { ${script} })()))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', text], { timeout: PATIENCE, killSignal: 'SIGKILL', maxBuffer: 1 << 26 });
    return JSON.parse(stdout) as T;
  }

  it('shows the tree', async () => {
    await start(new WritableMemoryFileSystem(tree()));
    expect(mount).toMatchObject({ provider: 'fuse-native', at, mounted: true });
    expect(await inside("return fs.readdirSync('.').sort()")).toEqual(['folder', 'gr\u00f6\u00dfe \u{1f642}', 'large', 'link', 'many']);
    expect(await inside("return fs.readdirSync('many').length")).toBe(900);
    expect(await inside("return [fs.readFileSync('folder/inner', 'utf8'), fs.readlinkSync('link'), fs.readFileSync('link', 'utf8')]")).toEqual(['inner text', 'folder/inner', 'inner text']);
    expect(await inside("const s = fs.statSync('gr\u00f6\u00dfe \u{1f642}'); return [s.mode & 0o7777, s.uid, s.gid, s.size, s.nlink]")).toEqual([0o640, 5, 6, 6, 1]);
    expect(await inside("const b = fs.readFileSync('large'); for (let i = 0; i < b.length; i++) if (b[i] !== ((i * 7 + (i >> 8)) & 0xff)) return i; return b.length")).toBe(3_000_000);
    expect(await inside("return [code(() => fs.statSync('none')), code(() => fs.readdirSync('large')), code(() => fs.statSync('large/x'))]")).toEqual(['ENOENT', 'ENOTDIR', 'ENOTDIR']);
    expect(mount!.stats()).toMatchObject({ bytesRead: expect.any(Number) as number });
  });

  it('is written to', async () => {
    const fs = new WritableMemoryFileSystem(tree());
    await start(fs);
    expect(await inside(`
      fs.writeFileSync('new', 'x'.repeat(300000)); fs.appendFileSync('new', 'end'); fs.truncateSync('new', 300001);
      fs.mkdirSync('made/deep', { recursive: true }); fs.renameSync('folder', 'made/moved'); fs.symlinkSync('nowhere', 'made/link'); fs.linkSync('new', 'made/second');
      fs.chmodSync('new', 0o600); fs.chownSync('new', 7, 8); fs.unlinkSync('large');
      const fd = fs.openSync('held', 'w+'); fs.writeSync(fd, 'still here'); fs.unlinkSync('held'); const held = Buffer.alloc(10); fs.readSync(fd, held, 0, 10, 0);
      const size = fs.fstatSync(fd).size; fs.ftruncateSync(fd, 3); const cut = fs.fstatSync(fd).size; fs.fsyncSync(fd); fs.closeSync(fd);
      return [held.toString(), size, cut, code(() => fs.rmdirSync('made')), code(() => fs.writeFileSync('made/moved', '')), code(() => fs.mkdirSync('made')), code(() => fs.writeFileSync('new', '', { flag: 'wx' }))];
    `)).toEqual(['still here', 10, 3, 'ENOTEMPTY', 'EISDIR', 'EEXIST', 'EEXIST']);
    expect(await inside("return fs.readdirSync('.').sort()")).toEqual(['gr\u00f6\u00dfe \u{1f642}', 'link', 'made', 'many', 'new']);
    await mount!.unmount();
    const node = (await fs.lookup(fs.root, 'new'))!;
    expect(await fs.stat(node)).toMatchObject({ mode: 0o600, uid: 7, gid: 8, size: 300_001, nlink: 2 });
    const made = (await fs.lookup(fs.root, 'made'))!;
    expect(await fs.lookup(made, 'second')).toBe(node);
    expect(await fs.lookup((await fs.lookup(made, 'moved'))!, 'inner')).toBeDefined();
  });

  it('refuses times rather than keep wrong ones', async () => {
    await start(new WritableMemoryFileSystem(tree()));
    expect(await inside("return code(() => fs.utimesSync('large', 1, 2))")).toBe('ENOTSUP');
  });

  it('is for reading where nothing can be written', async () => {
    await start(new MemoryFileSystem(tree()));
    expect(await inside("return [code(() => fs.writeFileSync('new', '')), code(() => fs.unlinkSync('large')), fs.readFileSync('folder/inner', 'utf8')]")).toEqual(['EROFS', 'EROFS', 'inner text']);
  });

  it('is not unmounted from below its users', async () => {
    await start(new WritableMemoryFileSystem(tree()));
    const user = execFile('sh', ['-c', `cd ${at} && exec 5<folder/inner && echo open && read -r _`], { timeout: PATIENCE });
    await new Promise((resolve) => { user.stdout!.once('data', resolve); });
    await expect(mount!.unmount()).rejects.toMatchObject({ kind: 'busy' });
    expect((await mount!.users()).map(({ pid }) => pid)).toContain(user.pid);
    user.stdin!.end('\n');
    await new Promise((resolve) => { user.once('exit', resolve); });
    await expect.poll(() => mount!.stats().open, { timeout: PATIENCE }).toBe(0);
    await mount!.unmount();
    expect(await mount!.ended).toEqual({ how: 'unmounted' });
  });

  it('notices an unmount by somebody else, and leaves nothing open', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    await start(new WritableMemoryFileSystem(tree()));
    await promisify(execFile)('umount', [at]);
    expect(await mount!.ended).toEqual({ how: 'unmounted' });
    await expect.poll(descriptors, { timeout: PATIENCE }).toBeLessThanOrEqual(before + 1);
  });
});
