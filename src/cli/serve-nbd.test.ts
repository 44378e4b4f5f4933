import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTools, run } from '../engines/testing/tools.ts';
import { buildClutch, clutch, IMAGE_SIZE, makeDisk, makeExt4, makeTree, missingMke2fs, type Serving, serving, workFolder } from './testing.ts';

const folder = workFolder();
const at = (name: string): string => join(folder, name);
const missing = missingMke2fs() ?? missingTools('qemu-img', 'qemu-io', 'nbdcopy', 'e2fsck');
const SECOND = (1 << 20) + IMAGE_SIZE;

beforeAll(() => {
  buildClutch();
  if (missing !== undefined) return;
  mkdirSync(at('tree'));
  makeTree(at('tree'));
  makeExt4(at('one.ext4'), at('tree'), 'one', '11111111-2222-4333-8444-555555555555');
  makeExt4(at('two.ext4'), at('tree'), 'two', '11111111-2222-4333-8444-666666666666');
  makeDisk(at('disk.img'), [at('one.ext4'), at('two.ext4')]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const serve = (...args: readonly string[]): Promise<Serving> => serving('serve-nbd', ...args);

/** A fresh copy of the disk, which a test may change. */
function disk(name: string): string {
  writeFileSync(at(name), readFileSync(at('disk.img')));
  return at(name);
}

describe.skipIf(missing !== undefined)('clutch serve-nbd', () => {
  it('serves a volume for reading, until Ctrl-C', async () => {
    const served = await serve(at('disk.img'), '--part', 'two');
    const socket = /^nbd\+unix:\/\/\/\?socket=(.+)$/.exec(served.line)![1]!;
    run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', served.line, at('two.ext4')]);
    expect(() => run('qemu-io', ['-f', 'raw', '-c', 'write 0 4k', served.line])).toThrow(/permission denied|read-only/i);
    expect(await served.end('SIGINT')).toMatchObject({ status: 0, err: expect.stringContaining('for reading;') as string });
    expect(existsSync(dirname(socket))).toBe(false);
  });

  it('serves what is in a packed image, at a port, until the last program has gone', async () => {
    writeFileSync(at('disk.img.gz'), gzipSync(readFileSync(at('disk.img'))));
    const served = await serve(at('disk.img.gz'), '--port', '0', '--once');
    expect(served.line).toMatch(/^nbd:\/\/127\.0\.0\.1:\d+\/$/);
    run('nbdcopy', [served.line, at('unpacked.img')]);
    expect((await served.end()).status).toBe(0);
    expect(Buffer.compare(readFileSync(at('unpacked.img')), readFileSync(at('disk.img')))).toBe(0);
  });

  it('tells of a client that means harm without doing what it says: any account may connect to a port', async () => {
    const served = await serve(at('disk.img'), '--port', '0');
    const socket = connect(Number(/:(\d+)\//.exec(served.line)![1]), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'data');
    // Flags of the handshake, then the oldest way in: NBD_OPT_EXPORT_NAME with a name that would change the terminal's title.
    const name = Buffer.from('\u001b]0;owned\u0007\r\n\u009b2Jgone');
    const option = Buffer.alloc(20);
    option.writeUInt32BE(1, 0);
    option.write('IHAVEOPT', 4);
    option.writeUInt32BE(1, 12);
    option.writeUInt32BE(name.length, 16);
    socket.resume().write(Buffer.concat([option, name]));
    await once(socket, 'close');
    const { status, err } = await served.end('SIGINT');
    expect(status).toBe(0);
    expect(err).toContain('\\x1b]0;owned\\x07');
    // Line feeds are ours.
    for (const acting of ['\u001b', '\u0007', '\r', '\u009b']) expect(err).not.toContain(acting);
  });

  it('applies what was written when it ends, all at once, and to the volume alone', async () => {
    const image = disk('staged.img');
    const before = readFileSync(image);
    clutch('mkfs', at('new.ext4'), '--size', `${IMAGE_SIZE >> 10}K`, '--label', 'new');
    const served = await serve(image, '--part', '2', '--write', '--socket', at('staged.sock'));
    expect(served.line).toBe(`nbd+unix:///?socket=${at('staged.sock')}`);
    run('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', at('new.ext4'), served.line]);
    expect(Buffer.compare(readFileSync(image), before)).toBe(0);
    // Nobody else may write meanwhile.
    expect(clutch('serve-nbd', image, '--write')).toMatchObject({ status: 1, err: expect.stringContaining('used by another program') as string });
    expect(await served.end('SIGTERM')).toMatchObject({ status: 0, err: expect.stringMatching(/were applied\n$/) as string });
    const after = readFileSync(image);
    expect(Buffer.compare(after.subarray(0, SECOND), before.subarray(0, SECOND))).toBe(0);
    expect(Buffer.compare(after.subarray(SECOND), readFileSync(at('new.ext4')))).toBe(0);
    writeFileSync(at('second.img'), after.subarray(SECOND));
    expect(run('e2fsck', ['-fn', at('second.img')])).toContain('Pass 5');
    expect(existsSync(at('staged.sock'))).toBe(false);
  });

  it('changes exactly what was written, and nothing when nothing was', async () => {
    const image = disk('exact.img');
    const expected = readFileSync(image);
    const idle = await serve(image, '--write', '--once');
    run('qemu-io', ['-f', 'raw', '-c', 'read 0 4k', idle.line]);
    expect(await idle.end()).toMatchObject({ status: 0, err: expect.stringContaining('nothing was written') as string });
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
    const served = await serve(image, '--write', '--once');
    run('qemu-io', ['-f', 'raw', '-c', `write -P 0x5a ${SECOND + IMAGE_SIZE - 8192} 777`, served.line]);
    expect((await served.end()).status).toBe(0);
    expected.fill(0x5a, SECOND + IMAGE_SIZE - 8192, SECOND + IMAGE_SIZE - 8192 + 777);
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
  });

  it('keeps what was written as a new image where it can\'t be applied', async () => {
    const image = disk('touched.img');
    const expected = readFileSync(image);
    const served = await serve(image, '--write');
    run('qemu-io', ['-f', 'raw', '-c', `write -P 0x5a ${SECOND} 4k`, served.line]);
    utimesSync(image, 1, 1);
    expect(await served.end('SIGINT')).toMatchObject({ status: 1, err: expect.stringContaining(`with the changes is ${image}.changed`) as string });
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
    expected.fill(0x5a, SECOND, SECOND + 4096);
    expect(Buffer.compare(readFileSync(`${image}.changed`), expected)).toBe(0);
  });

  it('applies what was written where its terminal is closed while a program is connected', async () => {
    const image = disk('closed.img');
    const expected = readFileSync(image);
    const served = await serve(image, '--write', '--socket', at('closed.sock'));
    run('qemu-io', ['-f', 'raw', '-c', `write -P 0x5a ${SECOND} 4k`, served.line]);
    const program = connect(at('closed.sock'));
    program.on('error', () => {});
    // It says something first.
    await once(program, 'data');
    served.hangUp();
    await served.end('SIGHUP');
    expected.fill(0x5a, SECOND, SECOND + 4096);
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
  });

  it('leaves the image as it was when it is killed', async () => {
    const image = disk('killed.img');
    const served = await serve(image, '--write');
    run('qemu-io', ['-f', 'raw', '-c', 'write -P 1 0 1M', '-c', 'flush', served.line]);
    await served.end('SIGKILL');
    expect(Buffer.compare(readFileSync(image), readFileSync(at('disk.img')))).toBe(0);
  });

  it('writes to the image at once when it is told', async () => {
    const image = disk('direct.img');
    const expected = readFileSync(image);
    const served = await serve(image, '--part', 'two', '--write', '--direct');
    run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x77 4000k 4k', '-c', 'flush', served.line]);
    expected.fill(0x77, SECOND + 4000 * 1024, SECOND + 4004 * 1024);
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
    await served.end('SIGINT');
    expect(Buffer.compare(readFileSync(image), expected)).toBe(0);
  });

  it('says why it does not serve', () => {
    expect(clutch('serve-nbd', at('none.img'))).toMatchObject({ status: 1, out: '' });
    expect(clutch('serve-nbd', at('disk.img'), '--direct')).toMatchObject({ status: 2, out: '', err: expect.stringContaining('--write --direct') as string });
    expect(clutch('serve-nbd', at('disk.img'), '--port', '1', '--socket', 'x')).toMatchObject({ status: 2, out: '' });
    expect(clutch('serve-nbd', at('disk.img'), '--port', '70000')).toMatchObject({ status: 2, out: '' });
    expect(clutch('serve-nbd', at('disk.img'), '--part', 'nine')).toMatchObject({ status: 2, out: '' });
    expect(clutch('serve-nbd', at('disk.img'), '--socket', at('disk.img'))).toMatchObject({ status: 1, out: '', err: expect.stringContaining('is there already') as string });
    writeFileSync(at('packed.gz'), gzipSync(readFileSync(at('one.ext4'))));
    for (const how of [['--write'], ['--write', '--direct']]) expect(clutch('serve-nbd', at('packed.gz'), ...how)).toMatchObject({ status: 3, out: '' });
  });
});
