import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Downloads } from '../guests/build/downloads.ts';
import { nodeJob } from '../session.ts';
import { install, type InstallPlatform } from './index.ts';
import { findWinfsp, registryValue } from './winfsp-place.ts';
import { type InstallTools, installWinfsp, WINFSP_INSTALLER } from './winfsp.ts';

const INSTALLER = Buffer.alloc(300_000, 'an installer ');
const SHA256 = createHash('sha256').update(INSTALLER).digest('hex');
const PRESENT = 'C:\\Program Files (x86)\\WinFsp\\bin\\winfsp-x64.dll';

const folder = mkdtempSync(join(tmpdir(), 'clutch-install-test-'));
let caches = 0;
let server: Server;
let url = '';
/** Answers instead of sending the installer. */
let meddle: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (meddle) meddle(request, response);
    else response.writeHead(200, { 'content-length': INSTALLER.length }).end(INSTALLER);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => { meddle = undefined; });
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Windows {
  readonly tools: InstallTools & InstallPlatform;
  /** What was run of installers, and the installer as it was then. */
  readonly ran: { readonly args: readonly string[]; readonly bytes: Buffer }[];
  readonly progress: number[];
}

/** A Windows of words: whose registry, files and installer are said here. */
function windows({ status = 0, registry = {}, files = [] }: { status?: number; registry?: Readonly<Record<string, string>>; files?: readonly string[] } = {}): Windows {
  const ran: { args: readonly string[]; bytes: Buffer }[] = [];
  const progress: number[] = [];
  const tools: InstallTools & InstallPlatform = {
    platform: 'win32', arch: 'x64', env: { SystemRoot: 'C:\\Windows', 'ProgramFiles(x86)': 'C:\\Program Files (x86)' },
    downloads: new Downloads(join(folder, `cache${caches++}`)), job: nodeJob({ report: ({ done }) => progress.push(done) }),
    wanted: { ...WINFSP_INSTALLER, urls: [`${url}/winfsp.msi`], sha256: SHA256, size: 1 << 20 },
    exists: (path) => files.includes(path),
    run(program, args) {
      if (program === 'C:\\Windows\\System32\\reg.exe') {
        const value = registry[args[1]!];
        return Promise.resolve(value === undefined ? { status: 1, out: 'ERROR: The system was unable to find the specified registry key or value.\r\n' } : { status: 0, out: `\r\n${args[1]}\r\n    ${args[3]}    REG_SZ    ${value}\r\n\r\n` });
      }
      expect(program).toBe('C:\\Windows\\System32\\msiexec.exe');
      ran.push({ args, bytes: readFileSync(args[1]!) });
      return Promise.resolve({ status, out: '' });
    },
  };
  return { tools, ran, progress };
}

