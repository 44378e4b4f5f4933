import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { dir, file, MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../engines/testing/memory-writer.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../engines/testing/model/images.ts';
import { matrix } from '../../engines/testing/model/matrix.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { missingTools, scratchFolder } from '../../engines/testing/tools.ts';
import { listAll, readAll } from '../../engines/testing/walk.ts';
import { mounts as mountLines } from './mount-table.ts';
import type { Mount } from './provider.ts';
import { findDavfs } from './webdav-davfs.ts';
import { Serving, servingProgram } from './testing/served.ts';
import { credentials, driveIn } from './webdav-desktop.ts';
import { USER } from './webdav-gate.ts';
import { WebdavServer } from './webdav-server.ts';
import { webdavProvider } from './webdav.ts';

const scratch = scratchFolder();
const servers = new Set<WebdavServer>();
const mounts = new Set<Mount>();
afterEach(async () => {
  for (const each of mounts) await each.unmount({ lazy: true }).catch(() => {});
  for (const each of mounts) await each.ended;
  mounts.clear();
  for (const server of servers) await server.close({ cut: true });
  servers.clear();
});
afterAll(() => scratch.remove());

async function start(fs: FileSystem = new WritableMemoryFileSystem(dir({ a: file('hello') })), title = 'disk.img'): Promise<WebdavServer> {
  const server = await WebdavServer.start({ tree: { fs, onChange: () => () => {} }, title });
  servers.add(server);
  return server;
}

/** The status of one request. @param path instead of the address's own */
function ask(address: string, headers: Readonly<Record<string, string>> = {}, method = 'GET', path?: string): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly text: string }> {
  const url = new URL(address);
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: url.port, method, path: path ?? url.pathname, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text })).on('error', reject);
    }).on('error', reject).end();
  });
}

/** Runs a program beside this process, which serves what it uses. */
function run(program: string, args: readonly string[], cwd = '/'): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, timeout: 300_000, killSignal: 'SIGKILL', maxBuffer: 1 << 24, env: { ...process.env, LC_ALL: 'C' } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: `${stdout}${stderr}` });
    });
  });
}

async function mount(fs: FileSystem, at?: string): Promise<Mount> {
  const mounted = await webdavProvider.mount({ tree: { fs, onChange: () => () => {} }, title: 'disk "image".img', ...(at === undefined ? {} : { at }) });
  mounts.add(mounted);
  return mounted;
}

/** Nothing of ours is left: no mount, no daemon, no folder. */
async function expectGone(at: string): Promise<void> {
  await expect.poll(() => mountLines().filter((line) => line.at === at), { timeout: 60_000 }).toEqual([]);
  await expect.poll(async () => (await run('pgrep', ['-f', `mount.davfs.*${at}`])).said, { timeout: 60_000 }).toBe('');
  await expect.poll(() => existsSync(at), { timeout: 60_000 }).toBe(false);
}

const basic = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

