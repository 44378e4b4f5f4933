import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import type { NbdExport } from '../../engines/protocols/nbd/index.ts';
import { missingTools, scratchFolder } from '../../engines/testing/tools.ts';
import { FilePages } from '../edit/pages.ts';
import { FileDevice } from '../sources/file.ts';
import { type DiskServer, type DiskServerOptions, startDiskServer } from './disk-server.ts';

const MIB = 1024 * 1024;
const scratch = scratchFolder();
const at = (name: string): string => join(scratch.path, name);
afterAll(() => scratch.remove());

const servers: DiskServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(device: BlockDevice, rest: Partial<NbdExport> = {}, options: Partial<DiskServerOptions> = {}): Promise<DiskServer> {
  const server = await startDiskServer({ exports: [{ name: '', device, readOnly: false, ...rest }], ...options });
  servers.push(server);
  return server;
}

/** Runs a tool beside the server, which is in this process. @returns its standard output. @throws with its standard error when it fails */
function tool(name: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C', PATH: [process.env['PATH'], '/usr/sbin', '/sbin'].join(delimiter) };
  return new Promise((resolve, reject) => {
    execFile(name, args, { env, maxBuffer: 64 * MIB }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${name} ${args.join(' ')}: ${stdout}${stderr}`));
    });
  });
}

function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 7; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** An image file, and a device over it. */
function image(name: string, bytes: Uint8Array, { write = false } = {}): FileDevice {
  writeFileSync(at(name), bytes);
  const device = new FileDevice(at(name), { write });
  onTestFinished(() => device.close());
  return device;
}

/** Whether the files have the same bytes. */
function same(one: string, other: Uint8Array): boolean {
  return Buffer.compare(readFileSync(one), other) === 0;
}

describe('the socket', () => {
  it('lies in a folder for this account alone, and goes with the server', async () => {
    const server = await serve(new MemoryDevice(new Uint8Array(512)));
    const folder = dirname(server.path);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(server.path).mode & 0o777).toBe(0o600);
    expect(server.uri('a b')).toBe(`nbd+unix:///a%20b?socket=${server.path}`);
    await server.close();
    expect(existsSync(folder)).toBe(false);
  });

  it('of a server that crashed is taken away by the next one, and nothing else', async () => {
    const uuid = '00000000-0000-4000-8000-';
    const folders = ['crashed', 'starting', 'empty', 'other'].map((name, i) => [name, join(tmpdir(), `clutch-nbd-${uuid}${String(process.pid).padStart(11, '0')}${i}`)] as const);
    onTestFinished(() => { for (const [, folder] of folders) rmSync(folder, { recursive: true, force: true }); });
    for (const [name, folder] of folders) {
      mkdirSync(folder, { mode: 0o700 });
      if (name === 'crashed') {
        const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(join(folder, 'nbd.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`]);
        await new Promise((resolve) => { child.once('exit', resolve); });
      }
      if (name === 'other') writeFileSync(join(folder, 'file'), '');
      if (name !== 'starting') utimesSync(folder, 1, 1);
    }
    const alive = await serve(new MemoryDevice(new Uint8Array(512)));
    await serve(new MemoryDevice(new Uint8Array(512)));
    expect(folders.filter(([, folder]) => existsSync(folder)).map(([name]) => name)).toEqual(['starting', 'other']);
    expect(existsSync(alive.path)).toBe(true);
    expect(alive.clients).toBe(0);
  });

  it('has the path that was asked for, unless something is there', async () => {
    const server = await serve(new MemoryDevice(new Uint8Array(512)), {}, { at: { socket: at('chosen.sock') } });
    expect(server.path).toBe(at('chosen.sock'));
    await expect(serve(new MemoryDevice(new Uint8Array(512)), {}, { at: { socket: at('chosen.sock') } })).rejects.toMatchObject({ fault: { errno: 'EEXIST' } });
    writeFileSync(at('file'), 'mine');
    await expect(serve(new MemoryDevice(new Uint8Array(512)), {}, { at: { socket: at('file') } })).rejects.toMatchObject({ fault: { errno: 'EEXIST' } });
    expect(readFileSync(at('file'), 'utf8')).toBe('mine');
    await expect(serve(new MemoryDevice(new Uint8Array(512)), {}, { at: { socket: at('none/x.sock') } })).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    await expect(serve(new MemoryDevice(new Uint8Array(512)), {}, { at: { socket: at('x'.repeat(200)) } })).rejects.toMatchObject({ fault: { errno: 'ENAMETOOLONG' } });
    await server.close();
    expect(existsSync(at('chosen.sock'))).toBe(false);
  });

  it('may be a port of this computer alone', async () => {
    const server = await serve(new MemoryDevice(new Uint8Array(512)), {}, { at: { port: 0 } });
    expect(server.path).toBe('');
    expect(server.uri()).toBe(`nbd://127.0.0.1:${server.port}/`);
    const greeting = await new Promise<Buffer>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1');
      socket.once('data', (bytes) => { socket.destroy(); resolve(bytes); });
      socket.once('error', reject);
    });
    expect(greeting.subarray(0, 16).toString()).toBe('NBDMAGICIHAVEOPT');
    await expect(serve(new MemoryDevice(new Uint8Array(512)), {}, { at: { port: server.port } })).rejects.toMatchObject({ fault: { kind: 'busy' } });
  });

  it('tells of clients that break the protocol, and turns away more than it can hold', async () => {
    const failures: string[] = [];
    const server = await serve(new MemoryDevice(new Uint8Array(512)), {}, { onFailure: ({ message }) => failures.push(message) });
    const closed = (bytes?: Uint8Array) => new Promise<void>((resolve) => {
      const socket = connect(server.path);
      socket.on('error', () => {});
      socket.once('close', () => resolve());
      socket.resume();
      if (bytes) socket.write(bytes);
    });
    await closed(new Uint8Array(100).fill(0xff));
    expect(failures).toEqual([expect.stringContaining('does not keep to the protocol')]);
    const many = Array.from({ length: 65 }, () => closed());
    // The sixty-fifth ends by itself, the others with the server.
    await Promise.race(many);
    await server.close();
    await Promise.all(many);
  });
});

