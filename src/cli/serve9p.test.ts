import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileSystem } from '../engines/core/filesystem.ts';
import { connect9p, open9pFileSystem } from '../engines/protocols/ninep/index.ts';
import { missingTools, run } from '../engines/testing/tools.ts';
import { streamChannel } from '../host/channels.ts';
import { buildClutch, clutch, IMAGE_SIZE, makeDisk, makeExt4, makeTree, missingMke2fs, type Serving, serving, workFolder } from './testing.ts';

const folder = workFolder();
const at = (name: string): string => join(folder, name);
const missing = missingMke2fs() ?? missingTools('e2fsck');
const missingDiodls = missingTools('diodls', 'diodcat');

beforeAll(() => {
  buildClutch();
  if (missing !== undefined) return;
  mkdirSync(at('tree'));
  makeTree(at('tree'));
  makeExt4(at('one.ext4'), at('tree'), 'one', '11111111-2222-4333-8444-555555555555');
  makeDisk(at('disk.img'), [at('one.ext4')]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const serve = (...args: readonly string[]): Promise<Serving> => serving('serve9p', ...args);

/** Connects where a mount's command line says. */
async function open(line: string, write = false): Promise<FileSystem> {
  const unix = /^mount -t 9p -o trans=unix,version=9p2000\.L,msize=\d+ (\S+) DIR$/.exec(line)?.[1];
  const port = /^mount -t 9p -o trans=tcp,port=(\d+),version=9p2000\.L,msize=\d+ 127\.0\.0\.1 DIR$/.exec(line)?.[1];
  const socket = unix === undefined ? connect(Number(port), '127.0.0.1') : connect(unix);
  await once(socket, 'connect');
  const client = await connect9p(streamChannel(socket), { aname: '/', peer: 'clutch', msize: 1 << 20 });
  return open9pFileSystem(client, { format: '9p', label: '', uuid: '', details: [], write });
}

async function textOf(fs: FileSystem, ...path: readonly string[]): Promise<string> {
  let node = fs.root;
  for (const name of path) node = (await fs.lookup(node, name))!;
  const bytes = new Uint8Array((await fs.stat(node)).size);
  await fs.read(node, 0, bytes);
  return Buffer.from(bytes).toString('latin1');
}

/** A fresh copy of the disk, which a test may change. */
function disk(name: string): string {
  writeFileSync(at(name), readFileSync(at('disk.img')));
  return at(name);
}

function expectSound(image: string): void {
  writeFileSync(`${image}.volume`, readFileSync(image).subarray(1 << 20, (1 << 20) + IMAGE_SIZE));
  expect(run('e2fsck', ['-fn', `${image}.volume`])).toContain('Pass 5');
}

describe.skipIf(missing !== undefined)('clutch serve9p', () => {
  it('serves a volume for reading at a socket that only this account can reach, until Ctrl-C', async () => {
    const served = await serve(at('disk.img'), '--part', 'one');
    const socket = /version=9p2000\.L,msize=\d+ (\S+) DIR$/.exec(served.line)![1]!;
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
    const fs = await open(served.line, true);
    expect(await textOf(fs, 'etc', 'fstab')).toBe('/dev/sda1 / ext4 defaults 0 1\n');
    await expect((async () => fs.writer!.create(fs.root, 'new', { mode: 0o644 }))()).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EROFS' } });
    expect(await served.end('SIGINT')).toMatchObject({ status: 0, err: expect.stringMatching(/for reading;[^]*was cut off/) as string });
    expect(existsSync(dirname(socket))).toBe(false);
  });

  it('applies what was written when it ends, all at once', async () => {
    const image = disk('staged.img');
    const before = readFileSync(image);
    const served = await serve(image, '--write', '--port', '0', '--once');
    const fs = await open(served.line, true);
    const node = await fs.writer!.create(fs.root, 'new', { mode: 0o600 });
    await fs.writer!.write(node, 0, Buffer.from('written by 9P\n'));
    await fs.writer!.sync();
    expect(Buffer.compare(readFileSync(image), before)).toBe(0);
    // Nobody else may write meanwhile.
    expect(clutch('serve9p', image, '--write')).toMatchObject({ status: 1, err: expect.stringContaining('used by another program') as string });
    await fs.close();
    expect(await served.end()).toMatchObject({ status: 0, err: expect.stringMatching(/were applied\n$/) as string });
    expect(clutch('cat', image, '/new')).toMatchObject({ status: 0, out: 'written by 9P\n' });
    expectSound(image);
  });

  it('leaves the image as it was when nothing was written, and when it is killed', async () => {
    const image = disk('killed.img');
    const expected = readFileSync(image);
    const idle = await serve(image, '--write', '--once');
    await (await open(idle.line)).close();
    expect((await idle.end()).status).toBe(0);
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
    const served = await serve(image, '--write', '--socket', at('killed.sock'));
    const fs = await open(served.line, true);
    await fs.writer!.mkdir(fs.root, 'lost', { mode: 0o755 });
    await fs.writer!.sync();
    await served.end('SIGKILL');
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
  });

  it('writes to the image at once when it is told', async () => {
    const image = disk('direct.img');
    const served = await serve(image, '--write', '--direct');
    const fs = await open(served.line, true);
    const node = await fs.writer!.create(fs.root, 'new', { mode: 0o600 });
    await fs.writer!.write(node, 0, Buffer.from('at once\n'));
    await fs.writer!.sync();
    expect(clutch('cat', image, '/new')).toMatchObject({ out: 'at once\n' });
    await fs.close();
    expect((await served.end('SIGTERM')).status).toBe(0);
    expectSound(image);
  });

  it.skipIf(missingDiodls !== undefined)("is read by diod's own programs", async () => {
    const served = await serve(at('disk.img'), '--port', '0');
    const port = /port=(\d+)/.exec(served.line)![1]!;
    expect(run('diodls', ['-s', `127.0.0.1:${port}`, '-a', '/', 'etc']).split(/\s+/)).toEqual(expect.arrayContaining(['fstab', 'passwd']));
    expect(run('diodcat', ['-s', `127.0.0.1:${port}`, '-a', '/', 'etc/fstab'])).toBe('/dev/sda1 / ext4 defaults 0 1\n');
    await served.end('SIGINT');
  });

  it('says why it does not serve', () => {
    expect(clutch('serve9p', at('none.img'))).toMatchObject({ status: 1, out: '' });
    expect(clutch('serve9p', at('disk.img'), '--direct')).toMatchObject({ status: 2, out: '', err: expect.stringContaining('--write --direct') as string });
    expect(clutch('serve9p', at('disk.img'), '--port', '1', '--socket', 'x')).toMatchObject({ status: 2, out: '' });
    expect(clutch('serve9p', at('disk.img'), '--part', 'nine')).toMatchObject({ status: 2, out: '' });
    expect(clutch('serve9p', at('disk.img'), '--socket', at('disk.img'))).toMatchObject({ status: 1, out: '', err: expect.stringContaining('is there already') as string });
  });
});