describe('the server', () => {
  it('lets in who has the secret in the path, or as a password', async () => {
    const { gate } = await start();
    expect(await ask(`${gate.secretUrl}a`)).toMatchObject({ status: 200, text: 'hello' });
    expect(await ask(`${gate.plainUrl}a`, basic(USER, gate.password))).toMatchObject({ status: 200, text: 'hello' });
    expect(await ask(`${gate.plainUrl}a`)).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Basic realm="clutch", charset="UTF-8"' } });
    for (const headers of [basic(USER, `${gate.password}x`), basic('root', gate.password), basic(USER, ''), { authorization: 'Basic !' }, { authorization: `Bearer ${gate.password}` }]) expect((await ask(`${gate.plainUrl}a`, headers)).status).toBe(401);
    // The two are not the same, so that a path that was seen is no password.
    const [, secret] = new URL(gate.secretUrl).pathname.split('/');
    expect(secret).toMatch(/^[\da-f]{64}$/);
    expect((await ask(`${gate.plainUrl}a`, basic(USER, secret!))).status).toBe(401);
    for (const path of ['/', '/a', `/${'0'.repeat(64)}/disk.img/a`, `/${secret}`, `/${secret}/`, `/${secret}/other/a`, `/${secret}/../${secret}/disk.img/a`, `//${secret}/disk.img/a`]) expect((await ask(gate.secretUrl, {}, 'GET', path)).status, path).toBe(404);
    expect((await ask(gate.secretUrl, {}, 'GET', `/${secret}/disk%2eimg/a`)).status).toBe(200);
  });

  it('answers only to its own address, and no page of another site', async () => {
    const { gate, port } = await start();
    for (const headers of [{ host: 'evil.example' }, { host: `evil.example:${port}` }, { host: '127.0.0.1' }, { origin: 'null' }, { origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }] as Record<string, string>[]) {
      for (const method of ['GET', 'OPTIONS', 'PROPFIND', 'DELETE']) expect((await ask(`${gate.secretUrl}a`, headers, method)).status, JSON.stringify(headers)).toBe(403);
    }
    expect((await ask(`${gate.secretUrl}a`, { host: `localhost:${port}`, 'sec-fetch-site': 'none' })).status).toBe(200);
    const { headers } = await ask(`${gate.secretUrl}a`);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    // Windows asks the server first. It hears nothing of the tree.
    expect(await ask(gate.secretUrl, {}, 'OPTIONS', '/')).toMatchObject({ status: 200, headers: { dav: '1, 2' } });
  });

  it('ends what is no HTTP, and what is too long', async () => {
    const { port, gate } = await start();
    const said = (text: string) => new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.on('data', (part) => { answer += part.toString(); }).on('close', () => resolve(answer)).on('error', reject);
    });
    expect(await said('SSH-2.0-client\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(await said(`GET /${'x'.repeat(40_000)} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    const { host, pathname } = new URL(gate.secretUrl);
    expect(await said(`PUT ${pathname}b HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc`)).toMatch(/^HTTP\/1.1 201 /);
  });

  it('is there for who knows the secret, however many connections others hold', async () => {
    const { gate, port } = await start();
    const { host, pathname } = new URL(gate.secretUrl);
    const open = async (first: string): Promise<{ readonly socket: Socket; readonly state: { said: string; closed: boolean } }> => {
      const state = { said: '', closed: false };
      const socket = connect(port, '127.0.0.1', () => socket.write(first));
      socket.on('error', () => {}).on('data', (part) => { state.said += part.toString(); }).on('close', () => { state.closed = true; });
      await once(socket, 'connect');
      return { socket, state };
    };
    const ask1 = `GET ${pathname}a HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const client = await open(ask1);
    await expect.poll(() => client.state.said, { timeout: 30_000 }).toContain('hello');
    client.state.said = '';
    // Any account of this computer may connect: without a word, in the middle of a head, or with a body that never ends.
    const others: Socket[] = [];
    for (let i = 0; i < 200; i++) others.push((await open(['', 'GET / HTTP/1.1\r\nHost:', `PUT /x HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\n\r\nx`][i % 3]!)).socket);
    expect(await ask(`${gate.secretUrl}a`)).toMatchObject({ status: 200, text: 'hello' });
    client.socket.write(ask1);
    await expect.poll(() => client.state.said, { timeout: 30_000 }).toContain('hello');
    expect(client.state.closed).toBe(false);
    for (const socket of [...others, client.socket]) socket.destroy();
  });

  it('stores nothing of an upload that is cut off, and ends while a client reads', async () => {
    const fs = new WritableMemoryFileSystem(dir({ large: file(new Uint8Array(30_000_000)) }));
    const server = await start(fs);
    const { host, pathname, port } = new URL(server.gate.secretUrl);
    const socket = connect(Number(port), '127.0.0.1');
    await new Promise<void>((resolve) => { socket.write(`PUT ${pathname}b HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5000000\r\n\r\n${'x'.repeat(3_500_000)}`, () => resolve()); });
    await expect.poll(() => server.stats.bytesWritten, { timeout: 30_000 }).toBeGreaterThan(1_000_000);
    expect((await listAll(fs, fs.root)).length).toBe(2);
    socket.destroy();
    await expect.poll(() => server.busy, { timeout: 30_000 }).toBe(false);
    expect((await listAll(fs, fs.root)).map(({ name }) => name)).toEqual(['large']);
    const reader = connect(Number(port), '127.0.0.1');
    reader.on('error', () => {});
    await new Promise<void>((resolve) => {
      reader.write(`GET ${pathname}large HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      reader.once('data', () => { reader.pause(); resolve(); });
    });
    await server.close({ cut: true });
    expect(server.busy).toBe(false);
    reader.destroy();
  });

  it('passes litmus', { timeout: 300_000 }, async (context) => {
    const why = missingTools('litmus');
    if (why !== undefined) skip(context, why);
    const { gate } = await start(new WritableMemoryFileSystem());
    const folder = mkdtempSync(join(scratch.path, 'litmus-'));
    const { code, said } = await run('litmus', ['-k', gate.secretUrl], folder);
    const lines = said.split('\n').filter((line) => /FAIL|WARNING|failed/.test(line) && !/ 0 failed/.test(line));
    expect([code, lines, said.match(/\d+ passed/g)]).toEqual([0, [], ['16 passed', '13 passed', '30 passed', '41 passed', '4 passed']]);
  });
});