const withoutQemu = missingTools('qemu-img', 'qemu-io');
describe.skipIf(withoutQemu !== undefined)('QEMU', () => {
  it('reads every byte', async () => {
    const bytes = pattern(5 * MIB + 1024);
    const server = await serve(image('read.img', bytes), { readOnly: true });
    expect(JSON.parse(await tool('qemu-img', 'info', '--output=json', '-f', 'raw', server.uri()))).toMatchObject({ 'virtual-size': bytes.length });
    await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', server.uri(), at('read.img'));
    await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', server.uri(), at('read.out'));
    expect(same(at('read.out'), bytes)).toBe(true);
    await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', server.uri(), at('read.qcow2'));
    await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', at('read.img'), at('read.qcow2'));
    await expect(tool('qemu-io', '-f', 'raw', '-c', 'write 0 4k', server.uri())).rejects.toThrow(/permission denied|read-only/i);
    expect(server.stats.bytesWritten).toBe(0);
  });

  it('sees a disk that ends in a sector as one that ends after it', async () => {
    const bytes = pattern(MIB + 100);
    const server = await serve(image('odd.img', bytes), { readOnly: true });
    await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', server.uri(), at('odd.out'));
    expect(same(at('odd.out'), Buffer.concat([bytes, new Uint8Array(412)]))).toBe(true);
  });

  it('writes, zeroes, discards and flushes into an overlay, and the image stays as it is', async () => {
    const bytes = pattern(8 * MIB);
    const below = image('below.img', bytes);
    const overlay = new OverlayDevice(below, new FilePages());
    onTestFinished(() => overlay.close());
    const server = await serve(overlay);
    await tool('qemu-io', '-f', 'raw', ...['write -P 0x11 0 3M', 'write -P 0x22 1001 777', 'write -z 4M 1M', 'write -z -u 5M 64k', 'write -f -P 0x33 6M 4k', 'discard 7M 64k', 'flush', 'read -P 0x11 4k 64k', 'read -P 0x22 1001 777', 'read -P 0 4M 1088k'].flatMap((command) => ['-c', command]), server.uri());
    const expected = bytes.slice();
    expected.fill(0x11, 0, 3 * MIB).fill(0x22, 1001, 1778).fill(0, 4 * MIB, 5 * MIB + 65536).fill(0x33, 6 * MIB, 6 * MIB + 4096);
    await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', server.uri(), at('changed.out'));
    expect(same(at('changed.out'), expected)).toBe(true);
    const through = new Uint8Array(expected.length);
    overlay.read(0, through);
    expect(Buffer.compare(through, expected)).toBe(0);
    expect(same(at('below.img'), bytes)).toBe(true);
    expect(server.stats.bytesWritten).toBeGreaterThan(4 * MIB);
  });

  it('is told which ranges are holes', async () => {
    const holes = [{ at: MIB, length: 2 * MIB }, { at: 6 * MIB, length: MIB }];
    const bytes = pattern(8 * MIB);
    for (const hole of holes) bytes.fill(0, hole.at, hole.at + hole.length);
    const holey: BlockDevice = { size: bytes.length, blockSize: 512, read: (from, into) => { into.set(bytes.subarray(from, from + into.length)); }, holes: (from, length) => holes.filter((hole) => hole.at < from + length && hole.at + hole.length > from).map((hole) => ({ at: Math.max(hole.at, from), length: Math.min(hole.at + hole.length, from + length) - Math.max(hole.at, from) })), close() {} };
    const server = await serve(holey);
    const map = JSON.parse(await tool('qemu-img', 'map', '--output=json', '-f', 'raw', server.uri())) as { start: number; length: number; data: boolean; zero: boolean }[];
    expect(map.filter(({ data, zero }) => !data && zero).map(({ start, length }) => ({ at: start, length }))).toEqual(holes);
    await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', server.uri(), at('holes.out'));
    expect(same(at('holes.out'), bytes)).toBe(true);
    expect(server.stats.bytesRead).toBeLessThan(6 * MIB);
  });

  it('does not fetch the holes of a sparse image, through an overlay either', async (context) => {
    writeFileSync(at('sparse.img'), '');
    truncateSync(at('sparse.img'), 256 * MIB);
    const file = openSync(at('sparse.img'), 'r+');
    writeSync(file, pattern(MIB), 0, MIB, 100 * MIB);
    closeSync(file);
    if (process.platform !== 'linux' || statSync(at('sparse.img')).blocks * 512 > 2 * MIB) context.skip('the filesystem here has no holes');
    const below = new FileDevice(at('sparse.img'));
    const overlay = new OverlayDevice(below, new FilePages());
    onTestFinished(() => {
      overlay.close();
      below.close();
    });
    const server = await serve(overlay);
    await tool('qemu-io', '-f', 'raw', '-c', 'write -P 5 200M 1M', '-c', 'write -z -u 0 64M', server.uri());
    expect(server.stats.bytesWritten).toBe(MIB);
    const read = server.stats.bytesRead;
    await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', server.uri(), at('sparse.out'));
    expect(server.stats.bytesRead - read).toBeLessThan(4 * MIB);
    const out = new FileDevice(at('sparse.out'));
    onTestFinished(() => out.close());
    const bytes = new Uint8Array(MIB);
    for (const [place, expected] of [[100, pattern(MIB)], [200, new Uint8Array(MIB).fill(5)], [150, new Uint8Array(MIB)]] as const) {
      out.read(place * MIB, bytes);
      expect(Buffer.compare(bytes, expected)).toBe(0);
    }
  });

  it('has no more way to the disk after a fence, and none when the server is closed', async () => {
    const device = new MemoryDevice(pattern(MIB));
    const server = await serve(device);
    await tool('qemu-io', '-f', 'raw', '-c', 'write -P 1 0 4k', server.uri());
    server.fence();
    await expect(tool('qemu-io', '-f', 'raw', '-c', 'write -P 2 0 4k', server.uri())).rejects.toThrow(/shutdown/i);
    await tool('qemu-io', '-f', 'raw', '-c', 'read -P 1 0 4k', server.uri());
    await server.close();
    await expect(tool('qemu-img', 'info', '-f', 'raw', server.uri())).rejects.toThrow(/No such file|refused/i);
    expect(device.view(0, 4096)).toEqual(new Uint8Array(4096).fill(1));
  });

  it('may be killed in the middle of writing: the next program has the disk, and the image below is as it was', async () => {
    const bytes = pattern(16 * MIB);
    const overlay = new OverlayDevice(image('killed.img', bytes), new FilePages());
    onTestFinished(() => overlay.close());
    const server = await serve(overlay);
    for (let round = 0; round < 5; round++) {
      const before = server.stats.bytesWritten;
      const child = spawn('qemu-img', ['bench', '-f', 'raw', '-w', '-c', '1000000', '-d', '8', '-s', '256K', server.uri()], { stdio: 'ignore' });
      const exited = new Promise((resolve) => { child.once('exit', resolve); });
      await expect.poll(() => server.stats.bytesWritten).toBeGreaterThan(before + MIB);
      child.kill('SIGKILL');
      await exited;
      await expect.poll(() => server.clients).toBe(0);
      await tool('qemu-io', '-f', 'raw', '-c', `write -P ${round + 1} 12345 67890`, '-c', `read -P ${round + 1} 12345 67890`, server.uri());
    }
    expect(same(at('killed.img'), bytes)).toBe(true);
  });

  it('serves several disks from one socket', async () => {
    const server = await startDiskServer({ exports: [{ name: 'one', device: image('one.img', pattern(MIB)), readOnly: true }, { name: 'zwei/ö', device: image('two.img', new Uint8Array(2 * MIB)), readOnly: true }] });
    servers.push(server);
    await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', server.uri('one'), at('one.img'));
    await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', server.uri('zwei/ö'), at('two.img'));
    await expect(tool('qemu-img', 'info', '-f', 'raw', server.uri('three'))).rejects.toThrow(/no export/i);
  });
});