describe('installing WinFsp', () => {
  it('fetches the installer with progress, runs it, and leaves nothing but the cache', async () => {
    const { tools, ran, progress } = windows();
    expect(await install(false, tools)).toEqual({ what: 'WinFsp', state: 'installed', version: '2.1.25156' });
    expect(ran).toHaveLength(1);
    const { args, bytes } = ran[0]!;
    expect(bytes.equals(INSTALLER)).toBe(true);
    expect([args[0], ...args.slice(2)]).toEqual(['/i', '/passive', '/norestart']);
    expect(args[1]).toMatch(/winfsp-2\.1\.25156\.msi$/);
    expect(existsSync(dirname(args[1]!))).toBe(false);
    expect(progress.at(-1)).toBe(INSTALLER.length);
    // From the cache, with nobody to ask.
    meddle = (_, response) => response.destroy();
    expect(await install(false, tools)).toMatchObject({ state: 'installed' });
  });

  it('does nothing where it is, unless it is forced; then the same version is installed anew', async () => {
    const there = { registry: { 'HKLM\\SOFTWARE\\WOW6432Node\\WinFsp': 'C:\\Program Files (x86)\\WinFsp\\', 'HKCR\\Installer\\Dependencies\\WinFsp': '2.1.25156' }, files: [PRESENT] };
    const { tools, ran } = windows(there);
    expect(await install(false, tools)).toEqual({ what: 'WinFsp', state: 'present', version: '2.1.25156' });
    expect(ran).toHaveLength(0);
    expect(await install(true, tools)).toMatchObject({ state: 'installed' });
    expect(ran[0]!.args.slice(2)).toEqual(['/passive', '/norestart', 'REINSTALL=ALL', 'REINSTALLMODE=vamus']);
    const older = windows({ ...there, registry: { ...there.registry, 'HKCR\\Installer\\Dependencies\\WinFsp': '2.0.23075' } });
    await install(true, older.tools);
    expect(older.ran[0]!.args.slice(2)).toEqual(['/passive', '/norestart']);
  });

  it('follows a redirection, as the release page has one', async () => {
    meddle = ({ url: path }, response) => {
      if (path === '/winfsp.msi') response.writeHead(302, { location: '/elsewhere?token=1' }).end();
      else response.writeHead(200).end(INSTALLER);
    };
    expect(await installWinfsp(false, windows().tools)).toMatchObject({ state: 'installed' });
  });

  it.each<[string, (response: ServerResponse) => void, object]>([
    ['another file', (response) => response.writeHead(200).end(Buffer.alloc(INSTALLER.length, 'another file')), { kind: 'corrupt', message: expect.stringContaining('digest') as string }],
    ['a file that is said to be longer than any installer', (response) => response.writeHead(200, { 'content-length': 5 << 20 }).end(), { kind: 'corrupt', message: expect.stringContaining('at most') as string }],
    ['a file that never ends', (response) => {
      const go = (): void => { while (response.write(INSTALLER)) if (response.destroyed) return; };
      response.writeHead(200).on('drain', go);
      go();
    }, { kind: 'corrupt', message: expect.stringContaining('more than') as string }],
    ['a file that is cut, each time', (response) => { response.writeHead(200, { 'content-length': INSTALLER.length }).write(INSTALLER.subarray(0, 1000), () => response.destroy()); }, { kind: 'io', advice: expect.stringContaining('winfsp.dev') as string }],
    ['no such file', (response) => response.writeHead(404).end(), { kind: 'usage', advice: expect.stringContaining('winfsp.dev') as string }],
    ['redirections without an end', (response) => response.writeHead(302, { location: '/again' }).end(), { kind: 'io' }],
    ['a redirection to a file of this computer', (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(), { kind: 'usage' }],
  ])('runs nothing when the server sends %s', async (_, answer, error) => {
    const { tools, ran } = windows();
    meddle = (_request, response) => answer(response);
    await expect(installWinfsp(false, tools)).rejects.toMatchObject(error);
    expect(ran).toHaveLength(0);
    expect(readdirSync(tools.downloads.folder).filter((name) => !name.endsWith('.part'))).toEqual([]);
  });

  it('stops when it is cancelled', async () => {
    const { tools, ran } = windows();
    meddle = () => {};
    const signal = { aborted: false };
    setTimeout(() => { signal.aborted = true; }, 10);
    await expect(installWinfsp(false, { ...tools, job: nodeJob({ signal }) })).rejects.toMatchObject({ kind: 'cancelled' });
    expect(ran).toHaveLength(0);
  });

  it.each([[3010, { state: 'installed', restart: true }], [1641, { state: 'installed', restart: true }]])('tells of a restart (%i)', async (status, result) => {
    expect(await installWinfsp(false, windows({ status }).tools)).toMatchObject(result);
  });

  it.each([[1602, 'cancelled'], [1618, 'busy'], [1925, 'usage'], [1603, 'io']])('tells why the installer failed (%i)', async (status, kind) => {
    await expect(installWinfsp(false, windows({ status }).tools)).rejects.toMatchObject({ kind });
  });
});

describe('finding WinFsp', () => {
  it('believes the registry, then the usual folder, and only where the library is', async () => {
    const own = 'D:\\Tools\\WinFsp\\';
    expect(await findWinfsp(windows({ registry: { 'HKLM\\SOFTWARE\\WinFsp': own }, files: ['D:\\Tools\\WinFsp\\bin\\winfsp-x64.dll', PRESENT] }).tools)).toEqual({ folder: own, library: 'D:\\Tools\\WinFsp\\bin\\winfsp-x64.dll' });
    expect(await findWinfsp(windows({ registry: { 'HKLM\\SOFTWARE\\WinFsp': own }, files: [PRESENT] }).tools)).toMatchObject({ library: PRESENT });
    expect(await findWinfsp(windows({ registry: { 'HKLM\\SOFTWARE\\WinFsp': own } }).tools)).toBeUndefined();
    expect(await findWinfsp({ ...windows({ files: ['C:\\Program Files (x86)\\WinFsp\\bin\\winfsp-a64.dll'] }).tools, arch: 'arm64' })).toMatchObject({ library: expect.stringMatching(/winfsp-a64\.dll$/) as string });
    expect(await findWinfsp({ ...windows({ files: [PRESENT] }).tools, arch: 'riscv64' })).toBeUndefined();
  });

  it('reads what reg.exe prints', () => {
    expect(registryValue('\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\WOW6432Node\\WinFsp\r\n    InstallDir    REG_SZ    C:\\Program Files (x86)\\WinFsp\\\r\n\r\n', 'InstallDir')).toBe('C:\\Program Files (x86)\\WinFsp\\');
    expect(registryValue('    InstallDir    REG_DWORD    0x1\r\n', 'InstallDir')).toBeUndefined();
    expect(registryValue('    Other    REG_SZ    x\r\n', 'InstallDir')).toBeUndefined();
  });
});

describe('where the system brings it', () => {
  const tools = (platform: NodeJS.Platform, ...files: readonly string[]) => ({ ...windows({ files }).tools, platform, path: '/usr/local/bin:/opt/bin' });

  it('names the package on Linux, or the kernel', async () => {
    expect(await install(false, tools('linux', '/opt/bin/fusermount3', '/dev/fuse'))).toEqual({ what: 'fuse3', state: 'present' });
    expect(await install(false, tools('linux'))).toMatchObject({ state: 'missing', advice: expect.stringContaining('apt install fuse3') as string });
    expect(await install(false, tools('linux', '/usr/bin/fusermount3'))).toMatchObject({ state: 'missing', advice: expect.stringContaining('/dev/fuse') as string });
  });

  it('names macFUSE on macOS', async () => {
    expect(await install(true, tools('darwin', '/Library/Filesystems/macfuse.fs'))).toEqual({ what: 'macFUSE', state: 'present' });
    expect(await install(false, tools('darwin'))).toMatchObject({ what: 'macFUSE', state: 'missing', advice: expect.stringContaining('macfuse.github.io') as string });
  });
});