describe('clients of other systems', () => {
  it('are told what they need', () => {
    expect(Buffer.from(credentials('pw')).toString('latin1')).toBe('\0\0\0\x06clutch\0\0\0\x02pw\0\0\0\0\0\0\0\0');
    expect(driveIn('Drive Z: is now connected to http://127.0.0.1:1/x.\r\n\r\nThe command completed successfully.')).toBe('Z:');
    expect(driveIn('Laufwerk Y: ist jetzt mit http://127.0.0.1:1/x verbunden.')).toBe('Y:');
    expect(driveIn('The command completed successfully.')).toBeUndefined();
  });

  it('get the address where nothing can mount it', async (context) => {
    if (await findDavfs() !== undefined) skip(context, 'davfs2 is installed, and mounts it');
    const mounted = await webdavProvider.mount({ tree: { fs: new WritableMemoryFileSystem(dir({ a: file('hello') })), onChange: () => () => {} }, title: 'a "title"/x', at: join(scratch.path, 'at') });
    mounts.add(mounted);
    expect([mounted.mounted, mounted.advice, (await ask(`${mounted.at}a`)).text]).toEqual([false, expect.stringContaining('dav://127.0.0.1'), 'hello']);
    await mounted.unmount();
    expect(await mounted.ended).toEqual({ how: 'unmounted' });
    await expect(ask(mounted.at)).rejects.toThrow('ECONNREFUSED');
  });
});

const davfs = await findDavfs();
const reason = missingTools('mount.davfs', 'rsync', 'mke2fs', 'e2fsck') ?? (davfs === undefined || !existsSync('/dev/fuse') ? 'skipped: davfs2 mounts only as root, with /dev/fuse' : undefined);
if (reason !== undefined) console.warn(reason);