const withoutNbd = missingTools('nbdinfo', 'nbdcopy');
describe.skipIf(withoutNbd !== undefined)('libnbd', () => {
  it('knows all about it', async () => {
    const server = await serve(image('info.img', pattern(MIB)), { name: 'disk', description: 'the disk' });
    const { exports: [info], ...rest } = JSON.parse(await tool('nbdinfo', '--json', '--list', server.uri())) as { exports: Record<string, unknown>[] };
    expect(rest).toMatchObject({ protocol: 'newstyle-fixed', structured: true });
    expect(info).toMatchObject({ 'export-name': 'disk', description: 'the disk', 'export-size': MIB, is_read_only: true, can_multi_conn: true, can_df: true, can_cache: true, block_size_minimum: 1, block_size_preferred: 4096, block_size_maximum: 32 * MIB, contexts: ['base:allocation'] });
    const writable = await serve(image('info-rw.img', pattern(MIB), { write: true }));
    expect((JSON.parse(await tool('nbdinfo', '--json', writable.uri())) as { exports: unknown[] }).exports[0]).toMatchObject({ is_read_only: false, can_flush: true, can_fua: true, can_trim: true, can_zero: true, can_fast_zero: false });
  });

  it('copies in both directions over many connections', async () => {
    const bytes = pattern(16 * MIB);
    bytes.fill(0, 4 * MIB, 8 * MIB);
    writeFileSync(at('source.img'), bytes);
    const server = await serve(image('target.img', pattern(16 * MIB).fill(9), { write: true }));
    await tool('nbdcopy', '--flush', '--connections=4', at('source.img'), server.uri());
    expect(same(at('target.img'), bytes)).toBe(true);
    await tool('nbdcopy', '--connections=4', server.uri(), at('copied.img'));
    expect(same(at('copied.img'), bytes)).toBe(true);
    expect(server.clients).toBe(0);
    expect(server.stats).toMatchObject({ errors: 0 });
  });
});

const withoutAll = missingTools('mkfs.ext4', 'e2fsck', 'qemu-img', 'nbdcopy');
describe.skipIf(withoutAll !== undefined)('a filesystem', () => {
  it('that is put there through the server is sound, and the image below has nothing of it', async () => {
    const empty = new Uint8Array(32 * MIB);
    const overlay = new OverlayDevice(image('empty.img', empty), new FilePages());
    onTestFinished(() => overlay.close());
    const server = await serve(overlay);
    writeFileSync(at('made.img'), empty);
    await tool('mkfs.ext4', '-q', '-F', at('made.img'));
    await tool('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', at('made.img'), server.uri());
    await tool('nbdcopy', server.uri(), at('fetched.img'));
    expect(await tool('e2fsck', '-fn', at('fetched.img'))).toContain('Pass 5');
    expect(same(at('fetched.img'), readFileSync(at('made.img')))).toBe(true);
    expect(same(at('empty.img'), empty)).toBe(true);
  });
});