describe.skipIf(reason !== undefined)(`davfs2${reason === undefined ? '' : ` (${reason})`}`, () => {
  it('reads and writes an ext4 as a folder; all has arrived when it is unmounted', { timeout: 600_000 }, async () => {
    const bytes = freshImage(matrix.find(({ name }) => name === 'ext4-4k')!, join(scratch.path, 'image'));
    const fs = await openBytes(bytes, new TestAccess(1, 'staged'));
    const source = mkdtempSync(join(scratch.path, 'source-'));
    mkdirSync(join(source, 'folder', 'deep'), { recursive: true });
    for (let i = 0; i < 60; i++) writeFileSync(join(source, i % 2 === 0 ? 'folder' : 'folder/deep', `file ${i} ä&%#`), Buffer.alloc(i * 777, i));
    writeFileSync(join(source, 'large'), Buffer.alloc(9_000_000, 'large'));
    const at = join(scratch.path, 'mounted');
    const mounted = await mount(fs, at);
    expect([mounted.at, mounted.mounted]).toEqual([at, true]);
    expect(await run('rsync', ['-r', '--inplace', `${source}/`, `${at}/`])).toMatchObject({ code: 0 });
    expect(await run('diff', ['-r', '-x', 'lost+found', '-x', '.clutch-unsent', source, at])).toEqual({ code: 0, said: '' });
    expect((await run('mv', [join(at, 'folder', 'deep'), join(at, 'moved')])).code).toBe(0);
    expect((await run('sh', ['-c', `printf more >> '${at}/large' && chmod +x '${at}/large' && rm '${at}/folder/file 2 ä&%#' && printf new > '${at}/new'`])).code).toBe(0);
    await mounted.unmount();
    expect(await mounted.ended).toEqual({ how: 'unmounted' });
    await expectGone(at);
    expect(mounted.stats().bytesWritten).toBeGreaterThan(9_000_000);
    const large = await fs.lookup(fs.root, 'large');
    const contents = await readAll(fs, large!);
    expect([contents.length, Buffer.from(contents.subarray(-4)).toString(), (await fs.stat(large!)).mode]).toEqual([9_000_004, 'more', 0o755]);
    expect(Buffer.from(await readAll(fs, (await fs.lookup(fs.root, 'new'))!)).toString()).toBe('new');
    const moved = await fs.lookup(fs.root, 'moved');
    for (const name of readdirSync(join(source, 'folder', 'deep'))) expect(Buffer.compare(await readAll(fs, (await fs.lookup(moved!, name))!), readFileSync(join(source, 'folder', 'deep', name))), name).toBe(0);
    expect((await listAll(fs, (await fs.lookup(fs.root, 'folder'))!)).length).toBe(29);
    await fs.close();
    writeFileSync(join(scratch.path, 'image'), bytes);
    expect(fsck(join(scratch.path, 'image'))).toBe('');
  });

  it('says who has it open, waits for them or lets them be', { timeout: 300_000 }, async () => {
    const mounted = await mount(new WritableMemoryFileSystem(dir({ a: file('hello') })));
    expect(mounted.at).toContain('disk _image_.img');
    const user = spawn('sleep', ['600'], { cwd: mounted.at });
    await expect.poll(async () => (await mounted.users()).map(({ name }) => name), { timeout: 30_000 }).toEqual(['sleep']);
    await expect(mounted.unmount()).rejects.toMatchObject({ fault: { kind: 'busy' } });
    await mounted.unmount({ lazy: true });
    expect(mountLines().some(({ at }) => at === mounted.at)).toBe(false);
    user.kill('SIGKILL');
    expect(await mounted.ended).toEqual({ how: 'unmounted' });
    await expectGone(mounted.at);
  });

  it('is for reading alone where the tree is', { timeout: 300_000 }, async () => {
    const mounted = await mount(new MemoryFileSystem(dir({ a: file('hello') })));
    expect(await run('cat', [join(mounted.at, 'a')])).toEqual({ code: 0, said: 'hello' });
    expect((await run('sh', ['-c', `echo x > '${mounted.at}/b'`])).said).toMatch(/Read-only file system/i);
    await mounted.unmount();
  });

  it('loses nothing that the volume had no room for', { timeout: 300_000 }, async () => {
    const mounted = await mount(new WritableMemoryFileSystem(dir(), { space: 100_000 }));
    await run('sh', ['-c', `head -c 300000 /dev/zero > '${mounted.at}/big'`]);
    await expect.poll(async () => (await run('ls', ['-A', join(mounted.at, '.clutch-unsent')])).said, { timeout: 60_000 }).toMatch(/^big/);
    await expect(mounted.unmount()).rejects.toMatchObject({ fault: { kind: 'busy' }, message: expect.stringContaining('big') as string });
    expect((await run('sh', ['-c', `rm '${mounted.at}/.clutch-unsent'/*`])).code).toBe(0);
    await mounted.unmount();
    expect(await mounted.ended).toEqual({ how: 'unmounted' });
  });

  it('leaves nothing when its process is killed', { timeout: 300_000 }, async () => {
    const before = readdirSync('/var/cache/davfs2');
    const serving = new Serving(await servingProgram(mkdtempSync(join(scratch.path, 'program-'))));
    const at = join(scratch.path, 'killed');
    expect(await serving.ask({ do: 'mount', what: 'writable tree', at, title: 'killed', by: 'webdav' })).toEqual({ at });
    expect((await run('cat', [join(at, 'folder', 'twice')])).said).toBe('two names');
    // Somebody has it open, and what he wrote is not stored yet.
    const user = spawn('sh', ['-c', `exec 3> '${at}/open'; echo text >&3; echo ready; sleep 600`], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => { user.stdout.once('data', resolve); });
    serving.child.kill('SIGKILL');
    await serving.gone;
    await expectGone(at);
    await expect.poll(() => readdirSync('/var/cache/davfs2'), { timeout: 60_000 }).toEqual(before);
    user.kill('SIGKILL');
  });

  it('notices that somebody else unmounted it, and refuses places that are none', { timeout: 300_000 }, async () => {
    const mounted = await mount(new WritableMemoryFileSystem());
    expect((await run('umount.davfs', [mounted.at])).code).toBe(0);
    expect(await mounted.ended).toEqual({ how: 'unmounted' });
    writeFileSync(join(scratch.path, 'a file'), '');
    await expect(mount(new WritableMemoryFileSystem(), join(scratch.path, 'a file'))).rejects.toMatchObject({ fault: { errno: 'ENOTDIR' } });
    await expect(mount(new WritableMemoryFileSystem(), join(scratch.path, 'none', 'x'))).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
  });
});
